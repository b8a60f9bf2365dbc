# Every task by one word; what a task does is in deploy/dev. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help up down reset migrate demo chat test check fmt lint deny chart images images-test images-again docs bench fuzz verify drill verify-broken watch kube kube-up kube-down deb deb-test

help: ## list the tasks
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## start Postgres, Redis, two gateways behind HAProxy and two workers; Ctrl-C stops them (DETACH=1: in the background)
	@deploy/dev/cluster up

down: ## stop what `make up` started, from any shell
	@deploy/dev/cluster down

reset: ## delete the data, logs, ports and key of `make up` (YES=1 stops a running cluster first)
	@deploy/dev/cluster reset

migrate: ## bring the database of DATABASE_URL, or of the running cluster, up to date
	@deploy/dev/cluster migrate

demo: ## two people talk while a cluster of their own is killed piece by piece
	@deploy/dev/cluster demo

chat: ## talk to the running cluster from this terminal
	@deploy/dev/cluster chat

test: ## everything that CI runs; installs what it needs
	@deploy/dev/test all

check: ## the part of it that needs no services: format, lints, dependencies, types of the page, generated references
	@deploy/dev/test check

fmt: ## format the code
	@cargo fmt --all

lint: ## clippy and shellcheck
	@deploy/dev/test lint

deny: ## licences, sources and who may depend on what, with every warning
	@deploy/dev/test deny

chart: ## render, lint and test the Helm chart, without a cluster (UPDATE_DOCS=1 writes what is made from it)
	@deploy/dev/test chart

images: ## the images of the programs, as archives in target/images (ARCH="amd64 arm64": for both)
	@deploy/images/build $(ARCH)

images-test: ## makes them and tries them: small, alone, talking, signed, on dockerd
	@deploy/images/test whole $(ARCH)

images-again: ## makes them once more, from a clone in another place; their digests must be equal
	@deploy/images/test again

docs: ## regenerate the references that are made from code
	@deploy/dev/docs write

verify: ## each promise under faults, in short; SECONDS=60 SEED=7 PROMISE=chaos for more
	@LENGTH="$(SECONDS)" SEED="$(SEED)" PROMISE="$(PROMISE)" OLD="$(OLD)" deploy/dev/verify run

drill: ## back up, restore to a moment, forget each step once
	@PROMISE=restore deploy/dev/verify run

verify-broken: ## builds that break promises on purpose; each must be caught
	@deploy/dev/verify broken

watch: ## dashboards and alerts against a real Prometheus and Alertmanager, on a cluster under load that then breaks
	@deploy/dev/watch

kube: ## a Kubernetes of three nodes in namespaces, and Confab in it: upgrades, drains, nodes that die; as root
	@deploy/kube/kube test

kube-up: ## the same Kubernetes, empty, until `make kube-down`
	@deploy/kube/kube up

kube-down: ## end it, and all that it left
	@deploy/kube/kube down

deb: ## the Debian package of both programs, with units of systemd
	@deploy/debian/build

deb-test: ## a Debian in namespaces, and the package in it: install, talk, upgrade under load, reboot, purge; as root
	@deploy/debian/test

bench: ## benchmarks of the hot path
	@cargo bench --workspace --locked

fuzz: ## fuzz the decoders, each target for FUZZ_SECONDS (60); needs nightly Rust and cargo-fuzz
	@deploy/dev/fuzz

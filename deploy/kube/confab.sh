# shellcheck shell=bash
# What Confab needs in the cluster of `make kube`: its programs as images, stores outside of it, the release. Sourced, never run.

readonly RELEASE=talk VALUES=$KUBE/config/values.yaml STORES=stores.default.svc.cluster.local
readonly MADE=docker.io/library # how `make images` calls what it makes
NAMESPACE=chat # of what is spoken of; its database is called as it is

# Finds the programs, or builds them as the tests do. With IMAGES those that `make images` made are installed, and do the rest, too.
ensure_confab() {
    ensure_postgres && ensure_redis && ensure_haproxy || return
    have jq || install_packages jq || return
    if [[ -n ${IMAGES:-} ]]; then
        CONFAB_BIN_DIR=$ROOT/target/images/programs/$(arch_of_here)
        [[ -x $CONFAB_BIN_DIR/loadtest ]] || refuse "there are no images for this machine in target/images: make images"
    fi
    [[ -z ${CONFAB_BIN_DIR:-} ]] || return 0
    ensure_compiler
    build_page || say "the gateways have no page"
    cargo build --workspace --bins --locked --quiet && CONFAB_BIN_DIR=$ROOT/target/debug
}
ensure_earlier() { [[ -n ${CONFAB_OLD_BIN_DIR:-} ]] || CONFAB_OLD_BIN_DIR=$("$ROOT/deploy/dev/earlier" ${OLD:+"$OLD"}); }

# Versions 1 and 2 are the same programs, so that an upgrade has something to replace; 0 is the earlier one, and 3 ends as it starts.
make_confab_images() {
    local user=10001:10001 node loading=()
    image_of_program confab.local/confab-gateway:0 "$CONFAB_OLD_BIN_DIR/gateway" "$user"
    image_of_program confab.local/confab-worker:0 "$CONFAB_OLD_BIN_DIR/worker" "$user" '["run"]'
    if [[ -n ${IMAGES:-} ]]; then
        cp "$ROOT"/target/images/confab-*.tar "$ARCHIVES"
    else
        image_of_program "$MADE/confab-gateway:1" "$CONFAB_BIN_DIR/gateway" "$user"
        image_of_program "$MADE/confab-worker:1" "$CONFAB_BIN_DIR/worker" "$user" '["run"]'
        image_of_program "$MADE/confab-loadtest:1" "$CONFAB_BIN_DIR/loadtest" "$user"
    fi
    image_of_program confab.local/confab-gateway:3 "$(type -P false)" "$user"
    image_of_program confab.local/haproxy:1 "$CONFAB_HAPROXY"
    make_postgres_image
    for node in "${NODES[@]}"; do
        load_images "$node" &
        loading+=($!)
    done
    for node in "${loading[@]}"; do wait "$node" || return; done
}
# What stands in for the official image of Postgres where the chart dumps and reads dumps: the same commands, of Debian.
make_postgres_image() {
    local name commands=("$CONFAB_PG_BIN"/{pg_dump,pg_restore,psql})
    for name in bash date head ls mv rm xargs; do commands+=("$(type -P "$name")"); done
    image_of_commands confab.local/postgres:1 "${commands[@]}"
}
# load_images N: into the containerd of a node.
load_images() {
    local archive image tag images=(on_node "$1" ctr --address /run/containerd.sock --namespace k8s.io images)
    for archive in "$ARCHIVES"/*.tar; do "${images[@]}" import "$archive" >/dev/null || return; done
    for image in $("${images[@]}" list --quiet | grep "^$MADE/confab-"); do
        for tag in 1 2; do "${images[@]}" tag --force "$image" "confab.local/$(basename "${image%:*}"):$tag" >/dev/null || return; done
    done
}

# Postgres and Redis, whose data goes with them.
start_stores() {
    local drop=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
    outside mkdir -p /run/stores && outside mount -t tmpfs tmpfs /run/stores && outside chown nobody /run/stores || return
    outside "${drop[@]}" "$CONFAB_PG_BIN/initdb" -D /run/stores/postgres -U confab --encoding=UTF8 --locale=C.UTF-8 \
        --auth=trust >"$LOGS/initdb.log" || return
    outside sh -c "echo 'host all all 10.0.0.0/8 trust' >>/run/stores/postgres/pg_hba.conf"
    in_background postgres "${drop[@]}" "$CONFAB_PG_BIN/postgres" -D /run/stores/postgres -c listen_addresses='*' \
        -c max_connections=200 -c unix_socket_directories=/run/stores -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 \
        -c tcp_keepalives_count=3 -c tcp_user_timeout=20s
    in_background redis "${drop[@]}" "$CONFAB_REDIS_SERVER" --bind "$OUTSIDE" --protected-mode no --save '' --dir /run/stores
    sed "s/@OUTSIDE@/$OUTSIDE/" "$KUBE/config/stores.yaml" | kubectl apply --filename - >/dev/null &&
        wait_for 20 postgres_does psql --quiet --command='SELECT 1' postgres
}
# postgres_does PROGRAM ARGUMENT…: one of its programs, as who may do everything.
postgres_does() { outside "$CONFAB_PG_BIN/$1" --host=/run/stores --username=confab "${@:2}"; }
empty_redis() {
    # shellcheck disable=SC2016 # it is for the shell outside
    outside bash -c 'exec 3<>"/dev/tcp/$0/6379" && echo FLUSHALL >&3 && read -r -t 10 answer <&3 && [[ $answer == +OK* ]]' "$OUTSIDE"
}

# in_background NAME COMMAND…: outside, until the end of everything.
in_background() {
    local name=$1
    shift
    outside setsid "$@" >"$LOGS/$name.log" 2>&1 </dev/null &
}

# What the autoscaler asks for the connections of gateways.
start_adapter() {
    in_background adapter "$TOOLS/bin/adapter" --kubeconfig="$PKI/admin.kubeconfig" --listen="$OUTSIDE:6443" \
        --certificate="$PKI/adapter.crt" --key="$PKI/adapter.key"
    sed "s/@OUTSIDE@/$OUTSIDE/; s/@CA@/$(base64 -w0 "$PKI/ca.crt")/" "$KUBE/config/adapter.yaml" | kubectl apply -f - >/dev/null &&
        wait_for 60 kubectl get --raw /apis/custom.metrics.k8s.io/v1beta1
}

# release COMMAND ARGUMENT…: helm on the release.
release() {
    local command=$1
    shift
    helm "$command" "$RELEASE" "$@" --namespace "$NAMESPACE" 2>>"$LOGS/helm.log"
}

# install_confab CHART TAG: into a namespace that takes only pods that keep the Pod Security Standard `restricted`, and an empty database.
install_confab() {
    # shellcheck disable=SC2046 # flags are words
    postgres_does createdb "$NAMESPACE" && kubectl create namespace "$NAMESPACE" >/dev/null &&
        kubectl label namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null &&
        kubectl --namespace "$NAMESPACE" create secret generic confab >/dev/null \
            --from-literal=CONFAB_CLUSTER_KEY="$(openssl rand -hex 32)" \
            --from-literal=REDIS_URL="redis://$STORES:6379" \
            --from-literal=DATABASE_URL="postgres://confab@$STORES/$NAMESPACE" &&
        release install "$1" --values "$VALUES" $(version "$2") --wait --timeout 5m >/dev/null
}
# version TAG: the flags that choose it, and what an earlier one refuses. The load is small, and so is an excess of it.
version() {
    echo "--set-string test.image.tag=1,worker.image.tag=$1,gateway.image.tag=$1"
    (($1 == 0)) || echo "--set gateway.config.CONFAB_RELIEF_LEAST=10"
}
pods() { kubectl --namespace "$NAMESPACE" get pods --selector "app.kubernetes.io/component=$1" "${@:2}"; }

# syntax=docker/dockerfile:1
# The gateway with its page. Build from the top of the repository: docker build -f deploy/docker/gateway.Dockerfile .

FROM node:22-bookworm-slim AS page
WORKDIR /src/gateway/web
COPY gateway/web .
RUN --mount=type=cache,target=/root/.npm npm ci && npm run build

FROM rust:1.95.0-bookworm AS build
# The image's own toolchain, so that rustup downloads nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
# The gateway's build takes it up.
COPY --from=page /src/gateway/web/dist gateway/web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --bin gateway \
    && cp target/dist/gateway /usr/local/bin/gateway

FROM debian:bookworm-slim
# The distribution's newest certificates are wanted, not those of one day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin confab
COPY --chmod=755 deploy/docker/healthcheck /usr/local/bin/healthcheck
COPY --from=build /usr/local/bin/gateway /usr/local/bin/gateway
USER 10001
ENV CONFAB_LISTEN=0.0.0.0:8080 \
    CONFAB_OPS_LISTEN=0.0.0.0:9100
EXPOSE 8080 9100
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["healthcheck", "/healthz"]
# A socket takes a file: as many as the runtime allows, which may begin with 1024.
ENTRYPOINT ["/bin/sh", "-c", "ulimit -Sn \"$(ulimit -Hn)\" && exec gateway \"$@\"", "gateway"]

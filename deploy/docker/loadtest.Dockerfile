# syntax=docker/dockerfile:1
# The load tester, which `helm test` runs. Build from the top of the repository: docker build -f deploy/docker/loadtest.Dockerfile .

FROM rust:1.95.0-bookworm AS build
# The image's own toolchain, so that rustup downloads nothing.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked --bin loadtest \
    && cp target/dist/loadtest /usr/local/bin/loadtest

FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/loadtest /usr/local/bin/loadtest
USER 10001:10001
ENTRYPOINT ["loadtest"]

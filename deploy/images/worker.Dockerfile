# The worker's image: docker build -f deploy/images/worker.Dockerfile -t ghcr.io/offtake/worker:0.1.0 .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p offtake-worker --bin offtake \
    && cp target/release/offtake /offtake \
    && strip --strip-debug /offtake

# Glibc, the certificates of public authorities, and no shell. The user is 65532; /data is the volume, /tmp an empty directory.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /offtake /usr/local/bin/offtake
USER 65532:65532
EXPOSE 7654 7655
ENTRYPOINT ["/usr/local/bin/offtake"]

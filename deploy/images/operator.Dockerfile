# The operator's image: docker build -f deploy/images/operator.Dockerfile -t ghcr.io/offtake/operator:0.1.0 .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Without the worker's crates: DataFusion and the engine are no part of the operator.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --config profile.release.package.offtake-operator.opt-level=2 -p offtake-operator --bin offtake-operator \
    && cp target/release/offtake-operator /offtake-operator \
    && strip --strip-debug /offtake-operator

# Glibc, the certificates of public authorities, and no shell. The user is 65532.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /offtake-operator /usr/local/bin/offtake-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/offtake-operator"]

# The service's image: one static binary, and the little that a static binary needs.

# The manifests alone, every source emptied: what a build of the dependencies depends on.
FROM rust:1.95.0-slim-bookworm AS manifests
WORKDIR /picus
COPY . .
RUN find . ! -type d ! -name 'Cargo.*' ! -name lib.rs ! -name main.rs ! -path '*/benches/*' -delete && \
    find . -type d -empty -delete && \
    echo 'fn main() {}' >/empty.rs && \
    find . -name '*.rs' -exec cp /empty.rs {} \;

# The dependencies, compiled. This stage's key is the content of what is copied, which is the same until
# a manifest changes.
FROM rust:1.95.0-slim-bookworm AS dependencies
WORKDIR /picus
# Static, so that the image needs no libc. Naming the target keeps the flag off the build scripts.
ENV CARGO_BUILD_TARGET=host-tuple RUSTFLAGS="-C target-feature=+crt-static"
COPY --from=manifests /picus .
RUN cargo build --profile deploy --locked --package picus-service

FROM dependencies AS build
COPY . .
# What was compiled from empty files is newer than the sources; touched, these are newer still.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + && \
    cargo build --profile deploy --locked --package picus-service && \
    mv target/*/deploy/picus-service /picus-service

# Certificates, users, the way names are resolved; no shell, no libc. Its user is `nonroot`.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="picus-service" \
      org.opencontainers.image.description="Keeps JSON objects in DynamoDB: list, put, get" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
COPY --from=build /picus-service /usr/local/bin/picus-service
# By number: whoever must know that it is not root can tell from the image alone.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/picus-service", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/picus-service"]

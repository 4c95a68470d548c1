# The service's image: one static binary, certificates and a user.

# Only the manifests, with empty sources: the input of the dependencies' build.
FROM rust:1.95.0-slim-bookworm AS manifests
WORKDIR /picus
COPY . .
RUN find . ! -type d ! -name 'Cargo.*' ! -name lib.rs ! -name main.rs ! -path '*/benches/*' -delete && \
    find . -type d -empty -delete && \
    echo 'fn main() {}' >/empty.rs && \
    find . -name '*.rs' -exec cp /empty.rs {} \;

# Compiles the dependencies. The copied files are this stage's cache key, so it runs again only if a manifest
# changes.
FROM rust:1.95.0-slim-bookworm AS dependencies
WORKDIR /picus
# Static, so that the image needs no libc. Naming the target keeps the flag off the build scripts.
ENV CARGO_BUILD_TARGET=host-tuple RUSTFLAGS="-C target-feature=+crt-static"
COPY --from=manifests /picus .
RUN cargo build --profile deploy --locked --package picus-service

FROM dependencies AS build
COPY . .
# Cargo rebuilds a crate if its sources are newer than its output. The output from the empty files is newer than
# the copied sources, so these are touched.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + && \
    cargo build --profile deploy --locked --package picus-service && \
    mv target/*/deploy/picus-service /picus-service

# Has certificates, users and nsswitch.conf, but no shell and no libc. Its user is `nonroot`.
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
# By number, so that platforms can see from the image that the user is not root.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/picus-service", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/picus-service"]

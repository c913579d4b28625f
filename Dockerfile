# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS builder
WORKDIR /src
COPY . .
# OpenSSL is built from source into the binary, so the image below needs none of its libraries.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p certmill \
    && install -D -m 0755 target/dist/certmill /out/certmill

# The binary alone: `docker build --target binary --output target/dist .`
FROM scratch AS binary
COPY --from=builder /out/certmill /certmill

FROM debian:12.13-slim
# The newest of each package is wanted: they are security fixes of one Debian release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/certmill --no-create-home certmill \
    && install -d -m 0700 -o 10001 -g 10001 /var/lib/certmill
COPY --from=builder /out/certmill /usr/local/bin/certmill
COPY --chmod=0755 packaging/docker-healthcheck /usr/local/bin/certmill-healthcheck
COPY LICENSE /usr/share/doc/certmill/LICENSE

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="certmill" \
      org.opencontainers.image.description="A certificate service: internal CA, ACME, renewal, revocation" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.licenses="Apache-2.0"

# The built-in OpenSSL looks for trusted roots where it was built; these are the image's.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_DIR=/etc/ssl/certs \
    CERTMILL_DATA_DIR=/var/lib/certmill \
    CERTMILL_LISTEN=0.0.0.0:8080

# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/certmill
# The embedded database, the root key and the admin token. A fleet keeps nothing here.
VOLUME /var/lib/certmill
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 CMD ["certmill-healthcheck"]
ENTRYPOINT ["certmill"]
# Everything in one process with nothing set up. `serve`, `worker` and `migrate` are named where they are wanted.
CMD ["dev"]

# syntax=docker/dockerfile:1

FROM rust:1-bookworm AS builder
WORKDIR /src
COPY . .
# OpenSSL is built from source into the binary, so the image below needs none of its libraries.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p certmill \
    && install -D -m 0755 target/release/certmill /out/certmill

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/certmill --create-home certmill
COPY --from=builder /out/certmill /usr/local/bin/certmill
COPY LICENSE /usr/share/doc/certmill/LICENSE

# The built-in OpenSSL looks for trusted roots where it was built; these are the image's.
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    SSL_CERT_DIR=/etc/ssl/certs

# A number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/certmill
EXPOSE 8080
# Fits `serve`. Workers listen on nothing: switch the check off for them, as compose.yaml does.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--show-error", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["certmill"]
CMD ["serve"]

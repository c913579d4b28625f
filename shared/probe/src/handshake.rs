//! The handshake, up to where the server has shown its certificate and proved that it has the key.

use std::pin::Pin;

use certmill_domain::Endpoint;
use openssl::ssl::{
    Error, Ssl, SslCipherRef, SslContext, SslMethod, SslOptions, SslRef, SslVerifyMode, SslVersion,
};
use tokio_openssl::SslStream;

use crate::metered::Metered;
use crate::{ProbeError, Shown};

/// Certificates that are kept of those that a server sends.
const MOST_CERTIFICATES: usize = 16;
/// Reasons of OpenSSL from this number on are alerts of the peer (`SSL_AD_REASON_OFFSET`).
const ALERTS: i32 = 1000;

/// Shakes hands with the host of the endpoint as the server name.
pub(crate) async fn run(stream: Metered, endpoint: &Endpoint) -> Result<Shown, ProbeError> {
    let context = context()?;
    let mut ssl = Ssl::new(&context)?;
    // An address is no server name (RFC 6066 section 3).
    if endpoint.address().is_none() {
        ssl.set_hostname(&endpoint.host())?;
    }
    let mut stream = SslStream::new(ssl, stream)?;
    match Pin::new(&mut stream).connect().await {
        Ok(()) => shown(stream.ssl()),
        // A server that wants a client's certificate and gets none says so by an alert, after it has shown its own.
        Err(error) if is_alert(&error) && has_proved(stream.ssl()) => shown(stream.ssl()),
        Err(error) => Err(failure(&stream, &error)),
    }
}

/// Every version from TLS 1.0 on and every suite with a certificate, however weak: a look tells what is served, and does not judge how.
fn context() -> Result<SslContext, ProbeError> {
    let mut builder = SslContext::builder(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1))?;
    builder.set_cipher_list("ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0")?;
    builder.set_options(SslOptions::NO_COMPRESSION);
    builder.set_verify(SslVerifyMode::NONE);
    Ok(builder.build())
}

fn shown(ssl: &SslRef) -> Result<Shown, ProbeError> {
    let leaf = ssl.peer_certificate();
    let leaf = leaf.ok_or_else(|| ProbeError::Handshake("the server has no certificate".to_owned()))?;
    let sent = ssl.peer_cert_chain().into_iter().flatten();
    // OpenSSL counts a server's own certificate in.
    let chain =
        sent.skip(1).take(MOST_CERTIFICATES).map(openssl::x509::X509Ref::to_der).collect::<Result<_, _>>()?;
    Ok(Shown { leaf: leaf.to_der()?, chain })
}

fn is_alert(error: &Error) -> bool {
    error.ssl_error().is_some_and(|stack| stack.errors().iter().any(|one| one.reason_code() >= ALERTS))
}

/// Whether the server has proved that it has the key, although the handshake is not over. Where it signs its part of the key
/// exchange, OpenSSL has a master secret only after it has verified that signature. With RSA key exchange (RFC 5246 section
/// 7.4.7.1) the server signs nothing, and we make the secret alone: only its Finished, the end of the handshake, is a proof.
fn has_proved(ssl: &SslRef) -> bool {
    let cipher = ssl.current_cipher().map(SslCipherRef::description).unwrap_or_default();
    let signs = cipher.split_whitespace().any(|word| matches!(word, "Kx=DH" | "Kx=ECDH" | "Kx=any"));
    signs && ssl.session().is_some_and(|session| session.master_key_len() > 0)
}

fn failure(stream: &SslStream<Metered>, error: &Error) -> ProbeError {
    if let Some(max_bytes) = stream.get_ref().used_up() {
        return ProbeError::TooMuch { max_bytes };
    }
    if let Some(error) = error.io_error() {
        return ProbeError::Broken(error.kind());
    }
    match error.ssl_error().and_then(|stack| stack.errors().iter().find_map(openssl::error::Error::reason)) {
        Some("unexpected eof while reading") | None => ProbeError::Closed,
        Some(reason) => ProbeError::Handshake(reason.to_owned()),
    }
}

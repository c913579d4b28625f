//! TLS, with a certificate that can be replaced while it is in use.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private};
use openssl::ssl::{AlpnError, Ssl, SslAcceptor, SslMethod, SslOptions, SslVersion, select_next_proto};
use openssl::x509::X509;
use tokio_openssl::SslStream;

use crate::wire::Wire;

/// What is spoken above TLS, the preferred first (RFC 7301).
const PROTOCOLS: &[u8] = b"\x02h2\x08http/1.1";

/// Suites of TLS 1.2: ephemeral keys and authenticated encryption only (NIST SP 800-52r2 section 3.3.1). Those of TLS 1.3
/// all are.
const SUITES: &str = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// A server's side of TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<SslAcceptor>>);

impl Tls {
    /// With this certificate chain, the leaf first, and the leaf's private key.
    ///
    /// # Errors
    /// When OpenSSL refuses them, because they do not belong together for instance.
    pub fn new(chain: &[X509], key: &PKeyRef<Private>) -> Result<Self, ErrorStack> {
        Ok(Self(Arc::new(RwLock::new(acceptor(chain, key)?))))
    }

    /// Takes another certificate for connections from now on; on an error the old one stays.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn replace(&self, chain: &[X509], key: &PKeyRef<Private>) -> Result<(), ErrorStack> {
        let new = acceptor(chain, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(crate) async fn accept(&self, wire: Wire) -> Option<SslStream<Wire>> {
        let ssl = Ssl::new(self.0.read().unwrap_or_else(PoisonError::into_inner).context());
        let mut stream = SslStream::new(ssl.ok()?, wire).ok()?;
        match Pin::new(&mut stream).accept().await {
            Ok(()) => Some(stream),
            Err(error) => {
                tracing::debug!(error = %error, "a TLS handshake failed");
                None
            }
        }
    }
}

fn acceptor(chain: &[X509], key: &PKeyRef<Private>) -> Result<SslAcceptor, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    builder.set_cipher_list(SUITES)?;
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::CIPHER_SERVER_PREFERENCE);
    if let Some((leaf, rest)) = chain.split_first() {
        builder.set_certificate(leaf)?;
        for certificate in rest {
            builder.add_extra_chain_cert(certificate.clone())?;
        }
    }
    builder.set_private_key(key)?;
    builder.check_private_key()?;
    builder.set_alpn_select_callback(|_, offered| {
        select_next_proto(PROTOCOLS, offered).ok_or(AlpnError::ALERT_FATAL)
    });
    Ok(builder.build())
}

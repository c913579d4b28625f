//! TLS, with a certificate that can be replaced while it is in use.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Private, Public};
use openssl::ssl::{
    AlpnError, Ssl, SslAcceptor, SslAcceptorBuilder, SslMethod, SslOptions, SslRef, SslSessionCacheMode,
    SslVerifyMode, SslVersion, select_next_proto,
};
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
pub struct Tls {
    acceptor: Arc<RwLock<SslAcceptor>>,
    clients: ClientCertificates,
}

/// Whether clients are asked for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientCertificates {
    /// They are not.
    #[default]
    Ignored,
    /// They are, and may have none. Which certificate it is, and what it is worth, is for the service to say: see
    /// [`PeerCertificate`].
    Requested,
}

/// The certificate that a client has shown on its connection, kept in the extensions of its requests. Its key has signed the
/// handshake of this very connection; beside that nothing about it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of its DER.
    pub sha256: [u8; 32],
}

impl PeerCertificate {
    pub(crate) fn of(ssl: &SslRef) -> Option<Self> {
        let der = ssl.peer_certificate()?.to_der().ok()?;
        Some(Self { sha256: openssl::sha::sha256(&der) })
    }
}

impl Tls {
    /// With this certificate chain, the leaf first, and the leaf's private key.
    ///
    /// When clients are asked for certificates, sessions are not resumed: each connection proves anew who it is.
    ///
    /// # Errors
    /// When OpenSSL refuses them, because they do not belong together for instance.
    pub fn new(
        chain: &[X509],
        key: &PKeyRef<Private>,
        clients: ClientCertificates,
    ) -> Result<Self, ErrorStack> {
        let acceptor = Arc::new(RwLock::new(acceptor(chain, key, clients)?));
        Ok(Self { acceptor, clients })
    }

    /// Takes another certificate for connections from now on; on an error the old one stays.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn replace(&self, chain: &[X509], key: &PKeyRef<Private>) -> Result<(), ErrorStack> {
        let new = acceptor(chain, key, self.clients)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(crate) async fn accept(&self, wire: Wire) -> Option<SslStream<Wire>> {
        let ssl = Ssl::new(self.acceptor.read().unwrap_or_else(PoisonError::into_inner).context());
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

fn acceptor(
    chain: &[X509],
    key: &PKeyRef<Private>,
    clients: ClientCertificates,
) -> Result<SslAcceptor, ErrorStack> {
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
    if clients == ClientCertificates::Requested {
        request_certificates(&mut builder)?;
    }
    Ok(builder.build())
}

/// Asks for a certificate and takes whatever comes, or nothing. The handshake itself proves possession of the key (RFC 8446
/// §4.4.3, RFC 5246 §7.4.8). No path is built and no issuer's signature is checked, since a stranger would choose how long
/// that takes: of what is sent beside the certificate nothing is used, and there is no trust store.
fn request_certificates(builder: &mut SslAcceptorBuilder) -> Result<(), ErrorStack> {
    builder.set_verify_callback(SslVerifyMode::PEER, |_, path| {
        // Called before the signature of the handshake is looked at.
        let leaf = path.chain().and_then(|chain| chain.get(0)).or(path.current_cert());
        leaf.is_some_and(|leaf| leaf.public_key().is_ok_and(|key| is_quickly_checked(&key)))
    });
    builder.set_verify_depth(0);
    builder.set_options(SslOptions::NO_TICKET);
    builder.set_session_cache_mode(SslSessionCacheMode::OFF);
    builder.set_num_tickets(0)?;
    builder.set_session_id_context(b"certmill")
}

/// The most bits of an RSA key that a client may have: those of the largest that are certified here.
const MOST_RSA_BITS: u32 = 4096;
/// The most bits of its exponent, as for keys that are certified here (FIPS 186-5 §5.1).
const MOST_EXPONENT_BITS: i32 = 256;

/// Whether checking a signature of this key takes no longer than with those that are certified here.
fn is_quickly_checked(key: &PKeyRef<Public>) -> bool {
    if let Ok(rsa) = key.rsa() {
        return key.bits() <= MOST_RSA_BITS && rsa.e().num_bits() <= MOST_EXPONENT_BITS;
    }
    if let Ok(ec) = key.ec_key() {
        let curve = ec.group().curve_name();
        return curve
            .is_some_and(|curve| [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1].contains(&curve));
    }
    key.id() == Id::ED25519
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;

    use super::*;

    fn rsa(bits: i32, exponent: &str) -> PKey<Public> {
        // Nothing here depends on the number being a product of primes.
        let mut modulus = BigNum::new().unwrap();
        modulus.set_bit(bits - 1).unwrap();
        modulus.set_bit(0).unwrap();
        let exponent = BigNum::from_hex_str(exponent).unwrap();
        PKey::from_rsa(Rsa::from_public_components(modulus, exponent).unwrap()).unwrap()
    }

    fn curve(nid: Nid) -> PKey<Public> {
        let group = EcGroup::from_curve_name(nid).unwrap();
        let key = EcKey::generate(&group).unwrap();
        PKey::from_ec_key(EcKey::from_public_key(&group, key.public_key()).unwrap()).unwrap()
    }

    #[test]
    fn keys_whose_signatures_take_long_are_turned_away() {
        let ed25519 = PKey::generate_ed25519().unwrap().raw_public_key().unwrap();
        let ed25519 = PKey::public_key_from_raw_bytes(&ed25519, Id::ED25519).unwrap();
        for (what, key, taken) in [
            ("RSA 2048", rsa(2048, "010001"), true),
            ("RSA 4096", rsa(4096, "010001"), true),
            ("RSA 8192", rsa(8192, "010001"), false),
            ("a long exponent", rsa(2048, &"f1".repeat(200)), false),
            ("P-256", curve(Nid::X9_62_PRIME256V1), true),
            ("P-521", curve(Nid::SECP521R1), true),
            ("a curve without fast code", curve(Nid::BRAINPOOL_P512R1), false),
            ("Ed25519", ed25519, true),
        ] {
            assert_eq!(is_quickly_checked(&key), taken, "{what}");
        }
    }
}

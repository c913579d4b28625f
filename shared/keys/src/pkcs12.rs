//! PKCS #12 (RFC 7292): a private key with its certificate and chain, under a password.

mod safe;

use certmill_x509::ParsedCertificate;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::X509;

use self::safe::Safe;
use crate::{KeyError, PrivateKey};

/// Iterations of each of the three derivations: tens of milliseconds each, for whoever opens the
/// bundle and for whoever guesses its password. Java refuses more than five million, and phones open
/// bundles too, so it is not more.
const ITERATIONS: u32 = 100_000;
/// Larger input is refused. A key with a long chain has some tens of kilobytes.
const LARGEST: usize = 4 << 20;

/// What a bundle holds.
pub struct Bundle {
    /// The private key.
    pub key: PrivateKey,
    /// DER of the key's certificate.
    pub leaf: Vec<u8>,
    /// DER of every other certificate, in the order of the bundle.
    pub chain: Vec<Vec<u8>>,
}

/// How a bundle is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encryption {
    /// AES-256-CBC with PBKDF2 and HMAC-SHA-256, and an HMAC-SHA-256 around it.
    #[default]
    Modern,
    /// Triple DES and an HMAC with SHA-1, by the derivation of PKCS #12 itself: what Windows Server 2016, macOS before 15
    /// and Java before 8u301 open. Its strength is that of the password.
    Compatible,
}

/// Writes a bundle: AES-256-CBC with PBKDF2 and HMAC-SHA-256 for key and certificates, an
/// HMAC-SHA-256 around it, which OpenSSL 1.1, Java 8u301, Windows 10 and macOS 15 and everything
/// newer open. `friendly_name` is what these show. Takes tens of milliseconds several times over:
/// asynchronous code calls it on another thread.
///
/// # Errors
/// [`KeyError::BundleRefused`] for an empty password, NUL in password or name, a certificate that
/// cannot be read and one that is not the key's; [`KeyError::Crypto`].
pub fn write(
    key: &PrivateKey,
    leaf_der: &[u8],
    chain_der: &[&[u8]],
    friendly_name: &str,
    password: &str,
) -> Result<Vec<u8>, KeyError> {
    write_as(key, leaf_der, chain_der, (friendly_name, password), Encryption::Modern)
}

/// The same in an encryption of the caller's choice; name and password come together.
///
/// # Errors
/// Those of [`write()`].
pub fn write_as(
    key: &PrivateKey,
    leaf_der: &[u8],
    chain_der: &[&[u8]],
    (friendly_name, password): (&str, &str),
    encryption: Encryption,
) -> Result<Vec<u8>, KeyError> {
    if password.is_empty() {
        return Err(KeyError::BundleRefused("its password cannot be empty"));
    }
    if password.contains('\0') || friendly_name.contains('\0') {
        return Err(KeyError::BundleRefused("its password and name cannot hold NUL characters"));
    }
    let leaf = certificate(leaf_der)?;
    if !ParsedCertificate::from_der(leaf_der).is_ok_and(|leaf| key.matches(leaf.spki_der())) {
        return Err(KeyError::BundleRefused("its certificate does not belong to its private key"));
    }
    let mut chain = Stack::new()?;
    for der in chain_der {
        chain.push(certificate(der)?)?;
    }
    let secret = PKey::private_key_from_pkcs8(&key.to_pkcs8_der()?)?;
    let (cipher, digest) = match encryption {
        Encryption::Modern => (Nid::AES_256_CBC, MessageDigest::sha256()),
        Encryption::Compatible => (Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC, MessageDigest::sha1()),
    };
    let bundle = Pkcs12::builder()
        .name(friendly_name)
        .pkey(&secret)
        .cert(&leaf)
        .ca(chain)
        .key_algorithm(cipher)
        .cert_algorithm(cipher)
        .key_iter(ITERATIONS)
        .mac_iter(ITERATIONS)
        .mac_md(digest)
        .build2(password)?;
    Ok(bundle.to_der()?)
}

fn certificate(der: &[u8]) -> Result<X509, KeyError> {
    X509::from_der(der).map_err(|_| KeyError::BundleRefused("a certificate for it is not X.509 in DER"))
}

/// Reads a bundle, in DER or BER. The key is checked as by [`PrivateKey::from_pkcs8_der`]; the
/// certificates are not, apart from which one is the key's. Nothing is decrypted that takes more than
/// ten million iterations in all.
///
/// # Errors
/// [`KeyError::InvalidBundle`] for what is not a bundle, and for one without exactly one private key
/// and its certificate; [`KeyError::WrongPassword`], [`KeyError::UnsupportedEncryption`] (such as the
/// 40-bit RC2 of old programs), [`KeyError::ExcessiveWork`]; what is said of keys by
/// [`PrivateKey::from_pkcs8_der`].
pub fn read(bundle: &[u8], password: &str) -> Result<Bundle, KeyError> {
    if bundle.len() > LARGEST {
        return Err(KeyError::InvalidBundle(format!("it has more than {LARGEST} octets").into()));
    }
    let Safe { mut keys, mut certificates, .. } = Safe::open(bundle, password)?;
    let key = match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => key,
        (Some(_), false) => return Err(invalid("it holds several private keys; export one")),
        (None, _) => return Err(invalid("it holds no private key; export the key with its certificate")),
    };
    let is_leaf =
        |der: &Vec<u8>| ParsedCertificate::from_der(der).is_ok_and(|parsed| key.matches(parsed.spki_der()));
    let place = certificates
        .iter()
        .position(is_leaf)
        .ok_or_else(|| invalid("it does not hold the certificate of its private key"))?;
    let leaf = certificates.remove(place);
    Ok(Bundle { key, leaf, chain: certificates })
}

fn invalid(reason: &'static str) -> KeyError {
    KeyError::InvalidBundle(reason.into())
}

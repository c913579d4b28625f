//! Verifying one certificate with its issuer's key.

use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Public},
    rsa::Padding,
    sign::{RsaPssSaltlen, Verifier},
};

use crate::{PublicKey, X509Error, reader::Reader, writer::tag};

use super::{
    Certificate,
    finding::{Code, Flaw},
};

const PKCS1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
const ECDSA: &[u8] = b"\x2a\x86\x48\xce\x3d\x04";
const ED25519: &[u8] = b"\x2b\x65\x70";
const MGF1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08";
const SHA2: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";

/// The public key of a certificate, if it is one that is accepted.
pub(super) fn public_key(spki_der: &[u8]) -> Result<PublicKey, Flaw> {
    PublicKey::from_spki_der(spki_der).map_err(|error| match error {
        X509Error::WeakKey(reason) => Flaw::new(Code::WeakKey, reason),
        X509Error::UnsupportedKey(reason) => Flaw::new(Code::UnsupportedKey, reason),
        other => Flaw::new(Code::UnsupportedKey, format!("its public key cannot be read: {other}")),
    })
}

/// How a certificate was signed.
enum Scheme {
    /// One that [`PublicKey::verify`] knows.
    Plain,
    /// RSASSA-PSS (RFC 4055 §3.1): hash and octets of salt.
    Pss(MessageDigest, i32),
}

/// Whether `child` was signed with `key`.
///
/// # Errors
/// [`Code::SignatureInvalid`] when it was not, [`Code::WeakSignature`] and
/// [`Code::UnsupportedAlgorithm`] when that is not even looked at.
pub(super) fn verify(child: &Certificate, key: &PublicKey) -> Result<(), Flaw> {
    let wrong = || Flaw::new(Code::SignatureInvalid, "it was not signed with the issuer's key");
    let scheme = scheme(&child.signature_algorithm_der)?;
    if scheme.verifies(&child.signature_algorithm_der, &child.tbs_der, &child.signature, key) {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// Whether `signature` over `message` was made with `key`, for what is signed like a certificate:
/// CRLs and OCSP responses.
///
/// # Errors
/// [`X509Error::UnsupportedKey`] when the algorithm is not supported, or stands on a broken hash.
pub(crate) fn is_signed(
    algorithm_der: &[u8],
    message: &[u8],
    signature: &[u8],
    key: &PublicKey,
) -> Result<bool, X509Error> {
    let scheme = scheme(algorithm_der).map_err(|flaw| X509Error::UnsupportedKey(flaw.message))?;
    Ok(scheme.verifies(algorithm_der, message, signature, key))
}

impl Scheme {
    fn verifies(self, algorithm_der: &[u8], message: &[u8], signature: &[u8], key: &PublicKey) -> bool {
        match self {
            // The scheme is a known one, so a refusal means that it does not fit the key.
            Self::Plain => key.verify(algorithm_der, message, signature).unwrap_or(false),
            Self::Pss(digest, salt) => {
                key.algorithm_name() == "rsa"
                    && verify_pss(message, signature, key, (digest, salt)).unwrap_or(false)
            }
        }
    }
}

fn verify_pss(
    message: &[u8],
    signature: &[u8],
    key: &PublicKey,
    (digest, salt): (MessageDigest, i32),
) -> Result<bool, X509Error> {
    let key: PKey<Public> = PKey::public_key_from_der(key.spki_der())?;
    let mut verifier = Verifier::new(digest, &key)?;
    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
    verifier.set_rsa_mgf1_md(digest)?;
    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(salt))?;
    Ok(verifier.verify_oneshot(signature, message)?)
}

fn scheme(algorithm_der: &[u8]) -> Result<Scheme, Flaw> {
    let unreadable = |_| unsupported();
    let mut identifier = Reader::of_sequence(algorithm_der).map_err(unreadable)?;
    let oid = identifier.value(tag::OBJECT_IDENTIFIER).map_err(unreadable)?;
    let weak = |hash: &str| {
        Flaw::new(
            Code::WeakSignature,
            format!("it is signed with {hash}, which is broken; it must be SHA-256 or better"),
        )
    };
    match (oid.strip_prefix(PKCS1), oid.strip_prefix(ECDSA)) {
        (Some([2 | 3]), _) => Err(weak("MD2 or MD4")),
        (Some([4]), _) => Err(weak("MD5")),
        (Some([5]), _) | (_, Some([1])) => Err(weak("SHA-1")),
        (Some([11..=13]), _) | (_, Some([3, 2..=4])) => Ok(Scheme::Plain),
        (Some([10]), _) => {
            let parameters = identifier.raw().map_err(|_| weak("SHA-1"))?;
            pss(parameters).map_err(|_| unsupported())?.ok_or_else(|| weak("SHA-1"))
        }
        _ if oid == ED25519 => Ok(Scheme::Plain),
        _ => Err(unsupported()),
    }
}

fn unsupported() -> Flaw {
    Flaw::new(
        Code::UnsupportedAlgorithm,
        "its signature must be RSA (PKCS #1 v1.5 or PSS) or ECDSA with SHA-256, SHA-384 or SHA-512, or Ed25519",
    )
}

/// `RSASSA-PSS-params`; none for the default hash, which is SHA-1.
fn pss(parameters: &[u8]) -> Result<Option<Scheme>, X509Error> {
    let mut parameters = Reader::of_sequence(parameters)?;
    let Some(hash) = parameters.optional(tag::context_constructed(0))? else {
        return Ok(None);
    };
    let digest = sha2(hash)?;
    let mask = parameters.optional(tag::context_constructed(1))?.unwrap_or_default();
    let mut mask = Reader::of_sequence(mask)?;
    let generator = mask.value(tag::OBJECT_IDENTIFIER)?;
    let mask_digest = sha2(mask.raw()?)?;
    mask.finish()?;
    let salt = match parameters.optional(tag::context_constructed(2))? {
        None => 20,
        Some(contents) => {
            let mut salt = Reader::new(contents)?;
            match salt.unsigned_integer()? {
                [octets] => i32::from(*octets),
                // As long as the modulus permits, which is what openssl takes by default.
                [high, low] => i32::from(u16::from_be_bytes([*high, *low])),
                _ => return Err(refused()),
            }
        }
    };
    // trailerField is 1, and so left out.
    parameters.finish()?;
    if generator != MGF1 || mask_digest.type_() != digest.type_() {
        return Err(refused());
    }
    Ok(Some(Scheme::Pss(digest, salt)))
}

fn sha2(algorithm_der: &[u8]) -> Result<MessageDigest, X509Error> {
    let mut identifier = Reader::of_sequence(algorithm_der)?;
    match identifier.value(tag::OBJECT_IDENTIFIER)?.strip_prefix(SHA2) {
        Some([1]) => Ok(MessageDigest::sha256()),
        Some([2]) => Ok(MessageDigest::sha384()),
        Some([3]) => Ok(MessageDigest::sha512()),
        _ => Err(refused()),
    }
}

fn refused() -> X509Error {
    X509Error::UnsupportedKey("its RSASSA-PSS parameters are not supported".into())
}

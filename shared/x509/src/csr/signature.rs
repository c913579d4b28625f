//! Self-signatures of requests, those on old hashes included.

use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Public},
    sign::Verifier,
};

use super::{RawRequest, not_its_own_key};
use crate::{PublicKey, X509Error, public_key::is_pss, reader::Reader, writer::tag};

/// A signature algorithm that is read on the desk. The self-signature of a request only shows that
/// its maker has the key; it never becomes part of a certificate. That it stands on an old hash is
/// therefore something to know, and no reason to refuse.
pub(super) struct Scheme {
    /// The OpenSSL name, such as `ecdsa-with-SHA256`.
    pub(super) name: &'static str,
    /// The hash when it is weaker than SHA-256.
    pub(super) weak_hash: Option<&'static str>,
    key_type: &'static str,
    digest: Option<MessageDigest>,
}

impl Scheme {
    /// Checks that the request was signed with its own key, and answers how.
    ///
    /// # Errors
    /// [`X509Error::InvalidCsr`] when it was not, or by an algorithm that is not known here or does
    /// not fit the key.
    pub(super) fn verified(request: &RawRequest<'_>, public_key: &PublicKey) -> Result<Self, X509Error> {
        if is_pss(request.algorithm_der) {
            let verified = public_key
                .verify(request.algorithm_der, request.info_der, request.signature)
                .map_err(|error| X509Error::InvalidCsr(error.to_string()))?;
            let scheme = Self { name: "RSASSA-PSS", weak_hash: None, key_type: "rsa", digest: None };
            return if verified { Ok(scheme) } else { Err(not_its_own_key()) };
        }
        let scheme = Self::of(request.algorithm_der)?;
        if scheme.key_type != public_key.algorithm_name() {
            return Err(X509Error::InvalidCsr("its signature algorithm does not fit the key".into()));
        }
        let key: PKey<Public> = PKey::public_key_from_der(request.spki_der)?;
        let mut verifier = match scheme.digest {
            Some(digest) => Verifier::new(digest, &key)?,
            None => Verifier::new_without_digest(&key)?,
        };
        // A signature that is not even well-formed is an error to OpenSSL; to us it is a wrong one.
        if verifier.verify_oneshot(request.signature, request.info_der).unwrap_or(false) {
            Ok(scheme)
        } else {
            Err(not_its_own_key())
        }
    }

    fn of(algorithm_der: &[u8]) -> Result<Self, X509Error> {
        const PKCS1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
        const ECDSA: &[u8] = b"\x2a\x86\x48\xce\x3d\x04";
        const ED25519: &[u8] = b"\x2b\x65\x70";
        let mut identifier = Reader::of_sequence(algorithm_der)?;
        let oid = identifier.value(tag::OBJECT_IDENTIFIER)?;
        let (name, key_type, digest, weak_hash) = match (oid.strip_prefix(PKCS1), oid.strip_prefix(ECDSA)) {
            (Some([4]), _) => ("md5WithRSAEncryption", "rsa", Some(MessageDigest::md5()), Some("MD5")),
            (Some([5]), _) => ("sha1WithRSAEncryption", "rsa", Some(MessageDigest::sha1()), Some("SHA-1")),
            (Some([14]), _) => {
                ("sha224WithRSAEncryption", "rsa", Some(MessageDigest::sha224()), Some("SHA-224"))
            }
            (Some([11]), _) => ("sha256WithRSAEncryption", "rsa", Some(MessageDigest::sha256()), None),
            (Some([12]), _) => ("sha384WithRSAEncryption", "rsa", Some(MessageDigest::sha384()), None),
            (Some([13]), _) => ("sha512WithRSAEncryption", "rsa", Some(MessageDigest::sha512()), None),
            (_, Some([1])) => ("ecdsa-with-SHA1", "ec", Some(MessageDigest::sha1()), Some("SHA-1")),
            (_, Some([3, 1])) => ("ecdsa-with-SHA224", "ec", Some(MessageDigest::sha224()), Some("SHA-224")),
            (_, Some([3, 2])) => ("ecdsa-with-SHA256", "ec", Some(MessageDigest::sha256()), None),
            (_, Some([3, 3])) => ("ecdsa-with-SHA384", "ec", Some(MessageDigest::sha384()), None),
            (_, Some([3, 4])) => ("ecdsa-with-SHA512", "ec", Some(MessageDigest::sha512()), None),
            _ if oid == ED25519 => ("ED25519", "ed25519", None, None),
            _ => {
                return Err(X509Error::InvalidCsr(
                    "its signature must be RSA (PKCS #1 v1.5 or PSS) or ECDSA with a hash of the SHA family, or \
                     Ed25519"
                        .into(),
                ));
            }
        };
        Ok(Self { name, weak_hash, key_type, digest })
    }
}

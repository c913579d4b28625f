//! Public keys: which ones are taken, and what they verify (RFC 5280 §4.1.2.7).

use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Public},
    sign::Verifier,
};

use crate::{X509Error, reader::Reader, writer::tag};

const RSA_ENCRYPTION: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC_PUBLIC_KEY: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const ED25519: &[u8] = b"\x2b\x65\x70";
const CURVES: [(&[u8], u32); 3] = [
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", 256),
    (b"\x2b\x81\x04\x00\x22", 384),
    (b"\x2b\x81\x04\x00\x23", 521),
];

const MIN_RSA_BITS: usize = 2048;
/// Verifying costs the square of the size; larger keys are a way to wear out the service.
const MAX_RSA_BITS: usize = 8192;

/// A public key that was parsed and is strong enough.
#[derive(Clone, Debug)]
pub struct PublicKey {
    spki_der: Vec<u8>,
    family: Family,
    bits: u32,
    key: PKey<Public>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Family {
    Rsa,
    Ec,
    Ed25519,
}

impl PublicKey {
    /// Parses a `SubjectPublicKeyInfo`. RSA (2048 to 8192 bits, an odd exponent of 65537 or more,
    /// as the CA/Browser Forum's Baseline Requirements §6.1.6 ask), P-256, P-384 and P-521 as
    /// uncompressed points (RFC 5480), and Ed25519 (RFC 8410) are taken.
    ///
    /// # Errors
    /// [`X509Error::UnsupportedKey`] for other algorithms, curves and forms; [`X509Error::WeakKey`]
    /// for keys of these algorithms that are too weak or no keys at all; [`X509Error::Der`].
    pub fn from_spki_der(spki_der: &[u8]) -> Result<Self, X509Error> {
        let spki = Spki::parse(spki_der)?;
        let (family, bits) = match spki.algorithm {
            RSA_ENCRYPTION => (Family::Rsa, rsa_bits(&spki)?),
            EC_PUBLIC_KEY => (Family::Ec, ec_bits(&spki)?),
            ED25519 => (Family::Ed25519, ed25519_bits(&spki)?),
            _ => {
                return Err(X509Error::UnsupportedKey("it must be RSA, EC or Ed25519".into()));
            }
        };
        // For EC this refuses points that are not on the curve.
        let key = PKey::public_key_from_der(spki_der)
            .map_err(|_| X509Error::WeakKey("its value is not a public key of its algorithm".into()))?;
        Ok(Self { spki_der: spki_der.to_vec(), family, bits, key })
    }

    /// The `SubjectPublicKeyInfo` as it was given.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// `rsa`, `ec` or `ed25519`.
    pub fn algorithm_name(&self) -> &'static str {
        match self.family {
            Family::Rsa => "rsa",
            Family::Ec => "ec",
            Family::Ed25519 => "ed25519",
        }
    }

    /// Bits of the RSA modulus or of the curve; 256 for Ed25519.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// SHA-256 of the `SubjectPublicKeyInfo` in lower-case hexadecimal.
    pub fn spki_sha256(&self) -> String {
        sha256_hex(&self.spki_der)
    }

    /// Whether `signature` over `message` was made with this key by the algorithm of the DER
    /// `AlgorithmIdentifier`.
    ///
    /// # Errors
    /// [`X509Error::UnsupportedKey`] when the algorithm is not one for this key, is not supported,
    /// or stands on a broken hash (MD5, SHA-1).
    pub(crate) fn verify(
        &self,
        algorithm_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, X509Error> {
        if is_pss(algorithm_der) {
            return crate::chain::is_signed(algorithm_der, message, signature, self);
        }
        let digest = signature_digest(algorithm_der, self.family)?;
        let mut verifier = match digest {
            Some(digest) => Verifier::new(digest, &self.key)?,
            None => Verifier::new_without_digest(&self.key)?,
        };
        // A signature that is not even well-formed is an error to OpenSSL; to us it is a wrong
        // signature.
        Ok(verifier.verify_oneshot(signature, message).unwrap_or(false))
    }
}

/// SHA-256 of anything.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    openssl::sha::sha256(octets)
}

/// SHA-256 of anything in plain lower-case hexadecimal, as fingerprints of certificates and keys
/// are shown.
pub fn sha256_hex(octets: &[u8]) -> String {
    hex(&sha256(octets))
}

/// Octets in plain lower-case hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Invariant: a nibble is below 16.
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0F)]);
    octets.iter().flat_map(|&octet| [digit(octet >> 4), digit(octet)]).collect()
}

/// SHA-256 of a `SubjectPublicKeyInfo` in plain lower-case hexadecimal.
pub fn spki_sha256(spki_der: &[u8]) -> String {
    sha256_hex(spki_der)
}

/// The key id of a public key: the leftmost 160 bits of the SHA-256 hash of the BIT STRING's
/// contents, without tag, length and count of unused bits (RFC 7093 §2, method 1).
///
/// # Errors
/// [`X509Error::Der`] when `spki_der` is not a `SubjectPublicKeyInfo`.
pub fn subject_key_id(spki_der: &[u8]) -> Result<[u8; 20], X509Error> {
    let spki = Spki::parse(spki_der)?;
    let hash = sha256(spki.key);
    // Invariant: the hash has 32 octets.
    Ok(hash.first_chunk().copied().unwrap_or_default())
}

/// A `SubjectPublicKeyInfo` as it stands.
struct Spki<'a> {
    /// Contents of the algorithm's OBJECT IDENTIFIER.
    algorithm: &'a [u8],
    /// Tag and contents of the parameters, if there are any.
    parameters: Option<(u8, &'a [u8])>,
    key: &'a [u8],
}

impl<'a> Spki<'a> {
    fn parse(spki_der: &'a [u8]) -> Result<Self, X509Error> {
        let mut spki = Reader::of_sequence(spki_der)?;
        let mut identifier = spki.sequence()?;
        let algorithm = identifier.value(tag::OBJECT_IDENTIFIER)?;
        let parameters = identifier.next_value()?;
        identifier.finish()?;
        let key = spki.bit_string()?;
        spki.finish()?;
        Ok(Self { algorithm, parameters, key })
    }
}

/// Checks an `RSAPublicKey` (RFC 8017 §A.1.1) and answers the bits of its modulus.
fn rsa_bits(spki: &Spki<'_>) -> Result<u32, X509Error> {
    if spki.parameters != Some((0x05, &[])) {
        return Err(X509Error::UnsupportedKey(
            "the parameters of an RSA key must be NULL (RFC 3279 section 2.3.1)".into(),
        ));
    }
    let mut key = Reader::of_sequence(spki.key)?;
    let modulus = key.unsigned_integer()?;
    let exponent = key.unsigned_integer()?;
    key.finish()?;
    let bits = bit_length(modulus);
    if bits < MIN_RSA_BITS {
        return Err(X509Error::WeakKey(format!(
            "an RSA key needs at least {MIN_RSA_BITS} bits; this one has {bits}"
        )));
    }
    if bits > MAX_RSA_BITS {
        return Err(X509Error::UnsupportedKey(format!(
            "an RSA key has at most {MAX_RSA_BITS} bits; this one has {bits}"
        )));
    }
    let is_even = |number: &[u8]| number.last().is_none_or(|last| last & 1 == 0);
    if is_even(modulus) {
        return Err(X509Error::WeakKey("the modulus of an RSA key must be odd".into()));
    }
    // 65537 has 17 bits, and every odd number of 17 bits is at least that.
    if is_even(exponent) || !(17..=256).contains(&bit_length(exponent)) {
        return Err(X509Error::WeakKey(
            "the exponent of an RSA key must be odd, at least 65537 and below 2^256 \
             (Baseline Requirements section 6.1.6)"
                .into(),
        ));
    }
    // Invariant: it is at most `MAX_RSA_BITS`.
    Ok(u32::try_from(bits).unwrap_or(u32::MAX))
}

fn bit_length(magnitude: &[u8]) -> usize {
    let digits = magnitude.iter().skip_while(|octet| **octet == 0);
    let first = digits.clone().next().map_or(0, |first| first.leading_zeros() as usize);
    digits.count() * 8 - first
}

fn ec_bits(spki: &Spki<'_>) -> Result<u32, X509Error> {
    let Some((tag::OBJECT_IDENTIFIER, curve)) = spki.parameters else {
        return Err(X509Error::UnsupportedKey(
            "an EC key must name its curve (RFC 5480 section 2.1.1)".into(),
        ));
    };
    let (_, bits) = CURVES
        .into_iter()
        .find(|(oid, _)| *oid == curve)
        .ok_or_else(|| X509Error::UnsupportedKey("the curve must be P-256, P-384 or P-521".into()))?;
    let octets = bits.div_ceil(8) as usize;
    if spki.key.first() != Some(&0x04) || spki.key.len() != 1 + 2 * octets {
        return Err(X509Error::UnsupportedKey(
            "the point of an EC key must be uncompressed (RFC 5480 section 2.2)".into(),
        ));
    }
    Ok(bits)
}

fn ed25519_bits(spki: &Spki<'_>) -> Result<u32, X509Error> {
    if spki.parameters.is_some() || spki.key.len() != 32 {
        return Err(X509Error::UnsupportedKey(
            "an Ed25519 key has 32 octets and no parameters (RFC 8410)".into(),
        ));
    }
    Ok(256)
}

/// Whether an `AlgorithmIdentifier` is RSASSA-PSS (RFC 4055 §3.1), which ordinary RSA keys make too.
pub(crate) fn is_pss(algorithm_der: &[u8]) -> bool {
    const PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";
    Reader::of_sequence(algorithm_der)
        .and_then(|mut identifier| identifier.value(tag::OBJECT_IDENTIFIER))
        .is_ok_and(|oid| oid == PSS)
}

/// The hash of a signature algorithm; none for Ed25519, which hashes by itself.
fn signature_digest(algorithm_der: &[u8], family: Family) -> Result<Option<MessageDigest>, X509Error> {
    const PKCS1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01";
    const ECDSA: &[u8] = b"\x2a\x86\x48\xce\x3d\x04";
    let mut identifier = Reader::of_sequence(algorithm_der)?;
    let oid = identifier.value(tag::OBJECT_IDENTIFIER)?;
    let broken = |hash: &str| {
        Err(X509Error::UnsupportedKey(format!(
            "it is signed with {hash}, which is broken; use SHA-256 or better"
        )))
    };
    let rsa = oid.strip_prefix(PKCS1);
    let ecdsa = oid.strip_prefix(ECDSA);
    let (signer, digest) = match (rsa, ecdsa) {
        (Some([2 | 3]), _) => return broken("MD2 or MD4"),
        (Some([4]), _) => return broken("MD5"),
        (Some([5]), _) | (_, Some([1])) => return broken("SHA-1"),
        (Some([11]), _) => (Family::Rsa, Some(MessageDigest::sha256())),
        (Some([12]), _) => (Family::Rsa, Some(MessageDigest::sha384())),
        (Some([13]), _) => (Family::Rsa, Some(MessageDigest::sha512())),
        (_, Some([3, 2])) => (Family::Ec, Some(MessageDigest::sha256())),
        (_, Some([3, 3])) => (Family::Ec, Some(MessageDigest::sha384())),
        (_, Some([3, 4])) => (Family::Ec, Some(MessageDigest::sha512())),
        _ if oid == ED25519 => (Family::Ed25519, None),
        _ => {
            return Err(X509Error::UnsupportedKey(
                "its signature must be RSA (PKCS #1 v1.5 or PSS) or ECDSA, with SHA-256, SHA-384 or \
                 SHA-512, or Ed25519"
                    .into(),
            ));
        }
    };
    if signer != family {
        return Err(X509Error::UnsupportedKey("its signature algorithm does not fit the key".into()));
    }
    Ok(digest)
}

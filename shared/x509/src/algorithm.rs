//! Algorithms of keys and signatures, and what signs.

use crate::X509Error;

/// The keys that the service makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl KeyAlgorithm {
    /// Every algorithm, weakest RSA key first.
    pub const ALL: [Self; 7] =
        [Self::Rsa2048, Self::Rsa3072, Self::Rsa4096, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// `rsa`, `ec` or `ed25519`.
    pub const fn key_type(self) -> &'static str {
        match self {
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => "rsa",
            Self::P256 | Self::P384 | Self::P521 => "ec",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Bits of the RSA modulus or of the curve; 256 for Ed25519.
    pub const fn key_size(self) -> u32 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
            Self::P256 | Self::Ed25519 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// The algorithm with this type (`rsa`, `ec`, `ed25519`) and this size in bits, if there is
    /// one.
    pub fn from_type_and_size(key_type: &str, size: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.key_type() == key_type && algorithm.key_size() == size)
    }

    /// How a key of this algorithm signs: with the hash that matches its strength.
    pub const fn signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Rsa2048 | Self::Rsa3072 => SignatureAlgorithm::RsaSha256,
            Self::Rsa4096 => SignatureAlgorithm::RsaSha384,
            Self::P256 => SignatureAlgorithm::EcdsaSha256,
            Self::P384 => SignatureAlgorithm::EcdsaSha384,
            Self::P521 => SignatureAlgorithm::EcdsaSha512,
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
        }
    }
}

/// How certificates, CRLs and OCSP answers are signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4055 §5).
    RsaSha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384 (RFC 4055 §5).
    RsaSha384,
    /// RSASSA-PSS with SHA-256, MGF1 of it and a salt of 32 octets (RFC 4055 §3).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1 of it and a salt of 48 octets (RFC 4055 §3).
    RsaPssSha384,
    /// ECDSA with SHA-256 (RFC 5758 §3.2).
    EcdsaSha256,
    /// ECDSA with SHA-384 (RFC 5758 §3.2).
    EcdsaSha384,
    /// ECDSA with SHA-512 (RFC 5758 §3.2).
    EcdsaSha512,
    /// Pure Ed25519 (RFC 8410 §3).
    Ed25519,
}

impl SignatureAlgorithm {
    /// The same hash by RSASSA-PSS; none for what is not RSA.
    pub const fn by_pss(self) -> Option<Self> {
        match self {
            Self::RsaSha256 | Self::RsaPssSha256 => Some(Self::RsaPssSha256),
            Self::RsaSha384 | Self::RsaPssSha384 => Some(Self::RsaPssSha384),
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 | Self::Ed25519 => None,
        }
    }

    /// The DER of the `AlgorithmIdentifier`. RSA has NULL as its parameters (RFC 4055 §5), ECDSA
    /// and Ed25519 have none (RFC 5758 §3.2, RFC 8410 §3).
    pub const fn der(self) -> &'static [u8] {
        match self {
            Self::RsaSha256 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
            Self::RsaSha384 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
            Self::RsaPssSha256 => {
                b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\
                  \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\
                  \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
                  \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\xa2\x03\x02\x01\x20"
            }
            Self::RsaPssSha384 => {
                b"\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34\
                  \xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\
                  \xa1\x1c\x30\x1a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\
                  \x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\xa2\x03\x02\x01\x30"
            }
            Self::EcdsaSha256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
            Self::EcdsaSha384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
            Self::EcdsaSha512 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
            Self::Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
        }
    }
}

/// A private key that signs certificates and CRLs. The key itself stays with the implementation.
pub trait Signer: Send + Sync {
    /// The algorithm of every signature that [`Signer::sign`] makes.
    fn signature_algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message` (hashing is part of it) and answers what the BIT STRING holds: a PKCS #1
    /// signature, the DER of an `Ecdsa-Sig-Value` (RFC 3279 §2.2.3), or 64 octets of Ed25519.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error>;
}

/// A private key that knows its public key, as a certificate signing request needs it.
pub trait KeyPair: Signer {
    /// DER SubjectPublicKeyInfo of the public key (RFC 5280 §4.1).
    fn spki_der(&self) -> &[u8];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_size_name_the_algorithm() {
        for algorithm in KeyAlgorithm::ALL {
            assert_eq!(
                KeyAlgorithm::from_type_and_size(algorithm.key_type(), algorithm.key_size()),
                Some(algorithm)
            );
        }
        for (key_type, size) in
            [("rsa", 1024), ("rsa", 256), ("ec", 224), ("RSA", 2048), ("ed25519", 0), ("dsa", 2048)]
        {
            assert_eq!(KeyAlgorithm::from_type_and_size(key_type, size), None, "{key_type} {size}");
        }
    }
}

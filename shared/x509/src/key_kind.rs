//! What kind of key a certificate of others has, those included that nothing would be issued for.

use crate::{KeyWeakness, ObjectIdentifier, PublicKey, X509Error, reader::Reader, writer::tag};

/// A public key as an inventory shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyKind {
    /// `rsa`, `ec`, `ed25519`, `ed448`, `dsa`, `rsa-pss`, `x25519`, `x448`, or the dotted OID of another algorithm.
    pub name: String,
    /// Bits of the modulus or of the curve; 0 when they are not known.
    pub bits: u32,
}

/// Algorithms by the contents of their OIDs; bits where the algorithm has one size.
const ALGORITHMS: [(&[u8], &str, u32); 8] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", "rsa", 0),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "rsa-pss", 0),
    (b"\x2a\x86\x48\xce\x3d\x02\x01", "ec", 0),
    (b"\x2a\x86\x48\xce\x38\x04\x01", "dsa", 0),
    (b"\x2b\x65\x6e", "x25519", 256),
    (b"\x2b\x65\x6f", "x448", 448),
    (b"\x2b\x65\x70", "ed25519", 256),
    (b"\x2b\x65\x71", "ed448", 456),
];

/// Curves by the contents of their OIDs.
const CURVES: [(&[u8], u32); 9] = [
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x01", 192),
    (b"\x2b\x81\x04\x00\x21", 224),
    (b"\x2a\x86\x48\xce\x3d\x03\x01\x07", 256),
    (b"\x2b\x81\x04\x00\x0a", 256),
    (b"\x2b\x81\x04\x00\x22", 384),
    (b"\x2b\x81\x04\x00\x23", 521),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x07", 256),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x0b", 384),
    (b"\x2b\x24\x03\x03\x02\x08\x01\x01\x0d", 512),
];

impl KeyKind {
    /// The kind of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`X509Error::Der`] when it is none.
    pub fn of(spki_der: &[u8]) -> Result<Self, X509Error> {
        let mut spki = Reader::of_sequence(spki_der)?;
        let mut identifier = spki.sequence()?;
        let oid = identifier.value(tag::OBJECT_IDENTIFIER)?;
        let parameters = identifier.next_value()?;
        let key = spki.bit_string()?;
        let Some((_, name, bits)) = ALGORITHMS.into_iter().find(|(known, ..)| *known == oid) else {
            return Ok(Self { name: ObjectIdentifier::from_contents(oid)?.to_string(), bits: 0 });
        };
        let bits = match (name, parameters) {
            ("rsa" | "rsa-pss", _) => modulus_bits(key).unwrap_or(0),
            ("ec", Some((tag::OBJECT_IDENTIFIER, curve))) => {
                CURVES.into_iter().find(|(known, _)| *known == curve).map_or(0, |(_, bits)| bits)
            }
            _ => bits,
        };
        Ok(Self { name: name.to_owned(), bits })
    }
}

/// Why nothing would be issued for a key, as a code: one of [`KeyWeakness::code`], `weak_key` for one that is too short or
/// has too small an exponent, `unsupported_key` for other algorithms, curves and forms.
///
/// # Errors
/// Those of [`KeyWeakness::of`].
pub fn key_mark(spki_der: &[u8]) -> Result<Option<&'static str>, X509Error> {
    match PublicKey::from_spki_der(spki_der) {
        Ok(_) => Ok(KeyWeakness::of(spki_der)?.map(KeyWeakness::code)),
        Err(X509Error::WeakKey(_)) => Ok(Some("weak_key")),
        Err(_) => Ok(Some("unsupported_key")),
    }
}

fn modulus_bits(key: &[u8]) -> Option<u32> {
    let modulus = Reader::of_sequence(key).ok()?.unsigned_integer().ok()?;
    let digits = modulus.iter().skip_while(|octet| **octet == 0);
    let first = digits.clone().next()?.leading_zeros();
    u32::try_from(digits.count() * 8).ok()?.checked_sub(first)
}

#[cfg(test)]
mod tests {
    use openssl::{ec::EcGroup, ec::EcKey, nid::Nid, pkey::PKey, rsa::Rsa};

    use super::*;

    #[test]
    fn keys_of_every_kind_have_a_name() {
        let ec = |nid| {
            let key = EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap();
            PKey::from_ec_key(key).unwrap().public_key_to_der().unwrap()
        };
        for (der, name, bits, mark) in [
            (Rsa::generate(2048).unwrap().public_key_to_der().unwrap(), "rsa", 2048, None),
            (Rsa::generate(1024).unwrap().public_key_to_der().unwrap(), "rsa", 1024, Some("weak_key")),
            (ec(Nid::X9_62_PRIME256V1), "ec", 256, None),
            (ec(Nid::SECP224R1), "ec", 224, Some("unsupported_key")),
            (ec(Nid::SECP256K1), "ec", 256, Some("unsupported_key")),
            (ec(Nid::BRAINPOOL_P512R1), "ec", 512, Some("unsupported_key")),
            (PKey::generate_ed25519().unwrap().public_key_to_der().unwrap(), "ed25519", 256, None),
            (
                PKey::generate_ed448().unwrap().public_key_to_der().unwrap(),
                "ed448",
                456,
                Some("unsupported_key"),
            ),
        ] {
            assert_eq!(KeyKind::of(&der).unwrap(), KeyKind { name: name.to_owned(), bits });
            assert_eq!(key_mark(&der).unwrap(), mark, "{name} {bits}");
        }
        assert!(KeyKind::of(b"\x30\x00").is_err());
    }
}

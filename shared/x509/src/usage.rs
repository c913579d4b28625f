//! What a key may be used for (RFC 5280 §4.2.1.3 and §4.2.1.12).

use std::{fmt, ops::BitOr};

use crate::{
    ObjectIdentifier, X509Error,
    writer::{Writer, tag},
};

/// A set of key usages. Bit *n* of the number is bit *n* of the extension's BIT STRING.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signatures other than those on certificates and CRLs, as in TLS handshakes.
    pub const DIGITAL_SIGNATURE: Self = Self(1);
    /// Signatures that cannot be denied later (`nonRepudiation`).
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// Encrypting keys (RSA key transport).
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypting data directly.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Agreeing on keys (Diffie-Hellman).
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signing certificates. CAs only.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signing CRLs.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// With key agreement: encrypting only.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// With key agreement: decrypting only.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    const BITS: u16 = 9;

    /// The usage that Vault, Go or RFC 5280 call by this name, in any case, with or without `_` and
    /// `-`: `DigitalSignature`, `digital_signature`, `KeyUsageDigitalSignature`, `nonRepudiation`,
    /// `CertSign` …
    ///
    /// # Errors
    /// [`X509Error::UnknownWord`].
    pub fn from_name(name: &str) -> Result<Self, X509Error> {
        let word = normalised(name);
        let usage = match word.strip_prefix("keyusage").unwrap_or(&word) {
            "digitalsignature" => Self::DIGITAL_SIGNATURE,
            "contentcommitment" | "nonrepudiation" => Self::CONTENT_COMMITMENT,
            "keyencipherment" => Self::KEY_ENCIPHERMENT,
            "dataencipherment" => Self::DATA_ENCIPHERMENT,
            "keyagreement" => Self::KEY_AGREEMENT,
            "certsign" | "keycertsign" => Self::KEY_CERT_SIGN,
            "crlsign" => Self::CRL_SIGN,
            "encipheronly" => Self::ENCIPHER_ONLY,
            "decipheronly" => Self::DECIPHER_ONLY,
            _ => return Err(X509Error::unknown_word(name, "key usage")),
        };
        Ok(usage)
    }

    /// The names of the set in Vault's spelling, in the order of the bits.
    pub fn names(self) -> Vec<&'static str> {
        [
            (Self::DIGITAL_SIGNATURE, "DigitalSignature"),
            (Self::CONTENT_COMMITMENT, "ContentCommitment"),
            (Self::KEY_ENCIPHERMENT, "KeyEncipherment"),
            (Self::DATA_ENCIPHERMENT, "DataEncipherment"),
            (Self::KEY_AGREEMENT, "KeyAgreement"),
            (Self::KEY_CERT_SIGN, "CertSign"),
            (Self::CRL_SIGN, "CRLSign"),
            (Self::ENCIPHER_ONLY, "EncipherOnly"),
            (Self::DECIPHER_ONLY, "DecipherOnly"),
        ]
        .into_iter()
        .filter_map(|(usage, name)| self.contains(usage).then_some(name))
        .collect()
    }

    /// No usage.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Whether it has no usage.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every usage of `other` is in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether at least one usage of `other` is in this set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The usages of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Writes the BIT STRING. It is a named list, so zero bits at the end are left out (X.690
    /// §11.2.2).
    pub(crate) fn write(self, writer: &mut Writer) {
        let [low, high] = self.0.to_le_bytes().map(u8::reverse_bits);
        if high == 0 {
            writer.primitive(tag::BIT_STRING, &[unused_bits(low), low]);
        } else {
            writer.primitive(tag::BIT_STRING, &[unused_bits(high), low, high]);
        }
    }

    /// Reads the contents of the BIT STRING. Bits that are not defined are ignored.
    pub(crate) fn parse(contents: &[u8]) -> Option<Self> {
        let [unused, bits @ ..] = contents else {
            return None;
        };
        if *unused > 7 || bits.is_empty() && *unused > 0 {
            return None;
        }
        let low = bits.first().copied().unwrap_or_default().reverse_bits();
        let high = bits.get(1).copied().unwrap_or_default().reverse_bits();
        Some(Self(u16::from_le_bytes([low, high]) & ((1 << Self::BITS) - 1)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an octet has at most 8 trailing zeros")]
const fn unused_bits(last_octet: u8) -> u8 {
    // An empty list has one octet here, of which none is used; callers do not write empty lists.
    (last_octet.trailing_zeros() as u8) % 8
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl FromIterator<Self> for KeyUsage {
    fn from_iter<I: IntoIterator<Item = Self>>(usages: I) -> Self {
        usages.into_iter().fold(Self::empty(), Self::union)
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyUsage({})", self.names().join("|"))
    }
}

/// A purpose of a key (RFC 5280 §4.2.1.12).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ExtendedKeyUsage {
    /// TLS servers.
    ServerAuth,
    /// TLS clients.
    ClientAuth,
    /// Signing programs.
    CodeSigning,
    /// S/MIME.
    EmailProtection,
    /// Time stamps (RFC 3161).
    TimeStamping,
    /// OCSP responses (RFC 6960).
    OcspSigning,
    /// Every purpose.
    Any,
    /// Another purpose.
    Other(ObjectIdentifier),
}

/// Encoded OIDs of the purposes, with Vault's names for them. The first names stand in
/// [`ExtendedKeyUsage`].
const PURPOSES: [(&str, &[u8]); 14] = [
    ("ServerAuth", b"\x2b\x06\x01\x05\x05\x07\x03\x01"),
    ("ClientAuth", b"\x2b\x06\x01\x05\x05\x07\x03\x02"),
    ("CodeSigning", b"\x2b\x06\x01\x05\x05\x07\x03\x03"),
    ("EmailProtection", b"\x2b\x06\x01\x05\x05\x07\x03\x04"),
    ("TimeStamping", b"\x2b\x06\x01\x05\x05\x07\x03\x08"),
    ("OCSPSigning", b"\x2b\x06\x01\x05\x05\x07\x03\x09"),
    ("Any", b"\x55\x1d\x25\x00"),
    ("IPSECEndSystem", b"\x2b\x06\x01\x05\x05\x07\x03\x05"),
    ("IPSECTunnel", b"\x2b\x06\x01\x05\x05\x07\x03\x06"),
    ("IPSECUser", b"\x2b\x06\x01\x05\x05\x07\x03\x07"),
    ("MicrosoftServerGatedCrypto", b"\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03"),
    ("NetscapeServerGatedCrypto", b"\x60\x86\x48\x01\x86\xf8\x42\x04\x01"),
    ("MicrosoftCommercialCodeSigning", b"\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x16"),
    ("MicrosoftKernelCodeSigning", b"\x2b\x06\x01\x04\x01\x82\x37\x3d\x01\x01"),
];

impl ExtendedKeyUsage {
    const KNOWN: [Self; 7] = [
        Self::ServerAuth,
        Self::ClientAuth,
        Self::CodeSigning,
        Self::EmailProtection,
        Self::TimeStamping,
        Self::OcspSigning,
        Self::Any,
    ];

    /// The purpose that Vault calls by this name, in any case, with or without `_` and `-`
    /// (`ServerAuth`, `server_auth`, `ExtKeyUsageServerAuth`), or that a dotted OID names.
    ///
    /// # Errors
    /// [`X509Error::UnknownWord`].
    pub fn from_name(name: &str) -> Result<Self, X509Error> {
        if name.contains('.') {
            return name.trim().parse().map(Self::from_oid);
        }
        let word = normalised(name);
        let word = word.strip_prefix("extkeyusage").unwrap_or(&word);
        PURPOSES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(word))
            .ok_or_else(|| X509Error::unknown_word(name, "purpose (extended key usage) or dotted OID"))
            .and_then(|(_, oid)| ObjectIdentifier::from_contents(oid))
            .map(Self::from_oid)
    }

    /// The purpose that an OID names.
    pub fn from_oid(oid: ObjectIdentifier) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|known| known.oid_contents() == oid.contents())
            .unwrap_or(Self::Other(oid))
    }

    /// The contents of the purpose's OBJECT IDENTIFIER.
    pub(crate) fn oid_contents(&self) -> &[u8] {
        let place = match self {
            Self::ServerAuth => 0,
            Self::ClientAuth => 1,
            Self::CodeSigning => 2,
            Self::EmailProtection => 3,
            Self::TimeStamping => 4,
            Self::OcspSigning => 5,
            Self::Any => 6,
            Self::Other(oid) => return oid.contents(),
        };
        // Invariant: `place` is one of the first seven of fourteen.
        PURPOSES[place].1
    }
}

/// Vault's name, or the dotted OID of a purpose without one.
impl fmt::Display for ExtendedKeyUsage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, PURPOSES.iter().find(|(_, oid)| *oid == self.oid_contents())) {
            (_, Some((name, _))) => formatter.write_str(name),
            (Self::Other(oid), None) => oid.fmt(formatter),
            // Invariant: every purpose but `Other` has a name.
            (_, None) => Ok(()),
        }
    }
}

fn normalised(name: &str) -> String {
    name.trim()
        .chars()
        .filter(|character| !matches!(character, '_' | '-'))
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_known_by_vaults_names() {
        for (name, usage) in [
            ("DigitalSignature", KeyUsage::DIGITAL_SIGNATURE),
            ("digital_signature", KeyUsage::DIGITAL_SIGNATURE),
            ("KeyUsageDigitalSignature", KeyUsage::DIGITAL_SIGNATURE),
            ("nonRepudiation", KeyUsage::CONTENT_COMMITMENT),
            ("ContentCommitment", KeyUsage::CONTENT_COMMITMENT),
            ("key-encipherment", KeyUsage::KEY_ENCIPHERMENT),
            ("certsign", KeyUsage::KEY_CERT_SIGN),
            ("keyCertSign", KeyUsage::KEY_CERT_SIGN),
            ("cRLSign", KeyUsage::CRL_SIGN),
        ] {
            assert_eq!(KeyUsage::from_name(name).unwrap(), usage, "{name}");
        }
        for name in ["", "keyusage", "sign", "server_auth"] {
            assert!(matches!(KeyUsage::from_name(name), Err(X509Error::UnknownWord { .. })), "{name}");
        }
        let all = KeyUsage((1 << KeyUsage::BITS) - 1);
        let again: KeyUsage =
            all.names().into_iter().map(|name| KeyUsage::from_name(name).unwrap()).collect();
        assert_eq!(again, all);
    }

    #[test]
    fn bit_strings_agree_with_another_encoder() {
        for bits in 1..1_u16 << KeyUsage::BITS {
            let mut writer = Writer::with_capacity(8);
            KeyUsage(bits).write(&mut writer);
            let der = writer.finish();
            let other: x509_cert::ext::pkix::KeyUsage = der::Decode::from_der(&der).unwrap();
            assert_eq!(other.0.bits(), bits);
            assert_eq!(der::Encode::to_der(&other).unwrap(), der);
            assert_eq!(KeyUsage::parse(&der[2..]), Some(KeyUsage(bits)));
        }
        assert_eq!(KeyUsage::parse(&[]), None);
        assert_eq!(KeyUsage::parse(&[8, 0]), None);
    }

    #[test]
    fn purposes_are_known_by_name_and_oid() {
        for (name, dotted) in [
            ("ServerAuth", "1.3.6.1.5.5.7.3.1"),
            ("ClientAuth", "1.3.6.1.5.5.7.3.2"),
            ("CodeSigning", "1.3.6.1.5.5.7.3.3"),
            ("EmailProtection", "1.3.6.1.5.5.7.3.4"),
            ("IPSECEndSystem", "1.3.6.1.5.5.7.3.5"),
            ("IPSECTunnel", "1.3.6.1.5.5.7.3.6"),
            ("IPSECUser", "1.3.6.1.5.5.7.3.7"),
            ("TimeStamping", "1.3.6.1.5.5.7.3.8"),
            ("OCSPSigning", "1.3.6.1.5.5.7.3.9"),
            ("Any", "2.5.29.37.0"),
            ("MicrosoftServerGatedCrypto", "1.3.6.1.4.1.311.10.3.3"),
            ("NetscapeServerGatedCrypto", "2.16.840.1.113730.4.1"),
            ("MicrosoftCommercialCodeSigning", "1.3.6.1.4.1.311.2.1.22"),
            ("MicrosoftKernelCodeSigning", "1.3.6.1.4.1.311.61.1.1"),
        ] {
            let purpose = ExtendedKeyUsage::from_name(name).unwrap();
            assert_eq!(purpose, ExtendedKeyUsage::from_name(dotted).unwrap());
            assert_eq!(purpose.to_string(), name);
        }
        assert_eq!(
            ExtendedKeyUsage::from_name("ext-key-usage-server_auth").unwrap(),
            ExtendedKeyUsage::ServerAuth
        );
        assert_eq!(ExtendedKeyUsage::from_name("1.2.3.4").unwrap().to_string(), "1.2.3.4");
        for name in ["", "1.", "9.9.9", "1.2.03", "01.2.3", "1.2.00", "1.2.x", "serverauthx", "."] {
            assert!(
                matches!(ExtendedKeyUsage::from_name(name), Err(X509Error::UnknownWord { .. })),
                "{name}"
            );
        }
    }
}

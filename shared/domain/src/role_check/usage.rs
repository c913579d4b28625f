//! Key usages that a key can serve (RFC 5280 §4.2.1.3).

use certmill_x509::KeyUsage;

const RSA: [KeyUsage; 4] = [
    KeyUsage::DIGITAL_SIGNATURE,
    KeyUsage::CONTENT_COMMITMENT,
    KeyUsage::KEY_ENCIPHERMENT,
    KeyUsage::DATA_ENCIPHERMENT,
];
// RFC 8813 §3: keyEncipherment and dataEncipherment must not stand beside an EC key.
const EC: [KeyUsage; 5] = [
    KeyUsage::DIGITAL_SIGNATURE,
    KeyUsage::CONTENT_COMMITMENT,
    KeyUsage::KEY_AGREEMENT,
    KeyUsage::ENCIPHER_ONLY,
    KeyUsage::DECIPHER_ONLY,
];
// RFC 8410 §5, without the two usages of authorities.
const ED25519: [KeyUsage; 2] = [KeyUsage::DIGITAL_SIGNATURE, KeyUsage::CONTENT_COMMITMENT];

/// A role's key usages, cut down to what each type of key can do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UsageByKey {
    /// Whether the role names any usage at all: only then may a certificate lack the extension.
    named: bool,
    rsa: KeyUsage,
    ec: KeyUsage,
    ed25519: KeyUsage,
}

impl UsageByKey {
    /// From the usages that the role names; `None` when it names none.
    pub(crate) fn new(usage: Option<KeyUsage>) -> Self {
        let wanted = usage.unwrap_or_default();
        Self {
            named: usage.is_some(),
            rsa: common(wanted, &RSA),
            ec: common(wanted, &EC),
            ed25519: common(wanted, &ED25519),
        }
    }

    /// The usages for a key of this type.
    pub(crate) fn of(self, key_type: &str) -> KeyUsage {
        match key_type {
            "rsa" => self.rsa,
            "ec" => self.ec,
            _ => self.ed25519,
        }
    }

    /// Whether a key of this type has a usage left. One that had none would get a certificate without
    /// the extension, and that permits every use.
    pub(crate) fn serves(self, key_type: &str) -> bool {
        !self.named || key_type == "any" || !self.of(key_type).is_empty()
    }
}

fn common(wanted: KeyUsage, possible: &[KeyUsage]) -> KeyUsage {
    possible
        .iter()
        .filter(|usage| wanted.contains(**usage))
        .fold(KeyUsage::default(), |kept, usage| kept | *usage)
}

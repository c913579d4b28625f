//! The key rules: `key_type`, `key_bits` and, as far as it depends on the key, `key_usage`.

use certmill_x509::{KeyAlgorithm, KeyUsage, PublicKey};

use super::{ApprovedKey, RequestedKey, Violation};
use crate::{Role, RoleKeyType};

pub(super) fn approve(role: &Role, key: RequestedKey<'_>) -> Result<(ApprovedKey, KeyUsage), Violation> {
    match key {
        RequestedKey::Generate { key_type, key_bits } => {
            let algorithm = approve_generated(role, key_type, key_bits.unwrap_or(0))?;
            let usage = approve_usage(role, algorithm.key_type(), "key_type")?;
            Ok((ApprovedKey::Generate(algorithm), usage))
        }
        RequestedKey::Csr(key) => {
            approve_csr(role, key)?;
            let usage = approve_usage(role, key.algorithm_name(), "csr_pem")?;
            Ok((ApprovedKey::FromCsr, usage))
        }
    }
}

/// The role's bits are exact for a key that is made.
fn approve_generated(
    role: &Role,
    key_type: Option<RoleKeyType>,
    bits: u32,
) -> Result<KeyAlgorithm, Violation> {
    let settings = role.settings();
    let wanted_type = key_type.unwrap_or(settings.key_type);
    if wanted_type == RoleKeyType::Any {
        let allowed = if settings.key_type == RoleKeyType::Any {
            "rsa, ec or ed25519: the role takes any key, so the request has to name its type".to_owned()
        } else {
            settings.key_type.to_string()
        };
        return Err(Violation::new("key_type", "key_type", "any", allowed));
    }
    if settings.key_type != RoleKeyType::Any && wanted_type != settings.key_type {
        let allowed = format!("{} keys", settings.key_type);
        return Err(Violation::new("key_type", "key_type", wanted_type.as_str(), allowed));
    }
    let own_bits =
        if settings.key_type == RoleKeyType::Any { None } else { Some(settings.effective_key_bits()) };
    let wanted_bits = match bits {
        0 => own_bits.unwrap_or_else(|| wanted_type.default_bits()),
        bits => bits,
    };
    if own_bits.is_some_and(|own| own != wanted_bits) {
        let allowed = format!("{} keys of {} bits", settings.key_type, settings.effective_key_bits());
        return Err(Violation::new("key_bits", "key_bits", &wanted_bits.to_string(), allowed));
    }
    KeyAlgorithm::from_type_and_size(wanted_type.as_str(), wanted_bits).ok_or_else(|| {
        let allowed = format!("{} bits for {wanted_type} keys", wanted_type.legal_bits());
        Violation::new("key_bits", "key_bits", &wanted_bits.to_string(), allowed)
    })
}

/// The role's bits are the least for a key that the client made.
fn approve_csr(role: &Role, key: &PublicKey) -> Result<(), Violation> {
    let settings = role.settings();
    if settings.key_type == RoleKeyType::Any {
        return Ok(());
    }
    let least = settings.effective_key_bits();
    if key.algorithm_name() != settings.key_type.as_str() {
        let allowed = format!("{} keys of at least {least} bits", settings.key_type);
        return Err(Violation::new("key_type", "csr_pem", key.algorithm_name(), allowed));
    }
    if key.bits() < least {
        let allowed = format!("{} keys of at least {least} bits", settings.key_type);
        return Err(Violation::new("key_bits", "csr_pem", &key.bits().to_string(), allowed));
    }
    Ok(())
}

fn approve_usage(role: &Role, key_type: &str, field: &'static str) -> Result<KeyUsage, Violation> {
    if role.usage.serves(key_type) {
        return Ok(role.usage.of(key_type));
    }
    let allowed = format!("a key that can serve one of {}", role.settings().key_usage.join(", "));
    Err(Violation::new("key_usage", field, key_type, allowed))
}

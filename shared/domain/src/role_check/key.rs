//! The key rules: `key_type`, `key_bits` and, as far as it depends on the key, `key_usage`.

use certmill_x509::{ExtendedKeyUsage, KeyAlgorithm, KeyUsage, PublicKey};

use super::findings::{Asked, Findings};
use super::{ApprovedKey, RequestedKey, Violation};
use crate::role::broken_rule;
use crate::{Role, RoleKeyType};

/// The key, and what it may be used for.
pub(super) fn judge<F: Findings>(
    role: &Role,
    key: RequestedKey<'_>,
    findings: &mut F,
) -> Result<(ApprovedKey, KeyUsage), Violation> {
    match key {
        RequestedKey::Generate { key_type, key_bits } => {
            let wanted = judge_generated_type(role, key_type, findings)?;
            let algorithm = judge_generated_bits(role, wanted, key_bits.unwrap_or(0), findings);
            let usage = judge_usage(role, Asked::new("key_type", wanted.as_str()), findings);
            let (algorithm, usage) = findings.both(algorithm, usage)?;
            Ok((ApprovedKey::Generate(algorithm), usage))
        }
        RequestedKey::Csr(key) => {
            judge_csr_type(role, key, findings)?;
            let bits = judge_csr_bits(role, key, findings);
            let usage = judge_usage(role, Asked::new("csr_pem", key.algorithm_name()), findings);
            let ((), usage) = findings.both(bits, usage)?;
            Ok((ApprovedKey::FromCsr, usage))
        }
    }
}

/// The type of a key that is made; never `any`.
fn judge_generated_type<F: Findings>(
    role: &Role,
    key_type: Option<RoleKeyType>,
    findings: &mut F,
) -> Result<RoleKeyType, Violation> {
    let own = role.key_type;
    let wanted = key_type.unwrap_or(own);
    let asked = Asked::new("key_type", wanted.as_str());
    if wanted == RoleKeyType::Any {
        let allowed = if own == RoleKeyType::Any {
            "rsa, ec or ed25519: the role takes any key, so the request has to name its type".to_owned()
        } else {
            own.to_string()
        };
        return Err(asked.refused_by("key_type", allowed));
    }
    if own != RoleKeyType::Any && wanted != own {
        return Err(asked.refused_by("key_type", format!("{own} keys")));
    }
    findings.permit("key_type", asked, || match key_type {
        None => format!("the request names no type, so the role's is taken: {own}"),
        Some(_) => format!("the role takes {own} keys"),
    });
    Ok(wanted)
}

/// The role's bits are exact for a key that is made.
fn judge_generated_bits<F: Findings>(
    role: &Role,
    wanted: RoleKeyType,
    bits: u32,
    findings: &mut F,
) -> Result<KeyAlgorithm, Violation> {
    let settings = role.settings();
    let own_bits = if role.key_type == RoleKeyType::Any { None } else { Some(settings.effective_key_bits()) };
    let wanted_bits = match bits {
        0 => own_bits.unwrap_or_else(|| wanted.default_bits()),
        bits => bits,
    };
    let refused = |allowed| Violation::new("key_bits", "key_bits", &wanted_bits.to_string(), allowed);
    if own_bits.is_some_and(|own| own != wanted_bits) {
        return Err(refused(format!("{} keys of {} bits", role.key_type, settings.effective_key_bits())));
    }
    let algorithm = KeyAlgorithm::from_type_and_size(wanted.as_str(), wanted_bits)
        .ok_or_else(|| refused(format!("{} bits for {wanted} keys", wanted.legal_bits())))?;
    findings.permit_value("key_bits", "key_bits", wanted_bits, || match own_bits {
        Some(own) => format!("the role has {wanted} keys of {own} bits made"),
        None => format!("{wanted} keys of {wanted_bits} bits are strong, and the role takes any key"),
    });
    Ok(algorithm)
}

fn judge_csr_type<F: Findings>(role: &Role, key: &PublicKey, findings: &mut F) -> Result<(), Violation> {
    let settings = role.settings();
    let own = role.key_type;
    let asked = Asked::new("csr_pem", key.algorithm_name());
    if own != RoleKeyType::Any && asked.text != own.as_str() {
        let allowed = format!("{own} keys of at least {} bits", settings.effective_key_bits());
        return Err(asked.refused_by("key_type", allowed));
    }
    findings.permit("key_type", asked, || format!("the role takes {own} keys"));
    Ok(())
}

/// The role's bits are the least for a key that the client made.
fn judge_csr_bits<F: Findings>(role: &Role, key: &PublicKey, findings: &mut F) -> Result<(), Violation> {
    let settings = role.settings();
    if role.key_type == RoleKeyType::Any {
        return Ok(());
    }
    let (bits, least) = (key.bits(), settings.effective_key_bits());
    if bits < least {
        let allowed = format!("{} keys of at least {least} bits", role.key_type);
        return Err(Violation::new("key_bits", "csr_pem", &bits.to_string(), allowed));
    }
    findings.permit_value("key_bits", "csr_pem", bits, || {
        format!("the role takes {} keys of at least {least} bits", role.key_type)
    });
    Ok(())
}

/// Takes the key's type.
fn judge_usage<F: Findings>(role: &Role, key: Asked<'_>, findings: &mut F) -> Result<KeyUsage, Violation> {
    let named = &role.settings().key_usage;
    if !role.usage.serves(key.text) {
        let allowed = format!("a key that can serve one of {}", named.join(", "));
        return Err(key.refused_by("key_usage", allowed));
    }
    let kept = role.usage.of(key.text);
    // A role that was stored before these rules were: it is read, and refuses what could not be signed.
    kept.check_combination().map_err(|error| key.refused_by("key_usage", broken_rule(error)))?;
    ExtendedKeyUsage::check_combination(&role.purposes)
        .map_err(|error| key.refused_by("ext_key_usage", broken_rule(error)))?;
    if !named.is_empty() {
        findings.permit("key_usage", key, || usage_in_words(named, kept, key.text));
    }
    Ok(kept)
}

fn usage_in_words(named: &[String], kept: KeyUsage, key_type: &str) -> String {
    // Invariant: the role was made from these words. Were one not known, it would not be among the kept.
    let wanted: KeyUsage = named.iter().filter_map(|name| KeyUsage::from_name(name).ok()).collect();
    let dropped: Vec<_> = wanted.names().into_iter().filter(|name| !kept.names().contains(name)).collect();
    let kept = kept.names().join(", ");
    if dropped.is_empty() {
        return format!("the certificate would have {kept}");
    }
    let dropped = dropped.join(", ");
    format!("the certificate would have {kept}; left out, since {key_type} keys cannot do it: {dropped}")
}

//! Whether an order can be placed as it is asked for, and what it is then.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{
    AcmeAccount, AcmeIdentifier, AcmeIdentifiers, AcmeOrder, AcmeOrderId, AcmeProvider, ChallengeType,
    DnsProviderId, FieldErrors, OrderCause, OrderKey, OrderProgress, TenantId,
};
use certmill_storage::dns_providers;

use super::own_csr::{self, OwnCsr};
use super::{NewOrder, ORDER_DEADLINE};
use crate::acme::grants;
use crate::key_choice::key_algorithm;
use crate::{App, Caller, Noun, ServiceError};

/// How long an order that a person has to help with may take.
const PATIENT_DEADLINE: Duration = Duration::from_hours(7 * 24);
const LONGEST_TEXT: usize = 128;
/// RFC 5280 appendix A: `ub-common-name`.
const LONGEST_COMMON_NAME: usize = 64;

/// The order that is asked for, if it can be placed like that.
pub(in crate::acme) async fn checked(
    app: &App,
    caller: &Caller,
    account: &AcmeAccount,
    new: &NewOrder,
) -> Result<AcmeOrder, ServiceError> {
    let order = well_formed(app, caller, account, new).await?;
    refuse_ungranted(app, caller, &order.identifiers, order.challenge_type.known()?).await?;
    Ok(order)
}

/// The order that is asked for, whether or not the tenant may have its names validated.
pub(super) async fn well_formed(
    app: &App,
    caller: &Caller,
    account: &AcmeAccount,
    new: &NewOrder,
) -> Result<AcmeOrder, ServiceError> {
    let mut errors = BTreeMap::new();
    let own = match &new.csr_pem {
        Some(pem) => Some(own_csr::read(app, caller, pem.clone()).await?),
        None => None,
    };
    // What a public CA does not certify may be right at a private one.
    let is_public = account.provider != AcmeProvider::Custom;
    let identifiers = identifiers(new, own.as_ref(), is_public, &mut errors);
    beside_csr(new, own.as_ref(), identifiers.as_ref(), &mut errors);
    let common_name = common_name(new, identifiers.as_ref(), &mut errors);
    let challenge_type = match &identifiers {
        Some(identifiers) => challenge_type(new, identifiers, &mut errors),
        None => ChallengeType::Http01,
    };
    let algorithm = match &own {
        Some(own) => own.algorithm,
        None => key_algorithm(Some(new.key_type.as_deref().unwrap_or("ec")), new.key_size, &mut errors),
    };
    if algorithm.key_type() == "ed25519" {
        errors.insert("key_type".to_owned(), "no public CA certifies ed25519 keys: use ec or rsa".to_owned());
    }
    check_texts(new, &mut errors);
    let Some(identifiers) = identifiers.filter(|_| errors.is_empty()) else {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    };
    check_profile(app, caller.tenant, account, new.profile.as_deref()).await?;
    let (dns_provider_id, by_hand) = dns_provider(app, caller, new, challenge_type).await?;
    let now = app.now();
    Ok(AcmeOrder {
        id: AcmeOrderId::generate(now, app.entropy()),
        account_id: account.id,
        progress: OrderProgress::New,
        cause: OrderCause::Api.into(),
        identifiers,
        challenge_type: challenge_type.into(),
        dns_provider_id,
        auto_renew: new.auto_renew.unwrap_or(own.is_none() || new.reuse_key == Some(true)),
        key_type: algorithm.key_type().to_owned(),
        key_size: i64::from(algorithm.key_size()),
        profile: new.profile.clone(),
        preferred_chain: new.preferred_chain.clone(),
        common_name,
        reuse_key: new.reuse_key.unwrap_or(false),
        key: own.map_or(OrderKey::Ours { csr: None }, |own| OrderKey::Callers { csr: own.der }),
        fallback_of: None,
        first_account_id: None,
        renews: None,
        deadline_at: now.plus(if by_hand { PATIENT_DEADLINE } else { ORDER_DEADLINE }),
        error: None,
        attempts: 0,
        failures: 0,
        next_attempt_at: Some(now),
        refreshed_at: None,
        created_at: now,
        updated_at: now,
        warnings: None,
    })
}

/// What the certificate is for: as the request says, or its CSR.
fn identifiers(
    new: &NewOrder,
    own: Option<&OwnCsr>,
    is_public: bool,
    errors: &mut BTreeMap<String, String>,
) -> Option<AcmeIdentifiers> {
    let (field, domains) = match own {
        Some(own) if new.domains.is_empty() => ("csr_pem", &own.names),
        _ => ("domains", &new.domains),
    };
    AcmeIdentifiers::parse(domains)
        .and_then(|names| if is_public { names.check_public().map(|()| names) } else { Ok(names) })
        .inspect_err(|problem| drop(errors.insert(field.to_owned(), problem.clone())))
        .ok()
}

fn check_texts(new: &NewOrder, errors: &mut BTreeMap<String, String>) {
    for (field, text) in [("profile", &new.profile), ("preferred_chain", &new.preferred_chain)] {
        if text.as_ref().is_some_and(|text| {
            text.trim().is_empty()
                || text.chars().count() > LONGEST_TEXT
                || text.chars().any(char::is_control)
        }) {
            errors.insert(field.to_owned(), format!("must have 1 to {LONGEST_TEXT} printable characters"));
        }
    }
}

/// What cannot be beside a CSR, and whether it is for the names of the order.
fn beside_csr(
    new: &NewOrder,
    own: Option<&OwnCsr>,
    identifiers: Option<&AcmeIdentifiers>,
    errors: &mut BTreeMap<String, String>,
) {
    let Some(own) = own else { return };
    let given = [
        ("key_type", new.key_type.is_some()),
        ("key_size", new.key_size.is_some()),
        ("common_name", new.common_name == Some(true)),
    ];
    for (field, _) in given.iter().filter(|(_, given)| *given) {
        errors.insert((*field).to_owned(), "cannot be chosen beside csr_pem: the CSR says it".to_owned());
    }
    if new.auto_renew == Some(true) && new.reuse_key != Some(true) {
        let problem = "cannot be beside csr_pem without reuse_key: a renewal would need another CSR of yours, or has to \
                       certify the same key again";
        errors.insert("auto_renew".to_owned(), problem.to_owned());
    }
    if let Some(problem) = identifiers.and_then(|identifiers| own.problem_with(identifiers)) {
        errors.insert("csr_pem".to_owned(), problem);
    }
}

/// The common name that is asked for: the first DNS name of the request that has room in one.
fn common_name(
    new: &NewOrder,
    identifiers: Option<&AcmeIdentifiers>,
    errors: &mut BTreeMap<String, String>,
) -> Option<String> {
    if new.common_name != Some(true) || new.csr_pem.is_some() {
        return None;
    }
    let ordered = identifiers?.texts();
    let names = new.domains.iter().filter_map(|name| name.trim().parse::<AcmeIdentifier>().ok());
    let mut fitting = names.filter_map(|name| match name {
        AcmeIdentifier::Dns(name) => {
            (name.len() <= LONGEST_COMMON_NAME && ordered.contains(&name)).then_some(name)
        }
        AcmeIdentifier::Ip(_) => None,
    });
    let first = fitting.next();
    if first.is_none() {
        let problem =
            format!("needs a DNS name of at most {LONGEST_COMMON_NAME} characters among the domains");
        errors.insert("common_name".to_owned(), problem);
    }
    first
}

/// The challenge type: that of the request, else `dns-01` for wildcards and where a DNS provider is named, else `http-01`.
fn challenge_type(
    new: &NewOrder,
    identifiers: &AcmeIdentifiers,
    errors: &mut BTreeMap<String, String>,
) -> ChallengeType {
    let wildcard = identifiers.iter().find(|name| name.is_wildcard());
    let address = identifiers.iter().find(|name| matches!(name, AcmeIdentifier::Ip(_)));
    let kind = match new.challenge_type.as_deref() {
        Some(text) => ChallengeType::parse(text),
        None if wildcard.is_some() || new.dns_provider_id.is_some() => Some(ChallengeType::Dns01),
        None => Some(ChallengeType::Http01),
    };
    let problem = match (kind, wildcard, address) {
        (None, _, _) => Some("is unknown: use http-01, dns-01 or tls-alpn-01".to_owned()),
        (Some(ChallengeType::Http01 | ChallengeType::TlsAlpn01), Some(name), _) => {
            Some(format!("cannot prove the wildcard {name}: use dns-01"))
        }
        (Some(ChallengeType::Dns01), _, Some(address)) => {
            Some(format!("dns-01 cannot prove the address {address}: use http-01 or tls-alpn-01"))
        }
        (Some(_), _, _) => None,
    };
    if let Some(problem) = problem {
        errors.insert("challenge_type".to_owned(), problem);
    }
    kind.unwrap_or(ChallengeType::Http01)
}

/// A profile must be one that the CA offers, if it tells which those are.
async fn check_profile(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
    profile: Option<&str>,
) -> Result<(), ServiceError> {
    let Some(profile) = profile else {
        return Ok(());
    };
    let _place = app.place_to_call_out(tenant).await?;
    // What cannot be checked now is checked by the CA.
    let Ok(directory) = app.acme(tenant).await?.directory(&account.directory_url).await else {
        return Ok(());
    };
    if directory.profiles.is_empty() || directory.profiles.contains_key(profile) {
        return Ok(());
    }
    let known: Vec<&str> = directory.profiles.keys().map(String::as_str).collect();
    Err(ServiceError::field("profile", format!("is not offered by this CA; it has {}", known.join(", "))))
}

/// The provider that the request names, and whether the records are published by hand.
async fn dns_provider(
    app: &App,
    caller: &Caller,
    new: &NewOrder,
    challenge_type: ChallengeType,
) -> Result<(Option<DnsProviderId>, bool), ServiceError> {
    let Some(id) = &new.dns_provider_id else {
        return Ok((None, false));
    };
    if challenge_type != ChallengeType::Dns01 {
        return Err(ServiceError::field("dns_provider_id", "is only for challenge_type dns-01"));
    }
    let id = crate::dns_providers::parse_id(id)?;
    let mut session = app.database().read(caller.tenant).await?;
    let provider = dns_providers::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::DnsProvider, id))?;
    if !provider.is_active {
        return Err(ServiceError::field(
            "dns_provider_id",
            format!("{id} is not active: set is_active first"),
        ));
    }
    Ok((Some(id), provider.kind == "manual"))
}

async fn refuse_ungranted(
    app: &App,
    caller: &Caller,
    identifiers: &AcmeIdentifiers,
    challenge_type: ChallengeType,
) -> Result<(), ServiceError> {
    if challenge_type == ChallengeType::Dns01 {
        return Ok(());
    }
    let mut session = app.database().read(caller.tenant).await?;
    for name in identifiers.iter() {
        if let Some(failure) = grants::refusal(&mut session, caller.tenant, name).await? {
            return Err(ServiceError::field("domains", failure.message));
        }
    }
    Ok(())
}

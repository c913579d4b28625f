//! Orders: asking for a certificate, and looking how far it has come.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{
    AccountStatus, AcmeAccount, AcmeAccountId, AcmeChallenge, AcmeIdentifier, AcmeIdentifiers, AcmeOrder,
    AcmeOrderId, Action, ChallengeType, DnsProviderId, FieldErrors, Job, OrderCause, OrderState, Timestamp,
};
use certmill_storage::certificates::search;
use certmill_storage::{StorageError, acme_challenges, acme_orders, acme_renewals, dns_providers};

use super::{accounts, grants};
use crate::change::Act;
use crate::key_choice::key_algorithm;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// How long an order may take before it is given up, unless the CA has the CSR by then.
pub(crate) const ORDER_DEADLINE: Duration = Duration::from_hours(24);
/// How long one that a person has to help with may take.
const PATIENT_DEADLINE: Duration = Duration::from_hours(7 * 24);
/// The CA is asked about an order at most this often on a person's behalf.
const REFRESH_PAUSE: Duration = Duration::from_secs(5);
/// How often a waiting call looks.
const LOOK: Duration = Duration::from_millis(300);
const LONGEST_TEXT: usize = 128;

/// What is ordered.
#[derive(Debug, Clone, Default)]
pub struct NewOrder {
    /// The account.
    pub account_id: String,
    /// DNS names, wildcards and IP addresses.
    pub domains: Vec<String>,
    /// `http-01`, `dns-01` or `tls-alpn-01`.
    pub challenge_type: Option<String>,
    /// Whether the certificate is renewed on its own; true when absent.
    pub auto_renew: Option<bool>,
    /// The DNS provider for `dns-01`.
    pub dns_provider_id: Option<String>,
    /// `ec` (default) or `rsa`.
    pub key_type: Option<String>,
    /// Bits of the key.
    pub key_size: Option<u32>,
    /// A profile that the CA offers.
    pub profile: Option<String>,
    /// Common name of the topmost issuer of the preferred chain.
    pub preferred_chain: Option<String>,
    /// Order although a good certificate for the same names is there.
    pub force: bool,
}

/// An order with its challenges.
#[derive(Debug, Clone)]
pub struct OrderWithChallenges {
    /// The order.
    pub order: AcmeOrder,
    /// Its challenges.
    pub challenges: Vec<AcmeChallenge>,
}

/// The answer to a wish.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The order.
    pub order: OrderWithChallenges,
    /// Whether it was under way before.
    pub deduplicated: bool,
}

/// Orders a certificate. A worker does all that takes time. While the same is on order in the same account, that order is
/// the answer.
pub async fn create(app: &App, caller: &Caller, new: NewOrder) -> Result<Ordered, ServiceError> {
    let account = usable_account(app, caller, &new.account_id).await?;
    let order = checked(app, caller, &account, &new).await?;
    if let Some(open) = same_open(app, caller, &order).await? {
        return Ok(Ordered { order: open, deduplicated: true });
    }
    if !new.force {
        refuse_needless(app, caller, &order).await?;
    }
    let mut change = app.change(caller).await?;
    match acme_orders::insert(&mut change, &order).await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            let open = same_open(app, caller, &order).await?;
            let open = open.ok_or(ServiceError::CallInProgress { seconds: 1 })?;
            return Ok(Ordered { order: open, deduplicated: true });
        }
        other => other?,
    }
    app.enqueue(&mut change, Job::AdvanceOrder(order.id), Some(&caller.request_id)).await?;
    let names = order.identifiers.texts().join(" ");
    change.commit(Act::new(Action::AcmeOrderCreate, order.id).after(names)).await?;
    app.wake_workers();
    metrics::counter!("certmill_acme_orders_total", "cause" => order.cause.as_str()).increment(1);
    Ok(Ordered { order: OrderWithChallenges { order, challenges: Vec::new() }, deduplicated: false })
}

async fn usable_account(app: &App, caller: &Caller, id: &str) -> Result<AcmeAccount, ServiceError> {
    let account = accounts::find(app, caller, accounts::parse_id(id)?).await?;
    refuse_unusable(&account)?;
    Ok(account)
}

/// Refuses an account that nothing can be ordered with.
pub(super) fn refuse_unusable(account: &AcmeAccount) -> Result<(), ServiceError> {
    if account.status == AccountStatus::Valid {
        return Ok(());
    }
    let message = format!(
        "the ACME account {} is {}: only one that is valid can be ordered with",
        account.id, account.status
    );
    Err(ServiceError::InvalidState { message, state: account.status.as_str(), possible_from: &["valid"] })
}

async fn checked(
    app: &App,
    caller: &Caller,
    account: &AcmeAccount,
    new: &NewOrder,
) -> Result<AcmeOrder, ServiceError> {
    let mut errors = BTreeMap::new();
    let identifiers = AcmeIdentifiers::parse(&new.domains)
        .inspect_err(|problem| drop(errors.insert("domains".to_owned(), problem.clone())))
        .ok();
    let challenge_type = match &identifiers {
        Some(identifiers) => challenge_type(new, identifiers, &mut errors),
        None => ChallengeType::Http01,
    };
    let algorithm = key_algorithm(Some(new.key_type.as_deref().unwrap_or("ec")), new.key_size, &mut errors);
    if algorithm.key_type() == "ed25519" {
        errors.insert("key_type".to_owned(), "no public CA certifies ed25519 keys: use ec or rsa".to_owned());
    }
    for (field, text) in [("profile", &new.profile), ("preferred_chain", &new.preferred_chain)] {
        if text.as_ref().is_some_and(|text| {
            text.trim().is_empty()
                || text.chars().count() > LONGEST_TEXT
                || text.chars().any(char::is_control)
        }) {
            errors.insert(field.to_owned(), format!("must have 1 to {LONGEST_TEXT} printable characters"));
        }
    }
    let Some(identifiers) = identifiers.filter(|_| errors.is_empty()) else {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    };
    check_profile(app, account, new.profile.as_deref()).await?;
    let (dns_provider_id, by_hand) = dns_provider(app, caller, new, challenge_type).await?;
    refuse_ungranted(app, caller, &identifiers, challenge_type).await?;
    let now = app.now();
    Ok(AcmeOrder {
        id: AcmeOrderId::generate(now, app.entropy()),
        account_id: account.id,
        state: OrderState::New,
        cause: OrderCause::Api,
        identifiers,
        challenge_type,
        dns_provider_id,
        auto_renew: new.auto_renew.unwrap_or(true),
        key_type: algorithm.key_type().to_owned(),
        key_size: i64::from(algorithm.key_size()),
        profile: new.profile.clone(),
        preferred_chain: new.preferred_chain.clone(),
        renewal_of: None,
        replaces: None,
        order_url: None,
        finalize_url: None,
        certificate_url: None,
        expires_at: None,
        deadline_at: now.plus(if by_hand { PATIENT_DEADLINE } else { ORDER_DEADLINE }),
        csr_der: None,
        certificate_id: None,
        error: None,
        attempts: 0,
        failures: 0,
        next_attempt_at: Some(now),
        refreshed_at: None,
        created_at: now,
        updated_at: now,
        completed_at: None,
    })
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
async fn check_profile(app: &App, account: &AcmeAccount, profile: Option<&str>) -> Result<(), ServiceError> {
    let Some(profile) = profile else {
        return Ok(());
    };
    // What cannot be checked now is checked by the CA.
    let Ok(directory) = app.acme().directory(&account.directory_url).await else {
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

async fn same_open(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
) -> Result<Option<OrderWithChallenges>, ServiceError> {
    let key = acme_orders::identifiers_key(&order.identifiers, order.profile.as_deref());
    let mut session = app.database().read(caller.tenant).await?;
    let open = acme_orders::find_open(&mut session, order.account_id, &key).await?;
    let Some(order) = open else {
        return Ok(None);
    };
    let challenges = acme_challenges::of_orders(&mut session, &[order.id]).await?;
    Ok(Some(OrderWithChallenges { order, challenges }))
}

/// CAs give out few certificates for the same names: one that is not due for renewal is not ordered again by mistake.
async fn refuse_needless(app: &App, caller: &Caller, order: &AcmeOrder) -> Result<(), ServiceError> {
    let names = order.identifiers.texts();
    let filter = search::Filter {
        san: names.first().cloned(),
        source: Some(certmill_domain::CertificateSource::Acme),
        status: Some(certmill_domain::CertificateStatus::Active),
        ..search::Filter::default()
    };
    let now = app.now();
    let mut session = app.database().read(caller.tenant).await?;
    let found = search::search(&mut session, &filter, search::Page::Newest(None), 20, now).await?;
    for certificate in found.iter().filter(|certificate| certificate.renewed_by.is_none()) {
        let mut held: Vec<&str> = certificate.sans.iter().collect();
        let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        held.sort_unstable();
        wanted.sort_unstable();
        if held != wanted {
            continue;
        }
        let renewal = acme_renewals::find(&mut session, certificate.id).await?;
        if let Some(renewal) =
            renewal.filter(|renewal| renewal.account_id == order.account_id && renewal.renew_at > now)
        {
            let id = certificate.id;
            let message = format!(
                "{id} for the same names is good until {} and not due for renewal before {}: renew it with POST \
                 /v1/pki/certificates/{id}/renew, or order another one with \"force\": true",
                renewal.not_after, renewal.renew_at
            );
            return Err(ServiceError::Duplicate { message, id: id.to_string() });
        }
    }
    Ok(())
}

/// An order of the tenant.
pub async fn find(app: &App, caller: &Caller, id: AcmeOrderId) -> Result<OrderWithChallenges, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let order = acme_orders::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::AcmeOrder, id))?;
    let challenges = acme_challenges::of_orders(&mut session, &[id]).await?;
    Ok(OrderWithChallenges { order, challenges })
}

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// With this status of RFC 8555.
    pub status: Option<String>,
    /// Of this account.
    pub account_id: Option<String>,
}

/// The tenant's orders, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &OrderFilter,
    page: &PageRequest,
) -> Result<Page<OrderWithChallenges>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<AcmeOrderId>()?);
    let states = match filter.status.as_deref() {
        None => Vec::new(),
        Some(status) => match OrderState::of_status(status) {
            states if states.is_empty() => {
                let known = "pending, ready, processing, valid or invalid";
                return Err(ServiceError::field("status", format!("is unknown: use {known}")));
            }
            states => states,
        },
    };
    let account_id: Option<AcmeAccountId> = match filter.account_id.as_deref() {
        None => None,
        Some(text) => match text.parse() {
            Ok(id) => Some(id),
            // Nothing is of an account that cannot be.
            Err(_) => return Ok(Page { items: Vec::new(), cursor: None }),
        },
    };
    let filter = acme_orders::Filter { states, account_id };
    let mut session = app.database().read(caller.tenant).await?;
    let rows = acme_orders::list(&mut session, &filter, before, limit + 1).await?;
    let ids: Vec<AcmeOrderId> = rows.iter().map(|order| order.id).collect();
    let mut by_order: BTreeMap<AcmeOrderId, Vec<AcmeChallenge>> = BTreeMap::new();
    for challenge in acme_challenges::of_orders(&mut session, &ids).await? {
        by_order.entry(challenge.order_id).or_default().push(challenge);
    }
    let items = rows
        .into_iter()
        .map(|order| OrderWithChallenges {
            challenges: by_order.remove(&order.id).unwrap_or_default(),
            order,
        })
        .collect();
    Ok(Page::cut(items, limit, |item: &OrderWithChallenges| item.order.id.to_string()))
}

/// Has the CA asked about an order now, at most every five seconds; a worker does it.
pub async fn refresh(
    app: &App,
    caller: &Caller,
    id: AcmeOrderId,
) -> Result<OrderWithChallenges, ServiceError> {
    let found = find(app, caller, id).await?;
    if !found.order.state.is_open() {
        return Ok(found);
    }
    let now = app.now();
    let mut change = app.change(caller).await?;
    if !acme_orders::note_refresh(&mut change, id, now, now.minus(REFRESH_PAUSE)).await? {
        return Ok(found);
    }
    app.enqueue(&mut change, Job::AdvanceOrder(id), Some(&caller.request_id)).await?;
    for challenge in found.challenges.iter().filter(|challenge| challenge.state.is_open()) {
        app.enqueue(&mut change, Job::AdvanceChallenge(challenge.id), Some(&caller.request_id)).await?;
    }
    change.commit(Act::new(Action::AcmeOrderRefresh, id)).await?;
    app.wake_workers();
    wait(app, caller, id, Some(found.order.updated_at), REFRESH_PAUSE).await
}

/// Waits until an order has ended, or has changed since `since`, but no longer than `up_to`.
pub async fn wait(
    app: &App,
    caller: &Caller,
    id: AcmeOrderId,
    since: Option<Timestamp>,
    up_to: Duration,
) -> Result<OrderWithChallenges, ServiceError> {
    let end = tokio::time::Instant::now() + up_to;
    loop {
        let found = find(app, caller, id).await?;
        let changed = since.is_some_and(|since| found.order.updated_at > since);
        if !found.order.state.is_open() || changed || tokio::time::Instant::now() + LOOK > end {
            return Ok(found);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads the id of an order; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<AcmeOrderId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::AcmeOrder, text))
}

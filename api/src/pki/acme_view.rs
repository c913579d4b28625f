//! Orders and challenges as they are answered.

use certmill_service::acme::challenges::txt_value;
use certmill_service::acme::orders::{OrderWithChallenges, Ordered};
use certmill_service::domain::{
    AcmeChallenge, AcmeOrder, ChallengeType, DnsAddressAnswer, DnsServerAnswer, OrderCause, OrderState,
};
use poem_openapi::Object;
use serde::Serialize;

use super::acme_accounts::FailureView;
use crate::words::{AcmeKeyType, ChallengeProgress, ChallengeStatus, OrderStatus, RecordType, Seen, Word};

/// An order at an ACME server.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeOrder")]
pub(super) struct OrderView {
    /// `ord_…`
    id: String,
    /// The same.
    order_id: String,
    /// `pending`, `ready`, `processing`, `valid` or `invalid`, as RFC 8555 has them.
    status: Word<OrderStatus>,
    account_id: String,
    /// Sorted; names that a wildcard among them covers are left out, because CAs refuse such an overlap.
    domains: Vec<String>,
    challenge_type: Word<ChallengeType>,
    auto_renew: bool,
    dns_provider_id: Option<String>,
    challenges: Vec<ChallengeView>,
    certificate_id: Option<String>,
    /// Why it failed, or what it waits for; of a valid order, what is to be said about its certificate (`more_names`,
    /// `preferred_chain_unavailable`).
    error: Option<FailureView>,
    /// How often it was worked on.
    attempts: i64,
    /// When it is worked on next, at the latest.
    next_attempt_at: Option<String>,
    /// The certificate that it renews.
    renewal_of: Option<String>,
    created_at: String,
    updated_at: String,
    completed_at: Option<String>,
    /// What it is at: `new`, `authorizing`, `challenging`, `finalizing`, `issuing`, `issued` or `failed`.
    state: Word<OrderState>,
    /// Who wanted it: `api`, `renewal` or `manual`.
    cause: Word<OrderCause>,
    key_type: Word<AcmeKeyType>,
    key_size: i64,
    profile: Option<String>,
    preferred_chain: Option<String>,
    /// When the CA forgets it.
    expires_at: Option<String>,
    /// In the answer to a wish: whether the same was on order before.
    deduplicated: Option<bool>,
    /// In the answer to a wish: what this call has changed about an order that was open before, `auto_renew` or `reuse_key`.
    updated: Option<Vec<String>>,
    /// In the answer to a wish: other open orders of the account for the same names, with another wish.
    open_beside: Option<Vec<String>>,
    /// Whether renewals keep the key of the certificate.
    reuse_key: bool,
    /// What was found wrong before it was sent to the CA, where the operator has that looked for (`acme.preflight`): CAA records
    /// that do not permit the CA, names whose records cannot be looked up.
    warnings: Vec<String>,
    /// Whether the key is the caller's: ordered with a `csr_pem`.
    own_key: bool,
    /// The common name of the CSR, where one was asked for.
    common_name: Option<String>,
    /// The order that could not succeed in time at another CA before this one was made.
    fallback_of: Option<String>,
    /// The order that was made at the next CA because this one could not succeed in time.
    fallback_order_id: Option<String>,
}

/// A challenge of an order.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeChallenge")]
pub(super) struct ChallengeView {
    /// `chal_…`
    id: String,
    /// What control is proven of.
    identifier: String,
    /// `http-01`, `dns-01` or `tls-alpn-01`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: Word<ChallengeType>,
    /// `pending`, `processing`, `valid` or `invalid`.
    status: Word<ChallengeStatus>,
    url: String,
    token: String,
    key_authorization: String,
    /// For dns-01: the record, at its place after aliases were followed once that is known.
    dns_record: Option<DnsRecordView>,
    /// For http-01: where the CA looks.
    http_path: Option<String>,
    /// `waiting`, `published`, `propagating`, `submitted`, `validated` or `cleaned_up`.
    progress: Word<ChallengeProgress>,
    error: Option<FailureView>,
    validated_at: Option<String>,
    /// Whether it is for a wildcard.
    wildcard: bool,
    /// What was seen last, and what a person has to do where one has to.
    note: Option<String>,
    /// When it is worked on next, at the latest.
    next_attempt_at: Option<String>,
    /// For dns-01: what each name server had in the last look.
    dns_servers: Vec<DnsServerView>,
}

/// A name server that was asked for a TXT value.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeDnsServer")]
struct DnsServerView {
    /// Its name, or its address where it has none.
    name: String,
    /// What it had, by the address that tells most: `value`, `other_values`, `absent`, `no_route` (left out: it cannot be asked
    /// from here), or `failed`.
    seen: Word<Seen>,
    /// Each of its addresses; none when they could not be found.
    addresses: Vec<DnsAddressView>,
}

/// An address of a name server.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeDnsServerAddress")]
struct DnsAddressView {
    /// The address.
    address: String,
    /// As with the server.
    seen: Word<Seen>,
    /// Some of the other values that are there.
    values: Vec<String>,
    /// Why it failed.
    error: Option<String>,
}

/// A TXT record.
#[derive(Object, Serialize)]
#[oai(rename = "AcmeDnsRecord")]
struct DnsRecordView {
    name: String,
    /// `TXT`
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: Word<RecordType>,
    value: String,
}

/// An order that was asked for.
pub(super) fn ordered(ordered: Ordered) -> OrderView {
    OrderView {
        deduplicated: Some(ordered.deduplicated),
        updated: Some(ordered.updated.into_iter().map(str::to_owned).collect()),
        open_beside: Some(ordered.open_beside.iter().map(ToString::to_string).collect()),
        ..order(ordered.order)
    }
}

/// An order.
pub(super) fn order(OrderWithChallenges { order, challenges }: OrderWithChallenges) -> OrderView {
    let (state, progress, expires_at) = (order.state(), order.progress.clone(), order.expires_at());
    let (renewal_of, own_key) = (order.renewal_of(), order.key.is_callers());
    let AcmeOrder { id, account_id, cause, identifiers, challenge_type, .. } = order;
    OrderView {
        id: id.to_string(),
        order_id: id.to_string(),
        status: Word::shown(state.status()),
        account_id: account_id.to_string(),
        domains: identifiers.texts(),
        challenge_type: challenge_type.into(),
        auto_renew: order.auto_renew,
        dns_provider_id: order.dns_provider_id.map(|id| id.to_string()),
        challenges: challenges.into_iter().map(challenge).collect(),
        certificate_id: progress.certificate_id().map(|id| id.to_string()),
        error: order.error.map(FailureView::from),
        attempts: order.attempts,
        next_attempt_at: order.next_attempt_at.map(|at| at.to_string()),
        renewal_of: renewal_of.map(|id| id.to_string()),
        created_at: order.created_at.to_string(),
        updated_at: order.updated_at.to_string(),
        completed_at: progress.completed_at().map(|at| at.to_string()),
        state: state.into(),
        cause: cause.into(),
        key_type: Word::shown(&order.key_type),
        key_size: order.key_size,
        profile: order.profile,
        preferred_chain: order.preferred_chain,
        expires_at: expires_at.map(|at| at.to_string()),
        deduplicated: None,
        updated: None,
        open_beside: None,
        reuse_key: order.reuse_key,
        warnings: order.warnings.unwrap_or_default(),
        own_key,
        common_name: order.common_name,
        fallback_of: order.fallback_of.map(|id| id.to_string()),
        fallback_order_id: progress.successor().map(|id| id.to_string()),
    }
}

/// A challenge.
pub(super) fn challenge(challenge: AcmeChallenge) -> ChallengeView {
    let is_http = challenge.kind == ChallengeType::Http01 && !challenge.token.is_empty();
    ChallengeView {
        id: challenge.id.to_string(),
        dns_record: dns_record(&challenge),
        http_path: is_http.then(|| format!("/.well-known/acme-challenge/{}", challenge.token)),
        progress: Word::shown(&challenge.progress.shown()),
        identifier: challenge.identifier,
        kind: challenge.kind.into(),
        status: Word::shown(challenge.progress.state().status()),
        url: challenge.url,
        token: challenge.token,
        key_authorization: challenge.key_authorization,
        error: challenge.progress.failure().cloned().map(FailureView::from),
        validated_at: challenge.progress.validated_at().map(|at| at.to_string()),
        wildcard: challenge.wildcard,
        note: challenge.note,
        next_attempt_at: challenge.next_attempt_at.map(|at| at.to_string()),
        dns_servers: challenge.dns_servers.into_iter().map(dns_server).collect(),
    }
}

fn dns_server(DnsServerAnswer { name, seen, addresses }: DnsServerAnswer) -> DnsServerView {
    let address = |DnsAddressAnswer { address, seen, values, error }| DnsAddressView {
        address,
        seen: Word::shown(&seen),
        values,
        error,
    };
    DnsServerView { name, seen: Word::shown(&seen), addresses: addresses.into_iter().map(address).collect() }
}

fn dns_record(challenge: &AcmeChallenge) -> Option<DnsRecordView> {
    if challenge.kind != ChallengeType::Dns01 || challenge.key_authorization.is_empty() {
        return None;
    }
    let (name, value) = match challenge.progress.txt().map(|txt| &txt.record) {
        Some(record) => (record.name.clone(), record.value.clone()),
        None => (challenge.owner_name(), txt_value(challenge)),
    };
    Some(DnsRecordView { name, kind: Word::shown("TXT"), value })
}

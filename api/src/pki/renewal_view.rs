//! How certificates from ACME servers are renewed, as it is answered and changed.

use certmill_service::acme::renewal::RenewalChange;
use certmill_service::domain::{AcmeOrder, Renewal, RenewalWish};
use poem_openapi::Object;
use poem_openapi::types::MaybeUndefined;
use serde::{Deserialize, Serialize};

/// How the next certificate is ordered, where that is to change: at another CA, or with another proof.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "RenewalChange")]
pub(super) struct RenewalChangeRequest {
    /// Another account, perhaps at another CA. A profile of the CA before is dropped.
    account_id: Option<String>,
    /// `http-01`, `dns-01` or `tls-alpn-01`.
    challenge_type: Option<String>,
    /// The DNS provider for `dns-01`; null for the active one whose zone fits best.
    #[serde(default)]
    dns_provider_id: MaybeUndefined<String>,
    /// A profile of the CA; null for none.
    #[serde(default)]
    profile: MaybeUndefined<String>,
}

impl From<RenewalChangeRequest> for RenewalChange {
    fn from(body: RenewalChangeRequest) -> Self {
        let text = |value| match value {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(value) => Some(Some(value)),
        };
        Self {
            account_id: body.account_id,
            challenge_type: body.challenge_type,
            dns_provider_id: text(body.dns_provider_id),
            profile: text(body.profile),
        }
    }
}

/// How a certificate from an ACME server is renewed.
#[derive(Object, Serialize)]
#[oai(rename = "Renewal")]
pub(super) struct RenewalView {
    /// Whether it is renewed on its own.
    auto_renew: bool,
    /// When that is planned; null when it is not.
    renew_at: Option<String>,
    /// When the CA wants it to be (RFC 9773).
    window: Option<RenewalWindowView>,
    /// Failures in a row.
    failures: i64,
    /// Why the last try failed.
    last_error: Option<String>,
    /// The order that is under way.
    order_id: Option<String>,
    /// The account that it came from.
    issued_by_account_id: Option<String>,
    /// The account, and how control is proven, DNS provider and profile, with which the next one is ordered.
    account_id: String,
    challenge_type: String,
    dns_provider_id: Option<String>,
    profile: Option<String>,
}

/// When a CA wants a certificate renewed.
#[derive(Object, Serialize)]
#[oai(rename = "SuggestedWindow")]
struct RenewalWindowView {
    start: String,
    end: String,
    /// Where people can read why.
    explanation_url: Option<String>,
}

impl RenewalView {
    /// Of a certificate that came from this order.
    pub(super) fn of(renewal: Renewal, order: Option<AcmeOrder>) -> Self {
        let is_planned = renewal.auto_renew && !renewal.is_over;
        let wish = renewal.wish.or_else(|| order.as_ref().map(RenewalWish::of));
        Self {
            auto_renew: renewal.auto_renew,
            renew_at: is_planned.then(|| renewal.renew_at.max(renewal.next_attempt_at).to_string()),
            window: renewal.window.map(|window| RenewalWindowView {
                start: window.start.to_string(),
                end: window.end.to_string(),
                explanation_url: window.explanation_url,
            }),
            failures: renewal.failures,
            last_error: renewal.last_error,
            order_id: renewal.open_order_id.map(|id| id.to_string()),
            issued_by_account_id: order.map(|order| order.account_id.to_string()),
            account_id: renewal.account_id.to_string(),
            challenge_type: wish.as_ref().map(|wish| wish.challenge_type.to_string()).unwrap_or_default(),
            dns_provider_id: wish.as_ref().and_then(|wish| wish.dns_provider_id).map(|id| id.to_string()),
            profile: wish.and_then(|wish| wish.profile),
        }
    }
}

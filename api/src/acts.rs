//! What operations do, as types. A handler names it by its first argument, beside the scope that it needs, and everything else is
//! derived from there: the names of the audit log, what an `Idempotency-Key` means, the category of the rate limits, the
//! document.

use std::marker::PhantomData;

use certmill_service::domain::Action;
use poem::http::Method;
use serde_json::Value;

use crate::auth::security_names;

/// What an operation does, as a type.
pub(crate) trait Does: Send + Sync {
    /// What the raw document says of it, in a list with the scope.
    fn notes() -> Vec<&'static str>;
}

/// Reads, and leaves no trace in the audit log.
pub(crate) struct Reads;

/// Judges what is sent and changes nothing, which may take a while.
pub(crate) struct Judges;

/// A change whose answer is not kept for repetitions: it is too much, or handed out anew each time.
pub(crate) struct Unkept<A>(PhantomData<A>);

const JUDGES: &str = "judges";
const UNKEPT: &str = "unkept";

impl Does for Reads {
    fn notes() -> Vec<&'static str> {
        Vec::new()
    }
}

impl Does for Judges {
    fn notes() -> Vec<&'static str> {
        vec![JUDGES]
    }
}

impl<A: Does> Does for Unkept<A> {
    fn notes() -> Vec<&'static str> {
        let mut notes = A::notes();
        notes.push(UNKEPT);
        notes
    }
}

/// A type for each action that is a call: done or refused, it has its row in the audit log.
macro_rules! acts {
    ($($name:ident,)+) => {$(
        pub(crate) struct $name;

        impl Does for $name {
            fn notes() -> Vec<&'static str> {
                vec![Action::$name.as_str()]
            }
        }
    )+};
}

acts! {
    AcmeAccountCreate,
    AcmeAccountDelete,
    AcmeAccountRollover,
    AcmeAccountUpdate,
    AcmeChallengeComplete,
    AcmeOrderCancel,
    AcmeOrderCreate,
    AcmeOrderRefresh,
    BlockedKeyCreate,
    BlockedKeyDelete,
    CaCertificate,
    CaCreate,
    CaImport,
    CaReissue,
    CaRevoke,
    CaUpdate,
    CertificateCheck,
    CertificateDiscover,
    CertificateImport,
    CertificateIssue,
    CertificateRenew,
    CertificateRevoke,
    CertificateSign,
    CertificateUpdate,
    CrlRebuild,
    CsrApprove,
    CsrCreate,
    CsrDelete,
    CsrImport,
    CsrReject,
    CsrSign,
    DnsProviderCreate,
    DnsProviderDelete,
    DnsProviderTest,
    DnsProviderUpdate,
    JobCancel,
    JobRetry,
    PrivateKeyRetrieve,
    RoleCreate,
    RoleDelete,
    RoleUpdate,
    SecretDelete,
    SecretRead,
    SecretWrite,
    TokenCreate,
    TokenRevoke,
    TrustAnchorCreate,
    TrustAnchorDelete,
    WebhookCreate,
    WebhookDelete,
    WebhookRedeliver,
    WebhookTest,
    WebhookUpdate,
}

/// What an operation does, as it was read from its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    /// What the audit log calls it, if it is to know of it.
    pub(crate) action: Option<Action>,
    /// Whether it judges what is sent.
    pub(crate) is_judging: bool,
    /// Whether its answer is kept for its repetitions. What is no POST can be repeated as it is.
    pub(crate) is_repeatable: bool,
}

impl Effect {
    /// That of an operation that needs no token.
    pub(crate) const NONE: Self = Self { action: None, is_judging: false, is_repeatable: false };

    /// That of an operation of the raw document.
    pub(crate) fn of(method: &Method, spec: &Value) -> Self {
        let notes: Vec<&str> = security_names(spec).collect();
        let action =
            notes.iter().find_map(|note| Action::ALL.iter().copied().find(|action| action.as_str() == *note));
        let is_repeatable = action.is_some() && method == Method::POST && !notes.contains(&UNKEPT);
        Self { action, is_judging: notes.contains(&JUDGES), is_repeatable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_has_an_action() {
        let document: Value = serde_json::from_str(&crate::openapi::raw_document()).unwrap();
        let mut without = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, spec) in item.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let reads = [Method::GET, Method::HEAD].contains(&method);
                if !reads && Effect::of(&method, spec).action.is_none() {
                    without.push(path.as_str());
                }
            }
        }
        assert_eq!(
            without,
            [
                "/pub/ocsp/{ca_id}",
                "/v1/pki/acme/check",
                "/v1/pki/certificates/export",
                "/v1/pki/certificates/validate",
                "/v1/pki/roles/{name}/check"
            ]
        );
    }
}

//! Which calls change something or hand out a private key: what the audit log calls them, and whether an
//! `Idempotency-Key` means anything to them.

use certmill_service::domain::Action;
use poem::http::Method;

/// A call that the audit log is to know of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// What it does.
    pub(crate) action: Action,
    /// What it names in its path: an id or a name.
    pub(crate) object: Option<&'a str>,
    /// Whether its answer is kept for its repetitions.
    pub(crate) repeatable: bool,
}

/// Many certificates at once. Too much to be kept for a repetition.
const BATCH: &str = "/v1/pki/issue/:/batch";

const CALLS: [(Method, &str, Action); 51] = [
    (Method::POST, "/v1/pki/ca", Action::CaCreate),
    (Method::POST, "/v1/pki/ca/:/revoke", Action::CaRevoke),
    (Method::POST, "/v1/pki/ca/:/crl", Action::CrlRebuild),
    (Method::POST, "/v1/pki/roles", Action::RoleCreate),
    (Method::PATCH, "/v1/pki/roles/:", Action::RoleUpdate),
    (Method::DELETE, "/v1/pki/roles/:", Action::RoleDelete),
    (Method::POST, "/v1/pki/issue/:", Action::CertificateIssue),
    (Method::POST, "/v1/pki/sign/:", Action::CertificateSign),
    (Method::PATCH, "/v1/pki/certificates/:", Action::CertificateUpdate),
    (Method::POST, "/v1/pki/certificates/:/renew", Action::CertificateRenew),
    (Method::POST, "/v1/pki/certificates/:/private-key", Action::PrivateKeyRetrieve),
    (Method::POST, "/v1/pki/certificates/import", Action::CertificateImport),
    (Method::POST, "/v1/pki/revoke", Action::CertificateRevoke),
    (Method::POST, "/v1/pki/csr", Action::CsrCreate),
    (Method::POST, "/v1/pki/csr/import", Action::CsrImport),
    (Method::POST, "/v1/pki/csr/:/approve", Action::CsrApprove),
    (Method::POST, "/v1/pki/csr/:/reject", Action::CsrReject),
    (Method::POST, "/v1/pki/csr/:/sign", Action::CsrSign),
    (Method::DELETE, "/v1/pki/csr/:", Action::CsrDelete),
    (Method::POST, "/v1/pki/trust-anchors", Action::TrustAnchorCreate),
    (Method::DELETE, "/v1/pki/trust-anchors/:", Action::TrustAnchorDelete),
    (Method::POST, "/v1/pki/acme/accounts", Action::AcmeAccountCreate),
    (Method::DELETE, "/v1/pki/acme/accounts/:", Action::AcmeAccountDelete),
    (Method::POST, "/v1/pki/acme/issue", Action::AcmeOrderCreate),
    (Method::POST, "/v1/pki/acme/orders/:/refresh", Action::AcmeOrderRefresh),
    (Method::DELETE, "/v1/pki/acme/orders/:", Action::AcmeOrderCancel),
    (Method::POST, "/v1/jobs/:/retry", Action::JobRetry),
    (Method::POST, "/v1/jobs/:/cancel", Action::JobCancel),
    (Method::POST, "/v1/pki/acme/challenges/:/complete", Action::AcmeChallengeComplete),
    (Method::POST, "/v1/pki/dns-providers", Action::DnsProviderCreate),
    (Method::PATCH, "/v1/pki/dns-providers/:", Action::DnsProviderUpdate),
    (Method::DELETE, "/v1/pki/dns-providers/:", Action::DnsProviderDelete),
    (Method::POST, "/v1/pki/dns-providers/:/test", Action::DnsProviderTest),
    (Method::GET, "/v1/secrets/:", Action::SecretRead),
    (Method::PUT, "/v1/secrets/:", Action::SecretWrite),
    (Method::DELETE, "/v1/secrets/:", Action::SecretDelete),
    (Method::POST, "/v1/tokens", Action::TokenCreate),
    (Method::DELETE, "/v1/tokens/:", Action::TokenRevoke),
    (Method::PATCH, "/v1/pki/ca/:", Action::CaUpdate),
    (Method::POST, "/v1/pki/ca/:/certificate", Action::CaCertificate),
    (Method::POST, "/v1/pki/ca/import", Action::CaImport),
    (Method::POST, BATCH, Action::CertificateIssue),
    (Method::PATCH, "/v1/pki/acme/accounts/:", Action::AcmeAccountUpdate),
    (Method::POST, "/v1/pki/acme/accounts/:/rollover", Action::AcmeAccountRollover),
    (Method::POST, "/v1/pki/blocked-keys", Action::BlockedKeyCreate),
    (Method::DELETE, "/v1/pki/blocked-keys/:", Action::BlockedKeyDelete),
    (Method::POST, "/v1/webhooks", Action::WebhookCreate),
    (Method::PATCH, "/v1/webhooks/:", Action::WebhookUpdate),
    (Method::DELETE, "/v1/webhooks/:", Action::WebhookDelete),
    (Method::POST, "/v1/webhooks/:/test", Action::WebhookTest),
    (Method::POST, "/v1/webhooks/:/deliveries/:/redeliver", Action::WebhookRedeliver),
];

impl<'a> Call<'a> {
    /// The call of this method and path, if it is one of them.
    pub(crate) fn of(method: &Method, path: &'a str) -> Option<Self> {
        CALLS.iter().filter(|(of, _, _)| of == method).find_map(|(_, pattern, action)| {
            let object = Some(matched(pattern, path)?).filter(|object| !object.is_empty());
            // PATCH and DELETE can be repeated as they are; a private key is handed out anew each time.
            let is_kept = *action != Action::PrivateKeyRetrieve && *pattern != BATCH;
            let repeatable = method == Method::POST && is_kept;
            Some(Self { action: *action, object, repeatable })
        })
    }
}

/// What stands in the place of the pattern's `:`, if the path fits; of a pattern without one, nothing.
pub(crate) fn matched<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let mut object = "";
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        if wanted == ":" && !segment.is_empty() {
            object = segment;
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changing_operation_is_known() {
        let document: serde_json::Value = serde_json::from_str(&crate::openapi_document()).unwrap();
        let unknown: Vec<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method, path)))
            .filter(|(method, _)| *method != "get" && *method != "head")
            .filter(|(method, path)| {
                let path = path.replace(['{', '}'], "");
                let method: Method = method.to_uppercase().parse().unwrap();
                Call::of(&method, &path).is_none()
            })
            .map(|(_, path)| path.clone())
            .collect();
        assert_eq!(
            unknown,
            [
                "/pub/ocsp/{ca_id}",
                "/v1/pki/acme/check",
                "/v1/pki/certificates/export",
                "/v1/pki/certificates/validate",
                "/v1/pki/roles/{name}/check"
            ]
        );
    }

    #[test]
    fn what_a_path_names_is_found() {
        let call = Call::of(&Method::POST, "/v1/pki/csr/csr_1/sign").unwrap();
        assert_eq!((call.action, call.object, call.repeatable), (Action::CsrSign, Some("csr_1"), true));
        assert!(Call::of(&Method::POST, "/v1/pki/csr//sign").is_none());
        assert!(Call::of(&Method::GET, "/v1/pki/ca").is_none());
        assert!(!Call::of(&Method::POST, "/v1/pki/certificates/c/private-key").unwrap().repeatable);
    }
}

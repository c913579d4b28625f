//! Rate limits at the edge: to which category a call belongs, and what its answer says about the limit.

use certmill_service::domain::{Action, CallCategory, Standing};
use poem::http::{HeaderMap, HeaderName, HeaderValue};

use crate::acts::Effect;

/// What calls of an operation that needs a token are counted together with.
pub(crate) fn category(effect: Effect) -> CallCategory {
    match effect.action {
        Some(action) => of_action(action),
        None if effect.is_judging => CallCategory::Validate,
        None => CallCategory::Read,
    }
}

fn of_action(action: Action) -> CallCategory {
    match action {
        Action::CertificateIssue
        | Action::CertificateRenew
        | Action::PrivateKeyRetrieve
        | Action::CsrCreate
        | Action::CsrImport => CallCategory::Issue,
        Action::CertificateSign | Action::CsrSign => CallCategory::Sign,
        Action::AcmeAccountCreate
        | Action::AcmeAccountDelete
        | Action::AcmeOrderCreate
        | Action::AcmeOrderRefresh
        | Action::AcmeOrderCancel
        | Action::AcmeOrderUpdate
        | Action::AcmeAccountUpdate
        | Action::AcmeAccountRollover
        | Action::AcmeChallengeComplete => CallCategory::Acme,
        Action::CaCreate
        | Action::CaRevoke
        | Action::CaUpdate
        | Action::CaCertificate
        | Action::CaImport
        | Action::CaReissue
        | Action::CrlRebuild
        | Action::JobRetry
        | Action::JobCancel
        | Action::RoleCreate
        | Action::RoleUpdate
        | Action::RoleDelete
        | Action::CertificateImport
        | Action::CertificateUpdate
        | Action::CertificateCheck
        | Action::CertificateDiscover
        | Action::CertificateRevoke
        | Action::CertificateRelease
        | Action::CertificateRevokeLater
        | Action::CertificateRevokeCancel
        | Action::CsrApprove
        | Action::CsrReject
        | Action::CsrDelete
        | Action::TrustAnchorCreate
        | Action::TrustAnchorDelete
        | Action::TokenCreate
        | Action::TokenRevoke
        | Action::DnsProviderCreate
        | Action::DnsProviderUpdate
        | Action::DnsProviderDelete
        | Action::DnsProviderTest
        | Action::SecretWrite
        | Action::SecretRead
        | Action::SecretDelete
        | Action::BlockedKeyCreate
        | Action::BlockedKeyDelete
        | Action::DomainGrant
        | Action::DomainRevoke
        | Action::TenantCreate
        | Action::RootKeyRotate
        | Action::CallsRefused
        | Action::TokenUse
        | Action::WebhookCreate
        | Action::WebhookUpdate
        | Action::WebhookDelete
        | Action::WebhookTest
        | Action::WebhookRedeliver
        | Action::CertificateForget
        | Action::PrivateKeyForget
        | Action::CsrForget
        | Action::AcmeOrderForget
        | Action::EventForget
        | Action::UnstoredForget
        | Action::AuditArchive
        | Action::DatabaseRestore
        | Action::OcspSignerIssue
        | Action::EventRaise => CallCategory::Admin,
    }
}

/// Seconds until a call that was refused is allowed, rounded up; nothing when it was allowed.
pub(crate) fn retry_after(standing: &Standing) -> Option<u64> {
    let wait = standing.wait?.as_micros().div_ceil(1_000_000);
    Some(u64::try_from(wait).unwrap_or(u64::MAX).max(1))
}

/// Says how the caller stands with the limit.
pub(crate) fn write(headers: &mut HeaderMap, standing: &Standing) {
    // Rounded up: at that second the bucket is full.
    let reset = standing.full_at.unix_micros().saturating_add(999_999).div_euclid(1_000_000);
    let name = HeaderName::from_static;
    headers.insert(name("x-ratelimit-limit"), HeaderValue::from(standing.limit));
    headers.insert(name("x-ratelimit-remaining"), HeaderValue::from(standing.remaining));
    headers.insert(name("x-ratelimit-reset"), HeaderValue::from(reset));
}

#[cfg(test)]
mod tests {
    use poem::http::Method;

    use super::*;
    use crate::routes::{API, Access};

    fn of(method: &Method, path: &str) -> Option<CallCategory> {
        let operation = API.find(path)?.operation(method)?;
        (operation.access != Access::Open).then(|| category(operation.effect))
    }

    #[test]
    fn what_needs_a_token_has_a_category_and_nothing_else_has() {
        let document: serde_json::Value = serde_json::from_str(&crate::openapi_document()).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method: Method = method.to_uppercase().parse().unwrap();
                let category = of(&method, path);
                assert_eq!(
                    category.is_some(),
                    operation["security"] != serde_json::json!([]),
                    "{method} {path}"
                );
                let told = operation["x-rate-limit-category"].as_str();
                assert_eq!(told, category.map(CallCategory::as_str), "{method} {path}");
                seen.extend(category);
            }
        }
        assert_eq!(Vec::from_iter(seen), CallCategory::ALL);
    }

    #[test]
    fn calls_are_in_the_category_that_their_path_suggests() {
        for (method, path, wanted) in [
            (Method::POST, "/v1/pki/issue/web", CallCategory::Issue),
            (Method::POST, "/v1/pki/certificates/c/private-key", CallCategory::Issue),
            (Method::POST, "/v1/pki/sign/web", CallCategory::Sign),
            (Method::POST, "/v1/pki/csr/c/sign", CallCategory::Sign),
            (Method::POST, "/v1/pki/acme/issue", CallCategory::Acme),
            (Method::GET, "/v1/pki/acme/orders", CallCategory::Read),
            (Method::POST, "/v1/pki/revoke", CallCategory::Admin),
            (Method::GET, "/v1/secrets/a", CallCategory::Admin),
            (Method::POST, "/v1/pki/roles/web/check", CallCategory::Validate),
            (Method::HEAD, "/v1/pki/ca", CallCategory::Read),
        ] {
            assert_eq!(of(&method, path), Some(wanted), "{method} {path}");
        }
    }
}

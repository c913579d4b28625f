//! `/v1/pki/roles/{name}/check`: why a role permits or refuses a request.

use certmill_service::certificates::{self, CheckRequest, Explained, IssueRequest, SignRequest};
use certmill_service::domain::{ApprovedKey, Finding, Sans, Verdict};
use certmill_service::{App, ServiceError};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::certificates::SansView;
use super::issue::key_type;
use crate::acts::Judges;
use crate::auth::{Authorized, Read};
use crate::body::{Body, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, SanInput, TextList};
use crate::words::{KeyType, Word};

pub(crate) struct RoleCheckApi;

/// The body of an issue request, or, with `csr_pem`, that of a sign request.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckRoleRequest {
    /// As for issue and sign.
    common_name: Option<String>,
    /// As for issue.
    alt_names: Option<TextList>,
    /// As for issue.
    ip_sans: Option<TextList>,
    /// As for issue.
    uri_sans: Option<TextList>,
    /// As for issue.
    other_sans: Option<TextList>,
    /// As for issue.
    key_type: Option<Word<KeyType>>,
    /// As for issue.
    key_bits: Option<u32>,
    /// As for sign.
    csr_pem: Option<String>,
    /// As for sign.
    san: Option<SanInput>,
    /// As for issue and sign.
    ttl: Option<DurationText>,
}

/// What every rule says about a request.
#[derive(Object, Serialize)]
struct RoleCheck {
    /// Whether the request would be carried out.
    allowed: bool,
    /// Every rule: each field of the role, and `syntax`, `ca_validity`, `ca_status` and `ca_name_constraints`. The first
    /// that refuses is what the request would be refused with.
    rules: Vec<RuleVerdict>,
    /// The certificate that would be issued; null when it would be refused.
    would_issue: Option<WouldIssue>,
}

/// What one rule says about one value.
#[derive(Object, Serialize)]
struct RuleVerdict {
    rule: String,
    /// The field of the request; null when none has a say in it.
    field: Option<String>,
    /// The value that was judged.
    value: Option<String>,
    /// `permitted`, `refused` or `not_applicable`.
    verdict: Word<Verdict>,
    reason: String,
}

/// A certificate that would be issued.
#[derive(Object, Serialize)]
struct WouldIssue {
    /// RFC 4514.
    subject: String,
    sans: SansView,
    key_type: Word<KeyType>,
    key_size: u32,
    not_before: String,
    not_after: String,
    key_usage: Vec<String>,
    ext_key_usage: Vec<String>,
    /// OIDs of the policies that it would name.
    policy_identifiers: Vec<String>,
    /// Whether it would demand a stapled OCSP answer of its server.
    must_staple: bool,
    /// Whether the private key would be kept.
    store_private_key: bool,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Roles")]
impl RoleCheckApi {
    /// Explain what a role says about a request
    ///
    /// Nothing is issued. A CSR that cannot be read at all is `422 csr_invalid`, as for sign.
    #[oai(path = "/roles/:name/check", method = "post", operation_id = "checkRole")]
    async fn check(
        &self,
        caller: Authorized<Read, Judges>,
        app: Data<&App>,
        name: Path<String>,
        body: Body<CheckRoleRequest>,
    ) -> Result<Reply<RoleCheck>, ApiError> {
        let request = read(body.0)?;
        Ok(Reply(view(certificates::check(&app, &caller, &name, request).await?)))
    }
}

fn read(request: CheckRoleRequest) -> Result<CheckRequest, ApiError> {
    let ttl = request.ttl.map(|ttl| ttl.parse("ttl")).transpose()?;
    if let Some(csr_pem) = request.csr_pem {
        let of_issue = [
            ("alt_names", request.alt_names.is_some()),
            ("ip_sans", request.ip_sans.is_some()),
            ("uri_sans", request.uri_sans.is_some()),
            ("other_sans", request.other_sans.is_some()),
            ("key_type", request.key_type.is_some()),
            ("key_bits", request.key_bits.is_some()),
        ];
        if let Some((field, _)) = of_issue.into_iter().find(|(_, given)| *given) {
            return Err(ApiError::field(field, "is a field of issue, not of sign: leave it or csr_pem out"));
        }
        let sans: Option<Sans> = request.san.map(|san| san.0);
        return Ok(CheckRequest::Sign(SignRequest { csr_pem, common_name: request.common_name, sans, ttl }));
    }
    if request.san.is_some() {
        return Err(ServiceError::field("san", "is a field of sign: give csr_pem, or use alt_names").into());
    }
    let list = |list: Option<TextList>| list.unwrap_or_default().0;
    Ok(CheckRequest::Issue(IssueRequest {
        common_name: request.common_name,
        alt_names: list(request.alt_names),
        ip_sans: list(request.ip_sans),
        uri_sans: list(request.uri_sans),
        other_sans: list(request.other_sans),
        ttl,
        key_type: key_type(request.key_type)?,
        key_bits: request.key_bits,
    }))
}

fn view(explained: Explained) -> RoleCheck {
    let csr_key = explained.csr_key;
    let would_issue = explained.would_issue.map(|approved| {
        let (key_type, key_size) = match (approved.key(), csr_key) {
            (ApprovedKey::Generate(algorithm), _) => (algorithm.key_type(), algorithm.key_size()),
            (ApprovedKey::FromCsr, key) => key.unwrap_or_default(),
        };
        WouldIssue {
            subject: approved.subject().to_string(),
            sans: Sans::from(approved.sans()).into(),
            key_type: Word::shown(key_type),
            key_size,
            not_before: approved.not_before().to_string(),
            not_after: approved.not_after().to_string(),
            key_usage: approved.key_usage().names().into_iter().map(ToOwned::to_owned).collect(),
            ext_key_usage: approved.extended_key_usage().iter().map(ToString::to_string).collect(),
            policy_identifiers: approved.policies().iter().map(ToString::to_string).collect(),
            must_staple: approved.must_staple(),
            store_private_key: approved.store_private_key(),
        }
    });
    RoleCheck {
        allowed: would_issue.is_some(),
        rules: explained.findings.into_iter().map(verdict).collect(),
        would_issue,
    }
}

fn verdict(finding: Finding) -> RuleVerdict {
    let present = |text: String| Some(text).filter(|text| !text.is_empty());
    RuleVerdict {
        rule: finding.rule.to_owned(),
        field: present(finding.field.to_owned()),
        value: present(finding.value),
        verdict: finding.verdict.into(),
        reason: finding.reason,
    }
}

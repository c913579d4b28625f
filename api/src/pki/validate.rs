//! `/v1/pki/certificates/validate`.

use certmill_service::domain::Timestamp;
use certmill_service::validate::{self, Anchor, AnchorSource, Link, Problem, ValidateRequest, Validation};
use certmill_service::{App, ServiceError};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::acts::Judges;
use crate::auth::{Authorized, Read};
use crate::body::{Body, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::TextList;
use crate::words::{AnchorKind, TrustStore, Word, WordList};

pub(crate) struct ValidateApi;

/// A certificate to be judged.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidateCertificateRequest {
    /// The certificate: PEM, or DER in base64. Of several in one text the first is judged and the others are `chain_pem`.
    certificate_pem: String,
    /// Certificates that may stand between it and a trust anchor, in any order: PEM, or DER in base64. Strangers among
    /// them do no harm. The tenant's own CAs need not be given.
    chain_pem: Option<String>,
    /// Whether to find out about revocation: for CAs of this service from its records; for others from `crl_pem`, from
    /// the distribution points and by OCSP. Default false: only this service's own records are looked at, and a warning
    /// `revocation_not_checked` names what else nobody has asked about.
    check_revocation: Option<bool>,
    /// Whether the answer is `valid: false` when it could not be found out whether something on the path was revoked.
    /// It asks for `check_revocation`. Default false.
    require_revocation: Option<bool>,
    /// CRLs in PEM, for `check_revocation`: up to 100.
    crl_pem: Option<String>,
    /// When it is to be valid (RFC 3339); now when absent.
    at: Option<String>,
    /// Whom to trust beside the tenant's trust anchors and root CAs: `system` is the machine's store.
    trust: Option<WordList<TrustStore>>,
    /// What it is to be used for, such as `serverAuth`, `clientAuth`, `codeSigning` or a dotted OID; anything when
    /// absent. What CAs on the path say of purposes counts too.
    purpose: Option<String>,
    /// Purposes that it must permit all of, beside `purpose`.
    purposes: Option<TextList>,
    /// The e-mail address that it must be for, instead of `hostname`.
    email: Option<String>,
    /// How many intermediate certificates may stand between it and the trust anchor: 0 to 14.
    max_depth: Option<i64>,
    /// The host name or IP address under which it was met; it must be a subject alternative name (RFC 9525).
    hostname: Option<String>,
    /// Certificate policies that are acceptable, as dotted OIDs; any when absent (RFC 5280 §6.1.1 (c)).
    policies: Option<TextList>,
    /// Whether the path must be valid for one of `policies` (initial-explicit-policy). Default false.
    require_explicit_policy: Option<bool>,
    /// initial-policy-mapping-inhibit. Default false.
    inhibit_policy_mapping: Option<bool>,
    /// initial-any-policy-inhibit. Default false.
    inhibit_any_policy: Option<bool>,
    /// Whether breaches of the rules that RFC 5280 §4 makes for issuers, such as a missing authority key identifier, are
    /// errors (default) or warnings.
    strict: Option<bool>,
}

/// What was found out about a certificate.
#[derive(Object, Serialize)]
#[oai(rename = "Validation")]
struct ValidationView {
    /// Whether to trust it: the chain is right, nothing has ended, and nothing is known to be revoked.
    valid: bool,
    /// Whether a path leads to a trust anchor and is right but for the time.
    chain_valid: bool,
    /// Whether everything on the path is within its validity at `at`.
    not_expired: bool,
    /// Whether nothing on the path is revoked; null when it was not asked, or when it could not be found out, which
    /// `warnings` tells.
    not_revoked: Option<bool>,
    trusted_anchor: Option<AnchorView>,
    /// The path that was found or came nearest: the certificate first, each followed by its issuer.
    chain: Vec<LinkView>,
    errors: Vec<ProblemView>,
    warnings: Vec<ProblemView>,
    /// The certificate policies for which the path is valid.
    policies: Vec<String>,
}

/// The trust anchor that the path leads to.
#[derive(Object, Serialize)]
#[oai(rename = "TrustedAnchor")]
struct AnchorView {
    /// `ta_…` or `ca_…`; null for one of the machine's.
    id: Option<String>,
    name: Option<String>,
    /// `trust_anchor`, `root_ca` or `system`.
    source: Word<AnchorKind>,
    /// RFC 4514.
    subject: String,
    fingerprint_sha256: String,
}

/// A certificate of the path.
#[derive(Object, Serialize)]
#[oai(rename = "ChainLink")]
struct LinkView {
    /// RFC 4514.
    subject: String,
    /// RFC 4514.
    issuer: String,
    fingerprint_sha256: String,
    not_after: String,
}

/// Something that is wrong, or could not be found out.
#[derive(Object, Serialize)]
#[oai(rename = "ValidationProblem")]
struct ProblemView {
    /// The rule, such as `expired`, `signature_invalid` or `name_not_permitted`.
    code: String,
    message: String,
    /// The certificate that it is about.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<ProblemCertificate>,
}

/// A certificate that something is wrong with.
#[derive(Object, Serialize)]
struct ProblemCertificate {
    subject: String,
    fingerprint_sha256: String,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl ValidateApi {
    /// Validate a certificate
    ///
    /// Builds paths to the tenant's trust anchors and root CAs and judges them by RFC 5280 §6: several
    /// candidate paths, cross-signed intermediates, name constraints, path lengths, key usages, purposes along the path,
    /// policies, unknown critical extensions. Addresses for CRLs and OCSP are fetched within limits of time and size, and
    /// never inside private networks unless the operator allows it; what cannot be reached is a warning.
    #[oai(path = "/certificates/validate", method = "post", operation_id = "validateCertificate")]
    async fn validate(
        &self,
        caller: Authorized<Read, Judges>,
        app: Data<&App>,
        body: Body<ValidateCertificateRequest>,
    ) -> Result<Reply<ValidationView>, ApiError> {
        let request = read(body.0)?;
        Ok(Reply(view(validate::validate(&app, &caller, request).await?)))
    }
}

fn read(request: ValidateCertificateRequest) -> Result<ValidateRequest, ServiceError> {
    let at = request.at.map(|text| {
        Timestamp::parse_rfc3339(&text).ok_or_else(|| {
            ServiceError::field("at", format!("`{text}` is not a time such as 2026-01-31T12:00:00Z"))
        })
    });
    let trust = request.trust.map(|trust| trust.list.0).unwrap_or_default();
    if let Some(other) = trust.iter().find(|word| *word != "system") {
        let problem = format!("`{other}` is unknown: use `system`, or leave it out");
        return Err(ServiceError::field("trust", problem));
    }
    Ok(ValidateRequest {
        certificate: request.certificate_pem,
        chain: request.chain_pem,
        crls: request.crl_pem,
        check_revocation: request.check_revocation.unwrap_or(false),
        require_revocation: request.require_revocation.unwrap_or(false),
        at: at.transpose()?,
        trust_system: !trust.is_empty(),
        purpose: request.purpose,
        purposes: request.purposes.unwrap_or_default().0,
        hostname: request.hostname,
        email: request.email,
        max_depth: request.max_depth,
        policies: request.policies.map(|list| list.0),
        require_explicit_policy: request.require_explicit_policy.unwrap_or(false),
        inhibit_policy_mapping: request.inhibit_policy_mapping.unwrap_or(false),
        inhibit_any_policy: request.inhibit_any_policy.unwrap_or(false),
        lenient: !request.strict.unwrap_or(true),
    })
}

fn view(found: Validation) -> ValidationView {
    ValidationView {
        valid: found.valid,
        chain_valid: found.chain_valid,
        not_expired: found.not_expired,
        not_revoked: found.not_revoked,
        trusted_anchor: found.trusted_anchor.map(anchor),
        chain: found.chain.into_iter().map(link).collect(),
        errors: found.errors.into_iter().map(problem).collect(),
        warnings: found.warnings.into_iter().map(problem).collect(),
        policies: found.policies,
    }
}

fn anchor(anchor: Anchor) -> AnchorView {
    let (source, id, name) = match anchor.source {
        AnchorSource::TrustAnchor { id, name } => ("trust_anchor", Some(id), Some(name)),
        AnchorSource::RootCa { id, name } => ("root_ca", Some(id), Some(name)),
        AnchorSource::System => ("system", None, None),
    };
    AnchorView {
        id,
        name,
        source: Word::shown(source),
        subject: anchor.subject,
        fingerprint_sha256: anchor.fingerprint_sha256,
    }
}

fn link(link: Link) -> LinkView {
    LinkView {
        subject: link.subject,
        issuer: link.issuer,
        fingerprint_sha256: link.fingerprint_sha256,
        not_after: link.not_after.to_string(),
    }
}

fn problem(problem: Problem) -> ProblemView {
    ProblemView {
        code: problem.code,
        message: problem.message,
        certificate: problem
            .certificate
            .map(|(fingerprint_sha256, subject)| ProblemCertificate { subject, fingerprint_sha256 }),
    }
}

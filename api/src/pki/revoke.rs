//! `/v1/pki/revoke`.

use certmill_service::ca::crl_url;
use certmill_service::certificates::{self, RevokeRequest};
use certmill_service::domain::Timestamp;
use certmill_service::x509::RevocationReason;
use certmill_service::{App, ServiceError};
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::certificates::parse_serial;
use crate::acts::CertificateRevoke;
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::{CrlUpdate, Word};

pub(crate) struct RevokeApi;

/// Which certificate to revoke, and why.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeCertificateRequest {
    /// Hex with `:`, `-` or no separators, any case.
    serial_number: String,
    /// A reason of RFC 5280 §5.3.1, such as `keyCompromise` or `key_compromise`; `unspecified` when absent.
    /// `certificateHold` suspends it, and `removeFromCRL` lifts that. A suspended certificate can get any other reason, and
    /// every reason can become `keyCompromise`; nothing else can follow one (`409 invalid_state`).
    reason: Option<Word<RevocationReason>>,
    /// Since when its key may have been in wrong hands (RFC 3339; RFC 5280 §5.3.2), not in the future: it stands in the CRL.
    invalidity_date: Option<String>,
    /// When to revoke it, if not at once (RFC 3339): in the future, and before its end. It replaces what was scheduled before.
    revoke_at: Option<String>,
    /// Take back what `revoke_at` has scheduled, and do nothing else. Default false.
    cancel_scheduled: Option<bool>,
    /// Say only what would become of it, in `preview`. Default false.
    dry_run: Option<bool>,
    /// Whether the ACME server that the certificate came from is to revoke it: so it is when absent, since nobody else can. It
    /// takes the reasons unspecified, keyCompromise, affiliationChanged, superseded and cessationOfOperation.
    use_acme: Option<bool>,
    /// The CA, should several certificates of the tenant have this serial number.
    ca_id: Option<String>,
}

/// A revoked certificate.
#[derive(Object, Serialize)]
struct RevokedCertificate {
    serial_number: String,
    /// `cert_…`
    certificate_id: String,
    /// Null for one that is not revoked: its suspension was lifted, it is to be revoked later, or `dry_run` asked about it.
    revoked_at: Option<String>,
    /// Only for one that is to be revoked later: when.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoke_at: Option<String>,
    reason: Word<RevocationReason>,
    /// `scheduled`: a worker rebuilds the CRL within seconds. `by_ca`: the ACME server publishes it.
    crl_update: Word<CrlUpdate>,
    /// Only for `dry_run`, which changes nothing.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<RevocationPreview>,
}

/// What a revocation would do.
#[derive(Object, Serialize)]
struct RevocationPreview {
    /// `revoke`, `change_reason`, `release`, `schedule`, `cancel` or `none`.
    effect: String,
    /// When those who read CRLs know at the latest: then the present CRL that the certificate names ends. Those who ask by OCSP are told by the next answer; the one before is good for up to 12 hours.
    crl_known_by: Option<String>,
    /// When those know at the latest who read delta CRLs too: then the present delta CRL ends. Null when there is none.
    delta_crl_known_by: Option<String>,
    /// The certificate that has taken its place.
    renewed_by: Option<String>,
    /// The shard of its CA that it is in: 0 when it names the full CRL.
    crl_shard: u32,
    /// Where the CRLs are that change: the full one, that of its shard, and the delta CRLs to these.
    crl_urls: Vec<String>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl RevokeApi {
    /// Revoke a certificate
    ///
    /// Repeating the call answers the first revocation; another reason that cannot follow the one that
    /// stands is `409 invalid_state`. With `revoke_at` a worker does it then, unless `cancel_scheduled` comes before. A certificate from an ACME server is revoked there
    /// during the call: in the name of its account, or with its own key when the account cannot be used or the reason is
    /// keyCompromise; `502 upstream_error` when the server does not do it, and then nothing changes here.
    #[oai(path = "/revoke", method = "post", operation_id = "revokeCertificate")]
    async fn revoke(
        &self,
        caller: Authorized<Admin, CertificateRevoke>,
        app: Data<&App>,
        body: Body<RevokeCertificateRequest>,
    ) -> Result<Reply<RevokedCertificate>, ApiError> {
        let request = RevokeRequest {
            serial_number: parse_serial(&body.0.serial_number)?,
            ca_id: body.0.ca_id.map(|id| certmill_service::ca::parse_id(&id)).transpose()?,
            reason: body.0.reason.as_deref().map(|text| parse_reason(Some(text))).transpose()?,
            invalidity_date: body
                .0
                .invalidity_date
                .map(|text| parse_time(&text, "invalidity_date"))
                .transpose()?,
            revoke_at: body.0.revoke_at.map(|text| parse_time(&text, "revoke_at")).transpose()?,
            cancel_scheduled: body.0.cancel_scheduled.unwrap_or(false),
            dry_run: body.0.dry_run.unwrap_or(false),
            use_acme: body.0.use_acme,
        };
        let revoked = certificates::revoke(&app, &caller, &request).await?;
        Ok(Reply(RevokedCertificate {
            serial_number: revoked.serial_number.to_string(),
            certificate_id: revoked.certificate_id.to_string(),
            revoked_at: revoked.revoked_at.map(|at| at.to_string()),
            revoke_at: revoked.revoke_at.map(|at| at.to_string()),
            reason: revoked.reason.into(),
            crl_update: Word::shown(if revoked.by_acme { "by_ca" } else { "scheduled" }),
            preview: revoked.preview.map(|preview| RevocationPreview {
                effect: preview.effect.to_owned(),
                crl_known_by: preview.crl_known_by.map(|at| at.to_string()),
                delta_crl_known_by: preview.delta_crl_known_by.map(|at| at.to_string()),
                renewed_by: preview.renewed_by.map(|id| id.to_string()),
                crl_shard: preview.crl_shard,
                crl_urls: preview.lists.into_iter().map(|list| crl_url(&app, list)).collect(),
            }),
        }))
    }
}

/// Reads a revocation reason; `unspecified` when absent.
pub(crate) fn parse_reason(text: Option<&str>) -> Result<RevocationReason, ServiceError> {
    let Some(text) = text else {
        return Ok(RevocationReason::Unspecified);
    };
    text.parse().map_err(|_| {
        ServiceError::field(
            "reason",
            format!(
                "`{}` is not a reason of RFC 5280: use unspecified, keyCompromise, cACompromise, affiliationChanged, \
                 superseded, cessationOfOperation, certificateHold, removeFromCRL, privilegeWithdrawn or aACompromise",
                text.chars().take(64).collect::<String>()
            ),
        )
    })
}

pub(super) fn parse_time(text: &str, field: &str) -> Result<Timestamp, ServiceError> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        let shown: String = text.chars().take(64).collect();
        ServiceError::field(field, format!("`{shown}` is not a time such as 2026-01-31T12:00:00Z"))
    })
}

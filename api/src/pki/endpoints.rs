//! `/v1/pki/certificates/{id}/check`, and endpoints as certificates show them.

use certmill_service::domain::{CertificateEndpoint, EndpointState, Served, Timestamp};
use certmill_service::{App, certificates, endpoints};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::certificates::{CertificateDetail, detail};
use crate::acts::CertificateCheck;
use crate::auth::{Authorized, IssueUnderRole};
use crate::body::Reply;
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::Word;

pub(crate) struct EndpointsApi;

/// Where a certificate is meant to be served, and what was found there.
#[derive(Object, Serialize)]
#[oai(rename = "CertificateEndpoint")]
pub(super) struct EndpointView {
    /// `host:port`, or `scheme:host:port` with `smtp`, `imap`, `pop3`, `ftp`, `ldap` or `postgres`.
    endpoint: String,
    /// `deployed`: it serves this certificate; `serving_old`: one that this one has replaced; `other_certificate`: another one;
    /// `unreachable`: none was seen; `unchecked`: nobody has looked since it was named or the certificate was renewed.
    state: Word<EndpointState>,
    /// Why none was seen.
    reason: Option<String>,
    /// Since when this certificate has been seen there and no other; what cannot be reached for a while leaves it.
    deployed_since: Option<String>,
    /// When somebody last looked.
    checked_at: Option<String>,
    /// When the next look is due.
    next_check_at: String,
    /// What was served when a certificate was seen last.
    served: Option<ServedView>,
    /// What is wrong with that certificate, whichever it is: `expired`, `not_yet_valid`, `name_mismatch` (it is not for the
    /// host), `revoked`.
    findings: Vec<String>,
}

/// A certificate that was served.
#[derive(Object, Serialize)]
#[oai(rename = "ServedCertificate")]
struct ServedView {
    serial_number: String,
    /// SHA-256 of the DER, lower-case hex.
    fingerprint_sha256: String,
    not_after: String,
    /// The certificate here that it is; null when it is none.
    certificate_id: Option<String>,
}

impl From<CertificateEndpoint> for EndpointView {
    fn from(row: CertificateEndpoint) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        Self {
            endpoint: row.endpoint,
            state: row.state.into(),
            reason: row.reason,
            deployed_since: text(row.deployed_since),
            checked_at: text(row.checked_at),
            next_check_at: row.asked_at.unwrap_or(row.next_check_at).to_string(),
            served: row.served.map(Into::into),
            findings: row.findings,
        }
    }
}

impl From<Served> for ServedView {
    fn from(served: Served) -> Self {
        Self {
            serial_number: served.serial_number,
            fingerprint_sha256: served.fingerprint_sha256,
            not_after: served.not_after.to_string(),
            certificate_id: served.certificate_id.map(|id| id.to_string()),
        }
    }
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl EndpointsApi {
    /// Look at the endpoints of a certificate
    ///
    /// A worker connects to each now and shakes hands; the answer comes when all were looked at, after 25 seconds at most, and
    /// what takes longer is shown later (`checked_at`). Without asking, endpoints are looked at every hour
    /// (`endpoints.check_every`), and more often after a renewal. A server is connected to as the egress policy allows it, for
    /// 10 seconds and 256 KiB at most. `409 invalid_state` when the certificate has no endpoints.
    #[oai(path = "/certificates/:id/check", method = "post", operation_id = "checkCertificateEndpoints")]
    async fn check(
        &self,
        caller: Authorized<IssueUnderRole, CertificateCheck>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<CertificateDetail>, ApiError> {
        let found = endpoints::check(&app, &caller, certificates::parse_id(&id)?).await?;
        Ok(Reply(detail(found, app.now())))
    }
}

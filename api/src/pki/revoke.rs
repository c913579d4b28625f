//! `/v1/pki/revoke`.

use certmill_service::App;
use certmill_service::certificates::{self, RevokeRequest};
use certmill_service::x509::RevocationReason;
use poem::web::Data;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::ca::parse_reason;
use super::certificates::parse_serial;
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
    /// `removeFromCRL` is recorded, but a full CRL lists such an entry without a reason, as RFC 5280 demands.
    reason: Option<Word<RevocationReason>>,
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
    revoked_at: String,
    reason: Word<RevocationReason>,
    /// `scheduled`: a worker rebuilds the CRL within seconds. `by_ca`: the ACME server publishes it.
    crl_update: Word<CrlUpdate>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl RevokeApi {
    /// Revoke a certificate
    ///
    /// Scope: `pki:admin`. Repeating the call answers the first revocation. A certificate from an ACME server is revoked there
    /// during the call: in the name of its account, or with its own key when the account cannot be used or the reason is
    /// keyCompromise; `502 upstream_error` when the server does not do it, and then nothing changes here.
    #[oai(path = "/revoke", method = "post", operation_id = "revokeCertificate")]
    async fn revoke(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        body: Body<RevokeCertificateRequest>,
    ) -> Result<Reply<RevokedCertificate>, ApiError> {
        let request = RevokeRequest {
            serial_number: parse_serial(&body.0.serial_number)?,
            ca_id: body.0.ca_id.map(|id| certmill_service::ca::parse_id(&id)).transpose()?,
            reason: parse_reason(body.0.reason.as_deref())?,
            use_acme: body.0.use_acme,
        };
        let revoked = certificates::revoke(&app, &caller, &request).await?;
        Ok(Reply(RevokedCertificate {
            serial_number: revoked.serial_number.to_string(),
            certificate_id: revoked.certificate_id.to_string(),
            revoked_at: revoked.revoked_at.to_string(),
            reason: revoked.reason.into(),
            crl_update: Word::shown(if revoked.by_acme { "by_ca" } else { "scheduled" }),
        }))
    }
}

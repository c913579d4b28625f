//! A certificate authority as the API shows it.

use certmill_service::App;
use certmill_service::ca::{self, CaWithCrl};
use certmill_service::domain::{CrlInfo, Timestamp};
use poem_openapi::Object;
use serde::Serialize;

/// A certificate authority.
#[derive(Object, Serialize)]
#[oai(rename = "CertificateAuthority")]
pub(super) struct CaView {
    /// `ca_…`
    id: String,
    name: String,
    common_name: String,
    /// `root` or `intermediate`.
    ca_type: String,
    parent_ca_id: Option<String>,
    /// `rsa`, `ec` or `ed25519`.
    key_type: String,
    key_size: u32,
    serial_number: String,
    valid_from: String,
    valid_until: String,
    /// `active`, `revoked` or `expired`.
    status: String,
    /// Whether it may issue now.
    is_active: bool,
    /// Certificates issued so far, sub-CAs not counted.
    certificates_issued: i64,
    /// Set once it is revoked.
    revocation: Option<CaRevocationView>,
    /// Its present CRL.
    crl: Option<CrlView>,
    /// Where the public finds its CRL.
    crl_url: String,
    /// Where the public finds its certificate.
    ca_issuers_url: String,
    created_at: String,
    /// `admin` or `desk`: who may renew, with another key, what a person approved at the CSR desk.
    renewal_of_desk_certificates: String,
}

/// The revocation of a CA and its progress.
#[derive(Object, Serialize)]
#[oai(rename = "CaRevocation")]
struct CaRevocationView {
    reason: String,
    revoked_at: String,
    /// Certificates and sub-CAs revoked so far in consequence.
    certificates_revoked: i64,
    /// How many there are to revoke.
    certificates_total: i64,
    /// When the last of them was done.
    completed_at: Option<String>,
}

/// The figures of a CRL.
#[derive(Object, Serialize)]
#[oai(rename = "CrlFigures")]
pub(super) struct CrlView {
    number: i64,
    this_update: String,
    next_update: String,
    /// How many certificates it lists.
    entries: i64,
}

/// The CA with its state at this moment.
pub(super) fn view(app: &App, found: CaWithCrl) -> CaView {
    let CaWithCrl { ca, crl } = found;
    let status = ca.status(app.now());
    CaView {
        crl_url: ca::crl_url(app, ca.id),
        ca_issuers_url: ca::ca_issuers_url(app, ca.id),
        id: ca.id.to_string(),
        name: ca.name,
        common_name: ca.common_name,
        ca_type: ca.kind.as_str().to_owned(),
        parent_ca_id: ca.parent_id.map(|id| id.to_string()),
        key_type: ca.key_type,
        key_size: ca.key_size,
        serial_number: ca.serial_number.to_string(),
        valid_from: ca.not_before.to_string(),
        valid_until: ca.not_after.to_string(),
        status: status.as_str().to_owned(),
        is_active: status == certmill_service::domain::CaStatus::Active,
        certificates_issued: ca.certificates_issued,
        revocation: ca.revocation.map(|revocation| CaRevocationView {
            reason: revocation.reason.as_str().to_owned(),
            revoked_at: revocation.revoked_at.to_string(),
            certificates_revoked: revocation.certificates_revoked,
            certificates_total: revocation.certificates_total,
            completed_at: revocation.completed_at.map(|at: Timestamp| at.to_string()),
        }),
        crl: crl.map(crl_view),
        created_at: ca.created_at.to_string(),
        renewal_of_desk_certificates: ca.renewal_of_desk_certificates.as_str().to_owned(),
    }
}

/// The figures of a CRL.
pub(super) fn crl_view(info: CrlInfo) -> CrlView {
    CrlView {
        number: info.number,
        this_update: info.this_update.to_string(),
        next_update: info.next_update.to_string(),
        entries: info.entries,
    }
}

//! A certificate authority as the API shows it.

use certmill_service::App;
use certmill_service::ca::{self, CaWithCrl};
use certmill_service::domain::{CaKind, CaStatus, CrlId, CrlInfo, DeskRenewal, OcspSigner, Timestamp, Ttl};
use certmill_service::x509::{RevocationReason, pem};
use poem_openapi::Object;
use serde::Serialize;

use crate::words::{KeyType, Word};

/// A certificate authority.
#[derive(Object, Serialize)]
#[oai(rename = "CertificateAuthority")]
pub(super) struct CaView {
    /// `ca_…`
    id: String,
    name: String,
    common_name: String,
    /// `root` or `intermediate`.
    ca_type: Word<CaKind>,
    parent_ca_id: Option<String>,
    /// `rsa`, `ec` or `ed25519`.
    key_type: Word<KeyType>,
    key_size: u32,
    /// Null while it waits for its certificate.
    serial_number: Option<String>,
    /// Null while it waits for its certificate.
    valid_from: Option<String>,
    /// Null while it waits for its certificate.
    valid_until: Option<String>,
    /// `pending` while it waits for a certificate from elsewhere, `active`, `revoked` or `expired`.
    status: Word<CaStatus>,
    /// Whether it may issue now.
    is_active: bool,
    /// Certificates issued so far, sub-CAs not counted.
    certificates_issued: i64,
    /// Set once it is revoked.
    revocation: Option<CaRevocationView>,
    /// Its present full CRL.
    crl: Option<CrlView>,
    /// Where the public finds its full CRL.
    crl_url: String,
    /// Where the public finds its certificate.
    ca_issuers_url: String,
    created_at: String,
    /// `admin` or `desk`: who may renew, with another key, what a person approved at the CSR desk.
    renewal_of_desk_certificates: Word<DeskRenewal>,
    /// Whether its certificates name the OCSP responder.
    ocsp: bool,
    /// `ca` or `delegated`: who signs OCSP answers about what it has issued.
    ocsp_signer: Word<OcspSigner>,
    /// Where the public asks about its certificates.
    ocsp_url: String,
    /// How long its CRLs are good; null is as the operator has configured it.
    crl_validity: Option<String>,
    /// By how much the next CRL comes before the end of the present one; null is a third of `crl_validity`.
    crl_overlap: Option<String>,
    /// Into how many shards what it issues is divided, each with a CRL of its own; 1 when there is the full CRL only.
    crl_shards: u32,
    /// How long its delta CRLs are good; null when it has none.
    delta_crl_validity: Option<String>,
    /// Whether it signs by RSASSA-PSS.
    use_pss: bool,
    /// The mail addresses of those who are told what happens to it.
    owners: Vec<String>,
    /// The request for its certificate, if a CA elsewhere signs it.
    csr_pem: Option<String>,
}

/// The revocation of a CA and its progress.
#[derive(Object, Serialize)]
#[oai(rename = "CaRevocation")]
struct CaRevocationView {
    reason: Word<RevocationReason>,
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
struct CrlView {
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
    let has_certificate = !ca.certificate_der.is_empty();
    let csr_der = ca.foreign.and_then(|foreign| foreign.csr_der);
    CaView {
        csr_pem: csr_der.map(|der| pem::encode(pem::CERTIFICATE_REQUEST, &der)),
        crl_url: ca::crl_url(app, CrlId::full(ca.id)),
        ca_issuers_url: ca::ca_issuers_url(app, ca.id),
        ocsp_url: ca::ocsp_url(app, ca.id),
        ocsp: ca.ocsp,
        ocsp_signer: ca.ocsp_signer.into(),
        crl_validity: ca.crl_validity.map(|span| Ttl::from_seconds(span.as_secs()).to_string()),
        crl_overlap: ca.crl_overlap.map(|span| Ttl::from_seconds(span.as_secs()).to_string()),
        crl_shards: ca.crl_shards,
        delta_crl_validity: ca.delta_crl_validity.map(|span| Ttl::from_seconds(span.as_secs()).to_string()),
        use_pss: ca.use_pss,
        owners: ca.owners.texts(),
        id: ca.id.to_string(),
        name: ca.name,
        common_name: ca.common_name,
        ca_type: ca.kind.into(),
        parent_ca_id: ca.parent_id.map(|id| id.to_string()),
        key_type: Word::shown(&ca.key_type),
        key_size: ca.key_size,
        serial_number: has_certificate.then(|| ca.serial_number.to_string()),
        valid_from: has_certificate.then(|| ca.not_before.to_string()),
        valid_until: has_certificate.then(|| ca.not_after.to_string()),
        status: status.into(),
        is_active: status == CaStatus::Active,
        certificates_issued: ca.certificates_issued,
        revocation: ca.revocation.map(|revocation| CaRevocationView {
            reason: revocation.reason.into(),
            revoked_at: revocation.revoked_at.to_string(),
            certificates_revoked: revocation.certificates_revoked,
            certificates_total: revocation.certificates_total,
            completed_at: revocation.completed_at.map(|at: Timestamp| at.to_string()),
        }),
        crl: crl.map(crl_view),
        created_at: ca.created_at.to_string(),
        renewal_of_desk_certificates: ca.renewal_of_desk_certificates.into(),
    }
}

/// The figures of a CRL.
fn crl_view(info: CrlInfo) -> CrlView {
    CrlView {
        number: info.number,
        this_update: info.this_update.to_string(),
        next_update: info.next_update.to_string(),
        entries: info.entries,
    }
}

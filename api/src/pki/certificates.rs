//! `/v1/pki/certificates`: finding certificates and changing their labels.

use std::collections::BTreeMap;

use certmill_service::certificates::{self, CertificateChange, CertificateWithChain, Sort};
use certmill_service::domain::{
    Certificate, CertificateSource, CertificateStatus, Sans, Timestamp, Vocabulary,
};
use certmill_service::x509::{RevocationReason, pem};
use certmill_service::{App, PageRequest, ServiceError};
use poem::Response;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::endpoints::EndpointView;
use super::renewal_view::{RenewalChangeRequest, RenewalView};
use super::wanted::Wanted;
use crate::acts::CertificateUpdate;
use crate::auth::{Authorized, IssueUnderRole, Read, ReadItself};
use crate::body::{Body, Reply, Tagged};
use crate::error::ApiError;
use crate::media::{Media, PemFile};
use crate::negotiate::PEM;
use crate::openapi::Group;
use crate::scalars::TextList;
use crate::words::{CertificateSort, KeyType, Word};

pub(crate) struct CertificatesApi;

/// What is to change: absent leaves it as it is, null empties it.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateCertificateRequest {
    /// All tags: up to 64, keys and values up to 256 bytes. `owners` holds mail addresses, divided by commas: of those who are told
    /// what happens to the certificate, in place of the owners of its role or CA.
    #[serde(default)]
    tags: MaybeUndefined<BTreeMap<String, String>>,
    /// Up to 4096 bytes.
    #[serde(default)]
    description: MaybeUndefined<String>,
    /// For certificates from ACME servers: whether they are renewed on their own.
    auto_renew: Option<bool>,
    /// For certificates from ACME servers: how the next one is ordered.
    renewal: Option<RenewalChangeRequest>,
    /// All endpoints where it is meant to be served, up to 100: `host:port` for TLS from the start, or `scheme:host:port` with
    /// `smtp`, `imap`, `pop3`, `ftp`, `ldap` or `postgres`. They go on to its renewals.
    #[serde(default)]
    endpoints: MaybeUndefined<TextList>,
}

/// A certificate.
#[derive(Object, Serialize)]
#[oai(rename = "Certificate")]
pub(super) struct CertificateView {
    /// `cert_…`
    id: String,
    serial_number: String,
    common_name: Option<String>,
    /// RFC 4514.
    subject: String,
    sans: SansView,
    /// The CA of ours that issued it.
    ca_id: Option<String>,
    /// Name of the role under which it was issued.
    role: Option<String>,
    /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
    source: Word<CertificateSource>,
    acme_order_id: Option<String>,
    key_type: Word<KeyType>,
    key_size: i64,
    /// SHA-256 of the DER, lower-case hex.
    fingerprint_sha256: String,
    /// SHA-256 of the subject public key info, lower-case hex.
    spki_sha256: String,
    not_before: String,
    not_after: String,
    /// `active`, `expired` or `revoked`.
    status: Word<CertificateStatus>,
    revoked_at: Option<String>,
    revocation_reason: Option<Word<RevocationReason>>,
    has_private_key: bool,
    renewed_from: Option<String>,
    renewed_by: Option<String>,
    tags: BTreeMap<String, String>,
    description: String,
    created_at: String,
}

impl CertificateView {
    /// The names of the fields in CSV.
    pub(super) const CSV_NAMES: [&str; 19] = [
        "id",
        "serial_number",
        "common_name",
        "subject",
        "dns",
        "ip",
        "email",
        "uri",
        "ca_id",
        "role",
        "source",
        "status",
        "not_before",
        "not_after",
        "revoked_at",
        "revocation_reason",
        "fingerprint_sha256",
        "tags",
        "description",
    ];

    /// The fields in CSV, lists with spaces between.
    pub(super) fn csv(self) -> [String; 19] {
        let tags: Vec<String> = self.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        [
            self.id,
            self.serial_number,
            self.common_name.unwrap_or_default(),
            self.subject,
            self.sans.dns.join(" "),
            self.sans.ip.join(" "),
            self.sans.email.join(" "),
            self.sans.uri.join(" "),
            self.ca_id.unwrap_or_default(),
            self.role.unwrap_or_default(),
            self.source.into(),
            self.status.into(),
            self.not_before,
            self.not_after,
            self.revoked_at.unwrap_or_default(),
            self.revocation_reason.map(Into::into).unwrap_or_default(),
            self.fingerprint_sha256,
            tags.join(" "),
            self.description,
        ]
    }
}

/// Subject alternative names by kind.
#[derive(Object, Serialize)]
#[oai(rename = "SubjectAlternativeNames")]
pub(super) struct SansView {
    dns: Vec<String>,
    ip: Vec<String>,
    email: Vec<String>,
    uri: Vec<String>,
    /// Other names, as `oid;UTF8:value`; absent when there are none.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<Vec<String>>,
}

impl From<Sans> for SansView {
    fn from(Sans { dns, ip, email, uri, other }: Sans) -> Self {
        Self { dns, ip, email, uri, other: Some(other).filter(|names| !names.is_empty()) }
    }
}

/// A certificate with its PEM and chain.
#[derive(Object, Serialize)]
pub(super) struct CertificateDetail {
    #[oai(flatten)]
    #[serde(flatten)]
    view: CertificateView,
    certificate_pem: String,
    /// The certificates of its CA and of those above it.
    chain_pem: String,
    /// Only for certificates from ACME servers: how they are renewed.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal: Option<RenewalView>,
    /// Where it is meant to be served, and what was found there.
    endpoints: Vec<EndpointView>,
    /// Only for certificates that are to be revoked later.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_revocation: Option<ScheduledRevocationView>,
    /// Only for keys that nothing would be issued for: `close_factors`, `small_factor`,
    /// `square_modulus`, `prime_modulus`, `roca`, `long_exponent`, `small_order`, `published_key` or `blocked`; in imports also
    /// `weak_key` (too short, or too small an exponent) and `unsupported_key` (another algorithm, curve or form).
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    weak_key: Option<String>,
}

/// A revocation to come.
#[derive(Object, Serialize)]
#[oai(rename = "ScheduledRevocation")]
struct ScheduledRevocationView {
    /// When.
    revoke_at: String,
    reason: Word<RevocationReason>,
}

/// A page of certificates.
#[derive(Object, Serialize)]
struct CertificateList {
    certificates: Vec<CertificateView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl CertificatesApi {
    /// List certificates
    ///
    /// Newest first, or `sort=not_after` for the soonest to end. Revoked ones are left out unless
    /// `include_revoked=true` or `status=revoked`.
    ///
    /// What a call costs does not grow with the number of certificates: filters that find up to 1,000 are answered at once,
    /// others page by page. A call looks at 5,000 certificates at most, so that a page of filters that rarely agree may have
    /// fewer rows than `limit`, or none, while `has_more` is true: go on with its `cursor`. `total` is left out when looking at
    /// 20,000 certificates does not tell it.
    #[oai(path = "/certificates", method = "get", operation_id = "listCertificates")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        /// Issued by this CA.
        ca_id: Query<Option<String>>,
        /// Ending within this duration from now, and not ended yet.
        expiring_within: Query<Option<String>>,
        /// Revoked ones too.
        include_revoked: Query<Option<bool>>,
        /// Issued under the role of this name.
        role: Query<Option<String>>,
        /// `active`, `expired` or `revoked`.
        status: Query<Option<Word<CertificateStatus>>>,
        /// `issued`, `signed`, `csr`, `acme`, `imported` or `renewed`.
        source: Query<Option<Word<CertificateSource>>>,
        /// Common name contains this text, whatever its case. Without three letters or digits in a row it has no index to begin at.
        common_name: Query<Option<String>>,
        /// Has this subject alternative name; `*.example.com` finds every name below the domain.
        san: Query<Option<String>>,
        /// Has this serial number.
        serial_number: Query<Option<String>>,
        /// Has this fingerprint (SHA-256 in hex).
        fingerprint_sha256: Query<Option<String>>,
        /// Carries this tag: `key:value` or `key=value`; what stands before the first of these signs is the key.
        tag: Query<Option<String>>,
        /// `created_at` (default) or `not_after`.
        sort: Query<Option<Word<CertificateSort>>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<CertificateList>, ApiError> {
        let wanted = Wanted {
            ca_id: ca_id.0,
            expiring_within: expiring_within.0,
            include_revoked: include_revoked.0,
            role: role.0,
            status: status.0,
            source: source.0,
            common_name: common_name.0,
            san: san.0,
            serial_number: serial_number.0,
            fingerprint_sha256: fingerprint_sha256.0,
            tag: tag.0,
        };
        let filter = wanted.filter(&app)?;
        let sort = match sort.0.map(|word| word.value("sort")).transpose()?.map(Vocabulary::word) {
            Some("not_after") => Sort::NotAfter,
            _ => Sort::CreatedAt,
        };
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = certificates::list(&app, &caller, &filter, sort, &page).await?;
        let (has_more, now) = (page.has_more(), app.now());
        let certificates = page.items.into_iter().map(|row| view(row, now)).collect();
        Ok(Reply(CertificateList { certificates, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Read a certificate
    #[oai(path = "/certificates/:id", method = "get", operation_id = "getCertificate")]
    async fn find(
        &self,
        caller: Authorized<ReadItself>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Tagged<CertificateDetail>, ApiError> {
        let found = certificates::find(&app, &caller, certificates::named(&caller, &id)?).await?;
        let tag = certificates::state(&found.certificate, found.renewal.as_ref(), &found.endpoints);
        Ok(Tagged::new(tag, detail(found, app.now())))
    }

    /// Read a certificate's PEM
    ///
    /// Just the PEM, as `application/x-pem-file`.
    #[oai(path = "/certificates/:id/pem", method = "get", operation_id = "getCertificatePem")]
    async fn pem(
        &self,
        caller: Authorized<ReadItself>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Media<PemFile>, ApiError> {
        let found = certificates::find(&app, &caller, certificates::named(&caller, &id)?).await?;
        let text = pem::encode("CERTIFICATE", &found.certificate.der);
        Ok(Media::new(Response::builder().content_type(PEM).body(text)))
    }

    /// Change tags, description or endpoints
    ///
    /// `tags` replaces all tags. `auto_renew` and `renewal` are for certificates from ACME servers: a
    /// `renewal` is checked as if the certificate were ordered so now, and moves what is renewed next, and all that comes of
    /// it, to another account or CA, challenge, DNS provider or profile; what is left out stays. `endpoints` replaces all endpoints;
    /// new ones are looked at at once. A certificate that was renewed takes none: they are its renewal's.
    #[oai(path = "/certificates/:id", method = "patch", operation_id = "updateCertificate")]
    async fn update(
        &self,
        caller: Authorized<IssueUnderRole, CertificateUpdate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateCertificateRequest>,
    ) -> Result<Tagged<CertificateDetail>, ApiError> {
        let tags = emptied(body.0.tags);
        let description = emptied(body.0.description);
        let id = certificates::parse_id(&id)?;
        let renewal = body.0.renewal.map(Into::into);
        let endpoints = emptied(body.0.endpoints).map(|list| list.0);
        let auto_renew = body.0.auto_renew;
        let change = CertificateChange { tags, description, auto_renew, renewal, endpoints };
        let found = certificates::label(&app, &caller, id, change).await?;
        let tag = certificates::state(&found.certificate, found.renewal.as_ref(), &found.endpoints);
        Ok(Tagged::new(tag, detail(found, app.now())))
    }
}

/// Null empties, absent leaves alone.
pub(super) fn emptied<T: Default>(value: MaybeUndefined<T>) -> Option<T> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(T::default()),
        MaybeUndefined::Value(value) => Some(value),
    }
}

/// Reads a serial number in any of its spellings.
pub(crate) fn parse_serial(text: &str) -> Result<certmill_service::x509::SerialNumber, ServiceError> {
    text.parse().map_err(|error| ServiceError::field("serial_number", format!("{error}")))
}

pub(super) fn detail(found: CertificateWithChain, now: Timestamp) -> CertificateDetail {
    CertificateDetail {
        renewal: found.renewal.map(|row| RenewalView::of(row, found.order)),
        certificate_pem: pem::encode("CERTIFICATE", &found.certificate.der),
        chain_pem: found.chain_pem,
        endpoints: found.endpoints.into_iter().map(Into::into).collect(),
        scheduled_revocation: found.scheduled.map(|scheduled| ScheduledRevocationView {
            revoke_at: scheduled.revoke_at.to_string(),
            reason: scheduled.reason.into(),
        }),
        weak_key: found.weak_key,
        view: view(found.certificate, now),
    }
}

pub(super) fn view(row: Certificate, now: Timestamp) -> CertificateView {
    let status = row.status(now);
    CertificateView {
        id: row.id.to_string(),
        serial_number: row.serial_number.to_string(),
        common_name: row.common_name,
        subject: row.subject,
        sans: row.sans.into(),
        ca_id: row.ca_id.map(|id| id.to_string()),
        role: row.role,
        source: row.source.into(),
        acme_order_id: row.acme_order_id.map(|id| id.to_string()),
        key_type: Word::shown(&row.key_type),
        key_size: row.key_size,
        fingerprint_sha256: row.fingerprint_sha256,
        spki_sha256: row.spki_sha256,
        not_before: row.not_before.to_string(),
        not_after: row.not_after.to_string(),
        status: status.into(),
        revoked_at: row.revoked_at.map(|at| at.to_string()),
        revocation_reason: row.revocation_reason.map(Into::into),
        has_private_key: row.has_private_key,
        renewed_from: row.renewed_from.map(|id| id.to_string()),
        renewed_by: row.renewed_by.map(|id| id.to_string()),
        tags: row.tags,
        description: row.description,
        created_at: row.created_at.to_string(),
    }
}

//! `/v1/pki/ca`: certificate authorities.

use certmill_service::ca::{self, CaChanges, NewCa};
use certmill_service::domain::{CaKind, DeskRenewal, OcspSigner};
use certmill_service::x509::{DistinguishedName, RevocationReason};
use certmill_service::{App, PageRequest, ServiceError};
use poem::Response;
use poem::http::header;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::ca_settings::new_settings;
use super::ca_view::{CaView, view};
use super::certificates::emptied;
use super::revoke::parse_reason;
use crate::acts::{CaCreate, CaRevoke, CaUpdate};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Accepted, Body, Created, OptionalBody, Reply, Tagged};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, TextList};
use crate::words::{KeyType, Word};

pub(crate) struct CaApi;

/// What a new CA is to be.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateCaRequest {
    /// Unique in the tenant.
    name: String,
    /// Common name of the subject.
    common_name: String,
    /// `root` or `intermediate`.
    ca_type: Word<CaKind>,
    /// The CA that signs it: required for an intermediate, unless `external`.
    parent_ca_id: Option<String>,
    /// `rsa` (default), `ec` or `ed25519`.
    key_type: Option<Word<KeyType>>,
    /// 2048 (default), 3072 or 4096 for RSA; 256 (default), 384 or 521 for EC.
    key_size: Option<u32>,
    /// Days of validity: 3650 by default for a root, 1825 for an intermediate. An intermediate may not outlive its parent.
    /// With `external` it is up to the CA that signs.
    validity_days: Option<i64>,
    /// Organization of the subject.
    organization: Option<TextList>,
    /// Organizational unit of the subject.
    organizational_unit: Option<TextList>,
    /// Country of the subject, two letters.
    country: Option<TextList>,
    /// Locality of the subject.
    locality: Option<TextList>,
    /// State or province of the subject.
    province: Option<TextList>,
    /// How many CAs may follow below it. By default one less than the parent permits.
    max_path_length: Option<i64>,
    /// It may certify names in these domains only (RFC 5280 §4.2.1.10).
    permitted_dns_domains: Option<TextList>,
    /// It may not certify names in these domains.
    excluded_dns_domains: Option<TextList>,
    /// Who may renew, with another key, what a person approved at the CSR desk: `admin` (default) needs `pki:admin`; with
    /// `desk` the wish waits at the desk for a person.
    renewal_of_desk_certificates: Option<Word<DeskRenewal>>,
    /// Whether a CA elsewhere signs this intermediate. Default false. It then has a key and a CSR (`csr_pem`), which asks for
    /// what is said here, and is `pending` until its certificate comes by `POST /v1/pki/ca/{id}/certificate`.
    external: Option<bool>,
    /// Whether its certificates name the OCSP responder of this service (`/pub/ocsp/{ca_id}`), which answers for every CA.
    /// Default false.
    ocsp: Option<bool>,
    /// Who signs OCSP answers about what it has issued: `ca` (default), or `delegated` for a responder with a certificate of its
    /// own (RFC 6960 §4.2.2.2), which the CA issues for a week at most, which is renewed by itself, and which is in the answers.
    ocsp_signer: Option<Word<OcspSigner>>,
    /// How long its CRLs are good: `nextUpdate` (10m to 366d). As the operator has configured it when absent.
    crl_validity: Option<DurationText>,
    /// By how much the next CRL comes before the end of the present one: at least 2m. A third of `crl_validity` when absent.
    crl_overlap: Option<DurationText>,
    /// Into how many shards what it issues is divided (1 to 128), each with a CRL of its own, which its certificates name, and
    /// which stays short. Default 1: all name the full CRL.
    crl_shards: Option<u32>,
    /// How long its delta CRLs are good (10m to less than `crl_validity`), which list what has changed since a CRL that somebody
    /// holds, and which its CRLs name (`freshestCRL`). It has none when absent.
    delta_crl_validity: Option<DurationText>,
    /// Whether it signs certificates, CRLs and OCSP answers by RSASSA-PSS (RFC 4055) with its RSA key, instead of PKCS #1 v1.5. It
    /// stays so. Default false.
    use_pss: Option<bool>,
    /// The mail addresses of those who are told what happens to it, and to its certificates where neither these nor their role name
    /// anybody. Up to 16.
    owners: Option<TextList>,
}

/// What is to change about a CA; what is left out stays.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateCaRequest {
    /// `admin` or `desk`, as at its creation.
    renewal_of_desk_certificates: Option<Word<DeskRenewal>>,
    /// Whether the certificates that it issues from now on name the OCSP responder.
    ocsp: Option<bool>,
    /// Who signs OCSP answers from now on, as at its creation. The CA goes on until its responder has a certificate.
    ocsp_signer: Option<Word<OcspSigner>>,
    /// How long its CRLs are good; null is as the operator has configured it. It counts from the next CRL on.
    #[serde(default)]
    crl_validity: MaybeUndefined<DurationText>,
    /// By how much the next CRL comes before the end of the present one; null is a third of `crl_validity`.
    #[serde(default)]
    crl_overlap: MaybeUndefined<DurationText>,
    /// Into how many shards what it issues from now on is divided: as many as now or more, up to 128.
    crl_shards: Option<u32>,
    /// How long its delta CRLs are good; null takes them away.
    #[serde(default)]
    delta_crl_validity: MaybeUndefined<DurationText>,
    /// The mail addresses of those who are told what happens to it, all of them; none for null.
    #[serde(default)]
    owners: MaybeUndefined<TextList>,
}

/// Why a CA is revoked.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RevokeCaRequest {
    /// A reason of RFC 5280 §5.3.1, such as `keyCompromise` or `cessation_of_operation`; `unspecified` when absent.
    reason: Option<Word<RevocationReason>>,
}

/// A page of CAs.
#[derive(Object, Serialize)]
struct CaList {
    certificate_authorities: Vec<CaView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::CertificateAuthorities")]
impl CaApi {
    /// List CAs
    ///
    /// Newest first.
    #[oai(path = "/ca", method = "get", operation_id = "listCas")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<CaList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = ca::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let certificate_authorities = page.items.into_iter().map(|ca| view(&app, ca)).collect();
        Ok(Reply(CaList { certificate_authorities, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Create a root or intermediate CA
    ///
    /// The private key is made and stays in the service, sealed; no call ever shows it. With `external`
    /// the answer has the CSR for a CA elsewhere (`csr_pem`), and the CA issues nothing before its certificate has come.
    #[oai(path = "/ca", method = "post", operation_id = "createCa")]
    async fn create(
        &self,
        caller: Authorized<Admin, CaCreate>,
        app: Data<&App>,
        body: Body<CreateCaRequest>,
    ) -> Result<Created<CaView>, ApiError> {
        let created = ca::create(&app, &caller, new_ca(body.0)?).await?;
        Ok(Created::at(format!("/v1/pki/ca/{}", created.ca.id), view(&app, created)))
    }

    /// Read a CA
    #[oai(path = "/ca/:id", method = "get", operation_id = "getCa")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Tagged<CaView>, ApiError> {
        let found = ca::find(&app, caller.tenant, ca::parse_id(&id)?).await?;
        Ok(Tagged::new(ca::state(&found.ca), view(&app, found)))
    }

    /// Change a CA
    ///
    /// How its certificates that a person approved at the CSR desk are renewed with another key, whether what it
    /// issues names the OCSP responder (`409 in_use` while roles with `must_staple` need it), who signs OCSP answers, the times of
    /// its CRLs, the number of its shards, and its owners.
    #[oai(path = "/ca/:id", method = "patch", operation_id = "updateCa")]
    async fn update(
        &self,
        caller: Authorized<Admin, CaUpdate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateCaRequest>,
    ) -> Result<Tagged<CaView>, ApiError> {
        let duration = |field: &str, change| {
            Ok::<_, ServiceError>(match change {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(text) => Some(Some(DurationText::parse(&text, field)?)),
            })
        };
        let changes = CaChanges {
            renewal_of_desk_certificates: body.0.renewal_of_desk_certificates.map(Into::into),
            ocsp: body.0.ocsp,
            ocsp_signer: body.0.ocsp_signer.map(Into::into),
            crl_validity: duration("crl_validity", body.0.crl_validity)?,
            crl_overlap: duration("crl_overlap", body.0.crl_overlap)?,
            crl_shards: body.0.crl_shards,
            delta_crl_validity: duration("delta_crl_validity", body.0.delta_crl_validity)?,
            owners: emptied(body.0.owners).map(|owners| owners.0),
        };
        let updated = ca::update(&app, &caller, ca::parse_id(&id)?, changes).await?;
        Ok(Tagged::new(ca::state(&updated.ca), view(&app, updated)))
    }

    /// Revoke a CA
    ///
    /// The CA and every CA under it stop issuing at once. A worker then revokes everything that
    /// they issued; `revocation` shows its progress. What lies under a CA revoked for `keyCompromise` is revoked for
    /// `cACompromise`, otherwise for the same reason. If its parent is ours, the CA goes on the parent's CRL.
    /// Repeating the call answers the first revocation.
    #[oai(path = "/ca/:id/revoke", method = "post", operation_id = "revokeCa")]
    async fn revoke(
        &self,
        caller: Authorized<Admin, CaRevoke>,
        app: Data<&App>,
        id: Path<String>,
        body: OptionalBody<RevokeCaRequest>,
    ) -> Result<Accepted<CaView>, ApiError> {
        let reason = body.0.reason.as_deref().map(|text| parse_reason(Some(text))).transpose()?;
        let revoked = ca::revoke(&app, &caller, ca::parse_id(&id)?, reason).await?;
        Ok(Accepted(view(&app, revoked)))
    }
}

/// Says that the answer depends on `Accept`, so that caches keep the forms apart.
pub(super) trait VaryAccept {
    fn with_vary_accept(self) -> Self;
}

impl VaryAccept for Response {
    fn with_vary_accept(mut self) -> Self {
        self.headers_mut().insert(header::VARY, header::HeaderValue::from_static("Accept"));
        self
    }
}

fn new_ca(request: CreateCaRequest) -> Result<NewCa, ServiceError> {
    let list = |list: Option<TextList>| list.unwrap_or_default().0;
    Ok(NewCa {
        name: request.name,
        subject: DistinguishedName {
            common_name: Some(request.common_name),
            organization: list(request.organization),
            organizational_unit: list(request.organizational_unit),
            country: list(request.country),
            locality: list(request.locality),
            province: list(request.province),
            email: None,
        },
        ca_type: request.ca_type.into(),
        parent_ca_id: request.parent_ca_id,
        key_type: request.key_type.map(Into::into),
        key_size: request.key_size,
        validity_days: request.validity_days,
        max_path_length: request.max_path_length,
        permitted_dns_domains: list(request.permitted_dns_domains),
        excluded_dns_domains: list(request.excluded_dns_domains),
        external: request.external.unwrap_or(false),
        settings: new_settings!(request),
    })
}

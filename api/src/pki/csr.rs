//! `/v1/pki/csr`: the CSR desk.

use certmill_service::csr::{self, CsrSignRequest, InspectedCsr, NewCsr};
use certmill_service::domain::{Csr, CsrSource, CsrStatus, Sans, Timestamp};
use certmill_service::x509::pem;
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::certificates::SansView;
use super::csr_view::{CsrContents, SubjectView};
use super::issue::{IssuedCertificate, answer};
use crate::acts::{CsrApprove, CsrCreate, CsrDelete, CsrImport, CsrReject, CsrSign};
use crate::auth::{Admin, Authorized, Issue, Read};
use crate::body::{Body, Created, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{SanInput, SubjectInput, TextList};
use crate::words::{KeyType, Word};

pub(crate) struct CsrApi;

/// A CSR that the service is to make.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateCsrRequest {
    /// An object, or an RFC 4514 string such as `CN=web.example.com,O=Example`.
    subject: SubjectInput,
    /// Host names.
    san_dns: Option<TextList>,
    /// IP addresses.
    san_ip: Option<TextList>,
    /// E-mail addresses.
    san_email: Option<TextList>,
    /// URIs.
    san_uri: Option<TextList>,
    /// Other names, as `oid;UTF8:value`.
    san_other: Option<TextList>,
    /// `rsa` (default), `ec` or `ed25519`.
    key_type: Option<Word<KeyType>>,
    /// Bits: 2048 (default), 3072 or 4096 for RSA; 256 (default), 384 or 521 for EC.
    key_size: Option<u32>,
}

/// A CSR that was made elsewhere.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportCsrRequest {
    /// The CSR in PEM. Its signature is checked.
    csr_pem: String,
}

/// Why a CSR is rejected.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct RejectCsrRequest {
    /// 1 to 1024 characters.
    reason: String,
}

/// How a CSR is signed.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignApprovedCsrRequest {
    /// The CA that signs.
    ca_id: String,
    /// Days of validity; 365, or the role's `ttl`, when absent.
    validity_days: Option<i64>,
    /// Names instead of the CSR's.
    san: Option<SanInput>,
    /// A role of this CA: its constraints on names, key and validity apply, and its subject and usages are given.
    /// Without one the certificate gets the CSR's subject and the usages of a TLS server and client.
    role: Option<String>,
}

/// A CSR on the desk.
#[derive(Object, Serialize)]
#[oai(rename = "Csr")]
struct CsrView {
    /// `csr_…`
    id: String,
    /// `pending`, `approved`, `rejected` or `signed`.
    status: Word<CsrStatus>,
    /// `generated` or `imported`.
    source: Word<CsrSource>,
    subject: SubjectView,
    sans: SansView,
    key_type: Word<KeyType>,
    key_size: i64,
    csr_pem: String,
    /// Whether its private key is kept here. It follows the certificate once that is signed.
    has_private_key: bool,
    rejection_reason: Option<String>,
    /// The certificate that came out of it.
    certificate_id: Option<String>,
    created_at: String,
    /// When it was approved or rejected.
    decided_at: Option<String>,
    /// The certificate whose renewal it asks for. Subject and names are then those of the certificate, whatever stands in the
    /// CSR itself.
    renewal_of: Option<String>,
}

/// A CSR with everything that is in it.
#[derive(Object, Serialize)]
pub(super) struct CsrDetail {
    #[oai(flatten)]
    #[serde(flatten)]
    view: CsrView,
    #[oai(flatten)]
    #[serde(flatten)]
    contents: CsrContents,
}

/// A page of CSRs.
#[derive(Object, Serialize)]
struct CsrList {
    csrs: Vec<CsrView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Csrs")]
impl CsrApi {
    /// List CSRs
    ///
    /// Newest first.
    #[oai(path = "/csr", method = "get", operation_id = "listCsrs")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        /// `pending`, `approved`, `rejected` or `signed`.
        status: Query<Option<Word<CsrStatus>>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<CsrList>, ApiError> {
        let status = status.0.map(|word| word.value("status")).transpose()?;
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = csr::list(&app, &caller, status, &page).await?;
        let has_more = page.has_more();
        let csrs = page.items.into_iter().map(view).collect();
        Ok(Reply(CsrList { csrs, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Generate a CSR
    ///
    /// The service makes the key; it is sealed and stays in the service, and follows the certificate
    /// once the CSR is signed.
    #[oai(path = "/csr", method = "post", operation_id = "createCsr")]
    async fn create(
        &self,
        caller: Authorized<Issue, CsrCreate>,
        app: Data<&App>,
        body: Body<CreateCsrRequest>,
    ) -> Result<Created<CsrDetail>, ApiError> {
        let request = body.0;
        let list = |list: Option<TextList>| list.unwrap_or_default().0;
        let new = NewCsr {
            subject: request.subject.0,
            sans: Sans {
                dns: list(request.san_dns),
                ip: list(request.san_ip),
                email: list(request.san_email),
                uri: list(request.san_uri),
                other: list(request.san_other),
            },
            key_type: request.key_type.map(Into::into),
            key_size: request.key_size,
        };
        Ok(created(csr::generate(&app, &caller, new).await?))
    }

    /// Import a CSR
    ///
    /// A CSR that is signed with a weak hash or asks for strange things is taken with `warnings`; one
    /// whose signature is wrong or whose key is weak is `422 csr_invalid`.
    #[oai(path = "/csr/import", method = "post", operation_id = "importCsr")]
    async fn import(
        &self,
        caller: Authorized<Issue, CsrImport>,
        app: Data<&App>,
        body: Body<ImportCsrRequest>,
    ) -> Result<Created<CsrDetail>, ApiError> {
        Ok(created(csr::import(&app, &caller, body.0.csr_pem).await?))
    }

    /// Read a CSR
    ///
    /// With everything that is in it, for whoever has to decide.
    #[oai(path = "/csr/:id", method = "get", operation_id = "getCsr")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<CsrDetail>, ApiError> {
        Ok(Reply(detail(csr::find(&app, &caller, csr::parse_id(&id)?).await?)))
    }

    /// Approve a CSR
    ///
    /// Possible from `pending`.
    #[oai(path = "/csr/:id/approve", method = "post", operation_id = "approveCsr")]
    async fn approve(
        &self,
        caller: Authorized<Admin, CsrApprove>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<CsrDetail>, ApiError> {
        Ok(Reply(detail(csr::approve(&app, &caller, csr::parse_id(&id)?).await?)))
    }

    /// Reject a CSR
    ///
    /// Possible from `pending` and `approved`.
    #[oai(path = "/csr/:id/reject", method = "post", operation_id = "rejectCsr")]
    async fn reject(
        &self,
        caller: Authorized<Admin, CsrReject>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<RejectCsrRequest>,
    ) -> Result<Reply<CsrDetail>, ApiError> {
        Ok(Reply(detail(csr::reject(&app, &caller, csr::parse_id(&id)?, body.0.reason).await?)))
    }

    /// Sign an approved CSR
    ///
    /// Possible from `approved`; of two calls at once one signs. Always makes an end-entity
    /// certificate, whatever basic constraints the CSR asks for; an e-mail address in the subject becomes a subject
    /// alternative name (RFC 5280 §4.1.2.6), and so does a common name that is a host name. With `renewal_of`, the
    /// certificate is the renewal of that one, by default with its usages and for as long.
    #[oai(path = "/csr/:id/sign", method = "post", operation_id = "signCsr")]
    async fn sign(
        &self,
        caller: Authorized<Admin, CsrSign>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<SignApprovedCsrRequest>,
    ) -> Result<Created<IssuedCertificate>, ApiError> {
        let request = body.0;
        let request = CsrSignRequest {
            ca_id: request.ca_id,
            role: request.role,
            validity_days: request.validity_days,
            sans: request.san.map(|san| san.0),
        };
        answer(csr::sign(&app, &caller, csr::parse_id(&id)?, request).await?)
    }

    /// Delete a CSR
    ///
    /// In any state. A certificate that came out of it stays, and so does the key that went with it.
    #[oai(path = "/csr/:id", method = "delete", operation_id = "deleteCsr")]
    async fn delete(
        &self,
        caller: Authorized<Admin, CsrDelete>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        csr::delete(&app, &caller, csr::parse_id(&id)?).await?;
        Ok(NoContent)
    }
}

fn created(inspected: InspectedCsr) -> Created<CsrDetail> {
    Created::at(format!("/v1/pki/csr/{}", inspected.csr.id), detail(inspected))
}

pub(super) fn detail(inspected: InspectedCsr) -> CsrDetail {
    CsrDetail { contents: CsrContents::of(&inspected.inspection), view: view(inspected.csr) }
}

fn view(csr: Csr) -> CsrView {
    CsrView {
        id: csr.id.to_string(),
        status: csr.status.into(),
        source: csr.source.into(),
        subject: SubjectView::of(&csr.subject),
        sans: SansView::from(csr.sans),
        key_type: Word::shown(&csr.key_type),
        key_size: csr.key_size,
        csr_pem: pem::encode(pem::CERTIFICATE_REQUEST, &csr.der),
        has_private_key: csr.has_private_key,
        rejection_reason: csr.rejection_reason,
        certificate_id: csr.certificate_id.map(|id| id.to_string()),
        created_at: csr.created_at.to_string(),
        decided_at: csr.decided_at.map(|at: Timestamp| at.to_string()),
        renewal_of: csr.renewal_of.map(|id| id.to_string()),
    }
}

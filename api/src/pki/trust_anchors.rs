//! `/v1/pki/trust-anchors`: CA certificates of others that the tenant trusts.

use certmill_service::domain::TrustAnchor;
use certmill_service::x509::pem;
use certmill_service::{App, PageRequest, trust_anchors};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};

use crate::acts::{TrustAnchorCreate, TrustAnchorDelete};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, Created, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;

pub(crate) struct TrustAnchorsApi;

/// A new trust anchor.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateTrustAnchorRequest {
    /// What to call it: 1 to 128 characters.
    name: String,
    /// A CA certificate in PEM.
    certificate_pem: String,
}

/// A CA certificate that the tenant trusts.
#[derive(Object, Serialize)]
#[oai(rename = "TrustAnchor")]
struct TrustAnchorView {
    /// `ta_…`
    id: String,
    name: String,
    /// RFC 4514.
    subject: String,
    /// RFC 4514.
    issuer: String,
    serial_number: String,
    /// SHA-256 of the DER, lower-case hex.
    fingerprint_sha256: String,
    not_before: String,
    not_after: String,
    /// Always true: nothing else can be a trust anchor.
    is_ca: bool,
    certificate_pem: String,
    created_at: String,
}

/// A page of trust anchors.
#[derive(Object, Serialize)]
struct TrustAnchorList {
    trust_anchors: Vec<TrustAnchorView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::TrustAnchors")]
impl TrustAnchorsApi {
    /// List trust anchors
    ///
    /// Newest first.
    #[oai(path = "/trust-anchors", method = "get", operation_id = "listTrustAnchors")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<TrustAnchorList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = trust_anchors::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let trust_anchors = page.items.into_iter().map(view).collect();
        Ok(Reply(TrustAnchorList { trust_anchors, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Add a trust anchor
    ///
    /// The same certificate twice is `409 already_exists`, which names the first one.
    #[oai(path = "/trust-anchors", method = "post", operation_id = "createTrustAnchor")]
    async fn create(
        &self,
        caller: Authorized<Admin, TrustAnchorCreate>,
        app: Data<&App>,
        body: Body<CreateTrustAnchorRequest>,
    ) -> Result<Created<TrustAnchorView>, ApiError> {
        let CreateTrustAnchorRequest { name, certificate_pem } = body.0;
        let anchor = trust_anchors::create(&app, &caller, name, &certificate_pem).await?;
        Ok(Created::at(format!("/v1/pki/trust-anchors/{}", anchor.id), view(anchor)))
    }

    /// Read a trust anchor
    #[oai(path = "/trust-anchors/:id", method = "get", operation_id = "getTrustAnchor")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<TrustAnchorView>, ApiError> {
        let id = trust_anchors::parse_id(&id)?;
        Ok(Reply(view(trust_anchors::find(&app, &caller, id).await?)))
    }

    /// Remove a trust anchor
    ///
    /// Validations that run go on with it; later ones do not know it.
    #[oai(path = "/trust-anchors/:id", method = "delete", operation_id = "deleteTrustAnchor")]
    async fn delete(
        &self,
        caller: Authorized<Admin, TrustAnchorDelete>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        trust_anchors::delete(&app, &caller, trust_anchors::parse_id(&id)?).await?;
        Ok(NoContent)
    }
}

fn view(anchor: TrustAnchor) -> TrustAnchorView {
    TrustAnchorView {
        id: anchor.id.to_string(),
        name: anchor.name,
        subject: anchor.subject,
        issuer: anchor.issuer,
        serial_number: anchor.serial_number.to_string(),
        fingerprint_sha256: anchor.fingerprint_sha256,
        not_before: anchor.not_before.to_string(),
        not_after: anchor.not_after.to_string(),
        is_ca: true,
        certificate_pem: pem::encode(pem::CERTIFICATE, &anchor.der),
        created_at: anchor.created_at.to_string(),
    }
}

//! `/v1/pki/ca/{id}/crl`: the lists of a CA.

use certmill_service::domain::{CrlId, CrlInfo};
use certmill_service::{App, PageRequest, ca, crl};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::ca::VaryAccept;
use crate::acts::CrlRebuild;
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Accepted, Either, Reply};
use crate::error::ApiError;
use crate::media::{CrlForms, Media};
use crate::negotiate::{Form, choose};
use crate::openapi::Group;
use crate::public::{answer_crl, is_known, not_modified};

pub(crate) struct CrlApi;

/// A page of the CRLs of a CA's shards.
#[derive(Object, Serialize)]
struct CrlShardList {
    /// One for each shard, in the order of their numbers.
    shards: Vec<CrlShardView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

/// A CRL that was just built, or the present one while its successor is being built.
#[derive(Object, Serialize)]
struct BuiltCrl {
    /// The CRL in PEM; null with `202`.
    crl_pem: Option<String>,
    crl_number: i64,
    this_update: String,
    next_update: String,
    entries: i64,
}

impl BuiltCrl {
    fn of(crl_pem: Option<String>, info: &CrlInfo) -> Self {
        Self {
            crl_pem,
            crl_number: info.number,
            this_update: info.this_update.to_string(),
            next_update: info.next_update.to_string(),
            entries: info.entries,
        }
    }
}

/// The CRL of a shard.
#[derive(Object, Serialize)]
#[oai(rename = "CrlShard")]
struct CrlShardView {
    /// The number of the shard.
    shard: u32,
    /// Where the public finds it: the distribution point of the shard's certificates.
    crl_url: String,
    number: i64,
    this_update: String,
    next_update: String,
    /// How many certificates it lists.
    entries: i64,
}

impl CrlShardView {
    fn of(app: &App, list: CrlId, info: &CrlInfo) -> Self {
        Self {
            shard: list.shard(),
            crl_url: ca::crl_url(app, list),
            number: info.number,
            this_update: info.this_update.to_string(),
            next_update: info.next_update.to_string(),
            entries: info.entries,
        }
    }
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::CertificateAuthorities")]
impl CrlApi {
    /// Build a new CRL now
    ///
    /// The full one, with which it answers, and those of all shards. Waits up to 30 s for workers to build them; after that
    /// answers `202` with the figures of the present CRL, and the new ones follow.
    #[oai(path = "/ca/:id/crl", method = "post", operation_id = "rebuildCrl")]
    async fn build_crl(
        &self,
        caller: Authorized<Admin, CrlRebuild>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Either<Reply<BuiltCrl>, Accepted<BuiltCrl>>, ApiError> {
        Ok(match crl::request(&app, &caller, ca::parse_id(&id)?).await? {
            crl::Requested::Built(crl) => {
                let pem = certmill_service::x509::pem::encode("X509 CRL", &crl.der);
                Either::Left(Reply(BuiltCrl::of(Some(pem), &crl.info)))
            }
            crl::Requested::Pending(info) => Either::Right(Accepted(BuiltCrl::of(None, &info))),
        })
    }

    /// Read a CA's present CRL
    ///
    /// The full one, or that of a `shard`; with `delta` the delta CRL to it (`409` when the CA has none). DER by default; PEM for `Accept: application/x-pem-file` or `text/plain`.
    #[oai(path = "/ca/:id/crl", method = "get", operation_id = "getCrl")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn crl(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        request: &Request,
        id: Path<String>,
        /// The number of a shard; the full CRL when absent or 0.
        shard: Query<Option<u32>>,
        /// Whether the delta CRL is wanted. Default false.
        delta: Query<Option<bool>>,
    ) -> Result<Media<CrlForms>, ApiError> {
        let list = CrlId::of_shard(ca::parse_id(&id)?, shard.0.unwrap_or(0));
        let list = if delta.0 == Some(true) { list.delta() } else { list };
        let info = crl::info(&app, caller.tenant, list).await?;
        let form = choose(request, &[Form::Crl, Form::Pem, Form::PlainText], Form::Crl);
        if is_known(request, &info, form) {
            return Ok(Media::new(not_modified(&info, form, "no-cache").with_vary_accept()));
        }
        let crl = crl::present(&app, list, &info).await?;
        Ok(Media::new(answer_crl(request, crl, form, "no-cache").with_vary_accept()))
    }

    /// List the CRLs of a CA's shards
    ///
    /// In the order of their numbers; none where `crl_shards` is 1.
    #[oai(path = "/ca/:id/crl/shards", method = "get", operation_id = "listCrlShards")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn crl_shards(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<CrlShardList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = crl::shards(&app, caller.tenant, ca::parse_id(&id)?, &page).await?;
        let has_more = page.has_more();
        let shards = page.items.into_iter().map(|(list, info)| CrlShardView::of(&app, list, &info)).collect();
        Ok(Reply(CrlShardList { shards, cursor: page.cursor, has_more, total: page.total }))
    }
}

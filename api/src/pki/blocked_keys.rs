//! `/v1/pki/blocked-keys`: keys that are in wrong hands.

use certmill_service::blocked_keys::{self, BlockRequest, Blocked};
use certmill_service::domain::{BlockedKey, Certificate};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::acts::{BlockedKeyCreate, BlockedKeyDelete};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, Created, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;

pub(crate) struct BlockedKeysApi;

/// A key to be blocked: one of `spki_sha256`, `certificate_pem` and `private_key_pem` says which.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockKeyRequest {
    /// SHA-256 of the subject public key info: 64 hexadecimal digits.
    spki_sha256: Option<String>,
    /// A certificate with the key: PEM, or DER in base64.
    certificate_pem: Option<String>,
    /// The private key, as it was found: unencrypted, PEM or DER in base64. It is not kept.
    private_key_pem: Option<String>,
    /// Who says so, and why: up to 1,024 characters.
    comment: Option<String>,
    /// Whether to revoke, as keyCompromise, what this service's CAs have issued for the key. Default false.
    revoke: Option<bool>,
}

/// A key that nothing is issued for.
#[derive(Object, Serialize)]
#[oai(rename = "BlockedKey")]
struct BlockedKeyView {
    /// `bkey_…`
    id: String,
    /// SHA-256 of the subject public key info, lower-case hex.
    spki_sha256: String,
    /// Who says so, and why.
    comment: String,
    created_at: String,
}

/// A blocked key, and the certificates that have it.
#[derive(Object, Serialize)]
struct BlockedKeyDetail {
    /// `bkey_…`
    id: String,
    /// SHA-256 of the subject public key info, lower-case hex.
    spki_sha256: String,
    /// Who says so, and why.
    comment: String,
    created_at: String,
    /// Certificates with the key, whatever their source, newest first: up to 1,000.
    certificates: Vec<CertificateWithKey>,
    /// Whether there are more.
    has_more: bool,
    /// Which of them this call has revoked.
    revoked: Vec<String>,
}

/// A certificate with a blocked key.
#[derive(Object, Serialize)]
struct CertificateWithKey {
    /// `cert_…`
    certificate_id: String,
    serial_number: String,
    /// RFC 4514.
    subject: String,
    /// Where it comes from, such as `issued` or `imported`.
    source: String,
    not_after: String,
    revoked_at: Option<String>,
}

/// A page of blocked keys.
#[derive(Object, Serialize)]
struct BlockedKeyList {
    /// The keys of this page.
    blocked_keys: Vec<BlockedKeyView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Certificates")]
impl BlockedKeysApi {
    /// List blocked keys
    ///
    /// Newest first.
    #[oai(path = "/blocked-keys", method = "get", operation_id = "listBlockedKeys")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<BlockedKeyList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = blocked_keys::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let blocked_keys = page.items.into_iter().map(view).collect();
        Ok(Reply(BlockedKeyList { blocked_keys, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Block a key
    ///
    /// From then on no CSR with this key is signed (`422 csr_invalid`). The answer names every
    /// certificate of the tenant that has it; `revoke` revokes those that its CAs have issued. The same key again is the
    /// first row again, with what has come since.
    #[oai(path = "/blocked-keys", method = "post", operation_id = "blockKey")]
    async fn create(
        &self,
        caller: Authorized<Admin, BlockedKeyCreate>,
        app: Data<&App>,
        body: Body<BlockKeyRequest>,
    ) -> Result<Created<BlockedKeyDetail>, ApiError> {
        let request = BlockRequest {
            spki_sha256: body.0.spki_sha256,
            certificate: body.0.certificate_pem,
            private_key: body.0.private_key_pem.map(Zeroizing::new),
            comment: body.0.comment.unwrap_or_default(),
            revoke: body.0.revoke.unwrap_or(false),
        };
        let blocked = blocked_keys::create(&app, &caller, request).await?;
        Ok(Created::at(format!("/v1/pki/blocked-keys/{}", blocked.key.id), detail(blocked)))
    }

    /// Read a blocked key
    ///
    /// With the certificates that have it.
    #[oai(path = "/blocked-keys/:id", method = "get", operation_id = "getBlockedKey")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<BlockedKeyDetail>, ApiError> {
        let id = blocked_keys::parse_id(&id)?;
        Ok(Reply(detail(blocked_keys::find(&app, &caller, id).await?)))
    }

    /// Unblock a key
    ///
    /// What was revoked stays revoked.
    #[oai(path = "/blocked-keys/:id", method = "delete", operation_id = "unblockKey")]
    async fn delete(
        &self,
        caller: Authorized<Admin, BlockedKeyDelete>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        blocked_keys::delete(&app, &caller, blocked_keys::parse_id(&id)?).await?;
        Ok(NoContent)
    }
}

fn view(key: BlockedKey) -> BlockedKeyView {
    BlockedKeyView {
        id: key.id.to_string(),
        spki_sha256: key.spki_sha256,
        comment: key.comment,
        created_at: key.created_at.to_string(),
    }
}

fn detail(blocked: Blocked) -> BlockedKeyDetail {
    let BlockedKeyView { id, spki_sha256, comment, created_at } = view(blocked.key);
    BlockedKeyDetail {
        id,
        spki_sha256,
        comment,
        created_at,
        certificates: blocked.certificates.into_iter().map(with_key).collect(),
        has_more: blocked.more,
        revoked: blocked.revoked.iter().map(ToString::to_string).collect(),
    }
}

fn with_key(certificate: Certificate) -> CertificateWithKey {
    CertificateWithKey {
        certificate_id: certificate.id.to_string(),
        serial_number: certificate.serial_number.to_string(),
        subject: certificate.subject,
        source: certificate.source.as_str().to_owned(),
        not_after: certificate.not_after.to_string(),
        revoked_at: certificate.revoked_at.map(|at| at.to_string()),
    }
}

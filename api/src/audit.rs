//! `/v1/audit/logs`: who did what.

use certmill_service::audit::{self, Filter};
use certmill_service::domain::{Action, AuditRecord, Timestamp};
use certmill_service::x509::hex;
use certmill_service::{App, PageRequest, ServiceError};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::auth::{Admin, Authorized};
use crate::body::Reply;
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::Word;

pub(crate) struct AuditApi;

/// A row of the audit log.
#[derive(Object, Serialize)]
#[oai(rename = "AuditLog")]
struct AuditLogView {
    /// `log_…`
    id: String,
    /// Its place in the tenant's chain, from 1 on without gaps.
    sequence: i64,
    /// When.
    timestamp: String,
    /// Who: the id of a token or of a certificate in the place of one, `operator` for the command line, or `service`.
    identity: String,
    /// What, such as `certificate.issue`.
    action: Word<Action>,
    /// The id of the object; of a refused call, what the call named; of `calls.refused`, how many there were, when, and with
    /// which codes.
    object: Option<String>,
    /// Whether it was done.
    success: bool,
    /// The code of the error with which it was refused.
    error_code: Option<String>,
    /// The caller's address.
    source_address: Option<String>,
    /// As in the header `X-Request-ID` of the answer.
    request_id: Option<String>,
    /// SHA-256 of the object before, where it was there and changed.
    before_sha256: Option<String>,
    /// SHA-256 of the object after. Of a certificate, its fingerprint.
    after_sha256: Option<String>,
    /// The hash of the row before in the chain.
    previous_hash: String,
    /// The hash of this row, which the next one carries.
    hash: String,
}

/// A page of the audit log.
#[derive(Object, Serialize)]
struct AuditLogList {
    logs: Vec<AuditLogView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/audit", tag = "Group::Audit")]
impl AuditApi {
    /// List audit rows
    ///
    /// Newest first. Every call that changes something or hands out a private key has a row, done or
    /// refused; it is written in the transaction of the change. The rows of a tenant form a chain of hashes, which
    /// `certmill audit verify` proves. When more than 20 calls of a token are refused within a minute, the rest of them have
    /// one row `calls.refused` of each process, written when the minute is over.
    #[oai(path = "/logs", method = "get", operation_id = "listAuditLogs")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        /// At this time or later (RFC 3339).
        from: Query<Option<String>>,
        /// Before this time (RFC 3339).
        to: Query<Option<String>>,
        /// This action, such as `certificate.issue`.
        action: Query<Option<Word<Action>>>,
        /// This identity: the id of a token, that of a certificate in the place of one, `operator` or `service`.
        identity: Query<Option<String>>,
        /// This object, by its id.
        object: Query<Option<String>>,
        /// `true` for what was done, `false` for what was refused.
        success: Query<Option<bool>>,
        /// This request.
        request_id: Query<Option<String>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<AuditLogList>, ApiError> {
        let filter = Filter {
            from: time("from", from.0)?,
            to: time("to", to.0)?,
            action: action.0.map(|word| word.value("action")).transpose()?,
            identity: identity.0,
            object: object.0,
            success: success.0,
            request_id: request_id.0,
        };
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = audit::list(&app, &caller, &filter, &page).await?;
        let has_more = page.has_more();
        Ok(Reply(AuditLogList {
            logs: page.items.into_iter().map(view).collect(),
            cursor: page.cursor,
            has_more,
            total: page.total,
        }))
    }
}

/// The time of a query.
pub(crate) fn time(field: &str, text: Option<String>) -> Result<Option<Timestamp>, ServiceError> {
    text.map(|text| {
        // A `+` in a query that was not escaped arrives as a space.
        Timestamp::parse_rfc3339(&text.replace(' ', "+")).ok_or_else(|| {
            ServiceError::field(field, format!("`{text}` is not a time such as 2026-01-31T12:00:00Z"))
        })
    })
    .transpose()
}

fn view(record: AuditRecord) -> AuditLogView {
    let hash = hex(&record.hash());
    AuditLogView {
        id: record.id,
        sequence: record.sequence,
        timestamp: record.at.to_string(),
        identity: record.identity,
        action: Word::shown(&record.action),
        object: record.object,
        success: record.refusal.is_none(),
        error_code: record.refusal,
        source_address: record.source_address,
        request_id: record.request_id,
        before_sha256: record.before_sha256.map(|digest| hex(&digest)),
        after_sha256: record.after_sha256.map(|digest| hex(&digest)),
        previous_hash: hex(&record.previous_hash),
        hash,
    }
}

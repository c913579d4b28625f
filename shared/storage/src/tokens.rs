//! API tokens. Their secrets are kept as SHA-256 only.

use std::net::IpAddr;

use certmill_domain::{Scope, Stored, Timestamp, Token, TokenId, TokenLimits};

use crate::error::{Form, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::TOKEN_SCOPES;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink};

const COLUMNS: &str = "SELECT id, tenant_id, name, scopes, created_at, expires_at, last_used_at, revoked_at, \
     networks, roles, last_used_from FROM tokens WHERE ";

/// What stands before the scopes of a token with limits. A version that does not know the limits does not know such a
/// word either, and so permits nothing.
const LIMITED: &str = "limited:";

row! {
    struct Row {
        id: String,
        tenant_id: String,
        name: String,
        scopes: String,
        created_at: i64,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
        networks: Option<String>,
        roles: Option<String>,
        last_used_from: Option<String>,
    }
}

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(scopes) + COALESCE(octet_length(networks), 0) + \
     COALESCE(octet_length(roles), 0)";

/// Stores a new token under the hash of its secret.
pub async fn insert(tx: &mut Tx, token: &Token, secret_sha256: &[u8; 32]) -> Result<(), StorageError> {
    let before = if token.limits.is_none() { "" } else { LIMITED };
    let scope = |scope| Ok(format!("{before}{}", TOKEN_SCOPES.write(scope)?));
    let scopes = token.scopes.iter().map(scope).collect::<Result<Vec<_>, StorageError>>()?;
    let query = Query::new(
        "INSERT INTO tokens (tenant_id, id, name, secret_sha256, scopes, created_at, expires_at, networks, roles) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.tenant_key())
    .bind(token.id.to_string())
    .bind(token.name.clone())
    .bind(secret_sha256.as_slice())
    .bind(scopes.join(" "))
    .bind(token.created_at.unix_micros())
    .bind(token.expires_at.map(Timestamp::unix_micros))
    .bind(token.limits.networks.as_deref().map(written))
    .bind(token.limits.roles.as_deref().map(written));
    tx.link().execute(query).await.map(drop)
}

/// The token whose secret has this hash, whatever its state: the one read that comes before a tenant is known.
pub async fn find_by_hash(
    session: &mut SystemSession,
    secret_sha256: &[u8; 32],
) -> Result<Option<Token>, StorageError> {
    let mut query = Query::new(COLUMNS);
    query.push("secret_sha256 = ").push_bind(secret_sha256.as_slice());
    session.link().fetch_optional::<Row>(query).await?.map(token).transpose()
}

/// A token of the tenant.
pub async fn find(session: &mut Session, id: TokenId) -> Result<Option<Token>, StorageError> {
    let mut query = Query::new(COLUMNS);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(token).transpose()
}

/// The tenant's tokens, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<TokenId>,
    wanted: Extent,
) -> Result<Listed<Token>, StorageError> {
    let mut query = Query::new(COLUMNS);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(token)
}

/// Revokes a token; `false` when there is none or it is revoked already.
pub async fn revoke(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE tokens SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// When and from where a token was used.
#[derive(Debug, Clone, Copy)]
pub struct TokenUse {
    /// When.
    pub at: Timestamp,
    /// The client's address, where it is known.
    pub from: Option<IpAddr>,
}

/// Records uses of tokens, latest per token; an earlier time than the stored one changes nothing.
pub async fn record_uses(tx: &mut SystemTx, uses: &[(TokenId, TokenUse)]) -> Result<(), StorageError> {
    for (id, TokenUse { at, from }) in uses {
        let query = Query::new(
            "UPDATE tokens SET last_used_at = $1, last_used_from = $3 \
             WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        )
        .bind(at.unix_micros())
        .bind(id.to_string())
        .bind(from.map(|address| address.to_string()));
        tx.link().execute(query).await?;
    }
    Ok(())
}

fn token(row: Row) -> Result<Token, StorageError> {
    let limits = TokenLimits {
        networks: row.networks.as_deref().map(|list| read("networks", list)).transpose()?,
        roles: row.roles.as_deref().map(|list| read("roles", list)).transpose()?,
    };
    Ok(Token {
        id: parsed("tokens", "id", &row.id)?,
        tenant_id: parsed("tokens", "tenant_id", &row.tenant_id)?,
        name: row.name,
        scopes: row.scopes.split_whitespace().map(scope).collect(),
        limits,
        created_at: Timestamp::from_unix_micros(row.created_at),
        expires_at: row.expires_at.map(Timestamp::from_unix_micros),
        last_used_at: row.last_used_at.map(Timestamp::from_unix_micros),
        last_used_from: row.last_used_from.and_then(|address| address.parse().ok()),
        revoked_at: row.revoked_at.map(Timestamp::from_unix_micros),
    })
}

fn scope(word: &str) -> Stored<Scope> {
    TOKEN_SCOPES.read(word.strip_prefix(LIMITED).unwrap_or(word))
}

/// A list in a column. None of its items has a space in it.
fn written<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn read<T: Form<Err = String>>(column: &'static str, list: &str) -> Result<Vec<T>, StorageError> {
    list.split_whitespace().map(|item| parsed("tokens", column, item)).collect()
}

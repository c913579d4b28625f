//! API tokens. Their secrets are kept as SHA-256 only.

use certmill_domain::{Timestamp, Token, TokenId};

use crate::error::parsed;
use crate::query::Query;
use crate::words::TOKEN_SCOPES;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink};

const COLUMNS: &str = "SELECT id, tenant_id, name, scopes, created_at, expires_at, last_used_at, revoked_at \
     FROM tokens WHERE ";

type Row = (String, String, String, String, i64, Option<i64>, Option<i64>, Option<i64>);

/// Stores a new token under the hash of its secret.
pub async fn insert(tx: &mut Tx, token: &Token, secret_sha256: &[u8; 32]) -> Result<(), StorageError> {
    let scopes = token.scopes.iter().map(|scope| TOKEN_SCOPES.write(scope)).collect::<Result<Vec<_>, _>>()?;
    let query = Query::new(
        "INSERT INTO tokens (tenant_id, id, name, secret_sha256, scopes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tx.tenant_key())
    .bind(token.id.to_string())
    .bind(token.name.clone())
    .bind(secret_sha256.as_slice())
    .bind(scopes.join(" "))
    .bind(token.created_at.unix_micros())
    .bind(token.expires_at.map(Timestamp::unix_micros));
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
    limit: i64,
) -> Result<Vec<Token>, StorageError> {
    let mut query = Query::new(COLUMNS);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(token).collect()
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

/// Records uses of tokens, latest per token; an earlier time than the stored one changes nothing.
pub async fn record_uses(tx: &mut SystemTx, uses: &[(TokenId, Timestamp)]) -> Result<(), StorageError> {
    for (id, at) in uses {
        let query = Query::new(
            "UPDATE tokens SET last_used_at = $1 \
             WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        )
        .bind(at.unix_micros())
        .bind(id.to_string());
        tx.link().execute(query).await?;
    }
    Ok(())
}

fn token(row: Row) -> Result<Token, StorageError> {
    let (id, tenant_id, name, scopes, created_at, expires_at, last_used_at, revoked_at) = row;
    Ok(Token {
        id: parsed("tokens", "id", &id)?,
        tenant_id: parsed("tokens", "tenant_id", &tenant_id)?,
        name,
        scopes: scopes.split_whitespace().map(|scope| TOKEN_SCOPES.read(scope)).collect(),
        created_at: Timestamp::from_unix_micros(created_at),
        expires_at: expires_at.map(Timestamp::from_unix_micros),
        last_used_at: last_used_at.map(Timestamp::from_unix_micros),
        revoked_at: revoked_at.map(Timestamp::from_unix_micros),
    })
}

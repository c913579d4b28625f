//! Secrets, and their last versions.

use certmill_domain::{Secret, SecretPath, SecretType, SecretVersionId, Timestamp};

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::SECRET_TYPE;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "secrets";
const SELECT: &str = "SELECT path, secret_type, version, created_at, updated_at FROM secrets WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(path)";

row! {
    struct Row {
        path: String,
        secret_type: String,
        version: i64,
        created_at: i64,
        updated_at: i64,
    }
}

/// The data of a version, as it is sealed.
pub struct SealedVersion {
    /// The id that the seal is bound to.
    pub id: SecretVersionId,
    /// The sealed data.
    pub data: Vec<u8>,
}

/// A version that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub number: i64,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Writes a new version, the first one of a path that is new; only the `kept` last versions stay.
pub async fn put(
    tx: &mut Tx,
    (path, secret_type): (&SecretPath, SecretType),
    sealed: SealedVersion,
    now: Timestamp,
    kept: i64,
) -> Result<Secret, StorageError> {
    let query = Query::new(
        "INSERT INTO secrets (tenant_id, path, secret_type, version, created_at, updated_at) VALUES ($1, $2, $3, 1, $4, $4) \
         ON CONFLICT (tenant_id, path) DO UPDATE SET secret_type = excluded.secret_type, version = secrets.version + 1, \
         updated_at = excluded.updated_at RETURNING path, secret_type, version, created_at, updated_at",
    )
    .bind(tx.tenant_key())
    .bind(path.to_string())
    .bind(secret_type.as_str())
    .bind(now.unix_micros());
    let row = tx.link().fetch_optional::<Row>(query).await?;
    let row = row.ok_or_else(|| corrupt(TABLE, "version", "nothing was written"))?;
    let query = Query::new(
        "INSERT INTO secret_versions (tenant_id, path, version, id, sealed_data, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tx.tenant_key())
    .bind(path.to_string())
    .bind(row.version)
    .bind(sealed.id.to_string())
    .bind(sealed.data)
    .bind(now.unix_micros());
    tx.link().execute(query).await?;
    let query =
        Query::new("DELETE FROM secret_versions WHERE tenant_id = $1 AND path = $2 AND version <= $3")
            .bind(tx.tenant_key())
            .bind(path.to_string())
            .bind(row.version - kept);
    tx.link().execute(query).await?;
    secret(row)
}

/// A secret of the tenant.
pub async fn find(session: &mut Session, path: &SecretPath) -> Result<Option<Secret>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND path = ").push_bind(path.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(secret).transpose()
}

/// The data of one version.
pub async fn version(
    session: &mut Session,
    path: &SecretPath,
    number: i64,
) -> Result<Option<SealedVersion>, StorageError> {
    let query = Query::new(
        "SELECT id, sealed_data FROM secret_versions WHERE tenant_id = $1 AND path = $2 AND version = $3",
    )
    .bind(session.tenant_key())
    .bind(path.to_string())
    .bind(number);
    let row = session.link().fetch_optional::<(String, Vec<u8>)>(query).await?;
    row.map(|(id, data)| Ok(SealedVersion { id: parsed("secret_versions", "id", &id)?, data })).transpose()
}

/// The versions that are kept, newest first.
pub async fn versions(session: &mut Session, path: &SecretPath) -> Result<Vec<Version>, StorageError> {
    let query = Query::new(
        "SELECT version, created_at FROM secret_versions WHERE tenant_id = $1 AND path = $2 ORDER BY version DESC",
    )
    .bind(session.tenant_key())
    .bind(path.to_string());
    let rows = session.link().fetch_all::<(i64, i64)>(query).await?;
    let version = |(number, at)| Version { number, created_at: Timestamp::from_unix_micros(at) };
    Ok(rows.into_iter().map(version).collect())
}

/// The tenant's secrets whose paths begin with `prefix`, by path, those after `after`.
pub async fn list(
    session: &mut Session,
    prefix: &str,
    after: Option<&SecretPath>,
    wanted: Extent,
) -> Result<Listed<Secret>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    if !prefix.is_empty() {
        // Above every character of a path.
        query.push(" AND path >= ").push_bind(prefix.to_owned());
        query.push(" AND path < ").push_bind(format!("{prefix}~"));
    }
    query.end_filter();
    if let Some(after) = after {
        query.push(" AND path > ").push_bind(after.to_string());
    }
    query.push(" ORDER BY path");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(secret)
}

/// Keeps a secret from being deleted until the transaction ends; `false` when there is none.
pub async fn hold(tx: &mut Tx, path: &SecretPath) -> Result<bool, StorageError> {
    let query = Query::new("UPDATE secrets SET version = version WHERE tenant_id = $1 AND path = $2")
        .bind(tx.tenant_key())
        .bind(path.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Deletes a secret with all its versions; `false` when there is none.
pub async fn delete(tx: &mut Tx, path: &SecretPath) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM secret_versions WHERE tenant_id = $1 AND path = $2")
        .bind(tx.tenant_key())
        .bind(path.to_string());
    tx.link().execute(query).await?;
    let query = Query::new("DELETE FROM secrets WHERE tenant_id = $1 AND path = $2")
        .bind(tx.tenant_key())
        .bind(path.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

fn secret(row: Row) -> Result<Secret, StorageError> {
    Ok(Secret {
        path: parsed(TABLE, "path", &row.path)?,
        secret_type: SECRET_TYPE.read(&row.secret_type),
        version: row.version,
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
    })
}

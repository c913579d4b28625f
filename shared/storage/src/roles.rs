//! Roles.

use certmill_domain::{CaId, Owners, RoleId, RoleName, RoleSettings, Timestamp};

use crate::error::{corrupt, parsed};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink, owners};

const TABLE: &str = "roles";
const SELECT: &str =
    "SELECT id, name, ca_id, settings, owners, version, created_at, updated_at FROM roles WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(settings) + octet_length(owners)";

/// A role as it is stored.
#[derive(Debug, Clone)]
pub struct RoleRow {
    /// Its id.
    pub id: RoleId,
    /// Its name, unique in the tenant.
    pub name: RoleName,
    /// The CA that issues under it.
    pub ca_id: CaId,
    /// Its settings.
    pub settings: RoleSettings,
    /// Who is told by mail what happens to its certificates. No setting: what is issued does not depend on it.
    pub owners: Owners,
    /// Grows with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

type Row = (String, String, String, String, String, i64, i64, i64);

/// Stores a new role. [`StorageError::AlreadyExists`] when its name is taken.
pub async fn insert(tx: &mut Tx, role: &RoleRow) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO roles (tenant_id, id, name, ca_id, settings, owners, version, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.tenant_key())
    .bind(role.id.to_string())
    .bind(role.name.as_str().to_owned())
    .bind(role.ca_id.to_string())
    .bind(settings_json(&role.settings)?)
    .bind(owners::written(TABLE, &role.owners)?)
    .bind(role.version)
    .bind(role.created_at.unix_micros())
    .bind(role.updated_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// The role of this name.
pub async fn find(session: &mut Session, name: &str) -> Result<Option<RoleRow>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND name = ").push_bind(name.to_owned());
    session.link().fetch_optional::<Row>(query).await?.map(role).transpose()
}

/// The present version of a role, which it keeps until the commit; `None` when it is gone.
pub async fn hold_version(tx: &mut Tx, id: RoleId) -> Result<Option<i64>, StorageError> {
    let mut query = Query::new("SELECT version FROM roles WHERE tenant_id = ");
    query.push_bind(tx.tenant_key()).push(" AND id = ").push_bind(id.to_string());
    let link = tx.link();
    query.push(link.share_lock());
    Ok(link.fetch_optional::<(i64,)>(query).await?.map(|(version,)| version))
}

/// The tenant's roles, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<RoleId>,
    wanted: Extent,
) -> Result<Listed<RoleRow>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(role)
}

/// The names of roles of a CA whose certificates demand stapling, so many at most.
pub async fn demanding_staples(
    session: &mut Session,
    ca: CaId,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    // Settings are compact JSON, in whose texts a quote has a backslash before it.
    let query = Query::new(
        "SELECT name FROM roles WHERE tenant_id = $1 AND ca_id = $2 AND settings LIKE '%\"must_staple\":true%' \
         ORDER BY name LIMIT $3",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(limit);
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Stores changed settings over the version that they were made from; `false` when it has changed since.
pub async fn update(tx: &mut Tx, role: &RoleRow, from_version: i64) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE roles SET ca_id = $1, settings = $2, owners = $3, version = $4, updated_at = $5 \
         WHERE tenant_id = $6 AND id = $7 AND version = $8",
    )
    .bind(role.ca_id.to_string())
    .bind(settings_json(&role.settings)?)
    .bind(owners::written(TABLE, &role.owners)?)
    .bind(role.version)
    .bind(role.updated_at.unix_micros())
    .bind(tx.tenant_key())
    .bind(role.id.to_string())
    .bind(from_version);
    Ok(tx.link().execute(query).await? == 1)
}

/// Deletes a role; `false` when there is none of this name. Its certificates stay.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM roles WHERE tenant_id = $1 AND name = $2")
        .bind(tx.tenant_key())
        .bind(name.to_owned());
    Ok(tx.link().execute(query).await? == 1)
}

fn settings_json(settings: &RoleSettings) -> Result<String, StorageError> {
    serde_json::to_string(settings).map_err(|error| corrupt(TABLE, "settings", error))
}

fn role(row: Row) -> Result<RoleRow, StorageError> {
    let (id, name, ca_id, settings, owners, version, created_at, updated_at) = row;
    Ok(RoleRow {
        id: parsed(TABLE, "id", &id)?,
        name: parsed(TABLE, "name", &name)?,
        ca_id: parsed(TABLE, "ca_id", &ca_id)?,
        settings: serde_json::from_str(&settings).map_err(|error| corrupt(TABLE, "settings", error))?,
        owners: owners::read(TABLE, &owners)?,
        version,
        created_at: Timestamp::from_unix_micros(created_at),
        updated_at: Timestamp::from_unix_micros(updated_at),
    })
}

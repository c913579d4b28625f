//! Roles: making, reading, changing and deleting them.

mod cache;

use certmill_domain::{Action, CaId, CaStatus, Role, RoleId, RoleName, RoleSettings, TenantId};
use certmill_storage::roles;
pub use certmill_storage::roles::RoleRow;
use certmill_storage::{StorageError, Tx, certificate_authorities, holds};
use certmill_x509::check_must_staple;

pub(crate) use cache::{CachedRole, RoleCache};

use crate::change::Act;
use crate::precondition::tag;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError, notices};

/// What a new role is to be.
#[derive(Debug, Clone)]
pub struct NewRole {
    /// Its name, unique in the tenant.
    pub name: String,
    /// The CA that issues under it.
    pub ca_id: String,
    /// Its settings.
    pub settings: RoleSettings,
    /// The mail addresses of those who are told what happens to its certificates.
    pub owners: Vec<String>,
}

/// What is to change about a role beside its settings; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct RoleChange {
    /// The CA that issues under it.
    pub ca_id: Option<String>,
    /// The mail addresses of those who are told what happens to its certificates.
    pub owners: Option<Vec<String>>,
}

/// Makes a role.
pub async fn create(app: &App, caller: &Caller, new: NewRole) -> Result<RoleRow, ServiceError> {
    let name: RoleName = new.name.parse().map_err(|problem: String| ServiceError::field("name", problem))?;
    let role = Role::to_store(new.settings).map_err(ServiceError::Validation)?;
    check_end(app, role.settings())?;
    let owners = notices::read(app, &new.owners)?;
    let ca_id = crate::ca::parse_id(&new.ca_id)?;
    let now = app.now();
    let row = RoleRow {
        id: RoleId::generate(now, app.entropy()),
        name,
        ca_id,
        settings: role.settings().clone(),
        owners,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut change = app.change(caller).await?;
    check_ca(app, &mut change, ca_id).await?;
    check_end_of_ca(app, &mut change, &row).await?;
    if row.settings.must_staple {
        check_responder(&mut change, ca_id).await?;
    }
    match roles::insert(&mut change, &row).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "role", name: row.name.as_str().to_owned() });
        }
        other => other?,
    }
    change.commit(Act::new(Action::RoleCreate, row.id).after(row_text(&row))).await?;
    app.roles().forget(caller.tenant, row.name.as_str());
    Ok(row)
}

/// The role of this name.
pub async fn find(app: &App, tenant: TenantId, name: &str) -> Result<RoleRow, ServiceError> {
    refuse_no_name(name)?;
    let mut session = app.database().read(tenant).await?;
    roles::find(&mut session, name).await?.ok_or_else(|| ServiceError::not_found(Noun::Role, name))
}

/// The tenant's roles, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<RoleRow>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<RoleId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = roles::list(&mut session, before, limit).await?;
    Ok(Page::of(rows, |row| row.id.to_string()))
}

/// Changes a role: `change` turns the present settings into the wanted ones.
/// Certificates that were issued under the role stay as they are.
pub async fn update(
    app: &App,
    caller: &Caller,
    name: &str,
    wanted: RoleChange,
    change: impl FnOnce(&mut RoleSettings) -> Result<(), ServiceError>,
) -> Result<RoleRow, ServiceError> {
    refuse_no_name(name)?;
    let mut tx = app.change(caller).await?;
    if caller.if_match.is_some() {
        holds::role(&mut tx, name).await?;
    }
    let mut row =
        roles::find(&mut tx, name).await?.ok_or_else(|| ServiceError::not_found(Noun::Role, name))?;
    caller.check_state(&state(&row))?;
    row.settings.understood()?;
    let before = row_text(&row);
    let (ca_before, not_after, must_staple) = (row.ca_id, row.settings.not_after, row.settings.must_staple);
    let ttl_before = row.settings.effective_ttl();
    change(&mut row.settings)?;
    let role = Role::to_store(row.settings).map_err(ServiceError::Validation)?;
    row.settings = role.settings().clone();
    if let Some(owners) = wanted.owners {
        row.owners = notices::read(app, &owners)?;
    }
    if let Some(ca_id) = wanted.ca_id {
        row.ca_id = crate::ca::parse_id(&ca_id)?;
        check_ca(app, &mut tx, row.ca_id).await?;
    }
    if row.settings.not_after != not_after {
        check_end(app, &row.settings)?;
    }
    if row.settings.not_after != not_after
        || row.ca_id != ca_before
        || row.settings.effective_ttl() != ttl_before
    {
        check_end_of_ca(app, &mut tx, &row).await?;
    }
    if row.settings.must_staple && (!must_staple || row.ca_id != ca_before) {
        check_responder(&mut tx, row.ca_id).await?;
    }
    let from_version = row.version;
    row.version += 1;
    row.updated_at = app.now();
    if !roles::update(&mut tx, &row, from_version).await? {
        return Err(ServiceError::InvalidState {
            message: format!(
                "the role `{name}` was changed by someone else at the same time: read it and try again"
            ),
            state: "changed",
            possible_from: &["unchanged"],
        });
    }
    tx.commit(Act::new(Action::RoleUpdate, row.id).before(before).after(row_text(&row))).await?;
    app.roles().forget(caller.tenant, name);
    Ok(row)
}

/// Deletes a role. Its certificates stay; nothing more is issued under it.
pub async fn delete(app: &App, caller: &Caller, name: &str) -> Result<(), ServiceError> {
    refuse_no_name(name)?;
    let mut change = app.change(caller).await?;
    if caller.if_match.is_some() {
        holds::role(&mut change, name).await?;
    }
    let row =
        roles::find(&mut change, name).await?.ok_or_else(|| ServiceError::not_found(Noun::Role, name))?;
    caller.check_state(&state(&row))?;
    if !roles::delete(&mut change, name).await? {
        return Err(ServiceError::not_found(Noun::Role, name));
    }
    change.commit(Act::new(Action::RoleDelete, row.id).before(row_text(&row))).await?;
    app.roles().forget(caller.tenant, name);
    Ok(())
}

/// The entity tag of a role's state.
pub fn state(row: &RoleRow) -> String {
    tag(&[&row.id.to_string(), &row.version.to_string()])
}

/// All of a role that a change can touch, for the audit log.
fn row_text(row: &RoleRow) -> String {
    // Invariant: settings are made of texts, numbers and switches, which always have a JSON form.
    let settings = serde_json::to_string(&row.settings).unwrap_or_default();
    // A row from before there were owners has the text that it had.
    match row.owners.texts().join(" ") {
        none if none.is_empty() => format!("{} {} {settings}", row.name, row.ca_id),
        owners => format!("{} {} {settings} {owners}", row.name, row.ca_id),
    }
}

/// What cannot be a role's name is as good as absent; the database is not asked, since Postgres refuses a NUL.
fn refuse_no_name(name: &str) -> Result<(), ServiceError> {
    name.parse::<RoleName>().map(drop).map_err(|_| ServiceError::not_found(Noun::Role, name))
}

/// A role needs a CA of the tenant that may issue.
async fn check_ca(app: &App, tx: &mut Tx, id: CaId) -> Result<(), ServiceError> {
    let ca =
        certificate_authorities::find(tx, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    match ca.status(app.now()) {
        CaStatus::Active => Ok(()),
        _ => Err(crate::ca::wrong_state(&ca, app.now(), "a role needs an active one")),
    }
}

/// A role whose certificates would have ended by now could issue none.
fn check_end(app: &App, settings: &RoleSettings) -> Result<(), ServiceError> {
    match settings.not_after {
        Some(last) if last <= app.now() => {
            let problem = format!("{last} is over: nothing could be issued. Name a time to come");
            Err(ServiceError::field("not_after", problem))
        }
        _ => Ok(()),
    }
}

/// Certificates that end when the role says must not end after the CA and those above it: each request that names no ttl would be
/// refused.
async fn check_end_of_ca(app: &App, tx: &mut Tx, role: &RoleRow) -> Result<(), ServiceError> {
    let Some(last) = role.settings.not_after else { return Ok(()) };
    let ca = certificate_authorities::find(tx, role.ca_id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, role.ca_id))?;
    let end = crate::issuer::ends(&ca, &crate::issuer::chain(tx, &ca).await?)?;
    let ttl = role.settings.effective_ttl();
    if app.now().plus(ttl.duration()).min(last) <= end {
        return Ok(());
    }
    let whose = if end < ca.not_after { "one above the CA" } else { "the CA" };
    let problem = format!(
        "{last} is after {end}, when {whose} `{}` ends: requests without a ttl would be refused. Name a time up to then, or a ttl \
         that ends before",
        ca.name
    );
    Err(ServiceError::field("not_after", problem))
}

/// Nothing could be issued under a role that demands stapling of a CA whose certificates name no responder. The CA is held: whoever
/// switches its responder off at the same time sees this role.
async fn check_responder(tx: &mut Tx, id: CaId) -> Result<(), ServiceError> {
    holds::ca(tx, id).await?;
    let ca =
        certificate_authorities::find(tx, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    check_must_staple(true, ca.ocsp).map_err(|error| {
        let problem = format!("{}: switch `ocsp` of the CA `{}` on first", error.into_rule(), ca.name);
        ServiceError::field("must_staple", problem)
    })
}

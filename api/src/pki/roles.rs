//! `/v1/pki/roles`: roles.

use certmill_service::domain::{RoleKeyType, RoleSettings};
use certmill_service::roles::RoleRow;
use certmill_service::roles::{self, NewRole, RoleChange};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use super::role_body::{CreateRoleRequest, UpdateRoleRequest};
use crate::acts::{RoleCreate, RoleDelete, RoleUpdate};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, Created, NoContent, Reply, Tagged};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::Word;

pub(crate) struct RolesApi;

/// A role.
#[derive(Object, Serialize)]
#[oai(rename = "Role")]
struct RoleView {
    /// `role_…`
    id: String,
    name: String,
    ca_id: String,
    allowed_domains: Vec<String>,
    allow_subdomains: bool,
    allow_bare_domains: bool,
    allow_glob_domains: bool,
    allow_wildcard_certificates: bool,
    allow_localhost: bool,
    allow_any_name: bool,
    allow_ip_sans: bool,
    allowed_ip_sans_cidr: Vec<String>,
    allowed_uri_sans: Vec<String>,
    allow_email_sans: bool,
    /// Validity when a request names none.
    ttl: String,
    /// Longest validity that a request may name.
    max_ttl: String,
    not_before_duration: String,
    /// `rsa`, `ec`, `ed25519` or `any`.
    key_type: Word<RoleKeyType>,
    key_bits: u32,
    key_usage: Vec<String>,
    ext_key_usage: Vec<String>,
    server_flag: bool,
    client_flag: bool,
    require_cn: bool,
    organization: Vec<String>,
    organizational_unit: Vec<String>,
    country: Vec<String>,
    locality: Vec<String>,
    province: Vec<String>,
    store_private_keys: bool,
    /// Whether wildcards may be a part of a label, as in `w*.example.com`.
    allow_partial_wildcards: bool,
    /// Whether only the serial numbers of certificates are kept, until their ends.
    no_store: bool,
    /// Other names that are permitted, as `oid;UTF8:value`.
    allowed_other_sans: Vec<String>,
    /// OIDs of the policies that certificates name.
    policy_identifiers: Vec<String>,
    /// Whether certificates demand a stapled OCSP answer.
    must_staple: bool,
    /// Whether a certificate may renew itself in the place of a token.
    allow_self_renewal: bool,
    /// When certificates end at the latest; null for no such time.
    not_after: Option<String>,
    /// The mail addresses of those who are told what happens to its certificates.
    owners: Vec<String>,
    created_at: String,
    updated_at: String,
}

/// A page of roles.
#[derive(Object, Serialize)]
struct RoleList {
    roles: Vec<RoleView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::Roles")]
impl RolesApi {
    /// List roles
    ///
    /// Newest first.
    #[oai(path = "/roles", method = "get", operation_id = "listRoles")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<RoleList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = roles::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let roles = page.items.into_iter().map(view).collect();
        Ok(Reply(RoleList { roles, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Create a role
    ///
    /// Defaults are Vault's where Vault has the setting.
    #[oai(path = "/roles", method = "post", operation_id = "createRole")]
    async fn create(
        &self,
        caller: Authorized<Admin, RoleCreate>,
        app: Data<&App>,
        body: Body<CreateRoleRequest>,
    ) -> Result<Created<RoleView>, ApiError> {
        let mut request = body.0;
        let (name, ca_id) = (request.name.clone(), request.ca_id.clone());
        let owners = request.take_owners().unwrap_or_default();
        let mut settings = RoleSettings::default();
        request.apply(&mut settings)?;
        let row = roles::create(&app, &caller, NewRole { name, ca_id, settings, owners }).await?;
        Ok(Created::at(format!("/v1/pki/roles/{}", row.name.as_str()), view(row)))
    }

    /// Read a role
    #[oai(path = "/roles/:name", method = "get", operation_id = "getRole")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        name: Path<String>,
    ) -> Result<Tagged<RoleView>, ApiError> {
        let row = roles::find(&app, caller.tenant, &name).await?;
        Ok(Tagged::new(roles::state(&row), view(row)))
    }

    /// Change a role
    ///
    /// Certificates that were issued under the role stay as they are.
    #[oai(path = "/roles/:name", method = "patch", operation_id = "updateRole")]
    async fn update(
        &self,
        caller: Authorized<Admin, RoleUpdate>,
        app: Data<&App>,
        name: Path<String>,
        body: Body<UpdateRoleRequest>,
    ) -> Result<Tagged<RoleView>, ApiError> {
        let mut request = body.0;
        let wanted = RoleChange { ca_id: request.ca_id.clone(), owners: request.take_owners() };
        let row = roles::update(&app, &caller, &name, wanted, |settings| request.apply(settings)).await?;
        Ok(Tagged::new(roles::state(&row), view(row)))
    }

    /// Delete a role
    ///
    /// Its certificates stay; nothing more is issued under it.
    #[oai(path = "/roles/:name", method = "delete", operation_id = "deleteRole")]
    async fn delete(
        &self,
        caller: Authorized<Admin, RoleDelete>,
        app: Data<&App>,
        name: Path<String>,
    ) -> Result<NoContent, ApiError> {
        roles::delete(&app, &caller, &name).await?;
        Ok(NoContent)
    }
}

fn view(row: RoleRow) -> RoleView {
    let settings = row.settings;
    RoleView {
        id: row.id.to_string(),
        name: row.name.as_str().to_owned(),
        ca_id: row.ca_id.to_string(),
        owners: row.owners.texts(),
        ttl: settings.effective_ttl().to_string(),
        max_ttl: settings.effective_max_ttl().to_string(),
        key_bits: settings.effective_key_bits(),
        allowed_domains: settings.allowed_domains,
        allow_subdomains: settings.allow_subdomains,
        allow_bare_domains: settings.allow_bare_domains,
        allow_glob_domains: settings.allow_glob_domains,
        allow_wildcard_certificates: settings.allow_wildcard_certificates,
        allow_localhost: settings.allow_localhost,
        allow_any_name: settings.allow_any_name,
        allow_ip_sans: settings.allow_ip_sans,
        allowed_ip_sans_cidr: settings.allowed_ip_sans_cidr,
        allowed_uri_sans: settings.allowed_uri_sans,
        allow_email_sans: settings.allow_email_sans,
        not_before_duration: settings.not_before_duration.to_string(),
        key_type: settings.key_type.into(),
        key_usage: settings.key_usage,
        ext_key_usage: settings.ext_key_usage,
        server_flag: settings.server_flag,
        client_flag: settings.client_flag,
        require_cn: settings.require_cn,
        organization: settings.organization,
        organizational_unit: settings.organizational_unit,
        country: settings.country,
        locality: settings.locality,
        province: settings.province,
        store_private_keys: settings.store_private_keys,
        allow_partial_wildcards: settings.allow_partial_wildcards,
        no_store: settings.no_store,
        allowed_other_sans: settings.allowed_other_sans,
        policy_identifiers: settings.policy_identifiers,
        must_staple: settings.must_staple,
        allow_self_renewal: settings.allow_self_renewal,
        not_after: settings.not_after.map(|at| at.to_string()),
        created_at: row.created_at.to_string(),
        updated_at: row.updated_at.to_string(),
    }
}

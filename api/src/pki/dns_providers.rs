//! `/v1/pki/dns-providers`.

use std::collections::BTreeMap;

use certmill_service::dns_providers::{self, NewProvider, ProviderChanges, ShownProvider};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, Created, NoContent, Reply};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::TextList;

pub(crate) struct DnsProvidersApi;

/// A DNS provider to add.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateDnsProviderRequest {
    /// What to call it: 1 to 128 characters, unique in the tenant.
    name: String,
    /// `rfc2136` or `manual`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// Settings of its type, credentials among them, which are sealed and never answered.
    ///
    /// `rfc2136`: `nameserver` (host, or address and port), `tsig_key`, `tsig_secret` (base64), `tsig_algorithm`
    /// (`hmac-sha256`, `hmac-sha384`, `hmac-sha512`), `zones`, `protocol` (`tcp`, `udp`), `timeout_seconds`, `ttl`.
    /// `manual`: none; the order shows the records to publish. Every type takes `propagation`: `mode` (`authoritative`,
    /// `recursive`, `none`), `nameservers` to ask instead of the zone's own, `timeout_seconds`, `settle_seconds`,
    /// `min_success` (`all`, `majority`).
    config: BTreeMap<String, Value>,
    /// The zones that it serves; what it tells of itself when absent. A name goes to the longest zone that it lies in.
    zones: Option<TextList>,
    /// Whether it is used; true when absent.
    is_active: Option<bool>,
    /// Whether the credentials are proven by a read before anything is stored; true when absent.
    verify: Option<bool>,
}

/// What is to change; what is absent stays, credentials among it.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateDnsProviderRequest {
    name: Option<String>,
    /// The fields to change; null takes one away.
    config: Option<BTreeMap<String, Value>>,
    /// Null leaves the zones to the provider.
    #[serde(default)]
    zones: MaybeUndefined<TextList>,
    is_active: Option<bool>,
    /// Whether changed settings are proven by a read before they are stored; true when absent.
    verify: Option<bool>,
}

/// A DNS provider.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProvider")]
struct DnsProviderView {
    /// `dnsp_…`
    id: String,
    name: String,
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// With `***` for credentials.
    config: Value,
    zones: Vec<String>,
    is_active: bool,
    verified_at: Option<String>,
    /// What went wrong last with it.
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
}

/// A page of DNS providers.
#[derive(Object, Serialize)]
struct DnsProviderList {
    dns_providers: Vec<DnsProviderView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::DnsProviders")]
impl DnsProvidersApi {
    /// List DNS providers
    ///
    /// Scope: `pki:read`. Newest first.
    #[oai(path = "/dns-providers", method = "get")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<DnsProviderList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0 };
        let page = dns_providers::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let dns_providers = page.items.into_iter().map(view).collect();
        Ok(Reply(DnsProviderList { dns_providers, cursor: page.cursor, has_more }))
    }

    /// Add a DNS provider
    ///
    /// Scope: `pki:admin`. Credentials that do not work are `400 invalid_config` with the provider's own words, and nothing
    /// is stored.
    #[oai(path = "/dns-providers", method = "post")]
    async fn create(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        body: Body<CreateDnsProviderRequest>,
    ) -> Result<Created<DnsProviderView>, ApiError> {
        let body = body.0;
        let new = NewProvider {
            name: body.name,
            kind: body.kind,
            config: object(body.config),
            zones: body.zones.map(|zones| zones.0),
            is_active: body.is_active,
            verify: body.verify.unwrap_or(true),
        };
        let added = dns_providers::create(&app, &caller, new).await?;
        Ok(Created::at(format!("/v1/pki/dns-providers/{}", added.provider.id), view(added)))
    }

    /// Read a DNS provider
    ///
    /// Scope: `pki:read`.
    #[oai(path = "/dns-providers/:id", method = "get")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<DnsProviderView>, ApiError> {
        Ok(Reply(view(dns_providers::find(&app, &caller, dns_providers::parse_id(&id)?).await?)))
    }

    /// Change a DNS provider
    ///
    /// Scope: `pki:admin`. Credentials that are absent, or sent as `***`, stay.
    #[oai(path = "/dns-providers/:id", method = "patch")]
    async fn update(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateDnsProviderRequest>,
    ) -> Result<Reply<DnsProviderView>, ApiError> {
        let body = body.0;
        let changes = ProviderChanges {
            name: body.name,
            config: body.config.map(object),
            zones: match body.zones {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(zones) => Some(Some(zones.0)),
            },
            is_active: body.is_active,
            verify: body.verify.unwrap_or(true),
        };
        let id = dns_providers::parse_id(&id)?;
        Ok(Reply(view(dns_providers::update(&app, &caller, id, changes).await?)))
    }

    /// Remove a DNS provider
    ///
    /// Scope: `pki:admin`. `409 in_use` while an open order needs it, or a record is still to be removed.
    #[oai(path = "/dns-providers/:id", method = "delete")]
    async fn delete(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        dns_providers::delete(&app, &caller, dns_providers::parse_id(&id)?).await?;
        Ok(NoContent)
    }
}

fn object(fields: BTreeMap<String, Value>) -> Value {
    Value::Object(fields.into_iter().collect())
}

fn view(ShownProvider { provider, shown_config }: ShownProvider) -> DnsProviderView {
    DnsProviderView {
        zones: provider.served_zones().to_vec(),
        id: provider.id.to_string(),
        name: provider.name,
        kind: provider.kind,
        config: shown_config,
        is_active: provider.is_active,
        verified_at: provider.verified_at.map(|at| at.to_string()),
        last_error: provider.last_error,
        created_at: provider.created_at.to_string(),
        updated_at: provider.updated_at.to_string(),
    }
}

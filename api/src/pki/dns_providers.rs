//! `/v1/pki/dns-providers`.

use std::collections::BTreeMap;

use certmill_service::dns_providers::{self, NewProvider, Probe, ProviderChanges, ShownProvider};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dns_provider_types::DnsProviderTypeList;
use crate::acts::{DnsProviderCreate, DnsProviderDelete, DnsProviderTest, DnsProviderUpdate};
use crate::auth::{Admin, Authorized, Read};
use crate::body::{Body, Created, NoContent, OptionalBody, Reply, Tagged};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::TextList;
use crate::words::{Seen, TestStep, Word};

pub(crate) struct DnsProvidersApi;

/// A DNS provider to add.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateDnsProviderRequest {
    /// What to call it: 1 to 128 characters, unique in the tenant.
    name: String,
    /// `aws_route53` (or `route53`), `cloudflare`, `google_cloud_dns` (`google`), `azure_dns` (`azure`), `digitalocean`,
    /// `hetzner`, `rfc2136`, `powerdns`, `desec`, `ovh`, `gandi`, `linode`, `vultr`, `porkbun`, `bunny`, `scaleway`, `namecheap`,
    /// `godaddy`, `acme_dns`, `webhook` or `manual`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    kind: String,
    /// Settings of its type, credentials among them, which are sealed and never answered. In the place of credentials
    /// `credentials_path` can name a secret (`PUT /v1/secrets/{path}`) that has them by the same names; its newest version is
    /// used. Credentials are in bold.
    ///
    /// - `aws_route53`: `access_key_id`, **`secret_access_key`**, **`session_token`**, `role_arn`, `external_id`, `region`,
    ///   `hosted_zone_id`, `private_zone`, `sts_url`, `ambient` (`instance`, `web_identity`)
    /// - `cloudflare`: **`api_token`**, **`zone_api_token`**, `zone_id`
    /// - `google_cloud_dns`: **`service_account_json`**, `project`, `managed_zone`, `private_zone`, `token_url`,
    ///   `ambient` (`metadata`)
    /// - `azure_dns`: `tenant_id`, `client_id`, **`client_secret`**, `subscription_id`, `resource_group`, `zone_name`,
    ///   `environment` (`public`, `china`, `usgovernment`), `zone_type` (`public`, `private`), `login_url`, `ambient`
    ///   (`managed_identity`, `workload_identity`)
    /// - `digitalocean`, `linode`, `desec`: **`token`**
    /// - `hetzner`: **`api_token`** (of the Cloud API)
    /// - `powerdns`: **`api_key`**, `base_url`, `server_id`
    /// - `ovh`: `application_key`, **`application_secret`**, **`consumer_key`**, `endpoint` (`ovh-eu`, `ovh-ca`, `ovh-us`)
    /// - `gandi`: **`personal_access_token`**
    /// - `vultr`: **`api_key`**
    /// - `porkbun`: **`api_key`**, **`secret_api_key`**
    /// - `bunny`: **`access_key`**
    /// - `scaleway`: **`secret_key`**, `project_id`
    /// - `namecheap`: `api_user`, **`api_key`**, `client_ip`, `username`
    /// - `godaddy`: **`api_key`**, **`api_secret`**
    /// - `acme_dns`: `base_url`, `username`, **`password`**, `subdomain`, `fulldomain`, `allowfrom`
    /// - `webhook`: `base_url`, **`secret`**
    /// - `rfc2136`: `nameserver` (host, or address and port), `tsig_key`, **`tsig_secret`** (base64), `tsig_algorithm`
    ///   (`hmac-sha256`, `hmac-sha384`, `hmac-sha512`), `zone` or `zones`, `protocol` (`tcp`, `udp`), `timeout_seconds`, `ttl`
    /// - `manual`: none; the order shows the records to publish
    ///
    /// `ambient` takes the place of credentials: those of the machine, where the operator allows it. Those over HTTP take
    /// `base_url`, `ttl` and `timeout_seconds` (1 to 60). Every type takes `propagation`: `mode` (`authoritative`, `majority`,
    /// `recursive`, `wait`, `none`), `nameservers` to ask instead of the zone's own, `resolvers` that know the zones,
    /// `timeout_seconds`, `settle_seconds`, `wait_seconds`, `min_success` (`all`, `majority`).
    /// `GET /v1/pki/dns-providers/types` has all of this as data: which fields are needed, and what each is.
    config: BTreeMap<String, Value>,
    /// The zones that it serves; what it tells of itself when absent. A name goes to the longest zone that it lies in. Any DNS
    /// name can be one, `_acme-challenge.kube.example.com` too.
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

/// Where to try a provider.
#[derive(Object, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TestDnsProviderRequest {
    /// One of its zones; the first when absent.
    zone: Option<String>,
}

/// What a test found out.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderTest")]
struct DnsProviderTestView {
    zone: String,
    /// Where the value was published.
    name: String,
    value: String,
    /// Whether every step was.
    succeeded: bool,
    steps: Vec<TestStepView>,
    /// The name servers, as they were in the last look.
    servers: Vec<TestServerView>,
}

/// A step of a test.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderTestStep")]
struct TestStepView {
    /// `find_zone`, `add`, `applied` (at providers that tell), `propagated` or `remove`.
    step: Word<TestStep>,
    succeeded: bool,
    elapsed_ms: u64,
    error: Option<String>,
}

/// A name server.
#[derive(Object, Serialize)]
#[oai(rename = "DnsProviderTestServer")]
struct TestServerView {
    name: String,
    /// Of its addresses the one that tells most; empty when none could be found.
    address: String,
    /// What it had: `value`, `other_values`, `absent`, `no_route` (left out: it cannot be asked from here), or `failed`.
    seen: Word<Seen>,
    error: Option<String>,
}

/// A page of DNS providers.
#[derive(Object, Serialize)]
struct DnsProviderList {
    dns_providers: Vec<DnsProviderView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/pki", tag = "Group::DnsProviders")]
impl DnsProvidersApi {
    /// List DNS providers
    ///
    /// Newest first.
    #[oai(path = "/dns-providers", method = "get", operation_id = "listDnsProviders")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<DnsProviderList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = dns_providers::list(&app, &caller, &page).await?;
        let has_more = page.has_more();
        let dns_providers = page.items.into_iter().map(view).collect();
        Ok(Reply(DnsProviderList { dns_providers, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Add a DNS provider
    ///
    /// Credentials that do not work are `400 invalid_config` with the provider's own words, and nothing
    /// is stored.
    #[oai(path = "/dns-providers", method = "post", operation_id = "createDnsProvider")]
    async fn create(
        &self,
        caller: Authorized<Admin, DnsProviderCreate>,
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

    /// List the types of DNS providers
    ///
    /// Each with the fields of its configuration: what a form needs, and what `config` is checked by.
    #[oai(path = "/dns-providers/types", method = "get", operation_id = "listDnsProviderTypes")]
    #[expect(clippy::unused_async, reason = "the macro of operations takes only async functions")]
    async fn types(&self, _caller: Authorized<Read>) -> Result<Reply<DnsProviderTypeList>, ApiError> {
        Ok(Reply(DnsProviderTypeList::of(dns_providers::catalogue())))
    }

    /// Read a DNS provider
    #[oai(path = "/dns-providers/:id", method = "get", operation_id = "getDnsProvider")]
    async fn find(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Tagged<DnsProviderView>, ApiError> {
        let found = dns_providers::find(&app, &caller, dns_providers::parse_id(&id)?).await?;
        Ok(Tagged::new(dns_providers::state(&found.provider), view(found)))
    }

    /// Change a DNS provider
    ///
    /// Credentials that are absent, or sent as `***`, stay.
    #[oai(path = "/dns-providers/:id", method = "patch", operation_id = "updateDnsProvider")]
    async fn update(
        &self,
        caller: Authorized<Admin, DnsProviderUpdate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateDnsProviderRequest>,
    ) -> Result<Tagged<DnsProviderView>, ApiError> {
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
        let updated = dns_providers::update(&app, &caller, id, changes).await?;
        Ok(Tagged::new(dns_providers::state(&updated.provider), view(updated)))
    }

    /// Try a DNS provider
    ///
    /// Publishes a random TXT value at `_certmill-test.<zone>`, waits until every name server of the zone has
    /// it, at most a minute, and removes it. Answers each step with its time; a step that failed says why. At a provider of the
    /// type `acme_dns` the value goes to its one name.
    #[oai(path = "/dns-providers/:id/test", method = "post", operation_id = "testDnsProvider")]
    async fn test(
        &self,
        caller: Authorized<Admin, DnsProviderTest>,
        app: Data<&App>,
        id: Path<String>,
        body: OptionalBody<TestDnsProviderRequest>,
    ) -> Result<Reply<DnsProviderTestView>, ApiError> {
        let id = dns_providers::parse_id(&id)?;
        Ok(Reply(probe_view(dns_providers::test(&app, &caller, id, body.0.zone).await?)))
    }

    /// Remove a DNS provider
    ///
    /// `409 in_use` while an open order needs it, or a record is still to be removed.
    #[oai(path = "/dns-providers/:id", method = "delete", operation_id = "deleteDnsProvider")]
    async fn delete(
        &self,
        caller: Authorized<Admin, DnsProviderDelete>,
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

fn probe_view(probe: Probe) -> DnsProviderTestView {
    let steps: Vec<TestStepView> = probe
        .steps
        .into_iter()
        .map(|step| TestStepView {
            step: Word::shown(step.step),
            succeeded: step.error.is_none(),
            elapsed_ms: u64::try_from(step.elapsed.as_millis()).unwrap_or(u64::MAX),
            error: step.error,
        })
        .collect();
    let servers = probe.servers.into_iter().map(|server| TestServerView {
        name: server.name,
        address: server.address,
        seen: Word::shown(server.seen),
        error: server.error,
    });
    DnsProviderTestView {
        zone: probe.zone,
        name: probe.name,
        value: probe.value,
        succeeded: steps.iter().all(|step| step.succeeded),
        steps,
        servers: servers.collect(),
    }
}

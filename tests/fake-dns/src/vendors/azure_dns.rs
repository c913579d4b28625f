//! Azure DNS by Azure Resource Manager: <https://learn.microsoft.com/en-us/rest/api/dns/>, public and private zones, and the
//! token endpoint of Microsoft Entra.

use serde_json::{Value, json};

use crate::{FakeDns, FrontEnd, Lab, RecordSet, Reply, Request, State, Zone, Zones};

/// The directory.
pub const TENANT: &str = "11111111-1111-1111-1111-111111111111";
/// The client.
pub const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
const SECRET: &str = "right~secret/of+azure";
/// The subscription of the zones.
pub const SUBSCRIPTION: &str = "33333333-3333-3333-3333-333333333333";
/// The token of a workload identity of the client.
pub const FEDERATED: &str = "eyJ0.federated.token";
const GROUP: &str = "dns-group";
const TOKEN: &str = "eyJ0.access.token";
/// Zones of a page.
const PAGE: usize = 100;

struct AzureDns;

/// Azure DNS. A private zone has the same name as the public one.
pub async fn lab() -> Lab {
    let zones = Lab::zones();
    zones.lock().add_zone(Lab::ZONE).private = true;
    let fake = FakeDns::start(AzureDns, zones).await;
    let config = |secret: &str| {
        json!({
            "tenant_id": TENANT, "client_id": CLIENT, "client_secret": secret, "subscription_id": SUBSCRIPTION,
            "resource_group": GROUP, "base_url": fake.url(), "login_url": fake.url(), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("wrong-secret/of+azure"));
    Lab::on("azure_dns", fake, right, wrong)
}

impl FrontEnd for AzureDns {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let [tenant, "oauth2", "v2.0", "token"] = segments.as_slice() {
            return token(tenant, request);
        }
        if request.path == "/metadata/identity/oauth2/token" {
            return managed_identity(request);
        }
        if request.token("Bearer") != TOKEN {
            return error(401, "AuthenticationFailed", "Authentication failed.");
        }
        let ["subscriptions", SUBSCRIPTION, rest @ ..] = segments.as_slice() else {
            return error(404, "SubscriptionNotFound", "The subscription could not be found.");
        };
        let rest = match rest {
            ["resourceGroups", group, rest @ ..] if group.eq_ignore_ascii_case(GROUP) => rest,
            ["resourceGroups", ..] => {
                return error(404, "ResourceGroupNotFound", "Resource group could not be found.");
            }
            rest => rest,
        };
        let ["providers", "Microsoft.Network", resource, rest @ ..] = rest else {
            return error(404, "InvalidResourceType", "The resource type could not be found.");
        };
        let (private, version) = match resource.to_ascii_lowercase().as_str() {
            "dnszones" => (false, "2018-05-01"),
            "privatednszones" => (true, "2020-06-01"),
            _ => return error(404, "InvalidResourceType", "The resource type could not be found."),
        };
        if request.query("api-version").as_deref() != Some(version) {
            return error(400, "MissingApiVersionParameter", "The api-version query parameter is required.");
        }
        let mut state = zones.lock();
        match rest {
            [] => zone_list(&state, request, private),
            [zone, "TXT", name] => {
                let found =
                    state.zones.iter().find(|present| present.private == private && present.apex == *zone);
                let Some((zone, apex)) = found.map(|zone| (zone.id, zone.apex.clone())) else {
                    return error(404, "ParentResourceNotFound", "The zone was not found.");
                };
                let full = if *name == "@" { apex } else { format!("{name}.{apex}") };
                record_set(&mut state, (zone, private), &full, request)
            }
            _ => error(404, "NotFound", "Not found."),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        let code = if status == 429 { "TooManyRequests" } else { "InternalServerError" };
        error(status, code, "The request was throttled or the service is unavailable.")
    }

    fn changes(&self, request: &Request) -> bool {
        matches!(request.method.as_str(), "PUT" | "DELETE")
    }
}

fn token(tenant: &str, request: &Request) -> Reply {
    let form = request.form();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|present| present == value);
    let refuse = |status: u16, error: &str, description: &str| {
        Reply::json(status, &json!({ "error": error, "error_description": description, "trace_id": "x" }))
    };
    if tenant != TENANT {
        return refuse(400, "invalid_request", "AADSTS90002: Tenant not found.");
    }
    if !is("grant_type", "client_credentials") || !is("scope", "https://management.azure.com/.default") {
        return refuse(400, "invalid_scope", "AADSTS70011: The provided value for scope is not valid.");
    }
    if !is("client_id", CLIENT) {
        return refuse(
            400,
            "unauthorized_client",
            "AADSTS700016: Application was not found in the directory.",
        );
    }
    let asserted = is("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    if asserted && !is("client_assertion", FEDERATED) {
        return refuse(401, "invalid_client", "AADSTS700211: No matching federated identity record found.");
    }
    if !asserted && !is("client_secret", SECRET) {
        return refuse(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    Reply::json(200, &json!({ "token_type": "Bearer", "expires_in": 3_599, "access_token": TOKEN }))
}

/// <https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
fn managed_identity(request: &Request) -> Reply {
    let refuse = |error: &str, description: &str| {
        Reply::json(400, &json!({ "error": error, "error_description": description }))
    };
    if request.header("metadata") != "true" {
        return refuse("bad_request_102", "Required metadata header not specified");
    }
    if request.query("api-version").as_deref() != Some("2018-02-01")
        || request.query("resource").as_deref() != Some("https://management.azure.com/")
    {
        return refuse("invalid_resource", "AADSTS500011: The resource principal was not found.");
    }
    if request.query("client_id").is_some_and(|id| id != CLIENT) {
        return refuse("invalid_request", "Identity not found");
    }
    Reply::json(200, &json!({ "access_token": TOKEN, "expires_in": "3599", "token_type": "Bearer" }))
}

fn zone_list(state: &State, request: &Request, private: bool) -> Reply {
    let start: usize = request.query("$skipToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let zones: Vec<&Zone> = state.zones.iter().filter(|zone| zone.private == private).collect();
    let resource = if private { "privateDnsZones" } else { "dnszones" };
    let shown: Vec<Value> = zones
        .iter()
        .skip(start)
        .take(PAGE)
        .map(|zone| {
            let id = format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{resource}/{}",
                zone.apex
            );
            json!({ "id": id, "name": zone.apex, "type": "Microsoft.Network/dnszones", "etag": "e", "location": "global" })
        })
        .collect();
    let mut body = json!({ "value": shown });
    if start + PAGE < zones.len() {
        let path = &request.path;
        let next =
            format!("https://management.azure.com{path}?api-version=2018-05-01&$skipToken={}", start + PAGE);
        body["nextLink"] = json!(next);
    }
    Reply::json(200, &body)
}

fn etag(set: &RecordSet) -> String {
    format!("{:08x}-0000", set.version)
}

fn record_set(state: &mut State, (zone, private): (u64, bool), name: &str, request: &Request) -> Reply {
    let present = state.zone_by_id(zone).and_then(|zone| zone.set(name, "TXT").cloned());
    let (if_match, if_none_match) = (request.header("if-match"), request.header("if-none-match"));
    let current = present.as_ref().map(etag);
    let is_met = (if_match.is_empty() || if_match == "*" || current.as_deref() == Some(if_match))
        && (if_none_match.is_empty() || current.is_none());
    match request.method.as_str() {
        "GET" => match present {
            Some(set) => Reply::json(200, &shown(name, &set, private)),
            None => error(404, "NotFound", "The resource record was not found."),
        },
        _ if !is_met => {
            error(412, "PreconditionFailed", "The condition in the If-Match header was not satisfied.")
        }
        "DELETE" => {
            state.replace(zone, (name, "TXT"), 0, &[]);
            Reply::empty(if present.is_some() { 200 } else { 204 })
        }
        "PUT" => {
            let body = request.json();
            let (ttl, records) = if private { ("ttl", "txtRecords") } else { ("TTL", "TXTRecords") };
            let properties = &body["properties"];
            let (Some(ttl), Some(values)) = (properties[ttl].as_u64(), values(&properties[records])) else {
                return error(400, "BadRequest", "The record set is invalid.");
            };
            let ttl = u32::try_from(ttl).unwrap_or(u32::MAX);
            state.replace(zone, (name, "TXT"), ttl, &values);
            let set =
                state.zone_by_id(zone).and_then(|zone| zone.set(name, "TXT").cloned()).unwrap_or_default();
            Reply::json(if present.is_some() { 200 } else { 201 }, &shown(name, &set, private))
        }
        _ => error(405, "MethodNotAllowed", "no"),
    }
}

/// Each record is a list of strings of at most 255 characters.
fn values(records: &Value) -> Option<Vec<String>> {
    let records = records.as_array()?.iter().map(|record| {
        let parts: Option<Vec<&str>> = record["value"].as_array()?.iter().map(Value::as_str).collect();
        parts
            .filter(|parts| !parts.is_empty() && parts.iter().all(|part| part.len() <= 255))
            .map(|parts| parts.concat())
    });
    records.collect::<Option<Vec<String>>>().filter(|values| !values.is_empty())
}

fn shown(name: &str, set: &RecordSet, private: bool) -> Value {
    let records: Vec<Value> = set
        .values()
        .iter()
        .map(|value| {
            let parts = value.as_bytes().chunks(255).map(String::from_utf8_lossy);
            json!({ "value": parts.collect::<Vec<_>>() })
        })
        .collect();
    let (ttl, key) = if private { ("ttl", "txtRecords") } else { ("TTL", "TXTRecords") };
    let properties =
        json!({ ttl: set.ttl, key: records, "fqdn": format!("{name}."), "provisioningState": "Succeeded" });
    json!({ "name": name, "type": "Microsoft.Network/dnszones/TXT", "etag": etag(set), "properties": properties })
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "code": code, "message": message } }))
}

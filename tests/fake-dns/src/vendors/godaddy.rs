//! GoDaddy's Domains API v1: <https://developer.godaddy.com/doc/endpoint/domains>.

use serde_json::{Value, json};

use super::records::{full, zone_named};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zones};

const KEY: &str = "dLP4right-key-of-godaddy";
const SECRET: &str = "right-secret-of-godaddy";
/// Domains of a page, if more are asked for; the real one has 1,000.
const PAGE: usize = 1_000;
const LEAST_TTL: u64 = 600;

struct GoDaddy;

/// GoDaddy.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(GoDaddy, Lab::zones()).await;
    let config = |secret: &str| {
        json!({
            "api_key": KEY, "api_secret": secret, "base_url": fake.url(), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("wrong-secret-of-godaddy"));
    Lab::on("godaddy", fake, right, wrong)
}

impl FrontEnd for GoDaddy {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("sso-key") != format!("{KEY}:{SECRET}") {
            return error(
                401,
                "UNABLE_TO_AUTHENTICATE",
                "Unauthorized : Could not authenticate API key/secret",
            );
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v1", "domains"]) => domains(&state, request),
            ("GET", ["v1", "domains", domain]) if domain.contains(['_', '*']) => {
                error(422, "INVALID_BODY", "domain doesn't match the format of a domain")
            }
            ("GET", ["v1", "domains", domain]) => match zone_named(&mut state, domain) {
                Some((id, apex)) => {
                    Reply::json(200, &json!({ "domainId": id, "domain": apex, "status": "ACTIVE" }))
                }
                None => error(404, "NOT_FOUND", "The domain is not registered, or does not have a zone file"),
            },
            (method, ["v1", "domains", domain, "records", rest @ ..]) => {
                let Some(zone) = zone_named(&mut state, domain) else {
                    let message = "The given domain is not registered, or does not have a zone file";
                    return error(404, "UNKNOWN_DOMAIN", message);
                };
                match (method, rest) {
                    ("PATCH", []) => add(&mut state, &zone, &request.json()),
                    (method, ["TXT", name]) => set(&mut state, &zone, (method, name), &request.json()),
                    _ => error(404, "NOT_FOUND", "Not found"),
                }
            }
            _ => error(404, "NOT_FOUND", "Not found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            429 => error(429, "TOO_MANY_REQUESTS", "Too many requests received within interval"),
            status => error(status, "INTERNAL_SERVER_ERROR", "Internal server error"),
        }
    }
}

fn domains(state: &State, request: &Request) -> Reply {
    let mut names: Vec<&str> = state.zones.iter().map(|zone| zone.apex.as_str()).collect();
    names.sort_unstable();
    let limit = request.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(100_usize).min(PAGE);
    let marker = request.query("marker").unwrap_or_default();
    let page = names.into_iter().filter(|name| **name > *marker).take(limit);
    let page: Vec<Value> =
        page.map(|name| json!({ "domain": name, "status": "ACTIVE", "domainId": 1 })).collect();
    Reply::json(200, &Value::from(page))
}

/// `PATCH`: what is there with the same data is refused.
fn add(state: &mut State, (zone, apex): &(u64, String), body: &Value) -> Reply {
    let records = body.as_array().cloned().unwrap_or_default();
    if records.is_empty() {
        return error(422, "INVALID_BODY", "Request body doesn't fulfill schema, see details in `fields`");
    }
    for record in records {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let (Some(kind), Some(name), Some(data)) = (text("type"), text("name"), text("data")) else {
            return error(
                422,
                "INVALID_BODY",
                "Request body doesn't fulfill schema, see details in `fields`",
            );
        };
        let Some(ttl) = record["ttl"].as_u64().filter(|ttl| *ttl >= LEAST_TTL) else {
            return error(422, "INVALID_BODY", "ttl must be greater than or equal to 600");
        };
        let owner = full(&name, apex);
        let present =
            state.zone_by_id(*zone).and_then(|zone| zone.set(&owner, &kind).cloned()).unwrap_or_default();
        if present.values().contains(&data) {
            let message = format!("Another record with the same attributes already exists: {name}");
            return error(422, "DUPLICATE_RECORD", &message);
        }
        state.add_record(*zone, (&owner, &kind), u32::try_from(ttl).unwrap_or(u32::MAX), &data);
    }
    Reply::empty(200)
}

fn set(state: &mut State, (zone, apex): &(u64, String), (method, name): (&str, &str), body: &Value) -> Reply {
    let owner = full(name, apex);
    let present =
        state.zone_by_id(*zone).and_then(|zone| zone.set(&owner, "TXT").cloned()).unwrap_or_default();
    match method {
        "GET" => {
            let shown = present
                .values()
                .into_iter()
                .map(|data| json!({ "data": data, "name": name, "ttl": present.ttl, "type": "TXT" }));
            Reply::json(200, &Value::from(shown.collect::<Vec<_>>()))
        }
        "PUT" => {
            let records = body.as_array().cloned().unwrap_or_default();
            let data = records.iter().map(|record| record["data"].as_str().map(str::to_owned));
            match data.collect::<Option<Vec<String>>>().filter(|data| !data.is_empty()) {
                Some(data) => {
                    state.replace(*zone, (&owner, "TXT"), 600, &data);
                    Reply::empty(200)
                }
                None => error(422, "INVALID_BODY", "Request body doesn't fulfill schema"),
            }
        }
        "DELETE" if present.records.is_empty() => error(404, "NOT_FOUND", "Record not found"),
        "DELETE" => {
            state.replace(*zone, (&owner, "TXT"), 0, &[]);
            Reply::empty(204)
        }
        _ => error(405, "METHOD_NOT_ALLOWED", "The method is not allowed"),
    }
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "code": code, "message": message }))
}

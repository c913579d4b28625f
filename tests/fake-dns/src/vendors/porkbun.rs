//! Porkbun, API v3: <https://porkbun.com/api/json/v3/documentation>.

use serde_json::{Value, json};

use super::records::{Shown, all, full, zone_named};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zones};

const KEY: &str = "pk1_right-key-of-porkbun";
const SECRET: &str = "sk1_right-secret-of-porkbun";
/// Domains of a chunk; the real one has 1,000.
const CHUNK: usize = 100;

struct Porkbun;

/// Porkbun.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Porkbun, Lab::zones()).await;
    let config = |secret: &str| {
        json!({
            "api_key": KEY, "secret_api_key": secret, "base_url": format!("{}/api/json/v3", fake.url()),
            "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("sk1_wrong-secret-of-porkbun"));
    Lab::on("porkbun", fake, right, wrong)
}

impl FrontEnd for Porkbun {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        let body = request.json();
        if body["apikey"] != KEY || body["secretapikey"] != SECRET {
            return error(400, "Invalid API key. (002)");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if request.method != "POST" {
            return error(405, "POST only");
        }
        let mut state = zones.lock();
        let ["api", "json", "v3", rest @ ..] = segments.as_slice() else { return error(404, "Not found") };
        match rest {
            ["domain", "listAll"] => {
                let start: usize = body["start"].as_str().and_then(|start| start.parse().ok()).unwrap_or(0);
                let page = state.zones.iter().skip(start).take(CHUNK);
                let domains: Vec<Value> =
                    page.map(|zone| json!({ "domain": zone.apex, "status": "ACTIVE" })).collect();
                Reply::json(200, &json!({ "status": "SUCCESS", "domains": domains }))
            }
            ["dns", act, zone, rest @ ..] => match zone_named(&mut state, zone) {
                Some(zone) => records(&mut state, zone, (act, rest), &body),
                None => error(400, "Invalid domain."),
            },
            _ => error(404, "Not found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "Too many requests, or something went wrong")
    }

    fn changes(&self, request: &Request) -> bool {
        request.path.contains("/dns/create/") || request.path.contains("/dns/delete/")
    }
}

fn records(
    state: &mut State,
    (zone, apex): (u64, String),
    (act, rest): (&str, &[&str]),
    body: &Value,
) -> Reply {
    match (act, rest) {
        ("retrieveByNameType", [kind, name @ ..]) => {
            let name = name.first().copied().unwrap_or_default();
            let zone = state.zone_by_id(zone).expect("it was looked for");
            let chosen = all(zone).filter(|shown| shown.kind == *kind && shown.name == name);
            let shown = chosen.map(|Shown { name, kind, ttl, record }| {
                json!({
                    "id": record.id.to_string(), "name": full(name, &apex), "type": kind, "content": record.value,
                    "ttl": ttl.to_string(), "prio": "0", "notes": ""
                })
            });
            Reply::json(200, &json!({ "status": "SUCCESS", "records": shown.collect::<Vec<_>>() }))
        }
        ("create", []) => {
            let (Some(kind), Some(content)) = (body["type"].as_str(), body["content"].as_str()) else {
                return error(400, "Type and content are required.");
            };
            let ttl = body["ttl"].as_str().and_then(|ttl| ttl.parse().ok()).unwrap_or(600_u32).max(600);
            let owner = full(body["name"].as_str().unwrap_or_default(), &apex);
            let present =
                state.zone_by_id(zone).and_then(|zone| zone.set(&owner, kind).cloned()).unwrap_or_default();
            if present.values().iter().any(|value| value == content) {
                return error(400, "Edit error: We were unable to create the DNS record: it exists already.");
            }
            let id = state.add_record(zone, (&owner, kind), ttl, content).expect("the zone is there");
            Reply::json(200, &json!({ "status": "SUCCESS", "id": id }))
        }
        ("delete", [id]) if id.parse().is_ok_and(|id| state.remove_record(zone, id)) => {
            Reply::json(200, &json!({ "status": "SUCCESS" }))
        }
        ("delete", [_]) => error(400, "Invalid record ID."),
        _ => error(404, "Not found"),
    }
}

fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "status": "ERROR", "message": message }))
}

//! Vultr, API v2: <https://www.vultr.com/api/>, domains and records.

use serde_json::{Value, json};

use super::records::{Shown, all, full, zone_named};
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Record, Reply, Request, State, Zones};

const KEY: &str = "RIGHT-right-secret-of-vultr";

struct Vultr;

/// Vultr.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Vultr, Lab::zones()).await;
    let config = |key: &str| {
        json!({
            "api_key": key, "base_url": format!("{}/v2", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(KEY), config("WRONG-wrong-secret-of-vultr"));
    Lab::on("vultr", fake, right, wrong)
}

impl FrontEnd for Vultr {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != KEY {
            return error(401, "Invalid API token.");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v2", "domains"]) => list(
                request,
                "domains",
                state.zones.iter().map(|zone| json!({ "domain": zone.apex })).collect(),
            ),
            ("GET", ["v2", "domains", zone]) => match zone_named(&mut state, zone) {
                Some((_, apex)) => {
                    Reply::json(200, &json!({ "domain": { "domain": apex, "dns_sec": "disabled" } }))
                }
                None => error(404, "Invalid domain."),
            },
            (_, ["v2", "domains", zone, "records", rest @ ..]) => match zone_named(&mut state, zone) {
                Some(zone) => records(&mut state, zone, request, rest),
                None => error(404, "Invalid domain."),
            },
            _ => error(404, "Not found."),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "Rate limit exceeded or server error.")
    }
}

/// Ids look like UUIDs.
fn id(number: u64) -> String {
    format!("00000000-0000-0000-0000-{number:012x}")
}

fn number(id: &str) -> Option<u64> {
    u64::from_str_radix(id.rsplit('-').next()?, 16).ok()
}

fn records(state: &mut State, (zone, apex): (u64, String), request: &Request, rest: &[&str]) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", []) => list(
            request,
            "records",
            all(state.zone_by_id(zone).expect("it was looked for")).map(shown).collect(),
        ),
        ("POST", []) => {
            let body = request.json();
            let (Some(kind), Some(name), Some(data)) =
                (body["type"].as_str(), body["name"].as_str(), body["data"].as_str())
            else {
                return error(400, "Invalid request: type, name and data are required.");
            };
            let ttl = body["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(300);
            let Some(value) = unquoted(data).filter(|_| ttl >= 120) else {
                return error(400, "TXT data must be in quotes and the TTL at least 120.");
            };
            let id =
                state.add_record(zone, (&full(name, &apex), kind), ttl, &value).expect("the zone is there");
            let record = Record { id, value };
            Reply::json(201, &json!({ "record": shown(Shown { name, kind, ttl, record: &record }) }))
        }
        ("DELETE", [id]) if number(id).is_some_and(|id| state.remove_record(zone, id)) => Reply::empty(204),
        _ => error(404, "Invalid record."),
    }
}

fn shown(shown: Shown<'_>) -> Value {
    let Shown { name, kind, ttl, record } = shown;
    json!({ "id": id(record.id), "type": kind, "name": name, "data": quoted(&record.value), "priority": -1, "ttl": ttl })
}

/// By cursor, `per_page` 100 by default; this one never gives more.
fn list(request: &Request, key: &str, items: Vec<Value>) -> Reply {
    let size = request.query("per_page").and_then(|text| text.parse().ok()).unwrap_or(100_usize).min(100);
    let start: usize =
        request.query("cursor").and_then(|cursor| cursor.strip_prefix("bmV4d")?.parse().ok()).unwrap_or(0);
    let total = items.len();
    let next = if start + size < total { format!("bmV4d{}", start + size) } else { String::new() };
    let page: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let mut body = json!({ "meta": { "total": total, "links": { "next": next, "prev": "" } } });
    body[key] = Value::Array(page);
    Reply::json(200, &body)
}

fn error(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": text, "status": status }))
}

//! deSEC's API v1: <https://desec.readthedocs.io/en/latest/dns/>, domains and RRsets.

use serde_json::{Value, json};

use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, RecordSet, Reply, Request, State, Zones};

const TOKEN: &str = "right-secret-of-desec";
/// Of a page of domains; the real one has 500.
const PAGE: usize = 100;

struct Desec;

/// deSEC.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Desec, Lab::zones()).await;
    let config = |token: &str| {
        json!({
            "token": token, "base_url": format!("{}/api/v1", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(TOKEN), config("wrong-secret-of-desec"));
    Lab::on("desec", fake, right, wrong)
}

impl FrontEnd for Desec {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Token") != TOKEN {
            return detail(401, "Invalid token.");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if !request.path.ends_with('/') {
            return Reply::empty(301);
        }
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "v1", "domains"]) => domains(&state, request),
            (_, ["api", "v1", "domains", zone, "rrsets", rest @ ..]) => {
                let Some(zone) = state.zone(zone).map(|zone| (zone.id, zone.apex.clone())) else {
                    return detail(404, "Not found.");
                };
                sets(&mut state, zone, request, rest)
            }
            _ => detail(404, "Not found."),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        detail(status, "Request was throttled or failed.")
    }
}

fn domains(state: &State, request: &Request) -> Reply {
    let shown = |apex: &str| json!({ "name": apex, "minimum_ttl": 60, "touched": "2026-01-01T00:00:00Z" });
    if let Some(name) = request.query("owns_qname") {
        let owner =
            state.zones.iter().filter(|zone| name == zone.apex || name.ends_with(&format!(".{}", zone.apex)));
        let owner = owner.max_by_key(|zone| zone.apex.len());
        let owners: Vec<Value> = owner.iter().map(|zone| shown(&zone.apex)).collect();
        return Reply::json(200, &Value::Array(owners));
    }
    let Some(cursor) = request.query("cursor") else {
        return detail(400, "Pagination required. You can query up to 500 items at a time.");
    };
    let start: usize = cursor.parse().unwrap_or(0);
    let page: Vec<Value> = state.zones.iter().skip(start).take(PAGE).map(|zone| shown(&zone.apex)).collect();
    let reply = Reply::json(200, &Value::Array(page));
    if start + PAGE < state.zones.len() {
        let first = "<https://desec.io/api/v1/domains/?cursor=>; rel=\"first\"";
        let next = format!("<https://desec.io/api/v1/domains/?cursor={}>; rel=\"next\"", start + PAGE);
        reply.header("link", format!("{first}, {next}"))
    } else {
        reply
    }
}

fn sets(state: &mut State, (zone, apex): (u64, String), request: &Request, rest: &[&str]) -> Reply {
    let full = |subname: &str| match subname {
        "" | "@" => apex.clone(),
        below => format!("{below}.{apex}"),
    };
    let body = request.json();
    let records = match &body["records"] {
        Value::Array(records) => records.iter().filter_map(Value::as_str).map(unquoted).collect(),
        _ => Some(Vec::new()),
    };
    let Some(records) = records else {
        return Reply::json(
            400,
            &json!({ "records": [["Data for TXT records must be given using quotation marks."]] }),
        );
    };
    match (request.method.as_str(), rest) {
        ("POST", []) => {
            let (Some(subname), Some(kind), Some(ttl)) =
                (body["subname"].as_str(), body["type"].as_str(), body["ttl"].as_u64())
            else {
                return Reply::json(400, &json!({ "ttl": ["This field is required."] }));
            };
            if ttl < 60 {
                return Reply::json(
                    400,
                    &json!({ "ttl": ["Ensure this value is greater than or equal to 60."] }),
                );
            }
            let name = full(subname);
            if state.zone_by_id(zone).is_some_and(|zone| zone.set(&name, kind).is_some()) {
                let message = "Another RRset with the same subdomain and type exists for this domain.";
                return Reply::json(400, &json!({ "non_field_errors": [message] }));
            }
            state.replace(zone, (&name, kind), u32::try_from(ttl).unwrap_or(u32::MAX), &records);
            Reply::json(
                201,
                &json!({ "subname": subname, "type": kind, "ttl": ttl, "records": body["records"] }),
            )
        }
        (method, [subname, kind]) => {
            let name = full(subname);
            let set = state.zone_by_id(zone).and_then(|zone| zone.set(&name, kind).cloned());
            let Some(set) = set else { return detail(404, "Not found.") };
            match method {
                "GET" => Reply::json(200, &shown(subname, kind, &set)),
                "PATCH" => {
                    state.replace(zone, (&name, kind), set.ttl, &records);
                    if records.is_empty() { Reply::empty(204) } else { Reply::json(200, &body) }
                }
                _ => detail(405, "Method not allowed."),
            }
        }
        _ => detail(404, "Not found."),
    }
}

fn shown(subname: &str, kind: &str, set: &RecordSet) -> Value {
    let records: Vec<String> = set.values().iter().map(|value| quoted(value)).collect();
    json!({ "subname": subname, "type": kind, "ttl": set.ttl, "records": records })
}

fn detail(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "detail": text }))
}

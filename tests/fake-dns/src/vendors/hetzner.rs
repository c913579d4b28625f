//! Hetzner's Cloud API v1: <https://docs.hetzner.cloud/reference/cloud>, zones, RRsets and actions.

use serde_json::{Value, json};

use super::paging::Page;
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, RecordSet, Reply, Request, State, Zones};

const TOKEN: &str = "right-secret-of-hetzner-cloud-with-sixty-four-characters-at-all!";
const WRONG: &str = "wrong-secret-of-hetzner-cloud-with-sixty-four-characters-at-all!";
/// How many requests later an action is a success and its records are served: time passes with each request.
const RUNNING: u32 = 2;

struct Hetzner;

/// Hetzner.
pub async fn lab() -> Lab {
    let zones = Lab::zones();
    zones.lock().zones.iter_mut().for_each(crate::Zone::hold_back);
    let fake = FakeDns::start(Hetzner, zones).await;
    let config = |token: &str| {
        json!({
            "api_token": token, "base_url": format!("{}/v1", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(TOKEN), config(WRONG));
    Lab::on("hetzner", fake, right, wrong)
}

impl FrontEnd for Hetzner {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != TOKEN {
            return error(401, "unauthorized", "the token you provided is invalid");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        state.pass_time();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v1", "zones"]) => zone_list(&state, request),
            ("GET", ["v1", "actions", id]) => action(&state, id),
            (method, ["v1", "zones", zone, "rrsets", name, kind, rest @ ..]) => {
                // A zone is named by its number or its name.
                let zone = state
                    .zones
                    .iter()
                    .find(|present| present.id.to_string() == *zone || present.apex == *zone);
                let Some((zone, apex)) = zone.map(|zone| (zone.id, zone.apex.clone())) else {
                    return not_found();
                };
                let full = if *name == "@" { apex } else { format!("{name}.{apex}") };
                match (method, rest) {
                    ("GET", []) => match state.zone_by_id(zone).and_then(|zone| zone.set(&full, kind)) {
                        Some(set) => Reply::json(200, &json!({ "rrset": shown((name, kind), set) })),
                        None => not_found(),
                    },
                    ("POST", ["actions", act]) => {
                        change(&mut state, zone, (&full, kind, act), &request.json())
                    }
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        let code = if status == 429 { "rate_limit_exceeded" } else { "server_error" };
        error(status, code, "something went wrong or too often")
    }
}

fn zone_list(state: &State, request: &Request) -> Reply {
    let wanted = request.query("name");
    let zones = state.zones.iter().filter(|zone| wanted.as_ref().is_none_or(|name| *name == zone.apex));
    let zones =
        zones.map(|zone| json!({ "id": zone.id, "name": zone.apex, "mode": "primary", "status": "ok" }));
    let page = Page::of(zones.collect(), request, ("page", "per_page"), (25, 50));
    let next = (!page.is_last()).then_some(page.number + 1);
    let pagination = json!({
        "page": page.number, "per_page": page.size, "previous_page": null, "next_page": next,
        "last_page": page.pages(), "total_entries": page.total
    });
    Reply::json(200, &json!({ "zones": page.items, "meta": { "pagination": pagination } }))
}

fn change(state: &mut State, zone: u64, (name, kind, act): (&str, &str, &str), body: &Value) -> Reply {
    let values = body["records"].as_array().into_iter().flatten().map(|record| record["value"].as_str());
    let values: Option<Vec<String>> = values.map(|value| unquoted(value?)).collect();
    let Some(values) = values.filter(|values| !values.is_empty()) else {
        return error(422, "invalid_input", "invalid input in field 'records': TXT values must be in quotes");
    };
    let set = state.zone_by_id(zone).and_then(|zone| zone.set(name, kind).cloned());
    match act {
        "add_records" => {
            let ttl = body["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok());
            if ttl.is_some_and(|ttl| ttl < 60) {
                return error(422, "invalid_input", "ttl must be at least 60");
            }
            let present = set.as_ref().map(RecordSet::values).unwrap_or_default();
            if values.iter().any(|value| present.contains(value)) {
                return error(422, "invalid_input", "a record with this value exists already");
            }
            if set.as_ref().is_some_and(|set| ttl.is_some_and(|ttl| ttl != set.ttl)) {
                return error(422, "invalid_input", "the TTL differs from that of the RRset");
            }
            for value in &values {
                state.add_record(zone, (name, kind), ttl.unwrap_or(3_600), value);
            }
        }
        "remove_records" => {
            let Some(set) = set else { return not_found() };
            for record in set.records.iter().filter(|record| values.contains(&record.value)) {
                state.remove_record(zone, record.id);
            }
        }
        _ => return not_found(),
    }
    let id = state.new_number();
    state.pending.insert(id.to_string(), RUNNING);
    Reply::json(201, &json!({ "action": action_shown(id, act, "running") }))
}

fn action(state: &State, id: &str) -> Reply {
    let (Some(left), Ok(number)) = (state.pending.get(id), id.parse()) else { return not_found() };
    let status = if *left == 0 { "success" } else { "running" };
    Reply::json(200, &json!({ "action": action_shown(number, "change_rrset_records", status) }))
}

fn action_shown(id: u64, command: &str, status: &str) -> Value {
    let progress = if status == "success" { 100 } else { 0 };
    json!({ "id": id, "command": command, "status": status, "progress": progress, "error": null })
}

fn shown((name, kind): (&str, &str), set: &RecordSet) -> Value {
    let records: Vec<Value> =
        set.values().iter().map(|value| json!({ "value": quoted(value), "comment": "" })).collect();
    json!({ "id": format!("{name}/{kind}"), "name": name, "type": kind, "ttl": set.ttl, "records": records })
}

fn not_found() -> Reply {
    error(404, "not_found", "the requested resource was not found")
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": { "code": code, "message": message, "details": {} } }))
}

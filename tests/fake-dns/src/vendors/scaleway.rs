//! Scaleway Domains and DNS, API v2beta1: <https://www.scaleway.com/en/developers/api/domains-and-dns/>.

use serde_json::{Value, json};

use super::paging::Page;
use super::records::{Shown, all, full, zone_named};
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zone, Zones};

const KEY: &str = "right-secret-of-scaleway";

struct Scaleway;

/// Scaleway.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Scaleway, Lab::zones()).await;
    let config = |key: &str| {
        json!({
            "secret_key": key, "base_url": format!("{}/domain/v2beta1", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(KEY), config("wrong-secret-of-scaleway"));
    Lab::on("scaleway", fake, right, wrong)
}

impl FrontEnd for Scaleway {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.header("x-auth-token") != KEY {
            let body = json!({ "message": "authentication is denied", "method": "api_key", "type": "denied_authentication" });
            return Reply::json(401, &body);
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["domain", "v2beta1", "dns-zones"]) => zone_list(&state, request),
            (method, ["domain", "v2beta1", "dns-zones", zone, "records"]) => {
                let Some((zone, apex)) = zone_named(&mut state, zone) else { return not_found("dns zone") };
                match method {
                    "GET" => record_list(&mut state, zone, request),
                    "PATCH" => change(&mut state, (zone, &apex), &request.json()),
                    _ => not_found("method"),
                }
            }
            _ => not_found("resource"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        Reply::json(status, &json!({ "message": "too many requests or internal error", "type": "trouble" }))
    }
}

/// A zone is a domain or a part below one.
fn zone_list(state: &State, request: &Request) -> Reply {
    let wanted = request.query("dns_zone").filter(|name| !name.is_empty());
    let chosen = state.zones.iter().filter(|zone| wanted.as_ref().is_none_or(|name| *name == zone.apex));
    let shown = chosen.map(|zone: &Zone| {
        let (below, domain) = match zone.apex.strip_suffix(&format!(".{}", Lab::ZONE)) {
            Some(below) => (below, Lab::ZONE),
            None => ("", zone.apex.as_str()),
        };
        json!({ "domain": domain, "subdomain": below, "status": "active", "project_id": "p" })
    });
    let page: Page<Value> = Page::of(shown.collect(), request, ("page", "page_size"), (20, 100));
    Reply::json(200, &json!({ "dns_zones": page.items, "total_count": page.total }))
}

/// Ids look like UUIDs.
fn id(number: u64) -> String {
    format!("00000000-0000-0000-0000-{number:012x}")
}

fn number(id: &str) -> Option<u64> {
    u64::from_str_radix(id.rsplit('-').next()?, 16).ok()
}

fn record_list(state: &mut State, zone: u64, request: &Request) -> Reply {
    let name = request.query("name").filter(|name| !name.is_empty());
    let kind = request.query("type");
    let zone = state.zone_by_id(zone).expect("it was looked for");
    let chosen = all(zone).filter(|shown| {
        name.as_ref().is_none_or(|name| name == shown.name)
            && kind.as_ref().is_none_or(|kind| kind == shown.kind)
    });
    let shown = chosen.map(|Shown { name, kind, ttl, record }| {
        json!({ "id": id(record.id), "name": name, "type": kind, "data": quoted(&record.value), "ttl": ttl, "priority": 0 })
    });
    let page: Page<Value> = Page::of(shown.collect(), request, ("page", "page_size"), (20, 100));
    Reply::json(200, &json!({ "records": page.items, "total_count": page.total }))
}

/// All changes or none.
fn change(state: &mut State, (zone, apex): (u64, &str), body: &Value) -> Reply {
    let before = state.zone_by_id(zone).expect("it was looked for").sets.clone();
    for change in body["changes"].as_array().into_iter().flatten() {
        if let Err(refusal) = apply(state, (zone, apex), change) {
            state.zone_by_id(zone).expect("it was looked for").sets = before;
            return refusal;
        }
    }
    Reply::json(200, &json!({ "records": [] }))
}

fn apply(state: &mut State, (zone, apex): (u64, &str), change: &Value) -> Result<(), Reply> {
    if let Some(id) = change["delete"]["id"].as_str() {
        let removed = number(id).is_some_and(|id| state.remove_record(zone, id));
        return if removed { Ok(()) } else { Err(not_found("record")) };
    }
    let records = change["add"]["records"].as_array().ok_or_else(|| invalid("changes"))?;
    for record in records {
        let (Some(name), Some(kind), Some(data), Some(ttl)) = (
            record["name"].as_str(),
            record["type"].as_str(),
            record["data"].as_str(),
            record["ttl"].as_u64(),
        ) else {
            return Err(invalid("records"));
        };
        let value = unquoted(data).ok_or_else(|| invalid("data"))?;
        let ttl = u32::try_from(ttl).ok().filter(|ttl| *ttl >= 60).ok_or_else(|| invalid("ttl"))?;
        state.add_record(zone, (&full(name, apex), kind), ttl, &value);
    }
    Ok(())
}

fn invalid(argument: &str) -> Reply {
    let details = json!([{ "argument_name": argument, "reason": "constraint" }]);
    Reply::json(
        400,
        &json!({ "details": details, "message": "invalid argument(s)", "type": "invalid_arguments" }),
    )
}

fn not_found(resource: &str) -> Reply {
    Reply::json(
        404,
        &json!({ "message": "resource is not found", "resource": resource, "type": "not_found" }),
    )
}

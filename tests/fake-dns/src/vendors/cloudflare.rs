//! Cloudflare's API v4: <https://developers.cloudflare.com/api/>, zones and DNS records.

use serde_json::{Value, json};

use super::paging::Page;
use super::text::unquoted;
use crate::{FakeDns, FrontEnd, Lab, Record, Reply, Request, State, Zones};

const TOKEN: &str = "right-secret-of-cloudflare-with-forty-ch";

struct Cloudflare {
    /// Whether lists say how many pages they have.
    tells_totals: bool,
}

/// Cloudflare.
pub async fn lab() -> Lab {
    start(true).await
}

/// Cloudflare with lists that do not say how many pages they have, as some of its lists, and gateways in front of it, are.
pub async fn lab_without_totals() -> Lab {
    start(false).await
}

async fn start(tells_totals: bool) -> Lab {
    let fake = FakeDns::start(Cloudflare { tells_totals }, Lab::zones()).await;
    let config = |token: &str| {
        json!({
            "api_token": token, "base_url": format!("{}/client/v4", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(TOKEN), config("wrong-secret-of-cloudflare-with-forty-ch"));
    Lab::on("cloudflare", fake, right, wrong)
}

/// Ids are 32 hexadecimal digits.
fn id(number: u64) -> String {
    format!("{number:032x}")
}

fn number(id: &str) -> Option<u64> {
    u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)
}

impl FrontEnd for Cloudflare {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != TOKEN {
            return failure(403, 9_109, "Invalid access token");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["client", "v4", "zones"]) => {
                let wanted = request.query("name");
                let zones =
                    state.zones.iter().filter(|zone| wanted.as_ref().is_none_or(|name| *name == zone.apex));
                let zones = zones.map(|zone| json!({ "id": id(zone.id), "name": zone.apex })).collect();
                self.list(request, zones, 50)
            }
            ("GET", ["client", "v4", "zones", zone]) => {
                match number(zone).and_then(|zone| state.zone_by_id(zone)) {
                    Some(zone) => success(200, &json!({ "id": id(zone.id), "name": zone.apex })),
                    None => failure(404, 7_003, "Could not route to the zone"),
                }
            }
            (_, ["client", "v4", "zones", zone, "dns_records", rest @ ..]) => {
                match number(zone).filter(|zone| state.zone_by_id(*zone).is_some()) {
                    Some(zone) => self.records(&mut state, zone, request, rest),
                    None => failure(404, 7_003, "Could not route to the zone"),
                }
            }
            _ => failure(404, 7_000, "No route for that URI"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        let code = if status == 429 { 971 } else { 1_000 };
        failure(status, code, "Please wait and consider throttling your request speed")
    }
}

impl Cloudflare {
    fn records(&self, state: &mut State, zone: u64, request: &Request, rest: &[&str]) -> Reply {
        match (request.method.as_str(), rest) {
            ("GET", []) => {
                let (kind, name) = (request.query("type"), request.query("name"));
                let zone = state.zone_by_id(zone).expect("it was looked for");
                let chosen = zone.sets.iter().filter(|((present, of), _)| {
                    kind.as_ref().is_none_or(|kind| kind == of)
                        && name.as_ref().is_none_or(|name| name == present)
                });
                let shown = chosen.flat_map(|((name, kind), set)| {
                    set.records.iter().map(move |record| shown((name, kind), set.ttl, record))
                });
                self.list(request, shown.collect(), 100)
            }
            ("POST", []) => {
                add(state, zone, &request.json(), if self.tells_totals { 81_058 } else { 81_057 })
            }
            ("DELETE", [record]) => {
                match number(record).filter(|record| state.remove_record(zone, *record)) {
                    Some(record) => success(200, &json!({ "id": id(record) })),
                    None => failure(404, 81_044, "Record does not exist."),
                }
            }
            _ => failure(405, 10_405, "Method not allowed"),
        }
    }

    fn list(&self, request: &Request, items: Vec<Value>, most: usize) -> Reply {
        let page = Page::of(items, request, ("page", "per_page"), (20, most));
        let mut info = json!({ "page": page.number, "per_page": page.size, "count": page.items.len() });
        if self.tells_totals {
            info["total_count"] = json!(page.total);
            info["total_pages"] = json!(page.pages());
        }
        let body = json!({ "result": page.items, "success": true, "errors": [], "messages": [], "result_info": info });
        Reply::json(200, &body)
    }
}

/// `is_there`: the code for a record that is there already, of which there are two.
fn add(state: &mut State, zone: u64, body: &Value, is_there: u64) -> Reply {
    let (Some(kind), Some(name), Some(content), Some(ttl)) =
        (body["type"].as_str(), body["name"].as_str(), body["content"].as_str(), body["ttl"].as_u64())
    else {
        return failure(400, 9_020, "Invalid DNS record.");
    };
    if ttl != 1 && ttl < 60 {
        return failure(400, 9_021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.");
    }
    let value = if content.starts_with('"') { unquoted(content) } else { Some(content.to_owned()) };
    let Some(value) = value else { return failure(400, 9_207, "Content for TXT record is invalid.") };
    let present = state.zone_by_id(zone).and_then(|zone| zone.set(name, kind).cloned()).unwrap_or_default();
    if present.values().contains(&value) {
        return failure(400, is_there, "An identical record already exists.");
    }
    let ttl = u32::try_from(ttl).unwrap_or(u32::MAX);
    let id = state.add_record(zone, (name, kind), ttl, &value).expect("the zone is there");
    success(200, &shown((name, kind), ttl, &Record { id, value }))
}

/// The first octet decides whether it looks as if it came from the dashboard, which stores no quotes.
fn shown((name, kind): (&str, &str), ttl: u32, record: &Record) -> Value {
    let content = match record.id % 2 {
        0 => record.value.clone(),
        _ => super::text::quoted(&record.value),
    };
    json!({ "id": id(record.id), "type": kind, "name": name, "content": content, "ttl": ttl, "proxied": false })
}

fn success(status: u16, result: &Value) -> Reply {
    Reply::json(status, &json!({ "result": result, "success": true, "errors": [], "messages": [] }))
}

fn failure(status: u16, code: u64, message: &str) -> Reply {
    let errors = json!([{ "code": code, "message": message }]);
    Reply::json(status, &json!({ "result": null, "success": false, "errors": errors, "messages": [] }))
}

//! DigitalOcean's API v2: <https://docs.digitalocean.com/reference/api/>, domains and domain records.

use serde_json::{Value, json};

use crate::{FakeDns, FrontEnd, Lab, Record, Reply, Request, State, Zones};

const TOKEN: &str = "dop_v1_right-secret";

struct DigitalOcean;

/// DigitalOcean.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(DigitalOcean, Lab::zones()).await;
    let config = |token: &str| json!({ "token": token, "base_url": fake.url(), "timeout_seconds": 1, "propagation": { "settle_seconds": 0 } });
    let (right, wrong) = (config(TOKEN), config("dop_v1_wrong-secret"));
    Lab::on("digitalocean", fake, right, wrong)
}

impl FrontEnd for DigitalOcean {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != TOKEN {
            return error(401, "unauthorized", "Unable to authenticate you");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v2", "domains"]) => {
                let domains: Vec<Value> =
                    state.zones.iter().map(|zone| json!({ "name": zone.apex })).collect();
                page(request, "domains", domains)
            }
            ("GET", ["v2", "domains", name]) => match state.zone(name) {
                Some(zone) => Reply::json(200, &json!({ "domain": { "name": zone.apex } })),
                None => not_found(),
            },
            (_, ["v2", "domains", zone, "records", rest @ ..]) => {
                let Some(zone) = state.zone(zone).map(|zone| (zone.id, zone.apex.clone())) else {
                    return not_found();
                };
                records(&mut state, zone, request, rest)
            }
            _ => not_found(),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "trouble", "Server Error or too many requests")
    }
}

fn records(state: &mut State, (zone, apex): (u64, String), request: &Request, rest: &[&str]) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            let (kind, name) = (request.query("type"), request.query("name"));
            let zone = state.zone_by_id(zone).expect("it was just found");
            let chosen = zone.sets.iter().filter(|((present, of), _)| {
                kind.as_ref().is_none_or(|kind| kind == of)
                    && name.as_ref().is_none_or(|name| name == present)
            });
            let shown = chosen.flat_map(|((name, kind), set)| {
                set.records.iter().map(|record| shown(&apex, (name, kind), set.ttl, record))
            });
            page(request, "domain_records", shown.collect())
        }
        ("POST", []) => {
            let body = request.json();
            let (Some(kind), Some(name), Some(data)) =
                (body["type"].as_str(), body["name"].as_str(), body["data"].as_str())
            else {
                return error(422, "unprocessable_entity", "Type, name and data are needed");
            };
            let ttl = body["ttl"].as_u64().unwrap_or(1_800);
            if ttl < 30 {
                return error(422, "unprocessable_entity", "Ttl must be greater than or equal to 30");
            }
            let full = if name == "@" { apex.clone() } else { format!("{name}.{apex}") };
            let ttl = u32::try_from(ttl).unwrap_or(u32::MAX);
            let id = state.add_record(zone, (&full, kind), ttl, data).expect("the zone is there");
            let record = Record { id, value: data.to_owned() };
            Reply::json(201, &json!({ "domain_record": shown(&apex, (&full, kind), ttl, &record) }))
        }
        ("DELETE", [id]) => {
            if id.parse().is_ok_and(|id| state.remove_record(zone, id)) {
                Reply::empty(204)
            } else {
                not_found()
            }
        }
        _ => not_found(),
    }
}

fn shown(apex: &str, (name, kind): (&str, &str), ttl: u32, record: &Record) -> Value {
    let name = name.strip_suffix(apex).unwrap_or(name).trim_end_matches('.');
    let name = if name.is_empty() { "@" } else { name };
    json!({ "id": record.id, "type": kind, "name": name, "data": record.value, "ttl": ttl, "priority": null })
}

/// One page: `page` from 1, `per_page` 20 by default and 200 at most.
fn page(request: &Request, key: &str, items: Vec<Value>) -> Reply {
    let number = |name: &str, default: usize| {
        request.query(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(default)
    };
    let (page, size) = (number("page", 1), number("per_page", 20).min(200));
    let total = items.len();
    let shown: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
    let mut body = json!({ "links": {}, "meta": { "total": total } });
    if page * size < total {
        let next = format!("https://api.digitalocean.com{}?page={}&per_page={size}", request.path, page + 1);
        body["links"] = json!({ "pages": { "next": next } });
    }
    body[key] = Value::Array(shown);
    Reply::json(200, &body)
}

fn not_found() -> Reply {
    error(404, "not_found", "The resource you were accessing could not be found.")
}

fn error(status: u16, id: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "id": id, "message": message, "request_id": "4d9d8375-3c56-4925-a3e7-eb137fed17e9" }),
    )
}

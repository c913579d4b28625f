//! Linode, API v4: <https://techdocs.akamai.com/linode-api/>, domains and domain records.

use serde_json::{Value, json};

use super::paging::Page;
use super::records::{Shown, all, full};
use crate::{FakeDns, FrontEnd, Lab, Record, Reply, Request, State, Zones};

const TOKEN: &str = "right-secret-of-linode";

struct Linode;

/// Linode.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Linode, Lab::zones()).await;
    let config = |token: &str| {
        json!({
            "token": token, "base_url": format!("{}/v4", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(TOKEN), config("wrong-secret-of-linode"));
    Lab::on("linode", fake, right, wrong)
}

impl FrontEnd for Linode {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != TOKEN {
            return error(401, "Invalid Token");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v4", "domains"]) => {
                let filter: Value = serde_json::from_str(request.header("x-filter")).unwrap_or_default();
                let domains = state
                    .zones
                    .iter()
                    .filter(|zone| filter["domain"].is_null() || filter["domain"] == zone.apex.as_str());
                list(
                    request,
                    domains
                        .map(|zone| json!({ "id": zone.id, "domain": zone.apex, "type": "master" }))
                        .collect(),
                )
            }
            (_, ["v4", "domains", id, "records", rest @ ..]) => {
                let zone = id
                    .parse()
                    .ok()
                    .and_then(|id| state.zone_by_id(id))
                    .map(|zone| (zone.id, zone.apex.clone()));
                let Some(zone) = zone else { return error(404, "Not found") };
                records(&mut state, zone, request, rest)
            }
            _ => error(404, "Not found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "Too many requests, or the server failed")
    }
}

fn records(state: &mut State, (zone, apex): (u64, String), request: &Request, rest: &[&str]) -> Reply {
    match (request.method.as_str(), rest) {
        ("GET", []) => {
            list(request, all(state.zone_by_id(zone).expect("it was looked for")).map(shown).collect())
        }
        ("POST", []) => {
            let body = request.json();
            let (Some(kind), Some(name), Some(target)) =
                (body["type"].as_str(), body["name"].as_str(), body["target"].as_str())
            else {
                return error(400, "type, name and target are required");
            };
            // Times to live are rounded to those that there are.
            let asked = body["ttl_sec"].as_u64().unwrap_or(0);
            let ttl = [300_u32, 3_600, 7_200, 86_400]
                .into_iter()
                .find(|ttl| u64::from(*ttl) >= asked)
                .unwrap_or(86_400);
            let owner = full(name, &apex);
            let id = state.add_record(zone, (&owner, kind), ttl, target).expect("the zone is there");
            let record = Record { id, value: target.to_owned() };
            Reply::json(200, &shown(Shown { name, kind, ttl, record: &record }))
        }
        ("DELETE", [id]) if id.parse().is_ok_and(|id| state.remove_record(zone, id)) => {
            Reply::json(200, &json!({}))
        }
        _ => error(404, "Not found"),
    }
}

fn shown(shown: Shown<'_>) -> Value {
    let Shown { name, kind, ttl, record } = shown;
    json!({ "id": record.id, "type": kind, "name": name, "target": record.value, "ttl_sec": ttl, "priority": 0 })
}

/// `page` from 1, `page_size` from 25 to 500 and 100 by default.
fn list(request: &Request, items: Vec<Value>) -> Reply {
    let page = Page::of(items, request, ("page", "page_size"), (100, 500));
    let pages = page.pages().max(1);
    Reply::json(
        200,
        &json!({ "data": page.items, "page": page.number, "pages": pages, "results": page.total }),
    )
}

fn error(status: u16, reason: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "reason": reason }] }))
}

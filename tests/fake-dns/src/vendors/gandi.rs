//! Gandi LiveDNS, API v5: <https://api.gandi.net/docs/livedns/>.

use serde_json::{Value, json};

use super::paging::Page;
use super::records::{full, zone_named};
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, RecordSet, Reply, Request, State, Zones};

const TOKEN: &str = "right-secret-of-gandi";

struct Gandi;

/// Gandi.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Gandi, Lab::zones()).await;
    let config = |token: &str| {
        json!({
            "personal_access_token": token, "base_url": format!("{}/v5/livedns", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(TOKEN), config("wrong-secret-of-gandi"));
    Lab::on("gandi", fake, right, wrong)
}

impl FrontEnd for Gandi {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.token("Bearer") != TOKEN {
            return error(
                401,
                "HTTPUnauthorized",
                "The server could not verify that you authorized to access the document",
            );
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["v5", "livedns", "domains"]) => {
                let domains = state.zones.iter().map(|zone| json!({ "fqdn": zone.apex })).collect();
                let page: Page<Value> = Page::of(domains, request, ("page", "per_page"), (100, 1_000));
                Reply::json(200, &Value::Array(page.items))
            }
            (method, ["v5", "livedns", "domains", zone, rest @ ..]) => {
                match (zone_named(&mut state, zone), method, rest) {
                    (Some((_, apex)), "GET", []) => {
                        Reply::json(200, &json!({ "fqdn": apex, "automatic_snapshots": true }))
                    }
                    (Some((zone, apex)), _, ["records", name, "TXT"]) => {
                        record_set(&mut state, zone, (name, &full(name, &apex)), request)
                    }
                    _ => error(404, "HTTPNotFound", "The resource could not be found."),
                }
            }
            _ => error(404, "HTTPNotFound", "The resource could not be found."),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "HTTPError", "The server failed or was asked too often")
    }
}

fn record_set(state: &mut State, zone: u64, (name, full): (&str, &str), request: &Request) -> Reply {
    let present = state.zone_by_id(zone).and_then(|zone| zone.set(full, "TXT").cloned());
    match (request.method.as_str(), present) {
        ("PUT", _) => {
            let body = request.json();
            let ttl = body["rrset_ttl"].as_u64().unwrap_or(10_800);
            let items = body["rrset_values"].as_array().into_iter().flatten();
            // A value without quotes is one string.
            let values: Option<Vec<String>> = items
                .map(|item| {
                    item.as_str().and_then(|text| {
                        if text.starts_with('"') { unquoted(text) } else { Some(text.to_owned()) }
                    })
                })
                .collect();
            match values.filter(|values| !values.is_empty()) {
                Some(_) if ttl < 300 => {
                    error(400, "HTTPBadRequest", "rrset_ttl: must be between 300 and 2592000")
                }
                Some(values) => {
                    state.replace(zone, (full, "TXT"), u32::try_from(ttl).unwrap_or(u32::MAX), &values);
                    Reply::json(201, &json!({ "message": "DNS Record Created" }))
                }
                None => error(400, "HTTPBadRequest", "rrset_values: Shorter than minimum length 1"),
            }
        }
        (_, None) => error(404, "HTTPNotFound", "Can't find the DNS record"),
        ("GET", Some(set)) => Reply::json(200, &shown(name, &set)),
        ("DELETE", Some(_)) => {
            state.replace(zone, (full, "TXT"), 0, &[]);
            Reply::empty(204)
        }
        _ => error(405, "HTTPMethodNotAllowed", "The method is not allowed"),
    }
}

fn shown(name: &str, set: &RecordSet) -> Value {
    let values: Vec<String> = set.values().iter().map(|value| quoted(value)).collect();
    json!({ "rrset_name": name, "rrset_type": "TXT", "rrset_ttl": set.ttl, "rrset_values": values })
}

fn error(status: u16, object: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "code": status, "object": object, "message": message, "cause": "Refused" }))
}

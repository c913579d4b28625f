//! PowerDNS Authoritative Server, API v1: <https://doc.powerdns.com/authoritative/http-api/>.

use serde_json::{Value, json};

use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zone, Zones};

const KEY: &str = "right-secret-of-powerdns";

struct PowerDns;

/// PowerDNS.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(PowerDns, Lab::zones()).await;
    let config = |key: &str| json!({ "api_key": key, "base_url": fake.url(), "timeout_seconds": 1, "propagation": { "settle_seconds": 0 } });
    let (right, wrong) = (config(KEY), config("wrong-secret-of-powerdns"));
    Lab::on("powerdns", fake, right, wrong)
}

/// The real server.
pub fn itself() -> Lab {
    let server = launch::PowerDns::start(&[Lab::ZONE, Lab::BELOW]);
    server.set_txt(Lab::ZONE, Lab::KEPT_AT, &[Lab::KEPT]);
    let config = |key: &str| json!({ "api_key": key, "base_url": server.url(), "propagation": { "settle_seconds": 0 } });
    Lab {
        kind: "powerdns",
        config: config(server.key()),
        wrong: config("wrong-secret-of-powerdns"),
        name_server: server.address(),
        fake: None,
        can_list: true,
        guard: Some(Box::new(std::sync::Mutex::new(server))),
    }
}

impl FrontEnd for PowerDns {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.header("x-api-key") != KEY {
            return Reply::text(401, "text/plain", "Unauthorized");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["api", "v1", "servers", "localhost", "zones"]) => {
                let wanted = request.query("zone");
                let chosen = state
                    .zones
                    .iter()
                    .filter(|zone| wanted.as_ref().is_none_or(|wanted| *wanted == format!("{}.", zone.apex)));
                Reply::json(200, &chosen.map(shown).collect())
            }
            (method, ["api", "v1", "servers", "localhost", "zones", id, rest @ ..]) => {
                let Some(zone) = id.strip_suffix('.').and_then(|apex| state.zone(apex)).map(|zone| zone.id)
                else {
                    return error(404, "Could not find domain");
                };
                match (method, rest) {
                    ("GET", []) => contents(&mut state, zone, request),
                    ("PATCH", []) => patch(&mut state, zone, &request.json()),
                    ("PUT", ["notify"]) => Reply::json(200, &json!({ "result": "Notification queued" })),
                    _ => error(404, "Not Found"),
                }
            }
            _ => error(404, "Not Found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "Internal Server Error or too many requests")
    }
}

fn shown(zone: &Zone) -> Value {
    json!({ "id": format!("{}.", zone.apex), "name": format!("{}.", zone.apex), "kind": "Native", "serial": 1 })
}

fn contents(state: &mut State, zone: u64, request: &Request) -> Reply {
    let (name, kind) = (request.query("rrset_name"), request.query("rrset_type"));
    let zone = state.zone_by_id(zone).expect("it was looked for");
    let chosen = zone.sets.iter().filter(|((present, of), _)| {
        name.as_ref().is_none_or(|name| *name == format!("{present}."))
            && kind.as_ref().is_none_or(|kind| kind == of)
    });
    let sets: Vec<Value> = chosen
        .map(|((name, kind), set)| {
            let records: Vec<Value> =
                set.values().iter().map(|value| json!({ "content": quoted(value), "disabled": false })).collect();
            json!({ "name": format!("{name}."), "type": kind, "ttl": set.ttl, "records": records, "comments": [] })
        })
        .collect();
    let mut body = shown(zone);
    body["rrsets"] = json!(sets);
    Reply::json(200, &body)
}

fn patch(state: &mut State, zone: u64, body: &Value) -> Reply {
    for set in body["rrsets"].as_array().into_iter().flatten() {
        let (Some(name), Some(kind)) = (set["name"].as_str(), set["type"].as_str()) else {
            return error(422, "Key 'name' not present or not a String");
        };
        let Some(name) = name.strip_suffix('.') else {
            return error(422, &format!("DNS Name '{name}' is not canonical"));
        };
        match set["changetype"].as_str() {
            Some("DELETE") => drop(state.replace(zone, (name, kind), 0, &[])),
            Some("REPLACE") => {
                let records = set["records"].as_array().into_iter().flatten();
                let values: Option<Vec<String>> =
                    records.map(|record| unquoted(record["content"].as_str().unwrap_or_default())).collect();
                let Some(values) = values else {
                    return error(
                        422,
                        "Parsing record content (try 'pdnsutil check-zone'): Data field must start with quote",
                    );
                };
                let mut distinct = values.clone();
                distinct.sort_unstable();
                distinct.dedup();
                if distinct.len() < values.len() {
                    return error(422, "Duplicate record in RRset");
                }
                let Some(ttl) = set["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok()) else {
                    return error(422, "Key 'ttl' not an Integer or not present");
                };
                state.replace(zone, (name, kind), ttl, &values);
            }
            _ => return error(422, "Changetype not understood"),
        }
    }
    Reply::empty(204)
}

fn error(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({ "error": text }))
}

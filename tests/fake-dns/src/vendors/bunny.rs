//! bunny.net, core API: <https://docs.bunny.net/reference/dnszonepublic_index>.

use serde_json::{Value, json};

use super::paging::Page;
use super::records::{Shown, all, full};
use crate::{FakeDns, FrontEnd, Lab, Record, Reply, Request, State, Zone, Zones};

const KEY: &str = "right-secret-of-bunny";
/// The number of the type TXT.
const TXT: u64 = 3;

struct Bunny;

/// bunny.net.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Bunny, Lab::zones()).await;
    let config = |key: &str| json!({ "access_key": key, "base_url": fake.url(), "timeout_seconds": 1, "propagation": { "settle_seconds": 0 } });
    let (right, wrong) = (config(KEY), config("wrong-secret-of-bunny"));
    Lab::on("bunny", fake, right, wrong)
}

impl FrontEnd for Bunny {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.header("accesskey") != KEY {
            return error(401, "authentication_denied", "The request authorization failed");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["dnszone"]) => zone_list(&state, request),
            (method, ["dnszone", id, rest @ ..]) => {
                let Some(zone) = id.parse().ok().and_then(|id| state.zone_by_id(id)).map(|zone| zone.id)
                else {
                    return error(404, "dnszone.not_found", "The requested DNS zone was not found");
                };
                match (method, rest) {
                    ("GET", []) => {
                        Reply::json(200, &zone_shown(state.zone_by_id(zone).expect("it was looked for")))
                    }
                    ("PUT", ["records"]) => add(&mut state, zone, &request.json()),
                    ("DELETE", ["records", id])
                        if id.parse().is_ok_and(|id| state.remove_record(zone, id)) =>
                    {
                        Reply::empty(204)
                    }
                    _ => error(404, "dnszone.record.not_found", "The requested record was not found"),
                }
            }
            _ => error(404, "not_found", "Not found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "trouble", "Too many requests or an internal error")
    }
}

/// `page` from 1, `perPage` from 5 to 1,000; `search` finds parts of names.
fn zone_list(state: &State, request: &Request) -> Reply {
    let search = request.query("search").unwrap_or_default();
    let zones: Vec<Value> =
        state.zones.iter().filter(|zone| zone.apex.contains(&search)).map(zone_shown).collect();
    let page = Page::of(zones, request, ("page", "perPage"), (1_000, 1_000));
    let more = !page.is_last();
    let body = json!({
        "Items": page.items, "CurrentPage": page.number, "TotalItems": page.total, "HasMoreItems": more
    });
    Reply::json(200, &body)
}

fn zone_shown(zone: &Zone) -> Value {
    let records: Vec<Value> = all(zone).map(shown).collect();
    json!({ "Id": zone.id, "Domain": zone.apex, "Records": records, "NameserversDetected": true })
}

fn shown(shown: Shown<'_>) -> Value {
    let Shown { name, ttl, record, .. } = shown;
    json!({ "Id": record.id, "Type": TXT, "Ttl": ttl, "Value": record.value, "Name": name, "Weight": 100, "Disabled": false })
}

fn add(state: &mut State, zone: u64, body: &Value) -> Reply {
    let apex = state.zone_by_id(zone).expect("it was looked for").apex.clone();
    let (Some(TXT), Some(value)) = (body["Type"].as_u64(), body["Value"].as_str()) else {
        return error(400, "validation_error", "The type or the value is invalid");
    };
    let name = body["Name"].as_str().unwrap_or_default();
    let ttl = body["Ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(300);
    let id = state.add_record(zone, (&full(name, &apex), "TXT"), ttl, value).expect("the zone is there");
    let record = Record { id, value: value.to_owned() };
    Reply::json(201, &shown(Shown { name, kind: "TXT", ttl, record: &record }))
}

fn error(status: u16, key: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "ErrorKey": key, "Field": "", "Message": message }))
}

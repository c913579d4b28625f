//! OVHcloud, API 1.0: <https://eu.api.ovh.com/console/>, `/domain/zone`. Signatures are made again; records are served after a
//! refresh of their zone.

use serde_json::{Value, json};

use super::records::{all, full, zone_named};
use super::signing::{self, hex};
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zone, Zones};

const APPLICATION: &str = "application-key";
const SECRET: &str = "right-secret-of-ovh";
const CONSUMER: &str = "consumer-key-of-ovh";
/// By how many seconds the clock is wrong.
const AHEAD: i64 = 1_000;

struct Ovh;

/// OVHcloud, whose clock is ahead.
pub async fn lab() -> Lab {
    let zones = Lab::zones();
    zones.lock().zones.iter_mut().for_each(Zone::hold_back);
    let fake = FakeDns::start(Ovh, zones).await;
    let config = |secret: &str| {
        json!({
            "application_key": APPLICATION, "application_secret": secret, "consumer_key": CONSUMER,
            "base_url": format!("{}/1.0", fake.url()), "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("wrong-secret-of-ovh"));
    Lab::on("ovh", fake, right, wrong)
}

/// Their time.
fn now() -> i64 {
    signing::now() + AHEAD
}

impl FrontEnd for Ovh {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.path == "/1.0/auth/time" {
            return Reply::json(200, &json!(now()));
        }
        if let Err(refusal) = check_signature(request) {
            return refusal;
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        let ["1.0", "domain", "zone", rest @ ..] = segments.as_slice() else { return not_found("URL") };
        let [zone, rest @ ..] = rest else {
            return Reply::json(200, &state.zones.iter().map(|zone| json!(zone.apex)).collect());
        };
        let Some((zone, apex)) = zone_named(&mut state, zone) else { return not_found("zone") };
        match (request.method.as_str(), rest) {
            ("POST", ["refresh"]) => {
                state.zone_by_id(zone).expect("it was looked for").publish();
                Reply::json(200, &Value::Null)
            }
            ("GET", ["record"]) => ids(&mut state, zone, request),
            ("POST", ["record"]) => add(&mut state, (zone, &apex), &request.json()),
            ("GET", ["record", id]) => one(&mut state, zone, id),
            ("DELETE", ["record", id]) => {
                if id.parse().is_ok_and(|id| state.remove_record(zone, id)) {
                    Reply::json(200, &Value::Null)
                } else {
                    not_found("record")
                }
            }
            _ => not_found("URL"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "Server::InternalServerError", ("", "Internal server error or too many requests"))
    }

    fn changes(&self, request: &Request) -> bool {
        request.method != "GET" && !request.path.ends_with("/refresh")
    }
}

/// `$1$` and the SHA-1 of secret, consumer key, method, URL, body and time, with `+` between them.
fn check_signature(request: &Request) -> Result<(), Reply> {
    if request.header("x-ovh-application") != APPLICATION {
        return Err(error(403, "Client::Forbidden", ("INVALID_KEY", "This application key is invalid")));
    }
    if request.header("x-ovh-consumer") != CONSUMER {
        return Err(error(403, "Client::Forbidden", ("INVALID_CREDENTIAL", "This credential is not valid")));
    }
    let time = request.header("x-ovh-timestamp");
    if !time.parse::<i64>().is_ok_and(|sent| (now() - sent).abs() <= 30) {
        return Err(error(400, "Client::BadRequest", ("QUERY_TIME_OUT", "Query out of time")));
    }
    let query = if request.raw_query.is_empty() { String::new() } else { format!("?{}", request.raw_query) };
    let url = format!("http://{}{}{query}", request.header("host"), request.path);
    let body = String::from_utf8_lossy(&request.body);
    let text = [SECRET, CONSUMER, &request.method, &url, &body, time].join("+");
    let digest = hex(&openssl::sha::sha1(text.as_bytes()));
    if request.header("x-ovh-signature") == format!("$1${digest}") {
        return Ok(());
    }
    Err(error(400, "Client::BadRequest", ("INVALID_SIGNATURE", "Invalid signature")))
}

fn ids(state: &mut State, zone: u64, request: &Request) -> Reply {
    let (kind, name) = (request.query("fieldType"), request.query("subDomain"));
    let zone = state.zone_by_id(zone).expect("it was looked for");
    let chosen = all(zone).filter(|shown| {
        kind.as_ref().is_none_or(|kind| kind == shown.kind)
            && name.as_ref().is_none_or(|name| name == shown.name)
    });
    Reply::json(200, &chosen.map(|shown| json!(shown.record.id)).collect())
}

fn one(state: &mut State, zone: u64, id: &str) -> Reply {
    let zone = state.zone_by_id(zone).expect("it was looked for");
    match all(zone).find(|shown| shown.record.id.to_string() == id) {
        Some(shown) => Reply::json(
            200,
            &json!({
                "id": shown.record.id, "zone": zone.apex, "subDomain": shown.name, "fieldType": shown.kind,
                "target": quoted(&shown.record.value), "ttl": shown.ttl
            }),
        ),
        None => not_found("record"),
    }
}

fn add(state: &mut State, (zone, apex): (u64, &str), body: &Value) -> Reply {
    let (Some(kind), Some(name), Some(target)) =
        (body["fieldType"].as_str(), body["subDomain"].as_str(), body["target"].as_str())
    else {
        return error(400, "Client::BadRequest", ("", "Missing fieldType, subDomain or target"));
    };
    let Some(value) = unquoted(target) else {
        return error(400, "Client::BadRequest", ("", "Invalid target: quotes are missing"));
    };
    let ttl = body["ttl"].as_u64().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(3_600);
    if ttl < 60 {
        return error(400, "Client::BadRequest", ("", "ttl must be at least 60"));
    }
    let id = state.add_record(zone, (&full(name, apex), kind), ttl, &value).expect("the zone is there");
    Reply::json(
        200,
        &json!({ "id": id, "zone": apex, "subDomain": name, "fieldType": kind, "target": target, "ttl": ttl }),
    )
}

fn not_found(what: &str) -> Reply {
    error(404, "Client::NotFound", ("", &format!("The requested object ({what}) does not exist")))
}

fn error(status: u16, class: &str, (code, message): (&str, &str)) -> Reply {
    let mut body = json!({ "class": class, "message": message });
    if !code.is_empty() {
        body["errorCode"] = json!(code);
    }
    Reply::json(status, &body)
}

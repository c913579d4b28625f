//! A service that takes the calls of the provider `webhook`, and knows each id once.

use serde_json::json;

use super::signing::{hex, hmac_sha256, now};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, Zones};

const SECRET: &str = "right-secret-of-the-webhook";

struct Webhook;

/// A webhook.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Webhook, Lab::zones()).await;
    let config = |secret: &str| {
        json!({
            "secret": secret, "base_url": format!("{}/hook", fake.url()), "timeout_seconds": 1,
            "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("wrong-secret-of-the-webhook"));
    Lab { can_list: false, ..Lab::on("webhook", fake, right, wrong) }
}

impl FrontEnd for Webhook {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if !is_signed(request) {
            return Reply::json(401, &json!({ "error": "the signature is wrong" }));
        }
        let body = request.json();
        let (name, value) =
            (body["fqdn"].as_str().unwrap_or_default(), body["value"].as_str().unwrap_or_default());
        let Some(name) = name.strip_suffix('.').filter(|_| body["id"].is_string()) else {
            return match request.path.as_str() {
                "/hook/verify" => Reply::json(200, &json!({ "zones": [Lab::ZONE, Lab::BELOW] })),
                _ => Reply::json(400, &json!({ "error": "id and fqdn (with its last dot) are needed" })),
            };
        };
        let mut state = zones.lock();
        let owner =
            state.zones.iter().filter(|zone| name == zone.apex || name.ends_with(&format!(".{}", zone.apex)));
        let Some((zone, set)) =
            owner.max_by_key(|zone| zone.apex.len()).map(|zone| (zone.id, zone.set(name, "TXT").cloned()))
        else {
            return Reply::json(422, &json!({ "error": "this is not one of our names" }));
        };
        let present = set.iter().flat_map(|set| &set.records).find(|record| record.value == value);
        match (request.path.as_str(), present) {
            ("/hook/present", None) => drop(state.add_record(zone, (name, "TXT"), 60, value)),
            ("/hook/cleanup", Some(record)) => drop(state.remove_record(zone, record.id)),
            _ => {}
        }
        Reply::empty(204)
    }

    fn refusal(&self, status: u16) -> Reply {
        Reply::text(status, "text/plain", "not now")
    }

    fn changes(&self, request: &Request) -> bool {
        request.path != "/hook/verify"
    }
}

fn is_signed(request: &Request) -> bool {
    let (timestamp, signature) =
        (request.header("x-certmill-timestamp"), request.header("x-certmill-signature"));
    let is_fresh = timestamp.parse::<i64>().is_ok_and(|sent| (now() - sent).abs() <= 300);
    let text = [timestamp.as_bytes(), b".", &request.body].concat();
    is_fresh && signature == format!("sha256={}", hex(&hmac_sha256(SECRET.as_bytes(), &text)))
}

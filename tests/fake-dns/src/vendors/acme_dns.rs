//! acme-dns: <https://github.com/joohoi/acme-dns>, registered names with two values each, the older of which gives way.

use serde_json::json;

use crate::{FakeDns, FrontEnd, Lab, Reply, Request, Zones};

/// The name that is registered.
pub const NAME: &str = "8e5700ea-a4bf-41c7-8a77-e990661dcc6a.example.test";
const SUBDOMAIN: &str = "8e5700ea-a4bf-41c7-8a77-e990661dcc6a";
const USER: &str = "c36f50e8-4632-44f0-83fe-e070fef28a10";
const PASSWORD: &str = "right-secret-of-acme-dns-with-40-letters";

struct AcmeDns;

/// acme-dns.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(AcmeDns, Lab::zones()).await;
    let config = |password: &str| {
        json!({
            "username": USER, "password": password, "subdomain": SUBDOMAIN, "fulldomain": NAME, "base_url": fake.url(),
            "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(PASSWORD), config("wrong-secret-of-acme-dns-with-40-letters"));
    Lab { can_list: false, ..Lab::on("acme_dns", fake, right, wrong) }
}

impl FrontEnd for AcmeDns {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/update") {
            return error(404, "not_found");
        }
        let body = request.json();
        let is_known = request.header("x-api-user") == USER && request.header("x-api-key") == PASSWORD;
        if !is_known || body["subdomain"] != SUBDOMAIN {
            return error(401, "forbidden");
        }
        let Some(value) = body["txt"].as_str().filter(|value| value.len() == 43) else {
            return error(400, "bad_txt");
        };
        let mut state = zones.lock();
        let zone = state.zone(Lab::ZONE).expect("it is there");
        let (id, present) =
            (zone.id, zone.set(NAME, "TXT").map(crate::RecordSet::values).unwrap_or_default());
        let last = present.last().cloned();
        let values: Vec<String> = last.into_iter().chain([value.to_owned()]).collect();
        state.replace(id, (NAME, "TXT"), 1, &values);
        Reply::json(200, &json!({ "txt": value }))
    }

    fn refusal(&self, status: u16) -> Reply {
        error(status, "db_error")
    }
}

fn error(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({ "error": code }))
}

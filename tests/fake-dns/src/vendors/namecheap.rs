//! Namecheap's XML API: <https://www.namecheap.com/support/api/methods/>, `domains.getList`, `domains.dns.getHosts` and
//! `domains.dns.setHosts`.

use std::collections::BTreeMap;

use quick_xml::escape::escape;
use serde_json::json;

use super::records::{Shown, all, full, zone_named};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zones};

const USER: &str = "demo";
const KEY: &str = "right-secret-d41474b94e7d4536";
const ADDRESS: &str = "198.51.100.7";
const MOST_HOSTS: usize = 150;
const TYPES: [&str; 11] = ["A", "AAAA", "ALIAS", "CAA", "CNAME", "MX", "MXE", "NS", "TXT", "URL", "URL301"];
/// Where the mail settings of a zone stand: no record, and not served.
pub const MAIL: &str = "EmailType";

struct Namecheap;

/// Namecheap.
pub async fn lab() -> Lab {
    let fake = FakeDns::start(Namecheap, Lab::zones()).await;
    let config = |key: &str| {
        json!({
            "api_user": USER, "api_key": key, "client_ip": ADDRESS, "base_url": fake.url(),
            "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(KEY), config("wrong-secret-d41474b94e7d4536"));
    Lab::on("namecheap", fake, right, wrong)
}

impl FrontEnd for Namecheap {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        let form = request.form();
        let sent = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if request.path != "/xml.response" {
            return Reply::text(404, "text/html", "<html>Not found</html>");
        }
        if sent("ApiUser") != USER || sent("UserName") != USER || sent("ApiKey") != KEY {
            return error("1011102", "API Key is invalid or API access has not been enabled");
        }
        if sent("ClientIp") != ADDRESS {
            return error("1011150", "Invalid request IP");
        }
        let mut state = zones.lock();
        let command = sent("Command");
        match command {
            "namecheap.domains.getList" => list(&state, &form),
            "namecheap.domains.dns.getHosts" | "namecheap.domains.dns.setHosts" => {
                let Some(zone) = zone_named(&mut state, &format!("{}.{}", sent("SLD"), sent("TLD"))) else {
                    return error("2019166", "The domain doesn't seem to exist in our system");
                };
                match command {
                    "namecheap.domains.dns.getHosts" => hosts(&mut state, &zone),
                    _ => set_hosts(&mut state, &zone, &form),
                }
            }
            _ => error("1010104", "Parameter Command is invalid"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            429 => error("500000", "Too many requests"),
            status => {
                Reply::text(status, "text/html", "<html><body>The service is unavailable</body></html>")
            }
        }
    }

    fn changes(&self, request: &Request) -> bool {
        request.form().get("Command").is_some_and(|command| command == "namecheap.domains.dns.setHosts")
    }
}

fn list(state: &State, form: &BTreeMap<String, String>) -> Reply {
    let number =
        |name: &str, otherwise: usize| form.get(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (page, size) = (number("Page", 1), number("PageSize", 20));
    if !(10..=100).contains(&size) {
        return error("2010324", "Invalid PageSize");
    }
    let shown = state.zones.iter().skip((page - 1) * size).take(size);
    let domains: Vec<String> = shown
        .map(|zone| {
            format!(
                "<Domain ID=\"{}\" Name=\"{}\" User=\"{USER}\" Created=\"02/15/2016\" Expires=\"02/15/2030\" \
                 IsExpired=\"false\" IsLocked=\"false\" AutoRenew=\"false\" WhoisGuard=\"ENABLED\" IsPremium=\"false\" \
                 IsOurDNS=\"true\"/>",
                zone.id, zone.apex
            )
        })
        .collect();
    let domains = domains.concat();
    ok(
        "namecheap.domains.getList",
        &format!(
            "<DomainGetListResult>{domains}</DomainGetListResult><Paging><TotalItems>{}</TotalItems>\
             <CurrentPage>{page}</CurrentPage><PageSize>{size}</PageSize></Paging>",
            state.zones.len()
        ),
    )
}

fn hosts(state: &mut State, (zone, apex): &(u64, String)) -> Reply {
    let zone = state.zone_by_id(*zone).expect("it was just found");
    let mail = zone.set(apex, MAIL).and_then(|set| set.values().first().cloned()).unwrap_or_default();
    let hosts: Vec<String> = all(zone)
        .filter(|shown| shown.kind != MAIL)
        .map(|Shown { name, kind, ttl, record }| {
            let (pref, address) = match record.value.split_once(' ') {
                Some((pref, address)) if kind == "MX" => (pref, address),
                _ => ("10", record.value.as_str()),
            };
            format!(
                "<host HostId=\"{}\" Name=\"{}\" Type=\"{kind}\" Address=\"{}\" MXPref=\"{pref}\" TTL=\"{ttl}\" \
                 AssociatedAppTitle=\"\" FriendlyName=\"\" IsActive=\"true\" IsDDNSEnabled=\"false\"/>",
                record.id,
                if name.is_empty() { "@" } else { name },
                escape(address)
            )
        })
        .collect();
    let hosts = hosts.concat();
    ok(
        "namecheap.domains.dns.getHosts",
        &format!(
            "<DomainDNSGetHostsResult Domain=\"{apex}\" EmailType=\"{mail}\" IsUsingOurDNS=\"true\">{hosts}\
             </DomainDNSGetHostsResult>"
        ),
    )
}

/// Puts the list in the place of everything; the mail settings too, which are none when they are not sent.
fn set_hosts(state: &mut State, (zone, apex): &(u64, String), form: &BTreeMap<String, String>) -> Reply {
    let mut new: Vec<(String, String, u32, String)> = Vec::new();
    for number in 1.. {
        let sent = |name: &str| form.get(&format!("{name}{number}")).cloned();
        let Some(name) = sent("HostName") else { break };
        let (Some(kind), Some(address)) = (sent("RecordType"), sent("Address")) else {
            return error("2030280", &format!("RecordType{number} and Address{number} are required"));
        };
        let ttl = sent("TTL").map_or(Ok(1_800), |ttl| ttl.parse::<u32>());
        let Some(ttl) = ttl.ok().filter(|ttl| (60..=60_000).contains(ttl)) else {
            return error("2015280", "TTL must be from 60 to 60000");
        };
        if !TYPES.contains(&kind.as_str()) {
            return error("2030280", "Invalid record type");
        }
        let value = match kind.as_str() {
            "MX" => format!("{} {address}", sent("MXPref").unwrap_or_else(|| "10".to_owned())),
            _ => address,
        };
        new.push((full(&name, apex), kind, ttl, value));
    }
    if new.len() > MOST_HOSTS {
        return error("3013288", "Too many records");
    }
    state.zone_by_id(*zone).expect("it was just found").sets.clear();
    for (name, kind, ttl, value) in &new {
        state.add_record(*zone, (name, kind), *ttl, value);
    }
    if let Some(mail) = form.get(MAIL) {
        state.add_record(*zone, (apex, MAIL), 60, mail);
    }
    ok(
        "namecheap.domains.dns.setHosts",
        &format!(
            "<DomainDNSSetHostsResult Domain=\"{apex}\" IsSuccess=\"true\"><Warnings/></DomainDNSSetHostsResult>"
        ),
    )
}

fn ok(command: &str, response: &str) -> Reply {
    document("OK", "<Errors/>", &format!("<CommandResponse Type=\"{command}\">{response}</CommandResponse>"))
}

fn error(number: &str, message: &str) -> Reply {
    let errors = format!("<Errors><Error Number=\"{number}\">{}</Error></Errors>", escape(message));
    document("ERROR", &errors, "<CommandResponse/>")
}

fn document(status: &str, errors: &str, response: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ApiResponse Status=\"{status}\" \
         xmlns=\"http://api.namecheap.com/xml.response\">{errors}<Warnings/>{response}<Server>PHX01</Server>\
         <GMTTimeDifference>--5:00</GMTTimeDifference><ExecutionTime>0.01</ExecutionTime></ApiResponse>"
    );
    Reply::text(200, "text/xml", body)
}

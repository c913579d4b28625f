//! Google Cloud DNS, API v1: <https://cloud.google.com/dns/docs/reference/rest/v1>, and the token endpoint for assertions of
//! service accounts, which are verified.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};

use super::signing::now;
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zone, Zones};

const EMAIL: &str = "dns@project-one.iam.gserviceaccount.com";
const PROJECT: &str = "project-one";
const TOKEN: &str = "ya29.access-token";
const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/ndev.clouddns.readwrite",
    "https://www.googleapis.com/auth/cloud-platform",
];
/// Zones of a page.
const PAGE: usize = 100;
/// How many requests later a change is done and served.
const PENDING: u32 = 3;

fn key() -> &'static PKey<Private> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    KEY.get_or_init(|| PKey::from_rsa(Rsa::generate(2_048).expect("an RSA key")).expect("an RSA key"))
}

struct GoogleCloudDns;

/// Google Cloud DNS. A private zone has the same name as the public one.
pub async fn lab() -> Lab {
    let zones = Lab::zones();
    {
        let mut state = zones.lock();
        let mut private = state.add_zone(Lab::ZONE).clone();
        state.zones.pop();
        private.private = true;
        state.zones.insert(0, private);
        state.zones.iter_mut().for_each(Zone::hold_back);
    }
    let fake = FakeDns::start(GoogleCloudDns, zones).await;
    let config = |key: &PKey<Private>| {
        let pem = String::from_utf8(key.private_key_to_pem_pkcs8().expect("PEM")).expect("PEM is text");
        let account = json!({
            "type": "service_account", "project_id": PROJECT, "client_email": EMAIL, "private_key": pem,
            "private_key_id": "abc", "token_uri": "https://not-used.invalid/token"
        });
        json!({
            "service_account_json": account.to_string(), "base_url": fake.url(), "token_url": format!("{}/token", fake.url()),
            "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let other = PKey::from_rsa(Rsa::generate(2_048).expect("an RSA key")).expect("an RSA key");
    let (right, wrong) = (config(key()), config(&other));
    Lab::on("google_cloud_dns", fake, right, wrong)
}

impl FrontEnd for GoogleCloudDns {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.path == "/token" {
            return token(request);
        }
        if request.path.starts_with("/computeMetadata/") {
            return metadata(request);
        }
        if request.token("Bearer") != TOKEN {
            return error(401, "authError", "Request had invalid authentication credentials.");
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["dns", "v1", "projects", PROJECT, "managedZones", rest @ ..] = segments.as_slice() else {
            return error(404, "notFound", "The project does not exist.");
        };
        let mut state = zones.lock();
        state.pass_time();
        let [zone, rest @ ..] = rest else { return managed_zones(&state, request) };
        let Some(zone) = state.zones.iter().find(|present| name(present) == *zone).map(|zone| zone.id) else {
            return error(404, "notFound", "The 'parameters.managedZone' resource does not exist.");
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => Reply::json(200, &shown(state.zone_by_id(zone).expect("it was found"))),
            ("GET", ["rrsets"]) => record_sets(&mut state, zone, request),
            ("POST", ["changes"]) => change(&mut state, zone, &request.json()),
            ("GET", ["changes", id]) => match state.pending.get(*id) {
                Some(left) => Reply::json(200, &change_shown(id, *left == 0)),
                None => error(404, "notFound", "The change does not exist."),
            },
            _ => error(404, "notFound", "Not found"),
        }
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            429 => error(403, "rateLimitExceeded", "Rate Limit Exceeded"),
            status => error(status, "backendError", "Backend Error"),
        }
    }

    fn changes(&self, request: &Request) -> bool {
        request.method != "GET" && request.path != "/token"
    }
}

/// The metadata server of a machine: <https://cloud.google.com/compute/docs/metadata/overview>.
fn metadata(request: &Request) -> Reply {
    if request.header("metadata-flavor") != "Google" {
        return Reply::text(403, "text/html", "Missing Metadata-Flavor:Google header.");
    }
    let reply = match request.path.strip_prefix("/computeMetadata/v1/") {
        Some("instance/service-accounts/default/token") => {
            Reply::json(200, &json!({ "access_token": TOKEN, "expires_in": 3_599, "token_type": "Bearer" }))
        }
        Some("project/project-id") => Reply::text(200, "application/text", PROJECT),
        _ => Reply::text(404, "text/html", "Not Found"),
    };
    reply.header("Metadata-Flavor", "Google")
}

/// RFC 7523 section 3.
fn token(request: &Request) -> Reply {
    let form = request.form();
    let invalid = |description: &str| {
        Reply::json(400, &json!({ "error": "invalid_grant", "error_description": description }))
    };
    if form.get("grant_type").map(String::as_str) != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Reply::json(
            400,
            &json!({ "error": "unsupported_grant_type", "error_description": "Invalid grant_type" }),
        );
    }
    let assertion = form.get("assertion").map_or("", String::as_str);
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { return invalid("The assertion is no JWT.") };
    let read = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let json = |part: &str| serde_json::from_slice::<Value>(&read(part)).unwrap_or_default();
    let (header_json, claims_json) = (json(header), json(claims));
    let mut verifier = Verifier::new(MessageDigest::sha256(), key()).expect("a verifier");
    verifier.update(format!("{header}.{claims}").as_bytes()).expect("it takes octets");
    if header_json["alg"] != "RS256" || !verifier.verify(&read(signature)).unwrap_or(false) {
        return invalid("Invalid JWT Signature.");
    }
    let now = now();
    let seconds = |name: &str| claims_json[name].as_i64().unwrap_or(0);
    let (issued, expires) = (seconds("iat"), seconds("exp"));
    if issued > now + 60 || expires <= now || expires - issued > 3_600 {
        return invalid(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
        );
    }
    let audience = format!("http://{}/token", request.header("host"));
    let scope_is_right = SCOPES.iter().any(|scope| claims_json["scope"] == *scope);
    if claims_json["iss"] != EMAIL || claims_json["aud"] != audience.as_str() || !scope_is_right {
        return invalid("Invalid issuer, audience or scope.");
    }
    Reply::json(200, &json!({ "access_token": TOKEN, "expires_in": 3_599, "token_type": "Bearer" }))
}

fn name(zone: &Zone) -> String {
    format!("zone-{}", zone.id)
}

fn shown(zone: &Zone) -> Value {
    let visibility = if zone.private { "private" } else { "public" };
    json!({
        "kind": "dns#managedZone", "id": zone.id.to_string(), "name": name(zone), "dnsName": format!("{}.", zone.apex),
        "visibility": visibility
    })
}

fn managed_zones(state: &State, request: &Request) -> Reply {
    let wanted = request.query("dnsName");
    let start: usize =
        request.query("pageToken").and_then(|token| token.strip_prefix("after-")?.parse().ok()).unwrap_or(0);
    let chosen: Vec<&Zone> = state
        .zones
        .iter()
        .filter(|zone| wanted.as_ref().is_none_or(|name| *name == format!("{}.", zone.apex)))
        .collect();
    let page: Vec<Value> = chosen.iter().skip(start).take(PAGE).map(|zone| shown(zone)).collect();
    let mut body = json!({ "kind": "dns#managedZonesListResponse", "managedZones": page });
    if start + PAGE < chosen.len() {
        body["nextPageToken"] = json!(format!("after-{}", start + PAGE));
    }
    Reply::json(200, &body)
}

fn record_sets(state: &mut State, zone: u64, request: &Request) -> Reply {
    let (name, kind) = (request.query("name"), request.query("type"));
    let zone = state.zone_by_id(zone).expect("it was found");
    let chosen = zone.sets.iter().filter(|((present, of), _)| {
        name.as_ref().is_none_or(|name| *name == format!("{present}."))
            && kind.as_ref().is_none_or(|kind| kind == of)
    });
    let shown: Vec<Value> = chosen
        .map(|((name, kind), set)| {
            let data: Vec<String> = set.values().iter().map(|value| quoted(value)).collect();
            json!({ "kind": "dns#resourceRecordSet", "name": format!("{name}."), "type": kind, "ttl": set.ttl, "rrdatas": data })
        })
        .collect();
    Reply::json(200, &json!({ "kind": "dns#resourceRecordSetsListResponse", "rrsets": shown }))
}

/// A record set of a change: name, type, time to live and values.
type Part = ((String, String), u32, Vec<String>);

fn part(item: &Value) -> Option<Part> {
    let name = item["name"].as_str()?.strip_suffix('.')?.to_owned();
    let data: Option<Vec<String>> =
        item["rrdatas"].as_array()?.iter().map(|data| unquoted(data.as_str()?)).collect();
    let ttl = u32::try_from(item["ttl"].as_u64()?).ok()?;
    Some(((name, item["type"].as_str()?.to_owned()), ttl, data?))
}

/// Deletions must be what is there; additions must not be there; all or nothing.
fn change(state: &mut State, zone: u64, body: &Value) -> Reply {
    let parts =
        |key: &str| -> Option<Vec<Part>> { body[key].as_array().into_iter().flatten().map(part).collect() };
    let (Some(deletions), Some(additions)) = (parts("deletions"), parts("additions")) else {
        return error(400, "invalid", "Invalid value for 'entity.change'");
    };
    if deletions.is_empty() && additions.is_empty() {
        return error(400, "required", "The change must have additions or deletions.");
    }
    let sets = &state.zone_by_id(zone).expect("it was found").sets;
    for (key, ttl, values) in &deletions {
        let (mut had, mut values) = (sets.get(key).map(crate::RecordSet::values), values.clone());
        if let Some(had) = &mut had {
            had.sort_unstable();
        }
        values.sort_unstable();
        match had {
            None => {
                return error(404, "notFound", "The 'entity.change.deletions[0]' resource does not exist.");
            }
            Some(had) if had != values || sets.get(key).is_some_and(|set| set.ttl != *ttl) => {
                return error(
                    412,
                    "conditionNotMet",
                    "Precondition not met for 'entity.change.deletions[0]'",
                );
            }
            Some(_) => {}
        }
    }
    if additions
        .iter()
        .any(|(key, _, _)| sets.contains_key(key) && !deletions.iter().any(|(gone, _, _)| gone == key))
    {
        return error(409, "alreadyExists", "The resource 'entity.change.additions[0]' already exists");
    }
    for ((name, kind), _, _) in &deletions {
        state.replace(zone, (name, kind), 0, &[]);
    }
    for ((name, kind), ttl, values) in &additions {
        state.replace(zone, (name, kind), *ttl, values);
    }
    let id = state.new_number().to_string();
    state.pending.insert(id.clone(), PENDING);
    Reply::json(200, &change_shown(&id, false))
}

fn change_shown(id: &str, done: bool) -> Value {
    json!({ "kind": "dns#change", "id": id, "status": if done { "done" } else { "pending" } })
}

fn error(status: u16, reason: &str, message: &str) -> Reply {
    let errors = json!([{ "domain": "global", "reason": reason, "message": message }]);
    Reply::json(status, &json!({ "error": { "code": status, "message": message, "errors": errors } }))
}

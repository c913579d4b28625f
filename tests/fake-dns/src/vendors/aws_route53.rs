//! Amazon Route 53, API of 2013-04-01: <https://docs.aws.amazon.com/Route53/latest/APIReference/>, and AssumeRole of STS.
//! Signatures are made again from what arrived. A batch of changes is carried out as a whole or not at all.

use std::fmt::Write;

use openssl::sha::sha256;
use quick_xml::escape::{escape, unescape};
use serde::Deserialize;
use serde_json::json;

use super::signing::{hex, hmac_sha256, now};
use super::text::{quoted, unquoted};
use crate::{FakeDns, FrontEnd, Lab, Reply, Request, State, Zone, Zones};

const KEY_ID: &str = "AKIDRIGHT";
const SECRET: &str = "right-secret/of+aws";
/// What AssumeRole gives.
const ROLE: (&str, &str, &str) = ("ASIAROLE", "secret-of-the-role", "token+of/the=role");
/// The role that may be taken on, and with which external id.
pub const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/dns";
/// The external id of [`ROLE_ARN`].
pub const EXTERNAL_ID: &str = "tenant-17";
/// The token of a web identity that may take on [`ROLE_ARN`].
pub const WEB_IDENTITY: &str = "eyJ0.web.identity";
/// How many requests later a change is in sync and served: time passes with each request.
const PENDING: u32 = 3;

struct Route53;

/// Route 53. A private zone has the same name as the public one.
pub async fn lab() -> Lab {
    let zones = Zones::default();
    zones.lock().add_zone(Lab::ZONE).private = true;
    {
        let public = Lab::zones();
        let (mut to, mut from) = (zones.lock(), public.lock());
        from.zones.iter_mut().for_each(|zone| zone.id += 1_000);
        to.zones.append(&mut from.zones);
        to.counter = 10_000;
        to.zones.iter_mut().for_each(Zone::hold_back);
    }
    let fake = FakeDns::start(Route53, zones).await;
    let config = |secret: &str| {
        json!({
            "access_key_id": KEY_ID, "secret_access_key": secret, "base_url": fake.url(), "sts_url": fake.url(),
            "timeout_seconds": 1, "propagation": { "settle_seconds": 0 }
        })
    };
    let (right, wrong) = (config(SECRET), config("wrong-secret/of+aws"));
    Lab::on("aws_route53", fake, right, wrong)
}

impl FrontEnd for Route53 {
    fn answer(&self, zones: &Zones, request: &Request) -> Reply {
        if request.path.starts_with("/latest/") {
            return instance_metadata(request);
        }
        if request.path == "/"
            && request.form().get("Action").is_some_and(|act| act == "AssumeRoleWithWebIdentity")
        {
            return assume_role_with_web_identity(request);
        }
        if let Err(refusal) = check_signature(request) {
            return refusal;
        }
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = zones.lock();
        state.pass_time();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", [""]) => assume_role(request),
            ("GET", ["2013-04-01", "hostedzone"]) => all_zones(&state, request),
            ("GET", ["2013-04-01", "hostedzonesbyname"]) => zones_by_name(&state, request),
            ("GET", ["2013-04-01", "hostedzone", id]) => match number(id).and_then(|id| state.zone_by_id(id))
            {
                Some(zone) => document("GetHostedZoneResponse", &zone_xml(zone)),
                None => no_zone(),
            },
            (method, ["2013-04-01", "hostedzone", id, "rrset"]) => {
                match (method, number(id).filter(|id| state.zone_by_id(*id).is_some())) {
                    (_, None) => no_zone(),
                    ("GET", Some(zone)) => record_sets(&mut state, zone, request),
                    ("POST", Some(zone)) => change(&mut state, zone, request),
                    _ => error(405, "MethodNotAllowed", "no"),
                }
            }
            ("GET", ["2013-04-01", "change", id]) => match state.pending.get(*id) {
                Some(left) => document("GetChangeResponse", &change_info(id, *left == 0)),
                None => error(404, "NoSuchChange", "A change with the specified change ID does not exist."),
            },
            _ => error(404, "UnknownOperationException", "there is no such operation"),
        }
    }

    fn changes(&self, request: &Request) -> bool {
        request.path.ends_with("/rrset") && request.method == "POST"
    }

    fn refusal(&self, status: u16) -> Reply {
        match status {
            // Route 53 throttles with status 400.
            429 => error(400, "Throttling", "Rate exceeded"),
            status => error(status, "ServiceUnavailable", "Service is unavailable or failed"),
        }
    }
}

/// Signature Version 4, recomputed with the headers that the request says are signed.
fn check_signature(request: &Request) -> Result<(), Reply> {
    let missing = || error(403, "MissingAuthenticationToken", "Missing Authentication Token");
    let fields = request.header("authorization").strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(missing)?;
    let field =
        |name: &str| fields.split(", ").find_map(|field| field.strip_prefix(name)).ok_or_else(missing);
    let (credential, names, signature) =
        (field("Credential=")?, field("SignedHeaders=")?, field("Signature=")?);
    let parts: Vec<&str> = credential.split('/').collect();
    let [key, day, region, service, "aws4_request"] = parts.as_slice() else { return Err(missing()) };
    let secret = match *key {
        KEY_ID => SECRET,
        id if id == ROLE.0 && request.header("x-amz-security-token") == ROLE.2 => ROLE.1,
        _ => {
            return Err(error(
                403,
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ));
        }
    };
    let service_is_right = if request.path == "/" { *service == "sts" } else { *service == "route53" };
    let time = request.header("x-amz-date");
    let names: Vec<&str> = names.split(';').collect();
    let is_complete = ["host", "x-amz-date"].iter().all(|name| names.contains(name)) && names.is_sorted();
    if !service_is_right
        || *region != "us-east-1"
        || !time.starts_with(day)
        || !is_complete
        || !is_fresh(time)
    {
        return Err(error(
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region and time.",
        ));
    }
    let mut query: Vec<&str> = request.raw_query.split('&').filter(|part| !part.is_empty()).collect();
    query.sort_unstable();
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, query.join("&"));
    for name in &names {
        let _ = writeln!(canonical, "{name}:{}", request.header(name).trim());
    }
    let _ = write!(canonical, "\n{}\n{}", names.join(";"), hex(&sha256(&request.body)));
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{day}/{region}/{service}/aws4_request\n{}",
        hex(&sha256(canonical.as_bytes()))
    );
    let key = [*day, *region, *service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()));
    if hex(&hmac_sha256(&key, text.as_bytes())) == signature {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(error(403, "SignatureDoesNotMatch", message))
}

fn is_fresh(time: &str) -> bool {
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    time::PrimitiveDateTime::parse(time, format)
        .is_ok_and(|sent| (now() - sent.assume_utc().unix_timestamp()).abs() < 300)
}

fn assume_role(request: &Request) -> Reply {
    let form = request.form();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|present| present == value);
    if !(is("Action", "AssumeRole") && is("RoleArn", ROLE_ARN) && is("ExternalId", EXTERNAL_ID)) {
        let message = "User is not authorized to perform: sts:AssumeRole on resource";
        return error(403, "AccessDenied", message);
    }
    let (id, secret, token) = ROLE;
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
         <Arn>{ROLE_ARN}/certmill</Arn></AssumedRoleUser><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>\
         {secret}</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>\
         </Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    Reply::text(200, "text/xml", body)
}

/// The metadata service of an instance, version 2: a session first, then the credentials of its role.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>
fn instance_metadata(request: &Request) -> Reply {
    const SESSION: &str = "AQAEAsession==";
    const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";
    let plain = |status, body: &str| Reply::text(status, "text/plain", body);
    if request.path == "/latest/api/token" {
        let seconds = request.header("x-aws-ec2-metadata-token-ttl-seconds").parse::<u32>();
        return match (request.method.as_str(), seconds) {
            ("PUT", Ok(1..=21_600)) => plain(200, SESSION),
            ("PUT", _) => plain(400, "Bad Request"),
            _ => plain(405, "Method Not Allowed"),
        };
    }
    if request.header("x-aws-ec2-metadata-token") != SESSION {
        return plain(401, "Unauthorized");
    }
    let (id, secret, token) = ROLE;
    match request.path.strip_prefix(CREDENTIALS) {
        Some("") => plain(200, "instance-role"),
        Some("instance-role") => Reply::json(
            200,
            &json!({
                "Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": id,
                "SecretAccessKey": secret, "Token": token, "Expiration": "2099-01-01T00:00:00Z"
            }),
        ),
        _ => plain(404, "Not Found"),
    }
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
fn assume_role_with_web_identity(request: &Request) -> Reply {
    let form = request.form();
    let is = |name: &str, value: &str| form.get(name).is_some_and(|present| present == value);
    if !is("WebIdentityToken", WEB_IDENTITY) {
        return error(
            400,
            "InvalidIdentityToken",
            "The web identity token that was passed could not be validated.",
        );
    }
    if !is("RoleArn", ROLE_ARN) || !form.contains_key("RoleSessionName") {
        return error(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    }
    let (id, secret, token) = ROLE;
    let body = format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><SubjectFromWebIdentityToken>system:serviceaccount:pki:certmill\
         </SubjectFromWebIdentityToken><Credentials><SessionToken>{token}</SessionToken><SecretAccessKey>{secret}\
         </SecretAccessKey><Expiration>2099-01-01T00:00:00Z</Expiration><AccessKeyId>{id}</AccessKeyId></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    );
    Reply::text(200, "text/xml", body)
}

fn id(number: u64) -> String {
    format!("Z{number:013}")
}

fn number(id: &str) -> Option<u64> {
    id.strip_prefix('Z')?.parse().ok()
}

fn zone_xml(zone: &Zone) -> String {
    format!(
        "<HostedZone><Id>/hostedzone/{}</Id><Name>{}.</Name><CallerReference>{}</CallerReference><Config><PrivateZone>{}\
         </PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>",
        id(zone.id),
        zone.apex,
        zone.id,
        zone.private
    )
}

fn most(request: &Request) -> usize {
    request.query("maxitems").and_then(|text| text.parse().ok()).unwrap_or(100).min(100)
}

fn all_zones(state: &State, request: &Request) -> Reply {
    let start = request.query("marker").and_then(|marker| number(&marker));
    let skipped = state.zones.iter().skip_while(|zone| start.is_some_and(|start| zone.id != start));
    list("ListHostedZonesResponse", &skipped.collect::<Vec<_>>(), most(request), |next| {
        format!("<NextMarker>{}</NextMarker>", id(next.id))
    })
}

/// Sorted by the labels from the right, from a name on.
fn zones_by_name(state: &State, request: &Request) -> Reply {
    let key = |name: &str| name.trim_end_matches('.').rsplit('.').map(str::to_owned).collect::<Vec<_>>();
    let start = key(&request.query("dnsname").unwrap_or_default());
    let mut zones: Vec<&Zone> = state.zones.iter().filter(|zone| key(&zone.apex) >= start).collect();
    zones.sort_by_key(|zone| key(&zone.apex));
    list("ListHostedZonesByNameResponse", &zones, most(request), |next| {
        format!(
            "<NextDNSName>{}.</NextDNSName><NextHostedZoneId>{}</NextHostedZoneId>",
            next.apex,
            id(next.id)
        )
    })
}

fn list(root: &str, zones: &[&Zone], most: usize, next: impl Fn(&Zone) -> String) -> Reply {
    let shown: String = zones.iter().take(most).map(|zone| zone_xml(zone)).collect();
    let rest = zones.get(most).map(|zone| next(zone)).unwrap_or_default();
    let is_truncated = zones.len() > most;
    let tail = format!("<IsTruncated>{is_truncated}</IsTruncated>{rest}<MaxItems>{most}</MaxItems>");
    document(root, &format!("<HostedZones>{shown}</HostedZones>{tail}"))
}

/// Sets from a name and type on; `*` is written as an octal escape.
fn record_sets(state: &mut State, zone: u64, request: &Request) -> Reply {
    let zone = state.zone_by_id(zone).expect("it was looked for");
    let name = request.query("name").unwrap_or_default();
    let start = (name.trim_end_matches('.').to_owned(), request.query("type").unwrap_or_default());
    let key = |name: &str| name.rsplit('.').map(str::to_owned).collect::<Vec<_>>();
    let mut sets: Vec<_> = zone
        .sets
        .iter()
        .filter(|((name, kind), _)| (key(name), kind.as_str()) >= (key(&start.0), start.1.as_str()))
        .collect();
    sets.sort_by_key(|((name, kind), _)| (key(name), kind.clone()));
    let total = sets.len();
    let shown: Vec<String> = sets
        .into_iter()
        .take(most(request))
        .map(|((name, kind), set)| {
            let values: Vec<String> = set
                .values()
                .iter()
                .map(|value| {
                    format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escape(quoted(value)))
                })
                .collect();
            format!(
                "<ResourceRecordSet><Name>{}.</Name><Type>{kind}</Type><TTL>{}</TTL><ResourceRecords>{}\
                 </ResourceRecords></ResourceRecordSet>",
                name.replace('*', "\\052"),
                set.ttl,
                values.concat()
            )
        })
        .collect();
    let is_truncated = total > most(request);
    let tail = format!("<IsTruncated>{is_truncated}</IsTruncated><MaxItems>{}</MaxItems>", most(request));
    document(
        "ListResourceRecordSetsResponse",
        &format!("<ResourceRecordSets>{}</ResourceRecordSets>{tail}", shown.concat()),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    change_batch: Changes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changes {
    changes: Items,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Items {
    change: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    action: String,
    resource_record_set: Set,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    name: String,
    r#type: String,
    #[serde(rename = "TTL")]
    ttl: u32,
    resource_records: Values,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Values {
    resource_record: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Value {
    value: String,
}

fn change(state: &mut State, zone: u64, request: &Request) -> Reply {
    let text = String::from_utf8_lossy(&request.body).into_owned();
    let Ok(batch) = quick_xml::de::from_str::<Batch>(&text) else {
        return error(400, "InvalidInput", "The XML you provided is not well-formed");
    };
    let before = state.zone_by_id(zone).expect("it was looked for").sets.clone();
    for One { action, resource_record_set: set } in batch.change_batch.changes.change {
        if let Err(problem) = apply(state, zone, &action, &set) {
            state.zone_by_id(zone).expect("it was looked for").sets = before;
            let body = format!(
                "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages>\
                 <Message>{}</Message></Messages><RequestId>b25f48e8</RequestId></InvalidChangeBatch>",
                escape(problem)
            );
            return Reply::text(400, "text/xml", body);
        }
    }
    let id = format!("C{:013}", state.new_number());
    state.pending.insert(id.clone(), PENDING);
    document("ChangeResourceRecordSetsResponse", &change_info(&id, false))
}

fn apply(state: &mut State, zone: u64, action: &str, set: &Set) -> Result<(), String> {
    let name = set.name.trim_end_matches('.').replace("\\052", "*").to_lowercase();
    let kind = set.r#type.as_str();
    let said = format!("[name='{name}.', type='{kind}']");
    let values = set.resource_records.resource_record.iter().map(|record| {
        let plain = unescape(&record.value).map(std::borrow::Cow::into_owned).unwrap_or_default();
        unquoted(&plain)
            .ok_or_else(|| "Invalid Resource Record: TXT record data must be enclosed in quotes".to_owned())
    });
    let mut values = values.collect::<Result<Vec<String>, String>>()?;
    let present = state.zone_by_id(zone).and_then(|zone| zone.set(&name, kind).cloned());
    match (action, present) {
        ("CREATE", Some(_)) => {
            Err(format!("Tried to create resource record set {said} but it already exists"))
        }
        ("CREATE" | "UPSERT", _) => {
            state.replace(zone, (&name, kind), set.ttl, &values);
            Ok(())
        }
        ("DELETE", None) => Err(format!("Tried to delete resource record set {said} but it was not found")),
        ("DELETE", Some(old)) => {
            let mut had = old.values();
            had.sort_unstable();
            values.sort_unstable();
            if had != values || old.ttl != set.ttl {
                let why = "but the values provided do not match the current values";
                return Err(format!("Tried to delete resource record set {said} {why}"));
            }
            state.replace(zone, (&name, kind), 0, &[]);
            Ok(())
        }
        _ => Err("Value is not valid: action".to_owned()),
    }
}

fn change_info(id: &str, done: bool) -> String {
    let status = if done { "INSYNC" } else { "PENDING" };
    format!(
        "<ChangeInfo><Id>/change/{id}</Id><Status>{status}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>"
    )
}

fn document(root: &str, content: &str) -> Reply {
    let namespace = "https://route53.amazonaws.com/doc/2013-04-01/";
    let text = format!("<?xml version=\"1.0\"?>\n<{root} xmlns=\"{namespace}\">{content}</{root}>");
    Reply::text(200, "text/xml", text)
}

fn no_zone() -> Reply {
    error(404, "NoSuchHostedZone", "No hosted zone found with this ID")
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Error><Type>Sender\
         </Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>b25f48e8-84fd-11e6-80d9-574e0c4664cb\
         </RequestId></ErrorResponse>"
    );
    Reply::text(status, "text/xml", body)
}

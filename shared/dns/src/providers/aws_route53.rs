//! `aws_route53`: hosted zones of Amazon Route 53, by its API of 2013-04-01. A record set is changed by one batch that deletes
//! the old set with all its values and creates the new one; the batch fails as a whole when the set is not the old one any
//! more, so nothing is lost when two write at once. A change is done when Route 53 calls it `INSYNC`.

mod identity;
mod wire;

use std::time::Duration;

use certmill_aws::{Credentials, Scope, Unsigned};
use quick_xml::escape::escape;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::ambient::AwsIdentity;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field, FieldType};
use crate::http::{Api, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, ChangeState, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::sigv4;
use crate::vendor::{self, Vendor, candidates, is_base_url, no_zone};

pub(crate) use self::identity::fetch;
use self::wire::{Assumed, Changed, HostedZone, HostedZones, OneZone, RecordSets};

pub(crate) const KIND: Kind = Kind {
    name: "aws_route53",
    aliases: &["route53"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Route53>,
    open: vendor::open::<Route53>,
};

const FIELDS: &[Field] = &[
    Field::required("access_key_id", "The id of the access key.").unless("ambient"),
    Field::required("secret_access_key", "The secret access key.").secret().unless("ambient"),
    Field::optional(
        "ambient",
        "This machine's own credentials in the place of keys, where the operator allows it: `instance` (the role of an EC2 \
         instance, by IMDSv2) or `web_identity` (AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, as on EKS).",
    )
    .of(FieldType::Choice(&["instance", "web_identity"])),
    Field::optional("session_token", "The session token, for temporary credentials.").secret(),
    Field::optional("role_arn", "A role that is taken on first."),
    Field::optional("external_id", "The external id that the role asks for."),
    Field::optional("region", "The region that is signed for; us-east-1."),
    Field::optional("hosted_zone_id", "The id of the one hosted zone that is used."),
    Field::optional("private_zone", "Whether private hosted zones are meant; false.").of(FieldType::Boolean),
    Field::optional("sts_url", "Where STS is, if not at its own address.").of(FieldType::Url),
];

const VERSION: &str = "/2013-04-01";
const STS: &str = "https://sts.amazonaws.com";
/// The most items of a list.
const PER_PAGE: &str = "100";
const ASK_AGAIN: Duration = Duration::from_secs(4);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Route53 {
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    secret_access_key: Zeroizing<String>,
    /// Where this machine's own credentials come from, in the place of those.
    #[serde(default)]
    ambient: Option<AwsIdentity>,
    #[serde(default)]
    session_token: Option<Zeroizing<String>>,
    /// A role to take on first.
    #[serde(default)]
    role_arn: Option<String>,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default = "default_region")]
    region: String,
    #[serde(default)]
    hosted_zone_id: Option<String>,
    /// Whether private hosted zones are meant, and public ones left alone.
    #[serde(default)]
    private_zone: bool,
    #[serde(default)]
    sts_url: Option<String>,
    /// The credentials of the role, once they were fetched.
    #[serde(skip)]
    taken_on: OnceCell<Credentials>,
    /// This machine's own, once they were fetched.
    #[serde(skip)]
    fetched: OnceCell<Credentials>,
}

/// Where Route 53 is, whatever the region of everything else.
fn default_region() -> String {
    "us-east-1".to_owned()
}

impl Route53 {
    async fn credentials(&self, api: &Api) -> Result<Credentials, DnsError> {
        let own = match self.ambient {
            Some(source) => self.fetched.get_or_try_init(|| fetch(api, source)).await?.clone(),
            None => Credentials {
                access_key_id: self.access_key_id.clone(),
                secret_access_key: self.secret_access_key.clone(),
                session_token: self.session_token.clone(),
            },
        };
        match &self.role_arn {
            None => Ok(own),
            Some(role) => self.taken_on.get_or_try_init(|| self.take_on(api, own, role)).await.cloned(),
        }
    }

    /// The credentials of a role, good for an hour.
    async fn take_on(&self, api: &Api, own: Credentials, role: &str) -> Result<Credentials, DnsError> {
        let mut form = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=certmill&DurationSeconds=900&RoleArn={}",
            escaped(role)
        );
        if let Some(id) = &self.external_id {
            form.push_str("&ExternalId=");
            form.push_str(&escaped(id));
        }
        let ambient = self.ambient.and(api.ambient.settings.aws_sts_url.as_deref());
        let origin = ambient.or(self.sts_url.as_deref()).unwrap_or(STS).trim_end_matches('/');
        let body = form.as_bytes();
        let request = Unsigned { method: "POST", origin, path: "/", query: &[], headers: &[], body };
        let scope = Scope { region: &self.region, service: "sts" };
        let call = sigv4::signed(&request, &own, scope, ("POST", api.unix_seconds()))?
            .header("content-type", "application/x-www-form-urlencoded")
            .reading();
        Ok(xml::<Assumed>(&good(api.send(call).await?)?)?.assume_role_result.credentials)
    }

    async fn send(
        &self,
        api: &Api,
        method: &'static str,
        path: &str,
        (query, body): (&[(&str, &str)], Vec<u8>),
    ) -> Result<Reply, DnsError> {
        let credentials = self.credentials(api).await?;
        let path = format!("{VERSION}{path}");
        let request =
            Unsigned { method, origin: &api.base_url, path: &path, query, headers: &[], body: &body };
        let scope = Scope { region: &self.region, service: "route53" };
        let mut call = sigv4::signed(&request, &credentials, scope, (method, api.unix_seconds()))?;
        if method == "POST" {
            call = call.header("content-type", "application/xml");
        }
        good(api.send(call).await?)
    }

    async fn get(&self, api: &Api, path: &str, query: &[(&str, &str)]) -> Result<Reply, DnsError> {
        self.send(api, "GET", path, (query, Vec::new())).await
    }

    async fn configured(&self, api: &Api, id: &str) -> Result<Zone, DnsError> {
        let id = id.trim_start_matches("/hostedzone/");
        let reply = self.get(api, &format!("/hostedzone/{id}"), &[]).await?;
        Ok(zone(xml::<OneZone>(&reply)?.hosted_zone))
    }

    fn is_meant(&self, zone: &HostedZone) -> bool {
        zone.config.private_zone == self.private_zone
    }
}

fn zone(zone: HostedZone) -> Zone {
    let id = zone.id.trim_start_matches("/hostedzone/").to_owned();
    Zone { id, apex: plain_name(&zone.name) }
}

/// A name without its last dot and without the octal escapes that Route 53 writes: `\052` is `*`.
fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.trim_end_matches('.');
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        match after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(octet) => {
                plain.push(char::from(octet));
                rest = after.get(3..).unwrap_or_default();
            }
            None => rest = after,
        }
    }
    plain.push_str(rest);
    plain.to_ascii_lowercase()
}

fn xml<T: DeserializeOwned>(reply: &Reply) -> Result<T, DnsError> {
    quick_xml::de::from_str(&reply.text()).map_err(|_| reply.unreadable("its XML is not as expected"))
}

/// Good answers; the others by their code, which says more than the status.
fn good(reply: Reply) -> Result<Reply, DnsError> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let text = reply.text();
    let says = |codes: &[&str]| codes.iter().any(|code| text.contains(&format!("<Code>{code}</Code>")));
    // A batch that does not fit what is there is refused for one of these reasons.
    let overtaken = text.contains("but it already exists")
        || text.contains("but it was not found")
        || text.contains("do not match the current values");
    if says(&["Throttling", "ThrottlingException", "PriorRequestNotComplete", "RequestLimitExceeded"]) {
        return Err(reply.error_as(429));
    }
    if says(&[
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignature",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "ExpiredToken",
        "InvalidIdentityToken",
        "ExpiredTokenException",
    ]) {
        return Err(reply.error_as(401));
    }
    if reply.status == 400 && overtaken {
        return Err(reply.error_as(409));
    }
    Err(reply.error())
}

/// One element of a batch.
fn change_xml(action: &str, name: &str, ttl: u32, values: &[String]) -> String {
    let record =
        |value: &String| format!("<ResourceRecord><Value>{}</Value></ResourceRecord>", escape(value));
    let records = values.iter().map(record).collect::<Vec<_>>().concat();
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{}.</Name><Type>TXT</Type><TTL>{ttl}</TTL>\
         <ResourceRecords>{records}</ResourceRecords></ResourceRecordSet></Change>",
        escape(name)
    )
}

impl WholeSets for Route53 {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let path = format!("/hostedzone/{}/rrset", zone.id);
        // The list begins at this name and type, whether there is such a set or not.
        let query = [("name", name), ("type", "TXT"), ("maxitems", "1")];
        let sets: RecordSets = xml(&self.get(api, &path, &query).await?)?;
        let found = sets
            .resource_record_sets
            .items
            .into_iter()
            .find(|set| set.r#type == "TXT" && plain_name(&set.name) == name);
        let Some(set) = found else { return Ok(RecordSet::default()) };
        if set.identifier.is_some() {
            let message =
                format!("the TXT records at {name} have a routing policy: only one set can be changed");
            return Err(DnsError::Invalid(message));
        }
        let verbatim: Vec<String> = set
            .resource_records
            .into_iter()
            .flat_map(|records| records.items)
            .map(|record| record.value)
            .collect();
        let values = verbatim.iter().map(|value| unquoted(value)).collect();
        Ok(RecordSet { values, verbatim, ttl: Some(set.ttl.unwrap_or(api.ttl)), tag: None })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let mut changes = String::new();
        if let Some(ttl) = old.ttl {
            changes.push_str(&change_xml("DELETE", name, ttl, &old.verbatim));
        }
        if !values.is_empty() {
            let contents = old.contents(values, quoted);
            changes.push_str(&change_xml("CREATE", name, old.ttl.unwrap_or(api.ttl), &contents));
        }
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ChangeResourceRecordSetsRequest \
             xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes>{changes}</Changes>\
             </ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let path = format!("/hostedzone/{}/rrset", zone.id);
        let reply = self.send(api, "POST", &path, (&[], body.into_bytes())).await?;
        let info = xml::<Changed>(&reply)?.change_info;
        let id = info.id.trim_start_matches("/change/").to_owned();
        Ok(Change { pending: (info.status != "INSYNC").then_some(id) })
    }
}

impl Vendor for Route53 {
    const NAME: &'static str = "Route 53";
    const BASE_URL: &'static str = "https://route53.amazonaws.com";
    const TTL: (u32, u32) = (60, 0);
    const SETTLE: u32 = 2;

    fn check(&self) -> Result<(), ConfigError> {
        let is_id = self.access_key_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.ambient.is_none() && (!is_id || self.access_key_id.is_empty()) {
            return Err(ConfigError::field(
                "access_key_id",
                "must be letters and digits, such as AKIAIOSFODNN7EXAMPLE",
            ));
        }
        if !self.region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(ConfigError::field("region", "must be a region such as us-east-1"));
        }
        let id = self.hosted_zone_id.as_deref().map(|id| id.trim_start_matches("/hostedzone/"));
        if id.is_some_and(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(ConfigError::field("hosted_zone_id", "must be an id such as Z1D633PJN98FT9"));
        }
        if self.sts_url.as_deref().is_some_and(|url| !is_base_url(url)) {
            return Err(ConfigError::field(
                "sts_url",
                "must be a URL such as https://sts.eu-central-1.amazonaws.com",
            ));
        }
        if self.role_arn.as_ref().is_some_and(|role| !role.starts_with("arn:")) {
            return Err(ConfigError::field(
                "role_arn",
                "must be an ARN such as arn:aws:iam::123456789012:role/dns",
            ));
        }
        Ok(())
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        if let Some(id) = &self.hosted_zone_id {
            return Ok(vec![self.configured(api, id).await?]);
        }
        let mut zones = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = vec![("maxitems", PER_PAGE)];
            query.extend(marker.as_deref().map(|marker| ("marker", marker)));
            let answer: HostedZones = xml(&self.get(api, "/hostedzone", &query).await?)?;
            zones.extend(answer.zones.items.into_iter().filter(|zone| self.is_meant(zone)).map(zone));
            marker = answer.next_marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        if let Some(id) = &self.hosted_zone_id {
            return vendor::longest(vec![self.configured(api, id).await?], name);
        }
        for candidate in candidates(name) {
            // The list is sorted by name and begins with this one, so that all of this name come first.
            let query = [("dnsname", candidate), ("maxitems", PER_PAGE)];
            let answer: HostedZones = xml(&self.get(api, "/hostedzonesbyname", &query).await?)?;
            let mut found = answer.zones.items.into_iter().filter(|zone| plain_name(&zone.name) == candidate);
            if let Some(found) = found.find(|zone| self.is_meant(zone)) {
                return Ok(zone(found));
            }
        }
        Err(no_zone(name))
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        Ok(self.read(api, zone, name).await?.values)
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        record_set::add(self, api, (zone, name), value).await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        record_set::remove(self, api, (zone, name), value).await
    }

    async fn poll(&self, api: &Api, change: &str) -> Result<ChangeState, DnsError> {
        let reply = self.get(api, &format!("/change/{}", escaped(change)), &[]).await?;
        match xml::<Changed>(&reply)?.change_info.status.as_str() {
            "INSYNC" => Ok(ChangeState::Done),
            _ => Ok(ChangeState::Pending { after: ASK_AGAIN }),
        }
    }
}

//! `google_cloud_dns`: managed zones of Google Cloud DNS, by its API v1 and a service account. A change names the record set
//! that it deletes exactly as it is and the one that it adds; it fails as a whole when the set is not that one any more. A
//! change is applied when its status is `done`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::ambient;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field, FieldType};
use crate::http::{Api, Call, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, ChangeState, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, candidates, is_base_url, no_zone};

pub(crate) const KIND: Kind = Kind {
    name: "google_cloud_dns",
    aliases: &["google", "gcloud", "clouddns"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<GoogleCloudDns>,
    open: vendor::open::<GoogleCloudDns>,
};

const FIELDS: &[Field] = &[
    Field::required(
        "service_account_json",
        "The JSON key file of a service account: the object, or its text.",
    )
    .of(FieldType::Json)
    .secret().unless("ambient"),
    Field::optional(
        "ambient",
        "This machine's own service account in the place of a key file, where the operator allows it: `metadata` (of a machine \
         at Google, or a cluster with workload identity).",
    )
    .of(FieldType::Choice(&["metadata"])),
    Field::optional("project", "The project of the zones; that of the service account when absent."),
    Field::optional("managed_zone", "The name (not the DNS name) of the one zone that is used."),
    Field::optional("private_zone", "Whether private zones are meant; false.").of(FieldType::Boolean),
    Field::optional("token_url", "Where tokens are fetched, if not at Google's own address.")
        .of(FieldType::Url),
];

/// Where tokens are. The `token_uri` of the account is not used: a tenant who writes the account would choose who gets the
/// assertion.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/ndev.clouddns.readwrite";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion is good, in seconds.
const ASSERTION: i64 = 600;
const ASK_AGAIN: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoogleCloudDns {
    /// The key file of the service account: the object, or its text.
    #[serde(default)]
    service_account_json: Option<AccountJson>,
    /// Whether the service account of this machine is used in its place.
    #[serde(default)]
    ambient: Option<Ambient>,
    /// The project; that of the service account when absent.
    #[serde(default)]
    project: Option<String>,
    /// The name (not the DNS name) of the one zone that is used.
    #[serde(default)]
    managed_zone: Option<String>,
    #[serde(default)]
    private_zone: bool,
    #[serde(default)]
    token_url: Option<String>,
    /// The access token, once it was fetched.
    #[serde(skip)]
    token: OnceCell<Zeroizing<String>>,
    /// The project of this machine, once it was asked for.
    #[serde(skip)]
    own_project: OnceCell<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Ambient {
    Metadata,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AccountJson {
    Text(Zeroizing<String>),
    Object(Account),
}

#[derive(Deserialize, Clone)]
struct Account {
    client_email: String,
    private_key: Zeroizing<String>,
    #[serde(default)]
    private_key_id: Option<String>,
    #[serde(default)]
    project_id: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedZones {
    #[serde(default)]
    managed_zones: Vec<ManagedZone>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedZone {
    name: String,
    dns_name: String,
    #[serde(default)]
    visibility: Option<String>,
}

#[derive(Deserialize)]
struct RecordSets {
    #[serde(default)]
    rrsets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    ttl: u32,
    #[serde(default)]
    rrdatas: Vec<String>,
}

#[derive(Deserialize)]
struct Changed {
    id: String,
    status: String,
}

impl GoogleCloudDns {
    fn account(&self) -> Option<Account> {
        match self.service_account_json.as_ref()? {
            AccountJson::Text(text) => serde_json::from_str(text).ok(),
            AccountJson::Object(account) => Some(account.clone()),
        }
    }

    /// The path of everything in the project.
    async fn path(&self, api: &Api) -> Result<String, DnsError> {
        // The machine tells its project along with the token.
        self.token(api).await?;
        let project = self.project.clone().or_else(|| self.account()?.project_id);
        let project = project.or_else(|| self.own_project.get().cloned());
        let project = project.ok_or_else(|| DnsError::Invalid("no project is configured".to_owned()))?;
        Ok(format!("/dns/v1/projects/{}/managedZones", escaped(&project)))
    }

    async fn token(&self, api: &Api) -> Result<&str, DnsError> {
        Ok(self.token.get_or_try_init(|| self.fetch_token(api)).await?)
    }

    /// An access token for a signed assertion (RFC 7523 section 2.1).
    async fn fetch_token(&self, api: &Api) -> Result<Zeroizing<String>, DnsError> {
        if let Some(Ambient::Metadata) = self.ambient {
            let (token, project) = ambient::google(api).await?;
            self.own_project.set(project).ok();
            return Ok(token);
        }
        let url = self.token_url.as_deref().unwrap_or(TOKEN_URL);
        let assertion = self
            .account()
            .and_then(|account| assertion(&account, url, api.unix_seconds()))
            .ok_or_else(|| DnsError::Invalid("the key of the service account cannot be used".to_owned()))?;
        let form = format!("grant_type={}&assertion={}", escaped(JWT_BEARER), escaped(&assertion));
        let call = Call::new("POST", url.to_owned())
            .body("application/x-www-form-urlencoded", form.into_bytes())
            .reading();
        let reply = api.send(call).await?;
        // RFC 6749 section 5.2: who is not known or may not is told by status 400.
        if matches!(reply.status, 400 | 401 | 403) {
            return Err(reply.error_as(401));
        }
        Ok(reply.good()?.json::<Token>()?.access_token)
    }

    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        let call = call.bearer(self.token(api).await?);
        good(api.send(call).await?)
    }

    async fn get(&self, api: &Api, path: &str, query: &[(&str, &str)]) -> Result<Reply, DnsError> {
        self.send(api, Call::get(api.url(path, query))).await
    }

    async fn listed(&self, api: &Api, dns_name: Option<&str>) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut query = Vec::new();
            query.extend(dns_name.map(|name| ("dnsName", name)));
            query.extend(next.as_deref().map(|token| ("pageToken", token)));
            let answer: ManagedZones = self.get(api, &self.path(api).await?, &query).await?.json()?;
            zones.extend(answer.managed_zones.into_iter().filter(|zone| self.is_meant(zone)).map(zone));
            next = answer.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn configured(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        let path = format!("{}/{}", self.path(api).await?, escaped(name));
        Ok(zone(self.get(api, &path, &[]).await?.json()?))
    }

    fn is_meant(&self, zone: &ManagedZone) -> bool {
        (zone.visibility.as_deref() == Some("private")) == self.private_zone
    }
}

fn zone(zone: ManagedZone) -> Zone {
    Zone { id: zone.name, apex: zone.dns_name.trim_end_matches('.').to_ascii_lowercase() }
}

/// A JWT signed with RS256 (RFC 7518 section 3.3).
fn assertion(account: &Account, audience: &str, now: i64) -> Option<String> {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": account.private_key_id });
    let claims = json!({
        "iss": account.client_email, "scope": SCOPE, "aud": audience, "iat": now, "exp": now + ASSERTION
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let key = PKey::private_key_from_pem(account.private_key.as_bytes()).ok()?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key).ok()?;
    signer.update(text.as_bytes()).ok()?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signer.sign_to_vec().ok()?)))
}

fn good(reply: Reply) -> Result<Reply, DnsError> {
    // Quotas are told by status 403.
    if reply.status == 403 && reply.text().contains("ateLimitExceeded") {
        return Err(reply.error_as(429));
    }
    reply.good()
}

impl WholeSets for GoogleCloudDns {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let path = format!("{}/{}/rrsets", self.path(api).await?, escaped(&zone.id));
        let full = format!("{name}.");
        let answer: RecordSets = self.get(api, &path, &[("name", &full), ("type", "TXT")]).await?.json()?;
        let Some(set) = answer.rrsets.into_iter().next() else { return Ok(RecordSet::default()) };
        let values = set.rrdatas.iter().map(|data| unquoted(data)).collect();
        Ok(RecordSet { values, verbatim: set.rrdatas, ttl: Some(set.ttl), tag: None })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let set = |ttl: u32, data: &[String]| json!([{ "name": format!("{name}."), "type": "TXT", "ttl": ttl, "rrdatas": data }]);
        let mut body = json!({});
        if let Some(ttl) = old.ttl {
            body["deletions"] = set(ttl, &old.verbatim);
        }
        if !values.is_empty() {
            body["additions"] = set(old.ttl.unwrap_or(api.ttl), &old.contents(values, quoted));
        }
        let url = api.url(&format!("{}/{}/changes", self.path(api).await?, escaped(&zone.id)), &[]);
        let call = Call::new("POST", url).json(&body).bearer(self.token(api).await?);
        let reply = api.send(call).await?;
        // The record set to delete is gone or different, or the one to add is there.
        if matches!(reply.status, 404 | 409 | 412) {
            return Err(reply.error_as(409));
        }
        let change: Changed = good(reply)?.json()?;
        let pending = format!("{}/{}", zone.id, change.id);
        Ok(Change { pending: (change.status != "done").then_some(pending) })
    }
}

impl Vendor for GoogleCloudDns {
    const NAME: &'static str = "Google Cloud DNS";
    const BASE_URL: &'static str = "https://dns.googleapis.com";
    const TTL: (u32, u32) = (60, 0);
    const SETTLE: u32 = 5;

    fn check(&self) -> Result<(), ConfigError> {
        if self.ambient.is_some() {
            return Ok(());
        }
        let field = |problem: &str| Err(ConfigError::field("service_account_json", problem));
        let Some(account) = self.account() else {
            return field(
                "must be the JSON key file of a service account, with client_email and private_key",
            );
        };
        let key = PKey::private_key_from_pem(account.private_key.as_bytes());
        if !key.is_ok_and(|key| key.rsa().is_ok()) {
            return field("has a private_key that is no RSA key in PEM");
        }
        if self.project.is_none() && account.project_id.is_none() {
            return Err(ConfigError::field("project", "is needed, since the service account names none"));
        }
        if self.token_url.as_deref().is_some_and(|url| !is_base_url(url)) {
            return Err(ConfigError::field(
                "token_url",
                "must be a URL such as https://oauth2.googleapis.com/token",
            ));
        }
        Ok(())
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        match &self.managed_zone {
            Some(name) => Ok(vec![self.configured(api, name).await?]),
            None => self.listed(api, None).await,
        }
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        if let Some(zone) = &self.managed_zone {
            return vendor::longest(vec![self.configured(api, zone).await?], name);
        }
        for candidate in candidates(name) {
            let found = self.listed(api, Some(&format!("{candidate}."))).await?;
            if let Some(zone) = found.into_iter().find(|zone| zone.apex == candidate) {
                return Ok(zone);
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
        let (zone, id) = change.split_once('/').unwrap_or(("", change));
        let path = format!("{}/{}/changes/{}", self.path(api).await?, escaped(zone), escaped(id));
        match self.get(api, &path, &[]).await?.json::<Changed>()?.status.as_str() {
            "done" => Ok(ChangeState::Done),
            _ => Ok(ChangeState::Pending { after: ASK_AGAIN }),
        }
    }
}

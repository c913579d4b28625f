//! `acme_dns`: one name at an acme-dns server, to which aliases (CNAME) of the names to be validated lead. The server keeps
//! the last two values of it and forgets the one before; there is no way to read or remove one.

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field, FieldType};
use crate::http::{Api, Call, Reply};
use crate::provider::{Change, Zone};
use crate::vendor::{self, Vendor};

pub(crate) const KIND: Kind = Kind {
    name: "acme_dns",
    aliases: &["acme-dns"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<AcmeDns>,
    open: vendor::open::<AcmeDns>,
};

const FIELDS: &[Field] = &[
    Field::required("username", "The user name that the registration answered."),
    Field::required("password", "The password that the registration answered.").secret(),
    Field::required("subdomain", "The subdomain that the registration answered."),
    Field::required("fulldomain", "The name that the registration answered, to which aliases lead."),
    Field::optional(
        "allowfrom",
        "The networks that the registration answered. Not used: the server keeps them.",
    )
    .of(FieldType::TextList),
];

/// The octets of a value: those of an unpadded SHA-256 in base64url.
const VALUE: usize = 43;

/// What `POST /register` of the server answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AcmeDns {
    username: String,
    password: Zeroizing<String>,
    subdomain: String,
    fulldomain: String,
    #[serde(default, rename = "allowfrom")]
    _allowfrom: Option<Vec<String>>,
}

impl AcmeDns {
    fn name(&self) -> String {
        self.fulldomain.trim_end_matches('.').to_ascii_lowercase()
    }

    async fn update(&self, api: &Api, value: &str) -> Result<Reply, DnsError> {
        let body = json!({ "subdomain": self.subdomain, "txt": value });
        let call = Call::new("POST", api.url("/update", &[]))
            .header("x-api-user", self.username.clone())
            .header("x-api-key", self.password.as_str())
            .json(&body);
        api.send(call).await
    }
}

impl Vendor for AcmeDns {
    const NAME: &'static str = "acme-dns";
    const BASE_URL: &'static str = "https://auth.acme-dns.io";
    const TTL: (u32, u32) = (1, 0);
    const SETTLE: u32 = 1;
    const KNOWS_ZONES: bool = false;
    const NEEDS_LOCK: bool = true;
    const MOST_VALUES: Option<usize> = Some(2);

    fn check(&self) -> Result<(), ConfigError> {
        if self
            .name()
            .strip_prefix(&self.subdomain.to_ascii_lowercase())
            .is_none_or(|rest| !rest.starts_with('.'))
        {
            let problem = "must begin with the subdomain and a dot: give both as the server answered them";
            return Err(ConfigError::field("fulldomain", problem));
        }
        Ok(())
    }

    /// The one name. The credentials are proven by an update that the server refuses only after it has looked at them, since
    /// there is nothing to read.
    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let reply = self.update(api, "").await?;
        if !(reply.status == 400 && reply.text().contains("bad_txt")) {
            reply.good()?;
        }
        Ok(vec![Zone { id: self.name(), apex: self.name() }])
    }

    async fn find_zone(&self, _: &Api, name: &str) -> Result<Zone, DnsError> {
        if name == self.name() {
            return Ok(Zone { id: self.name(), apex: self.name() });
        }
        let message = format!("publish a CNAME record at {name} that leads to {}", self.name());
        Err(DnsError::ZoneNotFound(message))
    }

    /// The server cannot be asked.
    async fn list(&self, _: &Api, _: &Zone, _: &str) -> Result<Vec<String>, DnsError> {
        Ok(Vec::new())
    }

    async fn add(&self, api: &Api, _: &Zone, _: &str, value: &str) -> Result<Change, DnsError> {
        if value.len() != VALUE {
            return Err(DnsError::Invalid(format!("acme-dns takes values of {VALUE} characters only")));
        }
        self.update(api, value).await?.good()?;
        Ok(Change::default())
    }

    /// Later values push it out.
    async fn remove(&self, _: &Api, _: &Zone, _: &str, _: &str) -> Result<Change, DnsError> {
        Ok(Change::default())
    }
}

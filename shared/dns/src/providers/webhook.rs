//! `webhook`: a service of the operator's own that publishes values. It is told by `POST {base_url}/present` and
//! `POST {base_url}/cleanup` with `{"id", "fqdn", "value"}`, as lego's `httpreq` does, and proves that the call is ours by a
//! signature: `X-Certmill-Timestamp` holds the seconds since 1970, and `X-Certmill-Signature` `sha256=` and the HMAC-SHA256
//! with the shared secret over the timestamp, a dot and the body, in hexadecimal. The id is the same whenever a call is
//! repeated, so that it can be done once.

use certmill_egress::Purpose;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::{ConfigError, Kind};
use crate::digest::{hex, hmac_sha256, sha256_hex};
use crate::fields::{self, Field};
use crate::http::{Api, Call, Reply};
use crate::provider::{Change, Zone};
use crate::vendor::{self, Vendor};

pub(crate) const KIND: Kind = Kind {
    name: "webhook",
    aliases: &["httpreq"],
    fields: FIELDS,
    common: fields::HTTP_ELSEWHERE,
    check: vendor::check::<Webhook>,
    open: vendor::open::<Webhook>,
};

const FIELDS: &[Field] =
    &[Field::required("secret", "The shared secret that signs calls: at least 16 characters.").secret()];

/// The fewest characters of a secret.
const SHORTEST_SECRET: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    secret: Zeroizing<String>,
}

impl Webhook {
    async fn post(&self, api: &Api, path: &str, body: &Value) -> Result<Reply, DnsError> {
        let body = body.to_string();
        let timestamp = api.unix_seconds().to_string();
        let signature = hmac_sha256(self.secret.as_bytes(), format!("{timestamp}.{body}").as_bytes())
            .map_err(|_| DnsError::Invalid("the call cannot be signed".to_owned()))?;
        let call = Call::new("POST", api.url(path, &[]))
            .header("x-certmill-timestamp", timestamp)
            .header("x-certmill-signature", format!("sha256={}", hex(&signature)))
            .body("application/json", body.into_bytes());
        api.send(call).await
    }

    async fn tell(&self, api: &Api, path: &str, (name, value): (&str, &str)) -> Result<Change, DnsError> {
        let id = sha256_hex(format!("{path} {name} {value}").as_bytes());
        let body = json!({ "id": id, "fqdn": format!("{name}."), "value": value });
        self.post(api, path, &body).await?.good()?;
        Ok(Change::default())
    }
}

impl Vendor for Webhook {
    const NAME: &'static str = "the webhook";
    const BASE_URL: &'static str = "";
    const PURPOSE: Purpose = Purpose::Webhook;
    const TTL: (u32, u32) = (60, 0);
    const SETTLE: u32 = 5;
    const KNOWS_ZONES: bool = false;

    fn check(&self) -> Result<(), ConfigError> {
        if self.secret.len() < SHORTEST_SECRET {
            let problem =
                format!("must have at least {SHORTEST_SECRET} characters; `openssl rand -hex 32` makes one");
            return Err(ConfigError::field("secret", problem));
        }
        Ok(())
    }

    /// Asks `POST {base_url}/verify`, which may answer `{"zones": […]}`. A service that does not know the path is good.
    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        #[derive(Deserialize)]
        struct Verified {
            #[serde(default)]
            zones: Vec<String>,
        }
        let reply = self.post(api, "/verify", &json!({})).await?;
        if reply.status == 404 {
            return Ok(Vec::new());
        }
        let reply = reply.good()?;
        let zones = reply.json::<Verified>().map(|verified| verified.zones).unwrap_or_default();
        Ok(zones.into_iter().map(|apex| Zone { id: apex.clone(), apex }).collect())
    }

    async fn find_zone(&self, _: &Api, name: &str) -> Result<Zone, DnsError> {
        Ok(Zone { id: name.to_owned(), apex: name.to_owned() })
    }

    /// The service cannot be asked.
    async fn list(&self, _: &Api, _: &Zone, _: &str) -> Result<Vec<String>, DnsError> {
        Ok(Vec::new())
    }

    async fn add(&self, api: &Api, _: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        self.tell(api, "/present", (name, value)).await
    }

    async fn remove(&self, api: &Api, _: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        self.tell(api, "/cleanup", (name, value)).await
    }
}

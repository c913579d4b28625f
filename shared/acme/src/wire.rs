//! What servers send, read leniently where nothing depends on it and strictly where something does.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use certmill_x509::DnsName;
use serde_json::{Value, json};

use crate::error::said;
use crate::fields::{self, Fields};
use crate::{AcmeError, Problem};

/// Where a server offers what (RFC 8555 section 7.1.1).
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// newNonce
    pub new_nonce: String,
    /// newAccount
    pub new_account: String,
    /// newOrder
    pub new_order: String,
    /// revokeCert
    pub revoke_cert: Option<String>,
    /// keyChange
    pub key_change: Option<String>,
    /// renewalInfo (RFC 9773)
    pub renewal_info: Option<String>,
    /// Terms that an account agrees to.
    pub terms_of_service: Option<String>,
    /// Names by which CAA records mean this CA.
    pub caa_identities: Vec<String>,
    /// Whether accounts must be bound to an external one.
    pub external_account_required: bool,
    /// Profiles and what they are for.
    pub profiles: BTreeMap<String, String>,
}

impl Directory {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, AcmeError> {
        let body = fields::json(body, "directory")?;
        let sent = Fields::of(&body, "directory")?;
        let url = |name: &str| {
            let url = sent.needed_text(name)?;
            https(url).map(|()| url.to_owned())
        };
        // An operation without an address is not offered.
        let offered = |name: &str| sent.text(name).filter(|url| https(url).is_ok()).map(str::to_owned);
        let meta = sent.object("meta");
        let meta = meta.as_ref();
        let profiles = meta.and_then(|meta| meta.object("profiles"));
        let profiles = profiles.iter().flat_map(Fields::all);
        Ok(Self {
            new_nonce: url("newNonce")?,
            new_account: url("newAccount")?,
            new_order: url("newOrder")?,
            revoke_cert: offered("revokeCert"),
            key_change: offered("keyChange"),
            renewal_info: offered("renewalInfo"),
            terms_of_service: meta.and_then(|meta| meta.text("termsOfService")).map(said),
            caa_identities: meta
                .map(|meta| meta.list("caaIdentities").iter().filter_map(Value::as_str).map(said).collect())
                .unwrap_or_default(),
            external_account_required: meta.is_some_and(|meta| meta.flag("externalAccountRequired")),
            profiles: profiles
                .map(|(name, about)| (said(name), said(about.as_str().unwrap_or_default())))
                .collect(),
        })
    }

    /// The parts that `instant-acme` uses, in the form that it reads.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let object = json!({
            "newNonce": self.new_nonce,
            "newAccount": self.new_account,
            "newOrder": self.new_order,
            "meta": { "profiles": self.profiles },
        });
        object.to_string().into_bytes()
    }
}

/// The longest URL of a server, in octets.
const LONGEST_URL: usize = 2_000;

/// Refuses what is not an https URL: nothing of this protocol is (RFC 8555 section 6.1). URLs become parts of rows, so they
/// are of bounded length, and only of characters that URLs have (RFC 3986 section 2).
pub(crate) fn https(url: &str) -> Result<(), AcmeError> {
    let legal = url.len() <= LONGEST_URL && url.bytes().all(|octet| octet.is_ascii_graphic());
    if legal && url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) {
        return Ok(());
    }
    let shown: String = url.chars().take(100).collect();
    Err(AcmeError::protocol(format!("`{shown}` is no https URL")))
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// A DNS name in A-labels and lower case; a wildcard in orders only.
    Dns(String),
    /// An address (RFC 8738).
    Ip(IpAddr),
}

impl Identifier {
    /// Reads what a server calls an identifier, as strictly as that of any request.
    fn parse(sent: &Fields<'_>) -> Result<Self, AcmeError> {
        let value = sent.needed_text("value")?;
        let refused = |what: &str| {
            let shown: String = value.chars().take(100).collect();
            AcmeError::protocol(format!("it names an identifier `{shown}`, which is {what}"))
        };
        match sent.needed_text("type")? {
            "dns" => {
                let name = DnsName::for_another_ca(value).map_err(|_| refused("no DNS name"))?;
                Ok(Self::Dns(name.as_str().to_owned()))
            }
            "ip" => value.parse().map(Self::Ip).map_err(|_| refused("no IP address")),
            _ => Err(refused("of a kind that was not asked for")),
        }
    }
}

/// A `status` among those that RFC 8555 section 7.1.6 has for an object.
fn status<T: Copy>(sent: &Fields<'_>, what: &str, known: &[(&str, T)]) -> Result<T, AcmeError> {
    let word = sent.needed_text("status")?;
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    found.map(|(_, status)| *status).ok_or_else(|| {
        let shown: String = word.chars().take(50).collect();
        AcmeError::protocol(format!("its {what} has the status `{shown}`, which there is not"))
    })
}

/// Where an order stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Control is to be proven.
    Pending,
    /// The CSR may be sent.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate is there.
    Valid,
    /// It will not be.
    Invalid,
}

/// An order as the server has it.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its URL.
    pub url: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// When it ends, in Unix seconds.
    pub expires: Option<i64>,
    /// Where the CSR goes.
    pub finalize: Option<String>,
    /// Where the certificate is.
    pub certificate: Option<String>,
    /// Why it is invalid.
    pub error: Option<Problem>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

impl Order {
    pub(crate) fn parse(url: String, body: &[u8], retry_after: Option<Duration>) -> Result<Self, AcmeError> {
        const STATUSES: [(&str, OrderStatus); 5] = [
            ("pending", OrderStatus::Pending),
            ("ready", OrderStatus::Ready),
            ("processing", OrderStatus::Processing),
            ("valid", OrderStatus::Valid),
            ("invalid", OrderStatus::Invalid),
        ];
        let body = fields::json(body, "order")?;
        let sent = Fields::of(&body, "order")?;
        let order = Self {
            url,
            status: status(&sent, "order", &STATUSES)?,
            expires: sent.time("expires"),
            finalize: sent.text("finalize").map(str::to_owned),
            certificate: sent.text("certificate").map(str::to_owned),
            error: sent.value("error").and_then(Problem::read),
            retry_after,
        };
        let urls = order.finalize.iter().chain([&order.url]).chain(&order.certificate);
        urls.into_iter().try_for_each(|url| https(url))?;
        Ok(order)
    }
}

/// The authorizations of an order, by URL (RFC 8555 section 7.1.3).
pub(crate) fn authorizations(order: &[u8]) -> Result<Vec<String>, AcmeError> {
    let body = fields::json(order, "order")?;
    let urls = Fields::of(&body, "order")?.needed_texts("authorizations")?;
    urls.iter().try_for_each(|url| https(url))?;
    Ok(urls)
}

/// An order with the parts that `instant-acme` uses, in the form that it reads. What is missing is found by [`Order::parse`],
/// which says so.
pub(crate) fn plain_order(body: &[u8]) -> Vec<u8> {
    let Ok(order @ Value::Object(_)) = serde_json::from_slice(body) else {
        return body.to_vec();
    };
    let text = |name: &str| order.get(name).and_then(Value::as_str);
    let status = text("status").unwrap_or("pending").to_ascii_lowercase();
    let finalize = text("finalize").unwrap_or_default();
    json!({ "status": status, "finalize": finalize, "authorizations": [] }).to_string().into_bytes()
}

/// Where an authorization stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationStatus {
    /// Control is to be proven.
    Pending,
    /// It was.
    Valid,
    /// It was not.
    Invalid,
    /// We gave it up.
    Deactivated,
    /// Its time is over.
    Expired,
    /// The CA has taken it back.
    Revoked,
}

impl fmt::Display for AuthorizationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

/// An authorization as the server has it.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// What control is proven of; without `*.`.
    pub identifier: Identifier,
    /// Whether it is for a wildcard.
    pub wildcard: bool,
    /// Where it stands.
    pub status: AuthorizationStatus,
    /// When it ends, in Unix seconds.
    pub expires: Option<i64>,
    /// The ways to prove it.
    pub challenges: Vec<Challenge>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

/// A way to prove control.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// `http-01`, `dns-01`, `tls-alpn-01` or another that is not known here.
    pub kind: String,
    /// What the server knows it by.
    pub url: String,
    /// Its random text.
    pub token: Option<String>,
    /// `pending`, `processing`, `valid` or `invalid`.
    pub status: String,
    /// Why it is invalid.
    pub error: Option<Problem>,
    /// When it was met, in Unix seconds.
    pub validated: Option<i64>,
}

/// The ways that are known here: a challenge of any other kind is shown and not used, whatever it is made of.
const KNOWN: [&str; 3] = ["http-01", "dns-01", "tls-alpn-01"];

impl Challenge {
    /// None for something that is no challenge that could be used.
    fn parse(sent: &Value) -> Result<Option<Self>, AcmeError> {
        let Ok(sent) = Fields::of(sent, "challenge") else { return Ok(None) };
        let Some(kind) = sent.text("type") else { return Ok(None) };
        let is_known = KNOWN.contains(&kind);
        let url = if is_known { sent.needed_text("url")? } else { sent.text("url").unwrap_or_default() };
        if is_known {
            https(url)?;
        }
        let token = sent.text("token").filter(|_| is_known);
        Ok(Some(Self {
            kind: said(kind),
            url: if is_known { url.to_owned() } else { said(url) },
            token: token.map(|token| checked_token(token.to_owned())).transpose()?,
            status: said(&sent.text("status").unwrap_or("pending").to_ascii_lowercase()),
            error: sent.value("error").and_then(Problem::read),
            validated: sent.time("validated"),
        }))
    }
}

impl Authorization {
    pub(crate) fn parse(body: &[u8], retry_after: Option<Duration>) -> Result<Self, AcmeError> {
        const STATUSES: [(&str, AuthorizationStatus); 6] = [
            ("pending", AuthorizationStatus::Pending),
            ("valid", AuthorizationStatus::Valid),
            ("invalid", AuthorizationStatus::Invalid),
            ("deactivated", AuthorizationStatus::Deactivated),
            ("expired", AuthorizationStatus::Expired),
            ("revoked", AuthorizationStatus::Revoked),
        ];
        let body = fields::json(body, "authorization")?;
        let sent = Fields::of(&body, "authorization")?;
        let wildcard = sent.flag("wildcard");
        // Some servers name the wildcard itself, where RFC 8555 section 7.1.4 has the flag.
        let (identifier, wildcard) = match Identifier::parse(&sent.needed_object("identifier")?)? {
            Identifier::Dns(name) => match name.strip_prefix("*.") {
                Some(base) => (Identifier::Dns(base.to_owned()), true),
                None => (Identifier::Dns(name), wildcard),
            },
            address @ Identifier::Ip(_) => (address, wildcard),
        };
        let challenges: Result<Vec<_>, _> = sent.list("challenges").iter().map(Challenge::parse).collect();
        Ok(Self {
            identifier,
            wildcard,
            status: status(&sent, "authorization", &STATUSES)?,
            expires: sent.time("expires"),
            challenges: challenges?.into_iter().flatten().collect(),
            retry_after,
        })
    }
}

/// A token becomes part of a path and of a row: only base64url may be in it (RFC 8555 section 8.3).
fn checked_token(token: String) -> Result<String, AcmeError> {
    let legal = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
    if (1..=256).contains(&token.len()) && token.bytes().all(legal) {
        return Ok(token);
    }
    Err(AcmeError::protocol("a token is not base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_are_not_https_are_refused() {
        let order = br#"{"status":"pending","authorizations":["http://a/1"],"finalize":"http://a/2"}"#;
        let finalize = Order::parse("https://a/3".to_owned(), order, None).unwrap_err();
        for error in [finalize, authorizations(order).unwrap_err()] {
            assert!(error.to_string().contains("no https URL"), "{error}");
        }
    }

    #[test]
    fn what_is_no_url_or_no_name_is_refused() {
        let long = format!("https://a/{}", "x".repeat(2_000));
        for url in ["https://a/\0", "https://a/ b", "https://a/\n", "https://", "https://ä", long.as_str()] {
            assert!(https(url).is_err(), "{url:?}");
        }
        let authorization = |value: &str| {
            let body = serde_json::json!({
                "identifier": { "type": "dns", "value": value }, "status": "pending", "challenges": [],
            });
            Authorization::parse(body.to_string().as_bytes(), None)
        };
        let read = authorization("*.A.example").unwrap();
        assert_eq!((read.identifier, read.wildcard), (Identifier::Dns("a.example".to_owned()), true));
        for value in ["", "a\0.example", "a b.example", "-", "../etc"] {
            let error = authorization(value).unwrap_err().to_string();
            assert!(error.contains("no DNS name") && !error.contains('\0'), "{error:?}");
        }
        let error = Authorization::parse(br#"{"identifier":"inside-secret"}"#, None).unwrap_err().to_string();
        assert!(!error.contains("inside-secret"), "{error}");
    }

    #[test]
    fn what_nobody_needs_may_have_any_form() {
        let directory = br#"{"newNonce":"https://a/1","newAccount":"https://a/2","newOrder":"https://a/3","revokeCert":null,
            "renewalInfo":7,"meta":{"caaIdentities":null,"externalAccountRequired":"false","profiles":{"a":null,"b":"c"},
            "termsOfService":{}}}"#;
        let read = Directory::parse(directory).unwrap();
        assert_eq!((read.revoke_cert, read.renewal_info, read.terms_of_service), (None, None, None));
        assert!(read.caa_identities.is_empty() && !read.external_account_required);
        assert_eq!(read.profiles.len(), 2);
        for meta in ["null", "[]", "\"x\""] {
            let directory = format!(
                r#"{{"newNonce":"https://a/1","newAccount":"https://a/2","newOrder":"https://a/3","meta":{meta}}}"#
            );
            assert!(Directory::parse(directory.as_bytes()).is_ok(), "{meta}");
        }
        for order in [
            r#"{"status":"processing"}"#,
            r#"{"status":"Processing","expires":null,"identifiers":null,"authorizations":null,"finalize":null,
            "certificate":null,"error":null,"replaces":7,"profile":[]}"#,
            r#"{"status":"processing","expires":1999999999,"error":"none","notBefore":{}}"#,
        ] {
            let order = Order::parse("https://a/3".to_owned(), order.as_bytes(), None).unwrap();
            assert_eq!(
                (order.status, order.expires, order.certificate),
                (OrderStatus::Processing, None, None)
            );
        }
        let authorization = r#"{"status":"pending","wildcard":null,"expires":0,"identifier":{"type":"dns","value":"a.example"},
            "challenges":[null,{"url":"https://a/1"},{"type":"dns-account-99","url":7,"token":"a.b"},
            {"type":"http-01","url":"https://a/2","token":"x","status":null,"error":{"detail":7},"validated":[]}]}"#;
        let read = Authorization::parse(authorization.as_bytes(), None).unwrap();
        assert_eq!((read.wildcard, read.expires, read.challenges.len()), (false, None, 2));
        assert_eq!((read.challenges[1].status.as_str(), read.challenges[1].validated), ("pending", None));
    }

    #[test]
    fn what_is_needed_and_missing_is_named() {
        let directory = |body: &str| Directory::parse(body.as_bytes()).unwrap_err().to_string();
        assert!(
            directory(r#"{"newNonce":"https://a/1","newOrder":null}"#)
                .contains("directory has no `newAccount`")
        );
        assert!(directory(r#"{"newNonce":7}"#).contains("`newNonce` of its directory is no text"));
        let order = |body: &str| {
            Order::parse("https://a/3".to_owned(), body.as_bytes(), None).unwrap_err().to_string()
        };
        assert!(order("{}").contains("order has no `status`"));
        assert!(order(r#"{"status":"done"}"#).contains("the status `done`"));
        let error =
            authorizations(br#"{"status":"pending","authorizations":[null]}"#).unwrap_err().to_string();
        assert!(error.contains("`authorizations` of its order is no list of texts"), "{error}");
        let authorization = |body: &str| Authorization::parse(body.as_bytes(), None).unwrap_err().to_string();
        assert!(authorization(r#"{"status":"valid"}"#).contains("authorization has no `identifier`"));
        let error = authorization(
            r#"{"identifier":{"type":"dns","value":"a.example"},"status":"pending","challenges":[{"type":"dns-01"}]}"#,
        );
        assert!(error.contains("challenge has no `url`"), "{error}");
    }

    #[test]
    fn tokens_with_other_characters_are_refused() {
        let body = |token: &str| {
            format!(
                r#"{{"identifier":{{"type":"dns","value":"a.example"}},"status":"pending","challenges":[
                {{"type":"http-01","url":"https://a/1","status":"pending","token":"{token}"}}]}}"#
            )
        };
        assert!(Authorization::parse(body("abc-_9").as_bytes(), None).is_ok());
        for token in ["../x", "a b", "", "a.b"] {
            assert!(Authorization::parse(body(token).as_bytes(), None).is_err(), "{token}");
        }
    }
}

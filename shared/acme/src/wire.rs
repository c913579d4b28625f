//! What servers send, read leniently where nothing depends on it and strictly where something does.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use certmill_domain::Timestamp;
use certmill_x509::DnsName;
use serde::Deserialize;

use crate::error::{SentProblem, said};
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SentDirectory {
    new_nonce: String,
    new_account: String,
    new_order: String,
    revoke_cert: Option<String>,
    renewal_info: Option<String>,
    #[serde(default)]
    meta: SentMeta,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct SentMeta {
    terms_of_service: Option<String>,
    caa_identities: Vec<String>,
    external_account_required: bool,
    profiles: BTreeMap<String, String>,
}

impl Directory {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, AcmeError> {
        let sent: SentDirectory = parse(body, "directory")?;
        let SentMeta { terms_of_service, caa_identities, external_account_required, profiles } = sent.meta;
        let directory = Self {
            new_nonce: sent.new_nonce,
            new_account: sent.new_account,
            new_order: sent.new_order,
            revoke_cert: sent.revoke_cert,
            renewal_info: sent.renewal_info,
            terms_of_service: terms_of_service.as_deref().map(said),
            caa_identities: caa_identities.iter().map(|name| said(name)).collect(),
            external_account_required,
            profiles: profiles.iter().map(|(name, about)| (said(name), said(about))).collect(),
        };
        for url in [&directory.new_nonce, &directory.new_account, &directory.new_order] {
            https(url)?;
        }
        Ok(directory)
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

pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, AcmeError> {
    // The reader's message would quote the answer, which may be anybody's: only where it failed is told.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        AcmeError::protocol(format!("its {what} is not as it should be at {place}"))
    })
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    /// A DNS name in A-labels and lower case; a wildcard in orders only.
    Dns(String),
    /// An address (RFC 8738).
    Ip(IpAddr),
}

#[derive(Deserialize)]
struct SentIdentifier {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl Identifier {
    /// Reads what a server calls an identifier, as strictly as that of any request.
    fn parse(sent: &SentIdentifier) -> Result<Self, AcmeError> {
        let refused = |what: &str| {
            let shown: String = sent.value.chars().take(100).collect();
            AcmeError::protocol(format!("it names an identifier `{shown}`, which is {what}"))
        };
        match sent.kind.as_str() {
            "dns" => {
                let name: DnsName = sent.value.parse().map_err(|_| refused("no DNS name"))?;
                Ok(Self::Dns(name.as_str().to_owned()))
            }
            "ip" => sent.value.parse().map(Self::Ip).map_err(|_| refused("no IP address")),
            _ => Err(refused("of a kind that was not asked for")),
        }
    }
}

/// Where an order stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// What it is for.
    pub identifiers: Vec<Identifier>,
    /// What is to be proven, by URL.
    pub authorizations: Vec<String>,
    /// Where the CSR goes.
    pub finalize: String,
    /// Where the certificate is.
    pub certificate: Option<String>,
    /// Why it is invalid.
    pub error: Option<Problem>,
    /// What it replaces.
    pub replaces: Option<String>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct SentOrder {
    status: OrderStatus,
    expires: Option<String>,
    #[serde(default)]
    identifiers: Vec<SentIdentifier>,
    authorizations: Vec<String>,
    finalize: String,
    certificate: Option<String>,
    error: Option<SentProblem>,
    replaces: Option<String>,
}

impl Order {
    pub(crate) fn parse(url: String, body: &[u8], retry_after: Option<Duration>) -> Result<Self, AcmeError> {
        let sent: SentOrder = parse(body, "order")?;
        let urls = sent.authorizations.iter().chain([&sent.finalize, &url]).chain(&sent.certificate);
        urls.into_iter().try_for_each(|url| https(url))?;
        Ok(Self {
            url,
            status: sent.status,
            expires: sent.expires.as_deref().and_then(seconds),
            identifiers: sent.identifiers.iter().map(Identifier::parse).collect::<Result<_, _>>()?,
            authorizations: sent.authorizations,
            finalize: sent.finalize,
            certificate: sent.certificate,
            error: sent.error.map(Problem::from),
            replaces: sent.replaces.as_deref().map(said),
            retry_after,
        })
    }
}

/// Where an authorization stands (RFC 8555 section 7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

#[derive(Deserialize)]
struct SentAuthorization {
    identifier: SentIdentifier,
    #[serde(default)]
    wildcard: bool,
    status: AuthorizationStatus,
    expires: Option<String>,
    challenges: Vec<SentChallenge>,
}

#[derive(Deserialize)]
struct SentChallenge {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    token: Option<String>,
    status: String,
    error: Option<SentProblem>,
    validated: Option<String>,
}

impl Authorization {
    pub(crate) fn parse(body: &[u8], retry_after: Option<Duration>) -> Result<Self, AcmeError> {
        let sent: SentAuthorization = parse(body, "authorization")?;
        // Some servers name the wildcard itself, where RFC 8555 section 7.1.4 has the flag.
        let (identifier, wildcard) = match Identifier::parse(&sent.identifier)? {
            Identifier::Dns(name) => match name.strip_prefix("*.") {
                Some(base) => (Identifier::Dns(base.to_owned()), true),
                None => (Identifier::Dns(name), sent.wildcard),
            },
            address @ Identifier::Ip(_) => (address, sent.wildcard),
        };
        let challenges = sent.challenges.into_iter().map(|sent| {
            https(&sent.url)?;
            let token = sent.token.map(checked_token).transpose()?;
            Ok(Challenge {
                kind: said(&sent.kind),
                url: sent.url,
                token,
                status: said(&sent.status),
                error: sent.error.map(Problem::from),
                validated: sent.validated.as_deref().and_then(seconds),
            })
        });
        Ok(Self {
            identifier,
            wildcard,
            status: sent.status,
            expires: sent.expires.as_deref().and_then(seconds),
            challenges: challenges.collect::<Result<_, AcmeError>>()?,
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

fn seconds(text: &str) -> Option<i64> {
    Timestamp::parse_rfc3339(text).map(Timestamp::unix_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_are_not_https_are_refused() {
        let order = br#"{"status":"pending","authorizations":["http://a/1"],"finalize":"https://a/2"}"#;
        let error = Order::parse("https://a/3".to_owned(), order, None).unwrap_err();
        assert!(error.to_string().contains("no https URL"), "{error}");
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

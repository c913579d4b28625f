//! Calls of providers over HTTP, and what their answers mean.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
pub(crate) use certmill_aws::escaped;
use certmill_domain::Clock;
use certmill_egress::{Egress, EgressError, Limits, Request, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::ambient::Ambient;

/// The most octets of an answer.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;
/// The most characters of a provider's own words.
const LONGEST_WORDS: usize = 300;
/// The longest that a provider may ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The headers that a token may be in.
const PASSES: [&str; 3] = ["authorization", "x-amz-security-token", "x-aws-ec2-metadata-token"];
/// The most pages of a list that are read; with the smallest pages that is as many zones as are shown.
pub(crate) const PAGES: usize = 200;

/// The way to the API of one provider.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) egress: Egress,
    pub(crate) clock: Arc<dyn Clock>,
    /// What people call the provider.
    pub(crate) vendor: &'static str,
    /// What every URL begins with, without a slash at the end.
    pub(crate) base_url: String,
    /// The time to live of a new record, in seconds.
    pub(crate) ttl: u32,
    pub(crate) timeout: Duration,
    /// What must not be in any message, even when the provider sends it back.
    pub(crate) secrets: Vec<Zeroizing<String>>,
    /// Whether only the vendor itself is spoken to, with the tenant's own credentials. What anybody else answers could be
    /// anything, such as what a service inside says, and to the credentials of this machine the vendor may name the operator's
    /// roles and accounts: it goes to the log alone.
    pub(crate) is_vendor: bool,
    /// The way to this machine's own credentials.
    pub(crate) ambient: Arc<Ambient>,
}

/// One request.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether something may be changed by it.
    changes: bool,
}

impl Call {
    pub(crate) fn new(method: &'static str, url: String) -> Self {
        let headers = vec![("accept", "application/json".to_owned())];
        Self { method, url, headers, body: Vec::new(), changes: !matches!(method, "GET" | "HEAD") }
    }

    pub(crate) fn get(url: String) -> Self {
        Self::new("GET", url)
    }

    /// With a header; one of the same name is replaced.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(present, _)| *present != name);
        self.headers.push((name, value.into()));
        self
    }

    /// With `Authorization: Bearer …`.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// With a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    pub(crate) fn body(self, content_type: &str, body: Vec<u8>) -> Self {
        Self { body, ..self.header("content-type", content_type) }
    }

    /// One that changes nothing, whatever its method.
    pub(crate) fn reading(self) -> Self {
        Self { changes: false, ..self }
    }
}

/// An answer, whatever its status.
pub(crate) struct Reply {
    pub(crate) status: u16,
    response: Response,
    /// Whether the request could change something.
    changes: bool,
    vendor: &'static str,
    secrets: Vec<Zeroizing<String>>,
    is_vendor: bool,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("vendor", &self.vendor)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Api {
    /// The error for a list that goes on after the last page that is read: in a part of it, what is on the other pages would look
    /// as if it were not there.
    pub(crate) fn endless(&self) -> DnsError {
        let vendor = self.vendor;
        DnsError::Unavailable(format!(
            "{vendor}: a list has more than {PAGES} pages: give the credentials access to less"
        ))
    }

    /// A URL of the API: `path` appended to the base as it is, `query` with each name and value escaped.
    pub(crate) fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.base_url);
        for (index, (name, value)) in query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(&escaped(name));
            url.push('=');
            url.push_str(&escaped(value));
        }
        url
    }

    /// Sends a request and answers what comes back, whatever its status.
    ///
    /// # Errors
    /// When there is no answer: [`DnsError::OutcomeUnknown`] if something may have been changed all the same.
    pub(crate) async fn send(&self, call: Call) -> Result<Reply, DnsError> {
        let changes = call.changes;
        let mut secrets = self.secrets.clone();
        // A token that the provider has given out for an hour is as good as what it was given out for.
        let passes = call.headers.iter().filter(|(name, _)| PASSES.contains(name));
        secrets.extend(
            passes.filter_map(|(_, value)| value.rsplit(' ').next()).map(|pass| pass.to_owned().into()),
        );
        let limits = Limits { timeout: self.timeout, max_bytes: LONGEST_ANSWER };
        let request = Request { method: call.method, url: &call.url, headers: call.headers, body: call.body };
        let response = self.egress.request(request, limits).await.map_err(|error| match error {
            EgressError::Denied { host, denial } => DnsError::CallDenied { host, denial },
            EgressError::InvalidUrl(_) => DnsError::Invalid(format!("{}: {error}", self.vendor)),
            _ if changes && error.may_have_been_sent() => {
                DnsError::OutcomeUnknown(format!("{}: {error}", self.vendor))
            }
            _ => DnsError::Unavailable(format!("{}: {error}", self.vendor)),
        })?;
        let (status, vendor, is_vendor) = (response.status(), self.vendor, self.is_vendor);
        Ok(Reply { status, response, changes, vendor, secrets, is_vendor })
    }

    /// Sends a request of which only an answer with a status of 200 to 299 is good.
    ///
    /// # Errors
    /// Those of [`Api::send`] and [`Reply::error`].
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, DnsError> {
        self.send(call).await?.good()
    }

    /// Octets of time that are unique and never come back: seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> i64 {
        self.clock.now().unix_seconds()
    }
}

impl Reply {
    /// The answer, if its status is 200 to 299.
    pub(crate) fn good(self) -> Result<Self, DnsError> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.error()) }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.response.body()).into_owned()
    }

    /// The body as JSON of this form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, DnsError> {
        // The reader's message may quote the body, so only where it failed is told.
        serde_json::from_slice(self.response.body()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            self.unreadable(&format!("its JSON is not as expected at line {line}, column {column}"))
        })
    }

    /// The error for an answer that cannot be understood.
    pub(crate) fn unreadable(&self, what: &str) -> DnsError {
        let message = format!("{}: the answer cannot be read: {what}", self.vendor);
        if self.changes { DnsError::OutcomeUnknown(message) } else { DnsError::Unavailable(message) }
    }

    /// What a status that is no success means, with the provider's own words.
    pub(crate) fn error(&self) -> DnsError {
        self.error_as(self.status)
    }

    /// As [`Reply::error`], for a provider whose status says something else than it means.
    pub(crate) fn error_as(&self, meaning: u16) -> DnsError {
        let words = self.words();
        let told = if self.is_vendor || words.is_empty() {
            words
        } else {
            tracing::warn!(
                provider = self.vendor,
                status = self.status,
                answer = words,
                "a DNS provider refused"
            );
            " (the log of certmill has its words)".to_owned()
        };
        let message = format!("{} answers {}{told}", self.vendor, self.status);
        match meaning {
            401 => DnsError::Auth(message),
            403 => DnsError::NotAllowed(message),
            404 => DnsError::ZoneNotFound(message),
            409 | 412 => DnsError::Conflict(message),
            429 => DnsError::RateLimited { message, after: self.retry_after() },
            408 | 425 | 500..=599 if self.changes => DnsError::OutcomeUnknown(message),
            408 | 425 | 500..=599 => DnsError::Unavailable(message),
            _ => DnsError::Invalid(message),
        }
    }

    /// `Retry-After` in seconds (RFC 9110 section 10.2.3); no provider is known to send a date.
    fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
    }

    /// What the provider says: the message in a JSON body or the text of a short one, without credentials.
    fn words(&self) -> String {
        let body = self.text();
        let said = match serde_json::from_str::<Value>(&body) {
            Ok(json) => sayings(&json).join("; "),
            Err(_) if body.trim_start().starts_with('<') => between_tags(&body),
            Err(_) => body,
        };
        let clean: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let hidden = self
            .secrets
            .iter()
            .filter(|secret| secret.len() >= 4)
            .flat_map(|secret| {
                [secret.as_str().to_owned(), escaped(secret), STANDARD.encode(secret.as_str())]
            })
            .map(Zeroizing::new)
            .fold(clean, |text, secret| text.replace(secret.as_str(), "***"));
        match hidden.trim() {
            "" => String::new(),
            said => format!(": {}", said.chars().take(LONGEST_WORDS).collect::<String>()),
        }
    }
}

/// What deleting a record brought: that there is none is as good as that it went.
pub(crate) fn gone(reply: Reply) -> Result<(), DnsError> {
    if reply.status == 404 { Ok(()) } else { reply.good().map(drop) }
}

/// Texts below the names that providers use for what they say to people.
fn sayings(json: &Value) -> Vec<String> {
    const SPOKEN: [&str; 10] = [
        "message",
        "error",
        "errors",
        "detail",
        "details",
        "error_description",
        "reason",
        "error_chain",
        "Message",
        "non_field_errors",
    ];
    match json {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().take(5).flat_map(sayings).collect(),
        Value::Object(fields) => {
            let mut said: Vec<String> =
                SPOKEN.iter().filter_map(|name| fields.get(*name)).flat_map(sayings).collect();
            said.dedup();
            said
        }
        _ => Vec::new(),
    }
}

/// The text of an XML or HTML document, each run of blanks as one.
fn between_tags(document: &str) -> String {
    let texts = document.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text.trim());
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A TXT value in the form of zone files: strings of at most 255 octets in quotes (RFC 1035 section 5.1).
pub(crate) fn quoted(value: &str) -> String {
    let parts = text_parts(value)
        .into_iter()
        .map(|part| format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\"")));
    parts.collect::<Vec<_>>().join(" ")
}

/// The parts of a TXT value, each of at most 255 octets (RFC 1035 section 3.3.14).
pub(crate) fn text_parts(value: &str) -> Vec<&str> {
    const PART: usize = 255;
    let mut parts = Vec::new();
    let mut rest = value;
    while rest.len() > PART {
        let cut = (0..=PART).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(PART);
        let (part, tail) = rest.split_at(cut);
        parts.push(part);
        rest = tail;
    }
    parts.push(rest);
    parts
}

/// The value of a TXT record that may be quoted or not: both forms mean the same value.
pub(crate) fn unquoted(content: &str) -> String {
    let content = content.trim();
    if !content.starts_with('"') {
        return content.to_owned();
    }
    let (mut value, mut inside) = (String::new(), false);
    let mut characters = content.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => inside = !inside,
            '\\' if inside => value.push_str(&unescaped(&mut characters)),
            other if inside => value.push(other),
            _ => {}
        }
    }
    value
}

/// What stands after a backslash: a character, or three decimal digits of an octet.
fn unescaped(rest: &mut std::str::Chars<'_>) -> String {
    let digits = rest.as_str().get(..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<u8>().ok()) {
        Some(octet) => {
            rest.by_ref().take(3).for_each(drop);
            char::from(octet).to_string()
        }
        None => rest.next().map(String::from).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_and_back() {
        let long = "x".repeat(600);
        for value in ["plain", "with \"quotes\" and \\", "", long.as_str()] {
            assert_eq!(unquoted(&quoted(value)), value);
        }
        assert_eq!(unquoted("\"a\" \"b\""), "ab");
        assert_eq!(unquoted("bare"), "bare");
        assert_eq!(unquoted(r#""\065b""#), "Ab");
        assert_eq!(quoted("a"), "\"a\"");
    }

    #[test]
    fn escapes_all_but_the_unreserved() {
        assert_eq!(escaped("a b/c~*.ü"), "a%20b%2Fc~%2A.%C3%BC");
    }

    #[test]
    fn finds_what_providers_say() {
        let json = serde_json::json!({
            "success": false, "errors": [{ "code": 9109, "message": "Invalid access token" }], "result": null
        });
        assert_eq!(sayings(&json), ["Invalid access token"]);
        assert_eq!(sayings(&serde_json::json!({ "error": { "message": "no", "code": 7 } })), ["no"]);
        assert_eq!(between_tags("<E><Code>Throttling</Code>\n <M>slow</M></E>"), "Throttling slow");
    }
}

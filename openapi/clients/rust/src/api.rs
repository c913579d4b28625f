//! Calls in JSON values.

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::bounds::{CONNECT, MOST_OCTETS, TIME_LIMIT};
use crate::refusal::{CallError, Refusal, SetupError};
use crate::{Client, Secret};

/// Rows asked for at once.
const PAGE: usize = 500;
/// Pages that one list reads at most.
const MOST_PAGES: usize = 10_000;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A service, with the token that is sent to it, or the certificate that stands in its place.
///
/// A path is given in segments, which are encoded. A POST carries an idempotency key, so that it is sent once more when the
/// connection breaks and still happens once. Redirects are not followed: the token is for this service alone.
pub struct Api {
    base: Url,
    http: reqwest::Client,
}

/// Rows of a list, as far as they were asked for.
pub struct Listed {
    /// The rows.
    pub rows: Vec<Value>,
    /// Whether the service has more.
    pub has_more: bool,
}

impl Api {
    /// A service at `url`, whose certificate is judged by the CA certificates `ca_pem` (PEM) beside the system's.
    ///
    /// # Errors
    /// A URL that is not one of HTTP or HTTPS, a token that is no header value, a CA certificate that is none.
    pub fn new(url: &str, token: &Secret, ca_pem: Option<&str>) -> Result<Self, SetupError> {
        let mut headers = HeaderMap::new();
        let bearer = Zeroizing::new(format!("Bearer {}", token.expose().trim()));
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|_| SetupError::Token)?;
        bearer.set_sensitive(true);
        headers.insert(reqwest::header::AUTHORIZATION, bearer);
        Self::set_up(url, reqwest::Client::builder().default_headers(headers), ca_pem)
    }

    /// The same without a token: as the client of a TLS connection that shows the certificate `certificate_pem` (PEM) and has its key
    /// (PKCS#8 PEM). A certificate may read and renew itself, under the id `self`, and nothing else.
    ///
    /// # Errors
    /// As [`Api::new`]; a URL that is not one of HTTPS; a certificate and a key that cannot be read or do not belong together.
    pub fn with_certificate(
        url: &str,
        (certificate_pem, key_pem): (&str, &Secret),
        ca_pem: Option<&str>,
    ) -> Result<Self, SetupError> {
        if base(url)?.scheme() != "https" {
            return Err(SetupError::NotHttps);
        }
        let key = key_pem.expose().as_bytes();
        let identity = reqwest::Identity::from_pkcs8_pem(certificate_pem.as_bytes(), key);
        let identity = identity.map_err(SetupError::Certificate)?;
        Self::set_up(url, reqwest::Client::builder().identity(identity), ca_pem)
    }

    fn set_up(url: &str, http: reqwest::ClientBuilder, ca_pem: Option<&str>) -> Result<Self, SetupError> {
        let mut http = http
            .user_agent(concat!("certmill/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(TIME_LIMIT);
        if let Some(pem) = ca_pem {
            let bundle = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            let bundle = bundle.map_err(|error| SetupError::CaCertificate(Some(error)))?;
            if bundle.is_empty() {
                return Err(SetupError::CaCertificate(None));
            }
            for certificate in bundle {
                http = http.add_root_certificate(certificate);
            }
        }
        Ok(Self { base: base(url)?, http: http.build().map_err(SetupError::Http)? })
    }

    /// The same connection with a method for each operation.
    pub fn client(&self) -> Client {
        Client::new_with_client(self.base.as_str().trim_end_matches('/'), self.http.clone())
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, CallError> {
        // These mean another path however they are written.
        if let Some(segment) = path.iter().find(|segment| matches!(**segment, "." | "..")) {
            return Err(CallError::Unnamable((*segment).to_owned()));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// As [`CallError`] says; so for all calls.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, CallError> {
        let request = self.http.get(self.url(path, query)?);
        read_json(&self.send(request).await?.1)
    }

    /// The octets of what is not JSON, in the media type that is asked for.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn octets(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        media_type: &'static str,
    ) -> Result<Vec<u8>, CallError> {
        let request = self.http.get(self.url(path, query)?).header(ACCEPT, media_type);
        Ok(self.send(request).await?.1)
    }

    /// Creates or does something.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, CallError> {
        Ok(self.post_with(path, &[], body).await?.1)
    }

    /// As [`Api::post`], with a query, and with the status of the answer, where `202` says that the work goes on.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn post_with(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
    ) -> Result<(StatusCode, Value), CallError> {
        let (status, octets) = self.call(Method::POST, path, query, body).await?;
        Ok((status, read_json(&octets)?))
    }

    /// Changes fields of an object.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, CallError> {
        read_json(&self.call(Method::PATCH, path, &[], body).await?.1)
    }

    /// Writes a whole object.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn put(&self, path: &[&str], body: &Value) -> Result<Value, CallError> {
        read_json(&self.call(Method::PUT, path, &[], body).await?.1)
    }

    /// Deletes or ends something.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn delete(&self, path: &[&str]) -> Result<Value, CallError> {
        let request = self.http.delete(self.url(path, &[])?);
        read_json(&self.send(request).await?.1)
    }

    /// Up to `limit` rows of a list, which the answer has under `key`.
    ///
    /// # Errors
    /// As [`CallError`] says.
    pub async fn list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        key: &str,
        limit: usize,
    ) -> Result<Listed, CallError> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = query.to_vec();
            query.push(("limit", (limit - rows.len()).clamp(1, PAGE).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            let Some(Value::Array(found)) = page.get_mut(key).map(Value::take) else {
                return Err(CallError::NotAList(key.to_owned()));
            };
            rows.extend(found);
            let has_more = page["has_more"].as_bool().unwrap_or(false);
            cursor = page["cursor"].as_str().map(str::to_owned);
            if !has_more || cursor.is_none() || rows.len() >= limit {
                return Ok(Listed { rows, has_more });
            }
        }
        Ok(Listed { rows, has_more: true })
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
    ) -> Result<(StatusCode, Vec<u8>), CallError> {
        let url = self.url(path, query)?;
        let request = || self.http.request(method.clone(), url.clone()).json(body);
        if method != Method::POST {
            return self.send(request()).await;
        }
        let key = idempotency_key();
        let keyed = || request().header(IDEMPOTENCY_KEY, &key);
        match self.send(keyed()).await {
            Err(error) if error.is_broken_connection() => self.send(keyed()).await,
            other => other,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(StatusCode, Vec<u8>), CallError> {
        let mut answer = request.timeout(TIME_LIMIT).send().await.map_err(|error| CallError::NoAnswer {
            origin: self.base.origin().ascii_serialization(),
            source: error.without_url(),
        })?;
        let status = answer.status();
        let request_id =
            answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let mut octets = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(CallError::BrokenOff)? {
            if octets.len() + chunk.len() > MOST_OCTETS {
                return Err(CallError::TooLong(MOST_OCTETS));
            }
            octets.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok((status, octets));
        }
        Err(Refusal::read(status.as_u16(), &octets, request_id).into())
    }
}

fn idempotency_key() -> String {
    use std::hash::{BuildHasher, RandomState};
    // It has to be unlike all others, not unknown to anybody: each state begins with random numbers of the system.
    let number = || RandomState::new().hash_one(std::process::id());
    format!("client-{:016x}{:016x}", number(), number())
}

fn read_json(octets: &[u8]) -> Result<Value, CallError> {
    if octets.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(octets).map_err(CallError::NotJson)
}

/// Reads the base URL of a service. A bare host name means HTTPS.
///
/// # Errors
/// Not a URL of HTTP or HTTPS.
pub fn base(url: &str) -> Result<Url, SetupError> {
    let text = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    // What is before the `@` is a name and a password, which belong into no message.
    let shown = || url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, host)| format!("…@{host}"));
    let parsed = Url::parse(&text).map_err(|_| SetupError::Url(shown()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(SetupError::Url(shown()));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(SetupError::Credentials);
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_are_encoded() {
        let api = Api::new("http://127.0.0.1:8080/sub/", &"cmt_x".into(), None).unwrap();
        let url = api.url(&["v1", "pki", "roles", "a/b?c"], &[("san", "*.x y".to_owned())]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/sub/v1/pki/roles/a%2Fb%3Fc?san=*.x+y");
        assert!(api.url(&["v1", "pki", "roles", ".."], &[]).is_err(), "it would be the list");
    }

    #[test]
    fn a_certificate_is_shown_in_tls_only() {
        let plain = Api::with_certificate("http://127.0.0.1:8080", ("", &"".into()), None);
        assert!(matches!(plain.err(), Some(SetupError::NotHttps)));
        let broken = Api::with_certificate("https://127.0.0.1:8080", ("no PEM", &"neither".into()), None);
        assert!(matches!(broken.err(), Some(SetupError::Certificate(_))));
    }

    #[test]
    fn a_bare_host_means_https() {
        assert_eq!(base("ca.example:8443").unwrap().as_str(), "https://ca.example:8443/");
        for wrong in ["ftp://ca.example", "http://", "https:///x y"] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
        for wrong in ["ftp://admin:pa55word@ca.example", "https://admin:pa55word@ca.example"] {
            assert!(!base(wrong).unwrap_err().to_string().contains("pa55word"), "{wrong}");
        }
    }
}

//! Calls of a certmill service.

use std::time::Duration;

use anyhow::{Context, bail};
use certmill_domain::{Entropy, SystemEntropy};
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::failure::Refusal;

/// Longer than any call waits for work to be done (30 s).
const TIME_LIMIT: Duration = Duration::from_secs(90);
const CONNECT: Duration = Duration::from_secs(10);
/// A CRL of a million entries has some 40 MiB.
const MOST_OCTETS: usize = 256 * 1024 * 1024;
/// Rows asked for at once.
const PAGE: usize = 500;
/// Pages that one command reads at most.
const MOST_PAGES: usize = 10_000;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A server, with the token that is sent to it.
pub(super) struct Api {
    base: Url,
    http: reqwest::Client,
}

/// Rows of a list, as far as they were asked for.
pub(super) struct Listed {
    pub(super) rows: Vec<Value>,
    pub(super) has_more: bool,
}

impl Api {
    /// A server at `url`. `ca_pem` is what its certificate is judged by beside the system's CAs.
    ///
    /// # Errors
    /// A URL that is not one of HTTP or HTTPS, a token that is no header value, a CA certificate that is none.
    pub(super) fn new(url: &str, token: &Zeroizing<String>, ca_pem: Option<&str>) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", token.trim())))
            .context("the token has characters that no token has")?;
        bearer.set_sensitive(true);
        headers.insert(reqwest::header::AUTHORIZATION, bearer);
        let mut http = reqwest::Client::builder()
            .default_headers(headers)
            .user_agent(concat!("certmill/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIME_LIMIT);
        if let Some(pem) = ca_pem {
            let certificate = reqwest::Certificate::from_pem(pem.as_bytes())
                .context("the CA certificate of the server cannot be read")?;
            http = http.add_root_certificate(certificate);
        }
        Ok(Self { base: base(url)?, http: http.build()? })
    }

    fn url(&self, path: &[&str], query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        let request = self.http.get(self.url(path, query));
        read_json(&self.send(request).await?.1)
    }

    /// The octets of what is not JSON, in the media type that is asked for.
    pub(super) async fn octets(&self, path: &[&str], media_type: &'static str) -> anyhow::Result<Vec<u8>> {
        let request = self.http.get(self.url(path, &[])).header(ACCEPT, media_type);
        Ok(self.send(request).await?.1)
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        read_json(&self.call(Method::POST, path, &[], body).await?.1)
    }

    /// With the status, where `202` says that the work goes on.
    pub(super) async fn post_with(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let (status, octets) = self.call(Method::POST, path, query, body).await?;
        Ok((status, read_json(&octets)?))
    }

    pub(super) async fn patch(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        read_json(&self.call(Method::PATCH, path, &[], body).await?.1)
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value) -> anyhow::Result<Value> {
        read_json(&self.call(Method::PUT, path, &[], body).await?.1)
    }

    pub(super) async fn delete(&self, path: &[&str]) -> anyhow::Result<Value> {
        let request = self.http.delete(self.url(path, &[]));
        read_json(&self.send(request).await?.1)
    }

    /// Up to `limit` rows of a list.
    pub(super) async fn list(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        key: &str,
        limit: usize,
    ) -> anyhow::Result<Listed> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = query.to_vec();
            query.push(("limit", (limit - rows.len()).clamp(1, PAGE).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(found)) = page.get_mut(key).map(Value::take) {
                rows.extend(found);
            } else {
                bail!("the server's list has no `{key}`: is it a certmill of this version?");
            }
            let has_more = page["has_more"].as_bool().unwrap_or(false);
            cursor = page["cursor"].as_str().map(str::to_owned);
            if !has_more || cursor.is_none() || rows.len() >= limit {
                return Ok(Listed { rows, has_more });
            }
        }
        Ok(Listed { rows, has_more: true })
    }

    /// A change. A POST carries an idempotency key, so it can be sent once more when the connection breaks, and happens once.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let url = self.url(path, query);
        let request = || self.http.request(method.clone(), url.clone()).json(body);
        if method != Method::POST {
            return self.send(request()).await;
        }
        let key = idempotency_key();
        let keyed = || request().header(IDEMPOTENCY_KEY, &key);
        match self.send(keyed()).await {
            Err(error) if is_broken_connection(&error) => self.send(keyed()).await,
            other => other,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let mut answer = request.send().await.map_err(|error| {
            let origin = self.base.origin().ascii_serialization();
            anyhow::Error::from(error.without_url()).context(format!("{origin} does not answer"))
        })?;
        let status = answer.status();
        let request_id =
            answer.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let mut octets = Vec::new();
        while let Some(chunk) = answer.chunk().await.context("the answer broke off")? {
            if octets.len() + chunk.len() > MOST_OCTETS {
                bail!("the answer is longer than {MOST_OCTETS} octets");
            }
            octets.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok((status, octets));
        }
        Err(Refusal::read(status.as_u16(), &octets, request_id).into())
    }
}

/// Connections that broke before an answer came; not those that never came about.
fn is_broken_connection(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<reqwest::Error>().is_some_and(|error| !error.is_connect() && !error.is_timeout())
    })
}

fn idempotency_key() -> String {
    let mut octets = [0; 16];
    SystemEntropy.fill(&mut octets);
    format!("cli-{}", certmill_x509::hex(&octets))
}

fn read_json(octets: &[u8]) -> anyhow::Result<Value> {
    if octets.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(octets).context("the server did not answer with JSON: is it a certmill?")
}

/// Reads the base URL of a server. A bare host name means HTTPS.
pub(super) fn base(url: &str) -> anyhow::Result<Url> {
    let text = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    let parsed = Url::parse(&text).with_context(|| format!("`{url}` is not a URL"))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        bail!("`{url}` is not an http or https URL");
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_paths_are_encoded() {
        let api = Api::new("http://127.0.0.1:8080/sub/", &Zeroizing::new("cmt_x".to_owned()), None).unwrap();
        let url = api.url(&["v1", "pki", "roles", "a/b?c"], &[("san", "*.x y".to_owned())]);
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/sub/v1/pki/roles/a%2Fb%3Fc?san=*.x+y");
    }

    #[test]
    fn a_bare_host_means_https() {
        assert_eq!(base("ca.example:8443").unwrap().as_str(), "https://ca.example:8443/");
        for wrong in ["ftp://ca.example", "http://", "https:///x y"] {
            assert!(base(wrong).is_err(), "{wrong}");
        }
    }
}

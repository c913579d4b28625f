//! Signatures of Amazon Web Services, version 4:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use openssl::error::ErrorStack;
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::digest::{hex, hmac_sha256, sha256_hex};
use crate::http::{Call, escaped};

/// Credentials to sign with, as STS writes them; the metadata service calls the session token `Token`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Zeroizing<String>,
    #[serde(alias = "Token")]
    pub(crate) session_token: Option<Zeroizing<String>>,
}

/// For what a signature is good.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// A request to sign. Its path has only characters that need no escape.
pub(crate) struct Unsigned<'a> {
    pub(crate) method: &'static str,
    /// Scheme, host and port.
    pub(crate) origin: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Vec<u8>,
}

/// The signed call; `unix_seconds` is the time of the signature, which is good for some minutes.
pub(crate) fn signed(
    request: Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    unix_seconds: i64,
) -> Result<Call, DnsError> {
    sign(request, credentials, scope, unix_seconds)
        .map_err(|_| DnsError::Invalid("the request cannot be signed".to_owned()))
}

fn sign(
    request: Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    unix_seconds: i64,
) -> Result<Call, ErrorStack> {
    let Unsigned { method, origin, path, query, body } = request;
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let time = amz_date(unix_seconds);
    let day = time.get(..8).unwrap_or_default();
    let mut query: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    query.sort_unstable();
    let query = query.join("&");

    // Sorted by name, as the form wants it.
    let mut headers = vec![("host", host), ("x-amz-date", time.as_str())];
    if let Some(token) = &credentials.session_token {
        headers.push(("x-amz-security-token", token));
    }
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect::<Vec<_>>().concat();
    let digest = sha256_hex(&body);
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}");
    let scope_text = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let canonical_digest = sha256_hex(canonical.as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope_text}\n{canonical_digest}");

    let mut key = Zeroizing::new(format!("AWS4{}", *credentials.secret_access_key).into_bytes());
    for part in [day, scope.region, scope.service, "aws4_request"] {
        key = Zeroizing::new(hmac_sha256(&key, part.as_bytes())?);
    }
    let signature = hex(&hmac_sha256(&key, to_sign.as_bytes())?);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope_text}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key_id
    );
    let url = if query.is_empty() { format!("{origin}{path}") } else { format!("{origin}{path}?{query}") };
    let mut call = Call::new(method, url).header("accept", "text/xml").header("x-amz-date", time.clone());
    if let Some(token) = &credentials.session_token {
        call = call.header("x-amz-security-token", token.as_str());
    }
    call = call.header("authorization", authorization);
    call.body = body;
    Ok(call)
}

/// `20150830T123600Z`.
fn amz_date(unix_seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `get-vanilla-query-order-key-case` of the test suite that AWS publishes for version 4.
    #[test]
    fn signs_as_aws_does() {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        };
        let request = Unsigned {
            method: "GET",
            origin: "https://example.amazonaws.com",
            path: "/",
            query: &[("Param2", "value2"), ("Param1", "value1")],
            body: Vec::new(),
        };
        let scope = Scope { region: "us-east-1", service: "service" };
        let call = signed(request, &credentials, scope, 1_440_938_160).unwrap();
        let (_, authorization) = call.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let signature = authorization.split("Signature=").nth(1).unwrap();
        assert_eq!(signature, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    }
}

//! Signatures of Amazon Web Services, version 4:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::Deserialize;
use time::OffsetDateTime;
use time::macros::format_description;
use zeroize::Zeroizing;

/// Credentials to sign with, as STS writes them; the metadata service calls the session token `Token`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    /// Whose they are.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: Zeroizing<String>,
    /// What goes with those that were given out for a while.
    #[serde(alias = "Token")]
    pub session_token: Option<Zeroizing<String>>,
}

/// For what a signature is good.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The region, such as `us-east-1`.
    pub region: &'a str,
    /// The service, such as `s3`.
    pub service: &'a str,
}

/// A request to sign. Its path has only characters that need no escape.
pub struct Unsigned<'a> {
    /// The method of HTTP.
    pub method: &'a str,
    /// Scheme, host and port.
    pub origin: &'a str,
    /// The path, which begins with a slash.
    pub path: &'a str,
    /// Names and values of the query.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers that the signature covers beside those that it has in any case; names in lower case.
    pub headers: &'a [(&'static str, String)],
    /// The body.
    pub body: &'a [u8],
}

/// What is to be sent with the body.
pub struct Signed {
    /// The URL with its query.
    pub url: String,
    /// All headers but that of the host, which the client writes.
    pub headers: Vec<(&'static str, String)>,
}

/// Signs a request; `unix_seconds` is the time of the signature, which is good for some minutes.
///
/// # Errors
/// Those of OpenSSL.
pub fn signed(
    request: &Unsigned<'_>,
    credentials: &Credentials,
    scope: Scope<'_>,
    unix_seconds: i64,
) -> Result<Signed, ErrorStack> {
    let Unsigned { method, origin, path, query, headers, body } = *request;
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let time = amz_date(unix_seconds);
    let day = time.get(..8).unwrap_or_default();
    let mut query: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    query.sort_unstable();
    let query = query.join("&");
    let digest = sha256_hex(body);

    let mut sent: Vec<(&'static str, String)> = headers.to_vec();
    sent.push(("x-amz-date", time.clone()));
    if let Some(token) = &credentials.session_token {
        sent.push(("x-amz-security-token", token.as_str().to_owned()));
    }
    // Sorted by name, as the form wants it.
    let mut covered: Vec<(&str, &str)> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    covered.push(("host", host));
    covered.sort_unstable();
    let names = covered.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines =
        covered.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect::<Vec<_>>().concat();
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
    sent.push(("authorization", authorization));
    let url = if query.is_empty() { format!("{origin}{path}") } else { format!("{origin}{path}?{query}") };
    Ok(Signed { url, headers: sent })
}

/// `text` with everything escaped but the unreserved characters (RFC 3986 section 2.3), slashes too.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    escaped
}

/// `20150830T123600Z`.
fn amz_date(unix_seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    time.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default()
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(text)?;
    signer.sign_to_vec()
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256_hex(octets: &[u8]) -> String {
    hex(&openssl::sha::sha256(octets))
}

fn hex(octets: &[u8]) -> String {
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(method: &str, query: &[(&str, &str)], headers: &[(&'static str, String)]) -> String {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Zeroizing::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: None,
        };
        let origin = "https://example.amazonaws.com";
        let request = Unsigned { method, origin, path: "/", query, headers, body: &[] };
        let scope = Scope { region: "us-east-1", service: "service" };
        let signed = signed(&request, &credentials, scope, 1_440_938_160).unwrap();
        let (_, authorization) = signed.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        authorization.split("Signature=").nth(1).unwrap().to_owned()
    }

    /// Cases of the test suite that AWS publishes for version 4: `get-vanilla-query-order-key-case`, and `post-header-value-case`
    /// for a header beside the usual ones.
    #[test]
    fn signs_as_aws_does() {
        let query = [("Param2", "value2"), ("Param1", "value1")];
        assert_eq!(
            signature("GET", &query, &[]),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        assert_eq!(
            signature("POST", &[], &[("my-header1", "VALUE1".to_owned())]),
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"
        );
    }

    #[test]
    fn everything_reserved_is_escaped() {
        assert_eq!(escaped("a-._~Z9/ +ü"), "a-._~Z9%2F%20%2B%C3%BC");
    }
}

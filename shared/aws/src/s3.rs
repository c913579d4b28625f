//! Objects of S3, or of any store with its API: reading what is there, and writing under a condition.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.

use std::time::Duration;

use certmill_egress::{Egress, EgressError, Limits, Request, Response};

use crate::sigv4::sha256_hex;
use crate::{Credentials, Scope, Unsigned, signed};

/// For a request without a large body.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// A store that is slower than this is not waited for, in octets per second.
const SLOWEST: u64 = 128 * 1024;
/// The most octets of an answer that says something.
const MOST_SAID: usize = 64 * 1024;
/// The most characters of what a store says.
const LONGEST_WORDS: usize = 200;
/// The header that an object's number is in.
const NUMBER: &str = "x-amz-meta-crl-number";

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The store could not be reached, or did not answer.
    #[error("the object store does not answer: {0}")]
    Unreachable(#[from] EgressError),
    /// The credentials are refused, or may not do this.
    #[error("the object store refuses the credentials: it answers {status} {said}")]
    Refused {
        /// 401 or 403.
        status: u16,
        /// In the store's words.
        said: String,
    },
    /// There is no such bucket.
    #[error("the object store knows no such bucket: it answers {0}")]
    NoBucket(String),
    /// The object is not what it was when it was looked at.
    #[error("somebody else has written the object meanwhile")]
    Changed,
    /// Something else.
    #[error("the object store answers {status} {said}")]
    Other {
        /// The status of HTTP.
        status: u16,
        /// In the store's words.
        said: String,
    },
    /// It cannot be signed.
    #[error("the request cannot be signed: {0}")]
    Signature(#[from] openssl::error::ErrorStack),
}

/// A bucket, and where in it.
#[derive(Clone)]
pub struct Bucket {
    egress: Egress,
    /// Scheme, host and port.
    origin: String,
    /// What the path of each object begins with; a slash at its end.
    base: String,
    region: String,
}

/// A bucket by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketName {
    /// Scheme, host and perhaps a port of the store; that of Amazon in this region when absent. A host that begins with the name of
    /// the bucket is that of the bucket alone.
    pub endpoint: Option<String>,
    /// The region that is signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What the names of all objects begin with; empty, or with a slash at its end.
    pub prefix: String,
}

impl BucketName {
    /// Scheme and host, and what the path of each object begins with.
    fn place(&self) -> (String, String) {
        let Self { endpoint, region, bucket, prefix } = self;
        match endpoint {
            Some(endpoint) => {
                let origin = endpoint.trim_end_matches('/').to_owned();
                let host = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
                let is_own = host.strip_prefix(bucket.as_str()).is_some_and(|rest| rest.starts_with('.'));
                let base = if is_own { format!("/{prefix}") } else { format!("/{bucket}/{prefix}") };
                (origin, base)
            }
            // A certificate for `*.s3.…` is none for a name with more dots.
            None if bucket.contains('.') => {
                (format!("https://s3.{region}.amazonaws.com"), format!("/{bucket}/{prefix}"))
            }
            None => (format!("https://{bucket}.s3.{region}.amazonaws.com"), format!("/{prefix}")),
        }
    }
}

/// An object about to be written.
pub struct Object<'a> {
    /// The octets.
    pub body: &'a [u8],
    /// Their media type.
    pub content_type: &'static str,
    /// How long caches may keep it.
    pub cache_control: &'static str,
    /// The number of a CRL.
    pub number: Option<i64>,
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Present {
    /// There is none.
    Absent,
    /// It cannot be seen: a store says so of what is not there, too, to those who may not list.
    Unseen,
    /// It is there.
    There {
        /// Its entity tag.
        tag: String,
        /// The number of a CRL, where it was written with one.
        number: Option<i64>,
    },
}

/// Who signs, and when.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// With what.
    pub credentials: &'a Credentials,
    /// The present time, in seconds since 1970.
    pub unix_seconds: i64,
}

impl Bucket {
    /// The way to a bucket.
    pub fn new(name: &BucketName, egress: Egress) -> Self {
        let (origin, base) = name.place();
        Self { egress, origin, base, region: name.region.clone() }
    }

    /// Looks at an object.
    ///
    /// # Errors
    /// [`S3Error`].
    pub async fn look(&self, name: &str, call: Call<'_>) -> Result<Present, S3Error> {
        let answer = self.send(("HEAD", name), (&[], Vec::new()), call, MOST_SAID).await?;
        match answer.status() {
            200 => {
                let number = answer.header(NUMBER).and_then(|number| number.trim().parse().ok());
                match answer.header("etag") {
                    Some(tag) => Ok(Present::There { tag: tag.to_owned(), number }),
                    None => Ok(Present::Unseen),
                }
            }
            404 => Ok(Present::Absent),
            403 => Ok(Present::Unseen),
            _ => Err(refusal(&answer)),
        }
    }

    /// Reads an object of at most so many octets; nothing when there is none.
    ///
    /// # Errors
    /// [`S3Error`].
    pub async fn read(&self, name: &str, most: usize, call: Call<'_>) -> Result<Option<Vec<u8>>, S3Error> {
        let answer = self.send(("GET", name), (&[], Vec::new()), call, most).await?;
        match answer.status() {
            200 => Ok(Some(answer.into_body())),
            404 if code(&answer) != "NoSuchBucket" => Ok(None),
            _ => Err(refusal(&answer)),
        }
    }

    /// Writes an object in one step: readers see the former one or this one. It is written only while what is there is as it was
    /// looked at. A store that does not know such conditions writes it in any case.
    ///
    /// # Errors
    /// [`S3Error::Changed`], and others.
    pub async fn write(
        &self,
        name: &str,
        object: &Object<'_>,
        seen: &Present,
        call: Call<'_>,
    ) -> Result<(), S3Error> {
        let mut headers = vec![
            ("content-type", object.content_type.to_owned()),
            ("cache-control", object.cache_control.to_owned()),
        ];
        headers.extend(object.number.map(|number| (NUMBER, number.to_string())));
        let condition = match seen {
            Present::Absent | Present::Unseen => ("if-none-match", "*".to_owned()),
            Present::There { tag, .. } => ("if-match", tag.clone()),
        };
        let with: Vec<_> = headers.iter().cloned().chain([condition]).collect();
        let mut answer = self.send(("PUT", name), (&with, object.body.to_vec()), call, MOST_SAID).await?;
        if answer.status() == 501 {
            answer = self.send(("PUT", name), (&headers, object.body.to_vec()), call, MOST_SAID).await?;
        }
        match answer.status() {
            200..=204 => Ok(()),
            // 404 is said by a condition on what was deleted meanwhile.
            409 | 412 => Err(S3Error::Changed),
            404 if code(&answer) == "NoSuchKey" => Err(S3Error::Changed),
            _ => Err(refusal(&answer)),
        }
    }

    async fn send(
        &self,
        (method, name): (&str, &str),
        (headers, body): (&[(&'static str, String)], Vec<u8>),
        call: Call<'_>,
        most: usize,
    ) -> Result<Response, S3Error> {
        let path = format!("{}{name}", self.base);
        let mut covered = headers.to_vec();
        covered.push(("x-amz-content-sha256", sha256_hex(&body)));
        let request = Unsigned {
            method,
            origin: &self.origin,
            path: &path,
            query: &[],
            headers: &covered,
            body: &body,
        };
        let scope = Scope { region: &self.region, service: "s3" };
        let signed = signed(&request, call.credentials, scope, call.unix_seconds)?;
        let octets = body.len().max(if method == "GET" { most } else { 0 });
        let limits = Limits {
            timeout: TIME_LIMIT + Duration::from_secs(u64::try_from(octets).unwrap_or(u64::MAX) / SLOWEST),
            max_bytes: most,
        };
        let headers = signed.headers;
        Ok(self.egress.request(Request { method, url: &signed.url, headers, body }, limits).await?)
    }
}

fn refusal(answer: &Response) -> S3Error {
    let (status, said) = (answer.status(), said(answer));
    match status {
        401 | 403 => S3Error::Refused { status, said },
        404 => S3Error::NoBucket(format!("{status} {said}")),
        _ => S3Error::Other { status, said },
    }
}

/// The code of an error, such as `AccessDenied`.
fn code(answer: &Response) -> String {
    element(&String::from_utf8_lossy(answer.body()), "Code")
}

/// What a store says of an error: code and message of its document.
fn said(answer: &Response) -> String {
    let document = String::from_utf8_lossy(answer.body());
    let (code, message) = (element(&document, "Code"), element(&document, "Message"));
    let said = if message.is_empty() { code } else { format!("{code}: {message}") };
    said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_WORDS).collect()
}

/// The text of the first element of this name.
fn element(document: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let inside = document.split_once(&open).and_then(|(_, rest)| rest.split_once(&close));
    inside.map(|(text, _)| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_at_its_own_host_or_below_the_store() {
        let place = |endpoint: Option<&str>, bucket: &str, prefix: &str| {
            let name = BucketName {
                endpoint: endpoint.map(ToOwned::to_owned),
                region: "eu-central-1".to_owned(),
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            };
            let (origin, base) = name.place();
            format!("{origin}{base}")
        };
        assert_eq!(place(None, "pki", ""), "https://pki.s3.eu-central-1.amazonaws.com/");
        assert_eq!(place(None, "pki.example", "x/"), "https://s3.eu-central-1.amazonaws.com/pki.example/x/");
        assert_eq!(place(Some("http://minio:9000/"), "pki", "x/y/"), "http://minio:9000/pki/x/y/");
        assert_eq!(place(Some("https://pki.store.example"), "pki", ""), "https://pki.store.example/");
        assert_eq!(place(Some("https://pkis.store.example"), "pki", ""), "https://pkis.store.example/pki/");
    }

    #[test]
    fn what_a_store_says_is_read() {
        let document = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>No &amp; never</Message></Error>";
        assert_eq!(element(document, "Code"), "AccessDenied");
        assert_eq!(element(document, "Message"), "No &amp; never");
        assert_eq!(element("<Error><Code>", "Code"), "");
    }
}

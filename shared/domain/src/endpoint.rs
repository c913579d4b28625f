//! Endpoints: where a certificate is meant to be served, and what was found there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use certmill_x509::chain::ExpectedName;

use crate::word::words;
use crate::{CertificateId, Stored, Timestamp};

words! {
    /// How an endpoint is spoken to until TLS begins.
    EndpointScheme("scheme of an endpoint") {
        /// TLS from the first octet on: HTTPS, and what has a port of its own for TLS.
        Tls = "tls",
        /// `STARTTLS` of SMTP (RFC 3207), submission included.
        Smtp = "smtp",
        /// `STARTTLS` of IMAP (RFC 9051 section 6.2.1).
        Imap = "imap",
        /// `STLS` of POP3 (RFC 2595 section 4).
        Pop3 = "pop3",
        /// `AUTH TLS` of FTP (RFC 4217 section 4).
        Ftp = "ftp",
        /// The extended operation StartTLS of LDAP (RFC 4511 section 4.14).
        Ldap = "ldap",
        /// `SSLRequest` of PostgreSQL's protocol.
        Postgres = "postgres",
    }
}

words! {
    /// What was found at an endpoint.
    EndpointState("state of an endpoint") {
        /// Nobody has looked yet, or not since the certificate was renewed.
        Unchecked = "unchecked",
        /// The newest certificate is served.
        Deployed = "deployed",
        /// A certificate is served that the newest one has replaced.
        ServingOld = "serving_old",
        /// Another certificate is served.
        OtherCertificate = "other_certificate",
        /// No certificate was seen.
        Unreachable = "unreachable",
    }
}

words! {
    /// What is wrong with a served certificate, whichever it is.
    EndpointFinding("finding at an endpoint") {
        /// Its validity has ended.
        Expired = "expired",
        /// Its validity has not begun.
        NotYetValid = "not_yet_valid",
        /// It is not for the host of the endpoint (RFC 9525 section 6).
        NameMismatch = "name_mismatch",
        /// It was revoked here.
        Revoked = "revoked",
    }
}

/// Where something is served: `example.com:443`, `smtp:mail.example.com:25`, `[2001:db8::1]:443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: EndpointScheme,
    host: ExpectedName,
    port: u16,
}

impl Endpoint {
    /// How it is spoken to until TLS begins.
    pub fn scheme(&self) -> EndpointScheme {
        self.scheme
    }

    /// The name or address that is connected to, which the certificate has to be for.
    pub fn name(&self) -> &ExpectedName {
        &self.host
    }

    /// The host without brackets, as it is looked up and sent as the server name.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The host, if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            ExpectedName::Ip(address) => Some(address),
            ExpectedName::Dns(_) | ExpectedName::Email(_) => None,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A text that names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no endpoint: {problem}; write HOST:PORT, or SCHEME:HOST:PORT with one of {}", schemes())]
pub struct InvalidEndpoint {
    text: String,
    problem: String,
}

fn schemes() -> String {
    EndpointScheme::ALL.iter().map(|scheme| scheme.as_str()).collect::<Vec<_>>().join(", ")
}

/// Reads `host:port` with or without a scheme before it; an IPv6 address stands in brackets. The host is kept in its canonical
/// form.
impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let invalid = |problem: &str| InvalidEndpoint {
            text: text.chars().take(64).collect(),
            problem: problem.to_owned(),
        };
        let (before, port) = text.rsplit_once(':').ok_or_else(|| invalid("it has no port"))?;
        let digits = !port.is_empty() && port.len() <= 5 && port.bytes().all(|octet| octet.is_ascii_digit());
        let port: u16 = Some(port)
            .filter(|_| digits)
            .and_then(|port| port.parse().ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| invalid("its port is no number from 1 to 65535"))?;
        let (scheme, host) = match before.split_once(':') {
            Some((scheme, host)) if !before.starts_with('[') => {
                let known = EndpointScheme::parse(&scheme.to_ascii_lowercase());
                (known.ok_or_else(|| invalid("its scheme is not known"))?, host)
            }
            _ => (EndpointScheme::Tls, before),
        };
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let host: ExpectedName = host.parse().map_err(|error| invalid(&format!("its host: {error}")))?;
        if matches!(host, ExpectedName::Ip(IpAddr::V6(_))) != is_bracketed {
            return Err(invalid("an IPv6 address stands in brackets, and nothing else does"));
        }
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme != EndpointScheme::Tls {
            write!(f, "{}:", self.scheme)?;
        }
        match &self.host {
            ExpectedName::Ip(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The certificate that an endpoint served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Its serial number, as texts have it.
    pub serial_number: String,
    /// SHA-256 of the DER in lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// The certificate of the tenant that it is.
    pub certificate_id: Option<CertificateId>,
}

/// An endpoint of a certificate, and what was found there.
#[derive(Debug, Clone)]
pub struct CertificateEndpoint {
    /// The newest certificate of those that renew each other.
    pub certificate_id: CertificateId,
    /// The endpoint as it was written, in its canonical form.
    pub endpoint: String,
    /// What was found last.
    pub state: Stored<EndpointState>,
    /// Why no certificate was seen.
    pub reason: Option<String>,
    /// What is wrong with the served certificate: words of [`EndpointFinding`].
    pub findings: Vec<String>,
    /// Since when the certificate has been seen there and no other one.
    pub deployed_since: Option<Timestamp>,
    /// What was served when a certificate was seen last.
    pub served: Option<Served>,
    /// When the certificate took the place of the one before it; none for the first one.
    pub renewed_at: Option<Timestamp>,
    /// When somebody asked for a look that has not begun yet.
    pub asked_at: Option<Timestamp>,
    /// How often in a row no certificate was seen.
    pub failures: i64,
    /// When somebody last looked.
    pub checked_at: Option<Timestamp>,
    /// When somebody looks next.
    pub next_check_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written() {
        for (text, written) in [
            ("example.com:443", "example.com:443"),
            ("TLS:Example.COM.:443", "example.com:443"),
            ("smtp:mail.example.com:25", "smtp:mail.example.com:25"),
            ("localhost:8443", "localhost:8443"),
            ("192.0.2.1:443", "192.0.2.1:443"),
            ("[2001:DB8::1]:443", "[2001:db8::1]:443"),
            ("ldap:[2001:db8::1]:389", "ldap:[2001:db8::1]:389"),
            ("smtp:25", "smtp:25"),
            ("bücher.example:443", "xn--bcher-kva.example:443"),
        ] {
            let read: Endpoint = text.parse().unwrap();
            assert_eq!(read.to_string(), written, "{text}");
            assert_eq!(written.parse::<Endpoint>().unwrap(), read);
        }
        assert_eq!(
            "smtp:25".parse::<Endpoint>().unwrap().scheme(),
            EndpointScheme::Tls,
            "a host of that name"
        );
    }

    #[test]
    fn what_is_no_endpoint_is_told_what_would_be_right() {
        for (text, wanted) in [
            ("example.com", "no port"),
            ("example.com:", "no number"),
            ("example.com:0", "no number"),
            ("example.com:+443", "no number"),
            ("example.com:65536", "no number"),
            ("gopher:example.com:70", "scheme is not known"),
            ("https://example.com:443", "scheme is not known"),
            ("2001:db8::1:443", "scheme is not known"),
            ("[192.0.2.1]:443", "brackets"),
            ("*.example.com:443", "its host"),
            ("exa mple.com:443", "its host"),
            (":443", "its host"),
            ("[::1:443", "its host"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains("smtp, imap"), "{text}: {error}");
        }
    }
}

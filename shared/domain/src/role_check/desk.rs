//! What a person approves: a CSR on the desk, or the renewal of what came out of one. No role constrains its names;
//! they still have to be legal, the key's usages are those that the key can serve, and the issuer's validity binds.

use std::str::FromStr;
use std::sync::Arc;

use certmill_x509::{DistinguishedName, ExtendedKeyUsage, KeyUsage, PublicKey, SubjectAltNames, X509Error};

use super::names::{refuse_too_long, refuse_too_many};
use super::usage::UsageByKey;
use super::{Approved, ApprovedKey, IssuerWindow, Violation};
use crate::{Sans, Timestamp, Ttl};

/// What was approved.
#[derive(Debug, Clone)]
pub struct DeskRequest {
    /// The subject; its common name may be any text.
    pub subject: DistinguishedName,
    /// The names.
    pub sans: Sans,
    /// The validity, counted from now.
    pub ttl: Ttl,
    /// By how much it begins before it is issued, unless the issuer begins later: as a rule [`DESK_BACKDATED`].
    pub backdated: std::time::Duration,
    /// What the certificate is for; a TLS server's and client's usages when absent.
    pub profile: Option<DeskProfile>,
    /// Whether the private key is kept in the service.
    pub keep_private_key: bool,
}

/// The usages of a certificate that is renewed as it is.
#[derive(Debug, Clone)]
pub struct DeskProfile {
    /// Key usages.
    pub key_usage: KeyUsage,
    /// Extended key usages.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
}

/// Approves what a person has approved, for a key of the type `rsa`, `ec` or `ed25519`.
///
/// # Errors
/// What is no legal name, and what outlives the issuer.
pub fn approve_on_desk(
    request: &DeskRequest,
    key: DeskKey<'_>,
    issuer: &IssuerWindow,
) -> Result<Approved, Violation> {
    // An e-mail address in the subject is obsolete (RFC 5280 §4.1.2.6): it becomes a subject alternative name.
    let mut subject = request.subject.clone();
    let email = subject.email.take();
    subject.validate().map_err(|error| syntax("subject", &subject.to_string(), &error))?;
    let mut sans = legal_names(&request.sans, ["san.dns", "san.ip", "san.email", "san.uri", "san.other"])?;
    if let Some(email) = email {
        sans.email.extend(names("subject.email", &[email])?);
    }
    sans.dedup();
    if sans.is_empty() && subject.is_empty() {
        let right = "a certificate needs a subject or at least one name";
        return Err(Violation::syntax("subject", "", right));
    }
    for uri in &sans.uri {
        uri.check_plain().map_err(|error| syntax("san.uri", uri.as_str(), &error))?;
    }
    let (kind, key_type) = match key {
        DeskKey::Generate(algorithm) => (ApprovedKey::Generate(algorithm), algorithm.key_type()),
        DeskKey::Csr(key) => (ApprovedKey::FromCsr, key.algorithm_name()),
    };
    let profile = request.profile.as_ref();
    let wanted = profile.map_or_else(tls_usage, |profile| profile.key_usage);
    let purposes = profile.map_or_else(
        || vec![ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
        |profile| profile.extended_key_usage.clone(),
    );
    let (not_before, not_after) = within_issuer(&request.ttl, request.backdated, issuer)?;
    Ok(Approved {
        subject,
        sans,
        key: kind,
        not_before,
        not_after,
        key_usage: UsageByKey::new(Some(wanted)).of(key_type),
        purposes: Arc::from(purposes),
        policies: Arc::from([]),
        must_staple: false,
        store_private_key: request.keep_private_key,
    })
}

/// The key of what was approved.
#[derive(Debug, Clone, Copy)]
pub enum DeskKey<'a> {
    /// One that has to be made.
    Generate(certmill_x509::KeyAlgorithm),
    /// The one of a CSR, whose signature has been verified.
    Csr(&'a PublicKey),
}

/// Clocks differ: a certificate is valid a little before it is issued, as under a role.
pub const DESK_BACKDATED: std::time::Duration = std::time::Duration::from_secs(30);

fn within_issuer(
    ttl: &Ttl,
    backdated: std::time::Duration,
    issuer: &IssuerWindow,
) -> Result<(Timestamp, Timestamp), Violation> {
    let now = issuer.now.whole_seconds();
    let end = issuer.not_after.whole_seconds();
    let not_after = now.plus(ttl.duration());
    if not_after > end || now < issuer.not_before.whole_seconds() {
        let days = end.since(now).as_secs() / 86_400;
        let allowed = format!("at most {days} days now, since {} ends at {end}", issuer.whose());
        return Err(Violation::new("ca_validity", "validity_days", ttl.as_str(), allowed));
    }
    Ok((issuer.now.minus(backdated).max(issuer.not_before).whole_seconds(), not_after))
}

fn tls_usage() -> KeyUsage {
    KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT
}

/// The names, all of them legal; `fields` are what the request calls DNS names, IP addresses, e-mail addresses,
/// URIs and other names.
///
/// # Errors
/// The first that is not legal.
pub fn legal_names(sans: &Sans, fields: [&'static str; 5]) -> Result<SubjectAltNames, Violation> {
    let [dns, ip, email, uri, other] = fields;
    let lists = [
        (other, sans.other.len()),
        (uri, sans.uri.len()),
        (email, sans.email.len()),
        (ip, sans.ip.len()),
        (dns, sans.dns.len()),
    ];
    let longest = lists.into_iter().max_by_key(|(_, names)| *names).map_or(dns, |(field, _)| field);
    refuse_too_many(longest, sans.iter().count())?;
    let octets = |names: &[String]| names.iter().map(String::len).sum();
    refuse_too_long([
        (other, octets(&sans.other)),
        (uri, octets(&sans.uri)),
        (email, octets(&sans.email)),
        (ip, octets(&sans.ip)),
        (dns, octets(&sans.dns)),
    ])?;
    let mut names = SubjectAltNames {
        dns: names(dns, &sans.dns)?,
        ip: addresses(ip, &sans.ip)?,
        email: names(email, &sans.email)?,
        uri: names(uri, &sans.uri)?,
        other: names(other, &sans.other)?,
    };
    names.dedup();
    Ok(names)
}

fn names<T: FromStr<Err = X509Error>>(field: &'static str, texts: &[String]) -> Result<Vec<T>, Violation> {
    texts.iter().map(|text| text.parse().map_err(|error| syntax(field, text, &error))).collect()
}

fn addresses(field: &'static str, texts: &[String]) -> Result<Vec<std::net::IpAddr>, Violation> {
    let right = "it is not an IP address: write one such as `192.0.2.1` or `2001:db8::1`";
    texts.iter().map(|text| text.parse().map_err(|_| Violation::syntax(field, text, right))).collect()
}

fn syntax(field: &'static str, text: &str, error: &X509Error) -> Violation {
    Violation::syntax(field, text, error.to_string())
}

//! The check of a request against a role: names, key and validity. Nothing but [`check`] makes an
//! [`Approved`], and nothing but an [`Approved`] is signed.
//!
//! Rules and their order follow HashiCorp Vault's PKI engine, except that an entry `*.example.com` of
//! `allowed_domains` needs no switch, that host names are compared without regard to case, that what is
//! no legal name is refused rather than dropped, and that a `ttl` beyond `max_ttl` is refused rather than cut.

mod desk;
pub(crate) mod domain_set;
mod domains;
mod explain;
mod findings;
mod key;
mod names;
pub(crate) mod other_names;
pub(crate) mod pattern;
mod rest;
pub(crate) mod usage;
mod validity;

use std::fmt;
use std::sync::Arc;

use certmill_x509::{
    DistinguishedName, ExtendedKeyUsage, KeyAlgorithm, KeyUsage, ObjectIdentifier, PublicKey, SubjectAltNames,
};

use crate::{Role, RoleKeyType, Timestamp, Ttl};

pub use desk::{DESK_BACKDATED, DeskKey, DeskProfile, DeskRequest, approve_on_desk, legal_names};
pub use explain::{Explanation, explain};
pub use findings::{Finding, Verdict};
pub use names::is_long as is_long_check;

use findings::FirstRefusal;

/// What a client asks for, in its own words.
#[derive(Debug, Default)]
pub struct NameRequest<'a> {
    /// The subject's common name: a host name or an e-mail address. Empty counts as absent.
    pub common_name: Option<String>,
    /// Host names, e-mail addresses and IP addresses, mixed.
    pub alt_names: Vec<String>,
    /// IP addresses.
    pub ip_sans: Vec<String>,
    /// Absolute URIs.
    pub uri_sans: Vec<String>,
    /// E-mail addresses.
    pub email_sans: Vec<String>,
    /// Other names, as `oid;UTF8:value`.
    pub other_sans: Vec<String>,
    /// The validity, counted from now; the role's when absent.
    pub ttl: Option<Ttl>,
    /// The key.
    pub key: RequestedKey<'a>,
}

/// The key that a certificate is asked for.
#[derive(Debug, Clone, Copy)]
pub enum RequestedKey<'a> {
    /// One that the service is to make. Type and bits may be given when the role takes any key, or when
    /// they are the role's own.
    Generate {
        /// The type; the role's when absent.
        key_type: Option<RoleKeyType>,
        /// The bits; the role's, or the type's default, when absent or 0.
        key_bits: Option<u32>,
    },
    /// The key of a CSR, whose signature has been verified.
    Csr(&'a PublicKey),
}

impl Default for RequestedKey<'_> {
    fn default() -> Self {
        Self::Generate { key_type: None, key_bits: None }
    }
}

/// The validity of the certificate that is to sign, and the present.
#[derive(Debug, Clone, Copy)]
pub struct IssuerWindow {
    /// The present.
    pub now: Timestamp,
    /// Start of the issuer's validity.
    pub not_before: Timestamp,
    /// End of the issuer's validity, inclusive (RFC 5280 §4.1.2.5), or of one above it that ends earlier.
    pub not_after: Timestamp,
    /// Whether it is one above that ends then.
    pub ends_above: bool,
}

impl IssuerWindow {
    /// What ends at `not_after`.
    fn whose(&self) -> &'static str {
        if self.ends_above { "the validity of a certificate above the CA" } else { "the CA's validity" }
    }
}

/// What may be signed: the proof that [`check`] passed.
#[derive(Debug, Clone)]
pub struct Approved {
    subject: DistinguishedName,
    sans: SubjectAltNames,
    key: ApprovedKey,
    not_before: Timestamp,
    not_after: Timestamp,
    key_usage: KeyUsage,
    purposes: Arc<[ExtendedKeyUsage]>,
    policies: Arc<[ObjectIdentifier]>,
    must_staple: bool,
    store_private_key: bool,
}

/// The key of an approved certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovedKey {
    /// One that has to be made.
    Generate(KeyAlgorithm),
    /// The one of the CSR.
    FromCsr,
}

impl Approved {
    /// The subject: the common name asked for and the role's attributes.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The subject alternative names, the common name first, without duplicates.
    pub fn sans(&self) -> &SubjectAltNames {
        &self.sans
    }

    /// The key.
    pub fn key(&self) -> ApprovedKey {
        self.key
    }

    /// Start of the validity, in whole seconds.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of the validity, inclusive, in whole seconds.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The role's key usages that the key can serve.
    pub fn key_usage(&self) -> KeyUsage {
        self.key_usage
    }

    /// The extended key usages, those of the role's flags first.
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.purposes
    }

    /// The certificate policies.
    pub fn policies(&self) -> &[ObjectIdentifier] {
        &self.policies
    }

    /// Whether servers are to staple an OCSP answer (RFC 7633).
    pub fn must_staple(&self) -> bool {
        self.must_staple
    }

    /// Whether a generated private key is to be kept.
    pub fn store_private_key(&self) -> bool {
        self.store_private_key
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violation {
    /// The field of the role that refuses; `ca_validity` for the issuer's own validity, `syntax` for what
    /// is no legal name, key or duration under any role.
    pub rule: &'static str,
    /// The field of the request.
    pub field: &'static str,
    /// What was asked for, control characters escaped and its length bounded.
    pub value: String,
    /// What would be allowed.
    pub allowed: String,
}

impl Violation {
    fn new(rule: &'static str, field: &'static str, value: &str, allowed: impl Into<String>) -> Self {
        Self { rule, field, value: printable(value), allowed: allowed.into() }
    }

    fn syntax(field: &'static str, value: &str, right: impl Into<String>) -> Self {
        Self::new("syntax", field, value, right)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, field, value, allowed } = self;
        let value = if value.is_empty() { "(empty)".to_owned() } else { format!("`{value}`") };
        if *rule == "syntax" {
            write!(f, "{field} {value} cannot be used: {allowed}")
        } else {
            write!(f, "{field} {value} is refused by `{rule}`; allowed: {allowed}")
        }
    }
}

/// Checks a request against its role and its issuer's validity: the key first, then the names in the order
/// of the request's fields, then the validity. Reads no clock and does no I/O.
///
/// # Errors
/// The first rule that refuses, with the value that it refuses and what would be allowed.
pub fn check(role: &Role, request: &NameRequest<'_>, issuer: &IssuerWindow) -> Result<Approved, Violation> {
    let key = key::judge(role, request.key, &mut FirstRefusal)?;
    let names = names::judge(role, request, &mut FirstRefusal)?;
    let validity = validity::judge(role, request.ttl.as_ref(), issuer, &mut FirstRefusal)?;
    Ok(approve(role, key, names, validity))
}

/// Puts together what the rules have let pass.
fn approve(
    role: &Role,
    (key, key_usage): (ApprovedKey, KeyUsage),
    (common_name, sans): (Option<String>, SubjectAltNames),
    (not_before, not_after): (Timestamp, Timestamp),
) -> Approved {
    let settings = role.settings();
    let subject = DistinguishedName {
        common_name,
        organization: settings.organization.clone(),
        organizational_unit: settings.organizational_unit.clone(),
        country: settings.country.clone(),
        locality: settings.locality.clone(),
        province: settings.province.clone(),
        email: None,
    };
    Approved {
        subject,
        sans,
        key,
        not_before,
        not_after,
        key_usage,
        purposes: Arc::clone(&role.purposes),
        policies: Arc::clone(&role.policies),
        must_staple: settings.must_staple,
        store_private_key: settings.store_private_keys && key != ApprovedKey::FromCsr,
    }
}

/// The first 300 characters, control characters escaped: a violation is logged and shown.
fn printable(value: &str) -> String {
    const LONGEST: usize = 300;
    let mut text = String::with_capacity(value.len().min(LONGEST));
    for letter in value.chars().take(LONGEST) {
        if letter.is_control() {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    if value.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

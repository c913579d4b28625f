//! What a search of certificates looks for, as the list and the export take it.

use std::net::IpAddr;

use certmill_service::App;
use certmill_service::certificates::Filter;
use certmill_service::domain::{CertificateSource, CertificateStatus};
use certmill_service::x509::{DnsName, EmailAddress};

use super::certificates::parse_serial;
use crate::error::ApiError;
use crate::scalars::duration;
use crate::words::Word;

/// What to look for, as a request has it.
pub(super) struct Wanted {
    pub(super) ca_id: Option<String>,
    pub(super) expiring_within: Option<String>,
    pub(super) include_revoked: Option<bool>,
    pub(super) role: Option<String>,
    pub(super) status: Option<Word<CertificateStatus>>,
    pub(super) source: Option<Word<CertificateSource>>,
    pub(super) common_name: Option<String>,
    pub(super) san: Option<String>,
    pub(super) serial_number: Option<String>,
    pub(super) fingerprint_sha256: Option<String>,
    pub(super) tag: Option<String>,
}

/// Octets of a text that is searched for: no name, role or tag is longer, and databases refuse long patterns.
const LONGEST: usize = 2_048;

impl Wanted {
    /// Refuses texts that are longer than anything that could be found.
    fn check_lengths(&self) -> Result<(), ApiError> {
        let texts = [
            ("ca_id", &self.ca_id),
            ("role", &self.role),
            ("common_name", &self.common_name),
            ("san", &self.san),
            ("fingerprint_sha256", &self.fingerprint_sha256),
            ("tag", &self.tag),
        ];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|text| text.len() > LONGEST) {
                return Err(ApiError::field(field, format!("must have at most {LONGEST} octets")));
            }
        }
        Ok(())
    }

    /// The filter that it stands for.
    pub(super) fn filter(self, app: &App) -> Result<Filter, ApiError> {
        self.check_lengths()?;
        let expires_before = self
            .expiring_within
            .map(|text| duration("expiring_within", &text).map(|span| app.now().plus(span.duration())));
        Ok(Filter {
            ca_id: self.ca_id.map(|id| certmill_service::ca::parse_id(&id)).transpose()?,
            role: self.role,
            status: self.status.map(|word| word.value("status")).transpose()?,
            source: self.source.map(|word| word.value("source")).transpose()?,
            common_name: self.common_name,
            san: self.san.map(|name| canonical_name(name.trim())),
            serial_number: self.serial_number.map(|text| parse_serial(&text)).transpose()?,
            fingerprint_sha256: self
                .fingerprint_sha256
                .map(|text| text.replace(':', "").to_ascii_lowercase()),
            tag: self.tag.map(|text| parse_tag(&text)).transpose()?,
            expires_before: expires_before.transpose()?,
            include_revoked: self.include_revoked.unwrap_or(false),
        })
    }
}

/// A name as certificates hold it. What is no name finds nothing, and a URI has one spelling only, so both stay as
/// they are.
fn canonical_name(text: &str) -> String {
    if let Ok(address) = text.parse::<IpAddr>() {
        return address.to_canonical().to_string();
    }
    if let Ok(address) = text.parse::<EmailAddress>() {
        return address.to_string();
    }
    let (wildcard, host) = text.strip_prefix("*.").map_or(("", text), |host| ("*.", host));
    host.parse::<DnsName>().map_or_else(|_| text.to_owned(), |host| format!("{wildcard}{host}"))
}

fn parse_tag(text: &str) -> Result<(String, String), ApiError> {
    text.split_once([':', '='])
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| ApiError::field("tag", "write `key:value`"))
}

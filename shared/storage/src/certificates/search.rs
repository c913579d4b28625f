//! Searching certificates: filters, two orders, keyset pages.

use certmill_domain::{CaId, Certificate, CertificateId, CertificateSource, CertificateStatus, Timestamp};
use certmill_x509::SerialNumber;

use super::{
    FINGERPRINT_KEY, OCTETS, Row, SELECT, certificate, fingerprint_key, push_serial_number, reversed,
};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::{Session, StorageError, WithLink};

/// What to look for. Every field that is set narrows the result.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Issued by this CA.
    pub ca_id: Option<CaId>,
    /// Issued under the role of this name.
    pub role: Option<String>,
    /// In this state at `now`.
    pub status: Option<CertificateStatus>,
    /// Of this origin.
    pub source: Option<CertificateSource>,
    /// Common name contains this text, whatever the case of its ASCII letters.
    pub common_name: Option<String>,
    /// Has this subject alternative name; `*.suffix` finds every name below the suffix and that wildcard.
    pub san: Option<String>,
    /// Has this serial number.
    pub serial_number: Option<SerialNumber>,
    /// Has this fingerprint (SHA-256, lower-case hex).
    pub fingerprint_sha256: Option<String>,
    /// Carries this tag.
    pub tag: Option<(String, String)>,
    /// Ends between now and then, and has not ended.
    pub expires_before: Option<Timestamp>,
    /// Revoked ones too.
    pub include_revoked: bool,
}

/// In which order, and from where on.
#[derive(Debug, Clone, Copy)]
pub enum Page {
    /// Newest first, after this one.
    Newest(Option<CertificateId>),
    /// Soonest to end first, after this end and id.
    SoonestEnd(Option<(Timestamp, CertificateId)>),
}

/// The certificates of the tenant that the filter finds.
pub async fn search(
    session: &mut Session,
    filter: &Filter,
    page: Page,
    wanted: Extent,
    now: Timestamp,
) -> Result<Listed<Certificate>, StorageError> {
    let mut query = Query::new(SELECT);
    let tenant = session.tenant_key();
    query.push("c.tenant_id = ").push_bind(tenant.clone());
    push_identity(&mut query, filter, &tenant);
    push_state(&mut query, filter, now);
    push_text(&mut query, filter);
    query.end_filter();
    push_page(&mut query, page);
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(certificate)
}

fn push_identity(query: &mut Query, filter: &Filter, tenant: &str) {
    if let Some(ca) = filter.ca_id {
        query.push(" AND c.ca_id = ").push_bind(ca.to_string());
    }
    if let Some(serial) = &filter.serial_number {
        push_serial_number(query, serial);
    }
    if let Some(fingerprint) = &filter.fingerprint_sha256 {
        query.push(" AND ").push(FINGERPRINT_KEY).push(" = ").push_bind(fingerprint_key(fingerprint));
        query.push(" AND c.fingerprint_sha256 = ").push_bind(fingerprint.clone());
    }
    if let Some(san) = &filter.san {
        query.push(" AND c.id IN (SELECT n.certificate_id FROM certificate_names n WHERE n.tenant_id = ");
        query.push_bind(tenant.to_owned());
        match san.strip_prefix("*.") {
            Some(suffix) => {
                // Reversed, everything below `.suffix` starts with the suffix and a dot; '/' follows '.' in ASCII.
                let start = format!("{}.", reversed(suffix));
                let end = format!("{}/", reversed(suffix));
                query.push(" AND n.reversed_name >= ").push_bind(start);
                query.push(" AND n.reversed_name < ").push_bind(end);
            }
            None => {
                query.push(" AND n.reversed_name = ").push_bind(reversed(san));
            }
        }
        query.push(")");
    }
}

fn push_state(query: &mut Query, filter: &Filter, now: Timestamp) {
    let now = now.unix_micros();
    if let Some(before) = filter.expires_before {
        query.push(" AND c.not_after >= ").push_bind(now);
        query.push(" AND c.not_after <= ").push_bind(before.unix_micros());
    }
    match filter.status {
        Some(CertificateStatus::Active) => {
            query.push(" AND c.revoked_at IS NULL AND c.not_after >= ").push_bind(now);
        }
        Some(CertificateStatus::Expired) => {
            query.push(" AND c.revoked_at IS NULL AND c.not_after < ").push_bind(now);
        }
        Some(CertificateStatus::Revoked) => {
            query.push(" AND c.revoked_at IS NOT NULL");
        }
        None if !filter.include_revoked => {
            query.push(" AND c.revoked_at IS NULL");
        }
        None => {}
    }
}

fn push_text(query: &mut Query, filter: &Filter) {
    if let Some(role) = &filter.role {
        query.push(" AND c.role = ").push_bind(role.clone());
    }
    if let Some(source) = filter.source {
        query.push(" AND c.source = ").push_bind(source.as_str());
    }
    if let Some(text) = &filter.common_name {
        query.push(" AND lower(c.common_name) LIKE ");
        query.push_bind(format!("%{}%", like_literal(&text.to_ascii_lowercase())));
        query.push(" ESCAPE '\\'");
    }
    if let Some((key, value)) = &filter.tag {
        // Both sides are compact JSON made by the same serializer, so a pair has one spelling. What `replace` takes
        // out was there; unlike LIKE it tells upper from lower case in both databases.
        let quote = |text: &str| serde_json::Value::from(text).to_string();
        let pair = format!("{}:{}", quote(key), quote(value));
        for (before, after) in [("{", ","), ("{", "}"), (",", ","), (",", "}")] {
            query.push(if (before, after) == ("{", ",") { " AND (" } else { " OR " });
            query.push("replace(c.tags, ").push_bind(format!("{before}{pair}{after}"));
            query.push(", '') <> c.tags");
        }
        query.push(")");
    }
}

fn push_page(query: &mut Query, page: Page) {
    match page {
        Page::Newest(after) => {
            if let Some(id) = after {
                query.push(" AND c.id < ").push_bind(id.to_string());
            }
            query.push(" ORDER BY c.id DESC");
        }
        Page::SoonestEnd(after) => {
            if let Some((end, id)) = after {
                query.push(" AND (c.not_after, c.id) > (").push_bind(end.unix_micros());
                query.push(", ").push_bind(id.to_string()).push(")");
            }
            query.push(" ORDER BY c.not_after, c.id");
        }
    }
}

fn like_literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

//! What a row of a certificate must be like for a filter.

use certmill_domain::{CertificateStatus, Timestamp};

use super::Filter;
use crate::query::Query;

/// Appends every condition of the filter, each as ` AND …`. That on subject alternative names lets a few others through:
/// see [`has_san`].
pub(super) fn push(query: &mut Query, filter: &Filter, now: Timestamp) {
    push_identity(query, filter);
    push_end(query, filter, now);
    push_state(query, filter);
    push_text(query, filter);
}

fn push_identity(query: &mut Query, filter: &Filter) {
    if let Some(ca) = filter.ca_id {
        query.push(" AND c.ca_id = ").push_bind(ca.to_string());
    }
    if let Some(role) = &filter.role {
        query.push(" AND c.role = ").push_bind(role.clone());
    }
    if let Some(source) = filter.source {
        query.push(" AND c.source = ").push_bind(source.as_str());
    }
    if let Some(serial) = &filter.serial_number {
        query.push(" AND c.serial_number = ").push_bind(serial.as_bytes());
    }
    if let Some(fingerprint) = &filter.fingerprint_sha256 {
        query.push(" AND c.fingerprint_sha256 = ").push_bind(fingerprint.clone());
    }
}

/// Appends the conditions on the end.
pub(super) fn push_end(query: &mut Query, filter: &Filter, now: Timestamp) {
    let now = now.unix_micros();
    if let Some(before) = filter.expires_before {
        query.push(" AND c.not_after >= ").push_bind(now);
        query.push(" AND c.not_after <= ").push_bind(before.unix_micros());
    }
    match filter.status {
        Some(CertificateStatus::Active) => {
            query.push(" AND c.not_after >= ").push_bind(now);
        }
        Some(CertificateStatus::Expired) => {
            query.push(" AND c.not_after < ").push_bind(now);
        }
        Some(CertificateStatus::Revoked) | None => {}
    }
}

fn push_state(query: &mut Query, filter: &Filter) {
    match filter.status {
        Some(CertificateStatus::Active | CertificateStatus::Expired) => {
            query.push(" AND c.revoked_at IS NULL");
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
    if let Some(text) = &filter.common_name {
        query.push(" AND lower(c.common_name) LIKE ");
        query.push_bind(format!("%{}%", like_literal(&text.to_ascii_lowercase()))).push(" ESCAPE '\\'");
    }
    if let Some((key, value)) = &filter.tag {
        query.push(
            " AND EXISTS (SELECT 1 FROM certificate_tags t WHERE t.tenant_id = c.tenant_id AND t.tag_key = ",
        );
        query.push_bind(key.clone()).push(" AND t.tag_value = ").push_bind(value.clone());
        query.push(" AND t.certificate_id = c.id)");
    }
    if let Some(san) = &filter.san {
        // The names are stored as JSON: a name stands between quotes, and one below a suffix ends with it and a quote.
        let pattern = match san.strip_prefix('*') {
            Some(suffix) if suffix.starts_with('.') => format!("%{}\"%", like_literal(&in_json(suffix))),
            _ => format!("%\"{}\"%", like_literal(&in_json(san))),
        };
        query.push(" AND c.sans LIKE ").push_bind(pattern).push(" ESCAPE '\\'");
    }
}

/// Whether one of the names is what the filter's `san` asks for: itself, or for `*.suffix` anything below the suffix.
pub(super) fn has_san<'a>(mut names: impl Iterator<Item = &'a str>, san: &str) -> bool {
    match san.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => names.any(|name| name.ends_with(suffix)),
        _ => names.any(|name| name == san),
    }
}

/// A text as JSON has it between quotes.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// A text that `LIKE … ESCAPE '\'` finds as it stands.
fn like_literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_itself_and_a_wildcard_is_everything_below() {
        let names = ["a.example.com", "*.example.org"];
        assert!(has_san(names.into_iter(), "a.example.com"));
        assert!(!has_san(names.into_iter(), "example.com"));
        assert!(has_san(names.into_iter(), "*.example.com"));
        assert!(has_san(names.into_iter(), "*.example.org"));
        assert!(!has_san(names.into_iter(), "*.ample.com"));
    }

    #[test]
    fn quotes_of_a_name_stay_those_of_the_name() {
        assert_eq!(in_json("a\"b"), "a\\\"b");
        assert_eq!(in_json("\"a\""), "\\\"a\\\"");
        assert_eq!(like_literal("a_b%c\\d"), "a\\_b\\%c\\\\d");
    }
}

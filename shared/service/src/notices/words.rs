//! What notices say: every text of them.
//!
//! Nothing that a tenant has written gets into a subject, and in a text it stands in quotes, on one line and cut short.

use std::fmt::Write;

use certmill_domain::{EventKind, Notice, NoticeLine, Timestamp};
use serde_json::Value;

/// Of a name and of an error, characters.
const MOST_OF_NAME: usize = 128;
const MOST_OF_ERROR: usize = 300;
/// Endpoints that are named.
const MOST_NAMED: usize = 5;

/// What owners are told of: one, several, and the heading.
const TOLD: &[(EventKind, &str, &str, &str)] = &[
    (
        EventKind::CrlLate,
        "CRL is late",
        "CRLs are late",
        "CRLs that are about to end, and no newer one was made",
    ),
    (
        EventKind::CertificateExpiring,
        "certificate ends soon",
        "certificates end soon",
        "Certificates that end soon and were not renewed",
    ),
    (
        EventKind::CertificateRenewalFailed,
        "renewal failed",
        "renewals failed",
        "Certificates that could not be renewed; it is tried again",
    ),
    (
        EventKind::CertificateNotDeployed,
        "renewal is not served",
        "renewals are not served",
        "Renewed certificates that are not served where they should be",
    ),
    (EventKind::CaExpiring, "CA ends soon", "CAs end soon", "CAs that end soon"),
    (
        EventKind::TrustAnchorExpiring,
        "trust anchor ends soon",
        "trust anchors end soon",
        "Trust anchors that end soon",
    ),
    (EventKind::TokenExpiring, "token ends soon", "tokens end soon", "Tokens that end soon"),
    (EventKind::CsrPending, "CSR waits", "CSRs wait", "CSRs that wait for approval"),
    (EventKind::OrderFailed, "order failed", "orders failed", "ACME orders that ended without a certificate"),
    (
        EventKind::AccountFailed,
        "ACME account is refused",
        "ACME accounts are refused",
        "ACME accounts that their CA refuses",
    ),
    (EventKind::JobDead, "job was given up", "jobs were given up", "Background jobs that were given up"),
    (
        EventKind::WebhookDisabled,
        "webhook is off",
        "webhooks are off",
        "Webhooks whose receiver says that it is gone",
    ),
    (
        EventKind::WebhookDeliveryFailed,
        "webhook fails",
        "webhooks fail",
        "Webhooks whose receiver did not take an event",
    ),
];

/// The kinds of events that owners are told of.
pub(super) fn kinds() -> Vec<EventKind> {
    TOLD.iter().map(|told| told.0).collect()
}

/// What is known about an event.
pub(super) struct Facts<'a> {
    /// What it is about.
    pub(super) object: &'a str,
    /// What the event says.
    pub(super) data: &'a Value,
    /// The name of what it is about.
    pub(super) name: Option<String>,
    /// The end of what it is about.
    pub(super) ends: Option<Timestamp>,
}

impl Facts<'_> {
    /// The end, from what is there or from what the event says.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let said = ["not_after", "expires_at"].into_iter().find_map(|name| self.data[name].as_str());
        self.ends.or_else(|| Timestamp::parse_rfc3339(said?))
    }

    fn named(&self) -> String {
        let name =
            self.name.as_deref().filter(|name| !name.is_empty()).or_else(|| self.data["name"].as_str());
        match name {
            Some(name) => format!("\"{}\" ({})", plain(name, MOST_OF_NAME), self.object),
            None => self.object.to_owned(),
        }
    }

    fn error(&self, name: &str) -> String {
        plain(self.data[name].as_str().unwrap_or_default(), MOST_OF_ERROR)
    }
}

/// The line of an event.
pub(super) fn line(kind: EventKind, facts: &Facts<'_>) -> String {
    let mut line = facts.named();
    // Invariant: writing to a String cannot fail, here and below.
    if let Some(end) = facts.end().filter(|_| kind != EventKind::CertificateNotDeployed) {
        let _ = write!(line, ", until {end}");
    }
    let said = match kind {
        EventKind::CrlLate => format!(", until {}", facts.error("next_update")),
        EventKind::CertificateExpiring => match facts.error("last_error") {
            error if error.is_empty() => String::new(),
            error => format!("; its renewal fails: {error}"),
        },
        EventKind::CertificateRenewalFailed | EventKind::OrderFailed | EventKind::AccountFailed => {
            format!(": {}{}", facts.error("message"), domains(facts.data))
        }
        EventKind::CertificateNotDeployed => format!(" at {}", endpoints(facts.data)),
        EventKind::JobDead => format!(": {}: {}", facts.error("kind"), facts.error("last_error")),
        EventKind::WebhookDisabled | EventKind::WebhookDeliveryFailed => {
            format!(": {}", facts.error("last_error"))
        }
        _ => String::new(),
    };
    line.push_str(&said);
    line
}

fn domains(data: &Value) -> String {
    let domains = data["domains"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let named: Vec<String> = domains.take(MOST_NAMED).map(|name| plain(name, MOST_OF_NAME)).collect();
    if named.is_empty() { String::new() } else { format!(" (for {})", named.join(", ")) }
}

fn endpoints(data: &Value) -> String {
    let all = data["endpoints"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = all.iter().take(MOST_NAMED).filter_map(|one| one["endpoint"].as_str());
    let named: Vec<String> = named.map(|name| plain(name, MOST_OF_NAME)).collect();
    let count = data["endpoints_count"].as_u64().unwrap_or_default();
    let more = count.saturating_sub(u64::try_from(named.len()).unwrap_or(u64::MAX));
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

/// The subject: how much there is of what.
pub(super) fn subject(notice: &Notice, lines: &[NoticeLine]) -> String {
    let counted = TOLD.iter().filter_map(|(kind, one, several, _)| {
        match lines.iter().filter(|line| line.kind == *kind).count() {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {several}")),
        }
    });
    let mut parts: Vec<String> = counted.collect();
    if parts.is_empty() || notice.more > 0 {
        parts.push("more".to_owned());
    }
    let urgent = if notice.is_urgent { "urgent: " } else { "" };
    format!("certmill: {urgent}{}", parts.join(", "))
}

/// The text.
pub(super) fn text(notice: &Notice, lines: &[NoticeLine], (service, tenant): (&str, &str)) -> String {
    let mut text = format!("certmill at {service} tells the owners of the tenant {tenant}:\n");
    for (kind, _, _, heading) in TOLD {
        let mut of_kind = lines.iter().filter(|line| line.kind == *kind).peekable();
        if of_kind.peek().is_some() {
            let _ = write!(text, "\n{heading}:\n");
        }
        for line in of_kind {
            let _ = writeln!(text, "- {}", line.text);
        }
    }
    // A newer version may have gathered what this one has no words for.
    for line in lines.iter().filter(|line| !TOLD.iter().any(|told| line.kind == told.0)) {
        let _ = writeln!(text, "\n{}:\n- {}", line.kind, line.text);
    }
    if notice.more > 0 {
        let _ = writeln!(text, "\nAnd {} more: GET /v1/events tells all.", notice.more);
    }
    text.push_str(
        "\nYou are told because your address stands in the tag `owners` of a certificate, in `owners` of its role or CA, or in the \
         configuration of the service. Whoever manages these can take it out.\n",
    );
    text
}

/// A text of others as it may stand in a line: what ends or turns lines is a space, and it is cut short.
fn plain(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let mut plain: String =
        text.chars().take(most).map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use certmill_domain::{NoticeId, SystemEntropy};
    use serde_json::json;

    use super::*;

    fn notice(is_urgent: bool, more: i64) -> Notice {
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let id = NoticeId::generate(now, &SystemEntropy);
        let address = "ann@example.com".parse().expect("legal in this test");
        Notice { id, address, is_urgent, due_at: now, attempts: 0, more }
    }

    fn line_of(kind: EventKind, name: &str) -> NoticeLine {
        let data = json!({ "name": name, "not_after": "2026-03-01T00:00:00Z" });
        let facts = Facts { object: "cert_1", data: &data, name: None, ends: None };
        NoticeLine { kind: kind.into(), object: "cert_1".to_owned(), text: line(kind, &facts) }
    }

    #[test]
    fn a_notice_says_how_much_there_is_of_what_and_then_each() {
        let lines = [
            line_of(EventKind::CertificateExpiring, "a.example.com"),
            line_of(EventKind::CertificateExpiring, "b.example.com"),
            line_of(EventKind::CaExpiring, "root"),
        ];
        let digest = notice(false, 0);
        assert_eq!(subject(&digest, &lines), "certmill: 2 certificates end soon, 1 CA ends soon");
        assert_eq!(subject(&notice(true, 3), &lines[2..]), "certmill: urgent: 1 CA ends soon, more");
        let text = text(&digest, &lines, ("https://pki.test", "first"));
        let expected = "certmill at https://pki.test tells the owners of the tenant first:\n\n\
             Certificates that end soon and were not renewed:\n\
             - \"a.example.com\" (cert_1), until 2026-03-01T00:00:00Z\n\
             - \"b.example.com\" (cert_1), until 2026-03-01T00:00:00Z\n\n\
             CAs that end soon:\n- \"root\" (cert_1), until 2026-03-01T00:00:00Z\n\nYou are told";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn what_a_tenant_writes_stays_on_its_line_and_out_of_the_subject() {
        let lines = [line_of(EventKind::CertificateExpiring, "a\r\nBcc: b@example.com\u{2028}\u{202e}x")];
        let line = &lines[0].text;
        assert!(!line.contains(['\r', '\n', '\u{2028}', '\u{202e}']), "{line}");
        assert!(!subject(&notice(false, 0), &lines).contains("Bcc"));
        let long = line_of(EventKind::CertificateExpiring, &"x".repeat(5_000)).text;
        assert!(long.len() < 300 && long.contains('…'), "{long}");
    }

    #[test]
    fn every_kind_that_is_told_has_a_line() {
        for kind in kinds() {
            let told = line_of(kind, "a");
            assert!(told.text.starts_with("\"a\" (cert_1)"), "{kind}: {}", told.text);
        }
    }
}

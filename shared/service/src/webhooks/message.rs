//! What is sent to a receiver.

use std::fmt::Write;

use certmill_domain::WebhookFormat;
use serde_json::{Value, json};

use crate::events::Entry;

/// The media type and the body of an event. `source` says which service it comes from.
pub(super) fn of(format: WebhookFormat, entry: &Entry, source: &str) -> (&'static str, Vec<u8>) {
    let (media_type, message) = match format {
        WebhookFormat::Certmill => ("application/json", own(entry)),
        WebhookFormat::CloudEvents => ("application/cloudevents+json", cloud_event(entry, source)),
        WebhookFormat::Slack => ("application/json", json!({ "text": text(entry) })),
    };
    (media_type, message.to_string().into_bytes())
}

/// As `GET /v1/events` tells it.
fn own(entry: &Entry) -> Value {
    json!({
        "event_id": entry.id,
        "event_type": entry.kind.as_str(),
        "timestamp": entry.at.to_rfc3339_micros(),
        "tenant_id": entry.tenant.to_string(),
        "identity_id": entry.identity,
        "object": entry.object,
        "data": entry.data,
        "request_id": entry.request_id,
    })
}

/// Structured JSON (CloudEvents 1.0, JSON event format). `id` and `source` together are the same whenever the event is sent.
fn cloud_event(entry: &Entry, source: &str) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "id": entry.id,
        "source": source,
        "type": format!("certmill.{}", entry.kind.as_str()),
        "time": entry.at.to_rfc3339_micros(),
        "datacontenttype": "application/json",
        "data": own(entry),
    });
    if let Some(object) = &entry.object {
        event["subject"] = object.as_str().into();
    }
    event
}

/// Plain words, which Slack, Teams and Mattermost show alike.
fn text(entry: &Entry) -> String {
    let data = |name: &str| entry.data[name].as_str().filter(|text| !text.is_empty());
    let mut text = entry.kind.as_str().to_owned();
    if let Some(name) =
        data("common_name").or_else(|| entry.data["domains"][0].as_str()).or_else(|| data("name"))
    {
        // Invariant: writing to a String cannot fail, here and below.
        let _ = write!(text, ": {name}");
    }
    if let Some(object) = &entry.object {
        let _ = write!(text, " ({object})");
    }
    for (name, words) in [
        ("not_after", "valid until"),
        ("reason", "reason"),
        ("last_error", "last error"),
        ("error", "error"),
        ("role", "role"),
    ] {
        if let Some(value) = data(name) {
            let value: String = value.chars().take(300).collect();
            let _ = write!(text, ", {words} {value}");
        }
    }
    // As Slack wants it; what others make of it is as legible.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use certmill_domain::{EventKind, TenantId, Timestamp};

    use super::*;

    fn entry() -> Entry {
        let at = Timestamp::from_unix_seconds(1_700_000_000);
        Entry {
            id: "evt_1".to_owned(),
            kind: EventKind::CertificateRevoked.into(),
            at,
            tenant: TenantId::generate(at, &certmill_domain::SystemEntropy),
            identity: "tok_1".to_owned(),
            object: Some("cert_1".to_owned()),
            data: json!({ "common_name": "<a&b>", "reason": "superseded", "domains": ["x"] }),
            request_id: None,
            cursor: String::new(),
        }
    }

    #[test]
    fn a_text_is_one_line_that_holds_no_markup() {
        let (media_type, body) = of(WebhookFormat::Slack, &entry(), "https://pki.test");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(media_type, "application/json");
        assert_eq!(
            body,
            json!({ "text": "certificate.revoked: &lt;a&amp;b&gt; (cert_1), reason superseded" })
        );
    }

    #[test]
    fn a_cloud_event_has_what_must_be_there() {
        let (media_type, body) = of(WebhookFormat::CloudEvents, &entry(), "https://pki.test");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(media_type, "application/cloudevents+json");
        assert_eq!((&body["specversion"], &body["id"]), (&json!("1.0"), &json!("evt_1")));
        assert_eq!(
            (&body["source"], &body["type"]),
            (&json!("https://pki.test"), &json!("certmill.certificate.revoked"))
        );
        assert_eq!(
            (&body["time"], &body["subject"]),
            (&json!("2023-11-14T22:13:20.000000Z"), &json!("cert_1"))
        );
        assert_eq!(body["data"]["event_id"], "evt_1");
    }
}

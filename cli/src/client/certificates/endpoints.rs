//! `certmill cert endpoints`: where a certificate is meant to be served, and what is served there.

use clap::Args;
use serde_json::{Value, json};

use super::super::Session;
use super::super::failure::Failure;
use super::super::output::{Cell, Column, Mark, end, text};
use super::search::find;

pub(super) const EXAMPLE: &str = "Examples:
  certmill cert endpoints www.example.internal www.example.internal:443 smtp:mail.example.internal:25
  certmill cert endpoints www.example.internal --check";

#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the fields are named as the arguments are")]
pub(crate) struct Endpoints {
    /// Id, serial number, SHA-256 fingerprint, or a name of which there is one certificate
    certificate: String,
    /// All its endpoints from now on: HOST:PORT, or smtp:, imap:, pop3:, ftp:, ldap: or postgres:HOST:PORT
    #[arg(value_name = "ENDPOINT", conflicts_with = "none")]
    endpoints: Vec<String>,
    /// Take all endpoints away
    #[arg(long)]
    none: bool,
    /// Look at them now; the exit code says whether the certificate is served everywhere
    #[arg(long, conflicts_with = "none")]
    check: bool,
}

const COLUMNS: &[Column] = &[
    Column("endpoint", |endpoint| text(endpoint, "endpoint").into()),
    Column("state", |endpoint| {
        let state = text(endpoint, "state");
        let mark = match state.as_str() {
            "deployed" => Mark::Good,
            "unchecked" => Mark::Plain,
            "serving_old" => Mark::Warning,
            _ => Mark::Bad,
        };
        Cell::marked(state, mark)
    }),
    Column("since", |endpoint| text(endpoint, "deployed_since").into()),
    Column("served until", |endpoint| end(&endpoint["served"], "not_after")),
    Column("findings", |endpoint| Cell::marked(text(endpoint, "findings"), Mark::Bad)),
    Column("checked", |endpoint| text(endpoint, "checked_at").into()),
    Column("reason", |endpoint| text(endpoint, "reason").into()),
];

pub(super) async fn run(session: &Session, command: Endpoints) -> anyhow::Result<()> {
    let mut found = find(session, &command.certificate).await?;
    let id = text(&found, "id");
    let path = ["v1", "pki", "certificates", &id];
    if command.none || !command.endpoints.is_empty() {
        found = session.api.patch(&path, &json!({ "endpoints": command.endpoints })).await?;
    }
    let mut before = Value::Null;
    if command.check {
        before = session.api.get(&path, &[]).await?;
        found = session.api.post(&["v1", "pki", "certificates", &id, "check"], &json!({})).await?;
    }
    show(session, &found)?;
    if !command.check {
        return Ok(());
    }
    let problems: Vec<String> = listed(&found).filter_map(|endpoint| problem(endpoint, &before)).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::Refused(format!("the certificate is not served as it should be at {}", problems.join(", ")))
        .into())
}

/// Why an endpoint is not one that serves a good certificate, with its name. The answer to a check comes after a while even when not
/// everything was looked at, and then has what was seen `before`.
fn problem(endpoint: &Value, before: &Value) -> Option<String> {
    let name = text(endpoint, "endpoint");
    let former = listed(before).find(|one| one["endpoint"] == endpoint["endpoint"]);
    let checked_at = &endpoint["checked_at"];
    if checked_at.is_null() || former.is_some_and(|former| former["checked_at"] == *checked_at) {
        return Some(format!("{name} (nobody has looked yet: ask again)"));
    }
    let findings = text(endpoint, "findings");
    match (text(endpoint, "state").as_str(), findings.as_str()) {
        ("deployed", "") => None,
        (state, "") => Some(format!("{name} ({state})")),
        (state, findings) => Some(format!("{name} ({state}; {findings})")),
    }
}

fn show(session: &Session, certificate: &Value) -> anyhow::Result<()> {
    if session.out.is_for_programs() {
        return session.out.raw(certificate);
    }
    let rows: Vec<Value> = listed(certificate).cloned().collect();
    if rows.is_empty() {
        session.out.note(&format!("{} names no endpoints", text(certificate, "id")));
        return Ok(());
    }
    session.out.rows(COLUMNS, &rows, false)
}

fn listed(certificate: &Value) -> impl Iterator<Item = &Value> {
    certificate["endpoints"].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(endpoint: &Value) -> Value {
        json!({ "endpoints": [{ "endpoint": "other:1", "checked_at": "9" }, endpoint] })
    }

    #[test]
    fn what_was_seen_before_a_check_is_no_answer_to_it() {
        let seen = |at: Option<&str>| json!({ "endpoint": "a:1", "state": "deployed", "checked_at": at });
        let unseen = |endpoint: &Value, before: &Value| {
            problem(endpoint, before).is_some_and(|text| text.contains("a:1 (nobody has looked"))
        };
        let before = certificate(&seen(Some("1")));
        assert!(unseen(&seen(Some("1")), &before), "the answer came before the look");
        assert_eq!(problem(&seen(Some("2")), &before), None);
        assert!(unseen(&seen(None), &certificate(&seen(None))));
        assert_eq!(problem(&seen(Some("2")), &certificate(&seen(None))), None);
        let other = json!({ "endpoint": "a:1", "state": "serving_old", "checked_at": "2" });
        assert_eq!(problem(&other, &before).as_deref(), Some("a:1 (serving_old)"));
    }

    #[test]
    fn a_certificate_with_something_wrong_is_no_good_one_wherever_it_is_served() {
        let before = certificate(&json!({ "endpoint": "a:1" }));
        for (state, findings, wanted) in [
            ("deployed", json!([]), None),
            ("deployed", json!(["revoked"]), Some("a:1 (deployed; revoked)")),
            ("deployed", json!(["expired", "name_mismatch"]), Some("a:1 (deployed; expired, name_mismatch)")),
            ("other_certificate", json!(["expired"]), Some("a:1 (other_certificate; expired)")),
        ] {
            let endpoint =
                json!({ "endpoint": "a:1", "state": state, "checked_at": "1", "findings": findings });
            assert_eq!(problem(&endpoint, &before).as_deref(), wanted);
        }
    }
}

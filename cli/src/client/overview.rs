//! `certmill overview`.

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::output::{Cell, Column, Mark, end, print, text};

#[derive(Args)]
pub(crate) struct Overview {}

/// Where the figures of what needs a person stand in the answer, how bad they are, and what they are called.
const MATTERS: &[(&str, &str, &str)] = &[
    (
        "/certificates/unrenewed/expired_30d",
        "bad",
        "certificates expired within 30 days and were not renewed",
    ),
    ("/certificates/unrenewed/expiring_7d", "bad", "certificates that were not renewed end within 7 days"),
    (
        "/certificates/unrenewed/expiring_30d",
        "warning",
        "certificates that were not renewed end within 30 days",
    ),
    ("/renewals/failing", "bad", "renewals fail"),
    ("/renewals/overdue", "bad", "renewals are more than a day late"),
    ("/orders/failed_30d", "bad", "orders failed within 30 days"),
    ("/cas/late_crls", "bad", "CRLs should have been replaced"),
    ("/jobs/dead", "bad", "jobs were given up"),
    ("/cas/ending_90d", "warning", "CAs end within 90 days"),
    ("/csrs/pending", "warning", "CSRs wait at the desk"),
    ("/csrs/approved", "warning", "CSRs are approved and not signed"),
    ("/orders/open", "", "orders are under way"),
];

const OF_MATTERS: &[Column] = &[
    Column("count", |row| Cell::marked(text(row, "count"), mark(row))),
    Column("needs attention", |row| text(row, "what").into()),
];

const OF_SOURCES: &[Column] = &[
    Column("certificates", |row| text(row, "source").into()),
    Column("active", |row| text(row, "active").into()),
    Column("expired", |row| text(row, "expired").into()),
    Column("revoked", |row| text(row, "revoked").into()),
];

const OF_CAS: &[Column] = &[
    Column("id", |row| text(row, "id").into()),
    Column("ca", |row| text(row, "name").into()),
    Column("ends", |row| end(row, "valid_until")),
    Column("crl ends", |row| {
        Cell::marked(
            text(row, "next_update"),
            if row["has_late_crl"] == true { Mark::Bad } else { Mark::Plain },
        )
    }),
];

fn mark(row: &Value) -> Mark {
    match text(row, "mark").as_str() {
        "bad" => Mark::Bad,
        "warning" => Mark::Warning,
        _ => Mark::Plain,
    }
}

pub(super) async fn overview(Session { api, out }: &Session) -> anyhow::Result<()> {
    let found = api.get(&["v1", "pki", "overview"], &[]).await?;
    if out.is_for_programs() {
        return out.raw(&found);
    }
    let matters: Vec<Value> = MATTERS
        .iter()
        .filter_map(|(path, mark, what)| {
            let count = found.pointer(path)?.as_i64().filter(|count| *count > 0)?;
            Some(json!({ "count": count, "mark": mark, "what": what }))
        })
        .collect();
    if matters.is_empty() {
        print("Nothing needs you today.")?;
    } else {
        out.rows(OF_MATTERS, &matters, false)?;
    }
    let certificates = &found["certificates"];
    let mut sources = certificates["by_source"].as_array().cloned().unwrap_or_default();
    let mut all = certificates["by_status"].clone();
    all["source"] = "all".into();
    sources.push(all);
    print("")?;
    out.rows(OF_SOURCES, &sources, false)?;
    let cas = found["cas"]["near_end"].as_array().cloned().unwrap_or_default();
    if !cas.is_empty() {
        print("")?;
        out.rows(OF_CAS, &cas, false)?;
    }
    Ok(())
}

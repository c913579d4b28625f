//! Finding certificates: by filters, and the one that is meant by a word.

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::super::failure::Failure;
use super::super::output::{Column, end, state, text};
use super::super::{Session, ca};
use super::PATH;

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    NotAfter,
    CreatedAt,
}

#[derive(Args)]
pub(crate) struct Filters {
    /// Issued by this CA, by name or id
    #[arg(long)]
    ca: Option<String>,
    /// Issued under this role
    #[arg(long)]
    role: Option<String>,
    /// active, expired or revoked
    #[arg(long)]
    status: Option<String>,
    /// issued, signed, csr, acme, imported or renewed
    #[arg(long)]
    source: Option<String>,
    /// Ends within: 30d, 12h …
    #[arg(long, value_name = "DURATION")]
    expiring: Option<String>,
    /// Common name, or a part of it
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// Subject alternative name; `*.example.com` finds everything below
    #[arg(long, value_name = "NAME")]
    san: Option<String>,
    /// Serial number
    #[arg(long, value_name = "HEX")]
    serial_number: Option<String>,
    /// SHA-256 of the certificate
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// KEY or KEY=VALUE
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Show revoked ones too
    #[arg(long)]
    revoked: bool,
    /// By end, soonest first, instead of newest first
    #[arg(long)]
    sort: Option<Order>,
    /// Show at most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Show everything
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

const COLUMNS: &[Column] = &[
    Column("name", |certificate| name(certificate).into()),
    Column("until", |certificate| {
        if certificate["status"] == "active" { end(certificate, "not_after") } else { "-".into() }
    }),
    Column("status", |certificate| state(certificate, "status")),
    Column("role", |certificate| text(certificate, "role").into()),
    Column("source", |certificate| text(certificate, "source").into()),
    Column("key", |certificate| {
        format!("{} {}", text(certificate, "key_type"), text(certificate, "key_size")).into()
    }),
    Column("id", |certificate| text(certificate, "id").into()),
];

pub(super) fn name(certificate: &Value) -> String {
    let names = &certificate["sans"];
    let listed =
        ["dns", "ip", "uri", "email"].iter().map(|kind| text(names, kind)).find(|text| !text.is_empty());
    listed.unwrap_or_else(|| text(certificate, "subject"))
}

pub(super) async fn list(session: &Session, filters: Filters) -> anyhow::Result<()> {
    let mut query: Vec<(&str, String)> = Vec::new();
    if let Some(ca) = &filters.ca {
        query.push(("ca_id", ca::id(session, ca).await?));
    }
    let sort =
        filters.sort.or(filters.expiring.is_some().then_some(Order::NotAfter)).map(|order| match order {
            Order::NotAfter => "not_after".to_owned(),
            Order::CreatedAt => "created_at".to_owned(),
        });
    for (field, value) in [
        ("role", filters.role),
        ("status", filters.status),
        ("source", filters.source),
        ("expiring_within", filters.expiring),
        ("common_name", filters.common_name),
        ("san", filters.san),
        ("serial_number", filters.serial_number),
        ("fingerprint_sha256", filters.fingerprint),
        ("tag", filters.tag),
        ("sort", sort),
    ] {
        query.extend(value.map(|value| (field, value)));
    }
    if filters.revoked {
        query.push(("include_revoked", "true".to_owned()));
    }
    let limit = if filters.all { usize::MAX } else { filters.limit };
    let listed = session.api.list(&PATH, &query, "certificates", limit).await?;
    session.out.rows(COLUMNS, &listed.rows, listed.has_more)
}

/// The certificate that is meant: by id, by serial number or fingerprint, or by a name that only one active certificate has.
pub(super) async fn find(session: &Session, meant: &str) -> anyhow::Result<Value> {
    if meant.starts_with("cert_") {
        return Ok(session.api.get(&["v1", "pki", "certificates", meant], &[]).await?);
    }
    let digits: String = meant.chars().filter(|c| !matches!(c, ':' | '-')).collect();
    let is_hex = digits.len() >= 8 && digits.chars().all(|c| c.is_ascii_hexdigit());
    let query = match (is_hex, digits.len()) {
        (true, 64) => vec![("fingerprint_sha256", digits), ("include_revoked", "true".to_owned())],
        (true, _) => vec![("serial_number", digits), ("include_revoked", "true".to_owned())],
        (false, _) => vec![("san", meant.to_owned()), ("status", "active".to_owned())],
    };
    let listed = session.api.list(&PATH, &query, "certificates", 10).await?;
    // A name means the newest certificate, not those that were renewed.
    let present: Vec<&Value> =
        listed.rows.iter().filter(|found| is_hex || found["renewed_by"].is_null()).collect();
    match present.as_slice() {
        [one] => Ok(session.api.get(&["v1", "pki", "certificates", &text(one, "id")], &[]).await?),
        [] => Err(Failure::not_found(format!("no certificate is found by `{meant}`"))),
        several => {
            let ids: Vec<_> = several.iter().map(|found| text(found, "id")).collect();
            Err(Failure::usage(format!("`{meant}` is not one certificate: say which of {}", ids.join(", "))))
        }
    }
}

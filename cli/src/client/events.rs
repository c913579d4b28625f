//! `certmill event`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Session;
use super::output::{Column, text};

/// Between two attempts on a service that does not answer.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Subcommand)]
pub(crate) enum EventCommand {
    /// List what happened, newest first
    Ls {
        #[command(flatten)]
        wanted: Wanted,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
    },
    /// Print what happens, as it happens, until interrupted
    Tail {
        #[command(flatten)]
        wanted: Wanted,
        /// End after so many events
        #[arg(long, value_name = "NUMBER")]
        count: Option<usize>,
    },
}

/// Which events.
#[derive(Args)]
pub(crate) struct Wanted {
    /// Of these types, divided by commas: `order.failed`, `certificate.*`
    #[arg(long = "type", value_name = "TYPES")]
    types: Option<String>,
    /// About the object of this id
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// At this time or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
}

impl Wanted {
    fn query(self) -> Vec<(&'static str, String)> {
        [("type", self.types), ("object", self.object), ("from", self.from)]
            .into_iter()
            .filter_map(|(field, value)| value.map(|value| (field, value)))
            .collect()
    }
}

const COLUMNS: &[Column] = &[
    Column("time", |event| text(event, "timestamp").into()),
    Column("type", |event| text(event, "event_type").into()),
    Column("object", |event| text(event, "object").into()),
    Column("by", |event| text(event, "identity_id").into()),
    Column("about", |event| about(event).into()),
];

/// What a person looks for first.
fn about(event: &Value) -> String {
    let data = &event["data"];
    let text = |field: &str| data[field].as_str().map(ToOwned::to_owned);
    let domains = || {
        let names: Vec<&str> = data["domains"].as_array()?.iter().filter_map(Value::as_str).take(3).collect();
        (!names.is_empty()).then(|| names.join(" "))
    };
    text("message").or_else(|| text("common_name")).or_else(domains).unwrap_or_default()
}

pub(super) async fn run(session: &Session, command: EventCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        EventCommand::Ls { wanted, limit } => {
            let mut query = wanted.query();
            query.push(("sort", "-timestamp".to_owned()));
            let listed = api.list(&["v1", "events"], &query, "events", limit).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        EventCommand::Tail { wanted, count } => tail(session, wanted.query(), count).await,
    }
}

/// Waits for events and prints each as a line. Goes on from the last one, so that none is missed between two calls.
async fn tail(
    Session { api, out }: &Session,
    query: Vec<(&'static str, String)>,
    count: Option<usize>,
) -> anyhow::Result<()> {
    let mut left = count.unwrap_or(usize::MAX);
    let mut cursor: Option<String> = None;
    while left > 0 {
        let mut query = query.clone();
        query.push(("wait", "30s".to_owned()));
        query.push(("limit", left.min(500).to_string()));
        query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
        let found = match api.get(&["v1", "events"], &query).await {
            // The service is being restarted, or the way to it is broken: the cursor stays good.
            Err(error) if cursor.is_some() && error.may_pass() => {
                out.note(&format!("{:#}: trying again", anyhow::Error::from(error)));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            other => other?,
        };
        let events = found["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        for event in events {
            out.line(event, || {
                let cells = COLUMNS.iter().map(|Column(_, cell)| cell(event).into_text());
                cells.collect::<Vec<_>>().join("  ")
            })?;
        }
        left = left.saturating_sub(events.len());
        cursor = found["cursor"].as_str().map(ToOwned::to_owned).or(cursor);
    }
    Ok(())
}

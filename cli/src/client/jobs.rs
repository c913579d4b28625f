//! `certmill job`.

use clap::Subcommand;
use serde_json::json;

use super::Session;
use super::output::{Column, state, text};

#[derive(Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first
    Ls {
        /// pending, running, done or dead
        #[arg(long)]
        state: Option<String>,
        /// Kind of job
        #[arg(long)]
        kind: Option<String>,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
    },
    /// Show a job
    Show {
        /// Id of the job
        id: String,
    },
    /// Give a dead job all its attempts again
    Retry {
        /// Id of the job
        id: String,
    },
    /// Cancel a job
    Cancel {
        /// Id of the job
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column("id", |job| text(job, "id").into()),
    Column("kind", |job| text(job, "kind").into()),
    Column("state", |job| state(job, "state")),
    Column("attempts", |job| format!("{}/{}", text(job, "attempts"), text(job, "max_attempts")).into()),
    Column("subject", |job| text(job, "subject").into()),
    Column("due", |job| text(job, "run_at").into()),
    Column("error", |job| text(job, "last_error").into()),
];

pub(super) async fn run(session: &Session, command: JobCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        JobCommand::Ls { state, kind, limit } => {
            let query: Vec<_> = [("state", state), ("kind", kind)]
                .into_iter()
                .filter_map(|(field, value)| value.map(|value| (field, value)))
                .collect();
            let listed = api.list(&["v1", "jobs"], &query, "jobs", limit).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        JobCommand::Show { id } => out.object(&api.get(&["v1", "jobs", &id], &[]).await?),
        JobCommand::Retry { id } => {
            let job = api.post(&["v1", "jobs", &id, "retry"], &json!({})).await?;
            out.done(&job, &format!("{id} is {}", text(&job, "state")))
        }
        JobCommand::Cancel { id } => {
            let job = api.post(&["v1", "jobs", &id, "cancel"], &json!({})).await?;
            out.done(&job, &format!("{id} is {}", text(&job, "state")))
        }
    }
}

//! `certmill webhook`: where events are sent.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::acme::named;
use super::failure::Failure;
use super::output::{self, Cell, Column, Mark, text};

const PATH: [&str; 2] = ["v1", "webhooks"];

#[derive(Subcommand)]
pub(crate) enum WebhookCommand {
    /// List webhooks
    Ls,
    /// Show a webhook; its secret is never shown again
    Show {
        /// Name or id
        webhook: String,
    },
    /// Have events sent to a URL; the secret is printed once
    #[command(
        after_help = "Example:\n  certmill webhook create ops https://hooks.example.com/x --event 'certificate.*' > secret"
    )]
    Create(Create),
    /// Send an event that means nothing, and say what the receiver makes of it
    Test {
        /// Name or id
        webhook: String,
    },
    /// List what was sent, newest first
    Deliveries {
        /// Name or id
        webhook: String,
        /// Only those that are `waiting`, `delivered` or `failed`
        #[arg(long)]
        state: Option<String>,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 50)]
        limit: usize,
    },
    /// Send an event once more
    Redeliver {
        /// Name or id
        webhook: String,
        /// Id of the delivery
        delivery: String,
    },
    /// Delete a webhook
    #[command(alias = "rm")]
    Delete {
        /// Name or id
        webhook: String,
    },
}

#[derive(Args)]
pub(crate) struct Create {
    /// Name of the webhook
    name: String,
    /// Where to send events
    url: String,
    /// Type of events, such as `order.failed` or `certificate.*`; may be repeated
    #[arg(long = "event", value_name = "TYPE", default_value = "*")]
    events: Vec<String>,
    /// certmill, cloudevents or slack
    #[arg(long)]
    format: Option<String>,
    /// Only about this CA or its certificates, by id; may be repeated
    #[arg(long = "ca", value_name = "CA")]
    ca_ids: Vec<String>,
    /// Only about certificates under this role; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

const COLUMNS: &[Column] = &[
    Column("name", |webhook| text(webhook, "name").into()),
    Column("url", |webhook| text(webhook, "url").into()),
    Column("events", |webhook| text(webhook, "events").into()),
    Column("active", |webhook| if webhook["is_active"] == true { "yes".into() } else { "no".into() }),
    Column("delivered", |webhook| text(webhook, "delivered_at").into()),
    Column("last error", |webhook| Cell::marked(text(webhook, "last_error"), Mark::Bad)),
    Column("id", |webhook| text(webhook, "id").into()),
];

const DELIVERIES: &[Column] = &[
    Column("time", |delivery| text(delivery, "created_at").into()),
    Column("type", |delivery| text(delivery, "event_type").into()),
    Column("object", |delivery| text(delivery, "object").into()),
    Column("state", state),
    Column("attempts", |delivery| text(delivery, "attempts").into()),
    Column("next", |delivery| text(delivery, "next_attempt_at").into()),
    Column("last error", |delivery| Cell::marked(text(delivery, "last_error"), Mark::Bad)),
    Column("id", |delivery| text(delivery, "id").into()),
];

fn state(delivery: &Value) -> Cell {
    let state = text(delivery, "state");
    match state.as_str() {
        "delivered" => Cell::marked(state, Mark::Good),
        "failed" => Cell::marked(state, Mark::Bad),
        _ => state.into(),
    }
}

pub(super) async fn run(session: &Session, command: WebhookCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    let id = async |webhook: &str| named(session, &PATH, "webhooks", "whk_", webhook).await;
    match command {
        WebhookCommand::Ls => {
            let listed = api.list(&PATH, &[], "webhooks", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        WebhookCommand::Show { webhook } => {
            out.object(&api.get(&["v1", "webhooks", &id(&webhook).await?], &[]).await?)
        }
        WebhookCommand::Create(wish) => create(session, wish).await,
        WebhookCommand::Test { webhook } => {
            let answer = api.post(&["v1", "webhooks", &id(&webhook).await?, "test"], &json!({})).await?;
            if out.is_for_programs() {
                out.raw(&answer)?;
            }
            if answer["succeeded"] == true {
                out.note(&format!("{webhook} answered with status {}", text(&answer, "status")));
                return Ok(());
            }
            Err(Failure::Refused(format!("{webhook} did not take it: {}", text(&answer, "error"))).into())
        }
        WebhookCommand::Deliveries { webhook, state, limit } => {
            let path = ["v1", "webhooks", &id(&webhook).await?, "deliveries"];
            let query: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
            let listed = api.list(&path, &query, "deliveries", limit).await?;
            out.rows(DELIVERIES, &listed.rows, listed.has_more)
        }
        WebhookCommand::Redeliver { webhook, delivery } => {
            let path = ["v1", "webhooks", &id(&webhook).await?, "deliveries", &delivery, "redeliver"];
            let again = api.post(&path, &json!({})).await?;
            out.done(&again, &format!("{delivery} is sent once more"))
        }
        WebhookCommand::Delete { webhook } => {
            let id = id(&webhook).await?;
            out.confirm(&format!("Delete webhook {webhook}?"))?;
            let gone = api.delete(&["v1", "webhooks", &id]).await?;
            out.done(&gone, &format!("webhook {webhook} is deleted"))
        }
    }
}

async fn create(Session { api, out }: &Session, wish: Create) -> anyhow::Result<()> {
    let mut body = json!({
        "name": wish.name, "url": wish.url, "events": wish.events,
        "filters": { "ca_ids": wish.ca_ids, "roles": wish.roles },
    });
    if let Some(format) = wish.format {
        body["format"] = format.into();
    }
    let made = api.post(&PATH, &body).await?;
    if out.is_for_programs() {
        return out.raw(&made);
    }
    out.note(&format!("{} is made; this is the only time that its secret is shown:", text(&made, "id")));
    output::print(&text(&made, "secret"))
}

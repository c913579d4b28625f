//! Trying a webhook, looking at its deliveries, and having one repeated.

use std::str::FromStr;
use std::time::{Duration, Instant};

use certmill_domain::{Action, Delivery, DeliveryId, DeliveryState, EventId, Stored, WebhookId};
use certmill_storage::holds;
use certmill_storage::webhook_deliveries::{self as rows};
use serde_json::json;

use super::answers::Sender;
use super::secrets::Secrets;
use super::{stored, way};
use crate::change::Act;
use crate::events::Entry;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// What a receiver made of an event that means nothing.
pub struct Trial {
    /// The id of the event.
    pub event_id: String,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Sends an event that means nothing, whether the webhook is active or not.
pub async fn test(app: &App, caller: &Caller, id: WebhookId) -> Result<Trial, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let webhook = stored(&mut session, id).await?;
    drop(session);
    let secrets = Secrets::stored(app, caller.tenant, id).await?;
    let _place = app.place_to_call_out(caller.tenant).await?;
    app.change(caller).await?.commit(Act::new(Action::WebhookTest, id)).await?;
    let now = app.now();
    let entry = Entry {
        id: EventId::generate(now, app.entropy()).to_string(),
        kind: Stored::Unknown("webhook.test".to_owned()),
        at: now,
        tenant: caller.tenant,
        identity: caller.identity.to_string(),
        object: Some(id.to_string()),
        data: json!({ "name": webhook.name }),
        request_id: Some(caller.request_id.clone()),
        cursor: String::new(),
    };
    let egress = way(app, caller.tenant).await?;
    let sender = Sender { app, webhook: &webhook, secrets: &secrets, egress: &egress };
    let delivery = DeliveryId::generate(now, app.entropy()).to_string();
    let started = Instant::now();
    let answer = sender.send(&entry, &delivery).await?;
    Ok(Trial {
        event_id: entry.id,
        status: answer.status(),
        error: answer.error(),
        elapsed: started.elapsed(),
    })
}

/// The deliveries of a webhook, newest event first.
pub async fn deliveries(
    app: &App,
    caller: &Caller,
    id: WebhookId,
    state: Option<DeliveryState>,
    page: &PageRequest,
) -> Result<Page<Delivery>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<Place>()?.map(|Place(place)| place));
    let mut session = app.database().read(caller.tenant).await?;
    stored(&mut session, id).await?;
    let found = rows::list(&mut session, id, state, before, limit).await?;
    Ok(Page::of(found, |delivery: &Delivery| format!("delivery {}", delivery.sequence)))
}

/// Has an event sent once more, with all its attempts: one that was given up, that was delivered, or that waits.
pub async fn redeliver(
    app: &App,
    caller: &Caller,
    id: WebhookId,
    delivery: DeliveryId,
) -> Result<Delivery, ServiceError> {
    let missing = || ServiceError::not_found(Noun::Delivery, delivery);
    let mut change = app.change(caller).await?;
    holds::webhook(&mut change, &id.to_string()).await?;
    let webhook = stored(&mut change, id).await?;
    if !webhook.is_active {
        return Err(ServiceError::InvalidState {
            message: format!("{id} is not active, so nothing is sent: set `is_active` first"),
            state: "inactive",
            possible_from: &["active"],
        });
    }
    // The job is enqueued by whoever looks for what is due: enqueueing it here would take locks in another order than it does.
    if !rows::repeat(&mut change, id, delivery, app.now()).await? {
        return Err(missing());
    }
    let found = rows::find(&mut change, id, delivery).await?.ok_or_else(missing)?;
    change.commit(Act::new(Action::WebhookRedeliver, delivery)).await?;
    Ok(found)
}

/// Reads the id of a delivery; one that cannot be an id is as good as absent.
pub fn parse_delivery_id(text: &str) -> Result<DeliveryId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Delivery, text))
}

/// The place of an event as a cursor of this list has it.
struct Place(i64);

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.strip_prefix("delivery ").and_then(|place| place.parse().ok()).map(Self).ok_or(())
    }
}

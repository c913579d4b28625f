//! Deliveries as they are answered.

use certmill_service::domain::{Delivery, DeliveryState};
use poem_openapi::Object;
use serde::Serialize;

use crate::words::Word;

/// The delivery of an event.
#[derive(Object, Serialize)]
#[oai(rename = "WebhookDelivery")]
pub(super) struct DeliveryView {
    /// `del_…`
    id: String,
    /// `evt_…`: the same whenever the event is sent.
    event_id: String,
    /// What happened.
    event_type: String,
    /// The id of what it happened to.
    object: Option<String>,
    /// `waiting` for its first or another attempt, or behind an earlier event about the same object; `delivered`; or `failed`:
    /// given up.
    state: Word<DeliveryState>,
    /// How often it was sent.
    attempts: i64,
    /// When it is sent at the earliest; null when it is done.
    next_attempt_at: Option<String>,
    /// The status of the last answer.
    last_status: Option<i64>,
    /// What went wrong last.
    last_error: Option<String>,
    created_at: String,
    /// When it was delivered or given up.
    finished_at: Option<String>,
}

/// A page of deliveries.
#[derive(Object, Serialize)]
pub(super) struct WebhookDeliveryList {
    pub(super) deliveries: Vec<DeliveryView>,
    /// Send it as `cursor` for the next page; null on the last one.
    pub(super) cursor: Option<String>,
    pub(super) has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<i64>,
}

pub(super) fn delivery_view(delivery: Delivery) -> DeliveryView {
    let is_done = delivery.finished_at.is_some();
    DeliveryView {
        id: delivery.id.to_string(),
        event_id: delivery.event_id,
        event_type: delivery.event_type,
        object: Some(delivery.object).filter(|object| !object.is_empty()),
        state: delivery.state.into(),
        attempts: delivery.attempts,
        next_attempt_at: (!is_done).then(|| delivery.next_at.to_string()),
        last_status: delivery.last_status,
        last_error: delivery.last_error,
        created_at: delivery.created_at.to_string(),
        finished_at: delivery.finished_at.map(|at| at.to_string()),
    }
}

//! Webhooks: where a tenant has its events sent, and the deliveries of single events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::word::words;
use crate::{CaId, DeliveryId, Stored, Timestamp, WebhookId};

words! {
    /// What is sent.
    WebhookFormat("format of webhooks") {
        /// The event as `GET /v1/events` tells it.
        Certmill = "certmill",
        /// `CloudEvents` 1.0 in JSON, structured.
        CloudEvents = "cloudevents",
        /// A text that chat programs show.
        Slack = "slack",
    }
}

words! {
    /// What became of a delivery.
    DeliveryState("state of a delivery") {
        /// It is yet to be sent, for the first time or again.
        Waiting = "waiting",
        /// The receiver took it.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}

/// Which events a webhook is for, beside their types. Every filter that is set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookFilters {
    /// About one of these CAs, or certificates of one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca_ids: Vec<CaId>,
    /// About certificates under one of these roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// About certificates with all of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl WebhookFilters {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.ca_ids.is_empty() && self.roles.is_empty() && self.tags.is_empty()
    }
}

/// A webhook of a tenant. Its secrets are kept apart, sealed.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What the tenant calls it.
    pub name: String,
    /// Where events are sent.
    pub url: String,
    /// The types of events: words of `EventKind`, or such as `certificate.*` and `*`.
    pub events: Vec<String>,
    /// Which of them.
    pub filters: WebhookFilters,
    /// What is sent.
    pub format: Stored<WebhookFormat>,
    /// Whether anything is sent.
    pub is_active: bool,
    /// Until when what is sent is signed with the secret before this one too.
    pub previous_secret_until: Option<Timestamp>,
    /// The place in the tenant's audit log up to which events have become deliveries.
    pub place: i64,
    /// How often in a row the receiver could not be spoken to.
    pub failures: i64,
    /// Until when it is left alone because of that.
    pub paused_until: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When something was last delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The delivery of an event to a webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event's place in the tenant's audit log.
    pub sequence: i64,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// What the event is about; empty when it is about nothing.
    pub object: String,
    /// What became of it.
    pub state: Stored<DeliveryState>,
    /// How often it was sent.
    pub attempts: i64,
    /// When it is sent at the earliest.
    pub next_at: Timestamp,
    /// The status of the last answer.
    pub last_status: Option<i64>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When the event became a delivery.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub finished_at: Option<Timestamp>,
}

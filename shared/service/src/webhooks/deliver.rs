//! The job of a webhook: reading on in the feed from its place, and sending what is due.
//!
//! Every step is a transaction that confirms the lease, and none is open while something is sent. What dies between sending an
//! event and noting the answer sends it once more, with the same event id.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use certmill_domain::{
    CaId, Certificate, CertificateId, Delivery, DeliveryId, DeliveryState, EventKind, TenantId, Webhook,
    WebhookFilters, WebhookId,
};
use certmill_storage::events::Happening;
use certmill_storage::webhook_deliveries::{self as deliveries, Outcome};
use certmill_storage::webhooks::Room;
use certmill_storage::{Session, Tx, audit, certificates, webhooks as rows};
use futures_util::future::join_all;
use serde_json::json;

use super::answers::{Answer, Sender, next_attempt, pause};
use super::secrets::Secrets;
use super::way;
use crate::events::{self, Entry};
use crate::jobs::{Job, JobKind, Lease};
use crate::{App, ServiceError, failpoint};

/// After so long the rest is left to the next attempt, so that none meets its deadline.
const ENOUGH: Duration = Duration::from_mins(1);
/// Events that are read at a time.
const BATCH: i64 = 500;
/// Events that wait at most: the others are in the feed, where they cost nothing. What was refused counts apart, so that
/// refusals of one sort do not stop the rest.
const ROOM: Room = Room { fresh: 1_000, all: 10_000 };
/// Events that are on their way to one receiver at the same time, each about another object.
const AT_ONCE: i64 = 16;
/// Certificates that are read at a time.
const FACTS: usize = 50;
/// Webhooks that get a job in one turn.
const MOST_WOKEN: i64 = 200;
/// Old deliveries that are deleted at a time.
const PRUNED: i64 = 1_000;
/// So many times per sweep, so that no number of events outgrows it.
const PRUNED_AT_ONCE: usize = 100;

/// Enqueues the jobs of webhooks that are behind. It costs a query where none is, and nothing where events are caused.
///
/// # Errors
/// When the database cannot be asked.
pub async fn wake(app: &App) -> Result<(), ServiceError> {
    let kind = JobKind::DeliverEvents.as_str();
    let mut session = app.database().read_system().await?;
    let behind = rows::behind(&mut session, kind, app.now(), ROOM, MOST_WOKEN).await?;
    drop(session);
    let is_any = !behind.is_empty();
    for (tenant, webhook) in behind {
        let mut tx = app.database().begin(tenant).await?;
        app.enqueue(&mut tx, Job::DeliverEvents(webhook), None).await?;
        tx.commit().await?;
    }
    if is_any {
        app.wake_workers();
    }
    Ok(())
}

/// Deletes deliveries that were finished long ago.
pub(crate) async fn prune(app: &App) -> Result<(), ServiceError> {
    let before = app.now().minus(app.settings().retention.webhook_deliveries);
    for _ in 0..PRUNED_AT_ONCE {
        let mut tx = app.database().begin_system().await?;
        let pruned = deliveries::prune(&mut tx, before, PRUNED).await?;
        tx.commit().await?;
        if pruned < PRUNED.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

/// Sends a webhook what has happened, and what is due again, until there is nothing more now.
pub(crate) async fn deliver(app: &App, lease: &Lease, id: WebhookId) -> Result<(), ServiceError> {
    let turn = Turn { app, lease, tenant: lease.tenant()?, id };
    let started = Instant::now();
    while started.elapsed() < ENOUGH {
        let mut session = app.database().read(turn.tenant).await?;
        let webhook = rows::find(&mut session, id).await?;
        drop(session);
        let is_wanted = |webhook: &Webhook| {
            webhook.is_active && webhook.paused_until.is_none_or(|until| until <= app.now())
        };
        let Some(webhook) = webhook.filter(is_wanted) else { break };
        let has_read = turn.read_on(&webhook).await?;
        let has_sent = turn.send_due(&webhook).await?;
        if !has_read && !has_sent {
            break;
        }
    }
    // `wake` finds events that come later, and deliveries that are due later.
    let mut tx = app.database().begin(turn.tenant).await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

struct Turn<'a> {
    app: &'a App,
    lease: &'a Lease,
    tenant: TenantId,
    id: WebhookId,
}

impl Turn<'_> {
    /// Makes deliveries of the next events. Answers whether it moved on.
    async fn read_on(&self, webhook: &Webhook) -> Result<bool, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let head = audit::head(&mut session).await?.sequence;
        let waiting = deliveries::waiting(&mut session, self.id).await?;
        if webhook.place >= head || waiting.fresh >= ROOM.fresh || waiting.all >= ROOM.all {
            return Ok(false);
        }
        let (found, place) = match kinds(webhook) {
            Some(kinds) => events::after(&mut session, &kinds, (webhook.place, head), BATCH).await?,
            None => (Vec::new(), head),
        };
        let found = self.wanted(&mut session, webhook, found).await?;
        let entries = events::tell(&mut session, found).await?;
        drop(session);
        let new: Vec<Delivery> =
            entries.iter().map(|(sequence, entry)| self.delivery(*sequence, entry)).collect();
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        if !rows::advance(&mut tx, self.id, (webhook.place, place)).await? {
            return Ok(false);
        }
        deliveries::insert(&mut tx, self.id, &new).await?;
        tx.commit().await?;
        failpoint::reached("webhook.read");
        Ok(true)
    }

    /// What passes the filters. What is about the webhook itself is never told to it: its own failures would go on for ever.
    async fn wanted(
        &self,
        session: &mut Session,
        webhook: &Webhook,
        mut found: Vec<Happening>,
    ) -> Result<Vec<Happening>, ServiceError> {
        let own = self.id.to_string();
        found.retain(|happening| happening.object.as_deref() != Some(&own));
        if webhook.filters.is_none() {
            return Ok(found);
        }
        let about: Vec<CertificateId> =
            found.iter().filter_map(|happening| happening.object.as_deref()?.parse().ok()).collect();
        let mut known = HashMap::new();
        for ids in about.chunks(FACTS) {
            let certificates = certificates::find_all(session, ids).await?;
            known.extend(
                certificates.into_iter().map(|certificate| (certificate.id.to_string(), certificate)),
            );
        }
        found.retain(|happening| {
            happening
                .object
                .as_deref()
                .is_some_and(|object| passes(&webhook.filters, object, known.get(object)))
        });
        Ok(found)
    }

    fn delivery(&self, sequence: i64, entry: &Entry) -> Delivery {
        let now = self.app.now();
        Delivery {
            id: DeliveryId::generate(now, self.app.entropy()),
            sequence,
            event_id: entry.id.clone(),
            event_type: entry.kind.as_str().to_owned(),
            object: entry.object.clone().unwrap_or_default(),
            state: DeliveryState::Waiting.into(),
            attempts: 0,
            next_at: now,
            last_status: None,
            last_error: None,
            created_at: now,
            finished_at: None,
        }
    }

    /// Sends what is due, some of it at once. Answers whether there was any.
    async fn send_due(&self, webhook: &Webhook) -> Result<bool, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        // A receiver that was away is tried with one event.
        let limit = if webhook.failures > 0 { 1 } else { AT_ONCE };
        let due = deliveries::due(&mut session, self.id, self.app.now(), limit).await?;
        let mut entries = Vec::with_capacity(due.len());
        for delivery in &due {
            entries.push(entry_at(&mut session, delivery.sequence).await?);
        }
        drop(session);
        if due.is_empty() {
            return Ok(false);
        }
        let secrets = &match Secrets::stored(self.app, self.tenant, self.id).await {
            // The webhook was removed meanwhile.
            Err(ServiceError::NotFound { .. }) => return Ok(false),
            other => other?,
        };
        let egress = &way(self.app, self.tenant).await?;
        let sender = &Sender { app: self.app, webhook, secrets, egress };
        let sending = due.iter().zip(&entries).map(|(delivery, entry)| async move {
            match entry {
                Some(entry) => sender.send(entry, &delivery.id.to_string()).await,
                None => Err(ServiceError::internal("a delivery is of an event that there is")),
            }
        });
        let answers = join_all(sending).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        failpoint::reached("webhook.sent");
        self.note(webhook, &due, &answers).await?;
        Ok(true)
    }

    /// Writes down what became of deliveries, and of the webhook.
    async fn note(
        &self,
        webhook: &Webhook,
        due: &[Delivery],
        answers: &[Answer],
    ) -> Result<(), ServiceError> {
        let now = self.app.now();
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        self.note_receiver(&mut tx, webhook, answers).await?;
        for (delivery, answer) in due.iter().zip(answers) {
            let next = next_attempt(delivery.attempts + 1, now);
            let (state, word) = match (answer, next) {
                (Answer::Taken(_), _) => (DeliveryState::Delivered, "delivered"),
                // The delivery is sent if the webhook is made active again.
                (Answer::Gone, _) => (DeliveryState::Waiting, "gone"),
                (_, Some(_)) => (DeliveryState::Waiting, "retry"),
                (_, None) => (DeliveryState::Failed, "failed"),
            };
            let error = answer.error();
            let status = answer.status().map(i64::from);
            let outcome = Outcome { state, next_at: next.unwrap_or(now), status, error: error.clone() };
            deliveries::note(&mut tx, delivery.id, &outcome, now).await?;
            // Of failures to tell about webhooks it is not told: two that fail would tell each other for ever.
            let is_about_webhooks = delivery.event_type.starts_with("webhook.");
            if state == DeliveryState::Failed && !is_about_webhooks {
                let data = json!({
                    "delivery_id": delivery.id.to_string(), "event_id": delivery.event_id,
                    "event_type": delivery.event_type, "object": delivery.object, "name": webhook.name,
                    "attempts": delivery.attempts + 1, "last_error": error,
                });
                events::raise(self.app, &mut tx, EventKind::WebhookDeliveryFailed, self.id, data);
            }
            metrics::counter!("certmill_webhook_deliveries_total", "outcome" => word).increment(1);
        }
        Ok(tx.commit().await?)
    }

    async fn note_receiver(
        &self,
        tx: &mut Tx,
        webhook: &Webhook,
        answers: &[Answer],
    ) -> Result<(), ServiceError> {
        let now = self.app.now();
        if let Some(gone) = answers.iter().find(|answer| matches!(answer, Answer::Gone)) {
            let error = gone.error().unwrap_or_default();
            if rows::disable(tx, self.id, &error, now).await? {
                let data = json!({ "name": webhook.name, "last_error": error });
                events::raise(self.app, tx, EventKind::WebhookDisabled, self.id, data);
            }
            return Ok(());
        }
        if answers.iter().any(|answer| matches!(answer, Answer::Taken(_))) {
            return Ok(rows::note_delivered(tx, self.id, now).await?);
        }
        let error = answers.iter().find_map(Answer::error).unwrap_or_default();
        let is_away = answers.iter().all(|answer| matches!(answer, Answer::Away { .. }));
        let failures = if is_away { webhook.failures + 1 } else { 0 };
        let paused_until = is_away.then(|| pause(failures, now));
        Ok(rows::note_failure(tx, self.id, &error, (failures, paused_until)).await?)
    }
}

/// The kinds of events that a webhook is for; empty for all that there are, none when this version knows none of them.
fn kinds(webhook: &Webhook) -> Option<Vec<EventKind>> {
    if webhook.events.iter().any(|word| word == "*") {
        return Some(Vec::new());
    }
    let kinds: Vec<EventKind> =
        webhook.events.iter().filter_map(|word| events::kinds_of(word)).flatten().collect();
    (!kinds.is_empty()).then_some(kinds)
}

/// Whether an event about this object passes the filters.
fn passes(filters: &WebhookFilters, object: &str, certificate: Option<&Certificate>) -> bool {
    let ca = certificate.map_or_else(|| object.parse::<CaId>().ok(), |certificate| certificate.ca_id);
    let role = certificate.and_then(|certificate| certificate.role.as_ref());
    (filters.ca_ids.is_empty() || ca.is_some_and(|ca| filters.ca_ids.contains(&ca)))
        && (filters.roles.is_empty() || role.is_some_and(|role| filters.roles.contains(role)))
        && filters.tags.iter().all(|(key, value)| {
            certificate.is_some_and(|certificate| certificate.tags.get(key) == Some(value))
        })
}

/// The event at a place.
pub(super) async fn entry_at(session: &mut Session, place: i64) -> Result<Option<Entry>, ServiceError> {
    let (found, _) = events::after(session, &[], (place - 1, place), 1).await?;
    Ok(events::tell(session, found).await?.pop().map(|(_, entry)| entry))
}

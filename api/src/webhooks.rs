//! `/v1/webhooks`: where the tenant's events are sent.

mod delivery_view;

use std::collections::BTreeMap;

use certmill_service::domain::{DeliveryState, Timestamp, Webhook, WebhookFilters, WebhookFormat};
use certmill_service::webhooks::{self, NewWebhook, ShownWebhook, WantedFilters, WebhookChanges};
use certmill_service::{App, PageRequest};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Object, OpenApi};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::delivery_view::{DeliveryView, WebhookDeliveryList, delivery_view};
use crate::acts::{WebhookCreate, WebhookDelete, WebhookRedeliver, WebhookTest, WebhookUpdate};
use crate::auth::{Admin, Authorized};
use crate::body::{Body, Created, NoContent, Reply, Tagged};
use crate::error::ApiError;
use crate::openapi::Group;
use crate::scalars::{DurationText, TextList};
use crate::secret_text::{self, SecretText};
use crate::words::Word;

pub(crate) struct WebhooksApi;

/// Which events a webhook is for, beside their types. Every filter that is there must fit, as things are when the event is read.
#[derive(Object, Deserialize)]
#[oai(rename = "WebhookFiltersRequest")]
#[serde(deny_unknown_fields)]
struct FiltersRequest {
    /// About one of these CAs, or certificates of one of them.
    ca_ids: Option<TextList>,
    /// About certificates under one of these roles.
    roles: Option<TextList>,
    /// About certificates with all of these labels.
    tags: Option<BTreeMap<String, String>>,
}

/// A webhook to make.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateWebhookRequest {
    /// What to call it: 1 to 128 characters, unique in the tenant.
    name: String,
    /// Where events are sent by `POST`: https, or http to an address that the operator's egress policy lists.
    url: String,
    /// Types of events as in `GET /v1/events`, `certificate.*` for all about certificates, `*` for everything.
    events: TextList,
    /// Which of these events; all when absent.
    filters: Option<FiltersRequest>,
    /// `certmill` (default), `cloudevents` (CloudEvents 1.0, structured JSON) or `slack` (a text, as Slack, Teams and Mattermost
    /// show it).
    format: Option<Word<WebhookFormat>>,
    /// 32 to 256 printable ASCII characters. One is made, and answered this once, when absent.
    secret: Option<String>,
    /// True when absent.
    is_active: Option<bool>,
}

/// What is to change; what is absent stays.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateWebhookRequest {
    name: Option<String>,
    url: Option<String>,
    /// Types of events, in the place of those before.
    events: Option<TextList>,
    /// In the place of all filters; null for none.
    #[serde(default)]
    filters: MaybeUndefined<FiltersRequest>,
    /// What is sent.
    format: Option<Word<WebhookFormat>>,
    /// True for a webhook that was off sends what waits, and what happens from then on; not what happened meanwhile.
    is_active: Option<bool>,
    /// Another secret.
    secret: Option<String>,
    /// True to have another secret made; it is in this answer only.
    rotate_secret: Option<bool>,
    /// How long the secret that is replaced still counts: a day when absent, at most `30d`. So long there is a signature by each.
    previous_secret_ttl: Option<DurationText>,
}

/// Which events a webhook is for, beside their types.
#[derive(Object, Serialize)]
#[oai(rename = "WebhookFilters")]
struct FiltersView {
    /// Any when empty.
    ca_ids: Vec<String>,
    /// Any when empty.
    roles: Vec<String>,
    /// Any when empty.
    tags: BTreeMap<String, String>,
}

/// A webhook. Its secret is never shown again.
#[derive(Object, Serialize)]
#[oai(rename = "Webhook")]
struct WebhookView {
    /// `whk_…`
    id: String,
    name: String,
    /// Where events are sent.
    url: String,
    /// Types of events.
    events: Vec<String>,
    /// Which of these events.
    filters: FiltersView,
    /// What is sent.
    format: Word<WebhookFormat>,
    is_active: bool,
    /// Until when there is a signature by the secret before the present one too.
    previous_secret_until: Option<String>,
    /// Until when the receiver is left alone because it could not be spoken to.
    paused_until: Option<String>,
    /// What went wrong last; null once something was delivered.
    last_error: Option<String>,
    /// When something was last delivered.
    delivered_at: Option<String>,
    created_at: String,
    updated_at: String,
}

/// A webhook, and its secret if the service has just made it.
#[derive(Object, Serialize)]
struct WebhookWithSecret {
    /// The secret, which is in this answer only.
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "secret_text::answer_some")]
    secret: Option<SecretText>,
    #[oai(flatten)]
    #[serde(flatten)]
    view: WebhookView,
}

/// What a receiver made of an event that means nothing.
#[derive(Object, Serialize)]
#[oai(rename = "WebhookTest")]
struct TestView {
    succeeded: bool,
    /// `evt_…`: the id that was sent.
    event_id: String,
    /// The status of the answer; null without one.
    status: Option<u16>,
    error: Option<String>,
    elapsed_ms: u64,
}

/// A page of webhooks.
#[derive(Object, Serialize)]
struct WebhookList {
    webhooks: Vec<WebhookView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/webhooks", tag = "Group::Events")]
impl WebhooksApi {
    /// List webhooks
    ///
    /// The URLs of many receivers are secrets. Newest first.
    #[oai(path = "/", method = "get", operation_id = "listWebhooks")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
        count: Query<Option<bool>>,
    ) -> Result<Reply<WebhookList>, ApiError> {
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = webhooks::list(&app, &caller, &page).await?;
        let (now, has_more) = (app.now(), page.has_more());
        let webhooks = page.items.into_iter().map(|webhook| view(webhook, now)).collect();
        Ok(Reply(WebhookList { webhooks, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Make a webhook
    ///
    /// It is told what happens from now on, at least once, and what happens to one object in its order. Each
    /// event is a `POST` with `X-Certmill-Event-Id` (the same whenever it is sent), `X-Certmill-Event-Type`,
    /// `X-Certmill-Timestamp` (Unix seconds) and `X-Certmill-Signature`: `sha256=` and the HMAC-SHA256 in hex, by the secret, of the
    /// timestamp, a dot and the body; where secrets change several with `, ` between them, of which one must fit.
    ///
    /// A status of 200 to 299 within ten seconds is a delivery; redirects are not followed. Else it is sent again after 10 s, 1 min,
    /// 5 min, 15 min, 1 h, 3 h, 6 h, 12 h and 24 h, and then given up with the event `webhook.delivery_failed`; what happens to other
    /// objects goes on meanwhile. `410` switches the webhook off (`webhook.disabled`). A tenant has 50 webhooks at most.
    #[oai(path = "/", method = "post", operation_id = "createWebhook")]
    async fn create(
        &self,
        caller: Authorized<Admin, WebhookCreate>,
        app: Data<&App>,
        body: Body<CreateWebhookRequest>,
    ) -> Result<Created<WebhookWithSecret>, ApiError> {
        let body = body.0;
        let format = body.format.map(|word| word.value("format")).transpose()?;
        let new = NewWebhook {
            name: body.name,
            url: body.url,
            events: body.events.0,
            filters: body.filters.map(filters).unwrap_or_default(),
            format: format.unwrap_or(WebhookFormat::Certmill),
            secret: body.secret.map(Zeroizing::new),
            is_active: body.is_active.unwrap_or(true),
        };
        let made = webhooks::create(&app, &caller, new).await?;
        let location = format!("/v1/webhooks/{}", made.webhook.id);
        Ok(Created::at(location, with_secret(made, app.now())))
    }

    /// Read a webhook
    #[oai(path = "/:id", method = "get", operation_id = "getWebhook")]
    async fn find(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Tagged<WebhookView>, ApiError> {
        let found = webhooks::find(&app, &caller, webhooks::parse_id(&id)?).await?;
        Ok(Tagged::new(webhooks::state(&found), view(found, app.now())))
    }

    /// Change a webhook
    ///
    /// With `rotate_secret` another secret is made and answered this once.
    #[oai(path = "/:id", method = "patch", operation_id = "updateWebhook")]
    async fn update(
        &self,
        caller: Authorized<Admin, WebhookUpdate>,
        app: Data<&App>,
        id: Path<String>,
        body: Body<UpdateWebhookRequest>,
    ) -> Result<Tagged<WebhookWithSecret>, ApiError> {
        let body = body.0;
        let ttl = body.previous_secret_ttl.map(|ttl| ttl.parse("previous_secret_ttl")).transpose()?;
        let changes = WebhookChanges {
            name: body.name,
            url: body.url,
            events: body.events.map(|events| events.0),
            filters: match body.filters {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(WantedFilters::default()),
                MaybeUndefined::Value(wanted) => Some(filters(wanted)),
            },
            format: body.format.map(|word| word.value("format")).transpose()?,
            is_active: body.is_active,
            secret: body.secret.map(Zeroizing::new),
            rotate_secret: body.rotate_secret.unwrap_or(false),
            previous_secret_ttl: ttl.map(|ttl| ttl.duration()),
        };
        let changed = webhooks::update(&app, &caller, webhooks::parse_id(&id)?, changes).await?;
        Ok(Tagged::new(webhooks::state(&changed.webhook), with_secret(changed, app.now())))
    }

    /// Remove a webhook
    ///
    /// What waits for it is not sent any more.
    #[oai(path = "/:id", method = "delete", operation_id = "deleteWebhook")]
    async fn delete(
        &self,
        caller: Authorized<Admin, WebhookDelete>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<NoContent, ApiError> {
        webhooks::delete(&app, &caller, webhooks::parse_id(&id)?).await?;
        Ok(NoContent)
    }

    /// Try a webhook
    ///
    /// Sends an event of the type `webhook.test`, signed like any other, once and at once, whether the webhook is
    /// active or not, and answers what the receiver made of it.
    #[oai(path = "/:id/test", method = "post", operation_id = "testWebhook")]
    async fn test(
        &self,
        caller: Authorized<Admin, WebhookTest>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<TestView>, ApiError> {
        let trial = webhooks::test(&app, &caller, webhooks::parse_id(&id)?).await?;
        Ok(Reply(TestView {
            succeeded: trial.error.is_none(),
            event_id: trial.event_id,
            status: trial.status,
            error: trial.error,
            elapsed_ms: u64::try_from(trial.elapsed.as_millis()).unwrap_or(u64::MAX),
        }))
    }

    /// List the deliveries of a webhook
    ///
    /// Newest event first. What is delivered or given up can be seen for seven days.
    #[oai(path = "/:id/deliveries", method = "get", operation_id = "listWebhookDeliveries")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn deliveries(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
        /// In this state: `waiting`, `delivered` or `failed`.
        state: Query<Option<Word<DeliveryState>>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
        count: Query<Option<bool>>,
    ) -> Result<Reply<WebhookDeliveryList>, ApiError> {
        let state = state.0.map(|word| word.value("state")).transpose()?;
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        let page = webhooks::deliveries(&app, &caller, webhooks::parse_id(&id)?, state, &page).await?;
        let has_more = page.has_more();
        let deliveries = page.items.into_iter().map(delivery_view).collect();
        Ok(Reply(WebhookDeliveryList { deliveries, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Have an event delivered once more
    ///
    /// Within a second or two, with the same event id and all its attempts, whether it was given up, delivered or
    /// waits. It may then come after later events about the same object. `409 invalid_state` while the webhook is not active.
    #[oai(path = "/:id/deliveries/:delivery_id/redeliver", method = "post", operation_id = "redeliverEvent")]
    async fn redeliver(
        &self,
        caller: Authorized<Admin, WebhookRedeliver>,
        app: Data<&App>,
        id: Path<String>,
        /// The id of the delivery.
        delivery_id: Path<String>,
    ) -> Result<Reply<DeliveryView>, ApiError> {
        let (id, delivery) = (webhooks::parse_id(&id)?, webhooks::parse_delivery_id(&delivery_id));
        Ok(Reply(delivery_view(webhooks::redeliver(&app, &caller, id, delivery?).await?)))
    }
}

fn filters(wanted: FiltersRequest) -> WantedFilters {
    let list = |list: Option<TextList>| list.map(|list| list.0).unwrap_or_default();
    WantedFilters {
        ca_ids: list(wanted.ca_ids),
        roles: list(wanted.roles),
        tags: wanted.tags.unwrap_or_default(),
    }
}

fn with_secret(ShownWebhook { webhook, secret }: ShownWebhook, now: Timestamp) -> WebhookWithSecret {
    WebhookWithSecret { secret: secret.map(SecretText::from), view: view(webhook, now) }
}

fn view(webhook: Webhook, now: Timestamp) -> WebhookView {
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let WebhookFilters { ca_ids, roles, tags } = webhook.filters;
    WebhookView {
        id: webhook.id.to_string(),
        name: webhook.name,
        url: webhook.url,
        events: webhook.events,
        filters: FiltersView { ca_ids: ca_ids.iter().map(ToString::to_string).collect(), roles, tags },
        format: webhook.format.into(),
        is_active: webhook.is_active,
        previous_secret_until: text(webhook.previous_secret_until.filter(|until| *until > now)),
        paused_until: text(webhook.paused_until.filter(|until| *until > now)),
        last_error: webhook.last_error,
        delivered_at: text(webhook.delivered_at),
        created_at: webhook.created_at.to_string(),
        updated_at: webhook.updated_at.to_string(),
    }
}

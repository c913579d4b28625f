//! Webhooks: where a tenant has its events sent.
//!
//! A webhook holds a place in the tenant's feed of events, so that causing an event costs nothing: a job per webhook
//! that is behind reads on from there, makes a row of each event that the webhook is for, and sends what is due.

mod answers;
mod checks;
mod deliver;
mod message;
mod redeliver;
mod secrets;

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{Action, TenantId, Webhook, WebhookFormat, WebhookId};
use certmill_storage::{Session, StorageError, audit, holds, webhook_deliveries, webhooks as rows};
use zeroize::Zeroizing;

pub use self::deliver::wake;
pub(crate) use self::deliver::{deliver, prune};
pub use self::redeliver::{Trial, deliveries, parse_delivery_id, redeliver, test};
use self::secrets::Secrets;
use crate::change::Act;
use crate::precondition::tag;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// Webhooks that a tenant may have.
const MOST: i64 = 50;
/// How long a secret counts beside the one that takes its place, unless the caller says so.
const PREVIOUS_SECRET: Duration = Duration::from_hours(24);

/// Which events a webhook is for, as it was sent.
#[derive(Debug, Clone, Default)]
pub struct WantedFilters {
    /// The ids of CAs.
    pub ca_ids: Vec<String>,
    /// The names of roles.
    pub roles: Vec<String>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
}

/// A webhook that is to be made.
pub struct NewWebhook {
    /// What to call it.
    pub name: String,
    /// Where to send events.
    pub url: String,
    /// Which types of events.
    pub events: Vec<String>,
    /// Which of them.
    pub filters: WantedFilters,
    /// What to send.
    pub format: WebhookFormat,
    /// Its secret; one is made when absent.
    pub secret: Option<Zeroizing<String>>,
    /// Whether anything is sent.
    pub is_active: bool,
}

/// What is to change about a webhook; what is none stays.
#[derive(Default)]
pub struct WebhookChanges {
    /// Its name.
    pub name: Option<String>,
    /// Where to send events.
    pub url: Option<String>,
    /// Which types of events.
    pub events: Option<Vec<String>>,
    /// Which of them.
    pub filters: Option<WantedFilters>,
    /// What to send.
    pub format: Option<WebhookFormat>,
    /// Whether anything is sent.
    pub is_active: Option<bool>,
    /// Another secret.
    pub secret: Option<Zeroizing<String>>,
    /// Whether a secret is to be made.
    pub rotate_secret: bool,
    /// How long the present secret counts beside another one.
    pub previous_secret_ttl: Option<Duration>,
}

/// A webhook, and its secret where the service has just made it.
pub struct ShownWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// The secret.
    pub secret: Option<Zeroizing<String>>,
}

/// Makes a webhook. It is told what happens from now on.
pub async fn create(app: &App, caller: &Caller, new: NewWebhook) -> Result<ShownWebhook, ServiceError> {
    let now = app.now();
    let (secret, shown) = secrets::given_or_made(app, new.secret)?;
    let mut webhook = Webhook {
        id: WebhookId::generate(now, app.entropy()),
        name: checks::name(new.name)?,
        url: checks::url(new.url)?,
        events: checks::events(new.events)?,
        filters: checks::filters(new.filters)?,
        format: new.format.into(),
        is_active: new.is_active,
        previous_secret_until: None,
        place: 0,
        failures: 0,
        paused_until: None,
        last_error: None,
        delivered_at: None,
        created_at: now,
        updated_at: now,
    };
    checks::are_there(app, caller.tenant, &webhook.filters).await?;
    checks::reachable(app, caller.tenant, &webhook.url).await?;
    let sealed = Secrets::new(secret).seal(app, caller.tenant, (webhook.id, now)).await?;
    let mut change = app.change(caller).await?;
    holds::tenant(&mut change).await?;
    if rows::count(&mut change).await? >= MOST {
        return Err(ServiceError::InvalidState {
            message: format!("the tenant has {MOST} webhooks, and no more are possible: delete one first"),
            state: "full",
            possible_from: &[],
        });
    }
    webhook.place = audit::head(&mut change).await?.sequence;
    match rows::insert(&mut change, &webhook, sealed).await {
        Err(StorageError::AlreadyExists) => return Err(taken(webhook.name)),
        other => other?,
    }
    change.commit(Act::new(Action::WebhookCreate, webhook.id).after(public_text(&webhook))).await?;
    Ok(ShownWebhook { webhook, secret: shown })
}

/// Changes a webhook.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: WebhookId,
    changes: WebhookChanges,
) -> Result<ShownWebhook, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let old = stored(&mut session, id).await?;
    drop(session);
    caller.check_state(&state(&old))?;
    let now = app.now();
    let mut webhook = Webhook { updated_at: now, ..old.clone() };
    if let Some(name) = changes.name {
        webhook.name = checks::name(name)?;
    }
    if let Some(events) = changes.events {
        webhook.events = checks::events(events)?;
    }
    if let Some(filters) = changes.filters {
        webhook.filters = checks::filters(filters)?;
        checks::are_there(app, caller.tenant, &webhook.filters).await?;
    }
    webhook.format = changes.format.map_or(webhook.format, Into::into);
    webhook.is_active = changes.is_active.unwrap_or(old.is_active);
    if let Some(url) = changes.url {
        webhook.url = checks::url(url)?;
        checks::reachable(app, caller.tenant, &webhook.url).await?;
    }
    let (mut sealed, mut shown) = (None, None);
    if changes.secret.is_some() || changes.rotate_secret {
        if changes.secret.is_some() && changes.rotate_secret {
            let problem = "and `secret` are both there: send a secret, or have one made";
            return Err(ServiceError::field("rotate_secret", problem));
        }
        let (secret, made) = secrets::given_or_made(app, changes.secret)?;
        let mut secrets = Secrets::stored(app, caller.tenant, id).await?;
        let ttl = changes.previous_secret_ttl.unwrap_or(PREVIOUS_SECRET);
        secrets.replace(secret, checks::previous_until(now, ttl)?, now);
        webhook.previous_secret_until = secrets.previous_until(now);
        sealed = Some(secrets.seal(app, caller.tenant, (id, now)).await?);
        shown = made;
    } else if changes.previous_secret_ttl.is_some() {
        let problem =
            "says how long the present secret still counts: send it with `secret` or `rotate_secret`";
        return Err(ServiceError::field("previous_secret_ttl", problem));
    }
    let mut change = app.change(caller).await?;
    if webhook.is_active && !old.is_active {
        webhook.place = audit::head(&mut change).await?.sequence;
    } else {
        holds::webhook(&mut change, &id.to_string()).await?;
        webhook.place = rows::find(&mut change, id).await?.map_or(webhook.place, |present| present.place);
    }
    match rows::update(&mut change, &webhook, sealed, old.updated_at).await {
        Err(StorageError::AlreadyExists) => return Err(taken(webhook.name)),
        Ok(false) => {
            // Two connections for one call are one too many when all calls want them.
            drop(change);
            let mut session = app.database().read(caller.tenant).await?;
            let tag = state(&stored(&mut session, id).await?);
            return Err(match caller.if_match {
                Some(_) => ServiceError::PreconditionFailed { tag },
                None => ServiceError::CallInProgress { seconds: 1 },
            });
        }
        other => other?,
    };
    let act = Act::new(Action::WebhookUpdate, id).before(public_text(&old)).after(public_text(&webhook));
    change.commit(act).await?;
    webhook.failures = 0;
    webhook.paused_until = None;
    Ok(ShownWebhook { webhook, secret: shown })
}

/// A webhook of the tenant.
pub async fn find(app: &App, caller: &Caller, id: WebhookId) -> Result<Webhook, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    stored(&mut session, id).await
}

/// The tenant's webhooks, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<Webhook>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<WebhookId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let found = rows::list(&mut session, before, limit).await?;
    Ok(Page::of(found, |webhook: &Webhook| webhook.id.to_string()))
}

/// Removes a webhook, with what waits for it.
pub async fn delete(app: &App, caller: &Caller, id: WebhookId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    holds::webhook(&mut change, &id.to_string()).await?;
    let webhook = stored(&mut change, id).await?;
    caller.check_state(&state(&webhook))?;
    rows::delete(&mut change, id).await?;
    webhook_deliveries::forget_waiting(&mut change, id).await?;
    change.commit(Act::new(Action::WebhookDelete, id).before(public_text(&webhook))).await
}

/// Reads the id of a webhook; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<WebhookId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Webhook, text))
}

/// The entity tag of a webhook's state: what callers change, and that it was disabled.
pub fn state(webhook: &Webhook) -> String {
    tag(&[&webhook.id.to_string(), &webhook.updated_at.unix_micros().to_string()])
}

async fn stored(session: &mut Session, id: WebhookId) -> Result<Webhook, ServiceError> {
    rows::find(session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Webhook, id))
}

fn taken(name: String) -> ServiceError {
    ServiceError::AlreadyExists { what: "webhook", name }
}

/// What the audit log's digests are of; secrets are not part of it.
fn public_text(webhook: &Webhook) -> String {
    let Webhook { name, url, events, filters, format, is_active, .. } = webhook;
    format!("{name}\n{url}\n{events:?}\n{filters:?}\n{format}\n{is_active}")
}

/// The way to a receiver. By http only where the policy lists the address.
async fn way(app: &App, tenant: TenantId) -> Result<certmill_egress::Egress, ServiceError> {
    Ok(app.egress(tenant, certmill_egress::Purpose::Webhook).await?.with_credentials())
}

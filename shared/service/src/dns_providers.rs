//! DNS providers of a tenant.

mod answers;
mod credentials;
mod open;
mod probe;
mod zones;

use std::collections::BTreeMap;

use certmill_dns::{ConfigError, DnsError};
pub use certmill_dns::{Field, FieldType, ProviderType};
use certmill_domain::{Action, DnsProvider, DnsProviderId, FieldErrors, TenantId, UnknownWord};
use certmill_storage::{Listed, StorageError, Tx, acme_orders, dns_providers, holds, secrets};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::credentials::Configuration;
use self::zones::{checked_zones, verify};

use crate::change::Act;
use crate::precondition::tag;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

pub(crate) use self::answers::answers;
pub(crate) use self::open::{OpenProvider, for_name, open, resolvers};
pub use self::probe::{Probe, ProbeServer, ProbeStep, test};

const LONGEST_NAME: usize = 128;
/// Octets of a configuration, or of changes to it, as JSON.
const LARGEST_CONFIG: usize = 64 << 10;

/// A provider that is to be added.
pub struct NewProvider {
    /// What to call it.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its configuration with its credentials: a JSON object.
    pub config: Value,
    /// The zones that it serves; what it tells of itself when absent.
    pub zones: Option<Vec<String>>,
    /// Whether it is used; true when absent.
    pub is_active: Option<bool>,
    /// Whether the credentials are proven before anything is stored.
    pub verify: bool,
}

/// What is to change about a provider; what is none stays.
pub struct ProviderChanges {
    /// Its name.
    pub name: Option<String>,
    /// Fields of its configuration.
    pub config: Option<Value>,
    /// Its zones; `Some(None)` leaves them to the provider.
    pub zones: Option<Option<Vec<String>>>,
    /// Whether it is used.
    pub is_active: Option<bool>,
    /// Whether changed credentials are proven before anything is stored.
    pub verify: bool,
}

/// A provider as it may be seen.
pub struct ShownProvider {
    /// The provider.
    pub provider: DnsProvider,
    /// Its configuration, with `***` for credentials.
    pub shown_config: Value,
}

/// Adds a provider.
pub async fn create(app: &App, caller: &Caller, new: NewProvider) -> Result<ShownProvider, ServiceError> {
    let now = app.now();
    let id = DnsProviderId::generate(now, app.entropy());
    refuse_large(&new.config)?;
    let parsed = Configuration::parse(app, caller.tenant, &new.kind, &new.config).await?;
    let mut provider = DnsProvider {
        id,
        name: checked_name(new.name)?,
        kind: parsed.kind.to_owned(),
        config: parsed.public.clone(),
        credentials_path: parsed.path.clone(),
        zones: checked_zones(new.zones.unwrap_or_default())?,
        discovered_zones: Vec::new(),
        is_active: new.is_active.unwrap_or(true),
        verified_at: None,
        last_error: None,
        created_at: now,
        updated_at: now,
    };
    if new.verify {
        verify(app, caller.tenant, &mut provider, &parsed).await?;
    }
    let sealed = credentials::seal(app, caller.tenant, (id, now), &parsed.secret).await?;
    let mut change = app.change(caller).await?;
    hold_secret(&mut change, &provider).await?;
    match dns_providers::insert(&mut change, &provider, Some(sealed)).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "DNS provider", name: provider.name });
        }
        other => other?,
    }
    change.commit(Act::new(Action::DnsProviderCreate, id).after(public_text(&provider))).await?;
    let shown_config = certmill_dns::shown(&provider.config, &parsed.secret);
    Ok(ShownProvider { provider, shown_config })
}

/// Changes a provider. Credentials that are not sent stay.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: DnsProviderId,
    changes: ProviderChanges,
) -> Result<ShownProvider, ServiceError> {
    changes.config.as_ref().map_or(Ok(()), refuse_large)?;
    let (old, mut secret) = stored(app, caller.tenant, id).await?;
    caller.check_state(&state(&old))?;
    let mut provider = DnsProvider { updated_at: app.now(), ..old.clone() };
    if let Some(name) = changes.name {
        provider.name = checked_name(name)?;
    }
    if let Some(zones) = changes.zones {
        provider.zones = checked_zones(zones.unwrap_or_default())?;
    }
    provider.is_active = changes.is_active.unwrap_or(provider.is_active);
    let is_proven = changes.verify && (changes.config.is_some() || provider.zones != old.zones);
    // One whose configuration is of no use any more can still be renamed and switched off.
    if changes.config.is_some() || is_proven {
        refuse_unknown_type(&old)?;
        let merged = credentials::merge(&old, &secret, changes.config.as_ref().unwrap_or(&json!({})))?;
        let parsed = Configuration::parse(app, caller.tenant, &old.kind, &merged).await?;
        provider.config.clone_from(&parsed.public);
        provider.credentials_path.clone_from(&parsed.path);
        if is_proven {
            verify(app, caller.tenant, &mut provider, &parsed).await?;
        }
        secret = parsed.secret;
    }
    let sealed = credentials::seal(app, caller.tenant, (id, provider.updated_at), &secret).await?;
    let mut change = app.change(caller).await?;
    hold_secret(&mut change, &provider).await?;
    match dns_providers::update(&mut change, &provider, Some(sealed), old.updated_at).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "DNS provider", name: provider.name });
        }
        Ok(false) if caller.if_match.is_some() => {
            // Two connections for one call are one too many when all calls want them.
            drop(change);
            let (present, _) = stored(app, caller.tenant, id).await?;
            return Err(ServiceError::PreconditionFailed { tag: state(&present) });
        }
        Ok(false) => return Err(ServiceError::CallInProgress { seconds: 1 }),
        other => other?,
    };
    let act = Act::new(Action::DnsProviderUpdate, id).before(public_text(&old)).after(public_text(&provider));
    change.commit(act).await?;
    Ok(shown(provider, &secret))
}

/// A provider of the tenant.
pub async fn find(app: &App, caller: &Caller, id: DnsProviderId) -> Result<ShownProvider, ServiceError> {
    let (provider, secret) = stored(app, caller.tenant, id).await?;
    Ok(shown(provider, &secret))
}

fn shown(provider: DnsProvider, secret: &[u8]) -> ShownProvider {
    let shown_config = certmill_dns::shown(&provider.config, secret);
    ShownProvider { provider, shown_config }
}

/// The tenant's providers, newest first.
pub async fn list(
    app: &App,
    caller: &Caller,
    page: &PageRequest,
) -> Result<Page<ShownProvider>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<DnsProviderId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let rows = dns_providers::list(&mut session, before, limit).await?;
    let mut items = Vec::with_capacity(rows.rows.len());
    for provider in rows.rows {
        let sealed = dns_providers::sealed_credentials(&mut session, provider.id).await?;
        let secret = credentials::unseal(app, caller.tenant, provider.id, sealed).await?;
        items.push(shown(provider, &secret));
    }
    let items = Listed { rows: items, more: rows.more, total: rows.total };
    Ok(Page::of(items, |item: &ShownProvider| item.provider.id.to_string()))
}

/// Removes a provider that no open order needs.
pub async fn delete(app: &App, caller: &Caller, id: DnsProviderId) -> Result<(), ServiceError> {
    let mut change = app.change(caller).await?;
    let missing = || ServiceError::not_found(Noun::DnsProvider, id);
    if caller.if_match.is_some() {
        holds::dns_provider(&mut change, &id.to_string()).await?;
    }
    let provider = dns_providers::find(&mut change, id).await?.ok_or_else(missing)?;
    caller.check_state(&state(&provider))?;
    if let Some(order) = acme_orders::needing_provider(&mut change, id).await? {
        let message =
            format!("the order {order} needs {id}: wait until it has ended and its records are removed");
        return Err(ServiceError::InUse { message, by: order.to_string() });
    }
    if !dns_providers::delete(&mut change, id).await? {
        return Err(missing());
    }
    change.commit(Act::new(Action::DnsProviderDelete, id).before(public_text(&provider))).await
}

/// The types of providers with the fields of their configurations.
pub fn catalogue() -> Vec<ProviderType> {
    let mut types = certmill_dns::catalogue();
    for provider in types.iter_mut().filter(|provider| provider.fields.iter().any(|field| field.secret)) {
        provider.fields.push(credentials::PATH_IN_CATALOGUE);
    }
    types
}

/// Reads the id of a provider; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<DnsProviderId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::DnsProvider, text))
}

/// The entity tag of a provider's state.
pub fn state(provider: &DnsProvider) -> String {
    tag(&[&provider.id.to_string(), &provider.updated_at.unix_micros().to_string()])
}

async fn stored(
    app: &App,
    tenant: TenantId,
    id: DnsProviderId,
) -> Result<(DnsProvider, Zeroizing<Vec<u8>>), ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let provider = dns_providers::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::DnsProvider, id))?;
    let sealed = dns_providers::sealed_credentials(&mut session, id).await?;
    drop(session);
    let secret = credentials::unseal(app, tenant, id, sealed).await?;
    Ok((provider, secret))
}

/// Refuses to speak to, or to judge the configuration of, a provider of a type that only a newer version has.
fn refuse_unknown_type(provider: &DnsProvider) -> Result<(), ServiceError> {
    match certmill_dns::credentials(&provider.kind) {
        Ok(_) => Ok(()),
        Err(_) => Err(UnknownWord::new("type of DNS provider", &provider.kind).into()),
    }
}

/// Keeps the secret that a provider refers to from being deleted before the provider is written.
async fn hold_secret(tx: &mut Tx, provider: &DnsProvider) -> Result<(), ServiceError> {
    match &provider.credentials_path {
        Some(path) if !secrets::hold(tx, path).await? => Err(credentials::no_secret(path)),
        _ => Ok(()),
    }
}

fn unusable(error: DnsError) -> ServiceError {
    let message = format!("the configuration does not work: {error}");
    ServiceError::InvalidConfig { message, upstream: Some(Value::from(error.to_string())) }
}

fn config_error(error: ConfigError) -> ServiceError {
    match error {
        ConfigError::UnknownType(_) => ServiceError::field("type", error.to_string()),
        ConfigError::Fields(fields) => {
            let named = fields.into_iter().map(|(field, problem)| match field.as_str() {
                "config" => (field, problem),
                _ => (format!("config.{field}"), problem),
            });
            ServiceError::Validation(FieldErrors(named.collect::<BTreeMap<_, _>>()))
        }
    }
}

fn checked_name(name: String) -> Result<String, ServiceError> {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let problem = format!("must have 1 to {LONGEST_NAME} characters, none of them a control character");
        return Err(ServiceError::field("name", problem));
    }
    Ok(name)
}

/// What the audit log's digests are of; credentials are not part of it.
fn public_text(provider: &DnsProvider) -> String {
    let DnsProvider { name, kind, config, zones, is_active, .. } = provider;
    format!("{name}\n{kind}\n{config}\n{zones:?}\n{is_active}")
}

fn refuse_large(config: &Value) -> Result<(), ServiceError> {
    let octets = Zeroizing::new(config.to_string()).len();
    if octets > LARGEST_CONFIG {
        let problem = format!("has {octets} octets, of which {LARGEST_CONFIG} are the most");
        return Err(ServiceError::field("config", problem));
    }
    Ok(())
}

//! dns-01: one TXT value to the right zone, seen by every authoritative server, and away again. Other values at the same
//! name are never touched.

mod pace;
mod time_limit;

use std::time::Duration;

use certmill_dns::{ChangeState, DnsError, PropagationCheck, Zone};
use certmill_domain::{ChallengeState, DnsProviderId, Exposure, Failure, Timestamp, TxtRecord};
use certmill_storage::acme_pauses::Scope;
use certmill_storage::{acme_challenges, acme_pauses, dns_providers as rows};

use self::time_limit::{NOT_PROPAGATED, is_too_late, not_looked_up, not_seen};
use super::challenge_steps::Work;
use super::driver::{InHand, Next};
use super::judgement::jittered;
use super::txt_place::{self, NoPlace, Placement, Why, gone};
use crate::dns_providers::{self, OpenProvider};
use crate::failpoint;
use crate::{Noun, ServiceError};

/// The value must be seen at every server so often in a row, and so far apart.
const CONFIRMATIONS: i64 = 2;
const APART: Duration = Duration::from_secs(3);
/// A person who publishes a record by hand is not waited for that busily.
const LOOK_FOR_A_PERSON: Duration = Duration::from_mins(2);
/// A value that was seen nowhere for so long, or for half of the time that it has, is added once more: somebody may have removed
/// it.
const ADD_AGAIN: Duration = Duration::from_mins(2);
/// Tries with credentials or a zone that the provider refuses.
const REFUSALS: i64 = 3;
/// What a provider gets that asks for patience and does not say how much, and the most.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_PATIENCE: Duration = Duration::from_hours(1);

/// `waiting` → `publishing`: finds out where the value goes, and writes that down.
pub(super) async fn claim(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let (app, identifier) = (work.app, work.challenge.identifier.clone());
    let place = match txt_place::find(app, work.tenant, work.order.dns_provider_id, &identifier).await? {
        Placement::Found(place) => place,
        Placement::NotFound(NoPlace { provider, why, .. }) => {
            return match why {
                Why::Refused(failure) => work.fail(failure).await,
                Why::NotLookedUp(error) => not_looked_up(work, &error).await,
                Why::Provider(error) => setback(work, provider, &error).await,
            };
        }
    };
    work.challenge.record = Some(TxtRecord {
        name: place.name,
        value: certmill_acme::dns_challenge_value(&work.challenge.key_authorization),
        provider: Some(place.provider),
        zone: serde_json::to_string(&place.zone).ok(),
    });
    work.challenge.exposure = Exposure::Wanted.into();
    work.challenge.note = None;
    work.enter(ChallengeState::Publishing);
    let next = work.save(Next::GoOn).await?;
    failpoint::reached("challenge.claimed");
    Ok(next)
}

/// `publishing`: has the provider add the value, which does nothing when it is there.
pub(super) async fn add(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let (record, zone, id) = record(work)?;
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    let place = (&zone, record.name.as_str());
    let holder = work.challenge.id.to_string();
    if let Some(wait) = paused(work, id).await? {
        return work.save(wait).await;
    }
    if !provider.lock(work.app, place, &holder).await? {
        return wait_for_a_turn(work, "another value of this name is being written").await;
    }
    let next = add_alone(work, (&record, &zone), &provider).await;
    provider.unlock(work.app, place, &holder).await?;
    next
}

/// Adds the value while nobody else changes the name at a provider where that matters.
async fn add_alone(
    work: &mut Work<'_>,
    (record, zone): (&TxtRecord, &Zone),
    provider: &OpenProvider,
) -> Result<Next, ServiceError> {
    let (_, _, id) = self::record(work)?;
    let traits = provider.client.traits();
    if let Some(most) = traits.most_values {
        let mut session = work.app.database().read(work.tenant).await?;
        let present = acme_challenges::others_present(&mut session, work.challenge.id, record).await?;
        drop(session);
        if usize::try_from(present).is_ok_and(|present| present >= most) {
            return wait_for_a_turn(work, "the DNS provider keeps few values at once; others come first")
                .await;
        }
    }
    let added = if traits.by_hand {
        Ok(None)
    } else {
        provider.client.add_txt(zone, &record.name, &record.value).await.map(|change| change.pending)
    };
    failpoint::reached("challenge.record_added");
    match added {
        Ok(pending) => {
            work.challenge.exposure = if traits.by_hand { Exposure::None } else { Exposure::Present }.into();
            // The time counts from the first addition.
            work.challenge.published_at.get_or_insert(work.app.now());
            work.challenge.additions += 1;
            work.challenge.confirmations = 0;
            let state =
                if pending.is_some() { ChallengeState::Published } else { ChallengeState::Propagating };
            work.challenge.pending_change = pending;
            work.challenge.note = traits.by_hand.then(|| {
                format!(
                    "publish a TXT record at {} with the value {}; then POST \
                     /v1/pki/acme/challenges/{}/complete, or wait until it is found",
                    record.name, record.value, work.challenge.id
                )
            });
            work.enter(state);
            note_provider(work, id, None).await?;
            work.save(Next::GoOn).await
        }
        Err(error) => setback(work, Some(id), &error).await,
    }
}

/// Somebody else comes first.
async fn wait_for_a_turn(work: &mut Work<'_>, why: &str) -> Result<Next, ServiceError> {
    work.challenge.note = Some(why.to_owned());
    let pause = pace::turn(&work.challenge);
    let at = work.app.now().plus(jittered(work.app, pause));
    work.save(Next::At(at)).await
}

fn of_provider(id: &str) -> Scope<'_> {
    Scope { name: id, longest: LONGEST_PATIENCE }
}

/// When the pause that a provider has asked for ends.
async fn paused(work: &Work<'_>, id: DnsProviderId) -> Result<Option<Next>, ServiceError> {
    let id = id.to_string();
    let mut session = work.app.database().read_system().await?;
    let pause = acme_pauses::find(&mut session, &[of_provider(&id)], work.app.now()).await?;
    Ok(pause.map(|pause| Next::At(pause.until)))
}

/// Nobody asks the provider before it wants to be asked.
async fn pause(work: &Work<'_>, id: DnsProviderId, error: &DnsError) -> Result<(), ServiceError> {
    let DnsError::RateLimited { message, after } = error else { return Ok(()) };
    let now = work.app.now();
    let until = now.plus(after.unwrap_or(PATIENCE).min(LONGEST_PATIENCE));
    let mut tx = work.app.database().begin_system().await?;
    acme_pauses::begin(&mut tx, of_provider(&id.to_string()), until, message, now).await?;
    Ok(tx.commit().await?)
}

/// `published`: waits until the provider says that it has applied the change.
pub(super) async fn await_change(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let (record, _, id) = record(work)?;
    let Some(change) = work.challenge.pending_change.clone() else {
        work.enter(ChallengeState::Propagating);
        return work.save(Next::GoOn).await;
    };
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    match provider.client.poll(&change).await {
        Ok(ChangeState::Done) => {
            work.challenge.pending_change = None;
            work.enter(ChallengeState::Propagating);
            work.save(Next::GoOn).await
        }
        Ok(ChangeState::Pending { after }) => {
            if is_too_late(work, &provider) {
                let message =
                    format!("the DNS provider has not applied the change of {} in time", record.name);
                return work.fail(Failure::new(NOT_PROPAGATED, message)).await;
            }
            work.challenge.note = Some("the DNS provider is applying the change".to_owned());
            // What it names is the least: one that always says "soon" is asked less and less often.
            let pause = after
                .clamp(Duration::from_secs(1), Duration::from_mins(1))
                .max(pace::look_again(&work.challenge));
            let at = work.app.now().plus(pause);
            work.save(Next::At(at)).await
        }
        Err(error) if is_too_late(work, &provider) => not_seen(work, &record, &error.to_string()).await,
        Err(error) => setback(work, Some(id), &error).await,
    }
}

/// `propagating`: looks once for the value at every authoritative server.
pub(super) async fn await_propagation(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    if work.challenge.forced {
        return submit(work).await;
    }
    let (record, zone, id) = record(work)?;
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    let by_hand = provider.client.traits().by_hand;
    let settings = provider.client.propagation().clone();
    let now = work.app.now();
    let published = work.challenge.published_at.unwrap_or(now);
    let settled = published.plus(settings.settle());
    // Where a look can find what a person has published, it need not wait.
    if now < settled && (!by_hand || settings.asks_nobody()) {
        return work.save(Next::At(settled)).await;
    }
    let check = PropagationCheck {
        name: record.name.clone(),
        value: record.value.clone(),
        zone: provider.client.traits().knows_zones.then(|| zone.apex.clone()),
        settings: settings.clone(),
        waited: now.since(published),
    };
    let seen = match work.app.dns(work.tenant).await?.propagation(&check).await {
        Ok(seen) => seen,
        Err(error) if is_too_late(work, &provider) => {
            return not_seen(work, &record, &error.to_string()).await;
        }
        Err(error) => return setback(work, Some(id), &error).await,
    };
    work.challenge.dns_servers = dns_providers::answers(&seen);
    if seen.complete {
        work.challenge.confirmations += 1;
        work.challenge.note = Some(seen.to_string());
        if work.challenge.confirmations >= CONFIRMATIONS {
            return submit(work).await;
        }
        return work.save(Next::At(now.plus(APART))).await;
    }
    work.challenge.confirmations = 0;
    if by_hand {
        return work.save(Next::At(now.plus(LOOK_FOR_A_PERSON))).await;
    }
    work.challenge.note = Some(seen.to_string());
    if is_too_late(work, &provider) {
        return not_seen(work, &record, &seen.to_string()).await;
    }
    let patience = Duration::from_secs(settings.timeout_seconds.into()) / 2;
    if seen.is_nowhere() && work.challenge.additions < 2 && now.since(published) > patience.min(ADD_AGAIN) {
        work.enter(ChallengeState::Publishing);
        return work.save(Next::GoOn).await;
    }
    let pause = jittered(work.app, pace::look_again(&work.challenge));
    work.save(Next::At(now.plus(pause))).await
}

async fn submit(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let mut tx = work.begin().await?;
    acme_challenges::set_forced(&mut tx, work.challenge.id, false).await?;
    work.challenge.forced = false;
    work.enter(ChallengeState::Submitted);
    work.commit(tx, Next::GoOn).await
}

/// Takes the value away, unless another challenge wants the same one.
pub(super) async fn remove(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let (record, zone, id) = record(work)?;
    let mut tx = work.begin().await?;
    if acme_challenges::is_shared(&mut tx, work.challenge.id, &record).await? {
        work.challenge.exposure = Exposure::Removed.into();
        let next = work.after_removal();
        return work.commit(tx, next).await;
    }
    work.challenge.exposure = Exposure::Removing.into();
    work.commit(tx, Next::GoOn).await?;
    let Some(provider) = open(work, id).await? else {
        tracing::error!(
            challenge.id = %work.challenge.id,
            dns_provider.id = %id,
            record = record.name,
            value = record.value,
            "the DNS provider of a TXT value is gone: remove the value by hand"
        );
        work.challenge.exposure = Exposure::Removed.into();
        let next = work.after_removal();
        return work.save(next).await;
    };
    if let Some(wait) = paused(work, id).await? {
        return work.save(wait).await;
    }
    let (place, holder) = ((&zone, record.name.as_str()), work.challenge.id.to_string());
    if !provider.lock(work.app, place, &holder).await? {
        return wait_for_a_turn(work, "another value of this name is being written").await;
    }
    let removed = provider.client.remove_txt(&zone, &record.name, &record.value).await;
    provider.unlock(work.app, place, &holder).await?;
    failpoint::reached("challenge.record_removed");
    match removed {
        Ok(_) => {
            work.challenge.exposure = Exposure::Removed.into();
            let next = work.after_removal();
            work.save(next).await
        }
        Err(error) => {
            let pause = pace::removal(&work.challenge);
            tracing::warn!(
                challenge.id = %work.challenge.id,
                dns_provider.id = %id,
                record = record.name,
                error = &error as &dyn std::error::Error,
                "a TXT value could not be removed"
            );
            work.challenge.note = Some(format!("the TXT value could not be removed: {error}"));
            note_provider(work, id, Some(&error.to_string())).await?;
            self::pause(work, id, &error).await?;
            let at = work.app.now().plus(jittered(work.app, pause));
            work.save(Next::At(at)).await
        }
    }
}

/// Where the value goes, as it was written down.
fn record(work: &Work<'_>) -> Result<(TxtRecord, Zone, DnsProviderId), ServiceError> {
    let missing = || ServiceError::internal("a claimed dns-01 challenge knows where its value goes");
    let record = work.challenge.record.clone().ok_or_else(missing)?;
    let zone = record.zone.as_deref().ok_or_else(missing)?;
    let zone: Zone = serde_json::from_str(zone).map_err(|error| ServiceError::Internal(Box::new(error)))?;
    let id = record.provider.ok_or_else(missing)?;
    Ok((record, zone, id))
}

/// The provider, unless it is gone.
async fn open(work: &Work<'_>, id: DnsProviderId) -> Result<Option<OpenProvider>, ServiceError> {
    match dns_providers::open(work.app, work.tenant, id).await {
        Ok(provider) => Ok(Some(provider)),
        Err(ServiceError::NotFound { noun: Noun::DnsProvider, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The provider, or the DNS, did not do as it should.
async fn setback(
    work: &mut Work<'_>,
    provider: Option<DnsProviderId>,
    error: &DnsError,
) -> Result<Next, ServiceError> {
    if let Some(id) = provider {
        note_provider(work, id, Some(&error.to_string())).await?;
        pause(work, id, error).await?;
    }
    let tries = work.challenge.attempts;
    let growing = pace::fault(&work.challenge);
    let again = match error {
        DnsError::RateLimited { after, .. } => {
            Some(after.unwrap_or(PATIENCE).min(LONGEST_PATIENCE).max(growing))
        }
        DnsError::Conflict(_) => pace::conflict(&work.challenge, work.app.now()),
        DnsError::Unavailable(_) | DnsError::NoAddress(_) | DnsError::OutcomeUnknown(_) => Some(growing),
        DnsError::Auth(_) | DnsError::ZoneNotFound(_) | DnsError::NotAllowed(_) if tries < REFUSALS => {
            Some(Duration::from_secs(20))
        }
        _ => None,
    };
    match again {
        Some(pause) => {
            work.challenge.note = Some(error.to_string());
            let at: Timestamp = work.app.now().plus(jittered(work.app, pause));
            work.save(Next::At(at)).await
        }
        None => work.fail(txt_place::failure(error)).await,
    }
}

async fn note_provider(work: &Work<'_>, id: DnsProviderId, error: Option<&str>) -> Result<(), ServiceError> {
    let mut tx = work.begin().await?;
    rows::note_error(&mut tx, id, error).await?;
    Ok(tx.commit().await?)
}

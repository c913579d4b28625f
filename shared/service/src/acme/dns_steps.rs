//! dns-01: one TXT value to the right zone, seen by every authoritative server, and away again. Other values at the same
//! name are never touched.

mod decide;
mod pace;
mod time_limit;

use std::time::Duration;

use certmill_dns::{ChangeState, DnsError, PropagationCheck, Zone};
use certmill_domain::{ChallengeProgress, DnsProviderId, Exposure, Failure, TxtAnswer, TxtRecord};
use certmill_storage::acme_pauses::Scope;
use certmill_storage::{acme_challenges, acme_pauses, dns_providers as rows};

use self::decide::{APART, Circumstances, LONGEST_PATIENCE, Look};
use self::time_limit::{NOT_PROPAGATED, not_looked_up, not_seen};
use super::challenge_steps::Work;
use super::driver::{InHand, Next};
use super::judgement::jittered;
use super::txt_place::{self, NoPlace, Placement, Why, gone};
use crate::dns_providers::{self, OpenProvider};
use crate::failpoint;
use crate::{Noun, ServiceError};

/// A person who publishes a record by hand is not waited for that busily.
const LOOK_FOR_A_PERSON: Duration = Duration::from_mins(2);

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
    let record = TxtRecord {
        name: place.name,
        value: certmill_acme::dns_challenge_value(&work.challenge.key_authorization),
        provider: place.provider,
        zone: serde_json::to_string(&place.zone).map_err(|error| ServiceError::Internal(Box::new(error)))?,
    };
    work.challenge.note = None;
    work.enter(ChallengeProgress::Publishing(TxtAnswer { record, exposure: Exposure::Wanted, added: None }));
    let next = work.save(Next::GoOn).await?;
    failpoint::reached("challenge.claimed");
    Ok(next)
}

/// `publishing`: has the provider add the value, which does nothing when it is there.
pub(super) async fn add(work: &mut Work<'_>, txt: TxtAnswer) -> Result<Next, ServiceError> {
    let (zone, id) = (zone(&txt.record)?, txt.record.provider);
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    let (owner, holder) = (txt.record.name.clone(), work.challenge.id.to_string());
    let place = (&zone, owner.as_str());
    if let Some(wait) = paused(work, id).await? {
        return work.save(wait).await;
    }
    if !provider.lock(work.app, place, &holder).await? {
        return wait_for_a_turn(work, "another value of this name is being written").await;
    }
    let next = add_alone(work, (txt, &zone), &provider).await;
    provider.unlock(work.app, place, &holder).await?;
    next
}

/// Adds the value while nobody else changes the name at a provider where that matters.
async fn add_alone(
    work: &mut Work<'_>,
    (txt, zone): (TxtAnswer, &Zone),
    provider: &OpenProvider,
) -> Result<Next, ServiceError> {
    let (record, id) = (&txt.record, txt.record.provider);
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
            work.challenge.note = traits.by_hand.then(|| {
                format!(
                    "publish a TXT record at {} with the value {}; then POST \
                     /v1/pki/acme/challenges/{}/complete, or wait until it is found",
                    record.name, record.value, work.challenge.id
                )
            });
            // The time counts from the first addition.
            let txt = txt.once_added(work.app.now(), traits.by_hand);
            work.enter(match pending {
                Some(change) => ChallengeProgress::Published { txt, change },
                None => ChallengeProgress::Propagating { txt, confirmations: 0 },
            });
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
    let until = now.plus(decide::patience(*after));
    let mut tx = work.app.database().begin_system().await?;
    acme_pauses::begin(&mut tx, of_provider(&id.to_string()), until, message, now).await?;
    Ok(tx.commit().await?)
}

/// The circumstances of a step.
fn circumstances<'a>(work: &'a Work<'_>, provider: &'a OpenProvider) -> Circumstances<'a> {
    Circumstances {
        now: work.app.now(),
        challenge: &work.challenge,
        settings: provider.client.propagation(),
        by_hand: provider.client.traits().by_hand,
    }
}

/// `published`: waits until the provider says that it has applied the change.
pub(super) async fn await_change(
    work: &mut Work<'_>,
    (txt, change): (TxtAnswer, String),
) -> Result<Next, ServiceError> {
    let id = txt.record.provider;
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    let polled = provider.client.poll(&change).await;
    let circumstances = circumstances(work, &provider);
    match polled {
        Ok(ChangeState::Done) => {
            work.enter(ChallengeProgress::Propagating { txt, confirmations: 0 });
            work.save(Next::GoOn).await
        }
        Ok(ChangeState::Pending { after }) => {
            let Some(pause) = circumstances.not_applied(&txt, after) else {
                let name = &txt.record.name;
                let message = format!("the DNS provider has not applied the change of {name} in time");
                return work.fail(Failure::new(NOT_PROPAGATED, message)).await;
            };
            work.challenge.note = Some("the DNS provider is applying the change".to_owned());
            let at = work.app.now().plus(pause);
            work.save(Next::At(at)).await
        }
        Err(error) if circumstances.is_too_late(&txt) => {
            not_seen(work, &txt.record, &error.to_string()).await
        }
        Err(error) => setback(work, Some(id), &error).await,
    }
}

/// `propagating`: looks once for the value at every authoritative server.
pub(super) async fn await_propagation(
    work: &mut Work<'_>,
    (txt, confirmations): (TxtAnswer, i64),
) -> Result<Next, ServiceError> {
    if work.challenge.forced {
        return submit(work).await;
    }
    let (zone, id) = (zone(&txt.record)?, txt.record.provider);
    let Some(provider) = open(work, id).await? else {
        return work.fail(gone(id)).await;
    };
    let before = circumstances(work, &provider);
    if let Some(until) = before.left_alone_until(&txt) {
        return work.save(Next::At(until)).await;
    }
    let check = PropagationCheck {
        name: txt.record.name.clone(),
        value: txt.record.value.clone(),
        zone: provider.client.traits().knows_zones.then(|| zone.apex.clone()),
        settings: before.settings.clone(),
        waited: before.waited(&txt),
    };
    let now = before.now;
    let seen = work.app.dns(work.tenant).await?.propagation(&check).await;
    let circumstances = Circumstances { now, ..circumstances(work, &provider) };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) if circumstances.is_too_late(&txt) => {
            return not_seen(work, &txt.record, &error.to_string()).await;
        }
        Err(error) => return setback(work, Some(id), &error).await,
    };
    let (look, by_hand) = (circumstances.looked(&txt, confirmations, &seen), circumstances.by_hand);
    work.challenge.dns_servers = dns_providers::answers(&seen);
    // A person keeps being told what to do.
    if seen.complete || !by_hand {
        work.challenge.note = Some(seen.to_string());
    }
    let confirmations = if look == Look::Confirm { confirmations + 1 } else { 0 };
    work.challenge.progress = ChallengeProgress::Propagating { txt: txt.clone(), confirmations };
    match look {
        Look::Submit => submit(work).await,
        Look::Confirm => work.save(Next::At(now.plus(APART))).await,
        Look::AwaitPerson => work.save(Next::At(now.plus(LOOK_FOR_A_PERSON))).await,
        Look::Again(pause) => {
            let pause = jittered(work.app, pause);
            work.save(Next::At(now.plus(pause))).await
        }
        Look::AddAgain => {
            work.enter(ChallengeProgress::Publishing(txt));
            work.save(Next::GoOn).await
        }
        Look::TooLate => not_seen(work, &txt.record, &seen.to_string()).await,
    }
}

async fn submit(work: &mut Work<'_>) -> Result<Next, ServiceError> {
    let mut tx = work.begin().await?;
    acme_challenges::set_forced(&mut tx, work.challenge.id, false).await?;
    work.challenge.forced = false;
    work.enter(work.challenge.progress.submitted());
    work.commit(tx, Next::GoOn).await
}

/// Takes the value away, unless another challenge wants the same one.
pub(super) async fn remove(work: &mut Work<'_>, record: &TxtRecord) -> Result<Next, ServiceError> {
    let (zone, id) = (zone(record)?, record.provider);
    let mut tx = work.begin().await?;
    if acme_challenges::is_shared(&mut tx, work.challenge.id, record).await? {
        work.now_exposed(Exposure::Removed);
        let next = work.after_removal();
        return work.commit(tx, next).await;
    }
    work.now_exposed(Exposure::Removing);
    work.commit(tx, Next::GoOn).await?;
    let Some(provider) = open(work, id).await? else {
        tracing::error!(
            challenge.id = %work.challenge.id,
            dns_provider.id = %id,
            record = record.name,
            value = record.value,
            "the DNS provider of a TXT value is gone: remove the value by hand"
        );
        work.now_exposed(Exposure::Removed);
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
            work.now_exposed(Exposure::Removed);
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

/// The provider's zone, as it was written down.
fn zone(record: &TxtRecord) -> Result<Zone, ServiceError> {
    serde_json::from_str(&record.zone).map_err(|error| ServiceError::Internal(Box::new(error)))
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
    match decide::again(&work.challenge, error, work.app.now()) {
        Some(pause) => {
            work.challenge.note = Some(error.to_string());
            let at = work.app.now().plus(jittered(work.app, pause));
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

//! Proof of deployment: whether the newest certificate is served where it is meant to be.
//!
//! A certificate names its endpoints, which go on to its renewals. A job of the tenant looks at those that are due (`look`),
//! on a lane of its own; what it finds are the endpoints' rows. Rows are locked in the order job, certificate, endpoint, chain.

mod look;
mod verdict;
pub(crate) mod window;

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_domain::{Action, Certificate, CertificateEndpoint, CertificateId, Endpoint, Timestamp};
use certmill_storage::{StorageError, Tx, certificates, endpoints as rows, holds};

use crate::certificates::{CertificateWithChain, find};
use crate::change::Act;
use crate::jobs::{Job, JobKind};
use crate::{App, Caller, Noun, ServiceError};

pub(crate) use look::look;

/// Endpoints that a certificate may name.
const MOST: usize = 100;
/// Endpoints that a tenant may have.
const MOST_OF_TENANT: i64 = 20_000;
/// Whoever deploys a renewal gets so long before somebody looks.
const FIRST_LOOK: Duration = Duration::from_mins(1);
/// How long a call waits for what it asked for.
const PATIENCE: Duration = Duration::from_secs(25);
/// Tenants that get a job in one turn.
const MOST_WOKEN: i64 = 200;

/// Reads what a caller wants to be looked at, in canonical form.
pub(crate) fn read(texts: &[String]) -> Result<BTreeSet<String>, ServiceError> {
    if texts.len() > MOST {
        let problem = format!("has {} entries; at most {MOST}", texts.len());
        return Err(ServiceError::field("endpoints", problem));
    }
    let canonical = |text: &String| text.parse::<Endpoint>().map(|endpoint| endpoint.to_string());
    texts
        .iter()
        .map(canonical)
        .collect::<Result<_, _>>()
        .map_err(|error| ServiceError::field("endpoints", error.to_string()))
}

/// Has a certificate that the transaction holds served at these endpoints and no others. The job of the tenant must be enqueued
/// already.
pub(crate) async fn set(
    app: &App,
    tx: &mut Tx,
    certificate: &Certificate,
    wanted: &BTreeSet<String>,
) -> Result<(), ServiceError> {
    if let Some(renewal) = certificate.renewed_by.filter(|_| !wanted.is_empty()) {
        let problem = format!("was renewed by {renewal}, where its endpoints are: name them there");
        return Err(ServiceError::field("endpoints", problem));
    }
    // Two who add at the same time wait for each other.
    holds::tenant(tx).await?;
    let renewed_at = certificate.renewed_from.map(|_| certificate.created_at);
    rows::set(tx, certificate.id, wanted, renewed_at, app.now()).await?;
    if rows::count(tx).await? > MOST_OF_TENANT {
        let problem = format!("are more than {MOST_OF_TENANT} of all certificates together");
        return Err(ServiceError::field("endpoints", problem));
    }
    Ok(())
}

/// Has the endpoints of a certificate go on to the one that has just renewed it.
pub(crate) async fn follow(
    tx: &mut Tx,
    old: CertificateId,
    renewal: CertificateId,
    now: Timestamp,
) -> Result<(), StorageError> {
    rows::follow(tx, (old, renewal), now, now.plus(FIRST_LOOK)).await
}

/// Has the endpoints of a certificate looked at now, and waits up to 25 s for what is found. What takes longer is found later.
///
/// # Errors
/// [`ServiceError::InvalidState`] when it has no endpoints.
pub async fn check(
    app: &App,
    caller: &Caller,
    id: CertificateId,
) -> Result<CertificateWithChain, ServiceError> {
    let mut change = app.change(caller).await?;
    app.enqueue(&mut change, Job::CheckEndpoints(caller.tenant), Some(&caller.request_id)).await?;
    holds::certificate(&mut change, id).await?;
    let certificate = certificates::find(&mut change, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    caller.check_role(certificate.role.as_deref())?;
    if rows::ask(&mut change, id, app.now()).await? == 0 {
        let message = match certificate.renewed_by {
            Some(renewal) => format!("{id} has no endpoints: they have gone on to its renewal {renewal}"),
            None => format!("{id} has no endpoints: name them by PATCH first"),
        };
        return Err(ServiceError::InvalidState { message, state: "no_endpoints", possible_from: &[] });
    }
    change.commit(Act::new(Action::CertificateCheck, id)).await?;
    app.wake_workers();
    let arrived = async {
        let mut pause = Duration::from_millis(10);
        loop {
            tokio::time::sleep(pause).await;
            let mut session = app.database().read(caller.tenant).await?;
            let endpoints = rows::of_certificate(&mut session, id).await?;
            drop(session);
            if app.is_stopping() || endpoints.iter().all(|endpoint| endpoint.asked_at.is_none()) {
                return Ok::<_, ServiceError>(());
            }
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    };
    if let Ok(arrived) = tokio::time::timeout(PATIENCE, arrived).await {
        arrived?;
    }
    find(app, caller, id).await
}

/// Enqueues the jobs of tenants with something to look at. It costs a query where there is none.
///
/// # Errors
/// When the database cannot be asked.
pub async fn wake(app: &App) -> Result<(), ServiceError> {
    let kind = JobKind::CheckEndpoints.as_str();
    let mut session = app.database().read_system().await?;
    let waiting = rows::waiting_tenants(&mut session, kind, app.now(), MOST_WOKEN).await?;
    drop(session);
    let is_any = !waiting.is_empty();
    for tenant in waiting {
        let mut tx = app.database().begin(tenant).await?;
        app.enqueue(&mut tx, Job::CheckEndpoints(tenant), None).await?;
        tx.commit().await?;
    }
    if is_any {
        app.wake_workers();
    }
    Ok(())
}

/// The texts of endpoints, for a tag or a digest.
pub(crate) fn texts(endpoints: &[CertificateEndpoint]) -> Vec<&str> {
    endpoints.iter().map(|endpoint| endpoint.endpoint.as_str()).collect()
}

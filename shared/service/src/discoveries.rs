//! Discoveries: a list of servers is looked at, and the certificates that they show become inventory.
//!
//! A job of the lane that looks at endpoints goes through the list, and notes each target in a transaction of its own that confirms
//! the lease, together with the certificate that was taken: whoever takes over goes on with what is left.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use certmill_domain::{
    Action, CertificateId, Discovery, DiscoveryId, Endpoint, EventKind, Target, TargetState, TenantId,
};
use certmill_storage::discoveries::{self as rows, Outcome};
use certmill_storage::holds;
use certmill_x509::ParsedCertificate;
use serde_json::json;

use crate::certificates::{Found, Taken, take_found};
use crate::change::Act;
use crate::endpoints::window::{self, Window};
use crate::jobs::{Job, Lease};
use crate::{App, Caller, Noun, ServiceError, events, failpoint};

/// Targets of one discovery.
pub const MOST_TARGETS: usize = 1_000;
/// Discoveries of a tenant that are under way.
const MOST_OPEN: i64 = 5;
/// After so long other tenants get their turn.
const ENOUGH: Duration = Duration::from_mins(1);
/// How long what was found can be read.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// Discoveries that are deleted at a time.
const PRUNED: i64 = 100;
const LONGEST_REASON: usize = 300;

/// A discovery with what became of its targets.
#[derive(Debug, Clone)]
pub struct WithTargets {
    /// The discovery.
    pub discovery: Discovery,
    /// Its targets in their order.
    pub targets: Vec<Target>,
}

/// Has a list of servers looked at. One that is named twice is looked at once.
///
/// # Errors
/// [`ServiceError::InvalidState`] while five of the tenant's are under way.
pub async fn create(app: &App, caller: &Caller, targets: &[String]) -> Result<WithTargets, ServiceError> {
    let endpoints = read(targets)?;
    let now = app.now();
    let id = DiscoveryId::generate(now, app.entropy());
    let count = i64::try_from(endpoints.len()).unwrap_or(i64::MAX);
    let discovery = Discovery { id, targets: count, done: 0, created_at: now, finished_at: None };
    let mut change = app.change(caller).await?;
    app.enqueue(&mut change, Job::Discover(id), Some(&caller.request_id)).await?;
    // Two who ask at the same time wait for each other.
    holds::tenant(&mut change).await?;
    if rows::count_open(&mut change).await? >= MOST_OPEN {
        let message = format!("{MOST_OPEN} discoveries are under way: wait until one of them is over");
        return Err(ServiceError::InvalidState { message, state: "running", possible_from: &[] });
    }
    rows::insert(&mut change, &discovery, &endpoints).await?;
    change.commit(Act::new(Action::CertificateDiscover, id).after(endpoints.join("\n"))).await?;
    app.wake_workers();
    find(app, caller, id).await
}

fn read(targets: &[String]) -> Result<Vec<String>, ServiceError> {
    if targets.is_empty() || targets.len() > MOST_TARGETS {
        let problem = format!("has {} entries; 1 to {MOST_TARGETS}", targets.len());
        return Err(ServiceError::field("targets", problem));
    }
    let mut seen = BTreeSet::new();
    let mut endpoints = Vec::with_capacity(targets.len());
    for text in targets {
        let endpoint: Endpoint =
            text.parse().map_err(|error| ServiceError::field("targets", format!("{error}")))?;
        let endpoint = endpoint.to_string();
        if seen.insert(endpoint.clone()) {
            endpoints.push(endpoint);
        }
    }
    Ok(endpoints)
}

/// A discovery of the tenant, with what has become of its targets so far.
pub async fn find(app: &App, caller: &Caller, id: DiscoveryId) -> Result<WithTargets, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let discovery = rows::find(&mut session, id).await?;
    let discovery = discovery.ok_or_else(|| ServiceError::not_found(Noun::Discovery, id))?;
    let targets = rows::targets(&mut session, id).await?;
    Ok(WithTargets { discovery, targets })
}

/// Reads the id of a discovery; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<DiscoveryId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Discovery, text))
}

/// Deletes discoveries that were over long ago.
pub(crate) async fn prune(app: &App) -> Result<(), ServiceError> {
    let before = app.now().minus(KEPT);
    let mut tx = app.database().begin_system().await?;
    rows::prune(&mut tx, before, PRUNED).await?;
    Ok(tx.commit().await?)
}

/// Looks at the targets that are left, until there is none or a minute is over.
pub(crate) async fn discover(app: &App, lease: &Lease, id: DiscoveryId) -> Result<(), ServiceError> {
    let turn = &Turn { app, lease, tenant: lease.tenant()?, id };
    let started = Instant::now();
    let mut looks = Window::new();
    loop {
        if looks.has_room() && started.elapsed() < ENOUGH {
            for target in looks.meanwhile(turn.waiting(window::ROWS)).await? {
                looks.begin(target.position, async move { turn.look_at(&target).await });
            }
        }
        if !looks.wait().await {
            break;
        }
    }
    looks.outcome()?;
    let is_over = turn.waiting(1).await?.is_empty();
    let mut tx = app.database().begin(turn.tenant).await?;
    if is_over {
        lease.finish(&mut tx).await?;
        rows::finish(&mut tx, id, app.now()).await?;
    } else {
        lease.put_off(&mut tx, app.now()).await?;
    }
    Ok(tx.commit().await?)
}

struct Turn<'a> {
    app: &'a App,
    lease: &'a Lease,
    tenant: TenantId,
    id: DiscoveryId,
}

impl Turn<'_> {
    async fn waiting(&self, limit: i64) -> Result<Vec<Target>, ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        Ok(rows::waiting(&mut session, self.id, limit).await?)
    }

    async fn look_at(&self, target: &Target) -> Result<(), ServiceError> {
        let found = match self.sight(target).await? {
            Ok(found) => found,
            Err((state, reason)) => {
                let mut tx = self.app.database().begin(self.tenant).await?;
                self.lease.confirm(&mut tx).await?;
                let reason = Some(reason.chars().take(LONGEST_REASON).collect());
                let outcome = Outcome { state, reason, certificate_id: None };
                rows::note(&mut tx, self.id, target.position, outcome).await?;
                return Ok(tx.commit().await?);
            }
        };
        failpoint::reached("discovery.seen");
        // Where another target shows the same certificate and was first, it is known now.
        if self.take(target, &found).await? || self.take(target, &found).await? {
            return Ok(());
        }
        Err(ServiceError::internal("a certificate that is there already is not found"))
    }

    /// What the target shows, or why that cannot be taken.
    async fn sight(&self, target: &Target) -> Result<Result<Found, (TargetState, String)>, ServiceError> {
        let shown = match window::see(self.app, self.tenant, &target.endpoint).await? {
            Ok((_, shown)) => shown,
            Err(reason) => return Ok(Err((TargetState::Unreachable, reason))),
        };
        Ok(Found::read(&shown.leaf, shown.chain).map_err(|error| (TargetState::Refused, error.to_string())))
    }

    /// Takes what was found into the inventory; `false` when somebody else has done so in this moment.
    async fn take(&self, target: &Target, found: &Found) -> Result<bool, ServiceError> {
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        let taken = take_found(self.app, &mut tx, found, &target.endpoint).await?;
        let (state, reason, certificate_id) = match &taken {
            Taken::New(id) => (TargetState::Imported, None, Some(*id)),
            Taken::Known(id) => (TargetState::Known, None, Some(*id)),
            Taken::Twin(id) => {
                let reason =
                    format!("it has the issuer and the serial number of {id}, and is another certificate");
                (TargetState::Refused, Some(reason), None)
            }
            Taken::Overtaken => return Ok(false),
        };
        let outcome = Outcome { state, reason, certificate_id };
        if !rows::note(&mut tx, self.id, target.position, outcome).await? {
            return Ok(true);
        }
        if let Taken::New(id) = taken {
            let data = self.told(target, id, &found.parsed);
            events::raise(self.app, &mut tx, EventKind::CertificateImported, id, data);
        }
        tx.commit().await?;
        if matches!(taken, Taken::New(_)) {
            metrics::counter!("certmill_certificates_imported_total").increment(1);
        }
        Ok(true)
    }

    fn told(&self, target: &Target, id: CertificateId, parsed: &ParsedCertificate) -> serde_json::Value {
        json!({
            "certificate_id": id, "name": parsed.subject().common_name,
            "serial_number": parsed.serial_number().to_string(), "found_at": target.endpoint,
            "discovery_id": self.id,
        })
    }
}

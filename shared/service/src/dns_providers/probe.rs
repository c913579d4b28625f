//! Trying a DNS provider from end to end: a value that means nothing is published, looked for at the zone's name servers and
//! removed.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certmill_dns::{Change, ChangeState, DnsError, PropagationCheck, Providers, Seen, ServerView, Zone};
use certmill_domain::{Action, DnsProvider, DnsProviderId};

use super::open::{OpenProvider, open};
use super::stored;
use crate::change::Act;
use crate::{App, Caller, ServiceError};

/// Below a zone, where values of tests are published.
const LABEL: &str = "_certmill-test";
/// Before a provider that says that it is almost done is asked again.
const LEAST_WAIT: Duration = Duration::from_secs(1);
/// How long everything together may take before the value is removed again.
const LIMIT: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What a step came to at the provider or in the DNS, which the test tells; what goes wrong here ends it.
type AtProvider<T> = Result<T, DnsError>;

/// What a test found out.
pub struct Probe {
    /// The zone.
    pub zone: String,
    /// Where the value was published.
    pub name: String,
    /// The value.
    pub value: String,
    /// The steps in order, up to the first that failed; the value is removed in any case.
    pub steps: Vec<ProbeStep>,
    /// The name servers, and what each of them had in the end.
    pub servers: Vec<ProbeServer>,
}

/// A step of a test.
pub struct ProbeStep {
    /// `find_zone`, `add`, `applied`, `propagated` or `remove`.
    pub step: &'static str,
    /// How long it took.
    pub elapsed: Duration,
    /// What went wrong.
    pub error: Option<String>,
}

/// A name server.
pub struct ProbeServer {
    /// Its name, or its address where it has none.
    pub name: String,
    /// Where it was asked, by the address that tells most; empty when it has none.
    pub address: String,
    /// `value`, `other_values`, `absent`, `no_route` or `failed`.
    pub seen: &'static str,
    /// Why it failed.
    pub error: Option<String>,
}

/// Tries a provider in one of its zones: the first when none is named. Goes on to the end when the caller does not wait.
pub async fn test(
    app: &App,
    caller: &Caller,
    id: DnsProviderId,
    zone: Option<String>,
) -> Result<Probe, ServiceError> {
    let (row, _) = stored(app, caller.tenant, id).await?;
    let provider = open(app, caller.tenant, id).await?;
    let traits = provider.client.traits();
    if traits.by_hand {
        return Err(ServiceError::field("id", "is a provider of the type manual, which publishes nothing"));
    }
    let zone = match zone {
        Some(zone) => chosen(&row, &zone)?,
        None => row.served_zones().first().cloned().ok_or_else(|| {
            ServiceError::field("zone", "is needed, since the provider does not tell which zones it has")
        })?,
    };
    let place = app.place_to_call_out(caller.tenant).await?;
    let mut random = [0; 32];
    app.entropy().fill(&mut random);
    // Values look like those of challenges, which is all that some providers take.
    let value = URL_SAFE_NO_PAD.encode(random);
    let name = if traits.most_values.is_some() { zone.clone() } else { format!("{LABEL}.{zone}") };
    app.change(caller).await?.commit(Act::new(Action::DnsProviderTest, id)).await?;
    let dns = app.dns(caller.tenant).await?;
    let trial =
        Trial { app: app.clone(), provider, zone, name, value, holder: caller.request_id.clone(), dns };
    let trial = trial.run();
    let running = tokio::spawn(async move {
        let ended = trial.await;
        drop(place);
        ended
    });
    running.await.map_err(|_| ServiceError::internal("a test of a DNS provider broke off"))?
}

fn chosen(provider: &DnsProvider, zone: &str) -> Result<String, ServiceError> {
    let zone = zone.trim_end_matches('.').to_ascii_lowercase();
    let served = provider.served_zones();
    if served.is_empty() || served.contains(&zone) {
        return Ok(zone);
    }
    let some: Vec<&str> = served.iter().take(10).map(String::as_str).collect();
    Err(ServiceError::field("zone", format!("is not served by the provider, which has {}", some.join(", "))))
}

struct Trial {
    app: App,
    provider: OpenProvider,
    zone: String,
    name: String,
    value: String,
    holder: String,
    dns: Providers,
}

impl Trial {
    async fn run(self) -> Result<Probe, ServiceError> {
        let deadline = Instant::now() + LIMIT;
        let (mut steps, mut servers) = (Vec::new(), Vec::new());
        let started = Instant::now();
        let found = self.provider.client.find_zone(&self.name).await;
        if let Some(zone) = note(&mut steps, "find_zone", started, found) {
            if self.publish(&zone, deadline, &mut steps).await? {
                self.look(&zone, deadline, (&mut steps, &mut servers)).await;
            }
            let started = Instant::now();
            let removed =
                self.locked(&zone, self.provider.client.remove_txt(&zone, &self.name, &self.value)).await?;
            note(&mut steps, "remove", started, removed);
        }
        let Self { zone, name, value, .. } = self;
        Ok(Probe { zone, name, value, steps, servers })
    }

    /// Adds the value and waits until the provider calls it applied.
    async fn publish(
        &self,
        zone: &Zone,
        deadline: Instant,
        steps: &mut Vec<ProbeStep>,
    ) -> Result<bool, ServiceError> {
        let client = &self.provider.client;
        let started = Instant::now();
        let added = self.locked(zone, client.add_txt(zone, &self.name, &self.value)).await?;
        let Some(Change { pending }) = note(steps, "add", started, added) else { return Ok(false) };
        let Some(change) = pending else { return Ok(true) };
        let started = Instant::now();
        let applied = loop {
            match client.poll(&change).await {
                Ok(ChangeState::Done) => break Ok(()),
                Ok(ChangeState::Pending { after }) if Instant::now() + after < deadline => {
                    tokio::time::sleep(after.max(LEAST_WAIT)).await;
                }
                Ok(ChangeState::Pending { .. }) => {
                    break Err(DnsError::Unavailable("the provider is still applying the change".to_owned()));
                }
                Err(error) => break Err(error),
            }
        };
        Ok(note(steps, "applied", started, applied).is_some())
    }

    /// Looks for the value until every name server has it, or the time is over.
    async fn look(
        &self,
        zone: &Zone,
        deadline: Instant,
        (steps, servers): (&mut Vec<ProbeStep>, &mut Vec<ProbeServer>),
    ) {
        let started = Instant::now();
        let check = PropagationCheck {
            name: self.name.clone(),
            value: self.value.clone(),
            zone: self.provider.client.traits().knows_zones.then(|| zone.apex.clone()),
            settings: self.provider.client.propagation().clone(),
            // A test is strict: a server that fails is told, although an order would not wait for it for ever.
            waited: Duration::ZERO,
        };
        let outcome = loop {
            let seen = self.dns.propagation(&check).await;
            if let Ok(seen) = &seen {
                *servers = seen.servers.iter().map(server).collect();
            }
            match seen {
                Ok(seen) if seen.complete => break Ok(()),
                _ if Instant::now() + LOOK_AGAIN < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Ok(seen) => break Err(DnsError::Unavailable(seen.to_string())),
                Err(error) => break Err(error),
            }
        };
        note(steps, "propagated", started, outcome);
    }

    /// Makes a change under the lock, where the provider needs one.
    async fn locked(
        &self,
        zone: &Zone,
        change: impl Future<Output = AtProvider<Change>>,
    ) -> Result<AtProvider<Change>, ServiceError> {
        let place = (zone, self.name.as_str());
        if !self.provider.lock(&self.app, place, &self.holder).await? {
            return Ok(Err(DnsError::Conflict("another change of this name is under way".to_owned())));
        }
        let made = change.await;
        self.provider.unlock(&self.app, place, &self.holder).await?;
        Ok(made)
    }
}

/// Notes a step; answers what it brought.
fn note<T>(
    steps: &mut Vec<ProbeStep>,
    step: &'static str,
    started: Instant,
    outcome: AtProvider<T>,
) -> Option<T> {
    let (value, error) = match outcome {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error.to_string())),
    };
    steps.push(ProbeStep { step, elapsed: started.elapsed(), error });
    value
}

fn server(view: &ServerView) -> ProbeServer {
    let error = match &view.seen {
        Seen::Failed(reason) => Some(reason.clone()),
        Seen::Value | Seen::OtherValues(_) | Seen::Absent | Seen::NoRoute => None,
    };
    let address = view.address().map(|address| address.to_string()).unwrap_or_default();
    ProbeServer { name: view.name.clone(), address, seen: view.seen.as_str(), error }
}

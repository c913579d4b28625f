//! Looks that go on at the same time. As soon as one is over another begins, so that a server that takes its full time holds nobody up.

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_domain::{Endpoint, TenantId};
use certmill_egress::Purpose;
use certmill_probe::{Limits, Shown};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::{App, ServiceError};

/// Servers that a job looks at at the same time.
const AT_ONCE: usize = 16;
/// Rows to read when there is room. Those that are looked at in this moment are among them, and others enough.
pub(crate) const ROWS: i64 = 32;
/// After so long new rows are asked for, though no look is over.
const PAUSE: Duration = Duration::from_secs(1);

/// What goes on, each under its key.
pub(crate) struct Window<'a, K> {
    running: FuturesUnordered<BoxFuture<'a, (K, Result<(), ServiceError>)>>,
    keys: BTreeSet<K>,
    failed: Option<ServiceError>,
}

impl<'a, K: Ord + Clone + Send + 'a> Window<'a, K> {
    pub(crate) fn new() -> Self {
        Self { running: FuturesUnordered::new(), keys: BTreeSet::new(), failed: None }
    }

    /// Whether another look may begin; none does after one has failed.
    pub(crate) fn has_room(&self) -> bool {
        self.failed.is_none() && self.running.len() < AT_ONCE
    }

    /// Begins a look, unless one of this key goes on or there is no room.
    pub(crate) fn begin(&mut self, key: K, look: impl Future<Output = Result<(), ServiceError>> + Send + 'a) {
        if self.has_room() && self.keys.insert(key.clone()) {
            self.running.push(Box::pin(async move { (key, look.await) }));
        }
    }

    /// Waits until a look is over, a second at most; `false` when none goes on.
    pub(crate) async fn wait(&mut self) -> bool {
        match tokio::time::timeout(PAUSE, self.running.next()).await {
            Ok(None) => return false,
            Ok(Some((key, outcome))) => {
                self.keys.remove(&key);
                self.failed = self.failed.take().or(outcome.err());
            }
            Err(tokio::time::error::Elapsed { .. }) => {}
        }
        true
    }

    /// Reads rows while looks go on. Whatever waits for a connection to the database has to be done here: a look that
    /// nobody polls keeps the one that it has.
    pub(crate) async fn meanwhile<T>(&mut self, reading: impl Future<Output = T>) -> T {
        let mut reading = std::pin::pin!(reading);
        loop {
            tokio::select! {
                rows = &mut reading => return rows,
                Some((key, outcome)) = self.running.next() => {
                    self.keys.remove(&key);
                    self.failed = self.failed.take().or(outcome.err());
                }
            }
        }
    }

    /// The first failure, if there was one.
    pub(crate) fn outcome(self) -> Result<(), ServiceError> {
        self.failed.map_or(Ok(()), Err)
    }
}

/// What a server of a tenant's shows, or why nothing was seen.
pub(crate) async fn see(
    app: &App,
    tenant: TenantId,
    endpoint: &str,
) -> Result<Result<(Endpoint, Shown), String>, ServiceError> {
    let place: Endpoint = match endpoint.parse() {
        Ok(place) => place,
        // A newer version has written a scheme that this one does not know.
        Err(error) => return Ok(Err(format!("{error}"))),
    };
    let egress = app.egress(tenant, Purpose::Endpoint).await?;
    let shown = certmill_probe::look(&egress, &place, Limits::default()).await;
    Ok(shown.map(|shown| (place, shown)).map_err(|error| error.to_string()))
}

//! Everything that use cases share: rows, queue, keys, clock, randomness, settings and caches.

use std::sync::Arc;
use std::time::Duration;

use certmill_acme::Acme;
use certmill_dns::Providers;
use certmill_domain::{Clock, Entropy, Job, JobId, TenantId, Timestamp};
use certmill_egress::Egress;
use certmill_keys::{KeyPool, RootKeys};
use certmill_queue::Queue;
use certmill_storage::jobs::{Enqueued, NewJob};
use certmill_storage::{Database, Tx};
use tokio::sync::Semaphore;

use crate::ServiceError;
use crate::certificates::Committer;
use crate::issuer::Issuers;
use crate::keyring::Keyring;
use crate::roles::RoleCache;
use crate::tokens::TokenCache;

/// Validations that may ask about revocation at the same time.
const VALIDATIONS: usize = 8;

/// What an operator sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of the URLs written into certificates, without a trailing slash.
    pub public_url: String,
    /// How long a CRL is valid.
    pub crl_lifetime: Duration,
    /// How long before its end a CRL is made anew.
    pub crl_renew_before: Duration,
    /// How long a finished job is kept.
    pub done_jobs_kept: Duration,
    /// How long a dead job is kept.
    pub dead_jobs_kept: Duration,
    /// How long a running job may go without a sign of life until another worker may take it.
    pub job_lease: Duration,
    /// Where ZeroSSL gives out external accounts, without a trailing slash.
    pub zerossl_api_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            crl_lifetime: Duration::from_hours(72),
            crl_renew_before: Duration::from_hours(24),
            done_jobs_kept: Duration::from_hours(24),
            dead_jobs_kept: Duration::from_hours(30 * 24),
            job_lease: Duration::from_mins(1),
            zerossl_api_url: "https://api.zerossl.com".to_owned(),
        }
    }
}

/// What an [`App`] is made of.
pub struct Parts {
    /// The rows.
    pub database: Database,
    /// The way to the workers.
    pub queue: Queue,
    /// The root keys that wrap every tenant's key.
    pub root_keys: RootKeys,
    /// New private keys.
    pub key_pool: KeyPool,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// The way to addresses that a tenant can influence.
    pub egress: Egress,
    /// The way to ACME servers.
    pub acme: Acme,
    /// The way to DNS providers and name servers.
    pub dns: Providers,
    /// What the operator sets.
    pub settings: Settings,
}

/// The service in one process. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    database: Database,
    queue: Queue,
    key_pool: KeyPool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    egress: Egress,
    acme: Acme,
    dns: Providers,
    validations: Semaphore,
    settings: Settings,
    keyring: Keyring,
    issuers: Issuers,
    roles: RoleCache,
    tokens: TokenCache,
    committer: Committer,
}

impl App {
    /// Puts the service together. Needs a Tokio runtime: it starts the task that commits issued certificates.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            committer: Committer::start(parts.database.clone()),
            database: parts.database,
            queue: parts.queue,
            key_pool: parts.key_pool,
            keyring: Keyring::new(parts.root_keys),
            issuers: Issuers::new(),
            roles: RoleCache::new(),
            tokens: TokenCache::new(),
            clock: parts.clock,
            entropy: parts.entropy,
            egress: parts.egress,
            acme: parts.acme,
            dns: parts.dns,
            validations: Semaphore::new(VALIDATIONS),
            settings: parts.settings,
        }))
    }

    /// The rows.
    pub fn database(&self) -> &Database {
        &self.0.database
    }

    /// The way to the workers.
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// The source of new private keys.
    pub fn key_pool(&self) -> &KeyPool {
        &self.0.key_pool
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Random bytes.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn egress(&self) -> &Egress {
        &self.0.egress
    }

    pub(crate) fn acme(&self) -> &Acme {
        &self.0.acme
    }

    pub(crate) fn dns(&self) -> &Providers {
        &self.0.dns
    }

    /// Room for validations that ask about revocation.
    pub(crate) fn validations(&self) -> &Semaphore {
        &self.0.validations
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn issuers(&self) -> &Issuers {
        &self.0.issuers
    }

    pub(crate) fn roles(&self) -> &RoleCache {
        &self.0.roles
    }

    pub(crate) fn tokens(&self) -> &TokenCache {
        &self.0.tokens
    }

    pub(crate) fn committer(&self) -> &Committer {
        &self.0.committer
    }

    /// Whether the sealed keys can be opened: the first tenant key of the database, if there is one, is unwrapped.
    pub async fn check_sealing(&self) -> Result<(), ServiceError> {
        self.keyring().check(self).await
    }

    /// Enqueues work in the caller's transaction, due now.
    pub(crate) async fn enqueue(
        &self,
        tx: &mut Tx,
        job: Job,
        request_id: Option<&str>,
    ) -> Result<Enqueued, ServiceError> {
        self.enqueue_after(tx, job, request_id, Duration::ZERO).await
    }

    /// Enqueues work in the caller's transaction, due after `delay`.
    pub(crate) async fn enqueue_after(
        &self,
        tx: &mut Tx,
        job: Job,
        request_id: Option<&str>,
        delay: Duration,
    ) -> Result<Enqueued, ServiceError> {
        let now = self.now();
        let new = NewJob {
            id: JobId::generate(now, self.entropy()),
            job,
            run_at: now.plus(delay),
            request_id: request_id.map(ToOwned::to_owned),
            now,
        };
        Ok(certmill_storage::jobs::enqueue(tx, &new).await?)
    }

    /// Tells the workers, after a commit, that there is work. A hint that is lost costs them one tick.
    pub(crate) fn wake_workers(&self) {
        let queue = self.queue().clone();
        tokio::spawn(async move { queue.hint().await });
    }

    /// Forgets what this process remembers of a tenant's keys, roles and tokens (for tests and rotation).
    pub fn forget_cached(&self, tenant: TenantId) {
        self.keyring().forget(tenant);
        self.roles().clear();
        self.tokens().clear();
    }
}

/// Runs CPU-heavy work (RSA signing, large CRLs) away from the threads that serve requests.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ServiceError::Internal(Box::new(error))),
    }
}

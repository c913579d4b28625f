//! Everything that use cases share: rows, queue, keys, clock, randomness, settings and caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use certmill_acme::Acme;
use certmill_dns::Providers;
use certmill_domain::{
    AcmeEnvironment, AcmeProvider, Clock, Entropy, Network, ProviderLimit, Retention, TenantId, Timestamp,
};
use certmill_egress::Egress;
use certmill_keys::{KeyPool, PrivateKey, RootKeys};
use certmill_mail::Mailer;
use certmill_queue::Queue;
use certmill_storage::Database;
use certmill_x509::KeyAlgorithm;

use crate::ServiceError;
use crate::acme::preflight::Preflight;
use crate::certificates::Committer;
use crate::crl::CrlCopies;
use crate::fleet_clock::{FleetClock, TOLERATED};
use crate::issuer::Issuers;
use crate::keyring::Keyring;
use crate::notices::NoticeSettings;
use crate::ocsp::{OcspAnswers, OcspDelegates};
use crate::outgoing::TenantNames;
use crate::overview::Counted;
use crate::publish::Publisher;
use crate::rate_limits::Limiter;
use crate::refusals::Refusals;
use crate::roles::RoleCache;
use crate::shares::{Holding, Place, Shares};
use crate::tokens::TokenCache;

/// Validations that may fetch CRLs and OCSP answers at the same time: each may hold CRLs of many megabytes.
const VALIDATIONS: usize = 8;
/// Calls that may wait for servers outside at the same time. Looking up a name alone can hold a thread for seconds.
const CALLS_OUT: usize = 64;
/// Calls that may wait for events at the same time. Each reads a row twice a second.
const FOLLOWERS: usize = 256;
/// Calls of one tenant that may wait for each kind of place.
const MOST_WAITING: usize = 64;

/// What an operator sets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Base of the URLs written into certificates, without a trailing slash.
    pub public_url: String,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
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
    /// How long everything else that is over is kept.
    pub retention: Retention,
    /// How long one attempt at a job may take at the most, whatever its kind permits.
    pub longest_attempt: Duration,
    /// Whether the time of a database server counts in place of this process's own.
    pub database_clock: bool,
    /// Where ZeroSSL gives out external accounts, without a trailing slash.
    pub zerossl_api_url: String,
    /// What ACME servers are known to give.
    pub acme_limits: Vec<ProviderLimit>,
    /// Names of accounts that are asked when another one's CA cannot issue in time and names none itself.
    pub acme_fallback_accounts: Vec<String>,
    /// How long an order waits for a CA before another one is asked.
    pub acme_fallback_after: Duration,
    /// Directories of known ACME providers that are elsewhere than published.
    pub acme_directories: Vec<(AcmeProvider, AcmeEnvironment, String)>,
    /// Origins whose pages may read the API's answers in a browser, as a browser names them: `https://pki.example.com`.
    pub cors_origins: Vec<String>,
    /// What is done about a look that finds something wrong before a CA is asked.
    pub preflight: Preflight,
    /// How long before their ends certificates, CAs, trust anchors and tokens are told of.
    pub expiry_thresholds: Vec<Duration>,
    /// How often an endpoint is looked at.
    pub endpoint_check_every: Duration,
    /// After how long a renewal that is not served is told of.
    pub deployed_within: Duration,
    /// Whom notices are sent to, and when.
    pub notices: NoticeSettings,
    /// Where the answers of http-01 are looked for: 80, as RFC 8555 section 8.3 has it.
    pub http01_port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            trusted_proxies: Vec::new(),
            crl_lifetime: Duration::from_hours(72),
            crl_renew_before: Duration::from_hours(24),
            done_jobs_kept: Duration::from_hours(24),
            dead_jobs_kept: Duration::from_hours(30 * 24),
            job_lease: Duration::from_mins(1),
            retention: Retention::default(),
            longest_attempt: Duration::from_mins(10),
            database_clock: true,
            zerossl_api_url: "https://api.zerossl.com".to_owned(),
            acme_limits: ProviderLimit::known(),
            acme_fallback_accounts: Vec::new(),
            acme_fallback_after: certmill_domain::FALLBACK_AFTER,
            acme_directories: Vec::new(),
            cors_origins: Vec::new(),
            preflight: Preflight::Off,
            expiry_thresholds: crate::expiry::THRESHOLDS.to_vec(),
            endpoint_check_every: Duration::from_hours(1),
            deployed_within: Duration::from_hours(24),
            notices: NoticeSettings::default(),
            http01_port: 80,
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
    /// The way to the mail server; none when owners are told nothing.
    pub mailer: Option<Mailer>,
    /// How many calls an identity may make.
    pub limiter: Limiter,
    /// The places beside `/pub`.
    pub publisher: Publisher,
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
    clock: FleetClock,
    entropy: Arc<dyn Entropy>,
    egress: Egress,
    acme: Acme,
    dns: Providers,
    mailer: Option<Mailer>,
    validations: Shares,
    calls_out: Shares,
    searches: Shares,
    followers: Shares,
    computing: Shares,
    settings: Settings,
    keyring: Keyring,
    issuers: Issuers,
    roles: RoleCache,
    tokens: TokenCache,
    committer: Committer,
    limiter: Limiter,
    refusals: Refusals,
    tenant_names: TenantNames,
    publisher: Publisher,
    crl_copies: CrlCopies,
    crl_addresses_are_checked: AtomicBool,
    ocsp_answers: OcspAnswers,
    ocsp_delegates: OcspDelegates,
    counted: Counted,
    is_stopping: AtomicBool,
}

impl App {
    /// Puts the service together. Needs a Tokio runtime: it starts the task that commits issued certificates.
    pub fn new(parts: Parts) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let shares = |what, places, holding| Shares::new(what, places, holding, MOST_WAITING);
        Self(Arc::new(Inner {
            committer: Committer::start(parts.database.clone()),
            database: parts.database,
            queue: parts.queue,
            key_pool: parts.key_pool,
            keyring: Keyring::new(parts.root_keys),
            issuers: Issuers::new(),
            roles: RoleCache::new(),
            tokens: TokenCache::new(),
            clock: FleetClock::new(parts.clock),
            entropy: parts.entropy,
            egress: parts.egress,
            acme: parts.acme,
            dns: parts.dns,
            mailer: parts.mailer,
            limiter: parts.limiter,
            refusals: Refusals::default(),
            tenant_names: TenantNames::default(),
            publisher: parts.publisher,
            crl_copies: CrlCopies::default(),
            crl_addresses_are_checked: AtomicBool::new(false),
            ocsp_answers: OcspAnswers::new(),
            ocsp_delegates: OcspDelegates::new(),
            counted: Counted::default(),
            is_stopping: AtomicBool::new(false),
            validations: shares("fetching for validations", VALIDATIONS, Holding::AsManyAsAreFree),
            calls_out: shares("calls to servers outside", CALLS_OUT, Holding::AsManyAsAreFree),
            searches: shares("making RSA keys", processors, Holding::All),
            followers: shares("waiting for events", FOLLOWERS, Holding::AsManyAsAreFree),
            computing: shares("long computations", processors, Holding::All),
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

    /// The present time, by the database's clock where processes share one.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Asks the database server for its time, where [`Settings::database_clock`] says that it counts.
    pub async fn look_at_database_clock(&self) -> Result<(), ServiceError> {
        if self.settings().database_clock
            && let Some(time) = self.database().server_time().await?
        {
            self.0.clock.set(time);
        }
        Ok(())
    }

    /// By how many seconds this process's clock is ahead of the database's; negative when it is behind.
    pub fn clock_difference(&self) -> f64 {
        self.0.clock.difference()
    }

    /// Whether this process's clock is so far from the database's that one of them is wrong.
    pub fn clock_is_wrong(&self) -> bool {
        self.clock_difference().abs() > TOLERATED.as_secs_f64()
    }

    /// Random bytes.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.0.entropy
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The places beside `/pub`.
    pub fn publisher(&self) -> &Publisher {
        &self.0.publisher
    }

    pub(crate) fn outgoing(&self) -> (&Egress, &Acme, &Providers) {
        (&self.0.egress, &self.0.acme, &self.0.dns)
    }

    /// The way to the mail server, where there is one.
    pub(crate) fn mailer(&self) -> Option<&Mailer> {
        self.0.mailer.as_ref()
    }

    pub(crate) fn tenant_names(&self) -> &TenantNames {
        &self.0.tenant_names
    }

    /// A place for a validation that fetches, once it is the tenant's turn.
    pub(crate) async fn place_to_fetch(&self, tenant: TenantId) -> Result<Place, ServiceError> {
        self.0.validations.take(tenant).await
    }

    /// A place for a call of the API that asks a server which the tenant names, once it is the tenant's turn.
    pub(crate) async fn place_to_call_out(&self, tenant: TenantId) -> Result<Place, ServiceError> {
        self.0.calls_out.take(tenant).await
    }

    /// Has those who wait for events answered with what there is: the process ends, and another one takes them on.
    pub fn stop_waiting(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether calls should stop waiting, since the process ends.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::Relaxed)
    }

    /// Places for calls that wait for events.
    pub(crate) fn followers(&self) -> &Shares {
        &self.0.followers
    }

    /// A fresh key. Where it takes a prime search, tenants take turns.
    pub(crate) async fn new_key(
        &self,
        tenant: TenantId,
        algorithm: KeyAlgorithm,
    ) -> Result<PrivateKey, ServiceError> {
        if let Some(key) = self.key_pool().without_search(algorithm).await? {
            return Ok(key);
        }
        let place = self.0.searches.take(tenant).await?;
        let pool = self.key_pool().clone();
        // On a task of its own: the search goes on when the caller does not wait any more, and so long the place is taken.
        let search = tokio::spawn(async move {
            let key = pool.by_search(algorithm).await;
            drop(place);
            key
        });
        Ok(search.await.map_err(|error| ServiceError::Internal(Box::new(error)))??)
    }

    /// Runs what may take much of a processor away from the threads that serve requests, when it is the tenant's turn.
    pub(crate) async fn in_turn<T: Send + 'static>(
        &self,
        tenant: TenantId,
        work: impl FnOnce() -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let place = self.0.computing.take(tenant).await?;
        // The place goes with the work, which runs to its end even if the caller has gone.
        off_thread(move || {
            let _place = place;
            work()
        })
        .await
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

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    pub(crate) fn ocsp_answers(&self) -> &OcspAnswers {
        &self.0.ocsp_answers
    }

    pub(crate) fn ocsp_delegates(&self) -> &OcspDelegates {
        &self.0.ocsp_delegates
    }

    /// The figures that are kept.
    pub(crate) fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// Whether all lists of shards are known to say the present address of the service.
    pub(crate) fn crl_addresses_are_checked(&self) -> bool {
        self.0.crl_addresses_are_checked.load(Ordering::Relaxed)
    }

    pub(crate) fn note_checked_crl_addresses(&self) {
        self.0.crl_addresses_are_checked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn crl_copies(&self) -> &CrlCopies {
        &self.0.crl_copies
    }

    /// Whether the sealed keys can be opened: the first tenant key of the database, if there is one, is unwrapped.
    pub async fn check_sealing(&self) -> Result<(), ServiceError> {
        self.keyring().check(self).await
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

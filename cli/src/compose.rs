//! From the configuration to a working [`App`]: the one place that knows which parts make which mode.

use std::sync::Arc;

use anyhow::{Context, bail};
use certmill_acme::Acme;
use certmill_aws::Credentials;
use certmill_aws::s3::BucketName;
use certmill_config::{
    AcmeDirectory, AllowedNetwork, Config, EgressPurpose, MailTls, PreflightMode, PublishConfig, S3Config,
    S3Credentials, S3Identity,
};
use certmill_dns::{AwsIdentity, DnsSettings, Providers};
use certmill_domain::{AcmeEnvironment, AcmeProvider, SystemClock, SystemEntropy};
use certmill_egress::{Allowance, Egress, EgressOptions, EgressPolicy, Purpose};
use certmill_keys::{KeyPool, PoolSizes, RootKey, RootKeys};
use certmill_mail::{MailOptions, Mailer, Security};
use certmill_queue::{Queue, SharedBuckets};
use certmill_service::acme::preflight::Preflight;
use certmill_service::notices::NoticeSettings;
use certmill_service::publish::{Publisher, StoreCredentials, StoreSettings};
use certmill_service::{App, Limiter, Parts, Settings};
use certmill_storage::{Database, SchemaState, StorageError};

use crate::{ambient, private, tls};

/// Opens the database that is there, embedded unless a URL is set.
pub(crate) async fn database(config: &Config) -> anyhow::Result<Database> {
    if config.database_url.is_none() && config.data_dir.exists() {
        private::existing_folder(&config.data_dir)?;
    }
    private::database_files(&database_url(config))?;
    match Database::open_existing(&database_url(config), config.database_max_connections).await {
        Err(StorageError::Missing(path)) if config.database_url.is_some() => {
            bail!(
                "the database file {path} does not exist: `certmill migrate` with the same settings makes it"
            )
        }
        Err(StorageError::Missing(path)) => bail!(
            "there is no database: no database_url is set (DATABASE_URL, --database-url), and the embedded database \
             {path} does not exist. Set the URL, name the folder of the embedded database with --data, or make one \
             there with `certmill migrate`"
        ),
        other => Ok(other?),
    }
}

/// Opens the database; a missing file of SQLite is made, and so is the data folder.
pub(crate) async fn database_or_new(config: &Config) -> anyhow::Result<Database> {
    if config.database_url.is_none() {
        private::folder(&config.data_dir)?;
    }
    private::database_files(&database_url(config))?;
    Ok(Database::open(&database_url(config), config.database_max_connections).await?)
}

fn database_url(config: &Config) -> String {
    match &config.database_url {
        Some(url) => url.clone(),
        None => format!("sqlite://{}", config.embedded_database().display()),
    }
}

/// Makes sure that the schema is the one this program knows.
pub(crate) async fn require_schema(config: &Config, database: &Database) -> anyhow::Result<()> {
    let shown = config.database_shown();
    match database.schema_state().await.with_context(|| format!("the schema of {shown} cannot be read"))? {
        SchemaState::Current => Ok(()),
        SchemaState::Behind { missing } => {
            let migrations = if missing == 1 { "migration" } else { "migrations" };
            bail!(
                "{shown} lacks {missing} {migrations}: run `certmill migrate` with the same settings first, if this is \
                 the database that you mean"
            )
        }
        SchemaState::Newer { version } => {
            tracing::warn!(
                database = %shown,
                migration = version,
                "the database was migrated by a newer version of certmill; this one works on it, and shows what it does \
                 not know as it is"
            );
            Ok(())
        }
    }
}

/// The root keys that the configuration names.
pub(crate) fn root_keys(config: &Config) -> anyhow::Result<RootKeys> {
    private::root_key_files(config)?;
    let Some(text) = config.root_key_text()? else {
        bail!(
            "no root key is set: it seals every private key. Make one with `(umask 077; openssl rand -hex 32 > \
             root.key)`, keep a copy in a safe place, and set CERTMILL_ROOT_KEY_FILE to its path"
        );
    };
    let current = RootKey::from_text(&text).context("the root key cannot be used")?;
    let previous = config
        .previous_root_key_texts()?
        .iter()
        .map(|text| RootKey::from_text(text))
        .collect::<Result<_, _>>()
        .context("a previous root key cannot be used")?;
    Ok(RootKeys::new(current, previous))
}

/// The queue: Redis where a URL is set, else in this process.
pub(crate) fn queue(config: &Config) -> anyhow::Result<Queue> {
    match &config.redis_url {
        Some(url) => Queue::redis(url, &config.redis_namespace)
            .with_context(|| format!("Redis at {} cannot be used", config.redis_shown().unwrap_or_default())),
        None => Ok(Queue::in_process()),
    }
}

/// Puts the service together.
pub(crate) fn app(
    config: &Config,
    database: Database,
    queue: Queue,
    root_keys: RootKeys,
    pool: PoolSizes,
) -> anyhow::Result<App> {
    private::warn_of_open_tls_key(config);
    let scheme = if config.tls_cert.is_some() || config.tls_self.is_some() { "https" } else { "http" };
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{}", config.listen));
    let policy = EgressPolicy::limited(config.egress.allow.iter().map(allowance).collect());
    let trusted_pem = trusted_pem(config)?;
    let client = |keep_alive| {
        let options = EgressOptions { trusted_pem: trusted_pem.clone(), keep_alive };
        Egress::with_options(policy.clone(), &options)
            .context("the client for outgoing requests cannot be set up")
    };
    Ok(App::new(Parts {
        database,
        queue,
        root_keys,
        key_pool: KeyPool::new(pool),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        egress: client(false)?,
        acme: Acme::new(client(true)?, Arc::new(SystemClock)),
        dns: Providers::new(dns_settings(config), policy.clone(), client(true)?, Arc::new(SystemClock)),
        mailer: mailer(config)?,
        limiter: limiter(config)?,
        publisher: publisher(config)?,
        settings: Settings {
            public_url,
            trusted_proxies: config.trusted_proxies.clone(),
            crl_lifetime: config.crl.lifetime,
            crl_renew_before: config.crl.renew_before,
            expiry_thresholds: config.events.expiring.clone(),
            endpoint_check_every: config.endpoints.check_every,
            deployed_within: config.endpoints.deployed_within,
            notices: NoticeSettings {
                digest_at: config.mail.digest_at,
                default_owners: config.mail.default_owners.clone(),
                allowed_domains: config.mail.allowed_domains.clone(),
            },
            done_jobs_kept: config.jobs.keep_done,
            dead_jobs_kept: config.jobs.keep_dead,
            job_lease: config.jobs.lease,
            retention: config.retention,
            cors_origins: config.cors_origins.clone(),
            preflight: match config.acme.preflight {
                PreflightMode::Off => Preflight::Off,
                PreflightMode::Warn => Preflight::Warn,
                PreflightMode::Require => Preflight::Require,
            },
            acme_directories: acme_directories(config)?,
            acme_fallback_accounts: config.acme.fallback_accounts.clone(),
            acme_fallback_after: config.acme.fallback_after,
            acme_limits: config.acme.limits.clone(),
            ..Settings::default()
        },
    }))
}

fn dns_settings(config: &Config) -> DnsSettings {
    DnsSettings {
        resolvers: config.dns.resolvers.clone(),
        authoritative_port: None,
        ambient: ambient::settings(config),
    }
}

/// The way to DNS providers and to this machine's credentials, for a command that needs nothing else of the service.
pub(crate) fn providers(config: &Config) -> anyhow::Result<Providers> {
    let policy = EgressPolicy::limited(config.egress.allow.iter().map(allowance).collect());
    let options = EgressOptions { trusted_pem: trusted_pem(config)?, keep_alive: false };
    let egress = Egress::with_options(policy.clone(), &options)?;
    Ok(Providers::new(dns_settings(config), policy, egress, Arc::new(SystemClock)))
}

/// The places beside `/pub`.
pub(crate) fn publisher(config: &Config) -> anyhow::Result<Publisher> {
    let PublishConfig { folder, s3, late_after } = &config.publish;
    let store = s3.as_ref().map(|s3| store(config, s3)).transpose()?;
    Ok(Publisher::new(folder.clone(), store, *late_after))
}

fn store(config: &Config, s3: &S3Config) -> anyhow::Result<StoreSettings> {
    let S3Config { bucket, region, endpoint, prefix, credentials } = s3;
    // No tenant can name this address, and stores are often inside.
    let anywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect();
    let options = EgressOptions { trusted_pem: trusted_pem(config)?, keep_alive: true };
    let egress = Egress::with_options(EgressPolicy::allowing(anywhere), &options)
        .context("the client for the object store cannot be set up")?;
    let credentials = match credentials {
        S3Credentials::Keys { access_key_id, secret_access_key } => StoreCredentials::Keys(Credentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: secret_access_key.expose().to_owned().into(),
            session_token: None,
        }),
        S3Credentials::Ambient(S3Identity::Instance) => StoreCredentials::Machine(AwsIdentity::Instance),
        S3Credentials::Ambient(S3Identity::WebIdentity) => {
            StoreCredentials::Machine(AwsIdentity::WebIdentity)
        }
    };
    let bucket = BucketName {
        endpoint: endpoint.clone(),
        region: region.clone(),
        bucket: bucket.clone(),
        prefix: prefix.clone(),
    };
    Ok(StoreSettings { bucket, credentials, egress: egress.with_credentials() })
}

fn acme_directories(config: &Config) -> anyhow::Result<Vec<(AcmeProvider, AcmeEnvironment, String)>> {
    let known = |directory: &AcmeDirectory| {
        let provider = AcmeProvider::parse(directory.provider)?;
        Some((provider, AcmeEnvironment::parse(directory.environment)?, directory.url.clone()))
    };
    let all: Option<Vec<_>> = config.acme.directories.iter().map(known).collect();
    all.context("a provider in acme.directories is not known")
}

/// The rate limits, counted in Redis where a URL is set. Nothing connects before the first call that is limited.
fn limiter(config: &Config) -> anyhow::Result<Limiter> {
    let shared = match &config.redis_url {
        Some(url) => Some(
            SharedBuckets::open(url, &config.redis_namespace)
                .context("Redis cannot be used for rate limits")?,
        ),
        None => None,
    };
    Ok(Limiter::new(config.rate_limits, shared))
}

fn allowance(allowed: &AllowedNetwork) -> Allowance {
    let AllowedNetwork { network, purposes, ports, tenants } = allowed;
    let purpose = |purpose: &EgressPurpose| match purpose {
        EgressPurpose::Acme => Purpose::Acme,
        EgressPurpose::Dns => Purpose::Dns,
        EgressPurpose::Validation => Purpose::Validation,
        EgressPurpose::Webhook => Purpose::Webhook,
        EgressPurpose::Endpoint => Purpose::Endpoint,
    };
    Allowance {
        network: *network,
        purposes: purposes.iter().map(purpose).collect(),
        ports: ports.clone(),
        tenants: tenants.clone(),
    }
}

/// The way to the mail server, where one is configured.
pub(crate) fn mailer(config: &Config) -> anyhow::Result<Option<Mailer>> {
    let Some(server) = &config.mail.server else { return Ok(None) };
    let trusted_pem = match &server.ca_file {
        Some(path) => {
            let pem = tls::read("mail.ca_file", path)?;
            let certificates = tls::certificates("mail.ca_file", path, &pem)?;
            let pem =
                |certificate: &openssl::x509::X509| anyhow::Ok(String::from_utf8(certificate.to_pem()?)?);
            certificates.iter().map(pem).collect::<anyhow::Result<Vec<String>>>()?
        }
        None => Vec::new(),
    };
    let options = MailOptions {
        host: server.host.clone(),
        port: server.port,
        security: match server.tls {
            MailTls::StartTls => Security::StartTls,
            MailTls::Tls => Security::Tls,
            MailTls::None => Security::None,
        },
        credentials: server
            .login
            .as_ref()
            .map(|(user, password)| (user.clone(), password.expose().to_owned())),
        from: server.from.clone(),
        trusted_pem,
    };
    Mailer::new(options).map(Some).context("the mail server in [mail] cannot be used")
}

/// The CA certificates that outgoing TLS trusts beside the system's.
pub(crate) fn trusted_pem(config: &Config) -> anyhow::Result<Option<String>> {
    let Some(path) = &config.egress.ca_file else { return Ok(None) };
    let pem = tls::read("egress.ca_file", path)?;
    tls::certificates("egress.ca_file", path, &pem)?;
    let text =
        String::from_utf8(pem).with_context(|| format!("egress.ca_file, {}, is no text", path.display()))?;
    Ok(Some(text))
}

/// The pool of RSA keys that a process which issues keeps ready.
pub(crate) fn pool_sizes(config: &Config) -> PoolSizes {
    PoolSizes {
        rsa_2048: config.key_pool.rsa_2048,
        rsa_3072: config.key_pool.rsa_3072,
        rsa_4096: config.key_pool.rsa_4096,
    }
}

/// No pool: for processes that make no keys.
pub(crate) const NO_POOL: PoolSizes = PoolSizes { rsa_2048: 0, rsa_3072: 0, rsa_4096: 0 };

//! The checked configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs};

use certmill_domain::{Network, RateLimits, Retention};
use ipnet::IpNet;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::secret::redacted;
use crate::{AcmeConfig, ConfigError, HttpConfig, MailConfig, PublishConfig, Secret, TlsSelfConfig};

const HOUR: Duration = Duration::from_hours(1);

/// All settings of a process. [`Config::load`] reads and checks them; [`Config::default`] is what
/// applies where nothing is set.
///
/// Printing it with `{:?}` shows no secret: keys are `***` and URLs lose their passwords.
#[derive(Clone)]
pub struct Config {
    /// `postgres://…` or `sqlite://…`; absent = the embedded database in `data_dir`.
    pub database_url: Option<String>,
    /// How many connections a process holds to the database, at most.
    pub database_max_connections: u32,
    /// `redis://…` or `unix://…`; absent = the queue is in the process.
    pub redis_url: Option<String>,
    /// What every key in Redis starts with, so that two installations can share one server.
    pub redis_namespace: String,
    /// The folder of the embedded database and of what `certmill dev` makes.
    pub data_dir: PathBuf,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Whether the API may be served without TLS, behind a proxy that terminates it.
    pub plain_http: bool,
    /// Proxies whose `X-Forwarded-For` says where a call comes from.
    pub trusted_proxies: Vec<Network>,
    /// The API's certificate chain in PEM; set together with `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// The private key of `tls_cert` in PEM.
    pub tls_key: Option<PathBuf>,
    /// Whether the API's listener asks clients for certificates, which may then stand in the place of tokens.
    pub tls_client_certificates: bool,
    /// A listener of its own for `/metrics`; absent = on `listen`.
    pub metrics_listen: Option<SocketAddr>,
    /// The base of the URLs that are written into certificates, without a slash at its end.
    pub public_url: Option<String>,
    /// Origins whose pages may call the API from a browser, such as `https://pki.example.com`.
    pub cors_origins: Vec<String>,
    /// The root key itself; at most one of this and `root_key_file` is set by [`Config::load`].
    pub root_key: Option<Secret>,
    /// The file that holds the root key.
    pub root_key_file: Option<PathBuf>,
    /// Root keys that wrapped before and must still unwrap.
    pub previous_root_keys: Vec<Secret>,
    /// Files that hold such keys.
    pub previous_root_key_files: Vec<PathBuf>,
    /// Certificate revocation lists.
    pub crl: CrlConfig,
    /// What is told of by events.
    pub events: EventsConfig,
    /// Looking at what is served.
    pub endpoints: EndpointsConfig,
    /// What answers ACME servers beside the API's own listener.
    pub acme: AcmeConfig,
    /// The resolvers to ask for names.
    pub dns: DnsConfig,
    /// Addresses that may be fetched from in the name of tenants.
    pub egress: EgressConfig,
    /// The doing of jobs.
    pub worker: WorkerConfig,
    /// RSA keys kept ready.
    pub key_pool: KeyPoolConfig,
    /// The keeping of finished jobs.
    pub jobs: JobsConfig,
    /// The keeping of everything else that is over.
    pub retention: Retention,
    /// How many calls of each category an identity may make.
    pub rate_limits: RateLimits,
    /// The log.
    pub log: LogConfig,
    /// How long requests and jobs in hand may take after a signal to stop.
    pub shutdown_timeout: Duration,
    /// What connections may take, on every listener.
    pub http: HttpConfig,
    /// A certificate for HTTPS from a CA of the service's own, in place of `tls_cert`.
    pub tls_self: Option<TlsSelfConfig>,
    /// Where CRLs and CA certificates are brought beside `/pub`.
    pub publish: PublishConfig,
    /// Mails to owners.
    pub mail: MailConfig,
}

/// Settings of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsConfig {
    /// How long before their ends certificates, CAs, trust anchors and tokens are told of.
    pub expiring: Vec<Duration>,
}

/// Settings of looking at what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointsConfig {
    /// How often an endpoint is looked at.
    pub check_every: Duration,
    /// After how long a renewal that is not served is told of.
    pub deployed_within: Duration,
}

/// Settings of certificate revocation lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlConfig {
    /// From `thisUpdate` to `nextUpdate` (RFC 5280 §5.1.2.4 and §5.1.2.5).
    pub lifetime: Duration,
    /// How long before `nextUpdate` the next one is built; shorter than `lifetime`.
    pub renew_before: Duration,
}

/// Settings of looking names up for dns-01 challenges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsConfig {
    /// Resolvers that answer recursively; the system's when there are none.
    pub resolvers: Vec<SocketAddr>,
}

/// Settings of what is fetched from addresses that a tenant can influence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EgressConfig {
    /// Networks that may be connected to although they are not on the public internet.
    pub allow: Vec<AllowedNetwork>,
    /// CA certificates in PEM that outgoing TLS trusts beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// A network that may be connected to, for everything and everybody unless it says for what and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedNetwork {
    /// The network.
    pub network: IpNet,
    /// What for; anything when empty.
    pub purposes: Vec<EgressPurpose>,
    /// Which ports; any when empty.
    pub ports: Vec<u16>,
    /// The names of the tenants for whom; anybody when empty.
    pub tenants: Vec<String>,
}

/// What is connected for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EgressPurpose {
    /// ACME servers.
    Acme,
    /// DNS providers and name servers.
    Dns,
    /// CRLs and OCSP.
    Validation,
    /// DNS providers of the type `webhook`, and receivers of events.
    Webhook,
    /// Servers that are looked at for the certificate that they serve.
    Endpoint,
}

impl EgressPurpose {
    /// The word of the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Dns => "dns",
            Self::Validation => "validation",
            Self::Webhook => "webhook",
            Self::Endpoint => "endpoint",
        }
    }
}

/// Settings of the doing of jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// How many jobs a process does at a time.
    pub concurrency: usize,
    /// The name that the process shows beside its jobs.
    pub name: String,
}

/// How many RSA keys of each size a process that issues keeps ready; 0 = none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPoolConfig {
    /// Keys of 2,048 bits.
    pub rsa_2048: usize,
    /// Keys of 3,072 bits.
    pub rsa_3072: usize,
    /// Keys of 4,096 bits.
    pub rsa_4096: usize,
}

/// How long the rows of finished jobs stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsConfig {
    /// Jobs that are done.
    pub keep_done: Duration,
    /// Jobs that were given up.
    pub keep_dead: Duration,
    /// How long a running job may go without a sign of life until another worker may take it.
    pub lease: Duration,
}

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for programs.
    pub format: LogFormat,
    /// What is logged: `info`, or `info,certmill_queue=debug`.
    pub filter: String,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// The text of the root key, read from its file where a file is named; nothing when neither is
    /// set.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], and [`ConfigError::Invalid`] for an empty text.
    pub fn root_key_text(&self) -> Result<Option<Zeroizing<String>>, ConfigError> {
        match (&self.root_key, &self.root_key_file) {
            (Some(key), _) => Ok(Some(Zeroizing::new(key.expose().to_owned()))),
            (None, Some(path)) => read_secret("root_key_file", "the configuration", path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The texts of the previous root keys, in the order in which they are written.
    ///
    /// # Errors
    /// As [`Self::root_key_text`].
    pub fn previous_root_key_texts(&self) -> Result<Vec<Zeroizing<String>>, ConfigError> {
        let given = self.previous_root_keys.iter().map(|key| Ok(Zeroizing::new(key.expose().to_owned())));
        let read = self
            .previous_root_key_files
            .iter()
            .map(|path| read_secret("previous_root_key_files", "the configuration", path));
        given.chain(read).collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: None,
            database_max_connections: 16,
            redis_url: None,
            redis_namespace: "certmill".to_owned(),
            data_dir: PathBuf::from("./certmill-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            plain_http: false,
            trusted_proxies: Vec::new(),
            tls_cert: None,
            tls_key: None,
            tls_client_certificates: false,
            metrics_listen: None,
            public_url: None,
            cors_origins: Vec::new(),
            root_key: None,
            root_key_file: None,
            previous_root_keys: Vec::new(),
            previous_root_key_files: Vec::new(),
            acme: AcmeConfig::default(),
            dns: DnsConfig::default(),
            egress: EgressConfig::default(),
            crl: CrlConfig { lifetime: 72 * HOUR, renew_before: 24 * HOUR },
            events: EventsConfig { expiring: [30, 14, 7, 1].map(|days| days * 24 * HOUR).to_vec() },
            endpoints: EndpointsConfig { check_every: HOUR, deployed_within: 24 * HOUR },
            worker: WorkerConfig { concurrency: 32, name: "certmill".to_owned() },
            key_pool: KeyPoolConfig { rsa_2048: 64, rsa_3072: 8, rsa_4096: 4 },
            rate_limits: RateLimits::default(),
            retention: Retention::default(),
            jobs: JobsConfig { keep_done: 24 * HOUR, keep_dead: 30 * 24 * HOUR, lease: HOUR / 60 },
            log: LogConfig { format: LogFormat::Text, filter: "info".to_owned() },
            shutdown_timeout: Duration::from_secs(30),
            http: HttpConfig::default(),
            tls_self: None,
            publish: PublishConfig { folder: None, s3: None, late_after: HOUR / 4 },
            mail: MailConfig { digest_at: crate::check::mail::DIGEST_AT, ..MailConfig::default() },
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Taken apart by name, so that a new setting cannot be forgotten here.
        let Self {
            database_url,
            database_max_connections,
            redis_url,
            redis_namespace,
            data_dir,
            listen,
            plain_http,
            trusted_proxies,
            tls_cert,
            tls_key,
            tls_client_certificates,
            metrics_listen,
            public_url,
            cors_origins,
            root_key,
            root_key_file,
            previous_root_keys,
            previous_root_key_files,
            crl,
            events,
            endpoints,
            acme,
            dns,
            egress,
            worker,
            key_pool,
            jobs,
            retention,
            rate_limits,
            log,
            shutdown_timeout,
            http,
            tls_self,
            publish,
            mail,
        } = self;
        f.debug_struct("Config")
            .field("database_url", &database_url.as_deref().map(redacted))
            .field("database_max_connections", database_max_connections)
            .field("redis_url", &redis_url.as_deref().map(redacted))
            .field("redis_namespace", redis_namespace)
            .field("data_dir", data_dir)
            .field("listen", listen)
            .field("plain_http", plain_http)
            .field("trusted_proxies", trusted_proxies)
            .field("tls_cert", tls_cert)
            .field("tls_key", tls_key)
            .field("tls_client_certificates", tls_client_certificates)
            .field("metrics_listen", metrics_listen)
            .field("public_url", public_url)
            .field("cors_origins", cors_origins)
            .field("root_key", root_key)
            .field("root_key_file", root_key_file)
            .field("previous_root_keys", previous_root_keys)
            .field("previous_root_key_files", previous_root_key_files)
            .field("crl", crl)
            .field("events", events)
            .field("endpoints", endpoints)
            .field("acme", acme)
            .field("dns", dns)
            .field("egress", egress)
            .field("worker", worker)
            .field("key_pool", key_pool)
            .field("jobs", jobs)
            .field("retention", retention)
            .field("rate_limits", rate_limits)
            .field("log", log)
            .field("shutdown_timeout", shutdown_timeout)
            .field("http", http)
            .field("tls_self", tls_self)
            .field("publish", publish)
            .field("mail", mail)
            .finish()
    }
}

/// Reads a file that holds one secret text, and takes the white space around it away.
pub(crate) fn read_secret(
    key: &str,
    origin: &str,
    path: &std::path::Path,
) -> Result<Zeroizing<String>, ConfigError> {
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|source| ConfigError::Unreadable {
        key: key.to_owned(),
        origin: origin.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(ConfigError::Invalid {
            key: key.to_owned(),
            origin: origin.to_owned(),
            problem: format!("the file {} is empty: write the secret into it", path.display()),
        });
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

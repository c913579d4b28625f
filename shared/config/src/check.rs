//! From the settings as they are written to the checked configuration: values one by one, then what
//! must fit together.

mod cors;
mod endpoints;
mod events;
pub(crate) mod mail;
mod publish;

use std::path::PathBuf;
use std::time::Duration;

use certmill_domain::{AcmeLimit, AcmeProvider, Network, ProviderLimit, RateLimit, RateLimits};

use crate::config::read_secret;
use crate::settings::{
    AcmeLimitsSettings, AcmeProviderLimits, DirectoriesSettings, DirectorySettings, Limit, List,
    RateLimitsSettings, Settings, Span,
};
use crate::{
    AcmeConfig, AcmeDirectory, Config, ConfigError, CrlConfig, DnsConfig, EgressConfig, JobsConfig,
    KeyPoolConfig, LogConfig, Secret, Sources, WorkerConfig,
};

/// Fills in the defaults and checks the whole.
pub(crate) fn finish(sources: &Sources) -> Result<Config, ConfigError> {
    let origins = Origins(sources);
    // Each layer was read by itself before, so this cannot fail for a reason of the operator's.
    let settings: Settings = sources.merged.extract_lossy().map_err(|error| ConfigError::Invalid {
        key: error.path.join("."),
        origin: "the settings as a whole".to_owned(),
        problem: error.kind.to_string(),
    })?;
    origins.refuse_both("root_key", "root_key_file")?;
    origins.refuse_both("previous_root_keys", "previous_root_key_files")?;
    let config = fill_in(settings, &origins)?;
    check_transport(&config, &origins)?;
    check_durations(&config, &origins)?;
    check_numbers_and_names(&config, &origins)?;
    Ok(config)
}

/// The shortest lease of a job: its signs of life must get through on a busy machine.
const SHORTEST_LEASE: Duration = Duration::from_secs(3);

fn fill_in(settings: Settings, origins: &Origins) -> Result<Config, ConfigError> {
    let default = Config::default();
    let Settings {
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
        http,
        tls_self,
        mail,
        publish,
        ..
    } = settings;
    Ok(Config {
        database_url: database_url(settings.database_url, settings.database_url_file, origins)?,
        database_max_connections: settings
            .database_max_connections
            .unwrap_or(default.database_max_connections),
        redis_url: redis_url(settings.redis_url, settings.redis_url_file, origins)?,
        redis_namespace: settings.redis_namespace.unwrap_or(default.redis_namespace),
        data_dir: settings.data_dir.unwrap_or(default.data_dir),
        listen: settings.listen.map_or(default.listen, |address| address.0),
        plain_http: settings.plain_http.unwrap_or(default.plain_http),
        trusted_proxies: trusted_proxies(items(settings.trusted_proxies), origins)?,
        tls_cert: settings.tls_cert,
        tls_key: settings.tls_key,
        tls_client_certificates: settings.tls_client_certificates.unwrap_or(default.tls_client_certificates),
        metrics_listen: settings.metrics_listen.map(|address| address.0),
        public_url: settings.public_url.map(|url| public_url(&url, origins)).transpose()?,
        cors_origins: cors::origins(items(settings.cors_origins), origins)?,
        root_key: settings.root_key,
        root_key_file: settings.root_key_file,
        previous_root_keys: items(settings.previous_root_keys),
        previous_root_key_files: items(settings.previous_root_key_files),
        crl: CrlConfig {
            lifetime: span(crl.lifetime, default.crl.lifetime),
            renew_before: span(crl.renew_before, default.crl.renew_before),
        },
        events: events::fill_in(events, default.events),
        endpoints: endpoints::fill_in(&endpoints, default.endpoints),
        acme: AcmeConfig {
            http_listen: acme.http_listen.map(|address| address.0),
            tls_alpn_listen: acme.tls_alpn_listen.map(|address| address.0),
            preflight: acme.preflight.unwrap_or_default(),
            ambient_credentials: items(acme.ambient_credentials).into_iter().map(|text| text.0).collect(),
            directories: directories(acme.directories, origins)?,
            fallback_accounts: items(acme.fallback_accounts),
            fallback_after: span(acme.fallback_after, default.acme.fallback_after),
            limits: acme_limits(acme.limits, origins)?,
        },
        dns: DnsConfig { resolvers: items(dns.resolvers).into_iter().map(|address| address.0).collect() },
        egress: EgressConfig {
            allow: items(egress.allow).into_iter().map(|network| network.0).collect(),
            ca_file: egress.ca_file,
        },
        worker: WorkerConfig {
            concurrency: worker.concurrency.unwrap_or(default.worker.concurrency),
            name: worker.name.unwrap_or(default.worker.name),
        },
        key_pool: KeyPoolConfig {
            rsa_2048: key_pool.rsa_2048.unwrap_or(default.key_pool.rsa_2048),
            rsa_3072: key_pool.rsa_3072.unwrap_or(default.key_pool.rsa_3072),
            rsa_4096: key_pool.rsa_4096.unwrap_or(default.key_pool.rsa_4096),
        },
        jobs: JobsConfig {
            keep_done: span(jobs.keep_done, default.jobs.keep_done),
            keep_dead: span(jobs.keep_dead, default.jobs.keep_dead),
            lease: span(jobs.lease, default.jobs.lease),
        },
        retention: retention.read().map_err(|(key, problem)| origins.problem(key, problem))?,
        rate_limits: limits(rate_limits),
        mail: mail::read(mail, origins)?,
        log: LogConfig {
            format: log.format.unwrap_or(default.log.format),
            filter: log.filter.unwrap_or(default.log.filter),
        },
        shutdown_timeout: span(settings.shutdown_timeout, default.shutdown_timeout),
        http: http.or(default.http),
        tls_self: tls_self.read().map_err(|[present, absent, what]| {
            origins.problem(present, format!("`{absent}` is missing as well: {what}"))
        })?,
        publish: publish::fill_in(publish, default.publish, origins)?,
    })
}

fn span(written: Option<Span>, default: Duration) -> Duration {
    written.map_or(default, |span| span.0)
}

fn limits(written: RateLimitsSettings) -> RateLimits {
    let limit = |written: Option<Limit>| -> Option<RateLimit> { written.and_then(|limit| limit.0) };
    RateLimits {
        issue: limit(written.issue),
        sign: limit(written.sign),
        admin: limit(written.admin),
        acme: limit(written.acme),
        validate: limit(written.validate),
        read: limit(written.read),
    }
}

fn trusted_proxies(written: Vec<String>, origins: &Origins) -> Result<Vec<Network>, ConfigError> {
    let network = |text: String| {
        let network: Network = text.parse()?;
        if network.to_string().ends_with("/0") {
            return Err(format!("`{text}` is everybody, who could then write any address: name the proxies"));
        }
        Ok(network)
    };
    let problem = |problem| origins.problem("trusted_proxies", problem);
    written.into_iter().map(network).collect::<Result<_, _>>().map_err(problem)
}

/// The directories that the operator names, each an https URL as ACME wants it (RFC 8555 section 6.1).
fn directories(written: DirectoriesSettings, origins: &Origins) -> Result<Vec<AcmeDirectory>, ConfigError> {
    let DirectoriesSettings { letsencrypt, zerossl, buypass, google } = written;
    let providers =
        [("letsencrypt", letsencrypt), ("zerossl", zerossl), ("buypass", buypass), ("google", google)];
    let mut directories = Vec::new();
    for (provider, DirectorySettings { production, staging }) in providers {
        for (environment, url) in [("production", production), ("staging", staging)] {
            let Some(url) = url else { continue };
            let rest = url.strip_prefix("https://").unwrap_or_default();
            if rest.is_empty() || !url.bytes().all(|octet| octet.is_ascii_graphic()) {
                let key = format!("acme.directories.{provider}.{environment}");
                return Err(origins.problem(&key, "write an https:// URL, ASCII only".to_owned()));
            }
            directories.push(AcmeDirectory { provider, environment, url });
        }
    }
    Ok(directories)
}

/// The limits of ACME servers: those that are known, and those that the operator writes in their place or beside them.
fn acme_limits(written: AcmeLimitsSettings, origins: &Origins) -> Result<Vec<ProviderLimit>, ConfigError> {
    let AcmeLimitsSettings { letsencrypt, zerossl, buypass, google, custom } = written;
    let providers = [
        (AcmeProvider::LetsEncrypt, letsencrypt),
        (AcmeProvider::ZeroSsl, zerossl),
        (AcmeProvider::Buypass, buypass),
        (AcmeProvider::Google, google),
        (AcmeProvider::Custom, custom),
    ];
    let mut limits = ProviderLimit::known();
    for (provider, of_provider) in providers {
        let AcmeProviderLimits { account_orders, domain_certificates, set_certificates, failed_validations } =
            of_provider;
        for (limit, text) in [
            (AcmeLimit::AccountOrders, account_orders),
            (AcmeLimit::DomainCertificates, domain_certificates),
            (AcmeLimit::SetCertificates, set_certificates),
            (AcmeLimit::FailedValidations, failed_validations),
        ] {
            let Some(text) = text else { continue };
            let at = limits.iter().position(|known| (known.provider, known.limit) == (provider, limit));
            if text == "off" {
                if let Some(at) = at {
                    limits.remove(at);
                }
                continue;
            }
            let key = format!("acme.limits.{provider}.{limit}");
            let allowance = text.parse().map_err(|problem| origins.problem(&key, problem))?;
            let wanted = ProviderLimit { provider, limit, allowance };
            match at.and_then(|at| limits.get_mut(at)) {
                Some(known) => *known = wanted,
                None => limits.push(wanted),
            }
        }
    }
    Ok(limits)
}

fn items<T>(list: Option<List<T>>) -> Vec<T> {
    list.map_or_else(Vec::new, |list| list.0)
}

fn database_url(
    value: Option<Secret>,
    file: Option<PathBuf>,
    origins: &Origins,
) -> Result<Option<String>, ConfigError> {
    let schemes = ["postgres://", "postgresql://", "sqlite://"];
    secret_url(("database_url", "database_url_file"), &schemes, (value, file), origins)
}

fn redis_url(
    value: Option<Secret>,
    file: Option<PathBuf>,
    origins: &Origins,
) -> Result<Option<String>, ConfigError> {
    secret_url(("redis_url", "redis_url_file"), &["redis://", "unix://"], (value, file), origins)
}

/// A URL that may hold a password, from the setting itself or from the file that is named instead.
fn secret_url(
    (key, file_key): (&str, &str),
    schemes: &[&str],
    (value, file): (Option<Secret>, Option<PathBuf>),
    origins: &Origins,
) -> Result<Option<String>, ConfigError> {
    origins.refuse_both(key, file_key)?;
    let (key, url) = match (value, file) {
        (Some(value), _) => (key, value.expose().to_owned()),
        (None, Some(path)) => {
            (file_key, read_secret(file_key, &origins.origin(file_key), &path)?.as_str().to_owned())
        }
        (None, None) => return Ok(None),
    };
    if schemes.iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(Some(url));
    }
    Err(origins.problem(key, format!("the URL must start with {}", schemes.join(" or "))))
}

/// The base URL without a slash at its end.
fn public_url(url: &str, origins: &Origins) -> Result<String, ConfigError> {
    let base = url.trim_end_matches('/');
    let rest = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let fits = rest.is_some_and(|rest| {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        // Certificates carry it as an IA5String, and a path is appended to it.
        (!host.is_empty() || rest.starts_with('['))
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\\\"<>".contains(&byte))
    });
    if fits {
        return Ok(base.to_owned());
    }
    Err(origins.problem(
        "public_url",
        "write `http://` or `https://`, a host and perhaps a port and a path, such as \
         `https://pki.example.com`; ASCII only, without a query or a user"
            .to_owned(),
    ))
}

fn check_transport(config: &Config, origins: &Origins) -> Result<(), ConfigError> {
    let half = match (&config.tls_cert, &config.tls_key) {
        (Some(_), None) => Some(("tls_cert", "tls_key", "the private key")),
        (None, Some(_)) => Some(("tls_key", "tls_cert", "the certificate chain")),
        _ => None,
    };
    if let Some((present, absent, what)) = half {
        return Err(origins.problem(present, format!("`{absent}` is missing: HTTPS needs {what} as well")));
    }
    if config.plain_http && config.tls_cert.is_some() {
        return Err(origins.problem(
            "plain_http",
            format!(
                "`tls_cert` is set as well (in {}): choose HTTPS or plain HTTP, and leave the other away",
                origins.origin("tls_cert")
            ),
        ));
    }
    if config.plain_http && config.tls_client_certificates {
        let problem = "`plain_http` is set as well: a proxy that terminates TLS does not pass the certificates of clients on. Have the \
                       service serve HTTPS itself, or leave this away";
        return Err(origins.problem("tls_client_certificates", problem.to_owned()));
    }
    if config.tls_self.is_some() && (config.tls_cert.is_some() || config.plain_http) {
        let problem = "`tls_cert` or `plain_http` is set as well: choose one way to serve";
        return Err(origins.problem("tls_self.ca", problem.to_owned()));
    }
    for (key, listen) in
        [("acme.http_listen", config.acme.http_listen), ("acme.tls_alpn_listen", config.acme.tls_alpn_listen)]
    {
        if listen.is_some_and(|address| address == config.listen && address.port() != 0) {
            let problem =
                "`listen` is the same address: take another port (the API answers http-01 challenges too)";
            return Err(origins.problem(key, problem.to_owned()));
        }
    }
    if config.metrics_listen.is_some_and(|address| address == config.listen && address.port() != 0) {
        return Err(origins.problem(
            "metrics_listen",
            "`listen` is the same address: leave `metrics_listen` away to have /metrics there, or take another port"
                .to_owned(),
        ));
    }
    Ok(())
}

fn check_durations(config: &Config, origins: &Origins) -> Result<(), ConfigError> {
    if config.jobs.lease < SHORTEST_LEASE {
        let problem = format!(
            "it must be at least {} s, or workers take jobs from each other",
            SHORTEST_LEASE.as_secs()
        );
        return Err(origins.problem("jobs.lease", problem));
    }
    events::check(config, origins)?;
    endpoints::check(config, origins)?;
    let CrlConfig { lifetime, renew_before } = config.crl;
    if renew_before < lifetime {
        return Ok(());
    }
    // The one that the operator wrote is the one to name.
    let (key, other) = if origins.is_set("crl.renew_before") {
        ("crl.renew_before", "crl.lifetime")
    } else {
        ("crl.lifetime", "crl.renew_before")
    };
    Err(origins.problem(
        key,
        format!(
            "`crl.renew_before` ({} s) must be less than `crl.lifetime` ({} s), else a list is due before it is \
             made; `{other}` comes from {}",
            renew_before.as_secs(),
            lifetime.as_secs(),
            origins.origin(other)
        ),
    ))
}

fn check_numbers_and_names(config: &Config, origins: &Origins) -> Result<(), ConfigError> {
    if config.database_max_connections == 0 {
        return Err(origins.problem("database_max_connections", "it must be at least 1".to_owned()));
    }
    if let Some(key) = config.http.zero() {
        return Err(origins.problem(key, "it must be at least 1".to_owned()));
    }
    if config.worker.concurrency == 0 {
        return Err(origins.problem("worker.concurrency", "it must be at least 1".to_owned()));
    }
    for (key, name) in [("redis_namespace", &config.redis_namespace), ("worker.name", &config.worker.name)] {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            return Err(
                origins.problem(key, "write 1 to 64 letters, digits, `-`, `_`, `.` or `:`".to_owned())
            );
        }
    }
    Ok(())
}

/// Where settings were written, for messages.
struct Origins<'a>(&'a Sources);

impl Origins<'_> {
    fn is_set(&self, key: &str) -> bool {
        self.0.is_set(key)
    }

    fn origin(&self, key: &str) -> String {
        self.0.place(key)
    }

    fn problem(&self, key: &str, problem: String) -> ConfigError {
        ConfigError::Invalid { key: key.to_owned(), origin: self.origin(key), problem }
    }

    fn refuse_both(&self, value: &str, file: &str) -> Result<(), ConfigError> {
        if self.is_set(value) && self.is_set(file) {
            let problem = format!(
                "`{file}` is set as well (in {}): give the secret or the file that holds it, not both",
                self.origin(file)
            );
            return Err(self.problem(value, problem));
        }
        Ok(())
    }
}

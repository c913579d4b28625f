//! What a test service can have beside the usual.

use std::time::Duration;

use certmill_dns::{AmbientSettings, DnsSettings};
use certmill_domain::{AcmeEnvironment, AcmeLimit, AcmeProvider, Network, ProviderLimit, Retention};
use certmill_egress::EgressPolicy;
use certmill_mail::{MailOptions, Mailer, Security};
use certmill_service::Settings;
use certmill_service::acme::preflight::Preflight;
use certmill_service::notices::NoticeSettings;
use certmill_service::publish::Publisher;

/// What a test service has beside the usual.
#[derive(Debug, Clone, Default)]
pub struct TestOptions {
    /// CA certificates that its outgoing TLS trusts.
    pub trusted_pem: Option<String>,
    /// The resolvers that it asks.
    pub resolvers: Vec<std::net::SocketAddr>,
    /// How long an attempt at a job may take at the most.
    pub longest_attempt: Option<Duration>,
    /// Proxies whose `X-Forwarded-For` it believes.
    pub trusted_proxies: Vec<Network>,
    /// What it may connect to; this machine when absent.
    pub egress: Option<EgressPolicy>,
    /// Origins whose pages may call it.
    pub cors_origins: Vec<String>,
    /// What is done about a look that finds something wrong before a CA is asked.
    pub preflight: Preflight,
    /// Where the answers of http-01 are looked for; 80 when absent.
    pub http01_port: Option<u16>,
    /// Which DNS providers may use the machine's own credentials.
    pub ambient: AmbientSettings,
    /// The port of authoritative name servers; 53 when absent.
    pub authoritative_port: Option<u16>,
    /// Directories of known ACME providers: provider, environment and URL.
    pub acme_directories: Vec<(&'static str, &'static str, String)>,
    /// What ACME servers give: provider, what is counted, and how much, as `5/7d`.
    pub acme_limits: Vec<(&'static str, &'static str, &'static str)>,
    /// Names of accounts that stand in for others.
    pub acme_fallback_accounts: Vec<String>,
    /// The places beside `/pub`; none when absent.
    pub publisher: Option<Publisher>,
    /// How long what is over is kept.
    pub retention: Retention,
    /// The mail server.
    pub mail: Option<MailTo>,
    /// Whom notices are sent to, and when.
    pub notices: NoticeSettings,
}

/// A mail server that a test service uses.
#[derive(Debug, Clone)]
pub struct MailTo {
    /// Its port on this machine.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password.
    pub login: Option<(String, String)>,
    /// The CA that its certificate is trusted by.
    pub ca_pem: Option<String>,
}

impl TestOptions {
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            public_url: "http://pki.test".to_owned(),
            trusted_proxies: self.trusted_proxies.clone(),
            // The clock of tests counts, not that of the database.
            database_clock: false,
            cors_origins: self.cors_origins.clone(),
            preflight: self.preflight,
            http01_port: self.http01_port.unwrap_or(80),
            acme_limits: self
                .acme_limits
                .iter()
                .map(|(provider, limit, allowance)| ProviderLimit {
                    provider: AcmeProvider::parse(provider).unwrap(),
                    limit: AcmeLimit::parse(limit).unwrap(),
                    allowance: allowance.parse().unwrap(),
                })
                .collect(),
            acme_fallback_accounts: self.acme_fallback_accounts.clone(),
            acme_directories: self
                .acme_directories
                .iter()
                .map(|(provider, environment, url)| {
                    let provider = AcmeProvider::parse(provider).unwrap();
                    (provider, AcmeEnvironment::parse(environment).unwrap(), url.clone())
                })
                .collect(),
            retention: self.retention,
            notices: self.notices.clone(),
            longest_attempt: self.longest_attempt.unwrap_or(Settings::default().longest_attempt),
            ..Settings::default()
        }
    }

    pub(crate) fn mailer(&self) -> Option<Mailer> {
        let MailTo { port, security, login, ca_pem } = self.mail.clone()?;
        let options = MailOptions {
            host: "127.0.0.1".to_owned(),
            port,
            security,
            credentials: login,
            from: "pki@certmill.test".parse().unwrap(),
            trusted_pem: ca_pem.into_iter().collect(),
        };
        Some(Mailer::new(options).unwrap())
    }

    pub(crate) fn dns(&self) -> DnsSettings {
        DnsSettings {
            resolvers: self.resolvers.clone(),
            authoritative_port: self.authoritative_port,
            ambient: self.ambient.clone(),
        }
    }
}

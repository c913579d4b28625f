//! Settings of what has to do with ACME servers.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use certmill_domain::ProviderLimit;
use serde::Deserialize;

/// Settings of ACME: the responders, and what is known of ACME servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeConfig {
    /// A plain HTTP listener that answers http-01 challenges and nothing else.
    pub http_listen: Option<SocketAddr>,
    /// A TLS listener that answers tls-alpn-01 challenges and nothing else.
    pub tls_alpn_listen: Option<SocketAddr>,
    /// What is done about a look that finds something wrong before a CA is asked.
    pub preflight: PreflightMode,
    /// Which DNS providers may use this machine's own credentials.
    pub ambient_credentials: Vec<AmbientCredentials>,
    /// Directories of known providers that are elsewhere than published.
    pub directories: Vec<AcmeDirectory>,
    /// Names of accounts that are asked when another one's CA cannot issue in time and names none itself.
    pub fallback_accounts: Vec<String>,
    /// How long an order waits for a CA before another one is asked.
    pub fallback_after: Duration,
    /// What ACME servers are known to give.
    pub limits: Vec<ProviderLimit>,
}

impl Default for AcmeConfig {
    fn default() -> Self {
        Self {
            http_listen: None,
            tls_alpn_listen: None,
            preflight: PreflightMode::default(),
            ambient_credentials: Vec::new(),
            directories: Vec::new(),
            fallback_accounts: Vec::new(),
            fallback_after: certmill_domain::FALLBACK_AFTER,
            limits: ProviderLimit::known(),
        }
    }
}

/// Where the directory of a known ACME provider is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDirectory {
    /// `letsencrypt`, `zerossl`, `buypass` or `google`.
    pub provider: &'static str,
    /// `production` or `staging`.
    pub environment: &'static str,
    /// Its URL.
    pub url: String,
}

/// A type of DNS provider that may use this machine's own credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbientCredentials {
    /// The type.
    pub kind: String,
    /// The tenant for whom; everybody when absent.
    pub tenant: Option<String>,
}

impl AmbientCredentials {
    const KINDS: [&str; 3] = ["aws_route53", "azure_dns", "google_cloud_dns"];
}

impl FromStr for AmbientCredentials {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, tenant) = match text.split_once(':') {
            Some((kind, tenant)) => (kind, Some(tenant)),
            None => (text, None),
        };
        if !Self::KINDS.contains(&kind) || tenant.is_some_and(str::is_empty) {
            return Err(format!(
                "`{text}` has no such credentials: write {}, or one of these with a tenant, as in `aws_route53:team-a`",
                Self::KINDS.join(", ")
            ));
        }
        Ok(Self { kind: kind.to_owned(), tenant: tenant.map(str::to_owned) })
    }
}

impl fmt::Display for AmbientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        self.tenant.as_ref().map_or(Ok(()), |tenant| write!(f, ":{tenant}"))
    }
}

/// What is done about a look that finds something wrong before a CA is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PreflightMode {
    /// No look is made.
    #[default]
    Off,
    /// It is told, and the CA is asked all the same.
    Warn,
    /// An order that CAA records deny to the CA fails at once, unless it renews a certificate; where they cannot be looked up,
    /// the CA is asked. An answer of http-01 that is not there is waited for, for half an hour.
    Require,
}

impl PreflightMode {
    /// The word of the setting.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Require => "require",
        }
    }
}

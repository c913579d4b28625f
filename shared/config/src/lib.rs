//! The settings of certmill: read from a TOML file, the environment and the command line (later ones
//! win), checked, and handed on as one [`Config`].
//!
//! Nothing unknown is accepted anywhere, so a misspelt setting is an error and never a silent
//! default. `certmill.sample.toml` documents every setting.

mod acme;
mod check;
mod config;
mod error;
mod flags;
mod http;
mod layers;
mod mail;
mod places;
mod publish;
mod retention;
mod secret;
mod settings;
mod shown;
mod sources;
mod tls_self;

pub use acme::{AcmeConfig, AcmeDirectory, AmbientCredentials, PreflightMode};
pub use config::{
    AllowedNetwork, Config, CrlConfig, DnsConfig, EgressConfig, EgressPurpose, EndpointsConfig, EventsConfig,
    JobsConfig, KeyPoolConfig, LogConfig, LogFormat, WorkerConfig,
};
pub use error::ConfigError;
pub use flags::Flags;
pub use http::HttpConfig;
pub use mail::{MailConfig, MailServer, MailTls};
pub use publish::{PublishConfig, S3Config, S3Credentials, S3Identity};
pub use secret::Secret;
pub use sources::Sources;
pub use tls_self::TlsSelfConfig;

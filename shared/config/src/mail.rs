//! The section `[mail]`: the server that takes mails to owners.

use std::path::PathBuf;
use std::time::Duration;

use certmill_domain::{EmailAddress, Owners};
use serde::Deserialize;

use crate::Secret;
use crate::settings::List;

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// It begins in the clear and goes on in TLS, or not at all.
    #[default]
    StartTls,
    /// It is TLS from the first octet.
    Tls,
    /// It is in the clear.
    None,
}

impl MailTls {
    /// The word of the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }

    /// The port that servers have for it: submission (RFC 6409), submission over TLS (RFC 8314), and relaying (RFC 5321).
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Settings of mails to owners.
#[derive(Debug, Clone, Default)]
pub struct MailConfig {
    /// The server; no mail is sent when there is none.
    pub server: Option<MailServer>,
    /// When in a day digests are sent, from midnight (UTC) on.
    pub digest_at: Duration,
    /// Who is told of what nobody else is told of.
    pub default_owners: Owners,
    /// Domains in and below which owners may have their addresses; all when empty.
    pub allowed_domains: Vec<String>,
}

/// A mail server.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// Its host name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Whom mails are from.
    pub from: EmailAddress,
    /// User and password; none for a server that wants none.
    pub login: Option<(String, Secret)>,
    /// CA certificates in PEM that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
}

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailSettings {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) tls: Option<MailTls>,
    pub(crate) from: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) digest_at: Option<String>,
    pub(crate) default_owners: Option<List<String>>,
    pub(crate) allowed_domains: Option<List<String>>,
}

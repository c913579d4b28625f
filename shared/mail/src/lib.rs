//! Mail to people: a letter, and the operator's server that takes it (SMTP, RFC 5321), spoken to by `lettre`.
//!
//! Whoever sends has to know whose fault a failure is: the server's, which concerns all letters, or one letter's.

mod dialogue;
mod letter;

use std::time::Duration;

use certmill_domain::EmailAddress;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

pub use dialogue::Connection;
pub use letter::Letter;

/// Until a server has greeted, proved who it is and taken the password.
const CONNECT: Duration = Duration::from_secs(30);
/// Until it has taken a letter: servers that look into letters take their time (RFC 5321 section 4.5.3.2 knows of minutes).
const DELIVER: Duration = Duration::from_mins(2);
/// What is kept of a server's words, in characters.
const MOST_SAID: usize = 300;

/// How the connection to the server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// It begins in the clear and goes on in TLS, or not at all (RFC 3207).
    StartTls,
    /// It is TLS from the first octet (RFC 8314).
    Tls,
    /// It is in the clear.
    None,
}

/// The server and how it is spoken to.
pub struct MailOptions {
    /// Its host name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password; none for a server that wants none.
    pub credentials: Option<(String, String)>,
    /// Whom letters are from.
    pub from: EmailAddress,
    /// CA certificates (PEM) that are trusted beside the system's.
    pub trusted_pem: Vec<String>,
}

/// The way to the server. Nothing connects before the first letter.
pub struct Mailer {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    hello: ClientId,
    credentials: Option<Credentials>,
    from: Mailbox,
}

/// Why a letter was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server cannot be spoken to, or refuses whatever comes from here: all letters wait.
    #[error("{0}")]
    Server(String),
    /// The server does not take this letter now.
    #[error("the server does not take it now: {0}")]
    Later(String),
    /// The server will never take this letter.
    #[error("the server refuses it: {0}")]
    Refused(String),
    /// What was configured cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl Mailer {
    /// Prepares the way.
    ///
    /// # Errors
    /// [`MailError::Unusable`] when a certificate or the sender cannot be read.
    pub fn new(options: MailOptions) -> Result<Self, MailError> {
        let MailOptions { host, port, security, credentials, from, trusted_pem } = options;
        let tls = match security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(parameters(&host, &trusted_pem)?),
        };
        // The name of this machine would tell receivers about the inside of a network; the sender's domain they know.
        let hello = ClientId::Domain(from.domain().to_owned());
        let from = Mailbox::new(Some("certmill".to_owned()), letter::address(&from)?);
        let credentials = credentials.map(|(user, password)| Credentials::new(user, password));
        Ok(Self { host, port, security, tls, hello, credentials, from })
    }

    /// The server, for messages.
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Connects and logs in.
    ///
    /// # Errors
    /// [`MailError::Server`].
    pub async fn connect(&self) -> Result<Connection<'_>, MailError> {
        let connecting = tokio::time::timeout(CONNECT, Connection::open(self));
        connecting.await.unwrap_or_else(|_| {
            Err(MailError::Server(format!("the server did not answer within {} seconds", CONNECT.as_secs())))
        })
    }
}

fn parameters(host: &str, trusted_pem: &[String]) -> Result<TlsParameters, MailError> {
    let unusable = |error| MailError::Unusable(format!("TLS cannot be set up: {error}"));
    let mut builder = TlsParameters::builder(host.to_owned());
    for pem in trusted_pem {
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}

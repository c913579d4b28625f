//! The dialogue with the server, step by step, since the step tells whose fault a refusal is.
//!
//! Each answer must have the code of its step. An answer that was slipped in before TLS began (the server's words are
//! buffered in the library) would move all that follow by one, and ends the connection this way.

use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt, Rset};
use lettre::transport::smtp::response::Response;

use crate::{CONNECT, DELIVER, Letter, MOST_SAID, MailError, Mailer, Security, letter};

/// A connection that has been logged in on, for one letter after the other.
pub struct Connection<'a> {
    mailer: &'a Mailer,
    smtp: AsyncSmtpConnection,
}

impl<'a> Connection<'a> {
    pub(crate) async fn open(mailer: &'a Mailer) -> Result<Self, MailError> {
        let at_once = mailer.tls.clone().filter(|_| mailer.security == Security::Tls);
        let address = (mailer.host.as_str(), mailer.port);
        let mut smtp =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &mailer.hello, at_once, None)
                .await
                .map_err(|error| server("it cannot be connected to", &error))?;
        if let (Security::StartTls, Some(tls)) = (mailer.security, mailer.tls.clone()) {
            if !smtp.can_starttls() {
                let problem =
                    "it offers no STARTTLS, and nothing is sent in the clear unless `mail.tls` is \"none\"";
                return Err(MailError::Server(problem.to_owned()));
            }
            smtp.starttls(tls, &mailer.hello).await.map_err(|error| server("TLS fails", &error))?;
        }
        if let Some(credentials) = &mailer.credentials {
            let said = smtp.auth(DEFAULT_MECHANISMS, credentials).await;
            expect(235, &said.map_err(|error| server("it refuses user and password", &error))?)?;
        }
        Ok(Self { mailer, smtp })
    }

    /// Whether the server still answers.
    ///
    /// # Errors
    /// [`MailError::Server`].
    pub async fn check(&mut self) -> Result<(), MailError> {
        let said = within(self.smtp.command(Noop)).await?;
        expect(250, &said.map_err(|error| server("it does not answer", &error))?)
    }

    /// Has the server take a letter. After [`MailError::Server`] the connection is of no more use.
    ///
    /// # Errors
    /// All of [`MailError`] but the last.
    pub async fn send(&mut self, letter: &Letter) -> Result<(), MailError> {
        let octets = letter.formatted(&self.mailer.from)?;
        let to = letter::address(&letter.to)?;
        let sent = within(self.deliver(to, &octets)).await?;
        if let Err(MailError::Later(_) | MailError::Refused(_)) = sent {
            let said = within(self.smtp.command(Rset)).await?;
            expect(250, &said.map_err(|error| server("it does not go on", &error))?)?;
        }
        sent
    }

    async fn deliver(&mut self, to: Address, octets: &[u8]) -> Result<(), MailError> {
        let from = self.mailer.from.email.clone();
        let said = self.smtp.command(Mail::new(Some(from), Vec::new())).await;
        expect(250, &said.map_err(|error| server("it refuses the sender", &error))?)?;
        let said = self.smtp.command(Rcpt::new(to, Vec::new())).await.map_err(of_letter)?;
        // 251 tells that it goes on to another address (RFC 5321 section 3.4).
        if !said.has_code(251) {
            expect(250, &said)?;
        }
        expect(354, &self.smtp.command(Data).await.map_err(of_letter)?)?;
        expect(250, &self.smtp.message(octets).await.map_err(of_letter)?)
    }

    /// Takes leave.
    pub async fn close(mut self) {
        // What was to be sent has been taken.
        let _ = within(self.smtp.quit()).await;
    }
}

async fn within<T>(step: impl Future<Output = T>) -> Result<T, MailError> {
    let seconds = DELIVER.as_secs();
    let late = |_| MailError::Server(format!("the server did not answer within {seconds} seconds"));
    tokio::time::timeout(DELIVER, step).await.map_err(late)
}

fn expect(code: u16, said: &Response) -> Result<(), MailError> {
    if said.has_code(code) {
        return Ok(());
    }
    Err(MailError::Server(format!("it answers {} where {code} is expected", said.code())))
}

/// A refusal that concerns all letters.
fn server(what: &str, error: &Error) -> MailError {
    MailError::Server(format!("{what}: {}", said(error)))
}

/// A refusal of one letter, unless the server closes (421) or cannot be spoken to.
fn of_letter(error: Error) -> MailError {
    let closes = error.status().is_some_and(|code| code.to_string() == "421");
    match (error.is_permanent(), error.is_transient()) {
        (true, _) => MailError::Refused(said(&error)),
        (_, true) if !closes => MailError::Later(said(&error)),
        _ => server("the connection fails", &error),
    }
}

/// The server's words, in one line and not too many: they are shown in events.
fn said(error: &Error) -> String {
    let text = error.to_string();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_SAID).collect()
}

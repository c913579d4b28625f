//! A letter, and its form on the wire (RFC 5322).

use std::time::{Duration, SystemTime};

use certmill_domain::{EmailAddress, Timestamp};
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};

use crate::MailError;

/// A text to one person.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What is before the `@` of its Message-ID. It stays the same when the letter is sent again.
    pub id: String,
    /// Whom it is for.
    pub to: EmailAddress,
    /// What it is about.
    pub subject: String,
    /// The text, its lines divided by `\n`.
    pub text: String,
    /// Its date.
    pub date: Timestamp,
}

impl Letter {
    /// The letter as the server gets it: ASCII, whatever the text holds.
    pub(crate) fn formatted(&self, from: &Mailbox) -> Result<Vec<u8>, MailError> {
        let seconds = u64::try_from(self.date.unix_seconds()).unwrap_or_default();
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, address(&self.to)?))
            .subject(one_line(&self.subject))
            .date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
            .message_id(Some(format!("<{}@{}>", self.id, from.email.domain())))
            .header(AutoSubmitted)
            // The end of the last line is written by the library.
            .singlepart(SinglePart::plain(self.text.trim_end_matches('\n').replace('\n', "\r\n")));
        message.map(|message| message.formatted()).map_err(|error| MailError::Refused(error.to_string()))
    }
}

/// The address as the library has it.
pub(crate) fn address(address: &EmailAddress) -> Result<Address, MailError> {
    Address::new(address.local_part(), address.domain()).map_err(|error| {
        MailError::Refused(format!("`{address}` is no address that mail can be sent to: {error}"))
    })
}

/// A header ends with its line: no text gets a second one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Says that a program wrote it, so that other programs do not answer (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(subject: &str, text: &str) -> String {
        let to: EmailAddress = "ann@example.org".parse().expect("legal in this test");
        let from: EmailAddress = "pki@example.com".parse().expect("legal in this test");
        let from = Mailbox::new(Some("certmill".to_owned()), address(&from).expect("legal in this test"));
        let date = Timestamp::from_unix_seconds(1_700_000_000);
        let letter =
            Letter { id: "ntc_1".to_owned(), to, subject: subject.to_owned(), text: text.to_owned(), date };
        String::from_utf8(letter.formatted(&from).expect("legal in this test")).expect("it is ASCII")
    }

    #[test]
    fn a_letter_has_the_headers_that_it_needs() {
        let text = written("Two things", "one\ntwo\n");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let mut lines: Vec<&str> = head.split("\r\n").collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "Auto-Submitted: auto-generated",
                "Content-Transfer-Encoding: 7bit",
                "Content-Type: text/plain; charset=utf-8",
                "Date: Tue, 14 Nov 2023 22:13:20 +0000",
                "From: certmill <pki@example.com>",
                "MIME-Version: 1.0",
                "Message-ID: <ntc_1@example.com>",
                "Subject: Two things",
                "To: ann@example.org",
            ]
        );
        assert_eq!(body, "one\r\ntwo\r\n");
    }

    #[test]
    fn no_text_makes_a_header_or_anything_but_ascii() {
        let text = written("a\r\nBcc: all@example.org\u{2028}x\0y", "Grüße\n.\nBcc: b\n\r\n.\r\n");
        let head = text.split_once("\r\n\r\n").expect("a head and a body").0;
        assert!(text.is_ascii(), "{text}");
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    }
}

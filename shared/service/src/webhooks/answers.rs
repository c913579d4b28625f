//! Sending one event to a receiver, and what its answer means.

use std::time::Duration;

use certmill_domain::{Timestamp, Webhook};
use certmill_egress::{Egress, Request};

use super::message;
use super::secrets::Secrets;
use crate::events::Entry;
use crate::{App, ServiceError};

/// How long a receiver may take for its answer, of which the status is read and nothing more.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts at a delivery; after the attempt that follows the last of them it is given up.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(15),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(24),
];
/// The longest that a receiver is left alone that cannot be spoken to.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What a receiver made of an event.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// It took it.
    Taken(u16),
    /// It is gone and wants nothing more (410).
    Gone,
    /// It did not take this one.
    Refused(u16),
    /// It cannot be spoken to now, whatever about.
    Away {
        /// The status, where it said so itself (429, 503).
        status: Option<u16>,
        /// What went wrong.
        error: String,
    },
}

impl Answer {
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Taken(status) | Self::Refused(status) => Some(*status),
            Self::Gone => Some(410),
            Self::Away { status, .. } => *status,
        }
    }

    /// What went wrong.
    pub(super) fn error(&self) -> Option<String> {
        match self {
            Self::Taken(_) => None,
            Self::Gone => Some("the receiver answered with status 410: it is gone".to_owned()),
            Self::Refused(status @ 300..=399) => {
                Some(format!("the receiver answered with status {status}: redirects are not followed"))
            }
            Self::Refused(status) => Some(format!("the receiver answered with status {status}")),
            Self::Away { error, .. } => Some(error.chars().take(500).collect()),
        }
    }
}

/// When a delivery that has failed so often is sent again; none when it is given up.
pub(super) fn next_attempt(attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let pause = usize::try_from(attempts - 1).ok().and_then(|index| PAUSES.get(index))?;
    Some(now.plus(*pause))
}

/// Until when a receiver is left alone that could not be spoken to so often in a row.
pub(super) fn pause(failures: i64, now: Timestamp) -> Timestamp {
    let doublings = u32::try_from(failures.clamp(1, 10) - 1).unwrap_or(0);
    now.plus((Duration::from_secs(5) * 2u32.pow(doublings)).min(LONGEST_PAUSE))
}

/// What all events of a webhook are sent with.
pub(super) struct Sender<'a> {
    pub(super) app: &'a App,
    pub(super) webhook: &'a Webhook,
    pub(super) secrets: &'a Secrets,
    pub(super) egress: &'a Egress,
}

impl Sender<'_> {
    /// Sends an event as this delivery.
    pub(super) async fn send(&self, entry: &Entry, delivery: &str) -> Result<Answer, ServiceError> {
        let now = self.app.now();
        let source = &self.app.settings().public_url;
        let (media_type, body) = message::of(self.webhook.format.known()?, entry, source);
        let headers = vec![
            ("Content-Type", media_type.to_owned()),
            ("X-Certmill-Signature", self.secrets.signatures(&body, now)?),
            ("X-Certmill-Timestamp", now.unix_seconds().to_string()),
            ("X-Certmill-Event-Id", entry.id.clone()),
            ("X-Certmill-Event-Type", entry.kind.as_str().to_owned()),
            ("X-Certmill-Delivery-Id", delivery.to_owned()),
        ];
        let request = Request { method: "POST", url: &self.webhook.url, headers, body };
        Ok(match self.egress.status(request, TIMEOUT).await {
            Ok(status) => match status {
                status @ 200..=299 => Answer::Taken(status),
                410 => Answer::Gone,
                status @ (429 | 503) => {
                    let error = format!("the receiver answered with status {status}: it is busy");
                    Answer::Away { status: Some(status), error }
                }
                status => Answer::Refused(status),
            },
            Err(error) => Answer::Away { status: None, error: error.to_string() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_given_up_after_ten_attempts_in_two_days() {
        let mut now = Timestamp::from_unix_seconds(0);
        let mut attempts = 1;
        while let Some(next) = next_attempt(attempts, now) {
            assert!(next > now && next.since(now) <= Duration::from_hours(24));
            (attempts, now) = (attempts + 1, next);
        }
        assert_eq!(attempts, 10);
        assert!(now.unix_seconds() > 46 * 3600 && now.unix_seconds() < 48 * 3600);
    }

    #[test]
    fn a_receiver_that_is_away_is_asked_every_five_minutes() {
        let now = Timestamp::from_unix_seconds(0);
        let seconds: Vec<i64> = (1..=9).map(|failures| pause(failures, now).unix_seconds()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    }
}

//! Having the mail server take the notices that are due.
//!
//! A notice is complete before it is sent, so it is the same whenever it is sent, with the same Message-ID. What dies between
//! sending and noting sends it once more.

use std::time::{Duration, Instant};

use certmill_domain::{EventKind, Notice, NoticeLine, Timestamp};
use certmill_mail::{Letter, MailError, Mailer};
use certmill_storage::notices::{self as rows, Outcome};
use certmill_storage::tenants;
use serde_json::json;

use super::{ENOUGH, Turn, words};
use crate::{ServiceError, events, failpoint};

/// After so many letters in a row at which the server breaks off it is left alone.
const MOST_BROKEN: u32 = 2;
/// Notices that are read at a time.
const BATCH: i64 = 50;
/// Between two attempts at a notice that the server does not take now; the last one stands for all that follow.
const PAUSES: [Duration; 4] =
    [Duration::from_mins(5), Duration::from_mins(15), Duration::from_hours(1), Duration::from_hours(4)];
/// The longest that a server is left alone that cannot be spoken to.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// A notice that could not be sent for so long is given up: by then it is about the past.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(3 * 24);

impl Turn<'_> {
    /// Sends what is due, one notice after the other over one connection.
    pub(super) async fn send_due(&self, mailer: &Mailer, started: Instant) -> Result<(), ServiceError> {
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        rows::drop_settled(&mut tx, self.app.now()).await?;
        rows::complete(&mut tx, self.app.now()).await?;
        let place = rows::place(&mut tx).await?;
        tx.commit().await?;
        let Some(place) = place else { return Ok(()) };
        if place.paused_until.is_some_and(|until| until > self.app.now()) {
            return Ok(());
        }
        let mut connection = None;
        let (mut failures, mut broken) = (place.failures, 0);
        while started.elapsed() < ENOUGH {
            let mut session = self.app.database().read(self.tenant).await?;
            let due = rows::due(&mut session, self.app.now(), BATCH).await?;
            drop(session);
            if due.is_empty() {
                break;
            }
            for (at, notice) in due.iter().enumerate() {
                if started.elapsed() >= ENOUGH {
                    break;
                }
                let (letter, lines) = self.letter(notice).await?;
                let open = match &mut connection {
                    Some(open) => open,
                    None => match mailer.connect().await {
                        Ok(opened) => connection.insert(opened),
                        Err(error) => {
                            let rest = due.get(at..).unwrap_or_default();
                            return self.leave_alone(failures, rest, &error.to_string()).await;
                        }
                    },
                };
                let answer = open.send(&letter).await;
                failpoint::reached("notice.sent");
                let Err(error @ (MailError::Server(_) | MailError::Unusable(_))) = answer else {
                    self.note(notice, &lines, answer, failures).await?;
                    (failures, broken) = (0, 0);
                    continue;
                };
                // The server was there, so it may be this letter that it breaks off at: the others get their turn. Two in
                // a row speak against the server.
                connection = None;
                broken += 1;
                self.note(notice, &lines, Err(MailError::Later(error.to_string())), 0).await?;
                if broken == MOST_BROKEN {
                    let rest = due.get(at + 1..).unwrap_or_default();
                    return self.leave_alone(failures, rest, &error.to_string()).await;
                }
            }
        }
        if let Some(connection) = connection {
            connection.close().await;
        }
        Ok(())
    }

    async fn letter(&self, notice: &Notice) -> Result<(Letter, Vec<NoticeLine>), ServiceError> {
        let mut session = self.app.database().read(self.tenant).await?;
        let lines = rows::lines(&mut session, notice.id).await?;
        let tenant = tenants::own(&mut session).await?;
        drop(session);
        let place = (self.app.settings().public_url.as_str(), tenant.name.as_str());
        let letter = Letter {
            id: notice.id.to_string(),
            to: notice.address.clone(),
            subject: words::subject(notice, &lines),
            text: words::text(notice, &lines, place),
            date: notice.due_at,
        };
        Ok((letter, lines))
    }

    /// Writes down what became of a notice.
    async fn note(
        &self,
        notice: &Notice,
        lines: &[NoticeLine],
        answer: Result<(), MailError>,
        failures: i64,
    ) -> Result<(), ServiceError> {
        let now = self.app.now();
        let outcome = match answer {
            Ok(()) => Outcome::Sent,
            Err(MailError::Later(error)) if !is_too_old(notice, now) => {
                Outcome::Again(now.plus(pause(notice.attempts)), error)
            }
            Err(error) => Outcome::Failed(error.to_string()),
        };
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        rows::note(&mut tx, notice.id, &outcome, now).await?;
        if failures > 0 {
            rows::note_server(&mut tx, (0, None)).await?;
        }
        let word = match &outcome {
            Outcome::Sent => "sent",
            Outcome::Again(..) => "retry",
            Outcome::Failed(error) => {
                self.raise_failed(&mut tx, notice, (lines.len(), error.as_str()));
                "failed"
            }
        };
        tx.commit().await?;
        count(word);
        Ok(())
    }

    /// Leaves a server alone that cannot be spoken to. What has waited for it for too long is given up.
    async fn leave_alone(&self, failures: i64, due: &[Notice], error: &str) -> Result<(), ServiceError> {
        let now = self.app.now();
        let doubled = 1_u64 << failures.clamp(0, 10);
        let pause = Duration::from_mins(doubled).min(LONGEST_PAUSE);
        let mut tx = self.app.database().begin(self.tenant).await?;
        self.lease.confirm(&mut tx).await?;
        rows::note_server(&mut tx, (failures + 1, Some(now.plus(pause)))).await?;
        let mut given_up = 0;
        for notice in due.iter().filter(|notice| is_too_old(notice, now)) {
            rows::note(&mut tx, notice.id, &Outcome::Failed(error.to_owned()), now).await?;
            let lines = rows::lines(&mut tx, notice.id).await?.len();
            self.raise_failed(&mut tx, notice, (lines, error));
            given_up += 1;
        }
        tx.commit().await?;
        count("unreachable");
        (0..given_up).for_each(|_| count("failed"));
        tracing::warn!(tenant.id = %self.tenant, error, "the mail server cannot be spoken to: notices wait");
        Ok(())
    }

    /// Nobody is told by mail that mail fails.
    fn raise_failed(&self, tx: &mut certmill_storage::Tx, notice: &Notice, (lines, error): (usize, &str)) {
        let data = json!({
            "address": notice.address.as_str(), "urgent": notice.is_urgent, "attempts": notice.attempts + 1,
            "lines": i64::try_from(lines).unwrap_or(i64::MAX).saturating_add(notice.more), "last_error": error,
        });
        events::raise(self.app, tx, EventKind::NoticeFailed, notice.id, data);
    }
}

fn is_too_old(notice: &Notice, now: Timestamp) -> bool {
    notice.due_at.plus(GIVEN_UP_AFTER) <= now
}

/// Until the attempt after the one that failed, of which there were `before` others.
fn pause(before: i64) -> Duration {
    let at = usize::try_from(before).unwrap_or(0).min(PAUSES.len() - 1);
    PAUSES.get(at).copied().unwrap_or(LONGEST_PAUSE)
}

fn count(outcome: &'static str) {
    metrics::counter!("certmill_notices_total", "outcome" => outcome).increment(1);
}

//! Pauses that all workers share: of a CA that is overloaded or down, and of an account that has used up a limit.

use std::time::Duration;

use certmill_domain::{AcmeAccount, Failure, Timestamp};
use certmill_storage::acme_pauses::{self, Pause as Row};

use super::judgement::{Pause, jittered};
use crate::{App, ServiceError};

/// After so many faults of a server in a row everybody waits.
const PATIENCE: i64 = 10;
/// The first such wait; each further fault doubles it.
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(15);

/// The pause that work with this account is under.
pub(super) async fn current(app: &App, account: &AcmeAccount) -> Result<Option<Row>, ServiceError> {
    let id = account.id.to_string();
    let mut session = app.database().read_system().await?;
    Ok(acme_pauses::find(&mut session, &[&account.directory_url, &id], app.now()).await?)
}

/// Begins the pause that an error calls for.
pub(super) async fn begin(
    app: &App,
    account: &AcmeAccount,
    pause: Pause,
    after: Duration,
    failure: &Failure,
) -> Result<(), ServiceError> {
    let now = app.now();
    let id = account.id.to_string();
    let scopes = match pause {
        Pause::Nobody => return Ok(()),
        Pause::Account => vec![(id.as_str(), after)],
        // What the server asks for may have to do with this account only: the others ask again before long.
        Pause::Server => vec![(id.as_str(), after), (account.directory_url.as_str(), after.min(LONGEST))],
        Pause::Suspect => Vec::new(),
    };
    let mut tx = app.database().begin_system().await?;
    for (scope, length) in scopes {
        acme_pauses::begin(&mut tx, scope, now.plus(length), &failure.message, now).await?;
    }
    // Of many requests that fail together all but the first were under way when the pause began: they tell nothing new.
    if pause == Pause::Suspect {
        let (url, waits) = (&account.directory_url, waits(app, now));
        acme_pauses::suspect(&mut tx, url, &failure.message, now, &waits).await?;
    }
    Ok(tx.commit().await?)
}

/// From how many faults in a row on everybody waits, and until when: [`FIRST`], and twice as long with each further fault.
fn waits(app: &App, now: Timestamp) -> Vec<(i64, Timestamp)> {
    let lengths =
        std::iter::successors(Some(FIRST), |wait| (*wait < LONGEST).then(|| (*wait * 2).min(LONGEST)));
    (PATIENCE..).zip(lengths.map(|wait| now.plus(jittered(app, wait)))).collect()
}

/// The server answers again.
pub(super) async fn end(app: &App, account: &AcmeAccount) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    acme_pauses::end(&mut tx, &account.directory_url).await?;
    Ok(tx.commit().await?)
}

/// When to go on after a pause: not everybody at the same instant.
pub(super) fn resume_at(app: &App, pause: &Row) -> Timestamp {
    let spread = pause.until.since(app.now()) / 20;
    pause.until.plus(spread.min(Duration::from_secs(30)).mul_f64(super::judgement::chance(app)))
}

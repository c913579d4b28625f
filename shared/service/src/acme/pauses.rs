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
    let mut tx = app.database().begin_system().await?;
    let (scope, until) = match pause {
        Pause::Nobody => return Ok(()),
        // Of many requests that fail together all but the first were under way when the pause began: they tell nothing new.
        Pause::Suspect if acme_pauses::find(&mut tx, &[&account.directory_url], now).await?.is_some() => {
            return Ok(());
        }
        Pause::Suspect => {
            let faults = acme_pauses::failures(&mut tx, &account.directory_url, now).await?;
            (account.directory_url.as_str(), now.plus(after_faults(app, faults + 1)))
        }
        Pause::Server => (account.directory_url.as_str(), now.plus(after)),
        Pause::Account => (id.as_str(), now.plus(after)),
    };
    acme_pauses::begin(&mut tx, scope, until, &failure.message, now).await?;
    Ok(tx.commit().await?)
}

fn after_faults(app: &App, faults: i64) -> Duration {
    match u32::try_from(faults - PATIENCE) {
        Ok(beyond) => jittered(app, FIRST.saturating_mul(2_u32.saturating_pow(beyond.min(8))).min(LONGEST)),
        Err(_) => Duration::ZERO,
    }
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

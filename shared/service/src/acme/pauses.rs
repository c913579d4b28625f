//! Pauses that all workers share: of a CA that is overloaded or down, of an account that has used up a limit, and of a set of
//! names that the CA takes no order for. And what may lead to one: faults that were met, and by whom.

use std::time::Duration;

use certmill_domain::{AcmeAccount, AcmeIdentifiers, Failure, Timestamp};
use certmill_storage::acme_pauses::{self, Pause as Row, Scope, Standing};
use certmill_storage::{SystemTx, acme_evidence, acme_ledger};

use super::judgement::{LONGEST_LIMIT, LONGEST_OF_ACCOUNT, Pause, jittered};
use super::ledger;
use crate::{App, ServiceError};

/// After so many faults of a server without a good answer in between everybody waits.
const PATIENCE: i64 = 10;
/// The first such wait; each further fault doubles it.
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(15);
/// From so many accounts on faults of single resources count as faults of the server.
const ACCOUNTS: i64 = 3;
/// From so many sets of names on limits that the CA does not explain count as one of the account.
const SETS: i64 = 3;
/// How long a fault is remembered, and a refused set of names.
const FAULT_KEPT: Duration = Duration::from_mins(15);
const REFUSAL_KEPT: Duration = Duration::from_hours(1);
/// How long pauses that are over are kept, and evidence.
const KEPT: Duration = Duration::from_hours(24);

/// Whose pauses count for a request.
#[derive(Clone, Copy)]
pub(super) struct Scopes<'a> {
    /// The account, and with it the server.
    pub(super) account: &'a AcmeAccount,
    /// What is ordered: for a request that is about an order.
    pub(super) names: Option<&'a AcmeIdentifiers>,
}

impl<'a> Scopes<'a> {
    /// Those of an account.
    pub(super) fn of(account: &'a AcmeAccount) -> Self {
        Self { account, names: None }
    }

    fn suspicion(&self) -> String {
        format!("suspected {}", self.account.directory_url)
    }

    /// What a pause of the server can be about.
    fn server(&self) -> Scope<'a> {
        Scope { name: &self.account.directory_url, longest: LONGEST }
    }

    /// What stands for the set of names.
    fn key(&self) -> Option<String> {
        let text = self.names?.texts().join(" ");
        Some(certmill_x509::hex(&certmill_x509::sha256(text.as_bytes())))
    }
}

fn names_scope(account: &str, key: &str) -> String {
    format!("names {account} {key}")
}

/// A pause that is about an account.
fn of_account(id: &str) -> Scope<'_> {
    Scope { name: id, longest: LONGEST_OF_ACCOUNT }
}

/// A pause that is about a set of names.
fn of_names(scope: &str) -> Scope<'_> {
    Scope { name: scope, longest: LONGEST_LIMIT }
}

/// A pause of a server that is suspected: up to a fifth longer by chance.
fn of_suspicion(suspicion: &str) -> Scope<'_> {
    Scope { name: suspicion, longest: LONGEST * 2 }
}

/// The pause that a request would be under, and what is suspected.
pub(super) async fn standing(app: &App, of: Scopes<'_>) -> Result<Standing, ServiceError> {
    let (id, suspicion) = (of.account.id.to_string(), of.suspicion());
    let names = of.key().map(|key| names_scope(&id, &key));
    let mut scopes = vec![of.server(), of_account(&id), of_suspicion(&suspicion)];
    scopes.extend(names.as_deref().map(of_names));
    let of = (of.account.directory_url.as_str(), id.as_str());
    let mut session = app.database().read_system().await?;
    Ok(acme_pauses::standing(&mut session, &scopes, of, app.now()).await?)
}

/// Begins the pause that an error calls for, or notes what may lead to one.
pub(super) async fn begin(
    app: &App,
    of: Scopes<'_>,
    pause: Pause,
    after: Duration,
    failure: &Failure,
) -> Result<(), ServiceError> {
    if pause == Pause::Nobody {
        return Ok(());
    }
    let now = app.now();
    let id = of.account.id.to_string();
    let key = of.key();
    let url = of.account.directory_url.as_str();
    let reason = failure.message.as_str();
    // On its own and before anything is counted: of several that note something at the same time, the last one counts all.
    let witness = match pause {
        Pause::Resource => Some((url, id.as_str())),
        Pause::Suspect => Some((url, "")),
        Pause::Unclear => key.as_deref().map(|key| (id.as_str(), key)),
        Pause::Nobody | Pause::Account | Pause::Server | Pause::Names => None,
    };
    if let Some(evidence) = witness {
        let mut tx = app.database().begin_system().await?;
        acme_evidence::note(&mut tx, evidence, now).await?;
        tx.commit().await?;
    }
    let mut tx = app.database().begin_system().await?;
    match pause {
        Pause::Nobody => {}
        Pause::Account => {
            acme_pauses::begin(&mut tx, of_account(&id), now.plus(after), reason, now).await?;
        }
        Pause::Server => {
            acme_pauses::begin(&mut tx, of_account(&id), now.plus(after), reason, now).await?;
            // What the server asks for may have to do with this account only: the others ask again before long.
            acme_pauses::begin(&mut tx, of.server(), now.plus(after.min(LONGEST)), reason, now).await?;
        }
        Pause::Names | Pause::Unclear => {
            if let Some(key) = key {
                let scope = names_scope(&id, &key);
                acme_pauses::begin(&mut tx, of_names(&scope), now.plus(after), reason, now).await?;
            }
            let since = now.minus(REFUSAL_KEPT);
            if pause == Pause::Unclear && acme_evidence::witnesses(&mut tx, &id, since).await? >= SETS {
                acme_pauses::begin(&mut tx, of_account(&id), now.plus(after.min(REFUSAL_KEPT)), reason, now)
                    .await?;
            }
        }
        Pause::Resource => {
            if acme_evidence::witnesses(&mut tx, url, now.minus(FAULT_KEPT)).await? >= ACCOUNTS {
                suspect(app, &mut tx, of, reason).await?;
            }
        }
        Pause::Suspect => suspect(app, &mut tx, of, reason).await?,
    }
    Ok(tx.commit().await?)
}

/// Deletes pauses that are over, evidence that does not count any more and entries of the ledger that are past, so many at most:
/// the next turn finds the rest. Each in a transaction of its own, so that none waits for rows of another.
pub(crate) async fn prune(app: &App, limit: i64) -> Result<(), ServiceError> {
    let before = app.now().minus(KEPT);
    let mut tx = app.database().begin_system().await?;
    acme_pauses::prune(&mut tx, before, limit).await?;
    tx.commit().await?;
    let mut tx = app.database().begin_system().await?;
    acme_evidence::prune(&mut tx, before, limit).await?;
    tx.commit().await?;
    let mut tx = app.database().begin_system().await?;
    acme_ledger::prune(&mut tx, app.now().minus(ledger::longest(app)), limit).await?;
    Ok(tx.commit().await?)
}

/// Of many requests that fail together all but the first were under way when the pause began: they tell nothing new.
async fn suspect(app: &App, tx: &mut SystemTx, of: Scopes<'_>, reason: &str) -> Result<(), ServiceError> {
    let now = app.now();
    acme_pauses::suspect(tx, of_suspicion(&of.suspicion()), reason, now, &waits(app, now)).await?;
    Ok(())
}

/// From how many faults in a row on everybody waits, and until when: [`FIRST`], and twice as long with each further fault.
fn waits(app: &App, now: Timestamp) -> Vec<(i64, Timestamp)> {
    let lengths =
        std::iter::successors(Some(FIRST), |wait| (*wait < LONGEST).then(|| (*wait * 2).min(LONGEST)));
    (PATIENCE..).zip(lengths.map(|wait| now.plus(jittered(app, wait)))).collect()
}

/// The server has given a good answer: whatever spoke against it passes for a fault of single resources. A pause that it
/// has asked for itself stays.
pub(super) async fn server_answers(
    app: &App,
    of: Scopes<'_>,
    standing: &mut Standing,
) -> Result<(), ServiceError> {
    if !standing.is_suspected {
        return Ok(());
    }
    let mut tx = app.database().begin_system().await?;
    acme_evidence::clear(&mut tx, &of.account.directory_url).await?;
    acme_pauses::end(&mut tx, &of.suspicion()).await?;
    standing.is_suspected = false;
    Ok(tx.commit().await?)
}

/// The CA has made an order: there is no limit of the account.
pub(super) async fn account_orders(
    app: &App,
    of: Scopes<'_>,
    standing: &mut Standing,
) -> Result<(), ServiceError> {
    if !standing.may_be_limited {
        return Ok(());
    }
    let mut tx = app.database().begin_system().await?;
    acme_evidence::clear(&mut tx, &of.account.id.to_string()).await?;
    standing.may_be_limited = false;
    Ok(tx.commit().await?)
}

/// When to go on after a pause: not everybody at the same instant.
pub(super) fn resume_at(app: &App, pause: &Row) -> Timestamp {
    let spread = pause.until.since(app.now()) / 20;
    pause.until.plus(spread.min(Duration::from_secs(30)).mul_f64(super::judgement::chance(app)))
}

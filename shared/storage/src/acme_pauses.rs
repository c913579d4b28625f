//! Pauses: until when nothing is asked of a CA, or of an account there, or for a set of names. Shared by every worker.

use std::time::Duration;

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::{StorageError, SystemTx, WithLink};

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Its end.
    pub until: Timestamp,
    /// Failures in a row that led to it.
    pub failures: i64,
    /// Why, for people.
    pub reason: String,
}

/// What a pause is about. One that ends later than the longest that could begin now was written by a clock that was ahead, and is
/// none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// Its name.
    pub name: &'a str,
    /// The longest pause of it.
    pub longest: Duration,
}

/// Clocks of a fleet may be so far apart without one of them being wrong.
const CLOCKS_APART: Duration = Duration::from_mins(5);

impl Scope<'_> {
    /// The end that no pause of it has.
    fn unbelievable(self, now: Timestamp) -> i64 {
        now.plus(self.longest).plus(CLOCKS_APART).unix_micros()
    }
}

/// The pauses of these scopes that last at `now`.
fn lasting(scopes: &[Scope<'_>], now: Timestamp) -> Query {
    let mut query = Query::new("SELECT until, failures, reason FROM acme_pauses WHERE until > ");
    query.push_bind(now.unix_micros());
    for (at, scope) in scopes.iter().enumerate() {
        query.push(if at == 0 { " AND (" } else { " OR " });
        query.push("(scope = ").push_bind(scope.name.to_owned());
        query.push(" AND until < ").push_bind(scope.unbelievable(now)).push(")");
    }
    query.push(")");
    query
}

/// The longest pause of these scopes that lasts at `now`.
pub async fn find(
    session: &mut impl WithLink,
    scopes: &[Scope<'_>],
    now: Timestamp,
) -> Result<Option<Pause>, StorageError> {
    let mut query = lasting(scopes, now);
    query.push(" ORDER BY until DESC LIMIT 1");
    let row = session.link().fetch_optional::<(i64, i64, String)>(query).await?;
    Ok(row.map(|(until, failures, reason)| Pause {
        until: Timestamp::from_unix_micros(until),
        failures,
        reason,
    }))
}

/// What is to be known before a CA is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The longest pause of the scopes.
    pub pause: Option<Pause>,
    /// Whether anything speaks against the CA.
    pub is_suspected: bool,
    /// Whether anything speaks for a limit of the account.
    pub may_be_limited: bool,
}

/// The longest pause of these scopes that lasts at `now`, and what speaks against a CA and for a limit of an account there: in
/// one question, since it is asked before each request to a CA.
pub async fn standing(
    session: &mut impl WithLink,
    scopes: &[Scope<'_>],
    (directory_url, account): (&str, &str),
    now: Timestamp,
) -> Result<Standing, StorageError> {
    const SERVER: i64 = -1;
    const ACCOUNT: i64 = -2;
    let mut query = lasting(scopes, now);
    query.push(" UNION ALL SELECT -1, count(*), '' FROM acme_evidence WHERE subject = ");
    query.push_bind(directory_url.to_owned());
    query.push(" UNION ALL SELECT -2, count(*), '' FROM acme_evidence WHERE subject = ");
    query.push_bind(account.to_owned());
    let mut standing = Standing::default();
    for (until, failures, reason) in session.link().fetch_all::<(i64, i64, String)>(query).await? {
        match until {
            SERVER => standing.is_suspected = failures > 0,
            ACCOUNT => standing.may_be_limited = failures > 0,
            _ => {
                let pause = Pause { until: Timestamp::from_unix_micros(until), failures, reason };
                if standing.pause.as_ref().is_none_or(|longest| longest.until < pause.until) {
                    standing.pause = Some(pause);
                }
            }
        }
    }
    Ok(standing)
}

/// Deletes pauses that have been over since `before`.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM acme_pauses WHERE scope IN (SELECT scope FROM acme_pauses WHERE until < $1 LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}

/// After this time without a failure the count begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);

/// The failures in a row with the present one; `$5` is when the last one is forgotten.
const COUNTED: &str = "CASE WHEN acme_pauses.until > $5 THEN acme_pauses.failures + 1 ELSE 1 END";

/// Counts a failure of a scope, unless it is under a pause: then `false`, since whatever fails was under way when the pause
/// began. `waits` says from how many failures in a row on there is a pause, and until when, the fewest first.
///
/// Looking and counting are one statement, so that of many failures at once one begins a pause.
pub async fn suspect(
    tx: &mut SystemTx,
    scope: Scope<'_>,
    reason: &str,
    now: Timestamp,
    waits: &[(i64, Timestamp)],
) -> Result<bool, StorageError> {
    let reason: String = reason.chars().take(500).collect();
    let first = waits.iter().rev().find(|(failures, _)| *failures <= 1).map_or(now, |(_, until)| *until);
    let mut query = Query::new(
        "INSERT INTO acme_pauses (scope, until, failures, reason) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason, until = CASE",
    )
    .bind(scope.name.to_owned())
    .bind(first.unix_micros())
    .bind(reason)
    .bind(now.unix_micros())
    .bind(now.minus(FORGOTTEN_AFTER).unix_micros());
    for (failures, until) in waits.iter().rev() {
        query.push(" WHEN ").push(COUNTED).push(" >= ").push_bind(*failures);
        query.push(" THEN ").push_bind(until.unix_micros());
    }
    query
        .push(" ELSE $4 END, failures = ")
        .push(COUNTED)
        .push(" WHERE acme_pauses.until <= $4 OR acme_pauses.until >= ");
    query.push_bind(scope.unbelievable(now));
    Ok(tx.link().execute(query).await? == 1)
}

/// Begins or prolongs a pause, and counts a failure. A longer one that was begun before stays, if it can be believed.
pub async fn begin(
    tx: &mut SystemTx,
    scope: Scope<'_>,
    until: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let reason: String = reason.chars().take(500).collect();
    let query = Query::new(
        "INSERT INTO acme_pauses (scope, until, failures, reason) VALUES ($1, $2, 1, $3) \
         ON CONFLICT (scope) DO UPDATE SET reason = excluded.reason, \
         failures = CASE WHEN acme_pauses.until > $4 THEN acme_pauses.failures + 1 ELSE 1 END, \
         until = CASE WHEN acme_pauses.until > excluded.until AND acme_pauses.until < $5 THEN acme_pauses.until \
         ELSE excluded.until END",
    )
    .bind(scope.name.to_owned())
    .bind(until.unix_micros())
    .bind(reason)
    .bind(now.minus(FORGOTTEN_AFTER).unix_micros())
    .bind(scope.unbelievable(now));
    tx.link().execute(query).await.map(drop)
}

/// Ends a pause after a success.
pub async fn end(tx: &mut SystemTx, scope: &str) -> Result<(), StorageError> {
    let query = Query::new("DELETE FROM acme_pauses WHERE scope = $1").bind(scope.to_owned());
    tx.link().execute(query).await.map(drop)
}

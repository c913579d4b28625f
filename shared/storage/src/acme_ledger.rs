//! What was asked of ACME servers whose limits are known.

use certmill_domain::{AcmeAccountId, AcmeLimit, Timestamp};

use crate::query::Query;
use crate::{Session, StorageError, SystemTx, Tx, WithLink};

/// What a server counts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// By which limit.
    pub limit: AcmeLimit,
    /// An account, a registered domain, a set of names, or a name in an account.
    pub subject: String,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Entries that count still.
    pub entries: i64,
    /// When the one is from whose end makes room for one more, if there is no room.
    pub makes_room: Option<Timestamp>,
}

/// Has everybody else who is about to write for this server wait for the end of the transaction.
pub async fn hold(tx: &mut Tx, directory_url: &str) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_ledger (directory_url, kind, subject, entry_id, tenant_id, account_id, at) \
         VALUES ($1, 'hold', '', '', $2, '', 0) \
         ON CONFLICT (directory_url, kind, subject, entry_id) DO UPDATE SET at = 0",
    )
    .bind(directory_url.to_owned())
    .bind(tx.tenant_key());
    tx.link().execute(query).await.map(drop)
}

/// How much of a limit of `most` entries is used since `since`, `entry` itself left out.
pub async fn used(
    session: &mut Session,
    directory_url: &str,
    count: &Count,
    (most, since): (i64, Timestamp),
    entry: &str,
) -> Result<Used, StorageError> {
    let of = |text: &'static str| {
        let mut query = Query::new(text);
        query.push("FROM acme_ledger WHERE directory_url = ").push_bind(directory_url.to_owned());
        query.push(" AND kind = ").push_bind(count.limit.as_str());
        query.push(" AND subject = ").push_bind(count.subject.clone());
        query.push(" AND at > ").push_bind(since.unix_micros());
        query.push(" AND entry_id <> ").push_bind(entry.to_owned());
        query
    };
    let row = session.link().fetch_optional::<(i64,)>(of("SELECT COUNT(*) ")).await?;
    let entries = row.map_or(0, |(entries,)| entries);
    if entries < most {
        return Ok(Used { entries, makes_room: None });
    }
    let mut oldest = of("SELECT at ");
    oldest.push(" ORDER BY at LIMIT 1 OFFSET ").push_bind(entries - most);
    let row = session.link().fetch_optional::<(i64,)>(oldest).await?;
    Ok(Used { entries, makes_room: row.map(|(at,)| Timestamp::from_unix_micros(at)) })
}

/// Notes what is asked; what was noted before stays as it is.
pub async fn note(
    tx: &mut Tx,
    (directory_url, account): (&str, AcmeAccountId),
    count: &Count,
    entry: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO acme_ledger (directory_url, kind, subject, entry_id, tenant_id, account_id, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (directory_url, kind, subject, entry_id) DO NOTHING",
    )
    .bind(directory_url.to_owned())
    .bind(count.limit.as_str())
    .bind(count.subject.clone())
    .bind(entry.to_owned())
    .bind(tx.tenant_key())
    .bind(account.to_string())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Takes back what an order was to get, which came to nothing: certificates are counted when they are issued.
pub async fn give_back(tx: &mut Tx, entry: &str) -> Result<(), StorageError> {
    let query =
        Query::new("DELETE FROM acme_ledger WHERE entry_id = $1 AND tenant_id = $2 AND kind IN ($3, $4)")
            .bind(entry.to_owned())
            .bind(tx.tenant_key())
            .bind(AcmeLimit::DomainCertificates.as_str())
            .bind(AcmeLimit::SetCertificates.as_str());
    tx.link().execute(query).await.map(drop)
}

/// What an account has asked since `since`, by what its server counts together: the newest first.
pub async fn of_account(
    session: &mut Session,
    account: AcmeAccountId,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Count>, StorageError> {
    let query = Query::new(
        "SELECT kind, subject FROM acme_ledger WHERE tenant_id = $1 AND account_id = $2 AND at > $3 AND kind <> 'hold' \
         GROUP BY kind, subject ORDER BY MAX(at) DESC, kind, subject LIMIT $4",
    )
    .bind(session.tenant_key())
    .bind(account.to_string())
    .bind(since.unix_micros())
    .bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    // What a newer version counts is left to it.
    let known = |(kind, subject): (String, String)| Some(Count { limit: AcmeLimit::parse(&kind)?, subject });
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Forgets what counts no more: of so many orders and challenges at most.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<(), StorageError> {
    let query = Query::new(
        "DELETE FROM acme_ledger WHERE at < $1 AND kind <> 'hold' AND entry_id IN \
         (SELECT entry_id FROM acme_ledger WHERE at < $1 AND kind <> 'hold' LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await.map(drop)
}

//! What was asked of ACME servers whose limits are known.

use certmill_domain::{AcmeAccountId, AcmeLimit, Timestamp};

use crate::query::{Query, Rows};
use crate::{Session, StorageError, SystemTx, Tx, WithLink};

/// What a server counts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// By which limit.
    pub limit: AcmeLimit,
    /// An account, a registered domain, a set of names, or a name in an account.
    pub subject: String,
}

/// A count, and how many of it a server allows since a time.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What is counted.
    pub count: Count,
    /// How many there may be.
    pub most: i64,
    /// From when on they count.
    pub since: Timestamp,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Entries that count still.
    pub entries: i64,
    /// When the one is from whose end makes room for one more, if there is no room.
    pub makes_room: Option<Timestamp>,
}

/// Has everybody else who is about to note the same counts wait for the end of the transaction. Who notes others goes on.
pub async fn hold(
    tx: &mut Tx,
    directory_url: &str,
    counts: &[&Count],
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut subjects: Vec<String> =
        counts.iter().map(|count| format!("{} {}", count.limit.as_str(), count.subject)).collect();
    // Everybody takes them in this order, so that no two wait for each other.
    subjects.sort_unstable();
    subjects.dedup();
    let mut rows = Rows::new(INSERT, 7);
    // They are pruned as entries are, and so are those whose holder writes again.
    rows.suffix = " ON CONFLICT (directory_url, kind, subject, entry_id) DO UPDATE SET at = excluded.at";
    for subject in subjects {
        rows.value(directory_url.to_owned()).value("hold").value(subject).value("");
        rows.value(tx.tenant_key()).value("").value(now.unix_micros());
    }
    tx.link().insert(rows).await
}

/// How much is used of each of these limits, entries of `entry` left out: in one question, whose answer is in their order.
pub async fn used(
    session: &mut Session,
    directory_url: &str,
    asked: &[Asked],
    entry: &str,
) -> Result<Vec<Used>, StorageError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new("WITH asked (number, kind, subject, most, since) AS (VALUES ");
    for (number, asked) in (0_i64..).zip(asked) {
        query.push(if number == 0 { "(" } else { ", (" }).push_bind(number);
        query.push(", ").push_bind(asked.count.limit.as_str());
        query.push(", ").push_bind(asked.count.subject.clone());
        query.push(", ").push_bind(asked.most);
        query.push(", ").push_bind(asked.since.unix_micros()).push(")");
    }
    // Of so many as are allowed, the oldest is the one whose end makes room.
    query.push(
        ") SELECT number, COUNT(*), MIN(CASE WHEN place = most THEN at END) FROM (SELECT a.number, a.most, l.at, \
         ROW_NUMBER() OVER (PARTITION BY a.number ORDER BY l.at DESC) AS place FROM asked a \
         JOIN acme_ledger l ON l.kind = a.kind AND l.subject = a.subject AND l.at > a.since \
         AND l.directory_url = ",
    );
    query.push_bind(directory_url.to_owned()).push(" AND l.entry_id <> ").push_bind(entry.to_owned());
    query.push(") entries GROUP BY number");
    let mut used = vec![Used::default(); asked.len()];
    for (number, entries, at) in session.link().fetch_all::<(i64, i64, Option<i64>)>(query).await? {
        let place = usize::try_from(number).ok().and_then(|number| used.get_mut(number));
        if let Some(place) = place {
            *place = Used { entries, makes_room: at.map(Timestamp::from_unix_micros) };
        }
    }
    Ok(used)
}

const INSERT: &str =
    "INSERT INTO acme_ledger (directory_url, kind, subject, entry_id, tenant_id, account_id, at)";

/// Notes what is asked; what was noted before stays as it is.
pub async fn note(
    tx: &mut Tx,
    (directory_url, account): (&str, AcmeAccountId),
    counts: &[&Count],
    entry: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    let mut rows = Rows::new(INSERT, 7);
    rows.suffix = " ON CONFLICT (directory_url, kind, subject, entry_id) DO NOTHING";
    for count in counts {
        rows.value(directory_url.to_owned()).value(count.limit.as_str()).value(count.subject.clone());
        rows.value(entry.to_owned()).value(tx.tenant_key()).value(account.to_string());
        rows.value(now.unix_micros());
    }
    tx.link().insert(rows).await
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

/// Has what an order has asked by these limits count on under another name, whatever becomes of the order: it is about to ask
/// once more, and that counts beside it.
pub async fn set_aside(
    tx: &mut Tx,
    (entry, aside): (&str, &str),
    limits: &[AcmeLimit],
) -> Result<(), StorageError> {
    let mut query = Query::new("UPDATE acme_ledger SET entry_id = ");
    query.push_bind(aside.to_owned());
    query.push(" WHERE entry_id = ").push_bind(entry.to_owned());
    query.push(" AND tenant_id = ").push_bind(tx.tenant_key()).push(" AND kind IN (''");
    for limit in limits {
        query.push(", ").push_bind(limit.as_str());
    }
    query.push(")");
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
    // Rows that only a newer version understands are left alone.
    let known = |(kind, subject): (String, String)| Some(Count { limit: AcmeLimit::parse(&kind)?, subject });
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Forgets what counts no more: of so many orders and challenges at most, and as many things that were held.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<(), StorageError> {
    let query = |text| Query::new(text).bind(before.unix_micros()).bind(limit);
    let entries = query(
        "DELETE FROM acme_ledger WHERE at < $1 AND kind <> 'hold' AND entry_id IN \
         (SELECT entry_id FROM acme_ledger WHERE at < $1 AND kind <> 'hold' LIMIT $2)",
    );
    tx.link().execute(entries).await?;
    let held = query(
        "DELETE FROM acme_ledger WHERE at < $1 AND kind = 'hold' AND (directory_url, subject) IN \
         (SELECT directory_url, subject FROM acme_ledger WHERE at < $1 AND kind = 'hold' LIMIT $2)",
    );
    tx.link().execute(held).await.map(drop)
}

//! Locks on names at DNS providers that cannot read and write a record set in one step. They are of all tenants: two may have
//! the same account there.

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::{StorageError, SystemTx, WithLink};

/// Takes a lock, or prolongs the one that is held; `false` while another worker has it.
pub async fn take(
    tx: &mut SystemTx,
    name: &str,
    holder: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "INSERT INTO dns_locks (name, holder, until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
         holder = excluded.holder, until = excluded.until WHERE dns_locks.until < $4 OR dns_locks.holder = excluded.holder",
    )
    .bind(name.to_owned())
    .bind(holder.to_owned())
    .bind(until.unix_micros())
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// Gives a lock back.
pub async fn give_back(tx: &mut SystemTx, name: &str, holder: &str) -> Result<(), StorageError> {
    let query = Query::new("DELETE FROM dns_locks WHERE name = $1 AND holder = $2")
        .bind(name.to_owned())
        .bind(holder.to_owned());
    tx.link().execute(query).await.map(drop)
}

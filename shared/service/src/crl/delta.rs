//! Building the next delta CRL to a list: what has changed since another one was made (RFC 5280 §5.2.4).

use std::time::Duration;

use certmill_domain::{Crl, CrlId, CrlInfo, EventKind, TenantId, Timestamp};
use certmill_storage::crls::deltas::{self, Base, Changed, Delta, Kept};
use certmill_storage::{certificate_authorities, crls};
use certmill_x509::{CrlBuilder, RevocationReason};
use serde_json::json;

use super::shards::addresses;
use super::{Scope, listed_reason, next_number, signed};
use crate::app::off_thread;
use crate::jobs::Lease;
use crate::{App, Noun, ServiceError, events, publish};

/// Rows per read.
const PAGE: i64 = 20_000;
/// A change is committed some time after the time that it says. Deltas look back so far beyond their base, so that they have what was
/// committed while that list was being built.
const MARGIN: Duration = Duration::from_mins(10);
/// The least time from a list to the delta to it: CRLs say whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// Builds, signs and stores the next delta CRL to a list, and finishes the job in the same transaction. A CA without delta CRLs
/// gets none, but those that lists name which are still good.
pub(crate) async fn rebuild_delta(app: &App, lease: &Lease, delta: CrlId) -> Result<(), ServiceError> {
    let (tenant, list) = (lease.tenant()?, delta.base());
    let missing = || ServiceError::not_found(Noun::Ca, list);
    let mut session = app.database().read(tenant).await?;
    let ca = certificate_authorities::find(&mut session, list.ca()).await?.ok_or_else(missing)?;
    let base = crls::info(&mut session, list).await?;
    let earlier_until = crls::earlier_until(&mut session, list).await?;
    let urls = addresses(app, list, crls::urls(&mut session, list).await?);
    let present = deltas::find(&mut session, list).await?;
    drop(session);
    let this_update = app.now().whole_seconds();
    // While lists are good that name it, it is made as long as it was before.
    let kept = present.filter(|present| present.kept_until > Some(this_update));
    let as_before = kept.map(|kept| kept.info.next_update.since(kept.info.this_update));
    let good_for = ca.delta_crl_validity.or(as_before);
    let (Some(good_for), Some(base), Some(earlier_until)) = (good_for, base, earlier_until) else {
        let mut tx = app.database().begin(tenant).await?;
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    };
    if this_update <= base.this_update {
        // A list and a delta that say the same time would have to have the same number.
        let mut tx = app.database().begin(tenant).await?;
        lease.put_off(&mut tx, base.this_update.plus(SECOND)).await?;
        return Ok(tx.commit().await?);
    }
    let newest = (Base { number: base.number, made: base.this_update }, earlier_until);
    let (from, (next_base, next_base_due)) = bases(present.as_ref(), newest, this_update);
    let builder = collect(app, tenant, list, from.made).await?;
    let highest = present.map_or(0, |present| present.info.number).max(base.number);
    let info = CrlInfo {
        number: super::of_deltas(next_number(highest, this_update), true),
        this_update,
        next_update: this_update.plus(good_for),
        entries: i64::try_from(builder.entries()).unwrap_or(i64::MAX),
        builds: present.map_or(0, |present| present.info.builds) + 1,
    };
    let issuer = app.issuers().find(app, tenant, list.ca()).await?;
    let der = off_thread(move || {
        let scope = Scope { urls: &urls, base_number: Some(from.number), delta_url: None };
        Ok(signed(&issuer.of_crls(), builder, &info, &scope)?.into_der())
    })
    .await?;
    let mut tx = app.database().begin(tenant).await?;
    // The next one comes when a third of this one's time is left.
    let due_at = this_update.plus(good_for / 3 * 2);
    let kept_until = present.and_then(|present| present.kept_until);
    let next = Delta { info, base: from, next_base, next_base_due: Some(next_base_due), kept_until };
    let seen = present.map(|present| present.info.number);
    if !deltas::store(&mut tx, list, seen, (&next, due_at), Crl { info, der }).await? {
        return Err(ServiceError::LeaseLost);
    }
    let data = json!({
        "crl_number": info.number, "entries": info.entries, "next_update": info.next_update.to_string(),
        "shard": list.shard(), "base_number": from.number,
    });
    events::raise(app, &mut tx, EventKind::CrlPublished, list.ca(), data);
    publish::enqueue(app, &mut tx, delta, lease.request_id()).await?;
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    if app.publisher().is_set() {
        app.wake_workers();
    }
    metrics::counter!("certmill_crls_built_total").increment(1);
    tracing::info!(tenant.id = %tenant, ca.id = %list.ca(), crl.shard = list.shard(), crl.number = info.number, crl.entries = info.entries, "built a delta CRL");
    Ok(())
}

/// The list that a delta goes on from, and the one that later ones will, with the time from which they do. Whoever holds a list that
/// has not ended can go on from it: so a base is left when all that were made before the next one have ended, as they say themselves,
/// since the lists of a CA are not always good for as long as those that are made now.
fn bases(
    present: Option<&Delta>,
    (newest, earlier_until): (Base, Timestamp),
    now: Timestamp,
) -> (Base, (Base, Timestamp)) {
    let Some(present) = present else {
        return (newest, (newest, earlier_until));
    };
    // An older version has not noted it, or not of this base: then what is known of the lists before the present one bounds it.
    let noted = present.next_base_due.filter(|due| *due > present.next_base.made);
    let due = noted.unwrap_or(earlier_until);
    if due <= now {
        (present.next_base, (newest, earlier_until))
    } else {
        (present.base, (present.next_base, due))
    }
}

async fn collect(
    app: &App,
    tenant: TenantId,
    list: CrlId,
    since: Timestamp,
) -> Result<CrlBuilder, ServiceError> {
    let since = since.minus(MARGIN);
    let mut builder = CrlBuilder::delta();
    for kept in [Kept::Whole, Kept::Thin] {
        let mut after: Option<Changed> = None;
        loop {
            // A session per page: a long build does not pin an old state of the database.
            let mut session = app.database().read(tenant).await?;
            let page = deltas::changed_page(&mut session, (list, kept), since, after.as_ref(), PAGE).await?;
            drop(session);
            let last_page = i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE);
            for changed in &page {
                let (at, reason) = match &changed.revoked {
                    Some((at, reason)) => (*at, listed_reason(reason)),
                    None => (changed.changed_at, RevocationReason::RemoveFromCrl),
                };
                let since = changed.invalidity_at.map(Timestamp::unix_seconds);
                builder.push_entry(&changed.serial_number, at.unix_seconds(), reason, since);
            }
            if last_page {
                break;
            }
            after = page.into_iter().next_back();
        }
    }
    if list.is_full() {
        let mut session = app.database().read(tenant).await?;
        for child in certificate_authorities::revoked_children(&mut session, list.ca(), since).await? {
            if child.revoked_at >= since {
                let reason = listed_reason(&child.reason);
                builder.push_entry(&child.serial_number, child.revoked_at.unix_seconds(), reason, None);
            }
        }
    }
    Ok(builder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_left_when_nobody_holds_an_older_list() {
        let at = Timestamp::from_unix_seconds;
        let base = |number: i64| Base { number, made: at(number) };
        let (from, next) = bases(None, (base(1_000), at(1_080)), at(1_000));
        assert_eq!((from, next), (base(1_000), (base(1_000), at(1_080))));
        let info = CrlInfo { number: 1, this_update: at(0), next_update: at(0), entries: 0, builds: 1 };
        let next_base_due = Some(at(1_100));
        let delta = Delta { info, base: base(900), next_base: base(1_000), next_base_due, kept_until: None };
        // A list from before the next base may be held until 1,100.
        let newest = (base(1_090), at(1_190));
        assert_eq!(bases(Some(&delta), newest, at(1_099)), (base(900), (base(1_000), at(1_100))));
        assert_eq!(bases(Some(&delta), newest, at(1_100)), (base(1_000), newest));
        // An older version has noted no time, or left that of another base.
        for next_base_due in [None, Some(at(1_000))] {
            let delta = Delta { next_base_due, ..delta };
            assert_eq!(bases(Some(&delta), newest, at(1_100)), (base(900), (base(1_000), at(1_190))));
        }
    }
}

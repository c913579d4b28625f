//! Telling of CRLs that are about to end without a newer one.

use certmill_domain::EventKind;
use certmill_storage::crls;
use serde_json::json;

use crate::jobs::Lease;
use crate::{App, ServiceError, events};

/// Tells of up to `limit` CRLs that are late, once of each.
pub(crate) async fn tell_late(app: &App, lease: &Lease, limit: i64) -> Result<(), ServiceError> {
    let mut session = app.database().read_system().await?;
    let late = crls::late(&mut session, app.now(), limit).await?;
    drop(session);
    for crl in late {
        let mut tx = app.database().begin(crl.tenant).await?;
        lease.confirm(&mut tx).await?;
        if !crls::note_late(&mut tx, crl.list, crl.number).await? {
            continue;
        }
        let data = json!({
            "crl_number": crl.number, "next_update": crl.next_update.to_string(), "shard": crl.list.shard(),
            "delta": crl.list.is_delta(),
        });
        events::raise(app, &mut tx, EventKind::CrlLate, crl.list.ca(), data);
        tx.commit().await?;
        tracing::error!(tenant.id = %crl.tenant, ca.id = %crl.list.ca(), crl.shard = crl.list.shard(), crl.delta = crl.list.is_delta(), next_update = %crl.next_update, "a CRL is about to end, and no newer one was made");
    }
    Ok(())
}

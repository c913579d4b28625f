//! Building a CA's next CRL from the rows.

use std::sync::Arc;

use certmill_domain::{CaId, Crl, CrlInfo, EventKind, TenantId, Timestamp};
use certmill_storage::crls::RevokedEntry;
use certmill_storage::{certificate_authorities, crls};
use certmill_x509::{CrlBuilder, RevocationReason, SerialNumber};
use serde_json::json;

use super::CrlIssuer;
use crate::app::off_thread;
use crate::issuer::Issuer;
use crate::jobs::Lease;
use crate::{App, Noun, ServiceError, events};

/// Rows per read: enough that a million take a few dozen reads, few enough to stay small in memory.
const PAGE: i64 = 20_000;

/// Builds, signs and stores the next CRL of a CA, and finishes the job in the same transaction.
pub(crate) async fn rebuild(app: &App, lease: &Lease, ca: CaId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let issuer = app.issuers().find(app, tenant, ca).await?;
    let mut session = app.database().read(tenant).await?;
    let present = crls::info(&mut session, ca).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, ca))?;
    drop(session);
    let this_update = app.now().whole_seconds();
    let builder = collect(app, tenant, ca, present.entries, this_update).await?;
    let info = CrlInfo {
        number: present.number + 1,
        this_update,
        next_update: this_update.plus(app.settings().crl_lifetime),
        entries: i64::try_from(builder.entries()).unwrap_or(i64::MAX),
    };
    let crl = sign(issuer, builder, info).await?;
    let mut tx = app.database().begin(tenant).await?;
    if !crls::replace(&mut tx, ca, crl).await? {
        // Someone else stored this number: the lease of this attempt is as good as lost.
        return Err(ServiceError::LeaseLost);
    }
    let data = json!({
        "crl_number": info.number, "entries": info.entries, "next_update": info.next_update.to_string(),
    });
    events::raise(app, &mut tx, EventKind::CrlPublished, ca, data);
    // Last, because revocations of this CA wait for the job's row from here to the commit.
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    metrics::counter!("certmill_crls_built_total").increment(1);
    tracing::info!(tenant.id = %tenant, ca.id = %ca, crl.number = info.number, crl.entries = info.entries, "built a CRL");
    Ok(())
}

async fn collect(
    app: &App,
    tenant: TenantId,
    ca: CaId,
    expected: i64,
    at: Timestamp,
) -> Result<CrlBuilder, ServiceError> {
    let mut builder = CrlBuilder::with_capacity(usize::try_from(expected).unwrap_or(0) + 16);
    let mut after: Option<SerialNumber> = None;
    loop {
        // A session per page: a long build does not pin an old state of the database.
        let mut session = app.database().read(tenant).await?;
        let page = crls::revoked_page(&mut session, ca, at, after.as_ref(), PAGE).await?;
        let last_page = i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE);
        for entry in &page {
            push(&mut builder, entry);
        }
        if last_page {
            break;
        }
        after = page.into_iter().next_back().map(|entry| entry.serial_number);
    }
    let mut session = app.database().read(tenant).await?;
    for entry in certificate_authorities::revoked_children(&mut session, ca, at).await? {
        push(&mut builder, &entry);
    }
    Ok(builder)
}

/// A full CRL lists what was revoked as `removeFromCRL` without a reason: the code is for delta CRLs only
/// (RFC 5280 §5.3.1). So it does with a reason that only a newer version knows: a CRL with a code that RFC 5280 does not
/// have could be refused as a whole.
fn push(builder: &mut CrlBuilder, entry: &RevokedEntry) {
    let reason = match crate::ca::reason_or_none(&entry.reason) {
        RevocationReason::RemoveFromCrl => RevocationReason::Unspecified,
        reason => reason,
    };
    builder.push(&entry.serial_number, entry.revoked_at.unix_seconds(), reason);
}

async fn sign(issuer: Arc<Issuer>, builder: CrlBuilder, info: CrlInfo) -> Result<Crl, ServiceError> {
    off_thread(move || {
        let signer =
            CrlIssuer { subject_der: &issuer.subject_der, key_id: &issuer.key_id, signer: issuer.signer() };
        let der = super::sign(builder, &signer, &info)?;
        Ok(Crl { info, der })
    })
    .await
}

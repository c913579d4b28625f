//! Telling that a certificate comes to its end and was not renewed.

use certmill_domain::{CertificateId, EventKind, TenantId};
use certmill_storage::acme_renewals;
use serde_json::json;

use crate::jobs::Lease;
use crate::{App, ServiceError, events};

/// Tells once per level that a certificate comes to its end.
pub(super) async fn raise(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    id: CertificateId,
) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    let Some(renewal) = acme_renewals::find(&mut tx, id).await? else {
        return Ok(());
    };
    let level = renewal.alarm(app.now());
    if level <= renewal.alert_level || !acme_renewals::raise_alert(&mut tx, id, level).await? {
        return Ok(());
    }
    lease.confirm(&mut tx).await?;
    // Of one that does not renew itself it is told like of every other certificate, at the thresholds of `crate::expiry`.
    if renewal.auto_renew {
        let data = json!({
            "level": level, "not_after": renewal.not_after.to_string(), "auto_renew": true,
            "failures": renewal.failures, "last_error": renewal.last_error,
        });
        events::raise(app, &mut tx, EventKind::CertificateExpiring, id, data);
    }
    tx.commit().await?;
    let last_error = renewal.last_error.as_deref().unwrap_or("none");
    match level {
        3.. => {
            tracing::error!(certificate.id = %id, tenant.id = %tenant, not_after = %renewal.not_after, last_error, "a certificate is about to end and was not renewed");
        }
        _ => {
            tracing::warn!(certificate.id = %id, tenant.id = %tenant, not_after = %renewal.not_after, last_error, "a certificate should have been renewed");
        }
    }
    Ok(())
}

//! Work on rows that a newer version has written, which this one leaves to it.

use std::time::Duration;

use certmill_domain::TenantId;

use crate::jobs::Lease;
use crate::{App, ServiceError};

/// When a job is offered again that only a newer version can do.
const OFFERED_AGAIN: Duration = Duration::from_mins(1);

/// Puts a job off whose next step depends on a word that this version does not know. It wrote nothing, and its attempts are
/// not used up: while versions are mixed, the job gets to a process that knows the word.
pub(crate) async fn or_leave(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    worked: Result<(), ServiceError>,
) -> Result<(), ServiceError> {
    let Err(ServiceError::NewerVersion(unknown)) = worked else {
        return worked;
    };
    tracing::warn!(tenant.id = %tenant, reason = %unknown, "left a job to a newer version");
    let mut tx = app.database().begin(tenant).await?;
    lease.put_off(&mut tx, app.now().plus(OFFERED_AGAIN)).await?;
    Ok(tx.commit().await?)
}

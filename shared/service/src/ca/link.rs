//! Which CA is below which, in whatever order they come here.

use certmill_domain::{Action, Ca, CaId, EventKind, Timestamp};
use certmill_storage::certificate_authorities::BelowStrangers;
use certmill_storage::{Session, ca_certificates, certificate_authorities, holds, inherited_revocations};
use certmill_x509::{ParsedCertificate, spki_sha256, split_certificates};
use serde_json::json;

use super::elsewhere::{Checked, invalid, usable};
use super::revoke::{below as reason_below, reason_or_none};
use crate::change::Change;
use crate::jobs::Job;
use crate::{App, Caller, ServiceError, events};

/// CAs that are looked at together.
const PAGE: i64 = 100;

/// The CA here that has issued what is below a chain: the one whose certificate is its first, or whose key that one has (a root
/// may have been signed anew, and lists what it revoked under any of its certificates).
pub(super) async fn above(session: &mut Session, chain: &[Vec<u8>]) -> Result<Option<Ca>, ServiceError> {
    let Some(first) = chain.first() else {
        return Ok(None);
    };
    let parsed = ParsedCertificate::from_der(first).map_err(|error| invalid(error.to_string()))?;
    let same_serial = certificate_authorities::find_by_serial_number(session, parsed.serial_number()).await?;
    if let Some(ca) = same_serial.into_iter().find(|ca| ca.certificate_der == *first) {
        return Ok(Some(ca));
    }
    let key = spki_sha256(parsed.spki_der());
    let id = match ca_certificates::owner(session, first).await? {
        Some(id) => Some(id),
        None => certificate_authorities::find_by_key(session, &key).await?,
    };
    let Some(id) = id else {
        return Ok(None);
    };
    let found = certificate_authorities::find(session, id).await?;
    Ok(found.filter(|ca| {
        ParsedCertificate::from_der(&ca.certificate_der)
            .is_ok_and(|known| known.subject_der() == parsed.subject_der())
    }))
}

/// Begins to store a CA that comes here: holds what is above it, and the tenant, so that of two that come at once the later
/// one sees the other. What was found above it must still be so.
pub(super) async fn begin<'a>(
    app: &'a App,
    caller: &'a Caller,
    checked: &Checked,
) -> Result<Change<'a>, ServiceError> {
    let mut change = app.change(caller).await?;
    // First of all: who links what came before holds it too, and then those rows.
    holds::tenant(&mut change).await?;
    let mut change = super::create::hold_parent_in(change, app, caller, checked.parent()).await?;
    let present = above(&mut change, checked.chain()).await?.map(|ca| ca.id);
    if present == checked.parent() { Ok(change) } else { Err(ServiceError::CallInProgress { seconds: 1 }) }
}

/// Links the CAs that came here before the one that has issued them. What it had revoked of them is revoked from now on, and
/// its next CRL lists those that are. Answers whether there were any.
pub(super) async fn below(app: &App, change: &mut Change<'_>, ca: &Ca) -> Result<bool, ServiceError> {
    let parsed = ParsedCertificate::from_der(&ca.certificate_der)?;
    let chain = crate::issuer::chain(change, ca).await?;
    let (mut any_linked, mut after, mut any_revoked) = (false, None, false);
    loop {
        let page = certificate_authorities::below_strangers(change, after, PAGE).await?;
        after = page.last().map(|row| row.id);
        let is_last = i64::try_from(page.len()).is_ok_and(|rows| rows < PAGE);
        for row in page {
            if !is_issued_by(&row, &parsed)? {
                continue;
            }
            let child = ParsedCertificate::from_der(&row.certificate_der)?;
            // One whose way through this certificate is not valid stays as it came.
            let Ok(path_length) = usable(&child, &chain, app.now()) else {
                continue;
            };
            certificate_authorities::set_parent(change, (row.id, ca.id), path_length).await?;
            link_former(change, (row.id, ca.id), &parsed).await?;
            any_revoked |= row.is_revoked || revoke_inherited(app, change, ca, (row.id, &child)).await?;
            any_linked = true;
        }
        if is_last {
            break;
        }
    }
    if any_revoked {
        app.enqueue(change, Job::RebuildCrl(ca.id), None).await?;
    }
    Ok(any_linked)
}

/// Notes which of a CA's former certificates the CA above has issued: they are on its lists too.
async fn link_former(
    change: &mut Change<'_>,
    (id, issuer): (CaId, CaId),
    above: &ParsedCertificate,
) -> Result<(), ServiceError> {
    let key = above.public_key()?;
    for former in ca_certificates::list(change, id).await? {
        let parsed = ParsedCertificate::from_der(&former.certificate_der)?;
        if parsed.issuer_der() == above.subject_der() && parsed.verify_signed_by(&key).is_ok() {
            ca_certificates::set_issuer(change, id, &former.certificate_der, issuer).await?;
        }
    }
    Ok(())
}

/// Whether the CA above a row is this one.
fn is_issued_by(row: &BelowStrangers, ca: &ParsedCertificate) -> Result<bool, ServiceError> {
    let Some(first) = split_certificates(&row.above_der)?.into_iter().next() else {
        return Ok(false);
    };
    let above = ParsedCertificate::from_der(&first)?;
    Ok(above.spki_der() == ca.spki_der() && above.subject_der() == ca.subject_der())
}

/// Revokes a CA that the one above it had revoked before that came here.
async fn revoke_inherited(
    app: &App,
    change: &mut Change<'_>,
    ca: &Ca,
    (id, child): (CaId, &ParsedCertificate),
) -> Result<bool, ServiceError> {
    let Some(entry) = inherited_revocations::find(change, ca.id, child.serial_number()).await? else {
        return Ok(false);
    };
    let reason = reason_or_none(&entry.reason);
    let at: Timestamp = entry.revoked_at;
    let revoked = certificate_authorities::revoke_tree(change, id, reason, reason_below(reason), at).await?;
    if revoked.is_empty() {
        return Ok(false);
    }
    certificate_authorities::set_revocation_total(change, id).await?;
    app.enqueue(change, Job::RevokeCaCascade(id), None).await?;
    let data = json!({ "reason": reason.as_str() });
    events::raise_act(app, change, (Action::CaRevoke, EventKind::CaRevoked), id, (reason.as_str(), data));
    Ok(true)
}

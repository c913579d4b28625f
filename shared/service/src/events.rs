//! Events: rows that say what happened to certificates, written in the transaction in which it happened.

use certmill_domain::{CertificateId, Event, EventId, EventKind};
use certmill_storage::{Tx, events};
use certmill_x509::RevocationReason;
use serde_json::{Value, json};

use crate::{App, ServiceError};

/// Writes an event about a certificate.
pub(crate) async fn emit(
    app: &App,
    tx: &mut Tx,
    kind: EventKind,
    certificate: CertificateId,
    data: Value,
) -> Result<(), ServiceError> {
    let now = app.now();
    let id = EventId::generate(now, app.entropy());
    let event = Event { id, kind: kind.into(), subject: certificate.to_string(), data, created_at: now };
    Ok(events::insert(tx, &event).await?)
}

/// Whether there is an event of this kind about a certificate.
pub(crate) async fn has(
    tx: &mut Tx,
    certificate: CertificateId,
    kind: EventKind,
) -> Result<bool, ServiceError> {
    let known = events::of_subject(tx, &certificate.to_string()).await?;
    Ok(known.iter().any(|event| event.kind == kind))
}

/// A certificate was revoked.
pub(crate) async fn revoked(
    app: &App,
    tx: &mut Tx,
    certificate: CertificateId,
    reason: RevocationReason,
) -> Result<(), ServiceError> {
    emit(app, tx, EventKind::CertificateRevoked, certificate, json!({ "reason": reason.as_str() })).await
}

//! Events: raising those that no call has caused, in the transaction in which they happen. Reading them all is in `feed`.

mod feed;

use std::collections::BTreeMap;

use certmill_domain::{
    Action, AuditEntry, CertificateId, Event, EventId, EventKind, Identity, LogId, TenantId,
};
use certmill_storage::jobs::Dead;
use certmill_storage::{SystemTx, Tx, events};
use certmill_x509::sha256;
use serde_json::{Value, json};

pub use certmill_storage::events::Filter;
pub use feed::{Entry, Feed, FeedRequest, LONGEST_WAIT, Order, kinds, list, wait};
pub(crate) use feed::{after, kinds_of, places_before, tell, unknown};

use crate::{App, ServiceError};

/// Has an event written with the commit of this transaction.
pub(crate) fn raise(app: &App, tx: &mut Tx, kind: EventKind, subject: impl ToString, data: Value) {
    let (entry, event) = raised(app, kind, subject.to_string(), data);
    tx.raise(entry, event);
}

/// The same for what a call can do too: the audit log has it as that action, done by the service, with the hash of `after`.
pub(crate) fn raise_act(
    app: &App,
    tx: &mut Tx,
    (action, kind): (Action, EventKind),
    subject: impl ToString,
    (after, data): (&str, Value),
) {
    let (entry, event) = raised(app, kind, subject.to_string(), data);
    tx.raise(AuditEntry { action, after_sha256: Some(sha256(after.as_bytes())), ..entry }, event);
}

/// Tells that jobs were given up, last in the transaction in which they are. What is the system's own has no tenant to tell.
///
/// # Errors
/// Those of the database.
pub async fn tell_dead(app: &App, tx: &mut SystemTx, jobs: Vec<Dead>) -> Result<(), ServiceError> {
    let mut by_tenant: BTreeMap<TenantId, Vec<_>> = BTreeMap::new();
    for job in jobs {
        let Some(tenant) = job.tenant else { continue };
        let data = json!({ "kind": job.kind, "subject": job.subject, "last_error": job.error });
        let event = raised(app, EventKind::JobDead, job.id.to_string(), data);
        by_tenant.entry(tenant).or_default().push(event);
    }
    for (tenant, raised) in by_tenant {
        events::store_for(tx, tenant, raised).await?;
    }
    Ok(())
}

fn raised(app: &App, kind: EventKind, subject: String, data: Value) -> (AuditEntry, Event) {
    let now = app.now();
    let entry = AuditEntry {
        id: LogId::generate(now, app.entropy()),
        at: now,
        identity: Identity::Service,
        action: Action::EventRaise,
        object: Some(subject.clone()),
        refusal: None,
        source_address: None,
        request_id: None,
        before_sha256: None,
        after_sha256: None,
    };
    let id = EventId::generate(now, app.entropy());
    (entry, Event { id, kind: kind.into(), subject, data, created_at: now })
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

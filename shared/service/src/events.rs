//! Events: raising those that no call has caused, in the transaction in which they happen. Reading them all is in [`feed`].

mod feed;

use certmill_domain::{Action, AuditEntry, CertificateId, Event, EventId, EventKind, Identity, LogId};
use certmill_storage::{Tx, events};
use serde_json::Value;

pub use certmill_storage::events::Filter;
pub use feed::{Entry, Feed, FeedRequest, LONGEST_WAIT, Order, kinds, list, wait};
pub(crate) use feed::{after, kinds_of, tell, unknown};

use crate::{App, ServiceError};

/// Has an event written with the commit of this transaction.
pub(crate) fn raise(app: &App, tx: &mut Tx, kind: EventKind, subject: impl ToString, data: Value) {
    let now = app.now();
    let subject = subject.to_string();
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
    tx.raise(entry, Event { id, kind: kind.into(), subject, data, created_at: now });
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

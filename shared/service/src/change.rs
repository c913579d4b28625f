//! A change in a caller's name: a transaction that can only be committed together with its audit row.

use std::ops::{Deref, DerefMut};

use certmill_domain::{Action, AuditEntry, Digest, LogId};
use certmill_storage::idempotency;
use certmill_storage::{Tx, audit};
use certmill_x509::sha256;

use crate::{App, Caller, ServiceError};

/// A transaction in a caller's name. Dropped without [`Change::commit`], it leaves nothing.
pub(crate) struct Change<'a> {
    app: &'a App,
    caller: &'a Caller,
    tx: Tx,
}

/// What a change did, as the audit log tells it.
pub(crate) struct Act {
    action: Action,
    object: String,
    before: Option<Digest>,
    after: Option<Digest>,
}

impl App {
    /// Begins a change in the caller's name.
    pub(crate) async fn change<'a>(&'a self, caller: &'a Caller) -> Result<Change<'a>, ServiceError> {
        let tx = self.database().begin(caller.tenant).await?;
        Ok(Change { app: self, caller, tx })
    }
}

impl Change<'_> {
    /// Makes everything durable, the audit row with it.
    pub(crate) async fn commit(mut self, act: Act) -> Result<(), ServiceError> {
        if let Some(hold) = &self.caller.hold
            && !idempotency::note_effect(&mut self.tx, hold, &act.object).await?
        {
            return Err(lost_hold());
        }
        let entry = act.entry(self.app, self.caller);
        audit::append(&mut self.tx, vec![entry]).await?;
        Ok(self.tx.commit().await?)
    }
}

/// Another call with the same idempotency key has taken over.
pub(crate) fn lost_hold() -> ServiceError {
    ServiceError::CallInProgress { seconds: 1 }
}

impl Deref for Change<'_> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

impl Act {
    /// An action on the object of this id.
    pub(crate) fn new(action: Action, object: impl ToString) -> Self {
        Self { action, object: object.to_string(), before: None, after: None }
    }

    /// What the object was before, in any form that stands for all of it.
    pub(crate) fn before(self, object: impl AsRef<[u8]>) -> Self {
        Self { before: Some(sha256(object.as_ref())), ..self }
    }

    /// What the object is after.
    pub(crate) fn after(self, object: impl AsRef<[u8]>) -> Self {
        Self { after: Some(sha256(object.as_ref())), ..self }
    }

    /// The audit row of the act, done by the caller now.
    pub(crate) fn entry(self, app: &App, caller: &Caller) -> AuditEntry {
        let entry = entry(app, caller, self.action, Some(self.object), None);
        AuditEntry { before_sha256: self.before, after_sha256: self.after, ..entry }
    }
}

/// A row for what the caller did, or was refused.
pub(crate) fn entry(
    app: &App,
    caller: &Caller,
    action: Action,
    object: Option<String>,
    refusal: Option<String>,
) -> AuditEntry {
    let at = app.now();
    AuditEntry {
        id: LogId::generate(at, app.entropy()),
        at,
        identity: caller.identity,
        action,
        object,
        refusal,
        source_address: caller.source_address,
        request_id: Some(caller.request_id.clone()),
        before_sha256: None,
        after_sha256: None,
    }
}

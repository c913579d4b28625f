//! Sessions read and transactions write, in the name of one tenant or across all.

use std::ops::{Deref, DerefMut};

use certmill_domain::{AuditEntry, Event, TenantId};

use crate::backend::Link;
use crate::{StorageError, events};

/// Anything that carries a connection: sessions and transactions, of a tenant or of the system.
pub trait WithLink: Send {
    /// The connection.
    fn link(&mut self) -> &mut Link;
}

/// Reads in the name of one tenant.
pub struct Session {
    link: Link,
    tenant: TenantId,
}

impl Session {
    pub(crate) fn new(link: Link, tenant: TenantId) -> Self {
        Self { link, tenant }
    }

    /// The tenant whose rows it sees.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The tenant as a bound value.
    pub(crate) fn tenant_key(&self) -> String {
        self.tenant.to_string()
    }
}

/// Reads and writes in the name of one tenant, all or nothing.
pub struct Tx {
    session: Session,
    raised: Vec<(AuditEntry, Event)>,
}

impl Tx {
    pub(crate) fn new(link: Link, tenant: TenantId) -> Self {
        Self { session: Session::new(link, tenant), raised: Vec::new() }
    }

    /// Has an event stored with the commit, and the row with its place in the audit log. They come last, since the tenant's
    /// other transactions wait from there on.
    pub fn raise(&mut self, entry: AuditEntry, event: Event) {
        self.raised.push((entry, event));
    }

    /// Makes everything durable.
    pub async fn commit(mut self) -> Result<(), StorageError> {
        let raised = std::mem::take(&mut self.raised);
        events::store(&mut self, raised).await?;
        self.session.link.commit().await
    }
}

/// Reads across tenants.
pub struct SystemSession(Link);

impl SystemSession {
    pub(crate) fn new(link: Link) -> Self {
        Self(link)
    }
}

/// Reads and writes across tenants, all or nothing.
pub struct SystemTx(SystemSession);

impl SystemTx {
    pub(crate) fn new(link: Link) -> Self {
        Self(SystemSession::new(link))
    }

    /// Makes everything durable.
    pub async fn commit(self) -> Result<(), StorageError> {
        self.0.0.commit().await
    }
}

impl WithLink for Session {
    fn link(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl WithLink for Tx {
    fn link(&mut self) -> &mut Link {
        &mut self.session.link
    }
}

impl WithLink for SystemSession {
    fn link(&mut self) -> &mut Link {
        &mut self.0
    }
}

impl WithLink for SystemTx {
    fn link(&mut self) -> &mut Link {
        &mut self.0.0
    }
}

impl Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Deref for SystemTx {
    type Target = SystemSession;

    fn deref(&self) -> &SystemSession {
        &self.0
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut SystemSession {
        &mut self.0
    }
}

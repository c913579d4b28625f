//! Backups: whether the keys in one can be opened, and what follows from a state that is older than what was told to others.

use std::collections::HashMap;
use std::time::Duration;

use certmill_domain::{Action, CrlId, TenantId, Timestamp};
use certmill_keys::{PrivateKey, RootKeys, sealed_with};
use certmill_storage::backup::Contents;
use certmill_storage::crls;
use certmill_x509::ParsedCertificate;

use crate::change::Act;
use crate::issuer::ca_key_place;
use crate::{App, Caller, ServiceError, crl, tenants};

/// What the root keys have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Keys of tenants.
    pub tenant_keys: usize,
    /// Private keys of CAs, each of which is that of its certificate.
    pub ca_keys: usize,
}

/// Opens every tenant's key and a sealed private key of each tenant, and compares that with the certificate that it belongs to.
///
/// # Errors
/// What does not open, by the first one.
pub fn open_keys(root_keys: &RootKeys, contents: &Contents) -> Result<Opened, ServiceError> {
    let mut keys = HashMap::new();
    for key in &contents.keys {
        let opened = root_keys.unwrap(key.tenant, key.version, &key.root_key_id, &key.wrapped)?;
        keys.insert((key.tenant, key.version), opened);
    }
    for sealed in &contents.sealed {
        let ca = &sealed.ca;
        let broken = |problem: &dyn std::fmt::Display| {
            ServiceError::internal(format!("the private key of {ca} cannot be opened: {problem}"))
        };
        let version = sealed_with(&sealed.sealed).map_err(|error| broken(&error))?;
        let key = keys.get(&(sealed.tenant, version));
        let key = key.ok_or_else(|| broken(&format!("the tenant's key {version} is missing")))?;
        let opened =
            key.open(&ca_key_place(sealed.tenant, ca), &sealed.sealed).map_err(|error| broken(&error))?;
        let private = PrivateKey::from_pkcs8_der(&opened).map_err(|error| broken(&error))?;
        // A CA that waits for its certificate has none yet.
        if !sealed.certificate_der.is_empty()
            && ParsedCertificate::from_der(&sealed.certificate_der)?.spki_der() != private.spki_der()
        {
            return Err(broken(&"it is not that of the CA's certificate"));
        }
    }
    Ok(Opened { tenant_keys: contents.keys.len(), ca_keys: contents.sealed.len() })
}

/// Notes in every tenant's audit log that the database is one of `taken_at` again, and has every CA's CRL made anew: the present
/// ones are older than what relying parties have seen. Answers how many CRLs that are.
pub async fn note_restore(app: &App, taken_at: Timestamp) -> Result<usize, ServiceError> {
    let mut session = app.database().read_system().await?;
    let crls = crls::all(&mut session).await?;
    drop(session);
    let mut of_tenant: HashMap<TenantId, Vec<CrlId>> = HashMap::new();
    for (tenant, list) in &crls {
        of_tenant.entry(*tenant).or_default().push(*list);
    }
    for tenant in tenants::list(app).await? {
        let caller = Caller::operator(app, tenant.id);
        let mut change = app.change(&caller).await?;
        let lists = of_tenant.remove(&tenant.id).unwrap_or_default();
        crl::enqueue(app, &mut change, &lists, Some(&caller.request_id), Duration::ZERO).await?;
        change.commit(Act::new(Action::DatabaseRestore, taken_at)).await?;
    }
    Ok(crls.len())
}

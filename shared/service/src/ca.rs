//! Certificate authorities: making, reading and revoking them.

mod create;
mod elsewhere;
mod external;
mod import;
mod link;
mod plan;
mod reissue;
mod revoke;
mod shards;
mod update;

use std::collections::HashMap;

use certmill_domain::{Ca, CaId, CaStatus, CrlId, CrlInfo, TenantId, Timestamp};
pub use certmill_storage::ca_certificates::FormerCertificate;
use certmill_storage::{ca_certificates, certificate_authorities, crls};
use certmill_x509::pem;

pub use create::create;
pub use external::{SignedCertificate, accept};
pub use import::{ImportCa, import};
pub use plan::{NewCa, NewCaSettings};
pub use reissue::{Reissue, reissue};
pub use revoke::revoke;
pub(crate) use revoke::{below, reason_or_none, refuse_release};
pub use update::{CaChanges, state, update};

pub use crate::issuer::{ca_issuers_url, crl_url, ocsp_url};
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError};

/// A CA with what its present CRL says of itself.
#[derive(Debug, Clone)]
pub struct CaWithCrl {
    /// The CA.
    pub ca: Ca,
    /// The figures of its full CRL.
    pub crl: Option<CrlInfo>,
}

/// A CA's certificate and those above it, in PEM.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The certificates above it up to the root, in PEM.
    pub chain_pem: String,
    /// Those that it had before, for the same key, the last first.
    pub former: Vec<FormerCertificate>,
}

/// Reads the id of a CA; one that cannot be an id is as good as absent.
pub fn parse_id(text: &str) -> Result<CaId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Ca, text))
}

/// A CA of the tenant.
pub async fn find(app: &App, tenant: TenantId, id: CaId) -> Result<CaWithCrl, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    let ca = certificate_authorities::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    let crl = crls::info(&mut session, CrlId::full(id)).await?;
    Ok(CaWithCrl { ca, crl })
}

/// The tenant's CAs, newest first.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<Page<CaWithCrl>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key::<CaId>()?);
    let mut session = app.database().read(caller.tenant).await?;
    let cas = certificate_authorities::list(&mut session, before, limit).await?;
    let ids: Vec<CaId> = cas.rows.iter().map(|ca| ca.id).collect();
    let mut infos: HashMap<CaId, CrlInfo> = crls::infos(&mut session, &ids).await?.into_iter().collect();
    let rows = cas.map(|ca| CaWithCrl { crl: infos.remove(&ca.id), ca });
    Ok(Page::of(rows, |row| row.ca.id.to_string()))
}

/// A CA's certificate with its chain.
pub async fn certificate(app: &App, caller: &Caller, id: CaId) -> Result<CaCertificate, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let not_found = || ServiceError::not_found(Noun::Ca, id);
    let ca = certificate_authorities::find(&mut session, id).await?.ok_or_else(not_found)?;
    if ca.certificate_der.is_empty() {
        return Err(wrong_state(&ca, app.now(), "there is none to read"));
    }
    let chain = crate::issuer::chain(&mut session, &ca).await?;
    let former = ca_certificates::list(&mut session, id).await?;
    let chain_pem = chain.iter().skip(1).map(|der| pem::encode(pem::CERTIFICATE, der)).collect();
    Ok(CaCertificate {
        certificate_pem: pem::encode("CERTIFICATE", &ca.certificate_der),
        chain_pem,
        former,
        der: ca.certificate_der,
    })
}

/// The certificate of any tenant's CA in DER, for the public distribution point.
pub async fn public_certificate(app: &App, id: CaId) -> Result<Vec<u8>, ServiceError> {
    let mut session = app.database().read_system().await?;
    certificate_authorities::public_certificate(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, id))
}

/// Why this CA does not issue, from its present row.
pub(crate) async fn not_issuing(app: &App, caller: &Caller, id: CaId) -> ServiceError {
    let found = match find(app, caller.tenant, id).await {
        Ok(found) => found,
        Err(error) => return error,
    };
    wrong_state(&found.ca, app.now(), "only an active one issues")
}

/// A CA is not active, which is what somebody needs.
pub(crate) fn wrong_state(ca: &Ca, now: Timestamp, need: &str) -> ServiceError {
    let (name, id) = (&ca.name, ca.id);
    let state = ca.status(now);
    let message = if state == CaStatus::Pending {
        format!(
            "the certificate authority `{name}` ({id}) waits for its certificate: {need}. Have its CSR signed and send \
             what comes back to POST /v1/pki/ca/{id}/certificate"
        )
    } else {
        format!("the certificate authority `{name}` ({id}) is {}: {need}", state.as_str())
    };
    ServiceError::InvalidState { message, state: state.as_str(), possible_from: &["active"] }
}

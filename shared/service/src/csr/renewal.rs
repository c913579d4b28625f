//! A renewal that waits at the desk, since its key is not the one that a person approved.

use certmill_domain::Certificate;
use certmill_storage::csrs;
use certmill_x509::{CsrInspection, CsrTemplate, ParsedCertificate};

use super::{Asked, InspectedCsr, find, read, store};
use crate::app::off_thread;
use crate::certificates::key_algorithm;
use crate::{App, Caller, ServiceError};

/// Puts the renewal of `old` on the desk: with the key of a CSR, or else with one that the service makes. Asking again for
/// the same leads to the CSR that waits already.
pub(crate) async fn ask_for_renewal(
    app: &App,
    caller: &Caller,
    old: &Certificate,
    csr_pem: Option<String>,
) -> Result<InspectedCsr, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let waiting = csrs::open_renewals(&mut session, old.id).await?;
    drop(session);
    let Some(pem) = csr_pem else {
        return match waiting.iter().find(|csr| csr.has_private_key) {
            Some(csr) => find(app, caller, csr.id).await,
            None => with_a_fresh_key(app, caller, old).await,
        };
    };
    let inspection = read(pem).await?;
    match waiting.iter().find(|csr| csr.der == inspection.der()) {
        Some(csr) => find(app, caller, csr.id).await,
        None => store(app, caller, inspection, None, Some(old)).await,
    }
}

async fn with_a_fresh_key(
    app: &App,
    caller: &Caller,
    old: &Certificate,
) -> Result<InspectedCsr, ServiceError> {
    let parsed = ParsedCertificate::from_der(&old.der)?;
    let key = app.new_key(caller.tenant, key_algorithm(old)?).await?;
    let pkcs8 = key.to_pkcs8_der()?;
    let template = CsrTemplate {
        subject: parsed.subject().clone(),
        subject_alt_names: parsed.subject_alt_names().clone(),
        ca: None,
    };
    let inspection = off_thread(move || {
        let der = template.sign(&key)?;
        Ok(CsrInspection::from_der(&der)?)
    })
    .await?;
    store(app, caller, inspection, Some(pkcs8), Some(old)).await
}

/// A renewal has the names of what it renews, whatever stands in the CSR with its key.
pub(super) fn names_of(old: &Certificate) -> Result<Asked, ServiceError> {
    let parsed = ParsedCertificate::from_der(&old.der)?;
    Ok(Asked { subject: parsed.subject().clone(), sans: old.sans.clone() })
}

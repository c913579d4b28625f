//! The key of an order: made or kept, sealed before it is used, and handed over to the certificate.

use certmill_domain::CertificateId;
use certmill_keys::{PrivateKey, SealPlace};
use certmill_storage::{acme_orders, blocked_keys, certificates};
use certmill_x509::{CsrTemplate, DistinguishedName, spki_sha256};

use super::advance::Work;
use crate::ServiceError;
use crate::app::off_thread;

/// The key that an order's certificate gets, sealed, and the CSR for it.
pub(super) async fn key_and_csr(work: &Work<'_>) -> Result<(Vec<u8>, Vec<u8>), ServiceError> {
    let app = work.app;
    let key = match kept(work).await? {
        Some(key) => key,
        None => app.new_key(work.tenant, work.order.key_algorithm()?).await?,
    };
    let id = work.order.id.to_string();
    let sealed = app.keyring().seal(app, &key_place(work, &id), &key.to_pkcs8_der()?).await?;
    let names = work.order.identifiers.subject_alt_names()?;
    let subject = work.order.common_name.as_ref().map(DistinguishedName::with_common_name);
    let template = CsrTemplate { subject: subject.unwrap_or_default(), subject_alt_names: names, ca: None };
    let csr = off_thread(move || Ok(template.sign(&key)?)).await?;
    Ok((sealed, csr))
}

/// The key of the certificate that is renewed, where the order keeps it and it is here.
async fn kept(work: &Work<'_>) -> Result<Option<PrivateKey>, ServiceError> {
    let Some(old) = work.order.renewal_of().filter(|_| work.order.reuse_key) else {
        return Ok(None);
    };
    let app = work.app;
    let mut session = app.database().read(work.tenant).await?;
    let sealed = certificates::sealed_key(&mut session, old).await?;
    drop(session);
    let Some(sealed) = sealed else {
        tracing::warn!(order.id = %work.order.id, certificate.id = %old, "the key that was to be kept is not here: the certificate gets a new one");
        return Ok(None);
    };
    let row = old.to_string();
    let place = SealPlace { tenant: work.tenant, table: "certificates", row: &row, column: "sealed_key" };
    let pkcs8 = app.keyring().open(app, &place, &sealed).await?;
    let key = PrivateKey::from_pkcs8_der(&pkcs8)?;
    let mut session = app.database().read(work.tenant).await?;
    if blocked_keys::find_by_hash(&mut session, &spki_sha256(key.spki_der())).await?.is_some() {
        tracing::warn!(order.id = %work.order.id, certificate.id = %old, "the key that was to be kept is blocked: the certificate gets a new one");
        return Ok(None);
    }
    Ok(Some(key))
}

fn key_place<'a>(work: &Work<'_>, id: &'a str) -> SealPlace<'a> {
    SealPlace { tenant: work.tenant, table: "acme_orders", row: id, column: "sealed_key" }
}

/// The private key of the order, sealed for the certificate.
pub(super) async fn hand_over(work: &Work<'_>, certificate: CertificateId) -> Result<Vec<u8>, ServiceError> {
    let app = work.app;
    let mut session = app.database().read(work.tenant).await?;
    let sealed = acme_orders::sealed_key(&mut session, work.order.id).await?;
    drop(session);
    let sealed = sealed.ok_or_else(|| ServiceError::internal("an order that was finalized has a key"))?;
    let (order, row) = (work.order.id.to_string(), certificate.to_string());
    let pkcs8 = app.keyring().open(app, &key_place(work, &order), &sealed).await?;
    let place = SealPlace { tenant: work.tenant, table: "certificates", row: &row, column: "sealed_key" };
    app.keyring().seal(app, &place, &pkcs8).await
}

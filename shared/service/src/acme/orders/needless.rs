//! Certificates that are there already.

use certmill_domain::{AcmeOrder, Certificate, Renewal};
use certmill_storage::acme_renewals;
use certmill_storage::certificates::search;
use certmill_x509::CertificateSigningRequest;

use crate::{App, Caller, ServiceError};

/// CAs give out few certificates for the same names: one that is not due for renewal is not ordered again by mistake.
pub(super) async fn refuse_needless(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
) -> Result<(), ServiceError> {
    let Some(renewal) = good(app, caller, order).await? else {
        return Ok(());
    };
    let id = renewal.certificate_id;
    let message = format!(
        "{id} for the same names is good until {} and not due for renewal before {}: renew it with POST \
         /v1/pki/certificates/{id}/renew, or order another one with \"force\": true",
        renewal.not_after, renewal.renew_at
    );
    Err(ServiceError::Duplicate { message, id: id.to_string() })
}

/// Whether a certificate has a key as the order wants one: an RSA certificate beside one of EC is no needless one.
fn has_such_key(certificate: &Certificate, order: &AcmeOrder) -> bool {
    match order.key.callers_csr() {
        Some(csr) => CertificateSigningRequest::from_der(csr)
            .is_ok_and(|csr| csr.public_key().spki_sha256() == certificate.spki_sha256),
        None => (&certificate.key_type, certificate.key_size) == (&order.key_type, order.key_size),
    }
}

/// The plan of a certificate for the same names from the same account that is good and not due.
pub(super) async fn good(
    app: &App,
    caller: &Caller,
    order: &AcmeOrder,
) -> Result<Option<Renewal>, ServiceError> {
    let names = order.identifiers.texts();
    let filter = search::Filter {
        san: names.first().cloned(),
        source: Some(certmill_domain::CertificateSource::Acme),
        status: Some(certmill_domain::CertificateStatus::Active),
        ..search::Filter::default()
    };
    let now = app.now();
    let mut session = app.database().read(caller.tenant).await?;
    let found = search::search(&mut session, &filter, search::Page::Newest(None), 20.into(), now).await?;
    for certificate in found.certificates.iter().filter(|certificate| certificate.renewed_by.is_none()) {
        let mut held: Vec<&str> = certificate.sans.iter().collect();
        let mut wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        held.sort_unstable();
        wanted.sort_unstable();
        if held != wanted || !has_such_key(certificate, order) {
            continue;
        }
        let renewal = acme_renewals::find(&mut session, certificate.id).await?;
        let good = renewal.filter(|renewal| renewal.account_id == order.account_id && renewal.renew_at > now);
        if good.is_some() {
            return Ok(good);
        }
    }
    Ok(None)
}

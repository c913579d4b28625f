//! Revoking a certificate at the ACME server that it came from.

use certmill_acme::Revocation;
use certmill_domain::{AccountStatus, Action, Certificate, Timestamp};
use certmill_storage::{acme_orders, acme_renewals, certificates};
use certmill_x509::RevocationReason;

use super::accounts;
use crate::certificates::key_place;
use crate::change::Act;
use crate::{App, Caller, Noun, ServiceError};

/// The reasons that a subscriber may name to a public CA (Baseline Requirements section 7.2.2).
const TAKEN: [RevocationReason; 5] = [
    RevocationReason::Unspecified,
    RevocationReason::KeyCompromise,
    RevocationReason::AffiliationChanged,
    RevocationReason::Superseded,
    RevocationReason::CessationOfOperation,
];

/// Has the CA revoke a certificate (RFC 8555 section 7.6): in the name of its account, or with its own key when the account
/// cannot be used, or when the key is known to others. Our row changes once the CA has said yes.
pub(crate) async fn revoke(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    reason: RevocationReason,
) -> Result<Timestamp, ServiceError> {
    if !TAKEN.contains(&reason) {
        let problem = format!(
            "ACME servers do not take {}: use unspecified, keyCompromise, affiliationChanged, superseded or \
             cessationOfOperation",
            reason.as_str()
        );
        return Err(ServiceError::field("reason", problem));
    }
    at_ca(app, caller, certificate, reason).await?;
    let now = app.now();
    let mut change = app.change(caller).await?;
    if !certificates::revoke(&mut change, certificate.id, reason, now).await? {
        return Err(ServiceError::CallInProgress { seconds: 1 });
    }
    acme_renewals::end(&mut change, certificate.id, now).await?;
    change.commit(Act::new(Action::CertificateRevoke, certificate.id).after(reason.as_str())).await?;
    metrics::counter!("certmill_certificates_revoked_total").increment(1);
    Ok(now)
}

async fn at_ca(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    reason: RevocationReason,
) -> Result<Revocation, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let order = match certificate.acme_order_id {
        Some(id) => acme_orders::find(&mut session, id).await?,
        None => None,
    };
    let sealed_key = certificates::sealed_key(&mut session, certificate.id).await?;
    drop(session);
    let order = order.ok_or_else(|| ServiceError::not_found(Noun::AcmeOrder, certificate.id))?;
    let account = accounts::of_tenant(app, caller.tenant, order.account_id).await?;
    // RFC 5280 section 5.3.1: leaving the reason out is how to say that there is none.
    let code = (reason != RevocationReason::Unspecified).then(|| reason.code());
    let usable = account.status == AccountStatus::Valid;
    let row = certificate.id.to_string();
    let result = match sealed_key {
        Some(sealed) if !usable || reason == RevocationReason::KeyCompromise => {
            let key = app.keyring().open(app, &key_place(caller, &row), &sealed).await?;
            let directory = &account.directory_url;
            app.acme(caller.tenant)
                .await?
                .revoke_by_certificate_key(directory, &key, &certificate.der, code)
                .await
        }
        _ if usable => {
            accounts::client(app, caller.tenant, &account).await?.revoke(&certificate.der, code).await
        }
        _ => {
            let status = account.status.known()?;
            let message = format!(
                "the ACME account {} is {}, and the certificate's key is not kept: its CA has other ways to revoke it",
                account.id, status
            );
            let (state, possible_from) = (status.as_str(), &["valid"]);
            return Err(ServiceError::InvalidState { message, state, possible_from });
        }
    };
    result.map_err(|error| accounts::upstream(&error))
}

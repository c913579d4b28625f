//! Accounts that a CA says it does not know (`accountDoesNotExist`). One answer decides nothing: the CA is asked for the
//! account of the key (RFC 8555 section 7.3.1), whose answer is final by the protocol. An account that was lost, as when
//! the CA of an organisation was set up anew, is registered again with the same key, unless that would need something that
//! we have not got: an external account's key, which is not kept, or agreement to other terms than before.

use certmill_acme::{Acme, AcmeError};
use certmill_domain::{AcmeAccount, Failure, TenantId};
use certmill_storage::acme_accounts;

use super::{key, registration};
use crate::{App, ServiceError};

/// What has become of an account.
pub(in crate::acme) enum Fate {
    /// The CA knows it, as it was.
    Known,
    /// The CA knows its key by another URL, or knows it again: whatever belonged to the former account is lost.
    Another(Box<AcmeAccount>),
    /// The CA does not know it, for this reason.
    Lost(Failure),
    /// The CA did not tell.
    Untold(AcmeError),
}

/// Finds out what has become of an account, and has it made anew where that is safe.
pub(in crate::acme) async fn find_out(
    app: &App,
    tenant: TenantId,
    account: &AcmeAccount,
) -> Result<Fate, ServiceError> {
    let acme = app.acme(tenant).await?;
    let key = key(app, tenant, account.id).await?;
    let url = match acme.find_account(&account.directory_url, &key).await {
        Ok(Some(url)) => url,
        Ok(None) => {
            if let Some(reason) = needs_a_person(&acme, account).await {
                return Ok(reason);
            }
            let registration = registration::told(account, None);
            match acme.register_new(&account.directory_url, &key, &registration).await {
                Ok(registered) => registered.account_url,
                Err(error) if error.is_verdict() => return Ok(Fate::Lost(lost(account, &error.to_string()))),
                Err(error) => return Ok(Fate::Untold(error)),
            }
        }
        Err(error) if error.is_verdict() => return Ok(Fate::Lost(lost(account, &error.to_string()))),
        Err(error) => return Ok(Fate::Untold(error)),
    };
    if account.account_url.as_ref() == Some(&url) {
        return Ok(Fate::Known);
    }
    let mut tx = app.database().begin(tenant).await?;
    acme_accounts::set_url(&mut tx, account.id, &url, app.now()).await?;
    tx.commit().await?;
    tracing::warn!(
        acme.account.id = %account.id,
        acme.account.url = url,
        "the CA had lost an ACME account, and has it again under another URL"
    );
    Ok(Fate::Another(Box::new(AcmeAccount { account_url: Some(url), ..account.clone() })))
}

/// Why the account cannot be registered again without a person.
async fn needs_a_person(acme: &Acme, account: &AcmeAccount) -> Option<Fate> {
    let directory = match acme.directory(&account.directory_url).await {
        Ok(directory) => directory,
        Err(error) => return Some(Fate::Untold(error)),
    };
    let reason = if account.eab_kid.is_some() || directory.external_account_required {
        "it was bound to an external account, whose key is not kept"
    } else if directory.terms_of_service != account.terms_of_service {
        "the CA has other terms of service than those that were agreed to"
    } else {
        return None;
    };
    Some(Fate::Lost(lost(account, reason)))
}

fn lost(account: &AcmeAccount, reason: &str) -> Failure {
    let message = format!(
        "the CA does not know the ACME account {} any more, and it was not registered again: {reason}",
        account.id
    );
    Failure::new("account_refused", message)
}

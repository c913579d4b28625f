//! Renewing a certificate in another way than it was ordered: at another CA, or with another proof.

use certmill_domain::{AcmeAccountId, CertificateId, Renewal, RenewalWish};
use certmill_storage::{Session, Tx, acme_orders, acme_renewals};

use super::super::accounts;
use super::super::orders::{self, NewOrder, refuse_unusable};
use crate::{App, Caller, ServiceError};

/// What is to change about how a certificate is renewed; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct RenewalChange {
    /// Another account, perhaps at another CA.
    pub account_id: Option<String>,
    /// `http-01`, `dns-01` or `tls-alpn-01`.
    pub challenge_type: Option<String>,
    /// The DNS provider for `dns-01`; inner none for the one whose zone fits.
    pub dns_provider_id: Option<Option<String>>,
    /// The CA's profile; inner none for none.
    pub profile: Option<Option<String>>,
}

/// A change that was found possible.
pub(crate) struct Moved {
    account_id: AcmeAccountId,
    wish: RenewalWish,
    text: String,
}

impl Moved {
    /// What stands for it in the audit log.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Writes it; `false` when nothing is renewed any more. What failed before is tried again at once.
    pub(crate) async fn write(
        &self,
        app: &App,
        tx: &mut Tx,
        id: CertificateId,
    ) -> Result<bool, ServiceError> {
        Ok(acme_renewals::set_wish(tx, id, self.account_id, &self.wish, app.now()).await?)
    }
}

/// What stands for how a certificate is renewed in the audit log.
pub(crate) fn told(account: AcmeAccountId, wish: Option<&RenewalWish>) -> String {
    wish.map_or_else(|| format!("account {account}"), |wish| format!("account {account} {wish:?}"))
}

/// Checks a change as if the certificate were ordered so now.
pub(crate) async fn check_move(
    app: &App,
    caller: &Caller,
    id: CertificateId,
    change: &RenewalChange,
) -> Result<Moved, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let Some(renewal) = acme_renewals::find(&mut session, id).await? else {
        let problem = "is only for certificates from an ACME server; renew others with POST …/renew";
        return Err(ServiceError::field("renewal", problem));
    };
    let order = acme_orders::find(&mut session, renewal.order_id).await?;
    let order = order.ok_or_else(|| ServiceError::internal("a renewal has an order"))?;
    drop(session);
    if renewal.is_over {
        return Err(over(id));
    }
    let present = renewal.wish.clone().unwrap_or_else(|| RenewalWish::of(&order));
    let account_id = match &change.account_id {
        Some(text) => accounts::parse_id(text)?,
        None => renewal.account_id,
    };
    let account = accounts::find(app, caller, account_id).await?;
    refuse_unusable(&account)?;
    let moves = accounts::find(app, caller, renewal.account_id).await?.directory_url != account.directory_url;
    let challenge_type = change.challenge_type.clone().unwrap_or_else(|| present.challenge_type.to_string());
    let provider = present.dns_provider_id.map(|id| id.to_string()).filter(|_| challenge_type == "dns-01");
    // A profile is one CA's.
    let profile = present.profile.filter(|_| !moves);
    let preferred_chain = present.preferred_chain.filter(|_| !moves);
    let wanted = NewOrder {
        account_id: account_id.to_string(),
        domains: order.identifiers.texts(),
        challenge_type: Some(challenge_type),
        dns_provider_id: change.dns_provider_id.clone().unwrap_or(provider),
        profile: change.profile.clone().unwrap_or(profile),
        preferred_chain,
        ..NewOrder::default()
    };
    let checked = orders::checked(app, caller, &account, &wanted).await?;
    let wish = RenewalWish::of(&checked);
    let text = told(account_id, Some(&wish));
    Ok(Moved { account_id, wish, text })
}

pub(crate) fn over(id: CertificateId) -> ServiceError {
    let message = format!("{id} is not renewed any more: it was renewed, revoked or given up");
    ServiceError::InvalidState { message, state: "over", possible_from: &["planned"] }
}

/// Refuses to renew a certificate on its own whose key is not kept here and may not be certified again.
pub(crate) async fn refuse_without_key(session: &mut Session, renewal: &Renewal) -> Result<(), ServiceError> {
    let order = acme_orders::find(session, renewal.order_id).await?;
    if order.is_some_and(|order| order.key.is_callers() && !order.reuse_key) {
        let problem = "cannot be true: the key of this certificate is not kept here, and it was ordered without reuse_key. \
                       Renew it with POST …/renew and a csr_pem";
        return Err(ServiceError::field("auto_renew", problem));
    }
    Ok(())
}

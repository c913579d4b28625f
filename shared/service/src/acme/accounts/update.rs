//! Changing what an account is called and whom the CA may write to.

use std::collections::BTreeMap;

use certmill_domain::{AccountStatus, AcmeAccount, AcmeAccountId, Action, FieldErrors};
use certmill_storage::{StorageError, acme_accounts};

use super::{check_email, check_name, client, contact, find, parse_id, upstream};
use crate::change::Act;
use crate::{App, Caller, ServiceError};

/// What is to change about an account; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// What to call it.
    pub name: Option<String>,
    /// Whom the CA may write to; inner none for nobody.
    pub email: Option<Option<String>>,
    /// Accounts that are asked when this one's CA cannot issue in time.
    pub fallback_account_ids: Option<Vec<String>>,
    /// Whether it is asked for accounts that name no others.
    pub default_fallback: Option<bool>,
}

/// The most accounts that stand in for another one.
const MOST_FALLBACKS: usize = 10;

/// Reads a list of accounts of the tenant, without the one that they are to stand in for.
pub(super) async fn fallbacks(
    app: &App,
    caller: &Caller,
    of: Option<AcmeAccountId>,
    texts: &[String],
) -> Result<Vec<AcmeAccountId>, ServiceError> {
    const FIELD: &str = "fallback_account_ids";
    if texts.len() > MOST_FALLBACKS {
        return Err(ServiceError::field(
            FIELD,
            format!("has {} entries; at most {MOST_FALLBACKS}", texts.len()),
        ));
    }
    let mut ids = Vec::new();
    for text in texts {
        let id: AcmeAccountId = parse_id(text)?;
        if Some(id) == of || ids.contains(&id) {
            let problem = format!("names {id} twice, or the account itself");
            return Err(ServiceError::field(FIELD, problem));
        }
        find(app, caller, id).await?;
        ids.push(id);
    }
    Ok(ids)
}

/// Changes name and e-mail address. The CA is told of the address during the call (RFC 8555 section 7.3.2); what it refuses
/// changes nothing.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: AcmeAccountId,
    wanted: AccountChange,
) -> Result<AcmeAccount, ServiceError> {
    let before = find(app, caller, id).await?;
    let status = before.status.known()?;
    let mut errors = BTreeMap::new();
    if let Some(name) = &wanted.name {
        check_name(name, &mut errors);
    }
    check_email(wanted.email.iter().flatten().map(String::as_str).next(), &mut errors);
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    if status == AccountStatus::Deactivated {
        return Err(deactivated(id));
    }
    let standing_in = match &wanted.fallback_account_ids {
        Some(texts) => Some(fallbacks(app, caller, Some(id), texts).await?),
        None => None,
    };
    let name = wanted.name.unwrap_or_else(|| before.name.clone());
    let is_taken = || ServiceError::AlreadyExists { what: "ACME account", name: name.clone() };
    let mut session = app.database().read(caller.tenant).await?;
    // Whatever would be refused here is refused before the CA is told of anything.
    if acme_accounts::is_name_taken(&mut session, &name, id).await? {
        return Err(is_taken());
    }
    drop(session);
    let email = wanted.email.map_or_else(|| before.email.clone(), Option::unwrap_or_default);
    if email != before.email {
        if status != AccountStatus::Valid {
            let message = format!("{id} is {status}: its CA takes no address for it");
            let state = status.as_str();
            return Err(ServiceError::InvalidState { message, state, possible_from: &["valid"] });
        }
        let _place = app.place_to_call_out(caller.tenant).await?;
        let client = client(app, caller.tenant, &before).await?;
        client.set_contact(&contact(&email)).await.map_err(|error| upstream(&error))?;
    }
    let mut change = app.change(caller).await?;
    if name != before.name {
        acme_accounts::free_name(&mut change, &name).await?;
    }
    match acme_accounts::update(&mut change, id, (&name, &email), app.now()).await {
        Err(StorageError::AlreadyExists) => return Err(is_taken()),
        Ok(false) => return Err(deactivated(id)),
        Ok(true) => {}
        Err(error) => return Err(error.into()),
    }
    let is_default = wanted.default_fallback.unwrap_or(before.default_fallback);
    let ids = standing_in.as_ref().unwrap_or(&before.fallback_account_ids);
    acme_accounts::set_fallbacks(&mut change, id, (ids, is_default)).await?;
    let text = |(name, email): (&str, &str), ids: &[AcmeAccountId], is_default: bool| {
        format!("{name}\n{email}\n{ids:?}\n{is_default}")
    };
    let act = Act::new(Action::AcmeAccountUpdate, id)
        .before(text((&before.name, &before.email), &before.fallback_account_ids, before.default_fallback))
        .after(text((&name, &email), ids, is_default));
    change.commit(act).await?;
    find(app, caller, id).await
}

fn deactivated(id: AcmeAccountId) -> ServiceError {
    let message = format!("{id} is deactivated: nothing about it changes any more");
    let possible_from = &["valid", "pending", "invalid"];
    ServiceError::InvalidState { message, state: "deactivated", possible_from }
}

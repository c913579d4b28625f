//! How many shards a CA has: checking the number, and making the lists of those that come.

use std::collections::BTreeMap;

use certmill_domain::{CaId, CaStatus, CrlId, FieldErrors};
use certmill_storage::crls::FirstCrl;

use super::find;
use crate::app::off_thread;
use crate::{App, Caller, ServiceError, crl};

/// Notes what is wrong with the number of shards of a CA that has `present`.
pub(super) fn check_shards(wanted: u32, present: u32, errors: &mut BTreeMap<String, String>) {
    if !(1..=CrlId::MOST_SHARDS).contains(&wanted) {
        let problem = format!("is {wanted}; it must be from 1 to {}", CrlId::MOST_SHARDS);
        errors.insert("crl_shards".to_owned(), problem);
    } else if wanted < present {
        let problem = format!(
            "is {wanted}, but the CA has {present} already: certificates name their lists, so shards can be added only"
        );
        errors.insert("crl_shards".to_owned(), problem);
    }
}

/// More shards for a CA: how many it had when the first lists of the new ones were made.
pub(super) struct Growth {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) first: Vec<FirstCrl>,
}

/// Makes the first lists of the shards that a CA has not yet, before anything is changed: its key may have to be opened, and
/// who holds one connection must not wait for another.
pub(super) async fn grow(app: &App, caller: &Caller, id: CaId, wanted: u32) -> Result<Growth, ServiceError> {
    let ca = find(app, caller.tenant, id).await?.ca;
    let mut errors = BTreeMap::new();
    check_shards(wanted, ca.crl_shards, &mut errors);
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    let growth = |first| Growth { from: ca.crl_shards, to: wanted, first };
    let lists = crl::added(app, id, (ca.crl_shards, wanted));
    match ca.status(app.now()) {
        // They are made when it has its certificate.
        CaStatus::Pending => return Ok(growth(Vec::new())),
        CaStatus::Active => {}
        CaStatus::Revoked | CaStatus::Expired if lists.is_empty() => {}
        CaStatus::Revoked | CaStatus::Expired => {
            return Err(super::wrong_state(&ca, app.now(), "only an active one can have more shards"));
        }
    }
    if lists.is_empty() {
        return Ok(growth(Vec::new()));
    }
    let issuer = app.issuers().find(app, caller.tenant, id).await?;
    let this_update = app.now().whole_seconds();
    let next_update = this_update.plus(ca.crl_validity.unwrap_or(app.settings().crl_lifetime));
    let first = off_thread(move || crl::sign_first(&issuer.of_crls(), lists, (this_update, next_update)));
    Ok(growth(first.await?))
}

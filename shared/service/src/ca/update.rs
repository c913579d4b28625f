//! Changing what may be changed about a CA.

use std::collections::BTreeMap;

use certmill_domain::{Action, Ca, CaId, DeskRenewal, FieldErrors, Timestamp};
use certmill_storage::{certificate_authorities, holds};

use super::{CaWithCrl, find};
use crate::change::Act;
use crate::precondition::tag;
use crate::{App, Caller, Noun, ServiceError};

const FIELD: &str = "renewal_of_desk_certificates";

/// What is to change about a CA; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CaChanges {
    /// `admin` or `desk`.
    pub renewal_of_desk_certificates: Option<String>,
}

/// Changes a CA.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: CaId,
    changes: CaChanges,
) -> Result<CaWithCrl, ServiceError> {
    let mut errors = BTreeMap::new();
    let rule = desk_renewal(changes.renewal_of_desk_certificates.as_deref(), &mut errors);
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    let Some(rule) = rule else {
        let found = find(app, caller.tenant, id).await?;
        caller.check_state(&state(&found.ca))?;
        return Ok(found);
    };
    let mut change = app.change(caller).await?;
    let missing = || ServiceError::not_found(Noun::Ca, id);
    if caller.if_match.is_some() {
        holds::ca(&mut change, id).await?;
    }
    let old = certificate_authorities::find(&mut change, id).await?.ok_or_else(missing)?;
    caller.check_state(&state(&old))?;
    if !certificate_authorities::set_desk_renewal(&mut change, id, rule).await? {
        return Err(missing());
    }
    let told = |word: &str| format!("{FIELD}\n{word}");
    let act = Act::new(Action::CaUpdate, id)
        .before(told(old.renewal_of_desk_certificates.as_str()))
        .after(told(rule.as_str()));
    change.commit(act).await?;
    find(app, caller.tenant, id).await
}

/// The entity tag of a CA's state: of what callers change about it, not of what issuing counts.
pub fn state(ca: &Ca) -> String {
    let at = |at: Timestamp| at.unix_micros().to_string();
    let revoked = ca.revocation.as_ref().map(|it| at(it.revoked_at)).unwrap_or_default();
    tag(&[&ca.id.to_string(), ca.renewal_of_desk_certificates.as_str(), &revoked])
}

/// Reads the word of a request, and notes what is wrong with it.
pub(super) fn desk_renewal(text: Option<&str>, errors: &mut BTreeMap<String, String>) -> Option<DeskRenewal> {
    let text = text?;
    let rule = DeskRenewal::parse(text);
    if rule.is_none() {
        let shown: String = text.chars().take(64).collect();
        errors.insert(FIELD.to_owned(), format!("`{shown}` is unknown; use `admin` or `desk`"));
    }
    rule
}

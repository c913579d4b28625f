//! Changing what may be changed about a CA.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{Action, Ca, CaId, CaStatus, DeskRenewal, FieldErrors, Timestamp, Ttl};
use certmill_storage::{certificate_authorities, crls, holds};

use super::shards::grow;
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
    /// Whether its certificates name the OCSP responder.
    pub ocsp: Option<bool>,
    /// How long its CRLs are good; the inner none is as configured.
    pub crl_validity: Option<Option<Ttl>>,
    /// By how much the next CRL comes before the end of the present one; the inner none is a third of `crl_validity`.
    pub crl_overlap: Option<Option<Ttl>>,
    /// Into how many shards what it issues from now on is divided: as many as now, or more.
    pub crl_shards: Option<u32>,
}

/// The shortest time for which a CRL is good: workers look for what is due about each minute.
const SHORTEST_CRL: Duration = Duration::from_mins(10);
/// The longest.
const LONGEST_CRL: Duration = Duration::from_hours(24 * 366);
/// The least time in which the next CRL gets to relying parties.
const LEAST_OVERLAP: Duration = Duration::from_mins(2);

/// Notes what is wrong with the times of a CA's CRLs.
pub(super) fn check_crl_times(
    validity: Option<Duration>,
    overlap: Option<Duration>,
    configured: Duration,
    errors: &mut BTreeMap<String, String>,
) {
    if validity.is_some_and(|validity| !(SHORTEST_CRL..=LONGEST_CRL).contains(&validity)) {
        errors.insert("crl_validity".to_owned(), "must be from 10m to 366d".to_owned());
    }
    let validity = validity.unwrap_or(configured);
    if overlap.is_some_and(|overlap| overlap < LEAST_OVERLAP || overlap >= validity) {
        let problem =
            format!("must be from 2m to less than the {}s for which a CRL is good", validity.as_secs());
        errors.insert("crl_overlap".to_owned(), problem);
    }
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
    let times = changes.crl_validity.is_some() || changes.crl_overlap.is_some();
    if rule.is_none() && changes.ocsp.is_none() && changes.crl_shards.is_none() && !times {
        let found = find(app, caller.tenant, id).await?;
        caller.check_state(&state(&found.ca))?;
        return Ok(found);
    }
    let growth = match changes.crl_shards {
        Some(wanted) => Some(grow(app, caller, id, wanted).await?),
        None => None,
    };
    let mut change = app.change(caller).await?;
    holds::ca(&mut change, id).await?;
    let old = certificate_authorities::find(&mut change, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    caller.check_state(&state(&old))?;
    let (mut before, mut after) = (String::new(), String::new());
    let mut told = |field: &str, old: &str, new: &str| {
        before.extend([field, "\n", old, "\n"]);
        after.extend([field, "\n", new, "\n"]);
    };
    let mut new = old.clone();
    if let Some(rule) = rule {
        new.renewal_of_desk_certificates = rule.into();
        told(FIELD, old.renewal_of_desk_certificates.as_str(), rule.as_str());
    }
    if let Some(ocsp) = changes.ocsp {
        new.ocsp = ocsp;
        told("ocsp", &old.ocsp.to_string(), &ocsp.to_string());
    }
    if times {
        let (validity, overlap) = crl_times(&changes, &old, app.settings().crl_lifetime)?;
        (new.crl_validity, new.crl_overlap) = (validity, overlap);
        told("crl", &spans(old.crl_validity, old.crl_overlap), &spans(validity, overlap));
    }
    if let Some(growth) = growth {
        if growth.from != old.crl_shards
            || (!growth.first.is_empty() && old.status(app.now()) != CaStatus::Active)
        {
            return Err(ServiceError::CallInProgress { seconds: 1 });
        }
        new.crl_shards = growth.to;
        crls::insert(&mut change, &growth.first).await?;
        told("crl_shards", &growth.from.to_string(), &growth.to.to_string());
    }
    if !certificate_authorities::update(&mut change, &new).await? {
        return Err(ServiceError::not_found(Noun::Ca, id));
    }
    change.commit(Act::new(Action::CaUpdate, id).before(before).after(after)).await?;
    app.issuers().forget(caller.tenant, id);
    find(app, caller.tenant, id).await
}

/// The times of a CA's CRLs after the changes.
fn crl_times(
    changes: &CaChanges,
    old: &Ca,
    configured: Duration,
) -> Result<(Option<Duration>, Option<Duration>), ServiceError> {
    let span = |change: &Option<Option<Ttl>>, old: Option<Duration>| match change {
        Some(wanted) => wanted.as_ref().map(Ttl::duration),
        None => old,
    };
    let validity = span(&changes.crl_validity, old.crl_validity);
    let overlap = span(&changes.crl_overlap, old.crl_overlap);
    let mut errors = BTreeMap::new();
    check_crl_times(validity, overlap, configured, &mut errors);
    if errors.is_empty() {
        Ok((validity, overlap))
    } else {
        Err(ServiceError::Validation(FieldErrors(errors)))
    }
}

/// Times as seconds, for digests.
fn spans(validity: Option<Duration>, overlap: Option<Duration>) -> String {
    format!("{:?} {:?}", validity.map(|it| it.as_secs()), overlap.map(|it| it.as_secs()))
}

/// The entity tag of a CA's state: of what callers change about it, not of what issuing counts.
pub fn state(ca: &Ca) -> String {
    let at = |at: Timestamp| at.unix_micros().to_string();
    let revoked = ca.revocation.as_ref().map(|it| at(it.revoked_at)).unwrap_or_default();
    tag(&[
        &ca.id.to_string(),
        ca.renewal_of_desk_certificates.as_str(),
        &ca.ocsp.to_string(),
        &spans(ca.crl_validity, ca.crl_overlap),
        &ca.crl_shards.to_string(),
        &(ca.status(Timestamp::from_unix_seconds(0)) == CaStatus::Pending).to_string(),
        &revoked,
    ])
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

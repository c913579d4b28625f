//! Changing what may be changed about a CA.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{
    Action, Ca, CaId, CaStatus, CrlId, DeskRenewal, FieldErrors, OcspSigner, Timestamp, Ttl,
};
use certmill_storage::{Tx, certificate_authorities, crls, holds, issuer_versions, ocsp_signers, roles};

use super::shards::grow;
use super::{CaWithCrl, find};
use crate::change::Act;
use crate::precondition::tag;
use crate::{App, Caller, Noun, ServiceError, crl, notices, ocsp, publish};

/// Roles that are named when they need what is to be taken away.
const MOST_NAMED: i64 = 20;
const FIELD: &str = "renewal_of_desk_certificates";

/// What is to change about a CA; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct CaChanges {
    /// `admin` or `desk`.
    pub renewal_of_desk_certificates: Option<String>,
    /// Whether its certificates name the OCSP responder.
    pub ocsp: Option<bool>,
    /// `ca` or `delegated`.
    pub ocsp_signer: Option<String>,
    /// How long its CRLs are good; the inner none is as configured.
    pub crl_validity: Option<Option<Ttl>>,
    /// By how much the next CRL comes before the end of the present one; the inner none is a third of `crl_validity`.
    pub crl_overlap: Option<Option<Ttl>>,
    /// Into how many shards what it issues from now on is divided: as many as now, or more.
    pub crl_shards: Option<u32>,
    /// How long its delta CRLs are good; the inner none takes them away.
    pub delta_crl_validity: Option<Option<Ttl>>,
    /// The mail addresses of those who are told what happens to it.
    pub owners: Option<Vec<String>>,
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

/// Notes what is wrong with the time of a CA's delta CRLs, whose full ones are good for `validity`.
pub(super) fn check_delta_time(
    delta: Option<Duration>,
    validity: Duration,
    errors: &mut BTreeMap<String, String>,
) {
    if delta.is_some_and(|delta| delta < SHORTEST_CRL || delta >= validity) {
        let seconds = validity.as_secs();
        let problem = format!("must be from 10m to less than the {seconds}s for which a CRL is good");
        errors.insert("delta_crl_validity".to_owned(), problem);
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
    let signer = ocsp_signer(changes.ocsp_signer.as_deref(), &mut errors);
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    let owners = changes.owners.as_deref().map(|texts| notices::read(app, texts)).transpose()?;
    let times = changes.crl_validity.is_some()
        || changes.crl_overlap.is_some()
        || changes.delta_crl_validity.is_some();
    let switches = changes.ocsp.is_some() || signer.is_some();
    let is_else = switches || changes.crl_shards.is_some() || owners.is_some();
    if rule.is_none() && !is_else && !times {
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
        if old.ocsp && !ocsp {
            refuse_without_responder(&mut change, &old).await?;
        }
        new.ocsp = ocsp;
        told("ocsp", &old.ocsp.to_string(), &ocsp.to_string());
    }
    if let Some(signer) = signer {
        new.ocsp_signer = signer.into();
        told("ocsp_signer", old.ocsp_signer.as_str(), signer.as_str());
        switch_signer(app, caller, &mut change, (&old, &new)).await?;
    }
    if let Some(owners) = owners {
        told("owners", &old.owners.texts().join(" "), &owners.texts().join(" "));
        new.owners = owners;
    }
    if times {
        set_times(&changes, &mut new, app.settings().crl_lifetime)?;
        told("crl", &spans(&old), &spans(&new));
        rebuild_for_deltas(app, caller, &mut change, (&old, &new)).await?;
    }
    if let Some(growth) = growth {
        if growth.from != old.crl_shards
            || (!growth.first.is_empty() && old.status(app.now()) != CaStatus::Active)
        {
            return Err(ServiceError::CallInProgress { seconds: 1 });
        }
        new.crl_shards = growth.to;
        crls::insert(&mut change, &growth.first).await?;
        publish::enqueue_first(app, caller, &mut change, &growth.first).await?;
        told("crl_shards", &growth.from.to_string(), &growth.to.to_string());
        if new.delta_crl_validity.is_some() {
            let lists: Vec<CrlId> = growth.first.iter().map(|first| first.list).collect();
            crl::enqueue(app, &mut change, &lists, Some(&caller.request_id), Duration::ZERO).await?;
        }
    }
    if !certificate_authorities::update(&mut change, &new).await? {
        return Err(ServiceError::not_found(Noun::Ca, id));
    }
    // Only these change what is issued.
    if (old.ocsp, old.crl_shards) != (new.ocsp, new.crl_shards) {
        issuer_versions::count(&mut change).await?;
    }
    change.commit(Act::new(Action::CaUpdate, id).before(before).after(after)).await?;
    app.issuers().forget_all(caller.tenant);
    app.wake_workers();
    find(app, caller.tenant, id).await
}

/// Roles whose certificates demand stapling could issue nothing any more.
async fn refuse_without_responder(tx: &mut Tx, ca: &Ca) -> Result<(), ServiceError> {
    let names = roles::demanding_staples(tx, ca.id, MOST_NAMED).await?;
    if names.is_empty() {
        return Ok(());
    }
    let by = names.join(", ");
    let message = format!(
        "certificates of these roles demand that servers staple OCSP answers of the CA `{}`: {by}. Switch their `must_staple` off first",
        ca.name
    );
    Err(ServiceError::InUse { message, by })
}

/// Has a delegated responder made, or takes the key of the one that there is away.
async fn switch_signer(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    (old, new): (&Ca, &Ca),
) -> Result<(), ServiceError> {
    if old.ocsp_signer == new.ocsp_signer {
        return Ok(());
    }
    ocsp_signers::retire(tx, new.id).await?;
    ocsp::begin_signer(app, caller, tx, new).await
}

/// Changes the times of a CA's CRLs.
fn set_times(changes: &CaChanges, ca: &mut Ca, configured: Duration) -> Result<(), ServiceError> {
    let span = |change: &Option<Option<Ttl>>, old: Option<Duration>| match change {
        Some(wanted) => wanted.as_ref().map(Ttl::duration),
        None => old,
    };
    ca.crl_validity = span(&changes.crl_validity, ca.crl_validity);
    ca.crl_overlap = span(&changes.crl_overlap, ca.crl_overlap);
    ca.delta_crl_validity = span(&changes.delta_crl_validity, ca.delta_crl_validity);
    let mut errors = BTreeMap::new();
    check_crl_times(ca.crl_validity, ca.crl_overlap, configured, &mut errors);
    check_delta_time(ca.delta_crl_validity, ca.crl_validity.unwrap_or(configured), &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(ServiceError::Validation(FieldErrors(errors))) }
}

/// Lists say whether there are deltas to them, so they are built anew when that changes; the first deltas come after them.
async fn rebuild_for_deltas(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    (old, new): (&Ca, &Ca),
) -> Result<(), ServiceError> {
    if old.delta_crl_validity == new.delta_crl_validity || old.certificate_der.is_empty() {
        return Ok(());
    }
    if new.delta_crl_validity.is_some() {
        crls::deltas::keep_on(tx, new.id).await?;
    } else {
        // Lists that are good still name them, so they go on until these have ended.
        let validity = |ca: &Ca| ca.crl_validity.unwrap_or(app.settings().crl_lifetime);
        let until = app.now().plus(validity(old).max(validity(new)));
        crls::deltas::keep(tx, new.id, until).await?;
    }
    crl::enqueue(app, tx, &crl::all(old), Some(&caller.request_id), Duration::ZERO).await?;
    Ok(())
}

/// Times as seconds, for digests.
fn spans(ca: &Ca) -> String {
    let seconds = |span: Option<Duration>| span.map(|span| span.as_secs());
    let (validity, overlap) = (seconds(ca.crl_validity), seconds(ca.crl_overlap));
    match seconds(ca.delta_crl_validity) {
        None => format!("{validity:?} {overlap:?}"),
        Some(delta) => format!("{validity:?} {overlap:?} {delta}"),
    }
}

/// The entity tag of a CA's state: of what callers change about it, not of what issuing counts.
pub fn state(ca: &Ca) -> String {
    let at = |at: Timestamp| at.unix_micros().to_string();
    let revoked = ca.revocation.as_ref().map(|it| at(it.revoked_at)).unwrap_or_default();
    tag(&[
        &ca.id.to_string(),
        ca.renewal_of_desk_certificates.as_str(),
        &ca.ocsp.to_string(),
        ca.ocsp_signer.as_str(),
        &spans(ca),
        &ca.crl_shards.to_string(),
        &ca.owners.texts().join(" "),
        &ca.serial_number.to_string(),
        &(ca.status(Timestamp::from_unix_seconds(0)) == CaStatus::Pending).to_string(),
        &revoked,
    ])
}

/// Reads the word of a request, and notes what is wrong with it.
pub(super) fn ocsp_signer(text: Option<&str>, errors: &mut BTreeMap<String, String>) -> Option<OcspSigner> {
    let text = text?;
    let signer = OcspSigner::parse(text);
    if signer.is_none() {
        let shown: String = text.chars().take(64).collect();
        errors.insert("ocsp_signer".to_owned(), format!("`{shown}` is unknown; use `ca` or `delegated`"));
    }
    signer
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

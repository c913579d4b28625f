//! Another certificate for a CA that has one, for the same name and key: what it has signed stays as good as it is.

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Action, Ca, CaId, CaStatus, CrlId, Timestamp};
use certmill_storage::{ca_certificates, certificate_authorities, issuer_versions};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, FIRST_INSTANT, KeyUsage, LAST_INSTANT, ParsedCertificate,
    SerialNumber, Signer, SubjectAltNames, same_name,
};

use super::elsewhere::invalid;
use super::import::refuse_key;
use super::plan::MAX_VALIDITY_DAYS;
use super::{CaWithCrl, create, update};
use crate::change::{Act, Change};
use crate::issuer::Issuer;
use crate::{App, Caller, Noun, ServiceError, publish};

const DAY: u64 = 24 * 3_600;
/// Certificates that a CA had before its present one: so many that are good yet, and so many of those that have ended.
const MOST_FORMER: i64 = 50;
const POSSIBLE_FROM: &[&str] = &["active", "expired"];

/// How a CA gets another certificate.
#[derive(Debug, Clone, Default)]
pub struct Reissue {
    /// Days of validity; when absent those of the present certificate, or as many as are left to what is above.
    pub validity_days: Option<i64>,
}

/// Makes another certificate for a CA whose issuer is here, itself or its parent. The former one stays good, and is kept.
pub async fn reissue(
    app: &App,
    caller: &Caller,
    id: CaId,
    request: Reissue,
) -> Result<CaWithCrl, ServiceError> {
    let old = super::find(app, caller.tenant, id).await?.ca;
    caller.check_state(&update::state(&old))?;
    refuse_state(app, &old)?;
    if old.foreign.as_ref().is_some_and(|foreign| foreign.above_der.is_some()) {
        let message = format!(
            "the certificate of the certificate authority `{}` ({id}) was signed elsewhere: have it signed there again, for the \
             same key, and send it to POST /v1/pki/ca/{id}/certificate",
            old.name
        );
        return Err(ServiceError::InvalidState {
            message,
            state: "signed_elsewhere",
            possible_from: &["signed_here"],
        });
    }
    let now = app.now().whole_seconds();
    let present = ParsedCertificate::from_der(&old.certificate_der)?;
    if present.name_constraints().is_some_and(|constraints| constraints.other_kinds) {
        return Err(invalid("it has constraints on names of kinds that this service does not write"));
    }
    refuse_extensions(&present, id)?;
    refuse_key(app, caller, present.public_key()?).await?;
    let parent = match old.parent_id {
        Some(parent) => Some(app.issuers().present(app, caller.tenant, parent).await?),
        None => None,
    };
    let span = span(app, caller, &old).await?;
    let not_after = end((&old, span), parent.as_deref(), &request, now)?;
    if let Some(parent) = old.parent_id {
        create::usable_parent(app, caller, parent, not_after, now).await?;
    }
    // It begins when the present one does: what it is in the chain of must not wait for slow clocks.
    let first = Timestamp::from_unix_seconds(FIRST_INSTANT).max(old.not_before);
    let not_before =
        first.max(parent.as_ref().map_or(first, |parent| parent.window(now).not_before)).min(now);
    let own = app.issuers().find(app, caller.tenant, id).await?;
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let signing = Signing { present, own, parent, serial_number, window: (not_before, not_after) };
    let certificate_der = app.in_turn(caller.tenant, move || sign(&signing)).await?;
    let new = Ca { serial_number, not_before, not_after, certificate_der, ..old.clone() };
    let change = create::hold_parent(app, caller, old.parent_id).await?;
    replace(app, caller, change, (&old, &new), Action::CaReissue).await
}

/// Stores another certificate of a CA, and keeps the one that it had.
pub(super) async fn replace(
    app: &App,
    caller: &Caller,
    mut change: Change<'_>,
    (old, new): (&Ca, &Ca),
    action: Action,
) -> Result<CaWithCrl, ServiceError> {
    let now = app.now();
    if ca_certificates::count(&mut change, old.id, now).await? >= MOST_FORMER {
        let message = format!(
            "a CA has {MOST_FORMER} former certificates that have not ended at most: wait, or make another CA with a key of its own"
        );
        return Err(ServiceError::InvalidState { message, state: "full", possible_from: POSSIBLE_FROM });
    }
    if !ca_certificates::replace(&mut change, old, new, now).await? {
        let found = certificate_authorities::find(&mut change, old.id).await?;
        drop(change);
        let found = found.ok_or_else(|| ServiceError::not_found(Noun::Ca, old.id))?;
        refuse_state(app, &found)?;
        return Err(ServiceError::InvalidState {
            message: format!(
                "`{}` got another certificate at the same time: read it and try again",
                old.name
            ),
            state: "changed",
            possible_from: &["unchanged"],
        });
    }
    ca_certificates::forget_ended(&mut change, old.id, now, MOST_FORMER).await?;
    publish::enqueue(app, &mut change, CrlId::full(old.id), Some(&caller.request_id)).await?;
    // Its certificate is in the chains of all below it.
    issuer_versions::count(&mut change).await?;
    let act = Act::new(action, old.id).before(&old.certificate_der).after(&new.certificate_der);
    change.commit(act).await?;
    app.issuers().forget_all(caller.tenant);
    app.wake_workers();
    super::find(app, caller.tenant, old.id).await
}

/// Whether a CA has a certificate that another one can replace.
pub(super) fn refuse_state(app: &App, ca: &Ca) -> Result<(), ServiceError> {
    match ca.status(app.now()) {
        CaStatus::Active | CaStatus::Expired => Ok(()),
        state @ (CaStatus::Pending | CaStatus::Revoked) => {
            let state = state.as_str();
            let message = format!(
                "the certificate authority `{}` ({}) is {state}: it gets no other certificate",
                ca.name, ca.id
            );
            Err(ServiceError::InvalidState { message, state, possible_from: POSSIBLE_FROM })
        }
    }
}

/// A certificate from elsewhere takes the place of the present one only if it is about the same CA: name, key, and the key id by
/// which what is below names its issuer.
pub(super) fn same_identity(old: &Ca, new: &ParsedCertificate) -> Result<(), ServiceError> {
    let present = ParsedCertificate::from_der(&old.certificate_der)?;
    if !same_name(present.subject_der(), new.subject_der()) {
        return Err(invalid("its subject is another one than that of the present certificate"));
    }
    if present.subject_key_id() != new.subject_key_id() {
        let message = "its subjectKeyIdentifier is another one than that of the present certificate, by which what the CA has \
                       issued names it";
        return Err(invalid(message));
    }
    if present.der() == new.der() {
        return Err(invalid("it is the one that the CA has already"));
    }
    Ok(())
}

/// Nothing that the present certificate says may get lost: whoever has the former one reads it there.
fn refuse_extensions(present: &ParsedCertificate, id: CaId) -> Result<(), ServiceError> {
    let others = present.other_extensions();
    if others.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "it has extensions that this service does not write for CAs: {}. Make the certificate with another program, for the same \
         key, and send it to POST /v1/pki/ca/{id}/certificate",
        others.join(", ")
    )))
}

/// Relying parties stop at the end of the present certificate, and not before: lists and OCSP answers must go on until then.
pub(super) fn refuse_earlier_end(old: &Ca, not_after: Timestamp) -> Result<(), String> {
    if not_after >= old.not_after {
        return Ok(());
    }
    Err(format!(
        "would end at {not_after}, before the present one, which ends at {}: what the CA has issued is good by that one until then",
        old.not_after
    ))
}

/// For how long the present certificate was made. One that was reissued begins with the first one, and came when it took the place
/// of another one, which is noted some seconds after its end was reckoned.
async fn span(app: &App, caller: &Caller, old: &Ca) -> Result<Duration, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let former = ca_certificates::list(&mut session, old.id).await?;
    let Some(last) = former.first() else {
        return Ok(old.not_after.since(old.not_before));
    };
    let seconds = old.not_after.since(last.replaced_at.max(old.not_before)).as_secs();
    Ok(Duration::from_secs(seconds.div_ceil(60) * 60))
}

/// When the new certificate ends.
fn end(
    (old, span): (&Ca, Duration),
    parent: Option<&Issuer>,
    request: &Reissue,
    now: Timestamp,
) -> Result<Timestamp, ServiceError> {
    let field = |problem: String| ServiceError::field("validity_days", problem);
    let end = match (request.validity_days, parent) {
        (Some(days), _) => {
            if !(1..=MAX_VALIDITY_DAYS).contains(&days) {
                return Err(field(format!("is {days}; it must be from 1 to {MAX_VALIDITY_DAYS} days")));
            }
            now.plus(Duration::from_secs(days.unsigned_abs() * DAY))
        }
        (None, parent) => {
            let same = now.plus(span).max(old.not_after).min(Timestamp::from_unix_seconds(LAST_INSTANT));
            let end = parent.map_or(same, |parent| same.min(parent.window(now).not_after));
            if end <= now {
                return Err(field("nothing can be signed: what is above the CA has ended".to_owned()));
            }
            end
        }
    };
    refuse_earlier_end(old, end).map_err(|problem| field(format!("the certificate {problem}")))?;
    Ok(end)
}

struct Signing {
    present: ParsedCertificate,
    own: Arc<Issuer>,
    parent: Option<Arc<Issuer>>,
    serial_number: SerialNumber,
    window: (Timestamp, Timestamp),
}

fn sign(signing: &Signing) -> Result<Vec<u8>, ServiceError> {
    let Signing { present, own, parent, serial_number, window } = signing;
    let parent = parent.as_deref();
    let needed = KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN;
    let template = CertificateTemplate {
        same_as: Some(present),
        serial_number,
        issuer_der: parent.map_or(present.subject_der(), |parent| &parent.subject_der),
        not_before: window.0.unix_seconds(),
        not_after: window.1.unix_seconds(),
        subject: present.subject(),
        spki_der: present.spki_der(),
        basic_constraints: BasicConstraints::Ca { path_length: present.path_length() },
        key_usage: present.key_usage().unwrap_or(needed) | needed,
        extended_key_usage: present.extended_key_usage(),
        policies: &[],
        must_staple: false,
        ocsp_nocheck: false,
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: present.name_constraints(),
        authority_key_id: Some(parent.map_or(own.key_id.as_slice(), |parent| &parent.key_id)),
        ca_issuers_url: parent.map(|parent| parent.ca_issuers_url.as_str()),
        ocsp_url: parent.and_then(|parent| parent.ocsp_url.as_deref()),
        crl_url: parent.and_then(Issuer::full_crl_url),
    };
    let signer: &dyn Signer = parent.map_or(own.signer(), Issuer::signer);
    Ok(template.sign(signer)?)
}

//! Making a CA: key, certificate and first CRL, stored together.

use std::sync::Arc;

use certmill_domain::{Action, Ca, CaId, CaStatus, Timestamp};
use certmill_keys::PrivateKey;
use certmill_storage::crls::{self, FirstCrl};
use certmill_storage::{StorageError, Tx, certificate_authorities};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, KeyUsage, SerialNumber, Signer, SubjectAltNames, subject_key_id,
};

use super::plan::{NewCa, Plan, plan};
use super::{CaWithCrl, external};
use crate::app::off_thread;
use crate::change::{Act, Change};
use crate::issuer::{Issuer, ca_key_place};
use crate::{App, Caller, ServiceError, crl, notices, ocsp, publish};

const DAY: i64 = 24 * 3_600;
/// CAs from a root down: with a certificate below them they are the longest path that is validated here.
pub(super) const MOST_LEVELS: usize = 15;
/// Octets of a CA's certificate, as of every other one that is taken from somebody.
pub(super) const LARGEST: usize = 64 << 10;

/// Makes a root or intermediate CA.
pub async fn create(app: &App, caller: &Caller, new: NewCa) -> Result<CaWithCrl, ServiceError> {
    let plan = plan(new, app.settings().crl_lifetime)?;
    notices::check(app, &plan.settings.owners)?;
    if plan.external {
        return external::begin(app, caller, plan).await;
    }
    let created_at = app.now();
    let now = created_at.whole_seconds();
    let not_after = Timestamp::from_unix_seconds(now.unix_seconds() + plan.validity_days * DAY);
    let parent = match plan.parent_id {
        Some(id) => Some(usable_parent(app, caller, id, not_after, now).await?),
        None => None,
    };
    let path_length = path_length(&plan, parent.as_deref())?;
    let key = app.new_key(caller.tenant, plan.key_algorithm).await?.signing_by_pss(plan.settings.use_pss);
    let pkcs8 = key.to_pkcs8_der()?;
    // From the exact time: lists are in the order of ids.
    let id = CaId::generate(created_at, app.entropy());
    let sealed = app.keyring().seal(app, &ca_key_place(caller.tenant, &id.to_string()), &pkcs8).await?;
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let window = (now, not_after);
    let crl_lifetime = plan.settings.crl_validity.unwrap_or(app.settings().crl_lifetime);
    let signing = Signing { plan, parent: parent.clone(), path_length, serial_number, window };
    let crl_times = (now, now.plus(crl_lifetime));
    let lists = crl::lists(app, id, signing.plan.settings.crl_shards);
    let work = move || sign(signing, &key, (lists, crl_times));
    let (signing, certificate_der, first) = off_thread(work).await?;
    if certificate_der.len() > LARGEST {
        let octets = certificate_der.len();
        let problem = format!("the certificate would have {octets} octets; at most {LARGEST}: name less");
        return Err(ServiceError::field("permitted_dns_domains", problem));
    }
    let ca = Ca {
        id,
        name: signing.plan.name,
        common_name: signing.plan.subject.common_name.unwrap_or_default(),
        kind: signing.plan.kind.into(),
        parent_id: signing.plan.parent_id,
        key_type: signing.plan.key_algorithm.key_type().to_owned(),
        key_size: signing.plan.key_algorithm.key_size(),
        serial_number: signing.serial_number,
        not_before: now,
        not_after,
        path_length,
        certificate_der,
        foreign: None,
        certificates_issued: 0,
        revocation: None,
        created_at: now,
        renewal_of_desk_certificates: signing.plan.settings.desk_renewal.into(),
        ocsp: signing.plan.settings.ocsp,
        ocsp_signer: signing.plan.settings.ocsp_signer.into(),
        crl_validity: signing.plan.settings.crl_validity,
        crl_overlap: signing.plan.settings.crl_overlap,
        crl_shards: signing.plan.settings.crl_shards,
        delta_crl_validity: signing.plan.settings.delta_crl_validity,
        use_pss: signing.plan.settings.use_pss,
        owners: signing.plan.settings.owners.clone(),
    };
    store(app, caller, &ca, sealed, &first).await?;
    Ok(CaWithCrl { ca, crl: first.first().map(|full| full.crl.info) })
}

async fn store(
    app: &App,
    caller: &Caller,
    ca: &Ca,
    sealed_key: Vec<u8>,
    first: &[FirstCrl],
) -> Result<(), ServiceError> {
    let mut tx = hold_parent(app, caller, ca.parent_id).await?;
    insert(&mut tx, ca, sealed_key).await?;
    crls::insert(&mut tx, first).await?;
    publish::enqueue_first(app, caller, &mut tx, first).await?;
    crl::begin_deltas(app, caller, &mut tx, ca).await?;
    ocsp::begin_signer(app, caller, &mut tx, ca).await?;
    tx.commit(Act::new(Action::CaCreate, ca.id).after(&ca.certificate_der)).await
}

/// Begins a change that holds the row of the CA above against a revocation that runs at the same time. Where that one does not
/// issue, the change ends before its state is read: whoever holds one connection must not wait for another.
pub(super) async fn hold_parent<'a>(
    app: &'a App,
    caller: &'a Caller,
    parent: Option<CaId>,
) -> Result<Change<'a>, ServiceError> {
    let change = app.change(caller).await?;
    hold_parent_in(change, app, caller, parent).await
}

/// The same in a change that has begun.
pub(super) async fn hold_parent_in<'a>(
    mut change: Change<'a>,
    app: &App,
    caller: &Caller,
    parent: Option<CaId>,
) -> Result<Change<'a>, ServiceError> {
    let Some(parent) = parent else {
        return Ok(change);
    };
    // Counts nothing.
    if certificate_authorities::count_issued(&mut change, parent, 0, app.now()).await? {
        return Ok(change);
    }
    drop(change);
    Err(super::not_issuing(app, caller, parent).await)
}

/// Stores a CA with its sealed key.
pub(super) async fn insert(tx: &mut Tx, ca: &Ca, sealed_key: Vec<u8>) -> Result<(), ServiceError> {
    match certificate_authorities::insert(tx, ca, sealed_key).await {
        Err(StorageError::AlreadyExists) => {
            Err(ServiceError::AlreadyExists { what: "certificate authority", name: ca.name.clone() })
        }
        other => Ok(other?),
    }
}

struct Signing {
    plan: Plan,
    parent: Option<Arc<Issuer>>,
    path_length: Option<u8>,
    serial_number: SerialNumber,
    window: (Timestamp, Timestamp),
}

fn sign(
    signing: Signing,
    key: &PrivateKey,
    (lists, crl_times): (Vec<crl::Named>, (Timestamp, Timestamp)),
) -> Result<(Signing, Vec<u8>, Vec<FirstCrl>), ServiceError> {
    let subject_der = signing.plan.subject.to_der();
    let own_key_id = subject_key_id(key.spki_der())?;
    let parent = signing.parent.as_deref();
    let template = CertificateTemplate {
        same_as: None,
        serial_number: &signing.serial_number,
        issuer_der: parent.map_or(&subject_der, |parent| &parent.subject_der),
        not_before: signing.window.0.unix_seconds(),
        not_after: signing.window.1.unix_seconds(),
        subject: &signing.plan.subject,
        spki_der: key.spki_der(),
        basic_constraints: BasicConstraints::Ca { path_length: signing.path_length },
        key_usage: KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        extended_key_usage: &[],
        policies: &[],
        must_staple: false,
        ocsp_nocheck: false,
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: signing.plan.name_constraints.as_ref(),
        authority_key_id: Some(parent.map_or(own_key_id.as_slice(), |parent| &parent.key_id)),
        ca_issuers_url: parent.map(|parent| parent.ca_issuers_url.as_str()),
        ocsp_url: parent.and_then(|parent| parent.ocsp_url.as_deref()),
        crl_url: parent.and_then(Issuer::full_crl_url),
    };
    let signer: &dyn Signer = parent.map_or(key, |parent| parent.signer());
    let der = template.sign(signer)?;
    let own = crl::CrlIssuer { subject_der: &subject_der, key_id: &own_key_id, key };
    let first = crl::sign_first(&own, lists, crl_times)?;
    Ok((signing, der, first))
}

pub(super) async fn usable_parent(
    app: &App,
    caller: &Caller,
    id: CaId,
    not_after: Timestamp,
    now: Timestamp,
) -> Result<Arc<Issuer>, ServiceError> {
    let found = super::find(app, caller.tenant, id).await?;
    if found.ca.status(now) != CaStatus::Active {
        return Err(super::not_issuing(app, caller, id).await);
    }
    let parent = app.issuers().present(app, caller.tenant, id).await?;
    let end = parent.window(now).not_after;
    if not_after > end {
        let of = if end < found.ca.not_after { "a certificate above it" } else { "its parent" };
        let problem = format!(
            "the CA would end at {not_after}, after {of}, which ends at {end}: choose at most {} days",
            end.since(now).as_secs() / DAY.unsigned_abs()
        );
        return Err(ServiceError::field("validity_days", problem));
    }
    if parent.chain_der.len() >= MOST_LEVELS {
        let problem = format!(
            "is the {}th CA from its root: at most {MOST_LEVELS} CAs stand one below the other",
            parent.chain_der.len()
        );
        return Err(ServiceError::field("parent_ca_id", problem));
    }
    Ok(parent)
}

fn path_length(plan: &Plan, parent: Option<&Issuer>) -> Result<Option<u8>, ServiceError> {
    let permitted = match parent.map(|parent| parent.ca.path_length) {
        Some(Some(0)) => {
            return Err(ServiceError::field(
                "parent_ca_id",
                "this parent has a path length of 0 and may issue end-entity certificates only",
            ));
        }
        Some(Some(length)) => Some(length - 1),
        Some(None) | None => None,
    };
    match (plan.path_length, permitted) {
        (Some(wanted), Some(permitted)) if wanted > permitted => Err(ServiceError::field(
            "max_path_length",
            format!("is {wanted}; the parent permits at most {permitted}"),
        )),
        (wanted, permitted) => Ok(wanted.or(permitted)),
    }
}

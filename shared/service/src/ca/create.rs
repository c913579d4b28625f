//! Making a CA: key, certificate and first CRL, stored together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Action, Ca, CaId, CaKind, CaStatus, Crl, DeskRenewal, FieldErrors, Timestamp, Ttl};
use certmill_keys::PrivateKey;
use certmill_storage::{StorageError, certificate_authorities, crls};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, KeyAlgorithm, KeyUsage, NameConstraints,
    SerialNumber, Signer, SubjectAltNames, subject_key_id,
};

use super::CaWithCrl;
use super::update::{check_crl_times, desk_renewal};
use crate::app::off_thread;
use crate::change::Act;
use crate::issuer::{Issuer, ca_key_place};
use crate::key_choice::key_algorithm;
use crate::{App, Caller, Noun, ServiceError, crl};

const DAY: i64 = 24 * 3_600;
/// Values of one attribute of a subject.
const MOST_VALUES: usize = 32;
/// Domains of each list of name constraints: every name that is issued is compared with those of every CA above it.
const MOST_CONSTRAINTS: usize = 100;
/// CAs from a root down: with a certificate below them they are the longest path that is validated here.
const MOST_LEVELS: usize = 15;
const MAX_VALIDITY_DAYS: i64 = 36_500;
/// Octets of a CA's certificate, as of every other one that is taken from somebody.
const LARGEST: usize = 64 << 10;

/// What a new CA is to be, as the request says it.
#[derive(Debug, Clone, Default)]
pub struct NewCa {
    /// Name, unique in the tenant.
    pub name: String,
    /// Subject; its common name is required.
    pub subject: DistinguishedName,
    /// `root` or `intermediate`.
    pub ca_type: String,
    /// The parent of an intermediate.
    pub parent_ca_id: Option<String>,
    /// `rsa` (default), `ec` or `ed25519`.
    pub key_type: Option<String>,
    /// Bits; 2048 for RSA and 256 for EC when absent.
    pub key_size: Option<u32>,
    /// Days of validity; 3650 for a root and 1825 for an intermediate when absent.
    pub validity_days: Option<i64>,
    /// How many CAs may follow below; one less than the parent permits when absent.
    pub max_path_length: Option<i64>,
    /// Names below these domains only.
    pub permitted_dns_domains: Vec<String>,
    /// No names below these domains.
    pub excluded_dns_domains: Vec<String>,
    /// `admin` (default) or `desk`.
    pub renewal_of_desk_certificates: Option<String>,
    /// Whether its certificates name the OCSP responder.
    pub ocsp: bool,
    /// How long its CRLs are good; as configured when absent.
    pub crl_validity: Option<Ttl>,
    /// By how much the next CRL comes before the end of the present one; a third of `crl_validity` when absent.
    pub crl_overlap: Option<Ttl>,
}

/// The request after every check that needs no rows.
struct Plan {
    name: String,
    subject: DistinguishedName,
    kind: CaKind,
    parent_id: Option<CaId>,
    key_algorithm: KeyAlgorithm,
    validity_days: i64,
    path_length: Option<u8>,
    name_constraints: Option<NameConstraints>,
    desk_renewal: DeskRenewal,
    ocsp: bool,
    crl_validity: Option<Duration>,
    crl_overlap: Option<Duration>,
}

/// Makes a root or intermediate CA.
pub async fn create(app: &App, caller: &Caller, new: NewCa) -> Result<CaWithCrl, ServiceError> {
    let plan = plan(new, app.settings().crl_lifetime)?;
    let created_at = app.now();
    let now = created_at.whole_seconds();
    let not_after = Timestamp::from_unix_seconds(now.unix_seconds() + plan.validity_days * DAY);
    let parent = match plan.parent_id {
        Some(id) => Some(usable_parent(app, caller, id, not_after, now).await?),
        None => None,
    };
    let path_length = path_length(&plan, parent.as_deref())?;
    let key = app.new_key(caller.tenant, plan.key_algorithm).await?;
    let pkcs8 = key.to_pkcs8_der()?;
    // From the exact time: lists are in the order of ids.
    let id = CaId::generate(created_at, app.entropy());
    let sealed = app.keyring().seal(app, &ca_key_place(caller.tenant, &id.to_string()), &pkcs8).await?;
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let window = (now, not_after);
    let crl_lifetime = plan.crl_validity.unwrap_or(app.settings().crl_lifetime);
    let signing = Signing { plan, parent: parent.clone(), path_length, serial_number, window };
    let crl_times = (now, now.plus(crl_lifetime));
    let (signing, certificate_der, first_crl) = off_thread(move || sign(signing, &key, crl_times)).await?;
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
        certificates_issued: 0,
        revocation: None,
        created_at: now,
        renewal_of_desk_certificates: signing.plan.desk_renewal.into(),
        ocsp: signing.plan.ocsp,
        crl_validity: signing.plan.crl_validity,
        crl_overlap: signing.plan.crl_overlap,
    };
    store(app, caller, &ca, sealed, &first_crl).await?;
    Ok(CaWithCrl { ca, crl: Some(first_crl.info) })
}

async fn store(
    app: &App,
    caller: &Caller,
    ca: &Ca,
    sealed_key: Vec<u8>,
    first_crl: &Crl,
) -> Result<(), ServiceError> {
    let mut tx = app.change(caller).await?;
    if let Some(parent) = ca.parent_id {
        // Counts nothing, but locks the parent's row against a revocation that runs at the same time.
        if !certificate_authorities::count_issued(&mut tx, parent, 0, app.now()).await? {
            drop(tx);
            return Err(super::not_issuing(app, caller, parent).await);
        }
    }
    match certificate_authorities::insert(&mut tx, ca, sealed_key).await {
        Err(StorageError::AlreadyExists) => {
            return Err(ServiceError::AlreadyExists { what: "certificate authority", name: ca.name.clone() });
        }
        other => other?,
    }
    crls::insert(&mut tx, ca.id, first_crl).await?;
    tx.commit(Act::new(Action::CaCreate, ca.id).after(&ca.certificate_der)).await
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
    crl_times: (Timestamp, Timestamp),
) -> Result<(Signing, Vec<u8>, Crl), ServiceError> {
    let subject_der = signing.plan.subject.to_der();
    let own_key_id = subject_key_id(key.spki_der())?;
    let parent = signing.parent.as_deref();
    let template = CertificateTemplate {
        serial_number: &signing.serial_number,
        issuer_der: parent.map_or(&subject_der, |parent| &parent.subject_der),
        not_before: signing.window.0.unix_seconds(),
        not_after: signing.window.1.unix_seconds(),
        subject: &signing.plan.subject,
        spki_der: key.spki_der(),
        basic_constraints: BasicConstraints::Ca { path_length: signing.path_length },
        key_usage: KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        extended_key_usage: &[],
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: signing.plan.name_constraints.as_ref(),
        authority_key_id: Some(parent.map_or(own_key_id.as_slice(), |parent| &parent.key_id)),
        ca_issuers_url: parent.map(|parent| parent.ca_issuers_url.as_str()),
        ocsp_url: parent.and_then(|parent| parent.ocsp_url.as_deref()),
        crl_url: parent.map(|parent| parent.crl_url.as_str()),
    };
    let signer: &dyn Signer = parent.map_or(key, |parent| parent.signer());
    let der = template.sign(signer)?;
    let own = crl::CrlIssuer { subject_der: &subject_der, key_id: &own_key_id, signer: key };
    let first_crl = crl::sign_empty(&own, crl_times)?;
    Ok((signing, der, first_crl))
}

async fn usable_parent(
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
    if not_after > found.ca.not_after {
        let problem = format!(
            "the CA would end at {not_after}, after its parent, which ends at {}: choose at most {} days",
            found.ca.not_after,
            found.ca.not_after.since(now).as_secs() / DAY.unsigned_abs()
        );
        return Err(ServiceError::field("validity_days", problem));
    }
    let parent = app.issuers().find(app, caller.tenant, id).await?;
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

fn plan(new: NewCa, crl_lifetime: Duration) -> Result<Plan, ServiceError> {
    let mut errors = BTreeMap::new();
    check_name(&new.name, &mut errors);
    check_subject(&new.subject, &mut errors);
    let kind = match new.ca_type.as_str() {
        "root" => CaKind::Root,
        "intermediate" => CaKind::Intermediate,
        other => {
            errors
                .insert("ca_type".to_owned(), format!("`{other}` is unknown; use `root` or `intermediate`"));
            CaKind::Root
        }
    };
    let key_algorithm = key_algorithm(new.key_type.as_deref(), new.key_size, &mut errors);
    let validity_days = new.validity_days.unwrap_or(match kind {
        CaKind::Root => 3_650,
        CaKind::Intermediate => 1_825,
    });
    if !(1..=MAX_VALIDITY_DAYS).contains(&validity_days) {
        let problem = format!("is {validity_days}; it must be from 1 to {MAX_VALIDITY_DAYS} days");
        errors.insert("validity_days".to_owned(), problem);
    }
    let path_length = new.max_path_length.map(|length| {
        u8::try_from(length).unwrap_or_else(|_| {
            errors.insert("max_path_length".to_owned(), format!("is {length}; it must be from 0 to 255"));
            0
        })
    });
    match (kind, &new.parent_ca_id) {
        (CaKind::Root, Some(_)) => {
            errors.insert("parent_ca_id".to_owned(), "a root CA has no parent: leave it out".to_owned());
        }
        (CaKind::Intermediate, None) => {
            errors.insert("parent_ca_id".to_owned(), "is required for an intermediate CA".to_owned());
        }
        (CaKind::Root, None) | (CaKind::Intermediate, Some(_)) => {}
    }
    let name_constraints = name_constraints(&new, &mut errors);
    let rule = desk_renewal(new.renewal_of_desk_certificates.as_deref(), &mut errors);
    let desk_renewal = rule.unwrap_or(DeskRenewal::Admin);
    let span = |ttl: &Option<Ttl>| ttl.as_ref().map(Ttl::duration);
    let (crl_validity, crl_overlap) = (span(&new.crl_validity), span(&new.crl_overlap));
    check_crl_times(crl_validity, crl_overlap, crl_lifetime, &mut errors);
    if !errors.is_empty() {
        return Err(ServiceError::Validation(FieldErrors(errors)));
    }
    let parent_id = new
        .parent_ca_id
        .map(|id| id.parse::<CaId>().map_err(|_| ServiceError::not_found(Noun::Ca, id)))
        .transpose()?;
    Ok(Plan {
        name: new.name,
        subject: new.subject,
        kind,
        parent_id,
        key_algorithm,
        validity_days,
        path_length,
        name_constraints,
        desk_renewal,
        ocsp: new.ocsp,
        crl_validity,
        crl_overlap,
    })
}

fn check_name(name: &str, errors: &mut BTreeMap<String, String>) {
    let length = name.chars().count();
    if name.trim().is_empty() || length > 128 || name.chars().any(char::is_control) {
        let problem = "must have 1 to 128 characters, none of them a control character";
        errors.insert("name".to_owned(), problem.to_owned());
    }
}

fn check_subject(subject: &DistinguishedName, errors: &mut BTreeMap<String, String>) {
    if subject.common_name.as_deref().is_none_or(|name| name.trim().is_empty()) {
        errors
            .insert("common_name".to_owned(), "is required: the common name of the CA's subject".to_owned());
        return;
    }
    let none = DistinguishedName::default;
    let subject = subject.clone();
    for (field, part) in [
        ("common_name", DistinguishedName { common_name: subject.common_name, ..none() }),
        ("organization", DistinguishedName { organization: subject.organization, ..none() }),
        (
            "organizational_unit",
            DistinguishedName { organizational_unit: subject.organizational_unit, ..none() },
        ),
        ("country", DistinguishedName { country: subject.country, ..none() }),
        ("locality", DistinguishedName { locality: subject.locality, ..none() }),
        ("province", DistinguishedName { province: subject.province, ..none() }),
    ] {
        if part.value_count() > MOST_VALUES {
            errors.insert(
                field.to_owned(),
                format!("has {} values, of which {MOST_VALUES} are the most", part.value_count()),
            );
        } else if let Err(error) = part.validate() {
            errors.insert(field.to_owned(), error.to_string());
        }
    }
}

fn name_constraints(new: &NewCa, errors: &mut BTreeMap<String, String>) -> Option<NameConstraints> {
    let mut domains = |field: &str, list: &[String]| -> Vec<String> {
        if list.len() > MOST_CONSTRAINTS {
            let problem = format!("has {} entries, of which {MOST_CONSTRAINTS} are the most", list.len());
            errors.insert(field.to_owned(), problem);
            return Vec::new();
        }
        let mut legal = Vec::with_capacity(list.len());
        for domain in list {
            // RFC 5280 §4.2.1.10 gives a leading dot no meaning for host names, and peers read it as names below only.
            if domain.starts_with('.') {
                let problem = format!(
                    "`{domain}`: write the domain without the dot; names below it and itself are meant"
                );
                errors.insert(field.to_owned(), problem);
                continue;
            }
            match domain.parse::<certmill_x509::DnsName>() {
                Ok(name) if !name.is_wildcard() => legal.push(name.as_str().to_owned()),
                Ok(_) => {
                    let problem = format!("`{domain}`: write the domain itself, without `*.`");
                    errors.insert(field.to_owned(), problem);
                }
                Err(error) => {
                    errors.insert(field.to_owned(), error.to_string());
                }
            }
        }
        legal
    };
    let constraints = NameConstraints {
        permitted_dns: domains("permitted_dns_domains", &new.permitted_dns_domains),
        excluded_dns: domains("excluded_dns_domains", &new.excluded_dns_domains),
    };
    (!constraints.permitted_dns.is_empty() || !constraints.excluded_dns.is_empty()).then_some(constraints)
}

//! What a new CA is to be: the request, and what is wrong with it.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_domain::{CaId, CaKind, DeskRenewal, FieldErrors, OcspSigner, Owners, Ttl};
use certmill_x509::{DistinguishedName, KeyAlgorithm, NameConstraints};

use super::shards::check_shards;
use super::update::{check_crl_times, check_delta_time, desk_renewal, ocsp_signer};
use crate::key_choice::key_algorithm;
use crate::{Noun, ServiceError};

/// Values of one attribute of a subject.
const MOST_VALUES: usize = 32;
/// Domains of each list of name constraints: every name that is issued is compared with those of every CA above it.
const MOST_CONSTRAINTS: usize = 100;
pub(super) const MAX_VALIDITY_DAYS: i64 = 36_500;

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
    /// Whether a CA elsewhere signs it: it waits for its certificate.
    pub external: bool,
    /// What can be changed later.
    pub settings: NewCaSettings,
}

/// What can be changed about a CA later, as a request says it.
#[derive(Debug, Clone, Default)]
pub struct NewCaSettings {
    /// `admin` (default) or `desk`.
    pub renewal_of_desk_certificates: Option<String>,
    /// Whether its certificates name the OCSP responder.
    pub ocsp: bool,
    /// `ca` (default) or `delegated`.
    pub ocsp_signer: Option<String>,
    /// How long its CRLs are good; as configured when absent.
    pub crl_validity: Option<Ttl>,
    /// By how much the next CRL comes before the end of the present one; a third of `crl_validity` when absent.
    pub crl_overlap: Option<Ttl>,
    /// Into how many shards what it issues is divided, each with a CRL of its own; 1 when absent.
    pub crl_shards: Option<u32>,
    /// How long its delta CRLs are good; it has none when absent.
    pub delta_crl_validity: Option<Ttl>,
    /// Whether it signs by RSASSA-PSS. Unlike the others it stays as it is.
    pub use_pss: bool,
    /// The mail addresses of those who are told what happens to it.
    pub owners: Vec<String>,
}

/// The request after every check that needs no rows.
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) subject: DistinguishedName,
    pub(super) kind: CaKind,
    pub(super) parent_id: Option<CaId>,
    pub(super) key_algorithm: KeyAlgorithm,
    pub(super) validity_days: i64,
    pub(super) path_length: Option<u8>,
    pub(super) name_constraints: Option<NameConstraints>,
    pub(super) external: bool,
    pub(super) settings: CaSettings,
}

/// What can be changed about a CA later.
pub(super) struct CaSettings {
    pub(super) desk_renewal: DeskRenewal,
    pub(super) ocsp: bool,
    pub(super) ocsp_signer: OcspSigner,
    pub(super) crl_validity: Option<Duration>,
    pub(super) crl_overlap: Option<Duration>,
    pub(super) crl_shards: u32,
    pub(super) delta_crl_validity: Option<Duration>,
    pub(super) use_pss: bool,
    pub(super) owners: Owners,
}

impl CaSettings {
    /// Reads it, and notes what is wrong with it.
    pub(super) fn read(
        new: &NewCaSettings,
        crl_lifetime: Duration,
        errors: &mut BTreeMap<String, String>,
    ) -> Self {
        let rule = desk_renewal(new.renewal_of_desk_certificates.as_deref(), errors);
        let signer = ocsp_signer(new.ocsp_signer.as_deref(), errors);
        let span = |ttl: &Option<Ttl>| ttl.as_ref().map(Ttl::duration);
        let (crl_validity, crl_overlap) = (span(&new.crl_validity), span(&new.crl_overlap));
        let delta_crl_validity = span(&new.delta_crl_validity);
        check_crl_times(crl_validity, crl_overlap, crl_lifetime, errors);
        check_delta_time(delta_crl_validity, crl_validity.unwrap_or(crl_lifetime), errors);
        let crl_shards = new.crl_shards.unwrap_or(1);
        check_shards(crl_shards, 1, errors);
        let owners = Owners::parse(&new.owners).unwrap_or_else(|error| {
            errors.insert("owners".to_owned(), error.to_string());
            Owners::default()
        });
        Self {
            desk_renewal: rule.unwrap_or(DeskRenewal::Admin),
            ocsp: new.ocsp,
            ocsp_signer: signer.unwrap_or(OcspSigner::Ca),
            crl_validity,
            crl_overlap,
            crl_shards,
            delta_crl_validity,
            use_pss: new.use_pss,
            owners,
        }
    }
}

pub(super) fn plan(new: NewCa, crl_lifetime: Duration) -> Result<Plan, ServiceError> {
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
        (kind, parent) if new.external => {
            check_external(kind, parent.is_some(), new.validity_days.is_some(), &mut errors);
        }
        (CaKind::Root, Some(_)) => {
            errors.insert("parent_ca_id".to_owned(), "a root CA has no parent: leave it out".to_owned());
        }
        (CaKind::Intermediate, None) => {
            errors.insert("parent_ca_id".to_owned(), "is required for an intermediate CA".to_owned());
        }
        (CaKind::Root, None) | (CaKind::Intermediate, Some(_)) => {}
    }
    let name_constraints = name_constraints(&new, &mut errors);
    let settings = CaSettings::read(&new.settings, crl_lifetime, &mut errors);
    if let Err(problem) = check_pss(settings.use_pss, key_algorithm) {
        errors.insert("use_pss".to_owned(), problem);
    }
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
        external: new.external,
        settings,
    })
}

/// What a CA that is signed elsewhere cannot be told here.
fn check_external(kind: CaKind, has_parent: bool, has_days: bool, errors: &mut BTreeMap<String, String>) {
    if kind == CaKind::Root {
        let problem = "a CA that is signed elsewhere is an `intermediate`";
        errors.insert("ca_type".to_owned(), problem.to_owned());
    }
    if has_parent {
        let problem = "is a CA here, but `external` says that one elsewhere signs: give one of the two";
        errors.insert("parent_ca_id".to_owned(), problem.to_owned());
    }
    if has_days {
        let problem = "is up to the CA that signs it: leave it out with `external`";
        errors.insert("validity_days".to_owned(), problem.to_owned());
    }
}

/// Only RSA has another way to sign.
pub(super) fn check_pss(use_pss: bool, key: KeyAlgorithm) -> Result<(), String> {
    if use_pss && key.signature_algorithm().by_pss().is_none() {
        let kind = key.key_type();
        return Err(format!(
            "is for RSA keys, and this one is `{kind}`: leave it out, or take key_type `rsa`"
        ));
    }
    Ok(())
}

/// Notes what is wrong with the name of a CA.
pub(super) fn check_name(name: &str, errors: &mut BTreeMap<String, String>) {
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
        other_kinds: false,
    };
    (!constraints.is_empty()).then_some(constraints)
}

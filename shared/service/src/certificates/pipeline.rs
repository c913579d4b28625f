//! The one way to a certificate: approved → key → signed → committed. What approves differs: a role, or a person at
//! the CSR desk.

use std::sync::Arc;

use certmill_domain::{
    Action, Approved, ApprovedKey, CaId, CaStatus, Certificate, CertificateId, CertificateSource, DeskKey,
    DeskRequest, IssuerWindow, NameRequest, Role, Sans, Timestamp, Violation, approve_on_desk, check,
};
use certmill_keys::{PrivateKey, SealPlace};
use certmill_storage::certificates::NewCertificate;
use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, KeyAlgorithm, PublicKey, SerialNumber, pem,
    sha256_hex,
};
use zeroize::Zeroizing;

use super::committer::{CommitError, Issuance, Reservation};
use super::judging::judging;
use super::{issuer_rules, unstored};
use crate::app::off_thread;
use crate::change::Act;
use crate::issuer::Issuer;
use crate::roles::CachedRole;
use crate::{App, Caller, ServiceError};

/// How often an issuance is begun anew because its role or its CA changed under it.
const ATTEMPTS: usize = 4;

/// A certificate that was just issued.
pub struct Issued {
    /// Its id.
    pub certificate_id: CertificateId,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// Its private key in PEM (PKCS#8) and its type, when the service made it.
    pub private_key: Option<(Zeroizing<String>, &'static str)>,
    /// The CA's certificate and those above it, in PEM.
    pub ca_chain: Vec<String>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// What was asked for and left out.
    pub warnings: Vec<String>,
}

/// A certificate that is wanted.
pub(crate) struct Wanted<'a> {
    /// Who approves it.
    pub(crate) approval: Approval<'a>,
    /// The public key, when it is not to be made.
    pub(crate) public_key: Option<&'a PublicKey>,
    /// The private key (PKCS#8) of `public_key`, when the service has it and keeps it.
    pub(crate) kept_key: Option<Zeroizing<Vec<u8>>>,
    /// What only one issuance may have.
    pub(crate) reservation: Option<Reservation>,
    /// What the audit log calls it.
    pub(crate) action: Action,
    /// What the certificate's row calls it.
    pub(crate) source: CertificateSource,
}

/// Who approves a certificate.
pub(crate) enum Approval<'a> {
    /// The role of this name, as long as it is what the caller rests on.
    Role { name: &'a str, request: NameRequest<'a>, bound: Bound },
    /// A person, with this CA to sign it.
    Desk { ca_id: CaId, request: DeskRequest, key: DeskKey<'a> },
}

/// What a role must still be when it approves: it may change while a call is under way.
#[derive(Default)]
pub(crate) struct Bound {
    /// It issues from this CA.
    pub(crate) ca_id: Option<CaId>,
    /// It gives these attributes to subjects, beside the common name.
    pub(crate) subject: Option<DistinguishedName>,
}

impl Bound {
    fn check(&self, caller: &Caller, role: &CachedRole) -> Result<(), ServiceError> {
        super::itself::check_role(caller, &role.role, role.name.as_str())?;
        if let Some(ca_id) = self.ca_id.filter(|ca_id| *ca_id != role.ca_id) {
            let problem = format!("the role `{}` issues from {}, not from {ca_id}", role.name, role.ca_id);
            return Err(ServiceError::field("role", problem));
        }
        match &self.subject {
            Some(subject) => super::renew::same_subject(subject, role),
            None => Ok(()),
        }
    }
}

/// What was approved, by whom.
struct Basis {
    approved: Approved,
    role: Option<Arc<CachedRole>>,
    issuer: Arc<Issuer>,
}

/// Makes, stores and answers the wanted certificate.
pub(crate) async fn run(app: &App, caller: &Caller, wanted: &Wanted<'_>) -> Result<Issued, ServiceError> {
    let role = match wanted.approval {
        Approval::Role { name, .. } => Some(name),
        Approval::Desk { .. } => None,
    };
    caller.check_role(role)?;
    for attempt in 0..ATTEMPTS {
        let basis = approve(app, caller, &wanted.approval).await?;
        unstored::check(basis.role.as_deref(), wanted.reservation.is_some())?;
        // After the cheaper rules, and once: neither the key nor what is wrong with it changes.
        if let Some(key) = wanted.public_key.filter(|_| attempt == 0) {
            crate::blocked_keys::refuse(app, caller, key).await?;
        }
        let key = match basis.approved.key() {
            ApprovedKey::Generate(algorithm) => Some(app.new_key(caller.tenant, algorithm).await?),
            ApprovedKey::FromCsr => None,
        };
        let made = make(app, basis, key, wanted.public_key).await?;
        match store(app, caller, wanted, &made).await {
            Ok(certificate_id) => {
                let source = wanted.source.as_str();
                metrics::counter!("certmill_certificates_issued_total", "source" => source).increment(1);
                return Ok(answer(certificate_id, made));
            }
            Err(CommitError::RoleChanged) => {
                if let Some(role) = role {
                    app.roles().forget(caller.tenant, role);
                }
            }
            Err(CommitError::IssuerChanged) => app.issuers().forget_all(caller.tenant),
            Err(CommitError::CaNotIssuing) => {
                return Err(crate::ca::not_issuing(app, caller, made.basis.issuer.ca.id).await);
            }
            Err(CommitError::ReservationLost) => {
                return Err(match wanted.reservation {
                    Some(Reservation::RenewalOf(id)) => super::renew::not_renewable(app, caller, id).await,
                    Some(Reservation::Csr(id, _)) => crate::csr::not_signable(app, caller, id).await,
                    None => ServiceError::internal("an issuance without a reservation cannot lose it"),
                });
            }
            Err(CommitError::Failed(error)) => return Err(error),
        }
    }
    let message = format!("the role or the CA changed {ATTEMPTS} times during one issuance");
    Err(ServiceError::Unavailable(message.into()))
}

async fn approve(app: &App, caller: &Caller, approval: &Approval<'_>) -> Result<Basis, ServiceError> {
    match approval {
        Approval::Role { name, request, bound } => approve_by_role(app, caller, (name, bound), request).await,
        Approval::Desk { ca_id, request, key } => {
            let issuer = app.issuers().present(app, caller.tenant, *ca_id).await?;
            let verdict = approve_on_desk(request, *key, &issuer.window(app.now()))
                .and_then(|approved| issuer_rules::within_name_constraints(approved, &issuer));
            match verdict {
                Ok(approved) => Ok(Basis { approved, role: None, issuer }),
                Err(violation) => Err(refusal(app, caller, &issuer, violation).await),
            }
        }
    }
}

/// Checks the request against the role; a refusal counts only when it comes from the present state of the role and its CA.
async fn approve_by_role(
    app: &App,
    caller: &Caller,
    (name, bound): (&str, &Bound),
    request: &NameRequest<'_>,
) -> Result<Basis, ServiceError> {
    if let Some(role) = app.roles().known(caller.tenant, name)
        && bound.check(caller, &role).is_ok()
    {
        let issuer = app.issuers().find(app, caller.tenant, role.ca_id).await?;
        if let Ok(approved) = judging(app, caller, (&role, &issuer), request, judge).await? {
            return Ok(Basis { approved, role: Some(role), issuer });
        }
    }
    let role = app.roles().read(app, caller.tenant, name).await?;
    bound.check(caller, &role)?;
    let issuer = app.issuers().present(app, caller.tenant, role.ca_id).await?;
    match judging(app, caller, (&role, &issuer), request, judge).await? {
        Ok(approved) => Ok(Basis { approved, role: Some(role), issuer }),
        Err(violation) => Err(refusal(app, caller, &issuer, violation).await),
    }
}

fn judge(
    role: &Role,
    request: &NameRequest<'_>,
    issuer: &Issuer,
    window: &IssuerWindow,
) -> Result<Approved, Violation> {
    let approved = check(role, request, window)?;
    match issuer_rules::staple_violation(&approved, issuer) {
        None => issuer_rules::within_name_constraints(approved, issuer),
        Some(violation) => Err(violation),
    }
}

/// A CA that has ended or was revoked is the better reason than whatever rule it made fail.
async fn refusal(app: &App, caller: &Caller, issuer: &Issuer, violation: Violation) -> ServiceError {
    match crate::ca::find(app, caller.tenant, issuer.ca.id).await {
        Ok(found) if found.ca.status(app.now()) == CaStatus::Active => violation.into(),
        Ok(_) => crate::ca::not_issuing(app, caller, issuer.ca.id).await,
        Err(error) => error,
    }
}

/// A signed certificate that is not stored yet.
struct Made {
    basis: Basis,
    serial_number: SerialNumber,
    crl_shard: u32,
    der: Vec<u8>,
    spki_sha256: String,
    key_type: &'static str,
    key_size: u32,
    key: Option<PrivateKey>,
    key_pem: Option<Zeroizing<String>>,
}

async fn make(
    app: &App,
    basis: Basis,
    key: Option<PrivateKey>,
    public_key: Option<&PublicKey>,
) -> Result<Made, ServiceError> {
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let (spki, key_type, key_size) = match (&key, public_key) {
        (Some(key), _) => {
            let algorithm: KeyAlgorithm = key.algorithm();
            (key.spki_der().to_vec(), algorithm.key_type(), algorithm.key_size())
        }
        (None, Some(public)) => (public.spki_der().to_vec(), public.algorithm_name(), public.bits()),
        (None, None) => return Err(ServiceError::internal("a certificate needs a key")),
    };
    let spki_sha256 = sha256_hex(&spki);
    let signs_quickly = basis.issuer.signs_quickly();
    let now = app.now();
    let work = move || -> Result<Made, ServiceError> {
        let (crl_shard, crl_url) = basis.issuer.shard(&serial_number)?;
        let der = sign_leaf(&basis.approved, (&serial_number, crl_url), &spki, &basis.issuer)?;
        basis.issuer.check_signed(&der, now)?;
        // Everything that can fail is done before the certificate is stored.
        let key_pem = key.as_ref().map(PrivateKey::to_pkcs8_pem).transpose()?;
        Ok(Made { basis, serial_number, crl_shard, der, spki_sha256, key_type, key_size, key, key_pem })
    };
    // An elliptic-curve signature takes less time than the way to another thread and back.
    if signs_quickly { work() } else { off_thread(work).await }
}

fn sign_leaf(
    approved: &Approved,
    (serial_number, crl_url): (&SerialNumber, &str),
    spki_der: &[u8],
    issuer: &Issuer,
) -> Result<Vec<u8>, ServiceError> {
    let template = CertificateTemplate {
        same_as: None,
        serial_number,
        issuer_der: &issuer.subject_der,
        not_before: approved.not_before().unix_seconds(),
        not_after: approved.not_after().unix_seconds(),
        subject: approved.subject(),
        spki_der,
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: approved.key_usage(),
        extended_key_usage: approved.extended_key_usage(),
        policies: approved.policies(),
        must_staple: approved.must_staple(),
        ocsp_nocheck: false,
        subject_alt_names: approved.sans(),
        name_constraints: None,
        authority_key_id: Some(&issuer.key_id),
        ca_issuers_url: Some(&issuer.ca_issuers_url),
        ocsp_url: issuer.ocsp_url.as_deref(),
        crl_url: Some(crl_url),
    };
    Ok(template.sign(issuer.signer())?)
}

async fn store(
    app: &App,
    caller: &Caller,
    wanted: &Wanted<'_>,
    made: &Made,
) -> Result<CertificateId, CommitError> {
    let now = app.now();
    let id = CertificateId::generate(now, app.entropy());
    let sealed_key = sealed_key(app, caller, wanted, made, id).await?;
    let Made { basis: Basis { approved, role, issuer }, .. } = made;
    let fingerprint_sha256 = sha256_hex(&made.der);
    let certificate = Certificate {
        id,
        serial_number: made.serial_number,
        common_name: approved.subject().common_name.clone(),
        subject: approved.subject().to_string(),
        sans: Sans::from(approved.sans()),
        ca_id: Some(issuer.ca.id),
        crl_shard: made.crl_shard,
        role: role.as_ref().map(|role| role.name.as_str().to_owned()),
        source: wanted.source.into(),
        key_type: made.key_type.to_owned(),
        key_size: i64::from(made.key_size),
        fingerprint_sha256,
        spki_sha256: made.spki_sha256.clone(),
        not_before: approved.not_before(),
        not_after: approved.not_after(),
        revoked_at: None,
        revocation_reason: None,
        has_private_key: sealed_key.is_some(),
        renewed_from: wanted.reservation.and_then(Reservation::renewal_of),
        renewed_by: None,
        acme_order_id: None,
        tags: std::collections::BTreeMap::new(),
        description: String::new(),
        created_at: now,
        der: made.der.clone(),
    };
    let issuance = Issuance {
        tenant: caller.tenant,
        role: role.as_ref().map(|role| (role.id, role.version)),
        ca_id: issuer.ca.id,
        issuer_version: issuer.version,
        reservation: wanted.reservation,
        hold: caller.hold.clone(),
        now,
        new: NewCertificate { certificate, sealed_key },
        is_stored: unstored::is_stored(role.as_deref()),
        audit: act(wanted, id).after(&made.der).entry(app, caller),
    };
    app.committer().commit(issuance).await?;
    Ok(id)
}

/// What the audit log tells: a signed CSR and a renewed certificate are what the call was about.
fn act(wanted: &Wanted<'_>, id: CertificateId) -> Act {
    match wanted.reservation {
        Some(Reservation::Csr(csr, _)) => Act::new(wanted.action, csr),
        Some(Reservation::RenewalOf(old)) => Act::new(wanted.action, old),
        None => Act::new(wanted.action, id),
    }
}

/// The private key sealed for the certificate's row, when it is to be kept.
async fn sealed_key(
    app: &App,
    caller: &Caller,
    wanted: &Wanted<'_>,
    made: &Made,
    id: CertificateId,
) -> Result<Option<Vec<u8>>, ServiceError> {
    let row = id.to_string();
    let place = key_place(caller, &row);
    match (&made.key, &wanted.kept_key) {
        (Some(key), _) if made.basis.approved.store_private_key() => {
            Ok(Some(app.keyring().seal(app, &place, &key.to_pkcs8_der()?).await?))
        }
        (None, Some(pkcs8)) => Ok(Some(app.keyring().seal(app, &place, pkcs8).await?)),
        (Some(_) | None, _) => Ok(None),
    }
}

/// Where a certificate's private key is sealed.
pub(crate) fn key_place<'a>(caller: &Caller, certificate_id: &'a str) -> SealPlace<'a> {
    SealPlace { tenant: caller.tenant, table: "certificates", row: certificate_id, column: "sealed_key" }
}

fn answer(certificate_id: CertificateId, made: Made) -> Issued {
    Issued {
        certificate_id,
        certificate_pem: pem::encode("CERTIFICATE", &made.der),
        private_key: made.key_pem.map(|pem| (pem, made.key_type)),
        ca_chain: made.basis.issuer.chain_pem.clone(),
        not_before: made.basis.approved.not_before(),
        not_after: made.basis.approved.not_after(),
        serial_number: made.serial_number,
        warnings: Vec::new(),
    }
}

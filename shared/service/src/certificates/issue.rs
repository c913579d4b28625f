//! Issuing: request → checked against the role → signed → committed → answered.

use std::sync::Arc;

use certmill_domain::{
    Approved, ApprovedKey, CaStatus, Certificate, CertificateId, CertificateSource, NameRequest,
    RequestedKey, RoleKeyType, Sans, TenantId, Timestamp, Ttl, Violation, check,
};
use certmill_keys::{PrivateKey, SealPlace};
use certmill_storage::certificates::NewCertificate;
use certmill_x509::{
    BasicConstraints, CertificateSigningRequest, CertificateTemplate, PublicKey, SerialNumber, X509Error,
    pem, sha256_hex,
};
use zeroize::Zeroizing;

use super::committer::{CommitError, Issuance};
use crate::app::off_thread;
use crate::issuer::Issuer;
use crate::roles::CachedRole;
use crate::{App, Caller, ServiceError};

/// How often an issuance is begun anew because its role changed under it.
const ATTEMPTS: usize = 4;

/// A certificate with a key that the service makes.
#[derive(Debug, Clone, Default)]
pub struct IssueRequest {
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// More names: host names, e-mail addresses and IP addresses.
    pub alt_names: Vec<String>,
    /// IP addresses.
    pub ip_sans: Vec<String>,
    /// URIs.
    pub uri_sans: Vec<String>,
    /// Validity; the role's when absent.
    pub ttl: Option<Ttl>,
    /// `rsa`, `ec` or `ed25519`, for a role that leaves it open.
    pub key_type: Option<RoleKeyType>,
    /// Bits of the key, for a role that leaves them open.
    pub key_bits: Option<u32>,
}

/// A certificate for a key that the caller has.
#[derive(Debug, Clone, Default)]
pub struct SignRequest {
    /// The request, in PEM.
    pub csr_pem: String,
    /// Common name instead of the CSR's.
    pub common_name: Option<String>,
    /// Names instead of the CSR's.
    pub sans: Option<Sans>,
    /// Validity; the role's when absent.
    pub ttl: Option<Ttl>,
}

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
}

/// Issues a certificate with a new key under a role.
pub async fn issue(
    app: &App,
    caller: &Caller,
    role: &str,
    request: IssueRequest,
) -> Result<Issued, ServiceError> {
    let names = NameRequest {
        common_name: request.common_name,
        alt_names: request.alt_names,
        ip_sans: request.ip_sans,
        uri_sans: request.uri_sans,
        email_sans: Vec::new(),
        ttl: request.ttl,
        key: RequestedKey::Generate { key_type: request.key_type, key_bits: request.key_bits },
    };
    run(app, caller, role, &names, None).await
}

/// Signs a CSR under a role. Of the CSR count its key, its common name and its names; its other wishes do not.
pub async fn sign(
    app: &App,
    caller: &Caller,
    role: &str,
    request: SignRequest,
) -> Result<Issued, ServiceError> {
    let csr_pem = request.csr_pem;
    let csr =
        off_thread(move || Ok(CertificateSigningRequest::from_pem(&csr_pem)?)).await.map_err(csr_error)?;
    if csr.asks_for_ca() {
        return Err(ServiceError::CsrInvalid(
            "the CSR asks for a CA certificate (basicConstraints CA:TRUE): a role issues end-entity certificates only; \
             make an intermediate with POST /v1/pki/ca"
                .to_owned(),
        ));
    }
    let sans = request.sans.unwrap_or_else(|| Sans::from(csr.subject_alt_names()));
    let names = NameRequest {
        common_name: request.common_name.or_else(|| csr.subject().common_name.clone()),
        alt_names: sans.dns,
        ip_sans: sans.ip,
        uri_sans: sans.uri,
        email_sans: sans.email,
        ttl: request.ttl,
        key: RequestedKey::Csr(csr.public_key()),
    };
    run(app, caller, role, &names, Some(csr.public_key())).await
}

fn csr_error(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Internal(source) => match source.downcast::<X509Error>() {
            Ok(error) => ServiceError::CsrInvalid(error.to_string()),
            Err(source) => ServiceError::Internal(source),
        },
        other => other,
    }
}

async fn run(
    app: &App,
    caller: &Caller,
    role_name: &str,
    names: &NameRequest<'_>,
    csr_key: Option<&PublicKey>,
) -> Result<Issued, ServiceError> {
    for _ in 0..ATTEMPTS {
        let (approved, role, issuer) = approve(app, caller, role_name, names).await?;
        let key = match approved.key() {
            ApprovedKey::Generate(algorithm) => Some(app.key_pool().generate(algorithm).await?),
            ApprovedKey::FromCsr => None,
        };
        let made = make(app, approved, Arc::clone(&issuer), key, csr_key).await?;
        let stored = store(app, caller.tenant, &role, &made).await;
        match stored {
            Ok(certificate_id) => {
                metrics::counter!("certmill_certificates_issued_total", "source" => source(csr_key).as_str())
                    .increment(1);
                return Ok(answer(certificate_id, made, &issuer));
            }
            Err(CommitError::RoleChanged) => app.roles().forget(caller.tenant, role_name),
            Err(CommitError::CaNotIssuing) => {
                return Err(crate::ca::not_issuing(app, caller, issuer.ca.id).await);
            }
            Err(CommitError::Failed(error)) => return Err(error),
        }
    }
    Err(ServiceError::Unavailable(
        format!("the role `{role_name}` changed {ATTEMPTS} times during one issuance").into(),
    ))
}

/// Checks the request against the role; a refusal counts only when it comes from the role's present state.
async fn approve(
    app: &App,
    caller: &Caller,
    role_name: &str,
    names: &NameRequest<'_>,
) -> Result<(Approved, Arc<CachedRole>, Arc<Issuer>), ServiceError> {
    if let Some(role) = app.roles().known(caller.tenant, role_name) {
        let issuer = app.issuers().find(app, caller.tenant, role.ca_id).await?;
        if let Ok(approved) = judge(app, &role, names, &issuer) {
            return Ok((approved, role, issuer));
        }
    }
    let role = app.roles().read(app, caller.tenant, role_name).await?;
    let issuer = app.issuers().find(app, caller.tenant, role.ca_id).await?;
    match judge(app, &role, names, &issuer) {
        Ok(approved) => Ok((approved, role, issuer)),
        Err(violation) => Err(refusal(app, caller, &issuer, violation).await),
    }
}

fn judge(
    app: &App,
    role: &CachedRole,
    names: &NameRequest<'_>,
    issuer: &Issuer,
) -> Result<Approved, Violation> {
    check(&role.role, names, &issuer.window(app.now()))
        .and_then(|approved| within_name_constraints(approved, issuer))
}

/// A certificate that its chain's name constraints forbid would be refused by everybody.
fn within_name_constraints(approved: Approved, issuer: &Issuer) -> Result<Approved, Violation> {
    match issuer.forbidden_name(approved.sans()) {
        None => Ok(approved),
        Some(name) => Err(Violation {
            rule: "ca_name_constraints",
            field: "alt_names",
            value: name.as_str().to_owned(),
            allowed: format!(
                "names that the name constraints of the CA `{}` and those above it permit",
                issuer.ca.name
            ),
        }),
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
    approved: Approved,
    serial_number: SerialNumber,
    der: Vec<u8>,
    spki_sha256: String,
    key_type: &'static str,
    key_size: u32,
    key: Option<PrivateKey>,
    key_pem: Option<Zeroizing<String>>,
}

async fn make(
    app: &App,
    approved: Approved,
    issuer: Arc<Issuer>,
    key: Option<PrivateKey>,
    csr_key: Option<&PublicKey>,
) -> Result<Made, ServiceError> {
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let (spki, key_type, key_size) = match (&key, csr_key) {
        (Some(key), _) => {
            let algorithm = key.algorithm();
            (key.spki_der().to_vec(), algorithm.key_type(), algorithm.key_size())
        }
        (None, Some(public)) => (public.spki_der().to_vec(), public.algorithm_name(), public.bits()),
        (None, None) => return Err(ServiceError::internal("a certificate needs a key")),
    };
    let spki_sha256 = sha256_hex(&spki);
    let signs_quickly = issuer.signs_quickly();
    let work = move || -> Result<Made, ServiceError> {
        let der = sign_leaf(&approved, &serial_number, &spki, &issuer)?;
        // Everything that can fail is done before the certificate is stored.
        let key_pem = key.as_ref().map(PrivateKey::to_pkcs8_pem).transpose()?;
        Ok(Made { approved, serial_number, der, spki_sha256, key_type, key_size, key, key_pem })
    };
    // An elliptic-curve signature takes less time than the way to another thread and back.
    if signs_quickly { work() } else { off_thread(work).await }
}

fn sign_leaf(
    approved: &Approved,
    serial_number: &SerialNumber,
    spki_der: &[u8],
    issuer: &Issuer,
) -> Result<Vec<u8>, ServiceError> {
    let template = CertificateTemplate {
        serial_number,
        issuer_der: &issuer.subject_der,
        not_before: approved.not_before().unix_seconds(),
        not_after: approved.not_after().unix_seconds(),
        subject: approved.subject(),
        spki_der,
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: approved.key_usage(),
        extended_key_usage: approved.extended_key_usage(),
        subject_alt_names: approved.sans(),
        name_constraints: None,
        authority_key_id: Some(&issuer.key_id),
        ca_issuers_url: Some(&issuer.ca_issuers_url),
        crl_url: Some(&issuer.crl_url),
    };
    Ok(template.sign(issuer.signer())?)
}

async fn store(
    app: &App,
    tenant: TenantId,
    role: &CachedRole,
    made: &Made,
) -> Result<CertificateId, CommitError> {
    let now = app.now();
    let id = CertificateId::generate(now, app.entropy());
    let sealed_key = match &made.key {
        Some(key) if made.approved.store_private_key() => {
            let pkcs8 = key.to_pkcs8_der().map_err(ServiceError::from)?;
            let row = id.to_string();
            let place = SealPlace { tenant, table: "certificates", row: &row, column: "sealed_key" };
            Some(app.keyring().seal(app, &place, &pkcs8).await?)
        }
        Some(_) | None => None,
    };
    let certificate = Certificate {
        id,
        serial_number: made.serial_number,
        common_name: made.approved.subject().common_name.clone(),
        subject: made.approved.subject().to_string(),
        sans: Sans::from(made.approved.sans()),
        ca_id: Some(role.ca_id),
        role: Some(role.name.as_str().to_owned()),
        source: if made.key.is_some() { CertificateSource::Issued } else { CertificateSource::Signed },
        key_type: made.key_type.to_owned(),
        key_size: i64::from(made.key_size),
        fingerprint_sha256: sha256_hex(&made.der),
        spki_sha256: made.spki_sha256.clone(),
        not_before: made.approved.not_before(),
        not_after: made.approved.not_after(),
        revoked_at: None,
        revocation_reason: None,
        has_private_key: sealed_key.is_some(),
        renewed_from: None,
        renewed_by: None,
        tags: std::collections::BTreeMap::new(),
        description: String::new(),
        created_at: now,
        der: made.der.clone(),
    };
    let new = NewCertificate { certificate, sealed_key };
    let issuance =
        Issuance { tenant, role_id: role.id, role_version: role.version, ca_id: role.ca_id, now, new };
    app.committer().commit(issuance).await?;
    Ok(id)
}

fn answer(certificate_id: CertificateId, made: Made, issuer: &Issuer) -> Issued {
    Issued {
        certificate_id,
        certificate_pem: pem::encode("CERTIFICATE", &made.der),
        private_key: made.key_pem.map(|pem| (pem, made.key_type)),
        ca_chain: issuer.chain_pem.clone(),
        not_before: made.approved.not_before(),
        not_after: made.approved.not_after(),
        serial_number: made.serial_number,
    }
}

fn source(csr_key: Option<&PublicKey>) -> CertificateSource {
    if csr_key.is_some() { CertificateSource::Signed } else { CertificateSource::Issued }
}

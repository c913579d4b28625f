//! Importing certificates that were issued elsewhere, with their chains and keys.

pub(crate) mod material;

use certmill_domain::{Action, Ca, CaId, Certificate, CertificateId, CertificateSource, Sans, Timestamp};
use certmill_storage::certificates::{self, NewCertificate};
use certmill_storage::{StorageError, Tx, certificate_authorities, inherited_revocations};
use certmill_x509::{
    KeyKind, ParsedCertificate, SerialNumber, X509Error, rfc4514_of_der, sha256, spki_sha256,
};
use zeroize::Zeroizing;

use self::material::Material;
use super::pipeline::key_place;
use super::read::{CertificateWithChain, find};
use crate::change::Act;
use crate::{App, Caller, Noun, ServiceError, crl};

/// The largest certificate that is taken, in octets of DER.
const LARGEST: usize = 64 << 10;

/// What is imported, as the request says it.
pub struct ImportRequest {
    /// The certificate, PEM or DER in base64; its chain and key may be in the same text.
    pub certificate: Option<Zeroizing<String>>,
    /// Its private key.
    pub private_key: Option<Zeroizing<String>>,
    /// The password of the key or of the bundle.
    pub password: Option<Zeroizing<String>>,
    /// The certificates above it, in any order.
    pub chain: Option<String>,
    /// A PKCS#12 bundle in base64.
    pub pkcs12: Option<Zeroizing<String>>,
    /// The CA of ours that issued it.
    pub ca_id: Option<String>,
}

/// Imports a certificate. An inventory wants to see weak keys and odd algorithms too, so they are taken, and marked where
/// the certificate is shown. The service never takes it for one that it issued, unless `ca_id` names a CA of ours whose
/// key made its signature.
pub async fn import(
    app: &App,
    caller: &Caller,
    request: ImportRequest,
) -> Result<CertificateWithChain, ServiceError> {
    let ca_id = request.ca_id.as_deref().map(crate::ca::parse_id).transpose()?;
    let (material, parsed, kind) = app
        .in_turn(caller.tenant, move || {
            let material = Material::read(&request)?;
            let parsed = ParsedCertificate::from_der(&material.leaf).map_err(invalid)?;
            let kind = KeyKind::of(parsed.spki_der()).map_err(invalid)?;
            refuse_odd(&parsed)?;
            Ok((material, parsed, kind))
        })
        .await?;
    let id = CertificateId::generate(app.now(), app.entropy());
    let row = id.to_string();
    let sealed_key = match &material.key {
        Some(key) => Some(app.keyring().seal(app, &key_place(caller, &row), &key.to_pkcs8_der()?).await?),
        None => None,
    };
    let mut change = app.change(caller).await?;
    let crl_shard = match ca_id {
        Some(ca_id) => {
            let ca = check_issuer(&mut change, ca_id, &parsed, app.now()).await?;
            crl::named_by(&ca, parsed.der())
        }
        None => 0,
    };
    refuse_known(&mut change, &parsed).await?;
    let certificate = certificate(app, id, &parsed, kind, (ca_id, crl_shard))?;
    let new = NewCertificate {
        certificate: Certificate { has_private_key: sealed_key.is_some(), ..certificate },
        sealed_key,
    };
    let stored = async {
        certificates::insert(&mut change, vec![new]).await?;
        // What a CA of ours signed has its chain from us.
        let chain = if ca_id.is_some() { Vec::new() } else { material.chain.concat() };
        certificates::set_import(&mut change, id, &sha256(parsed.issuer_der()), chain).await?;
        match ca_id {
            Some(ca_id) => inherit_revocation(&mut change, ca_id, id, parsed.serial_number()).await,
            None => Ok(()),
        }
    };
    match stored.await {
        Err(StorageError::AlreadyExists) => {
            drop(change);
            return Err(imported_meanwhile(app, caller, &parsed).await);
        }
        other => other?,
    }
    change.commit(Act::new(Action::CertificateImport, id).after(parsed.der())).await?;
    metrics::counter!("certmill_certificates_imported_total").increment(1);
    find(app, caller, id).await
}

/// What the CA had revoked before it came here is revoked, and from now on its own row says so.
async fn inherit_revocation(
    tx: &mut Tx,
    ca: CaId,
    id: CertificateId,
    serial_number: &SerialNumber,
) -> Result<(), StorageError> {
    let Some(inherited) = inherited_revocations::take(tx, ca, serial_number).await? else {
        return Ok(());
    };
    let reason = crate::ca::reason_or_none(&inherited.reason);
    certificates::revoke(tx, id, reason, inherited.revoked_at).await?;
    match inherited.invalidity_at {
        Some(since) => certificates::set_invalidity(tx, id, since).await,
        None => Ok(()),
    }
}

/// Databases hold no text with NUL, and nobody has a use for such a name or for a certificate of that size.
pub(crate) fn refuse_odd(parsed: &ParsedCertificate) -> Result<(), ServiceError> {
    let common_name = parsed.subject().common_name.as_deref().unwrap_or_default();
    if common_name.contains('\0') {
        return Err(ServiceError::CertificateInvalid("its common name has a NUL character".to_owned()));
    }
    if parsed.der().len() > LARGEST {
        let message = format!("it has {} octets; at most {LARGEST} are taken", parsed.der().len());
        return Err(ServiceError::CertificateInvalid(message));
    }
    Ok(())
}

/// A CA of ours must have made the signature, and CAs of ours are not imported.
async fn check_issuer(
    tx: &mut Tx,
    id: CaId,
    parsed: &ParsedCertificate,
    now: Timestamp,
) -> Result<Ca, ServiceError> {
    let ca: Ca =
        certificate_authorities::find(tx, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    if parsed.is_ca() {
        let message = format!(
            "this is a CA's certificate: leave ca_id out to watch it, or make an intermediate below {id} with \
             POST /v1/pki/ca"
        );
        return Err(ServiceError::CertificateInvalid(message));
    }
    // Locks the CA's row: what is stored under it is there for a revocation to find, or is refused.
    if !certificate_authorities::count_issued(tx, id, 0, now).await? {
        let message = format!(
            "the CA `{}` ({id}) is {}: leave ca_id out to keep the certificate without it",
            ca.name,
            ca.status(now).as_str()
        );
        return Err(ServiceError::CertificateInvalid(message));
    }
    let issuer = ParsedCertificate::from_der(&ca.certificate_der)?;
    let signed =
        parsed.issuer_der() == issuer.subject_der() && parsed.verify_signed_by(&issuer.public_key()?).is_ok();
    if signed {
        return Ok(ca);
    }
    let message = format!("the CA `{}` ({id}) did not issue this certificate: leave ca_id out", ca.name);
    Err(ServiceError::CertificateInvalid(message))
}

/// Refuses what is here already: the same certificate, or one with the same issuer and serial number.
async fn refuse_known(tx: &mut Tx, parsed: &ParsedCertificate) -> Result<(), ServiceError> {
    if let Some(id) = certificates::find_by_fingerprint(tx, &parsed.fingerprint_sha256()).await? {
        return Err(duplicate("this certificate is", id));
    }
    for known in certificates::find_by_serial_number(tx, parsed.serial_number()).await? {
        if ParsedCertificate::from_der(&known.der)?.issuer_der() == parsed.issuer_der() {
            return Err(duplicate("a certificate of this issuer with this serial number is", known.id));
        }
    }
    Ok(())
}

async fn imported_meanwhile(app: &App, caller: &Caller, parsed: &ParsedCertificate) -> ServiceError {
    let found = async {
        let mut tx = app.database().begin(caller.tenant).await?;
        refuse_known(&mut tx, parsed).await
    };
    match found.await {
        Err(error) => error,
        Ok(()) => ServiceError::CallInProgress { seconds: 1 },
    }
}

fn duplicate(what: &str, id: CertificateId) -> ServiceError {
    ServiceError::Duplicate { message: format!("{what} here already, as {id}"), id: id.to_string() }
}

/// The row of a certificate that was issued elsewhere.
pub(super) fn certificate(
    app: &App,
    id: CertificateId,
    parsed: &ParsedCertificate,
    kind: KeyKind,
    (ca_id, crl_shard): (Option<CaId>, u32),
) -> Result<Certificate, ServiceError> {
    Ok(Certificate {
        id,
        serial_number: *parsed.serial_number(),
        common_name: parsed.subject().common_name.clone(),
        subject: rfc4514_of_der(parsed.subject_der())?,
        sans: Sans::from(parsed.subject_alt_names()),
        ca_id,
        crl_shard,
        role: None,
        source: CertificateSource::Imported.into(),
        key_type: kind.name,
        key_size: i64::from(kind.bits),
        fingerprint_sha256: parsed.fingerprint_sha256(),
        spki_sha256: spki_sha256(parsed.spki_der()),
        not_before: Timestamp::from_unix_seconds(parsed.not_before()),
        not_after: Timestamp::from_unix_seconds(parsed.not_after()),
        revoked_at: None,
        revocation_reason: None,
        has_private_key: false,
        renewed_from: None,
        renewed_by: None,
        acme_order_id: None,
        tags: std::collections::BTreeMap::new(),
        description: String::new(),
        created_at: app.now(),
        der: parsed.der().to_vec(),
    })
}

pub(super) fn invalid(error: X509Error) -> ServiceError {
    ServiceError::CertificateInvalid(error.to_string())
}

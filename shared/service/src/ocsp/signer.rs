//! Who signs OCSP answers (RFC 6960 §2.2): a CA itself, or a delegated responder with a short-lived certificate of that CA,
//! which a job renews.

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Action, Ca, CaId, CaStatus, OcspSigner, TenantId, Timestamp};
use certmill_keys::{PrivateKey, SealPlace};
use certmill_storage::ocsp_signers::{self, SignerCertificate};
use certmill_storage::{Tx, audit, certificate_authorities};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, ExtendedKeyUsage, KeyAlgorithm, KeyUsage,
    ParsedCertificate, SerialNumber, Signer, SubjectAltNames,
};
use moka::sync::Cache;

use super::REUSE;
use crate::app::off_thread;
use crate::change::Act;
use crate::issuer::Issuer;
use crate::jobs::{Job, Lease};
use crate::{App, Caller, Noun, ServiceError};

/// For how long a responder is certified. Nobody can revoke it (`id-pkix-ocsp-nocheck`), so a stolen key is of use for so long.
const VALIDITY: Duration = Duration::from_hours(7 * 24);
/// How long before now its certificate begins, for relying parties whose clocks are behind.
const BEGUN: Duration = Duration::from_hours(1);
/// When a certificate that cannot be made now is tried again.
const LATER: Duration = Duration::from_mins(10);
/// How long a key is kept in memory.
const LIFETIME: Duration = Duration::from_mins(10);

/// A delegated responder that can sign.
pub(super) struct Delegate {
    certificate: SignerCertificate,
    key: PrivateKey,
    is_quick: bool,
}

/// Keys of delegated responders that were opened, by their certificates.
pub(crate) struct OcspDelegates(Cache<(CaId, SerialNumber), Arc<Delegate>>);

impl OcspDelegates {
    pub(crate) fn new() -> Self {
        Self(Cache::builder().max_capacity(1_000).time_to_live(LIFETIME).build())
    }
}

/// Who signs an answer.
#[derive(Clone)]
pub(super) enum Responder {
    Ca(Arc<Issuer>),
    Delegate(Arc<Delegate>),
}

impl Responder {
    /// The responder that the rows name. Where it was replaced since they were read, it is its successor, and the CA where there
    /// is none.
    pub(super) async fn find(
        app: &App,
        tenant: TenantId,
        issuer: &Arc<Issuer>,
        delegate: Option<SerialNumber>,
    ) -> Result<Self, ServiceError> {
        let itself = || Self::Ca(Arc::clone(issuer));
        let (ca, Some(serial_number)) = (issuer.ca.id, delegate) else {
            return Ok(itself());
        };
        if let Some(known) = app.ocsp_delegates().0.get(&(ca, serial_number)) {
            return Ok(Self::Delegate(known));
        }
        let mut session = app.database().read(tenant).await?;
        let found = ocsp_signers::present(&mut session, ca).await?;
        drop(session);
        let Some((certificate, sealed)) = found else {
            return Ok(itself());
        };
        let row = row(ca, &certificate.serial_number);
        let key = match app.keyring().open(app, &key_place(tenant, &row), &sealed).await {
            Ok(opened) => PrivateKey::from_pkcs8_der(&opened).map_err(ServiceError::from),
            Err(error) => Err(error),
        };
        let key = match key {
            Ok(key) => key,
            // The CA's word counts as much, and relying parties must not wait for the next responder.
            Err(error) => {
                tracing::error!(tenant.id = %tenant, ca.id = %ca, certificate.serial = %certificate.serial_number, error = &error as &dyn std::error::Error, "the key of an OCSP responder cannot be used, and the CA answers itself: switch `ocsp_signer` to `ca` and back for another one");
                return Ok(itself());
            }
        };
        let is_quick = is_quick(key_algorithm(issuer.ca.key_algorithm()?));
        let delegate = Arc::new(Delegate { certificate, key, is_quick });
        app.ocsp_delegates().0.insert((ca, delegate.certificate.serial_number), Arc::clone(&delegate));
        Ok(Self::Delegate(delegate))
    }

    /// What tells it from other responders of its CA.
    pub(super) fn tag(&self) -> &[u8] {
        match self {
            Self::Ca(_) => &[],
            Self::Delegate(delegate) => delegate.certificate.serial_number.as_bytes(),
        }
    }

    /// Its key.
    pub(super) fn spki_der(&self) -> &[u8] {
        match self {
            Self::Ca(issuer) => issuer.key_pair().spki_der(),
            Self::Delegate(delegate) => delegate.key.spki_der(),
        }
    }

    /// The certificate that answers carry; that of a CA is known to whoever asks about what it has issued.
    pub(super) fn certificate_der(&self) -> Option<&[u8]> {
        match self {
            Self::Ca(_) => None,
            Self::Delegate(delegate) => Some(&delegate.certificate.certificate_der),
        }
    }

    /// The end of its answers: they are good no longer than the certificate that they are verified by.
    pub(super) fn end(&self, wanted: Timestamp) -> Timestamp {
        match self {
            Self::Ca(_) => wanted,
            Self::Delegate(delegate) => wanted.min(delegate.certificate.not_after),
        }
    }

    pub(super) fn signer(&self) -> &dyn Signer {
        match self {
            Self::Ca(issuer) => issuer.signer(),
            Self::Delegate(delegate) => &delegate.key,
        }
    }

    /// Whether it signs quickly enough for a thread that serves requests. A delegate's key is of its CA's kind, or P-256.
    pub(super) fn is_quick(&self) -> bool {
        match self {
            Self::Ca(issuer) => issuer.signs_quickly(),
            Self::Delegate(delegate) => delegate.is_quick,
        }
    }
}

/// Has the first certificate of a CA's responder made, if it is to have one and can issue it.
pub(crate) async fn begin_signer(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    ca: &Ca,
) -> Result<(), ServiceError> {
    if is_wanted(ca, app.now()) {
        app.enqueue(tx, Job::RenewOcspSigner(ca.id), Some(&caller.request_id)).await?;
    }
    Ok(())
}

fn is_wanted(ca: &Ca, now: Timestamp) -> bool {
    ca.ocsp_signer == OcspSigner::Delegated && ca.status(now) == CaStatus::Active
}

/// The job that gives a CA's responder its next key and certificate.
pub(crate) async fn renew_signer(app: &App, lease: &Lease, id: CaId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let now = app.now().whole_seconds();
    let mut session = app.database().read(tenant).await?;
    let missing = || ServiceError::not_found(Noun::Ca, id);
    let ca = certificate_authorities::find(&mut session, id).await?.ok_or_else(missing)?;
    let present = ocsp_signers::present(&mut session, id).await?.map(|(certificate, _)| certificate);
    drop(session);
    if !is_wanted(&ca, now) || present.as_ref().is_some_and(|present| present.renew_at > now) {
        return finish(app, lease, tenant).await;
    }
    let issuer = app.issuers().find(app, tenant, id).await?;
    let window = issuer.window(now);
    let not_after = now.plus(VALIDITY).min(window.not_after);
    let least = present.as_ref().map_or(now, |present| present.not_after).max(now.plus(REUSE));
    if not_after <= least {
        // What is above ends before anything is won. It may get another certificate.
        let mut tx = app.database().begin(tenant).await?;
        lease.put_off(&mut tx, now.plus(LATER)).await?;
        return Ok(tx.commit().await?);
    }
    let key = app.new_key(tenant, key_algorithm(ca.key_algorithm()?)).await?;
    let mut random = [0; 20];
    app.entropy().fill(&mut random);
    let serial_number = SerialNumber::from_random(random);
    let row = row(id, &serial_number);
    let sealed = app.keyring().seal(app, &key_place(tenant, &row), &key.to_pkcs8_der()?).await?;
    let not_before = now.minus(BEGUN).max(window.not_before);
    let validity = (not_before, not_after);
    let certificate_der = off_thread(move || certify(&issuer, &key, &serial_number, validity, now)).await?;
    let new = SignerCertificate {
        ca: id,
        serial_number,
        certificate_der,
        not_before,
        not_after,
        renew_at: now.plus(not_after.since(now) / 2),
    };
    let before = present.map(|present| present.serial_number);
    store(app, lease, tenant, (new, sealed, before)).await
}

/// Stores the certificate, unless the CA has come to its end, does not wish for it any more or has another one by now.
async fn store(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    (new, sealed, before): (SignerCertificate, Vec<u8>, Option<SerialNumber>),
) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    // Counts nothing, and holds the CA against a revocation or a change at the same time.
    let may_issue = certificate_authorities::count_issued(&mut tx, new.ca, 0, app.now()).await?;
    let ca = certificate_authorities::find(&mut tx, new.ca).await?;
    let present = ocsp_signers::present(&mut tx, new.ca).await?;
    let is_as_it_was = present.map(|(present, _)| present.serial_number) == before;
    if !may_issue || !is_as_it_was || !ca.is_some_and(|ca| is_wanted(&ca, app.now())) {
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    }
    ocsp_signers::replace(&mut tx, &new, sealed).await?;
    lease.finish(&mut tx).await?;
    let caller = Caller::service(app, tenant, lease.request_id());
    let act = Act::new(Action::OcspSignerIssue, new.ca).after(&new.certificate_der);
    audit::append(&mut tx, vec![act.entry(app, &caller)]).await?;
    tx.commit().await?;
    tracing::info!(
        tenant.id = %tenant, ca.id = %new.ca, certificate.serial = %new.serial_number, not_after = %new.not_after,
        "certified an OCSP responder"
    );
    Ok(())
}

async fn finish(app: &App, lease: &Lease, tenant: TenantId) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(tenant).await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// The key of a responder: of the CA's kind, so that whoever verifies the CA's signatures verifies its too, and where that is RSA,
/// whose signatures cost the most, P-256.
fn key_algorithm(of_ca: KeyAlgorithm) -> KeyAlgorithm {
    match of_ca {
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => KeyAlgorithm::P256,
        other => other,
    }
}

/// Whether a signature takes microseconds; with the others it takes up to milliseconds.
const fn is_quick(key: KeyAlgorithm) -> bool {
    matches!(key, KeyAlgorithm::P256 | KeyAlgorithm::Ed25519)
}

fn certify(
    issuer: &Issuer,
    key: &PrivateKey,
    serial_number: &SerialNumber,
    (not_before, not_after): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Vec<u8>, ServiceError> {
    let subject = subject(issuer)?;
    let template = CertificateTemplate {
        same_as: None,
        serial_number,
        issuer_der: &issuer.subject_der,
        not_before: not_before.unix_seconds(),
        not_after: not_after.unix_seconds(),
        subject: &subject,
        spki_der: key.spki_der(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended_key_usage: &[ExtendedKeyUsage::OcspSigning],
        policies: &[],
        must_staple: false,
        ocsp_nocheck: true,
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: None,
        authority_key_id: Some(&issuer.key_id),
        ca_issuers_url: Some(&issuer.ca_issuers_url),
        // Nobody is to ask about it.
        ocsp_url: None,
        crl_url: None,
    };
    let der = template.sign(issuer.signer())?;
    issuer.check_signed(&der, now)?;
    Ok(der)
}

/// The CA's subject with a common name of its own, so that constraints on directory names which permit what the CA issues permit
/// it too. Where a CA from elsewhere has a subject that is not written here, it is the common name alone.
fn subject(issuer: &Issuer) -> Result<DistinguishedName, ServiceError> {
    let parsed = ParsedCertificate::from_der(&issuer.ca.certificate_der)?;
    let name = format!("OCSP Responder {}", issuer.ca.id);
    let full = DistinguishedName { common_name: Some(name), email: None, ..parsed.subject().clone() };
    if full.validate().is_ok() {
        return Ok(full);
    }
    Ok(DistinguishedName { common_name: full.common_name, ..DistinguishedName::default() })
}

fn row(ca: CaId, serial_number: &SerialNumber) -> String {
    format!("{ca} {serial_number}")
}

fn key_place(tenant: TenantId, row: &str) -> SealPlace<'_> {
    SealPlace { tenant, table: "ocsp_signers", row, column: "sealed_key" }
}

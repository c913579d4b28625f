//! A CA's certificate that was signed elsewhere: whether the CA can do its work with it here.

use std::sync::Arc;

use certmill_domain::{Ca, CaId, CaKind, CaStatus, ForeignCa, Timestamp};
use certmill_storage::{Session, inherited_revocations};
use certmill_x509::chain::{self, Conformance, Options};
use certmill_x509::{KeyUsage, ParsedCertificate, rfc4514_of_der, spki_sha256};

use super::create::MOST_LEVELS;
use super::link;
use crate::certificates::refuse_odd;
use crate::{App, Caller, ServiceError};

/// A certificate that a CA can use, and what is above it.
pub(super) struct Checked {
    certificate: ParsedCertificate,
    /// From its issuer up.
    chain: Vec<Vec<u8>>,
    /// The CA here that has issued it.
    parent: Option<CaId>,
    /// How many CAs may follow below it, by all of the chain.
    path_length: Option<u8>,
}

impl Checked {
    /// Looks for the CA above among the tenant's, and checks the certificate with all above it.
    pub(super) async fn of(
        app: &App,
        caller: &Caller,
        certificate: ParsedCertificate,
        chain: Vec<Vec<u8>>,
    ) -> Result<Self, ServiceError> {
        let now = app.now();
        let mut session = app.database().read(caller.tenant).await?;
        let (parent, chain) = match link::above(&mut session, &chain).await? {
            Some(parent) if parent.status(now) != CaStatus::Active => {
                let need = "what is below it cannot be used";
                return Err(super::wrong_state(&parent, now, need));
            }
            Some(parent) => {
                refuse_by_parent(&mut session, &certificate, &parent).await?;
                (Some(parent.id), crate::issuer::chain(&mut session, &parent).await?)
            }
            None => (None, chain),
        };
        drop(session);
        app.in_turn(caller.tenant, move || {
            let path_length = usable(&certificate, &chain, now)?;
            Ok(Self { certificate, chain, parent, path_length })
        })
        .await
    }

    /// The certificate.
    pub(super) fn certificate(&self) -> &ParsedCertificate {
        &self.certificate
    }

    /// The certificates above it, from its issuer up.
    pub(super) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The CA here that has issued it.
    pub(super) fn parent(&self) -> Option<CaId> {
        self.parent
    }

    /// Writes what the certificate says into the CA's row.
    pub(super) fn describe(&self, ca: &mut Ca) -> Result<(), ServiceError> {
        let certificate = &self.certificate;
        let subject = certificate.subject();
        ca.common_name = match &subject.common_name {
            Some(name) => name.clone(),
            None => rfc4514_of_der(certificate.subject_der())?,
        };
        let is_root = self.chain.is_empty();
        ca.kind = if is_root { CaKind::Root } else { CaKind::Intermediate }.into();
        ca.parent_id = self.parent;
        ca.serial_number = *certificate.serial_number();
        ca.not_before = Timestamp::from_unix_seconds(certificate.not_before());
        ca.not_after = Timestamp::from_unix_seconds(certificate.not_after());
        ca.path_length = self.path_length;
        ca.certificate_der = certificate.der().to_vec();
        ca.foreign = Some(ForeignCa {
            csr_der: ca.foreign.take().and_then(|foreign| foreign.csr_der),
            above_der: (!is_root && self.parent.is_none()).then(|| self.chain.concat()),
            spki_sha256: spki_sha256(certificate.spki_der()),
        });
        Ok(())
    }
}

/// What a CA here says against a certificate that it has issued before it came here, or elsewhere with its key.
async fn refuse_by_parent(
    session: &mut Session,
    certificate: &ParsedCertificate,
    parent: &Ca,
) -> Result<(), ServiceError> {
    let serial_number = certificate.serial_number();
    if let Some(revoked) = inherited_revocations::find(session, parent.id, serial_number).await? {
        let (name, at) = (&parent.name, revoked.revoked_at);
        return Err(invalid(format!("its issuer `{name}` revoked it at {at}: it cannot be used any more")));
    }
    let until = Timestamp::from_unix_seconds(certificate.not_after());
    if until > parent.not_after {
        let (name, end) = (&parent.name, parent.not_after);
        return Err(invalid(format!("it ends at {until}, after its issuer `{name}`, which ends at {end}")));
    }
    Ok(())
}

/// Checks what is needed beyond signatures; answers how many CAs may follow below.
pub(super) fn usable(
    certificate: &ParsedCertificate,
    chain: &[Vec<u8>],
    now: Timestamp,
) -> Result<Option<u8>, ServiceError> {
    refuse_odd(certificate)?;
    if !certificate.is_ca() {
        return Err(invalid("it is not a CA's: its basicConstraints must say CA:TRUE"));
    }
    if certificate.subject().is_empty() && rfc4514_of_der(certificate.subject_der())?.is_empty() {
        return Err(invalid("a CA needs a subject (RFC 5280 section 4.1.2.6), and it has none"));
    }
    for (usage, name, why) in [
        (KeyUsage::KEY_CERT_SIGN, "keyCertSign", "it could sign no certificate"),
        (KeyUsage::CRL_SIGN, "cRLSign", "it could sign no CRL, and this service signs those of its CAs"),
    ] {
        if certificate.key_usage().is_some_and(|usages| !usages.contains(usage)) {
            return Err(invalid(format!("its keyUsage lacks {name}: {why}")));
        }
    }
    let (from, until) = (certificate.not_before(), certificate.not_after());
    if now.unix_seconds() < from {
        let from = Timestamp::from_unix_seconds(from);
        return Err(invalid(format!("it is not valid before {from}: send it then")));
    }
    if now.unix_seconds() > until {
        return Err(invalid(format!("it ended at {}", Timestamp::from_unix_seconds(until))));
    }
    let levels = chain.len() + 1;
    if levels > MOST_LEVELS {
        let most = format!("at most {MOST_LEVELS} CAs stand one below the other");
        return Err(invalid(format!("it is the {levels}th CA from its root: {most}")));
    }
    check_path(certificate, chain, now)?;
    path_length(certificate, chain)
}

/// Signatures, times and constraints from the top of the chain down, the top being trusted.
fn check_path(
    certificate: &ParsedCertificate,
    chain: &[Vec<u8>],
    now: Timestamp,
) -> Result<(), ServiceError> {
    let self_signed = || {
        certificate.is_self_issued()
            && certificate.public_key().is_ok_and(|key| certificate.verify_signed_by(&key).is_ok())
    };
    let (top, between): (&[u8], &[Vec<u8>]) = match chain.split_last() {
        Some((top, between)) => (top, between),
        None if self_signed() => (certificate.der(), &[]),
        None => {
            let issuer = rfc4514_of_der(certificate.issuer_der())?;
            let message = format!("the certificate of its issuer `{issuer}` is needed too, in chain_pem");
            return Err(invalid(message));
        }
    };
    let anchor = chain::Certificate::from_der(top).map_err(|error| invalid(error.to_string()))?;
    let options = Options { conformance: Conformance::Report, ..Options::at(now.unix_seconds()) };
    let verdict = chain::validate(certificate.der(), between, &[Arc::new(anchor)], &options);
    match verdict.errors.first() {
        None => Ok(()),
        Some(error) => {
            let about = error.certificate.as_ref().map(|about| format!(" (`{}`)", about.subject));
            Err(invalid(format!("its path is not valid: {}{}", error.message, about.unwrap_or_default())))
        }
    }
}

/// How many CAs may follow below it, by its own certificate and by those above it (RFC 5280 §4.2.1.9).
fn path_length(certificate: &ParsedCertificate, chain: &[Vec<u8>]) -> Result<Option<u8>, ServiceError> {
    let mut permitted = certificate.path_length();
    let mut below = u8::from(!certificate.is_self_issued());
    for der in chain {
        let above = ParsedCertificate::from_der(der).map_err(|error| invalid(error.to_string()))?;
        if let Some(length) = above.path_length() {
            let left = length.checked_sub(below).ok_or_else(|| {
                invalid(format!(
                    "the path length of `{}` is {length}: this CA could issue nothing that is valid",
                    above.subject()
                ))
            })?;
            permitted = Some(permitted.map_or(left, |permitted| permitted.min(left)));
        }
        below = below.saturating_add(u8::from(!above.is_self_issued()));
    }
    Ok(permitted)
}

pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::CertificateInvalid(message.into())
}

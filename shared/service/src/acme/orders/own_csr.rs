//! Orders for a key of the caller's own: key and names are those of a CSR.

use std::collections::BTreeSet;

use certmill_domain::{AcmeIdentifiers, AcmeOrder, OrderKey, Sans};
use certmill_x509::KeyAlgorithm;

use crate::certificates::read_csr;
use crate::{App, Caller, ServiceError, blocked_keys};

const FIELD: &str = "csr_pem";

/// What a CSR asks for.
pub(super) struct OwnCsr {
    pub(super) der: Vec<u8>,
    pub(super) names: Vec<String>,
    pub(super) algorithm: KeyAlgorithm,
}

/// Reads a CSR for an ACME server: its signature must be good, its key one that CAs certify and that is not in wrong hands, and it may have DNS names and
/// addresses only. A common name that is not among the alternative names counts as one of them, as CAs have it.
pub(super) async fn read(app: &App, caller: &Caller, csr_pem: String) -> Result<OwnCsr, ServiceError> {
    let csr = read_csr(csr_pem).await?;
    blocked_keys::refuse(app, caller, csr.public_key()).await?;
    let sans = Sans::from(csr.subject_alt_names());
    if let Some(other) = sans.email.iter().chain(&sans.uri).chain(&sans.other).next() {
        let message = format!("ACME servers certify DNS names and addresses only: the CSR has `{other}`");
        return Err(ServiceError::CsrInvalid(message));
    }
    let mut names: Vec<String> = sans.dns.into_iter().chain(sans.ip).collect();
    if let Some(common_name) = csr.subject().common_name.as_ref().map(|name| name.to_ascii_lowercase())
        && !names.contains(&common_name)
    {
        names.push(common_name);
    }
    let key = csr.public_key();
    let algorithm = KeyAlgorithm::from_type_and_size(key.algorithm_name(), key.bits());
    match algorithm.filter(|algorithm| algorithm.key_type() != "ed25519") {
        Some(algorithm) => Ok(OwnCsr { der: csr.der().to_vec(), names, algorithm }),
        None => Err(ServiceError::CsrInvalid(format!(
            "CAs certify RSA keys of 2048, 3072 or 4096 bits and EC keys of 256, 384 or 521: the CSR's is {} {}",
            key.algorithm_name(),
            key.bits()
        ))),
    }
}

impl OwnCsr {
    /// What is wrong with it for these names: a CA takes a CSR with exactly the names of the order (RFC 8555 section 7.4).
    pub(super) fn problem_with(&self, identifiers: &AcmeIdentifiers) -> Option<String> {
        let own = match AcmeIdentifiers::parse(&self.names) {
            Ok(own) => own,
            Err(problem) => return Some(problem),
        };
        let texts = own.texts();
        let held: BTreeSet<String> = self.names.iter().cloned().collect();
        if own == *identifiers && held.len() == texts.len() {
            return None;
        }
        let ordered = identifiers.texts().join(", ");
        Some(format!("is for {}; the order is for {ordered}: they must be the same", self.names.join(", ")))
    }
}

/// Makes an order one for the key of this CSR. How it is renewed afterwards follows from whether the key may be kept.
pub(in crate::acme) async fn take(
    app: &App,
    caller: &Caller,
    order: &mut AcmeOrder,
    csr_pem: String,
) -> Result<(), ServiceError> {
    let csr = read(app, caller, csr_pem).await?;
    if let Some(problem) = csr.problem_with(&order.identifiers) {
        return Err(ServiceError::field(FIELD, problem));
    }
    order.common_name = None;
    csr.algorithm.key_type().clone_into(&mut order.key_type);
    order.key_size = i64::from(csr.algorithm.key_size());
    order.key = OrderKey::Callers { csr: csr.der };
    order.auto_renew &= order.reuse_key;
    Ok(())
}

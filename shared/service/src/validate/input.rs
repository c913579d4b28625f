//! What is validated, taken apart.

use std::sync::Arc;

use certmill_x509::pem::Bundle;
use certmill_x509::revocation::{ParsedCrl, read_crls};
use certmill_x509::{X509Error, chain};

use super::ValidateRequest;
use crate::ServiceError;

/// CRLs of one text: several for each certificate of a path, but not so many that verifying them takes long.
const MOST_CRLS: usize = 100;

/// The certificate, what may stand between it and an anchor, and CRLs.
pub(super) struct Input {
    pub(super) target: chain::Certificate,
    pub(super) candidates: Vec<Vec<u8>>,
    /// Those of the candidates that can be read.
    pub(super) certificates: Vec<Arc<chain::Certificate>>,
    pub(super) crls: Vec<ParsedCrl>,
}

impl Input {
    pub(super) fn read(request: &ValidateRequest) -> Result<Self, ServiceError> {
        let invalid = |field: &'static str| {
            move |error: X509Error| ServiceError::CertificateInvalid(format!("{field}: {error}"))
        };
        let given = Bundle::read(&request.certificate).map_err(invalid("certificate_pem"))?.certificates;
        let mut given = given.into_iter();
        let Some(target) = given.next() else {
            let message =
                "certificate_pem holds no certificate, such as a \"-----BEGIN CERTIFICATE-----\" block";
            return Err(ServiceError::CertificateInvalid(message.to_owned()));
        };
        let mut candidates: Vec<Vec<u8>> = given.collect();
        let mut crls = Vec::new();
        if let Some(text) = &request.chain {
            let bundle = Bundle::read(text).map_err(invalid("chain_pem"))?;
            candidates.extend(bundle.certificates);
        }
        if let Some(text) = &request.crls {
            crls = self::crls(text.as_bytes()).map_err(|problem| ServiceError::field("crl_pem", problem))?;
        }
        let target = chain::Certificate::from_der(&target).map_err(invalid("certificate_pem"))?;
        let readable = candidates.iter().filter_map(|der| chain::Certificate::from_der(der).ok());
        let certificates = readable.map(Arc::new).collect();
        Ok(Self { target, candidates, certificates, crls })
    }
}

/// The CRLs of a file or a distribution point.
///
/// # Errors
/// What is wrong with it, for people.
pub(super) fn crls(octets: &[u8]) -> Result<Vec<ParsedCrl>, String> {
    let crls = read_crls(octets).map_err(|error| error.to_string())?;
    if crls.len() > MOST_CRLS {
        return Err(format!("there are {} CRLs, where at most {MOST_CRLS} are looked at", crls.len()));
    }
    Ok(crls)
}

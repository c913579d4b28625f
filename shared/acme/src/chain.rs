//! Chains as CAs send them (RFC 8555 section 9.1): the end-entity certificate should come first and each further one certify
//! the one before. Some have them in another order, twice, or among others that have nothing to do with it.

use certmill_x509::{ParsedCertificate, pem};

use crate::AcmeError;

/// The most certificates that a chain may have.
const LONGEST: usize = 10;

/// The certificates of `application/pem-certificate-chain` in DER, in order: the end-entity certificate, the one whose key has
/// signed it, and so on as far as there are any. Whatever else was sent is left out.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Vec<u8>>, AcmeError> {
    let text = std::str::from_utf8(body).map_err(|_| AcmeError::protocol("its certificate is no PEM"))?;
    let chain = pem::decode_all(pem::CERTIFICATE, text)
        .map_err(|error| AcmeError::protocol(format!("its certificate cannot be read: {error}")))?;
    if chain.is_empty() || chain.len() > LONGEST {
        return Err(AcmeError::protocol(format!("its chain has {} certificates", chain.len())));
    }
    Ok(in_order(chain))
}

/// Whether the topmost issuer of a chain has this common name.
pub(crate) fn ends_with(chain: &[Vec<u8>], common_name: &str) -> bool {
    let issuer = chain.last().and_then(|der| ParsedCertificate::from_der(der).ok()).and_then(|topmost| {
        certmill_x509::parse_name_der(topmost.issuer_der()).ok().and_then(|name| name.common_name)
    });
    issuer.as_deref() == Some(common_name)
}

/// Without a certificate that could be the end entity's, what was sent stays as it is.
fn in_order(sent: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut rest: Vec<ParsedCertificate> = Vec::with_capacity(sent.len());
    for der in &sent {
        if let Ok(certificate) = ParsedCertificate::from_der(der)
            && rest.iter().all(|other| other.der() != certificate.der())
        {
            rest.push(certificate);
        }
    }
    let Some(leaf) = rest.iter().position(|certificate| !certificate.is_ca()) else {
        return sent;
    };
    let mut below = rest.remove(leaf);
    let mut chain = vec![below.der().to_vec()];
    while !(below.is_self_issued() && is_signed_by(&below, &below)) {
        let above = rest
            .iter()
            .position(|above| above.subject_der() == below.issuer_der() && is_signed_by(&below, above));
        let Some(above) = above else { break };
        below = rest.remove(above);
        chain.push(below.der().to_vec());
    }
    chain
}

fn is_signed_by(below: &ParsedCertificate, above: &ParsedCertificate) -> bool {
    above.public_key().is_ok_and(|key| below.verify_signed_by(&key).is_ok())
}

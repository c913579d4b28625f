//! What an import brings along, taken apart: the certificate, its chain in order, its key.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certmill_keys::{KeyError, PrivateKey, pkcs12};
use certmill_x509::pem::{Bundle, PrivateKeyBlock};
use certmill_x509::{ParsedCertificate, X509Error};

use crate::ServiceError;
use crate::certificates::ImportRequest;

/// Certificates of a chain at most.
const LONGEST_CHAIN: usize = 16;

/// The parts of an import, which belong together.
pub(crate) struct Material {
    /// DER of the certificate.
    pub(crate) leaf: Vec<u8>,
    /// DER of those above it, each the issuer of the one before.
    pub(crate) chain: Vec<Vec<u8>>,
    /// Its private key.
    pub(crate) key: Option<PrivateKey>,
}

impl Material {
    /// Reads the parts and makes sure that they belong together.
    pub(crate) fn read(request: &ImportRequest) -> Result<Self, ServiceError> {
        let password = request.password.as_ref().map(|password| password.as_str());
        let Parts { certificates, own, key } = match (&request.pkcs12, &request.certificate) {
            (Some(bundle), None) => from_pkcs12(request, bundle, password)?,
            (None, Some(text)) => from_texts(request, text, password)?,
            (Some(_), Some(_)) => {
                let problem = "is instead of certificate_pem: give one of the two";
                return Err(ServiceError::field("pkcs12", problem));
            }
            (None, None) => {
                let problem = "is required, unless pkcs12 is given";
                return Err(ServiceError::field("certificate_pem", problem));
            }
        };
        let mut parsed = Vec::with_capacity(certificates.len());
        for der in &certificates {
            parsed.push(ParsedCertificate::from_der(der).map_err(invalid)?);
        }
        let leaf = leaf(&parsed, own, key.as_ref())?;
        let order = in_order(&parsed, leaf)?;
        let mut ders: Vec<Vec<u8>> = order.into_iter().map(|at| parsed[at].der().to_vec()).collect();
        Ok(Self { leaf: ders.remove(0), chain: ders, key })
    }
}

/// What was sent, in DER.
struct Parts {
    certificates: Vec<Vec<u8>>,
    /// How many of them, from the first one on, were sent as the certificate and not as its chain.
    own: usize,
    key: Option<PrivateKey>,
}

fn from_pkcs12(request: &ImportRequest, bundle: &str, password: Option<&str>) -> Result<Parts, ServiceError> {
    if request.private_key.is_some() || request.chain.is_some() {
        let problem = "holds key and chain already: leave private_key_pem and chain_pem out";
        return Err(ServiceError::field("pkcs12", problem));
    }
    let compact: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(bundle.chars().filter(|letter| !letter.is_ascii_whitespace()).collect());
    let der = STANDARD.decode(compact.as_bytes()).map(zeroize::Zeroizing::new);
    let der = der.map_err(|_| ServiceError::field("pkcs12", "is not base64"))?;
    let opened =
        pkcs12::read(&der, password.unwrap_or_default()).map_err(|error| key_error("pkcs12", error))?;
    let mut certificates = vec![opened.leaf];
    certificates.extend(opened.chain);
    Ok(Parts { own: certificates.len(), certificates, key: Some(opened.key) })
}

fn from_texts(request: &ImportRequest, text: &str, password: Option<&str>) -> Result<Parts, ServiceError> {
    let main = read(text, "certificate_pem")?;
    let Bundle { mut certificates, private_keys: mut keys, .. } = main;
    if certificates.is_empty() {
        let message = "certificate_pem holds no certificate, such as a \"-----BEGIN CERTIFICATE-----\" block";
        return Err(ServiceError::CertificateInvalid(message.to_owned()));
    }
    let own = certificates.len();
    if let Some(text) = &request.chain {
        certificates.extend(read(text, "chain_pem")?.certificates);
    }
    if let Some(text) = &request.private_key {
        keys.extend(read(text, "private_key_pem")?.private_keys);
        if keys.is_empty() {
            let problem = "holds no private key, such as a \"-----BEGIN PRIVATE KEY-----\" block";
            return Err(ServiceError::field("private_key_pem", problem));
        }
    }
    let key = match keys.as_slice() {
        [] => None,
        [key] => Some(open(key, password)?),
        _ => {
            let problem = "there must be one private key, not several";
            return Err(ServiceError::field("private_key_pem", problem));
        }
    };
    Ok(Parts { certificates, own, key })
}

fn read(text: &str, field: &str) -> Result<Bundle, ServiceError> {
    Bundle::read(text).map_err(|error| ServiceError::CertificateInvalid(format!("{field}: {error}")))
}

fn open(key: &PrivateKeyBlock, password: Option<&str>) -> Result<PrivateKey, ServiceError> {
    PrivateKey::from_block(key, password).map_err(|error| key_error("private_key_pem", error))
}

/// What is wrong with a key or a bundle is its sender's business; what fails inside is not.
fn key_error(field: &str, error: KeyError) -> ServiceError {
    match error {
        KeyError::PasswordRequired | KeyError::WrongPassword => {
            ServiceError::field("private_key_password", error.to_string())
        }
        KeyError::InvalidKey(_)
        | KeyError::UnacceptableKey(_)
        | KeyError::WeakKey(_)
        | KeyError::UnsupportedEncryption(_)
        | KeyError::ExcessiveWork(_)
        | KeyError::InvalidBundle(_) => ServiceError::field(field, error.to_string()),
        other => other.into(),
    }
}

/// Which of the first `own` certificates is the one that is imported: the key's; without a key, the one that issued
/// no other of them.
fn leaf(
    certificates: &[ParsedCertificate],
    own: usize,
    key: Option<&PrivateKey>,
) -> Result<usize, ServiceError> {
    let certificates = certificates.get(..own).unwrap_or(certificates);
    if let Some(key) = key {
        return certificates.iter().position(|certificate| key.matches(certificate.spki_der())).ok_or_else(
            || {
                let message = "the private key does not belong to the certificate";
                ServiceError::CertificateInvalid(message.to_owned())
            },
        );
    }
    let issued_another = |at: usize| {
        let subject = certificates[at].subject_der();
        certificates.iter().enumerate().any(|(other, below)| {
            other != at && below.der() != certificates[at].der() && below.issuer_der() == subject
        })
    };
    (0..certificates.len()).find(|at| !issued_another(*at)).ok_or_else(|| {
        let message = "the certificates have issued each other in a circle: give the one to import alone";
        ServiceError::CertificateInvalid(message.to_owned())
    })
}

/// The certificates from the leaf upwards. Every one must have its place, and its signature must be the next one's.
fn in_order(certificates: &[ParsedCertificate], leaf: usize) -> Result<Vec<usize>, ServiceError> {
    let mut order = vec![leaf];
    let mut known = BTreeSet::from([certificates[leaf].der()]);
    let mut rest: Vec<usize> =
        (0..certificates.len()).filter(|at| known.insert(certificates[*at].der())).collect();
    while let Some(&below) = order.last() {
        if certificates[below].is_self_issued() {
            break;
        }
        let place = rest.iter().position(|at| issued(&certificates[*at], &certificates[below]));
        match place {
            Some(place) if order.len() <= LONGEST_CHAIN => order.push(rest.remove(place)),
            Some(_) => {
                let message = format!("the chain has more than {LONGEST_CHAIN} certificates");
                return Err(ServiceError::CertificateInvalid(message));
            }
            None => break,
        }
    }
    match rest.first() {
        None => Ok(order),
        Some(&stranger) => {
            let last = order.last().map_or(leaf, |last| *last);
            let message = unverified(certificates, &rest, last).unwrap_or_else(|| {
                format!(
                    "the certificate of `{}` is not part of the chain: it issued none of the others",
                    certificates[stranger].subject()
                )
            });
            Err(ServiceError::CertificateInvalid(message))
        }
    }
}

/// Why one that is named as the issuer of the last certificate is not taken for it.
fn unverified(certificates: &[ParsedCertificate], rest: &[usize], last: usize) -> Option<String> {
    let below = &certificates[last];
    let named =
        rest.iter().map(|at| &certificates[*at]).find(|issuer| issuer.subject_der() == below.issuer_der())?;
    let reason = match named.public_key() {
        Ok(key) => below.verify_signed_by(&key).err()?.to_string(),
        Err(error) => format!("the key of `{}` cannot be used: {error}", named.subject()),
    };
    Some(format!(
        "the signature of `{}` cannot be verified with the certificate of `{}`: {reason}",
        below.subject(),
        named.subject()
    ))
}

fn issued(issuer: &ParsedCertificate, below: &ParsedCertificate) -> bool {
    issuer.subject_der() == below.issuer_der()
        && issuer.public_key().is_ok_and(|key| below.verify_signed_by(&key).is_ok())
}

fn invalid(error: X509Error) -> ServiceError {
    ServiceError::CertificateInvalid(error.to_string())
}

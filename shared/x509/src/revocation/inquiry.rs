//! What is asked: a certificate, its issuer, an instant.

use crate::{NameKey, PublicKey, X509Error, chain::Certificate};

/// The question whether a certificate was revoked. Both certificates are from a path that the
/// caller has found valid, so that the issuer's key can be trusted.
pub struct Inquiry<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) issuer: &'a Certificate,
    /// The issuer's name as the certificate has it.
    pub(super) issuer_name: NameKey,
    pub(super) issuer_key: PublicKey,
    pub(super) at: i64,
}

impl<'a> Inquiry<'a> {
    /// A question about `certificate`, which `issuer` has signed, at an instant (Unix seconds).
    ///
    /// # Errors
    /// [`X509Error::InvalidCertificate`] when the names do not fit; those of
    /// [`PublicKey::from_spki_der`] when the issuer's key cannot be used.
    pub fn new(certificate: &'a Certificate, issuer: &'a Certificate, at: i64) -> Result<Self, X509Error> {
        let issuer_name = NameKey::of_der(certificate.issuer_der())?;
        if issuer_name != NameKey::of_der(issuer.subject_der())? {
            return Err(X509Error::InvalidCertificate(
                "its issuer is another one than the certificate that was given for it".into(),
            ));
        }
        let issuer_key = PublicKey::from_spki_der(issuer.spki_der())?;
        Ok(Self { certificate, issuer, issuer_name, issuer_key, at })
    }
}

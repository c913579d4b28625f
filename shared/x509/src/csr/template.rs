//! Making requests (RFC 2986 §4).

use super::EXTENSION_REQUEST;
use crate::{
    BasicConstraints, DistinguishedName, KeyPair, KeyUsage, NameConstraints, SubjectAltNames, X509Error,
    certificate::{oid, signed, write_basic_constraints},
    writer::{Writer, tag},
};

/// What a request says. [`CsrTemplate::sign`] is the only way from here to a request.
#[derive(Clone, Debug, Default)]
pub struct CsrTemplate {
    /// The subject that the certificate is to have.
    pub subject: DistinguishedName,
    /// The names to ask for; without any there is no `extensionRequest`.
    pub subject_alt_names: SubjectAltNames,
    /// What to ask for beside names, when it is to be a CA.
    pub ca: Option<CaWish>,
}

/// A CA to be.
#[derive(Clone, Debug, Default)]
pub struct CaWish {
    /// How many CAs may follow below it.
    pub path_length: Option<u8>,
    /// The names under it.
    pub name_constraints: Option<NameConstraints>,
}

impl CsrTemplate {
    /// Checks the names, writes the request (version 1), has it signed with the key that is to be
    /// certified, and answers its DER.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`] when the subject breaks a rule of RFC 5280,
    /// [`X509Error::RefusedToSign`] when there is no name at all; what the key answers when it fails.
    pub fn sign(&self, key: &dyn KeyPair) -> Result<Vec<u8>, X509Error> {
        self.subject.validate()?;
        if self.subject.is_empty() && self.subject_alt_names.is_empty() {
            let rule = "the request has neither a subject nor an alternative name (RFC 5280 section 4.1.2.6)";
            return Err(X509Error::RefusedToSign(rule.into()));
        }
        let info = self.info(key.spki_der())?;
        let signature = key.sign(&info)?;
        Ok(signed(&info, key.signature_algorithm(), &signature))
    }

    fn info(&self, spki_der: &[u8]) -> Result<Vec<u8>, X509Error> {
        let constraints = self.ca.as_ref().and_then(|ca| ca.name_constraints.as_ref());
        let constraints = constraints.map(NameConstraints::extension_value_der).transpose()?;
        let mut writer = Writer::with_capacity(spki_der.len() + 32 * self.subject_alt_names.len() + 256);
        writer.sequence(|info| {
            info.unsigned_integer(&[0]);
            self.subject.write(info);
            info.raw(spki_der);
            info.nested(tag::context_constructed(0), |attributes| {
                if !self.subject_alt_names.is_empty() || self.ca.is_some() {
                    self.write_extension_request(attributes, constraints.as_deref());
                }
            });
        });
        Ok(writer.finish())
    }

    fn write_extension_request(&self, attributes: &mut Writer, constraints: Option<&[u8]>) {
        // As in a certificate (RFC 5280 §4.2.1.6).
        let critical = self.subject.is_empty();
        attributes.sequence(|attribute| {
            attribute.object_identifier(EXTENSION_REQUEST);
            attribute.nested(tag::SET, |values| {
                values.sequence(|extensions| {
                    if let Some(CaWish { path_length, .. }) = self.ca {
                        write_basic_constraints(extensions, BasicConstraints::Ca { path_length });
                        extensions.extension(oid::KEY_USAGE, true, |value| {
                            (KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN).write(value);
                        });
                    }
                    if !self.subject_alt_names.is_empty() {
                        extensions.extension(oid::SUBJECT_ALT_NAME, critical, |value| {
                            self.subject_alt_names.write(value);
                        });
                    }
                    if let Some(constraints) = constraints {
                        extensions.extension(oid::NAME_CONSTRAINTS, true, |value| value.raw(constraints));
                    }
                });
            });
        });
    }
}

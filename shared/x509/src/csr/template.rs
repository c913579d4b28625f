//! Making requests (RFC 2986 §4).

use super::EXTENSION_REQUEST;
use crate::{
    DistinguishedName, KeyPair, SubjectAltNames, X509Error,
    certificate::{oid, signed},
    writer::{Writer, tag},
};

/// What a request says. [`CsrTemplate::sign`] is the only way from here to a request.
#[derive(Clone, Debug, Default)]
pub struct CsrTemplate {
    /// Whom the certificate is to be about.
    pub subject: DistinguishedName,
    /// The names to ask for; without any there is no `extensionRequest`.
    pub subject_alt_names: SubjectAltNames,
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
        let info = self.info(key.spki_der());
        let signature = key.sign(&info)?;
        Ok(signed(&info, key.signature_algorithm(), &signature))
    }

    fn info(&self, spki_der: &[u8]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(spki_der.len() + 32 * self.subject_alt_names.len() + 256);
        writer.sequence(|info| {
            info.unsigned_integer(&[0]);
            self.subject.write(info);
            info.raw(spki_der);
            info.nested(tag::context_constructed(0), |attributes| {
                if !self.subject_alt_names.is_empty() {
                    self.write_extension_request(attributes);
                }
            });
        });
        writer.finish()
    }

    fn write_extension_request(&self, attributes: &mut Writer) {
        // As in a certificate (RFC 5280 §4.2.1.6).
        let critical = self.subject.is_empty();
        attributes.sequence(|attribute| {
            attribute.object_identifier(EXTENSION_REQUEST);
            attribute.nested(tag::SET, |values| {
                values.sequence(|extensions| {
                    extensions.extension(oid::SUBJECT_ALT_NAME, critical, |value| {
                        self.subject_alt_names.write(value);
                    });
                });
            });
        });
    }
}

//! Asking an OCSP responder (RFC 6960 §4.1).

use openssl::sha;

use crate::{
    X509Error,
    reader::Reader,
    writer::{Writer, tag},
};

use super::Inquiry;

/// Contents of the OID of SHA-1.
pub(crate) const SHA1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
/// Contents of the OID of `id-pkix-ocsp-nonce`.
pub(crate) const NONCE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x02";

/// A question for an OCSP responder, to be posted as `application/ocsp-request`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OcspRequest {
    der: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

impl OcspRequest {
    /// The request in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The nonce that was asked with.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }
}

impl Inquiry<'_> {
    /// Asks for the certificate's status. Issuer and key are named by their SHA-1 hashes, since that
    /// is what responders look up; nothing rests on their strength, because the response is signed.
    /// A nonce keeps old responses from being used again, where responders support it.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] for a nonce of other than 1 to 128 octets (RFC 9654 §2.1).
    pub fn ocsp_request(&self, nonce: Option<&[u8]>) -> Result<OcspRequest, X509Error> {
        if nonce.is_some_and(|nonce| !(1..=128).contains(&nonce.len())) {
            return Err(X509Error::RefusedToSign("an OCSP nonce must have 1 to 128 octets".into()));
        }
        let name_hash = sha::sha1(self.certificate.issuer_der());
        let key_hash = sha::sha1(key_octets(self.issuer.spki_der())?);
        let mut writer = Writer::with_capacity(256);
        writer.sequence(|request| {
            request.sequence(|tbs| {
                tbs.sequence(|list| {
                    list.sequence(|single| {
                        single.sequence(|id| {
                            id.sequence(|algorithm| {
                                algorithm.object_identifier(SHA1);
                                algorithm.primitive(NULL, &[]);
                            });
                            id.primitive(tag::OCTET_STRING, &name_hash);
                            id.primitive(tag::OCTET_STRING, &key_hash);
                            id.primitive(tag::INTEGER, self.certificate.serial_number_octets());
                        });
                    });
                });
                if let Some(nonce) = nonce {
                    tbs.nested(tag::context_constructed(2), |extensions| {
                        extensions.sequence(|list| {
                            list.extension(NONCE, false, |value| value.primitive(tag::OCTET_STRING, nonce));
                        });
                    });
                }
            });
        });
        Ok(OcspRequest { der: writer.finish(), nonce: nonce.map(<[u8]>::to_vec) })
    }
}

const NULL: u8 = 0x05;

/// What the BIT STRING of a `SubjectPublicKeyInfo` holds.
pub(crate) fn key_octets(spki_der: &[u8]) -> Result<&[u8], X509Error> {
    let mut spki = Reader::of_sequence(spki_der)?;
    spki.raw()?;
    let key = spki.bit_string()?;
    spki.finish()?;
    Ok(key)
}

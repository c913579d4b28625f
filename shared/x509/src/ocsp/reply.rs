//! What is answered (RFC 6960 §4.2).

use openssl::sha;

use super::OcspRefusal;
use crate::{
    RevocationReason, Signer, X509Error,
    certificate::check_instants,
    instant,
    revocation::{NONCE, key_octets},
    writer::{Writer, tag},
};

/// Contents of the OID of `id-pkix-ocsp-basic`.
const BASIC: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x01";

/// What is known of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OcspStatus {
    /// It was issued, and is not revoked.
    Good,
    /// It is revoked or suspended.
    Revoked {
        /// Since when, in Unix seconds.
        at: i64,
        /// Why.
        reason: RevocationReason,
    },
    /// It was not issued here.
    Unknown,
}

/// The answer about one certificate.
#[derive(Clone, Copy, Debug)]
pub struct SingleReply<'a> {
    /// The `CertID` of the request.
    pub id_der: &'a [u8],
    /// What is known.
    pub status: OcspStatus,
}

/// A response. [`OcspReply::sign`] is the only way from here to a signed one.
#[derive(Clone, Copy, Debug)]
pub struct OcspReply<'a> {
    /// The `SubjectPublicKeyInfo` of the signer, by whose hash the responder is named.
    pub responder_spki_der: &'a [u8],
    /// The certificate by which a CA has the signer answer for it; none when the CA signs.
    pub responder_certificate_der: Option<&'a [u8]>,
    /// The answers, in the order of the questions.
    pub answers: &'a [SingleReply<'a>],
    /// The nonce of the request.
    pub nonce: Option<&'a [u8]>,
    /// As of when it is so, in Unix seconds.
    pub this_update: i64,
    /// Until when a newer answer is promised, in Unix seconds.
    pub next_update: i64,
}

impl OcspReply<'_> {
    /// Writes and signs the response, and answers the DER of the `OCSPResponse`.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] when there is no answer in it, an instant cannot be written, or a suspension is said to
    /// be lifted, which is *good*; what the signer answers when it fails.
    pub fn sign(&self, responder: &dyn Signer) -> Result<Vec<u8>, X509Error> {
        self.check()?;
        let tbs = self.response_data()?;
        let algorithm = responder.signature_algorithm();
        let signature = responder.sign(&tbs)?;
        let certificate = self.responder_certificate_der.unwrap_or_default();
        let mut basic = Writer::with_capacity(tbs.len() + signature.len() + certificate.len() + 64);
        basic.sequence(|fields| {
            fields.raw(&tbs);
            fields.raw(algorithm.der());
            fields.bit_string(&signature);
            if !certificate.is_empty() {
                fields.nested(tag::context_constructed(0), |explicit| {
                    explicit.sequence(|certificates| certificates.raw(certificate));
                });
            }
        });
        let basic = basic.finish();
        let mut response = Writer::with_capacity(basic.len() + 64);
        response.sequence(|fields| {
            fields.primitive(tag::ENUMERATED, &[0]);
            fields.nested(tag::context_constructed(0), |octets| {
                octets.sequence(|typed| {
                    typed.object_identifier(BASIC);
                    typed.primitive(tag::OCTET_STRING, &basic);
                });
            });
        });
        Ok(response.finish())
    }

    fn check(&self) -> Result<(), X509Error> {
        check_instants(self.this_update, self.next_update)?;
        if self.answers.is_empty() {
            return Err(X509Error::RefusedToSign("there is no answer in it".into()));
        }
        for answer in self.answers {
            if let OcspStatus::Revoked { at, reason } = answer.status {
                if !(instant::EARLIEST..=instant::LATEST).contains(&at) {
                    let problem = "it was revoked outside of the years 1950 to 9999";
                    return Err(X509Error::RefusedToSign(problem.into()));
                }
                if reason == RevocationReason::RemoveFromCrl {
                    return Err(X509Error::RefusedToSign("removeFromCRL is for delta CRLs only".into()));
                }
            }
        }
        Ok(())
    }

    fn response_data(&self) -> Result<Vec<u8>, X509Error> {
        let key_hash = sha::sha1(key_octets(self.responder_spki_der)?);
        let mut writer = Writer::with_capacity(256 + 160 * self.answers.len());
        writer.sequence(|data| {
            data.nested(tag::context_constructed(2), |id| id.primitive(tag::OCTET_STRING, &key_hash));
            generalized_time(data, self.this_update);
            data.sequence(|list| {
                for answer in self.answers {
                    list.sequence(|single| self.write_single(single, answer));
                }
            });
            if let Some(nonce) = self.nonce {
                data.nested(tag::context_constructed(1), |extensions| {
                    extensions.sequence(|list| {
                        list.extension(NONCE, false, |value| value.primitive(tag::OCTET_STRING, nonce));
                    });
                });
            }
        });
        Ok(writer.finish())
    }

    fn write_single(&self, single: &mut Writer, answer: &SingleReply<'_>) {
        single.raw(answer.id_der);
        match answer.status {
            OcspStatus::Good => single.primitive(tag::context(0), &[]),
            OcspStatus::Revoked { at, reason } => {
                single.nested(tag::context_constructed(1), |information| {
                    generalized_time(information, at);
                    // As in CRLs, *unspecified* is not written.
                    if reason != RevocationReason::Unspecified {
                        information.nested(tag::context_constructed(0), |explicit| {
                            explicit.primitive(tag::ENUMERATED, &[reason.code()]);
                        });
                    }
                });
            }
            OcspStatus::Unknown => single.primitive(tag::context(2), &[]),
        }
        generalized_time(single, self.this_update);
        single.nested(tag::context_constructed(0), |explicit| generalized_time(explicit, self.next_update));
    }
}

/// A response without an answer, which is not signed.
pub fn refusal(reason: OcspRefusal) -> &'static [u8] {
    match reason {
        OcspRefusal::MalformedRequest => &[0x30, 3, 0x0A, 1, 1],
        OcspRefusal::InternalError => &[0x30, 3, 0x0A, 1, 2],
        OcspRefusal::TryLater => &[0x30, 3, 0x0A, 1, 3],
        OcspRefusal::Unauthorized => &[0x30, 3, 0x0A, 1, 6],
    }
}

fn generalized_time(writer: &mut Writer, unix_seconds: i64) {
    writer.primitive(tag::GENERALIZED_TIME, &instant::digits(unix_seconds));
}

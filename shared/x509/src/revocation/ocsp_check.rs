//! Judging a certificate by an OCSP response (RFC 6960 §3.2).

use std::sync::Arc;

use openssl::sha;

use crate::{
    ExtendedKeyUsage, KeyUsage, PublicKey, RevocationReason, X509Error,
    chain::{Certificate, Code},
    reader::Reader,
    same_name,
    writer::tag,
};

use super::{
    Doubt, DoubtCode, Inquiry, OcspRequest, OcspResponse, OcspResponseStatus, RevocationStatus,
    doubt::utc,
    extension,
    ocsp_request::{SHA1, key_octets},
    ocsp_response::{Basic, ResponderId, Single, SingleStatus},
    signed::Signed,
};

const SHA2: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
/// Contents of the OID of `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1).
const NO_CHECK: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x05";
/// Clocks differ.
const CLOCK_SKEW: i64 = 300;
/// Without a next update "newer information is available all the time" (§4.2.2.1), so an old
/// response is no evidence: seconds after this update.
const MAX_AGE: i64 = 86_400;

/// Certificates with the responder's name that are looked at.
const MOST_DELEGATES: usize = 8;

/// The possible signers of an OCSP response whose certificates are not in it.
#[derive(Clone, Copy, Default)]
pub struct OcspSigners<'a> {
    /// Certificates that the **caller has validated** to the same anchor as the path. Those of the
    /// issuer's name hold other keys of the issuer.
    pub validated: &'a [Arc<Certificate>],
    /// Certificates of any origin. Those count that the issuer has named as its responders.
    pub others: &'a [Arc<Certificate>],
}

impl Inquiry<'_> {
    /// What a response to `request` says. A response without nonce is taken although one was asked
    /// for, since most responders sign ahead of time; another nonce is not. A response that is too
    /// old, or answers another request, can still say *revoked*.
    pub fn by_ocsp(&self, response: &OcspResponse, request: &OcspRequest) -> RevocationStatus {
        self.by_ocsp_of(response, request, OcspSigners::default())
    }

    /// The same, where the signer's certificate may be one of `signers`.
    pub fn by_ocsp_of(
        &self,
        response: &OcspResponse,
        request: &OcspRequest,
        signers: OcspSigners<'_>,
    ) -> RevocationStatus {
        let Some(basic) = &response.basic else {
            return RevocationStatus::doubtful(refusal(response.status()));
        };
        match self.judge(basic, request, signers) {
            Ok(status) => status,
            Err(doubt) => RevocationStatus::doubtful(doubt),
        }
    }

    /// The certificate of the responder, if it is one that the issuer has named, and does not say
    /// that it need not be checked (`id-pkix-ocsp-nocheck`). Whether it was revoked itself is for
    /// the caller to find out, by CRL (RFC 6960 §4.2.2.2.1).
    pub fn ocsp_delegate_to_check(&self, response: &OcspResponse) -> Option<Arc<Certificate>> {
        self.ocsp_delegate_of(response, OcspSigners::default())
    }

    /// The same, where the signer's certificate may be one of `signers`.
    pub fn ocsp_delegate_of(
        &self,
        response: &OcspResponse,
        signers: OcspSigners<'_>,
    ) -> Option<Arc<Certificate>> {
        match self.responder(response.basic.as_ref()?, signers).ok()? {
            Responder::Issuer => None,
            Responder::Delegate(delegate) => (!need_not_be_checked(&delegate)).then_some(delegate),
        }
    }

    fn judge(
        &self,
        basic: &Basic,
        request: &OcspRequest,
        signers: OcspSigners<'_>,
    ) -> Result<RevocationStatus, Doubt> {
        let responder = self.responder(basic, signers)?;
        if let Some(oid) = &basic.unknown_critical {
            return Err(unknown_critical(oid));
        }
        let is_fresh = self.is_at_its_time(&responder).and_then(|()| answers(basic, request));
        let mut answer: Option<SingleStatus> = None;
        let mut revoked_once: Option<RevocationStatus> = None;
        let mut doubt = Doubt::new(
            DoubtCode::OcspOtherCertificate,
            "the OCSP response says nothing about this certificate",
        );
        for single in basic.singles.iter().filter(|single| self.is_about_us(single)) {
            match is_fresh.clone().and_then(|()| self.check_single(single)) {
                Ok(()) => answer = Some(answer.map_or(single.status, |known| worse(known, single.status))),
                Err(reason) => doubt = reason,
            }
            revoked_once = self.standing(single).or(revoked_once);
        }
        let current = match answer {
            // As in CRLs: taken off the list again.
            Some(
                SingleStatus::Good | SingleStatus::Revoked { reason: RevocationReason::RemoveFromCrl, .. },
            ) => Ok(RevocationStatus::Good),
            Some(SingleStatus::Revoked { at, reason }) => {
                Ok(RevocationStatus::Revoked { at, reason, outdated: None })
            }
            Some(SingleStatus::Unknown) => {
                Err(Doubt::new(DoubtCode::OcspUnknown, "the OCSP responder does not know the certificate"))
            }
            None => Err(doubt),
        };
        match (current, revoked_once) {
            (Ok(revoked @ RevocationStatus::Revoked { .. }), _) => Ok(revoked),
            (Ok(good), Some(outdated)) => Ok(good.and(outdated)),
            (Err(_), Some(outdated)) => Ok(outdated),
            (current, None) => current,
        }
    }

    /// A revocation that was told, which holds however long ago that was.
    fn standing(&self, single: &Single) -> Option<RevocationStatus> {
        let SingleStatus::Revoked { at, reason } = single.status else {
            return None;
        };
        let by_then = self.at >= single.this_update.saturating_sub(CLOCK_SKEW) || at <= self.at;
        let is_standing =
            by_then && single.unknown_critical.is_none() && reason != RevocationReason::RemoveFromCrl;
        is_standing.then_some(RevocationStatus::Revoked { at, reason, outdated: Some(single.this_update) })
    }

    /// Whether a responder may speak at the instant.
    fn is_at_its_time(&self, responder: &Responder) -> Result<(), Doubt> {
        match responder {
            Responder::Delegate(delegate) if !delegate.is_valid_at(self.at) => {
                Err(not_authorised(&format!("the responder's certificate is not valid at {}", utc(self.at))))
            }
            Responder::Delegate(_) | Responder::Issuer => Ok(()),
        }
    }

    /// The signer of the response, of those that may sign it (§4.2.2.2).
    fn responder(&self, basic: &Basic, signers: OcspSigners<'_>) -> Result<Responder, Doubt> {
        let is_another_key = |signer: &&Arc<Certificate>| {
            names(&basic.responder, signer) && same_name(signer.subject_der(), self.issuer.subject_der())
        };
        for signer in signers.validated.iter().filter(is_another_key) {
            let key = PublicKey::from_spki_der(signer.spki_der());
            if key.is_ok_and(|key| basic.signed().is_by(&key).unwrap_or(false)) {
                return Ok(Responder::Issuer);
            }
        }
        if names(&basic.responder, self.issuer) {
            match basic.signed().is_by(&self.issuer_key) {
                Ok(true) => return Ok(Responder::Issuer),
                Ok(false) => {}
                Err(error) => return Err(unsupported(&error.to_string())),
            }
        }
        let mut doubt = if names(&basic.responder, self.issuer) {
            Doubt::new(
                DoubtCode::OcspSignatureInvalid,
                "the OCSP response was not signed with the issuer's key",
            )
        } else {
            not_authorised("its responder is neither the issuer nor among the certificates that came with it")
        };
        let enclosed = basic.certificates.iter().filter_map(|der| Certificate::from_der(der).ok());
        let known = signers.others.iter().chain(signers.validated).cloned();
        let named = enclosed.map(Arc::new).chain(known).filter(|signer| names(&basic.responder, signer));
        for delegate in named.take(MOST_DELEGATES) {
            match self.check_delegate(&delegate, basic) {
                Ok(()) => return Ok(Responder::Delegate(delegate)),
                Err(reason) => doubt = reason,
            }
        }
        Err(doubt)
    }

    /// Whether the issuer has named the owner of a certificate as its responder, and that one has
    /// signed.
    fn check_delegate(&self, delegate: &Certificate, basic: &Basic) -> Result<(), Doubt> {
        let by_another =
            || not_authorised("the responder's certificate is not signed by the certificate's issuer");
        if !same_name(delegate.issuer_der(), self.issuer.subject_der()) {
            return Err(by_another());
        }
        if !delegate.purposes().unwrap_or_default().contains(&ExtendedKeyUsage::OcspSigning) {
            return Err(not_authorised("the responder's certificate lacks the purpose OCSPSigning"));
        }
        if delegate.key_usage().is_some_and(|usage| {
            !usage.intersects(KeyUsage::DIGITAL_SIGNATURE.union(KeyUsage::CONTENT_COMMITMENT))
        }) {
            return Err(not_authorised("the key usage of the responder's certificate permits no signatures"));
        }
        if [Code::UnknownCriticalExtension, Code::MalformedExtension, Code::DuplicateExtension]
            .into_iter()
            .any(|code| delegate.breaks(code))
        {
            return Err(not_authorised(
                "the responder's certificate has extensions that cannot be processed",
            ));
        }
        // Signatures come last: anybody can enclose certificates with the responder's name.
        if !Signed::parse(delegate.der()).is_ok_and(|signed| signed.is_by(&self.issuer_key).unwrap_or(false))
        {
            return Err(by_another());
        }
        let key =
            PublicKey::from_spki_der(delegate.spki_der()).map_err(|error| unsupported(&error.to_string()))?;
        match basic.signed().is_by(&key) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Doubt::new(
                DoubtCode::OcspSignatureInvalid,
                "the OCSP response was not signed with its responder's key",
            )),
            Err(error) => Err(unsupported(&error.to_string())),
        }
    }

    /// Whether the answer is about the certificate (`CertID`).
    fn is_about_us(&self, single: &Single) -> bool {
        let Ok(key) = key_octets(self.issuer.spki_der()) else {
            return false;
        };
        let hash: fn(&[u8]) -> Vec<u8> = match (single.hash.as_slice(), single.hash.strip_prefix(SHA2)) {
            (SHA1, _) => |octets| sha::sha1(octets).to_vec(),
            (_, Some([1])) => |octets| sha::sha256(octets).to_vec(),
            (_, Some([2])) => |octets| sha::sha384(octets).to_vec(),
            (_, Some([3])) => |octets| sha::sha512(octets).to_vec(),
            _ => return false,
        };
        single.serial == self.certificate.serial_number_octets()
            && single.key_hash == hash(key)
            // The same name may be encoded in two ways.
            && [self.certificate.issuer_der(), self.issuer.subject_der()]
                .into_iter()
                .any(|name| single.name_hash == hash(name))
    }

    fn check_single(&self, single: &Single) -> Result<(), Doubt> {
        if let Some(oid) = &single.unknown_critical {
            return Err(unknown_critical(oid));
        }
        if self.at < single.this_update.saturating_sub(CLOCK_SKEW) {
            return Err(Doubt::new(
                DoubtCode::OcspNotYetValid,
                format!(
                    "the OCSP response is of {}, after the instant {} that was asked for",
                    utc(single.this_update),
                    utc(self.at)
                ),
            ));
        }
        let end = match single.next_update {
            Some(next_update) => next_update.saturating_add(CLOCK_SKEW),
            None => single.this_update.saturating_add(MAX_AGE),
        };
        if self.at > end {
            return Err(Doubt::new(
                DoubtCode::OcspStale,
                format!(
                    "the OCSP response is stale: it is of {}, and served until {}",
                    utc(single.this_update),
                    utc(end)
                ),
            ));
        }
        Ok(())
    }
}

enum Responder {
    Issuer,
    Delegate(Arc<Certificate>),
}

/// Whether a response may be the one to this request.
fn answers(basic: &Basic, request: &OcspRequest) -> Result<(), Doubt> {
    match (request.nonce(), basic.nonce.as_deref()) {
        (Some(asked), Some(answered)) if asked != answered => Err(Doubt::new(
            DoubtCode::OcspNonceMismatch,
            "the OCSP response answers another request: its nonce differs",
        )),
        _ => Ok(()),
    }
}

/// Whether a responder's certificate has `id-pkix-ocsp-nocheck`.
fn need_not_be_checked(certificate: &Certificate) -> bool {
    let mut found = false;
    let mut look = || {
        let mut fields = Reader::of_sequence(Signed::parse(certificate.der())?.tbs_der)?;
        while let Some((identifier, contents)) = fields.next_value()? {
            if identifier == tag::context_constructed(3) {
                extension::each(contents, |oid, _, _| {
                    found |= oid == NO_CHECK;
                    Ok(())
                })?;
            }
        }
        Ok::<_, X509Error>(())
    };
    look().is_ok() && found
}

/// Whether a `ResponderID` names the subject of this certificate.
fn names(responder: &ResponderId, certificate: &Certificate) -> bool {
    match responder {
        ResponderId::Name(name) => same_name(name, certificate.subject_der()),
        ResponderId::KeyHash(hash) => {
            key_octets(certificate.spki_der()).is_ok_and(|key| sha::sha1(key) == hash.as_slice())
        }
    }
}

/// The one of two answers about the same certificate that counts.
fn worse(one: SingleStatus, other: SingleStatus) -> SingleStatus {
    match (one, other) {
        (revoked @ SingleStatus::Revoked { .. }, _) | (_, revoked @ SingleStatus::Revoked { .. }) => revoked,
        (SingleStatus::Unknown, _) | (_, SingleStatus::Unknown) => SingleStatus::Unknown,
        (SingleStatus::Good, SingleStatus::Good) => SingleStatus::Good,
    }
}

fn refusal(status: OcspResponseStatus) -> Doubt {
    let meaning = match status {
        OcspResponseStatus::Successful => "there is no response in it",
        OcspResponseStatus::MalformedRequest => "it did not understand the request",
        OcspResponseStatus::InternalError => "it failed",
        OcspResponseStatus::TryLater => "it is busy; the same request may be answered later",
        OcspResponseStatus::SigRequired => "it wants signed requests, which are not made",
        OcspResponseStatus::Unauthorized => "it does not answer us, or knows nothing of this issuer",
    };
    Doubt::new(DoubtCode::OcspRefused, format!("the OCSP responder answered {}: {meaning}", status.as_str()))
}

fn not_authorised(reason: &str) -> Doubt {
    Doubt::new(DoubtCode::OcspSignerNotAuthorised, format!("the OCSP response cannot be trusted: {reason}"))
}

fn unsupported(reason: &str) -> Doubt {
    Doubt::new(
        DoubtCode::OcspSignatureUnsupported,
        format!("the signature of the OCSP response cannot be verified: {reason}"),
    )
}

fn unknown_critical(oid: &str) -> Doubt {
    Doubt::new(
        DoubtCode::OcspUnknownCriticalExtension,
        format!("the OCSP response has the critical extension {oid}, which is not processed"),
    )
}

use std::sync::Arc;

use certmill_x509::{
    RevocationReason, X509Error,
    chain::Certificate,
    revocation::{
        DoubtCode, Inquiry, OcspRequest, OcspResponse, OcspResponseStatus, OcspSigners, RevocationStatus,
    },
};

use crate::workshop::{CA, DAY, LEAF, Workshop, doubts, soon, tlv};

const RESPONDER: &str =
    "keyUsage=critical,digitalSignature\nextendedKeyUsage=OCSPSigning\nauthorityKeyIdentifier=keyid\n";

struct Setting {
    workshop: Workshop,
    ca: Certificate,
    leaf: Certificate,
}

impl Setting {
    fn new() -> Self {
        let workshop = Workshop::new();
        let ca = workshop.root("ca", "Root", CA);
        let leaf = workshop.issued("ca", "leaf", "0xA1", LEAF);
        workshop.index(&[("A1", None), ("A2", None)]);
        Self { workshop, ca, leaf }
    }

    fn inquiry(&self) -> Inquiry<'_> {
        Inquiry::new(&self.leaf, &self.ca, soon(&self.leaf)).unwrap()
    }

    fn request(&self) -> OcspRequest {
        self.inquiry().ocsp_request(None).unwrap()
    }

    /// The answer of `openssl ocsp` with the certificate and key of `signer`.
    fn answer(&self, request_der: &[u8], signer: &str, options: &str) -> OcspResponse {
        self.workshop.write("request.der", request_der);
        let validity = if options.contains("-nmin") || options.contains("-plain") { "" } else { "-ndays 7" };
        self.workshop.openssl(&format!(
            "ocsp -index index.txt -CA ca.pem -rsigner {signer}.pem -rkey {signer}.key -rmd sha256 \
             -reqin request.der -respout response.der {validity} {}",
            options.replace("-plain", "")
        ));
        OcspResponse::from_der(&self.workshop.read("response.der")).unwrap()
    }

    fn status(&self, signer: &str, options: &str) -> RevocationStatus {
        let request = self.request();
        self.inquiry().by_ocsp(&self.answer(request.der(), signer, options), &request)
    }
}

#[test]
fn requests_are_understood() {
    let setting = Setting::new();
    let nonce = [0x5A; 32];
    let request = setting.inquiry().ocsp_request(Some(&nonce)).unwrap();
    assert_eq!(request.nonce(), Some(&nonce[..]));
    setting.workshop.write("own.der", request.der());
    let text = setting.workshop.openssl("ocsp -reqin own.der -req_text");
    assert!(text.contains("Hash Algorithm: sha1") && text.contains("Serial Number: A1"), "{text}");
    assert!(text.contains("OCSP Nonce"), "{text}");
    // Octet by octet what openssl asks itself.
    setting.workshop.openssl("ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout theirs.der");
    assert_eq!(setting.request().der(), setting.workshop.read("theirs.der"));
    for length in [0, 129] {
        let refused = setting.inquiry().ocsp_request(Some(&vec![1; length]));
        assert!(matches!(refused, Err(X509Error::RefusedToSign(_))));
    }
}

#[test]
fn the_issuer_answers() {
    let setting = Setting::new();
    assert_eq!(setting.status("ca", ""), RevocationStatus::Good);
    assert_eq!(setting.status("ca", "-resp_key_id"), RevocationStatus::Good);
    assert_eq!(setting.status("ca", "-resp_no_certs"), RevocationStatus::Good);
    for (reason, expected) in [
        ("", RevocationReason::Unspecified),
        (",keyCompromise", RevocationReason::KeyCompromise),
        (",certificateHold", RevocationReason::CertificateHold),
    ] {
        setting.workshop.index(&[("A1", Some(reason))]);
        let RevocationStatus::Revoked { at, reason, outdated: None } = setting.status("ca", "") else {
            panic!("{expected} was not seen");
        };
        assert_eq!((at, reason), (1_767_323_045, expected));
    }
    setting.workshop.index(&[]);
    assert_eq!(doubts(&setting.status("ca", "")), [DoubtCode::OcspUnknown]);
}

#[test]
fn a_responder_named_by_the_issuer_answers() {
    let setting = Setting::new();
    let named = setting.workshop.issued("ca", "responder", "0xB1", RESPONDER);
    assert_eq!(setting.status("responder", ""), RevocationStatus::Good);
    assert_eq!(setting.status("responder", "-resp_key_id"), RevocationStatus::Good);
    setting.workshop.index(&[("A1", Some(",superseded"))]);
    assert!(matches!(setting.status("responder", ""), RevocationStatus::Revoked { .. }));

    // Whether it was revoked itself is a question of its own.
    let request = setting.request();
    let response = setting.answer(request.der(), "responder", "");
    let delegate = setting.inquiry().ocsp_delegate_to_check(&response).unwrap();
    assert_eq!(delegate.der(), named.der());
    let unchecked = format!("{RESPONDER}noCheck=ignored\n");
    setting.workshop.issued("ca", "unchecked", "0xB2", &unchecked);
    let response = setting.answer(request.der(), "unchecked", "");
    assert!(setting.inquiry().ocsp_delegate_to_check(&response).is_none());
    let response = setting.answer(request.der(), "ca", "");
    assert!(setting.inquiry().ocsp_delegate_to_check(&response).is_none());
}

#[test]
fn nobody_else_answers() {
    let setting = Setting::new();
    let workshop = &setting.workshop;
    // No purpose, a purpose too wide, a usage that does not fit.
    workshop.issued("ca", "plain", "0xB1", "keyUsage=critical,digitalSignature\n");
    workshop.issued("ca", "any", "0xB2", "extendedKeyUsage=anyExtendedKeyUsage,serverAuth\n");
    workshop.issued("ca", "encrypts", "0xB3", &RESPONDER.replace("digitalSignature", "keyEncipherment"));
    workshop.issued("ca", "critical", "0xB4", &format!("{RESPONDER}1.2.3.4=critical,ASN1:NULL\n"));
    // Named by another CA, or by an impostor with the issuer's name.
    workshop.root("other", "Other", CA);
    workshop.issued("other", "foreign", "0xB5", RESPONDER);
    workshop.root("impostor", "Root", CA);
    workshop.issued("impostor", "false", "0xB6", RESPONDER);
    // Named by the issuer's own sub-CA.
    workshop.issued("ca", "sub", "0xB7", CA);
    workshop.issued("sub", "below", "0xB8", RESPONDER);
    for signer in ["plain", "any", "encrypts", "critical", "foreign", "false", "below", "other", "leaf"] {
        let status = setting.status(signer, "");
        assert_eq!(doubts(&status), [DoubtCode::OcspSignerNotAuthorised], "{signer}");
    }
    let status = setting.status("impostor", "-resp_no_certs");
    assert_eq!(doubts(&status), [DoubtCode::OcspSignatureInvalid]);
    workshop.issued("ca", "absent", "0xB9", RESPONDER);
    let status = setting.status("absent", "-resp_no_certs");
    assert_eq!(doubts(&status), [DoubtCode::OcspSignerNotAuthorised]);
}

#[test]
fn an_expired_responder_does_not_answer() {
    let setting = Setting::new();
    let responder = setting.workshop.issued("ca", "responder", "0xB1", RESPONDER);
    let request = setting.request();
    let response = setting.answer(request.der(), "responder", "-plain -ndays 1000");
    let at = |at| Inquiry::new(&setting.leaf, &setting.ca, at).unwrap().by_ocsp(&response, &request);
    assert_eq!(at(responder.not_after()), RevocationStatus::Good);
    assert_eq!(doubts(&at(responder.not_after() + 1)), [DoubtCode::OcspSignerNotAuthorised]);
}

#[test]
fn the_answer_is_about_the_certificate() {
    let setting = Setting::new();
    let request = setting.request();
    let inquiry = setting.inquiry();
    // Another certificate of the same issuer.
    let sibling = setting.workshop.issued("ca", "sibling", "0xA2", LEAF);
    let of_sibling = Inquiry::new(&sibling, &setting.ca, soon(&sibling)).unwrap().ocsp_request(None).unwrap();
    let response = setting.answer(of_sibling.der(), "ca", "");
    assert_eq!(doubts(&inquiry.by_ocsp(&response, &request)), [DoubtCode::OcspOtherCertificate]);
    // The same serial number under another issuer.
    setting.workshop.root("other", "Other", CA);
    setting.workshop.openssl("ocsp -issuer other.pem -serial 0xA1 -no_nonce -reqout foreign.der");
    let response = setting.answer(&setting.workshop.read("foreign.der"), "ca", "");
    assert_eq!(doubts(&inquiry.by_ocsp(&response, &request)), [DoubtCode::OcspOtherCertificate]);
    // Other hashes, and answers about several certificates.
    for hash in ["sha256", "sha384", "sha512"] {
        setting.workshop.openssl(&format!(
            "ocsp -{hash} -issuer ca.pem -serial 0xA2 -serial 0xA1 -no_nonce -reqout hashed.der"
        ));
        let response = setting.answer(&setting.workshop.read("hashed.der"), "ca", "");
        assert_eq!(inquiry.by_ocsp(&response, &request), RevocationStatus::Good, "{hash}");
    }
    setting.workshop.index(&[("A1", Some("")), ("A2", None)]);
    let response = setting.answer(&setting.workshop.read("hashed.der"), "ca", "");
    assert!(matches!(inquiry.by_ocsp(&response, &request), RevocationStatus::Revoked { .. }));
}

#[test]
fn nonces_must_not_differ() {
    let setting = Setting::new();
    let inquiry = setting.inquiry();
    let (one, other) =
        (inquiry.ocsp_request(Some(&[1; 16])).unwrap(), inquiry.ocsp_request(Some(&[2; 16])).unwrap());
    let response = setting.answer(one.der(), "ca", "");
    assert_eq!(inquiry.by_ocsp(&response, &one), RevocationStatus::Good);
    assert_eq!(doubts(&inquiry.by_ocsp(&response, &other)), [DoubtCode::OcspNonceMismatch]);
    // A responder that knows no nonces.
    let response = setting.answer(setting.request().der(), "ca", "");
    assert_eq!(inquiry.by_ocsp(&response, &one), RevocationStatus::Good);
}

#[test]
fn old_and_future_answers_say_nothing() {
    let setting = Setting::new();
    let request = setting.request();
    let response = setting.answer(request.der(), "ca", "-nmin 120");
    let made = setting.leaf.not_before();
    let at = |response: &OcspResponse, at| {
        Inquiry::new(&setting.leaf, &setting.ca, at).unwrap().by_ocsp(response, &request)
    };
    // Up to a minute may have passed since the certificate was made.
    assert_eq!(at(&response, made), RevocationStatus::Good);
    assert_eq!(at(&response, made + 7200 + 200), RevocationStatus::Good);
    assert_eq!(doubts(&at(&response, made - 301)), [DoubtCode::OcspNotYetValid]);
    assert_eq!(doubts(&at(&response, made + 7200 + 300 + 60)), [DoubtCode::OcspStale]);
    // Without a next update, a day.
    let response = setting.answer(request.der(), "ca", "-plain");
    assert_eq!(at(&response, made + DAY), RevocationStatus::Good);
    assert_eq!(doubts(&at(&response, made + DAY + 60)), [DoubtCode::OcspStale]);
    for instant in [i64::MIN, i64::MAX] {
        assert!(matches!(at(&response, instant), RevocationStatus::Unknown { .. }));
    }
}

#[test]
fn age_takes_no_revocation_back() {
    let setting = Setting::new();
    setting.workshop.index(&[("A1", Some(",superseded"))]);
    let delegate = setting.workshop.issued("ca", "responder", "0xB1", RESPONDER);
    let asked = setting.inquiry().ocsp_request(Some(&[1; 16])).unwrap();
    let other = setting.inquiry().ocsp_request(Some(&[2; 16])).unwrap();
    for (signer, options) in [("ca", "-nmin 120"), ("ca", "-plain"), ("responder", "-nmin 120")] {
        let response = setting.answer(asked.der(), signer, options);
        let made = response.this_update().unwrap();
        let at = |at, request: &OcspRequest| {
            Inquiry::new(&setting.leaf, &setting.ca, at).unwrap().by_ocsp(&response, request)
        };
        let revoked = |outdated| RevocationStatus::Revoked {
            at: 1_767_323_045,
            reason: RevocationReason::Superseded,
            outdated,
        };
        assert_eq!(at(made, &asked), revoked(None), "{signer} {options}");
        // Stale; of a responder whose certificate has ended; the answer to another question.
        for instant in [made + 2 * DAY, delegate.not_after() + DAY] {
            assert_eq!(at(instant, &asked), revoked(Some(made)), "{signer} {options}");
        }
        assert_eq!(at(made, &other), revoked(Some(made)), "{signer} {options}");
    }
}

#[test]
fn signers_that_are_not_enclosed_are_known_otherwise() {
    let setting = Setting::new();
    let workshop = &setting.workshop;
    let request = setting.request();
    let inquiry = setting.inquiry();
    let delegate = Arc::new(workshop.issued("ca", "responder", "0xB1", RESPONDER));
    let response = setting.answer(request.der(), "responder", "-resp_no_certs");
    let others = [Arc::clone(&delegate)];
    let signers = OcspSigners { others: &others, ..OcspSigners::default() };
    assert_eq!(inquiry.by_ocsp_of(&response, &request, signers), RevocationStatus::Good);
    assert_eq!(inquiry.ocsp_delegate_of(&response, signers).unwrap().der(), delegate.der());
    // Another key of the issuer's name counts when somebody vouches for it.
    let old = [Arc::new(workshop.root("old", "Root", CA))];
    let response = setting.answer(request.der(), "old", "-resp_no_certs");
    let vouched = OcspSigners { validated: &old, ..OcspSigners::default() };
    assert_eq!(inquiry.by_ocsp_of(&response, &request, vouched), RevocationStatus::Good);
    let stranger = OcspSigners { others: &old, ..OcspSigners::default() };
    for signers in [stranger, OcspSigners::default()] {
        let status = inquiry.by_ocsp_of(&response, &request, signers);
        assert!(matches!(status, RevocationStatus::Unknown { .. }), "{status:?}");
    }
}

#[test]
fn broken_hashes_are_no_signatures() {
    let setting = Setting::new();
    let status = setting.status("ca", "-rmd sha1");
    assert_eq!(doubts(&status), [DoubtCode::OcspSignatureUnsupported]);
}

#[test]
fn responders_that_do_not_answer_are_understood() {
    let setting = Setting::new();
    for (code, status, word) in [
        (1, OcspResponseStatus::MalformedRequest, "malformedRequest"),
        (2, OcspResponseStatus::InternalError, "internalError"),
        (3, OcspResponseStatus::TryLater, "tryLater"),
        (5, OcspResponseStatus::SigRequired, "sigRequired"),
        (6, OcspResponseStatus::Unauthorized, "unauthorized"),
    ] {
        let response = OcspResponse::from_der(&[0x30, 3, 0x0A, 1, code]).unwrap();
        assert_eq!(response.status(), status);
        let RevocationStatus::Unknown { reasons } = setting.inquiry().by_ocsp(&response, &setting.request())
        else {
            panic!("{word} is no answer");
        };
        assert_eq!(reasons[0].code, DoubtCode::OcspRefused);
        assert!(reasons[0].message.contains(word), "{}", reasons[0]);
    }
    for der in [&[0x30, 3, 0x0A, 1, 4][..], &[0x30, 3, 0x0A, 1, 0], &[0x30, 0], b"", b"<html>"] {
        assert!(matches!(OcspResponse::from_der(der), Err(X509Error::InvalidOcspResponse(_))), "{der:?}");
    }
}

#[test]
fn every_octet_is_covered_by_the_signature() {
    let setting = Setting::new();
    setting.workshop.index(&[("A1", Some(",keyCompromise"))]);
    let request = setting.request();
    setting.answer(request.der(), "ca", "-resp_no_certs");
    let der = setting.workshop.read("response.der");
    for place in 0..der.len() {
        let mut changed = der.clone();
        changed[place] ^= 0x01;
        if let Ok(response) = OcspResponse::from_der(&changed) {
            let status = setting.inquiry().by_ocsp(&response, &request);
            assert!(matches!(status, RevocationStatus::Unknown { .. }), "{place}: {status:?}");
        }
    }
}

#[test]
fn unknown_critical_extensions_spoil_an_answer() {
    let setting = Setting::new();
    setting.answer(setting.request().der(), "ca", "");
    let text = setting.workshop.openssl("ocsp -respin response.der -noverify -resp_text");
    assert!(text.contains("Cert Status: good"), "{text}");
    for (critical, of_single) in [(false, false), (true, false), (false, true), (true, true)] {
        let response = OcspResponse::from_der(&own_answer(&setting, critical, of_single)).unwrap();
        let status = setting.inquiry().by_ocsp(&response, &setting.request());
        if critical {
            assert_eq!(doubts(&status), [DoubtCode::OcspUnknownCriticalExtension]);
        } else {
            assert_eq!(status, RevocationStatus::Good);
        }
    }
}

/// An answer with one extension, of the whole or of the single response, made by hand.
fn own_answer(setting: &Setting, critical: bool, of_single: bool) -> Vec<u8> {
    let boolean = if critical { vec![1, 1, 0xFF] } else { Vec::new() };
    let extension = tlv(0x30, &[&[6, 3, 0x2A, 3, 4][..], &boolean, &[4, 2, 5, 0]].concat());
    let extensions = tlv(0xA1, &tlv(0x30, &extension));
    let (in_single, in_whole) = if of_single { (extensions, Vec::new()) } else { (Vec::new(), extensions) };
    // The CertID stands in the request, behind four headers of two octets.
    let request = setting.request();
    let id = request.der().get(8..).unwrap();
    let now = tlv(0x18, utc(setting.leaf.not_before()).as_bytes());
    let single = tlv(0x30, &[id, &[0x80, 0], &now, &in_single].concat());
    let responder = tlv(0xA1, setting.ca.subject_der());
    let tbs = tlv(0x30, &[responder, now, tlv(0x30, &single), in_whole].concat());
    let basic = setting.workshop.signed("ca", &tbs, &[]);
    let typed = tlv(0x30, &[&b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01"[..], &tlv(4, &basic)].concat());
    tlv(0x30, &[&[0x0A, 1, 0][..], &tlv(0xA0, &typed)].concat())
}

fn utc(unix_seconds: i64) -> String {
    let since = std::time::Duration::from_secs(unix_seconds.try_into().unwrap());
    let time = der::DateTime::from_unix_duration(since).unwrap();
    time.to_string().replace(['-', ':', 'T'], "")
}

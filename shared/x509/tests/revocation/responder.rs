//! Our own OCSP answers, judged by the `openssl` command and by our own reader of others' answers.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, ExtendedKeyUsage, KeyUsage, RevocationReason,
    SerialNumber, SignatureAlgorithm, Signer, SubjectAltNames, X509Error,
    ocsp::{OcspQuery, OcspRefusal, OcspReply, OcspStatus, SingleReply, refusal},
    revocation::{DoubtCode, Inquiry, OcspResponse, OcspResponseStatus, RevocationStatus},
};
use openssl::{hash::MessageDigest, pkey::PKey, pkey::Private};

use crate::workshop::{CA, HOUR, LEAF, Workshop, doubts, soon, tlv};

const REVOKED_AT: i64 = 1_767_323_045;

struct Key(PKey<Private>, SignatureAlgorithm);

impl Signer for Key {
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
        let mut signer = match self.1 {
            SignatureAlgorithm::Ed25519 => openssl::sign::Signer::new_without_digest(&self.0)?,
            _ => openssl::sign::Signer::new(MessageDigest::sha256(), &self.0)?,
        };
        Ok(signer.sign_oneshot_to_vec(message)?)
    }
}

fn signer(workshop: &Workshop, algorithm: SignatureAlgorithm) -> Key {
    Key(PKey::private_key_from_pem(&workshop.read("ca.key")).unwrap(), algorithm)
}

/// Writes our answer to the request `request.der` into `answer.der`.
fn answer(workshop: &Workshop, signer: &Key, statuses: &[OcspStatus], now: i64) {
    let query = OcspQuery::from_der(&workshop.read("request.der")).unwrap();
    assert_eq!(query.certificates.len(), statuses.len());
    let ca = workshop.certificate("ca");
    for id in &query.certificates {
        assert!(id.is_of(ca.subject_der(), ca.spki_der()).unwrap());
    }
    let pairs = query.certificates.iter().zip(statuses);
    let answers: Vec<_> =
        pairs.map(|(id, status)| SingleReply { id_der: id.der(), status: *status }).collect();
    let reply = OcspReply {
        responder_spki_der: ca.spki_der(),
        responder_certificate_der: None,
        answers: &answers,
        nonce: query.nonce.as_deref(),
        this_update: now,
        next_update: now + HOUR,
    };
    workshop.write("answer.der", reply.sign(signer).unwrap());
}

#[test]
fn answers_are_verified_by_another_program() {
    for (kind, algorithm) in [
        ("EC -pkeyopt ec_paramgen_curve:P-256", SignatureAlgorithm::EcdsaSha256),
        ("RSA -pkeyopt rsa_keygen_bits:2048", SignatureAlgorithm::RsaSha256),
        ("ED25519", SignatureAlgorithm::Ed25519),
    ] {
        let workshop = Workshop::new();
        workshop.openssl(&format!("genpkey -algorithm {kind} -out ca.key"));
        workshop.self_signed("ca", "Root", CA);
        workshop.issued("ca", "leaf", "0xFFA1", LEAF);
        workshop.issued("ca", "other", "2", LEAF);
        let signer = signer(&workshop, algorithm);
        let now = certmill_x509::chain::Certificate::not_before(&workshop.certificate("leaf"));
        for (status, word) in [
            (OcspStatus::Good, "leaf.pem: good"),
            (OcspStatus::Unknown, "leaf.pem: unknown"),
            (
                OcspStatus::Revoked { at: REVOKED_AT, reason: RevocationReason::KeyCompromise },
                "leaf.pem: revoked",
            ),
        ] {
            for hash in ["-sha1", "-sha256", "-sha384", "-sha512"] {
                workshop.openssl(&format!("ocsp {hash} -issuer ca.pem -cert leaf.pem -reqout request.der"));
                answer(&workshop, &signer, &[status], now);
                let told = workshop.openssl(&format!(
                    "ocsp -no_nonce -reqin request.der -respin answer.der -CAfile ca.pem {hash} -issuer ca.pem -cert leaf.pem"
                ));
                assert!(told.contains("Response verify OK") && told.contains(word), "{kind} {hash}: {told}");
                // openssl says so when the answer does not repeat the nonce.
                assert!(!told.contains("no nonce"), "{told}");
            }
        }
        workshop.openssl("ocsp -issuer ca.pem -cert leaf.pem -cert other.pem -no_nonce -reqout request.der");
        let revoked = OcspStatus::Revoked { at: REVOKED_AT, reason: RevocationReason::CertificateHold };
        answer(&workshop, &signer, &[revoked, OcspStatus::Good], now);
        let told = workshop.openssl(
            "ocsp -no_nonce -reqin request.der -respin answer.der -CAfile ca.pem -issuer ca.pem -cert leaf.pem -cert other.pem",
        );
        assert!(told.contains("other.pem: good") && told.contains("Reason: certificateHold"), "{told}");
    }
}

#[test]
fn answers_are_understood_by_our_own_reader() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "0xFFA1", LEAF);
    let signer = signer(&workshop, SignatureAlgorithm::EcdsaSha256);
    let inquiry = Inquiry::new(&leaf, &ca, soon(&leaf)).unwrap();
    for nonce in [None, Some(&[7; 1][..]), Some(&[7; 128])] {
        let request = inquiry.ocsp_request(nonce).unwrap();
        workshop.write("request.der", request.der());
        for (status, expected) in [
            (OcspStatus::Good, Some(RevocationStatus::Good)),
            (
                OcspStatus::Revoked { at: REVOKED_AT, reason: RevocationReason::Superseded },
                Some(RevocationStatus::Revoked {
                    at: REVOKED_AT,
                    reason: RevocationReason::Superseded,
                    outdated: None,
                }),
            ),
            (OcspStatus::Unknown, None),
        ] {
            answer(&workshop, &signer, &[status], soon(&leaf));
            let response = OcspResponse::from_der(&workshop.read("answer.der")).unwrap();
            let found = inquiry.by_ocsp(&response, &request);
            match expected {
                Some(expected) => assert_eq!(found, expected),
                None => assert_eq!(doubts(&found), [DoubtCode::OcspUnknown]),
            }
        }
    }
    for (reason, status) in [
        (OcspRefusal::MalformedRequest, OcspResponseStatus::MalformedRequest),
        (OcspRefusal::InternalError, OcspResponseStatus::InternalError),
        (OcspRefusal::TryLater, OcspResponseStatus::TryLater),
        (OcspRefusal::Unauthorized, OcspResponseStatus::Unauthorized),
    ] {
        assert_eq!(OcspResponse::from_der(refusal(reason)).unwrap().status(), status);
    }
}

#[test]
fn requests_are_bounded() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "0xFFA1", LEAF);
    let inquiry = Inquiry::new(&leaf, &ca, soon(&leaf)).unwrap();
    let request = inquiry.ocsp_request(None).unwrap();
    let query = OcspQuery::from_der(request.der()).unwrap();
    assert_eq!(query.certificates[0].serial_number().unwrap().as_bytes(), [0xFF, 0xA1]);
    // One Request, and a request of so many of them.
    let single = tlv(0x30, query.certificates[0].der());
    let made = |count: usize, after: &[u8]| {
        tlv(0x30, &tlv(0x30, &[tlv(0x30, &single.repeat(count)), after.to_vec()].concat()))
    };
    assert!(OcspQuery::from_der(&made(1, &[])).is_ok() && OcspQuery::from_der(&made(8, &[])).is_ok());
    assert!(OcspQuery::from_der(&made(9, &[])).is_err() && OcspQuery::from_der(&made(0, &[])).is_err());
    let extension = |oid: &[u8], critical: bool, value: &[u8]| {
        let critical = if critical { vec![1, 1, 0xFF] } else { Vec::new() };
        let extension = tlv(0x30, &[tlv(6, oid), critical, tlv(4, value)].concat());
        tlv(0xA2, &tlv(0x30, &extension))
    };
    const NONCE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x02";
    for (octets, is_taken) in [(0, false), (1, true), (32, true), (128, true), (129, false)] {
        let nonce = extension(NONCE, false, &tlv(4, &vec![1; octets]));
        assert_eq!(OcspQuery::from_der(&made(1, &nonce)).is_ok(), is_taken, "{octets}");
    }
    assert!(OcspQuery::from_der(&made(1, &extension(&[0x2A, 3, 4], false, &[5, 0]))).is_ok());
    assert!(OcspQuery::from_der(&made(1, &extension(&[0x2A, 3, 4], true, &[5, 0]))).is_err());
    let long = [request.der(), &vec![0; 4096]].concat();
    for der in [&b""[..], b"0\x80", b"<html>", &request.der()[1..], &long] {
        assert!(matches!(OcspQuery::from_der(der), Err(X509Error::InvalidOcspRequest(_))), "{der:?}");
    }
}

#[test]
fn what_cannot_be_said_is_not_signed() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let signer = signer(&workshop, SignatureAlgorithm::EcdsaSha256);
    let id = [0x30, 0];
    let good = SingleReply { id_der: &id, status: OcspStatus::Good };
    let reply = |answers: &[SingleReply<'_>], this_update, next_update| {
        OcspReply {
            responder_spki_der: ca.spki_der(),
            responder_certificate_der: None,
            answers,
            nonce: None,
            this_update,
            next_update,
        }
        .sign(&signer)
    };
    assert!(reply(&[good], 0, 1).is_ok());
    let released = OcspStatus::Revoked { at: 0, reason: RevocationReason::RemoveFromCrl };
    let early = OcspStatus::Revoked { at: i64::MIN, reason: RevocationReason::Unspecified };
    for (answers, from, to) in [
        (&[][..], 0, 1),
        (&[good], 1, 1),
        (&[good], i64::MIN, 1),
        (&[SingleReply { status: released, ..good }], 0, 1),
        (&[SingleReply { status: early, ..good }], 0, 1),
    ] {
        assert!(
            matches!(reply(answers, from, to), Err(X509Error::RefusedToSign(_))),
            "{answers:?} {from} {to}"
        );
    }
}

#[test]
fn the_answer_of_a_delegate_has_its_certificate() {
    let workshop = Workshop::new();
    workshop.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key");
    workshop.self_signed("ca", "Root", CA);
    workshop.issued("ca", "leaf", "7", LEAF);
    workshop.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out delegate.key");
    let key = Key(
        PKey::private_key_from_pem(&workshop.read("delegate.key")).unwrap(),
        SignatureAlgorithm::EcdsaSha256,
    );
    let ca = workshop.certificate("ca");
    let now = certmill_x509::chain::Certificate::not_before(&workshop.certificate("leaf"));
    let spki_der = key.0.public_key_to_der().unwrap();
    let purposes = [ExtendedKeyUsage::OcspSigning];
    let template = CertificateTemplate {
        same_as: None,
        serial_number: &SerialNumber::from_random([7; 20]),
        issuer_der: ca.subject_der(),
        not_before: now,
        not_after: now + HOUR,
        subject: &DistinguishedName::with_common_name("Delegate"),
        spki_der: &spki_der,
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended_key_usage: &purposes,
        policies: &[],
        must_staple: false,
        ocsp_nocheck: true,
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: None,
        authority_key_id: None,
        ca_issuers_url: None,
        ocsp_url: None,
        crl_url: None,
    };
    let certificate = template.sign(&signer(&workshop, SignatureAlgorithm::EcdsaSha256)).unwrap();
    workshop.write("delegate.der", &certificate);
    let shown = workshop.openssl("x509 -inform der -in delegate.der -noout -text");
    assert!(shown.contains("OCSP No Check: \n") && shown.contains("OCSP Signing\n"), "{shown}");
    workshop.openssl("ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout request.der");
    let query = OcspQuery::from_der(&workshop.read("request.der")).unwrap();
    let answers = [SingleReply { id_der: query.certificates[0].der(), status: OcspStatus::Good }];
    for (carried, verified) in [(Some(certificate.as_slice()), true), (None, false)] {
        let reply = OcspReply {
            responder_spki_der: &spki_der,
            responder_certificate_der: carried,
            answers: &answers,
            nonce: None,
            this_update: now,
            next_update: now + HOUR,
        };
        workshop.write("answer.der", reply.sign(&key).unwrap());
        let path = |name| workshop.path(name).display().to_string();
        let judge = std::process::Command::new("openssl")
            .args(["ocsp", "-no_nonce", "-respin", &path("answer.der"), "-CAfile", &path("ca.pem")])
            .args(["-issuer", &path("ca.pem"), "-cert", &path("leaf.pem")])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&judge.stderr);
        assert_eq!(told.contains("Response verify OK"), verified, "{told}");
    }
    // It is for what signs OCSP answers, and nothing else.
    let others = [ExtendedKeyUsage::OcspSigning, ExtendedKeyUsage::ServerAuth];
    for wrong in [
        CertificateTemplate { extended_key_usage: &[], ..template },
        CertificateTemplate { extended_key_usage: &others, ..template },
        CertificateTemplate {
            basic_constraints: BasicConstraints::Ca { path_length: None },
            key_usage: KeyUsage::KEY_CERT_SIGN,
            ..template
        },
    ] {
        let refused = wrong.sign(&key).unwrap_err();
        assert!(refused.to_string().contains("RFC 6960"), "{refused}");
    }
}

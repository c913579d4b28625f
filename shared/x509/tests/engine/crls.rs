use certmill_x509::chain::Certificate;
use certmill_x509::revocation::{DoubtCode, Inquiry, ParsedCrl, RevocationStatus};
use certmill_x509::{
    CertificateTemplate, CrlBuilder, CrlHeader, KeyAlgorithm, RevocationReason, SerialNumber, X509Error, pem,
};
use der::{Decode, Encode};

use crate::judge::{Judge, Parts, START, TestCa, TestKey};

/// With the profile written out, which is not inferred.
type CertificateList = x509_cert::crl::CertificateList<x509_cert::certificate::Rfc5280>;

const WEEK: i64 = 7 * 86_400;

fn serial(number: u64) -> SerialNumber {
    SerialNumber::from_bytes(&number.to_be_bytes()).unwrap()
}

/// Signs with the header that most tests want.
fn signed(builder: CrlBuilder, ca: &TestCa) -> Vec<u8> {
    builder
        .sign(
            &CrlHeader {
                issuer_der: &ca.subject.to_der(),
                authority_key_id: &ca.key.key_id(),
                crl_number: 0x1_00FF,
                this_update: START,
                next_update: START + WEEK,
                distribution_points: &[],
                base_number: None,
                delta_url: None,
            },
            &ca.key,
        )
        .unwrap()
}

#[test]
fn lists_of_every_algorithm_are_accepted() {
    for algorithm in KeyAlgorithm::ALL {
        let judge = Judge::new();
        let ca = TestCa::root(algorithm);
        ca.write(&judge);
        let mut builder = CrlBuilder::new();
        builder.push(&serial(7), START - 60, RevocationReason::KeyCompromise);
        let der = signed(builder, &ca);
        judge.write("ca.crl", &der);
        let text = judge.accepts("crl -inform der -in ca.crl -CAfile ca.pem -noout -verify -crlnumber");
        assert!(text.contains("verify OK") && text.contains("crlNumber=0x0100FF"), "{text}");
        let other = CertificateList::from_der(&der).unwrap();
        assert_eq!(other.to_der().unwrap(), der, "{algorithm:?}");
    }
}

#[test]
fn entries_show_serial_number_date_and_reason() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    let mut builder = CrlBuilder::with_capacity(16);
    let reasons =
        RevocationReason::ALL.into_iter().filter(|reason| *reason != RevocationReason::RemoveFromCrl);
    for reason in reasons.clone() {
        builder.push(&serial(0x80 + u64::from(reason.code())), START, reason);
    }
    // 2050-01-01T00:00:00Z
    builder.push(&SerialNumber::from_random([0xFF; 20]), 2_524_608_000, RevocationReason::Superseded);
    assert_eq!(builder.entries(), 10);
    let der = signed(builder, &ca);
    judge.write("ca.crl", &der);
    let text = judge.accepts("crl -inform der -in ca.crl -noout -text");
    assert!(text.contains("Version 2 (0x1)"));
    assert!(text.contains("Last Update: Jan  1 00:00:00 2026 GMT"));
    assert!(text.contains("Next Update: Jan  8 00:00:00 2026 GMT"));
    assert_eq!(text.matches("Revocation Date: Jan  1 00:00:00 2026 GMT").count(), 9);
    assert_eq!(text.matches("Revocation Date: Jan  1 00:00:00 2050 GMT").count(), 1);
    for shown in [
        "Key Compromise",
        "CA Compromise",
        "Affiliation Changed",
        "Superseded",
        "Cessation Of Operation",
        "Certificate Hold",
        "Privilege Withdrawn",
        "AA Compromise",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }
    assert!(!text.contains("Unspecified"));
    assert!(text.contains(&format!("Serial Number: 7F{}", "FF".repeat(19))));

    let list = CertificateList::from_der(&der).unwrap();
    let entries = list.tbs_cert_list.revoked_certificates.unwrap();
    for (entry, reason) in entries.iter().zip(reasons) {
        assert_eq!(entry.crl_entry_extensions.is_none(), reason == RevocationReason::Unspecified);
    }
}

#[test]
fn an_empty_list_has_no_list_of_entries() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    ca.write(&judge);
    let der = signed(CrlBuilder::new(), &ca);
    judge.write("ca.crl", &der);
    let text = judge.accepts("crl -inform der -in ca.crl -CAfile ca.pem -noout -verify -text");
    assert!(text.contains("No Revoked Certificates") && text.contains("verify OK"), "{text}");
    assert!(CertificateList::from_der(&der).unwrap().tbs_cert_list.revoked_certificates.is_none());
}

#[test]
fn revoked_certificates_are_refused_by_a_verifier() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::Rsa2048);
    ca.write(&judge);
    let key = TestKey::generate(KeyAlgorithm::P256);
    let parts = Parts::issued_by(&ca, &key);
    judge.write_pem("leaf.pem", pem::CERTIFICATE, &parts.template().sign(&ca.key).unwrap());
    let verify = format!(
        "verify -x509_strict -attime {} -crl_check -CAfile ca.pem -CRLfile ca.crl leaf.pem",
        START + 60
    );

    let mut other = CrlBuilder::new();
    other.push(&serial(1), START, RevocationReason::Unspecified);
    judge.write_pem("ca.crl", pem::X509_CRL, &signed(other, &ca));
    judge.accepts(&verify);

    let mut revoking = CrlBuilder::new();
    revoking.push(&parts.serial_number, START, RevocationReason::Unspecified);
    judge.write_pem("ca.crl", pem::X509_CRL, &signed(revoking, &ca));
    let verdict = judge.run(&verify);
    assert!(!verdict.accepted && verdict.text.contains("certificate revoked"), "{}", verdict.text);
}

/// A list that is about those certificates only that name it.
#[test]
fn a_list_of_a_part_says_which() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    ca.write(&judge);
    let urls = ["http://pki.example/crl/1.crl", "http://old.example/crl/1.crl"].map(String::from);
    let issuer_der = ca.subject.to_der();
    let issuer = Certificate::from_der(&ca.der).unwrap();
    let list = |revoked: Option<&SerialNumber>, distribution_points: &[String]| {
        let mut builder = CrlBuilder::new();
        if let Some(serial) = revoked {
            builder.push(serial, START, RevocationReason::Superseded);
        }
        let header = CrlHeader {
            issuer_der: &issuer_der,
            authority_key_id: &ca.key.key_id(),
            crl_number: 1,
            this_update: START,
            next_update: START + WEEK,
            distribution_points,
            base_number: None,
            delta_url: None,
        };
        builder.sign(&header, &ca.key).unwrap()
    };
    let key = TestKey::generate(KeyAlgorithm::P256);
    let parts = Parts::issued_by(&ca, &key);
    let verify = format!(
        "verify -x509_strict -attime {} -crl_check -CAfile ca.pem -CRLfile ca.crl leaf.pem",
        START + 60
    );
    for (named, is_about) in
        [(&urls[0], true), (&urls[1], true), (&"http://pki.example/crl/2.crl".to_owned(), false)]
    {
        let template = CertificateTemplate { crl_url: Some(named), ..parts.template() };
        let der = template.sign(&ca.key).unwrap();
        judge.write_pem("leaf.pem", pem::CERTIFICATE, &der);
        let leaf = Certificate::from_der(&der).unwrap();
        let ours = |crl: Vec<u8>| {
            let crls = [ParsedCrl::from_der(crl).unwrap()];
            Inquiry::new(&leaf, &issuer, START + 60).unwrap().by_crls::<_, Certificate>(&crls, &[])
        };
        let (empty, revoking) = (list(None, &urls), list(Some(&parts.serial_number), &urls));
        judge.write_pem("ca.crl", pem::X509_CRL, &empty);
        assert_eq!(judge.run(&verify).accepted, is_about, "{named}");
        judge.write_pem("ca.crl", pem::X509_CRL, &revoking);
        let verdict = judge.run(&verify);
        assert!(!verdict.accepted);
        assert_eq!(verdict.text.contains("certificate revoked"), is_about, "{named}: {}", verdict.text);
        match (ours(empty), ours(revoking), is_about) {
            (RevocationStatus::Good, RevocationStatus::Revoked { .. }, true) => {}
            (
                RevocationStatus::Unknown { reasons: one },
                RevocationStatus::Unknown { reasons: two },
                false,
            ) => {
                for doubt in one.iter().chain(&two) {
                    assert_eq!(doubt.code, DoubtCode::CrlOutOfScope);
                }
            }
            other => panic!("{named}: {other:?}"),
        }
    }
    let text = judge.accepts("crl -in ca.crl -noout -text");
    assert!(text.contains("X509v3 Issuing Distribution Point: critical"), "{text}");
    assert!(urls.iter().all(|url| text.contains(&format!("URI:{url}"))), "{text}");
    let whole = list(None, &[]);
    assert!(ParsedCrl::from_der(whole).unwrap().scope().is_none());
}

/// What has changed since another list.
#[test]
fn a_delta_says_what_it_goes_on_from() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    ca.write(&judge);
    let (issuer_der, key_id) = (ca.subject.to_der(), ca.key.key_id());
    let header = |crl_number, base_number| CrlHeader {
        issuer_der: &issuer_der,
        authority_key_id: &key_id,
        crl_number,
        this_update: START,
        next_update: START + WEEK,
        distribution_points: &[],
        base_number,
        delta_url: None,
    };
    let full = CrlHeader { delta_url: Some("http://pki.example/delta.crl"), ..header(4, None) };
    judge.write_pem("base.pem", pem::X509_CRL, &CrlBuilder::new().sign(&full, &ca.key).unwrap());
    let text = judge.accepts("crl -in base.pem -noout -text");
    assert!(
        text.contains("X509v3 Freshest CRL") && text.contains("URI:http://pki.example/delta.crl"),
        "{text}"
    );
    let mut builder = CrlBuilder::delta();
    builder.push(&serial(1), START, RevocationReason::RemoveFromCrl);
    builder.push(&serial(2), START, RevocationReason::Superseded);
    let der = builder.sign(&header(5, Some(4)), &ca.key).unwrap();
    judge.write("delta.crl", &der);
    let text = judge.accepts("crl -inform der -in delta.crl -CAfile ca.pem -noout -verify -text");
    assert!(
        text.contains("X509v3 Delta CRL Indicator: critical") && text.contains("Remove From CRL"),
        "{text}"
    );
    let parsed = ParsedCrl::from_der(der).unwrap();
    assert_eq!(parsed.base_number().and_then(certmill_x509::revocation::CrlNumber::to_i64), Some(4));
    for (builder, header) in [
        (CrlBuilder::delta(), header(5, None)),
        (CrlBuilder::new(), header(5, Some(4))),
        (CrlBuilder::delta(), header(4, Some(4))),
        (
            CrlBuilder::delta(),
            CrlHeader { delta_url: Some("http://pki.example/d.crl"), ..header(5, Some(4)) },
        ),
        (CrlBuilder::new(), CrlHeader { delta_url: Some("nothing"), ..header(5, None) }),
    ] {
        assert!(builder.sign(&header, &ca.key).is_err());
    }
}

#[test]
fn long_lists_are_read_by_others() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    ca.write(&judge);
    // Lengths around the points where the length octets grow.
    for count in [1_u64, 2, 3, 6, 7, 1_700, 1_900, 20_000] {
        let mut builder = CrlBuilder::new();
        for number in 1..=count {
            builder.push(&serial(number), START, RevocationReason::Superseded);
        }
        let der = signed(builder, &ca);
        judge.write("ca.crl", &der);
        let text = judge.accepts("crl -inform der -in ca.crl -CAfile ca.pem -noout -verify");
        assert!(text.contains("verify OK"), "{count}: {text}");
        let list = CertificateList::from_der(&der).unwrap();
        assert_eq!(list.tbs_cert_list.revoked_certificates.unwrap().len() as u64, count);
    }
}

#[test]
fn lists_that_break_a_rule_are_not_signed() {
    let ca = TestCa::root(KeyAlgorithm::Ed25519);
    let issuer_der = ca.subject.to_der();
    let good = CrlHeader {
        issuer_der: &issuer_der,
        authority_key_id: &[1; 20],
        crl_number: 1,
        this_update: START,
        next_update: START + WEEK,
        distribution_points: &[],
        base_number: None,
        delta_url: None,
    };
    let refused = |builder: CrlBuilder, header: &CrlHeader<'_>| {
        matches!(builder.sign(header, &ca.key), Err(X509Error::RefusedToSign(_)))
    };
    assert!(!refused(CrlBuilder::new(), &good));
    assert!(refused(CrlBuilder::new(), &CrlHeader { next_update: START, ..good }));
    assert!(refused(CrlBuilder::new(), &CrlHeader { next_update: i64::MAX, ..good }));
    assert!(refused(CrlBuilder::new(), &CrlHeader { issuer_der: &[0x30, 0], ..good }));
    assert!(refused(CrlBuilder::new(), &CrlHeader { authority_key_id: &[], ..good }));
    let wrong = ["no address".to_owned()];
    assert!(CrlBuilder::new().sign(&CrlHeader { distribution_points: &wrong, ..good }, &ca.key).is_err());
    for (revoked_at, reason) in [
        (i64::MAX, RevocationReason::Superseded),
        (i64::MIN, RevocationReason::Superseded),
        (START, RevocationReason::RemoveFromCrl),
    ] {
        let mut builder = CrlBuilder::new();
        builder.push(&serial(1), revoked_at, reason);
        assert!(refused(builder, &good));
    }
}

#[test]
fn reasons_are_known_by_name_and_number() {
    for reason in RevocationReason::ALL {
        assert_eq!(reason.as_str().parse::<RevocationReason>().unwrap(), reason);
        assert_eq!(reason.as_str().to_uppercase().parse::<RevocationReason>().unwrap(), reason);
        assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
    }
    for (text, reason) in [
        ("key_compromise", RevocationReason::KeyCompromise),
        ("ca_compromise", RevocationReason::CaCompromise),
        ("aa_compromise", RevocationReason::AaCompromise),
        ("remove_from_crl", RevocationReason::RemoveFromCrl),
        ("Cessation_Of_Operation", RevocationReason::CessationOfOperation),
    ] {
        assert_eq!(text.parse::<RevocationReason>().unwrap(), reason);
    }
    for text in ["", "none", "key compromise", "1"] {
        assert!(matches!(text.parse::<RevocationReason>(), Err(X509Error::UnknownWord { .. })), "{text}");
    }
    assert_eq!(RevocationReason::from_code(7), None);
    assert_eq!(RevocationReason::from_code(11), None);
}

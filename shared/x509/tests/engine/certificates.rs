use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, ExtendedKeyUsage, KeyAlgorithm, KeyUsage,
    NameConstraints, ParsedCertificate, SerialNumber, SubjectAltNames, X509Error, pem, rfc4514_of_der,
    sha256_hex,
};
use der::{Decode, Encode};
use x509_cert::Certificate;

use crate::judge::{END, Judge, Parts, START, TestCa, TestKey, extension};

/// An instant at which all test certificates are valid, for `openssl verify`.
const AT: i64 = START + 86_400;

#[test]
fn chains_of_every_algorithm_are_accepted() {
    for algorithm in KeyAlgorithm::ALL {
        let judge = Judge::new();
        let ca = TestCa::root(algorithm);
        ca.write(&judge);
        let key = TestKey::generate(KeyAlgorithm::P256);
        let der = Parts::issued_by(&ca, &key).template().sign(&ca.key).unwrap();
        judge.write_pem("leaf.pem", pem::CERTIFICATE, &der);
        let verdict = judge.run(&format!("verify -x509_strict -attime {AT} -CAfile ca.pem leaf.pem"));
        assert!(verdict.accepted && verdict.text.contains("leaf.pem: OK"), "{algorithm:?}: {}", verdict.text);

        for der in [&ca.der, &der] {
            let other = Certificate::from_der(der).unwrap();
            assert_eq!(&other.to_der().unwrap(), der, "{algorithm:?}");
        }
        let root = ParsedCertificate::from_der(&ca.der).unwrap();
        let leaf = ParsedCertificate::from_der(&der).unwrap();
        leaf.verify_signed_by(&root.public_key().unwrap()).unwrap();
        root.verify_signed_by(&root.public_key().unwrap()).unwrap();
        assert!(root.verify_signed_by(&leaf.public_key().unwrap()).is_err());
    }
}

#[test]
fn everything_in_a_template_is_written_and_read_back() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::P256);
    let key = TestKey::generate(KeyAlgorithm::P256);
    let mut parts = Parts::issued_by(&ca, &key);
    parts.subject = DistinguishedName {
        common_name: Some("Ann, \"Ü\"".into()),
        organization: vec!["Org".into()],
        organizational_unit: vec!["one".into(), "two".into()],
        country: vec!["NL".into()],
        locality: vec!["Delft".into()],
        province: vec!["ZH".into()],
        email: None,
    };
    parts.subject_alt_names = SubjectAltNames {
        dns: vec!["*.a.example".parse().unwrap(), "bücher.example".parse().unwrap()],
        ip: vec!["10.1.2.3".parse().unwrap(), "2001:db8::7".parse().unwrap()],
        email: vec!["Ann@example.com".parse().unwrap()],
        uri: vec!["spiffe://example.org/ann".parse().unwrap()],
        other: vec!["1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example".parse().unwrap()],
    };
    let purposes = [
        ExtendedKeyUsage::ServerAuth,
        ExtendedKeyUsage::ClientAuth,
        ExtendedKeyUsage::from_name("1.2.3.4").unwrap(),
    ];
    let template = CertificateTemplate {
        key_usage: KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT | KeyUsage::DECIPHER_ONLY,
        extended_key_usage: &purposes,
        ca_issuers_url: Some("http://pki.example/ca.crt"),
        ocsp_url: None,
        crl_url: Some("http://pki.example/ca.crl"),
        ..parts.template()
    };
    let der = template.sign(&ca.key).unwrap();

    let text = judge.certificate_text(&der);
    assert!(text.contains("Version: 3 (0x2)"));
    assert!(text.contains("Not Before: Jan  1 00:00:00 2026 GMT"));
    assert!(text.contains(r#"Subject: CN=Ann\, \"Ü\",OU=two,OU=one,O=Org,L=Delft,ST=ZH,C=NL"#), "{text}");
    for (title, value) in [
        ("X509v3 Basic Constraints", "X509v3 Basic Constraints: critical CA:FALSE"),
        ("X509v3 Key Usage", "X509v3 Key Usage: critical Digital Signature, Key Agreement, Decipher Only"),
        (
            "X509v3 Extended Key Usage",
            "X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication, 1.2.3.4",
        ),
        (
            "X509v3 Subject Alternative Name",
            "X509v3 Subject Alternative Name: DNS:*.a.example, DNS:xn--bcher-kva.example, IP Address:10.1.2.3, \
             IP Address:2001:DB8:0:0:0:0:0:7, email:Ann@example.com, URI:spiffe://example.org/ann, othername: UPN::ann@corp.example",
        ),
        (
            "Authority Information Access",
            "Authority Information Access: CA Issuers - URI:http://pki.example/ca.crt",
        ),
        ("X509v3 CRL Distribution Points", "X509v3 CRL Distribution Points: Full Name:"),
    ] {
        assert_eq!(extension(&text, title).as_deref(), Some(value));
    }
    assert!(text.contains("URI:http://pki.example/ca.crl"));

    let parsed = ParsedCertificate::from_der(&der).unwrap();
    assert_eq!(parsed.subject(), &parts.subject);
    assert_eq!(parsed.subject_der(), parts.subject.to_der());
    assert_eq!(parsed.issuer_der(), parts.issuer_der);
    assert_eq!(parsed.serial_number(), &parts.serial_number);
    assert_eq!((parsed.not_before(), parsed.not_after()), (START, END));
    assert_eq!(parsed.spki_der(), parts.spki_der);
    assert_eq!(parsed.subject_alt_names(), &parts.subject_alt_names);
    assert_eq!(parsed.key_usage(), Some(template.key_usage));
    assert_eq!(parsed.extended_key_usage(), purposes);
    assert_eq!(parsed.authority_key_id().as_deref(), Some(&parts.authority_key_id[..]));
    assert_eq!(parsed.subject_key_id().as_deref(), Some(&key.key_id()[..]));
    assert!(!parsed.is_ca() && !parsed.is_self_issued() && parsed.unsupported_alt_names() == 0);
}

#[test]
fn the_key_id_is_the_truncated_hash_of_the_key_bits() {
    let key = TestKey::generate(KeyAlgorithm::Rsa2048);
    let spki = spki::SubjectPublicKeyInfoOwned::from_der(&key.spki_der()).unwrap();
    let hash = sha256_hex(spki.subject_public_key.raw_bytes());
    let octets = (0..40).step_by(2).map(|place| u8::from_str_radix(&hash[place..place + 2], 16));
    assert_eq!(octets.collect::<Result<Vec<_>, _>>().unwrap(), key.key_id());
}

#[test]
fn alt_names_are_critical_only_without_a_subject() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::Ed25519);
    let mut parts = Parts::issued_by(&ca, &ca.key);
    let title = "X509v3 Subject Alternative Name";
    let with_subject = judge.certificate_text(&parts.template().sign(&ca.key).unwrap());
    assert_eq!(extension(&with_subject, title).unwrap(), format!("{title}: DNS:a.example"));
    parts.subject = DistinguishedName::default();
    let without = judge.certificate_text(&parts.template().sign(&ca.key).unwrap());
    assert_eq!(extension(&without, title).unwrap(), format!("{title}: critical DNS:a.example"));
}

#[test]
fn instants_from_2050_on_are_generalized_times() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::Ed25519);
    let parts = Parts::issued_by(&ca, &ca.key);
    // 2049-12-31T23:59:59Z and the second after it.
    for (not_before, not_after, forms) in [
        (START, 2_524_607_999, ["UTCTIME           :260101000000Z", "UTCTIME           :491231235959Z"]),
        (
            2_524_607_999,
            2_524_608_000,
            ["UTCTIME           :491231235959Z", "GENERALIZEDTIME   :20500101000000Z"],
        ),
        (
            2_524_608_000,
            253_402_300_799,
            ["GENERALIZEDTIME   :20500101000000Z", "GENERALIZEDTIME   :99991231235959Z"],
        ),
    ] {
        let der = CertificateTemplate { not_before, not_after, ..parts.template() }.sign(&ca.key).unwrap();
        judge.write("leaf.der", &der);
        let text = judge.accepts("asn1parse -inform der -in leaf.der");
        for form in forms {
            assert!(text.contains(form), "{form}: {text}");
        }
        let parsed = ParsedCertificate::from_der(&der).unwrap();
        assert_eq!((parsed.not_before(), parsed.not_after()), (not_before, not_after));
    }
}

#[test]
fn path_length_and_name_constraints_bind() {
    let judge = Judge::new();
    let root = TestCa::root(KeyAlgorithm::P256);
    root.write(&judge);
    let key = TestKey::generate(KeyAlgorithm::P384);
    let mut parts = Parts::issued_by(&root, &key);
    parts.subject = DistinguishedName::with_common_name("Sub CA");
    parts.subject_alt_names = SubjectAltNames::default();
    let constraints = NameConstraints {
        other_kinds: false,
        permitted_dns: vec![".Example".into(), "bücher.test".into()],
        excluded_dns: vec!["bad.example".into()],
    };
    let der = CertificateTemplate {
        basic_constraints: BasicConstraints::Ca { path_length: Some(0) },
        key_usage: KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
        name_constraints: Some(&constraints),
        ..parts.template()
    }
    .sign(&root.key)
    .unwrap();
    judge.write_pem("sub.pem", pem::CERTIFICATE, &der);
    let text = judge.certificate_text(&der);
    assert!(text.contains("X509v3 Name Constraints: critical"));
    assert!(text.contains("DNS:xn--bcher-kva.test"));
    assert_eq!(
        extension(&text, "X509v3 Basic Constraints").unwrap(),
        "X509v3 Basic Constraints: critical CA:TRUE, pathlen:0"
    );
    let parsed = ParsedCertificate::from_der(&der).unwrap();
    assert_eq!((parsed.is_ca(), parsed.path_length()), (true, Some(0)));
    Certificate::from_der(&der).unwrap();

    let sub = TestCa { key, subject: parts.subject, der };
    for (name, accepted) in
        [("a.example", true), ("x.bücher.test", true), ("a.bad.example", false), ("a.test", false)]
    {
        let mut leaf = Parts::issued_by(&sub, &sub.key);
        leaf.subject = DistinguishedName::default();
        leaf.subject_alt_names.dns = vec![name.parse().unwrap()];
        judge.write_pem("leaf.pem", pem::CERTIFICATE, &leaf.template().sign(&sub.key).unwrap());
        let verdict = judge
            .run(&format!("verify -x509_strict -attime {AT} -CAfile ca.pem -untrusted sub.pem leaf.pem"));
        assert_eq!(verdict.accepted, accepted, "{name}: {}", verdict.text);
    }
}

#[test]
fn templates_that_break_a_rule_are_not_signed() {
    let ca = TestCa::root(KeyAlgorithm::Ed25519);
    let parts = Parts::issued_by(&ca, &ca.key);
    let good = parts.template();
    assert!(good.sign(&ca.key).is_ok());
    let nobody = DistinguishedName::default();
    let no_names = SubjectAltNames::default();
    let constraints =
        NameConstraints { permitted_dns: vec!["a.example".into()], ..NameConstraints::default() };
    let ca_constraints = BasicConstraints::Ca { path_length: None };
    let [zero, long_serial] = [&[0][..], &[0x80; 20]].map(|octets| SerialNumber::from_bytes(octets).unwrap());
    let trailing = [parts.issuer_der.clone(), vec![0]].concat();
    for (rule, template) in [
        ("serial number 0", CertificateTemplate { serial_number: &zero, ..good }),
        ("serial number of 21 octets", CertificateTemplate { serial_number: &long_serial, ..good }),
        ("end before start", CertificateTemplate { not_after: START, ..good }),
        ("beyond year 9999", CertificateTemplate { not_after: 253_402_300_800, ..good }),
        ("before 1950", CertificateTemplate { not_before: -631_152_001, ..good }),
        (
            "no subject, no names",
            CertificateTemplate { subject: &nobody, subject_alt_names: &no_names, ..good },
        ),
        ("CA without keyCertSign", CertificateTemplate { basic_constraints: ca_constraints, ..good }),
        ("end entity with keyCertSign", CertificateTemplate { key_usage: KeyUsage::KEY_CERT_SIGN, ..good }),
        ("end entity with constraints", CertificateTemplate { name_constraints: Some(&constraints), ..good }),
        (
            "CA without subject",
            CertificateTemplate {
                subject: &nobody,
                basic_constraints: ca_constraints,
                key_usage: KeyUsage::KEY_CERT_SIGN,
                ..good
            },
        ),
        ("decipherOnly alone", CertificateTemplate { key_usage: KeyUsage::DECIPHER_ONLY, ..good }),
        ("empty issuer", CertificateTemplate { issuer_der: &[0x30, 0], ..good }),
        ("issuer not DER", CertificateTemplate { issuer_der: b"CN=a", ..good }),
        ("issuer with a tail", CertificateTemplate { issuer_der: &trailing, ..good }),
        ("empty key id", CertificateTemplate { authority_key_id: Some(&[]), ..good }),
    ] {
        let answer = template.sign(&ca.key);
        assert!(matches!(answer, Err(X509Error::RefusedToSign(_))), "{rule}: {answer:?}");
    }
    let long = DistinguishedName::with_common_name("a".repeat(65));
    for (rule, template) in [
        ("long common name", CertificateTemplate { subject: &long, ..good }),
        ("relative URL", CertificateTemplate { crl_url: Some("/ca.crl"), ..good }),
        ("URL with a space", CertificateTemplate { ca_issuers_url: Some("http://a/ b"), ..good }),
    ] {
        assert!(matches!(template.sign(&ca.key), Err(X509Error::InvalidName { .. })), "{rule}");
    }
    let bad_constraint =
        NameConstraints { excluded_dns: vec!["*.a.example".into()], ..NameConstraints::default() };
    let template = CertificateTemplate {
        basic_constraints: ca_constraints,
        key_usage: KeyUsage::KEY_CERT_SIGN,
        name_constraints: Some(&bad_constraint),
        ..good
    };
    assert!(matches!(template.sign(&ca.key), Err(X509Error::InvalidName { .. })));
    for spki_der in [&[][..], b"\x30\x00", &parts.spki_der[1..]] {
        assert!(matches!(CertificateTemplate { spki_der, ..good }.sign(&ca.key), Err(X509Error::Der(_))));
    }
}

#[test]
fn serial_numbers_with_a_set_top_bit_stay_positive() {
    let judge = Judge::new();
    let ca = TestCa::root(KeyAlgorithm::Ed25519);
    for (octets, shown) in
        [(&[0x80, 1][..], "serial=8001"), (&[0x7F; 20], "serial=7F7F7F7F"), (&[1], "serial=01")]
    {
        let mut parts = Parts::issued_by(&ca, &ca.key);
        parts.serial_number = SerialNumber::from_bytes(octets).unwrap();
        let der = parts.template().sign(&ca.key).unwrap();
        judge.write("leaf.der", &der);
        let text = judge.accepts("x509 -inform der -in leaf.der -noout -serial");
        assert!(text.starts_with(shown), "{text}");
        assert_eq!(ParsedCertificate::from_der(&der).unwrap().serial_number().as_bytes(), octets);
    }
}

#[test]
fn certificates_of_others_are_read() {
    let judge = Judge::new();
    judge.accepts("ecparam -name prime256v1 -genkey -noout -out key.pem");
    let made = judge.run_with(
        "req -x509 -new -key key.pem -days 30 -set_serial 0x1234 -out cert.pem -subj",
        &[
            "/DC=example/CN=Foreign/emailAddress=a@example.com/serialNumber=7",
            "-addext",
            "subjectAltName=DNS:_srv.example,DNS:ok.example,otherName:1.2.3;UTF8:x",
        ],
    );
    assert!(made.accepted, "{}", made.text);
    let der = pem::decode_one(&[pem::CERTIFICATE], &judge.read("cert.pem")).unwrap();
    let parsed = ParsedCertificate::from_der(&der).unwrap();
    assert_eq!(parsed.subject().common_name.as_deref(), Some("Foreign"));
    assert_eq!(parsed.serial_number().to_string(), "12:34");
    assert_eq!(parsed.subject_alt_names().dns.len(), 1);
    assert_eq!(parsed.unsupported_alt_names(), 1);
    assert_eq!(parsed.subject_alt_names().other[0].as_str(), "1.2.3;UTF8:x");
    assert!(parsed.is_ca() && parsed.is_self_issued());
    assert_eq!(
        rfc4514_of_der(parsed.subject_der()).unwrap(),
        "serialNumber=7,emailAddress=a@example.com,CN=Foreign,DC=example"
    );
    let shown = judge.accepts("x509 -in cert.pem -noout -subject -fingerprint -sha256 -nameopt RFC2253");
    assert!(shown.contains("subject=serialNumber=7,emailAddress=a@example.com,CN=Foreign,DC=example"));
    assert!(shown.to_lowercase().replace(':', "").contains(&parsed.fingerprint_sha256()));
}

#[test]
fn damaged_certificates_are_refused_without_panic() {
    let ca = TestCa::root(KeyAlgorithm::P256);
    let key = ParsedCertificate::from_der(&ca.der).unwrap().public_key().unwrap();
    for length in 0..ca.der.len() {
        assert!(ParsedCertificate::from_der(&ca.der[..length]).is_err());
    }
    assert!(ParsedCertificate::from_der(&[&ca.der[..], &[0]].concat()).is_err());
    for place in 0..ca.der.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut damaged = ca.der.clone();
            damaged[place] ^= change;
            let survives = ParsedCertificate::from_der(&damaged)
                .is_ok_and(|certificate| certificate.verify_signed_by(&key).is_ok());
            assert!(!survives, "octet {place} changed by {change:#x}");
        }
    }
}

//! Requests that the command line made, read for a person who decides.

use certmill_x509::{
    CertificateSigningRequest, CsrInspection, CsrWarning, ExtendedKeyUsage, KeyUsage, X509Error, pem,
    sha256_hex,
};

use crate::judge::{Judge, der_of};

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

fn request(judge: &Judge, key: &str, options: &[&str]) -> String {
    judge.accepts(&format!("genpkey -out key.pem {key}"));
    let verdict = judge.run_with("req -new -key key.pem -out req.pem", options);
    assert!(verdict.accepted, "{}", verdict.text);
    judge.read("req.pem")
}

fn inspect(text: &str) -> CsrInspection {
    CsrInspection::from_pem(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn codes(inspection: &CsrInspection) -> Vec<&'static str> {
    inspection.warnings().iter().map(CsrWarning::code).collect()
}

#[test]
fn everything_in_a_request_is_shown() {
    let judge = Judge::new();
    let text = request(
        &judge,
        P256,
        &[
            "-subj",
            "/DC=example/C=NL/O=Org/CN=A.example",
            "-addext",
            "subjectAltName=DNS:a.example,IP:10.0.0.1,DNS:A.example",
            "-addext",
            "keyUsage=critical,digitalSignature,keyAgreement",
            "-addext",
            "extendedKeyUsage=serverAuth,1.2.3.4",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "tlsfeature=status_request",
            "-addext",
            "1.2.3.4.5=critical,ASN1:NULL",
        ],
    );
    let inspection = inspect(&text);
    assert_eq!(inspection.subject().to_string(), "CN=A.example,O=Org,C=NL");
    assert_eq!(inspection.subject_text(), "CN=A.example,O=Org,C=NL,DC=example");
    let names = inspection.subject_alt_names();
    assert_eq!((names.dns.len(), names.dns[0].as_str(), names.len()), (1, "a.example", 2));
    let requested = inspection.requested();
    assert_eq!(requested.key_usage, Some(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_AGREEMENT));
    let other = ExtendedKeyUsage::from_name("1.2.3.4").unwrap();
    assert_eq!(requested.extended_key_usage, [ExtendedKeyUsage::ServerAuth, other]);
    assert_eq!((requested.is_ca, requested.path_length), (false, None));
    let others: Vec<_> =
        requested.other.iter().map(|extension| (extension.oid.to_string(), extension.critical)).collect();
    assert_eq!(others, [("1.3.6.1.5.5.7.1.24".to_owned(), false), ("1.2.3.4.5".to_owned(), true)]);
    assert_eq!(inspection.signature_algorithm(), "ecdsa-with-SHA256");
    assert!(!inspection.has_weak_hash() && !inspection.has_challenge_password());
    assert_eq!(inspection.key_strength_bits(), 128);
    let der = der_of(&judge.path("req.pem"), pem::CERTIFICATE_REQUEST);
    assert_eq!(inspection.der(), der);
    assert_eq!(inspection.fingerprint_sha256(), sha256_hex(&der));
    // OpenSSL counts the same octets.
    judge.write("req.der", &der);
    let digest = judge.accepts("dgst -sha256 req.der");
    assert!(digest.trim_end().ends_with(&inspection.fingerprint_sha256()), "{digest}");
    assert_eq!(codes(&inspection), ["subject_attribute_left_out"]);
    assert!(inspection.warnings()[0].to_string().contains("attribute DC"));
}

#[test]
fn old_hashes_are_read_with_a_warning() {
    let judge = Judge::new();
    for (key, hash, name, weak) in [
        (RSA, "-md5", "md5WithRSAEncryption", Some("MD5")),
        (RSA, "-sha1", "sha1WithRSAEncryption", Some("SHA-1")),
        (RSA, "-sha224", "sha224WithRSAEncryption", Some("SHA-224")),
        (RSA, "-sha256", "sha256WithRSAEncryption", None),
        (RSA, "-sha384", "sha384WithRSAEncryption", None),
        (RSA, "-sha512", "sha512WithRSAEncryption", None),
        (P256, "-sha1", "ecdsa-with-SHA1", Some("SHA-1")),
        (P256, "-sha224", "ecdsa-with-SHA224", Some("SHA-224")),
        (P256, "-sha384", "ecdsa-with-SHA384", None),
        ("-algorithm ED25519", "-sha256", "ED25519", None),
    ] {
        let text = request(&judge, key, &[hash, "-subj", "/CN=a", "-addext", "subjectAltName=DNS:a"]);
        let inspection = inspect(&text);
        assert_eq!(inspection.signature_algorithm(), name);
        assert_eq!(inspection.has_weak_hash(), weak.is_some());
        match weak {
            Some(hash) => {
                assert_eq!(inspection.warnings(), [CsrWarning::WeakSignatureHash { hash }]);
                assert!(CertificateSigningRequest::from_pem(&text).is_err());
            }
            None => assert_eq!(inspection.warnings(), []),
        }
        // The signature counts all the same.
        let mut changed = inspection.der().to_vec();
        *changed.last_mut().unwrap() ^= 1;
        let error = CsrInspection::from_der(&changed).unwrap_err();
        assert!(matches!(&error, X509Error::InvalidCsr(reason) if reason.contains("its own key")), "{error}");
    }
}

#[test]
fn odd_wishes_are_warned_of() {
    let judge = Judge::new();
    for (subject, extensions, expected) in [
        ("/CN=a", &[][..], &["no_subject_alt_names", "common_name_not_in_sans"][..]),
        ("/O=a", &[], &["no_subject_alt_names"]),
        ("/CN=b.example", &["subjectAltName=DNS:a.example"], &["common_name_not_in_sans"]),
        ("/CN=10.0.0.1", &["subjectAltName=IP:10.0.0.1"], &[]),
        ("/CN=a@example.com", &["subjectAltName=email:a@example.com"], &[]),
        ("/CN=*.a.example", &["subjectAltName=DNS:*.a.example"], &["wildcard_name"]),
        ("/CN=a/emailAddress=a@a.example", &["subjectAltName=DNS:a"], &["email_in_subject"]),
        ("/CN=a/emailAddress=a", &["subjectAltName=DNS:a"], &["email_in_subject", "subject_not_usable"]),
        ("/CN=a", &["subjectAltName=DNS:a", "basicConstraints=CA:TRUE,pathlen:3"], &["ca_requested"]),
        ("/CN=a/title=Dr/SN=x", &["subjectAltName=DNS:a"], &["subject_attribute_left_out"; 2]),
        ("/CN=a", &["subjectAltName=DNS:a,DNS:a_b"], &["unsupported_name"]),
    ] {
        let mut options = vec!["-subj", subject];
        for extension in extensions {
            options.extend(["-addext", extension]);
        }
        let inspection = inspect(&request(&judge, P256, &options));
        assert_eq!(codes(&inspection), expected, "{subject} {extensions:?}");
        let requested = inspection.requested();
        let asks = expected.contains(&"ca_requested");
        assert_eq!((requested.is_ca, requested.path_length), (asks, asks.then_some(3)));
    }
}

#[test]
fn names_that_certificates_cannot_have_are_listed() {
    let judge = Judge::new();
    judge.write(
        "names.cnf",
        "[req]\ndistinguished_name = dn\nreq_extensions = ext\nprompt = no\n[dn]\nCN = a.example\n[ext]\n\
         subjectAltName = @names\n[names]\nDNS.1 = a.example\notherName.1 = \
         1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example\notherName.2 = 1.2.3;UTF8:x\nRID.1 = 1.2.3.4\n\
         dirName.1 = dir\nDNS.2 = a_b.example\nURI.1 = relative\n[dir]\nO = Org, Inc.\nCN = Dir\n",
    );
    let inspection = inspect(&request(&judge, P256, &["-config", "names.cnf"]));
    assert_eq!(inspection.subject_alt_names().len(), 3);
    let warnings: Vec<String> = inspection.warnings().iter().map(ToString::to_string).collect();
    let told = codes(&inspection);
    assert_eq!(told.iter().filter(|code| **code == "unsupported_name").count(), 4);
    assert_eq!(told.iter().filter(|code| **code == "other_name").count(), 2);
    for (part, count) in [
        ("1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example", 1),
        ("1.2.3;UTF8:x", 1),
        ("the registeredID 1.2.3.4", 1),
        ("the directoryName CN=Dir,O=Org\\, Inc.", 1),
        ("a_b.example", 1),
        ("relative", 1),
    ] {
        let found = warnings.iter().filter(|warning| warning.contains(part)).count();
        assert_eq!(found, count, "{part}: {warnings:?}");
    }
    assert!(CertificateSigningRequest::from_der(inspection.der()).is_err());
}

#[test]
fn challenge_passwords_are_named_and_never_shown() {
    let judge = Judge::new();
    judge.write(
        "challenge.cnf",
        "[req]\ndistinguished_name = dn\nattributes = attributes\nprompt = no\n[dn]\nCN = a\n[attributes]\n\
         challengePassword = Tr0ub4dor\nunstructuredName = something\n",
    );
    let inspection = inspect(&request(&judge, P256, &["-config", "challenge.cnf"]));
    assert!(inspection.has_challenge_password());
    assert_eq!(codes(&inspection), ["no_subject_alt_names", "common_name_not_in_sans", "challenge_password"]);
    for warning in inspection.warnings() {
        assert!(!format!("{warning} {warning:?}").contains("Tr0ub4dor"));
    }
}

#[test]
fn the_strength_of_keys_is_told() {
    let judge = Judge::new();
    for (key, bits) in [
        (RSA, 112),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", 128),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:4096", 152),
        (P256, 128),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", 192),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", 256),
        ("-algorithm ED25519", 128),
    ] {
        let inspection = inspect(&request(&judge, key, &["-subj", "/CN=a"]));
        assert_eq!(inspection.key_strength_bits(), bits, "{key}");
    }
}

#[test]
fn weak_and_unsupported_keys_stay_refused() {
    let judge = Judge::new();
    let refusal = |key| CsrInspection::from_pem(&request(&judge, key, &["-subj", "/CN=a"])).unwrap_err();
    for key in ["-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-algorithm RSA -pkeyopt rsa_keygen_pubexp:3"]
    {
        assert!(matches!(refusal(key), X509Error::WeakKey(_)), "{key}");
    }
    for key in
        ["-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-algorithm ED448", "-algorithm RSA-PSS"]
    {
        assert!(matches!(refusal(key), X509Error::UnsupportedKey(_)), "{key}");
    }
}

#[test]
fn changed_requests_are_refused_and_nothing_panics() {
    let judge = Judge::new();
    let text =
        request(&judge, P256, &["-subj", "/CN=a", "-addext", "subjectAltName=DNS:a.example,RID:1.2.3"]);
    let der = inspect(&text).der().to_vec();
    for place in 0..der.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut damaged = der.clone();
            damaged[place] ^= change;
            assert!(CsrInspection::from_der(&damaged).is_err(), "octet {place}");
        }
        assert!(CsrInspection::from_der(&der[..place]).is_err());
    }
}

use std::fmt::Write as _;

use certmill_x509::{
    CertificateSigningRequest, CsrInspection, CsrTemplate, DistinguishedName, KeyAlgorithm, KeyPair,
    SignatureAlgorithm, Signer, SubjectAltNames, X509Error, pem,
};

use crate::judge::{Judge, TestKey, der_of, extension};

const LABEL: &str = pem::CERTIFICATE_REQUEST;

/// A request made by the command line: `key` says which key, `options` go to `openssl req`.
fn request(judge: &Judge, key: &str, options: &[&str]) -> String {
    judge.accepts(&format!("genpkey -out key.pem {key}"));
    let verdict = judge.run_with("req -new -key key.pem -out req.pem", options);
    assert!(verdict.accepted, "{}", verdict.text);
    judge.read("req.pem")
}

fn refusal(text: &str) -> X509Error {
    CertificateSigningRequest::from_pem(text).unwrap_err()
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

#[test]
fn requests_of_every_algorithm_are_read() {
    for (key, name, bits) in [
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "rsa", 2048),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "rsa", 3072),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:4096", "rsa", 4096),
        (P256, "ec", 256),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "ec", 384),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "ec", 521),
        ("-algorithm ED25519", "ed25519", 256),
    ] {
        let judge = Judge::new();
        let hashes: &[&str] =
            if name == "ed25519" { &["-sha256"] } else { &["-sha256", "-sha384", "-sha512"] };
        for hash in hashes {
            let text = request(&judge, key, &[hash, "-subj", "/C=NL/O=Org/CN=a.example"]);
            let csr =
                CertificateSigningRequest::from_pem(&text).unwrap_or_else(|error| panic!("{key}: {error}"));
            assert_eq!((csr.public_key().algorithm_name(), csr.public_key().bits()), (name, bits));
            assert_eq!(csr.subject().to_string(), "CN=a.example,O=Org,C=NL");
            assert_eq!(csr.der(), der_of(&judge.path("req.pem"), LABEL));
            assert!(csr.subject_alt_names().is_empty() && !csr.asks_for_ca());
            judge.accepts("pkey -in key.pem -pubout -outform der -out spki.der");
            assert_eq!(csr.public_key().spki_der(), std::fs::read(judge.path("spki.der")).unwrap());
        }
    }
}

#[test]
fn requested_names_and_ca_are_read() {
    let judge = Judge::new();
    let names = "subjectAltName=DNS:B.example,DNS:*.a.example,DNS:b.example,IP:10.0.0.1,IP:2001:db8::1,\
                 email:a@example.com,URI:urn:a:b";
    let text = request(
        &judge,
        P256,
        &["-subj", "/", "-addext", names, "-addext", "basicConstraints=critical,CA:TRUE"],
    );
    let csr = CertificateSigningRequest::from_pem(&text).unwrap();
    let sans = csr.subject_alt_names();
    assert_eq!(sans.dns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b.example", "*.a.example"]);
    assert_eq!(sans.ip.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "2001:db8::1"]);
    assert_eq!((sans.email[0].as_str(), sans.uri[0].as_str()), ("a@example.com", "urn:a:b"));
    assert!(csr.asks_for_ca() && csr.subject().is_empty());

    let text = request(&judge, P256, &["-subj", "/CN=a", "-addext", "basicConstraints=CA:FALSE"]);
    assert!(!CertificateSigningRequest::from_pem(&text).unwrap().asks_for_ca());
}

#[test]
fn five_hundred_names_are_read_in_order() {
    let judge = Judge::new();
    let mut names = String::from("subjectAltName=DNS:n0.example");
    for number in 1..500 {
        write!(names, ",DNS:n{number}.example").unwrap();
    }
    let text = request(&judge, P256, &["-subj", "/CN=a", "-addext", &names]);
    let csr = CertificateSigningRequest::from_pem(&text).unwrap();
    assert_eq!(csr.subject_alt_names().len(), 500);
    assert_eq!(csr.subject_alt_names().dns[499].as_str(), "n499.example");
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let judge = Judge::new();
    for names in ["DNS:a_b.example", "DNS:10.0.0.1", "DNS:a..example", "email:nobody", "URI:relative"] {
        let extension = format!("subjectAltName=DNS:a.example,{names}");
        let text = request(&judge, P256, &["-subj", "/CN=a", "-addext", &extension]);
        assert!(matches!(refusal(&text), X509Error::InvalidName { .. }), "{names}");
    }
}

#[test]
fn names_of_other_kinds_are_left_out_and_told() {
    let judge = Judge::new();
    for (name, says) in [
        ("otherName:1.3.6.1.4.1.311.20.2.3;IA5:ann@example.com", "user principal name"),
        ("otherName:1.3.6.1.5.5.7.8.7;UTF8:x", "otherName of type 1.3.6.1.5.5.7.8.7"),
        ("RID:1.2.3.4", "registeredID 1.2.3.4"),
    ] {
        let extension = format!("subjectAltName=DNS:a.example,{name}");
        let text = request(&judge, P256, &["-subj", "/CN=a", "-addext", &extension]);
        let csr = CertificateSigningRequest::from_pem(&text).unwrap();
        assert_eq!(csr.subject_alt_names().dns.len(), 1);
        let [left_out] = csr.names_left_out() else { panic!("{name}: {:?}", csr.names_left_out()) };
        assert!(left_out.contains(says), "{left_out}");
    }
    let extension = "subjectAltName=DNS:a.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:ann@example.com";
    let text = request(&judge, P256, &["-subj", "/CN=a", "-addext", extension]);
    let csr = CertificateSigningRequest::from_pem(&text).unwrap();
    assert_eq!(csr.subject_alt_names().other[0].as_str(), "1.3.6.1.4.1.311.20.2.3;UTF8:ann@example.com");
    assert!(csr.names_left_out().is_empty());
}

#[test]
fn requests_come_as_base64_of_der_too() {
    let judge = Judge::new();
    let text = request(&judge, P256, &["-subj", "/CN=a.example"]);
    let bare: String = text.lines().filter(|line| !line.starts_with("-----")).collect::<Vec<_>>().join("\n");
    let (one, other) = (
        CertificateSigningRequest::from_pem(&text).unwrap(),
        CertificateSigningRequest::from_pem(&bare).unwrap(),
    );
    assert_eq!(one.der(), other.der());
    // What somebody has quoted twice.
    let quoted = text.trim().replace('\n', "\\n");
    assert!(refusal(&quoted).to_string().contains("two characters"), "{}", refusal(&quoted));
    judge.accepts("pkey -in key.pem -out plain.pem");
    assert!(refusal(&judge.read("plain.pem")).to_string().contains("PRIVATE KEY"));
}

#[test]
fn pss_signatures_of_ordinary_keys_are_verified() {
    let judge = Judge::new();
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let options = ["-subj", "/CN=a.example", hash, "-sigopt", "rsa_padding_mode:pss"];
        let text = request(&judge, "-algorithm RSA", &options);
        let csr = CertificateSigningRequest::from_pem(&text).unwrap();
        assert_eq!(csr.public_key().algorithm_name(), "rsa");
        assert_eq!(CsrInspection::from_pem(&text).unwrap().signature_algorithm(), "RSASSA-PSS");
        let mut der = csr.der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        assert!(CertificateSigningRequest::from_der(&der).is_err());
        assert!(CsrInspection::from_der(&der).is_err());
    }
    let sha1 = ["-subj", "/CN=a", "-sha1", "-sigopt", "rsa_padding_mode:pss"];
    let text = request(&judge, "-algorithm RSA", &sha1);
    assert!(refusal(&text).to_string().contains("SHA-1"), "{}", refusal(&text));
}

/// The attribute under the OID that Microsoft's programs used before PKCS #9 had one.
#[test]
fn the_older_attribute_of_extensions_is_read() {
    use der::{Decode as _, Encode as _};
    let judge = Judge::new();
    let options = ["-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:b.example"];
    request(&judge, P256, &options);
    let mut made = x509_cert::request::CertReq::from_der(&der_of(&judge.path("req.pem"), LABEL)).unwrap();
    let mut attribute = made.info.attributes.get(0).unwrap().clone();
    attribute.oid = "1.3.6.1.4.1.311.2.1.14".parse().unwrap();
    made.info.attributes = [attribute].try_into().unwrap();
    let key = openssl::pkey::PKey::private_key_from_pem(judge.read("key.pem").as_bytes()).unwrap();
    let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(&made.info.to_der().unwrap()).unwrap();
    made.signature = der::asn1::BitString::from_bytes(&signature).unwrap();
    let der = made.to_der().unwrap();
    let csr = CertificateSigningRequest::from_der(&der).unwrap();
    assert_eq!(csr.subject_alt_names().dns[0].as_str(), "b.example");
    assert_eq!(CsrInspection::from_der(&der).unwrap().subject_alt_names().dns.len(), 1);
}

#[test]
fn weak_and_unsupported_keys_are_refused() {
    let judge = Judge::new();
    let subject = ["-subj", "/CN=a"];
    let weak = request(&judge, "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", &subject);
    assert!(matches!(refusal(&weak), X509Error::WeakKey(reason) if reason.contains("1024")));
    let exponent = request(&judge, "-algorithm RSA -pkeyopt rsa_keygen_pubexp:3", &subject);
    assert!(matches!(refusal(&exponent), X509Error::WeakKey(reason) if reason.contains("65537")));
    for key in [
        "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-224",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
        "-algorithm ED448",
        "-algorithm RSA-PSS",
    ] {
        let text = request(&judge, key, &subject);
        assert!(matches!(refusal(&text), X509Error::UnsupportedKey(_)), "{key}");
    }
}

#[test]
fn signatures_on_broken_hashes_are_refused() {
    let judge = Judge::new();
    for (key, hash, named) in
        [("-algorithm RSA", "-sha1", "SHA-1"), ("-algorithm RSA", "-md5", "MD5"), (P256, "-sha1", "SHA-1")]
    {
        let text = request(&judge, key, &["-subj", "/CN=a", hash]);
        let error = refusal(&text);
        assert!(matches!(&error, X509Error::InvalidCsr(reason) if reason.contains(named)), "{error}");
    }
}

#[test]
fn requests_that_were_changed_are_refused() {
    let judge = Judge::new();
    for key in [P256, "-algorithm ED25519"] {
        request(&judge, key, &["-subj", "/CN=abcdef", "-addext", "subjectAltName=DNS:a.example"]);
        let der = der_of(&judge.path("req.pem"), LABEL);
        assert!(CertificateSigningRequest::from_der(&der).is_ok());
        for place in 0..der.len() {
            for change in [0x01, 0x80, 0xFF] {
                let mut damaged = der.clone();
                damaged[place] ^= change;
                assert!(CertificateSigningRequest::from_der(&damaged).is_err(), "octet {place}");
            }
        }
        for length in 0..der.len() {
            assert!(CertificateSigningRequest::from_der(&der[..length]).is_err());
        }
        let mut broken = der.clone();
        *broken.last_mut().unwrap() ^= 1;
        let error = CertificateSigningRequest::from_der(&broken).unwrap_err();
        assert!(matches!(&error, X509Error::InvalidCsr(reason) if reason.contains("its own key")), "{error}");
        let tail = [&der[..], &[0]].concat();
        let error = refusal(&pem::encode(LABEL, &tail));
        assert!(matches!(&error, X509Error::InvalidCsr(reason) if reason.contains("DER")), "{error}");
    }
}

#[test]
fn pem_of_every_usual_shape_is_read() {
    let judge = Judge::new();
    let text = request(&judge, P256, &["-subj", "/CN=a"]);
    let shapes = [
        text.clone(),
        text.replace('\n', "\r\n"),
        format!("Subject: a\n\n{text}\ntail"),
        text.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        text.trim_end().to_owned(),
        format!("\u{feff}  {text}"),
    ];
    for shape in shapes {
        assert!(CertificateSigningRequest::from_pem(&shape).is_ok(), "{shape}");
    }
    for shape in [
        format!("{text}{text}"),
        text.replace("CERTIFICATE REQUEST", "CERTIFICATE"),
        text.replace("-----END", "----END"),
        String::new(),
    ] {
        assert!(matches!(refusal(&shape), X509Error::Pem(_)), "{shape}");
    }
}

/// A key that knows its public key.
struct RequestKey {
    key: TestKey,
    spki_der: Vec<u8>,
}

impl RequestKey {
    fn generate(algorithm: KeyAlgorithm) -> Self {
        let key = TestKey::generate(algorithm);
        Self { spki_der: key.spki_der(), key }
    }
}

impl Signer for RequestKey {
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.key.signature_algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
        self.key.sign(message)
    }
}

impl KeyPair for RequestKey {
    fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }
}

#[test]
fn requests_are_made_for_every_algorithm() {
    let judge = Judge::new();
    let template = CsrTemplate {
        subject: "emailAddress=a@example.com,CN=a.example,O=Sm\u{ef}th\\, Inc.,C=NL".parse().unwrap(),
        subject_alt_names: SubjectAltNames {
            dns: vec!["a.example".parse().unwrap(), "*.b.example".parse().unwrap()],
            ip: vec!["10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            email: vec!["a@example.com".parse().unwrap()],
            uri: vec!["spiffe://example.org/a".parse().unwrap()],
            other: vec!["1.2.3;UTF8:x".parse().unwrap()],
        },
        ca: None,
    };
    for algorithm in KeyAlgorithm::ALL {
        let key = RequestKey::generate(algorithm);
        let der = template.sign(&key).unwrap();
        judge.write("made.der", &der);
        judge.accepts("asn1parse -inform der -in made.der");
        let text =
            judge.accepts("req -inform der -in made.der -verify -noout -text -nameopt RFC2253,utf8,-esc_msb");
        assert!(text.contains("verify OK"), "{algorithm:?}: {text}");
        assert!(text.contains("Version: 1"), "{text}");
        let subject = "emailAddress=a@example.com,CN=a.example,O=Sm\u{ef}th\\, Inc.,C=NL";
        assert!(text.contains(subject), "{text}");
        let names = extension(&text, "X509v3 Subject Alternative Name").unwrap();
        assert_eq!(
            names,
            "X509v3 Subject Alternative Name: DNS:a.example, DNS:*.b.example, IP Address:10.0.0.1, IP \
             Address:2001:DB8:0:0:0:0:0:1, email:a@example.com, URI:spiffe://example.org/a, othername: 1.2.3::x"
        );
        judge.accepts("req -inform der -in made.der -noout -pubkey -out public.pem");
        judge.accepts("pkey -pubin -in public.pem -outform der -out public.der");
        assert_eq!(std::fs::read(judge.path("public.der")).unwrap(), key.spki_der());
        let csr = CertificateSigningRequest::from_der(&der).unwrap();
        assert_eq!(
            (csr.subject(), csr.subject_alt_names()),
            (&template.subject, &template.subject_alt_names)
        );
    }
}

#[test]
fn requests_can_be_made_of_a_subject_or_of_names_alone() {
    let judge = Judge::new();
    let key = RequestKey::generate(KeyAlgorithm::P256);
    let subject = DistinguishedName::with_common_name("Ann");
    let only_subject = CsrTemplate { subject, ..CsrTemplate::default() };
    judge.write("made.der", only_subject.sign(&key).unwrap());
    let text = judge.accepts("req -inform der -in made.der -verify -noout -text");
    assert!(text.contains("verify OK") && !text.contains("Subject Alternative Name"), "{text}");
    let names = SubjectAltNames { dns: vec!["a.example".parse().unwrap()], ..SubjectAltNames::default() };
    let only_names = CsrTemplate { subject_alt_names: names, ..CsrTemplate::default() };
    judge.write("made.der", only_names.sign(&key).unwrap());
    let text = judge.accepts("req -inform der -in made.der -verify -noout -text");
    assert!(text.contains("Subject Alternative Name: critical"), "{text}");

    assert!(matches!(CsrTemplate::default().sign(&key), Err(X509Error::RefusedToSign(_))));
    let subject = DistinguishedName::with_common_name("a".repeat(65));
    let long = CsrTemplate { subject, ..CsrTemplate::default() };
    assert!(matches!(long.sign(&key), Err(X509Error::InvalidName { .. })));
}

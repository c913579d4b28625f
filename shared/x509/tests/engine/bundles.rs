//! Texts that the command line wrote, sorted by what is in them.

use base64::{Engine, engine::general_purpose::STANDARD};
use certmill_x509::pem::{self, Bundle};

use crate::judge::{Judge, der_of};

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";

/// A certificate, its request, a CRL and the key in `ca.pem`, `req.pem`, `crl.pem`, `key.pem`.
fn made() -> Judge {
    let judge = Judge::new();
    judge.accepts(&format!("genpkey -out key.pem {P256}"));
    judge.accepts("req -new -key key.pem -subj /CN=a -out req.pem");
    judge.accepts("req -x509 -key key.pem -subj /CN=a -days 10 -out ca.pem");
    judge.accepts("req -x509 -key key.pem -subj /CN=b -days 10 -out other.pem");
    judge.write("index.txt", "");
    judge.write("ca.cnf", "[ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\ndefault_md = sha256\n");
    judge.accepts("ca -config ca.cnf -gencrl -keyfile key.pem -cert ca.pem -crldays 1 -out crl.pem");
    judge
}

#[test]
fn bare_base64_is_told_apart() {
    let judge = made();
    for (words, kind) in [
        ("x509 -in ca.pem", "certificate"),
        ("req -in req.pem", "request"),
        ("crl -in crl.pem", "crl"),
        ("pkey -in key.pem", "key"),
        ("pkcs8 -topk8 -nocrypt -in key.pem", "key"),
        ("pkcs8 -topk8 -passout pass:x -in key.pem", "key"),
        ("ec -in key.pem", "key"),
        ("crl2pkcs7 -nocrl -certfile ca.pem", "certificate"),
    ] {
        judge.accepts(&format!("{words} -outform DER -out object.der"));
        let der = std::fs::read(judge.path("object.der")).unwrap();
        let one_line = STANDARD.encode(&der);
        let lines = pem::encode("X", &der)
            .lines()
            .filter(|line| !line.starts_with('-'))
            .fold(String::new(), |text, line| text + line + " \r\n");
        for text in [one_line, lines] {
            let bundle = Bundle::read(&text).unwrap_or_else(|error| panic!("{words}: {error}"));
            let counts = [
                bundle.certificates.len(),
                bundle.requests.len(),
                bundle.crls.len(),
                bundle.private_keys.len(),
            ];
            let expected = ["certificate", "request", "crl", "key"].map(|known| usize::from(known == kind));
            assert_eq!(counts, expected, "{words}");
            if kind == "key" {
                assert_eq!(bundle.private_keys[0].contents(), der);
            }
        }
    }
    judge.accepts("pkcs12 -export -in ca.pem -inkey key.pem -passout pass:x -out object.der");
    let text = STANDARD.encode(std::fs::read(judge.path("object.der")).unwrap());
    let error = Bundle::read(&text).err().unwrap().to_string();
    assert!(error.contains("PKCS #12"), "{error}");
    judge.accepts("pkey -in key.pem -pubout -outform DER -out object.der");
    let text = STANDARD.encode(std::fs::read(judge.path("object.der")).unwrap());
    assert!(Bundle::read(&text).is_err());
    // Version 1 of certificates and CRLs has another outline.
    judge.accepts("x509 -req -in req.pem -signkey key.pem -days 1 -outform DER -out object.der");
    let text = judge.accepts("x509 -inform DER -in object.der -noout -text");
    assert!(text.contains("Version: 1"), "{text}");
    let text = STANDARD.encode(std::fs::read(judge.path("object.der")).unwrap());
    assert_eq!(Bundle::read(&text).unwrap().certificates.len(), 1);
}

#[test]
fn pkcs7_bundles_are_unpacked() {
    let judge = made();
    judge.accepts("crl2pkcs7 -in crl.pem -certfile ca.pem -certfile other.pem -out all.p7b");
    let bundle = Bundle::read(&judge.read("all.p7b")).unwrap();
    let own = ["ca.pem", "other.pem"].map(|file| der_of(&judge.path(file), pem::CERTIFICATE));
    assert_eq!(bundle.certificates, own);
    assert_eq!(bundle.crls, [der_of(&judge.path("crl.pem"), pem::X509_CRL)]);
    let text = judge.read("all.p7b");
    for label in ["PKCS #7 SIGNED DATA", "CMS"] {
        assert_eq!(Bundle::read(&text.replace("PKCS7", label)).unwrap().certificates.len(), 2);
    }
    judge.write("data", "x");
    judge.accepts("cms -encrypt -in data -outform PEM -out enveloped.pem -aes256 ca.pem");
    assert!(Bundle::read(&judge.read("enveloped.pem")).is_err());
}

#[test]
fn texts_of_real_programs_are_read() {
    let judge = made();
    judge.accepts("pkcs12 -export -in ca.pem -inkey key.pem -certfile other.pem -passout pass:x -out a.p12");
    judge.accepts("pkcs12 -in a.p12 -passin pass:x -passout pass:y -out dump.pem");
    let bundle = Bundle::read(&judge.read("dump.pem")).unwrap();
    assert_eq!((bundle.certificates.len(), bundle.private_keys.len(), bundle.len()), (2, 1, 3));
    judge.accepts("x509 -in ca.pem -text -out text.pem");
    judge.accepts("ec -in key.pem -aes128 -passout pass:secret -out legacy.pem");
    let text = [judge.read("text.pem"), judge.read("legacy.pem"), judge.read("crl.pem")].concat();
    let bundle = Bundle::read(&text.replace('\n', "\r\n")).unwrap();
    assert_eq!((bundle.certificates.len(), bundle.private_keys.len(), bundle.crls.len()), (1, 1, 1));
    assert!(bundle.private_keys[0].dek_info().unwrap().starts_with("AES-128-CBC,"));
    judge.accepts("x509 -in ca.pem -trustout -addtrust serverAuth -out trusted.pem");
    let error = Bundle::read(&judge.read("trusted.pem")).err().unwrap().to_string();
    assert!(error.contains("TRUSTED CERTIFICATE"), "{error}");
}

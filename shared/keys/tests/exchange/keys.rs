use std::time::Instant;

use base64::{Engine, engine::general_purpose::STANDARD};
use certmill_keys::{KeyError, PrivateKey};
use certmill_x509::{KeyAlgorithm, pem};

use crate::workshop::{Workshop, error, first_place, with_number};

const PASSWORD: &str = "correct-horse-Ünïcödé";

/// INTEGER 2048.
const ITERATIONS: &[u8] = b"\x02\x02\x08\x00";

const KEYS: [(KeyAlgorithm, &str); 5] = [
    (KeyAlgorithm::Rsa2048, "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"),
    (KeyAlgorithm::P256, "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"),
    (KeyAlgorithm::P384, "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"),
    (KeyAlgorithm::P521, "-algorithm EC -pkeyopt ec_paramgen_curve:P-521"),
    (KeyAlgorithm::Ed25519, "-algorithm ED25519"),
];

/// PEM and DER of a key, in whatever text, are read as the key that `openssl` made.
fn is_read(workshop: &Workshop, file: &str, password: Option<&str>, what: &str) {
    let spki_der = workshop.spki_of("key.pem");
    let input = workshop.read(file);
    let mut shapes = vec![input.clone()];
    match std::str::from_utf8(&input) {
        Ok(text) => {
            shapes.push(text.replace('\n', "\r\n").into());
            shapes.push(text.trim_end().into());
            shapes.push(format!("Bag Attributes\n  friendlyName: a\n{text}").into());
            shapes.push([text, &pem::encode("CERTIFICATE", b"x")].concat().into());
        }
        Err(_) => shapes.push(STANDARD.encode(&input).into()),
    }
    for shape in shapes {
        let key = PrivateKey::from_pem_or_der(&shape, password)
            .unwrap_or_else(|error| panic!("{what}: {error}: {}", String::from_utf8_lossy(&shape)));
        assert!(key.matches(&spki_der), "{what}");
    }
}

#[test]
fn plain_keys_are_read_in_every_form() {
    for (algorithm, options) in KEYS {
        let workshop = Workshop::new();
        workshop.run(&format!("openssl genpkey -out key.pem {options}"));
        is_read(&workshop, "key.pem", None, "PKCS#8 PEM");
        is_read(&workshop, "key.pem", Some("not needed"), "PKCS#8 PEM");
        workshop.run("openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out other");
        is_read(&workshop, "other", None, "PKCS#8 DER");
        if algorithm != KeyAlgorithm::Ed25519 {
            workshop.run("openssl pkey -in key.pem -traditional -out other");
            is_read(&workshop, "other", None, "traditional PEM");
            workshop.run("openssl pkey -in key.pem -traditional -outform DER -out other");
            is_read(&workshop, "other", None, "traditional DER");
        }
    }
    let workshop = Workshop::new();
    workshop.run("openssl ecparam -genkey -name prime256v1 -out key.pem");
    assert!(workshop.text("key.pem").contains("BEGIN EC PARAMETERS"));
    is_read(&workshop, "key.pem", None, "with parameters");
    workshop.run("openssl ec -in key.pem -no_public -out other");
    is_read(&workshop, "other", None, "without the public half");
}

#[test]
fn encrypted_keys_are_read() {
    let workshop = Workshop::new();
    workshop.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    workshop.write("password", PASSWORD);
    for (options, what) in [
        ("", "the default"),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 1000", "SHA-512"),
        ("-v2 aes-192-cbc -v2prf hmacWithSHA384", "SHA-384"),
        ("-v2 aes-128-cbc -v2prf hmacWithSHA224", "SHA-224"),
        ("-v2 aes-128-cbc -v2prf hmacWithSHA1", "SHA-1"),
        ("-v2 des3", "triple DES"),
        ("-scrypt", "scrypt"),
        ("-v1 PBE-SHA1-3DES", "three keys of PKCS #12"),
        ("-v1 PBE-SHA1-2DES", "two keys of PKCS #12"),
    ] {
        for form in ["PEM", "DER"] {
            let command = "openssl pkcs8 -topk8 -in key.pem -passout file:password -out encrypted";
            workshop.run(&format!("{command} -outform {form} {options}"));
            is_read(&workshop, "encrypted", Some(PASSWORD), what);
            let input = workshop.read("encrypted");
            let missing = error(PrivateKey::from_pem_or_der(&input, None));
            assert!(matches!(missing, KeyError::PasswordRequired), "{what}: {missing}");
            for wrong in ["", "x", &PASSWORD[..5]] {
                let wrong = error(PrivateKey::from_pem_or_der(&input, Some(wrong)));
                assert!(matches!(wrong, KeyError::WrongPassword), "{what}: {wrong}");
            }
        }
    }
}

#[test]
fn keys_encrypted_by_headers_are_read() {
    for options in ["-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-algorithm RSA"] {
        let workshop = Workshop::new();
        workshop.run(&format!("openssl genpkey -out key.pem {options}"));
        workshop.write("password", PASSWORD);
        for cipher in ["aes128", "aes192", "aes256", "des3"] {
            workshop.run(&format!(
                "openssl pkey -in key.pem -traditional -{cipher} -passout file:password -out encrypted"
            ));
            assert!(workshop.text("encrypted").contains("Proc-Type: 4,ENCRYPTED"));
            is_read(&workshop, "encrypted", Some(PASSWORD), cipher);
            let input = workshop.read("encrypted");
            let missing = error(PrivateKey::from_pem_or_der(&input, None));
            assert!(matches!(missing, KeyError::PasswordRequired), "{missing}");
            // One of 256 wrong passwords passes the padding; none is taken for anything else.
            for number in 0..600 {
                let wrong = error(PrivateKey::from_pem_or_der(&input, Some(&number.to_string())));
                assert!(matches!(wrong, KeyError::WrongPassword), "{cipher} {number}: {wrong}");
            }
        }
        workshop
            .run("openssl pkey -in key.pem -traditional -camellia128 -passout file:password -out encrypted");
        let refusal = error(PrivateKey::from_pem_or_der(&workshop.read("encrypted"), Some(PASSWORD)));
        assert!(matches!(refusal, KeyError::UnsupportedEncryption(_)), "{refusal}");
        let odd = workshop.text("encrypted").replace("CAMELLIA-128-CBC,", "AES-128-CBC,0");
        let refusal = error(PrivateKey::from_pem_or_der(odd.as_bytes(), Some(PASSWORD)));
        assert!(matches!(refusal, KeyError::InvalidKey(_)), "{refusal}");
    }
}

#[test]
fn keys_of_gnutls_are_read() {
    for (options, algorithm) in [
        ("--key-type ecdsa --curve secp256r1", KeyAlgorithm::P256),
        ("--key-type rsa --bits 2048", KeyAlgorithm::Rsa2048),
        ("--key-type ed25519", KeyAlgorithm::Ed25519),
    ] {
        let workshop = Workshop::new();
        // Text in front of PKCS#1, SEC 1 or PKCS#8.
        workshop.run(&format!("certtool --generate-privkey {options} --outfile key.pem"));
        is_read(&workshop, "key.pem", None, options);
        workshop.run("certtool --load-privkey key.pem --to-p8 --password secret99 --outfile encrypted");
        assert!(workshop.text("encrypted").contains("ENCRYPTED PRIVATE KEY"));
        is_read(&workshop, "encrypted", Some("secret99"), options);
        let key = PrivateKey::from_pem_or_der(&workshop.read("key.pem"), None).ok().unwrap();
        assert_eq!(key.algorithm(), algorithm);
    }
}

/// RFC 8410 §10.3: OneAsymmetricKey with attributes and a public key.
#[test]
fn the_example_of_rfc_8410_is_read() {
    let text = "-----BEGIN PRIVATE KEY-----\n\
        MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB\n\
        Z9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PRIVATE KEY-----\n";
    let key = PrivateKey::from_pem_or_der(text.as_bytes(), None).ok().unwrap();
    assert_eq!(key.algorithm(), KeyAlgorithm::Ed25519);
    assert!(key.spki_der().ends_with(b"\xad\x70\x31\x66\xe1"));
    let other = text.replace("xZuE=", "xZuI=");
    let refusal = error(PrivateKey::from_pem_or_der(other.as_bytes(), None));
    assert!(matches!(refusal, KeyError::UnacceptableKey(_)), "{refusal}");
}

#[test]
fn what_is_no_acceptable_key_is_refused_by_name() {
    let workshop = Workshop::new();
    let refusal = |command: &str| {
        workshop.run(command);
        error(PrivateKey::from_pem_or_der(&workshop.read("key.pem"), None))
    };
    for options in ["rsa_keygen_bits:1024", "rsa_keygen_pubexp:3"] {
        let weak = refusal(&format!("openssl genpkey -algorithm RSA -pkeyopt {options} -out key.pem"));
        assert!(matches!(weak, KeyError::WeakKey(_)), "{weak}");
    }
    for options in [
        "RSA -pkeyopt rsa_keygen_bits:2560",
        "EC -pkeyopt ec_paramgen_curve:secp256k1",
        "EC -pkeyopt ec_paramgen_curve:P-224",
        "ED448",
        "X25519",
        "RSA-PSS",
    ] {
        let other = refusal(&format!("openssl genpkey -algorithm {options} -out key.pem"));
        assert!(matches!(other, KeyError::UnacceptableKey(_)), "{options}: {other}");
    }
    let curve = refusal("openssl ecparam -genkey -noout -name secp256k1 -out key.pem");
    assert!(matches!(curve, KeyError::UnacceptableKey(_)), "{curve}");

    workshop.run("openssl genpkey -algorithm ED25519 -out key.pem");
    let good = workshop.text("key.pem");
    workshop.run("openssl pkey -in key.pem -pubout -out public.pem");
    workshop.run("openssl pkey -in key.pem -pubout -outform DER -out public.der");
    for input in [
        Vec::new(),
        b"hello".to_vec(),
        vec![0xff; 40],
        vec![0x30, 0x00],
        workshop.read("public.pem"),
        workshop.read("public.der"),
        pem::encode("CERTIFICATE", b"x").into(),
        good.repeat(2).into(),
        good.replace("END", "ENT").into(),
        pem::encode("PRIVATE KEY", b"x").into(),
        pem::encode("EC PRIVATE KEY", b"\x30\x06\x02\x01\x01\x04\x01\x05").into(),
    ] {
        let invalid = error(PrivateKey::from_pem_or_der(&input, Some("x")));
        let text = String::from_utf8_lossy(&input);
        assert!(matches!(invalid, KeyError::InvalidKey(_)), "{text}: {invalid}");
    }
}

#[test]
fn old_encryption_is_refused_by_name() {
    let workshop = Workshop::new();
    workshop.run("openssl genpkey -algorithm ED25519 -out key.pem");
    for (scheme, named) in
        [("PBE-MD5-DES", "MD5 and DES"), ("PBE-SHA1-RC2-40", "40-bit RC2"), ("PBE-SHA1-RC4-128", "RC4")]
    {
        workshop.run(&format!(
            "openssl pkcs8 -topk8 -in key.pem -v1 {scheme} -passout pass:x -out encrypted -provider legacy \
             -provider default"
        ));
        let refusal = error(PrivateKey::from_pem_or_der(&workshop.read("encrypted"), Some("x")));
        let KeyError::UnsupportedEncryption(reason) = &refusal else { panic!("{refusal}") };
        assert!(reason.contains(named) && refusal.to_string().contains("AES"), "{refusal}");
    }
}

#[test]
fn expensive_derivations_are_refused_before_they_are_begun() {
    let workshop = Workshop::new();
    workshop.run("openssl genpkey -algorithm ED25519 -out key.pem");
    let encrypted = |options: &str| {
        let command = "openssl pkcs8 -topk8 -in key.pem -passout pass:x -outform DER -out encrypted";
        workshop.run(&format!("{command} {options}"));
        workshop.read("encrypted")
    };
    let begun = Instant::now();
    let work = encrypted("-iter 2048");
    // INTEGER 2048 becomes 10,000,001 and 2³¹ − 1; or what is no number of iterations.
    for (number, excessive) in [
        (&b"\x02\x03\x98\x96\x81"[..], false),
        (b"\x02\x04\x00\x98\x96\x81", true),
        (b"\x02\x04\x7f\xff\xff\xff", true),
        (b"\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff", true),
        (b"\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff", false),
        (b"\x02\x02\x00\x00", false),
    ] {
        let refusal = error(PrivateKey::from_pem_or_der(
            &with_number(&work, (first_place(&work, ITERATIONS), ITERATIONS.len()), number),
            Some("x"),
        ));
        assert_eq!(matches!(refusal, KeyError::ExcessiveWork(_)), excessive, "{number:?}: {refusal}");
        assert!(excessive || matches!(refusal, KeyError::InvalidKey(_)), "{number:?}: {refusal}");
    }
    // N = 2^14, r = 8, p = 1.
    let scrypt = encrypted("-scrypt");
    let parameters = b"\x02\x02\x40\x00\x02\x01\x08\x02\x01\x01";
    for (number, excessive) in [
        (&b"\x02\x04\x10\x00\x00\x00\x02\x01\x08\x02\x01\x01"[..], true),
        (b"\x02\x02\x40\x00\x02\x03\x10\x00\x00\x02\x01\x01", true),
        (b"\x02\x02\x40\x00\x02\x01\x08\x02\x03\x0f\xff\xff", true),
        (b"\x02\x02\x40\x00\x02\x01\x08\x02\x02\x03\xe8", true),
        (b"\x02\x07\x40\x00\x00\x00\x00\x00\x00\x02\x07\x40\x00\x00\x00\x00\x00\x00\x02\x01\x01", true),
        (b"\x02\x02\x40\x01\x02\x01\x08\x02\x01\x01", false),
        (b"\x02\x02\x40\x00\x02\x01\x00\x02\x01\x01", false),
        (b"\x02\x02\x40\x00\x02\x01\x08\x02\x01\x00", false),
    ] {
        let refusal = error(PrivateKey::from_pem_or_der(
            &with_number(&scrypt, (first_place(&scrypt, parameters), parameters.len()), number),
            Some("x"),
        ));
        assert_eq!(matches!(refusal, KeyError::ExcessiveWork(_)), excessive, "{number:?}: {refusal}");
        assert!(excessive || matches!(refusal, KeyError::InvalidKey(_)), "{number:?}: {refusal}");
    }
    let old = encrypted("-v1 PBE-SHA1-3DES -iter 2048");
    let old =
        with_number(&old, (first_place(&old, ITERATIONS), ITERATIONS.len()), b"\x02\x04\x7f\xff\xff\xff");
    let refusal = error(PrivateKey::from_pem_or_der(&old, Some("x")));
    assert!(matches!(refusal, KeyError::ExcessiveWork(_)), "{refusal}");
    assert!(begun.elapsed().as_secs() < 20, "something was derived");
}

#[test]
fn damaged_keys_never_panic_and_are_never_another_key() {
    let workshop = Workshop::new();
    workshop.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
    let spki_der = workshop.spki_of("key.pem");
    for (command, password) in [
        ("openssl pkcs8 -topk8 -in key.pem -iter 1 -passout pass:x -outform DER -out damaged", Some("x")),
        ("openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out damaged", None),
        ("openssl ec -in key.pem -outform DER -out damaged", None),
    ] {
        workshop.run(command);
        let der = workshop.read("damaged");
        for place in 0..der.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[place] ^= change;
                if let Ok(key) = PrivateKey::from_pem_or_der(&damaged, password) {
                    assert!(key.matches(&spki_der), "{command}: octet {place}");
                }
            }
            assert!(PrivateKey::from_pem_or_der(&der[..place], password).is_err());
        }
    }
}

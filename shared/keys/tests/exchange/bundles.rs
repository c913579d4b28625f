use std::time::Instant;

use certmill_keys::{KeyError, PrivateKey, pkcs12};
use certmill_x509::{KeyAlgorithm, pem};

use crate::workshop::{Workshop, certificate, error, first_place, with_number};

const PASSWORD: &str = "correct-horse-Ünïcödé";

/// A key, its certificate, and a chain of two.
struct Made {
    key: PrivateKey,
    leaf: Vec<u8>,
    chain: [Vec<u8>; 2],
}

impl Made {
    fn of(algorithm: KeyAlgorithm) -> Self {
        let key = PrivateKey::generate(algorithm).ok().unwrap();
        let issuer = PrivateKey::generate(KeyAlgorithm::P256).ok().unwrap();
        let root = PrivateKey::generate(KeyAlgorithm::P384).ok().unwrap();
        Self {
            leaf: certificate(&key, "leaf", (&issuer, "issuer")),
            chain: [
                certificate(&issuer, "issuer", (&root, "root")),
                certificate(&root, "root", (&root, "root")),
            ],
            key,
        }
    }

    fn bundle(&self, password: &str) -> Vec<u8> {
        let chain: Vec<&[u8]> = self.chain.iter().map(Vec::as_slice).collect();
        pkcs12::write(&self.key, &self.leaf, &chain, "web.example.com", password).unwrap()
    }

    /// The same in files, for other programs to bundle.
    fn write(&self, workshop: &Workshop) {
        workshop.write("key.pem", self.key.to_pkcs8_pem().unwrap().as_bytes());
        workshop.write("leaf.pem", pem::encode(pem::CERTIFICATE, &self.leaf));
        workshop.write(
            "chain.pem",
            self.chain.iter().map(|der| pem::encode(pem::CERTIFICATE, der)).collect::<String>(),
        );
        workshop.write("password", PASSWORD);
    }

    fn is_in(&self, bundle: &[u8], password: &str, what: &str) {
        let read = pkcs12::read(bundle, password).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(read.key.matches(self.key.spki_der()), "{what}");
        assert_eq!(read.leaf, self.leaf, "{what}");
        let mut chain = read.chain;
        // Not every program keeps the order.
        chain.sort_unstable();
        let mut expected = self.chain.to_vec();
        expected.sort_unstable();
        assert_eq!(chain, expected, "{what}");
    }
}

#[test]
fn openssl_opens_what_is_written() {
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256, KeyAlgorithm::P521, KeyAlgorithm::Ed25519] {
        let made = Made::of(algorithm);
        let workshop = Workshop::new();
        workshop.write("made.p12", made.bundle(PASSWORD));
        workshop.write("password", PASSWORD);
        let text =
            workshop.run("openssl pkcs12 -info -in made.p12 -passin file:password -nodes -out opened.pem");
        assert!(text.contains("MAC: sha256, Iteration 100000"), "{text}");
        let scheme = "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256";
        assert_eq!(text.matches(scheme).count(), 2, "{text}");
        let opened = workshop.text("opened.pem");
        assert!(opened.contains("friendlyName: web.example.com"), "{opened}");
        let bundle = pem::Bundle::read(&opened).unwrap();
        assert_eq!(bundle.certificates, [made.leaf.clone(), made.chain[0].clone(), made.chain[1].clone()]);
        let key = PrivateKey::from_pem_or_der(opened.as_bytes(), None).ok().unwrap();
        assert!(key.matches(made.key.spki_der()));
        let (opened, _) =
            workshop.try_run("openssl pkcs12 -in made.p12 -passin pass:wrong -nodes -out wrong.pem");
        assert!(!opened);
        made.is_in(&workshop.read("made.p12"), PASSWORD, "our own");
    }
}

#[test]
fn java_opens_what_is_written() {
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256, KeyAlgorithm::Ed25519] {
        let made = Made::of(algorithm);
        let workshop = Workshop::new();
        workshop.write("made.p12", made.bundle("changeit-now"));
        let list = "keytool -J-Duser.language=en -list -v -storetype PKCS12 -keystore made.p12 -storepass";
        let text = workshop.run(&format!("{list} changeit-now"));
        assert!(text.contains("Alias name: web.example.com"), "{text}");
        assert!(text.contains("Entry type: PrivateKeyEntry"), "{text}");
        assert!(text.contains("Certificate chain length: 3"), "{text}");
        assert!(!workshop.try_run(&format!("{list} wrong-password")).0);
        // The key itself, and not only its entry.
        workshop.run(
            "keytool -importkeystore -srckeystore made.p12 -srcstorepass changeit-now -destkeystore copy.p12 \
             -deststoretype PKCS12 -deststorepass another-one",
        );
        made.is_in(&workshop.read("copy.p12"), "another-one", "Java's copy");
    }
}

#[test]
fn gnutls_opens_what_is_written() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    workshop.write("made.p12", made.bundle("secret99"));
    let text = workshop.run("certtool --p12-info --inder --infile made.p12 --password secret99");
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 3, "{text}");
}

#[test]
fn bundles_of_openssl_are_read() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    made.write(&workshop);
    let export =
        "openssl pkcs12 -export -inkey key.pem -in leaf.pem -certfile chain.pem -passout file:password";
    for options in [
        "",
        "-macalg sha1",
        "-macalg sha512 -iter 1",
        "-macalg sha384 -keypbe AES-128-CBC -certpbe AES-192-CBC",
        "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
        "-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-2DES",
        "-keypbe NONE -certpbe NONE",
        "-nomac",
        "-nomaciter",
        "-name a -caname b -CSP c",
    ] {
        workshop.run(&format!("{export} {options} -out made.p12"));
        let bundle = workshop.read("made.p12");
        made.is_in(&bundle, PASSWORD, options);
        if options != "-keypbe NONE -certpbe NONE -nomac" {
            let wrong = error(pkcs12::read(&bundle, "wrong"));
            assert!(matches!(wrong, KeyError::WrongPassword), "{options}: {wrong}");
        }
    }
    workshop.run(
        "openssl pkcs12 -export -inkey key.pem -in leaf.pem -certfile chain.pem -passout pass: -out made.p12",
    );
    made.is_in(&workshop.read("made.p12"), "", "an empty password");
    workshop.run("openssl pkcs12 -export -legacy -inkey key.pem -in leaf.pem -passout pass:x -out made.p12");
    let refusal = error(pkcs12::read(&workshop.read("made.p12"), "x"));
    assert!(
        matches!(&refusal, KeyError::UnsupportedEncryption(reason) if reason.contains("RC2")),
        "{refusal}"
    );
}

#[test]
fn bundles_of_java_are_read() {
    let workshop = Workshop::new();
    let store = "-alias a -storetype PKCS12 -storepass changeit-now";
    for (file, options) in [("modern.p12", ""), ("legacy.p12", "-J-Dkeystore.pkcs12.legacy")] {
        workshop.run(&format!(
            "keytool -genkeypair -keyalg EC -groupname secp256r1 -dname CN=web.example.com -keystore {file} \
             {store} {options}"
        ));
        workshop.run(&format!("keytool -exportcert -keystore {file} {store} -file {file}.der"));
    }
    let bundle = pkcs12::read(&workshop.read("modern.p12"), "changeit-now").ok().unwrap();
    assert_eq!(bundle.leaf, workshop.read("modern.p12.der"));
    assert!(bundle.chain.is_empty());
    assert_eq!(bundle.key.algorithm(), KeyAlgorithm::P256);
    let wrong = error(pkcs12::read(&workshop.read("modern.p12"), "wrong"));
    assert!(matches!(wrong, KeyError::WrongPassword), "{wrong}");
    // Its certificates are encrypted with RC2 of 40 bits.
    let refusal = error(pkcs12::read(&workshop.read("legacy.p12"), "changeit-now"));
    assert!(
        matches!(&refusal, KeyError::UnsupportedEncryption(reason) if reason.contains("RC2")),
        "{refusal}"
    );
}

#[test]
fn bundles_of_gnutls_are_read() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    made.write(&workshop);
    workshop.write("all.pem", workshop.text("leaf.pem") + &workshop.text("chain.pem"));
    workshop.run(
        "certtool --to-p12 --load-privkey key.pem --load-certificate all.pem --p12-name a --password secret99 \
         --outder --outfile made.p12 --pkcs-cipher aes-256",
    );
    made.is_in(&workshop.read("made.p12"), "secret99", "certtool");
}

/// As NSS and Windows write them.
#[test]
fn indefinite_lengths_are_read() {
    /// Opens up every constructed value, and every OCTET STRING into pieces of 100 octets.
    fn indefinite(mut der: &[u8]) -> Vec<u8> {
        let mut ber = Vec::new();
        while let [tag, first, ..] = *der {
            let octets = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
            let length = if octets == 0 {
                usize::from(first)
            } else {
                der[2..2 + octets].iter().fold(0, |value, octet| value << 8 | usize::from(*octet))
            };
            let (raw, rest) = der.split_at(2 + octets + length);
            let contents = &raw[2 + octets..];
            if tag & 0x20 != 0 {
                ber.extend([tag, 0x80]);
                ber.extend(indefinite(contents));
                ber.extend([0, 0]);
            } else if tag == 0x04 && length > 100 {
                ber.extend([0x24, 0x80]);
                for piece in contents.chunks(100) {
                    ber.extend([0x04, u8::try_from(piece.len()).unwrap()]);
                    ber.extend(piece);
                }
                ber.extend([0, 0]);
            } else {
                ber.extend(raw);
            }
            der = rest;
        }
        ber
    }
    let made = Made::of(KeyAlgorithm::P256);
    let ber = indefinite(&made.bundle(PASSWORD));
    let workshop = Workshop::new();
    workshop.write("made.p12", &ber);
    workshop.write("password", PASSWORD);
    workshop.run("openssl pkcs12 -in made.p12 -passin file:password -nodes -out opened.pem");
    made.is_in(&ber, PASSWORD, "BER");
}

#[test]
fn what_is_not_one_key_with_its_certificate_is_refused() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    made.write(&workshop);
    let refusal = |bundle: &[u8]| match error(pkcs12::read(bundle, "x")) {
        KeyError::InvalidBundle(reason) => reason.into_owned(),
        other => panic!("{other}"),
    };
    workshop.run("openssl pkcs12 -export -nokeys -in leaf.pem -passout pass:x -out made.p12");
    assert!(refusal(&workshop.read("made.p12")).contains("no private key"));
    workshop.run("openssl pkcs12 -export -inkey key.pem -nocerts -in leaf.pem -passout pass:x -out made.p12");
    assert!(refusal(&workshop.read("made.p12")).contains("certificate of its private key"));
    let two = "-storetype PKCS12 -storepass changeit-now -keystore two.p12 -keyalg EC -dname CN=a";
    workshop.run(&format!("keytool -genkeypair -alias a {two}"));
    workshop.run(&format!("keytool -genkeypair -alias b {two}"));
    let several = error(pkcs12::read(&workshop.read("two.p12"), "changeit-now"));
    assert!(several.to_string().contains("several private keys"), "{several}");
    for input in [
        &b""[..],
        b"x",
        b"\x30\x00",
        b"\x30\x03\x02\x01\x03",
        &made.leaf,
        workshop.text("key.pem").as_bytes(),
    ] {
        refusal(input);
    }
    assert!(refusal(&vec![0x30; (4 << 20) + 1]).contains("octets"));
    let weak = Workshop::new();
    weak.run("openssl req -x509 -newkey rsa:1024 -nodes -keyout key.pem -subj /CN=a -out leaf.pem");
    weak.run("openssl pkcs12 -export -inkey key.pem -in leaf.pem -passout pass:x -out made.p12");
    assert!(matches!(error(pkcs12::read(&weak.read("made.p12"), "x")), KeyError::WeakKey(_)));
}

#[test]
fn bundles_that_would_be_wrong_are_not_made() {
    let made = Made::of(KeyAlgorithm::P256);
    let refusal = |leaf: &[u8], chain: &[&[u8]], name: &str, password: &str| match error(pkcs12::write(
        &made.key, leaf, chain, name, password,
    )) {
        KeyError::BundleRefused(reason) => reason,
        other => panic!("{other}"),
    };
    assert!(refusal(&made.leaf, &[], "a", "").contains("empty"));
    assert!(refusal(&made.leaf, &[], "a", "a\0b").contains("NUL"));
    assert!(refusal(&made.leaf, &[], "a\0b", "password").contains("NUL"));
    assert!(refusal(&made.chain[0], &[], "a", "password").contains("belong"));
    assert!(refusal(b"x", &[], "a", "password").contains("X.509"));
    assert!(refusal(&made.leaf, &[b"x"], "a", "password").contains("X.509"));
}

/// A value of these parts.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let [high, low] = u16::try_from(contents.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, high, low][..], &contents].concat()
}

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// A bundle without a MAC around safes.
fn pfx(safes: &[u8]) -> Vec<u8> {
    let content = value(0xa0, &[&value(0x04, &[safes])]);
    value(0x30, &[b"\x02\x01\x03", &value(0x30, &[DATA, &content])])
}

fn safe(bags: &[&[u8]]) -> Vec<u8> {
    let contents = value(0x30, bags);
    value(0x30, &[DATA, &value(0xa0, &[&value(0x04, &[&contents])])])
}

fn bag(kind: u8, content: &[u8]) -> Vec<u8> {
    let oid = [b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01", &[kind][..]].concat();
    value(0x30, &[&oid, &value(0xa0, &[content])])
}

#[test]
fn expensive_bundles_are_refused_before_they_are_opened() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    made.write(&workshop);
    let begun = Instant::now();
    let iterations = b"\x02\x02\x08\x00";
    let huge = b"\x02\x04\x7f\xff\xff\xff";
    workshop
        .run("openssl pkcs12 -export -inkey key.pem -in leaf.pem -passout pass:x -iter 2048 -out made.p12");
    let bundle = workshop.read("made.p12");
    // The MAC's iterations stand at the end.
    assert!(bundle.ends_with(iterations));
    let bomb = with_number(&bundle, (bundle.len() - 4, 4), huge);
    let refusal = error(pkcs12::read(&bomb, "x"));
    assert!(matches!(refusal, KeyError::ExcessiveWork(_)), "{refusal}");

    // A key that hides its iterations in a bag inside of bags.
    let encrypted = "openssl pkcs8 -topk8 -in key.pem -passout pass:x -outform DER -out key.der -iter";
    workshop.run(&format!("{encrypted} 2048"));
    let key = workshop.read("key.der");
    let shrouded = bag(2, &with_number(&key, (first_place(&key, iterations), 4), huge));
    let nested = bag(6, &value(0x30, &[&shrouded]));
    let refusal = error(pkcs12::read(&pfx(&value(0x30, &[&safe(&[&nested])])), "x"));
    assert!(matches!(refusal, KeyError::ExcessiveWork(_)), "{refusal}");

    // All keys share one allowance: what the first takes is missing for the second.
    let cheap = bag(2, &key);
    let dear = |number: &[u8]| bag(2, &with_number(&key, (first_place(&key, iterations), 4), number));
    let bundle = |second: &[u8]| pfx(&value(0x30, &[&safe(&[&cheap, second])]));
    let several = error(pkcs12::read(&bundle(&cheap), "x"));
    assert!(several.to_string().contains("several private keys"), "{several}");
    // 9,998,000 of ten million, of which 2048 are spent.
    let refusal = error(pkcs12::read(&bundle(&dear(b"\x02\x04\x00\x98\x8e\xb0")), "x"));
    assert!(matches!(refusal, KeyError::ExcessiveWork(_)), "{refusal}");
    assert!(begun.elapsed().as_secs() < 20, "more was derived than is allowed");
}

#[test]
fn nesting_and_numbers_of_bags_are_bounded() {
    let made = Made::of(KeyAlgorithm::P256);
    let key = bag(1, &made.key.to_pkcs8_der().unwrap());
    let x509 = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
    let certificate = bag(3, &value(0x30, &[x509, &value(0xa0, &[&value(0x04, &[&made.leaf])])]));
    let good = pfx(&value(0x30, &[&safe(&[&key, &certificate])]));
    assert_eq!(pkcs12::read(&good, "x").ok().unwrap().leaf, made.leaf);
    let mut nested = key.clone();
    for depth in 1..10 {
        nested = bag(6, &value(0x30, &[&nested]));
        let read = pkcs12::read(&pfx(&value(0x30, &[&safe(&[&nested, &certificate])])), "x");
        assert_eq!(read.is_ok(), depth <= 4, "{depth}");
    }
    let empty = bag(5, b"");
    let many = pfx(&value(0x30, &[&safe(&vec![&empty[..]; 1_100])]));
    assert!(error(pkcs12::read(&many, "x")).to_string().contains("1000 bags"));
}

#[test]
fn damaged_bundles_never_panic() {
    let made = Made::of(KeyAlgorithm::P256);
    let workshop = Workshop::new();
    made.write(&workshop);
    workshop.run(
        "openssl pkcs12 -export -nomac -iter 1 -inkey key.pem -in leaf.pem -passout pass:x -out made.p12",
    );
    let bundle = workshop.read("made.p12");
    for place in 0..bundle.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = bundle.clone();
            damaged[place] ^= change;
            if let Ok(read) = pkcs12::read(&damaged, "x") {
                assert!(read.key.matches(made.key.spki_der()));
            }
        }
        assert!(pkcs12::read(&bundle[..place], "x").is_err());
    }
}

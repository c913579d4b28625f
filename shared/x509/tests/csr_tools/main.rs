//! Requests of the programs that people make them with: OpenSSL, Java's keytool, GnuTLS' certtool
//! and cfssl. All four must be installed; `tests/run --prepare` installs them.

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, process::Command};

    use certmill_x509::{CertificateSigningRequest, CsrInspection, CsrWarning, ExtendedKeyUsage, KeyUsage};
    use tempfile::TempDir;

    /// A folder in which programs run.
    struct Workshop {
        folder: TempDir,
    }

    impl Workshop {
        fn new() -> Self {
            Self { folder: TempDir::new().unwrap() }
        }

        fn path(&self, file: &str) -> PathBuf {
            self.folder.path().join(file)
        }

        fn write(&self, file: &str, text: &str) {
            std::fs::write(self.path(file), text).unwrap();
        }

        fn read(&self, file: &str) -> String {
            std::fs::read_to_string(self.path(file)).unwrap()
        }

        /// Runs a program with these words and answers its standard output.
        fn run(&self, command: &str) -> String {
            let mut words = command.split_whitespace();
            let program = words.next().unwrap();
            let output = Command::new(program)
                .args(words)
                .current_dir(self.folder.path())
                .output()
                .unwrap_or_else(|error| panic!("{program}: {error}; run tests/run --prepare"));
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}: {errors}");
            String::from_utf8(output.stdout).unwrap()
        }
    }

    /// What each program is asked for in the same way.
    struct Expected {
        key: (&'static str, u32),
        subject: &'static str,
        usage: Option<KeyUsage>,
        purposes: &'static [ExtendedKeyUsage],
        others: &'static [&'static str],
        warnings: &'static [&'static str],
    }

    const PLAIN: Expected = Expected {
        key: ("ec", 256),
        subject: "CN=web.example.com,O=Example,C=NL",
        usage: None,
        purposes: &[],
        others: &[],
        warnings: &[],
    };

    /// Both readings agree with what the program was asked for, whatever is done to the text.
    fn judge(text: &str, expected: &Expected) {
        let shapes = [
            text.to_owned(),
            text.replace('\n', "\r\n"),
            format!("Here is my request:\r\n\r\n{text}\r\n-- \r\nAnn"),
            text.trim_end().to_owned(),
        ];
        for text in shapes {
            let inspection = CsrInspection::from_pem(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let key = inspection.public_key();
            assert_eq!((key.algorithm_name(), key.bits()), expected.key);
            assert_eq!(inspection.subject_text(), expected.subject);
            let names = inspection.subject_alt_names();
            let dns: Vec<_> = names.dns.iter().map(ToString::to_string).collect();
            assert_eq!(dns, ["web.example.com"], "{text}");
            let addresses: Vec<_> = names.ip.iter().map(ToString::to_string).collect();
            assert_eq!(addresses, ["10.0.0.1"]);
            let requested = inspection.requested();
            assert_eq!(requested.key_usage, expected.usage);
            assert_eq!(requested.extended_key_usage, expected.purposes);
            let others: Vec<_> = requested.other.iter().map(|extension| extension.oid.to_string()).collect();
            assert_eq!(others, expected.others);
            let warnings: Vec<_> = inspection.warnings().iter().map(CsrWarning::code).collect();
            assert_eq!(warnings, expected.warnings, "{text}");
            if !inspection.has_weak_hash() {
                let strict = CertificateSigningRequest::from_pem(&text).unwrap();
                assert_eq!(strict.subject_alt_names(), names);
                assert_eq!(strict.subject(), inspection.subject());
                assert_eq!(strict.asks_for_ca(), requested.is_ca);
            }
        }
    }

    #[test]
    fn openssl() {
        let workshop = Workshop::new();
        workshop.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
        let request = "openssl req -new -key key.pem -subj /C=NL/O=Example/CN=web.example.com -addext \
                       subjectAltName=DNS:web.example.com,IP:10.0.0.1";
        judge(&workshop.run(request), &PLAIN);
        judge(&workshop.run(&format!("{request} -newhdr -text")), &PLAIN);
        let old = Expected { warnings: &["weak_signature_hash"], ..PLAIN };
        judge(&workshop.run(&format!("{request} -sha1")), &old);
    }

    #[test]
    fn keytool() {
        for (number, (key, kind)) in
            [("-keyalg EC -groupname secp256r1", ("ec", 256)), ("-keyalg RSA -keysize 2048", ("rsa", 2048))]
                .into_iter()
                .enumerate()
        {
            let workshop = Workshop::new();
            let store = format!("-alias a -keystore store{number}.p12 -storepass changeit");
            // The words are split at spaces, so the name has none.
            let name = "-dname CN=web.example.com,O=Example,C=NL";
            workshop.run(&format!("keytool -genkeypair {key} {name} {store}"));
            let request = format!("keytool -certreq {store} -ext san=dns:web.example.com,ip:10.0.0.1");
            let text = workshop.run(&request);
            assert!(text.contains("BEGIN NEW CERTIFICATE REQUEST"), "{text}");
            // It asks for a subject key id without being told to.
            let expected = Expected { key: kind, others: &["2.5.29.14"], ..PLAIN };
            judge(&text, &expected);
            let wishes = "-ext ku:critical=digitalSignature,keyCertSign -ext eku=serverAuth,clientAuth -ext \
                          bc=ca:true,pathlen:2";
            let text = workshop.run(&format!("{request} {wishes}"));
            let expected = Expected {
                usage: Some(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_CERT_SIGN),
                purposes: &[ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth],
                warnings: &["ca_requested"],
                ..expected
            };
            judge(&text, &expected);
            let inspection = CsrInspection::from_pem(&text).unwrap();
            assert_eq!(inspection.requested().path_length, Some(2));
        }
    }

    #[test]
    fn certtool() {
        for (key, kind, can_encrypt) in [
            ("--key-type ecdsa --curve secp256r1", ("ec", 256), false),
            ("--key-type rsa --bits 2048", ("rsa", 2048), true),
            ("--key-type ed25519", ("ed25519", 256), false),
        ] {
            let workshop = Workshop::new();
            workshop.run(&format!("certtool --generate-privkey {key} --outfile key.pem"));
            let names = "country = NL\norganization = \"Example\"\ncn = web.example.com\ndns_name = \
                         web.example.com\nip_address = 10.0.0.1\n";
            workshop.write("plain.cfg", names);
            let generate =
                "certtool --generate-request --load-privkey key.pem --outfile request.pem --template";
            workshop.run(&format!("{generate} plain.cfg"));
            let encipherment = if can_encrypt { KeyUsage::KEY_ENCIPHERMENT } else { KeyUsage::empty() };
            let expected = Expected { key: kind, ..PLAIN };
            // With a description in front, and (for all that are no CA) constraints that say so.
            let text = workshop.read("request.pem");
            assert!(text.contains("PKCS #10 Certificate Request Information:"), "{text}");
            let usage = CsrInspection::from_pem(&text).unwrap().requested().key_usage;
            judge(&text, &Expected { usage, ..expected });
            workshop.write(
                "wishes.cfg",
                &format!(
                    "{names}tls_www_server\nsigning_key\nencryption_key\nchallenge_password = Tr0ub4dor\n\
                     email = a@example.com\n"
                ),
            );
            workshop.run(&format!("{generate} wishes.cfg --no-text"));
            let expected = Expected {
                usage: Some(KeyUsage::DIGITAL_SIGNATURE | encipherment),
                purposes: &[ExtendedKeyUsage::ServerAuth],
                warnings: &["challenge_password"],
                ..expected
            };
            let text = workshop.read("request.pem");
            judge(&text, &expected);
            let inspection = CsrInspection::from_pem(&text).unwrap();
            assert_eq!(inspection.subject_alt_names().email[0].as_str(), "a@example.com");
            assert!(inspection.has_challenge_password());
        }
    }

    #[test]
    fn cfssl() {
        for (algorithm, size, kind) in [("ecdsa", 256, ("ec", 256)), ("rsa", 2048, ("rsa", 2048))] {
            let workshop = Workshop::new();
            workshop.write(
                "request.json",
                &format!(
                    r#"{{"CN": "web.example.com", "hosts": ["web.example.com", "10.0.0.1"],
                         "key": {{"algo": "{algorithm}", "size": {size}}},
                         "names": [{{"C": "NL", "O": "Example"}}]}}"#
                ),
            );
            let answer = workshop.run("cfssl genkey request.json");
            // A JSON object with the PEM text in a string.
            let (_, text) = answer.split_once(r#""csr":""#).unwrap();
            let (text, _) = text.split_once('"').unwrap();
            judge(&text.replace(r"\n", "\n"), &Expected { key: kind, ..PLAIN });
        }
    }
}

//! The `openssl` command line, and keys to sign with.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, KeyAlgorithm, KeyUsage, SerialNumber,
    SignatureAlgorithm, Signer, SubjectAltNames, X509Error, pem, subject_key_id,
};
use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use tempfile::TempDir;

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600;
/// Thirty years later.
pub const END: i64 = START + 30 * 365 * 86_400;

/// A folder for one test, and the command line working in it.
pub struct Judge {
    folder: TempDir,
}

pub struct Verdict {
    pub accepted: bool,
    /// Standard output and error.
    pub text: String,
}

impl Judge {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }

    pub fn write_pem(&self, name: &str, label: &str, der: &[u8]) -> PathBuf {
        self.write(name, pem::encode(label, der))
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `openssl` with these words, in the folder of the test.
    pub fn run(&self, words: &str) -> Verdict {
        self.run_with(words, &[])
    }

    /// The same with further arguments that may hold spaces.
    pub fn run_with(&self, words: &str, arguments: &[&str]) -> Verdict {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let streams = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&streams).into_owned();
        Verdict { accepted: output.status.success(), text }
    }

    /// Like [`Judge::run`], where a refusal fails the test.
    pub fn accepts(&self, words: &str) -> String {
        let verdict = self.run(words);
        assert!(verdict.accepted, "openssl {words}: {}", verdict.text);
        verdict.text
    }

    /// The `-text` of a certificate.
    pub fn certificate_text(&self, der: &[u8]) -> String {
        self.write("shown.der", der);
        self.accepts("asn1parse -inform der -in shown.der");
        self.accepts("x509 -inform der -in shown.der -noout -text -nameopt RFC2253,utf8,-esc_msb")
    }
}

/// The value of an extension in an `openssl -text`: its line's rest and the line after it.
pub fn extension(text: &str, title: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(title));
    let head = lines.next()?.trim();
    Some(format!("{head} {}", lines.next()?.trim()))
}

pub struct TestKey {
    key: PKey<Private>,
    algorithm: KeyAlgorithm,
}

impl TestKey {
    pub fn generate(algorithm: KeyAlgorithm) -> Self {
        let ec = |curve| {
            let group = EcGroup::from_curve_name(curve).unwrap();
            PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
        };
        let key = match algorithm {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                PKey::from_rsa(Rsa::generate(algorithm.key_size()).unwrap()).unwrap()
            }
            KeyAlgorithm::P256 => ec(Nid::X9_62_PRIME256V1),
            KeyAlgorithm::P384 => ec(Nid::SECP384R1),
            KeyAlgorithm::P521 => ec(Nid::SECP521R1),
            KeyAlgorithm::Ed25519 => PKey::generate_ed25519().unwrap(),
        };
        Self { key, algorithm }
    }

    pub fn spki_der(&self) -> Vec<u8> {
        self.key.public_key_to_der().unwrap()
    }

    pub fn key_id(&self) -> [u8; 20] {
        subject_key_id(&self.spki_der()).unwrap()
    }
}

impl Signer for TestKey {
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.algorithm.signature_algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
        let digest = match self.signature_algorithm() {
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => Some(MessageDigest::sha256()),
            SignatureAlgorithm::RsaSha384 | SignatureAlgorithm::EcdsaSha384 => Some(MessageDigest::sha384()),
            SignatureAlgorithm::EcdsaSha512 => Some(MessageDigest::sha512()),
            SignatureAlgorithm::Ed25519 => None,
            SignatureAlgorithm::RsaPssSha256 | SignatureAlgorithm::RsaPssSha384 => {
                unreachable!("keys of tests sign by PKCS #1 v1.5")
            }
        };
        let mut signer = match digest {
            Some(digest) => openssl::sign::Signer::new(digest, &self.key)?,
            None => openssl::sign::Signer::new_without_digest(&self.key)?,
        };
        Ok(signer.sign_oneshot_to_vec(message)?)
    }
}

/// A self-signed CA.
pub struct TestCa {
    pub key: TestKey,
    pub subject: DistinguishedName,
    pub der: Vec<u8>,
}

impl TestCa {
    pub fn root(algorithm: KeyAlgorithm) -> Self {
        let key = TestKey::generate(algorithm);
        let subject = DistinguishedName {
            common_name: Some("Test Root".into()),
            organization: vec!["Tests & Söhne".into()],
            country: vec!["NL".into()],
            ..DistinguishedName::default()
        };
        let parts = Parts { subject, spki_der: key.spki_der(), ..Parts::leaf(&key) };
        let issuer_der = parts.subject.to_der();
        let template = CertificateTemplate {
            same_as: None,
            issuer_der: &issuer_der,
            basic_constraints: BasicConstraints::Ca { path_length: None },
            key_usage: KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN,
            authority_key_id: None,
            ..parts.template()
        };
        let der = template.sign(&key).unwrap();
        Self { key, subject: parts.subject, der }
    }

    pub fn write(&self, judge: &Judge) -> PathBuf {
        judge.write_pem("ca.pem", pem::CERTIFICATE, &self.der)
    }
}

/// What a template borrows.
pub struct Parts {
    pub serial_number: SerialNumber,
    pub issuer_der: Vec<u8>,
    pub subject: DistinguishedName,
    pub spki_der: Vec<u8>,
    pub subject_alt_names: SubjectAltNames,
    pub authority_key_id: Vec<u8>,
}

impl Parts {
    /// Parts of an end entity's certificate for this key; the issuer is to be filled in.
    pub fn leaf(key: &TestKey) -> Self {
        Self {
            serial_number: SerialNumber::from_random([0xA5; 20]),
            issuer_der: DistinguishedName::with_common_name("Test Root").to_der(),
            subject: DistinguishedName::with_common_name("a.example"),
            spki_der: key.spki_der(),
            subject_alt_names: SubjectAltNames::default(),
            authority_key_id: vec![1; 20],
        }
    }

    /// The same, issued by `ca`.
    pub fn issued_by(ca: &TestCa, key: &TestKey) -> Self {
        Self {
            issuer_der: ca.subject.to_der(),
            authority_key_id: ca.key.key_id().into(),
            subject_alt_names: SubjectAltNames {
                dns: vec!["a.example".parse().unwrap()],
                ..SubjectAltNames::default()
            },
            ..Self::leaf(key)
        }
    }

    pub fn template(&self) -> CertificateTemplate<'_> {
        CertificateTemplate {
            same_as: None,
            serial_number: &self.serial_number,
            issuer_der: &self.issuer_der,
            not_before: START,
            not_after: END,
            subject: &self.subject,
            spki_der: &self.spki_der,
            basic_constraints: BasicConstraints::EndEntity,
            key_usage: KeyUsage::DIGITAL_SIGNATURE,
            extended_key_usage: &[],
            policies: &[],
            must_staple: false,
            ocsp_nocheck: false,
            subject_alt_names: &self.subject_alt_names,
            name_constraints: None,
            authority_key_id: Some(&self.authority_key_id),
            ca_issuers_url: None,
            ocsp_url: None,
            crl_url: None,
        }
    }
}

/// The DER inside of a PEM file.
pub fn der_of(path: &Path, label: &str) -> Vec<u8> {
    pem::decode_one(&[label], &std::fs::read_to_string(path).unwrap()).unwrap()
}

//! A folder with other people's programs.

use std::{path::PathBuf, process::Command};

use certmill_keys::{KeyError, PrivateKey};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, KeyUsage, SerialNumber, SubjectAltNames,
    subject_key_id,
};
use tempfile::TempDir;

pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub fn write(&self, file: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(file), contents).unwrap();
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.path(file)).unwrap()
    }

    pub fn text(&self, file: &str) -> String {
        String::from_utf8(self.read(file)).unwrap()
    }

    /// Runs a program with these words; answers whether it liked it, and what it wrote.
    pub fn try_run(&self, command: &str) -> (bool, String) {
        let mut words = command.split_whitespace();
        let program = words.next().unwrap();
        let output = Command::new(program)
            .args(words)
            .current_dir(self.folder.path())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}; run tests/run --prepare"));
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// The same, where a refusal fails the test.
    pub fn run(&self, command: &str) -> String {
        let (accepted, text) = self.try_run(command);
        assert!(accepted, "{command}: {text}");
        text
    }

    /// DER of the public half of the key in a file, as `openssl` sees it.
    pub fn spki_of(&self, file: &str) -> Vec<u8> {
        self.run(&format!("openssl pkey -in {file} -pubout -outform DER -out spki.der"));
        self.read("spki.der")
    }
}

/// The error of something that must not be read; what was read cannot be printed.
pub fn error<T>(result: Result<T, KeyError>) -> KeyError {
    result.err().expect("this was read")
}

/// The DER of a certificate for `key`, signed by `issuer`.
pub fn certificate(key: &PrivateKey, name: &str, issuer: (&PrivateKey, &str)) -> Vec<u8> {
    let (issuer_key, issuer_name) = issuer;
    CertificateTemplate {
        same_as: None,
        serial_number: &SerialNumber::from_random([0x5A; 20]),
        issuer_der: &DistinguishedName::with_common_name(issuer_name).to_der(),
        not_before: 1_767_225_600,
        not_after: 2_082_758_400,
        subject: &DistinguishedName::with_common_name(name),
        spki_der: key.spki_der(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended_key_usage: &[],
        policies: &[],
        must_staple: false,
        ocsp_nocheck: false,
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: None,
        authority_key_id: Some(&subject_key_id(issuer_key.spki_der()).unwrap()),
        ca_issuers_url: None,
        ocsp_url: None,
        crl_url: None,
    }
    .sign(issuer_key)
    .unwrap()
}

/// Where the part stands first.
pub fn first_place(der: &[u8], part: &[u8]) -> usize {
    der.windows(part.len()).position(|known| known == part).expect("it is there")
}

/// DER in which the value at a place, of so many octets, was replaced by a longer one.
pub fn with_number(der: &[u8], (place, octets): (usize, usize), new: &[u8]) -> Vec<u8> {
    let mut longer = [&der[..place], new, &der[place + octets..]].concat();
    let grown = new.len() - octets;
    // Every value around it grows too. Their lengths keep their form here.
    let mut start = 0;
    while start < place {
        let (head, length) = match der[start + 1] {
            0x82 => (4, usize::from(der[start + 2]) << 8 | usize::from(der[start + 3])),
            0x81 => (3, usize::from(der[start + 2])),
            short => (2, usize::from(short)),
        };
        let end = start + head + length;
        if end <= place {
            start = end;
            continue;
        }
        let length = u16::try_from(length + grown).unwrap().to_be_bytes();
        match head {
            4 => longer[start + 2..start + 4].copy_from_slice(&length),
            3 => longer[start + 2] = length[1],
            _ => longer[start + 1] = length[1],
        }
        start += head;
    }
    longer
}

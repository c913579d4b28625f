//! Certificates, CRLs and OCSP responses from the `openssl` command.

use std::{path::PathBuf, process::Command};

use certmill_x509::{
    chain::Certificate,
    pem,
    revocation::{Doubt, DoubtCode, Inquiry, ParsedCrl, RevocationStatus},
};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use tempfile::TempDir;

pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

/// Extensions of a CA that signs certificates and CRLs.
pub const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n\
                      subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
pub const LEAF: &str = "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n";

/// A folder in which `openssl` works.
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn openssl(&self, words: &str) -> String {
        let output = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "openssl {words}: {text}");
        text
    }

    /// A key `{name}.key`.
    pub fn key(&self, name: &str) {
        self.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"));
    }

    /// A certificate `{name}.pem` with its key, signed by itself. The subject is `/CN={cn}`.
    pub fn root(&self, name: &str, cn: &str, extensions: &str) -> Certificate {
        self.key(name);
        self.self_signed(name, cn, extensions)
    }

    /// The same for a key that is there.
    pub fn self_signed(&self, name: &str, cn: &str, extensions: &str) -> Certificate {
        self.request(name, cn);
        self.write("ext.cnf", extensions);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -signkey {name}.key -days 365 -extfile ext.cnf -out {name}.pem"
        ));
        self.certificate(name)
    }

    /// A certificate `{name}.pem` with its key, signed by `{issuer}`. The serial number may be
    /// negative.
    pub fn issued(&self, issuer: &str, name: &str, serial: &str, extensions: &str) -> Certificate {
        self.key(name);
        self.reissued(issuer, (name, name), serial, extensions)
    }

    /// The same for a key that is there, and a common name.
    pub fn reissued(
        &self,
        issuer: &str,
        (name, cn): (&str, &str),
        serial: &str,
        extensions: &str,
    ) -> Certificate {
        self.request(name, cn);
        self.write("ext.cnf", extensions);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {issuer}.pem -CAkey {issuer}.key -set_serial {serial} -days 365 \
             -extfile ext.cnf -out {name}.pem"
        ));
        self.certificate(name)
    }

    fn request(&self, name: &str, cn: &str) {
        self.openssl(&format!("req -new -key {name}.key -subj /O=Test/CN={cn} -out {name}.csr"));
    }

    pub fn certificate(&self, name: &str) -> Certificate {
        let text = String::from_utf8(self.read(&format!("{name}.pem"))).unwrap();
        Certificate::from_der(&pem::decode_one(&[pem::CERTIFICATE], &text).unwrap()).unwrap()
    }

    /// The database of `openssl ca` and `openssl ocsp`: serial numbers in hexadecimal, each with
    /// nothing or what stands behind the date of revocation (`,keyCompromise`).
    pub fn index(&self, entries: &[(&str, Option<&str>)]) {
        let line = |(serial, revoked): &(&str, Option<&str>)| match revoked {
            Some(reason) => {
                format!("R\t350101000000Z\t260102030405Z{reason}\t{serial}\tunknown\t/CN={serial}\n")
            }
            None => format!("V\t350101000000Z\t\t{serial}\tunknown\t/CN={serial}\n"),
        };
        self.write("index.txt", entries.iter().map(line).collect::<String>());
        self.write("index.txt.attr", "unique_subject = no\n");
    }

    /// A CRL with the entries of the index. `extensions` and `sections` are configuration;
    /// `options` may set times.
    pub fn crl(&self, issuer: &str, number: &str, extensions: &str, options: &str) -> ParsedCrl {
        self.write("number", format!("{number}\n"));
        let (first, sections) = extensions.split_once("\n[").unwrap_or((extensions, ""));
        let sections = if sections.is_empty() { String::new() } else { format!("[{sections}") };
        self.write(
            "ca.cnf",
            format!(
                "[ca]\ndefault_ca=own\n[own]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\n\
                 [exts]\nauthorityKeyIdentifier=keyid\n{first}\n{sections}\n"
            ),
        );
        self.openssl(&format!(
            "ca -gencrl -config ca.cnf -crlexts exts -cert {issuer}.pem -keyfile {issuer}.key \
             -out made.crl {options}"
        ));
        let text = String::from_utf8(self.read("made.crl")).unwrap();
        ParsedCrl::from_der(pem::decode_one(&[pem::X509_CRL], &text).unwrap()).unwrap()
    }

    /// A complete CRL for a week.
    pub fn plain_crl(&self, issuer: &str) -> ParsedCrl {
        self.crl(issuer, "01", "", "-crldays 7")
    }

    /// `tbs_der` with a signature by the key of `issuer`, and what comes after it.
    pub fn signed(&self, issuer: &str, tbs_der: &[u8], after: &[u8]) -> Vec<u8> {
        let key = PKey::private_key_from_pem(&self.read(&format!("{issuer}.key"))).unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
        let signature = signer.sign_oneshot_to_vec(tbs_der).unwrap();
        let bits = tlv(0x03, &[&[0], signature.as_slice()].concat());
        tlv(0x30, &[tbs_der, ECDSA_SHA256, &bits, after].concat())
    }
}

/// `AlgorithmIdentifier` of ECDSA with SHA-256.
pub const ECDSA_SHA256: &[u8] = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";

/// A DER value.
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    let header = match length {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [header.as_slice(), contents].concat()
}

/// An hour after a certificate was made.
pub fn soon(certificate: &Certificate) -> i64 {
    certificate.not_before() + HOUR
}

/// What CRLs say of a certificate an hour after it was made.
pub fn by_crls(certificate: &Certificate, issuer: &Certificate, crls: &[ParsedCrl]) -> RevocationStatus {
    let inquiry = Inquiry::new(certificate, issuer, soon(certificate)).unwrap();
    inquiry.by_crls::<_, Certificate>(crls, &[])
}

/// The doubts of an answer that is none.
pub fn doubts(status: &RevocationStatus) -> Vec<DoubtCode> {
    match status {
        RevocationStatus::Unknown { reasons } => reasons.iter().map(|Doubt { code, .. }| *code).collect(),
        other => panic!("an answer: {other:?}"),
    }
}

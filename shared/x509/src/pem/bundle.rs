//! Everything that a text of unknown make holds, sorted by kind.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{
    Block, Blocks, WRITTEN_LINE_ENDS,
    content::{self, Content},
    has_written_line_ends,
};
use crate::X509Error;

/// The most objects of one text. A chain has a handful, a whole trust store some hundreds.
const MOST_OBJECTS: usize = 1_000;

/// The objects of a text, each kind in the order of the text. Neither their DER nor what they say is
/// checked here.
#[derive(Default)]
pub struct Bundle {
    /// DER of the certificates, those inside of PKCS #7 included.
    pub certificates: Vec<Vec<u8>>,
    /// Private keys of every form.
    pub private_keys: Vec<PrivateKeyBlock>,
    /// DER of the certificate revocation lists.
    pub crls: Vec<Vec<u8>>,
    /// DER of the certificate signing requests.
    pub requests: Vec<Vec<u8>>,
    /// Labels of the blocks that are nothing of these, made printable.
    pub unknown: Vec<String>,
}

/// A private key as it stands in the text, encrypted or not. It cannot be printed or cloned, and is
/// wiped when it is dropped.
pub struct PrivateKeyBlock {
    der: Zeroizing<Vec<u8>>,
    dek_info: Option<String>,
}

impl PrivateKeyBlock {
    /// A key that is DER already.
    pub fn from_der(der: Zeroizing<Vec<u8>>) -> Self {
        Self { der, dek_info: None }
    }

    /// What the base64 text encodes: the DER of the key, or its ciphertext if there is a
    /// [`Self::dek_info`].
    pub fn contents(&self) -> &[u8] {
        &self.der
    }

    /// The value of the header `DEK-Info` (RFC 1421 §4.6.1.3), which says how the contents are
    /// encrypted: cipher and initialisation vector, as in `AES-256-CBC,0123…`.
    pub fn dek_info(&self) -> Option<&str> {
        self.dek_info.as_deref()
    }
}

impl Bundle {
    /// Reads PEM blocks in any order, with any text around them, and either kind of line end; or,
    /// when there is no block, one DER object in base64 on any number of lines. Parameters of keys
    /// (`EC PARAMETERS`, `DH PARAMETERS`) are passed over.
    ///
    /// # Errors
    /// [`X509Error::Pem`] for blocks that do not end or are not base64, for more than a thousand
    /// objects, for OpenSSL's `TRUSTED CERTIFICATE`, and for DER of no known kind;
    /// [`X509Error::Der`] for a PKCS #7 structure that cannot be read.
    pub fn read(text: &str) -> Result<Self, X509Error> {
        let mut bundle = Self::default();
        if has_written_line_ends(text) {
            return Err(X509Error::Pem(WRITTEN_LINE_ENDS.into()));
        }
        let mut blocks = Blocks { rest: text }.peekable();
        if blocks.peek().is_none() {
            bundle.read_bare(text)?;
            return Ok(bundle);
        }
        for (index, block) in blocks.enumerate() {
            if index == MOST_OBJECTS {
                return Err(too_many());
            }
            bundle.read_block(&block?)?;
        }
        Ok(bundle)
    }

    /// How many objects there are, unknown ones included.
    pub fn len(&self) -> usize {
        self.certificates.len()
            + self.private_keys.len()
            + self.crls.len()
            + self.requests.len()
            + self.unknown.len()
    }

    /// Whether the text holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read_block(&mut self, block: &Block<'_>) -> Result<(), X509Error> {
        match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "X.509 CERTIFICATE" => {
                self.certificates.push(block.decode()?);
            }
            "TRUSTED CERTIFICATE" => {
                return Err(X509Error::Pem(
                    "a TRUSTED CERTIFICATE block is OpenSSL's own format; convert it with `openssl x509 -in …`"
                        .into(),
                ));
            }
            "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
                self.private_keys.push(private_key(block)?);
            }
            "X509 CRL" => self.crls.push(block.decode()?),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => self.requests.push(block.decode()?),
            "PKCS7" | "PKCS #7 SIGNED DATA" | "CMS" => self.read_pkcs7(&block.decode()?)?,
            "EC PARAMETERS" | "DH PARAMETERS" => {}
            other => self.unknown.push(printable(other)),
        }
        Ok(())
    }

    /// One DER object in base64.
    fn read_bare(&mut self, text: &str) -> Result<(), X509Error> {
        let digits = without_white_space(text);
        if digits.is_empty() {
            return Ok(());
        }
        let der = decode_secret(&digits)
            .ok_or_else(|| X509Error::Pem("it is neither PEM nor the base64 text of DER".into()))?;
        match Content::of(&der) {
            Some(Content::Certificate) => self.certificates.push(der.to_vec()),
            Some(Content::PrivateKey) => self.private_keys.push(PrivateKeyBlock::from_der(der)),
            Some(Content::Crl) => self.crls.push(der.to_vec()),
            Some(Content::Request) => self.requests.push(der.to_vec()),
            Some(Content::Pkcs7) => self.read_pkcs7(&der)?,
            Some(Content::Pkcs12) => {
                return Err(X509Error::Pem("it is a PKCS #12 bundle, which does not belong here".into()));
            }
            None => {
                let kinds = "a certificate, a private key, a CRL, a certificate signing request or PKCS #7";
                return Err(X509Error::Pem(format!("the base64 text is not the DER of {kinds}")));
            }
        }
        Ok(())
    }

    fn read_pkcs7(&mut self, der: &[u8]) -> Result<(), X509Error> {
        let (certificates, crls) = content::certificates_of_pkcs7(der)?;
        self.certificates.extend(certificates.into_iter().map(<[u8]>::to_vec));
        self.crls.extend(crls.into_iter().map(<[u8]>::to_vec));
        if self.len() > MOST_OBJECTS { Err(too_many()) } else { Ok(()) }
    }
}

fn too_many() -> X509Error {
    X509Error::Pem(format!("there are more than {MOST_OBJECTS} objects"))
}

/// A key with the headers of RFC 1421 §4.4, if there are any: lines with a colon up to an empty one.
fn private_key(block: &Block<'_>) -> Result<PrivateKeyBlock, X509Error> {
    let (mut encrypted, mut dek_info) = (false, None);
    let mut digits = Zeroizing::new(Vec::with_capacity(block.base64.len()));
    for line in block.base64.lines().map(str::trim) {
        match line.split_once(':') {
            Some(("Proc-Type", value)) => {
                encrypted = value.split(',').nth(1).is_some_and(|word| word.trim() == "ENCRYPTED");
            }
            Some(("DEK-Info", value)) => dek_info = Some(value.trim().to_owned()),
            Some(_) => {}
            None => digits.extend(line.bytes().filter(|octet| !octet.is_ascii_whitespace())),
        }
    }
    if encrypted && dek_info.is_none() {
        let reason = "an encrypted private key has no DEK-Info line (RFC 1421 section 4.6.1.3)";
        return Err(X509Error::Pem(reason.into()));
    }
    let der = decode_secret(&digits)
        .ok_or_else(|| X509Error::Pem(format!("the {} block is not base64", block.label)))?;
    Ok(PrivateKeyBlock { der, dek_info: dek_info.filter(|_| encrypted) })
}

fn without_white_space(text: &str) -> Zeroizing<Vec<u8>> {
    let mut digits = Zeroizing::new(Vec::with_capacity(text.len()));
    digits.extend(text.trim_start_matches('\u{feff}').bytes().filter(|octet| !octet.is_ascii_whitespace()));
    digits
}

/// Decodes into one buffer of the right size, so that no copy of a secret stays behind; says nothing
/// of what is wrong, since the digits are secret.
fn decode_secret(digits: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut octets = Zeroizing::new(Vec::with_capacity(digits.len() / 4 * 3 + 3));
    STANDARD.decode_vec(digits, &mut octets).ok()?;
    Some(octets)
}

fn printable(label: &str) -> String {
    label.chars().take(64).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pem::{CERTIFICATE, CERTIFICATE_REQUEST, X509_CRL, encode};

    fn error(text: &str) -> String {
        match Bundle::read(text) {
            Err(error @ X509Error::Pem(_)) => error.to_string(),
            Err(other) => panic!("{text}: {other}"),
            Ok(_) => panic!("{text} was read"),
        }
    }

    #[test]
    fn blocks_of_every_kind_are_sorted() {
        let text = [
            "Bag Attributes\n    localKeyID: 01\n".to_owned(),
            encode("EC PARAMETERS", b"p"),
            encode("EC PRIVATE KEY", b"key 1"),
            encode(CERTIFICATE, b"one"),
            encode(X509_CRL, b"crl"),
            "subject=CN = a\nissuer=CN = b\n\n".to_owned(),
            encode("X509 CERTIFICATE", b"two"),
            encode("PUBLIC KEY", b"public"),
            encode("ENCRYPTED PRIVATE KEY", b"key 2"),
            encode("NEW CERTIFICATE REQUEST", b"request"),
            encode(CERTIFICATE_REQUEST, b"another"),
        ]
        .concat();
        for text in [
            text.clone(),
            text.replace('\n', "\r\n"),
            text.replace('\n', "  \n"),
            text.trim_end().to_owned(),
            format!("\u{feff}{text}"),
        ] {
            let bundle = Bundle::read(&text).unwrap();
            assert_eq!(bundle.certificates, [b"one", b"two"]);
            let keys: Vec<_> = bundle.private_keys.iter().map(PrivateKeyBlock::contents).collect();
            assert_eq!(keys, [b"key 1", b"key 2"]);
            assert!(bundle.private_keys.iter().all(|key| key.dek_info().is_none()));
            assert_eq!(bundle.crls, [b"crl"]);
            assert_eq!(bundle.requests, [&b"request"[..], b"another"]);
            assert_eq!(bundle.unknown, ["PUBLIC KEY"]);
            assert_eq!(bundle.len(), 8);
        }
    }

    #[test]
    fn headers_of_old_encrypted_keys_are_kept() {
        let head = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n";
        let text = encode("RSA PRIVATE KEY", b"ciphertext").replace(
            "-----BEGIN RSA PRIVATE KEY-----\n",
            &format!("-----BEGIN RSA PRIVATE KEY-----\n{head}"),
        );
        for text in [text.clone(), text.replace('\n', "\r\n")] {
            let bundle = Bundle::read(&text).unwrap();
            assert_eq!(bundle.private_keys[0].contents(), b"ciphertext");
            assert_eq!(
                bundle.private_keys[0].dek_info(),
                Some("AES-128-CBC,00112233445566778899AABBCCDDEEFF")
            );
        }
        assert!(error(&text.replace("DEK-Info", "Other")).contains("DEK-Info"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (text, named) in [
            ("no base64!", "neither PEM nor"),
            ("AAAA", "not the DER"),
            ("MAA=", "not the DER"),
            ("-----BEGIN CERTIFICATE-----\nYWJj\n", "END line"),
            ("-----BEGIN CERTIFICATE-----\nYW*j\n-----END CERTIFICATE-----\n", "base64"),
            ("-----BEGIN PRIVATE KEY-----\nYW*j\n-----END PRIVATE KEY-----\n", "base64"),
            ("-----BEGIN TRUSTED CERTIFICATE-----\nYWJj\n-----END TRUSTED CERTIFICATE-----", "TRUSTED"),
        ] {
            let message = error(text);
            assert!(message.contains(named), "{text}: {message}");
            assert!(!message.contains("YW*j"));
        }
        assert!(error(&encode(CERTIFICATE, b"x").repeat(1_001)).contains("more than 1000"));
        assert_eq!(Bundle::read(&encode(CERTIFICATE, b"x").repeat(1_000)).unwrap().len(), 1_000);
        assert!(Bundle::read("").unwrap().is_empty() && Bundle::read(" \r\n").unwrap().is_empty());
        assert!(Bundle::read(&encode("PKCS7", b"\x30\x00")).is_err());
    }
}

//! Opening a bundle: its MAC, its safes and their bags (RFC 7292 §4).
//!
//! OpenSSL's own reader would do as many iterations as a file asks for, and a key inside of an
//! encrypted safe can hide how many these are. So every derivation is done here, and counted.

use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::invalid;
use crate::asn1::{CONSTRUCTED_0, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, to_definite};
use crate::kdf::{Password, Pkcs12, Purpose, Work};
use crate::{KeyError, PrivateKey, pbe};

/// `pkcs-7`: 1.2.840.113549.1.7.
const PKCS7: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07";
/// `bagtypes`: 1.2.840.113549.1.12.10.1.
const BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
/// `x509Certificate` among the `certTypes`: 1.2.840.113549.1.9.22.1.
const X509_CERTIFICATE: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
const SHA1: &[u8] = b"\x2b\x0e\x03\x02\x1a";
/// `hashAlgs` of NIST: 2.16.840.1.101.3.4.2.
const SHA2: &[u8] = b"\x60\x86\x48\x01\x65\x03\x04\x02";
/// `pbmac1`: 1.2.840.113549.1.5.14.
const PBMAC1: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e";

/// The most bags in one bundle.
const MOST_BAGS: usize = 1_000;
/// How deep safes may stand inside of each other.
const DEEPEST: usize = 4;

/// What was found in a bundle.
pub(super) struct Safe {
    pub(super) keys: Vec<PrivateKey>,
    /// DER, not looked at.
    pub(super) certificates: Vec<Vec<u8>>,
    password: Password,
    work: Work,
    bags: usize,
}

impl Safe {
    pub(super) fn open(bundle: &[u8], password: &str) -> Result<Self, KeyError> {
        let definite = to_definite(bundle).ok_or_else(|| invalid("it is not one DER or BER value"))?;
        let outline =
            Outline::of(&definite).ok_or_else(|| invalid("it is not a PFX structure (RFC 7292)"))?;
        if data_type(outline.content_type) != Some(1) {
            return Err(invalid("its integrity is protected by a signature, not by a password"));
        }
        let content = explicit_octets(outline.content).ok_or_else(malformed)?;
        let mut work = Work::new();
        let password = match outline.mac {
            Some(mac) => Mac::parse(mac)?.password(content, password, &mut work)?,
            None => Password::new(password),
        };
        let mut safe = Self { keys: Vec::new(), certificates: Vec::new(), password, work, bags: 0 };
        safe.read_safes(content)?;
        Ok(safe)
    }

    /// `AuthenticatedSafe`.
    fn read_safes(&mut self, authenticated_safe: &[u8]) -> Result<(), KeyError> {
        let definite = to_definite(authenticated_safe).ok_or_else(malformed)?;
        let mut safes = Reader::of_sequence(&definite).ok_or_else(malformed)?;
        while !safes.is_at_end() {
            let mut info = safes.sequence().ok_or_else(malformed)?;
            let kind = info.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?;
            let content = info.value(CONSTRUCTED_0).ok_or_else(malformed)?;
            self.count()?;
            match data_type(kind) {
                Some(1) => self.read_bags(explicit_octets(content).ok_or_else(malformed)?, DEEPEST)?,
                Some(6) => {
                    let plain = pbe::decrypt_content(content, &self.password, &mut self.work)
                        .map_err(as_bundle_error)?;
                    // One wrong password in 256 passes the check of the padding.
                    if to_definite(&plain).is_none() {
                        return Err(KeyError::WrongPassword);
                    }
                    self.read_bags(&plain, DEEPEST)?;
                }
                _ => return Err(invalid("it is encrypted for a public key, not with a password")),
            }
        }
        Ok(())
    }

    /// `SafeContents`.
    fn read_bags(&mut self, safe_contents: &[u8], deepest: usize) -> Result<(), KeyError> {
        let definite = to_definite(safe_contents).ok_or_else(malformed)?;
        let mut bags = Reader::of_sequence(&definite).ok_or_else(malformed)?;
        while !bags.is_at_end() {
            let mut bag = bags.sequence().ok_or_else(malformed)?;
            let kind = bag.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?;
            let content = bag.value(CONSTRUCTED_0).ok_or_else(malformed)?;
            self.count()?;
            match kind.strip_prefix(BAG) {
                Some([1]) => self.keys.push(PrivateKey::from_any_der(content, None)?),
                Some([2]) => self.read_shrouded_key(content)?,
                Some([3]) => self.certificates.extend(certificate(content)),
                Some([6]) => {
                    let deeper = deepest.checked_sub(1).ok_or_else(malformed)?;
                    self.read_bags(content, deeper)?;
                }
                // CRLs, passwords, and what others invented.
                _ => {}
            }
        }
        Ok(())
    }

    fn read_shrouded_key(&mut self, encrypted_key: &[u8]) -> Result<(), KeyError> {
        let mut key = Reader::of_sequence(encrypted_key).ok_or_else(malformed)?;
        let algorithm = key.value(SEQUENCE).ok_or_else(malformed)?;
        let ciphertext = key.value(OCTET_STRING).ok_or_else(malformed)?;
        let key = PrivateKey::from_encrypted(algorithm, ciphertext, &self.password, &mut self.work);
        self.keys.push(key?);
        Ok(())
    }

    fn count(&mut self) -> Result<(), KeyError> {
        self.bags += 1;
        if self.bags > MOST_BAGS { Err(invalid("it holds more than 1000 bags")) } else { Ok(()) }
    }
}

/// `PFX` (RFC 7292 §4).
struct Outline<'a> {
    content_type: &'a [u8],
    /// What the `[0]` of the content holds.
    content: &'a [u8],
    /// Contents of `MacData`.
    mac: Option<&'a [u8]>,
}

impl<'a> Outline<'a> {
    fn of(pfx: &'a [u8]) -> Option<Self> {
        let mut pfx = Reader::of_sequence(pfx)?;
        if pfx.number()? != 3 {
            return None;
        }
        let mut info = pfx.sequence()?;
        let content_type = info.value(OBJECT_IDENTIFIER)?;
        let content = info.value(CONSTRUCTED_0)?;
        let mac = if pfx.is_at_end() { None } else { Some(pfx.value(SEQUENCE)?) };
        pfx.is_at_end().then_some(Self { content_type, content, mac })
    }
}

/// `MacData` (RFC 7292 §4).
struct Mac<'a> {
    expected: &'a [u8],
    derivation: Pkcs12<'a>,
}

impl<'a> Mac<'a> {
    fn parse(mac_data: &'a [u8]) -> Result<Self, KeyError> {
        let mut mac = Reader::new(mac_data);
        let mut digest_info = mac.sequence().ok_or_else(malformed)?;
        let mut algorithm = digest_info.sequence().ok_or_else(malformed)?;
        let digest = digest(algorithm.value(OBJECT_IDENTIFIER).ok_or_else(malformed)?)?;
        let expected = digest_info.value(OCTET_STRING).ok_or_else(malformed)?;
        let salt = mac.value(OCTET_STRING).ok_or_else(malformed)?;
        let iterations = if mac.is_at_end() { 1 } else { mac.number().ok_or_else(malformed)? };
        Ok(Self { expected, derivation: Pkcs12 { salt, iterations, digest } })
    }

    /// The form of the password under which the MAC is right.
    fn password(&self, content: &[u8], text: &str, work: &mut Work) -> Result<Password, KeyError> {
        let given = Password::new(text);
        if self.is_right(content, &given, work)? {
            return Ok(given);
        }
        let absent = Password::absent();
        if text.is_empty() && self.is_right(content, &absent, work)? {
            return Ok(absent);
        }
        Err(KeyError::WrongPassword)
    }

    fn is_right(&self, content: &[u8], password: &Password, work: &mut Work) -> Result<bool, KeyError> {
        let digest = self.derivation.digest;
        let key =
            self.derivation.derive((password, Purpose::Mac), digest.size(), work).map_err(as_bundle_error)?;
        let mac = Signer::new(digest, &*PKey::hmac(&key)?)?.sign_oneshot_to_vec(content)?;
        Ok(mac.len() == self.expected.len() && memcmp::eq(&mac, self.expected))
    }
}

fn digest(oid: &[u8]) -> Result<MessageDigest, KeyError> {
    match oid.strip_prefix(SHA2) {
        Some([1]) => Ok(MessageDigest::sha256()),
        Some([2]) => Ok(MessageDigest::sha384()),
        Some([3]) => Ok(MessageDigest::sha512()),
        Some([4]) => Ok(MessageDigest::sha224()),
        _ if oid == SHA1 => Ok(MessageDigest::sha1()),
        _ if oid == PBMAC1 => Err(KeyError::UnsupportedEncryption("its MAC is PBMAC1".to_owned())),
        _ => Err(KeyError::UnsupportedEncryption("its MAC is not HMAC of the SHA family".to_owned())),
    }
}

/// Which content type of PKCS #7 it is: 1 is data, 2 signed, 3 enveloped, 6 encrypted data.
fn data_type(oid: &[u8]) -> Option<u8> {
    match oid.strip_prefix(PKCS7) {
        Some([number]) => Some(*number),
        _ => None,
    }
}

/// The octets of the one OCTET STRING inside of an `[0]`.
fn explicit_octets(content: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(content);
    let octets = reader.value(OCTET_STRING)?;
    reader.is_at_end().then_some(octets)
}

/// The DER of an X.509 certificate; none for other kinds.
fn certificate(cert_bag: &[u8]) -> Option<Vec<u8>> {
    let mut bag = Reader::of_sequence(cert_bag)?;
    if bag.value(OBJECT_IDENTIFIER)? != X509_CERTIFICATE {
        return None;
    }
    explicit_octets(bag.value(CONSTRUCTED_0)?).map(<[u8]>::to_vec)
}

/// Of the parameters of an encryption, where it is not a key that is encrypted.
fn as_bundle_error(error: KeyError) -> KeyError {
    match error {
        KeyError::InvalidKey(reason) => KeyError::InvalidBundle(reason),
        other => other,
    }
}

fn malformed() -> KeyError {
    invalid("its structure is malformed")
}

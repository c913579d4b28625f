//! Signing again what a mutation has changed, by keys that everybody knows.
//!
//! Ed25519, since it is fast and signs the same octets in the same way each time.

use std::sync::LazyLock;

use certmill_keys::PrivateKey;
use certmill_x509::{NameKey, Signer, chain::Certificate};

use crate::der::{self, BIT_STRING, OCTET_STRING, SEQUENCE, Value};

/// The `AlgorithmIdentifier` of Ed25519.
const ED25519: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";
/// As many as a chain has different keys.
const KEYS: usize = 8;

static FIXED: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| (0..KEYS).map(fixed_key).collect());

/// One of the fixed keys; equal numbers give equal keys.
pub fn key(number: usize) -> &'static PrivateKey {
    &FIXED[number % KEYS]
}

fn fixed_key(number: usize) -> PrivateKey {
    const HEAD: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let seed = [u8::try_from(number).unwrap_or_default(); 32];
    match PrivateKey::from_pkcs8_der(&[&HEAD[..], &seed].concat()) {
        Ok(key) => key,
        Err(error) => panic!("{error}"),
    }
}

/// Puts algorithm and signature of `key` on what shall be signed: `SIGNED{…}` of RFC 5280 §4.1.1.
pub fn signed(tbs: &[u8], key: &PrivateKey) -> Vec<u8> {
    let signature = key.sign(tbs).expect("Ed25519 signs everything");
    der::value(SEQUENCE, &[tbs, ED25519, &der::value(BIT_STRING, &[&[0], &signature])])
}

/// The certificates with fixed keys and right signatures, as far as they have the outline of one. One
/// whose issuer is among them is signed by that one's key, every other by its own.
pub fn resigned_chain(certificates: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut keys = KeyNumbers::default();
    let rekeyed: Vec<Vec<u8>> =
        certificates.iter().map(|der| rekeyed(der, &mut keys).unwrap_or_else(|| der.clone())).collect();
    let read: Vec<Option<Named>> = rekeyed.iter().map(|der| Named::read(der)).collect();
    let again = |(der, child): (&Vec<u8>, &Option<Named>)| {
        let key = child.as_ref()?.issuer_among(&read)?.key();
        Some(signed(tbs_of(der)?, key))
    };
    rekeyed.iter().zip(&read).map(|pair| again(pair).unwrap_or_else(|| pair.0.clone())).collect()
}

/// A CRL, signed by `key` whoever has signed it before.
pub fn resigned_crl(crl_der: &[u8], key: &PrivateKey) -> Option<Vec<u8>> {
    let mut fields = der::values(only(tbs_of(crl_der)?)?.contents)?;
    let algorithm = fields.iter().position(|field| field.tag == SEQUENCE)?;
    fields[algorithm] = Value { tag: SEQUENCE, contents: &[], raw: ED25519 };
    Some(signed(&sequence_of(&fields), key))
}

/// A certificate signing request for `key`, signed by it.
pub fn resigned_request(csr_der: &[u8], key: &PrivateKey) -> Option<Vec<u8>> {
    let mut fields = der::values(only(tbs_of(csr_der)?)?.contents)?;
    *fields.get_mut(2)? = Value { tag: SEQUENCE, contents: &[], raw: key.spki_der() };
    Some(signed(&sequence_of(&fields), key))
}

/// An OCSP response (RFC 6960 §4.2.1) that `key` has signed and, when it shall name its responder by
/// the key, says so.
pub fn resigned_ocsp_response(response_der: &[u8], key: &PrivateKey, names_key: bool) -> Option<Vec<u8>> {
    let outer = der::values(only(response_der)?.contents)?;
    let [status, bytes] = outer[..] else { return None };
    let typed = der::values(only(bytes.contents)?.contents)?;
    let [kind, octets] = typed[..] else { return None };
    let basic = der::values(only(octets.contents)?.contents)?;
    let mut fields = der::values(basic.first()?.contents)?;
    let own_id = responder_id(key);
    if names_key {
        let id = fields.iter().position(|field| matches!(field.tag, 0xa1 | 0xa2))?;
        fields[id] = Value { tag: 0xa2, contents: &[], raw: &own_id };
    }
    let tbs = sequence_of(&fields);
    let signature = key.sign(&tbs).expect("Ed25519 signs everything");
    let certificates = basic.get(3).map_or(&[][..], |certificates| certificates.raw);
    let signature = der::value(BIT_STRING, &[&[0], &signature]);
    let basic = der::value(SEQUENCE, &[&tbs, ED25519, &signature, certificates]);
    let typed = der::value(SEQUENCE, &[kind.raw, &der::value(OCTET_STRING, &[&basic])]);
    Some(der::value(SEQUENCE, &[status.raw, &der::value(bytes.tag, &[&typed])]))
}

/// `byKey` of a `ResponderID`: SHA-1 of the key's octets, which are the last 32 of Ed25519.
fn responder_id(key: &PrivateKey) -> Vec<u8> {
    let spki = key.spki_der();
    let hash = openssl::sha::sha1(&spki[spki.len() - 32..]);
    der::value(0xa2, &[&der::value(OCTET_STRING, &[&hash])])
}

/// The response with these certificates in it instead of its own.
pub fn with_certificates(response_der: &[u8], certificates: &[&[u8]]) -> Option<Vec<u8>> {
    let outer = der::values(only(response_der)?.contents)?;
    let [status, bytes] = outer[..] else { return None };
    let typed = der::values(only(bytes.contents)?.contents)?;
    let [kind, octets] = typed[..] else { return None };
    let basic = der::values(only(octets.contents)?.contents)?;
    let [tbs, algorithm, signature, ..] = basic[..] else { return None };
    let list = der::value(0xa0, &[&der::value(SEQUENCE, certificates)]);
    let basic = der::value(SEQUENCE, &[tbs.raw, algorithm.raw, signature.raw, &list]);
    let typed = der::value(SEQUENCE, &[kind.raw, &der::value(OCTET_STRING, &[&basic])]);
    Some(der::value(SEQUENCE, &[status.raw, &der::value(bytes.tag, &[&typed])]))
}

/// What is signed of a `SIGNED{…}`.
pub fn tbs_of(signed_der: &[u8]) -> Option<&[u8]> {
    Some(der::first(only(signed_der)?.contents)?.0.raw)
}

/// Which fixed key stands for which key of the input.
#[derive(Default)]
struct KeyNumbers(Vec<Vec<u8>>);

impl KeyNumbers {
    fn number(&mut self, spki: &[u8]) -> usize {
        self.0.iter().position(|known| known == spki).unwrap_or_else(|| {
            self.0.push(spki.to_vec());
            self.0.len() - 1
        })
    }
}

/// The certificate with Ed25519 as its algorithm and a fixed key for its own; still with its old
/// signature.
fn rekeyed(der: &[u8], keys: &mut KeyNumbers) -> Option<Vec<u8>> {
    let outer = der::values(only(der)?.contents)?;
    let [tbs, _, signature] = outer[..] else { return None };
    let mut fields = der::values(tbs.contents)?;
    // The first is the version, if it is there.
    let algorithm = usize::from(fields.first()?.tag == 0xa0) + 1;
    let spki = *fields.get(algorithm + 4)?;
    let key = key(keys.number(spki.raw));
    fields[algorithm] = Value { tag: SEQUENCE, contents: &[], raw: ED25519 };
    fields[algorithm + 4] = Value { tag: SEQUENCE, contents: &[], raw: key.spki_der() };
    Some(der::value(SEQUENCE, &[&sequence_of(&fields), ED25519, signature.raw]))
}

/// A certificate with its names in the form in which they are compared.
struct Named {
    certificate: Certificate,
    subject: NameKey,
    issuer: NameKey,
}

impl Named {
    fn read(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let subject = NameKey::of_der(certificate.subject_der()).ok()?;
        let issuer = NameKey::of_der(certificate.issuer_der()).ok()?;
        Some(Self { certificate, subject, issuer })
    }

    /// Who could have issued it: the one with the right key id, or else the first of the right name.
    fn issuer_among<'a>(&self, all: &'a [Option<Self>]) -> Option<&'a Self> {
        let named = || all.iter().flatten().filter(|other| other.subject == self.issuer);
        let wanted = self.certificate.authority_key_id();
        let has_id = |other: &&Self| wanted.is_some() && other.certificate.subject_key_id() == wanted;
        named().find(has_id).or_else(|| named().next())
    }

    fn key(&self) -> &'static PrivateKey {
        let spki = self.certificate.spki_der();
        (0..KEYS).map(key).find(|key| key.spki_der() == spki).unwrap_or_else(|| key(0))
    }
}

fn only(der: &[u8]) -> Option<Value<'_>> {
    der::first(der).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

fn sequence_of(fields: &[Value<'_>]) -> Vec<u8> {
    let raw: Vec<&[u8]> = fields.iter().map(|field| field.raw).collect();
    der::value(SEQUENCE, &raw)
}

//! Certificates with any extension, right or wrong.

use std::sync::Arc;

use certmill_x509::chain::{Certificate, Code, Options, Verdict, validate};
use openssl::{
    asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time},
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{X509, X509Extension, X509Name, X509NameBuilder},
};

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600;
/// An instant at which certificates are valid unless they say otherwise.
pub const AT: i64 = START + 86_400;
pub const END: i64 = START + 365 * 86_400;

pub const SKI: &str = "2.5.29.14";
pub const KU: &str = "2.5.29.15";
pub const SAN: &str = "2.5.29.17";
pub const BC: &str = "2.5.29.19";
pub const NC: &str = "2.5.29.30";
pub const POLICIES: &str = "2.5.29.32";
pub const MAPPINGS: &str = "2.5.29.33";
pub const AKI: &str = "2.5.29.35";
pub const POLICY_CONSTRAINTS: &str = "2.5.29.36";
pub const EKU: &str = "2.5.29.37";
pub const INHIBIT_ANY: &str = "2.5.29.54";

pub const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// One DER value.
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut der = vec![tag];
    if length >= 0x80 {
        let octets = u32::try_from(length).unwrap().to_be_bytes();
        let used: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
        der.push(0x80 | u8::try_from(used.len()).unwrap());
        der.extend(used);
    } else {
        der.push(u8::try_from(length).unwrap());
    }
    der.extend(contents);
    der
}

pub fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub fn oid(text: &str) -> Vec<u8> {
    tlv(6, Asn1Object::from_str(text).unwrap().as_slice())
}

pub fn oids(texts: &[&str]) -> Vec<u8> {
    seq(&texts.iter().map(|text| oid(text)).collect::<Vec<_>>())
}

pub fn policies(texts: &[&str]) -> Vec<u8> {
    seq(&texts.iter().map(|text| seq(&[oid(text)])).collect::<Vec<_>>())
}

pub fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

pub fn email(name: &str) -> Vec<u8> {
    tlv(0x81, name.as_bytes())
}

pub fn uri(name: &str) -> Vec<u8> {
    tlv(0x86, name.as_bytes())
}

pub fn ip(octets: &[u8]) -> Vec<u8> {
    tlv(0x87, octets)
}

pub fn directory(attributes: &[(&str, &str)]) -> Vec<u8> {
    tlv(0xA4, &name(attributes).to_der().unwrap())
}

/// `NameConstraints` with these bases.
pub fn constraints(permitted: &[Vec<u8>], excluded: &[Vec<u8>]) -> Vec<u8> {
    let subtrees = |number: u8, bases: &[Vec<u8>]| {
        let list: Vec<u8> = bases.iter().flat_map(|base| seq(std::slice::from_ref(base))).collect();
        if list.is_empty() { list } else { tlv(0xA0 | number, &list) }
    };
    seq(&[subtrees(0, permitted), subtrees(1, excluded)])
}

pub fn ca_constraints(path_length: Option<u8>) -> Vec<u8> {
    let length = path_length.map(|length| tlv(2, &[length])).unwrap_or_default();
    seq(&[tlv(1, &[0xFF]), length])
}

pub fn name(attributes: &[(&str, &str)]) -> X509Name {
    let mut builder = X509NameBuilder::new().unwrap();
    for (attribute, value) in attributes {
        builder.append_entry_by_text(attribute, value).unwrap();
    }
    builder.build()
}

pub fn p256() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

pub fn key_id(key: &PKey<Private>) -> Vec<u8> {
    openssl::sha::sha1(&key.public_key_to_der().unwrap()).to_vec()
}

/// What a certificate says.
#[derive(Clone)]
pub struct Spec {
    pub subject: Vec<(&'static str, String)>,
    pub serial: i64,
    pub version: i32,
    pub not_before: i64,
    pub not_after: i64,
    pub digest: MessageDigest,
    pub key: PKey<Private>,
    /// OID, critical, value.
    pub extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

impl Spec {
    fn new(common_name: &str, key: PKey<Private>) -> Self {
        let key_id = tlv(4, &key_id(&key));
        Self {
            subject: vec![("CN", common_name.to_owned())],
            serial: 7,
            version: 2,
            not_before: START,
            not_after: END,
            digest: MessageDigest::sha256(),
            key,
            extensions: vec![(SKI, false, key_id)],
        }
    }

    /// A CA that breaks no rule.
    pub fn ca(common_name: &str) -> Self {
        Self::ca_with_key(common_name, p256())
    }

    pub fn ca_with_key(common_name: &str, key: PKey<Private>) -> Self {
        // keyCertSign and cRLSign
        Self::new(common_name, key).with(BC, true, ca_constraints(None)).with(KU, true, vec![3, 2, 1, 6])
    }

    /// A server's certificate for `leaf.example.com` that breaks no rule.
    pub fn leaf() -> Self {
        Self::new("leaf", p256()).with(SAN, false, seq(&[dns("leaf.example.com")]))
    }

    /// With this extension in place of one of the same kind.
    pub fn with(self, oid: &'static str, critical: bool, value: Vec<u8>) -> Self {
        let mut spec = self.without(oid);
        spec.extensions.push((oid, critical, value));
        spec
    }

    pub fn without(mut self, oid: &str) -> Self {
        self.extensions.retain(|(known, ..)| *known != oid);
        self
    }

    pub fn valid(mut self, not_before: i64, not_after: i64) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    pub fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Signed by itself.
    pub fn root(self) -> Made {
        self.signed(&self.key.clone(), &self.name())
    }

    /// Issued by another, with its key id unless there is an authority key id already.
    pub fn by(self, issuer: &Made) -> Made {
        let has_id = self.extensions.iter().any(|(oid, ..)| *oid == AKI);
        let spec = if has_id { self } else { self.with(AKI, false, aki(issuer)) };
        spec.signed(&issuer.spec.key, &issuer.spec.name())
    }

    /// Issued by another, without authority key id.
    pub fn anonymously_by(self, issuer: &Made) -> Made {
        self.signed(&issuer.spec.key, &issuer.spec.name())
    }

    pub fn name(&self) -> X509Name {
        let attributes: Vec<(&str, &str)> =
            self.subject.iter().map(|(attribute, value)| (*attribute, value.as_str())).collect();
        name(&attributes)
    }

    fn signed(&self, key: &PKey<Private>, issuer: &X509Name) -> Made {
        let mut builder = X509::builder().unwrap();
        builder.set_version(self.version).unwrap();
        let mut serial = BigNum::from_u32(u32::try_from(self.serial.abs()).unwrap()).unwrap();
        serial.set_negative(self.serial < 0);
        builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
        builder.set_subject_name(&self.name()).unwrap();
        builder.set_issuer_name(issuer).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(self.not_before).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(self.not_after).unwrap()).unwrap();
        builder.set_pubkey(&self.key).unwrap();
        for (oid, critical, value) in &self.extensions {
            let oid = Asn1Object::from_str(oid).unwrap();
            let value = Asn1OctetString::new_from_bytes(value).unwrap();
            builder.append_extension(X509Extension::new_from_der(&oid, *critical, &value).unwrap()).unwrap();
        }
        builder.sign(key, self.digest).unwrap();
        Made { spec: self.clone(), der: builder.build().to_der().unwrap() }
    }
}

pub fn aki(issuer: &Made) -> Vec<u8> {
    seq(&[tlv(0x80, &key_id(&issuer.spec.key))])
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Made {
    pub spec: Spec,
    pub der: Vec<u8>,
}

impl Made {
    pub fn anchor(&self) -> Arc<Certificate> {
        Arc::new(Certificate::from_der(&self.der).unwrap())
    }
}

/// Validates with the usual options.
pub fn judge(target: &Made, candidates: &[&Made], anchors: &[&Made]) -> Verdict {
    judge_with(target, candidates, anchors, &Options::at(AT))
}

pub fn judge_with(target: &Made, candidates: &[&Made], anchors: &[&Made], options: &Options) -> Verdict {
    let candidates: Vec<&[u8]> = candidates.iter().map(|made| made.der.as_slice()).collect();
    let anchors: Vec<Arc<Certificate>> = anchors.iter().map(|made| made.anchor()).collect();
    validate(&target.der, &candidates, &anchors, options)
}

/// The codes of the errors.
pub fn codes(verdict: &Verdict) -> Vec<Code> {
    verdict.errors.iter().map(|error| error.code).collect()
}

pub fn warnings(verdict: &Verdict) -> Vec<Code> {
    verdict.warnings.iter().map(|warning| warning.code).collect()
}

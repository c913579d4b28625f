//! A certificate as path validation needs it: everything in it, and every rule that it breaks by
//! itself. [`crate::ParsedCertificate`] refuses what the service cannot use; this reading goes on,
//! so that an answer can say what is wrong.

use std::fmt;

use crate::{
    ExtendedKeyUsage, KeyUsage, NameKey, ObjectIdentifier, X509Error, certificate::oid, instant, name::rdns,
    public_key::sha256_hex, reader::Reader, rfc4514_of_der, writer::tag,
};

use super::{
    extensions::Extensions,
    finding::{Code, Flaw},
    general_name::GeneralName,
};

/// Contents of the OID of `ocsp` (RFC 5280 §4.2.2.1).
const OCSP: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01";
/// Contents of the OID of `emailAddress` (PKCS #9).
const EMAIL_ADDRESS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";

/// A certificate that was read. Nothing about it was verified.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    fingerprint: String,
    pub(super) tbs_der: Vec<u8>,
    pub(super) signature_algorithm_der: Vec<u8>,
    pub(super) signature: Vec<u8>,
    version: u8,
    /// Contents of the INTEGER.
    serial: Vec<u8>,
    issuer_der: Vec<u8>,
    pub(super) issuer: NameKey,
    subject_der: Vec<u8>,
    pub(super) subject: NameKey,
    not_before: i64,
    not_after: i64,
    spki_der: Vec<u8>,
    pub(super) extensions: Extensions,
    pub(super) flaws: Vec<Flaw>,
}

impl Certificate {
    /// Reads one certificate in DER and nothing after it. Rules that it breaks are kept, and
    /// become findings when it stands in a path.
    ///
    /// # Errors
    /// [`X509Error::InvalidCertificate`] when it is not X.509 in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(|error| match error {
            X509Error::InvalidCertificate(_) => error,
            other => X509Error::InvalidCertificate(format!("it is not X.509 in DER: {other}")),
        })
    }

    /// The certificate as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate in lower-case hexadecimal.
    pub fn fingerprint_sha256(&self) -> &str {
        &self.fingerprint
    }

    /// 1, 2 or 3.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The contents of the serial number's INTEGER, two's complement as it stands.
    pub fn serial_number_octets(&self) -> &[u8] {
        &self.serial
    }

    /// The issuer's `Name` as it stands.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The subject's `Name` as it stands.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The subject as RFC 4514 text.
    pub fn subject_text(&self) -> String {
        rfc4514_of_der(&self.subject_der).unwrap_or_default()
    }

    /// The issuer as RFC 4514 text.
    pub fn issuer_text(&self) -> String {
        rfc4514_of_der(&self.issuer_der).unwrap_or_default()
    }

    /// First instant, in Unix seconds.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Last instant, in Unix seconds.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Whether it is valid at an instant (Unix seconds), both ends included.
    pub fn is_valid_at(&self, at: i64) -> bool {
        (self.not_before..=self.not_after).contains(&at)
    }

    /// The `SubjectPublicKeyInfo` as it stands.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Whether subject and issuer are the same name (RFC 5280 §6.1): made for a change of keys or
    /// policies, or self-signed.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether its basic constraints say CA.
    pub fn is_ca(&self) -> bool {
        self.extensions.basic_constraints.as_ref().is_some_and(|extension| extension.value.0)
    }

    /// Whether it breaks this rule by itself.
    pub(crate) fn breaks(&self, code: Code) -> bool {
        self.flaws.iter().any(|flaw| flaw.code == code)
    }

    /// The key usages; none when the extension is absent, which permits every use.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The purposes; none when the extension is absent, which permits every purpose.
    pub fn purposes(&self) -> Option<Vec<ExtendedKeyUsage>> {
        let purposes = self.extensions.purposes.as_ref()?;
        let known = |oid: &Vec<u8>| ObjectIdentifier::from_contents(oid).ok();
        Some(purposes.iter().filter_map(known).map(ExtendedKeyUsage::from_oid).collect())
    }

    /// The subject alternative names, of every kind.
    pub fn alternative_names(&self) -> &[GeneralName] {
        self.extensions.alternative_names.as_ref().map_or(&[], |extension| &extension.value)
    }

    /// The subject key id, if there is one.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.as_ref().map(|extension| extension.value.as_slice())
    }

    /// The key id of the issuer, if there is one.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_ref().and_then(|extension| extension.value.as_deref())
    }

    /// The DER of `CRLDistributionPoints` (RFC 5280 §4.2.1.13), if there are any.
    pub fn crl_distribution_points_der(&self) -> Option<&[u8]> {
        self.extensions.crl_distribution_points.as_deref()
    }

    /// The DER of `FreshestCRL` (RFC 5280 §4.2.1.15), if there is one.
    pub fn freshest_crl_der(&self) -> Option<&[u8]> {
        self.extensions.freshest_crl.as_deref()
    }

    /// URLs of OCSP responders (RFC 5280 §4.2.2.1).
    pub fn ocsp_urls(&self) -> Vec<&str> {
        self.access_urls(OCSP)
    }

    /// URLs of the issuer's certificate (RFC 5280 §4.2.2.1).
    pub fn ca_issuers_urls(&self) -> Vec<&str> {
        self.access_urls(oid::CA_ISSUERS)
    }

    fn access_urls(&self, method: &[u8]) -> Vec<&str> {
        let access = self.extensions.access.iter().filter(|(known, _)| known == method);
        access
            .filter_map(|(_, location)| match location {
                GeneralName::Uri(url) => Some(url.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The e-mail addresses within the subject.
    pub(super) fn subject_emails(&self) -> Vec<String> {
        let rdns = rdns(&self.subject_der).unwrap_or_default();
        let pairs = rdns.iter().flatten().filter(|pair| pair.oid == EMAIL_ADDRESS);
        // An address that cannot be read is kept as one that no constraint contains.
        pairs.map(|pair| pair.text().unwrap_or_default()).collect()
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut flaws = Vec::new();
        let mut certificate = Reader::of_sequence(der)?;
        let tbs_der = certificate.raw()?;
        let signature_algorithm_der = certificate.raw()?;
        // A signature is a number of whole octets. An empty one is refused when it is verified.
        let signature = certificate.value(tag::BIT_STRING)?.strip_prefix(&[0]).unwrap_or_default();
        certificate.finish()?;

        let mut tbs = Reader::of_sequence(tbs_der)?;
        let version = read_version(&mut tbs, &mut flaws)?;
        let serial = tbs.value(tag::INTEGER)?;
        judge_serial(serial, &mut flaws);
        if tbs.raw()? != signature_algorithm_der {
            flaws.push(Flaw::new(
                Code::SignatureAlgorithmMismatch,
                "its two signature algorithms differ; they must be the same",
            ));
        }
        let issuer_der = tbs.raw()?;
        let mut validity = tbs.sequence()?;
        let not_before = read_instant(&mut validity, &mut flaws)?;
        let not_after = read_instant(&mut validity, &mut flaws)?;
        validity.finish()?;
        let subject_der = tbs.raw()?;
        let spki_der = tbs.raw()?;
        // issuerUniqueID and subjectUniqueID
        tbs.optional(tag::context(1))?;
        tbs.optional(tag::context(2))?;
        let extensions = read_extensions(&mut tbs, version, &mut flaws)?;
        tbs.finish()?;
        let issuer = NameKey::of_der(issuer_der)?;
        if issuer.is_empty() {
            flaws.push(Flaw::new(Code::IssuerEmpty, "its issuer is empty; it must be a name"));
        }
        Ok(Self {
            der: der.to_vec(),
            fingerprint: sha256_hex(der),
            tbs_der: tbs_der.to_vec(),
            signature_algorithm_der: signature_algorithm_der.to_vec(),
            signature: signature.to_vec(),
            version,
            serial: serial.to_vec(),
            issuer_der: issuer_der.to_vec(),
            issuer,
            subject_der: subject_der.to_vec(),
            subject: NameKey::of_der(subject_der)?,
            not_before,
            not_after,
            spki_der: spki_der.to_vec(),
            extensions,
            flaws,
        })
    }
}

/// Names, instants and the fingerprint; the rest is for [`Certificate::der`].
impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Certificate")
            .field("subject", &self.subject_text())
            .field("issuer", &self.issuer_text())
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

fn read_version(tbs: &mut Reader<'_>, flaws: &mut Vec<Flaw>) -> Result<u8, X509Error> {
    let Some(contents) = tbs.optional(tag::context_constructed(0))? else {
        return Ok(1);
    };
    let mut explicit = Reader::new(contents)?;
    let written = explicit.unsigned_integer()?;
    explicit.finish()?;
    match written {
        [1] => Ok(2),
        [2] => Ok(3),
        // The default must be left out in DER (X.690 §11.5).
        [0] => Err(X509Error::InvalidCertificate("version 1 is written, where DER leaves it out".into())),
        _ => {
            flaws.push(Flaw::new(Code::UnsupportedVersion, "its version is none of 1, 2 and 3"));
            Ok(3)
        }
    }
}

fn read_extensions(
    tbs: &mut Reader<'_>,
    version: u8,
    flaws: &mut Vec<Flaw>,
) -> Result<Extensions, X509Error> {
    let Some(extensions_der) = tbs.optional(tag::context_constructed(3))? else {
        return Ok(Extensions::default());
    };
    if version != 3 {
        flaws.push(Flaw::new(
            Code::ExtensionsNeedVersion3,
            format!("it has extensions, but its version is {version}; it must be 3"),
        ));
    }
    Extensions::parse(extensions_der, flaws)
}

fn judge_serial(contents: &[u8], flaws: &mut Vec<Flaw>) {
    let mut flaw = |code, message| flaws.push(Flaw::new(code, message));
    match contents {
        [] | [0, 0..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..] => {
            flaw(Code::MalformedCertificate, "its serial number is no INTEGER in its shortest form");
        }
        [0] => flaw(Code::SerialNumberZero, "its serial number is zero; it must be positive"),
        [0x80..=0xFF, ..] => {
            flaw(Code::SerialNumberNegative, "its serial number is negative; it must be positive");
        }
        // A zero in front only makes room for the sign.
        _ if contents.strip_prefix(&[0]).unwrap_or(contents).len() > 20 => {
            flaw(Code::SerialNumberTooLong, "its serial number is longer than 20 octets");
        }
        _ => {}
    }
}

fn read_instant(validity: &mut Reader<'_>, flaws: &mut Vec<Flaw>) -> Result<i64, X509Error> {
    let (tag, contents) = validity.next_value()?.unwrap_or_default();
    let unix_seconds = instant::parse(tag, contents)?;
    if tag == tag::GENERALIZED_TIME && unix_seconds < instant::FIRST_GENERALIZED {
        flaws.push(Flaw::new(
            Code::GeneralizedTimeTooEarly,
            "an instant before 2050 is written as GeneralizedTime; it should be a UTCTime",
        ));
    }
    Ok(unix_seconds)
}

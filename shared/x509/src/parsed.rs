//! Reading certificates (RFC 5280 §4), our own and those of others.

use crate::{
    DistinguishedName, DnsName, ExtendedKeyUsage, KeyUsage, NameConstraints, ObjectIdentifier, PublicKey,
    SerialNumber, SubjectAltNames, X509Error,
    certificate::oid,
    csr::parse_basic_constraints,
    instant,
    name::parse_name_der,
    public_key::sha256_hex,
    reader::{Reader, extensions},
    writer::tag,
};

/// What is written for a CA from what is known of it, and where lists and answers of its issuer are, deltas too (`id-ce-freshestCRL`,
/// RFC 5280 §4.2.1.15).
const WRITTEN: [&[u8]; 9] = [
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::EXTENDED_KEY_USAGE,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::AUTHORITY_INFORMATION_ACCESS,
    b"\x55\x1d\x2e",
];
/// Names of extensions for people (RFC 5280 §4.2).
const OTHERS: [(&[u8], &str); 7] = [
    (oid::SUBJECT_ALT_NAME, "subjectAltName"),
    (b"\x55\x1d\x12", "issuerAltName"),
    (oid::CERTIFICATE_POLICIES, "certificatePolicies"),
    (b"\x55\x1d\x21", "policyMappings"),
    (b"\x55\x1d\x24", "policyConstraints"),
    (b"\x55\x1d\x36", "inhibitAnyPolicy"),
    (b"\x2b\x06\x01\x05\x05\x07\x01\x0b", "subjectInfoAccess"),
];

/// A certificate that was parsed. Its signature was not verified; see
/// [`ParsedCertificate::verify_signed_by`].
#[derive(Clone, Debug)]
pub struct ParsedCertificate {
    der: Vec<u8>,
    tbs_der: Vec<u8>,
    signature_algorithm_der: Vec<u8>,
    signature: Vec<u8>,
    serial_number: SerialNumber,
    issuer_der: Vec<u8>,
    subject_der: Vec<u8>,
    subject: DistinguishedName,
    spki_der: Vec<u8>,
    not_before: i64,
    not_after: i64,
    extensions: Extensions,
}

#[derive(Clone, Debug, Default)]
struct Extensions {
    subject_key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    authority_serial: Option<Vec<u8>>,
    subject_alt_names: SubjectAltNames,
    unsupported_alt_names: usize,
    ca: bool,
    path_length: Option<u8>,
    key_usage: Option<KeyUsage>,
    extended_key_usage: Vec<ExtendedKeyUsage>,
    name_constraints: Option<NameConstraints>,
    /// Contents of the OIDs of those that [`crate::CertificateTemplate`] does not write for a CA.
    others: Vec<Vec<u8>>,
}

impl ParsedCertificate {
    /// Reads one certificate and nothing after it.
    ///
    /// # Errors
    /// [`X509Error::InvalidCertificate`] when it is malformed, or its serial number is negative or
    /// longer than 20 octets.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(|error| match error {
            X509Error::Der(cause) => {
                X509Error::InvalidCertificate(format!("it is not X.509 in DER: {cause}"))
            }
            X509Error::InvalidSerialNumber(reason) => {
                X509Error::InvalidCertificate(format!("its serial number is not valid: {reason}"))
            }
            X509Error::InvalidName { value, reason } => {
                X509Error::InvalidCertificate(format!("its subject has \"{value}\": {reason}"))
            }
            other => other,
        })
    }

    /// The certificate as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate in lower-case hexadecimal.
    pub fn fingerprint_sha256(&self) -> String {
        sha256_hex(&self.der)
    }

    /// The subject's `Name` as it stands.
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The issuer's `Name` as it stands.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The subject; attributes that a [`DistinguishedName`] does not hold are left out.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The serial number.
    pub fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// First instant, in Unix seconds.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Last instant, in Unix seconds.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The `SubjectPublicKeyInfo` as it stands.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The public key, when it is one of those that are taken; see [`PublicKey::from_spki_der`].
    ///
    /// # Errors
    /// Those of [`PublicKey::from_spki_der`].
    pub fn public_key(&self) -> Result<PublicKey, X509Error> {
        PublicKey::from_spki_der(&self.spki_der)
    }

    /// The subject key id, if there is one.
    pub fn subject_key_id(&self) -> Option<Vec<u8>> {
        self.extensions.subject_key_id.clone()
    }

    /// The authority key id, if there is one.
    pub fn authority_key_id(&self) -> Option<Vec<u8>> {
        self.extensions.authority_key_id.clone()
    }

    /// The serial number of its issuer's certificate, as the `authorityKeyIdentifier` of other programs may name it beside the key
    /// id (RFC 5280 §4.2.1.1): of several certificates for one name and key, some relying parties take that one only.
    pub fn authority_serial(&self) -> Option<SerialNumber> {
        SerialNumber::from_bytes(self.extensions.authority_serial.as_deref()?).ok()
    }

    /// The names that [`SubjectAltNames`] can hold; see [`Self::unsupported_alt_names`].
    pub fn subject_alt_names(&self) -> &SubjectAltNames {
        &self.extensions.subject_alt_names
    }

    /// How many names are missing from [`Self::subject_alt_names`]: those of other kinds, and texts
    /// that break our grammar, such as host names with underscores.
    pub fn unsupported_alt_names(&self) -> usize {
        self.extensions.unsupported_alt_names
    }

    /// Whether it is a CA certificate.
    pub fn is_ca(&self) -> bool {
        self.extensions.ca
    }

    /// How many CA certificates may follow below it, if that is limited.
    pub fn path_length(&self) -> Option<u8> {
        self.extensions.path_length
    }

    /// The key usages; none when the extension is absent, which permits every use.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The purposes; empty when the extension is absent, which permits every purpose.
    pub fn extended_key_usage(&self) -> &[ExtendedKeyUsage] {
        &self.extensions.extended_key_usage
    }

    /// What a CA certificate says of the DNS names under it.
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        self.extensions.name_constraints.as_ref()
    }

    /// The extensions that a [`crate::CertificateTemplate`] which takes this certificate's place would not have, by name and OID.
    /// Those that only say where something of the issuer is fetched are none of them.
    pub fn other_extensions(&self) -> Vec<String> {
        let shown = |oid: &Vec<u8>| {
            let known = OTHERS.iter().find(|(contents, _)| contents == oid).map(|(_, name)| *name);
            match (known, ObjectIdentifier::from_contents(oid)) {
                (Some(name), Ok(oid)) => format!("{name} ({oid})"),
                (None, Ok(oid)) => oid.to_string(),
                (_, Err(_)) => "one with a malformed OID".to_owned(),
            }
        };
        self.extensions.others.iter().map(shown).collect()
    }

    /// Whether subject and issuer are the same name. (It may still be signed by another key.)
    pub fn is_self_issued(&self) -> bool {
        self.subject_der == self.issuer_der
    }

    /// Checks that `issuer` made the signature. Names, dates and usages are not looked at.
    ///
    /// # Errors
    /// [`X509Error::InvalidCertificate`] when it did not, [`X509Error::UnsupportedKey`] when the
    /// algorithm does not fit the key, is not supported, or stands on a broken hash.
    pub fn verify_signed_by(&self, issuer: &PublicKey) -> Result<(), X509Error> {
        if issuer.verify(&self.signature_algorithm_der, &self.tbs_der, &self.signature)? {
            Ok(())
        } else {
            Err(X509Error::InvalidCertificate("it was not signed with the issuer's key".into()))
        }
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut certificate = Reader::of_sequence(der)?;
        let tbs_der = certificate.raw()?;
        let signature_algorithm_der = certificate.raw()?;
        let signature = certificate.bit_string()?;
        certificate.finish()?;

        let mut tbs = Reader::of_sequence(tbs_der)?;
        // Version 1 is left out.
        tbs.optional(tag::context_constructed(0))?;
        let serial_number = SerialNumber::from_bytes(tbs.unsigned_integer()?)?;
        if tbs.raw()? != signature_algorithm_der {
            return Err(X509Error::InvalidCertificate(
                "its two signature algorithms differ (RFC 5280 section 4.1.1.2)".into(),
            ));
        }
        let issuer_der = tbs.raw()?;
        let mut validity = tbs.sequence()?;
        let not_before = read_instant(&mut validity)?;
        let not_after = read_instant(&mut validity)?;
        validity.finish()?;
        let subject_der = tbs.raw()?;
        let spki_der = tbs.raw()?;
        // issuerUniqueID and subjectUniqueID
        tbs.optional(tag::context(1))?;
        tbs.optional(tag::context(2))?;
        let extensions = match tbs.optional(tag::context_constructed(3))? {
            Some(extensions_der) => Extensions::parse(extensions_der)?,
            None => Extensions::default(),
        };
        tbs.finish()?;
        Ok(Self {
            der: der.to_vec(),
            tbs_der: tbs_der.to_vec(),
            signature_algorithm_der: signature_algorithm_der.to_vec(),
            signature: signature.to_vec(),
            serial_number,
            issuer_der: issuer_der.to_vec(),
            subject_der: subject_der.to_vec(),
            subject: parse_name_der(subject_der)?,
            spki_der: spki_der.to_vec(),
            not_before,
            not_after,
            extensions,
        })
    }
}

fn read_instant(validity: &mut Reader<'_>) -> Result<i64, X509Error> {
    let (tag, contents) = validity.next_value()?.unwrap_or_default();
    instant::parse(tag, contents)
}

impl Extensions {
    fn parse(extensions_der: &[u8]) -> Result<Self, X509Error> {
        let mut parsed = Self::default();
        for extension in extensions(extensions_der)? {
            let value = extension.value;
            if !WRITTEN.contains(&extension.oid) {
                parsed.others.push(extension.oid.to_vec());
            }
            match extension.oid {
                oid::SUBJECT_KEY_IDENTIFIER => {
                    let mut identifier = Reader::new(value)?;
                    parsed.subject_key_id = Some(identifier.value(tag::OCTET_STRING)?.to_vec());
                    identifier.finish()?;
                }
                oid::AUTHORITY_KEY_IDENTIFIER => {
                    let mut identifier = Reader::of_sequence(value)?;
                    parsed.authority_key_id = identifier.optional(tag::context(0))?.map(<[u8]>::to_vec);
                    // A hint only: one that cannot be read is none.
                    if identifier.optional(tag::context_constructed(1)).is_ok() {
                        let serial = identifier.optional(tag::context(2)).ok().flatten();
                        parsed.authority_serial = serial.map(<[u8]>::to_vec);
                    }
                }
                oid::SUBJECT_ALT_NAME => {
                    let mut unsupported = 0;
                    // The names in a certificate were checked by its CA.
                    parsed.subject_alt_names =
                        SubjectAltNames::parse(value, DnsName::for_another_ca, |_| {
                            unsupported += 1;
                            Ok(())
                        })?;
                    parsed.unsupported_alt_names = unsupported;
                }
                oid::BASIC_CONSTRAINTS => {
                    (parsed.ca, parsed.path_length) = parse_basic_constraints(value)?;
                }
                oid::KEY_USAGE => {
                    let mut bits = Reader::new(value)?;
                    parsed.key_usage = KeyUsage::parse(bits.value(tag::BIT_STRING)?);
                    bits.finish()?;
                }
                oid::NAME_CONSTRAINTS => parsed.name_constraints = Some(NameConstraints::parse(value)?),
                oid::EXTENDED_KEY_USAGE => {
                    let mut purposes = Reader::of_sequence(value)?;
                    while !purposes.is_at_end() {
                        let oid = ObjectIdentifier::from_contents(purposes.value(tag::OBJECT_IDENTIFIER)?)?;
                        parsed.extended_key_usage.push(ExtendedKeyUsage::from_oid(oid));
                    }
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}

/// Certificates that stand one after the other, apart again.
///
/// # Errors
/// [`X509Error::Der`] when they do not.
pub fn split_certificates(der: &[u8]) -> Result<Vec<Vec<u8>>, X509Error> {
    let mut reader = Reader::new(der)?;
    let mut certificates = Vec::new();
    while !reader.is_at_end() {
        certificates.push(reader.raw()?.to_vec());
    }
    Ok(certificates)
}

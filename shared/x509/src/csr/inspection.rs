//! Reading requests for a person who decides about them.

use std::net::IpAddr;

use super::{
    CsrWarning, RawRequest, as_csr_error, decode, extension_request, parse_basic_constraints,
    signature::Scheme,
};
use crate::{
    DistinguishedName, DnsName, EmailAddress, ExtendedKeyUsage, KeyUsage, KeyWeakness, ObjectIdentifier,
    PublicKey, SubjectAltNames, UriName, X509Error,
    certificate::oid,
    name::{Attribute, parse_name_der, rdns},
    name_text::{attribute_text, rfc4514_of_der},
    reader::{Reader, extensions},
    sha256_hex,
    writer::tag,
};

/// `challengePassword` (RFC 2985 §5.4.1).
const CHALLENGE_PASSWORD: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07";

/// A request whose self-signature is good and whose key is acceptable, with everything that is in
/// it. More is accepted than by [`CertificateSigningRequest`](crate::CertificateSigningRequest): old
/// hashes, and names that certificates here cannot have; both are [`CsrWarning`]s.
#[derive(Clone, Debug)]
pub struct CsrInspection {
    der: Vec<u8>,
    subject: DistinguishedName,
    subject_text: String,
    public_key: PublicKey,
    signature_algorithm: &'static str,
    has_weak_hash: bool,
    has_challenge_password: bool,
    subject_alt_names: SubjectAltNames,
    requested: RequestedExtensions,
    warnings: Vec<CsrWarning>,
}

/// The extensions that a request asks for, beside subject alternative names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedExtensions {
    /// Key usages; none when the extension is absent.
    pub key_usage: Option<KeyUsage>,
    /// Purposes; empty when the extension is absent.
    pub extended_key_usage: Vec<ExtendedKeyUsage>,
    /// Whether it asks to be a CA.
    pub is_ca: bool,
    /// How many CA certificates may follow below it, if it says so.
    pub path_length: Option<u8>,
    /// Every other extension, in the order of the request.
    pub other: Vec<RequestedExtension>,
}

/// An extension that is known by its name only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedExtension {
    /// Its name.
    pub oid: ObjectIdentifier,
    /// Whether the request marks it as critical.
    pub critical: bool,
}

impl CsrInspection {
    /// Reads the one `CERTIFICATE REQUEST` (or `NEW CERTIFICATE REQUEST`) of a PEM text; see
    /// [`Self::from_der`].
    ///
    /// # Errors
    /// [`X509Error::Pem`] and those of [`Self::from_der`].
    pub fn from_pem(text: &str) -> Result<Self, X509Error> {
        Self::from_der(&decode(text)?)
    }

    /// Reads a request; checks its structure, key and self-signature.
    ///
    /// # Errors
    /// [`X509Error::InvalidCsr`] when it is malformed or its signature is wrong;
    /// [`X509Error::InvalidName`] when an attribute of its subject cannot be read as text;
    /// [`X509Error::UnsupportedKey`] and [`X509Error::WeakKey`] for its key.
    pub fn from_der(der: &[u8]) -> Result<Self, X509Error> {
        Self::parse(der).map_err(as_csr_error)
    }

    /// The request as it was given.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the request in lower-case hexadecimal.
    pub fn fingerprint_sha256(&self) -> String {
        sha256_hex(&self.der)
    }

    /// The subject; attributes that a [`DistinguishedName`] does not hold are left out. It may break
    /// rules of [`DistinguishedName::validate`], of which there is a warning then.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The subject as it stands, as RFC 4514 text.
    pub fn subject_text(&self) -> &str {
        &self.subject_text
    }

    /// The key to be certified.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// About how many bits of work it takes to break the key: NIST SP 800-57 part 1 table 2, and for
    /// the RSA sizes that it leaves out SP 800-56B appendix D. A size in between counts as the next
    /// smaller one.
    pub fn key_strength_bits(&self) -> u32 {
        strength_bits(&self.public_key)
    }

    /// How the request is signed, such as `ecdsa-with-SHA256`.
    pub fn signature_algorithm(&self) -> &'static str {
        self.signature_algorithm
    }

    /// Whether its signature stands on a hash weaker than SHA-256.
    pub fn has_weak_hash(&self) -> bool {
        self.has_weak_hash
    }

    /// Whether there is a challenge password.
    pub fn has_challenge_password(&self) -> bool {
        self.has_challenge_password
    }

    /// The requested names that certificates here can have, each once.
    pub fn subject_alt_names(&self) -> &SubjectAltNames {
        &self.subject_alt_names
    }

    /// The other extensions that it asks for.
    pub fn requested(&self) -> &RequestedExtensions {
        &self.requested
    }

    /// What a person should look at before approving.
    pub fn warnings(&self) -> &[CsrWarning] {
        &self.warnings
    }

    fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let request = RawRequest::parse(der)?;
        let public_key = PublicKey::from_spki_der(request.spki_der)?;
        let scheme = Scheme::verified(&request, &public_key)?;
        let mut inspection = Self {
            der: der.to_vec(),
            subject: parse_name_der(request.subject_der)?,
            subject_text: rfc4514_of_der(request.subject_der)?,
            public_key,
            signature_algorithm: scheme.name,
            has_weak_hash: scheme.weak_hash.is_some(),
            has_challenge_password: request.attributes.iter().any(|known| known.oid == CHALLENGE_PASSWORD),
            subject_alt_names: SubjectAltNames::default(),
            requested: RequestedExtensions::default(),
            warnings: Vec::new(),
        };
        if let Some(hash) = scheme.weak_hash {
            inspection.warnings.push(CsrWarning::WeakSignatureHash { hash });
        }
        // Some programs write the attribute without a value when they ask for nothing.
        if let Some(values) = extension_request(&request.attributes)?.filter(|values| !values.is_empty()) {
            let mut values = Reader::new(values)?;
            let extensions_der = values.raw()?;
            values.finish()?;
            inspection.read_extensions(extensions_der)?;
        }
        inspection.warn_of_names();
        inspection.warn_of_subject(request.subject_der)?;
        if inspection.requested.is_ca {
            inspection.warnings.push(CsrWarning::CaRequested);
        }
        if let Some(weakness) = KeyWeakness::of(request.spki_der)? {
            inspection.warnings.push(CsrWarning::WeakKey { weakness });
        }
        if inspection.has_challenge_password {
            inspection.warnings.push(CsrWarning::ChallengePassword);
        }
        Ok(inspection)
    }

    fn read_extensions(&mut self, extensions_der: &[u8]) -> Result<(), X509Error> {
        for extension in extensions(extensions_der)? {
            let value = extension.value;
            match extension.oid {
                oid::SUBJECT_ALT_NAME => self.read_names(value)?,
                oid::BASIC_CONSTRAINTS => {
                    (self.requested.is_ca, self.requested.path_length) = parse_basic_constraints(value)?;
                }
                oid::KEY_USAGE => {
                    let mut bits = Reader::new(value)?;
                    let usage = KeyUsage::parse(bits.value(tag::BIT_STRING)?);
                    bits.finish()?;
                    let malformed = || X509Error::InvalidCsr("its key usage is not a BIT STRING".into());
                    self.requested.key_usage = Some(usage.ok_or_else(malformed)?);
                }
                oid::EXTENDED_KEY_USAGE => {
                    let mut purposes = Reader::of_sequence(value)?;
                    while !purposes.is_at_end() {
                        let oid = ObjectIdentifier::from_contents(purposes.value(tag::OBJECT_IDENTIFIER)?)?;
                        self.requested.extended_key_usage.push(ExtendedKeyUsage::from_oid(oid));
                    }
                }
                other => {
                    let oid = ObjectIdentifier::from_contents(other)?;
                    self.requested.other.push(RequestedExtension { oid, critical: extension.critical });
                }
            }
        }
        Ok(())
    }

    fn read_names(&mut self, general_names: &[u8]) -> Result<(), X509Error> {
        let mut entries = Reader::of_sequence(general_names)?;
        while let Some((kind, contents)) = entries.next_value()? {
            if let Err(error) = self.subject_alt_names.push_general_name(kind, contents, str::parse) {
                let name = foreign_name(kind, contents).unwrap_or_else(|| error.to_string());
                self.warnings.push(CsrWarning::UnsupportedName { name });
            }
        }
        self.subject_alt_names.dedup();
        Ok(())
    }

    fn warn_of_names(&mut self) {
        let names = &self.subject_alt_names;
        if names.is_empty() {
            self.warnings.push(CsrWarning::NoSubjectAltNames);
        }
        if let Some(common_name) = &self.subject.common_name
            && !is_among(common_name, names)
        {
            self.warnings.push(CsrWarning::CommonNameNotInSans { common_name: common_name.clone() });
        }
        let others = names.other.iter().map(|name| CsrWarning::OtherName { name: name.as_str().to_owned() });
        self.warnings.extend(others);
        let wildcards = names.dns.iter().filter(|name| name.is_wildcard());
        self.warnings
            .extend(wildcards.map(|name| CsrWarning::WildcardName { name: name.as_str().to_owned() }));
    }

    fn warn_of_subject(&mut self, subject_der: &[u8]) -> Result<(), X509Error> {
        if let Some(email) = &self.subject.email {
            self.warnings.push(CsrWarning::EmailInSubject { email: email.clone() });
        }
        for pair in rdns(subject_der)?.iter().flatten() {
            if Attribute::from_oid(pair.oid).is_none() {
                let attribute = attribute_text(pair.oid)?;
                self.warnings.push(CsrWarning::SubjectAttributeLeftOut { attribute });
            }
        }
        if let Err(error) = self.subject.validate() {
            self.warnings.push(CsrWarning::SubjectNotUsable { reason: error.to_string() });
        }
        Ok(())
    }
}

fn strength_bits(key: &PublicKey) -> u32 {
    match (key.algorithm_name(), key.bits()) {
        ("rsa", 8192..) => 200,
        ("rsa", 6144..) => 176,
        ("rsa", 4096..) => 152,
        ("rsa", 3072..) => 128,
        ("rsa", _) => 112,
        // Half of the group order. P-521 counts as 256, since no attack tells it from P-512.
        ("ec", bits) => (bits / 2).min(256),
        // Ed25519 (RFC 8032 §1).
        _ => 128,
    }
}

/// Whether a certificate with these names is good for whatever the common name stands for.
fn is_among(common_name: &str, names: &SubjectAltNames) -> bool {
    let name = common_name;
    name.parse::<DnsName>().is_ok_and(|name| names.dns.contains(&name))
        || name.parse::<IpAddr>().is_ok_and(|address| names.ip.contains(&address))
        || name.parse::<EmailAddress>().is_ok_and(|address| names.email.contains(&address))
        || name.parse::<UriName>().is_ok_and(|uri| names.uri.contains(&uri))
}

/// A name of a kind that [`SubjectAltNames`] does not hold (RFC 5280 §4.2.1.6); none for its kinds.
pub(super) fn foreign_name(kind: u8, contents: &[u8]) -> Option<String> {
    /// `userPrincipalName` of Active Directory.
    const UPN: &str = "1.3.6.1.4.1.311.20.2.3";
    let oid = |contents: &[u8]| {
        ObjectIdentifier::from_contents(contents).map_or_else(|_| "?".to_owned(), |oid| oid.to_string())
    };
    let name = match kind {
        0xA0 => {
            let kind = Reader::new(contents)
                .and_then(|mut name| name.value(tag::OBJECT_IDENTIFIER))
                .map_or_else(|_| "?".to_owned(), oid);
            let hint = if kind == UPN { " (user principal name)" } else { "" };
            format!("an otherName of type {kind}{hint}")
        }
        0xA3 => "an x400Address".to_owned(),
        0xA4 => {
            let text = rfc4514_of_der(contents).unwrap_or_else(|_| "?".to_owned());
            format!("the directoryName {text}")
        }
        0xA5 => "an ediPartyName".to_owned(),
        0x88 => format!("the registeredID {}", oid(contents)),
        _ => return None,
    };
    Some(format!(
        "{name}; only DNS names, IP addresses, e-mail addresses, URIs and other names with a UTF8String are supported"
    ))
}

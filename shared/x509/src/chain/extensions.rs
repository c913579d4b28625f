//! The extensions of RFC 5280 §4.2, read completely: whatever decides a path's validity, and
//! whether each was critical.

use crate::{
    KeyUsage, ObjectIdentifier, X509Error, certificate::oid, csr::parse_basic_constraints, reader::Reader,
    writer::tag,
};

use super::{
    finding::{Code, Flaw},
    general_name::GeneralName,
    name_rules::NameRules,
    policies::refuse_unknown_qualifiers,
};

/// Encoded OIDs beyond those that the service writes itself.
mod known {
    pub(super) const SUBJECT_DIRECTORY_ATTRIBUTES: &[u8] = b"\x55\x1d\x09";
    pub(super) const ISSUER_ALT_NAME: &[u8] = b"\x55\x1d\x12";
    pub(super) const CERTIFICATE_POLICIES: &[u8] = b"\x55\x1d\x20";
    pub(super) const POLICY_MAPPINGS: &[u8] = b"\x55\x1d\x21";
    pub(super) const POLICY_CONSTRAINTS: &[u8] = b"\x55\x1d\x24";
    pub(super) const FRESHEST_CRL: &[u8] = b"\x55\x1d\x2e";
    pub(super) const INHIBIT_ANY_POLICY: &[u8] = b"\x55\x1d\x36";
    pub(super) const SUBJECT_INFORMATION_ACCESS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x0b";
}

/// Contents of the OID of anyPolicy (RFC 5280 §4.2.1.4).
pub(super) const ANY_POLICY: &[u8] = b"\x55\x1d\x20\x00";

/// A value and whether its extension was critical.
#[derive(Clone, Debug)]
pub(super) struct Extension<T> {
    pub(super) critical: bool,
    pub(super) value: T,
}

/// `PolicyConstraints` (RFC 5280 §4.2.1.11).
#[derive(Clone, Copy, Debug)]
pub(super) struct PolicyConstraints {
    pub(super) require_explicit: Option<u32>,
    pub(super) inhibit_mapping: Option<u32>,
}

/// A policy or purpose: the contents of its OBJECT IDENTIFIER.
pub(super) type Oid = Vec<u8>;

/// What the extensions say.
#[derive(Clone, Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<Extension<(bool, Option<u8>)>>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) purposes: Option<Vec<Oid>>,
    pub(super) alternative_names: Option<Extension<Vec<GeneralName>>>,
    pub(super) name_rules: Option<Extension<NameRules>>,
    pub(super) policies: Option<Vec<Oid>>,
    pub(super) mappings: Vec<(Oid, Oid)>,
    pub(super) policy_constraints: Option<Extension<PolicyConstraints>>,
    pub(super) inhibit_any: Option<Extension<u32>>,
    pub(super) authority_key_id: Option<Extension<Option<Vec<u8>>>>,
    pub(super) subject_key_id: Option<Extension<Vec<u8>>>,
    /// DER of `CRLDistributionPoints`.
    pub(super) crl_distribution_points: Option<Vec<u8>>,
    /// DER of `FreshestCRL`.
    pub(super) freshest_crl: Option<Vec<u8>>,
    /// Contents of the access method's OID, and the location.
    pub(super) access: Vec<(Oid, GeneralName)>,
    /// Whether an extension is critical that only says where something can be fetched.
    has_critical_address: bool,
}

impl Extensions {
    /// Reads `Extensions`. A single extension that breaks a rule becomes a flaw, so that the answer
    /// can name certificate and rule.
    ///
    /// # Errors
    /// [`X509Error::Der`] when the list itself cannot be read.
    pub(super) fn parse(extensions_der: &[u8], flaws: &mut Vec<Flaw>) -> Result<Self, X509Error> {
        let mut parsed = Self::default();
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut entries = Reader::of_sequence(extensions_der)?;
        while !entries.is_at_end() {
            let mut entry = entries.sequence()?;
            let oid = entry.value(tag::OBJECT_IDENTIFIER)?;
            let critical = boolean(entry.optional(tag::BOOLEAN)?)?;
            let value = entry.value(tag::OCTET_STRING)?;
            entry.finish()?;
            if seen.contains(&oid) {
                flaws.push(Flaw::new(
                    Code::DuplicateExtension,
                    format!("the extension {} occurs twice; each occurs once at most", shown(oid)),
                ));
                continue;
            }
            // More kinds than this are not in use, and `seen` is searched for each.
            if seen.len() == 100 {
                flaws.push(Flaw::new(Code::MalformedExtension, "it has more than 100 extensions"));
                break;
            }
            seen.push(oid);
            match parsed.read(oid, critical, value) {
                Ok(false) if critical => flaws.push(Flaw::new(
                    Code::UnknownCriticalExtension,
                    format!("the extension {} is critical, and not one that is processed", shown(oid)),
                )),
                Ok(_) => {}
                Err(error) => flaws.push(Flaw::new(
                    Code::MalformedExtension,
                    format!("the extension {} cannot be read: {error}", shown(oid)),
                )),
            }
        }
        parsed.judge(flaws);
        Ok(parsed)
    }

    /// Takes one extension in; false when it is not known.
    fn read(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<bool, X509Error> {
        match oid {
            oid::BASIC_CONSTRAINTS => {
                let value = parse_basic_constraints(value)?;
                self.basic_constraints = Some(Extension { critical, value });
            }
            oid::KEY_USAGE => self.key_usage = Some(key_usage(value)?),
            oid::EXTENDED_KEY_USAGE => self.purposes = Some(oids(value)?),
            oid::SUBJECT_ALT_NAME => {
                let value = GeneralName::read_all(contents(value)?)?;
                self.alternative_names = Some(Extension { critical, value });
            }
            oid::NAME_CONSTRAINTS => {
                self.name_rules = Some(Extension { critical, value: NameRules::parse(value)? });
            }
            oid::SUBJECT_KEY_IDENTIFIER => {
                let mut identifier = Reader::new(value)?;
                let value = identifier.value(tag::OCTET_STRING)?.to_vec();
                identifier.finish()?;
                self.subject_key_id = Some(Extension { critical, value });
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_id = Some(Extension { critical, value: authority_key_id(value)? });
            }
            oid::CRL_DISTRIBUTION_POINTS => {
                contents(value)?;
                self.crl_distribution_points = Some(value.to_vec());
            }
            known::FRESHEST_CRL => {
                self.has_critical_address |= critical;
                contents(value)?;
                self.freshest_crl = Some(value.to_vec());
            }
            oid::AUTHORITY_INFORMATION_ACCESS => {
                self.has_critical_address |= critical;
                self.access = access(value)?;
            }
            known::SUBJECT_INFORMATION_ACCESS => {
                self.has_critical_address |= critical;
                access(value)?;
            }
            known::SUBJECT_DIRECTORY_ATTRIBUTES | known::ISSUER_ALT_NAME => {
                contents(value)?;
                return Ok(false);
            }
            _ => return self.read_policy_extension(oid, critical, value),
        }
        Ok(true)
    }

    fn read_policy_extension(&mut self, oid: &[u8], critical: bool, value: &[u8]) -> Result<bool, X509Error> {
        match oid {
            known::CERTIFICATE_POLICIES => self.policies = Some(policies(value, critical)?),
            known::POLICY_MAPPINGS => self.mappings = mappings(value)?,
            known::POLICY_CONSTRAINTS => {
                self.policy_constraints = Some(Extension { critical, value: policy_constraints(value)? });
            }
            known::INHIBIT_ANY_POLICY => {
                let mut skip = Reader::new(value)?;
                let certificates = small_number(skip.unsigned_integer()?);
                skip.finish()?;
                self.inhibit_any = Some(Extension { critical, value: certificates });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Breaches that do not depend on what the certificate is used for.
    fn judge(&self, flaws: &mut Vec<Flaw>) {
        let mut flaw = |broken: bool, code: Code, message: &str| {
            if broken {
                flaws.push(Flaw::new(code, message));
            }
        };
        flaw(
            self.key_usage.is_some_and(KeyUsage::is_empty),
            Code::KeyUsageEmpty,
            "its key usage has no bit set; at least one must be",
        );
        flaw(
            self.authority_key_id.as_ref().is_some_and(|extension| extension.critical),
            Code::AuthorityKeyIdCritical,
            "its authority key id is critical, which it must not be",
        );
        flaw(
            self.subject_key_id.as_ref().is_some_and(|extension| extension.critical),
            Code::SubjectKeyIdCritical,
            "its subject key id is critical, which it must not be",
        );
        let constraints = self.policy_constraints.as_ref();
        flaw(
            constraints.is_some_and(|extension| {
                extension.value.require_explicit.is_none() && extension.value.inhibit_mapping.is_none()
            }),
            Code::PolicyConstraintsEmpty,
            "its policy constraints are empty; one of the two fields must be there",
        );
        flaw(
            constraints.is_some_and(|extension| !extension.critical),
            Code::PolicyConstraintsNotCritical,
            "its policy constraints should be critical",
        );
        flaw(
            self.inhibit_any.as_ref().is_some_and(|extension| !extension.critical),
            Code::InhibitAnyPolicyNotCritical,
            "its inhibitAnyPolicy must be critical",
        );
        flaw(
            self.policies.as_ref().is_some_and(|policies| has_repeats(policies)),
            Code::DuplicatePolicy,
            "one of its certificate policies occurs twice",
        );
        flaw(
            self.has_critical_address,
            Code::AccessInformationCritical,
            "an information access extension or its freshest CRL is critical, which they must not be",
        );
        self.judge_alternative_names(flaws);
        if let Some(rules) = &self.name_rules {
            rules.value.judge(rules.critical, flaws);
        }
    }

    fn judge_alternative_names(&self, flaws: &mut Vec<Flaw>) {
        let Some(names) = &self.alternative_names else {
            return;
        };
        if names.value.is_empty() {
            let message = "its alternative names are empty; there must be at least one";
            flaws.push(Flaw::new(Code::MalformedSan, message));
        }
        // The rest would not tell more.
        for fault in names.value.iter().filter_map(GeneralName::san_fault).take(10) {
            let message = format!("an alternative name breaks its syntax: {fault}");
            flaws.push(Flaw::new(Code::MalformedSan, message));
        }
    }
}

/// BOOLEAN DEFAULT FALSE. DER forbids to write the default, but some programs do.
fn boolean(contents: Option<&[u8]>) -> Result<bool, X509Error> {
    match contents {
        None | Some([0]) => Ok(false),
        Some([0xFF]) => Ok(true),
        Some(_) => Err(X509Error::InvalidCertificate("a BOOLEAN is neither 00 nor FF".into())),
    }
}

/// The contents of one SEQUENCE that fills `der`.
fn contents(der: &[u8]) -> Result<&[u8], X509Error> {
    let mut outer = Reader::new(der)?;
    let inner = outer.value(tag::SEQUENCE)?;
    outer.finish()?;
    Ok(inner)
}

fn key_usage(der: &[u8]) -> Result<KeyUsage, X509Error> {
    let mut bits = Reader::new(der)?;
    let usage = KeyUsage::parse(bits.value(tag::BIT_STRING)?);
    bits.finish()?;
    usage.ok_or_else(|| X509Error::InvalidCertificate("the key usage is no BIT STRING in DER".into()))
}

fn oids(der: &[u8]) -> Result<Vec<Oid>, X509Error> {
    let mut list = Reader::of_sequence(der)?;
    let mut oids = Vec::new();
    while !list.is_at_end() {
        oids.push(oid_contents(list.value(tag::OBJECT_IDENTIFIER)?)?);
    }
    if oids.is_empty() {
        return Err(X509Error::InvalidCertificate("it is an empty list".into()));
    }
    Ok(oids)
}

fn oid_contents(contents: &[u8]) -> Result<Oid, X509Error> {
    ObjectIdentifier::from_contents(contents).map(|_| contents.to_vec())
}

fn authority_key_id(der: &[u8]) -> Result<Option<Vec<u8>>, X509Error> {
    let mut identifier = Reader::of_sequence(der)?;
    let key_id = identifier.optional(tag::context(0))?.map(<[u8]>::to_vec);
    let issuer = identifier.optional(tag::context_constructed(1))?;
    let serial = identifier.optional(tag::context(2))?;
    identifier.finish()?;
    if issuer.is_some() != serial.is_some() {
        return Err(X509Error::InvalidCertificate(
            "issuer and serial number stand both or not at all (RFC 5280 section 4.2.1.1)".into(),
        ));
    }
    Ok(key_id)
}

/// `CertificatePolicies`; qualifiers are for people, and looked into only where the extension is critical.
fn policies(der: &[u8], critical: bool) -> Result<Vec<Oid>, X509Error> {
    let mut list = Reader::of_sequence(der)?;
    let mut policies = Vec::new();
    while !list.is_at_end() {
        let mut information = list.sequence()?;
        policies.push(oid_contents(information.value(tag::OBJECT_IDENTIFIER)?)?);
        let qualifiers = information.optional(tag::SEQUENCE)?;
        information.finish()?;
        if critical {
            refuse_unknown_qualifiers(qualifiers.unwrap_or_default())?;
        }
    }
    if policies.is_empty() {
        return Err(X509Error::InvalidCertificate("it is an empty list".into()));
    }
    Ok(policies)
}

fn mappings(der: &[u8]) -> Result<Vec<(Oid, Oid)>, X509Error> {
    let mut list = Reader::of_sequence(der)?;
    let mut mappings = Vec::new();
    while !list.is_at_end() {
        let mut pair = list.sequence()?;
        let issuer_policy = oid_contents(pair.value(tag::OBJECT_IDENTIFIER)?)?;
        let subject_policy = oid_contents(pair.value(tag::OBJECT_IDENTIFIER)?)?;
        pair.finish()?;
        mappings.push((issuer_policy, subject_policy));
    }
    if mappings.is_empty() {
        return Err(X509Error::InvalidCertificate("it is an empty list".into()));
    }
    Ok(mappings)
}

fn policy_constraints(der: &[u8]) -> Result<PolicyConstraints, X509Error> {
    let mut constraints = Reader::of_sequence(der)?;
    let require_explicit = skip_certificates(constraints.optional(tag::context(0))?)?;
    let inhibit_mapping = skip_certificates(constraints.optional(tag::context(1))?)?;
    constraints.finish()?;
    Ok(PolicyConstraints { require_explicit, inhibit_mapping })
}

/// The contents of an IMPLICIT INTEGER that must not be negative.
fn skip_certificates(contents: Option<&[u8]>) -> Result<Option<u32>, X509Error> {
    match contents {
        None => Ok(None),
        Some([] | [0x80..=0xFF, ..] | [0, 0..=0x7F, ..]) => {
            Err(X509Error::InvalidCertificate("a number of certificates is negative or not minimal".into()))
        }
        Some(magnitude) => Ok(Some(small_number(magnitude))),
    }
}

/// A number of certificates; paths are so short that more than 32 bits are as good as these.
fn small_number(magnitude: &[u8]) -> u32 {
    magnitude.iter().fold(0_u32, |number, octet| number.saturating_mul(256).saturating_add(u32::from(*octet)))
}

fn access(der: &[u8]) -> Result<Vec<(Oid, GeneralName)>, X509Error> {
    let mut list = Reader::of_sequence(der)?;
    let mut access = Vec::new();
    while !list.is_at_end() {
        let mut description = list.sequence()?;
        let method = description.value(tag::OBJECT_IDENTIFIER)?.to_vec();
        let location = GeneralName::read(&mut description)?
            .ok_or_else(|| X509Error::InvalidCertificate("an access description has no location".into()))?;
        description.finish()?;
        access.push((method, location));
    }
    Ok(access)
}

fn has_repeats(oids: &[Oid]) -> bool {
    let mut sorted: Vec<&Oid> = oids.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// An OID for people.
pub(super) fn shown(oid: &[u8]) -> String {
    ObjectIdentifier::from_contents(oid).map_or_else(|_| "with a malformed OID".into(), |oid| oid.to_string())
}

//! Making certificates (RFC 5280 §4): template, checks, TBS, signature.

use crate::{
    DistinguishedName, ExtendedKeyUsage, KeyUsage, NameConstraints, ObjectIdentifier, ParsedCertificate,
    SerialNumber, SignatureAlgorithm, Signer, SubjectAltNames, UriName, X509Error,
    combination::{check_must_staple, check_ocsp_nocheck, check_policies},
    instant,
    public_key::subject_key_id,
    reader::Reader,
    writer::{Writer, tag},
};

/// Encoded OIDs of the extensions and access methods (RFC 5280 §4.2).
pub(crate) mod oid {
    pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = b"\x55\x1d\x0e";
    pub(crate) const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = b"\x55\x1d\x11";
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
    pub(crate) const NAME_CONSTRAINTS: &[u8] = b"\x55\x1d\x1e";
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = b"\x55\x1d\x1f";
    pub(crate) const CERTIFICATE_POLICIES: &[u8] = b"\x55\x1d\x20";
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = b"\x55\x1d\x23";
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";
    pub(crate) const AUTHORITY_INFORMATION_ACCESS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x01";
    /// `id-pe-tlsfeature` (RFC 7633 §4.1).
    pub(crate) const TLS_FEATURE: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x01\x18";
    /// `id-pkix-ocsp-nocheck` (RFC 6960 §4.2.2.2.1).
    pub(crate) const OCSP_NOCHECK: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01\x05";
    pub(crate) const CA_ISSUERS: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x02";
    pub(crate) const OCSP: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x30\x01";
}

/// Whether a certificate is a CA's (RFC 5280 §4.2.1.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BasicConstraints {
    /// It signs no certificates.
    EndEntity,
    /// It may sign certificates.
    Ca {
        /// How many CA certificates may follow below it on a path; none for any number.
        path_length: Option<u8>,
    },
}

/// Everything a certificate says. [`CertificateTemplate::sign`] is the only way from here to a
/// certificate.
#[derive(Clone, Copy, Debug)]
pub struct CertificateTemplate<'a> {
    /// Unique per issuer.
    pub serial_number: &'a SerialNumber,
    /// The issuer's subject as it stands in its certificate: chains are matched octet by octet.
    pub issuer_der: &'a [u8],
    /// A certificate that has the same subject and key: what this one says of both is the same octet by octet, so that it
    /// takes the other one's place in every path.
    pub same_as: Option<&'a ParsedCertificate>,
    /// First instant, in Unix seconds.
    pub not_before: i64,
    /// Last instant, in Unix seconds.
    pub not_after: i64,
    /// The subject of the certificate.
    pub subject: &'a DistinguishedName,
    /// The subject's public key; see [`crate::PublicKey::spki_der`].
    pub spki_der: &'a [u8],
    /// Written for CAs and end entities, critical.
    pub basic_constraints: BasicConstraints,
    /// Critical; an empty set leaves the extension out.
    pub key_usage: KeyUsage,
    /// Critical for time stamping (RFC 3161 §2.3), else not; an empty list leaves the extension out.
    pub extended_key_usage: &'a [ExtendedKeyUsage],
    /// Not critical; an empty list leaves the extension out (RFC 5280 §4.2.1.4).
    pub policies: &'a [ObjectIdentifier],
    /// Whether servers must answer TLS clients with a stapled OCSP answer (RFC 7633 §4.2.3.1).
    pub must_staple: bool,
    /// Whether relying parties need not ask if the certificate of this OCSP responder is revoked (RFC 6960 §4.2.2.2.1): for
    /// one whose only purpose is OCSPSigning, and which ends soon.
    pub ocsp_nocheck: bool,
    /// Critical if and only if the subject is empty (RFC 5280 §4.2.1.6); left out when there are
    /// none.
    pub subject_alt_names: &'a SubjectAltNames,
    /// For CAs only; critical.
    pub name_constraints: Option<&'a NameConstraints>,
    /// Key id of the issuer; a self-signed certificate can do without.
    pub authority_key_id: Option<&'a [u8]>,
    /// Where the issuer's certificate can be fetched (RFC 5280 §4.2.2.1).
    pub ca_issuers_url: Option<&'a str>,
    /// Where the issuer's OCSP responder is (RFC 6960 §3.1).
    pub ocsp_url: Option<&'a str>,
    /// Where the issuer's CRL can be fetched (RFC 5280 §4.2.1.13).
    pub crl_url: Option<&'a str>,
}

impl CertificateTemplate<'_> {
    /// Checks the template, writes the certificate (version 3), has it signed, and answers its DER.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] and [`X509Error::InvalidName`] when a rule of RFC 5280 would be
    /// broken; what the signer answers when it fails.
    pub fn sign(&self, issuer: &dyn Signer) -> Result<Vec<u8>, X509Error> {
        let algorithm = issuer.signature_algorithm();
        let tbs = TbsCertificate::checked(self, algorithm)?;
        let signature = issuer.sign(&tbs.0)?;
        Ok(signed(&tbs.0, algorithm, &signature))
    }

    fn check(&self) -> Result<(), X509Error> {
        if !self.serial_number.can_be_issued() {
            return refuse("the serial number is zero or too long (RFC 5280 section 4.1.2.2)");
        }
        check_instants(self.not_before, self.not_after)?;
        check_name_der(self.issuer_der)?;
        self.subject.validate()?;
        if self.subject.is_empty() && self.subject_alt_names.is_empty() {
            return refuse("it has neither a subject nor an alternative name (RFC 5280 section 4.1.2.6)");
        }
        for url in [self.ca_issuers_url, self.crl_url, self.ocsp_url].into_iter().flatten() {
            url.parse::<UriName>()?;
        }
        if self.same_as.is_some_and(|other| other.spki_der() != self.spki_der) {
            return refuse("the certificate whose place it takes has another key");
        }
        if self.authority_key_id.is_some_and(<[u8]>::is_empty) {
            return refuse("the authority key id is empty");
        }
        self.check_usage()
    }

    fn check_usage(&self) -> Result<(), X509Error> {
        let usage = self.key_usage;
        let signs = usage.contains(KeyUsage::KEY_CERT_SIGN);
        match self.basic_constraints {
            BasicConstraints::Ca { .. } if !signs => {
                return refuse("a CA needs keyCertSign (RFC 5280 section 4.2.1.3)");
            }
            BasicConstraints::EndEntity if signs => {
                return refuse("an end entity cannot have keyCertSign (RFC 5280 section 4.2.1.9)");
            }
            BasicConstraints::EndEntity if self.name_constraints.is_some() => {
                return refuse("an end entity cannot have name constraints (RFC 5280 section 4.2.1.10)");
            }
            // A CA whose own names lie elsewhere is not touched: constraints bind what follows it
            // on the path.
            BasicConstraints::Ca { .. } | BasicConstraints::EndEntity => {}
        }
        if self.subject.is_empty() && self.basic_constraints != BasicConstraints::EndEntity {
            return refuse("a CA needs a subject (RFC 5280 section 4.1.2.6)");
        }
        usage.check_combination()?;
        ExtendedKeyUsage::check_combination(self.extended_key_usage)?;
        check_policies(self.policies)?;
        check_must_staple(self.must_staple, self.ocsp_url.is_some())?;
        if self.ocsp_nocheck && self.basic_constraints != BasicConstraints::EndEntity {
            return refuse("a CA has no ocsp-nocheck (RFC 6960 section 4.2.2.2.1)");
        }
        check_ocsp_nocheck(self.ocsp_nocheck, self.extended_key_usage)
    }
}

fn refuse<T>(rule: &str) -> Result<T, X509Error> {
    Err(X509Error::RefusedToSign(rule.into()))
}

/// The order and the range of two instants.
pub(crate) fn check_instants(first: i64, last: i64) -> Result<(), X509Error> {
    if first >= last {
        return Err(X509Error::RefusedToSign("the end does not lie after the beginning".into()));
    }
    if first < instant::EARLIEST || last > instant::LATEST {
        return Err(X509Error::RefusedToSign("an instant lies outside of the years 1950 to 9999".into()));
    }
    Ok(())
}

/// An issuer is a `Name`, and not an empty one (RFC 5280 §4.1.2.4, §5.1.2.3).
pub(crate) fn check_name_der(name_der: &[u8]) -> Result<(), X509Error> {
    let name = Reader::of_sequence(name_der)
        .map_err(|_| X509Error::RefusedToSign("the issuer's name is not DER".into()))?;
    if name.is_at_end() {
        return Err(X509Error::RefusedToSign("the issuer's name is empty".into()));
    }
    Ok(())
}

/// A certificate that passed the checks and is not signed yet. It is made here and nowhere else.
struct TbsCertificate(Vec<u8>);

impl TbsCertificate {
    fn checked(template: &CertificateTemplate<'_>, algorithm: SignatureAlgorithm) -> Result<Self, X509Error> {
        template.check()?;
        let derived = Derived {
            subject_key_id: match template.same_as.and_then(ParsedCertificate::subject_key_id) {
                Some(key_id) => key_id,
                None => subject_key_id(template.spki_der)?.to_vec(),
            },
            name_constraints: match template.name_constraints {
                Some(constraints) if !constraints.is_empty() => Some(constraints.extension_value_der()?),
                _ => None,
            },
        };
        let names = template.subject_alt_names.len();
        let mut writer = Writer::with_capacity(1024 + template.spki_der.len() + 32 * names);
        writer.sequence(|tbs| {
            // Version 3 is written as 2.
            tbs.nested(tag::context_constructed(0), |version| {
                version.unsigned_integer(&[2]);
            });
            tbs.unsigned_integer(template.serial_number.as_bytes());
            tbs.raw(algorithm.der());
            tbs.raw(template.issuer_der);
            tbs.sequence(|validity| {
                instant::write(validity, template.not_before);
                instant::write(validity, template.not_after);
            });
            match template.same_as {
                Some(other) => tbs.raw(other.subject_der()),
                None => template.subject.write(tbs),
            }
            tbs.raw(template.spki_der);
            tbs.nested(tag::context_constructed(3), |extensions| {
                extensions.sequence(|list| write_extensions(list, template, &derived));
            });
        });
        Ok(Self(writer.finish()))
    }
}

/// What the extensions need beyond the template.
struct Derived {
    subject_key_id: Vec<u8>,
    name_constraints: Option<Vec<u8>>,
}

fn write_extensions(list: &mut Writer, template: &CertificateTemplate<'_>, derived: &Derived) {
    write_basic_constraints(list, template.basic_constraints);
    if !template.key_usage.is_empty() {
        list.extension(oid::KEY_USAGE, true, |value| {
            template.key_usage.write(value);
        });
    }
    if !template.extended_key_usage.is_empty() {
        let critical = ExtendedKeyUsage::is_critical(template.extended_key_usage);
        list.extension(oid::EXTENDED_KEY_USAGE, critical, |value| {
            value.sequence(|purposes| {
                for purpose in template.extended_key_usage {
                    purposes.object_identifier(purpose.oid_contents());
                }
            });
        });
    }
    list.extension(oid::SUBJECT_KEY_IDENTIFIER, false, |value| {
        value.primitive(tag::OCTET_STRING, &derived.subject_key_id);
    });
    if let Some(key_id) = template.authority_key_id {
        write_authority_key_id(list, key_id);
    }
    if !template.subject_alt_names.is_empty() {
        let critical = template.subject.is_empty();
        list.extension(oid::SUBJECT_ALT_NAME, critical, |value| {
            template.subject_alt_names.write(value);
        });
    }
    if !template.policies.is_empty() {
        write_policies(list, template.policies);
    }
    if template.must_staple {
        write_must_staple(list);
    }
    if template.ocsp_nocheck {
        list.extension(oid::OCSP_NOCHECK, false, |value| value.primitive(tag::NULL, &[]));
    }
    if let Some(constraints) = &derived.name_constraints {
        list.extension(oid::NAME_CONSTRAINTS, true, |value| value.raw(constraints));
    }
    if let Some(url) = template.crl_url {
        write_distribution_point(list, oid::CRL_DISTRIBUTION_POINTS, url);
    }
    let access = [(oid::OCSP, template.ocsp_url), (oid::CA_ISSUERS, template.ca_issuers_url)];
    if access.iter().any(|(_, url)| url.is_some()) {
        list.extension(oid::AUTHORITY_INFORMATION_ACCESS, false, |value| {
            value.sequence(|descriptions| {
                for (method, url) in access {
                    let Some(url) = url else { continue };
                    descriptions.sequence(|description| {
                        description.object_identifier(method);
                        description.primitive(tag::context(6), url.as_bytes());
                    });
                }
            });
        });
    }
}

fn write_policies(list: &mut Writer, policies: &[ObjectIdentifier]) {
    list.extension(oid::CERTIFICATE_POLICIES, false, |value| {
        value.sequence(|all| {
            for policy in policies {
                all.sequence(|information| information.object_identifier(policy.contents()));
            }
        });
    });
}

/// The one TLS extension `status_request`, whose number is 5 (RFC 7633 §4.1).
fn write_must_staple(list: &mut Writer) {
    list.extension(oid::TLS_FEATURE, false, |value| {
        value.sequence(|features| features.unsigned_integer(&[5]));
    });
}

/// Whether it is a CA, and how long paths below it may be.
pub(crate) fn write_basic_constraints(list: &mut Writer, constraints: BasicConstraints) {
    list.extension(oid::BASIC_CONSTRAINTS, true, |value| {
        value.sequence(|fields| {
            if let BasicConstraints::Ca { path_length } = constraints {
                fields.boolean_true();
                if let Some(length) = path_length {
                    fields.unsigned_integer(&[length]);
                }
            }
        });
    });
}

/// The key id alone: issuer and serial number would tie the chain to one certificate of the CA.
pub(crate) fn write_authority_key_id(list: &mut Writer, key_id: &[u8]) {
    list.extension(oid::AUTHORITY_KEY_IDENTIFIER, false, |value| {
        value.sequence(|identifier| identifier.primitive(tag::context(0), key_id));
    });
}

/// `CRLDistributionPoints` or `FreshestCRL` with one address.
pub(crate) fn write_distribution_point(list: &mut Writer, oid: &[u8], url: &str) {
    list.extension(oid, false, |value| {
        value.sequence(|points| {
            points.sequence(|point| {
                point.nested(tag::context_constructed(0), |name| {
                    name.nested(tag::context_constructed(0), |full_name| {
                        full_name.primitive(tag::context(6), url.as_bytes());
                    });
                });
            });
        });
    });
}

/// `SIGNED{…}`: what was signed, the algorithm, the signature.
pub(crate) fn signed(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(tbs.len() + signature.len() + 32);
    writer.sequence(|certificate| {
        certificate.raw(tbs);
        certificate.raw(algorithm.der());
        certificate.bit_string(signature);
    });
    writer.finish()
}

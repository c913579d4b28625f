//! What is wrong with a certificate or a path: codes that programs branch on, texts for people.

use std::fmt;

use super::Certificate;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal $class:ident;)+) => {
        /// The rule that was broken. New rules may come; the texts of old ones stay.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code in `snake_case`, as it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// How much it weighs.
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                }
            }
        }
    };
}

/// How much a finding weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// The path is not valid.
    Fatal,
    /// The path is not valid at this instant; everything else is judged nevertheless.
    Time,
    /// A rule for issuers is broken (RFC 5280 §4): the path is not valid, unless
    /// [`super::Conformance::Report`] is asked for.
    Profile,
    /// Worth a warning.
    Advice,
}

codes! {
    /// It cannot be read as X.509 in DER.
    MalformedCertificate "malformed_certificate" Fatal;
    /// An extension cannot be read.
    MalformedExtension "malformed_extension" Fatal;
    /// An extension occurs twice (RFC 5280 §4.2).
    DuplicateExtension "duplicate_extension" Fatal;
    /// The version is none of 1, 2 and 3.
    UnsupportedVersion "unsupported_version" Fatal;
    /// Extensions in a certificate of version 1 or 2 (§4.1.2.9).
    ExtensionsNeedVersion3 "extensions_need_version_3" Fatal;
    /// The signed and the outer signature algorithm differ (§4.1.1.2).
    SignatureAlgorithmMismatch "signature_algorithm_mismatch" Fatal;
    /// A critical extension that is not processed (§4.2).
    UnknownCriticalExtension "unknown_critical_extension" Fatal;
    /// The signature was not made with the issuer's key.
    SignatureInvalid "signature_invalid" Fatal;
    /// The signature stands on a broken hash (MD5, SHA-1).
    WeakSignature "weak_signature" Fatal;
    /// The signature's algorithm is not supported.
    UnsupportedAlgorithm "unsupported_algorithm" Fatal;
    /// The public key is too weak, or none.
    WeakKey "weak_key" Fatal;
    /// The public key's algorithm or form is not supported.
    UnsupportedKey "unsupported_key" Fatal;
    /// No issuer was found, neither among the candidates nor among the anchors.
    UnknownIssuer "unknown_issuer" Fatal;
    /// No path was found before the bounds on work were met.
    PathBudgetExceeded "path_budget_exceeded" Fatal;
    /// The path is longer than is followed.
    PathTooLong "path_too_long" Fatal;
    /// The instant lies before notBefore.
    NotYetValid "not_yet_valid" Time;
    /// The instant lies after notAfter.
    Expired "expired" Time;
    /// An issuer that is no CA (§6.1.4 (k)).
    NotACa "not_a_ca" Fatal;
    /// More CA certificates below than the path length permits (§6.1.4 (l)).
    PathLengthExceeded "path_length_exceeded" Fatal;
    /// An issuer whose key usage lacks keyCertSign (§6.1.4 (n)).
    KeyUsageLacksCertSign "key_usage_lacks_cert_sign" Fatal;
    /// A name that is not within the permitted subtrees (§6.1.3 (b)).
    NameNotPermitted "name_not_permitted" Fatal;
    /// A name within an excluded subtree (§6.1.3 (c)).
    NameExcluded "name_excluded" Fatal;
    /// Name constraints that cannot be applied (§4.2.1.10).
    NameConstraintsUnprocessable "name_constraints_unprocessable" Fatal;
    /// No acceptable policy although one is required (§6.1.3 (f), §6.1.5 (g)).
    NoValidPolicy "no_valid_policy" Fatal;
    /// A policy mapping from or to anyPolicy (§6.1.4 (a)).
    AnyPolicyMapped "any_policy_mapped" Fatal;
    /// The purpose is not permitted by the certificate or a CA above it (§4.2.1.12).
    PurposeNotPermitted "purpose_not_permitted" Fatal;
    /// None of the alternative names is the expected one (RFC 9525 §6).
    NameMismatch "name_mismatch" Fatal;
    /// The serial number is zero (RFC 5280 §4.1.2.2).
    SerialNumberZero "serial_number_zero" Profile;
    /// The serial number is negative (§4.1.2.2).
    SerialNumberNegative "serial_number_negative" Profile;
    /// The serial number is longer than 20 octets (§4.1.2.2).
    SerialNumberTooLong "serial_number_too_long" Profile;
    /// The issuer is an empty name (§4.1.2.4).
    IssuerEmpty "issuer_empty" Fatal;
    /// A CA without a subject (§4.1.2.6).
    CaSubjectEmpty "ca_subject_empty" Fatal;
    /// No subject, and no critical alternative name in its place (§4.1.2.6).
    SubjectEmptyWithoutCriticalSan "subject_empty_without_critical_san" Profile;
    /// An alternative name breaks the rules of its kind (§4.2.1.6).
    MalformedSan "malformed_san" Profile;
    /// keyCertSign in a certificate that is no CA's (§4.2.1.3, §4.2.1.9).
    CertSignWithoutCa "cert_sign_without_ca" Profile;
    /// A path length in a certificate that is no CA's (§4.2.1.9).
    PathLengthWithoutCa "path_length_without_ca" Profile;
    /// A key usage without any bit (§4.2.1.3).
    KeyUsageEmpty "key_usage_empty" Profile;
    /// No authority key id although it is not self-signed (§4.2.1.1).
    AuthorityKeyIdMissing "authority_key_id_missing" Profile;
    /// The authority key id is critical (§4.2.1.1).
    AuthorityKeyIdCritical "authority_key_id_critical" Profile;
    /// A CA without a subject key id (§4.2.1.2).
    SubjectKeyIdMissing "subject_key_id_missing" Profile;
    /// The subject key id is critical (§4.2.1.2).
    SubjectKeyIdCritical "subject_key_id_critical" Profile;
    /// Name constraints in a certificate that is no CA's (§4.2.1.10).
    NameConstraintsWithoutCa "name_constraints_without_ca" Profile;
    /// Name constraints that are not critical (§4.2.1.10).
    NameConstraintsNotCritical "name_constraints_not_critical" Profile;
    /// Name constraints without any subtree (§4.2.1.10).
    NameConstraintsEmpty "name_constraints_empty" Profile;
    /// Policy constraints without any field (§4.2.1.11).
    PolicyConstraintsEmpty "policy_constraints_empty" Profile;
    /// The same policy twice (§4.2.1.4).
    DuplicatePolicy "duplicate_policy" Profile;
    /// inhibitAnyPolicy that is not critical (§4.2.1.14).
    InhibitAnyPolicyNotCritical "inhibit_any_policy_not_critical" Profile;
    /// An information access extension, or a freshest CRL, that is critical (§4.2.2, §4.2.1.15).
    AccessInformationCritical "access_information_critical" Profile;
    /// Basic constraints of a CA that are not critical (§4.2.1.9). PKITS 4.6.4 accepts them.
    BasicConstraintsNotCritical "basic_constraints_not_critical" Advice;
    /// Policy constraints that are not critical (§4.2.1.11). PKITS 4.9 accepts them.
    PolicyConstraintsNotCritical "policy_constraints_not_critical" Advice;
    /// A CA without key usage (§4.2.1.3). §6.1.4 (n) accepts it.
    CaKeyUsageMissing "ca_key_usage_missing" Advice;
    /// A GeneralizedTime before 2050 (§4.1.2.5). PKITS 4.2.4 accepts it.
    GeneralizedTimeTooEarly "generalized_time_too_early" Advice;
    /// A DNS constraint with a dot in front, which is read as "everything below" (§4.2.1.10).
    NameConstraintLeadingDot "name_constraint_leading_dot" Advice;
    /// A candidate that cannot be read and was left aside.
    CandidateIgnored "candidate_ignored" Advice;
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What the look at one rule comes to: nothing, or the flaw that it has found. Whether a look can be afforded is another question,
/// which [`super::budget::Exhausted`] answers.
pub(super) type Ruling = Result<(), Flaw>;

/// A code with its text, not yet tied to a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) message: String,
}

impl Flaw {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Which of the given certificates one is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// The certificate to be judged.
    Target,
    /// The candidate with this index.
    Candidate(usize),
    /// The anchor with this index.
    Anchor(usize),
}

/// A certificate that a finding is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRef {
    /// Where it was given.
    pub place: Place,
    /// SHA-256 of its DER in lower-case hexadecimal.
    pub fingerprint_sha256: String,
    /// Its subject as RFC 4514 text; empty when it cannot be read.
    pub subject: String,
}

impl CertificateRef {
    pub(super) fn new(place: Place, certificate: &Certificate) -> Self {
        Self {
            place,
            fingerprint_sha256: certificate.fingerprint_sha256().to_owned(),
            subject: certificate.subject_text(),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The rule.
    pub code: Code,
    /// What is wrong and what would be right.
    pub message: String,
    /// The certificate, unless it is about the search as a whole.
    pub certificate: Option<CertificateRef>,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.certificate {
            Some(certificate) => {
                write!(formatter, "{} ({}): {}", self.code, certificate.subject, self.message)
            }
            None => write!(formatter, "{}: {}", self.code, self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_in_snake_case() {
        let texts: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for text in texts {
            assert!(text.bytes().all(|octet| octet.is_ascii_lowercase() || b"_3".contains(&octet)), "{text}");
        }
    }
}

//! What a person should look at before approving a request.

use std::fmt;

use crate::KeyWeakness;

/// Something odd about a request that is no reason to refuse it. Its text says what an approver
/// should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CsrWarning {
    /// The self-signature stands on a hash weaker than SHA-256.
    WeakSignatureHash {
        /// Such as `SHA-1`.
        hash: &'static str,
    },
    /// It asks for no subject alternative name.
    NoSubjectAltNames,
    /// The common name is not among the subject alternative names.
    CommonNameNotInSans {
        /// The common name.
        common_name: String,
    },
    /// It asks for a wildcard.
    WildcardName {
        /// The wildcard, such as `*.example.com`.
        name: String,
    },
    /// It asks for a name that certificates here cannot have.
    UnsupportedName {
        /// Kind or text of the name, and why it is left out.
        name: String,
    },
    /// It asks for a name of another type, which may be whom somebody logs on as.
    OtherName {
        /// Such as `1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example`.
        name: String,
    },
    /// It asks to be a CA.
    CaRequested,
    /// The subject has an e-mail address.
    EmailInSubject {
        /// The address.
        email: String,
    },
    /// The subject has an attribute that certificates here do not get.
    SubjectAttributeLeftOut {
        /// Short name or OID of the attribute.
        attribute: String,
    },
    /// The subject cannot stand in a certificate.
    SubjectNotUsable {
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// There is a challenge password. It is never shown.
    ChallengePassword,
    /// The private key can be found, or is known.
    WeakKey {
        /// Why.
        weakness: KeyWeakness,
    },
}

impl CsrWarning {
    /// The stable code, in snake_case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WeakSignatureHash { .. } => "weak_signature_hash",
            Self::NoSubjectAltNames => "no_subject_alt_names",
            Self::CommonNameNotInSans { .. } => "common_name_not_in_sans",
            Self::WildcardName { .. } => "wildcard_name",
            Self::UnsupportedName { .. } => "unsupported_name",
            Self::OtherName { .. } => "other_name",
            Self::CaRequested => "ca_requested",
            Self::EmailInSubject { .. } => "email_in_subject",
            Self::SubjectAttributeLeftOut { .. } => "subject_attribute_left_out",
            Self::SubjectNotUsable { .. } => "subject_not_usable",
            Self::ChallengePassword => "challenge_password",
            Self::WeakKey { .. } => "weak_key",
        }
    }
}

impl fmt::Display for CsrWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakSignatureHash { hash } => {
                write!(
                    formatter,
                    "it is signed with {hash}; its maker's software should use SHA-256 or better"
                )
            }
            Self::NoSubjectAltNames => formatter.write_str(
                "it asks for no subject alternative name, and TLS clients look at nothing else (RFC 9525)",
            ),
            Self::CommonNameNotInSans { common_name } => write!(
                formatter,
                "its common name \"{}\" is not among the subject alternative names",
                common_name.escape_debug()
            ),
            Self::WildcardName { name } => write!(formatter, "it asks for the wildcard {name}"),
            Self::UnsupportedName { name } => {
                write!(formatter, "it asks for a name that is left out: {name}")
            }
            Self::OtherName { name } => write!(
                formatter,
                "it asks for the other name {}: directories take such names for accounts",
                name.escape_debug()
            ),
            Self::CaRequested => formatter.write_str("it asks to be a CA (CA:TRUE)"),
            Self::EmailInSubject { email } => write!(
                formatter,
                "its subject has the e-mail address \"{}\", which belongs into the subject alternative names \
                 (RFC 5280 section 4.1.2.6)",
                email.escape_debug()
            ),
            Self::SubjectAttributeLeftOut { attribute } => {
                write!(
                    formatter,
                    "its subject has the attribute {attribute}, which certificates here do not get"
                )
            }
            Self::SubjectNotUsable { reason } => {
                write!(formatter, "its subject cannot stand in a certificate: {reason}")
            }
            Self::ChallengePassword => formatter.write_str(
                "it has a challenge password, which is ignored; whoever sees the request can read it",
            ),
            Self::WeakKey { weakness } => {
                write!(formatter, "nothing will be issued for its key: {weakness}")
            }
        }
    }
}

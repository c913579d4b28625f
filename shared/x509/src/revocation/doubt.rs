//! Answers, and why there is none.

use std::fmt;

use crate::{RevocationReason, instant};

/// What the evidence says of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RevocationStatus {
    /// It was revoked, or is suspended.
    Revoked {
        /// Since when, in Unix seconds.
        at: i64,
        /// Why; *unspecified* when nothing was said.
        reason: RevocationReason,
        /// When the evidence was made (Unix seconds), if it is past its time. That does not undo a
        /// revocation, but a suspension may have been lifted since.
        outdated: Option<i64>,
    },
    /// It was not.
    Good,
    /// The evidence does not suffice.
    Unknown {
        /// What is wrong with it.
        reasons: Vec<Doubt>,
    },
}

impl RevocationStatus {
    /// No evidence, for one reason.
    pub(super) fn doubtful(doubt: Doubt) -> Self {
        Self::Unknown { reasons: vec![doubt] }
    }

    /// When a suspension was told of which fresher evidence may say that it was lifted.
    pub fn suspended_as_of(&self) -> Option<i64> {
        match self {
            Self::Revoked { reason: RevocationReason::CertificateHold, outdated, .. } => *outdated,
            Self::Revoked { .. } | Self::Good | Self::Unknown { .. } => None,
        }
    }

    /// Both pieces of evidence together: a revocation outweighs everything but an outdated
    /// suspension, which a fresher *good* outweighs, and any answer outweighs none.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (held, Self::Good) | (Self::Good, held) if held.suspended_as_of().is_some() => Self::Good,
            (revoked @ Self::Revoked { .. }, _) | (_, revoked @ Self::Revoked { .. }) => revoked,
            (Self::Good, _) | (_, Self::Good) => Self::Good,
            (Self::Unknown { mut reasons }, Self::Unknown { reasons: more }) => {
                reasons.extend(more);
                Self::Unknown { reasons }
            }
        }
    }
}

/// Why a piece of evidence could not be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// For programs.
    pub code: DoubtCode,
    /// For people.
    pub message: String,
}

impl Doubt {
    pub(super) fn new(code: DoubtCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident $text:literal;)+) => {
        /// The kind of a [`Doubt`]. New ones may come; the texts of old ones stay.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum DoubtCode {
            $($(#[doc = $doc])+ $name,)+
        }

        impl DoubtCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code in `snake_case`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    /// None of the CRLs is one of the certificate's issuer.
    NoCrl "no_crl";
    /// A CRL that a known signer's key did not sign.
    CrlSignatureInvalid "crl_signature_invalid";
    /// A CRL whose signature algorithm is broken or not supported.
    CrlSignatureUnsupported "crl_signature_unsupported";
    /// The signer's key usage lacks cRLSign (RFC 5280 §6.3.3 (f)).
    CrlSignNotPermitted "crl_sign_not_permitted";
    /// The instant lies before this update.
    CrlNotYetValid "crl_not_yet_valid";
    /// The instant lies after next update.
    CrlStale "crl_stale";
    /// There is no next update (RFC 5280 §5.1.2.5).
    CrlWithoutNextUpdate "crl_without_next_update";
    /// The CRL does not cover the certificate: other kinds of certificates, or another distribution
    /// point (§6.3.3 (b)).
    CrlOutOfScope "crl_out_of_scope";
    /// An indirect CRL, or a certificate that refers to one. They are not processed.
    IndirectCrl "indirect_crl";
    /// A critical extension, of the CRL or of an entry, that is not processed (§5.2, §5.3).
    UnknownCriticalExtension "unknown_critical_extension";
    /// A delta CRL whose base is not there (§5.2.4).
    DeltaWithoutBase "delta_without_base";
    /// The CRLs that can be used do not cover all reasons (§6.3.3).
    ReasonsNotCovered "reasons_not_covered";
    /// The certificate's distribution points cannot be read.
    MalformedDistributionPoints "malformed_distribution_points";
    /// The responder did not answer the question (RFC 6960 §2.3).
    OcspRefused "ocsp_refused";
    /// The response is not signed by the issuer or a responder that it named (§4.2.2.2).
    OcspSignerNotAuthorised "ocsp_signer_not_authorised";
    /// The response's signature is wrong.
    OcspSignatureInvalid "ocsp_signature_invalid";
    /// The response's signature algorithm is broken or not supported.
    OcspSignatureUnsupported "ocsp_signature_unsupported";
    /// The response is about other certificates.
    OcspOtherCertificate "ocsp_other_certificate";
    /// The response does not repeat the nonce of the request (RFC 9654).
    OcspNonceMismatch "ocsp_nonce_mismatch";
    /// The instant lies before this update.
    OcspNotYetValid "ocsp_not_yet_valid";
    /// The instant lies after next update, or too long after this update when there is none.
    OcspStale "ocsp_stale";
    /// The response has a critical extension that is not processed.
    OcspUnknownCriticalExtension "ocsp_unknown_critical_extension";
    /// The responder does not know the certificate (status *unknown*).
    OcspUnknown "ocsp_unknown";
}

impl fmt::Display for DoubtCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An instant for people, as in `2026-01-01T00:00:00Z`.
pub(super) fn utc(unix_seconds: i64) -> String {
    let digits = instant::digits(unix_seconds).map(char::from);
    let [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, mi1, mi2, s1, s2, zone] = digits;
    format!("{y1}{y2}{y3}{y4}-{mo1}{mo2}-{d1}{d2}T{h1}{h2}:{mi1}{mi2}:{s1}{s2}{zone}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique() {
        let texts: HashSet<&str> = DoubtCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), DoubtCode::ALL.len());
    }

    #[test]
    fn revocations_outweigh_and_doubts_add_up() {
        let revoked =
            RevocationStatus::Revoked { at: 1, reason: RevocationReason::Superseded, outdated: Some(1) };
        let held = |outdated| {
            let reason = RevocationReason::CertificateHold;
            RevocationStatus::Revoked { at: 1, reason, outdated }
        };
        assert_eq!(held(Some(1)).and(RevocationStatus::Good), RevocationStatus::Good);
        assert_eq!(RevocationStatus::Good.and(held(Some(1))), RevocationStatus::Good);
        assert_eq!(RevocationStatus::Good.and(held(None)), held(None));
        let unknown = |code| RevocationStatus::Unknown { reasons: vec![Doubt::new(code, "text")] };
        let doubt = || unknown(DoubtCode::NoCrl);
        assert_eq!(RevocationStatus::Good.and(revoked.clone()), revoked);
        assert_eq!(revoked.clone().and(doubt()), revoked);
        assert_eq!(doubt().and(RevocationStatus::Good), RevocationStatus::Good);
        let RevocationStatus::Unknown { reasons } = doubt().and(unknown(DoubtCode::OcspUnknown)) else {
            panic!("two doubts are no answer");
        };
        assert_eq!(reasons.len(), 2);
    }

    #[test]
    fn instants_are_shown_as_in_rfc_3339() {
        assert_eq!(utc(1_767_225_600), "2026-01-01T00:00:00Z");
        // Out of the range of years with four digits nothing panics.
        utc(i64::MIN);
        utc(i64::MAX);
    }
}

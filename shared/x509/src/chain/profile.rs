//! What a certificate must be for its place in a path, judged by itself (RFC 5280 §4 and §6.1.4
//! (k) and (n)).

use crate::{KeyUsage, instant::text};

use super::{
    Certificate,
    finding::{Class, Code, Flaw},
    options::Conformance,
};

/// The place of a certificate in a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// The first one, which is to be judged.
    Target,
    /// One between target and anchor.
    Issuer,
    /// The last one, above others.
    Anchor,
    /// The only one: a target that is an anchor.
    TrustedTarget,
}

impl Role {
    fn issues(self) -> bool {
        match self {
            Self::Issuer | Self::Anchor => true,
            Self::Target | Self::TrustedTarget => false,
        }
    }

    fn is_trusted(self) -> bool {
        match self {
            Self::Anchor | Self::TrustedTarget => true,
            Self::Target | Self::Issuer => false,
        }
    }

    /// How much a code weighs here.
    pub(super) fn class(self, code: Code, conformance: Conformance) -> Class {
        match (code.class(), conformance) {
            // An anchor is trusted with the number that it has; some well-known roots have zero.
            (Class::Profile, _) if self.is_trusted() && is_about_serial(code) => Class::Advice,
            (Class::Profile, Conformance::Enforce) => Class::Fatal,
            (Class::Profile, Conformance::Report) => Class::Advice,
            (class, _) => class,
        }
    }
}

fn is_about_serial(code: Code) -> bool {
    matches!(code, Code::SerialNumberZero | Code::SerialNumberNegative | Code::SerialNumberTooLong)
}

/// Every rule that a certificate breaks in this place at this instant (Unix seconds).
pub(super) fn findings(certificate: &Certificate, role: Role, at: i64) -> Vec<Flaw> {
    let mut flaws = certificate.flaws.clone();
    if role.issues() {
        judge_issuer(certificate, role, &mut flaws);
    }
    judge_authority(certificate, role, &mut flaws);
    judge_names(certificate, &mut flaws);
    judge_time(certificate, at, &mut flaws);
    flaws
}

fn judge_issuer(certificate: &Certificate, role: Role, flaws: &mut Vec<Flaw>) {
    // RFC 5280 §6.1.4 (k): for older versions "other means" must say that it is a CA; its place
    // among the anchors does.
    let trusted_without = role == Role::Anchor && certificate.version() < 3;
    if !certificate.is_ca() && !trusted_without {
        let reason = match certificate.extensions.basic_constraints {
            Some(_) => "its basic constraints say that it is no CA",
            None => "it has no basic constraints; an issuer's say CA:TRUE",
        };
        flaws.push(Flaw::new(Code::NotACa, reason));
    }
    if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::KEY_CERT_SIGN)) {
        flaws.push(Flaw::new(
            Code::KeyUsageLacksCertSign,
            "its key usage does not permit to sign certificates; an issuer's has keyCertSign",
        ));
    }
}

fn judge_authority(certificate: &Certificate, role: Role, flaws: &mut Vec<Flaw>) {
    let mut flaw = |broken: bool, code: Code, message: &str| {
        if broken {
            flaws.push(Flaw::new(code, message));
        }
    };
    let extensions = &certificate.extensions;
    let is_ca = certificate.is_ca();
    let usage = certificate.key_usage();
    let may_sign = usage.is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    let basic = extensions.basic_constraints.as_ref();
    flaw(
        may_sign && !is_ca,
        Code::CertSignWithoutCa,
        "its key usage has keyCertSign, but its basic constraints do not say CA:TRUE",
    );
    flaw(
        basic.is_some_and(|extension| !is_ca && extension.value.1.is_some()),
        Code::PathLengthWithoutCa,
        "it has a path length, which is for CAs only",
    );
    flaw(
        extensions.name_rules.is_some() && !is_ca,
        Code::NameConstraintsWithoutCa,
        "it has name constraints, which are for CAs only",
    );
    flaw(
        certificate.authority_key_id().is_none() && !certificate.is_self_issued(),
        Code::AuthorityKeyIdMissing,
        "it has no authority key id; only a self-signed certificate can do without",
    );
    if is_ca {
        flaw(
            certificate.subject_key_id().is_none(),
            Code::SubjectKeyIdMissing,
            "it is a CA without a subject key id",
        );
        flaw(
            basic.is_some_and(|extension| !extension.critical),
            Code::BasicConstraintsNotCritical,
            "its basic constraints should be critical",
        );
        flaw(
            usage.is_none() && role.issues(),
            Code::CaKeyUsageMissing,
            "it is a CA without key usage; it should have keyCertSign",
        );
    }
}

fn judge_names(certificate: &Certificate, flaws: &mut Vec<Flaw>) {
    if !certificate.subject.is_empty() {
        return;
    }
    let names = certificate.extensions.alternative_names.as_ref();
    if certificate.is_ca() {
        flaws.push(Flaw::new(Code::CaSubjectEmpty, "it is a CA with an empty subject"));
    } else if !names.is_some_and(|extension| extension.critical) {
        flaws.push(Flaw::new(
            Code::SubjectEmptyWithoutCriticalSan,
            "its subject is empty; then it must have subject alternative names, and they must be critical",
        ));
    }
}

fn judge_time(certificate: &Certificate, at: i64, flaws: &mut Vec<Flaw>) {
    if at < certificate.not_before() {
        flaws.push(Flaw::new(
            Code::NotYetValid,
            format!("it is valid from {} on, not at {}", text(certificate.not_before()), text(at)),
        ));
    }
    if at > certificate.not_after() {
        flaws.push(Flaw::new(
            Code::Expired,
            format!("it was valid until {}, not at {}", text(certificate.not_after()), text(at)),
        ));
    }
}

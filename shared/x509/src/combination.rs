//! What cannot stand together in a certificate: the one source of these rules for templates and for the code that decides
//! earlier what will be asked for.

use crate::{ExtendedKeyUsage, KeyUsage, ObjectIdentifier, X509Error};

impl KeyUsage {
    /// Whether the usages can stand in one certificate.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] with the rule.
    pub fn check_combination(self) -> Result<(), X509Error> {
        let one_way = Self::ENCIPHER_ONLY | Self::DECIPHER_ONLY;
        if self.intersects(one_way) && !self.contains(Self::KEY_AGREEMENT) {
            return refuse("encipherOnly and decipherOnly need keyAgreement (RFC 5280 section 4.2.1.3)");
        }
        if self.contains(one_way) {
            return refuse("encipherOnly and decipherOnly exclude each other (RFC 5480 section 3)");
        }
        Ok(())
    }
}

impl ExtendedKeyUsage {
    /// Whether the purposes can stand in one certificate.
    ///
    /// # Errors
    /// [`X509Error::RefusedToSign`] with the rule.
    pub fn check_combination(purposes: &[Self]) -> Result<(), X509Error> {
        if purposes.contains(&Self::TimeStamping) && purposes.iter().any(|other| *other != Self::TimeStamping)
        {
            return refuse(
                "TimeStamping is the only purpose of a certificate that has it (RFC 3161 section 2.3): \
                 leave out the others, serverAuth and clientAuth among them",
            );
        }
        Ok(())
    }

    /// Whether the extension is critical: relying parties take a time-stamping certificate only if it
    /// is (RFC 3161 §2.3).
    pub(crate) fn is_critical(purposes: &[Self]) -> bool {
        purposes.contains(&Self::TimeStamping)
    }
}

/// Whether the policies can stand in one certificate.
///
/// # Errors
/// [`X509Error::RefusedToSign`] with the rule.
pub fn check_policies(policies: &[ObjectIdentifier]) -> Result<(), X509Error> {
    let repeated = policies
        .iter()
        .enumerate()
        .any(|(at, policy)| policies.iter().skip(at + 1).any(|other| other == policy));
    if repeated {
        return refuse("a policy stands in a certificate once (RFC 5280 section 4.2.1.4)");
    }
    Ok(())
}

/// Whether a certificate can demand that servers staple an OCSP answer.
///
/// # Errors
/// [`X509Error::RefusedToSign`] when it names no responder that they could ask.
pub fn check_must_staple(must_staple: bool, has_responder: bool) -> Result<(), X509Error> {
    if must_staple && !has_responder {
        return refuse("must-staple (RFC 7633) needs a CA whose certificates name an OCSP responder");
    }
    Ok(())
}

/// Whether a certificate can say that nobody need ask if it is revoked.
///
/// # Errors
/// [`X509Error::RefusedToSign`] when it is for more than signing OCSP answers.
pub(crate) fn check_ocsp_nocheck(nocheck: bool, purposes: &[ExtendedKeyUsage]) -> Result<(), X509Error> {
    if nocheck && purposes != [ExtendedKeyUsage::OcspSigning] {
        return refuse(
            "ocsp-nocheck (RFC 6960 section 4.2.2.2.1) is for certificates whose only purpose is OCSPSigning",
        );
    }
    Ok(())
}

fn refuse(rule: &str) -> Result<(), X509Error> {
    Err(X509Error::RefusedToSign(rule.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_way_agreement_is_agreement_one_way() {
        let (agree, encipher, decipher) =
            (KeyUsage::KEY_AGREEMENT, KeyUsage::ENCIPHER_ONLY, KeyUsage::DECIPHER_ONLY);
        for legal in [KeyUsage::empty(), agree, agree | encipher, agree | decipher] {
            assert!(legal.check_combination().is_ok(), "{legal:?}");
        }
        for illegal in [encipher, decipher, encipher | decipher, agree | encipher | decipher] {
            assert!(illegal.check_combination().is_err(), "{illegal:?}");
        }
    }

    #[test]
    fn a_policy_stands_once() {
        let oids = |texts: &[&str]| {
            texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<ObjectIdentifier>>()
        };
        assert!(check_policies(&oids(&[])).is_ok() && check_policies(&oids(&["1.2.3", "1.2.4"])).is_ok());
        assert!(check_policies(&oids(&["1.2.3", "1.2.4", "1.2.3"])).is_err());
    }

    #[test]
    fn what_is_to_be_stapled_can_be_fetched() {
        assert!(check_must_staple(true, false).is_err());
        assert!(check_must_staple(true, true).is_ok() && check_must_staple(false, false).is_ok());
    }

    #[test]
    fn time_stamping_stands_alone() {
        use ExtendedKeyUsage::{Any, ClientAuth, ServerAuth, TimeStamping};
        for legal in [&[][..], &[ServerAuth, ClientAuth], &[TimeStamping], &[Any]] {
            assert!(ExtendedKeyUsage::check_combination(legal).is_ok(), "{legal:?}");
        }
        for illegal in [&[TimeStamping, ServerAuth][..], &[Any, TimeStamping]] {
            assert!(ExtendedKeyUsage::check_combination(illegal).is_err(), "{illegal:?}");
        }
    }
}

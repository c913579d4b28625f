//! OCSP responses: read, and judged as evidence about a certificate whose issuer's key we have.
//!
//! The first octet says who signs: bit 0 nobody or one of us, bit 1 the issuer or a stranger, bit 2
//! whether the response names that key, bit 3 a delegate of the issuer, bit 4 whether a nonce was
//! asked with.
#![no_main]

use std::sync::LazyLock;

use certmill_fuzz::{mutation, signing, vectors};
use certmill_x509::{
    BasicConstraints, CertificateTemplate, DistinguishedName, ExtendedKeyUsage, KeyUsage, SerialNumber,
    SubjectAltNames,
    chain::Certificate,
    revocation::{Inquiry, OcspResponse, RevocationStatus},
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// 2026-11-24, when the seeds were made, in Unix seconds.
const AT: i64 = 1_795_480_000;

/// A certificate of PKITS and its issuer, with keys that we have.
static PAIR: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    let [leaf, ca] = ["CN=Valid EE Certificate Test1,", "CN=Good CA,"].map(vectors::named);
    let ours = signing::resigned_chain(&[leaf.der().to_vec(), ca.der().to_vec()]);
    [0, 1].map(|index| Certificate::from_der(&ours[index]).expect("only its key is another"))
});

/// The key of the issuer, one that it has named as a responder, and one that nobody knows.
const ISSUER: usize = 1;
const DELEGATE: usize = 2;
const STRANGER: usize = 3;

/// The delegate's certificate.
static NAMED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let template = CertificateTemplate {
        serial_number: &SerialNumber::from_bytes(&[7]).expect("it is short"),
        issuer_der: PAIR[1].subject_der(),
        not_before: AT - 1_000,
        not_after: AT + 1_000,
        subject: &DistinguishedName::with_common_name("responder"),
        spki_der: signing::key(DELEGATE).spki_der(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended_key_usage: &[ExtendedKeyUsage::OcspSigning],
        subject_alt_names: &SubjectAltNames::default(),
        name_constraints: None,
        authority_key_id: None,
        ca_issuers_url: None,
        ocsp_url: None,
        crl_url: None,
    };
    template.sign(signing::key(ISSUER)).expect("it breaks no rule")
});

fuzz_target!(|data: &[u8]| {
    let Some((&flags, der)) = data.split_first() else { return };
    if flags & 1 == 0 {
        // Nobody here has the keys of what others made.
        judge(der, flags, false);
        return;
    }
    let der = if flags & 8 > 0 { signing::with_certificates(der, &[&NAMED]) } else { Some(der.to_vec()) };
    let number = match (flags & 8 > 0, flags & 2 > 0) {
        (true, _) => DELEGATE,
        (false, true) => ISSUER,
        (false, false) => STRANGER,
    };
    let again =
        der.and_then(|der| signing::resigned_ocsp_response(&der, signing::key(number), flags & 4 > 0));
    if let Some(der) = again {
        judge(&der, flags, number != STRANGER);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, 1)
});

fn judge(der: &[u8], flags: u8, by_somebody_known: bool) {
    let Ok(response) = OcspResponse::from_der(der) else { return };
    let [certificate, issuer] = &*PAIR;
    let inquiry = Inquiry::new(certificate, issuer, AT).expect("they belong together");
    let nonce = [7; 16];
    let request = inquiry.ocsp_request((flags & 16 > 0).then_some(&nonce[..])).expect("the nonce is legal");
    let _ = (response.status().as_str(), inquiry.ocsp_delegate_to_check(&response), format!("{response:?}"));
    match inquiry.by_ocsp(&response, &request) {
        RevocationStatus::Unknown { reasons } => {
            assert!(!reasons.is_empty());
            for doubt in reasons {
                assert!(!doubt.message.chars().any(char::is_control), "{:?}", doubt.message);
            }
        }
        RevocationStatus::Good | RevocationStatus::Revoked { .. } => {
            assert!(by_somebody_known, "a response that nobody has signed is believed");
            // The certificate's serial number is 1, which must stand in what is said of it.
            assert!(der.windows(3).any(|octets| octets == [2, 1, 1]), "it is about another certificate");
        }
    }
}

//! Certificate signing requests, read strictly and tolerantly: as they stand, and with a right
//! self-signature, since little is read before that.
#![no_main]

use certmill_fuzz::{mutation, signing};
use certmill_x509::{
    CertificateSigningRequest, CsrInspection, CsrWarning, DistinguishedName, SubjectAltNames, X509Error,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    look_at(data);
    if let Some(again) = signing::resigned_request(data, signing::key(0)) {
        look_at(&again);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, 0)
});

fn look_at(der: &[u8]) {
    let strict = CertificateSigningRequest::from_der(der);
    let tolerant = CsrInspection::from_der(der);
    if let Ok(tolerant) = &tolerant {
        look_at_inspection(tolerant, der);
    }
    match (&strict, &tolerant) {
        (Ok(strict), Ok(tolerant)) => agree(strict, tolerant),
        (Err(error), Ok(tolerant)) => must_have_a_reason(error, tolerant),
        // The tolerant reading also reads the extensions that the strict one passes over.
        (Ok(_), Err(X509Error::InvalidCsr(_))) | (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("the strict reading takes what the tolerant one refuses: {error}"),
    }
}

fn look_at_inspection(inspection: &CsrInspection, der: &[u8]) {
    assert_eq!(inspection.der(), der);
    assert_eq!(inspection.fingerprint_sha256().len(), 64);
    assert!((112..=256).contains(&inspection.key_strength_bits()));
    assert!(!inspection.signature_algorithm().is_empty());
    for warning in inspection.warnings() {
        let text = warning.to_string();
        assert!(!text.is_empty() && !text.chars().any(char::is_control), "{text:?}");
    }
    let has = |code: &str| inspection.warnings().iter().any(|warning| warning.code() == code);
    assert_eq!(has("weak_signature_hash"), inspection.has_weak_hash());
    assert_eq!(has("challenge_password"), inspection.has_challenge_password());
    assert_eq!(has("ca_requested"), inspection.requested().is_ca);
    assert_eq!(has("no_subject_alt_names"), inspection.subject_alt_names().is_empty());
    if !has("subject_not_usable") {
        let text = inspection.subject().to_string();
        assert_eq!(&text.parse::<DistinguishedName>().expect("it is usable"), inspection.subject());
    }
    names_come_back(inspection.subject_alt_names());
}

/// Names that were taken can be given again, as a person would.
fn names_come_back(names: &SubjectAltNames) {
    for name in &names.dns {
        assert_eq!(name.as_str().parse().as_ref().ok(), Some(name));
    }
    for name in &names.email {
        assert_eq!(name.as_str().parse().as_ref().ok(), Some(name));
    }
    for name in &names.uri {
        assert_eq!(name.as_str().parse().as_ref().ok(), Some(name));
    }
}

fn agree(strict: &CertificateSigningRequest, tolerant: &CsrInspection) {
    assert_eq!(strict.subject(), tolerant.subject());
    assert_eq!(strict.subject_alt_names(), tolerant.subject_alt_names());
    assert_eq!(strict.asks_for_ca(), tolerant.requested().is_ca);
    assert_eq!(strict.public_key().spki_der(), tolerant.public_key().spki_der());
    assert!(!tolerant.has_weak_hash());
    let unsupported = |warning: &CsrWarning| matches!(warning, CsrWarning::UnsupportedName { .. });
    // Kinds of names that certificates here cannot have are left out by both.
    assert_eq!(strict.names_left_out().len(), tolerant.warnings().iter().filter(|warning| unsupported(warning)).count());
}

/// The tolerant reading says what the strict one stumbled over, or is the more lenient by design.
fn must_have_a_reason(error: &X509Error, tolerant: &CsrInspection) {
    let told = tolerant.has_weak_hash()
        || tolerant.warnings().iter().any(|warning| matches!(warning, CsrWarning::UnsupportedName { .. }));
    // An extensionRequest without a value is read as one that asks for nothing.
    let empty_request = matches!(error, X509Error::InvalidCsr(_)) && tolerant.subject_alt_names().is_empty();
    assert!(told || empty_request, "{error}");
}

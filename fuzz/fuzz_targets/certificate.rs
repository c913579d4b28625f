//! Certificates: both readings of one, everything that can be asked of them, and that they agree.
#![no_main]

use std::sync::Arc;

use certmill_x509::{
    DistinguishedName, NameKey, ParsedCertificate,
    chain::{Certificate, Code, Options, validate},
    parse_name_der, pem,
    revocation::RevocationSources,
    rfc4514_of_der, same_name, split_certificates, subject_key_id,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    let read = Certificate::from_der(data).ok();
    let parsed = ParsedCertificate::from_der(data).ok();
    if let Some(certificate) = &read {
        look_at(certificate);
    }
    if let Some(parsed) = &parsed {
        look_at_parsed(parsed);
    }
    if let (Some(certificate), Some(parsed)) = (&read, &parsed) {
        agree(certificate, parsed);
    }
    if let Ok(parts) = split_certificates(data) {
        assert_eq!(parts.concat(), data);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    certmill_fuzz::mutation::mutate(data, size, max_size, seed, 0)
});

fn look_at(certificate: &Certificate) {
    assert_eq!(certificate.fingerprint_sha256().len(), 64);
    assert!((1..=3).contains(&certificate.version()));
    for name in [certificate.subject_der(), certificate.issuer_der()] {
        look_at_name(name);
    }
    let within = certificate.is_valid_at(certificate.not_before());
    assert_eq!(within, certificate.not_before() <= certificate.not_after());
    let _ = (certificate.purposes(), certificate.key_usage(), certificate.authority_key_id());
    let _ = (certificate.ca_issuers_urls(), certificate.alternative_names(), format!("{certificate:?}"));
    let sources = RevocationSources::of(certificate);
    assert!(sources.crls.len() <= 8 && sources.crls.iter().all(|urls| urls.len() <= 4));
    assert!(sources.ocsp.len() <= 4 && sources.unusable.len() <= 20);
}

/// A name equals itself, and what we can write of it comes back.
fn look_at_name(name_der: &[u8]) {
    assert!(same_name(name_der, name_der));
    // An OID may be one that has no dotted text, so not every name has one.
    let _ = rfc4514_of_der(name_der);
    let key = NameKey::of_der(name_der).expect("it was read before");
    assert!(key.is_within(&key));
    let Ok(name) = parse_name_der(name_der) else { return };
    if name.validate().is_err() {
        return;
    }
    let written = name.to_der();
    assert_eq!(parse_name_der(&written).expect("we wrote it"), name);
    assert_eq!(rfc4514_of_der(&written).expect("we wrote it"), name.to_string());
    let text = name.to_string();
    match text.parse::<DistinguishedName>() {
        Ok(again) => assert_eq!(again, name, "{text}"),
        Err(error) => panic!("{text}: {error}"),
    }
}

fn look_at_parsed(parsed: &ParsedCertificate) {
    let _ = (parsed.path_length(), parsed.extended_key_usage(), format!("{parsed:?}"));
    if let Some(constraints) = parsed.name_constraints() {
        for name in &parsed.subject_alt_names().dns {
            constraints.permits_dns(name);
        }
    }
    if let Ok(key) = parsed.public_key() {
        assert_eq!(key.spki_der(), parsed.spki_der());
        assert!(key.bits() >= 256 && subject_key_id(parsed.spki_der()).is_ok());
        let _ = parsed.verify_signed_by(&key);
    }
    let text = pem::encode(pem::CERTIFICATE, parsed.der());
    assert_eq!(pem::decode_one(&[pem::CERTIFICATE], &text).expect("we wrote it"), parsed.der());
    let bundle = pem::Bundle::read(&text).expect("we wrote it");
    assert_eq!(bundle.certificates, [parsed.der()]);
}

fn agree(certificate: &Certificate, parsed: &ParsedCertificate) {
    assert_eq!(certificate.der(), parsed.der());
    assert_eq!(certificate.subject_der(), parsed.subject_der());
    assert_eq!(certificate.issuer_der(), parsed.issuer_der());
    assert_eq!(certificate.spki_der(), parsed.spki_der());
    assert_eq!(certificate.not_before(), parsed.not_before());
    assert_eq!(certificate.not_after(), parsed.not_after());
    assert_eq!(certificate.fingerprint_sha256(), parsed.fingerprint_sha256());
    let magnitude = certificate.serial_number_octets();
    let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
    assert!(parsed.serial_number().as_bytes().ends_with(&magnitude[zeros..]));
    if extensions_are_whole(certificate) {
        assert_eq!(certificate.is_ca(), parsed.is_ca());
        assert_eq!(certificate.key_usage(), parsed.key_usage());
        assert_eq!(certificate.subject_key_id(), parsed.subject_key_id().as_deref());
        assert_eq!(certificate.authority_key_id(), parsed.authority_key_id().as_deref());
        assert_eq!(certificate.purposes().unwrap_or_default(), parsed.extended_key_usage());
    }
}

/// Whether the tolerant reading has read every extension, and has not merely kept that it could not.
fn extensions_are_whole(certificate: &Certificate) -> bool {
    let anchor = Arc::new(certificate.clone());
    let verdict =
        validate::<&[u8]>(certificate.der(), &[], &[anchor], &Options::at(certificate.not_before()));
    let broken = [Code::MalformedExtension, Code::DuplicateExtension, Code::ExtensionsNeedVersion3];
    !verdict.errors.iter().any(|error| broken.contains(&error.code))
}

//! Private keys and PKCS #12 bundles under a password: the first octet says whether a bundle (0), a
//! key in DER (1) or a text (2) follows.
#![no_main]

use certmill_fuzz::mutation;
use certmill_keys::{PrivateKey, pkcs12};
use certmill_x509::{
    CertificateSigningRequest, CsrTemplate, DistinguishedName, ParsedCertificate, PublicKey,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const PASSWORD: &str = "password";
/// More iterations than this are no finding, only slow.
const MOST_ITERATIONS: u64 = 70_000;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, input)) = data.split_first() else { return };
    if is_slow(input) {
        return;
    }
    match kind % 3 {
        0 => look_at_bundle(input),
        _ => look_at_key(input),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, 1)
});

/// Whether something looks like a great number of iterations. The limit on these has its own tests.
fn is_slow(input: &[u8]) -> bool {
    let number = |length: usize| {
        let header = [2, u8::try_from(length).unwrap_or_default()];
        let is_great = |octets: &[u8]| {
            let digits = &octets[2..];
            octets.starts_with(&header)
                && digits.iter().fold(0, |sum, digit| sum << 8 | u64::from(*digit)) > MOST_ITERATIONS
        };
        input.windows(2 + length).any(is_great)
    };
    (3..=5).any(number)
}

fn look_at_bundle(input: &[u8]) {
    for password in [PASSWORD, ""] {
        let Ok(bundle) = pkcs12::read(input, password) else { continue };
        let leaf = ParsedCertificate::from_der(&bundle.leaf).expect("it was read to find the key's");
        assert!(bundle.key.matches(leaf.spki_der()));
        assert!(bundle.chain.len() <= 1_000);
        comes_back(&bundle.key);
    }
}

fn look_at_key(input: &[u8]) {
    for password in [None, Some(PASSWORD)] {
        if let Ok(key) = PrivateKey::from_pem_or_der(input, password) {
            comes_back(&key);
        }
    }
}

/// A key that was taken is one that can be written, read and used.
fn comes_back(key: &PrivateKey) {
    let written = key.to_pkcs8_der().expect("it is a key");
    let again = PrivateKey::from_pkcs8_der(&written).ok().expect("we wrote it");
    assert_eq!(again.spki_der(), key.spki_der());
    let public = PublicKey::from_spki_der(key.spki_der()).expect("every key that we take is one we certify");
    assert_eq!(public.algorithm_name(), key.algorithm().key_type());
    assert_eq!(public.bits(), key.algorithm().key_size());
    let text = key.to_pkcs8_pem().expect("it is a key");
    assert!(PrivateKey::from_pem_or_der(text.as_bytes(), None).is_ok());
    let template =
        CsrTemplate { subject: DistinguishedName::with_common_name("a"), ..CsrTemplate::default() };
    let request = template.sign(key).expect("it can sign");
    CertificateSigningRequest::from_der(&request).expect("its halves belong together");
}

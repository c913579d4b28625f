//! Texts of unknown make. An odd first octet wraps the rest up, so that what lies behind base64 is
//! reached as well.
#![no_main]

use certmill_fuzz::mutation;
use certmill_x509::{
    pem::{self, Bundle},
    revocation::read_crls,
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const LABELS: [&str; 12] = [
    "CERTIFICATE",
    "X509 CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "X509 CRL",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "PKCS7",
    "EC PARAMETERS",
];

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    if kind & 1 == 0 {
        let text = String::from_utf8_lossy(rest);
        look_at(&text);
        let _ = read_crls(rest);
    } else {
        let text = pem::encode(LABELS[usize::from(kind >> 1) % LABELS.len()], rest);
        look_at(&text);
        let bare: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        look_at(&bare);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, 1)
});

fn look_at(text: &str) {
    for label in [pem::CERTIFICATE, pem::CERTIFICATE_REQUEST] {
        let one = pem::decode_one(&[label], text);
        let all = pem::decode_all(label, text);
        if let (Ok(one), Ok(all)) = (&one, &all) {
            assert_eq!(all, std::slice::from_ref(one));
        }
        assert!(one.is_err() || all.is_ok());
    }
    let Ok(bundle) = Bundle::read(text) else { return };
    assert!(bundle.len() <= 1_000);
    assert!(bundle.unknown.iter().all(|label| !label.chars().any(char::is_control)));
    for key in &bundle.private_keys {
        assert!(key.contents().len() <= text.len());
    }
    let written = written(&bundle);
    let again = Bundle::read(&written).expect("we wrote it");
    assert_eq!(again.certificates, bundle.certificates);
    assert_eq!(again.crls, bundle.crls);
    assert_eq!(again.requests, bundle.requests);
}

/// What is public of it, as PEM.
fn written(bundle: &Bundle) -> String {
    let certificates = bundle.certificates.iter().map(|der| pem::encode(pem::CERTIFICATE, der));
    let crls = bundle.crls.iter().map(|der| pem::encode(pem::X509_CRL, der));
    let requests = bundle.requests.iter().map(|der| pem::encode(pem::CERTIFICATE_REQUEST, der));
    certificates.chain(crls).chain(requests).collect()
}

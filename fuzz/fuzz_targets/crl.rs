//! CRLs: read, searched, and judged as evidence about a certificate of PKITS and about one of ours.
#![no_main]

use std::sync::{Arc, LazyLock};

use certmill_fuzz::{mutation, signing, vectors};
use certmill_x509::{
    chain::Certificate,
    revocation::{Inquiry, ParsedCrl, RevocationStatus, read_crls},
};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// A CA and a certificate of it, as PKITS has them.
static PAIR: LazyLock<[Arc<Certificate>; 2]> =
    LazyLock::new(|| ["CN=Good CA,", "CN=Valid EE Certificate Test1,"].map(vectors::named));
/// The same pair, with keys that we have.
static OWN: LazyLock<[Certificate; 2]> = LazyLock::new(|| {
    let [ca, leaf] = &*PAIR;
    let ours = signing::resigned_chain(&[leaf.der().to_vec(), ca.der().to_vec()]);
    [1, 0].map(|index| Certificate::from_der(&ours[index]).expect("only its key is another"))
});
/// Serial numbers to look for: small ones, as PKITS has them, and odd forms.
const SERIALS: [&[u8]; 8] = [&[1], &[2], &[14], &[15], &[0], &[], &[0, 0x80], &[0xff; 20]];

fuzz_target!(|data: &[u8]| {
    let _ = read_crls(data);
    if let Ok(crl) = ParsedCrl::from_der(data) {
        look_at(&crl);
        let [ca, leaf] = &*PAIR;
        judge(&crl, leaf, ca);
    }
    // The issuer has whichever key signs it, so try both of the pair.
    for number in 0..2 {
        let again = signing::resigned_crl(data, signing::key(number));
        if let Some(crl) = again.and_then(|der| ParsedCrl::from_der(der).ok()) {
            let [ca, leaf] = &*OWN;
            let status = judge(&crl, leaf, ca);
            let is_signed = signing::key(number).spki_der() == ca.spki_der();
            assert!(is_signed || matches!(status, RevocationStatus::Unknown { .. }), "{status:?}");
            let found = crl.find(leaf.serial_number_octets()).is_some();
            assert!(found || !matches!(status, RevocationStatus::Revoked { .. }), "{status:?}");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutation::mutate(data, size, max_size, seed, 0)
});

fn look_at(crl: &ParsedCrl) {
    let _ = (crl.issuer_text(), crl.number().map(ToString::to_string), format!("{crl:?}"));
    let _ = (crl.base_number(), crl.authority_key_id(), crl.freshest_crl_der(), crl.next_update());
    let _ = crl.unknown_critical_extensions().count();
    for serial in SERIALS {
        assert!(crl.find(serial).is_none() || crl.entries() > 0);
    }
    if let Some(scope) = crl.scope() {
        let _ =
            (scope.full_name(), scope.relative_name_der(), scope.only_some_reasons(), format!("{scope:?}"));
    }
    let again = ParsedCrl::from_der(crl.der()).expect("it was read before");
    assert_eq!(again.entries(), crl.entries());
}

/// A CRL of another key says nothing.
fn judge(crl: &ParsedCrl, certificate: &Certificate, issuer: &Certificate) -> RevocationStatus {
    // When the CRL says that it was made, so that its age is no reason.
    let inquiry = Inquiry::new(certificate, issuer, crl.this_update()).expect("they belong together");
    let status = inquiry.by_crls(&[crl], &[issuer]);
    if let RevocationStatus::Unknown { reasons } = &status {
        assert!(!reasons.is_empty() && reasons.len() <= 20);
        for doubt in reasons {
            assert!(!doubt.message.chars().any(char::is_control), "{:?}", doubt.message);
        }
    }
    let _ = inquiry.crl_signer_candidates(&[crl], &[issuer, certificate]);
    status
}

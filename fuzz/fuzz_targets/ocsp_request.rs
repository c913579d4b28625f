//! OCSP requests as a responder reads them: what is read is bounded, and can be answered.
#![no_main]

use std::sync::LazyLock;

use certmill_x509::ocsp::{OcspQuery, OcspReply, OcspStatus, SingleReply};
use certmill_x509::revocation::OcspResponse;
use libfuzzer_sys::fuzz_target;

static SPKI: LazyLock<Vec<u8>> = LazyLock::new(|| certmill_fuzz::signing::key(0).spki_der().to_vec());

fuzz_target!(|data: &[u8]| {
    let Ok(query) = OcspQuery::from_der(data) else { return };
    assert!((1..=8).contains(&query.certificates.len()));
    assert!(query.nonce.as_ref().is_none_or(|nonce| (1..=128).contains(&nonce.len())));
    let answers: Vec<_> = query
        .certificates
        .iter()
        .map(|id| {
            let _ = (id.serial_number(), id.is_of(b"\x30\x00", &SPKI));
            SingleReply { id_der: id.der(), status: OcspStatus::Unknown }
        })
        .collect();
    let reply = OcspReply {
        responder_spki_der: &SPKI,
        responder_certificate_der: None,
        answers: &answers,
        nonce: query.nonce.as_deref(),
        this_update: 0,
        next_update: 1,
    };
    let der = reply.sign(certmill_fuzz::signing::key(0)).expect("what was read can be answered");
    OcspResponse::from_der(&der).expect("our own answer is one");
});

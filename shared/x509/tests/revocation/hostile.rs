//! Whatever comes from the network, nothing panics, and nothing that was changed is believed.

use std::sync::LazyLock;

use certmill_x509::{
    chain::Certificate,
    revocation::{Inquiry, OcspResponse, ParsedCrl, RevocationSources, RevocationStatus, read_crls},
};
use proptest::prelude::*;

use crate::workshop::{CA, LEAF, Workshop, soon};

struct Samples {
    ca: Certificate,
    leaf: Certificate,
    crl: Vec<u8>,
    response: Vec<u8>,
}

static SAMPLES: LazyLock<Samples> = LazyLock::new(|| {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let extensions = format!(
        "{LEAF}crlDistributionPoints=dp\nauthorityInfoAccess=OCSP;URI:http://o.example/\n\
         [dp]\nfullname=URI:http://c.example/\nreasons=keyCompromise\n"
    );
    let leaf = workshop.issued("ca", "leaf", "0xA1", &extensions);
    workshop.index(&[("A1", Some(",keyTime,20250101000000Z")), ("A2", Some(",keyCompromise"))]);
    let idp = "freshestCRL=URI:http://d.example/\nissuingDistributionPoint=critical,@idp\n\
               [idp]\nfullname=URI:http://c.example/\nonlysomereasons=keyCompromise\nonlyuser=TRUE\n";
    let crl = workshop.crl("ca", "0102", idp, "-crldays 7").der().to_vec();
    let inquiry = Inquiry::new(&leaf, &ca, soon(&leaf)).unwrap();
    workshop.write("request.der", inquiry.ocsp_request(Some(&[7; 8])).unwrap().der());
    workshop.openssl(
        "ocsp -index index.txt -CA ca.pem -rsigner ca.pem -rkey ca.key -reqin request.der -ndays 7 \
         -respout response.der",
    );
    let response = workshop.read("response.der");
    Samples { ca, leaf, crl, response }
});

fn judge_crl(der: &[u8]) -> Option<RevocationStatus> {
    let crl = ParsedCrl::from_der(der).ok()?;
    let samples = &*SAMPLES;
    let _ = (crl.find(&[1]), crl.find(&[0, 0xA1]), format!("{crl:?}"));
    let inquiry = Inquiry::new(&samples.leaf, &samples.ca, soon(&samples.leaf)).unwrap();
    Some(inquiry.by_crls::<_, Certificate>(&[crl], &[]))
}

fn judge_response(der: &[u8]) -> Option<RevocationStatus> {
    let response = OcspResponse::from_der(der).ok()?;
    let samples = &*SAMPLES;
    let inquiry = Inquiry::new(&samples.leaf, &samples.ca, soon(&samples.leaf)).unwrap();
    let request = inquiry.ocsp_request(None).unwrap();
    let _ = inquiry.ocsp_delegate_to_check(&response);
    Some(inquiry.by_ocsp(&response, &request))
}

/// `der` with some octets replaced, and cut or prolonged.
fn mutated(der: &[u8], edits: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut octets = der.to_vec();
    for (place, value) in edits {
        let place = place.index(octets.len());
        octets[place] = *value;
    }
    if let Some(cut) = cut {
        octets.truncate(cut.index(octets.len()));
    }
    octets
}

#[test]
fn the_samples_are_understood() {
    assert!(matches!(judge_crl(&SAMPLES.crl), Some(RevocationStatus::Revoked { .. })));
    assert!(matches!(judge_response(&SAMPLES.response), Some(RevocationStatus::Revoked { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_lists_are_never_believed(
        edits in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let der = mutated(&SAMPLES.crl, &edits, cut);
        let _ = read_crls(&der);
        if der != SAMPLES.crl {
            let status = judge_crl(&der);
            prop_assert!(matches!(status, None | Some(RevocationStatus::Unknown { .. })), "{status:?}");
        }
    }

    #[test]
    fn changed_answers_are_never_believed(
        edits in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let der = mutated(&SAMPLES.response, &edits, cut);
        let changed_at = der.iter().zip(&SAMPLES.response).position(|(new, old)| new != old);
        // The certificates that come with a response are not covered by its signature.
        let behind = SAMPLES.response.len() - SAMPLES.ca.der().len() - 8;
        let status = judge_response(&der);
        if changed_at.is_some_and(|place| place < behind) || der.len() < SAMPLES.response.len() {
            prop_assert!(matches!(status, None | Some(RevocationStatus::Unknown { .. })), "{status:?}");
        }
    }

    #[test]
    fn changed_certificates_have_no_panicking_sources(
        edits in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4),
    ) {
        let der = mutated(SAMPLES.leaf.der(), &edits, None);
        if let Ok(certificate) = Certificate::from_der(&der) {
            let _ = RevocationSources::of(&certificate);
            if let Ok(inquiry) = Inquiry::new(&certificate, &SAMPLES.ca, 0) {
                let crl = ParsedCrl::from_der(SAMPLES.crl.as_slice()).unwrap();
                let _ = inquiry.by_crls::<_, Certificate>(&[crl], &[]);
                let _ = inquiry.ocsp_request(None);
            }
        }
    }

    #[test]
    fn noise_is_refused(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(judge_crl(&octets).is_none());
        prop_assert!(judge_response(&octets).is_none());
    }
}

use certmill_x509::{
    RevocationReason,
    chain::Certificate,
    revocation::{DoubtCode, Inquiry, ParsedCrl, RevocationStatus},
};

use crate::workshop::{CA, DAY, LEAF, Workshop, by_crls, doubts};

struct Setting {
    workshop: Workshop,
    ca: Certificate,
    leaf: Certificate,
}

impl Setting {
    fn new() -> Self {
        let workshop = Workshop::new();
        let ca = workshop.root("ca", "Root", CA);
        let leaf = workshop.issued("ca", "leaf", "1", LEAF);
        Self { workshop, ca, leaf }
    }

    fn base(&self, number: &str, entry: Option<&str>) -> ParsedCrl {
        self.workshop.index(&[("01", entry)]);
        self.workshop.crl("ca", number, "", "-crldays 7")
    }

    /// A delta CRL that goes on from the list with the number `from` (two digits).
    fn delta(&self, number: &str, from: &str, entry: Option<&str>, options: &str) -> ParsedCrl {
        self.workshop.index(&[("01", entry)]);
        let extensions = format!("2.5.29.27=critical,DER:0201{from}");
        let delta = self.workshop.crl("ca", number, &extensions, options);
        assert!(delta.base_number().is_some());
        delta
    }

    fn status(&self, crls: &[&ParsedCrl]) -> RevocationStatus {
        let crls: Vec<ParsedCrl> = crls.iter().copied().cloned().collect();
        by_crls(&self.leaf, &self.ca, &crls)
    }
}

const WEEK: &str = "-crldays 7";

fn is_revoked(status: &RevocationStatus, expected: RevocationReason) -> bool {
    matches!(status, RevocationStatus::Revoked { reason, .. } if *reason == expected)
}

#[test]
fn a_delta_alone_condemns_and_absolves_nobody() {
    let setting = Setting::new();
    let delta = setting.delta("03", "01", None, WEEK);
    assert_eq!(doubts(&setting.status(&[&delta])), [DoubtCode::DeltaWithoutBase]);
    let removing = setting.delta("03", "01", Some(",removeFromCRL"), WEEK);
    assert_eq!(doubts(&setting.status(&[&removing])), [DoubtCode::DeltaWithoutBase]);
    let delta = setting.delta("03", "01", Some(",superseded"), WEEK);
    assert!(is_revoked(&setting.status(&[&delta]), RevocationReason::Superseded));
    // Unless what is newer replaces it.
    let newer = setting.base("04", None);
    assert_eq!(setting.status(&[&delta, &newer]), RevocationStatus::Good);
}

#[test]
fn an_old_delta_still_condemns() {
    let setting = Setting::new();
    let base = setting.base("02", None);
    for reason in ["superseded", "certificateHold"] {
        let old = setting.delta("03", "02", Some(&format!(",{reason}")), "-crlhours 2");
        let at = old.next_update().unwrap() + 1;
        let inquiry = Inquiry::new(&setting.leaf, &setting.ca, at).unwrap();
        let status = inquiry.by_crls::<_, Certificate>(&[base.clone(), old], &[]);
        assert!(matches!(status, RevocationStatus::Revoked { .. }), "{reason}: {status:?}");
    }
}

#[test]
fn a_delta_adds_to_its_base() {
    let setting = Setting::new();
    let base = setting.base("02", None);
    let adding = setting.delta("03", "01", Some(",keyCompromise"), WEEK);
    assert_eq!(setting.status(&[&base]), RevocationStatus::Good);
    assert!(is_revoked(&setting.status(&[&adding, &base]), RevocationReason::KeyCompromise));
    // Nothing new on it.
    let empty = setting.delta("03", "02", None, WEEK);
    let held = setting.base("02", Some(",certificateHold"));
    assert!(is_revoked(&setting.status(&[&held, &empty]), RevocationReason::CertificateHold));
    // The newest of several counts.
    let removing = setting.delta("04", "02", Some(",removeFromCRL"), WEEK);
    for crls in [[&held, &adding, &removing], [&removing, &adding, &held]] {
        assert_eq!(setting.status(&crls), RevocationStatus::Good);
    }
}

#[test]
fn a_delta_that_does_not_fit_is_left_aside() {
    let setting = Setting::new();
    let held = setting.base("02", Some(",certificateHold"));
    let good = setting.base("02", None);
    // It goes on from a later list, or is older than the base.
    for (number, from) in [("04", "03"), ("02", "01"), ("01", "01")] {
        let removing = setting.delta(number, from, Some(",removeFromCRL"), WEEK);
        assert!(
            is_revoked(&setting.status(&[&held, &removing]), RevocationReason::CertificateHold),
            "{number} {from}"
        );
        assert_eq!(setting.status(&[&good, &removing]), RevocationStatus::Good);
    }
    // Another scope.
    setting.workshop.index(&[("01", Some(",removeFromCRL"))]);
    let extensions = "2.5.29.27=critical,DER:020101\nissuingDistributionPoint=critical,@idp\n\
                      [idp]\nonlyuser=TRUE\n";
    let other_scope = setting.workshop.crl("ca", "03", extensions, WEEK);
    assert!(is_revoked(&setting.status(&[&held, &other_scope]), RevocationReason::CertificateHold));
}

#[test]
fn a_fresh_delta_keeps_an_old_base_alive() {
    let setting = Setting::new();
    setting.workshop.index(&[("01", None)]);
    let base = setting.workshop.crl("ca", "02", "", "-crlhours 2");
    let fresh = setting.delta("03", "02", Some(",superseded"), WEEK);
    let short = setting.delta("03", "02", Some(",superseded"), "-crlhours 2");
    let at = base.next_update().unwrap() + DAY;
    let inquiry = Inquiry::new(&setting.leaf, &setting.ca, at).unwrap();
    let status = |crls: &[&ParsedCrl]| inquiry.by_crls::<_, Certificate>(crls, &[]);
    assert_eq!(doubts(&status(&[&base])), [DoubtCode::CrlStale]);
    assert!(is_revoked(&status(&[&base, &fresh]), RevocationReason::Superseded));
    assert!(is_revoked(&status(&[&base, &short]), RevocationReason::Superseded));
    let empty = setting.delta("03", "02", None, "-crlhours 2");
    assert_eq!(doubts(&status(&[&base, &empty])), [DoubtCode::CrlStale]);
}

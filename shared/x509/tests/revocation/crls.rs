use certmill_x509::{
    CrlBuilder, CrlHeader, RevocationReason, SerialNumber, X509Error,
    chain::Certificate,
    revocation::{DoubtCode, Inquiry, ParsedCrl, ReasonSet, RevocationStatus, read_crls},
};
use der::{Decode, Encode};

use crate::workshop::{CA, DAY, HOUR, LEAF, Workshop, by_crls, doubts, soon};

/// 2026-01-02T03:04:05Z, when the index says that certificates were revoked.
const REVOKED_AT: i64 = 1_767_323_045;

fn revoked(reason: RevocationReason) -> RevocationStatus {
    RevocationStatus::Revoked { at: REVOKED_AT, reason, outdated: None }
}

#[test]
fn lists_are_read_completely() {
    let workshop = Workshop::new();
    workshop.root("ca", "Root", CA);
    workshop.index(&[
        ("01", None),
        ("02", Some(",keyCompromise")),
        ("00FF", Some("")),
        ("03", Some(",keyTime,20250101000000Z")),
        ("7F00000000000000000000000000000000000001", Some(",superseded")),
    ]);
    let extensions = "issuingDistributionPoint=critical,@idp\nfreshestCRL=URI:http://crl.example/delta\n\
                      [idp]\nfullname=URI:http://crl.example/1,dirName:dn\nonlyuser=TRUE\n\
                      onlysomereasons=keyCompromise,superseded\n[dn]\nCN=point";
    let crl = workshop.crl("ca", "0102", extensions, "-crldays 7");
    assert_eq!((crl.version(), crl.entries()), (2, 4));
    assert_eq!(crl.issuer_text(), "CN=Root,O=Test");
    assert_eq!(crl.next_update(), Some(crl.this_update() + 7 * DAY));
    assert_eq!(crl.number().unwrap().to_string(), "0x0102");
    assert_eq!(crl.base_number(), None);
    let ca = workshop.certificate("ca");
    assert_eq!(crl.authority_key_id(), ca.subject_key_id());
    assert!(crl.freshest_crl_der().is_some());
    assert_eq!(crl.unknown_critical_extensions().count(), 0);
    let scope = crl.scope().unwrap();
    assert!(scope.only_user_certificates() && !scope.only_ca_certificates() && !scope.is_indirect());
    assert!(!scope.only_attribute_certificates() && scope.relative_name_der().is_none());
    assert_eq!(scope.only_some_reasons().unwrap().names(), ["keyCompromise", "superseded"]);
    assert_eq!(scope.full_name().len(), 2);

    for (serial, reason) in [
        (&[2][..], RevocationReason::KeyCompromise),
        (&[0, 0xFF], RevocationReason::Unspecified),
        (b"\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", RevocationReason::Superseded),
    ] {
        let entry = crl.find(serial).unwrap();
        assert_eq!((entry.revoked_at, entry.reason), (REVOKED_AT, reason), "{serial:?}");
    }
    assert_eq!(crl.find(&[3]).unwrap().invalidity_date, Some(1_735_689_600));
    // -1 is another number than 255.
    for serial in [&[1][..], &[0xFF], &[0, 2], &[]] {
        assert_eq!(crl.find(serial), None, "{serial:?}");
    }
}

#[test]
fn files_are_pem_or_der() {
    let workshop = Workshop::new();
    workshop.root("ca", "Root", CA);
    workshop.index(&[]);
    let crl = workshop.plain_crl("ca");
    let pem = workshop.read("made.crl");
    let ca = workshop.read("ca.pem");
    assert_eq!(read_crls(crl.der()).unwrap()[0].der(), crl.der());
    let several = [&b"some text \xFF\n"[..], &pem, &ca, &pem].concat();
    assert_eq!(read_crls(&several).unwrap().len(), 2);
    assert!(matches!(read_crls(&ca), Err(X509Error::Pem(_))));
    assert!(matches!(read_crls(b""), Err(X509Error::Pem(_))));
    assert!(matches!(read_crls(b"0\x80"), Err(X509Error::InvalidCrl(_))));
    let cut = crl.der().split_last().unwrap().1;
    assert!(matches!(read_crls(cut), Err(X509Error::InvalidCrl(_))));
}

#[test]
fn certificates_are_good_or_revoked() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let good = workshop.issued("ca", "good", "1", LEAF);
    let bad = workshop.issued("ca", "bad", "2", LEAF);
    let held = workshop.issued("ca", "held", "255", LEAF);
    workshop.index(&[("01", None), ("02", Some(",keyCompromise")), ("00FF", Some(",certificateHold"))]);
    let crls = [workshop.plain_crl("ca")];
    assert_eq!(by_crls(&good, &ca, &crls), RevocationStatus::Good);
    assert_eq!(by_crls(&bad, &ca, &crls), revoked(RevocationReason::KeyCompromise));
    assert_eq!(by_crls(&held, &ca, &crls), revoked(RevocationReason::CertificateHold));
    assert_eq!(doubts(&by_crls(&good, &ca, &[])), [DoubtCode::NoCrl]);

    // Another program agrees.
    let verify = "verify -crl_check -CAfile ca.pem -CRLfile made.crl";
    workshop.openssl(&format!("{verify} good.pem"));
}

#[test]
fn only_the_issuers_signature_counts() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    // A stranger that calls itself the same, and one of another name.
    workshop.root("impostor", "Root", CA);
    workshop.root("other", "Other", CA);
    workshop.index(&[]);
    let impostor = workshop.plain_crl("impostor");
    let stranger = workshop.plain_crl("other");
    let genuine = workshop.plain_crl("ca");
    assert_eq!(
        doubts(&by_crls(&leaf, &ca, &[impostor.clone(), stranger.clone()])),
        [DoubtCode::CrlSignatureInvalid]
    );
    assert_eq!(doubts(&by_crls(&leaf, &ca, std::slice::from_ref(&stranger))), [DoubtCode::NoCrl]);
    let all = [impostor, stranger, genuine.clone()];
    assert_eq!(by_crls(&leaf, &ca, &all), RevocationStatus::Good);

    // Every octet of the list is covered: a change is malformed, or a wrong signature.
    let der = genuine.der();
    for place in (0..der.len()).step_by(7) {
        let mut changed = der.to_vec();
        changed[place] ^= 0x04;
        if let Ok(crl) = ParsedCrl::from_der(changed) {
            assert!(matches!(by_crls(&leaf, &ca, &[crl]), RevocationStatus::Unknown { .. }), "{place}");
        }
    }
}

#[test]
fn signatures_are_rsa_too_but_not_on_sha1() {
    let workshop = Workshop::new();
    workshop.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out ca.key");
    let ca = workshop.self_signed("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    workshop.index(&[("01", Some(",superseded"))]);
    for options in ["", "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"] {
        let crl = workshop.crl("ca", "01", "", &format!("-crldays 7 {options}"));
        assert_eq!(by_crls(&leaf, &ca, &[crl]), revoked(RevocationReason::Superseded), "{options}");
    }
    let weak = workshop.crl("ca", "01", "", "-crldays 7 -md sha1");
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[weak])), [DoubtCode::CrlSignatureUnsupported]);
}

#[test]
fn the_key_must_be_meant_for_crls() {
    let workshop = Workshop::new();
    let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
                      subjectKeyIdentifier=hash\n";
    let ca = workshop.root("ca", "Root", extensions);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    workshop.index(&[]);
    let crl = workshop.plain_crl("ca");
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[crl])), [DoubtCode::CrlSignNotPermitted]);
}

#[test]
fn a_separate_key_for_crls_counts_once_it_is_vouched_for() {
    let workshop = Workshop::new();
    workshop.root("root", "Root", CA);
    workshop.key("ca");
    let ca_extensions = CA.replace(",cRLSign", "");
    let ca = workshop.reissued("root", ("ca", "Ca"), "1", &ca_extensions);
    let leaf = workshop.issued("ca", "leaf", "5", LEAF);
    workshop.key("signer");
    let signer_extensions = "keyUsage=critical,cRLSign\nsubjectKeyIdentifier=hash\n";
    let signer = workshop.reissued("root", ("signer", "Ca"), "2", signer_extensions);
    workshop.key("unfit");
    let unfit = workshop.reissued(
        "root",
        ("unfit", "Ca"),
        "3",
        &signer_extensions.replace("cRLSign", "digitalSignature"),
    );
    let stranger = workshop.issued("root", "stranger", "4", signer_extensions);
    workshop.index(&[("05", Some(",superseded"))]);
    let crls = [workshop.plain_crl("signer")];

    let inquiry = Inquiry::new(&leaf, &ca, soon(&leaf)).unwrap();
    let bag = [ca.clone(), unfit.clone(), stranger.clone(), signer.clone(), leaf.clone()];
    let candidates = inquiry.crl_signer_candidates(&crls, &bag);
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0].der(), signer.der());
    assert_eq!(doubts(&by_crls(&leaf, &ca, &crls)), [DoubtCode::CrlSignatureInvalid]);
    assert_eq!(inquiry.by_crls(&crls, &[signer]), revoked(RevocationReason::Superseded));
    // A certificate of another name never counts, whoever vouches for it.
    let of_stranger = [workshop.plain_crl("stranger")];
    assert_eq!(doubts(&inquiry.by_crls(&of_stranger, &[stranger])), [DoubtCode::NoCrl]);
    let of_unfit = [workshop.plain_crl("unfit")];
    assert_eq!(doubts(&inquiry.by_crls(&of_unfit, &[unfit])), [DoubtCode::CrlSignNotPermitted]);
}

#[test]
fn old_and_future_lists_say_nothing() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    workshop.index(&[]);
    let crls = [workshop.plain_crl("ca")];
    let (first, last) = (crls[0].this_update(), crls[0].next_update().unwrap());
    let at = |at: i64| Inquiry::new(&leaf, &ca, at).unwrap().by_crls::<_, Certificate>(&crls, &[]);
    for instant in [first - 300, first, last] {
        assert_eq!(at(instant), RevocationStatus::Good);
    }
    assert_eq!(doubts(&at(first - 301)), [DoubtCode::CrlNotYetValid]);
    assert_eq!(doubts(&at(last + 1)), [DoubtCode::CrlStale]);
    for instant in [i64::MIN, i64::MAX] {
        assert!(matches!(at(instant), RevocationStatus::Unknown { .. }));
    }
    let RevocationStatus::Unknown { reasons } = at(last + 1) else { unreachable!() };
    assert!(reasons[0].message.contains("CN=Root") && reasons[0].message.contains("stale"), "{}", reasons[0]);

    // Without a next update.
    let endless = resigned(&workshop, &crls[0], |list| list.tbs_cert_list.next_update = None);
    assert_eq!(endless.next_update(), None);
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[endless])), [DoubtCode::CrlWithoutNextUpdate]);
}

#[test]
fn age_takes_no_revocation_back() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    for (index, reason) in [
        (",keyCompromise", RevocationReason::KeyCompromise),
        (",certificateHold", RevocationReason::CertificateHold),
    ] {
        workshop.index(&[("01", Some(index))]);
        let listing = workshop.crl("ca", "01", "", "-crlhours 48");
        let (first, last) = (listing.this_update(), listing.next_update().unwrap());
        let at = |at: i64, crls: &[ParsedCrl]| {
            Inquiry::new(&leaf, &ca, at).unwrap().by_crls::<_, Certificate>(crls, &[])
        };
        let old = RevocationStatus::Revoked { at: REVOKED_AT, reason, outdated: Some(first) };
        let only = std::slice::from_ref(&listing);
        assert_eq!(at(last, only), revoked(reason));
        assert_eq!(at(last + 1, only), old);
        assert_eq!(at(last + 1000 * DAY, only), old);
        let endless = resigned(&workshop, &listing, |list| list.tbs_cert_list.next_update = None);
        assert_eq!(at(last, &[endless]), old);
        // Made after the instant: it tells what had been revoked by then.
        assert_eq!(at(first - 301, only), revoked(reason));
        assert_eq!(doubts(&at(REVOKED_AT - 1, only)), [DoubtCode::CrlNotYetValid]);

        // What another program says of the stale list: expired, and revoked.
        workshop.write("old.crl", workshop.read("made.crl"));
        let output = std::process::Command::new("openssl")
            .args(["verify", "-crl_check", "-CAfile", "ca.pem", "-CRLfile", "old.crl", "-attime"])
            .args([(last + 1).to_string(), "leaf.pem".into()])
            .current_dir(workshop.path(""))
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains("revoked"), "{told}");

        // A newer list without it ends a suspension while it is at its time itself, not later.
        workshop.index(&[("01", None)]);
        let newer = resigned(&workshop, &workshop.crl("ca", "02", "", "-crlhours 96"), |list| {
            list.tbs_cert_list.this_update = later(first + HOUR);
        });
        let both = [listing.clone(), newer.clone()];
        assert_eq!(at(last + 1, &both), RevocationStatus::Good);
        assert_eq!(doubts(&at(newer.next_update().unwrap() + 1, &both)), [DoubtCode::CrlStale]);
    }
}

#[test]
fn a_suspension_is_lifted_by_what_is_fresher_only() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    // Two series: a partition of the issuer's own name, and the complete list.
    let partition =
        "issuingDistributionPoint=critical,@idp\n[idp]\nfullname=dirName:dn\n[dn]\nO=Test\nCN=Root";
    workshop.index(&[("01", Some(",certificateHold"))]);
    let held = workshop.crl("ca", "01", partition, "-crlhours 2");
    workshop.index(&[("01", Some(",superseded"))]);
    let superseded = workshop.crl("ca", "01", partition, "-crlhours 2");
    workshop.index(&[]);
    let complete = workshop.crl("ca", "01", "", "-crlhours 48");
    let made = |seconds: i64| {
        resigned(&workshop, &complete, |list| {
            list.tbs_cert_list.this_update = later(held.this_update() + seconds);
        })
    };
    let at = held.next_update().unwrap() + 1;
    let status =
        |crls: &[ParsedCrl]| Inquiry::new(&leaf, &ca, at).unwrap().by_crls::<_, Certificate>(crls, &[]);
    let is_revoked = |status: RevocationStatus| matches!(status, RevocationStatus::Revoked { .. });
    assert_eq!(status(&[held.clone(), made(60)]), RevocationStatus::Good);
    assert!(is_revoked(status(&[held.clone(), made(-60)])));
    assert!(is_revoked(status(&[superseded, made(60)])));
}

#[test]
fn the_newest_list_of_a_series_counts() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    workshop.index(&[("01", Some(",certificateHold"))]);
    let held = workshop.crl("ca", "01", "", "-crlhours 48");
    workshop.index(&[("01", None)]);
    let released = workshop.crl("ca", "02", "", "-crlhours 48");
    let released = resigned(&workshop, &released, |list| {
        list.tbs_cert_list.this_update = later(held.this_update() + HOUR / 2);
    });
    for crls in [[held.clone(), released.clone()], [released.clone(), held.clone()]] {
        assert_eq!(by_crls(&leaf, &ca, &crls), RevocationStatus::Good);
    }
    assert_eq!(by_crls(&leaf, &ca, &[held]), revoked(RevocationReason::CertificateHold));
}

#[test]
fn scopes_are_kept() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    let sub = workshop.issued("ca", "sub", "2", CA);
    workshop.index(&[("01", Some("")), ("02", Some(""))]);
    let idp = |fields: &str| {
        let extensions = format!("issuingDistributionPoint=critical,@idp\n[idp]\n{fields}\n");
        workshop.crl("ca", "01", &extensions, "-crldays 7")
    };
    let (users, cas, attributes) = (idp("onlyuser=TRUE"), idp("onlyCA=TRUE"), idp("onlyAA=TRUE"));
    let unspecified = revoked(RevocationReason::Unspecified);
    assert_eq!(by_crls(&leaf, &ca, std::slice::from_ref(&users)), unspecified);
    assert_eq!(by_crls(&sub, &ca, std::slice::from_ref(&cas)), unspecified);
    for (certificate, crl) in [(&sub, users), (&leaf, cas), (&leaf, attributes.clone()), (&sub, attributes)] {
        assert_eq!(doubts(&by_crls(certificate, &ca, &[crl])), [DoubtCode::CrlOutOfScope]);
    }
    let indirect = idp("indirectCRL=TRUE");
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[indirect])), [DoubtCode::IndirectCrl]);
}

#[test]
fn distribution_points_must_be_the_same() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let with_points = |name: &str, serial: &str, fields: &str| {
        let extensions = format!("crlDistributionPoints=dp\n{LEAF}[dp]\n{fields}\n");
        workshop.issued("ca", name, serial, &extensions)
    };
    let by_uri = with_points("by_uri", "1", "fullname=URI:http://crl.example/1");
    let by_name = with_points("by_name", "2", "fullname=dirName:dn\n[dn]\nO=Test\nCN=Root\nOU=Point 1");
    let by_relative = with_points("by_relative", "3", "relativename=dn\n[dn]\nOU=Point 1");
    let by_none = workshop.issued("ca", "by_none", "4", LEAF);
    let elsewhere = with_points(
        "elsewhere",
        "5",
        "fullname=URI:http://crl.example/1\nCRLissuer=dirName:dn\n[dn]\nCN=Somebody else",
    );
    workshop.index(&[]);
    let idp = |fields: &str| {
        let extensions = format!("issuingDistributionPoint=critical,@idp\n[idp]\n{fields}\n");
        workshop.crl("ca", "01", &extensions, "-crldays 7")
    };
    let uri = idp("fullname=URI:http://other.example/,URI:http://crl.example/1");
    let other = idp("fullname=URI:http://crl.example/2");
    let name = idp("fullname=dirName:dn\n[dn]\nO=Test\nCN=Root\nOU=point  1");
    let relative = idp("relativename=dn\n[dn]\nOU=Point 1");
    let issuer = idp("fullname=dirName:dn\n[dn]\nO=Test\nCN=Root");
    for (certificate, crl, applies) in [
        (&by_uri, &uri, true),
        (&by_uri, &other, false),
        (&by_uri, &name, false),
        (&by_name, &name, true),
        (&by_name, &relative, true),
        (&by_name, &uri, false),
        (&by_relative, &name, true),
        (&by_relative, &relative, true),
        (&by_relative, &issuer, true),
        (&by_none, &uri, false),
        (&by_none, &relative, false),
        // The issuer's name stands for certificates without distribution points.
        (&by_none, &issuer, true),
        (&elsewhere, &uri, false),
    ] {
        let status = by_crls(certificate, &ca, std::slice::from_ref(crl));
        if applies {
            assert_eq!(status, RevocationStatus::Good, "{certificate:?} {:?}", crl.scope());
        } else {
            assert_eq!(doubts(&status), [DoubtCode::CrlOutOfScope], "{certificate:?} {:?}", crl.scope());
        }
    }
    let RevocationStatus::Unknown { reasons } = by_crls(&elsewhere, &ca, &[]) else {
        panic!("an answer without a CRL");
    };
    assert!(reasons[0].message.contains("indirect"), "{}", reasons[0]);
}

#[test]
fn all_reasons_must_be_covered() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    let idp = |reasons: &str| {
        let extensions =
            format!("issuingDistributionPoint=critical,@idp\n[idp]\nonlysomereasons={reasons}\n");
        workshop.crl("ca", "01", &extensions, "-crldays 7")
    };
    workshop.index(&[]);
    let some = idp("keyCompromise,CACompromise,affiliationChanged,superseded");
    let others = idp("cessationOfOperation,certificateHold,privilegeWithdrawn,AACompromise");
    let most = idp("cessationOfOperation,certificateHold,privilegeWithdrawn");
    assert_eq!(some.scope().unwrap().only_some_reasons().unwrap().names().len(), 4);
    assert_eq!(by_crls(&leaf, &ca, &[some.clone(), others.clone()]), RevocationStatus::Good);
    for crls in [vec![some.clone()], vec![others], vec![some.clone(), most]] {
        assert_eq!(doubts(&by_crls(&leaf, &ca, &crls)), [DoubtCode::ReasonsNotCovered]);
    }
    // One list suffices to condemn.
    workshop.index(&[("01", Some(",cessationOfOperation"))]);
    let condemning = idp("cessationOfOperation");
    assert_eq!(by_crls(&leaf, &ca, &[some, condemning]), revoked(RevocationReason::CessationOfOperation));

    // The certificate's point limits what a list can say.
    let points = "crlDistributionPoints=dp\n[dp]\nfullname=URI:http://crl.example/1\nreasons=keyCompromise\n";
    let limited = workshop.issued("ca", "limited", "2", points);
    workshop.index(&[]);
    let extensions = "issuingDistributionPoint=critical,@idp\n[idp]\nfullname=URI:http://crl.example/1\n";
    let crl = workshop.crl("ca", "01", extensions, "-crldays 7");
    assert_eq!(doubts(&by_crls(&limited, &ca, &[crl])), [DoubtCode::ReasonsNotCovered]);
    assert_eq!(ReasonSet::ALL.names().len(), 8);
}

#[test]
fn unknown_critical_extensions_spoil_a_list() {
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    workshop.index(&[("05", Some(",keyCompromise"))]);
    let harmless = workshop.crl("ca", "01", "1.2.3.4=ASN1:NULL", "-crldays 7");
    assert_eq!(by_crls(&leaf, &ca, std::slice::from_ref(&harmless)), RevocationStatus::Good);
    let spoiled = workshop.crl("ca", "01", "1.2.3.4=critical,ASN1:NULL", "-crldays 7");
    assert_eq!(spoiled.unknown_critical_extensions().collect::<Vec<_>>(), ["1.2.3.4"]);
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[spoiled])), [DoubtCode::UnknownCriticalExtension]);

    // The same within an entry about another certificate.
    let edit = |oid: &str, critical: bool| {
        let oid = oid.parse().unwrap();
        resigned(&workshop, &harmless, |list| {
            let entries = list.tbs_cert_list.revoked_certificates.as_mut().unwrap();
            let extensions = entries[0].crl_entry_extensions.as_mut().unwrap();
            extensions[0].extn_id = oid;
            extensions[0].critical = critical;
        })
    };
    assert_eq!(by_crls(&leaf, &ca, &[edit("1.2.3.4", false)]), RevocationStatus::Good);
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[edit("1.2.3.4", true)])), [DoubtCode::UnknownCriticalExtension]);
    // certificateIssuer makes it an indirect list, whatever it says of itself.
    assert_eq!(doubts(&by_crls(&leaf, &ca, &[edit("2.5.29.29", true)])), [DoubtCode::IndirectCrl]);
}

#[test]
fn an_issuer_of_another_name_cannot_be_asked_about() {
    let workshop = Workshop::new();
    workshop.root("ca", "Root", CA);
    let other = workshop.root("other", "Other", CA);
    let leaf = workshop.issued("ca", "leaf", "1", LEAF);
    assert!(matches!(Inquiry::new(&leaf, &other, 0), Err(X509Error::InvalidCertificate(_))));
}

#[test]
fn our_own_long_lists_are_read() {
    struct OpensslKey(openssl::pkey::PKey<openssl::pkey::Private>);
    impl certmill_x509::Signer for OpensslKey {
        fn signature_algorithm(&self) -> certmill_x509::SignatureAlgorithm {
            certmill_x509::SignatureAlgorithm::EcdsaSha256
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, X509Error> {
            let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &self.0)?;
            Ok(signer.sign_oneshot_to_vec(message)?)
        }
    }
    let workshop = Workshop::new();
    let ca = workshop.root("ca", "Root", CA);
    let leaf = workshop.issued("ca", "leaf", "0x01E240", LEAF);
    let key = openssl::pkey::PKey::private_key_from_pem(&workshop.read("ca.key")).unwrap();
    let mut builder = CrlBuilder::new();
    for number in 1..=200_000_u32 {
        let serial = SerialNumber::from_bytes(&number.to_be_bytes()).unwrap();
        builder.push(&serial, REVOKED_AT, RevocationReason::Superseded);
    }
    let header = CrlHeader {
        issuer_der: ca.subject_der(),
        authority_key_id: ca.subject_key_id().unwrap(),
        crl_number: 7,
        this_update: soon(&leaf) - HOUR,
        next_update: soon(&leaf) + HOUR,
        distribution_points: &[],
        base_number: None,
        delta_url: None,
    };
    let crl = ParsedCrl::from_der(builder.sign(&header, &OpensslKey(key)).unwrap()).unwrap();
    assert_eq!(crl.entries(), 200_000);
    assert_eq!(by_crls(&leaf, &ca, &[crl]), revoked(RevocationReason::Superseded));
}

type CertificateList = x509_cert::crl::CertificateList<x509_cert::certificate::Rfc5280>;

/// The same list with a change, signed anew by `ca`.
fn resigned(workshop: &Workshop, crl: &ParsedCrl, edit: impl FnOnce(&mut CertificateList)) -> ParsedCrl {
    let mut list = CertificateList::from_der(crl.der()).unwrap();
    edit(&mut list);
    let tbs = list.tbs_cert_list.to_der().unwrap();
    ParsedCrl::from_der(workshop.signed("ca", &tbs, &[])).unwrap()
}

fn later(unix_seconds: i64) -> x509_cert::time::Time {
    let since = std::time::Duration::from_secs(unix_seconds.try_into().unwrap());
    x509_cert::time::Time::UtcTime(der::asn1::UtcTime::from_unix_duration(since).unwrap())
}

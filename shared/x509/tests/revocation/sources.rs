use certmill_x509::revocation::RevocationSources;

use crate::workshop::{CA, LEAF, Workshop};

#[test]
fn addresses_are_read_and_bounded() {
    let workshop = Workshop::new();
    workshop.root("ca", "Root", CA);
    let extensions = "crlDistributionPoints=one,two,three\nfreshestCRL=URI:http://crl.example/delta\n\
        authorityInfoAccess=OCSP;URI:http://ocsp.example/,OCSP;URI:ldap://ocsp.example/,\
        caIssuers;URI:http://ca.example/ca.crt,OCSP;email:a@example.com\n\
        [one]\nfullname=URI:http://crl.example/1,URI:HTTPS://mirror.example/1,URI:ldap://crl.example/cn=1\n\
        [two]\nfullname=dirName:dn\n[three]\nfullname=URI:ftp://crl.example/3,URI:http://crl.example/3\n\
        [dn]\nCN=point\n";
    let certificate = workshop.issued("ca", "leaf", "1", extensions);
    let sources = RevocationSources::of(&certificate);
    assert_eq!(
        sources.crls,
        [vec!["http://crl.example/1", "HTTPS://mirror.example/1"], vec!["http://crl.example/3"]]
    );
    assert_eq!(sources.delta_crls, [["http://crl.example/delta"]]);
    assert_eq!(sources.ocsp, ["http://ocsp.example/"]);
    assert_eq!(
        sources.unusable,
        [
            "ldap://crl.example/cn=1",
            "the directory name CN=point",
            "ftp://crl.example/3",
            "ldap://ocsp.example/"
        ]
    );

    let plain = workshop.issued("ca", "plain", "2", LEAF);
    assert_eq!(RevocationSources::of(&plain), RevocationSources::default());

    let sections: Vec<String> =
        (0..30).map(|n| format!("[p{n}]\nfullname=URI:http://crl.example/{n}\n")).collect();
    let names: Vec<String> = (0..30).map(|n| format!("p{n}")).collect();
    let many = format!("crlDistributionPoints={}\n{}", names.join(","), sections.concat());
    let sources = RevocationSources::of(&workshop.issued("ca", "many", "3", &many));
    assert_eq!((sources.crls.len(), sources.unusable.len()), (8, 20));

    let malformed = workshop.issued("ca", "malformed", "4", "2.5.29.31=DER:30023000\n");
    let sources = RevocationSources::of(&malformed);
    assert!(sources.crls.is_empty() && sources.unusable[0].contains("cannot be read"), "{sources:?}");
}

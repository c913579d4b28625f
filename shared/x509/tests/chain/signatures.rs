use certmill_x509::chain::Code;
use openssl::{
    dsa::Dsa,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    rsa::Rsa,
};

use crate::maker::{Made, Spec, codes, judge};

#[test]
fn weak_and_foreign_algorithms_have_codes_of_their_own() {
    let rsa = |bits| PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
    let curve =
        |nid| PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap()).unwrap();
    let root = Spec::ca_with_key("root", rsa(2048)).root();
    for (digest, code) in [
        (MessageDigest::sha1(), Code::WeakSignature),
        (MessageDigest::md5(), Code::WeakSignature),
        (MessageDigest::sha224(), Code::UnsupportedAlgorithm),
    ] {
        let leaf = Spec::leaf().change(|leaf| leaf.digest = digest).by(&root);
        assert_eq!(codes(&judge(&leaf, &[], &[&root])), [code]);
    }
    // What an anchor signed itself with is nobody's business.
    let old = root.spec.clone().change(|root| root.digest = MessageDigest::sha1()).root();
    assert!(judge(&Spec::leaf().by(&root), &[], &[&old]).is_valid());

    for (key, code) in [
        (rsa(1024), Code::WeakKey),
        (PKey::from_dsa(Dsa::generate(1024).unwrap()).unwrap(), Code::UnsupportedKey),
        (curve(Nid::SECP256K1), Code::UnsupportedKey),
        (PKey::generate_ed448().unwrap(), Code::UnsupportedKey),
    ] {
        let leaf = Spec::leaf().change(|leaf| leaf.key = key.clone()).by(&root);
        assert_eq!(codes(&judge(&leaf, &[], &[&root])), [code]);
        if code == Code::WeakKey {
            let ca = Spec::ca_with_key("ca", key).by(&root);
            let verdict = judge(&Spec::leaf().by(&ca), &[&ca], &[&root]);
            assert!(!verdict.is_valid());
        }
    }
}

#[test]
fn every_supported_algorithm_verifies() {
    let curve =
        |nid| PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap()).unwrap();
    let rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    for key in [rsa, curve(Nid::X9_62_PRIME256V1), curve(Nid::SECP384R1), curve(Nid::SECP521R1)] {
        for digest in [MessageDigest::sha256(), MessageDigest::sha384(), MessageDigest::sha512()] {
            let root = Spec::ca_with_key("root", key.clone()).root();
            let leaf = Spec::leaf().change(|leaf| leaf.digest = digest).by(&root);
            let verdict = judge(&leaf, &[], &[&root]);
            assert!(verdict.is_valid(), "{:?}", verdict.errors);
            let mut tampered = leaf.clone();
            let last = tampered.der.len() - 1;
            tampered.der[last] ^= 1;
            assert_eq!(codes(&judge(&tampered, &[], &[&root])), [Code::SignatureInvalid]);
        }
    }
    let root = Spec::ca_with_key("root", PKey::generate_ed25519().unwrap())
        .change(|root| root.digest = MessageDigest::null())
        .root();
    let leaf = Spec::leaf().change(|leaf| leaf.digest = MessageDigest::null()).by(&root);
    assert!(judge(&leaf, &[], &[&root]).is_valid());
}

/// PSS certificates are made by the command line.
#[test]
fn rsa_pss_is_verified_with_sound_hashes_only() {
    let folder = tempfile::TempDir::new().unwrap();
    let openssl = |words: &str| {
        let output = std::process::Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
    };
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    std::fs::write(folder.path().join("ca.key"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let root = Spec::ca_with_key("root", key).root();
    std::fs::write(folder.path().join("ca.der"), &root.der).unwrap();
    openssl("x509 -inform der -in ca.der -out ca.pem");
    openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out leaf.csr");
    std::fs::write(
        folder.path().join("leaf.cnf"),
        "subjectAltName=DNS:leaf.example.com\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n",
    )
    .unwrap();
    let at = crate::maker::AT;
    let verdict = |options: &str| {
        openssl(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -extfile leaf.cnf -days 20000 -set_serial 5 \
             -sigopt rsa_padding_mode:pss {options} -outform der -out leaf.der"
        ));
        let leaf = Made { spec: Spec::leaf(), der: std::fs::read(folder.path().join("leaf.der")).unwrap() };
        let options = certmill_x509::chain::Options::at(at.max(certificate_start(&leaf)));
        crate::maker::judge_with(&leaf, &[], &[&root], &options)
    };
    for options in [
        "-sha256 -sigopt rsa_pss_saltlen:32",
        "-sha384 -sigopt rsa_pss_saltlen:digest",
        "-sha512 -sigopt rsa_pss_saltlen:20",
    ] {
        let verdict = verdict(options);
        assert!(verdict.is_chain_valid(), "{options}: {:?}", verdict.errors);
    }
    for (options, code) in [
        ("-sha1", Code::WeakSignature),
        ("-sha256 -sigopt rsa_mgf1_md:sha1", Code::UnsupportedAlgorithm),
        ("-sha256 -sigopt rsa_mgf1_md:sha512", Code::UnsupportedAlgorithm),
        ("-sha224", Code::UnsupportedAlgorithm),
    ] {
        let verdict = verdict(options);
        assert!(codes(&verdict).contains(&code), "{options}: {:?}", verdict.errors);
    }
}

fn certificate_start(made: &Made) -> i64 {
    certmill_x509::chain::Certificate::from_der(&made.der).unwrap().not_before()
}

//! Requests that cannot be understood, and those that are meant to be too much work.

use std::time::{Duration, Instant};

use certmill_domain::Scope;
use certmill_x509::pem;
use poem::http::StatusCode;
use serde_json::json;
use tests::both_modes;

use super::workshop::{Workshop, server};
use super::{PATH, ask, codes, trust};
use crate::access::expect;
use crate::ca::{changed, text};

/// Much longer than an answer may take, in a debug build on a busy machine too.
const QUICK: Duration = Duration::from_secs(20);

fn der(certificate: &str) -> Vec<u8> {
    pem::decode_one(&[pem::CERTIFICATE], certificate).unwrap()
}

/// Certificates that differ from this one in their serial number, and so are not signed by anyone.
fn forgeries(certificate: &str, number: u32) -> impl Iterator<Item = String> {
    let original = der(certificate);
    // The version, then the tag and the length of the serial number, then its octets, of which the first stays.
    let serial = original.windows(5).position(|five| five == [0xa0, 3, 2, 1, 2]).unwrap() + 8;
    (0..number).map(move |index| {
        let mut forged = original.clone();
        forged[serial..serial + 4].copy_from_slice(&index.to_be_bytes());
        pem::encode(pem::CERTIFICATE, &forged)
    })
}

both_modes! {
    async fn a_certificate_in_any_usual_form_is_read(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let leaf = theirs.leaf("root", "leaf", &server("a.example.com", ""));
        let expected = ask(&app, json!({ "certificate_pem": leaf })).await;
        assert_eq!(expected["valid"], json!(true), "{expected}");
        let body: String = leaf.lines().filter(|line| !line.starts_with("-----")).collect();
        for form in [leaf.replace('\n', "\r\n"), format!("subject=leaf\n{leaf}\nthe end"), body] {
            assert_eq!(ask(&app, json!({ "certificate_pem": form, "chain_pem": form })).await, expected);
        }
        // Reading is enough.
        let reader = app.token(Scope::Read).await;
        let answer = app.post_as(&reader, PATH, json!({ "certificate_pem": leaf })).await;
        assert_eq!(answer.json_with(StatusCode::OK), expected);
    }

    async fn what_is_no_certificate_is_refused(app: TestApp) {
        let theirs = Workshop::new();
        let root = theirs.root("root");
        let half = der(&root)[..200].to_vec();
        let judge = theirs.judge();
        let more = [der(&root), vec![0]].concat();
        for (case, given) in [
            ("nothing", String::new()), ("a word", "hello".to_owned()), ("a key", judge.read("root.key")),
            ("a CSR", judge.read("root.csr")), ("a CRL", theirs.crl("root")), ("half of one", pem::encode(pem::CERTIFICATE, &half)),
            ("more than one", pem::encode(pem::CERTIFICATE, &more)), ("an empty block", pem::encode(pem::CERTIFICATE, &[])),
            ("no base64", "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n".to_owned()),
            ("no end", root.replace("-----END", "")), ("noise", pem::encode(pem::CERTIFICATE, &[0x30; 3_000])),
        ] {
            let answer = app.post(PATH, json!({ "certificate_pem": given })).await;
            let error = expect(case, &answer, 422, "certificate_invalid").to_string();
            assert!(error.len() < 600 && !error.contains("KEY-----"), "{case}: {error}");
            if ["a word", "no base64", "no end"].contains(&case) {
                let answer = app.post(PATH, json!({ "certificate_pem": root, "chain_pem": given })).await;
                let error = expect(case, &answer, 422, "certificate_invalid");
                assert!(text(&error["message"]).contains("chain_pem"), "{case}: {error}");
            }
        }
        // One that cannot be read does not spoil the rest of a chain.
        trust(&app, "theirs", &root).await;
        let sub = theirs.ca("root", "sub", "");
        let leaf = theirs.leaf("sub", "leaf", &server("a.example.com", ""));
        let chain = format!("{}{sub}{}", pem::encode(pem::CERTIFICATE, &half), pem::encode(pem::CERTIFICATE, &[0x30, 0]));
        let answer = ask(&app, json!({ "certificate_pem": leaf, "chain_pem": chain })).await;
        assert_eq!(answer["valid"], json!(true), "{answer}");
        assert!(codes(&answer["warnings"]).contains("candidate_ignored"), "{answer}");
    }

    async fn other_fields_are_named_when_they_are_wrong(app: TestApp) {
        let root = Workshop::new().root("root");
        let base = json!({ "certificate_pem": root });
        let long = "9".repeat(50_000);
        for (change, field) in [
            (json!({ "at": "yesterday" }), "at"), (json!({ "at": "2020-13-01T00:00:00Z" }), "at"), (json!({ "at": "2020-01-01" }), "at"),
            (json!({ "at": "" }), "at"), (json!({ "at": 1_577_836_800 }), "at"), (json!({ "at": "2020-01-01T00:00:00" }), "at"),
            (json!({ "trust": ["everybody"] }), "trust"), (json!({ "trust": ["system", "System"] }), "trust"), (json!({ "trust": 7 }), "trust"),
            (json!({ "policies": ["gold"] }), "policies"), (json!({ "policies": ["1.2.3", "9.1"] }), "policies"), (json!({ "policies": [""] }), "policies"),
            (json!({ "policies": [format!("1.{long}")] }), "policies"), (json!({ "policies": [1.2] }), "policies"),
            (json!({ "purpose": "cooking" }), "purpose"), (json!({ "purpose": "" }), "purpose"), (json!({ "purpose": "1.x" }), "purpose"),
            (json!({ "hostname": "" }), "hostname"), (json!({ "hostname": "*.example.com" }), "hostname"), (json!({ "hostname": "a b" }), "hostname"),
            (json!({ "hostname": "a\u{0}.example.com" }), "hostname"), (json!({ "hostname": "https://a.example.com" }), "hostname"),
            (json!({ "crl_pem": "hello" }), "crl_pem"), (json!({ "crl_pem": root }), "crl_pem"),
            (json!({ "crl_pem": pem::encode(pem::X509_CRL, &[0x30, 0]) }), "crl_pem"),
            (json!({ "check_revocation": "yes" }), "check_revocation"), (json!({ "strict": 0 }), "strict"),
            (json!({ "certificate_pem": null }), "certificate_pem"), (json!({ "certificate_pem": [root] }), "certificate_pem"),
            (json!({ "certificate": root }), "certificate"),
        ] {
            let shown: String = change.to_string().chars().take(100).collect();
            let answer = app.post(PATH, changed(base.clone(), &change)).await;
            let error = expect(&shown, &answer, 422, "validation_error");
            let fields = error["details"]["fields"].as_object().unwrap();
            let named = fields.keys().any(|name| name.split(['.', '[']).next() == Some(field));
            assert!(named && answer.body.len() < 2_000, "{shown}: {error}");
        }
    }

    async fn a_body_full_of_certificates_is_answered_soon(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let sub = theirs.ca("root", "sub", "");
        let leaf = theirs.leaf("sub", "leaf", &server("a.example.com", ""));
        // All of them have the issuer's name and key id, and reach up to the anchor by name.
        let crowd: String = forgeries(&sub, 900).collect();
        for (case, certificate, chain, valid) in [
            ("the right one first", &leaf, format!("{sub}{crowd}"), true),
            ("the right one last", &leaf, format!("{crowd}{sub}"), false),
            ("all at once", &leaf, format!("{sub}{crowd}{}", forgeries(&sub, 99).collect::<String>()), true),
        ] {
            assert!(chain.len() < 1_000_000, "{case}: {}", chain.len());
            let started = Instant::now();
            let answer = ask(&app, json!({ "certificate_pem": certificate, "chain_pem": chain, "check_revocation": true })).await;
            let elapsed = started.elapsed();
            assert!(elapsed < QUICK, "{case}: {elapsed:?}");
            assert_eq!(answer["valid"], json!(valid), "{case}: {answer}");
            let warned = answer["warnings"].as_array().unwrap();
            assert!(warned.iter().any(|warning| text(&warning["message"]).contains("500 candidates")), "{case}: {answer}");
            assert!(answer.to_string().len() < 20_000, "{case}: the answer is long");
        }
        // More than a thousand objects are no chain.
        let many = pem::encode(pem::CERTIFICATE, &[0x30, 0]).repeat(1_001);
        let answer = app.post(PATH, json!({ "certificate_pem": leaf, "chain_pem": many })).await;
        expect("1001 blocks", &answer, 422, "certificate_invalid");
        // A body full of CRLs neither.
        let crls = theirs.crl("root").repeat(101);
        let answer = app.post(PATH, json!({ "certificate_pem": leaf, "crl_pem": crls })).await;
        let error = expect("101 CRLs", &answer, 422, "validation_error");
        assert!(text(&error["details"]["fields"]["crl_pem"]).contains("at most 100"), "{error}");
        let large = "x".repeat(1_100_000);
        let answer = app.post(PATH, json!({ "certificate_pem": leaf, "chain_pem": large })).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text());
    }
}

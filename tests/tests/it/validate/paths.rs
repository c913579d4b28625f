//! Paths to trust anchors: what makes them valid, and which one is taken.

use certmill_x509::pem;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use super::workshop::{CA, LONG, Workshop, server};
use super::{PATH, are, ask, codes, subjects, trust, verdict};
use crate::ca::{changed, text};

/// Asks about `certificate` with `change`.
async fn judge(app: &TestApp, certificate: &str, change: Value) -> Value {
    ask(app, changed(json!({ "certificate_pem": certificate }), &change)).await
}

/// A certificate of the machine's store that is valid now.
fn public_root() -> String {
    let store = std::fs::read_to_string("/etc/ssl/certs/ca-certificates.crt")
        .expect("install the system's root certificates, for example with `apt-get install ca-certificates`");
    let judge = tests::openssl::Judge::new();
    let blocks = pem::decode_all(pem::CERTIFICATE, &store).unwrap();
    let is_valid = |pem: &String| {
        judge.write("root.pem", pem);
        judge.try_run("x509 -in root.pem -noout -checkend 0").0
    };
    blocks
        .iter()
        .map(|der| pem::encode(pem::CERTIFICATE, der))
        .find(is_valid)
        .expect("every public root has ended")
}

both_modes! {
    async fn the_instant_decides(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let dates = ("20200101000000Z", "20210101000000Z");
        let leaf = theirs.dated("root", "leaf", dates, &server("a.example.com", ""));
        for (at, code) in [
            (None, Some("expired")), (Some("2020-06-01T00:00:00Z"), None), (Some("2020-06-01T01:30:00.5+01:30"), None),
            (Some("2020-01-01T00:00:00Z"), None), (Some("2021-01-01T00:00:00Z"), None),
            (Some("2021-01-01T00:00:01Z"), Some("expired")), (Some("2019-12-31T23:59:59Z"), Some("not_yet_valid")),
        ] {
            let answer = judge(&app, &leaf, json!({ "at": at })).await;
            let expected = code.map_or((true, true, true, None), |_| (false, true, false, None));
            assert_eq!(verdict(&answer), expected, "{at:?}: {answer}");
            assert!(are(&answer["errors"], code.as_slice()), "{at:?}: {answer}");
        }
        // The anchor is too young, or too old, for these.
        for (at, code) in [("2014-12-31T00:00:00Z", "not_yet_valid"), ("2040-06-01T00:00:00Z", "expired")] {
            let always = theirs.dated("root", "always", ("20000101000000Z", "20480101000000Z"), &server("b.example.com", ""));
            let answer = judge(&app, &always, json!({ "at": at })).await;
            assert_eq!(verdict(&answer), (false, true, false, None), "{at}: {answer}");
            assert!(are(&answer["errors"], &[code]), "{at}: {answer}");
            assert_eq!(answer["errors"][0]["certificate"]["subject"], "CN=root,O=Theirs");
        }
    }

    async fn mail_depth_and_several_purposes_are_asked_for(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let (one, two) = (theirs.ca("root", "one", ""), theirs.ca("one", "two", ""));
        let extensions = "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n\
                          subjectAltName=email:Ann@Example.com\nextendedKeyUsage=emailProtection,clientAuth\n";
        let leaf = theirs.leaf("two", "leaf", extensions);
        let chain = format!("{one}{two}");
        for (change, code) in [
            (json!({ "email": "Ann@example.COM" }), None), (json!({ "email": "ann@example.com" }), Some("name_mismatch")),
            (json!({ "email": "Bob@example.com" }), Some("name_mismatch")), (json!({ "hostname": "example.com" }), Some("name_mismatch")),
            (json!({ "max_depth": 2 }), None), (json!({ "max_depth": 1 }), Some("path_too_long")), (json!({ "max_depth": 0 }), Some("path_too_long")),
            (json!({ "purposes": ["emailProtection", "clientAuth"] }), None),
            (json!({ "purpose": "clientAuth", "purposes": ["emailProtection"] }), None),
            (json!({ "purposes": ["emailProtection", "serverAuth"] }), Some("purpose_not_permitted")),
        ] {
            let mut change = change;
            change["chain_pem"] = json!(chain);
            let answer = judge(&app, &leaf, change.clone()).await;
            assert!(are(&answer["errors"], code.as_slice()), "{change}: {answer}");
        }
        for (change, field) in [
            (json!({ "email": "nobody" }), "email"), (json!({ "email": "a@example.com", "hostname": "example.com" }), "email"),
            (json!({ "max_depth": -1 }), "max_depth"), (json!({ "max_depth": 15 }), "max_depth"), (json!({ "purposes": ["flying"] }), "purposes"),
        ] {
            let body = changed(json!({ "certificate_pem": leaf }), &change);
            let error = app.post(PATH, body).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{change}: {error}");
        }
    }

    /// RFC 5280 §4.2.1.4.
    async fn critical_policies_with_unknown_qualifiers_are_rejected(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        // CertificatePolicies of one policy, whose qualifier is id-qt-cps or 1.2.3.4.
        let policies = |qualifier: &str| {
            let kind = if qualifier == "cps" { "06082b06010505070201" } else { "06032a0304" };
            let value = "160568747470 3a".replace(' ', "");
            let wrap = |tag: &str, inner: &str| format!("{tag}{:02x}{inner}", inner.len() / 2);
            let information = wrap("30", &format!("{}{}", "06032a0305", wrap("30", &wrap("30", &format!("{kind}{value}")))));
            wrap("30", &information)
        };
        for (critical, qualifier, is_valid) in [("critical,", "cps", true), ("", "other", true), ("critical,", "other", false)] {
            let extensions = server("a.example.com", &format!("certificatePolicies={critical}DER:{}", policies(qualifier)));
            let leaf = theirs.leaf("root", "leaf", &extensions);
            let answer = judge(&app, &leaf, json!({})).await;
            assert_eq!(answer["valid"], is_valid, "{critical}{qualifier}: {answer}");
            if !is_valid {
                assert!(text(&answer["errors"][0]["message"]).contains("1.2.3.4"), "{answer}");
            }
        }
    }

    async fn name_and_purpose_must_fit(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let extensions = "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\nextendedKeyUsage=serverAuth\n\
                          subjectAltName=DNS:www.example.com,DNS:*.apps.example.com,IP:192.0.2.7,IP:2001:db8::7\n";
        let leaf = theirs.leaf("root", "leaf", extensions);
        let clients = theirs.ca("root", "clients", "extendedKeyUsage=clientAuth");
        let under = theirs.leaf("clients", "under", extensions);
        let plain = theirs.leaf("root", "plain", &server("www.example.com", ""));
        for (certificate, change, code) in [
            (&leaf, json!({ "hostname": "www.example.com" }), None),
            (&leaf, json!({ "hostname": "WWW.Example.COM" }), None),
            (&leaf, json!({ "hostname": "one.apps.example.com" }), None),
            (&leaf, json!({ "hostname": "192.0.2.7" }), None),
            // Hosts that a service here would not certify are hosts all the same.
            (&leaf, json!({ "hostname": "one_two.apps.example.com" }), None),
            (&leaf, json!({ "hostname": "_dmarc.example.com" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "xn--i-7iq.ws" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "xn--zzzzzzzz.example.com" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "[2001:db8::7]" }), None),
            (&leaf, json!({ "hostname": "example.com" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "one.two.apps.example.com" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "apps.example.com" }), Some("name_mismatch")),
            (&leaf, json!({ "hostname": "192.0.2.8" }), Some("name_mismatch")),
            // The common name is no host name (RFC 9525 section 6.4.4).
            (&leaf, json!({ "hostname": "leaf" }), Some("name_mismatch")),
            (&leaf, json!({ "purpose": "serverAuth" }), None),
            (&leaf, json!({ "purpose": "1.3.6.1.5.5.7.3.1" }), None),
            (&leaf, json!({ "purpose": "clientAuth" }), Some("purpose_not_permitted")),
            (&leaf, json!({ "purpose": "codeSigning", "hostname": "www.example.com" }), Some("purpose_not_permitted")),
            (&plain, json!({ "purpose": "codeSigning" }), None),
            // For clients only above, for servers only below: for nothing.
            (&under, json!({ "chain_pem": clients }), Some("purpose_not_permitted")),
            (&under, json!({ "chain_pem": clients, "purpose": "serverAuth" }), Some("purpose_not_permitted")),
        ] {
            let answer = judge(&app, certificate, change.clone()).await;
            assert_eq!(answer["valid"], json!(code.is_none()), "{change}: {answer}");
            assert!(are(&answer["errors"], code.as_slice()), "{change}: {answer}");
        }
    }

    async fn what_a_ca_may_not_do_counts(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let constraints = "nameConstraints=critical,permitted;DNS:example.com,excluded;DNS:secret.example.com";
        let named = theirs.ca("root", "named", constraints);
        // CAs by name and key; what they may do is for their certificates to say.
        let odd_ca = |name: &str, extensions: &str| {
            theirs.request(name, name);
            theirs.register(name);
            theirs.again("root", (name, name), LONG, extensions)
        };
        let short = odd_ca("short", &CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"));
        let below = theirs.ca("short", "below", "");
        let mute = odd_ca("mute", &CA.replace("keyCertSign,", ""));
        let end = odd_ca("end", &server("end.example.com", "subjectKeyIdentifier=hash"));
        let odd = "1.2.3.4=critical,DER:0500\n";
        for (case, issuer, host, more, chain, code) in [
            ("permitted", "named", "a.example.com", "", named.clone(), None),
            ("outside", "named", "a.example.org", "", named.clone(), Some("name_not_permitted")),
            ("excluded", "named", "a.secret.example.com", "", named.clone(), Some("name_excluded")),
            ("directly below a short CA", "short", "a.example.com", "", short.clone(), None),
            ("too far below a short CA", "below", "a.example.com", "", format!("{short}{below}"), Some("path_length_exceeded")),
            ("below a CA that may not sign", "mute", "a.example.com", "", mute, Some("key_usage_lacks_cert_sign")),
            ("below no CA", "end", "a.example.com", "", end, Some("not_a_ca")),
            ("with an unknown critical extension", "root", "a.example.com", odd, String::new(), Some("unknown_critical_extension")),
        ] {
            let leaf = theirs.leaf(issuer, "leaf", &server(host, more));
            let change = if chain.is_empty() { json!({}) } else { json!({ "chain_pem": chain }) };
            let answer = judge(&app, &leaf, change).await;
            let expected = (code.is_none(), code.is_none(), true, None);
            assert_eq!(verdict(&answer), expected, "{case}: {answer}");
            assert!(code.is_none_or(|code| codes(&answer["errors"]).contains(code)), "{case}: {answer}");
        }
    }

    async fn the_order_of_the_chain_and_strangers_in_it_do_not_matter(app: TestApp) {
        let theirs = Workshop::new();
        let root = theirs.root("root");
        trust(&app, "theirs", &root).await;
        let chain = [theirs.ca("root", "one", ""), theirs.ca("one", "two", ""), theirs.ca("two", "three", "")];
        let leaf = theirs.leaf("three", "leaf", &server("a.example.com", ""));
        // Same names as in the chain, other keys.
        let namesake = Workshop::new();
        let strangers = [namesake.root("root"), namesake.ca("root", "one", ""), namesake.ca("one", "three", ""), theirs.root("else")];
        let subjects_of_path = ["leaf", "three", "two", "one", "root"].map(|name| format!("CN={name},O=Theirs"));
        let [one, two, three] = &chain;
        for (case, text) in [
            ("downwards", format!("{one}{two}{three}")), ("upwards", format!("{three}{two}{one}")), ("mixed", format!("{two}{three}{one}")),
            ("with the root and the leaf", format!("{root}{one}{leaf}{two}{three}")),
            ("doubled", format!("{three}{three}{one}{two}{one}{two}")),
            ("among strangers", format!("{}{three}{}{one}{}{two}{}", strangers[0], strangers[1], strangers[2], strangers[3])),
        ] {
            let answer = judge(&app, &leaf, json!({ "chain_pem": text })).await;
            assert_eq!(verdict(&answer), (true, true, true, None), "{case}: {answer}");
            assert_eq!(subjects(&answer), subjects_of_path, "{case}");
            assert!(are(&answer["warnings"], &["revocation_not_checked"]), "{case}: {answer}");
            assert_eq!(answer["warnings"].as_array().unwrap().len(), 1, "once for a path: {answer}");
        }
        let together = format!("{leaf}{two}{one}{three}");
        assert_eq!(judge(&app, &together, json!({})).await["valid"], json!(true));
        let gap = judge(&app, &leaf, json!({ "chain_pem": format!("{one}{three}{}", strangers[2]) })).await;
        assert_eq!(verdict(&gap), (false, false, true, None), "{gap}");
        assert!(codes(&gap["errors"]).contains("unknown_issuer"), "{gap}");
        assert_eq!(subjects(&gap), subjects_of_path[..2]);
    }

    async fn a_path_that_works_is_found_behind_one_that_does_not(app: TestApp) {
        let theirs = Workshop::new();
        for name in ["left", "right"] {
            trust(&app, name, &theirs.root(name)).await;
        }
        theirs.request("sub", "sub");
        theirs.register("sub");
        let right = theirs.again("right", ("sub", "sub"), LONG, CA);
        let leaf = theirs.leaf("sub", "leaf", &server("a.example.com", ""));
        let ended = theirs.again("left", ("sub", "ended"), ("20150101000000Z", "20160101000000Z"), CA);
        let narrow = theirs.again("left", ("sub", "narrow"), LONG, &format!("{CA}nameConstraints=critical,permitted;DNS:example.org\n"));
        let idle = theirs.again("left", ("sub", "idle"), LONG, &CA.replace("keyCertSign,", ""));
        for (case, broken, code) in [
            ("expired", ended, "expired"), ("of other names", narrow, "name_not_permitted"), ("not for signing", idle, "key_usage_lacks_cert_sign"),
        ] {
            for chain in [format!("{broken}{right}"), format!("{right}{broken}")] {
                let answer = judge(&app, &leaf, json!({ "chain_pem": chain })).await;
                assert_eq!(verdict(&answer), (true, true, true, None), "{case}: {answer}");
                assert_eq!(answer["trusted_anchor"]["name"], "right", "{case}: {answer}");
            }
            let answer = judge(&app, &leaf, json!({ "chain_pem": broken })).await;
            assert!(answer["valid"] == json!(false) && codes(&answer["errors"]).contains(code), "{case}: {answer}");
            assert_eq!(answer["trusted_anchor"]["name"], "left", "{case}: {answer}");
        }
    }

    async fn an_anchor_counts_while_it_is_there(app: TestApp) {
        let theirs = Workshop::new();
        let root = theirs.root("root");
        let leaf = theirs.leaf("root", "leaf", &server("a.example.com", ""));
        let stranger = judge(&app, &leaf, json!({ "chain_pem": root })).await;
        assert_eq!(verdict(&stranger), (false, false, true, None), "{stranger}");
        assert!(are(&stranger["errors"], &["unknown_issuer"]) && stranger["trusted_anchor"].is_null(), "{stranger}");
        let anchor = trust(&app, "theirs", &root).await;
        let answer = judge(&app, &leaf, json!({})).await;
        let told = &answer["trusted_anchor"];
        assert_eq!((&told["id"], &told["name"], &told["source"]), (&anchor["id"], &json!("theirs"), &json!("trust_anchor")));
        assert_eq!((&told["subject"], &told["fingerprint_sha256"]), (&json!("CN=root,O=Theirs"), &anchor["fingerprint_sha256"]));
        let path = format!("/v1/pki/trust-anchors/{}", text(&anchor["id"]));
        let questions = vec![(PATH.to_owned(), json!({ "certificate_pem": leaf, "check_revocation": true })); 12];
        let (answers, deleted) = futures_util::join!(app.post_at_once(questions), app.delete(&path));
        assert_eq!(deleted.status, StatusCode::NO_CONTENT);
        for answer in answers {
            let answer = answer.json_with(StatusCode::OK);
            assert!(answer["valid"] == json!(true) || are(&answer["errors"], &["unknown_issuer"]), "{answer}");
        }
        assert!(are(&judge(&app, &leaf, json!({})).await["errors"], &["unknown_issuer"]));
    }

    async fn the_machines_roots_are_trusted_on_request(app: TestApp) {
        let root = public_root();
        let unasked = judge(&app, &root, json!({})).await;
        assert!(unasked["valid"] == json!(false) && unasked["trusted_anchor"].is_null(), "{unasked}");
        let answer = judge(&app, &root, json!({ "trust": ["system"] })).await;
        assert_eq!(answer["valid"], json!(true), "{answer}");
        let told = &answer["trusted_anchor"];
        assert_eq!((&told["source"], &told["id"], &told["name"]), (&json!("system"), &Value::Null, &Value::Null));
        assert_eq!(judge(&app, &root, json!({ "trust": [] })).await["valid"], json!(false));
        // Its presence does not make anybody else trusted.
        let stranger = Workshop::new().root("stranger");
        assert_eq!(judge(&app, &stranger, json!({ "trust": ["system"] })).await["valid"], json!(false));
    }

    async fn breaches_of_the_profile_are_warnings_when_asked(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let leaf = theirs.leaf("root", "leaf", "basicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=none\nsubjectAltName=DNS:a.example.com\n");
        for strict in [json!(true), Value::Null] {
            let answer = judge(&app, &leaf, json!({ "strict": strict })).await;
            assert!(are(&answer["errors"], &["authority_key_id_missing"]) && answer["valid"] == json!(false), "{answer}");
        }
        let answer = judge(&app, &leaf, json!({ "strict": false })).await;
        assert!(are(&answer["errors"], &[]) && answer["valid"] == json!(true), "{answer}");
        assert!(are(&answer["warnings"], &["authority_key_id_missing", "revocation_not_checked"]), "{answer}");
        // It is no licence for anything else.
        let answer = judge(&app, &leaf, json!({ "strict": false, "hostname": "b.example.com" })).await;
        assert!(are(&answer["errors"], &["name_mismatch"]) && answer["valid"] == json!(false), "{answer}");
    }
}

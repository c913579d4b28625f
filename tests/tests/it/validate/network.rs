//! Revocation of other people's certificates, found out over the network.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use certmill_x509::pem;
use serde_json::{Value, json};
use tests::both_modes;

use super::site::{Page, Site};
use super::workshop::{CA, LONG, Workshop, server};
use super::{are, ask, codes, trust, verdict};
use crate::ca::text;

const GOOD: (bool, bool, bool, Option<bool>) = (true, true, true, Some(true));
const REVOKED: (bool, bool, bool, Option<bool>) = (false, true, true, Some(false));
const UNKNOWN: (bool, bool, bool, Option<bool>) = (true, true, true, None);

fn crl_at(url: &str) -> String {
    server("a.example.com", &format!("crlDistributionPoints=URI:{url}"))
}

fn ocsp_at(url: &str) -> String {
    server("a.example.com", &format!("authorityInfoAccess=OCSP;URI:{url}"))
}

fn der(crl: &str) -> Vec<u8> {
    pem::decode_one(&[pem::X509_CRL], crl).unwrap()
}

fn question(certificate: &str) -> Value {
    json!({ "certificate_pem": certificate, "check_revocation": true })
}

/// The messages of the warnings with this code.
fn told<'a>(answer: &'a Value, code: &str) -> Vec<&'a str> {
    let warnings = answer["warnings"].as_array().unwrap().iter();
    warnings.filter(|warning| warning["code"] == code).map(|warning| text(&warning["message"])).collect()
}

/// Answers requests out of the register of `issuer`, signed by `signer`.
fn responder(theirs: &Arc<Workshop>, issuer: &'static str, signer: &'static str) -> Page {
    let theirs = Arc::clone(theirs);
    Page::Made(Arc::new(move |request| theirs.ocsp(issuer, signer, request)))
}

both_modes! {
    async fn a_crl_is_fetched_from_the_distribution_point(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let leaf = theirs.leaf("root", "leaf", &crl_at(&site.url("/ca.crl")));
        // Not asked, not fetched; given, not fetched either.
        assert_eq!(verdict(&ask(&app, json!({ "certificate_pem": leaf })).await), UNKNOWN);
        let given = json!({ "certificate_pem": leaf, "check_revocation": true, "crl_pem": theirs.crl("root") });
        assert_eq!(verdict(&ask(&app, given).await), GOOD);
        assert_eq!(site.hits(), Vec::<String>::new());
        let crl = theirs.crl("root");
        site.set("/elsewhere", Page::Body(der(&crl)));
        for page in [
            Page::Body(der(&crl)), Page::Body(crl.clone().into_bytes()), Page::Unannounced(der(&crl)),
            Page::Redirect(site.url("/elsewhere")),
        ] {
            site.set("/ca.crl", page);
            let answer = ask(&app, question(&leaf)).await;
            assert!(verdict(&answer) == GOOD && are(&answer["warnings"], &[]), "{answer}");
            assert_eq!(site.hits()[0], "GET /ca.crl");
        }
        theirs.revoke("root", "leaf");
        site.set("/ca.crl", Page::Body(der(&theirs.crl("root"))));
        let answer = ask(&app, question(&leaf)).await;
        assert!(verdict(&answer) == REVOKED && are(&answer["errors"], &["revoked"]), "{answer}");
        assert!(text(&answer["errors"][0]["message"]).contains("keyCompromise"), "{answer}");
    }

    async fn a_crl_that_cannot_be_had_or_used_is_a_warning(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let leaf = theirs.leaf("root", "leaf", &crl_at(&site.url("/ca.crl")));
        theirs.root("other");
        // The forger calls himself like the CA.
        theirs.root_as("forger", "root", "");
        let forged = der(&theirs.crl("forger"));
        let old = der(&theirs.crl_dated("root", "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200108000000Z"));
        let early = der(&theirs.crl_dated("root", "-crl_lastupdate 20370101000000Z -crl_nextupdate 20380108000000Z"));
        let good = der(&theirs.crl("root"));
        let mut spoilt = good.clone();
        let last = spoilt.len() - 1;
        spoilt[last] ^= 1;
        for (case, page, code, says) in [
            ("404", Page::Status(404), "crl_unavailable", "404"),
            ("500", Page::Status(500), "crl_unavailable", "500"),
            ("nothing", Page::Body(Vec::new()), "crl_unavailable", ""),
            ("a web page", Page::Body(b"<html>Welcome!</html>".to_vec()), "crl_unavailable", ""),
            ("half of it", Page::Body(good[..good.len() / 2].to_vec()), "crl_unavailable", ""),
            ("noise", Page::Body(vec![0x30; 5_000]), "crl_unavailable", ""),
            ("64 MiB and an octet", Page::Announced((64 << 20) + 1), "crl_unavailable", "67108864"),
            ("less than announced", Page::Announced(100), "crl_unavailable", ""),
            ("a circle", Page::Redirect(site.url("/ca.crl")), "crl_unavailable", "redirect"),
            ("a way inside", Page::Redirect("http://169.254.169.254/latest/meta-data/".into()), "crl_unavailable", "egress policy"),
            ("a way to a file", Page::Redirect("file:///etc/passwd".into()), "crl_unavailable", "redirect"),
            ("an old one", Page::Body(old), "crl_stale", "2020-01-08"),
            ("one of the future", Page::Body(early), "crl_not_yet_valid", ""),
            ("a forged one", Page::Body(forged), "crl_signature_invalid", ""),
            ("a spoilt one", Page::Body(spoilt), "crl_signature_invalid", ""),
            ("another CA's", Page::Body(der(&theirs.crl("other"))), "no_crl", "CN=root"),
        ] {
            site.set("/ca.crl", page);
            let answer = ask(&app, question(&leaf)).await;
            assert_eq!(verdict(&answer), UNKNOWN, "{case}: {answer}");
            let messages = told(&answer, code);
            assert!(messages.iter().any(|message| message.contains(says)), "{case}: no {code} with `{says}`: {answer}");
            assert!(answer["warnings"].to_string().len() < 2_000, "{case}: {answer}");
            let about = &answer["warnings"][0]["certificate"]["fingerprint_sha256"];
            assert_eq!(*about, answer["chain"][0]["fingerprint_sha256"], "{case}: {answer}");
        }
        // The second of two addresses serves when the first does not.
        let two = format!("{},URI:{}", site.url("/gone"), site.url("/ca.crl"));
        site.set("/ca.crl", Page::Body(good));
        let leaf = theirs.leaf("root", "two", &crl_at(&two));
        assert_eq!(verdict(&ask(&app, question(&leaf)).await), GOOD);
    }

    /// Whoever holds back a fresh CRL does not undo a revocation that is in hand.
    async fn an_old_crl_still_says_who_was_revoked(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let leaf = theirs.leaf("root", "leaf", &crl_at(&site.url("/ca.crl")));
        let fresh = der(&theirs.crl("root"));
        theirs.hold("root", "leaf");
        let old = theirs.crl_dated("root", "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200108000000Z");
        let given = json!({ "certificate_pem": leaf, "check_revocation": true, "crl_pem": old });
        site.set("/ca.crl", Page::Status(503));
        let answer = ask(&app, given.clone()).await;
        assert!(verdict(&answer) == REVOKED && text(&answer["errors"][0]["message"]).contains("certificateHold"), "{answer}");
        // A suspension may have been lifted since, so that is asked about once more.
        assert_eq!(site.hits(), ["GET /ca.crl"]);
        site.set("/ca.crl", Page::Body(fresh));
        let answer = ask(&app, given).await;
        assert_eq!(verdict(&answer), GOOD, "{answer}");
        // Every other reason is final.
        theirs.judge().write("root.index", theirs.judge().read("root.index").replace("certificateHold", "superseded"));
        let old = theirs.crl_dated("root", "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200108000000Z");
        let given = json!({ "certificate_pem": leaf, "check_revocation": true, "crl_pem": old });
        site.set("/ca.crl", Page::Status(503));
        site.hits();
        let answer = ask(&app, given).await;
        assert!(verdict(&answer) == REVOKED && site.hits().is_empty(), "{answer}");
    }

    /// The old certificate of a CA with a new key is the anchor, and its key still signs the CRL.
    async fn the_anchors_key_signs_crls_too(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "old", &theirs.root_as("old", "Ca", "")).await;
        theirs.request("new", "Ca");
        theirs.register("new");
        let new = theirs.again("old", ("new", "new"), LONG, CA);
        let leaf = theirs.leaf("new", "leaf", &server("a.example.com", ""));
        let question = |crl: String| json!({ "certificate_pem": leaf, "chain_pem": new, "check_revocation": true, "crl_pem": crl });
        let answer = ask(&app, question(theirs.crl("old"))).await;
        assert!(verdict(&answer) == GOOD && answer["chain"].as_array().unwrap().len() == 3, "{answer}");
        // The old key's register says that the leaf is revoked.
        theirs.judge().run("ca -config old.cnf -cert old.pem -keyfile old.key -revoke leaf.pem -crl_reason keyCompromise");
        let answer = ask(&app, question(theirs.crl("old"))).await;
        assert_eq!(verdict(&answer), REVOKED, "{answer}");
    }

    async fn a_closed_port_and_a_silent_server_do_not_hold_up_the_answer(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let closed = launch::free_port();
        let leaf = theirs.leaf("root", "closed", &crl_at(&format!("http://127.0.0.1:{closed}/ca.crl")));
        let answer = ask(&app, question(&leaf)).await;
        assert!(verdict(&answer) == UNKNOWN && told(&answer, "crl_unavailable").len() == 1, "{answer}");
        let leaf = theirs.leaf("root", "refused", &ocsp_at(&format!("http://127.0.0.1:{closed}/")));
        let answer = ask(&app, question(&leaf)).await;
        assert!(verdict(&answer) == UNKNOWN && told(&answer, "ocsp_unavailable").len() == 1, "{answer}");
        site.set("/silence", Page::Silence);
        let leaf = theirs.leaf("root", "silent", &crl_at(&site.url("/silence")));
        let limit = Duration::from_secs(15);
        let answer = tokio::time::timeout(limit, ask(&app, question(&leaf))).await.expect("the limit of one fetch is 6 s");
        assert!(verdict(&answer) == UNKNOWN, "{answer}");
        assert!(told(&answer, "crl_unavailable")[0].contains("did not answer"), "{answer}");
    }

    async fn addresses_that_the_policy_denies_are_not_connected_to(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        // Somebody would answer there.
        let v4 = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        let v6 = std::net::TcpListener::bind("[::1]:0");
        let port = v4.local_addr().unwrap().port();
        let port6 = v6.as_ref().map_or(port, |listener| listener.local_addr().unwrap().port());
        for url in [
            format!("http://127.0.0.2:{port}/"), format!("http://[::1]:{port6}/"), format!("http://[::ffff:127.0.0.2]:{port}/"),
            format!("http://0x7f.2:{port}/"), "http://169.254.169.254/latest/meta-data/".to_owned(), "http://10.0.0.1/".to_owned(),
            "http://0.0.0.0/".to_owned(),
        ] {
            for (extensions, code) in [(crl_at(&url), "crl_unavailable"), (ocsp_at(&url), "ocsp_unavailable")] {
                let leaf = theirs.leaf("root", "leaf", &extensions);
                let answer = ask(&app, question(&leaf)).await;
                assert!(verdict(&answer) == UNKNOWN, "{url}: {answer}");
                assert!(told(&answer, code)[0].contains("egress policy"), "{url}: {answer}");
            }
        }
        for url in ["ftp://127.0.0.1/ca.crl", "ldap://127.0.0.1/cn=ca", "file:///etc/passwd"] {
            let leaf = theirs.leaf("root", "leaf", &crl_at(url));
            let answer = ask(&app, question(&leaf)).await;
            assert!(verdict(&answer) == UNKNOWN && told(&answer, "source_unusable")[0].contains(url), "{url}: {answer}");
        }
        for listener in std::iter::once(v4).chain(v6) {
            listener.set_nonblocking(true).unwrap();
            let nobody = listener.accept().expect_err("the service has connected");
            assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
        }
    }

    async fn a_responder_is_asked(app: TestApp) {
        let (theirs, site) = (Arc::new(Workshop::new()), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        theirs.leaf("root", "delegate", "extendedKeyUsage=OCSPSigning\nnoCheck=yes\nauthorityKeyIdentifier=keyid\n");
        let leaf = theirs.leaf("root", "leaf", &ocsp_at(&site.url("/ocsp")));
        for signer in ["root", "delegate"] {
            site.set("/ocsp", responder(&theirs, "root", signer));
            let answer = ask(&app, question(&leaf)).await;
            assert!(verdict(&answer) == GOOD && are(&answer["warnings"], &[]), "{signer}: {answer}");
            assert_eq!(site.hits(), ["POST /ocsp"]);
        }
        theirs.revoke("root", "leaf");
        let answer = ask(&app, question(&leaf)).await;
        assert!(verdict(&answer) == REVOKED && are(&answer["errors"], &["revoked"]), "{answer}");
        assert!(text(&answer["errors"][0]["message"]).contains("keyCompromise"), "{answer}");
        assert_eq!(verdict(&ask(&app, json!({ "certificate_pem": leaf })).await), UNKNOWN);
    }

    async fn a_response_that_proves_nothing_is_a_warning(app: TestApp) {
        let (theirs, site) = (Arc::new(Workshop::new()), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        theirs.root("other");
        theirs.leaf("other", "stranger", "extendedKeyUsage=OCSPSigning\nauthorityKeyIdentifier=keyid\n");
        theirs.leaf("root", "peer", &server("peer.example.com", ""));
        let leaf = theirs.leaf("root", "leaf", &ocsp_at(&site.url("/ocsp")));
        let recorder = Arc::clone(&theirs);
        let recorded = Arc::new(std::sync::Mutex::new(Vec::new()));
        let tape = Arc::clone(&recorded);
        site.set("/ocsp", Page::Made(Arc::new(move |request| {
            let response = recorder.ocsp("root", "root", request);
            tape.lock().unwrap().clone_from(&response);
            response
        })));
        assert_eq!(verdict(&ask(&app, question(&leaf)).await), GOOD);
        let recorded = recorded.lock().unwrap().clone();
        let mut spoilt = recorded.clone();
        let last = spoilt.len() - 20;
        spoilt[last] ^= 1;
        // A register that has never heard of it.
        theirs.register("empty");
        for kind in ["pem", "key"] {
            std::fs::copy(theirs.judge().path().join(format!("root.{kind}")), theirs.judge().path().join(format!("empty.{kind}"))).unwrap();
        }
        for (case, page, code, says) in [
            ("404", Page::Status(404), "ocsp_unavailable", "404"),
            ("nothing", Page::Body(Vec::new()), "ocsp_unavailable", ""),
            ("noise", Page::Body(vec![0x30; 3_000]), "ocsp_unavailable", ""),
            ("more than 64 KiB", Page::Unannounced(vec![0; (64 << 10) + 1]), "ocsp_unavailable", "65536"),
            ("tryLater", Page::Body(vec![0x30, 3, 0x0a, 1, 3]), "ocsp_refused", ""),
            ("unauthorized", Page::Body(vec![0x30, 3, 0x0a, 1, 6]), "ocsp_refused", ""),
            ("successful, without a response", Page::Body(vec![0x30, 3, 0x0a, 1, 0]), "ocsp", ""),
            ("an answer from before", Page::Body(recorded), "ocsp_nonce_mismatch", ""),
            ("a spoilt signature", Page::Body(spoilt), "ocsp", ""),
            ("a certificate of the same CA", responder(&theirs, "root", "peer"), "ocsp_signer_not_authorised", ""),
            ("another CA's responder", responder(&theirs, "root", "stranger"), "ocsp_signer_not_authorised", ""),
            ("another CA", responder(&theirs, "root", "other"), "ocsp_signer_not_authorised", ""),
            ("an unknown certificate", responder(&theirs, "empty", "root"), "ocsp_unknown", ""),
        ] {
            site.set("/ocsp", page);
            let answer = ask(&app, question(&leaf)).await;
            assert_eq!(verdict(&answer), UNKNOWN, "{case}: {answer}");
            let warnings = answer["warnings"].as_array().unwrap();
            let fits = |warning: &Value| text(&warning["code"]).starts_with(code) && text(&warning["message"]).contains(says);
            assert!(warnings.iter().any(fits), "{case}: no {code} with `{says}`: {answer}");
        }
    }

    async fn a_crl_comes_before_the_responder(app: TestApp) {
        let (theirs, site) = (Arc::new(Workshop::new()), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let both = format!("{}authorityInfoAccess=OCSP;URI:{}\n", crl_at(&site.url("/ca.crl")), site.url("/ocsp"));
        let leaf = theirs.leaf("root", "leaf", &both);
        let (before, responder) = (der(&theirs.crl("root")), responder(&theirs, "root", "root"));
        theirs.revoke("root", "leaf");
        site.set("/ocsp", responder);
        // The CRL answers the question, though it is older than the revocation.
        site.set("/ca.crl", Page::Body(before));
        assert_eq!(verdict(&ask(&app, question(&leaf)).await), GOOD);
        assert_eq!(site.hits(), ["GET /ca.crl"]);
        site.set("/ca.crl", Page::Status(503));
        let answer = ask(&app, question(&leaf)).await;
        assert_eq!(verdict(&answer), REVOKED, "{answer}");
        assert_eq!(site.hits(), ["GET /ca.crl", "POST /ocsp"]);
        site.set("/ocsp", Page::Status(503));
        let answer = ask(&app, question(&leaf)).await;
        assert!(verdict(&answer) == UNKNOWN && are(&answer["warnings"], &["crl_unavailable", "no_crl", "ocsp_unavailable"]), "{answer}");
        site.set("/ca.crl", Page::Body(der(&theirs.crl("root"))));
        assert_eq!(verdict(&ask(&app, question(&leaf)).await), REVOKED);
    }

    async fn the_whole_path_is_asked_about(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let sub = theirs.ca("root", "sub", &format!("crlDistributionPoints=URI:{}", site.url("/root.crl")));
        let leaf = theirs.leaf("sub", "leaf", &crl_at(&site.url("/sub.crl")));
        let mut question = question(&leaf);
        question["chain_pem"] = json!(sub);
        site.set("/sub.crl", Page::Body(der(&theirs.crl("sub"))));
        // Half an answer is none.
        let answer = ask(&app, question.clone()).await;
        assert_eq!(verdict(&answer), UNKNOWN, "{answer}");
        assert_eq!(answer["warnings"][0]["certificate"]["fingerprint_sha256"], answer["chain"][1]["fingerprint_sha256"]);
        site.set("/root.crl", Page::Body(der(&theirs.crl("root"))));
        assert_eq!(verdict(&ask(&app, question.clone()).await), GOOD);
        theirs.revoke("root", "sub");
        site.set("/root.crl", Page::Body(der(&theirs.crl("root"))));
        site.set("/sub.crl", Page::Status(404));
        let answer = ask(&app, question.clone()).await;
        assert_eq!(verdict(&answer), REVOKED, "{answer}");
        assert_eq!(answer["errors"][0]["certificate"]["fingerprint_sha256"], answer["chain"][1]["fingerprint_sha256"]);
        assert!(codes(&answer["warnings"]).contains("crl_unavailable"), "{answer}");
    }

    async fn a_revoked_path_is_left_for_one_that_is_not(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        let (one, two) = (theirs.root("one"), theirs.root("two"));
        let point = |root: &str| format!("{CA}crlDistributionPoints=URI:{}\n", site.url(&format!("/{root}.crl")));
        theirs.request("sub", "sub");
        theirs.register("sub");
        let first = theirs.again("one", ("sub", "sub"), LONG, &point("one"));
        let second = theirs.again("two", ("sub", "cross"), LONG, &point("two"));
        let leaf = theirs.leaf("sub", "leaf", &crl_at(&site.url("/sub.crl")));
        for (name, root) in [("one", one), ("two", two)] {
            trust(&app, name, &root).await;
        }
        let mut question = question(&leaf);
        question["chain_pem"] = json!(format!("{first}{second}"));
        let publish = |name: &str| site.set(&format!("/{name}.crl"), Page::Body(der(&theirs.crl(name))));
        for name in ["one", "two", "sub"] {
            publish(name);
        }
        assert_eq!(verdict(&ask(&app, question.clone()).await), GOOD);
        let anchor = |answer: &Value| text(&answer["trusted_anchor"]["name"]).to_owned();
        let used = anchor(&ask(&app, question.clone()).await);
        let (other, revoked) = if used == "one" { ("two", "sub") } else { ("one", "cross") };
        theirs.revoke(&used, revoked);
        publish(&used);
        let answer = ask(&app, question.clone()).await;
        assert!(verdict(&answer) == GOOD && are(&answer["errors"], &[]) && anchor(&answer) == other, "{answer}");
        theirs.revoke(other, if revoked == "sub" { "cross" } else { "sub" });
        publish(other);
        let answer = ask(&app, question).await;
        assert!(verdict(&answer) == REVOKED && are(&answer["errors"], &["revoked"]) && anchor(&answer) == used, "{answer}");
    }

    /// A certificate names many addresses, and each has a file that is large but permitted: together they are not, and what
    /// is asked about the certificate by OCSP is asked all the same.
    async fn one_validation_fetches_no_more_than_one_large_crl(app: TestApp) {
        let (theirs, site) = (Arc::new(Workshop::new()), Site::open().await);
        trust(&app, "theirs", &theirs.root("root")).await;
        let noise = vec![0x30; 20 << 20];
        let paths: Vec<String> = (0..8).map(|number| format!("/{number}.crl")).collect();
        for path in &paths {
            site.set(path, Page::Unannounced(noise.clone()));
        }
        site.set("/ocsp", responder(&theirs, "root", "root"));
        let urls: Vec<String> = paths.iter().map(|path| format!("URI:{}", site.url(path))).collect();
        let points = format!("crlDistributionPoints={}\n", urls.join(","));
        let silent = theirs.leaf("root", "silent", &server("a.example.com", &points));
        let answer = ask(&app, question(&silent)).await;
        assert_eq!(verdict(&answer), UNKNOWN, "{answer}");
        assert_eq!(site.hits().len(), 4, "three of 20 MiB, and one that was too large for the rest");
        let messages = told(&answer, "crl_unavailable");
        assert!(messages.last().unwrap().contains("what one validation may fetch was used up"), "{messages:?}");
        let both = format!("{points}authorityInfoAccess=OCSP;URI:{}", site.url("/ocsp"));
        let answered = theirs.leaf("root", "answered", &server("a.example.com", &both));
        let answer = ask(&app, question(&answered)).await;
        assert_eq!(verdict(&answer), GOOD, "{answer}");
        assert!(site.hits().contains(&"POST /ocsp".to_owned()));
    }

    async fn the_openssl_responder_is_understood(app: TestApp) {
        let theirs = Workshop::new();
        trust(&app, "theirs", &theirs.root("root")).await;
        let port = launch::free_port();
        let good = theirs.leaf("root", "good", &ocsp_at(&format!("http://127.0.0.1:{port}")));
        let bad = theirs.leaf("root", "bad", &ocsp_at(&format!("http://127.0.0.1:{port}/any/path")));
        theirs.revoke("root", "bad");
        let mut command = Command::new("openssl");
        command.current_dir(theirs.judge().path());
        let line = format!("ocsp -index root.index -CA root.pem -rsigner root.pem -rkey root.key -ndays 1 -port {port}");
        command.args(line.split(' '));
        let responder = launch::Process::start(command);
        assert!(responder.wait_for_log("aiting for OCSP client", Duration::from_secs(30)), "{}", responder.log());
        let answer = ask(&app, question(&good)).await;
        assert_eq!(verdict(&answer), GOOD, "{answer}: {}", responder.log());
        let answer = ask(&app, question(&bad)).await;
        assert_eq!(verdict(&answer), REVOKED, "{answer}: {}", responder.log());
    }
}

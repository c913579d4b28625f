//! `/pub/ocsp`: answers about certificates of ours, judged by `openssl ocsp`.

mod delegated;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{Answer, TestApp, both_modes};

use crate::ca::text;

const REQUEST: &str = "application/ocsp-request";

/// A CA that names its responder, and a folder with `ca.pem`.
async fn ca(app: &TestApp, judge: &Judge, key_type: &str) -> Value {
    let body = json!({ "name": format!("root-{key_type}"), "common_name": "Root", "ca_type": "root", "key_type": key_type, "ocsp": true });
    let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    let path = format!("/v1/pki/ca/{}/certificate", text(&ca["id"]));
    judge.write("ca.pem", text(&app.get(&path).await.json()["certificate_pem"]));
    ca
}

/// Issues a certificate into `{file}.pem`.
async fn leaf(app: &TestApp, judge: &Judge, ca: &Value, file: &str) -> Value {
    let role = format!("role-{}", text(&ca["id"]));
    if app.get(&format!("/v1/pki/roles/{role}")).await.status == StatusCode::NOT_FOUND {
        let body = json!({ "name": role, "ca_id": ca["id"], "key_type": "ec", "allow_any_name": true });
        app.post("/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
    }
    let issued =
        app.post(&format!("/v1/pki/issue/{role}"), json!({ "common_name": "a.example.internal" })).await;
    let issued = issued.json_with(StatusCode::CREATED);
    judge.write(&format!("{file}.pem"), text(&issued["certificate"]));
    issued
}

fn request(judge: &Judge, options: &str) -> Vec<u8> {
    judge.run(&format!("ocsp -issuer ca.pem {options} -reqout request.der"));
    std::fs::read(judge.path().join("request.der")).unwrap()
}

async fn post(app: &TestApp, ca: &Value, body: Vec<u8>) -> Answer {
    let path = format!("/pub/ocsp/{}", text(&ca["id"]));
    app.send(Method::POST, &path, None, &[], Some((REQUEST, body))).await
}

/// What openssl says of the answer to its own request.
fn verdict(judge: &Judge, answer: &Answer, options: &str) -> String {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/ocsp-response".to_owned())
    );
    judge.write("answer.der", &answer.body);
    let told = judge.run(&format!(
        "ocsp -no_nonce -reqin request.der -respin answer.der -CAfile ca.pem -issuer ca.pem {options}"
    ));
    assert!(told.contains("Response verify OK"), "{told}");
    told
}

async fn ask(app: &TestApp, judge: &Judge, ca: &Value, options: &str) -> String {
    verdict(judge, &post(app, ca, request(judge, options)).await, options)
}

async fn revoke(app: &TestApp, leaf: &Value, reason: &str) {
    let body = json!({ "serial_number": leaf["serial_number"], "reason": reason });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

/// The base64 text of a request as a path segment.
fn segment(der: &[u8]) -> String {
    STANDARD.encode(der).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

both_modes! {
    /// A job writes it to each row, and here there is nobody to do it.
    async fn what_a_revoked_ca_has_issued_is_revoked_at_once(mode: Mode) {
        let (app, judge) = (TestApp::without_worker(mode).await, Judge::new());
        let ca = ca(&app, &judge, "ec").await;
        leaf(&app, &judge, &ca, "one").await;
        assert!(ask(&app, &judge, &ca, "-cert one.pem").await.contains("one.pem: good"));
        let body = json!({ "reason": "keyCompromise" });
        app.post(&format!("/v1/pki/ca/{}/revoke", text(&ca["id"])), body).await.json_with(StatusCode::ACCEPTED);
        let told = ask(&app, &judge, &ca, "-cert one.pem").await;
        assert!(told.contains("one.pem: revoked") && told.contains("Reason: cACompromise"), "{told}");
    }
}

both_modes! {
    async fn the_rows_answer_at_once(app: TestApp) {
        for key_type in ["ec", "rsa", "ed25519"] {
            let judge = Judge::new();
            let ca = ca(&app, &judge, key_type).await;
            let one = leaf(&app, &judge, &ca, "one").await;
            let url = text(&ca["ocsp_url"]).to_owned();
            assert_eq!(url, format!("http://pki.test/pub/ocsp/{}", text(&ca["id"])));
            assert_eq!(judge.run("x509 -in one.pem -noout -ocsp_uri").trim(), url);
            for options in ["-cert one.pem", "-cert one.pem -no_nonce"] {
                let told = ask(&app, &judge, &ca, options).await;
                assert!(told.contains("one.pem: good"), "{key_type}: {told}");
            }
            // Nothing but what we have issued is good.
            let told = ask(&app, &judge, &ca, "-serial 0x123456").await;
            assert!(told.contains("0x123456: unknown"), "{told}");
            revoke(&app, &one, "superseded").await;
            let two = leaf(&app, &judge, &ca, "two").await;
            for options in ["-cert one.pem -cert two.pem", "-cert one.pem -cert two.pem -no_nonce"] {
                let told = ask(&app, &judge, &ca, options).await;
                assert!(told.contains("one.pem: revoked") && told.contains("Reason: superseded"), "{told}");
                assert!(told.contains("two.pem: good"), "{told}");
            }
            revoke(&app, &two, "keyCompromise").await;
            assert!(ask(&app, &judge, &ca, "-cert two.pem -no_nonce").await.contains("two.pem: revoked"));
            // The CA's own certificate is one that it has issued.
            assert!(ask(&app, &judge, &ca, "-cert ca.pem").await.contains("ca.pem: good"));
        }
    }

    async fn caches_are_told_what_they_may(app: TestApp) {
        let judge = Judge::new();
        let ca = ca(&app, &judge, "ec").await;
        let one = leaf(&app, &judge, &ca, "one").await;
        let der = request(&judge, "-cert one.pem -no_nonce");
        let path = format!("/pub/ocsp/{}/{}", text(&ca["id"]), segment(&der));
        let get = async |headers: &[(&str, &str)]| app.send(Method::GET, &path, None, headers, None).await;
        let first = get(&[]).await;
        assert!(verdict(&judge, &first, "-cert one.pem").contains("one.pem: good"));
        let cache = first.header("cache-control");
        assert!(cache.contains("max-age=300") && cache.contains("public") && cache.contains("no-transform"), "{cache}");
        assert!(first.header("last-modified").ends_with("GMT") && first.header("expires").ends_with("GMT"));
        let etag = first.header("etag");
        // The same signature again, and nothing for whoever has it.
        assert_eq!(get(&[]).await.body, first.body);
        let known = get(&[("if-none-match", &etag)]).await;
        assert_eq!((known.status, known.body.len(), known.header("etag")), (StatusCode::NOT_MODIFIED, 0, etag.clone()));
        // A revocation does not wait for any cache of ours.
        revoke(&app, &one, "superseded").await;
        let revoked = get(&[("if-none-match", &etag)]).await;
        assert!(verdict(&judge, &revoked, "-cert one.pem").contains("one.pem: revoked"));
        assert_ne!(revoked.header("etag"), etag);
        // What repeats a nonce is for one client.
        let nonced = post(&app, &ca, request(&judge, "-cert one.pem")).await;
        assert_eq!((nonced.header("cache-control"), nonced.header("etag")), ("no-store".to_owned(), String::new()));
        // Time goes on, and a signature does not grow old with us.
        let before = get(&[]).await;
        app.advance(std::time::Duration::from_secs(3_700)).await;
        assert_ne!(get(&[]).await.body, before.body);
    }

    async fn a_question_in_the_address_may_have_slashes(app: TestApp) {
        let judge = Judge::new();
        let ca = ca(&app, &judge, "ec").await;
        // The serial number is random, so that some requests have a slash in base64 and some have none.
        let text_with_a_slash = async || {
            for _ in 0..100 {
                leaf(&app, &judge, &ca, "one").await;
                let text = STANDARD.encode(request(&judge, "-cert one.pem -no_nonce"));
                if text.contains('/') {
                    return text;
                }
            }
            panic!("no request has a slash");
        };
        let text_of = text_with_a_slash().await;
        let path = format!("/pub/ocsp/{}/", text(&ca["id"]));
        for asked in [text_of.clone(), text_of.replace('+', "%2B"), format!("/{text_of}")] {
            for method in [Method::GET, Method::HEAD] {
                let answer = app.send(method.clone(), &format!("{path}{asked}"), None, &[], None).await;
                assert_eq!(answer.header("content-type"), "application/ocsp-response", "{method} {asked}: {}", answer.text());
                if method == Method::GET {
                    assert!(verdict(&judge, &answer, "-cert one.pem").contains("one.pem: good"));
                }
            }
        }
        let nothing = app.send(Method::GET, &format!("{path}a/b/c"), None, &[], None).await;
        assert_eq!((nothing.status, nothing.body.as_slice()), (StatusCode::OK, &[0x30, 3, 0x0A, 1, 1][..]));
    }

    async fn what_is_no_question_gets_no_answer(app: TestApp) {
        let judge = Judge::new();
        let ca = ca(&app, &judge, "ec").await;
        leaf(&app, &judge, &ca, "one").await;
        let der = request(&judge, "-cert one.pem");
        for (case, body) in [
            ("nothing", Vec::new()),
            ("noise", vec![0x30; 200]),
            ("half of it", der[..der.len() / 2].to_vec()),
            ("more than it", vec![0x30; 5_000]),
        ] {
            let answer = post(&app, &ca, body).await;
            assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::OK, &[0x30, 3, 0x0A, 1, 1][..]), "{case}");
            assert_eq!(answer.header("cache-control"), "no-store", "{case}");
        }
        let path = format!("/pub/ocsp/{}/!!!", text(&ca["id"]));
        assert_eq!(app.send(Method::GET, &path, None, &[], None).await.body, [0x30, 3, 0x0A, 1, 1]);
        // Another media type is not read, and a CA that is not here has no responder.
        let path = format!("/pub/ocsp/{}", text(&ca["id"]));
        let other = app.send(Method::POST, &path, None, &[], Some(("text/plain", der.clone()))).await;
        assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{}", other.text());
        let gone = json!({ "id": "ca_01ARZ3NDEKTSV4RRFFQ69G5FAV" });
        assert_eq!(post(&app, &gone, der.clone()).await.body, [0x30, 3, 0x0A, 1, 6]);
        // A question about another CA's certificate is not answered by this one.
        let theirs = Judge::new();
        let other = self::ca(&app, &theirs, "ed25519").await;
        let told = verdict(&judge, &post(&app, &ca, request(&judge, "-cert one.pem")).await, "-cert one.pem");
        assert!(told.contains("one.pem: good"), "{told}");
        let stranger = post(&app, &other, der).await;
        theirs.write("answer.der", &stranger.body);
        let shown = theirs.run("ocsp -respin answer.der -noverify -resp_text");
        assert!(shown.contains("Cert Status: unknown"), "{shown}");
        // When the CA has ended, nobody believes it.
        app.advance(std::time::Duration::from_hours(24 * 3_651)).await;
        assert_eq!(post(&app, &ca, request(&judge, "-cert one.pem")).await.body, [0x30, 3, 0x0A, 1, 6]);
    }

    async fn the_switch_is_in_what_is_issued_from_then_on(app: TestApp) {
        let judge = Judge::new();
        let root = app.root_ca("root").await;
        assert_eq!(root["ocsp"], false);
        let sub = app.intermediate_ca("sub", text(&root["id"])).await;
        leaf(&app, &judge, &sub, "before").await;
        assert_eq!(judge.run("x509 -in before.pem -noout -ocsp_uri"), "");
        let path = format!("/v1/pki/ca/{}", text(&sub["id"]));
        let changed = app.patch(&path, json!({ "ocsp": true })).await.json_with(StatusCode::OK);
        assert_eq!(changed["ocsp"], true);
        leaf(&app, &judge, &sub, "after").await;
        assert_eq!(judge.run("x509 -in after.pem -noout -ocsp_uri").trim(), text(&sub["ocsp_url"]));
        // It answers for all of them, and for the CA below the root.
        let certificate = app.get(&format!("{path}/certificate")).await.json();
        judge.write("ca.pem", text(&certificate["certificate_pem"]));
        judge.write("root.pem", text(&certificate["chain_pem"]));
        let answer = post(&app, &sub, request(&judge, "-cert before.pem")).await;
        judge.write("answer.der", &answer.body);
        let told = judge.run("ocsp -no_nonce -respin answer.der -CAfile root.pem -verify_other ca.pem -issuer ca.pem -cert before.pem");
        assert!(told.contains("before.pem: good"), "{told}");
        judge.write("sub.pem", judge.read("ca.pem"));
        judge.write("ca.pem", judge.read("root.pem"));
        assert!(ask(&app, &judge, &root, "-cert sub.pem").await.contains("sub.pem: good"));
        app.post(&format!("{path}/revoke"), json!({ "reason": "cessationOfOperation" })).await.json_with(StatusCode::ACCEPTED);
        assert!(ask(&app, &judge, &root, "-cert sub.pem").await.contains("sub.pem: revoked"));
    }
}

//! What an ACME server may do that the usual tests do not meet: reused authorizations, slow validation, profiles, renewal
//! windows, several chains; and what others see of the responders meanwhile.

use std::process::{Command, Stdio};

use launch::{PebbleOptions, Validation};
use openssl::x509::X509;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::Mode;
use tests::acme::AcmeLab;

use crate::acme::by_and_by;
use crate::ca::seconds;
use crate::jobs::sql::Sql;

async fn lab(options: PebbleOptions) -> AcmeLab {
    AcmeLab::with(Mode::Embedded, options, false).await
}

fn days(certificate: &Value) -> i64 {
    (seconds(&certificate["not_after"]) - seconds(&certificate["not_before"])) / 86_400
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_that_the_ca_remembers_is_not_made_again() {
    let lab = lab(PebbleOptions { authz_reuse: 100, ..PebbleOptions::default() }).await;
    let account = lab.account().await;
    let body = json!({ "account_id": account, "domains": ["again.example.org"], "force": true });
    let first = lab.order(body.clone()).await;
    lab.certificate(&first).await;
    // Nobody could prove it now: the CA's resolver says that the name is elsewhere.
    let second = lab.order(body).await;
    let certificate = lab.certificate(&second).await;
    assert_eq!(certificate["acme_order_id"], second["id"]);
    let challenges = lab.ended(&second).await["challenges"].clone();
    assert_eq!(challenges[0]["status"], "valid", "{challenges:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_that_takes_its_time_is_waited_for() {
    let lab =
        lab(PebbleOptions { validation: Validation::Sleep(6), nonce_reject: 20, ..PebbleOptions::default() })
            .await;
    let account = lab.account().await;
    let names: Vec<String> = (0..6).map(|number| format!("slow{number}.example.org")).collect();
    let order = lab.order(json!({ "account_id": account, "domains": names })).await;
    lab.certificate(&order).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_can_wait_for_its_certificate() {
    let lab = lab(PebbleOptions::default()).await;
    let account = lab.account().await;
    let body = json!({ "account_id": account, "domains": ["wait.example.org"] });
    let answer = lab.app.post("/v1/pki/acme/issue?wait=30s", body).await;
    let order = answer.json();
    assert_eq!(order["status"], "valid", "{order:#}");
    // Asking again changes nothing about an order that has ended.
    let path = format!("/v1/pki/acme/orders/{}/refresh", order["id"].as_str().unwrap());
    let refreshed = lab.app.post(&path, json!({})).await.json();
    assert_eq!(
        (&refreshed["status"], &refreshed["certificate_id"]),
        (&json!("valid"), &order["certificate_id"])
    );
    for wrong in ["soon", "-1s"] {
        let body = json!({ "account_id": account, "domains": ["wait.example.org"], "force": true });
        let answer = lab.app.post(&format!("/v1/pki/acme/issue?wait={wrong}"), body).await;
        assert!(answer.status.is_client_error(), "{wrong}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_and_renewal_windows_are_the_ca_s() {
    let options = PebbleOptions {
        newer: true,
        profiles: [("default".to_owned(), 90 * 86_400), ("shortlived".to_owned(), 6 * 86_400)].into(),
        ..PebbleOptions::default()
    };
    let lab = lab(options).await;
    let account = lab.account().await;
    let order =
        |name: &str, profile: &str| json!({ "account_id": account, "domains": [name], "profile": profile });
    let short = lab.certificate(&lab.order(order("short.example.org", "shortlived")).await).await;
    assert_eq!(days(&short), 5, "six days, less a second: {short:#}");
    let long = lab.certificate(&lab.order(order("long.example.org", "default")).await).await;
    assert_eq!(days(&long), 89, "{long:#}");
    let unknown = lab.app.post("/v1/pki/acme/issue", order("none.example.org", "no-such-profile")).await;
    let said = if unknown.status == StatusCode::ACCEPTED {
        lab.ended(&unknown.json()).await["error"].to_string()
    } else {
        unknown.text()
    };
    assert!(said.contains("no-such-profile") || said.contains("profile"), "{said}");

    // The CA says when it wants a certificate renewed, and that is when it is.
    let path = format!("/v1/pki/certificates/{}", short["id"].as_str().unwrap());
    let planned =
        by_and_by(&lab.app, &path, |certificate| certificate["renewal"]["window"]["start"].is_string()).await;
    let renewal = &planned["renewal"];
    let within = |at: &Value| at.as_str().unwrap().to_owned();
    assert!(within(&renewal["window"]["start"]) <= within(&renewal["renew_at"]), "{renewal:#}");
    assert!(within(&renewal["renew_at"]) <= within(&renewal["window"]["end"]), "{renewal:#}");
    // It changes its mind: something is wrong with the certificate.
    let past = |day: &str| format!("2026-01-{day}T00:00:00Z");
    let window = json!({ "suggestedWindow": { "start": past("01"), "end": past("02") } });
    lab.pebble.set_renewal_info(short["certificate_pem"].as_str().unwrap(), &window.to_string());
    // It would be asked after six hours, which are too many for Pebble: its clock stays, and its
    // authorizations end after an hour. No window renews a certificate that is younger than an hour.
    let sql = "UPDATE acme_renewals SET next_window_check_at = 1, created_at = created_at - 3600000000";
    Sql::open(lab.app.database_url()).await.run(sql).await;
    let replaced = by_and_by(&lab.app, &path, |certificate| certificate["renewed_by"].is_string()).await;
    let path = format!("/v1/pki/certificates/{}", replaced["renewed_by"].as_str().unwrap());
    let renewed = lab.app.get(&path).await.json_with(StatusCode::OK);
    assert_eq!(days(&renewed), 5, "the profile is kept: {renewed:#}");
    assert_eq!(renewed["renewed_from"], short["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preferred_chain_is_taken_where_there_is_one() {
    let lab = lab(PebbleOptions { alternate_roots: 2, ..PebbleOptions::default() }).await;
    let account = lab.account().await;
    let name = |pem: &str| {
        let root = X509::from_pem(pem.as_bytes()).unwrap();
        let entry = root.subject_name().entries_by_nid(openssl::nid::Nid::COMMONNAME).next().unwrap();
        entry.data().to_string().unwrap()
    };
    for chain in 0..3 {
        let root = lab.pebble.root_pem(chain);
        let body = json!({
            "account_id": account, "domains": [format!("chain{chain}.example.org")], "preferred_chain": name(&root)
        });
        let certificate = lab.certificate(&lab.order(body).await).await;
        let pem = certificate["chain_pem"].as_str().unwrap();
        let last = X509::stack_from_pem(pem.as_bytes()).unwrap().pop().unwrap();
        let root = X509::from_pem(root.as_bytes()).unwrap();
        assert!(last.verify(&root.public_key().unwrap()).unwrap(), "chain {chain} ends below another root");
    }
    // A chain that the CA does not have is no reason to have no certificate, but is told.
    let body =
        json!({ "account_id": account, "domains": ["none.example.org"], "preferred_chain": "No Such Root" });
    let order = lab.order(body).await;
    let certificate = lab.certificate(&order).await;
    assert_eq!(certificate["source"], "acme");
    let order = lab.ended(&order).await;
    assert_eq!(order["error"]["code"], "preferred_chain_unavailable", "{order:#}");
}

/// An order whose challenges are in the CA's hands for some seconds.
async fn waiting(lab: &AcmeLab, domain: &str, kind: &str) -> Value {
    let account = lab.account().await;
    let body = json!({ "account_id": account, "domains": [domain], "challenge_type": kind });
    let order = lab.order(body).await;
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    let order = lab.app.eventually(&path, |order| order["challenges"][0]["progress"] == "submitted").await;
    order["challenges"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_http_responder_answers_for_its_host_and_token_only() {
    let lab = lab(PebbleOptions { validation: Validation::Sleep(15), ..PebbleOptions::default() }).await;
    let challenge = waiting(&lab, "responder.example.org", "http-01").await;
    let token = challenge["token"].as_str().unwrap();
    let path = challenge["http_path"].as_str().unwrap();
    assert_eq!(path, format!("/.well-known/acme-challenge/{token}"));
    let ask =
        async |path: &str, host: &str| lab.app.send(Method::GET, path, None, &[("host", host)], None).await;
    for host in [
        "responder.example.org",
        "RESPONDER.Example.org",
        "responder.example.org:80",
        "responder.example.org.",
    ] {
        let answer = ask(path, host).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
        assert_eq!(answer.text(), challenge["key_authorization"].as_str().unwrap());
    }
    for host in [
        "other.example.org",
        "example.org",
        "x.responder.example.org",
        "",
        "127.0.0.1",
        "[::1]",
        ":80",
        "a b",
    ] {
        assert_eq!(ask(path, host).await.status, StatusCode::NOT_FOUND, "{host}");
    }
    for text in
        ["x", "%2e%2e%2f", &token[1..], &format!("{token}x"), &format!("{token}%00"), &"a".repeat(5_000)]
    {
        let answer = ask(&format!("/.well-known/acme-challenge/{text}"), "responder.example.org").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{text}");
    }
    let head = lab.app.send(Method::HEAD, path, None, &[("host", "responder.example.org")], None).await;
    assert_eq!(head.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tls_responder_is_judged_by_openssl() {
    let lab = lab(PebbleOptions { validation: Validation::Sleep(15), ..PebbleOptions::default() }).await;
    let challenge = waiting(&lab, "alpn.example.org", "tls-alpn-01").await;
    let port = lab.pebble.tls_port();
    let ask = async |arguments: &'static str| {
        tokio::task::spawn_blocking(move || {
            let output = Command::new("openssl")
                .args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-showcerts"])
                .args(arguments.split(' '))
                .stdin(Stdio::null())
                .output()
                .unwrap();
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        })
        .await
        .unwrap()
    };
    let said = ask("-alpn acme-tls/1 -servername alpn.example.org").await;
    assert!(said.contains("ALPN protocol: acme-tls/1"), "{said}");
    let start = said.find("-----BEGIN CERTIFICATE").unwrap();
    let certificate = X509::from_pem(&said.as_bytes()[start..]).unwrap();
    let names: Vec<String> = certificate
        .subject_alt_names()
        .unwrap()
        .iter()
        .filter_map(|name| name.dnsname().map(str::to_owned))
        .collect();
    assert_eq!(names, ["alpn.example.org"], "exactly the one name (RFC 8737 section 3)");
    // The digest of the key authorization, in the critical extension 1.3.6.1.5.5.7.1.31.
    let digest = openssl::sha::sha256(challenge["key_authorization"].as_str().unwrap().as_bytes());
    let der = certificate.to_der().unwrap();
    let extension =
        [&[0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 1, 31, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20][..], &digest]
            .concat();
    assert!(der.windows(extension.len()).any(|window| window == extension));
    for wrong in [
        "-alpn http/1.1 -servername alpn.example.org",
        "-alpn acme-tls/1 -servername other.example.org",
        "-alpn acme-tls/1 -noservername",
        "-servername alpn.example.org",
    ] {
        let said = ask(wrong).await;
        assert!(!said.contains("BEGIN CERTIFICATE"), "{wrong}: {said}");
    }
}

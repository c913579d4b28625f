//! The main story over two API processes and two workers on Postgres and Redis.

use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tests::openssl::Judge;

use crate::api::{Api, id};
use crate::site::{PATIENCE, Site, stop};

/// Two processes, of which each request meets the other one.
struct Pair {
    apis: [Api; 2],
    turn: AtomicUsize,
}

impl Pair {
    fn next(&self) -> &Api {
        &self.apis[self.turn.fetch_add(1, Ordering::Relaxed) % 2]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_story_runs_over_two_apis_and_two_workers() {
    let site = Site::shared_fleet();
    let token = site.admin_token();
    let site = site.with("CERTMILL_PUBLIC_URL", "http://pki.test");
    let (one, two) = tokio::join!(site.serve(&token, &[]), site.serve(&token, &[]));
    let mut workers = [site.worker(), site.worker()];
    let mut pair = Pair { apis: [one, two], turn: AtomicUsize::new(0) };
    let judge = Judge::new();

    let root = pair.next().root_ca("root").await;
    let body = json!({
        "name": "issuing", "common_name": "Issuing CA", "ca_type": "intermediate", "parent_ca_id": root, "key_type": "ec"
    });
    let intermediate = id(&pair.next().post("/v1/pki/ca", body, 201).await);
    pair.next().role("web", &intermediate).await;
    let issued = issue_and_label(&pair, &judge).await;
    let signed = sign(&pair, &judge).await;
    change_the_role(&pair).await;

    pair.next().revoke(&issued).await;
    let path = format!("/v1/pki/ca/{intermediate}");
    let listed = pair.next().eventually(&path, PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    let crl = pair.next().read(&format!("{path}/crl")).await;
    judge.write("list.der", &crl.body);
    judge.run("crl -inform der -in list.der -out list.pem -CAfile intermediate.pem");
    for (name, accepted) in [("leaf.pem", false), ("signed.pem", true)] {
        let verify = "verify -crl_check -CAfile root.pem -untrusted intermediate.pem -CRLfile list.pem";
        let (ok, said) = judge.try_run(&format!("{verify} {name}"));
        assert_eq!(ok, accepted, "{name}: {said}");
    }
    let built = pair.next().post(&format!("{path}/crl"), json!({}), 200).await;
    assert!(built["crl_number"].as_i64() > listed["crl"]["number"].as_i64(), "{built} after {listed}");

    pair.next().post(&format!("/v1/pki/ca/{root}/revoke"), json!({ "reason": "superseded" }), 202).await;
    for api in &pair.apis {
        let body = json!({ "common_name": "late.example.internal" });
        let refused = api.send(Method::POST, "/v1/pki/issue/web", Some(body)).await;
        assert_eq!((refused.status.as_u16(), refused.error_code()), (409, "invalid_state".to_owned()));
    }
    let done = pair
        .next()
        .eventually(&format!("/v1/pki/ca/{root}"), PATIENCE, |ca| !ca["revocation"]["completed_at"].is_null())
        .await;
    assert_eq!(done["revocation"]["certificates_revoked"], 2, "the intermediate and the signed one: {done}");
    pair.next().eventually(&path, PATIENCE, |ca| ca["crl"]["entries"] == 2).await;
    let serial = signed["serial_number"].as_str().unwrap();
    let found = pair.next().get(&format!("/v1/pki/certificates?status=revoked&serial_number={serial}")).await;
    assert_eq!(found["certificates"][0]["status"], "revoked", "{found}");

    for api in &mut pair.apis {
        stop(&mut api.process);
    }
    workers.iter_mut().for_each(stop);
}

/// What one process changes about a CA is in what the other one issues next, whatever that remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_of_a_ca_is_noticed_by_every_process() {
    let site = Site::shared_fleet();
    let token = site.admin_token();
    let (mut one, mut two) = tokio::join!(site.serve(&token, &[]), site.serve(&token, &[]));
    let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "validity_days": 80 });
    let root = id(&one.post("/v1/pki/ca", body, 201).await);
    let body = json!({
        "name": "issuing", "common_name": "Issuing", "ca_type": "intermediate", "parent_ca_id": root, "key_type": "ec",
        "validity_days": 70,
    });
    let issuing = id(&one.post("/v1/pki/ca", body, 201).await);
    one.role("web", &issuing).await;
    one.patch("/v1/pki/roles/web", json!({ "max_ttl": "110d" })).await;
    let before = two.issue("web", "before").await;
    for (ca, days) in [(&root, 140), (&issuing, 120)] {
        one.post(&format!("/v1/pki/ca/{ca}/reissue"), json!({ "validity_days": days }), 200).await;
    }
    // The old chain ends before this one: the refusal by what was remembered does not count.
    let body = json!({ "common_name": "long.example.internal", "ttl": "100d" });
    let long = two.post("/v1/pki/issue/web", body, 201).await;
    let after = two.issue("web", "after").await;
    for (place, ca) in [&issuing, &root].into_iter().enumerate() {
        let present = &one.get(&format!("/v1/pki/ca/{ca}/certificate")).await["certificate_pem"];
        assert_ne!(&before["ca_chain"][place], present);
        for issued in [&long, &after] {
            assert_eq!(&issued["ca_chain"][place], present, "{issued}");
        }
    }
    let path = format!("/v1/pki/certificates/{}", before["certificate_id"].as_str().unwrap());
    one.post(&format!("/v1/pki/ca/{issuing}/reissue"), json!({ "validity_days": 125 }), 200).await;
    let shown = two.get(&path).await["chain_pem"].as_str().unwrap().to_owned();
    let present = one.get(&format!("/v1/pki/ca/{issuing}/certificate")).await["certificate_pem"].clone();
    assert!(shown.starts_with(present.as_str().unwrap()), "{shown} {present}");
    // A switch is noticed likewise.
    one.patch(&format!("/v1/pki/ca/{issuing}"), json!({ "ocsp": true })).await;
    let judge = Judge::new();
    judge.write("leaf.pem", two.issue("web", "switched").await["certificate"].as_str().unwrap());
    assert!(judge.run("x509 -in leaf.pem -noout -text").contains("OCSP - URI"));
    stop(&mut one.process);
    stop(&mut two.process);
}

/// Issues on one process what the other one lists, reads and labels.
async fn issue_and_label(pair: &Pair, judge: &Judge) -> Value {
    let issued = pair.next().issue("web", "www").await;
    judge.write("leaf.pem", issued["certificate"].as_str().unwrap());
    judge.write("leaf.key", issued["private_key"].as_str().unwrap());
    judge.write("intermediate.pem", issued["ca_chain"][0].as_str().unwrap());
    judge.write("root.pem", issued["ca_chain"][1].as_str().unwrap());
    judge.run("verify -x509_strict -CAfile root.pem -untrusted intermediate.pem leaf.pem");
    judge.run("pkey -in leaf.key -pubout -out key.pub");
    judge.run("x509 -in leaf.pem -pubkey -noout -out cert.pub");
    assert_eq!(judge.read("key.pub"), judge.read("cert.pub"));
    let text = judge.run("x509 -in leaf.pem -noout -text");
    assert!(text.contains("http://pki.test/pub/"), "both processes write the public URL: {text}");

    let path = format!("/v1/pki/certificates/{}", issued["certificate_id"].as_str().unwrap());
    let labelled =
        pair.next().patch(&path, json!({ "tags": { "team": "web" }, "description": "front" })).await;
    assert_eq!((&labelled["tags"], &labelled["description"]), (&json!({ "team": "web" }), &json!("front")));
    let pem = pair.next().read(&format!("{path}/pem")).await;
    assert!(pem.body.starts_with(b"-----BEGIN CERTIFICATE-----"));
    let listed = pair.next().get("/v1/pki/certificates").await;
    assert_eq!(listed["certificates"][0]["description"], "front", "{listed}");
    issued
}

async fn sign(pair: &Pair, judge: &Judge) -> Value {
    judge.run(
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout csr.key -out csr.pem \
         -subj /CN=csr.example.internal -addext subjectAltName=DNS:csr.example.internal",
    );
    let signed = pair.next().post("/v1/pki/sign/web", json!({ "csr_pem": judge.read("csr.pem") }), 201).await;
    judge.write("signed.pem", signed["certificate"].as_str().unwrap());
    judge.run("verify -x509_strict -CAfile root.pem -untrusted intermediate.pem signed.pem");
    signed
}

/// A role that is changed on one process binds the other one at once, whatever that remembers.
async fn change_the_role(pair: &Pair) {
    let [one, two] = &pair.apis;
    for (domain, name, status) in
        [("elsewhere.internal", "x.example.internal", 422), ("example.internal", "y.elsewhere.internal", 422)]
    {
        one.patch("/v1/pki/roles/web", json!({ "allowed_domains": [domain] })).await;
        let refused = two.send(Method::POST, "/v1/pki/issue/web", Some(json!({ "common_name": name }))).await;
        assert_eq!(
            (refused.status.as_u16(), refused.error_code()),
            (status, "role_violation".to_owned()),
            "{name}"
        );
    }
}

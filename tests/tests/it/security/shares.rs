//! What one process has for all tenants is shared: whoever asks much, or chose servers that never answer, waits alone.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use certmill_x509::pem;
use fake_acme::{FakeAcme, FakeAcmeOptions};
use fake_dns::{Fault, vendors};
use futures_util::future::join_all;
use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, Mode, TestApp, TestOptions, both_modes};

use crate::validate::site::{Page, Site};
use crate::validate::workshop::{Workshop, server};

const VALIDATE: &str = "/v1/pki/certificates/validate";

/// Waits until something is so; fails the test after half a minute.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1_500 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: it has not come about");
}

/// Calls of one tenant that are all under way at once, and how many of them have ended well, or were refused.
#[derive(Default)]
struct Flood {
    done: AtomicUsize,
    refused: AtomicUsize,
}

impl Flood {
    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// Makes so many calls, and does `meanwhile` before they have all ended.
    async fn runs<T>(
        &self,
        app: &TestApp,
        (token, path, body): (&str, &str, &Value),
        calls: usize,
        meanwhile: impl Future<Output = T>,
    ) -> T {
        let call = || async {
            let answer = app.post_as(token, path, body.clone()).await;
            if answer.status.is_success() {
                self.done.fetch_add(1, Ordering::Relaxed);
            } else {
                is_refused(&answer);
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        };
        tokio::select! {
            _ = join_all((0..calls).map(|_| call())) => panic!("all calls have ended before the other tenant was served"),
            served = meanwhile => served,
        }
    }
}

/// One call too many of a tenant is told when to come again.
fn is_refused(answer: &Answer) {
    let error = answer.error(503, "service_unavailable");
    assert!(error["message"].as_str().unwrap().contains("of this tenant"), "{error}");
    assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
}

/// A role with as many entries as there may be, and the longest request, all of whose names are refused.
async fn largest_role(app: &TestApp, token: &str, ca_id: &Value) -> Value {
    let domains: Vec<String> = (0..1_000).map(|n| format!("d{n}.example.org")).collect();
    let body = json!({ "name": "largest", "ca_id": ca_id, "allowed_domains": domains });
    app.post_as(token, "/v1/pki/roles", body).await.json_with(StatusCode::CREATED);
    let names: Vec<String> = (0..1_000).map(|n| format!("n{n}.elsewhere.test")).collect();
    json!({ "alt_names": names })
}

async fn root_of(app: &TestApp, token: &str) -> Value {
    let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec" });
    app.post_as(token, "/v1/pki/ca", body).await.json_with(StatusCode::CREATED)["id"].clone()
}

both_modes! {
    /// A tenant has certificates validated whose distribution points never answer, so that nobody else's are validated.
    async fn servers_that_never_answer_hold_up_the_validations_of_their_tenant_only(app: TestApp) {
        let (theirs, site) = (Workshop::new(), Site::open().await);
        let root = theirs.root("root");
        // Four addresses, each of which is waited for: the validation takes all of its twenty seconds.
        let points: Vec<String> = (0..4).map(|n| format!("URI:{}", site.url(&format!("/silent{n}")))).collect();
        for n in 0..4 {
            site.set(&format!("/silent{n}"), Page::Silence);
        }
        let slow = theirs.leaf("root", "slow", &server("slow.example.com", &format!("crlDistributionPoints={}", points.join(","))));
        let good = theirs.leaf("root", "good", &server("good.example.com", &format!("crlDistributionPoints=URI:{}", site.url("/good.crl"))));
        site.set("/good.crl", Page::Body(pem::decode_one(&[pem::X509_CRL], &theirs.crl("root")).unwrap()));
        let (_, other) = app.another_tenant("other").await;
        let anchor = json!({ "name": "theirs", "certificate_pem": root });
        app.post("/v1/pki/trust-anchors", anchor.clone()).await.json_with(StatusCode::CREATED);
        app.post_as(&other, "/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        let ca = app.root_ca("own").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let own = app.issue("web", "a.example.internal").await;

        let question = |certificate: &Value| json!({ "certificate_pem": certificate, "check_revocation": true });
        let flood = Flood::default();
        let mut silent = 0;
        let honest = async {
            until("their fetches are under way", || {
                silent += site.hits().iter().filter(|hit| hit.contains("/silent")).count();
                silent >= 4
            }).await;
            for certificate in [&own["certificate"], &json!(good)] {
                let answer = app.post(VALIDATE, question(certificate)).await.json_with(StatusCode::OK);
                assert_eq!((&answer["valid"], &answer["not_revoked"]), (&json!(true), &json!(true)), "{answer}");
                assert_eq!(flood.done(), 0, "it was answered before any of theirs");
            }
        };
        flood.runs(&app, (&other, VALIDATE, &question(&json!(slow))), 40, honest).await;
    }

    /// A tenant has a crowd of RSA keys made, so that everybody else's wait for them.
    async fn keys_are_made_for_tenants_in_turn(app: TestApp) {
        let (_, other) = app.another_tenant("other").await;
        let body = json!({ "subject": { "common_name": "a.example.org" }, "key_type": "rsa", "key_size": 3072 });
        let flood = Flood::default();
        let honest = async {
            // All of them have come, and the last of them too many.
            until("their queue is full", || flood.refused() > 0).await;
            app.post("/v1/pki/csr", body.clone()).await.json_with(StatusCode::CREATED);
            assert!(flood.done() < 32, "{} of theirs came first", flood.done());
        };
        flood.runs(&app, (&other, "/v1/pki/csr", &body), 120, honest).await;
    }

    /// A tenant has the largest role explain the longest requests, many at once, so that nobody else is answered.
    async fn long_checks_of_roles_are_made_for_tenants_in_turn(app: TestApp) {
        let (_, other) = app.another_tenant("other").await;
        let body = largest_role(&app, &other, &root_of(&app, &other).await).await;
        largest_role(&app, &app.admin, &root_of(&app, &app.admin).await).await;
        let flood = Flood::default();
        let honest = async {
            until("their queue is full", || flood.refused() > 0).await;
            let told = app.post("/v1/pki/roles/largest/check", body.clone()).await.json_with(StatusCode::OK);
            assert_eq!(told["allowed"], false);
            assert!(flood.done() < 32, "{} of theirs came first", flood.done());
        };
        flood.runs(&app, (&other, "/v1/pki/roles/largest/check", &body), 120, honest).await;
    }
}

/// A tenant's DNS provider claims a zone of another tenant and does not answer while it changes a name there: whoever really
/// has the zone does not wait for it.
async fn a_claimed_zone_locks_nothing_of_its_owner(mode: Mode) {
    let (claimed, owned, ca) = (
        vendors::powerdns::lab().await,
        vendors::powerdns::lab().await,
        FakeAcme::start(FakeAcmeOptions::default()).await,
    );
    let options = TestOptions {
        trusted_pem: Some(ca.ca_pem().to_owned()),
        resolvers: vec![owned.name_server],
        ..TestOptions::default()
    };
    let app = TestApp::start_with(mode, options).await;
    let (_, other) = app.another_tenant("other").await;
    let mut orders = Vec::new();
    for (token, lab) in [(&other, &claimed), (&app.admin, &owned)] {
        let body = json!({ "name": "fake", "provider": "custom", "directory_url": ca.directory_url() });
        let account = app.post_as(token, "/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        let propagation = json!({ "settle_seconds": 0, "nameservers": [lab.name_server.to_string()] });
        let config = lab.config_with(json!({ "timeout_seconds": 60, "propagation": propagation }));
        let body = json!({ "name": "dns", "type": "powerdns", "config": config });
        app.post_as(token, "/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
        if token == &other {
            lab.fake().fail(Fault::ChangeWithoutAnswer);
        }
        let body = json!({ "account_id": account["id"], "domains": ["*.shop.example.test"] });
        let order = app.post_as(token, "/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        orders.push(format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap()));
        if token == &other {
            until("the change is under way", || changes(lab) == 1).await;
        }
    }
    app.eventually(&orders[1], |order| order["status"] == "valid").await;
    assert_eq!(changes(&claimed), 1, "theirs is still under way");
    let theirs = app.send(Method::GET, &orders[0], Some(&other), &[], None).await.json_with(StatusCode::OK);
    assert_ne!(theirs["status"], "valid", "{theirs:#}");
    app.expect_due_jobs();
}

fn changes(lab: &fake_dns::Lab) -> usize {
    lab.fake().requests().iter().filter(|request| request.starts_with("PATCH")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_zone_locks_nothing_of_its_owner_embedded() {
    a_claimed_zone_locks_nothing_of_its_owner(Mode::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claimed_zone_locks_nothing_of_its_owner_fleet() {
    a_claimed_zone_locks_nothing_of_its_owner(Mode::Fleet).await;
}

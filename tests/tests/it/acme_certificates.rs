//! Certificates, chains and answers in other forms than expected, and what the CA does not know any more.

use std::time::Duration;

use fake_acme::{CertificateFlaw, Endpoint, FakeAcmeOptions, Problem, RetryAfter, Status};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, both_modes};

use crate::acme_faults::Lab;

const MINUTE: Duration = Duration::from_mins(1);

impl Lab {
    /// Lets minutes pass until the order has ended; answers it.
    pub(crate) async fn ended_by_and_by(&self, order: &str) -> Value {
        for _ in 0..120 {
            self.app.settled().await;
            let order = self.app.get(order).await.json_with(StatusCode::OK);
            if order["status"] == "valid" || order["status"] == "invalid" {
                return order;
            }
            self.app.advance(MINUTE).await;
        }
        panic!("it goes on: {:#}", self.app.get(order).await.json());
    }
}

/// The certificates of a PEM text.
fn blocks(pem: &Value) -> usize {
    pem.as_str().unwrap().matches("BEGIN CERTIFICATE").count()
}

both_modes! {
    async fn chains_are_put_in_order(lab: Lab) {
        let account = lab.account().await;
        let mut chains = Vec::new();
        for (number, (parts, above)) in
            [("LI", 1), ("LIR", 2), ("LRI", 2), ("IL", 1), ("LII", 1), ("LLI", 1), ("LIU", 1), ("ULRIU", 2), ("L", 0)].into_iter().enumerate()
        {
            lab.ca.knobs().set(|behaviour| behaviour.chain = parts);
            let order = lab.order(&account, &format!("chain{number}.example.org")).await;
            let certificate = lab.issued(&order).await;
            let chain = certificate["chain_pem"].as_str().unwrap_or_default();
            assert_eq!(blocks(&json!(chain)), above, "{parts}: {certificate:#}");
            chains.push((parts, chain.to_owned()));
        }
        let of = |parts: &str| chains.iter().find(|(other, _)| *other == parts).unwrap().1.clone();
        for parts in ["IL", "LII", "LLI", "LIU"] {
            assert_eq!(of(parts), of("LI"), "{parts}");
        }
        for parts in ["LRI", "ULRIU"] {
            assert_eq!(of(parts), of("LIR"), "{parts}");
        }
    }

    async fn a_certificate_with_more_names_is_stored_and_marked(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.extra_names = vec!["extra.example.com".to_owned(), "admin@example.com".to_owned()];
        });
        let path = lab.order(&account, "more.example.org").await;
        let certificate = lab.issued(&path).await;
        assert_eq!(certificate["sans"]["dns"], json!(["more.example.org", "extra.example.com"]), "{certificate:#}");
        let order = lab.app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!((&order["status"], &order["error"]["code"]), (&json!("valid"), &json!("more_names")), "{order:#}");
        let message = order["error"]["message"].as_str().unwrap();
        assert!(message.contains("extra.example.com") && message.contains("admin@example.com"), "{order:#}");
        let told = "SELECT count(*) FROM events WHERE kind = 'order.issued' AND data LIKE '%admin@example.com%'";
        assert_eq!(lab.sql.number(told).await, 1);
        // However many they are.
        lab.ca.knobs().set(|behaviour| {
            behaviour.extra_names = (0..50).map(|number| format!("extra{number}.example.com")).collect();
        });
        let order = lab.order(&account, "many.example.org").await;
        lab.issued(&order).await;
        let told = "SELECT count(*) FROM events WHERE data LIKE '%\"more_names_count\":50%' AND length(data) < 1000";
        assert_eq!(lab.sql.number(told).await, 1);
    }

    async fn a_wrong_certificate_ends_the_order_and_frees_its_names(lab: Lab) {
        let account = lab.account().await;
        for (flaw, name) in [
            (CertificateFlaw::WrongKey, "key.example.org"),
            (CertificateFlaw::WrongNames, "names.example.org"),
            (CertificateFlaw::FewerNames, "fewer.example.org"),
        ] {
            lab.ca.knobs().set(|behaviour| behaviour.certificate_flaw = Some(flaw));
            let body = json!({ "account_id": account, "domains": [name, format!("www.{name}")] });
            let order = lab.app.post("/v1/pki/acme/issue", body.clone()).await.json_with(StatusCode::ACCEPTED);
            let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
            let fetched = lab.ca.log().count(Endpoint::Certificate);
            let order = lab.ended_by_and_by(&path).await;
            assert_eq!((&order["status"], &order["error"]["code"]), (&json!("invalid"), &json!("wrong_certificate")), "{order:#}");
            assert_eq!(lab.ca.log().count(Endpoint::Certificate) - fetched, 3, "one answer alone decides nothing");
            lab.ca.knobs().reset();
            let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
            lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await;
        }
        let listed = lab.app.get("/v1/pki/certificates?source=acme").await.json();
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 3, "{listed:#}");
    }

    async fn one_wrong_answer_decides_nothing(lab: Lab) {
        let account = lab.account().await;
        let path = lab.order(&account, "first.example.org").await;
        lab.issued(&path).await;
        for (name, problem) in [
            ("lost.example.org", Problem::new(404, "malformed", "no such thing")),
            ("denied.example.org", Problem::new(403, "unauthorized", "not yours")),
        ] {
            for endpoint in [Endpoint::Order, Endpoint::Authorization, Endpoint::Finalize, Endpoint::Certificate] {
                lab.ca.knobs().fail(endpoint, fake_acme::Fault::Problem(problem.clone()), 1);
            }
            let path = lab.order(&account, name).await;
            let order = lab.ended_by_and_by(&path).await;
            assert_eq!(order["status"], "valid", "{order:#}");
            assert_eq!(lab.ca.knobs().faults_left(), 0);
        }
        assert_eq!(lab.ca.log().orders_created().len(), 3, "no order was made anew");
    }

    async fn an_order_that_the_ca_has_lost_is_made_anew(lab: Lab) {
        let account = lab.account().await;
        // Before anything is proven …
        let delay = Some(RetryAfter::Seconds(2));
        lab.ca.knobs().fail(Endpoint::Order, fake_acme::Fault::Html { status: 503, retry_after: delay }, 1);
        let early = lab.order(&account, "early.example.org").await;
        lab.app.eventually(&early, |order| order["error"]["code"] == "ca_busy").await;
        assert!(lab.ca.forget_order(&lab.ca.log().orders_created()[0]));
        let order = lab.ended_by_and_by(&early).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        assert_eq!(lab.ca.log().orders_created().len(), 2);
        // … and when the CA has the CSR.
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 1_000_000);
        let late = lab.order(&account, "late.example.org").await;
        lab.app.eventually(&late, |order| order["state"] == "issuing").await;
        lab.ca.knobs().reset();
        assert!(lab.ca.forget_order(lab.ca.log().orders_created().last().unwrap()));
        let order = lab.ended_by_and_by(&late).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        assert_eq!(lab.ca.log().issued_for(&["late.example.org"]), 1);
    }

    async fn an_order_whose_authorizations_the_ca_has_lost_is_made_anew(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let body = json!({ "account_id": account, "domains": ["lost.example.org", "kept.example.org"] });
        let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        lab.until(|lab| lab.ca.log().count(Endpoint::Challenge) == 2).await;
        assert_eq!(lab.ca.forget_authorizations("lost.example.org"), 1);
        assert_eq!(lab.ca.end_authorizations("kept.example.org", Status::Valid), 1);
        lab.ca.knobs().reset();
        let order = lab.ended_by_and_by(&path).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        assert_eq!((lab.ca.log().orders_created().len(), order["challenges"].as_array().unwrap().len()), (2, 2));
    }

    async fn waits_that_a_ca_asks_for_are_bounded_and_shown(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.processing_polls = 1;
            behaviour.processing_retry_after = Some(RetryAfter::Seconds(10 * 86_400));
            // Its clock is wrong by a year.
            behaviour.expires_skew = -365 * 86_400;
        });
        let path = lab.order(&account, "patient.example.org").await;
        let waits = lab.app.eventually(&path, |order| order["error"]["code"] == "ca_pending").await;
        let at = waits["next_attempt_at"].as_str().unwrap();
        assert!(waits["error"]["message"].as_str().unwrap().contains(at), "{waits:#}");
        let order = lab.ended_by_and_by(&path).await;
        assert_eq!(order["status"], "valid", "{order:#}");
    }
}

/// Every answer with fields that nobody needs in other forms, or without them.
fn odd(endpoint: Endpoint, body: &mut Value) {
    match endpoint {
        Endpoint::Directory => {
            body["meta"] = json!({ "caaIdentities": null, "externalAccountRequired": "no", "profiles": [], "website": 7 });
            body["keyChange"] = Value::Null;
            body["extra"] = json!({ "a": [null] });
        }
        Endpoint::NewAccount if body["status"] == "valid" => *body = json!({ "contact": null, "orders": 7 }),
        Endpoint::NewOrder | Endpoint::Order | Endpoint::Finalize => {
            body["identifiers"] = Value::Null;
            body["expires"] = json!(1_999_999_999);
            body["error"] = json!([]);
            body["replaces"] = json!(7);
            body["profile"] = json!({});
            if body["status"] == "valid" {
                body["finalize"] = Value::Null;
                body["authorizations"] = Value::Null;
            }
        }
        Endpoint::Authorization => {
            body["expires"] = Value::Null;
            body["wildcard"] = Value::Null;
            for challenge in body["challenges"].as_array_mut().unwrap() {
                challenge["validated"] = json!({});
                challenge["error"] = json!("none");
            }
            body["challenges"].as_array_mut().unwrap().extend([
                Value::Null,
                json!({ "type": "other-01" }),
                json!(7),
            ]);
        }
        Endpoint::Challenge => *body = json!("thank you"),
        Endpoint::RenewalInfo => body["explanationURL"] = json!(["nothing"]),
        _ => {}
    }
}

fn without_finalize(endpoint: Endpoint, body: &mut Value) {
    if matches!(endpoint, Endpoint::NewOrder | Endpoint::Order) {
        body["finalize"] = Value::Null;
    }
}

both_modes! {
    async fn what_nobody_needs_may_have_any_form(lab: Lab) {
        lab.ca.knobs().set(|behaviour| behaviour.rewrite = Some(odd));
        let account = lab.account().await;
        let order = lab.order(&account, "odd.example.org").await;
        let certificate = lab.issued(&order).await;
        lab.by_and_by(&certificate, |certificate| !certificate["renewal"]["window"].is_null()).await;
    }

    async fn what_is_needed_and_missing_is_named(lab: Lab) {
        lab.ca.knobs().set(|behaviour| behaviour.rewrite = Some(without_finalize));
        let account = lab.account().await;
        let path = lab.order(&account, "missing.example.org").await;
        lab.app
            .eventually(&path, |order| {
                order["error"]["message"].as_str().is_some_and(|message| message.contains("its order has no `finalize`"))
            })
            .await;
        // It is believed that this passes.
        lab.ca.knobs().reset();
        let order = lab.ended_by_and_by(&path).await;
        assert_eq!(order["status"], "valid", "{order:#}");
    }

    async fn an_account_that_the_ca_has_lost_is_registered_again(lab: Lab) {
        let account = lab.account().await;
        let path = format!("/v1/pki/acme/accounts/{account}");
        let first = lab.app.get(&path).await.json()["account_url"].as_str().unwrap().to_owned();
        // One answer that says so decides nothing.
        let unknown = Problem::new(400, "accountDoesNotExist", "never heard of it");
        lab.ca.knobs().fail(Endpoint::NewOrder, fake_acme::Fault::Problem(unknown), 1);
        let order = lab.order(&account, "known.example.org").await;
        let ended = lab.ended_by_and_by(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        assert_eq!(lab.app.get(&path).await.json()["account_url"], json!(first));
        // The CA is set up anew.
        assert!(lab.ca.forget_account(&first));
        let order = lab.order(&account, "again.example.org").await;
        let ended = lab.ended_by_and_by(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        let present = lab.app.get(&path).await.json_with(StatusCode::OK);
        assert_eq!((&present["status"], lab.ca.log().accounts_created().len()), (&json!("valid"), 2), "{present:#}");
        // Two for the registration, one for each look, and one that makes the account again.
        assert_eq!(lab.ca.log().count(Endpoint::NewAccount), 5);
        assert_ne!(present["account_url"], json!(first));
    }
}

/// What needs a person is not done without one.
async fn a_lost_account_of_an_external_one_is_given_up(mode: Mode) {
    let hmac_key = "bWFjLWtleS1vZi1hbi1leHRlcm5hbC1hY2NvdW50ISE";
    let eab_keys = [("kid-1".to_owned(), hmac_key.to_owned())].into();
    let lab = Lab::with(mode, FakeAcmeOptions { eab_keys, ..FakeAcmeOptions::default() }, Vec::new()).await;
    let body = json!({
        "name": "bound", "provider": "custom", "directory_url": lab.ca.directory_url(), "eab_kid": "kid-1",
        "eab_hmac_key": hmac_key
    });
    let account = lab.app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
    let id = account["id"].as_str().unwrap();
    assert!(lab.ca.forget_account(account["account_url"].as_str().unwrap()));
    let order = lab.order(id, "lost.example.org").await;
    let ended = lab.ended_by_and_by(&order).await;
    assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("invalid"), &json!("account_refused")));
    let account = lab.app.get(&format!("/v1/pki/acme/accounts/{id}")).await.json_with(StatusCode::OK);
    assert_eq!(account["status"], "invalid", "{account:#}");
    assert!(account["error"]["message"].as_str().unwrap().contains("external account"), "{account:#}");
    assert!(lab.ca.log().count(Endpoint::NewOrder) >= 4, "one answer alone decides nothing");
}

async fn a_preferred_chain_is_found_among_what_is_left(mode: Mode) {
    let options = FakeAcmeOptions { alternate_chains: 1, ..FakeAcmeOptions::default() };
    let lab = Lab::with(mode, options, Vec::new()).await;
    let account = lab.account().await;
    lab.ca.knobs().set(|behaviour| behaviour.chain = "LRIU");
    let body =
        json!({ "account_id": account, "domains": ["chosen.example.org"], "preferred_chain": "Fake Root 1" });
    let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
    let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
    let certificate = lab.issued(&path).await;
    let root = lab.ca.root_pem(1);
    let chain = certificate["chain_pem"].as_str().unwrap();
    assert!(chain.contains(root.trim()), "{chain}");
    assert_eq!(lab.app.get(&path).await.json()["error"], Value::Null);
}

both_modes! {
    async fn a_preferred_chain(mode: Mode) {
        a_preferred_chain_is_found_among_what_is_left(mode).await;
    }

    async fn a_lost_account_that_was_bound(mode: Mode) {
        a_lost_account_of_an_external_one_is_given_up(mode).await;
    }
}

//! That every order ends: whatever its CA says, and however long, its names can be ordered again some day.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_acme::{Behaviour, Endpoint, FakeAcmeOptions, Fault, Problem};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, both_modes};

use crate::acme_faults::Lab;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

both_modes! {
    async fn a_certificate_that_the_ca_does_not_have_ends_the_order(lab: Lab) {
        let account = lab.account().await;
        let missing = Problem::new(404, "malformed", "no such certificate");
        lab.ca.knobs().fail(Endpoint::Certificate, Fault::Problem(missing), 1_000);
        let order = lab.order(&account, "missing.example.org").await;
        let ended = lab.ended_by_and_by(&order).await;
        assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("invalid"), &json!("order_gone")), "{ended:#}");
        // Six answers that say so, and an order made anew twice.
        assert_eq!((lab.ca.log().orders_created().len(), lab.ca.log().count(Endpoint::Certificate)), (3, 18));
    }

    async fn what_went_wrong_before_does_not_count_for_a_missing_certificate(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 2);
        let busy = Fault::Html { status: 502, retry_after: None };
        let order = lab.order(&account, "late.example.org").await;
        lab.app.eventually(&order, |order| order["state"] == "issuing").await;
        lab.ca.knobs().fail(Endpoint::Order, busy, 6);
        let missing = Problem::new(404, "malformed", "no such certificate");
        lab.ca.knobs().fail(Endpoint::Certificate, Fault::Problem(missing), 1);
        let ended = lab.ended_by_and_by(&order).await;
        assert_eq!(ended["status"], "valid", "{ended:#}");
        assert_eq!((lab.ca.knobs().faults_left(), lab.ca.log().orders_created().len()), (0, 1));
    }

    async fn an_order_whose_csr_the_ca_has_ends_a_day_after_its_time(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.order_lifetime = 3_600;
            behaviour.processing_polls = 1_000_000;
        });
        let slow = lab.order(&account, "slow.example.org").await;
        lab.app.eventually(&slow, |order| order["state"] == "issuing").await;
        let not_ready = Problem::new(403, "orderNotReady", "the order is pending");
        lab.ca.knobs().fail(Endpoint::Finalize, Fault::Problem(not_ready), 1_000_000);
        let not_ready = lab.order(&account, "not-ready.example.org").await;
        lab.app
            .eventually(&not_ready, |order| order["state"] == "finalizing" && order["error"]["code"] == "ca_pending")
            .await;
        lab.app.advance(47 * HOUR).await;
        lab.app.settled().await;
        for order in [&slow, &not_ready] {
            let order = lab.app.get(order).await.json_with(StatusCode::OK);
            assert_ne!(order["status"], "invalid", "{order:#}");
        }
        // Nor does it help that nobody can be asked.
        lab.ca.knobs().set(|behaviour| behaviour.down = true);
        lab.app.advance(2 * HOUR).await;
        for order in [&slow, &not_ready] {
            let order = lab.ended(order).await;
            assert_eq!((&order["status"], &order["error"]["code"]), (&json!("invalid"), &json!("timed_out")), "{order:#}");
        }
        lab.order(&account, "slow.example.org").await;
    }

    async fn an_order_that_ran_out_at_the_ca_is_made_anew(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.order_lifetime = 1_800;
            behaviour.processing_polls = 1_000_000;
        });
        let path = lab.order(&account, "ran-out.example.org").await;
        lab.app.eventually(&path, |order| order["state"] == "issuing").await;
        lab.ca.knobs().reset();
        assert!(lab.ca.forget_order(&lab.ca.log().orders_created()[0]));
        lab.app.advance(HOUR).await;
        let order = lab.ended_by_and_by(&path).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        assert_eq!(lab.ca.log().orders_created().len(), 2);
    }

    /// The CA answers both with the same order of its own, and cannot take a CSR for it.
    async fn an_order_that_lost_to_another_one_waits_for_it(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| *behaviour = Behaviour { hold_challenges: true, ..Behaviour::like_boulder() });
        let mut orders = Vec::new();
        for key_type in ["ec", "rsa"] {
            let body = json!({ "account_id": account, "domains": ["one.example.org"], "key_type": key_type });
            let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
            orders.push(format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap()));
        }
        let created = lab.ca.log().orders_created();
        assert_eq!(created.len(), 1);
        let finalize = format!("/order/{}/finalize", created[0].rsplit('/').next().unwrap());
        lab.ca.knobs().set(|behaviour| behaviour.broken = vec![(finalize, Problem::server_internal())]);
        lab.ca.end_authorizations("one.example.org", fake_acme::Status::Valid);
        for _ in 0..60 {
            lab.app.settled().await;
            lab.app.advance(MINUTE).await;
        }
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 2);
        let mut codes = BTreeSet::new();
        for order in &orders {
            let order = lab.app.get(order).await.json_with(StatusCode::OK);
            codes.insert(order["error"]["code"].as_str().unwrap().to_owned());
        }
        assert_eq!(codes, BTreeSet::from(["ca_error".to_owned(), "order_shared".to_owned()]));
        lab.ca.knobs().set(|behaviour| behaviour.broken.clear());
        for order in &orders {
            let order = lab.ended_by_and_by(order).await;
            assert_eq!(order["status"], "valid", "{order:#}");
        }
        assert_eq!(lab.ca.log().count(Endpoint::NewOrder), 3);
    }
}

/// A certificate is there; the chain that is preferred cannot be had.
async fn a_chain_that_does_not_come_is_done_without(mode: Mode) {
    let options = FakeAcmeOptions { alternate_chains: 1, ..FakeAcmeOptions::default() };
    let lab = Lab::with(mode, options, Vec::new()).await;
    let account = lab.account().await;
    for (status, looks) in [(404, 1), (410, 1), (502, 4)] {
        for _ in 0..10 {
            lab.ca.knobs().fail(Endpoint::Certificate, Fault::Delay(Duration::ZERO), 1);
            lab.ca.knobs().fail(Endpoint::Certificate, Fault::Html { status, retry_after: None }, 1);
        }
        let before = lab.ca.log().count(Endpoint::Certificate);
        let name = format!("chain{status}.example.org");
        let body = json!({ "account_id": account, "domains": [name], "preferred_chain": "Fake Root 1" });
        let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        let order: Value = lab.ended_by_and_by(&path).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        assert_eq!(order["error"]["code"], "preferred_chain_unavailable", "{order:#}");
        assert_eq!(lab.ca.log().count(Endpoint::Certificate) - before, 2 * looks, "{status}");
        lab.ca.knobs().reset();
    }
}

both_modes! {
    async fn a_chain_that_does_not_come(mode: Mode) {
        a_chain_that_does_not_come_is_done_without(mode).await;
    }
}

//! Another CA when one cannot issue in time, and the limits that are kept so that none has to refuse.

use std::time::Duration;

use fake_acme::{Endpoint, FakeAcme, FakeAcmeOptions, Fault, Problem, RetryAfter};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use crate::acme::by_and_by;
use crate::acme_wishes::Two;
use crate::jobs::sql::Sql;

const ISSUE: &str = "/v1/pki/acme/issue";
const HOUR: Duration = Duration::from_hours(1);

fn path_of(order: &Value) -> String {
    format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())
}

async fn stand_in(lab: &Two) {
    let [one, two] = &lab.accounts;
    let body = json!({ "fallback_account_ids": [two] });
    let changed =
        lab.app.patch(&format!("/v1/pki/acme/accounts/{one}"), body).await.json_with(StatusCode::OK);
    assert_eq!(changed["fallback_account_ids"], json!([two]));
}

async fn certificate_of(app: &TestApp, order: &Value) -> Value {
    app.get(&format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap()))
        .await
        .json_with(StatusCode::OK)
}

both_modes! {
    async fn an_order_goes_on_at_the_next_ca_and_its_renewal_comes_back(lab: Two) {
        let [one, two] = &lab.accounts;
        stand_in(&lab).await;
        lab.cas[0].knobs().set(|behaviour| behaviour.down = true);
        let body = json!({ "account_id": one, "domains": ["a.example.org"], "profile": "short", "auto_renew": false });
        let first = lab.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED);
        // It is not given up for a moment.
        lab.app.advance(Duration::from_mins(5)).await;
        lab.app.settled().await;
        assert_eq!(lab.app.get(&path_of(&first)).await.json()["status"], "pending");
        lab.app.advance(Duration::from_mins(16)).await;
        let failed = lab.app.eventually(&path_of(&first), |order| order["status"] == "invalid").await;
        assert_eq!(failed["error"]["code"], "ca_unreachable", "{failed:#}");
        let path = format!("/v1/pki/acme/orders/{}", failed["fallback_order_id"].as_str().unwrap());
        let second = lab.app.eventually(&path, |order| order["status"] == "valid").await;
        assert_eq!((&second["account_id"], &second["fallback_of"]), (&json!(two), &first["id"]));
        assert_eq!(second["profile"], Value::Null, "that is the other CA's");
        let certificate = certificate_of(&lab.app, &second).await;
        let renewal = &certificate["renewal"];
        assert_eq!((&renewal["issued_by_account_id"], &renewal["account_id"]), (&json!(two), &json!(one)));
        assert_eq!((&renewal["profile"], &renewal["auto_renew"]), (&json!("short"), &json!(false)));

        lab.cas[0].knobs().set(|behaviour| behaviour.down = false);
        // The pause of a server that was away is over by then.
        lab.app.advance(HOUR).await;
        let path = format!("/v1/pki/certificates/{}/renew", certificate["id"].as_str().unwrap());
        let renewal = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&renewal["account_id"], &renewal["profile"]), (&json!(one), &json!("short")));
        let renewal = lab.app.eventually(&path_of(&renewal), |order| order["status"] == "valid").await;
        assert_eq!(certificate_of(&lab.app, &renewal).await["renewal"]["issued_by_account_id"], *one);
    }

    async fn who_waits_for_an_order_waits_for_the_one_in_its_place(lab: Two) {
        let [one, two] = &lab.accounts;
        stand_in(&lab).await;
        let problem = Problem::rate_limited(Some(RetryAfter::Seconds(34 * 3_600)));
        lab.cas[0].knobs().fail(Endpoint::NewOrder, Fault::Problem(problem), 1);
        let body = json!({ "account_id": one, "domains": ["limited.example.org"] });
        let order = lab.app.post(&format!("{ISSUE}?wait=30s"), body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["account_id"], &order["status"]), (&json!(two), &json!("valid")), "{order:#}");
    }

    async fn a_renewal_waits_while_the_old_certificate_leaves_time(lab: Two) {
        let [one, two] = &lab.accounts;
        stand_in(&lab).await;
        lab.cas[0].knobs().set(|behaviour| behaviour.certificate_lifetime = 4 * 86_400);
        let first = lab.ordered(json!({ "account_id": one, "domains": ["patient.example.org"] })).await;
        let path = format!("/v1/pki/certificates/{}/renew", first["id"].as_str().unwrap());
        let limited = |hours: u32| {
            let problem = Problem::rate_limited(Some(RetryAfter::Seconds(hours * 3_600)));
            lab.cas[0].knobs().fail(Endpoint::NewOrder, Fault::Problem(problem), 1);
        };
        limited(1);
        let waits = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        let waits = lab.app.eventually(&path_of(&waits), |order| order["error"]["code"] == "rate_limited").await;
        assert_eq!((&waits["status"], &waits["account_id"]), (&json!("pending"), &json!(one)));
        // More than the old one lives.
        limited(5 * 24);
        lab.app.advance(2 * HOUR).await;
        let failed = lab.app.eventually(&path_of(&waits), |order| order["status"] == "invalid").await;
        let next = format!("/v1/pki/acme/orders/{}", failed["fallback_order_id"].as_str().unwrap());
        let next = lab.app.eventually(&next, |order| order["status"] == "valid").await;
        assert_eq!((&next["account_id"], &next["renewal_of"]), (&json!(two), &first["id"]));
        let first = lab.app.get(&format!("/v1/pki/certificates/{}", first["id"].as_str().unwrap())).await.json();
        assert_eq!(first["renewed_by"], next["certificate_id"]);
        assert_eq!(first["renewal"]["failures"], 0, "it has not failed: {first:#}");
    }

    async fn what_was_wanted_of_the_first_ca_is_wanted_of_it_again(lab: Two) {
        let [one, two] = &lab.accounts;
        stand_in(&lab).await;
        lab.cas[0].knobs().set(|behaviour| behaviour.certificate_lifetime = 4 * 86_400);
        let body = json!({ "account_id": one, "domains": ["wish.example.org"], "profile": "short" });
        let first = lab.ordered(body).await;
        let sql = Sql::open(lab.app.database_url()).await;
        sql.run(&format!("UPDATE acme_accounts SET status = 'invalid' WHERE id = '{one}'")).await;
        lab.app.advance(HOUR * 24 * 3).await;
        let path = format!("/v1/pki/certificates/{}", first["id"].as_str().unwrap());
        let first = by_and_by(&lab.app, &path, |certificate| !certificate["renewed_by"].is_null()).await;
        let path = format!("/v1/pki/certificates/{}", first["renewed_by"].as_str().unwrap());
        let renewal = &lab.app.get(&path).await.json_with(StatusCode::OK)["renewal"];
        assert_eq!((&renewal["issued_by_account_id"], &renewal["account_id"]), (&json!(two), &json!(one)));
        assert_eq!(renewal["profile"], "short", "{renewal:#}");
    }

    async fn an_account_cannot_stand_in_for_itself(lab: Two) {
        let [one, two] = &lab.accounts;
        let path = format!("/v1/pki/acme/accounts/{one}");
        for ids in [json!([one]), json!([two, two]), json!(vec![two; 11])] {
            let error = lab.app.patch(&path, json!({ "fallback_account_ids": ids })).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["fallback_account_ids"].is_string(), "{error}");
        }
        let unknown = json!({ "fallback_account_ids": ["acct_01ARZ3NDEKTSV4RRFFQ69G5FAV"] });
        lab.app.patch(&path, unknown).await.error(404, "acme_account_not_found");
        stand_in(&lab).await;
        let none = lab.app.patch(&path, json!({ "fallback_account_ids": [] })).await.json_with(StatusCode::OK);
        assert_eq!(none["fallback_account_ids"], json!([]));
    }

}

both_modes! {
    async fn a_tenant_can_have_accounts_for_all_of_its_own(mode: Mode) {
        // What the operator has for everybody counts where the tenant has nothing.
        let options = TestOptions { acme_fallback_accounts: vec!["one".to_owned()], ..TestOptions::default() };
        let lab = Two::start_with(mode, options).await;
        let [one, two] = &lab.accounts;
        let path = format!("/v1/pki/acme/accounts/{two}");
        assert_eq!(lab.app.get(&path).await.json()["default_fallback"], false);
        let changed = lab.app.patch(&path, json!({ "default_fallback": true })).await.json_with(StatusCode::OK);
        assert_eq!(changed["default_fallback"], true);
        // Nothing else about it changes when that is not named.
        let changed = lab.app.patch(&path, json!({ "email": null })).await.json_with(StatusCode::OK);
        assert_eq!(changed["default_fallback"], true);
        let limited = || Problem::rate_limited(Some(RetryAfter::Seconds(34 * 3_600)));
        lab.cas[0].knobs().fail(Endpoint::NewOrder, Fault::Problem(limited()), 1);
        let body = json!({ "account_id": one, "domains": ["tenant.example.org"] });
        let order = lab.app.post(&format!("{ISSUE}?wait=30s"), body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["account_id"], &order["status"]), (&json!(two), &json!("valid")), "{order:#}");
        // It does not stand in for itself.
        lab.cas[1].knobs().fail(Endpoint::NewOrder, Fault::Problem(limited()), 1);
        let body = json!({ "account_id": two, "domains": ["itself.example.org"] });
        let order = lab.app.post(&format!("{ISSUE}?wait=30s"), body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["status"], &order["fallback_order_id"]), (&json!("invalid"), &Value::Null), "{order:#}");
    }

    async fn the_operator_can_name_accounts_for_everybody(mode: Mode) {
        let options = TestOptions { acme_fallback_accounts: vec!["two".to_owned()], ..TestOptions::default() };
        let lab = Two::start_with(mode, options).await;
        let [one, two] = &lab.accounts;
        let problem = Problem::rate_limited(Some(RetryAfter::Seconds(34 * 3_600)));
        lab.cas[0].knobs().fail(Endpoint::NewOrder, Fault::Problem(problem), 1);
        let body = json!({ "account_id": one, "domains": ["default.example.org"] });
        let order = lab.app.post(&format!("{ISSUE}?wait=30s"), body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!((&order["account_id"], &order["status"]), (&json!(two), &json!("valid")), "{order:#}");
    }
}

/// A CA with limits, and an account there.
pub(crate) struct Limited {
    pub(crate) app: TestApp,
    pub(crate) ca: FakeAcme,
    pub(crate) account: String,
}

impl Limited {
    pub(crate) async fn start(mode: Mode) -> Self {
        let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
        let options = TestOptions {
            trusted_pem: Some(ca.ca_pem().to_owned()),
            acme_directories: vec![
                ("letsencrypt", "production", ca.directory_url()),
                ("letsencrypt", "staging", ca.directory_url()),
            ],
            acme_limits: vec![
                ("letsencrypt", "account_orders", "5/3h"),
                ("letsencrypt", "domain_certificates", "3/7d"),
                ("letsencrypt", "set_certificates", "2/7d"),
                ("letsencrypt", "failed_validations", "2/1h"),
            ],
            ..TestOptions::default()
        };
        let app = TestApp::start_with(mode, options).await;
        let body = json!({ "name": "le", "provider": "letsencrypt" });
        let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        Self { app, ca, account: account["id"].as_str().unwrap().to_owned() }
    }

    fn body(&self, domain: &str) -> Value {
        json!({ "account_id": self.account, "domains": [domain], "force": true })
    }

    async fn ordered(&self, domain: &str) -> Value {
        self.app.post(ISSUE, self.body(domain)).await.json_with(StatusCode::ACCEPTED)
    }

    pub(crate) async fn issued(&self, domain: &str) -> Value {
        let order = self.ordered(domain).await;
        self.app.eventually(&path_of(&order), |order| order["status"] == "valid").await
    }

    /// Lets minutes pass until an order has ended; answers it.
    async fn ended(&self, order: &Value) -> Value {
        for _ in 0..120 {
            self.app.settled().await;
            let order = self.app.get(&path_of(order)).await.json_with(StatusCode::OK);
            if order["status"] == "valid" || order["status"] == "invalid" {
                return order;
            }
            self.app.advance(HOUR / 60).await;
        }
        panic!("it goes on: {:#}", self.app.get(&path_of(order)).await.json());
    }

    async fn budget(&self, limit: &str, subject: &Value) -> Value {
        let path = format!("/v1/pki/acme/accounts/{}/budget", self.account);
        let budget = self.app.get(&path).await.json_with(StatusCode::OK);
        let lines = budget["limits"].as_array().unwrap();
        let found = lines.iter().find(|line| line["limit"] == limit && line["subject"] == *subject);
        found.cloned().unwrap_or(Value::Null)
    }

    fn asked(&self) -> usize {
        self.ca.log().count(Endpoint::NewOrder)
    }
}

both_modes! {
    async fn the_same_names_are_not_ordered_beyond_the_limit(lab: Limited) {
        for _ in 0..2 {
            lab.issued("www.example.org").await;
        }
        let answer = lab.app.post(ISSUE, lab.body("www.example.org")).await;
        let error = answer.error(429, "rate_limited");
        assert!(error["message"].as_str().unwrap().contains("exactly www.example.org"), "{error}");
        let after: u64 = answer.header("retry-after").parse().unwrap();
        assert!((6 * 86_400..=7 * 86_400 + 60).contains(&after), "{after}");
        assert_eq!(lab.asked(), 2);
        let line = lab.budget("set_certificates", &json!("www.example.org")).await;
        assert_eq!((&line["used"], &line["remaining"], &line["most"]), (&json!(2), &json!(0), &json!(2)), "{line}");
        assert!(line["available_at"].is_string());
        lab.app.advance(7 * 24 * HOUR + HOUR).await;
        lab.issued("www.example.org").await;
    }

    async fn a_registered_domain_has_its_limit_and_renewals_are_beyond_it(lab: Limited) {
        let mut orders = Vec::new();
        for name in ["a.example.co.uk", "b.example.co.uk", "c.d.example.co.uk"] {
            orders.push(lab.issued(name).await);
        }
        let error = lab.app.post(ISSUE, lab.body("e.example.co.uk")).await.error(429, "rate_limited");
        assert!(error["message"].as_str().unwrap().contains("names of example.co.uk"), "{error}");
        let line = lab.budget("domain_certificates", &json!("example.co.uk")).await;
        assert_eq!((&line["used"], &line["remaining"]), (&json!(3), &json!(0)));
        lab.issued("other.co.uk").await;
        let path = format!("/v1/pki/certificates/{}/renew", orders[0]["certificate_id"].as_str().unwrap());
        let renewal = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        lab.app.eventually(&path_of(&renewal), |order| order["status"] == "valid").await;
    }

    async fn orders_at_the_same_time_do_not_share_the_last_place(lab: Limited) {
        let calls = (0..6).map(|number| (ISSUE.to_owned(), lab.body(&format!("n{number}.example.org")))).collect();
        let mut ended = Vec::new();
        for answer in lab.app.post_at_once(calls).await {
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                continue;
            }
            let order = answer.json_with(StatusCode::ACCEPTED);
            let has_ended = |order: &Value| order["status"] == "valid" || order["status"] == "invalid";
            ended.push(lab.app.eventually(&path_of(&order), has_ended).await["status"].clone());
        }
        assert_eq!(ended.iter().filter(|status| **status == "valid").count(), 3, "{ended:?}");
        assert_eq!(lab.asked(), 3);
    }

    async fn orders_beyond_the_limit_of_an_account_wait_for_their_turn(lab: Limited) {
        for number in 0..5 {
            lab.issued(&format!("a.n{number}.test")).await;
        }
        assert_eq!(lab.budget("account_orders", &Value::Null).await["remaining"], 0);
        let sixth = lab.ordered("a.n5.test").await;
        let sixth = lab.app.eventually(&path_of(&sixth), |order| order["error"]["code"] == "limit_reached").await;
        assert_eq!((&sixth["status"], lab.asked()), (&json!("pending"), 5), "{sixth:#}");
        lab.app.advance(3 * HOUR).await;
        lab.app.eventually(&path_of(&sixth), |order| order["status"] == "valid").await;
        assert_eq!(lab.budget("account_orders", &Value::Null).await["used"], 1);
    }

    async fn failed_validations_are_counted_and_failed_orders_give_back_their_place(lab: Limited) {
        let problem = Problem::new(403, "unauthorized", "the wrong answer");
        lab.ca.knobs().set(|behaviour| behaviour.fail_challenges = Some(problem));
        for _ in 0..2 {
            let order = lab.ordered("bad.example.org").await;
            lab.app.eventually(&path_of(&order), |order| order["status"] == "invalid").await;
        }
        assert_eq!(lab.budget("failed_validations", &json!("bad.example.org")).await["remaining"], 0);
        assert_eq!(lab.budget("set_certificates", &json!("bad.example.org")).await, Value::Null);
        assert_eq!(lab.budget("domain_certificates", &json!("example.org")).await, Value::Null);
        lab.ca.knobs().set(|behaviour| behaviour.fail_challenges = None);
        let waits = lab.ordered("bad.example.org").await;
        lab.app.eventually(&path_of(&waits), |order| order["error"]["code"] == "limit_reached").await;
        assert_eq!(lab.asked(), 2);
        lab.app.advance(HOUR + HOUR / 2).await;
        lab.app.eventually(&path_of(&waits), |order| order["status"] == "valid").await;
    }

    async fn what_the_ca_may_have_issued_stays_counted_when_an_order_is_placed_anew(lab: Limited) {
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 1_000_000);
        let order = lab.ordered("lost.example.org").await;
        lab.app.eventually(&path_of(&order), |order| order["state"] == "issuing").await;
        lab.ca.knobs().reset();
        // The CA loses the order, of which it may have made a certificate, and refuses another one.
        assert!(lab.ca.forget_order(&lab.ca.log().orders_created()[0]));
        lab.ca.knobs().set(|behaviour| behaviour.rejected_names = vec!["lost.example.org".to_owned()]);
        let ended = lab.ended(&order).await;
        assert_eq!((&ended["status"], lab.asked()), (&json!("invalid"), 2), "{ended:#}");
        let used = async |limit: &str, subject: Value| lab.budget(limit, &subject).await["used"].clone();
        assert_eq!(used("set_certificates", json!("lost.example.org")).await, 1);
        assert_eq!(used("domain_certificates", json!("example.org")).await, 1);
        assert_eq!(used("account_orders", Value::Null).await, 2, "both orders were asked for");
        // Where the second one is issued, there may be two certificates.
        lab.ca.knobs().reset();
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 1_000_000);
        let order = lab.ordered("lost.example.org").await;
        lab.app.eventually(&path_of(&order), |order| order["state"] == "issuing").await;
        lab.ca.knobs().reset();
        assert!(lab.ca.forget_order(lab.ca.log().orders_created().last().unwrap()));
        let ended = lab.ended(&order).await;
        assert_eq!((&ended["error"]["code"], lab.asked()), (&json!("limit_reached"), 3), "two of two are used: {ended:#}");
        assert_eq!(used("domain_certificates", json!("example.org")).await, 2);
    }

    async fn what_the_ca_has_refused_to_issue_does_not_count(lab: Limited) {
        let problem = Problem::new(403, "unauthorized", "changed its mind");
        lab.ca.knobs().set(|behaviour| {
            behaviour.processing_polls = 1;
            behaviour.fail_in_processing = Some(problem);
        });
        let closed = lab.ended(&lab.ordered("closed.example.org").await).await;
        assert_eq!((&closed["status"], &closed["error"]["code"]), (&json!("invalid"), &json!("refused_by_ca")));
        lab.ca.knobs().reset();
        lab.ca.knobs().fail(Endpoint::Finalize, Fault::Problem(Problem::new(400, "badCSR", "a weak key")), 1);
        let refused = lab.ended(&lab.ordered("refused.example.org").await).await;
        assert_eq!(refused["status"], "invalid", "{refused:#}");
        for name in ["closed.example.org", "refused.example.org"] {
            assert_eq!(lab.budget("set_certificates", &json!(name)).await, Value::Null, "{name}");
        }
        assert_eq!(lab.budget("domain_certificates", &json!("example.org")).await, Value::Null);
        assert_eq!(lab.budget("account_orders", &Value::Null).await["used"], 2);
    }

    async fn staging_and_other_cas_have_no_limits_here(lab: Limited) {
        let body = json!({ "name": "staging", "provider": "letsencrypt", "environment": "staging" });
        let account = lab.app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        for _ in 0..3 {
            let body = json!({ "account_id": account["id"], "domains": ["s.example.org"], "force": true });
            let order = lab.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED);
            lab.app.eventually(&path_of(&order), |order| order["status"] == "valid").await;
        }
        let path = format!("/v1/pki/acme/accounts/{}/budget", account["id"].as_str().unwrap());
        assert_eq!(lab.app.get(&path).await.json()["limits"], json!([]));
    }
}

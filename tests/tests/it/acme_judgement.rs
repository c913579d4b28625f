//! What answers of a CA mean, and for whom: faults that cling to one order, limits about some names, windows that make no sense.

use std::time::Duration;

use certmill_domain::Timestamp;
use fake_acme::{Endpoint, Fault, Problem, Renewal, RetryAfter};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use crate::acme_faults::{Lab, path_of};
use crate::ca::seconds;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);
/// The pauses that last.
const EVERYBODY: &str = "SELECT count(*) FROM acme_pauses WHERE scope LIKE 'suspected %' AND until > ";

impl Lab {
    /// Whether everybody waits because the server is suspected.
    async fn everybody_waits(&self) -> bool {
        let now = self.app.app.now().unix_micros();
        self.sql.number(&format!("{EVERYBODY}{now}")).await > 0
    }

    /// What speaks against servers and accounts.
    async fn evidence(&self) -> i64 {
        self.sql.number("SELECT count(*) FROM acme_evidence").await
    }

    /// Some orders at once, one for each name; their paths.
    async fn orders(&self, account: &str, names: impl Iterator<Item = String>) -> Vec<String> {
        let body = |name| json!({ "account_id": account, "domains": [name] });
        let calls = names.map(|name| ("/v1/pki/acme/issue".to_owned(), body(name))).collect();
        let answers = self.app.post_at_once(calls).await;
        let path = |order: Value| format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
        answers.iter().map(|answer| path(answer.json_with(StatusCode::ACCEPTED))).collect()
    }

    /// How often a newOrder was sent.
    fn asked_for_orders(&self) -> usize {
        self.ca.log().count(Endpoint::NewOrder)
    }

    /// The order once it has this code in its error.
    async fn order_with(&self, order: &str, code: &str) -> Value {
        self.app.eventually(order, |order| order["error"]["code"] == code).await
    }
}

/// `rateLimited` in these words.
fn limited(detail: &str, seconds: u32) -> Problem {
    let problem = Problem::new(429, "rateLimited", detail);
    problem.retry_after(RetryAfter::Seconds(seconds))
}

fn refuse(lab: &Lab, names: &[&str], problem: &Problem) {
    let refused = names.iter().map(|name| ((*name).to_owned(), problem.clone())).collect();
    lab.ca.knobs().set(|behaviour| behaviour.refused_names = refused);
}

fn time(value: &Value) -> Timestamp {
    Timestamp::from_unix_seconds(seconds(value))
}

both_modes! {
    async fn faults_of_some_orders_slow_only_those_orders(lab: Lab) {
        let (bad, good) = (lab.account().await, lab.account_named("good").await);
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 1_000_000);
        let stuck = lab.orders(&bad, (0..5).map(|number| format!("stuck{number}.example.org"))).await;
        for order in &stuck {
            lab.app.eventually(order, |order| order["state"] == "issuing").await;
        }
        let path = |url: &String| format!("/order/{}", url.rsplit('/').next().unwrap());
        let broken = lab.ca.log().orders_created().iter().map(|url| (path(url), Problem::server_internal())).collect();
        lab.ca.knobs().reset();
        lab.ca.knobs().set(|behaviour| behaviour.broken = broken);
        let before = lab.ca.log().count(Endpoint::Order);
        for _ in 0..12 {
            lab.app.advance(10 * MINUTE).await;
        }
        lab.app.settled().await;
        assert!(lab.ca.log().count(Endpoint::Order) >= before + 25, "the broken orders were not asked for");
        assert!(!lab.everybody_waits().await);
        let order = lab.order(&good, "fine.example.org").await;
        lab.issued(&order).await;
        assert_eq!(lab.evidence().await, 0, "a good answer speaks for the server");
        for order in &stuck {
            let order = lab.app.get(order).await.json_with(StatusCode::OK);
            assert_eq!((&order["status"], &order["error"]["code"]), (&json!("processing"), &json!("ca_error")), "{order:#}");
        }
        // What was broken is mended, and each of them goes on.
        lab.ca.knobs().reset();
        lab.ca.log().orders_created().iter().for_each(|url| {
            lab.ca.fail_order(url, Problem::new(403, "caa", "CAA record forbids issuance"));
        });
        lab.app.advance(HOUR).await;
        for order in &stuck {
            lab.ended(order).await;
        }
    }

    async fn several_accounts_with_faults_are_a_fault_of_the_server(lab: Lab) {
        lab.ca.knobs().set(|behaviour| behaviour.processing_polls = 1_000_000);
        for account in ["one", "two", "three"] {
            let account = lab.account_named(account).await;
            for order in lab.orders(&account, (0..2).map(|number| format!("{account}{number}.example.org").replace('_', "-").to_lowercase())).await {
                lab.app.eventually(&order, |order| order["state"] == "issuing").await;
            }
        }
        let path = |url: &String| format!("/order/{}", url.rsplit('/').next().unwrap());
        let broken = lab.ca.log().orders_created().iter().map(|url| (path(url), Problem::server_internal())).collect();
        lab.ca.knobs().reset();
        lab.ca.knobs().set(|behaviour| behaviour.broken = broken);
        for _ in 0..30 {
            if lab.everybody_waits().await {
                break;
            }
            lab.app.advance(MINUTE).await;
        }
        assert!(lab.everybody_waits().await);
    }

    async fn any_good_answer_ends_a_suspicion(lab: Lab) {
        let account = lab.account().await;
        // Nothing is tried again by itself.
        lab.app.clock.freeze();
        for round in 0..2 {
            lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Html { status: 502, retry_after: None }, 9);
            for order in lab.orders(&account, (0..9).map(|number| format!("r{round}n{number}.example.org"))).await {
                lab.order_with(&order, "ca_error").await;
            }
            assert_eq!(lab.evidence().await, 1);
            let order = lab.order(&account, &format!("well{round}.example.org")).await;
            lab.app.eventually(&order, |order| order["state"] == "challenging").await;
            assert_eq!(lab.evidence().await, 0);
            assert!(!lab.everybody_waits().await);
        }
        // Without one in between, the tenth fault is one too many.
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Html { status: 502, retry_after: None }, 10);
        for order in lab.orders(&account, (0..10).map(|number| format!("last{number}.example.org"))).await {
            lab.order_with(&order, "ca_error").await;
        }
        assert!(lab.everybody_waits().await);
        lab.app.clock.resume();
    }

    async fn a_limit_of_one_set_of_names_holds_up_only_these(lab: Lab) {
        let account = lab.account().await;
        let problem = limited(
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s",
            122_400,
        );
        refuse(&lab, &["busy.example.com"], &problem);
        let order = lab.ended(&lab.order(&account, "busy.example.com").await).await;
        // The limit outlasts the order.
        assert_eq!((&order["status"], &order["error"]["code"]), (&json!("invalid"), &json!("rate_limited")), "{order:#}");
        let fine = lab.order(&account, "fine.example.com").await;
        lab.issued(&fine).await;
        lab.ca.knobs().reset();
        let asked = lab.asked_for_orders();
        let again = lab.ended(&lab.order(&account, "busy.example.com").await).await;
        assert_eq!((&again["status"], &again["error"]["code"]), (&json!("invalid"), &json!("paused")), "{again:#}");
        assert!(again["error"]["message"].as_str().unwrap().contains("exact set"), "{again:#}");
        assert_eq!(lab.asked_for_orders(), asked, "the CA was asked before the time that it named");
        lab.app.advance(34 * HOUR + MINUTE).await;
        let order = lab.order(&account, "busy.example.com").await;
        lab.issued(&order).await;
    }

    async fn a_host_name_that_failed_too_often_holds_up_only_itself(lab: Lab) {
        let account = lab.account().await;
        let problem = limited(
            "too many failed authorizations (5) for \"host.example.com\" in the last 1h0m0s: see https://ca.example/limits/#authorization-failures-per-identifier-per-account",
            3_600,
        );
        refuse(&lab, &["host.example.com"], &problem);
        let path = lab.order(&account, "host.example.com").await;
        let order = lab.order_with(&path, "rate_limited").await;
        let wait = time(&order["next_attempt_at"]).since(lab.app.app.now());
        assert!((MINUTE * 59..=HOUR).contains(&wait), "{order:#}");
        let fine = lab.order(&account, "www.example.com").await;
        lab.issued(&fine).await;
        lab.ca.knobs().reset();
        lab.app.advance(HOUR).await;
        lab.issued(&path).await;
    }

    async fn limits_in_unknown_words_become_one_of_the_account(lab: Lab) {
        let account = lab.account().await;
        let names = ["a.example.com", "b.example.net", "c.example.org"];
        refuse(&lab, &names, &limited("come back later", 600));
        let refused = async |name: &str| {
            let order = lab.order(&account, name).await;
            lab.order_with(&order, "rate_limited").await;
        };
        refused(names[0]).await;
        refused(names[1]).await;
        // Another set is taken: so it is not the account.
        let fine = lab.order(&account, "fine.example.com").await;
        lab.issued(&fine).await;
        refused(names[2]).await;
        let fine = lab.order(&account, "also-fine.example.com").await;
        lab.issued(&fine).await;
        // Three sets, and none is taken in between.
        let asked = lab.asked_for_orders() + names.len();
        lab.app.advance(11 * MINUTE).await;
        lab.until(|lab| lab.asked_for_orders() == asked).await;
        lab.app.settled().await;
        let waits = lab.order(&account, "waits.example.com").await;
        lab.order_with(&waits, "paused").await;
        assert_eq!(lab.asked_for_orders(), asked);
        let other = lab.account_named("other").await;
        let order = lab.order(&other, "elsewhere.example.com").await;
        lab.issued(&order).await;
        lab.ca.knobs().reset();
        lab.app.advance(HOUR).await;
        lab.issued(&waits).await;
    }

    async fn a_window_that_is_no_window_does_not_count(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 3_600, end: 1_800, explanation: None };
            behaviour.renewal_retry_after = Some(RetryAfter::Seconds(60));
        });
        let order = lab.order(&account, "no-window.example.org").await;
        let first = lab.issued(&order).await;
        let by_lifetime = first["renewal"]["renew_at"].clone();
        for _ in 0..5 {
            lab.app.advance(MINUTE).await;
            certmill_worker::run_schedules(&lab.app.app).await.unwrap();
            lab.app.settled().await;
        }
        assert!(lab.ca.log().count(Endpoint::RenewalInfo) >= 3);
        let present = lab.app.get(&path_of(&first)).await.json_with(StatusCode::OK);
        assert_eq!((&present["renewal"]["window"], &present["renewed_by"]), (&Value::Null, &Value::Null), "{present:#}");
        assert_eq!(present["renewal"]["renew_at"], by_lifetime);
        assert_eq!(lab.events("certificate.renewal_window_odd").await, 1);
        assert_eq!(lab.ca.log().issued().len(), 1);
        // A real one counts again.
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 86_400, end: 172_800, explanation: None };
        });
        lab.by_and_by(&first, |certificate| !certificate["renewal"]["window"].is_null()).await;
    }

    async fn windows_that_are_always_past_cost_one_certificate_a_day(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: -86_400, end: -3_600, explanation: None };
            behaviour.renewal_retry_after = Some(RetryAfter::Seconds(60));
        });
        let order = lab.order(&account, "past.example.org").await;
        lab.issued(&order).await;
        let mut by_hour = Vec::new();
        for _ in 0..30 {
            certmill_worker::run_schedules(&lab.app.app).await.unwrap();
            lab.app.settled().await;
            lab.app.advance(HOUR).await;
            lab.app.settled().await;
            by_hour.push(lab.ca.log().issued().len());
        }
        assert_eq!(by_hour[29], 2, "{by_hour:?}");
        assert!(by_hour[3] == 2, "a CA that wants a certificate replaced is obeyed within hours: {by_hour:?}");
        assert_eq!(lab.events("certificate.renewal_window_odd").await, 1);
    }

    async fn what_is_replaced_is_named_once(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 3_600, end: 7_200, explanation: None };
        });
        for (number, problem) in [
            Problem::new(400, "oddOne", "not like this"),
            Problem::new(400, "rejectedIdentifier", "not this one"),
            Problem::server_internal(),
            limited("too much", 60),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("replaced{number}.example.org");
            let order = lab.order(&account, &name).await;
            let first = lab.issued(&order).await;
            lab.by_and_by(&first, |certificate| !certificate["renewal"]["window"].is_null()).await;
            lab.ca.knobs().set(|behaviour| behaviour.refuse_replacing = Some(problem));
            lab.when_to_be_renewed(&first).await;
            lab.by_and_by(&first, |certificate| !certificate["renewed_by"].is_null()).await;
            lab.ca.knobs().set(|behaviour| behaviour.refuse_replacing = None);
            let issued = lab.ca.log().issued();
            let second = issued.iter().rfind(|certificate| certificate.names == [name.as_str()]).unwrap();
            assert_eq!((lab.ca.log().issued_for(&[&name]), &second.replaces), (2, &None));
        }
        assert_eq!(lab.sql.number("SELECT count(*) FROM acme_renewals WHERE may_replace = FALSE").await, 2);
    }

    async fn what_is_no_refusal_does_not_end_the_naming_of_what_is_replaced(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 3_600, end: 7_200, explanation: None };
        });
        let order = lab.order(&account, "replaced.example.org").await;
        let first = lab.issued(&order).await;
        lab.by_and_by(&first, |certificate| !certificate["renewal"]["window"].is_null()).await;
        for fault in [
            Fault::Html { status: 503, retry_after: Some(RetryAfter::Seconds(1)) },
            Fault::Problem(Problem::new(400, "accountDoesNotExist", "never heard of it")),
            Fault::Problem(Problem::new(403, "userActionRequired", "there are new terms")),
        ] {
            lab.ca.knobs().fail(Endpoint::NewOrder, fault, 1);
        }
        lab.when_to_be_renewed(&first).await;
        lab.by_and_by(&first, |certificate| !certificate["renewed_by"].is_null()).await;
        assert_eq!(lab.ca.knobs().faults_left(), 0);
        assert!(lab.ca.log().issued().last().unwrap().replaces.is_some(), "it is named all the same");
        assert_eq!(lab.sql.number("SELECT count(*) FROM acme_renewals WHERE may_replace = FALSE").await, 0);
    }

    async fn a_pause_by_a_clock_that_was_ahead_is_not_believed(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(limited("too many new orders from this account", 60)), 1);
        let first = lab.order(&account, "first.example.org").await;
        lab.app.eventually(&first, |order| order["error"]["code"] == "rate_limited").await;
        let ahead = lab.order(&account, "ahead.example.org").await;
        lab.app.eventually(&ahead, |order| order["error"]["code"] == "paused").await;
        lab.sql.run("UPDATE acme_pauses SET until = until + 2 * 86400000000").await;
        lab.app.advance(Duration::from_mins(3)).await;
        for order in [first, ahead] {
            lab.app.eventually(&order, |order| order["status"] == "valid").await;
        }
        // The next pause is one again.
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(limited("too many new orders from this account", 60)), 1);
        let order = lab.order(&account, "second.example.org").await;
        lab.app.eventually(&order, |order| order["error"]["code"] == "rate_limited").await;
        let other = lab.order(&account, "third.example.org").await;
        lab.app.eventually(&other, |order| order["error"]["code"] == "paused").await;
        lab.app.advance(Duration::from_mins(3)).await;
        lab.app.eventually(&other, |order| order["status"] == "valid").await;
    }

    async fn what_does_not_count_any_more_is_swept_away(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(limited("too much", 60)), 1);
        let order = lab.order(&account, "swept.example.org").await;
        lab.app.eventually(&order, |order| order["error"]["code"] == "rate_limited").await;
        assert_eq!((lab.evidence().await, lab.sql.number("SELECT count(*) FROM acme_pauses").await), (1, 1));
        lab.app.advance(26 * HOUR).await;
        certmill_worker::run_schedules(&lab.app.app).await.unwrap();
        lab.app.settled().await;
        assert_eq!((lab.evidence().await, lab.sql.number("SELECT count(*) FROM acme_pauses").await), (0, 0));
    }
}

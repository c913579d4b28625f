//! What a CA does that Pebble never does: lost answers, limits, pages of HTML, slow work, wrong certificates, renewal windows.

use std::net::SocketAddr;
use std::time::Duration;

use certmill_domain::Timestamp;
use fake_acme::{
    Behaviour, Endpoint, FakeAcme, FakeAcmeOptions, Fault, Problem, Renewal, RetryAfter, Status,
};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use crate::acme::by_and_by;
use crate::ca::seconds;
use crate::jobs::sql::Sql;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

/// A service and a CA that misbehaves on demand. Whatever is submitted to it is valid.
pub(crate) struct Lab {
    pub(crate) app: TestApp,
    pub(crate) ca: FakeAcme,
    pub(crate) sql: Sql,
}

impl Lab {
    pub(crate) async fn start(mode: Mode) -> Self {
        Self::with(mode, FakeAcmeOptions::default(), Vec::new()).await
    }

    /// With a CA of these options, and name servers that the service asks.
    pub(crate) async fn with(mode: Mode, options: FakeAcmeOptions, resolvers: Vec<SocketAddr>) -> Self {
        let ca = FakeAcme::start(options).await;
        let trusted_pem = Some(ca.ca_pem().to_owned());
        let options = TestOptions { trusted_pem, resolvers, ..TestOptions::default() };
        let app = TestApp::start_with(mode, options).await;
        let sql = Sql::open(app.database_url()).await;
        Self { app, ca, sql }
    }

    /// The database, behind the service's back.
    pub(crate) fn sql(&self) -> &Sql {
        &self.sql
    }

    pub(crate) async fn account(&self) -> String {
        self.account_named("fake").await
    }

    pub(crate) async fn account_named(&self, name: &str) -> String {
        let body = json!({ "name": name, "provider": "custom", "directory_url": self.ca.directory_url() });
        let account = self.app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        account["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn order(&self, account: &str, domain: &str) -> String {
        let body = json!({ "account_id": account, "domains": [domain] });
        let order = self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())
    }

    pub(crate) async fn ended(&self, order: &str) -> Value {
        self.app.eventually(order, |order| order["status"] == "valid" || order["status"] == "invalid").await
    }

    pub(crate) async fn issued(&self, order: &str) -> Value {
        let order = self.ended(order).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        self.app
            .get(&format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap()))
            .await
            .json()
    }

    pub(crate) async fn until(&self, wanted: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if wanted(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it has not come about: {:#?}", self.ca.log().requests());
    }

    /// Like `until`, while the minutes pass: jobs that are put off have their turn.
    pub(crate) async fn within_an_hour(&self, wanted: impl Fn(&Self) -> bool) {
        for _ in 0..60 {
            self.app.settled().await;
            if wanted(self) {
                return;
            }
            self.app.advance(MINUTE).await;
        }
        panic!("it has not come about: {:#?}", self.ca.log().requests());
    }

    /// Lets minutes pass, and the periodic work of each be done, until a certificate is as wanted.
    pub(crate) async fn by_and_by(&self, certificate: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
        by_and_by(&self.app, &path_of(certificate), wanted).await
    }

    /// Lets time pass until a certificate is to be renewed.
    pub(crate) async fn when_to_be_renewed(&self, certificate: &Value) {
        let present = self.app.get(&path_of(certificate)).await.json_with(StatusCode::OK);
        self.at(&present["renewal"]["renew_at"], Duration::ZERO).await;
    }

    /// Lets time pass until so long before an answered time.
    pub(crate) async fn at(&self, time: &Value, before: Duration) {
        let time = Timestamp::from_unix_seconds(seconds(time)).minus(before);
        self.app.advance(time.since(self.app.app.now())).await;
    }

    pub(crate) async fn events(&self, kind: &str) -> i64 {
        let told =
            self.app.get(&format!("/v1/events?type={kind}&limit=1000")).await.json_with(StatusCode::OK);
        i64::try_from(told["events"].as_array().unwrap().len()).unwrap()
    }
}

pub(crate) fn path_of(certificate: &Value) -> String {
    format!("/v1/pki/certificates/{}", certificate["id"].as_str().unwrap())
}

both_modes! {
    async fn an_order_is_cancelled_until_the_ca_has_its_csr(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let order = lab.order(&account, "cancelled.example.org").await;
        lab.until(|lab| lab.ca.log().count(Endpoint::Challenge) > 0).await;
        lab.app.delete(&order).await.json_with(StatusCode::OK);
        let ended = lab.ended(&order).await;
        assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("invalid"), &json!("cancelled")), "{ended}");
        lab.app.delete(&order).await.error(409, "invalid_state");
        // What the CA was asked for is given up there too, and nothing is left to be done.
        let open = "SELECT count(*) FROM jobs WHERE kind IN ('advance_order', 'advance_challenge') AND state <> 'done'";
        for _ in 0..300 {
            if lab.sql.number(open).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(lab.sql.number(open).await, 0);

        let order = lab.order(&account, "by-its-job.example.org").await;
        let id = order.rsplit('/').next().unwrap().to_owned();
        let found = format!("/v1/jobs?kind=advance_order&subject={id}");
        let job = lab.app.get(&found).await.json()["jobs"][0]["id"].as_str().unwrap().to_owned();
        lab.app.post(&format!("/v1/jobs/{job}/cancel"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(lab.ended(&order).await["error"]["code"], "cancelled");

        lab.ca.knobs().reset();
        let order = lab.order(&account, "issued.example.org").await;
        lab.issued(&order).await;
        lab.app.delete(&order).await.error(409, "invalid_state");
    }

    async fn an_order_with_more_authorizations_than_names_is_not_read(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.foreign_authorizations = 500);
        let path = lab.order(&account, "many.example.org").await;
        lab.within_an_hour(|lab| lab.ca.log().count(Endpoint::Order) >= 4).await;
        let ended = lab.ended(&path).await;
        assert_eq!((&ended["status"], &ended["error"]["code"]), (&json!("invalid"), &json!("ca_error")), "{ended}");
        assert!(ended["error"]["message"].as_str().unwrap().contains("501 authorizations"), "{ended}");
        assert_eq!(lab.ca.log().count(Endpoint::Authorization), 0);
    }

    async fn a_lost_answer_costs_nothing(lab: Lab) {
        let account = lab.account().await;
        for endpoint in [Endpoint::NewOrder, Endpoint::Challenge, Endpoint::Finalize, Endpoint::Certificate] {
            lab.ca.knobs().fail(endpoint, Fault::DropAfter, 1);
        }
        lab.issued(&lab.order(&account, "lost.example.org").await).await;
        assert_eq!(lab.ca.knobs().faults_left(), 0);
        assert_eq!(lab.ca.log().issued_for(&["lost.example.org"]), 1);
        assert!(lab.ca.log().finalizations().values().all(|of| of.accepted <= 1));
    }

    async fn a_registration_that_was_not_answered_is_found_again(lab: Lab) {
        // The first request looks for the account, the second one makes it.
        lab.ca.knobs().fail(Endpoint::NewAccount, Fault::Problem(Problem::new(400, "accountDoesNotExist", "no")), 1);
        lab.ca.knobs().fail(Endpoint::NewAccount, Fault::DropAfter, 1);
        let body = json!({ "name": "fake", "provider": "custom", "directory_url": lab.ca.directory_url() });
        let account = lab.app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(account["status"], "pending");
        lab.app.advance(MINUTE).await;
        let path = format!("/v1/pki/acme/accounts/{}", account["id"].as_str().unwrap());
        let account = lab.app.eventually(&path, |account| account["status"] == "valid").await;
        assert_eq!(json!(lab.ca.log().accounts_created()), json!([account["account_url"]]), "one account");
    }

    async fn pages_of_html_and_server_errors_pass(lab: Lab) {
        let account = lab.account().await;
        for endpoint in [Endpoint::NewOrder, Endpoint::Order, Endpoint::Authorization, Endpoint::Finalize] {
            lab.ca.knobs().fail(endpoint, Fault::Html { status: 502, retry_after: None }, 1);
        }
        lab.ca.knobs().fail(Endpoint::Certificate, Fault::Problem(Problem::server_internal()), 1);
        lab.ca.knobs().set(|behaviour| behaviour.reject_nonce_percent = 30);
        lab.issued(&lab.order(&account, "html.example.org").await).await;
        assert_eq!(lab.ca.log().issued_for(&["html.example.org"]), 1);
    }

    async fn a_rate_limit_is_kept_by_everybody(lab: Lab) {
        let account = lab.account().await;
        let limited = Problem::rate_limited(Some(RetryAfter::Seconds(4)));
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(limited), 1);
        let first = lab.order(&account, "a.limited.example.org").await;
        let waits = lab.app.eventually(&first, |order| !order["error"].is_null()).await;
        assert_eq!(waits["status"], "pending");
        assert_eq!(waits["error"]["upstream"]["type"], "urn:ietf:params:acme:error:rateLimited", "{waits:#}");
        assert!(waits["next_attempt_at"].is_string());
        let second = lab.order(&account, "b.limited.example.org").await;
        lab.issued(&first).await;
        lab.issued(&second).await;
        let early = lab.ca.log().early_requests();
        assert!(early.is_empty(), "{early:?}");
    }

    async fn a_slow_ca_is_waited_for(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.processing_polls = 3;
            behaviour.processing_retry_after = Some(RetryAfter::Seconds(1));
        });
        lab.issued(&lab.order(&account, "slow.example.org").await).await;
        assert!(lab.ca.log().early_requests().is_empty());
        lab.ca.knobs().set(|behaviour| {
            behaviour.fail_in_processing = Some(Problem::new(403, "caa", "CAA record forbids issuance"));
        });
        let order = lab.ended(&lab.order(&account, "refused.example.org").await).await;
        assert_eq!((&order["status"], &order["error"]["upstream"]["type"]), (&json!("invalid"), &json!("urn:ietf:params:acme:error:caa")));
    }

    async fn what_a_failed_order_leaves_behind_is_given_up(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.reuse_pending_authorizations = true;
            behaviour.hold_challenges = true;
        });
        let other = lab.order(&account, "shared.example.org").await;
        lab.until(|lab| lab.ca.log().count(Endpoint::Challenge) == 1).await;
        let domains = ["left.example.org", "behind.example.org", "shared.example.org"];
        let body = json!({ "account_id": account, "domains": domains });
        let failed = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        let failed = format!("/v1/pki/acme/orders/{}", failed["id"].as_str().unwrap());
        lab.until(|lab| lab.ca.log().count(Endpoint::Challenge) == 3).await;
        lab.ca.end_authorizations("left.example.org", Status::Invalid);
        assert_eq!(lab.ended(&failed).await["error"]["code"], "validation_failed");
        lab.until(|lab| lab.ca.authorizations_of("behind.example.org") == [Status::Deactivated]).await;
        assert_eq!(lab.ca.authorizations_of("left.example.org"), [Status::Invalid]);
        // Another order goes on with this one.
        assert_eq!(lab.ca.authorizations_of("shared.example.org"), [Status::Pending]);
        lab.ca.end_authorizations("shared.example.org", Status::Valid);
        lab.issued(&other).await;
        assert_eq!(lab.ca.authorizations_of("shared.example.org"), [Status::Valid]);
    }

    async fn a_ca_that_is_away_is_asked_once_more_to_take_an_authorization_back(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.hold_challenges = true;
            // So that the challenge does not look by itself meanwhile.
            behaviour.authorization_retry_after = Some(RetryAfter::Seconds(60));
        });
        let order = lab.order(&account, "away.example.org").await;
        lab.until(|lab| lab.ca.log().count(Endpoint::Authorization) == 2).await;
        lab.ca.knobs().fail(Endpoint::Authorization, Fault::Html { status: 503, retry_after: None }, 2);
        lab.app.advance(24 * HOUR).await;
        lab.app.post(&format!("{order}/refresh"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(lab.ended(&order).await["error"]["code"], "timed_out");
        lab.within_an_hour(|lab| lab.ca.authorizations_of("away.example.org") == [Status::Deactivated]).await;
        assert_eq!(lab.ca.knobs().faults_left(), 0);
    }

    async fn a_failed_validation_says_what_the_ca_says(lab: Lab) {
        let account = lab.account().await;
        let problem = Problem::new(403, "unauthorized", "the wrong key authorization was found");
        lab.ca.knobs().set(|behaviour| behaviour.fail_challenges = Some(problem));
        let order = lab.ended(&lab.order(&account, "bad.example.org").await).await;
        assert_eq!(order["error"]["code"], "validation_failed", "{order:#}");
        assert!(order["error"]["message"].as_str().unwrap().contains("wrong key authorization"), "{order:#}");
        assert_eq!(order["challenges"][0]["status"], "invalid");
        lab.ca.knobs().reset();
        lab.ca.knobs().set(|behaviour| behaviour.rejected_names = vec!["no.example.org".to_owned()]);
        let order = lab.ended(&lab.order(&account, "no.example.org").await).await;
        assert_eq!(order["error"]["upstream"]["type"], "urn:ietf:params:acme:error:rejectedIdentifier", "{order:#}");
    }

    async fn a_moment_of_a_ca_is_not_an_hour_of_everybody(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.down = true);
        let body = |number: usize| {
            json!({ "account_id": account, "domains": [format!("many{number}.example.org")] })
        };
        let calls = (0..30).map(|number| ("/v1/pki/acme/issue".to_owned(), body(number))).collect();
        let orders: Vec<Value> = lab.app.post_at_once(calls).await.iter().map(tests::Answer::json).collect();
        // Every one of them has failed at the same fault.
        for order in &orders {
            let path = format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap());
            lab.app.eventually(&path, |order| order["attempts"].as_i64() > Some(0)).await;
        }
        let now = lab.app.app.now().unix_micros();
        let until = lab.sql.number("SELECT max(until) FROM acme_pauses WHERE scope LIKE 'suspected %'").await;
        assert!(until - now < 90_000_000, "they wait {} s", (until - now) / 1_000_000);
        lab.ca.knobs().set(|behaviour| *behaviour = Behaviour::default());
    }

    async fn the_ca_s_window_decides_when_to_renew(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 86_400, end: 2 * 86_400, explanation: None };
        });
        let first = lab.issued(&lab.order(&account, "renewed.example.org").await).await;
        let planned = lab.by_and_by(&first, |certificate| !certificate["renewal"]["window"].is_null()).await;
        assert!(planned["renewal"]["renew_at"].as_str() < planned["renewal"]["window"]["end"].as_str(), "{planned}");
        assert!(planned["renewed_by"].is_null());
        // The CA changes its mind: at once, because something is wrong.
        lab.ca.knobs().set(|behaviour| {
            let explanation = Some("https://ca.example/incident".to_owned());
            behaviour.renewal = Renewal::Window { start: -7_200, end: -3_600, explanation };
        });
        lab.app.advance(6 * HOUR).await;
        let replaced = lab.by_and_by(&first, |certificate| !certificate["renewed_by"].is_null()).await;
        assert_eq!(replaced["renewal"]["window"]["explanation_url"], "https://ca.example/incident");
        let issued = lab.ca.log().issued();
        assert_eq!(issued.len(), 2);
        assert!(issued[1].replaces.is_some(), "the CA is told what is replaced");
        assert_eq!((lab.events("certificate.issued").await, lab.events("certificate.renewed").await), (1, 1));
        let told = lab.app.get("/v1/events?type=order.*,certificate.*").await.json_with(StatusCode::OK);
        let told: Vec<&str> =
            told["events"].as_array().unwrap().iter().map(|event| event["event_type"].as_str().unwrap()).collect();
        let first = ["order.created", "certificate.issued", "order.issued"];
        assert_eq!(told, [&first[..], &["order.created", "certificate.renewed", "order.issued"]].concat());
    }

    async fn a_renewal_that_fails_is_tried_again(lab: Lab) {
        let account = lab.account().await;
        // Soon: the CA's own clock does not follow, and orders end by it.
        lab.ca.knobs().set(|behaviour| {
            behaviour.renewal = Renewal::Window { start: 3_600, end: 7_200, explanation: None };
        });
        let first = lab.issued(&lab.order(&account, "again.example.org").await).await;
        lab.by_and_by(&first, |certificate| !certificate["renewal"]["window"].is_null()).await;
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(Problem::already_replaced()), 1);
        let problem = Problem::new(400, "connection", "nobody answers");
        lab.ca.knobs().set(|behaviour| behaviour.fail_challenges = Some(problem));
        lab.when_to_be_renewed(&first).await;
        let failed = lab.by_and_by(&first, |certificate| certificate["renewal"]["failures"] == 1).await;
        assert!(failed["renewal"]["last_error"].as_str().unwrap().contains("nobody answers"), "{failed}");
        assert_eq!(lab.events("certificate.renewal_failed").await, 1);
        let told = lab.app.get("/v1/events?type=order.failed").await.json_with(StatusCode::OK);
        assert!(told["events"][0]["data"]["message"].as_str().unwrap().contains("nobody answers"), "{told}");
        assert_eq!(told["events"][0]["identity_id"], "service");
        assert_eq!(lab.ca.knobs().faults_left(), 0, "without naming what is replaced it went on");
        lab.ca.knobs().set(|behaviour| *behaviour = Behaviour::default());
        lab.by_and_by(&first, |certificate| !certificate["renewed_by"].is_null()).await;
    }

    async fn who_does_not_want_renewal_gets_none(lab: Lab) {
        let account = lab.account().await;
        let first = lab.issued(&lab.order(&account, "stays.example.org").await).await;
        let path = format!("/v1/pki/certificates/{}", first["id"].as_str().unwrap());
        let off = lab.app.patch(&path, json!({ "auto_renew": false })).await.json_with(StatusCode::OK);
        assert_eq!((&off["renewal"]["auto_renew"], &off["renewal"]["renew_at"]), (&json!(false), &Value::Null));
        lab.at(&first["not_after"], 24 * HOUR).await;
        // The end is told of all the same.
        certmill_worker::run_schedules(&lab.app.app).await.unwrap();
        lab.app.settled().await;
        assert_eq!(lab.events("certificate.expiring").await, 1);
        assert_eq!(lab.ca.log().issued().len(), 1);
        let internal = json!({ "auto_renew": true });
        lab.app.patch("/v1/pki/certificates/cert_01ARZ3NDEKTSV4RRFFQ69G5FAV", internal).await.error(404, "certificate_not_found");
    }

    async fn several_tenants_need_grants_for_shared_responders(lab: Lab) {
        let account = lab.account().await;
        lab.issued(&lab.order(&account, "www.ours.example.org").await).await;
        let (_, other) = lab.app.another_tenant("second").await;
        let body = json!({ "account_id": account, "domains": ["api.ours.example.org"] });
        let error = lab.app.post("/v1/pki/acme/issue", body.clone()).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["domains"].as_str().unwrap().contains("certmill domain grant"), "{error}");
        let operator = certmill_service::Caller::operator(&lab.app.app, lab.app.tenant.id);
        certmill_service::acme::grants::grant(&lab.app.app, &operator, "OURS.example.org").await.unwrap();
        let order = lab.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        lab.issued(&format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())).await;
        // What is granted to one is refused to the other.
        let account = json!({ "name": "fake", "provider": "custom", "directory_url": lab.ca.directory_url() });
        let account = lab.app.post_as(&other, "/v1/pki/acme/accounts", account).await.json_with(StatusCode::CREATED);
        let theirs = json!({ "account_id": account["id"], "domains": ["www.ours.example.org"] });
        lab.app.post_as(&other, "/v1/pki/acme/issue", theirs).await.error(422, "validation_error");
    }
}

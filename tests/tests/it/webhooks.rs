//! `/v1/webhooks`: what a receiver is sent, in which order, and what becomes of one that does not take it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::collections::BTreeSet;
use std::time::Duration;

use certmill_egress::EgressPolicy;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::receiver::{Received, Receiver, Reply};
use tests::{TestApp, TestOptions, both_modes};

use crate::ca::text;
use crate::jobs::sql::Sql;

/// Makes a webhook; answers it.
async fn hook(app: &TestApp, receiver: &Receiver, more: Value) -> Value {
    let mut body = json!({ "name": receiver.url, "url": receiver.url, "events": ["certificate.*"] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.post("/v1/webhooks", body).await.json_with(StatusCode::CREATED)
}

fn path(hook: &Value) -> String {
    format!("/v1/webhooks/{}", text(&hook["id"]))
}

/// A CA and a role.
async fn role(app: &TestApp) -> String {
    let ca = app.root_ca("root").await;
    app.role("web", text(&ca["id"])).await;
    text(&ca["id"]).to_owned()
}

async fn issue(app: &TestApp, name: &str) -> String {
    text(&app.issue("web", &format!("{name}.example.internal")).await["certificate_id"]).to_owned()
}

async fn revoke(app: &TestApp, certificate: &str) {
    let certificate = app.get(&format!("/v1/pki/certificates/{certificate}")).await.json();
    let body = json!({ "serial_number": certificate["serial_number"], "reason": "superseded" });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

fn types(received: &[Received]) -> Vec<String> {
    received.iter().map(|one| one.header("x-certmill-event-type").to_owned()).collect()
}

/// The signature of a delivery by a secret, as `openssl` computes it.
fn signature(received: &Received, secret: &str) -> String {
    let judge = Judge::new();
    judge.write("signed", format!("{}.{}", received.header("x-certmill-timestamp"), received.text));
    let said = judge.run(&format!("dgst -sha256 -hmac {secret} -r signed"));
    format!("sha256={}", said.split(' ').next().unwrap())
}

both_modes! {
    async fn an_event_is_sent_once_signed_and_as_the_feed_tells_it(app: TestApp) {
        let receiver = Receiver::start().await;
        role(&app).await;
        issue(&app, "before").await;
        let hook = hook(&app, &receiver, json!({})).await;
        let secret = text(&hook["secret"]).to_owned();
        assert!(secret.starts_with("whsec_") && secret.len() == 70, "{secret}");
        let certificate = issue(&app, "a").await;
        let received = receiver.first(1).await[0].clone();
        let mut told = app.get(&format!("/v1/events?object={certificate}")).await.json()["events"][0].clone();
        told.as_object_mut().unwrap().remove("cursor");
        assert_eq!(received.body(), told);
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("x-certmill-event-id"), text(&told["event_id"]));
        assert_eq!(received.header("x-certmill-event-type"), "certificate.issued");
        assert_eq!(received.header("x-certmill-signature"), signature(&received, &secret));
        let list = format!("{}/deliveries", path(&hook));
        let listed = app.eventually(&list, |list| list["deliveries"][0]["state"] == "delivered").await;
        let delivery = &listed["deliveries"][0];
        assert_eq!(received.header("x-certmill-delivery-id"), text(&delivery["id"]));
        assert_eq!((&delivery["last_status"], &delivery["attempts"]), (&json!(204), &json!(1)));
        // The secret is not shown again, and what came before is not sent.
        let shown = app.get(&path(&hook)).await;
        assert!(!shown.text().contains("whsec_") && shown.json()["delivered_at"].is_string(), "{}", shown.text());
        assert_eq!(receiver.all().len(), 1);
    }

    async fn events_are_sent_in_the_form_that_is_wanted(app: TestApp) {
        let (cloud, chat) = (Receiver::start().await, Receiver::start().await);
        role(&app).await;
        hook(&app, &cloud, json!({ "format": "cloudevents" })).await;
        hook(&app, &chat, json!({ "format": "slack" })).await;
        let certificate = issue(&app, "a").await;
        let received = cloud.first(1).await[0].clone();
        let body = received.body();
        assert_eq!(received.header("content-type"), "application/cloudevents+json");
        assert_eq!((&body["specversion"], &body["source"]), (&json!("1.0"), &json!("http://pki.test")));
        assert_eq!((&body["type"], &body["subject"]), (&json!("certmill.certificate.issued"), &json!(certificate)));
        assert_eq!((&body["id"], &body["data"]["object"]), (&body["data"]["event_id"], &json!(certificate)));
        let received = chat.first(1).await[0].body();
        let said = text(&received["text"]);
        assert!(said.starts_with("certificate.issued: a.example.internal (cert_"), "{said}");
        assert_eq!(received.as_object().unwrap().len(), 1);
    }

    async fn types_and_filters_say_what_is_sent(app: TestApp) {
        let by_type = Receiver::start().await;
        let (by_role, by_ca, by_tag) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
        let ca = role(&app).await;
        let other = app.root_ca("other").await;
        app.role("db", text(&other["id"])).await;
        hook(&app, &by_type, json!({ "events": "ca.*, certificate.revoked" })).await;
        hook(&app, &by_role, json!({ "filters": { "roles": ["db"] } })).await;
        hook(&app, &by_ca, json!({ "events": ["*"], "filters": { "ca_ids": [ca] } })).await;
        hook(&app, &by_tag, json!({ "filters": { "tags": { "team": "core" } } })).await;
        let web = issue(&app, "a").await;
        let db = app.issue("db", "d.example.internal").await["certificate_id"].clone();
        let tags = json!({ "tags": { "team": "core", "env": "prod" } });
        app.patch(&format!("/v1/pki/certificates/{web}"), tags).await.json_with(StatusCode::OK);
        revoke(&app, text(&db)).await;
        revoke(&app, &web).await;
        app.patch(&format!("/v1/pki/ca/{ca}"), json!({ "ocsp": true })).await.json_with(StatusCode::OK);
        let mut received = types(&by_type.first(3).await);
        received.sort();
        assert_eq!(received, ["ca.updated", "certificate.revoked", "certificate.revoked"]);
        assert_eq!(by_role.first(2).await.iter().map(Received::object).collect::<BTreeSet<_>>(), BTreeSet::from([text(&db).to_owned()]));
        let revoked = |all: &[Received]| types(all).iter().any(|kind| kind == "certificate.revoked");
        by_tag.until(revoked).await;
        assert!(by_tag.all().iter().all(|one| one.object() == web));
        by_ca.until(|all| types(all).iter().any(|kind| kind == "ca.updated")).await;
        assert!(by_ca.all().iter().all(|one| [&web, &ca].contains(&&one.object())), "{:?}", by_ca.all());
    }

    /// One object's events are refused: those that follow about it wait, everything else goes on, and after the last attempt
    /// it is given up, told and can be sent again by hand.
    async fn an_object_that_is_refused_holds_up_no_other(app: TestApp) {
        let receiver = Receiver::start().await;
        role(&app).await;
        let hook = hook(&app, &receiver, json!({})).await;
        receiver.behave(|received| {
            let is_bad = received.body()["data"]["common_name"] == "bad.example.internal";
            Reply::Status(if is_bad { 500 } else { 200 })
        });
        let bad = issue(&app, "bad").await;
        let of_bad = |all: &[Received]| all.iter().filter(|one| one.object() == bad).count();
        receiver.until(|all| of_bad(all) == 1).await;
        revoke(&app, &bad).await;
        let good = issue(&app, "good").await;
        receiver.until(|all| all.iter().any(|one| one.object() == good)).await;
        let deliveries = format!("{}/deliveries", path(&hook));
        for (attempts, pause) in [10, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600].into_iter().enumerate() {
            app.eventually(&deliveries, |list| list["deliveries"][2]["attempts"] == attempts + 1).await;
            assert_eq!(of_bad(&receiver.all()), attempts + 1, "sent before it was due");
            app.advance(Duration::from_secs(pause)).await;
            receiver.until(|all| of_bad(all) > attempts + 1).await;
        }
        let given_up = app.eventually(&format!("{deliveries}?state=failed"), |list| !list["deliveries"].as_array().unwrap().is_empty()).await;
        let given_up = &given_up["deliveries"][0];
        assert_eq!((&given_up["attempts"], &given_up["last_status"]), (&json!(10), &json!(500)));
        let told = app.eventually("/v1/events?type=webhook.delivery_failed", |told| !told["events"].as_array().unwrap().is_empty()).await;
        let told = &told["events"][0];
        assert_eq!((&told["object"], &told["data"]["event_id"]), (&hook["id"], &given_up["event_id"]));
        // Now the next event about the object has its turn.
        receiver.until(|all| types(all).iter().any(|kind| kind == "certificate.revoked")).await;
        receiver.behave(|_| Reply::Status(200));
        app.advance(Duration::from_mins(1)).await;
        app.eventually(&format!("{deliveries}?state=waiting"), |list| list["deliveries"].as_array().unwrap().is_empty()).await;
        let again = format!("{deliveries}/{}/redeliver", text(&given_up["id"]));
        let waiting = app.post(&again, json!({})).await.json_with(StatusCode::OK);
        assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("waiting"), &json!(0)));
        let sent = |all: &[Received]| all.iter().filter(|one| one.header("x-certmill-event-id") == text(&given_up["event_id"])).count();
        receiver.until(|all| sent(all) == 11).await;
        app.eventually(&format!("{deliveries}?state=failed"), |list| list["deliveries"].as_array().unwrap().is_empty()).await;
        app.post(&again.replace("/del_", "/del_0"), json!({})).await.error(404, "delivery_not_found");
    }

    async fn a_dead_receiver_delays_nobody_and_gets_everything_when_it_is_back(app: TestApp) {
        let (dead, good) = (Receiver::start().await, Receiver::start().await);
        dead.behave(|_| Reply::Hang);
        role(&app).await;
        let hook_of_dead = hook(&app, &dead, json!({})).await;
        hook(&app, &good, json!({})).await;
        issue(&app, "first").await;
        dead.first(1).await;
        for number in 0..20 {
            issue(&app, &format!("n{number}")).await;
        }
        // While the other one is not answered.
        good.first(21).await;
        let paused = app.eventually(&path(&hook_of_dead), |hook| hook["paused_until"].is_string()).await;
        assert!(text(&paused["last_error"]).contains("did not answer completely within 10 seconds"), "{paused}");
        dead.behave(|_| Reply::Status(200));
        let before = dead.all().len();
        app.advance(Duration::from_mins(5)).await;
        dead.until(|all| all.iter().skip(before).map(Received::object).collect::<BTreeSet<_>>().len() == 21).await;
        app.eventually(&path(&hook_of_dead), |hook| hook["last_error"].is_null()).await;
    }

    async fn what_happens_to_an_object_is_told_in_its_order_and_in_few_jobs(app: TestApp) {
        let receiver = Receiver::start().await;
        role(&app).await;
        hook(&app, &receiver, json!({ "events": ["*"] })).await;
        let calls = (0..60).map(|number| {
            let app = &app;
            async move {
                let certificate = issue(app, &format!("m{number}")).await;
                revoke(app, &certificate).await;
                certificate
            }
        });
        let certificates = futures_util::future::join_all(calls).await;
        let is_revoked = |one: &Received| one.header("x-certmill-event-type") == "certificate.revoked";
        let received = receiver.until(|all| all.iter().filter(|one| is_revoked(one)).count() == 60).await;
        for certificate in certificates {
            let own: Vec<Received> = received.iter().filter(|one| one.object() == certificate).cloned().collect();
            assert_eq!(types(&own), ["certificate.issued", "certificate.revoked"], "{certificate}");
        }
        let jobs = Sql::open(app.database_url()).await.number("SELECT count(*) FROM jobs WHERE kind = 'deliver_events'").await;
        assert!(jobs < 40, "{jobs} jobs for more than 120 events");
    }

    async fn what_waits_for_what_came_before_it_makes_no_jobs(app: TestApp) {
        let receiver = Receiver::start().await;
        receiver.behave(|_| Reply::Status(500));
        role(&app).await;
        let hook = hook(&app, &receiver, json!({})).await;
        let certificate = issue(&app, "a").await;
        receiver.first(1).await;
        revoke(&app, &certificate).await;
        let deliveries = format!("{}/deliveries", path(&hook));
        app.eventually(&deliveries, |list| list["deliveries"].as_array().unwrap().len() == 2).await;
        app.settled().await;
        let sql = Sql::open(app.database_url()).await;
        let jobs = async || sql.number("SELECT count(*) FROM jobs WHERE kind = 'deliver_events'").await;
        let before = jobs().await;
        for _ in 0..5 {
            certmill_service::webhooks::wake(&app.app).await.unwrap();
            app.settled().await;
        }
        // The CRL may be published only now, which is one more event to read past.
        let after = jobs().await;
        assert!(after <= before + 1, "{after} jobs after {before}, and nothing was to be done");
    }

    async fn a_receiver_that_is_gone_is_not_told_any_more(app: TestApp) {
        let (receiver, watcher) = (Receiver::start().await, Receiver::start().await);
        receiver.behave(|_| Reply::Status(410));
        role(&app).await;
        let gone = hook(&app, &receiver, json!({})).await;
        hook(&app, &watcher, json!({ "events": ["webhook.*"] })).await;
        let first = issue(&app, "a").await;
        let shown = app.eventually(&path(&gone), |hook| hook["is_active"] == false).await;
        assert!(text(&shown["last_error"]).contains("410"), "{shown}");
        let told = watcher.first(1).await[0].clone();
        assert_eq!(told.header("x-certmill-event-type"), "webhook.disabled");
        assert_eq!(told.object(), text(&gone["id"]));
        issue(&app, "meanwhile").await;
        let deliveries = app.get(&format!("{}/deliveries", path(&gone))).await.json();
        assert_eq!(deliveries["deliveries"].as_array().unwrap().len(), 1, "{deliveries}");
        let again = format!("{}/deliveries/{}/redeliver", path(&gone), text(&deliveries["deliveries"][0]["id"]));
        app.post(&again, json!({})).await.error(409, "invalid_state");
        // What waited goes out when it is back, and what happens from then on.
        receiver.behave(|_| Reply::Status(200));
        app.patch(&path(&gone), json!({ "is_active": true })).await.json_with(StatusCode::OK);
        let after = issue(&app, "after").await;
        app.advance(Duration::from_secs(10)).await;
        let objects = |all: &[Received]| all.iter().map(Received::object).collect::<BTreeSet<_>>();
        receiver.until(|all| objects(all) == BTreeSet::from([first.clone(), after.clone()])).await;
    }

    async fn both_secrets_sign_while_the_old_one_counts(app: TestApp) {
        let receiver = Receiver::start().await;
        role(&app).await;
        let first = "a-secret-of-the-receivers-own-choice";
        let hook = hook(&app, &receiver, json!({ "secret": first })).await;
        assert!(hook.get("secret").is_none(), "{hook}");
        let rotate = json!({ "rotate_secret": true, "previous_secret_ttl": "1h" });
        let rotated = app.patch(&path(&hook), rotate).await.json_with(StatusCode::OK);
        let second = text(&rotated["secret"]).to_owned();
        assert!(rotated["previous_secret_until"].is_string());
        issue(&app, "a").await;
        let received = receiver.first(1).await[0].clone();
        let both = format!("{}, {}", signature(&received, &second), signature(&received, first));
        assert_eq!(received.header("x-certmill-signature"), both);
        app.advance(Duration::from_hours(1)).await;
        issue(&app, "b").await;
        let received = receiver.first(2).await[1].clone();
        assert_eq!(received.header("x-certmill-signature"), signature(&received, &second));
        assert_eq!(app.get(&path(&hook)).await.json()["previous_secret_until"], Value::Null);
        // At once, where the old one is in wrong hands.
        let third = "another-secret-that-is-long-enough-0";
        let body = json!({ "secret": third, "previous_secret_ttl": "0" });
        app.patch(&path(&hook), body).await.json_with(StatusCode::OK);
        issue(&app, "c").await;
        let received = receiver.first(3).await[2].clone();
        assert_eq!(received.header("x-certmill-signature"), signature(&received, third));
    }

    async fn a_test_says_what_the_receiver_makes_of_it(app: TestApp) {
        let receiver = Receiver::start().await;
        let hook = hook(&app, &receiver, json!({ "is_active": false })).await;
        let path = format!("{}/test", path(&hook));
        for (reply, status, wrong) in [
            (Reply::Status(200), json!(200), ""),
            (Reply::Status(500), json!(500), "status 500"),
            (Reply::Status(308), json!(308), "redirects are not followed"),
            (Reply::Large, json!(200), ""),
        ] {
            receiver.behave(move |_| reply);
            let before = receiver.all().len();
            let said = app.post(&path, json!({})).await.json_with(StatusCode::OK);
            assert_eq!((&said["succeeded"], &said["status"]), (&json!(wrong.is_empty()), &status), "{said}");
            assert!(said["error"].as_str().unwrap_or_default().contains(wrong), "{said}");
            let all = receiver.all();
            assert_eq!(all.len(), before + 1, "it is sent once");
            assert_eq!(all[before].header("x-certmill-event-type"), "webhook.test");
            assert_eq!(all[before].header("x-certmill-event-id"), text(&said["event_id"]));
        }
        let logs = app.get("/v1/audit/logs?action=webhook.test").await.json();
        assert_eq!(logs["logs"].as_array().unwrap().len(), 4);
    }

    async fn what_is_wrong_with_a_webhook_is_told_by_field(app: TestApp) {
        let receiver = Receiver::start().await;
        for (change, field, right) in [
            (json!({ "name": "" }), "name", "1 to 128"),
            (json!({ "url": "ftp://example.com/" }), "url", "http:// or https://"),
            (json!({ "url": "http://8.8.8.8/" }), "url", "https"),
            (json!({ "url": "https://10.0.0.1/" }), "url", "egress policy"),
            (json!({ "url": "https://no-such-host.invalid/" }), "url", "cannot be looked up"),
            (json!({ "events": [] }), "events", "certificate.*"),
            (json!({ "events": ["certificate"] }), "events", "certificate.*"),
            (json!({ "format": "xml" }), "format", "cloudevents"),
            (json!({ "secret": "short" }), "secret", "32"),
            (json!({ "filters": { "ca_ids": ["nonsense"] } }), "filters.ca_ids", "ca_"),
            (json!({ "filters": { "ca_ids": ["ca_01ARZ3NDEKTSV4RRFFQ69G5FAV"] } }), "filters.ca_ids", "there is no"),
            (json!({ "filters": { "roles": ["nobody"] } }), "filters.roles", "there is no"),
            (json!({ "filters": { "colour": "blue" } }), "filters.colour", "not a field"),
            (json!({ "colour": "blue" }), "colour", "not a field"),
        ] {
            let mut body = json!({ "name": "a", "url": receiver.url, "events": ["*"] });
            body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let error = app.post("/v1/webhooks", body).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].as_str().unwrap_or_default().contains(right), "{change}: {error}");
        }
        let hook = hook(&app, &receiver, json!({ "name": "a" })).await;
        let body = json!({ "name": "a", "url": receiver.url, "events": ["*"] });
        app.post("/v1/webhooks", body.clone()).await.error(409, "already_exists");
        for change in [
            json!({ "previous_secret_ttl": "1h" }),
            json!({ "rotate_secret": true, "secret": "0123456789012345678901234567890123" }),
            json!({ "rotate_secret": true, "previous_secret_ttl": "31d" }),
            json!({ "url": "https://127.0.0.2/" }),
        ] {
            app.patch(&path(&hook), change).await.error(422, "validation_error");
        }
        for number in 1..50 {
            let mut body = body.clone();
            body["name"] = json!(format!("n{number}"));
            app.post("/v1/webhooks", body).await.json_with(StatusCode::CREATED);
        }
        let mut body = body;
        body["name"] = json!("one too many");
        let error = app.post("/v1/webhooks", body).await.error(409, "invalid_state");
        assert!(text(&error["message"]).contains("50"), "{error}");
        assert_eq!(app.delete(&path(&hook)).await.status, StatusCode::NO_CONTENT);
        app.get(&path(&hook)).await.error(404, "webhook_not_found");
        app.get(&format!("{}/deliveries", path(&hook))).await.error(404, "webhook_not_found");
    }

    async fn a_tenant_is_told_of_its_own_only(app: TestApp) {
        let receiver = Receiver::start().await;
        hook(&app, &receiver, json!({ "events": ["*"] })).await;
        let (_, stranger) = app.another_tenant("second").await;
        let ca = json!({ "name": "theirs", "common_name": "Theirs", "ca_type": "root", "key_type": "ec" });
        app.post_as(&stranger, "/v1/pki/ca", ca).await.json_with(StatusCode::CREATED);
        let own = app.root_ca("own").await;
        let received = receiver.until(|all| all.iter().any(|one| one.object() == text(&own["id"]))).await;
        assert!(received.iter().all(|one| one.body()["tenant_id"] == json!(app.tenant.id.to_string())), "{received:?}");
    }
}

both_modes! {
    async fn the_policy_counts_when_an_event_is_sent(mode: Mode) {
        let receiver = Receiver::start().await;
        let options = TestOptions { egress: Some(EgressPolicy::public_only()), ..TestOptions::default() };
        let app = TestApp::start_with(mode, options).await;
        let body = json!({ "name": "a", "url": receiver.url, "events": ["*"] });
        app.post("/v1/webhooks", body.clone()).await.error(422, "validation_error");
        let mut body = body;
        body["url"] = json!("https://8.8.8.8/");
        let hook = app.post("/v1/webhooks", body).await.json_with(StatusCode::CREATED);
        // As if the address had been permitted once.
        let url = format!("UPDATE webhooks SET url = '{}'", receiver.url);
        Sql::open(app.database_url()).await.run(&url).await;
        app.root_ca("root").await;
        let shown = app.eventually(&path(&hook), |hook| hook["last_error"].is_string()).await;
        assert!(text(&shown["last_error"]).contains("egress policy"), "{shown}");
        assert!(receiver.all().is_empty());
    }
}

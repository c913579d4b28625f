//! What the server does wrong on demand.

use std::time::{Duration, Instant};

use fake_acme::{
    Behaviour, CertificateFlaw, Endpoint, FakeAcmeOptions, Fault, Problem, Renewal, RetryAfter, Status,
};
use serde_json::{Value, json};

use crate::{
    client::{Tweak, csr, leaf, names, new_key, renewal_id, urls},
    start, start_with,
};

#[tokio::test(flavor = "multi_thread")]
async fn good_nonces_are_refused() {
    let (server, mut client) = start().await;
    server.knobs().set(|behaviour| behaviour.reject_nonces = 2);
    let kid = client.kid.clone();
    assert_eq!(client.read(&kid).problem(), "badNonce");
    assert_eq!(client.read(&kid).problem(), "badNonce");
    assert_eq!(client.read(&kid).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_come_with_their_headers_and_what_comes_too_early_is_noted() {
    let (server, mut client) = start().await;
    let knobs = server.knobs();
    let limited = |retry_after| Fault::Problem(Problem::rate_limited(Some(retry_after)));
    knobs.fail(Endpoint::NewOrder, limited(RetryAfter::Seconds(3_600)), 1);
    let answer = client.order(&["a.example"]);
    assert_eq!((answer.status, answer.problem().as_str()), (429, "rateLimited"));
    assert_eq!(answer.header("retry-after"), Some("3600"));
    assert!(server.log().early_requests().is_empty());

    knobs.fail(Endpoint::NewOrder, limited(RetryAfter::Date(60)), 1);
    let date = client.order(&["a.example"]).header("retry-after").unwrap().to_owned();
    assert!(date.ends_with(" GMT"), "{date}");
    let early = server.log().early_requests();
    assert_eq!((early.len(), early[0].path.as_str()), (1, "/new-order"));
    assert!(early[0].by > Duration::from_mins(50));

    for (problem, status) in [
        (Problem::paused("https://ca.example/unpause"), 429),
        (Problem::server_internal(), 500),
        (Problem::already_replaced(), 409),
        (Problem::user_action_required("https://ca.example/terms", "https://ca.example/agree"), 403),
    ] {
        knobs.fail(Endpoint::NewOrder, Fault::Problem(problem), 2);
        for _ in 0..2 {
            let answer = client.order(&["a.example"]);
            assert_eq!(answer.status, status);
            answer.problem();
        }
    }
    assert_eq!(knobs.faults_left(), 0);
    assert!(server.log().orders_created().is_empty());
    assert_eq!(client.order(&["a.example"]).status, 201);
    assert_eq!(server.log().orders_created().len(), 1);
    let account = server.log().requests().last().unwrap().account.clone();
    assert_eq!(account.as_ref(), Some(&client.kid));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_front_of_the_server_answers_without_it() {
    let (server, mut client) = start().await;
    let knobs = server.knobs();
    knobs.fail(Endpoint::NewOrder, Fault::Html { status: 503, retry_after: Some(RetryAfter::Seconds(5)) }, 1);
    knobs.fail(Endpoint::NewOrder, Fault::Redirect("https://elsewhere.example/".to_owned()), 1);
    knobs.fail(Endpoint::NewOrder, Fault::Delay(Duration::from_millis(300)), 1);
    let page = client.order(&["a.example"]);
    assert_eq!(
        (page.status, page.header("retry-after"), page.header("replay-nonce")),
        (503, Some("5"), None)
    );
    assert_eq!(page.header("content-type"), Some("text/html"));
    let redirect = client.order(&["a.example"]);
    assert_eq!((redirect.status, redirect.location().as_str()), (302, "https://elsewhere.example/"));
    let begin = Instant::now();
    assert_eq!(client.order(&["a.example"]).status, 201);
    assert!(begin.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.log().count(Endpoint::NewOrder), 3);
    assert_eq!(server.log().early_requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_before_or_after_the_work_is_done() {
    let (server, mut client) = start().await;
    let knobs = server.knobs();
    let url = client.url("newOrder");
    let payload = json!({ "identifiers": [{ "type": "dns", "value": "a.example" }] });
    knobs.fail(Endpoint::NewOrder, Fault::DropBefore, 1);
    client.try_post(&url, Some(&payload), &Tweak::default()).unwrap_err();
    assert!(server.log().orders_created().is_empty());
    knobs.fail(Endpoint::NewOrder, Fault::DropAfter, 1);
    client.try_post(&url, Some(&payload), &Tweak::default()).unwrap_err();
    let order = server.log().orders_created()[0].clone();

    client.authorize(&order, "http-01", |_, _, _| {});
    knobs.fail(Endpoint::Finalize, Fault::DropAfter, 1);
    let csr = crate::client::base64url(&csr(&new_key(), &["a.example"]).to_der().unwrap());
    let finalize = format!("{order}/finalize");
    client.try_post(&finalize, Some(&json!({ "csr": csr })), &Tweak::default()).unwrap_err();
    assert_eq!(client.read(&order).text("status"), "valid");
    assert_eq!(server.log().issued().len(), 1);
    assert_eq!(server.log().requests().iter().filter(|request| request.status.is_none()).count(), 3);

    knobs.set(|behaviour| behaviour.down = true);
    client.try_post(&order, None, &Tweak { nonce: Some(String::new()), ..Tweak::default() }).unwrap_err();
    knobs.reset();
    assert_eq!(client.read(&order).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_stay_in_processing_and_fail_there() {
    let (server, mut client) = start().await;
    server.knobs().set(|behaviour| {
        behaviour.processing_polls = 2;
        behaviour.processing_retry_after = Some(RetryAfter::Seconds(86_400));
    });
    for outcome in ["valid", "invalid"] {
        let order = client.order(&["a.example"]).location();
        client.authorize(&order, "dns-01", |_, _, _| {});
        let answer = client.finalize(&order, &csr(&new_key(), &["a.example"]));
        assert_eq!(
            (answer.text("status").as_str(), answer.header("retry-after")),
            ("processing", Some("86400"))
        );
        assert_eq!(client.read(&order).text("status"), "processing");
        let end = client.read(&order).json();
        assert_eq!(end["status"], outcome);
        assert_eq!(end["error"].is_object(), outcome == "invalid");
        server.knobs().set(|behaviour| behaviour.fail_in_processing = Some(Problem::server_internal()));
    }
    assert_eq!(server.log().early_requests().len(), 4);
    assert_eq!(server.log().issued().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_fail_with_subproblems_and_are_left_alone() {
    let (server, mut client) = start().await;
    let problem = Problem::new(400, "unauthorized", "no")
        .with_subproblem("dns", "a.example", "one")
        .with_subproblem("caa", "a.example", "two");
    server.knobs().set(|behaviour| behaviour.fail_challenges = Some(problem));
    let order = client.order(&["a.example"]).location();
    let failed = client.authorize(&order, "dns-01", |_, _, _| {});
    assert_eq!(failed["status"], "invalid");
    let (_, challenge) = client.challenge(&urls(&failed["authorizations"])[0], "dns-01");
    assert_eq!(challenge["error"]["subproblems"].as_array().unwrap().len(), 2);

    server.knobs().reset();
    server.knobs().set(|behaviour| {
        behaviour.hold_challenges = true;
        behaviour.authorization_retry_after = Some(RetryAfter::Seconds(7));
    });
    let order = client.order(&["a.example"]).location();
    let url = urls(&client.read(&order).json()["authorizations"])[0].clone();
    let (_, challenge) = client.challenge(&url, "dns-01");
    let challenge = challenge["url"].as_str().unwrap();
    let held = client.post(challenge, &json!({}));
    assert_eq!((held.text("status").as_str(), held.header("retry-after")), ("processing", Some("7")));
    assert_eq!(client.read(&url).text("status"), "pending");
    server.knobs().reset();
    assert_eq!(client.post(challenge, &json!({})).text("status"), "valid");
    assert_eq!(client.read(&order).text("status"), "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_withheld_or_wrong() {
    let (server, mut client) = start().await;
    let (order, _, chain) = client.issue(&["a.example"]);
    let url = client.read(&order).text("certificate");
    let missing = Fault::Problem(Problem::new(404, "malformed", "not yet"));
    server.knobs().fail(Endpoint::Certificate, missing, 2);
    assert_eq!(client.read(&url).status, 404);
    assert_eq!(client.read(&url).status, 404);
    assert_eq!(client.read(&url).body, chain);

    server.knobs().set(|behaviour| behaviour.certificate_flaw = Some(CertificateFlaw::WrongKey));
    let (_, key, chain) = client.issue(&["a.example"]);
    assert!(!leaf(&chain).public_key().unwrap().public_eq(&key));
    assert_eq!(names(&leaf(&chain)), ["a.example"]);
    server.knobs().set(|behaviour| behaviour.certificate_flaw = Some(CertificateFlaw::WrongNames));
    let (_, key, chain) = client.issue(&["a.example"]);
    assert!(leaf(&chain).public_key().unwrap().public_eq(&key));
    assert_eq!(names(&leaf(&chain)), ["not-ordered.example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_authorizations_are_reused_like_boulder() {
    let (server, mut client) = start().await;
    let wanted = ["a.example", "b.example"];
    assert_ne!(client.order(&wanted).location(), client.order(&wanted).location());

    server.knobs().set(|behaviour| *behaviour = Behaviour::like_boulder());
    let first = client.order(&wanted);
    assert_eq!(client.order(&["b.example", "a.example"]).location(), first.location());
    let other = client.order(&["a.example"]);
    assert_ne!(other.location(), first.location());
    let shared = urls(&other.json()["authorizations"]);
    assert!(urls(&first.json()["authorizations"]).contains(&shared[0]));

    client.authorize(&other.location(), "dns-01", |_, _, _| {});
    assert_eq!(client.finalize(&other.location(), &csr(&new_key(), &["a.example"])).status, 200);
    let third = client.order(&["a.example"]);
    assert_eq!((third.text("status").as_str(), urls(&third.json()["authorizations"])), ("ready", shared));
    assert_eq!(server.log().orders_created().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_its_wildcard_share_a_token_when_told_to() {
    let (server, mut client) = start().await;
    for same in [false, true] {
        server.knobs().set(|behaviour| behaviour.same_token = same);
        let order = client.order(&["a.example", "*.a.example"]).json();
        let tokens: Vec<Value> = urls(&order["authorizations"])
            .iter()
            .map(|url| {
                let (authorization, challenge) = client.challenge(url, "dns-01");
                assert_eq!(authorization["identifier"]["value"], "a.example");
                challenge["token"].clone()
            })
            .collect();
        assert_eq!(tokens[0] == tokens[1], same);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn things_end_in_the_middle() {
    let (server, mut client) = start().await;
    for status in [Status::Expired, Status::Deactivated, Status::Revoked] {
        let order = client.order(&["a.example"]).location();
        client.authorize(&order, "dns-01", |_, _, _| {});
        assert_eq!(server.end_authorizations("a.example", status), 1);
        assert_eq!(client.read(&order).text("status"), "invalid");
    }
    let order = client.order(&["a.example"]).location();
    assert!(server.fail_order(&order, Problem::server_internal()));
    assert!(client.read(&order).json()["error"].is_object());
    assert!(!server.fail_order("https://127.0.0.1/order/0", Problem::server_internal()));

    server.knobs().set(|behaviour| {
        behaviour.order_lifetime = -1;
        behaviour.expires_skew = 86_400;
    });
    let over = client.order(&["a.example"]);
    assert_eq!(over.text("status"), "invalid");
    server.knobs().reset();
    server.knobs().set(|behaviour| behaviour.authorization_lifetime = -1);
    assert_eq!(client.order(&["a.example"]).text("status"), "invalid");
    server.knobs().reset();
    server.knobs().set(|behaviour| behaviour.rejected_names = vec!["no.example".to_owned()]);
    let rejected = client.order(&["a.example", "no.example"]);
    assert_eq!(rejected.problem(), "rejectedIdentifier");
    assert_eq!(rejected.json()["subproblems"][0]["identifier"]["value"], "no.example");

    let kid = client.kid.clone();
    assert!(server.deactivate_account(&kid));
    let refused = client.order(&["a.example"]);
    assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthorized"));
    assert!(server.forget_account(&kid));
    assert_eq!(client.order(&["a.example"]).problem(), "accountDoesNotExist");
    assert!(!server.forget_account(&kid));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_information_says_what_it_is_told_to() {
    let (server, mut client) = start().await;
    server.knobs().set(|behaviour| behaviour.certificate_lifetime = 900_000);
    let (_, _, chain) = client.issue(&["a.example"]);
    let url = format!("{}/{}", client.url("renewalInfo"), renewal_id(&leaf(&chain)));
    let good = client.get(&url);
    assert_eq!((good.status, good.header("retry-after")), (200, Some("21600")));
    let start = |answer: &crate::client::Answer| {
        answer.json()["suggestedWindow"]["start"].as_str().unwrap().to_owned()
    };
    assert!(start(&good).as_str() < good.json()["suggestedWindow"]["end"].as_str().unwrap());

    let set = |renewal| server.knobs().set(|behaviour| behaviour.renewal = renewal);
    let explanation = Some("https://ca.example/why".to_owned());
    set(Renewal::Window { start: -7_200, end: -3_600, explanation });
    let past = client.get(&url);
    assert!(start(&past) < start(&good));
    assert_eq!(past.text("explanationURL"), "https://ca.example/why");
    set(Renewal::Garbage("{\"suggestedWindow\":7}".to_owned()));
    assert_eq!(client.get(&url).body, "{\"suggestedWindow\":7}");
    set(Renewal::NotFound);
    assert_eq!(client.get(&url).status, 404);
    set(Renewal::ServerError);
    assert_eq!(client.get(&url).status, 500);
    set(Renewal::Late);
    server.knobs().set(|behaviour| behaviour.renewal_retry_after = None);
    assert_eq!(client.get(&url).header("retry-after"), None);
    client.revoke(&leaf(&chain), None, &Tweak::default());
    assert!(start(&client.get(&url)) < start(&good));
    assert_eq!(client.get(&format!("{url}AA")).status, 404);

    let (_server, client) = start_with(FakeAcmeOptions { renewal_info: false, ..Default::default() }).await;
    assert_eq!(client.directory["renewalInfo"], Value::Null);
}

/// In the identifier a serial number stands as in DER: with a zero before a highest bit that is set (RFC 9773 §4.1).
#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_found_whether_the_highest_bit_of_their_serial_number_is_set_or_not() {
    let (_server, mut client) = start().await;
    let (mut high, mut low) = (false, false);
    // Each is as likely as the other, so that a hundred certificates have both.
    for _ in 0..100 {
        let (_, _, chain) = client.issue(&["a.example"]);
        let leaf = leaf(&chain);
        let set = leaf.serial_number().to_bn().unwrap().num_bits() == 128;
        *(if set { &mut high } else { &mut low }) = true;
        let url = format!("{}/{}", client.url("renewalInfo"), renewal_id(&leaf));
        assert_eq!(client.get(&url).status, 200);
        if high && low {
            return;
        }
    }
    panic!("serial numbers of one kind only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_answers_nobody() {
    let (server, mut client) = start().await;
    let kid = client.kid.clone();
    drop(server);
    client.try_post(&kid, None, &Tweak { nonce: Some(String::new()), ..Tweak::default() }).unwrap_err();
}

//! The states of a CSR: what is possible from which, and who wins when two decide at once.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, TestApp, both_modes};

use crate::access::expect;
use crate::access::rows::Rows;
use crate::ca::{seconds, text};
use crate::csr::{approve, approve_and_sign, generated, imported, path, request, stored};

const STATES: [&str; 4] = ["pending", "approved", "rejected", "signed"];

/// From which states each call is possible.
const CALLS: [(&str, &[&str]); 3] =
    [("approve", &["pending"]), ("reject", &["pending", "approved"]), ("sign", &["approved"])];

/// A CSR in this state.
async fn in_state(app: &TestApp, source: &str, state: &str, ca: &Value) -> Value {
    let csr = if source == "generated" {
        generated(app, json!({})).await
    } else {
        imported(app, &request("-subj /CN=a.example.internal")).await
    };
    match state {
        "approved" => drop(approve(app, &csr).await),
        "rejected" => {
            drop(app.post(&path(&csr, "reject"), body("reject", ca)).await.json_with(StatusCode::OK));
        }
        "signed" => drop(approve_and_sign(app, &csr, ca, json!({})).await),
        _ => {}
    }
    let csr = read(app, &csr).await;
    assert_eq!(csr["status"], state);
    csr
}

async fn read(app: &TestApp, csr: &Value) -> Value {
    app.get(&path(csr, "")).await.json_with(StatusCode::OK)
}

fn body(call: &str, ca: &Value) -> Value {
    match call {
        "reject" => json!({ "reason": "not ours" }),
        "sign" => json!({ "ca_id": ca["id"] }),
        _ => json!({}),
    }
}

/// Sends these calls about one CSR at once.
async fn at_once(app: &TestApp, csr: &Value, ca: &Value, calls: &[&str]) -> Vec<Answer> {
    app.post_at_once(calls.iter().map(|call| (path(csr, call), body(call, ca))).collect()).await
}

/// How many certificates there are.
async fn certificates(app: &TestApp) -> usize {
    app.get("/v1/pki/certificates").await.json()["certificates"].as_array().unwrap().len()
}

async fn issued(app: &TestApp, ca: &Value) -> Value {
    app.get(&format!("/v1/pki/ca/{}", text(&ca["id"]))).await.json()["certificates_issued"].clone()
}

both_modes! {
    async fn every_call_from_every_state(app: TestApp) {
        let ca = app.root_ca("root").await;
        for source in ["generated", "imported"] {
            for (call, possible_from) in CALLS {
                for state in STATES {
                    let case = format!("{call} of a {source} CSR that is {state}");
                    let csr = in_state(&app, source, state, &ca).await;
                    let before = Rows::of(&app).await.all().await;
                    let earliest = app.app.now().unix_seconds();
                    let answer = app.post(&path(&csr, call), body(call, &ca)).await;
                    if possible_from.contains(&state) {
                        possible(&app, &case, call, &csr, &answer, earliest).await;
                        continue;
                    }
                    let error = expect(&case, &answer, 409, "invalid_state");
                    assert_eq!(error["details"], json!({ "state": state, "possible_from": possible_from }), "{case}");
                    let message = text(&error["message"]);
                    assert!(message.contains(state) && possible_from.iter().all(|from| message.contains(from)), "{case}: {message}");
                    assert!(message.contains(text(&csr["id"])), "{case}: {message}");
                    assert_eq!(Rows::of(&app).await.all().await, before, "{case} changed something");
                }
            }
        }
    }

    async fn a_csr_can_be_deleted_in_every_state(app: TestApp) {
        let ca = app.root_ca("root").await;
        for state in STATES {
            let csr = in_state(&app, "generated", state, &ca).await;
            assert_eq!(app.delete(&path(&csr, "")).await.status, StatusCode::NO_CONTENT, "{state}");
            app.get(&path(&csr, "")).await.error(404, "csr_not_found");
        }
        assert_eq!(certificates(&app).await, 1, "the certificate of the signed one stays");
    }

    async fn of_two_approvers_at_once_one_wins(app: TestApp) {
        let ca = app.root_ca("root").await;
        for _ in 0..5 {
            let csr = in_state(&app, "imported", "pending", &ca).await;
            one_wins(&at_once(&app, &csr, &ca, &["approve", "approve", "approve"]).await, StatusCode::OK, &["approved"]);
            assert_eq!(read(&app, &csr).await["status"], "approved");
        }
    }

    async fn an_approval_and_a_rejection_that_meet_end_rejected(app: TestApp) {
        let ca = app.root_ca("root").await;
        for _ in 0..5 {
            let csr = in_state(&app, "imported", "pending", &ca).await;
            let answers = at_once(&app, &csr, &ca, &["approve", "reject"]).await;
            // Rejecting is possible before and after the approval; approving only before the rejection.
            answers[1].json_with(StatusCode::OK);
            if answers[0].status != StatusCode::OK {
                assert_eq!(answers[0].error(409, "invalid_state")["details"]["state"], "rejected");
            }
            assert_eq!(read(&app, &csr).await["status"], "rejected");
        }
    }

    async fn two_signatures_at_once_make_one_certificate(app: TestApp) {
        let ca = app.root_ca("root").await;
        for round in 1..=5 {
            let csr = in_state(&app, "generated", "approved", &ca).await;
            let answers = at_once(&app, &csr, &ca, &["sign"; 4]).await;
            one_wins(&answers, StatusCode::CREATED, &["signed"]);
            let won = answers.iter().find(|answer| answer.status == StatusCode::CREATED).unwrap().json();
            assert_eq!(read(&app, &csr).await["certificate_id"], won["certificate_id"]);
            assert_eq!(certificates(&app).await, round, "a certificate that nobody was given");
            assert_eq!(issued(&app, &ca).await, round, "a certificate was counted that does not exist");
        }
    }

    async fn a_signature_and_a_rejection_that_meet_exclude_each_other(app: TestApp) {
        let ca = app.root_ca("root").await;
        let mut signed = 0;
        for _ in 0..8 {
            let csr = in_state(&app, "generated", "approved", &ca).await;
            let answers = at_once(&app, &csr, &ca, &["sign", "reject"]).await;
            let after = read(&app, &csr).await;
            if answers[0].status == StatusCode::CREATED {
                signed += 1;
                assert_eq!(answers[1].error(409, "invalid_state")["details"]["state"], "signed");
                assert_eq!((&after["status"], &after["rejection_reason"]), (&json!("signed"), &Value::Null));
            } else {
                assert_eq!(answers[0].error(409, "invalid_state")["details"]["state"], "rejected");
                answers[1].json_with(StatusCode::OK);
                assert_eq!((&after["status"], &after["certificate_id"]), (&json!("rejected"), &Value::Null));
            }
            assert_eq!(certificates(&app).await, signed);
        }
        assert_eq!(issued(&app, &ca).await, signed);
    }

    async fn a_signature_and_a_deletion_that_meet_leave_no_key_behind(app: TestApp) {
        let ca = app.root_ca("root").await;
        for _ in 0..6 {
            let csr = in_state(&app, "generated", "approved", &ca).await;
            let before = certificates(&app).await;
            let (to_sign, to_delete) = (path(&csr, "sign"), path(&csr, ""));
            let sign = app.post(&to_sign, body("sign", &ca));
            let (signed, deleted) = futures_util::future::join(sign, app.delete(&to_delete)).await;
            assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
            if signed.status == StatusCode::CREATED {
                assert_eq!(stored(&app, &signed.json()).await["has_private_key"], true);
                assert_eq!(certificates(&app).await, before + 1);
            } else {
                signed.error(404, "csr_not_found");
                assert_eq!(certificates(&app).await, before);
            }
        }
    }

    async fn a_signature_that_fails_leaves_the_csr_approved(app: TestApp) {
        let (ca, gone) = (app.root_ca("root").await, app.root_ca("gone").await);
        let revoke = format!("/v1/pki/ca/{}/revoke", text(&gone["id"]));
        app.post(&revoke, json!({})).await.json_with(StatusCode::ACCEPTED);
        let csr = in_state(&app, "generated", "approved", &ca).await;
        app.post(&path(&csr, "sign"), body("sign", &gone)).await.error(409, "invalid_state");
        let longer = json!({ "ca_id": ca["id"], "validity_days": 36_000 });
        app.post(&path(&csr, "sign"), longer).await.error(422, "role_violation");
        assert_eq!(read(&app, &csr).await, csr);
        app.post(&path(&csr, "sign"), body("sign", &ca)).await.json_with(StatusCode::CREATED);
    }
}

/// What is to be seen after a call that was possible.
#[expect(clippy::too_many_arguments, reason = "each is a part of the story")]
async fn possible(app: &TestApp, case: &str, call: &str, before: &Value, answer: &Answer, earliest: i64) {
    let after = read(app, before).await;
    let mut expected = before.clone();
    if call == "sign" {
        assert_eq!(answer.status, StatusCode::CREATED, "{case}: {}", answer.text());
        expected["certificate_id"] = answer.json()["certificate_id"].clone();
        expected["status"] = json!("signed");
        expected["has_private_key"] = json!(false);
    } else {
        assert_eq!(answer.json_with(StatusCode::OK), after, "{case}");
        expected["status"] = json!(if call == "approve" { "approved" } else { "rejected" });
        let decided = seconds(&after["decided_at"]);
        assert!((earliest..=app.app.now().unix_seconds()).contains(&decided), "{case}: {after}");
        expected["decided_at"] = after["decided_at"].clone();
    }
    if call == "reject" {
        expected["rejection_reason"] = json!("not ours");
    }
    assert_eq!(after, expected, "{case}");
}

/// Exactly one of the answers has this status; the others say in which state the CSR is.
fn one_wins(answers: &[Answer], status: StatusCode, states: &[&str]) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == status);
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(Answer::text).collect::<Vec<_>>());
    for answer in lost {
        let state = answer.error(409, "invalid_state")["details"]["state"].clone();
        assert!(states.contains(&text(&state)), "{state}");
    }
}

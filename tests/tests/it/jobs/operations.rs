//! `/v1/jobs`: what an operator sees, and what can be done about it.

use certmill_service::jobs::{Job, JobKind};
use poem::http::StatusCode;
use serde_json::json;
use tests::both_modes;

use super::Hand;

both_modes! {
    async fn jobs_are_listed_by_kind_state_and_subject(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        let jobs = hand.test.get("/v1/jobs").await.json_with(StatusCode::OK);
        let job = &jobs["jobs"][0];
        assert_eq!((&job["kind"], &job["state"], &job["subject"]), (&json!("rebuild_crl"), &json!("pending"), &json!(ca)));
        assert_eq!((&jobs["has_more"], &job["attempts"], &job["last_error"]), (&json!(false), &json!(0), &json!(null)));
        for (filter, found) in [
            ("kind=rebuild_crl", 1),
            ("kind=advance_order", 0),
            ("state=pending", 1),
            ("state=dead", 0),
            (&format!("subject={ca}"), 1),
            ("subject=ca_other", 0),
        ] {
            let jobs = hand.test.get(&format!("/v1/jobs?{filter}")).await.json_with(StatusCode::OK);
            assert_eq!(jobs["jobs"].as_array().unwrap().len(), found, "{filter}");
        }
        for (filter, field) in [("kind=nonsense", "kind"), ("state=queued", "state"), ("limit=0", "limit")] {
            let error = hand.test.get(&format!("/v1/jobs?{filter}")).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].is_string(), "{error}");
        }
        let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
        assert_eq!(hand.test.get(&path).await.json_with(StatusCode::OK), *job);
        let (_, other) = hand.test.another_tenant("other").await;
        let theirs = hand.test.send(poem::http::Method::GET, &path, Some(&other), &[], None).await;
        theirs.error(404, "job_not_found");
    }

    async fn a_dead_job_is_done_when_it_is_asked_for_again(hand: Hand) {
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        hand.sql.run("UPDATE jobs SET state = 'dead', attempts = 20, last_error = 'the weather', finished_at = 1").await;
        let dead = hand.test.get("/v1/jobs?state=dead").await.json_with(StatusCode::OK)["jobs"][0].clone();
        assert_eq!(dead["last_error"], "the weather");
        let path = format!("/v1/jobs/{}", dead["id"].as_str().unwrap());
        let retried = hand.test.post(&format!("{path}/retry"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!((&retried["state"], &retried["finished_at"]), (&json!("pending"), &json!(null)));
        let claimed = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        assert_eq!(claimed.tries, 1, "with all its attempts before it");
        let running = hand.test.post(&format!("{path}/retry"), json!({})).await.error(409, "invalid_state");
        assert_eq!(running["details"]["state"], "running", "{running}");
        hand.perform(&claimed).await.unwrap();
        assert_eq!(hand.crl(ca).await, (2, 1));
        hand.test.post(&format!("{path}/retry"), json!({})).await.error(409, "invalid_state");
    }

    async fn a_dead_job_whose_work_waits_anew_stays_dead(hand: Hand) {
        hand.test.expect_dead_jobs();
        let ca = hand.ca().await;
        hand.issue_and_revoke("one").await;
        hand.sql.run("UPDATE jobs SET state = 'dead', finished_at = 1").await;
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let dead = hand.test.get("/v1/jobs?state=dead").await.json_with(StatusCode::OK)["jobs"][0].clone();
        let path = format!("/v1/jobs/{}/retry", dead["id"].as_str().unwrap());
        let refused = hand.test.post(&path, json!({})).await.error(409, "invalid_state");
        assert!(refused["message"].as_str().unwrap().contains("another job"), "{refused}");
    }

    async fn what_revocations_need_cannot_be_cancelled(hand: Hand) {
        hand.ca().await;
        hand.issue_and_revoke("one").await;
        let job = hand.test.get("/v1/jobs").await.json_with(StatusCode::OK)["jobs"][0].clone();
        let path = format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
        let refused = hand.test.post(&path, json!({})).await.error(409, "invalid_state");
        assert!(refused["message"].as_str().unwrap().contains("revocations"), "{refused}");
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
    }

    async fn a_question_about_a_renewal_can_be_cancelled(hand: Hand) {
        hand.test.expect_dead_jobs();
        hand.ca().await;
        let issued = hand.test.issue("web", "one.example.internal").await;
        let certificate = issued["certificate_id"].as_str().unwrap().parse().unwrap();
        hand.enqueue(Job::CheckRenewalWindow(certificate), hand.now()).await;
        let job = hand.test.get("/v1/jobs").await.json_with(StatusCode::OK)["jobs"][0].clone();
        let path = format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
        let answer = hand.test.post(&path, json!({})).await;
        let cancelled = answer.json_with(StatusCode::OK);
        assert_eq!(cancelled["state"], "dead");
        let reason = format!("cancelled by request {}", answer.header("x-request-id"));
        assert_eq!(cancelled["last_error"], reason);
        hand.test.post(&path, json!({})).await.error(409, "invalid_state");
    }
}

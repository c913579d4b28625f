//! The certificates of delegated OCSP responders, when several processes want to make them.

use std::time::Duration;

use certmill_domain::CaId;
use certmill_service::ServiceError;
use certmill_service::jobs::{Job, JobKind, Lease};
use poem::http::StatusCode;
use serde_json::json;
use tests::both_modes;

use super::handlers::periodic;
use super::{Hand, LATER};

const KEYS: &str = "SELECT count(*) FROM ocsp_signers WHERE sealed_key IS NOT NULL";
const ALL: &str = "SELECT count(*) FROM ocsp_signers";

async fn delegating(hand: &Hand) -> CaId {
    let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "ocsp_signer": "delegated" });
    let ca = hand.test.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    ca["id"].as_str().unwrap().parse().unwrap()
}

both_modes! {
    async fn of_two_attempts_one_makes_it(hand: Hand) {
        delegating(&hand).await;
        let stale = hand.take(JobKind::RenewOcspSigner).await;
        let fresh = hand.claim(JobKind::RenewOcspSigner, hand.now().plus(LATER * 2)).await.remove(0);
        let lost = Job::from_row(&stale.kind, &stale.subject).unwrap();
        let lease = Lease::new(&hand.test.app, &stale);
        let (won, lost) = tokio::join!(hand.perform(&fresh), lost.perform(&hand.test.app, &lease));
        won.unwrap();
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
        assert_eq!((hand.sql.number(KEYS).await, hand.sql.number(ALL).await), (1, 1));
        let logs = hand.test.get("/v1/audit/logs?action=ca.ocsp_signer").await.json_with(StatusCode::OK);
        assert_eq!(logs["logs"].as_array().unwrap().len(), 1);
    }

    async fn a_sweep_finds_what_is_missing_or_due(hand: Hand) {
        let ca = delegating(&hand).await;
        let states = async || hand.states(JobKind::RenewOcspSigner).await;
        assert_eq!(states().await, ["pending"]);
        periodic(&hand, Job::Sweep).await;
        assert_eq!(states().await, ["pending"], "it is under way");
        let job = hand.take(JobKind::RenewOcspSigner).await;
        hand.perform(&job).await.unwrap();
        periodic(&hand, Job::Sweep).await;
        assert_eq!(states().await, ["done"], "it is there");
        // Missing, as after its key was lost.
        hand.sql.run("DELETE FROM ocsp_signers").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(states().await, ["done", "pending"]);
        let job = hand.take(JobKind::RenewOcspSigner).await;
        hand.perform(&job).await.unwrap();
        assert_eq!(hand.sql.number(KEYS).await, 1);
        // Due after half of its time.
        hand.test.clock.advance(Duration::from_hours(83));
        periodic(&hand, Job::Sweep).await;
        assert_eq!(states().await, ["done", "done"]);
        hand.test.clock.advance(Duration::from_hours(2));
        periodic(&hand, Job::Sweep).await;
        assert_eq!(states().await, ["done", "done", "pending"]);
        let job = hand.take(JobKind::RenewOcspSigner).await;
        // Asked for once more before it is done: nothing more is made.
        hand.perform(&job).await.unwrap();
        assert_eq!((hand.sql.number(KEYS).await, hand.sql.number(ALL).await), (1, 2));
        hand.enqueue(Job::RenewOcspSigner(ca), hand.now()).await;
        let job = hand.take(JobKind::RenewOcspSigner).await;
        hand.perform(&job).await.unwrap();
        assert_eq!(hand.sql.number(ALL).await, 2);
        // What has ended is forgotten.
        hand.test.clock.advance(Duration::from_hours(84));
        periodic(&hand, Job::Sweep).await;
        assert_eq!((hand.sql.number(KEYS).await, hand.sql.number(ALL).await), (1, 1));
    }

    async fn a_switch_or_a_revocation_meanwhile_leaves_none(hand: Hand) {
        for (name, path, body) in [
            ("switched", "", json!({ "ocsp_signer": "ca" })),
            ("revoked", "/revoke", json!({ "reason": "superseded" })),
        ] {
            let wish = json!({ "name": name, "common_name": "Root", "ca_type": "root", "key_type": "ec", "ocsp_signer": "delegated" });
            let ca = hand.test.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
            let job = hand.take(JobKind::RenewOcspSigner).await;
            let path = format!("/v1/pki/ca/{}{path}", ca["id"].as_str().unwrap());
            if name == "revoked" {
                hand.test.post(&path, body).await.json_with(StatusCode::ACCEPTED);
            } else {
                hand.test.patch(&path, body).await.json_with(StatusCode::OK);
            }
            hand.perform(&job).await.unwrap();
            assert_eq!(hand.sql.number(ALL).await, 0, "{name}");
            periodic(&hand, Job::Sweep).await;
            assert!(hand.states(JobKind::RenewOcspSigner).await.iter().all(|state| state == "done"), "{name}");
        }
    }
}

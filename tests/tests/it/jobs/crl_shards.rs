//! The jobs of divided CRLs: each shard has its own, and the sweep looks after all of them.

use std::time::Duration;

use certmill_domain::{CaId, CrlId};
use certmill_service::ServiceError;
use certmill_service::jobs::{Job, JobKind, Lease};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use super::handlers::periodic;
use super::{Hand, LATER};

const HOUR: i64 = 3_600_000_000;

/// A root with so many shards and the role `web`.
async fn divided(hand: &Hand, shards: u32, more: Value) -> CaId {
    let body = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "crl_shards": shards });
    let ca =
        hand.test.post("/v1/pki/ca", crate::ca::changed(body, &more)).await.json_with(StatusCode::CREATED);
    let id = ca["id"].as_str().unwrap();
    hand.test.role("web", id).await;
    id.parse().unwrap()
}

/// The lists of shards that have an open job.
async fn open(hand: &Hand) -> Vec<String> {
    let query =
        "SELECT subject FROM jobs WHERE kind = 'rebuild_crl_shard' AND state = 'pending' ORDER BY subject";
    hand.sql.texts(query).await
}

async fn perform_all(hand: &Hand) {
    for claimed in hand.claim(JobKind::RebuildCrlShard, hand.now()).await {
        hand.perform(&claimed).await.unwrap();
    }
}

async fn builds(hand: &Hand, shard: i64) -> i64 {
    hand.sql.number(&format!("SELECT builds FROM crl_shards WHERE shard = {shard}")).await
}

both_modes! {
    async fn shards_are_built_beside_each_other(hand: Hand) {
        let ca = divided(&hand, 3, json!({})).await;
        for shard in 1..=3 {
            hand.enqueue(Job::RebuildCrlShard(CrlId::of_shard(ca, shard)), hand.now()).await;
        }
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let claimed = hand.claim(JobKind::RebuildCrlShard, hand.now()).await;
        assert_eq!(claimed.len(), 3, "none waits for another");
        let full = hand.claim(JobKind::RebuildCrl, hand.now()).await.remove(0);
        let [a, b, c] = &claimed[..] else { panic!("{claimed:?}") };
        let done = tokio::join!(hand.perform(a), hand.perform(b), hand.perform(c), hand.perform(&full));
        assert!(done.0.is_ok() && done.1.is_ok() && done.2.is_ok() && done.3.is_ok(), "{done:?}");
        for shard in 1..=3 {
            assert_eq!(builds(&hand, shard).await, 2);
        }
        assert_eq!(hand.crl(ca).await.0, 2);
    }

    async fn a_revocation_asks_for_the_lists_that_it_changes(hand: Hand) {
        let ca = divided(&hand, 2, json!({})).await;
        hand.issue_and_revoke("a").await;
        let shard = hand.sql.number("SELECT crl_shard FROM certificates").await;
        assert_eq!(open(&hand).await, [format!("{ca}-{shard}")]);
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
        // Many make one build of each.
        for number in 0..6 {
            hand.issue_and_revoke(&format!("b{number}")).await;
        }
        assert!(open(&hand).await.len() <= 2);
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
    }

    async fn of_two_builds_of_a_shard_one_is_published(hand: Hand) {
        let ca = divided(&hand, 2, json!({})).await;
        hand.enqueue(Job::RebuildCrlShard(CrlId::of_shard(ca, 1)), hand.now()).await;
        let stale = hand.take(JobKind::RebuildCrlShard).await;
        let fresh = hand.claim(JobKind::RebuildCrlShard, hand.now().plus(LATER * 2)).await.remove(0);
        hand.perform(&fresh).await.unwrap();
        let number = hand.sql.number("SELECT number FROM crl_shards WHERE shard = 1").await;
        let lost = Job::from_row(&stale.kind, &stale.subject).unwrap();
        let lost = lost.perform(&hand.test.app, &Lease::new(&hand.test.app, &stale)).await;
        assert!(matches!(lost, Err(ServiceError::LeaseLost)), "{lost:?}");
        assert_eq!(hand.sql.number("SELECT number FROM crl_shards WHERE shard = 1").await, number);
        assert_eq!(builds(&hand, 1).await, 2);
    }

    async fn a_job_of_a_shard_that_is_not_there_fails(hand: Hand) {
        let ca = divided(&hand, 2, json!({})).await;
        hand.enqueue(Job::RebuildCrlShard(CrlId::of_shard(ca, 3)), hand.now()).await;
        let taken = hand.take(JobKind::RebuildCrlShard).await;
        assert!(hand.perform(&taken).await.is_err());
    }

    async fn a_sweep_renews_the_lists_of_shards_before_their_end(hand: Hand) {
        let ca = divided(&hand, 4, json!({})).await;
        let now = hand.now().unix_micros();
        for (shard, next_update) in [(1, now + 23 * HOUR), (2, now + 25 * HOUR), (3, now - HOUR)] {
            hand.sql.run(&format!("UPDATE crl_shards SET next_update = {next_update} WHERE shard = {shard}")).await;
        }
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, [format!("{ca}-1"), format!("{ca}-3")]);
        perform_all(&hand).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, Vec::<String>::new(), "what was renewed is not due any more");
        assert_eq!(hand.states(JobKind::RebuildCrl).await, Vec::<String>::new(), "the full list is not due");
        // That one of them comes too late is told, once.
        hand.sql
            .run(&format!(
                "UPDATE crl_shards SET this_update = {}, next_update = {} WHERE shard = 4", now - 3 * HOUR, now + HOUR / 100
            ))
            .await;
        periodic(&hand, Job::Sweep).await;
        periodic(&hand, Job::Sweep).await;
        let told = hand.test.get("/v1/events?type=crl.late").await.json_with(StatusCode::OK);
        let told: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| event["data"]["shard"].clone()).collect();
        assert_eq!(told, [json!(3), json!(4)], "the one that was over, and this one");
        let overview = hand.test.get("/v1/pki/overview").await.json_with(StatusCode::OK);
        assert_eq!(overview["cas"]["late_crls"], 1, "{overview}");
        let mut session = hand.test.app.database().read_system().await.unwrap();
        let figures = certmill_storage::figures::cas(&mut session, hand.now(), 10).await.unwrap();
        assert_eq!(figures[0].next_update.map(certmill_domain::Timestamp::unix_micros), Some(now + HOUR / 100), "the one that ends first");
    }

    async fn the_own_times_of_a_ca_are_those_of_its_shards(hand: Hand) {
        let ca = divided(&hand, 2, json!({ "crl_validity": "90m", "crl_overlap": "30m" })).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, Vec::<String>::new(), "its own times count, not those of the operator");
        hand.test.advance(Duration::from_mins(61)).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, [format!("{ca}-1"), format!("{ca}-2")]);
        assert_eq!(hand.states(JobKind::RebuildCrl).await, ["pending"]);
        perform_all(&hand).await;
        let lasts = hand.sql.number("SELECT next_update - this_update FROM crl_shards WHERE shard = 1").await;
        assert_eq!(lasts, HOUR / 2 * 3);
    }

    /// The service has got another address: the certificates that are out name the old one, and what is issued now the new one.
    async fn a_list_says_every_address_by_which_certificates_name_it(hand: Hand) {
        let ca = divided(&hand, 2, json!({})).await;
        hand.sql.run(&format!("UPDATE crl_shards SET urls = 'http://old.test/pub/crl/{ca}-1.crl' WHERE shard = 1")).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, [format!("{ca}-1")]);
        perform_all(&hand).await;
        let urls = ["http://pki.test", "http://old.test"].map(|host| format!("{host}/pub/crl/{ca}-1.crl"));
        assert_eq!(hand.sql.texts("SELECT urls FROM crl_shards WHERE shard = 1").await, [urls.join("\n")]);
        let judge = tests::openssl::Judge::new();
        judge.write("list.crl", hand.test.get(&format!("/v1/pki/ca/{ca}/crl?shard=1")).await.body);
        let described = judge.run("crl -inform der -in list.crl -noout -text");
        assert!(urls.iter().all(|url| described.contains(&format!("URI:{url}\n"))), "{described}");
        periodic(&hand, Job::Sweep).await;
        assert_eq!(open(&hand).await, Vec::<String>::new());
    }

    /// A process of the version before knows of no shards and no deltas: it writes what it knows, and asks for the full list.
    async fn what_a_version_before_revokes_gets_to_every_list(hand: Hand) {
        let ca = divided(&hand, 2, json!({ "crl_validity": "2d", "delta_crl_validity": "1h" })).await;
        let thin = json!({ "name": "thin", "ca_id": ca.to_string(), "allow_any_name": true, "key_type": "ec", "no_store": true });
        hand.test.post("/v1/pki/roles", thin).await.json_with(StatusCode::CREATED);
        hand.test.issue("web", "a.example.internal").await;
        hand.test.issue("thin", "b.example.internal").await;
        let settle = async || {
            // Deltas come after the lists.
            for kind in [JobKind::RebuildCrl, JobKind::RebuildCrlShard, JobKind::RebuildDeltaCrl] {
                for claimed in hand.claim(kind, hand.now()).await {
                    hand.perform(&claimed).await.unwrap();
                }
                hand.test.advance(Duration::from_secs(15)).await;
            }
        };
        settle().await;
        settle().await;
        periodic(&hand, Job::Sweep).await;
        let deltas = async || hand.sql.texts("SELECT subject FROM jobs WHERE kind = 'rebuild_delta_crl' AND state = 'pending'").await;
        assert_eq!((open(&hand).await, deltas().await), (vec![], vec![]));
        let entries = async |table: &str, shard: i64| {
            hand.sql.number(&format!("SELECT entries FROM {table} WHERE shard = {shard}")).await
        };
        for (table, status) in [("certificates", "status = 'revoked', "), ("unstored_certificates", "")] {
            let shard = hand.sql.number(&format!("SELECT crl_shard FROM {table}")).await;
            let (listed, in_delta) = (entries("crl_shards", shard).await, entries("delta_crls", shard).await);
            let now = hand.now().unix_micros();
            hand.sql.run(&format!("UPDATE {table} SET {status}revoked_at = {now}, revocation_reason = 4")).await;
            periodic(&hand, Job::Sweep).await;
            assert_eq!(open(&hand).await, [format!("{ca}-{shard}")], "{table}");
            assert_eq!(deltas().await.len(), 2, "{table}: those to the full list and to that of the shard");
            settle().await;
            assert_eq!(entries("crl_shards", shard).await, listed + 1, "{table}");
            assert_eq!(entries("delta_crls", shard).await, in_delta + 1, "{table}");
            periodic(&hand, Job::Sweep).await;
            settle().await;
            // The time of the change lies behind all of them now.
            periodic(&hand, Job::Sweep).await;
            assert_eq!((open(&hand).await, deltas().await), (vec![], vec![]), "{table}");
            // Another reason, and a release.
            let changed = async || hand.sql.number(&format!("SELECT crl_changed_at FROM {table}")).await;
            let mark = async || hand.sql.run(&format!("UPDATE {table} SET crl_changed_at = 1")).await;
            mark().await;
            hand.sql.run(&format!("UPDATE {table} SET revocation_reason = 6")).await;
            assert!(changed().await > 1, "{table}");
            mark().await;
            let released = status.replace("revoked", "active");
            hand.sql.run(&format!("UPDATE {table} SET {released}revoked_at = NULL, revocation_reason = NULL, released_at = {now}")).await;
            assert!(changed().await > now, "{table}");
            // What says it itself is believed.
            hand.sql.run(&format!("UPDATE {table} SET {status}revoked_at = {now}, revocation_reason = 6, crl_changed_at = 2")).await;
            assert_eq!(changed().await, 2, "{table}");
            hand.sql.run(&format!("UPDATE {table} SET crl_changed_at = {now}")).await;
        }
    }

    async fn a_delta_that_is_missing_or_late_is_seen(hand: Hand) {
        let ca = divided(&hand, 2, json!({ "crl_validity": "2d", "delta_crl_validity": "1h" })).await;
        let build = async |kinds: &[JobKind]| {
            for kind in kinds {
                for claimed in hand.claim(*kind, hand.now()).await {
                    hand.perform(&claimed).await.unwrap();
                }
                hand.test.advance(Duration::from_secs(2)).await;
            }
        };
        let pending = "SELECT subject FROM jobs WHERE kind = 'rebuild_delta_crl' AND state = 'pending' ORDER BY subject";
        let all = [format!("{ca}-1-delta"), format!("{ca}-2-delta"), format!("{ca}-delta")];
        build(&[JobKind::RebuildCrl, JobKind::RebuildCrlShard, JobKind::RebuildDeltaCrl]).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.sql.texts(pending).await, Vec::<String>::new());
        hand.sql.run("DELETE FROM delta_crls").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.sql.texts(pending).await, all);
        build(&[JobKind::RebuildDeltaCrl]).await;
        assert_eq!(hand.sql.number("SELECT count(*) FROM delta_crls").await, 3);
        let mut session = hand.test.app.database().read_system().await.unwrap();
        let mut named: Vec<_> =
            certmill_storage::crls::deltas::all(&mut session).await.unwrap().into_iter().map(|(_, list)| list.to_string()).collect();
        drop(session);
        named.sort_unstable();
        assert_eq!(named, all, "what `certmill doctor` looks at");
        // That one of them ends without a next one is told, once.
        let now = hand.now().unix_micros();
        hand.sql.run(&format!("UPDATE delta_crls SET this_update = {}, next_update = {} WHERE shard = 2", now - HOUR, now + HOUR / 100)).await;
        periodic(&hand, Job::Sweep).await;
        periodic(&hand, Job::Sweep).await;
        let told = hand.test.get("/v1/events?type=crl.late").await.json_with(StatusCode::OK);
        let told: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| event["data"].clone()).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["shard"], &told[0]["delta"]), (&json!(2), &json!(true)));
        let overview = hand.test.get("/v1/pki/overview").await.json_with(StatusCode::OK);
        assert_eq!(overview["cas"]["late_crls"], 1, "{overview}");
    }
}

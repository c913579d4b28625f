//! A worker that dies in the middle of its work is replaced.

use std::time::Duration;

use serde_json::json;

use crate::rows::Rows;
use crate::site::{Site, stop};

/// A lease of 60 s has to end before another worker takes the job, and the sweep may come in between.
const A_LEASE_AND_MORE: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_worker_finishes_what_a_killed_one_began_and_does_nothing_twice() {
    let database = launch::shared_postgres().create_database();
    let site = Site::fleet(database.clone(), launch::shared_redis().url());
    let api = site.serve(&site.admin_token(), &[]).await;
    let mut first = site.worker();
    let rows = Rows::open(&database).await;
    let (falling, standing) = (api.root_ca("falling").await, api.root_ca("standing").await);
    api.role("many", &falling).await;
    api.issue("many", "one").await;
    rows.copy_certificate(&falling, 2_999).await;
    api.role("web", &standing).await;
    let leaf = api.issue("web", "leaf").await;

    // The cascade stops inside its second batch, the CRL build between signing and storing.
    rows.close_gate("certificate_authorities", "NEW.certificates_revoked BETWEEN 1000 AND 1499").await;
    rows.close_gate("crls", &format!("NEW.ca_id = '{standing}'")).await;
    api.post(&format!("/v1/pki/ca/{falling}/revoke"), json!({ "reason": "superseded" }), 202).await;
    api.revoke(&leaf).await;
    rows.waiting(2).await;
    first.kill9();
    rows.open_gate().await;
    rows.nobody_waits().await;
    let halfway = api.ca(&falling).await;
    assert_eq!(halfway["revocation"]["certificates_revoked"], 500, "the batch in hand is undone: {halfway}");
    assert_eq!(api.ca(&standing).await["crl"]["number"], 1, "the list in hand is undone");
    let revoked_before = rows.texts(REVOKED_AT).await;
    assert_eq!(revoked_before.len(), 501, "500 of the cascade and the leaf");

    let mut second = site.worker();
    let path = format!("/v1/pki/ca/{falling}");
    let done =
        api.eventually(&path, A_LEASE_AND_MORE, |ca| !ca["revocation"]["completed_at"].is_null()).await;
    let counted = (&done["revocation"]["certificates_revoked"], &done["revocation"]["certificates_total"]);
    assert_eq!(counted, (&json!(3_000), &json!(3_000)), "{done}");
    let done = api.eventually(&path, A_LEASE_AND_MORE, |ca| ca["crl"]["number"].as_i64() > Some(1)).await;
    assert_eq!(done["crl"]["entries"], 3_000, "{done}");
    let standing_path = format!("/v1/pki/ca/{standing}");
    let rebuilt = api.eventually(&standing_path, A_LEASE_AND_MORE, |ca| ca["crl"]["entries"] == 1).await;
    let builds = format!("SELECT builds::text FROM crls WHERE ca_id = '{standing}'");
    assert_eq!(rows.texts(&builds).await, ["2"], "the killed build counts for nothing: {rebuilt}");

    let revoked_after = rows.texts(REVOKED_AT).await;
    assert_eq!(revoked_after.len(), 3_001);
    assert!(revoked_before.iter().all(|row| revoked_after.contains(row)), "nothing is revoked a second time");
    let jobs = "SELECT kind || ' ' || subject || ' ' || state || ' ' || attempts FROM jobs \
                WHERE kind IN ('rebuild_crl', 'revoke_ca_cascade') ORDER BY 1";
    let expected = [
        format!("rebuild_crl {falling} done 1"),
        format!("rebuild_crl {standing} done 2"),
        format!("revoke_ca_cascade {falling} done 2"),
    ];
    let mut found = rows.texts(jobs).await;
    found.sort_unstable();
    assert_eq!(found, sorted(expected));
    stop(&mut second);
}

const REVOKED_AT: &str = "SELECT id || ' ' || revoked_at FROM certificates WHERE revoked_at IS NOT NULL";

fn sorted<const N: usize>(mut texts: [String; N]) -> [String; N] {
    texts.sort_unstable();
    texts
}

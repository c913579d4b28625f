//! Postgres goes away and comes back under load.

use std::time::Duration;

use serde_json::json;

use crate::load::{Load, assert_nothing_lost};
use crate::site::{PATIENCE, Site, stop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_a_crash_of_postgres_under_load() {
    let mut postgres = tokio::task::spawn_blocking(launch::Postgres::start).await.unwrap();
    let site = Site::fleet(postgres.create_database(), launch::shared_redis().url());
    let token = site.admin_token();
    let (mut one, mut two) = tokio::join!(site.serve(&token, &[]), site.serve(&token, &[]));
    let mut worker = site.worker();
    let ca = one.root_ca("root").await;
    one.role("web", &ca).await;

    let load = Load::start(&[&one, &two], 4);
    for crash in 0..2 {
        load.acknowledges(100, PATIENCE).await;
        postgres.stop();
        load.fails(PATIENCE).await;
        if crash == 0 {
            let ready = one.read("/readyz").await.json(503);
            assert_eq!(ready["checks"]["database"], "failed", "{ready}");
            assert_eq!(one.read("/healthz").await.status, 200, "the process itself is well");
        }
        postgres.start_again();
        load.acknowledges(100, PATIENCE).await;
    }
    let tally = load.stop().await;

    assert!(!tally.refused.is_empty(), "the crashes were noticed: {tally:?}");
    for refusal in &tally.refused {
        assert_eq!(refusal, &(503, "service_unavailable".to_owned()));
    }
    assert_eq!(tally.broken, Vec::<String>::new(), "the processes answered all the time");
    for api in [&one, &two] {
        assert_nothing_lost(api, &ca, &tally).await;
    }

    // The worker has found its way back too.
    let leaf = two.issue("web", "after").await;
    one.revoke(&leaf).await;
    let path = format!("/v1/pki/ca/{ca}");
    one.eventually(&path, Duration::from_mins(1), |ca| ca["crl"]["entries"] == 1).await;
    one.post(&format!("{path}/crl"), json!({}), 200).await;
    stop(&mut worker);
    stop(&mut one.process);
    stop(&mut two.process);
}

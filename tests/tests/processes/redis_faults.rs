//! Redis holds nothing that it may not lose.

use std::time::Duration;

use crate::site::{PATIENCE, Site, stop, until};

/// Within this time a list is rebuilt, whatever happened to Redis.
const A_MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revocations_reach_the_list_although_redis_is_flushed_and_restarted() {
    let mut redis = tokio::task::spawn_blocking(launch::Redis::start).await.unwrap();
    let site = Site::fleet(launch::shared_postgres().create_database(), redis.url());
    let api = site.serve(&site.admin_token(), &[]).await;
    let mut workers = [site.worker(), site.worker()];
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let path = format!("/v1/pki/ca/{ca}");

    let mut issued = Vec::new();
    for number in 0..30 {
        issued.push(api.issue("web", &format!("n{number}")).await);
    }
    for (number, leaf) in issued[..10].iter().enumerate() {
        api.revoke(leaf).await;
        if number % 3 == 0 {
            redis.flush_all();
        }
    }
    api.eventually(&path, A_MINUTE, |ca| ca["crl"]["entries"] == 10).await;

    redis.stop();
    for leaf in &issued[10..20] {
        api.revoke(leaf).await;
    }
    let meanwhile = api.issue("web", "meanwhile").await;
    until("readiness says that the queue is gone", PATIENCE, async || {
        let ready = api.read("/readyz").await;
        (ready.status == 503 && ready.json(503)["checks"]["queue"] == "failed").then_some(())
    })
    .await;
    redis.start_again();
    api.eventually(&path, A_MINUTE, |ca| ca["crl"]["entries"] == 20).await;
    api.eventually("/readyz", PATIENCE, |ready| ready["checks"]["queue"] == "ok").await;

    // A restart in the midst of revocations.
    for (number, leaf) in issued[20..].iter().chain([&meanwhile]).enumerate() {
        api.revoke(leaf).await;
        if number == 5 {
            redis.stop();
            redis.start_again();
        }
    }
    api.eventually(&path, A_MINUTE, |ca| ca["crl"]["entries"] == 31).await;
    workers.iter_mut().for_each(stop);
}

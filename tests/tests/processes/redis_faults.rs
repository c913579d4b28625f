//! Redis holds nothing that it may not lose.

use std::time::Duration;

use crate::site::{PATIENCE, Site, stop};

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
    // Ready all the same, and not a second later than the workers' next look at the table.
    api.eventually("/readyz", PATIENCE, |ready| {
        ready["status"] == "degraded"
            && ready["checks"]["queue"] == "degraded"
            && ready["errors"]["queue"].is_string()
    })
    .await;
    api.eventually(&path, A_MINUTE, |ca| ca["crl"]["entries"] == 20).await;
    redis.start_again();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_starts_and_works_without_redis() {
    let nobody = format!("redis://127.0.0.1:{}", launch::free_port());
    let site = Site::fleet(launch::shared_postgres().create_database(), nobody);
    let api = site.serve(&site.admin_token(), &[]).await;
    let mut worker = site.worker();
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let leaf = api.issue("web", "one").await;
    api.revoke(&leaf).await;
    api.eventually(&format!("/v1/pki/ca/{ca}"), A_MINUTE, |ca| ca["crl"]["entries"] == 1).await;
    assert_eq!(api.read("/readyz").await.json(200)["status"], "degraded");
    stop(&mut worker);
}

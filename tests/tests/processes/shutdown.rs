//! SIGTERM: nothing new is begun, what is in hand is finished, and the process ends well.

use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::api::{client, request};
use crate::rows::Rows;
use crate::site::{PATIENCE, Site, ended_well, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_in_hand_are_answered_before_the_api_ends() {
    let database = launch::shared_postgres().create_database();
    let site = Site::fleet(database.clone(), launch::shared_redis().url());
    let mut api = site.serve(&site.admin_token(), &[]).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    api.role("other", &ca).await;
    api.issue("web", "warm").await;

    // Both rows are held, so that both requests are certainly in hand when the signal comes.
    let rows = Rows::open(&database).await;
    rows.run(&format!("BEGIN; SELECT 1 FROM certificate_authorities WHERE id = '{ca}' FOR UPDATE")).await;
    rows.run("SELECT 1 FROM roles WHERE name = 'other' FOR UPDATE").await;
    let send = |method: Method, path: &'static str, body| {
        let (url, token) = (api.url.clone(), api.token.clone());
        tokio::spawn(async move { request(&client(), (&url, &token), method, path, Some(body)).await })
    };
    let issued = send(Method::POST, "/v1/pki/issue/web", json!({ "common_name": "late.example.internal" }));
    let patched = send(Method::PATCH, "/v1/pki/roles/other", json!({ "max_ttl": "7d" }));
    rows.waiting(2).await;

    api.process.terminate();
    let address = api.url.strip_prefix("http://").unwrap().to_owned();
    until("nobody listens any more", PATIENCE, async || TcpStream::connect(&address).is_err().then_some(()))
        .await;
    assert!(api.process.wait_timeout(Duration::ZERO).is_none(), "it waits for the requests in hand");
    rows.run("COMMIT").await;
    issued.await.unwrap().unwrap().json(201);
    assert_eq!(patched.await.unwrap().unwrap().json(200)["max_ttl"], "7d");
    ended_well(&mut api.process);
    assert_eq!(rows.number("SELECT count(*) FROM certificates").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_to_events_does_not_hold_the_end_up() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let call = client().get(format!("{}/v1/events", api.url)).bearer_auth(&api.token);
    let mut stream = call.header("accept", "text/event-stream").send().await.unwrap();
    assert!(stream.chunk().await.unwrap().is_some(), "it begins with its place");
    api.process.terminate();
    // Cut off when the time for stopping is over, it would be an error.
    while stream.chunk().await.unwrap().is_some() {}
    ended_well(&mut api.process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_in_hand_is_finished_before_the_worker_ends() {
    let database = launch::shared_postgres().create_database();
    let site = Site::fleet(database.clone(), launch::shared_redis().url());
    let api = site.serve(&site.admin_token(), &[]).await;
    let mut worker = site.worker();
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let leaf = api.issue("web", "leaf").await;
    let rows = Rows::open(&database).await;
    // The build waits for the list that it is to replace; the rows of the job and of the certificates stay free.
    rows.run("BEGIN; LOCK TABLE crls IN ACCESS EXCLUSIVE MODE").await;
    api.revoke(&leaf).await;
    until("the build is in hand", PATIENCE, async || {
        let running = "SELECT count(*) FROM jobs WHERE kind = 'rebuild_crl' AND state = 'running'";
        (rows.number(running).await == 1).then_some(())
    })
    .await;

    worker.terminate();
    assert!(worker.wait_for_log("stopping", PATIENCE), "{}", worker.log());
    assert!(worker.wait_timeout(Duration::ZERO).is_none(), "it waits for the job in hand");
    let late = api.issue("web", "late").await;
    api.revoke(&late).await;
    rows.run("COMMIT").await;
    ended_well(&mut worker);
    // The second revocation came while the job ran, so the same row waits for the next worker, which need not wait for
    // any lease to end.
    let job = "SELECT state || ' ' || (attempts - forgiven) FROM jobs WHERE kind = 'rebuild_crl'";
    assert_eq!(rows.texts(job).await, ["pending 0"], "{}", worker.log());
    let stored = api.ca(&ca).await["crl"]["number"].as_i64();
    assert!(stored > Some(1), "the list in hand was stored");

    let mut next = site.worker();
    let path = format!("/v1/pki/ca/{ca}");
    let listed =
        api.eventually(&path, Duration::from_secs(10), |ca| ca["crl"]["number"].as_i64() > stored).await;
    assert_eq!(listed["crl"]["entries"], 2, "{listed}");
    next.terminate();
    ended_well(&mut next);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_processes_end_at_once() {
    let site = Site::shared_fleet();
    let mut api = site.serve(&site.admin_token(), &[]).await;
    let mut worker = site.worker();
    for process in [&mut api.process, &mut worker] {
        process.terminate();
        // Far below the 30 s that requests and jobs in hand would get.
        let status = process.wait_timeout(Duration::from_secs(10));
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{status:?}: {}", process.log());
    }
}

//! Rate limits and the numbers of refused calls, as processes are configured and stopped.

use reqwest::Method;

use crate::api::{client, request};
use crate::site::{PATIENCE, Site, stop, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_calls_that_have_no_rows_are_counted_when_the_process_stops() {
    let site = Site::embedded().with("CERTMILL_RATE_LIMITS__ACME", "2/d");
    let mut api = site.dev().await;
    for _ in 0..30 {
        let refused = api.send(Method::DELETE, "/v1/pki/roles/none", None).await;
        assert_eq!(refused.error_code(), "role_not_found");
    }
    for code in ["acme_order_not_found", "acme_order_not_found", "rate_limited"] {
        let path = "/v1/pki/acme/orders/ord_01J0000000000000000000000A/refresh";
        assert_eq!(api.send(Method::POST, path, None).await.error_code(), code);
    }
    let rows = api.get("/v1/audit/logs?success=false&limit=1000").await;
    assert_eq!(rows["logs"].as_array().unwrap().len(), 20);
    stop(&mut api.process);

    let mut api = site.dev().await;
    let rows = api.get("/v1/audit/logs?success=false&limit=1000").await;
    let rows = rows["logs"].as_array().unwrap();
    let told = rows[0]["object"].as_str().unwrap();
    assert!(told.starts_with("13 refused calls from ") && told.contains("role_not_found 10"), "{told}");
    assert_eq!((rows.len(), rows[0]["action"].as_str()), (21, Some("calls.refused")));
    stop(&mut api.process);
    site.run(&["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_a_fleet_count_together() {
    let site = Site::shared_fleet().with("CERTMILL_RATE_LIMITS__VALIDATE", "3/d");
    let mut processes = [site.serve("", &[]).await, site.serve("", &[]).await];
    // When Redis was too slow for a call, its process has counted alone; with another token it is tried again. Without
    // Redis six would pass each time.
    until("two processes give three calls", PATIENCE, async || {
        let token = site.admin_token();
        let mut passed = 0;
        for at in 0..10 {
            let api = &processes[at % 2];
            let path = "/v1/pki/roles/none/check";
            let answer = request(&client(), (&api.url, &token), Method::POST, path, None).await.unwrap();
            passed += usize::from(answer.status.as_u16() != 429);
        }
        (passed == 3).then_some(())
    })
    .await;
    for api in &mut processes {
        stop(&mut api.process);
    }
}

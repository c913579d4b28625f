//! `/metrics` as a monitoring system reads it.

use crate::site::{PATIENCE, Site, stop, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ends_of_cas_and_crls_and_refused_calls_are_told() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.patch(&format!("/v1/pki/ca/{ca}"), serde_json::json!({ "delta_crl_validity": "1h" })).await;
    let delta = format!("/pub/crl/{ca}-delta.crl");
    until("the delta CRL", PATIENCE, async || (api.read(&delta).await.status == 200).then_some(())).await;
    stop(&mut api.process);
    // What ends is read once a minute, and at the start.
    let api = site.dev().await;
    let refused = api.read("/v1/pki/ca/ca_none").await.status;
    assert!(refused.is_client_error());
    let end = api.ca(&ca).await;
    let text = until("the figures of the CA", PATIENCE, async || {
        let text = String::from_utf8(api.read("/metrics").await.body).unwrap();
        text.contains("certmill_ca_not_after_timestamp_seconds{").then_some(text)
    });
    let text = text.await;
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name) && line.contains(&ca));
        line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse::<f64>().ok())
    };
    let unix = |time: &serde_json::Value| {
        let judge =
            std::process::Command::new("date").args(["-d", time.as_str().unwrap(), "+%s"]).output().unwrap();
        String::from_utf8(judge.stdout).unwrap().trim().parse::<f64>().ok()
    };
    assert_eq!(value("certmill_ca_not_after_timestamp_seconds"), unix(&end["valid_until"]));
    assert_eq!(value("certmill_crl_next_update_timestamp_seconds"), unix(&end["crl"]["next_update"]));
    assert_eq!(value("certmill_crl_this_update_timestamp_seconds"), unix(&end["crl"]["this_update"]));
    let ends =
        ["this", "next"].map(|end| value(&format!("certmill_delta_crl_{end}_update_timestamp_seconds")));
    let [Some(made), Some(ends)] = ends else { panic!("no figures of the delta: {text}") };
    assert!((ends - made - 3600.0).abs() < 1.0, "{made} to {ends}");
    assert!(text.contains("certmill_build_info{version=\""), "{text}");
    assert!(text.contains("certmill_refused_calls_total{code="), "{text}");
    assert!(text.contains("certmill_acme_renewals_failing 0"), "{text}");
}

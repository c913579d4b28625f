//! Renewals that are not served in time.

use std::time::Duration;

use certmill_storage::endpoints as rows;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::tls_server::Manner;
use tests::{TestApp, both_modes};

use super::{checked, issued, named, path, renewed, serve};
use crate::ca::text;

/// Lets time pass, and has what is due looked at.
async fn pass(app: &TestApp, hours: u64) {
    app.advance(Duration::from_hours(hours)).await;
    certmill_service::endpoints::wake(&app.app).await.unwrap();
    app.settled().await;
}

async fn told(app: &TestApp) -> Vec<Value> {
    let told = app.get("/v1/events?type=certificate.not_deployed").await.json();
    told["events"].as_array().unwrap().clone()
}

/// Certificates that an alarm counts.
async fn late(app: &TestApp) -> i64 {
    let now = app.app.now();
    let before = now.minus(app.app.settings().deployed_within);
    let mut session = app.app.database().read_system().await.unwrap();
    rows::not_deployed(&mut session, (now, before)).await.unwrap()
}

async fn revoke(app: &TestApp, issued: &Value) {
    let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

both_modes! {
    async fn a_renewal_that_is_not_served_in_time_is_told_once(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        let endpoint = format!("localhost:{}", server.port);
        named(&app, &first, &["127.0.0.1:1".to_owned(), endpoint.clone()]).await;
        pass(&app, 30).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (0, 0), "nothing was renewed");

        let second = renewed(&app, &first).await;
        pass(&app, 20).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (0, 0), "there is time left");
        pass(&app, 5).await;
        let events = told(&app).await;
        assert_eq!((events.len(), late(&app).await), (1, 1), "{events:?}");
        assert_eq!(events[0]["object"], second["certificate_id"]);
        let data = &events[0]["data"];
        assert_eq!((&data["renews"], &data["endpoints_count"]), (&first["certificate_id"], &json!(2)), "{data}");
        let named: Vec<_> = data["endpoints"].as_array().unwrap().iter().map(|one| (text(&one["endpoint"]), text(&one["state"]))).collect();
        assert_eq!(named, [("127.0.0.1:1", "unreachable"), (endpoint.as_str(), "serving_old")]);
        pass(&app, 50).await;
        assert_eq!(told(&app).await.len(), 1, "once for each renewal");

        // What was served once and is away now is no renewal that was not deployed.
        app.patch(&path(&second), json!({ "endpoints": [endpoint] })).await;
        server.present(text(&second["certificate"]), text(&second["private_key"]));
        assert_eq!(checked(&app, &second).await[0]["state"], "deployed");
        assert_eq!(late(&app).await, 0);
        let third = renewed(&app, &second).await;
        server.present(text(&third["certificate"]), text(&third["private_key"]));
        pass(&app, 1).await;
        drop(server);
        pass(&app, 40).await;
        assert_eq!(checked(&app, &third).await[0]["state"], "unreachable");
        assert_eq!((told(&app).await.len(), late(&app).await), (1, 0));

        let fourth = renewed(&app, &third).await;
        pass(&app, 25).await;
        let events = told(&app).await;
        assert_eq!((events.len(), &events[1]["object"]), (2, &fourth["certificate_id"]), "{events:?}");
    }

    async fn endpoints_that_come_after_a_renewal_are_to_serve_it_too(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        named(&app, &first, &["127.0.0.1:1".to_owned()]).await;
        let second = renewed(&app, &first).await;
        let endpoint = format!("localhost:{}", server.port);
        named(&app, &second, std::slice::from_ref(&endpoint)).await;
        pass(&app, 20).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (0, 0), "there is time left");
        pass(&app, 5).await;
        let events = told(&app).await;
        assert_eq!((events.len(), late(&app).await), (1, 1), "{events:?}");
        let data = &events[0]["data"];
        assert_eq!((&data["endpoints"][0]["endpoint"], &data["endpoints_count"]), (&json!(endpoint), &json!(1)), "{data}");
        let of_renewal = app.get(&path(&second)).await.json();
        assert_eq!(data["renewed_at"], of_renewal["created_at"], "since the certificate was renewed: {data}");
        named(&app, &second, &["127.0.0.1:2".to_owned()]).await;
        pass(&app, 25).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (1, 1), "once for each renewal");

        // A renewal whose former certificate had no endpoints.
        let other = app.issue("any", "localhost").await;
        let renewal = renewed(&app, &other).await;
        named(&app, &renewal, &[endpoint]).await;
        pass(&app, 25).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (2, 2));
    }

    /// Nobody is to serve what is revoked or over.
    async fn a_renewal_that_is_not_in_force_is_not_demanded(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        let endpoint = format!("localhost:{}", server.port);
        named(&app, &first, std::slice::from_ref(&endpoint)).await;
        let revoked_early = renewed(&app, &first).await;
        revoke(&app, &revoked_early).await;
        pass(&app, 25).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (0, 0), "revoked before it was late");

        let other = app.issue("any", "localhost").await;
        named(&app, &other, std::slice::from_ref(&endpoint)).await;
        let revoked_late = renewed(&app, &other).await;
        pass(&app, 25).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (1, 1), "it is in force");
        revoke(&app, &revoked_late).await;
        assert_eq!(late(&app).await, 0, "the alarm ends with the revocation");

        let another = app.issue("any", "localhost").await;
        named(&app, &another, &[endpoint]).await;
        renewed(&app, &another).await;
        pass(&app, 25).await;
        assert_eq!((told(&app).await.len(), late(&app).await), (2, 1));
        pass(&app, 90 * 24).await;
        assert_eq!(late(&app).await, 0, "it is over");
    }

    async fn a_renewal_is_looked_for_soon_and_then_more_and_more_seldom(app: TestApp) {
        let first = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &first);
        named(&app, &first, &[format!("localhost:{}", server.port)]).await;
        let second = renewed(&app, &first).await;
        server.present(text(&second["certificate"]), text(&second["private_key"]));
        app.advance(Duration::from_secs(61)).await;
        certmill_service::endpoints::wake(&app.app).await.unwrap();
        app.eventually(&path(&second), |row| row["endpoints"][0]["state"] == "deployed").await;
    }
}

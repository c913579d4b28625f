//! Events: what is told of what happened, in the order of the commits, to those who ask, wait or listen.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use crate::jobs::sql::Sql;

async fn feed(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/v1/events?{query}")).await.json_with(StatusCode::OK)
}

fn rows(feed: &Value) -> &[Value] {
    feed["events"].as_array().unwrap()
}

fn types(feed: &Value) -> Vec<&str> {
    rows(feed).iter().map(|event| event["event_type"].as_str().unwrap()).collect()
}

fn ids(feed: &Value) -> Vec<String> {
    rows(feed).iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect()
}

fn cursor(feed: &Value) -> String {
    feed["cursor"].as_str().unwrap().to_owned()
}

/// A CA, a role and a certificate that was revoked.
async fn a_first_certificate(app: &TestApp) -> Value {
    let ca = app.root_ca("root").await;
    app.role("web", ca["id"].as_str().unwrap()).await;
    let issued = app.issue("web", "a.example.internal").await;
    let revoke = json!({ "serial_number": issued["serial_number"], "reason": "superseded" });
    app.post("/v1/pki/revoke", revoke).await.json_with(StatusCode::OK);
    issued
}

/// The events of a stream, until one has this type.
async fn streamed(response: poem::Response, until: &str) -> Vec<(String, Value)> {
    let mut chunks = response.into_body().into_bytes_stream();
    let (mut text, mut found) = (String::new(), Vec::new());
    loop {
        let chunk =
            chunks.next().await.unwrap_or_else(|| panic!("the stream ended before {until}: {text}")).unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field =
                |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            if let (Some(id), Some(data)) = (field("id"), field("data")) {
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(field("event"), data["event_type"].as_str());
                assert_eq!(id, data["cursor"]);
                found.push((id.to_owned(), data));
            }
            text = rest.to_owned();
        }
        if found.iter().any(|(_, event)| event["event_type"] == until) {
            return found;
        }
    }
}

both_modes! {
    async fn what_calls_have_done_is_told_with_who_and_about_what(app: TestApp) {
        let issued = a_first_certificate(&app).await;
        let csr = json!({ "subject": "CN=desk.example.internal", "key_type": "ec" });
        let csr = app.post("/v1/pki/csr", csr).await.json_with(StatusCode::CREATED);
        app.post(&format!("/v1/pki/csr/{}/reject", csr["id"].as_str().unwrap()), json!({ "reason": "no" })).await;
        // What is refused has not happened.
        app.post("/v1/pki/issue/web", json!({ "common_name": "elsewhere.test" })).await.error(422, "role_violation");

        let all = feed(&app, "type=ca.created,certificate.*,csr.*").await;
        assert_eq!(types(&all), ["ca.created", "certificate.issued", "certificate.revoked", "csr.pending", "csr.rejected"]);
        assert_eq!(all["has_more"], false);
        let of_certificate = &rows(&all)[1];
        assert_eq!(of_certificate["object"], issued["certificate_id"]);
        assert_eq!(of_certificate["tenant_id"], app.tenant.id.to_string());
        assert!(of_certificate["identity_id"].as_str().unwrap().starts_with("tok_"));
        assert!(of_certificate["request_id"].as_str().unwrap().starts_with("req_"));
        assert!(of_certificate["event_id"].as_str().unwrap().starts_with("evt_"));
        let timestamp = of_certificate["timestamp"].as_str().unwrap();
        assert_eq!(timestamp.len(), "2026-01-01T00:00:00.000000Z".len(), "{timestamp}");
        let data = &of_certificate["data"];
        assert_eq!(data["serial_number"], issued["serial_number"]);
        assert_eq!(data["domains"], json!(["a.example.internal"]));
        assert_eq!(data["role"], "web");
        assert_eq!(rows(&all)[2]["data"]["reason"], "superseded");

        let of_csr = feed(&app, &format!("object={}", csr["id"].as_str().unwrap())).await;
        assert_eq!(types(&of_csr), ["csr.pending", "csr.rejected"]);
        let newest = feed(&app, "type=csr.*&sort=-timestamp").await;
        assert_eq!(types(&newest), ["csr.rejected", "csr.pending"]);
        assert_eq!(newest["cursor"], Value::Null);
    }

    async fn pages_hang_together_in_both_directions(app: TestApp) {
        a_first_certificate(&app).await;
        for number in 0..5 {
            app.issue("web", &format!("n{number}.example.internal")).await;
        }
        let (all, back) = (feed(&app, "").await, feed(&app, "sort=-timestamp").await);
        let mut backwards = ids(&back);
        backwards.reverse();
        assert_eq!(ids(&all), backwards);
        for sort in ["timestamp", "-timestamp"] {
            let (mut found, mut next) = (Vec::new(), String::new());
            loop {
                let page = feed(&app, &format!("sort={sort}&limit=2{next}")).await;
                assert!(rows(&page).len() <= 2);
                found.extend(ids(&page));
                if page["has_more"] == false {
                    break;
                }
                next = format!("&cursor={}", cursor(&page));
            }
            assert_eq!(found, ids(if sort == "timestamp" { &all } else { &back }), "{sort}");
        }
        // Each event says where what follows it begins.
        let third = rows(&all)[2]["cursor"].as_str().unwrap();
        assert_eq!(ids(&feed(&app, &format!("cursor={third}")).await), ids(&all)[3..]);
    }

    async fn times_bound_what_is_told(app: TestApp) {
        a_first_certificate(&app).await;
        app.advance(Duration::from_hours(1)).await;
        let now = app.app.now().to_string();
        app.issue("web", "later.example.internal").await;
        let later = feed(&app, &format!("type=certificate.issued&from={now}")).await;
        assert_eq!(rows(&later)[0]["data"]["common_name"], "later.example.internal");
        assert_eq!(rows(&later).len(), 1);
        let earlier = feed(&app, &format!("type=certificate.issued&to={now}")).await;
        assert_eq!(rows(&earlier)[0]["data"]["common_name"], "a.example.internal");
        assert_eq!(rows(&earlier).len(), 1);
        let earlier = feed(&app, "to=2001-01-01T00:00:00Z").await;
        assert_eq!((rows(&earlier).len(), earlier["has_more"].as_bool()), (0, Some(false)));
        let newest = feed(&app, &format!("type=certificate.*&from={now}&sort=-timestamp")).await;
        assert_eq!(types(&newest), ["certificate.issued"]);
    }

    async fn a_call_waits_for_what_is_yet_to_happen(app: TestApp) {
        a_first_certificate(&app).await;
        let end = cursor(&feed(&app, "").await);
        let (told, ()) = tokio::join!(feed(&app, "wait=60s&type=certificate.issued"), async {
            // What does not fit the filter ends no wait.
            app.patch("/v1/pki/roles/web", json!({ "max_ttl": "30d" })).await.json_with(StatusCode::OK);
            app.issue("web", "b.example.internal").await;
        });
        assert_eq!(rows(&told)[0]["data"]["common_name"], "b.example.internal", "not what was there before");
        let again = feed(&app, &format!("wait=60s&type=certificate.*&cursor={end}")).await;
        assert_eq!(ids(&again), ids(&told));
        // At the end of the wait the cursor is good all the same.
        let none = feed(&app, &format!("wait=1s&type=certificate.*&cursor={}", cursor(&again))).await;
        assert_eq!((rows(&none).len(), none["has_more"].as_bool()), (0, Some(false)));
        app.issue("web", "c.example.internal").await;
        let next = feed(&app, &format!("type=certificate.*&cursor={}", cursor(&none))).await;
        assert_eq!(types(&next), ["certificate.issued"]);
    }

    async fn whoever_follows_misses_nothing_and_gets_nothing_twice(app: TestApp) {
        a_first_certificate(&app).await;
        let start = cursor(&feed(&app, "").await);
        let many = async {
            let calls = (0..60).map(|number| {
                let app = &app;
                async move { app.issue("web", &format!("m{number}.example.internal")).await["certificate_id"].clone() }
            });
            join_all(calls).await
        };
        let follow = async {
            let (mut place, mut found) = (start, Vec::new());
            while found.len() < 60 {
                let page = feed(&app, &format!("wait=60s&limit=7&type=certificate.issued&cursor={place}")).await;
                found.extend(rows(&page).iter().map(|event| event["object"].as_str().unwrap().to_owned()));
                place = cursor(&page);
            }
            found
        };
        let (issued, found) = tokio::join!(many, follow);
        assert_eq!(found.len(), 60);
        let issued: BTreeSet<&str> = issued.iter().map(|id| id.as_str().unwrap()).collect();
        assert_eq!(issued, found.iter().map(String::as_str).collect());
    }

    async fn a_stream_tells_what_happens_and_goes_on_where_it_ended(app: TestApp) {
        a_first_certificate(&app).await;
        let accept = ("accept", "text/event-stream");
        let response = app.open("/v1/events?type=certificate.issued", &[accept]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.content_type(), Some("text/event-stream"));
        let (first, ()) = tokio::join!(streamed(response, "certificate.issued"), async {
            app.issue("web", "b.example.internal").await;
        });
        assert_eq!(first[0].1["data"]["common_name"], "b.example.internal");
        app.issue("web", "c.example.internal").await;
        let response = app.open("/v1/events", &[accept, ("last-event-id", &first[0].0)]).await;
        let next = streamed(response, "certificate.issued").await;
        assert_eq!(next[0].1["data"]["common_name"], "c.example.internal");
        // What can be refused is refused before the stream begins.
        for accept in ["application/json, text/event-stream;q=0.1", "text/event-stream;q=0", "*/*", "text/plain"] {
            assert_eq!(app.open("/v1/events", &[("accept", accept)]).await.content_type(), Some("application/json"), "{accept}");
        }
        for query in ["type=nothing", "wait=soon", "sort=-timestamp", "limit=0"] {
            let wrong = app.open(&format!("/v1/events?{query}"), &[("accept", "Text/Event-Stream, */*;q=0.1")]).await;
            assert!(wrong.status().is_client_error(), "{query}");
        }
        let wrong = app.open("/v1/events?type=nothing", &[accept]).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let wrong = app.open("/v1/events", &[accept, ("last-event-id", "nothing")]).await;
        assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    }

    async fn a_crl_is_an_event_of_the_service(app: TestApp) {
        a_first_certificate(&app).await;
        let ca = app.get("/v1/pki/ca").await.json()["certificate_authorities"][0]["id"].clone();
        app.post(&format!("/v1/pki/ca/{}/crl", ca.as_str().unwrap()), json!({})).await;
        let told = feed(&app, "type=crl.published&wait=60s&from=2000-01-01T00:00:00Z").await;
        let event = &rows(&told)[0];
        assert_eq!((&event["identity_id"], &event["object"]), (&json!("service"), &ca));
        assert!(event["data"]["crl_number"].as_i64().unwrap() > 1);
    }

    async fn a_page_is_bounded_in_octets(app: TestApp) {
        let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        for number in 1..=4 {
            app.post(&format!("/v1/pki/ca/{ca}/crl"), json!({})).await;
            app.eventually("/v1/events?type=crl.published", |told| rows(told).len() == number).await;
        }
        let space = " ".repeat(2_000_000);
        Sql::open(app.database_url()).await.run(&format!("UPDATE events SET data = data || '{space}'")).await;
        let (mut found, mut place) = (Vec::new(), String::new());
        loop {
            let page = feed(&app, &format!("type=crl.published{place}")).await;
            assert!((1..4).contains(&rows(&page).len()), "{}", rows(&page).len());
            found.extend(ids(&page));
            if page["has_more"] == false {
                break;
            }
            place = format!("&cursor={}", cursor(&page));
        }
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 4, "{found:?}");
    }

    async fn wrong_questions_are_told_what_would_be_right(app: TestApp) {
        for (query, field, right) in [
            ("type=nothing", "type", "certificate.issued"),
            ("type=certificate", "type", "certificate.*"),
            ("from=yesterday", "from", "2026-01-31"),
            ("sort=newest", "sort", "-timestamp"),
            ("limit=0", "limit", "1000"),
            ("wait=10s&sort=-timestamp", "sort", "leave it out"),
            ("kind=ca.created", "kind", "type"),
        ] {
            let error = app.get(&format!("/v1/events?{query}")).await.error(422, "validation_error");
            assert!(error["details"]["fields"][field].as_str().unwrap().contains(right), "{query}: {error}");
        }
        for wrong in ["nothing", "LTE", "MQ", "ZXZlbnQgLTE", "ZXZlbnQgOTk5OTk5OTk5OTk5OTk5OTk5OTk"] {
            app.get(&format!("/v1/events?cursor={wrong}")).await.error(400, "invalid_cursor");
        }
        app.get("/v1/events?wait=soon").await.error(400, "invalid_duration");
        assert_eq!(rows(&feed(&app, "object=%00").await).len(), 0);
    }
}

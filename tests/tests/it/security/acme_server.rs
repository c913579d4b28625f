//! What an ACME server says is believed as far as the order goes, and never more than a text: a server of a tenant's own
//! choice says whatever it likes.

use fake_acme::{Endpoint, Fault, Problem};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use crate::acme_faults::Lab;
use crate::ca::text;

/// A way to change an answer.
type Rewrite = fn(Endpoint, &mut Value);

fn set(endpoint: Endpoint, wanted: Endpoint, body: &mut Value, pointer: &str, value: Value) {
    if endpoint == wanted
        && let Some(place) = body.pointer_mut(pointer)
    {
        *place = value;
    }
}

/// Checks that an order has ended for what its server did, in words that can be read.
fn broke_the_protocol(case: &str, order: &Value) {
    assert_eq!(
        (&order["status"], &order["error"]["code"]),
        (&json!("invalid"), &json!("ca_error")),
        "{case}: {order:#}"
    );
    let message = text(&order["error"]["message"]);
    assert!(message.contains("breaks the protocol"), "{case}: {message}");
    assert!(!message.contains(char::is_control), "{case}: {message:?}");
}

both_modes! {
    /// The server has a tenant publish the proof for somebody else's name, who is then certified by another CA.
    async fn only_names_of_the_order_are_proven(lab: Lab) {
        let account = lab.account().await;
        let foreign: [(&str, Rewrite); 4] = [
            ("bank.corp.example", |at, body| {
                set(at, Endpoint::Authorization, body, "/identifier/value", json!("bank.corp.example"));
            }),
            ("*.tiny.corp.example", |at, body| {
                if at == Endpoint::Authorization {
                    body["wildcard"] = json!(true);
                }
            }),
            ("corp.example", |at, body| set(at, Endpoint::Authorization, body, "/identifier/value", json!("corp.example"))),
            ("192.0.2.7", |at, body| {
                set(at, Endpoint::Authorization, body, "/identifier", json!({ "type": "ip", "value": "192.0.2.7" }));
            }),
        ];
        for (name, rewrite) in foreign {
            lab.ca.knobs().set(|behaviour| behaviour.rewrite = Some(rewrite));
            let order = lab.ended(&lab.order(&account, "tiny.corp.example").await).await;
            broke_the_protocol(name, &order);
            assert!(text(&order["error"]["message"]).contains(name), "{order:#}");
            assert_eq!(order["challenges"], json!([]), "{name}");
        }
        assert_eq!(lab.ca.log().count(Endpoint::Challenge), 0);
        // A name in another spelling is the same name, and the wildcard may be named itself.
        lab.ca.knobs().set(|behaviour| {
            behaviour.rewrite = Some(|at, body| {
                set(at, Endpoint::Authorization, body, "/identifier/value", json!("TINY.corp.example"));
            });
        });
        lab.issued(&lab.order(&account, "tiny.corp.example").await).await;
    }

    /// Names, URLs and texts with NUL make the database refuse the row, and the job is tried for hours as if the fault were ours.
    async fn what_cannot_be_stored_ends_the_order(lab: Lab) {
        let account = lab.account().await;
        let cases: [(&str, Rewrite); 8] = [
            ("a name with NUL", |at, body| set(at, Endpoint::Authorization, body, "/identifier/value", json!("a\0.example"))),
            ("no name", |at, body| set(at, Endpoint::Authorization, body, "/identifier/value", json!("../../etc"))),
            ("a kind with NUL", |at, body| set(at, Endpoint::Authorization, body, "/identifier/type", json!("d\0ns"))),
            ("an order's URL with NUL", |at, body| set(at, Endpoint::NewOrder, body, "/finalize", json!("https://x/\0"))),
            // That of newOrder is not needed: the order itself is asked for its authorizations.
            ("an authorization's URL with NUL", |at, body| {
                set(at, Endpoint::NewOrder, body, "/authorizations/0", json!("https://x/\0"));
                set(at, Endpoint::Order, body, "/authorizations/0", json!("https://x/\0"));
            }),
            ("a challenge's URL with NUL", |at, body| {
                set(at, Endpoint::Authorization, body, "/challenges/0/url", json!("https://x/\u{1b}[2J"));
            }),
            ("a status with NUL", |at, body| set(at, Endpoint::NewOrder, body, "/status", json!("pen\0ding"))),
            ("another form", |at, body| {
                if at == Endpoint::Authorization {
                    *body = json!(["\0"]);
                }
            }),
        ];
        for (case, rewrite) in cases {
            lab.ca.knobs().set(|behaviour| behaviour.rewrite = Some(rewrite));
            let order = lab.ended(&lab.order(&account, "nul.example.org").await).await;
            broke_the_protocol(case, &order);
        }
        assert!(no_job_has_failed(&lab).await);
    }

    /// The same by what a server says in problem documents and in its directory.
    async fn texts_are_kept_without_control_characters(lab: Lab) {
        let hostile = "no\0pe \u{1b}[31m\r\nHTTP/1.1 200";
        lab.ca.knobs().set(|behaviour| {
            behaviour.rewrite = Some(|at, body| {
                if at == Endpoint::Directory {
                    body["meta"]["termsOfService"] = json!("https://terms.example/\0");
                }
            });
        });
        let account = lab.account().await;
        lab.ca.knobs().reset();
        let refusal = || Problem::new(403, "unauthorized", "no\0pe \u{1b}[31m\r\nHTTP/1.1 200");
        lab.ca.knobs().fail(Endpoint::NewOrder, Fault::Problem(refusal()), 1);
        let order = lab.ended(&lab.order(&account, "said.example.org").await).await;
        assert_eq!((&order["status"], &order["error"]["code"]), (&json!("invalid"), &json!("refused_by_ca")), "{order:#}");
        let told = order["error"].to_string();
        assert!(told.contains("pe") && !told.contains("\\u0000") && !told.contains("\\u001b"), "{told}");
        assert!(!text(&order["error"]["message"]).contains(char::is_control), "{hostile:?} is told as {told}");

        lab.ca.knobs().set(|behaviour| behaviour.fail_challenges = Some(Problem::new(403, "unauthorized", "no\0pe")));
        let order = lab.ended(&lab.order(&account, "failed.example.org").await).await;
        assert_eq!(order["status"], "invalid", "{order:#}");
        assert!(!order.to_string().contains("\\u0000"), "{order:#}");
        lab.ca.knobs().reset();
        lab.issued(&lab.order(&account, "fine.example.org").await).await;
        assert!(no_job_has_failed(&lab).await);
    }
}

/// Whether every attempt at every job has come to an end of its own.
async fn no_job_has_failed(lab: &Lab) -> bool {
    let jobs = lab.app.get("/v1/jobs?limit=200").await.json_with(StatusCode::OK);
    let jobs = jobs["jobs"].as_array().unwrap().clone();
    assert!(!jobs.is_empty());
    jobs.iter().all(|job| job["last_error"].is_null())
}

//! What a person can do about orders: see what to publish, wish for something else, change their mind.

use fake_acme::{Behaviour, Endpoint, Status};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::acme::{AcmeLab, TSIG_SECRET, ZONE};
use tests::both_modes;

use crate::acme_faults::Lab;

const ISSUE: &str = "/v1/pki/acme/issue";

fn path_of(order: &Value) -> String {
    format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())
}

/// The answer to a wish that is a new order.
async fn ordered(lab: &Lab, body: Value) -> Value {
    lab.app.post(ISSUE, body).await.json_with(StatusCode::ACCEPTED)
}

/// Ends what the CA waits for, and answers the certificate of an order.
async fn issued(lab: &Lab, order: &Value) -> Value {
    for domain in order["domains"].as_array().unwrap() {
        lab.ca.end_authorizations(domain.as_str().unwrap(), Status::Valid);
    }
    lab.issued(&path_of(order)).await
}

both_modes! {
    async fn an_order_is_answered_with_its_challenges(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let body = json!({ "account_id": account, "domains": ["a.example.org", "b.example.org"] });
        let order = ordered(&lab, body).await;
        assert_eq!((&order["status"], &order["order_id"]), (&json!("pending"), &order["id"]));
        let challenges = order["challenges"].as_array().unwrap();
        let identifiers: Vec<&Value> = challenges.iter().map(|challenge| &challenge["identifier"]).collect();
        assert_eq!(identifiers, ["a.example.org", "b.example.org"], "{order:#}");
        for challenge in challenges {
            let path = format!("/.well-known/acme-challenge/{}", challenge["token"].as_str().unwrap());
            assert_eq!(challenge["http_path"], path);
        }
        // Who does not want to wait does not.
        lab.ca.knobs().set(|behaviour| behaviour.down = true);
        let body = json!({ "account_id": account, "domains": ["c.example.org"] });
        let at_once = lab.app.post(&format!("{ISSUE}?wait=0s"), body).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(at_once["challenges"], json!([]));
        lab.ca.knobs().set(|behaviour| behaviour.down = false);

        let certificate = issued(&lab, &order).await;
        let path = format!("/v1/pki/certificates/{}/renew", certificate["id"].as_str().unwrap());
        let renewal = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(renewal["challenges"].as_array().unwrap().len(), 2, "{renewal:#}");
        issued(&lab, &renewal).await;
        lab.app.delete(&path_of(&at_once)).await;
    }

    async fn another_wish_for_the_same_names_is_another_order(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let wish = |extra: Value| {
            let mut body = json!({ "account_id": account, "domains": ["dual.example.org"] });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        let first = ordered(&lab, wish(json!({}))).await;
        assert_eq!((&first["deduplicated"], &first["open_beside"]), (&json!(false), &json!([])));
        let mut all = vec![first.clone()];
        for other in [
            json!({ "key_type": "rsa" }),
            json!({ "key_size": 384 }),
            json!({ "challenge_type": "tls-alpn-01" }),
            json!({ "preferred_chain": "Another Root" }),
        ] {
            let order = ordered(&lab, wish(other.clone())).await;
            let ids: Vec<&Value> = all.iter().map(|order| &order["id"]).collect();
            assert_eq!(order["open_beside"], json!(ids), "{other}");
            // The same wish again is the same order.
            let again = lab.app.post(ISSUE, wish(other)).await.json_with(StatusCode::OK);
            assert_eq!((&again["id"], &again["deduplicated"], &again["updated"]), (&order["id"], &json!(true), &json!([])));
            all.push(order);
        }
        // How it is renewed makes no other order of it.
        let other = wish(json!({ "auto_renew": false, "reuse_key": true }));
        let updated = lab.app.post(ISSUE, other).await.json_with(StatusCode::OK);
        assert_eq!((&updated["id"], &updated["updated"]), (&first["id"], &json!(["auto_renew", "reuse_key"])));
        let read = lab.app.get(&path_of(&first)).await.json_with(StatusCode::OK);
        assert_eq!((&read["auto_renew"], &read["reuse_key"]), (&json!(false), &json!(true)));
        let log = lab.app.get("/v1/audit/logs?action=acme_order.update").await.json();
        assert_eq!(log["logs"][0]["object"], first["id"], "{log}");

        let made = [("ec", 256), ("rsa", 2_048), ("ec", 384), ("ec", 256), ("ec", 256)];
        for (order, (key_type, key_size)) in all.iter().zip(made) {
            let certificate = issued(&lab, order).await;
            assert_eq!((&certificate["key_type"], &certificate["key_size"]), (&json!(key_type), &json!(key_size)));
            assert_eq!(certificate["renewal"]["auto_renew"], order["id"] != first["id"], "{certificate}");
        }
        // A certificate that is there and good is needless with the same key only.
        lab.app.post(ISSUE, wish(json!({}))).await.error(409, "already_exists");
        ordered(&lab, wish(json!({ "key_type": "rsa", "key_size": 3_072 }))).await;
    }

    /// Boulder answers the same order to everybody who asks for the same names in the same account.
    async fn orders_that_are_one_at_the_ca_have_a_certificate_each(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| *behaviour = Behaviour { hold_challenges: true, ..Behaviour::like_boulder() });
        let body = |key: &str| json!({ "account_id": account, "domains": ["one.example.org"], "key_type": key });
        let (ec, rsa) = (ordered(&lab, body("ec")).await, ordered(&lab, body("rsa")).await);
        assert_eq!((lab.ca.log().count(Endpoint::NewOrder), lab.ca.log().orders_created().len()), (2, 1));
        let of = async |order: &Value| issued(&lab, order).await["key_type"].clone();
        assert_eq!(tokio::join!(of(&ec), of(&rsa)), (json!("ec"), json!("rsa")));
        assert_eq!((lab.ca.log().orders_created().len(), lab.ca.log().issued().len()), (2, 2));
    }

    async fn an_order_that_was_cancelled_is_not_the_answer_to_the_same_wish(lab: Lab) {
        let account = lab.account().await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let body = json!({ "account_id": account, "domains": ["mind.example.org"] });
        let first = ordered(&lab, body.clone()).await;
        let path = path_of(&first);
        let (cancelled, second) = tokio::join!(lab.app.delete(&path), lab.app.post(ISSUE, body));
        cancelled.json_with(StatusCode::OK);
        let second = second.json();
        if second["id"] == first["id"] {
            // It came first; the cancellation was of what it has got.
            assert_eq!(second["deduplicated"], true);
        } else {
            issued(&lab, &second).await;
        }
        assert_eq!(lab.ended(&path_of(&first)).await["error"]["code"], "cancelled");
        let log = lab.app.get("/v1/audit/logs?action=acme_order.cancel").await.json();
        assert_eq!(log["logs"][0]["object"], first["id"], "{log}");
        let error = lab.app.delete(&path_of(&first)).await.error(409, "invalid_state");
        assert!(error["message"].as_str().unwrap().contains("it has ended"), "{error}");

        // The CA has the CSR and takes its time: there may be a certificate.
        lab.ca.knobs().set(|behaviour| {
            *behaviour = Behaviour { processing_polls: 1_000, ..Behaviour::default() };
        });
        let late = ordered(&lab, json!({ "account_id": account, "domains": ["late.example.org"] })).await;
        lab.app.eventually(&path_of(&late), |order| order["status"] == "processing").await;
        let error = lab.app.delete(&path_of(&late)).await.error(409, "invalid_state");
        assert!(error["message"].as_str().unwrap().contains("CSR"), "{error}");
    }

}

both_modes! {
    async fn a_cancelled_order_takes_its_txt_value_back(mode: Mode) {
        let lab = AcmeLab::with_dns(mode).await;
        let bind = lab.bind.as_ref().unwrap();
        let before = bind.zone_lines(ZONE);
        let account = lab.account().await;
        let provider = json!({
            "name": "patient", "type": "rfc2136", "zones": [ZONE],
            "config": {
                "nameserver": bind.address().to_string(), "tsig_key": "certmill", "tsig_secret": TSIG_SECRET,
                "tsig_algorithm": "hmac-sha256",
                "propagation": { "nameservers": [bind.address().to_string()], "settle_seconds": 300 }
            }
        });
        lab.app.post("/v1/pki/dns-providers", provider).await.json_with(StatusCode::CREATED);
        let order = lab.order(json!({ "account_id": account, "domains": [format!("*.{ZONE}")] })).await;
        let record = &order["challenges"][0]["dns_record"];
        assert_eq!(record["name"], format!("_acme-challenge.{ZONE}"), "{order:#}");
        let path = path_of(&order);
        let published = |order: &Value| order["challenges"][0]["progress"] == "propagating";
        lab.app.eventually(&path, published).await;
        assert_ne!(bind.zone_lines(ZONE), before);
        lab.app.delete(&path).await.json_with(StatusCode::OK);
        let tidy = |order: &Value| order["challenges"][0]["progress"] == "cleaned_up";
        assert_eq!(lab.app.eventually(&path, tidy).await["error"]["code"], "cancelled");
        assert_eq!(bind.zone_lines(ZONE), before);
    }
}

//! Accounts at ACME servers: their names, addresses and keys.

use std::time::Duration;

use fake_acme::{Endpoint, Fault, Problem, Status};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;

use crate::acme_faults::Lab;

const ACCOUNTS: &str = "/v1/pki/acme/accounts";

fn path_of(account: &str) -> String {
    format!("{ACCOUNTS}/{account}")
}

async fn url_of(lab: &Lab, account: &str) -> String {
    let account = lab.app.get(&path_of(account)).await.json_with(StatusCode::OK);
    account["account_url"].as_str().unwrap().to_owned()
}

async fn audited(lab: &Lab, action: &str) -> usize {
    lab.app.get(&format!("/v1/audit/logs?action={action}")).await.json()["logs"].as_array().unwrap().len()
}

both_modes! {
    async fn the_name_of_a_deactivated_account_is_free(lab: Lab) {
        let mut accounts = Vec::new();
        for _ in 0..3 {
            // The same name each time.
            let account = lab.account().await;
            let body = json!({ "name": "fake", "provider": "custom", "directory_url": lab.ca.directory_url() });
            lab.app.post(ACCOUNTS, body).await.error(409, "already_exists");
            assert_eq!(lab.app.delete(&path_of(&account)).await.status, StatusCode::NO_CONTENT);
            accounts.push(account);
        }
        for account in &accounts {
            let read = lab.app.get(&path_of(account)).await.json_with(StatusCode::OK);
            assert_eq!((&read["name"], &read["status"]), (&json!("fake"), &json!("deactivated")));
        }
        // Another one can be called so, too.
        let body = json!({ "name": "other", "provider": "custom", "directory_url": lab.ca.directory_url() });
        let other = lab.app.post(ACCOUNTS, body).await.json_with(StatusCode::CREATED);
        let path = path_of(other["id"].as_str().unwrap());
        let renamed = lab.app.patch(&path, json!({ "name": "fake" })).await.json_with(StatusCode::OK);
        assert_eq!(renamed["name"], "fake");
    }

    async fn name_and_address_of_an_account_are_changed_at_the_ca_too(lab: Lab) {
        let account = lab.account().await;
        let (path, url) = (path_of(&account), url_of(&lab, &account).await);
        assert_eq!(lab.ca.contact_of(&url), Some(json!([])));
        let both = json!({ "name": "le", "email": "pki@example.com" });
        let changed = lab.app.patch(&path, both).await.json_with(StatusCode::OK);
        assert_eq!((&changed["name"], &changed["email"]), (&json!("le"), &json!("pki@example.com")));
        assert_eq!(lab.ca.contact_of(&url), Some(json!(["mailto:pki@example.com"])));
        assert_eq!(audited(&lab, "acme_account.update").await, 1);

        // A name that another account has is found out before the CA is told.
        let other = json!({ "name": "taken", "provider": "custom", "directory_url": lab.ca.directory_url() });
        lab.app.post(ACCOUNTS, other).await.json_with(StatusCode::CREATED);
        let body = json!({ "name": "taken", "email": "other@example.com" });
        lab.app.patch(&path, body).await.error(409, "already_exists");
        assert_eq!(lab.ca.contact_of(&url), Some(json!(["mailto:pki@example.com"])));

        // What the CA refuses changes nothing.
        let problem = Problem::new(403, "invalidContact", "nobody there");
        lab.ca.knobs().fail(Endpoint::Account, Fault::Problem(problem), 1);
        let body = json!({ "name": "not this", "email": "nobody@example.com" });
        let error = lab.app.patch(&path, body).await.error(502, "upstream_error");
        assert_eq!(error["details"]["upstream"]["type"], "urn:ietf:params:acme:error:invalidContact", "{error}");
        let read = lab.app.get(&path).await.json();
        assert_eq!((&read["name"], &read["email"]), (&json!("le"), &json!("pki@example.com")));

        let none = lab.app.patch(&path, json!({ "email": null })).await.json_with(StatusCode::OK);
        assert_eq!((&none["email"], lab.ca.contact_of(&url)), (&Value::Null, Some(json!([]))));
        let error = lab.app.patch(&path, json!({ "name": " ", "email": "x" })).await.error(422, "validation_error");
        assert!(error["details"]["fields"]["name"].is_string() && error["details"]["fields"]["email"].is_string(), "{error}");
        lab.account().await;
        lab.app.patch(&path, json!({ "name": "fake" })).await.error(409, "already_exists");
        assert_eq!(lab.app.delete(&path).await.status, StatusCode::NO_CONTENT);
        lab.app.patch(&path, json!({ "name": "late" })).await.error(409, "invalid_state");
    }

    async fn an_account_goes_on_with_a_new_key(lab: Lab) {
        let account = lab.account().await;
        let (path, url) = (format!("{}/rollover", path_of(&account)), url_of(&lab, &account).await);
        let before = lab.issued(&lab.order(&account, "before.example.org").await).await;
        let mut keys = vec![lab.ca.thumbprint_of(&url).unwrap()];
        for round in 0..2 {
            let changed = lab.app.post(&path, json!({})).await.json_with(StatusCode::OK);
            assert_eq!(changed["key_change_pending"], false);
            let key = lab.ca.thumbprint_of(&url).unwrap();
            assert!(!keys.contains(&key), "round {round}");
            keys.push(key);
            lab.issued(&lab.order(&account, &format!("after{round}.example.org")).await).await;
        }
        assert_eq!(audited(&lab, "acme_account.rollover").await, 2);
        let body = json!({ "serial_number": before["serial_number"], "reason": "superseded", "use_acme": true });
        lab.app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
        // Keys that nothing is signed with any more are gone.
        let left = "SELECT (SELECT count(*) FROM acme_account_keys) + (SELECT coalesce(sum(octet_length(sealed_key)), 0) FROM acme_accounts)";
        assert_eq!(lab.sql().number(left).await, 1);
        assert_eq!(lab.app.delete(&format!("{}?force=true", path_of(&account))).await.status, StatusCode::NO_CONTENT);
        lab.app.post(&path, json!({})).await.error(409, "invalid_state");
    }

    async fn a_key_change_whose_answer_is_lost_is_found_out(lab: Lab) {
        let account = lab.account().await;
        let (path, url) = (format!("{}/rollover", path_of(&account)), url_of(&lab, &account).await);
        for fault in [Fault::DropAfter, Fault::DropBefore, Fault::Html { status: 502, retry_after: None }] {
            let before = lab.ca.thumbprint_of(&url);
            lab.ca.knobs().fail(Endpoint::KeyChange, fault.clone(), 1);
            let pending = lab.app.post(&path, json!({})).await.json_with(StatusCode::ACCEPTED);
            assert_eq!(pending["key_change_pending"], true, "{fault:?}");
            lab.app.post(&path, json!({})).await.error(409, "invalid_state");
            lab.app.advance(Duration::from_mins(3)).await;
            lab.app.eventually(&path_of(&account), |account| account["key_change_pending"] == false).await;
            assert_ne!(lab.ca.thumbprint_of(&url), before, "{fault:?}");
            let domain = format!("n{}.example.org", lab.ca.log().issued().len());
            lab.issued(&lab.order(&account, &domain).await).await;
        }
    }

    async fn a_key_change_that_the_ca_refuses_changes_nothing(lab: Lab) {
        let account = lab.account().await;
        let (path, url) = (format!("{}/rollover", path_of(&account)), url_of(&lab, &account).await);
        let before = lab.ca.thumbprint_of(&url);
        let problem = Problem::new(403, "unauthorized", "no new keys today");
        lab.ca.knobs().fail(Endpoint::KeyChange, Fault::Problem(problem), 1);
        let error = lab.app.post(&path, json!({})).await.error(502, "upstream_error");
        assert!(error["message"].as_str().unwrap().contains("no new keys today"), "{error}");
        assert_eq!(lab.ca.thumbprint_of(&url), before);
        assert_eq!(lab.app.get(&path_of(&account)).await.json()["key_change_pending"], false);
        lab.issued(&lab.order(&account, "same.example.org").await).await;
        lab.app.post(&path, json!({})).await.json_with(StatusCode::OK);
    }

    async fn no_key_changes_while_control_is_proven_with_it(lab: Lab) {
        let account = lab.account().await;
        let path = format!("{}/rollover", path_of(&account));
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let order = lab.order(&account, "proving.example.org").await;
        let error = lab.app.post(&path, json!({})).await.error(409, "in_use");
        assert!(order.ends_with(error["details"]["used_by"].as_str().unwrap()), "{error}");
        lab.ca.end_authorizations("proving.example.org", Status::Valid);
        lab.issued(&order).await;
        lab.app.post(&path, json!({})).await.json_with(StatusCode::OK);
    }

    async fn orders_get_through_while_keys_change(lab: Lab) {
        let account = lab.account().await;
        let path = format!("{}/rollover", path_of(&account));
        let mut orders = Vec::new();
        let mut changes = 0;
        for number in 0..12 {
            let body = json!({ "account_id": account, "domains": [format!("n{number}.example.org")] });
            let order = lab.app.post("/v1/pki/acme/issue?wait=0s", body).await.json_with(StatusCode::ACCEPTED);
            orders.push(format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap()));
            let answer = lab.app.post(&path, json!({})).await;
            changes += i32::from(answer.status == StatusCode::OK);
            assert!([StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status), "{}", answer.text());
        }
        for order in &orders {
            lab.issued(order).await;
        }
        assert!(changes > 0, "no key was changed meanwhile");
    }

    async fn what_is_missing_is_said_before_the_network_is_asked(lab: Lab) {
        // Nobody answers: these names lead nowhere in a test.
        for provider in ["zerossl", "google"] {
            let error = lab.app.post(ACCOUNTS, json!({ "name": provider, "provider": provider })).await;
            let error = error.error(422, "validation_error");
            assert!(error["details"]["fields"]["eab_kid"].is_string(), "{error}");
        }
    }
}

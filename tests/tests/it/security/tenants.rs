//! A tenant that is added takes nothing from the one that is there, and gets nothing of it.

use fake_acme::{FakeAcme, FakeAcmeOptions};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use crate::acme::by_and_by;
use crate::jobs::sql::Sql;

struct Lab {
    app: TestApp,
    ca: FakeAcme,
    sql: Sql,
}

impl Lab {
    async fn start(mode: Mode) -> Self {
        let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
        // Each order proves control anew, as at a CA that forgets.
        ca.knobs().set(|behaviour| {
            behaviour.reuse_valid_authorizations = false;
            behaviour.reuse_pending_authorizations = false;
        });
        let options = TestOptions { trusted_pem: Some(ca.ca_pem().to_owned()), ..TestOptions::default() };
        let app = TestApp::start_with(mode, options).await;
        let sql = Sql::open(app.database_url()).await;
        Self { app, ca, sql }
    }

    async fn account(&self, token: &str) -> String {
        let body = json!({ "name": "fake", "provider": "custom", "directory_url": self.ca.directory_url() });
        let account = self.app.post_as(token, "/v1/pki/acme/accounts", body).await;
        account.json_with(StatusCode::CREATED)["id"].as_str().unwrap().to_owned()
    }

    /// Orders names with the first tenant's token; answers the order's path.
    async fn order(&self, account: &str, domains: &[&str]) -> String {
        let body = json!({ "account_id": account, "domains": domains, "challenge_type": "http-01" });
        let order = self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        format!("/v1/pki/acme/orders/{}", order["id"].as_str().unwrap())
    }

    /// Orders a certificate and waits for it; answers its path.
    async fn issued(&self, account: &str, domains: &[&str]) -> String {
        let order = self.order(account, domains).await;
        let ended = |order: &Value| order["status"] == "valid" || order["status"] == "invalid";
        let order = self.app.eventually(&order, ended).await;
        assert_eq!(order["status"], "valid", "{order:#}");
        format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap())
    }
}

both_modes! {
    /// An operator who adds a tenant, or somebody who has them do it, ends the renewals of the tenant that was alone.
    async fn adding_a_tenant_leaves_the_renewals_of_the_first_one_alone(lab: Lab) {
        let account = lab.account(&lab.app.admin).await;
        let certificate = lab.issued(&account, &["www.shop.example.org", "shop.example.org"]).await;
        lab.issued(&account, &["pay.example.org"]).await;
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = true);
        let open = lab.order(&account, &["open.example.org"]).await;
        lab.app.eventually(&open, |order| order["challenges"][0]["status"] == "processing").await;

        let made = certmill_service::tenants::create(&lab.app.app, "second".parse().unwrap()).await.unwrap();
        let handover = made.shares.unwrap();
        assert_eq!(handover.tenant.id, lab.app.tenant.id);
        // The name below another one is covered by it.
        assert_eq!(handover.granted, ["open.example.org", "pay.example.org", "shop.example.org"]);
        let logs = lab.app.get("/v1/audit/logs?action=domain.grant").await.json_with(StatusCode::OK);
        assert_eq!(logs["logs"].as_array().unwrap().len(), 3, "{logs}");
        let (_, third) = lab.app.another_tenant("third").await;
        assert_eq!(lab.sql.number("SELECT count(*) FROM domain_grants").await, 3, "a third one changes nothing");

        lab.app.delete(&open).await.json_with(StatusCode::OK);
        lab.ca.knobs().set(|behaviour| behaviour.hold_challenges = false);
        let renewal = lab.app.post(&format!("{certificate}/renew"), json!({})).await.json_with(StatusCode::ACCEPTED);
        let renewed = by_and_by(&lab.app, &certificate, |certificate| !certificate["renewed_by"].is_null()).await;
        assert!(renewed["renewal"]["last_error"].is_null(), "{renewal} {renewed}");

        // Other names take a grant, of this tenant and of those that were added.
        let ours = json!({ "account_id": account, "domains": ["new.example.org"], "challenge_type": "http-01" });
        let refused = lab.app.post("/v1/pki/acme/issue", ours).await.error(422, "validation_error");
        assert!(refused["details"]["fields"]["domains"].as_str().unwrap().contains("domain grant"), "{refused}");
        let account = lab.account(&third).await;
        for taken in ["pay.example.org", "www.shop.example.org"] {
            let theirs = json!({ "account_id": account, "domains": [taken], "challenge_type": "http-01" });
            lab.app.post_as(&third, "/v1/pki/acme/issue", theirs).await.error(422, "validation_error");
        }
    }

    /// A version that does not understand an order grants too little for it, and its renewal fails weeks later.
    async fn no_tenant_is_added_while_it_cannot_be_said_what_the_first_one_needs(lab: Lab) {
        let account = lab.account(&lab.app.admin).await;
        lab.issued(&account, &["www.example.org"]).await;
        let change = |to: &str| format!("UPDATE acme_orders SET challenge_type = '{to}'");
        lab.sql.run(&change("dns-persist-01")).await;
        let create = || certmill_service::tenants::create(&lab.app.app, "second".parse().unwrap());
        let error = create().await.err().unwrap().to_string();
        assert!(error.contains("dns-persist-01"), "{error}");
        for table in ["tenants WHERE name = 'second'", "domain_grants"] {
            assert_eq!(lab.sql.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
        }
        lab.sql.run(&change("dns-01")).await;
        // How the name was proven by dns-01 is not known here, so an alias cannot be ruled out.
        assert_eq!(create().await.unwrap().shares.unwrap().granted, ["www.example.org"]);
    }
}

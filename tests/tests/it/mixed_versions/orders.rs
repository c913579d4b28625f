//! Jobs about rows that a newer version has written: they are left to it, and what others want goes on.

use certmill_worker::run_schedules;
use fake_acme::{FakeAcme, FakeAcmeOptions};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use super::{WORD, newer};
use crate::jobs::sql::Sql;

/// A service without a worker yet, and a CA to which everything that is submitted is valid.
struct Lab {
    app: TestApp,
    sql: Sql,
    account: String,
    _ca: FakeAcme,
}

impl Lab {
    async fn new(mode: Mode) -> Self {
        let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
        let options = TestOptions { trusted_pem: Some(ca.ca_pem().to_owned()), ..TestOptions::default() };
        let app = TestApp::without_worker_with(mode, options).await;
        let sql = newer(&app).await;
        let body = json!({ "name": "fake", "provider": "custom", "directory_url": ca.directory_url() });
        let account = app.post("/v1/pki/acme/accounts", body).await.json_with(StatusCode::CREATED);
        let account = account["id"].as_str().unwrap().to_owned();
        Self { app, sql, account, _ca: ca }
    }

    /// Orders; answers the id.
    async fn order(&self, domain: &str) -> String {
        let body = json!({ "account_id": self.account, "domains": [domain] });
        let order = self.app.post("/v1/pki/acme/issue", body).await.json_with(StatusCode::ACCEPTED);
        order["id"].as_str().unwrap().to_owned()
    }

    /// Waits until an order has its certificate; answers it.
    async fn issued(&self, order: &str) -> Value {
        let path = format!("/v1/pki/acme/orders/{order}");
        self.app.eventually(&path, |order| order["status"] == "valid").await
    }

    async fn dead_jobs(&self) -> i64 {
        self.sql.number("SELECT count(*) FROM jobs WHERE state = 'dead' OR last_error IS NOT NULL").await
    }
}

both_modes! {
    /// Whatever an order's work depends on is left as it is, until a version comes that knows the word.
    async fn an_order_with_an_unknown_word_is_left_to_a_newer_version(mode: Mode) {
        let lab = Lab::new(mode).await;
        let columns = [
            ("acme_orders", "state", "new"),
            ("acme_orders", "challenge_type", "http-01"),
            ("acme_orders", "key_type", "ec"),
        ];
        let mut orders = Vec::new();
        for (table, column, known) in columns {
            let order = lab.order(&format!("{}.example.org", column.replace('_', "-"))).await;
            lab.sql.run(&format!("UPDATE {table} SET {column} = '{WORD}' WHERE id = '{order}'")).await;
            orders.push((order, column, known));
        }
        lab.app.start_worker();
        lab.issued(&lab.order("known.example.org").await).await;
        for (order, column, known) in &orders {
            let path = format!("/v1/pki/acme/orders/{order}");
            let left = lab.sql.number(&format!("SELECT attempts FROM acme_orders WHERE id = '{order}'")).await;
            assert_eq!(left, 0, "{column}");
            lab.app.post(&format!("{path}/refresh"), json!({})).await.error(409, "invalid_state");
            lab.sql.run(&format!("UPDATE acme_orders SET {column} = '{known}' WHERE id = '{order}'")).await;
        }
        assert_eq!(lab.dead_jobs().await, 0);
        // The word is known now, as it is to a newer version.
        for (order, _, _) in &orders {
            let path = format!("/v1/pki/acme/orders/{order}/refresh");
            lab.app.post(&path, json!({})).await.json_with(StatusCode::OK);
            lab.issued(order).await;
        }
    }

    /// The version before knew of no other wish for the same names, and names rows by them alone. What may be ordered may
    /// have been more then.
    async fn orders_of_an_older_version_are_found_and_read(mode: Mode) {
        let lab = Lab::new(mode).await;
        let old = lab.order("same.example.org").await;
        lab.sql.run(&format!("UPDATE acme_orders SET names_key = NULL WHERE id = '{old}'")).await;
        let wish = json!({ "account_id": lab.account, "domains": ["same.example.org"], "key_type": "rsa" });
        let other = lab.app.post("/v1/pki/acme/issue?wait=0s", wish).await.json_with(StatusCode::ACCEPTED);
        assert_eq!(other["open_beside"], json!([old]), "{other:#}");

        let refused_today = r#"["a_b.example.org"]"#;
        lab.sql.run(&format!("UPDATE acme_orders SET identifiers = '{refused_today}' WHERE id = '{old}'")).await;
        let listed = lab.app.get("/v1/pki/acme/orders").await.json_with(StatusCode::OK);
        assert_eq!(listed["orders"][1]["domains"], json!(["a_b.example.org"]), "{listed:#}");
    }

    /// A renewal that is not understood is not begun, does not count as failed, and stops no other.
    async fn a_renewal_with_an_unknown_word_stops_no_other(mode: Mode) {
        let lab = Lab::new(mode).await;
        lab.app.start_worker();
        let (newer, known) = (lab.order("newer.example.org").await, lab.order("known.example.org").await);
        let (first, second) = (lab.issued(&newer).await, lab.issued(&known).await);
        lab.sql.run(&format!("UPDATE acme_orders SET challenge_type = '{WORD}' WHERE id = '{newer}'")).await;
        // More of them than are looked at together.
        let is_first = format!("id = '{}'", first["certificate_id"].as_str().unwrap());
        lab.sql.run(&format!("UPDATE certificates SET acme_order_id = NULL WHERE {is_first}")).await;
        lab.sql.copy(("certificates", &is_first), ("cert", &["id"]), 250).await;
        lab.sql.run(&format!("UPDATE certificates SET acme_order_id = '{newer}' WHERE {is_first}")).await;
        let of_order = format!("order_id = '{newer}'");
        lab.sql.copy(("acme_renewals", &of_order), ("cert", &["certificate_id"]), 250).await;
        lab.sql.run("UPDATE acme_renewals SET renew_at = 1, next_window_check_at = NULL").await;
        lab.sql.run(&format!("UPDATE acme_renewals SET emergency_at = 1 WHERE order_id = '{newer}'")).await;
        lab.sql.run("UPDATE schedules SET next_run_at = 1 WHERE name = 'renew_certificates'").await;
        run_schedules(&lab.app.app).await.unwrap();
        let path = |order: &Value| format!("/v1/pki/certificates/{}", order["certificate_id"].as_str().unwrap());
        lab.app.eventually(&path(&second), |certificate| !certificate["renewed_by"].is_null()).await;
        let left = lab.app.get(&path(&first)).await.json_with(StatusCode::OK);
        assert_eq!((&left["renewed_by"], &left["renewal"]["failures"]), (&Value::Null, &json!(0)), "{left}");
        assert_eq!(lab.dead_jobs().await, 0);
        let renew = lab.app.post(&format!("{}/renew", path(&first)), json!({})).await;
        renew.error(409, "invalid_state");
    }
}

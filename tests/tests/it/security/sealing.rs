//! Somebody who can write to the database, and has no root key.

use certmill_keys::{RootKeys, SealPlace};
use certmill_x509::hex;
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, both_modes};

use crate::jobs::sql::Sql;

const CREDENTIALS: &str = "SELECT sealed_credentials FROM dns_providers";

async fn provider(app: &TestApp, secret: &str) -> String {
    let config = json!({ "base_url": "https://dns.example.org", "secret": secret });
    let body = json!({ "name": "hook", "type": "webhook", "zones": ["example.org"], "config": config, "verify": false });
    let provider = app.post("/v1/pki/dns-providers", body).await.json_with(StatusCode::CREATED);
    format!("/v1/pki/dns-providers/{}", provider["id"].as_str().unwrap())
}

async fn change(app: &TestApp, provider: &str, secret: &str) -> Value {
    let config = json!({ "base_url": "https://dns.example.org", "secret": secret });
    app.patch(provider, json!({ "config": config, "verify": false })).await.json_with(StatusCode::OK)
}

async fn put_back(sql: &Sql, sealed: &[u8], more: &str) {
    let octets = hex(sealed);
    let update = |value: &str| format!("UPDATE dns_providers SET sealed_credentials = {value}{more}");
    sql.run_either(&update(&format!("x'{octets}'")), &update(&format!(r"'\x{octets}'"))).await;
}

both_modes! {
    /// Credentials were replaced because somebody had stolen them, and the thief puts the old ones back.
    async fn credentials_that_were_replaced_do_not_open_when_they_are_put_back(app: TestApp) {
        let sql = Sql::open(app.database_url()).await;
        let provider = provider(&app, "stolen-and-replaced").await;
        let stolen = sql.bytes(CREDENTIALS).await;
        change(&app, &provider, "the-ones-in-their-place").await;
        let present = sql.bytes(CREDENTIALS).await;
        app.get(&provider).await.json_with(StatusCode::OK);

        for more in ["", ", credentials_sealed_at = NULL", ", credentials_sealed_at = 7, updated_at = 7"] {
            let times = sql.number("SELECT updated_at FROM dns_providers").await;
            put_back(&sql, &stolen, more).await;
            app.get(&provider).await.error(500, "internal_error");
            put_back(&sql, &present, &format!(", updated_at = {times}, credentials_sealed_at = {times}")).await;
            app.get(&provider).await.json_with(StatusCode::OK);
        }
        // The time cannot be taken off the present ones either.
        put_back(&sql, &present, ", credentials_sealed_at = NULL").await;
        app.get(&provider).await.error(500, "internal_error");
    }

    /// What a version without times has sealed opens, and has a time as soon as it is written again.
    async fn credentials_of_an_older_version_open_until_they_are_replaced(app: TestApp) {
        let sql = Sql::open(app.database_url()).await;
        let provider = provider(&app, "sealed-without-a-time").await;
        let id = provider.rsplit('/').next().unwrap().to_owned();
        let roots = RootKeys::new(app.root_key(), Vec::new());
        let wrapped = sql.bytes("SELECT wrapped FROM tenant_keys").await;
        let root_key_id = sql.texts("SELECT root_key_id FROM tenant_keys").await.remove(0);
        let key = roots.unwrap(app.tenant.id, 1, &root_key_id, &wrapped).unwrap();
        let place = SealPlace { tenant: app.tenant.id, table: "dns_providers", row: &id, column: "sealed_credentials" };
        let secret = br#"{"secret":"sealed-by-an-older-version"}"#;
        let old = key.seal(&place, secret, &certmill_domain::SystemEntropy).unwrap();
        // By an older version before the upgrade, and by one that still runs beside this one.
        for more in [", credentials_sealed_at = NULL", ", credentials_sealed_at = 7"] {
            put_back(&sql, &old, more).await;
            app.get(&provider).await.json_with(StatusCode::OK);
        }
        app.patch(&provider, json!({ "name": "renamed" })).await.json_with(StatusCode::OK);
        app.get(&provider).await.json_with(StatusCode::OK);
        assert_ne!(sql.bytes(CREDENTIALS).await, old);
        put_back(&sql, &old, "").await;
        app.get(&provider).await.error(500, "internal_error");
    }
}

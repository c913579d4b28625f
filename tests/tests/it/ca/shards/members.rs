//! What is in a shard beside certificates that were issued into it: unstored ones, those under a revoked CA, those that come back.

use std::time::Duration;

use poem::http::StatusCode;
use serde_json::json;
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::{build, certificates, divided, id, list, point, revoke, shard, shards, text};
use crate::jobs::sql::Sql;

both_modes! {
    async fn certificates_that_are_not_stored_are_in_shards_too(app: TestApp) {
        let ca = divided(&app, 2).await;
        let role = json!({ "name": "thin", "ca_id": id(&ca), "allow_any_name": true, "key_type": "ec", "no_store": true });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let issued = app.post("/v1/pki/issue/thin", json!({ "common_name": "a.example.internal" })).await.json_with(StatusCode::CREATED);
        let own = shard(&issued);
        assert!([1, 2].contains(&own));
        let preview = revoke(&app, &issued, json!({ "dry_run": true })).await;
        assert_eq!((&preview["preview"]["crl_shard"], &preview["preview"]["crl_urls"][1]), (&json!(own), &json!(point(&issued))));
        revoke(&app, &issued, json!({ "invalidity_date": "2026-01-02T03:04:05Z", "reason": "keyCompromise" })).await;
        let at = usize::try_from(own).unwrap() - 1;
        app.eventually(&format!("{ca}/crl/shards"), |told| told["shards"][at]["entries"] == 1).await;
        let judge = Judge::new();
        list(&app, &judge, &point(&issued)).await;
        let described = judge.run("crl -in list.pem -noout -text");
        assert!(described.contains("Invalidity Date") && described.contains("Key Compromise"), "{described}");
        let other = shards(&app, &ca).await[&(3 - own)];
        assert_eq!(other.1, 0);
    }

    async fn what_a_revoked_ca_has_issued_is_on_all_its_lists(app: TestApp) {
        let ca = divided(&app, 2).await;
        let known = certificates(&app, 2).await;
        app.post(&format!("{ca}/revoke"), json!({})).await.json_with(StatusCode::ACCEPTED);
        let path = format!("{ca}/crl/shards");
        app.eventually(&path, |told| (0..2).all(|at| told["shards"][at]["entries"].as_i64() > Some(0))).await;
        let issued = app.get(&ca).await.json()["certificates_issued"].as_i64().unwrap();
        app.eventually(&ca, |ca| ca["crl"]["entries"] == issued).await;
        assert_eq!(shards(&app, &ca).await.values().map(|(_, entries)| entries).sum::<i64>(), issued);
        assert_eq!(known.len(), 2);
    }

    /// A CA below names the full list of the one above it.
    async fn a_revoked_ca_below_is_on_the_full_list(app: TestApp) {
        let ca = divided(&app, 2).await;
        let below = app.intermediate_ca("below", id(&ca)).await;
        assert_eq!(below["crl_shards"], 1);
        let before = shards(&app, &ca).await;
        let path = format!("/v1/pki/ca/{}", text(&below["id"]));
        let certificate = app.get(&format!("{path}/certificate")).await.json();
        assert_eq!(shard(&json!({ "certificate": certificate["certificate_pem"] })), 0);
        app.post(&format!("{path}/revoke"), json!({})).await.json_with(StatusCode::ACCEPTED);
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        assert_eq!(shards(&app, &ca).await, before);
    }

    /// A backup is restored that does not have a certificate, which comes back by import: it names the list of a shard.
    async fn a_certificate_that_comes_back_is_in_the_shard_that_it_names(app: TestApp) {
        let ca = divided(&app, 2).await;
        let known = certificates(&app, 2).await;
        let sql = Sql::open(app.database_url()).await;
        sql.run("DELETE FROM certificates").await;
        for (number, certificate) in &known {
            let body = json!({ "certificate_pem": certificate["certificate"], "ca_id": id(&ca) });
            app.post("/v1/pki/certificates/import", body).await.json_with(StatusCode::CREATED);
            let preview = revoke(&app, certificate, json!({ "dry_run": true })).await;
            assert_eq!(preview["preview"]["crl_shard"], *number, "{preview}");
        }
        revoke(&app, &known[&2], json!({})).await;
        app.eventually(&format!("{ca}/crl/shards"), |told| told["shards"][1]["entries"] == 1).await;
    }

    async fn an_end_takes_an_entry_off_and_only_then_is_it_forgotten(app: TestApp) {
        let ca = divided(&app, 2).await;
        let role = json!({ "name": "thin", "ca_id": id(&ca), "allow_any_name": true, "key_type": "ec", "no_store": true });
        app.post("/v1/pki/roles", role).await.json_with(StatusCode::CREATED);
        let body = json!({ "common_name": "a.example.internal", "ttl": "1h" });
        let issued = app.post("/v1/pki/issue/thin", body).await.json_with(StatusCode::CREATED);
        revoke(&app, &issued, json!({})).await;
        build(&app, &ca).await;
        app.advance(Duration::from_hours(3)).await;
        build(&app, &ca).await;
        let at = shard(&issued);
        assert_eq!(shards(&app, &ca).await[&at].1, 1, "on one list from after its end");
        app.advance(Duration::from_mins(5)).await;
        build(&app, &ca).await;
        assert_eq!(shards(&app, &ca).await[&at].1, 0);
        let sql = Sql::open(app.database_url()).await;
        let rows = "SELECT count(*) FROM unstored_certificates";
        // As if the list of the shard had not been built since.
        sql.run("UPDATE crl_shards SET previous_update = 0").await;
        forget(&app, &sql).await;
        assert_eq!(sql.number(rows).await, 1, "the list of its shard may have it");
        build(&app, &ca).await;
        forget(&app, &sql).await;
        assert_eq!(sql.number(rows).await, 0);
        build(&app, &ca).await;
    }

    /// A CA that is signed elsewhere has its lists from when it has its certificate.
    async fn shards_of_a_ca_that_waits_come_with_its_certificate(app: TestApp) {
        let wish = json!({
            "name": "external", "common_name": "External", "ca_type": "intermediate", "external": true, "key_type": "ec",
            "crl_shards": 2,
        });
        let waiting = app.post("/v1/pki/ca", wish).await.json_with(StatusCode::CREATED);
        let ca = format!("/v1/pki/ca/{}", text(&waiting["id"]));
        assert_eq!(shards(&app, &ca).await.len(), 0);
        app.get(&format!("{ca}/crl?shard=1")).await.error(409, "invalid_state");
        app.patch(&ca, json!({ "crl_shards": 3 })).await.json_with(StatusCode::OK);
        assert_eq!(shards(&app, &ca).await.len(), 0);
        let judge = Judge::new();
        judge.write("ca.csr", text(&waiting["csr_pem"]));
        judge.write("extensions", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
        judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Theirs -days 3650 -addext keyUsage=critical,keyCertSign,cRLSign -keyout root.key -out root.pem");
        judge.run("x509 -req -in ca.csr -CA root.pem -CAkey root.key -days 900 -extfile extensions -out ca.pem");
        let body = json!({ "certificate_pem": judge.read("ca.pem"), "chain_pem": judge.read("root.pem") });
        app.post(&format!("{ca}/certificate"), body).await.json_with(StatusCode::OK);
        assert_eq!(shards(&app, &ca).await.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        app.role("web", id(&ca)).await;
        certificates(&app, 3).await;
        // One that moves in with its key has them at once.
        let body = json!({
            "name": "moved", "certificate_pem": judge.read("root.pem"), "private_key_pem": judge.read("root.key"), "crl_shards": 4,
        });
        let moved = app.post("/v1/pki/ca/import", body).await.json_with(StatusCode::CREATED);
        assert_eq!(shards(&app, &format!("/v1/pki/ca/{}", text(&moved["id"]))).await.len(), 4);
    }
}

async fn forget(app: &TestApp, sql: &Sql) {
    let done = "SELECT count(*) FROM jobs WHERE kind = 'forget' AND state = 'done'";
    let before = sql.number(done).await;
    let mut tx = app.app.database().begin_system().await.unwrap();
    app.app.enqueue_system(&mut tx, certmill_service::jobs::Job::Forget).await.unwrap();
    tx.commit().await.unwrap();
    app.app.wake_workers();
    let over = async {
        while sql.number(done).await == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), over).await.expect("what is over was not forgotten");
}

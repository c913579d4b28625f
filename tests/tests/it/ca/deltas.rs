//! Delta CRLs: what has changed since a CRL that somebody holds.

use std::time::Duration;

use poem::http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::openssl::Judge;
use tests::{TestApp, both_modes};

use super::text;
use crate::jobs::sql::Sql;

/// A root with delta CRLs and the role `web` on it; answers its path.
async fn with_deltas(app: &TestApp, shards: u32) -> String {
    let body = json!({
        "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "crl_shards": shards,
        "crl_validity": "2d", "delta_crl_validity": "1h",
    });
    let ca = app.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    assert_eq!(
        (&ca["delta_crl_validity"], ca["crl_shards"].as_u64()),
        (&json!("3600s"), Some(u64::from(shards)))
    );
    app.role("web", text(&ca["id"])).await;
    format!("/v1/pki/ca/{}", text(&ca["id"]))
}

fn id(ca: &str) -> &str {
    ca.rsplit('/').next().unwrap()
}

/// Waits until the delta CRL of this name has so many entries; answers what openssl reads in it.
async fn delta(app: &TestApp, judge: &Judge, (name, file): (&str, &str), entries: usize) -> String {
    let wait = async {
        loop {
            let answer = app.send(Method::GET, &format!("/pub/crl/{name}-delta.crl"), None, &[], None).await;
            if answer.status == StatusCode::OK {
                judge.write("delta.der", answer.body);
                let text = judge.run(&format!("crl -inform der -in delta.der -out {file} -text"));
                let text = if text.is_empty() { judge.read(file) } else { text };
                if text.matches("Serial Number:").count() == entries {
                    return text;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap_or_else(|_| panic!("{name} never has {entries} entries"))
}

/// The present list in a file of the judge's; its number.
async fn hold(app: &TestApp, judge: &Judge, (name, file): (&str, &str)) -> i64 {
    let answer = app.send(Method::GET, &format!("/pub/crl/{name}.crl"), None, &[], None).await;
    judge.write("list.der", answer.body);
    judge.run(&format!("crl -inform der -in list.der -out {file}"));
    number(&judge.run(&format!("crl -in {file} -noout -crlnumber")))
}

fn number(told: &str) -> i64 {
    i64::from_str_radix(told.trim().rsplit("0x").next().unwrap(), 16).unwrap()
}

async fn revoke(app: &TestApp, certificate: &Value, reason: &str) {
    let body = json!({ "serial_number": certificate["serial_number"], "reason": reason });
    app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
}

/// Waits until the present full list names its delta.
async fn begun(app: &TestApp, ca: &str) {
    let judge = Judge::new();
    delta(app, &judge, (id(ca), "first.pem"), 0).await;
}

both_modes! {
    async fn who_holds_an_old_list_knows_by_the_delta_to_it(app: TestApp) {
        let ca = with_deltas(&app, 1).await;
        begun(&app, &ca).await;
        let judge = Judge::new();
        let (bad, good) = (app.issue("web", "bad.example.internal").await, app.issue("web", "good.example.internal").await);
        judge.write("ca.pem", text(&bad["issuing_ca"]));
        for (name, certificate) in [("bad", &bad), ("good", &good)] {
            judge.write(&format!("{name}.pem"), text(&certificate["certificate"]));
        }
        let base = hold(&app, &judge, (id(&ca), "base.pem")).await;
        let described = judge.run("crl -in base.pem -noout -text");
        assert!(described.contains("X509v3 Freshest CRL") && described.contains(&format!("URI:http://pki.test/pub/crl/{}-delta.crl", id(&ca))), "{described}");
        revoke(&app, &bad, "superseded").await;
        let described = delta(&app, &judge, (id(&ca), "delta.pem"), 1).await;
        assert!(described.contains("X509v3 Delta CRL Indicator: critical"), "{described}");
        assert!(!described.contains("Freshest"), "{described}");
        assert!(number(&judge.run("crl -in delta.pem -noout -crlnumber")) > base);
        let verify = |files: &str, name: &str| {
            std::fs::write(judge.path().join("lists.pem"), files.split(' ').map(|file| judge.read(file)).collect::<String>()).unwrap();
            judge.try_run(&format!("verify -x509_strict -crl_check -extended_crl -use_deltas -CAfile ca.pem -CRLfile lists.pem {name}.pem"))
        };
        assert!(verify("base.pem", "bad").0, "the list from before does not know it");
        let (accepted, said) = verify("base.pem delta.pem", "bad");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        let (accepted, said) = verify("base.pem delta.pem", "good");
        assert!(accepted, "{said}");
        // Our own validator, in the place of somebody else's.
        let (_, stranger) = app.another_tenant("second").await;
        let anchor = json!({ "name": "theirs", "certificate_pem": bad["issuing_ca"] });
        app.post_as(&stranger, "/v1/pki/trust-anchors", anchor).await.json_with(StatusCode::CREATED);
        for (certificate, lists, wanted) in [(&bad, "base.pem", true), (&bad, "base.pem delta.pem", false), (&good, "base.pem delta.pem", true)] {
            let lists: String = lists.split(' ').map(|file| judge.read(file)).collect();
            let body = json!({ "certificate_pem": certificate["certificate"], "crl_pem": lists, "check_revocation": true });
            let told = app.post_as(&stranger, "/v1/pki/certificates/validate", body).await.json_with(StatusCode::OK);
            assert_eq!(told["not_revoked"], wanted, "{told}");
        }
        // With a token.
        let mine = app.get(&format!("{ca}/crl?delta=true")).await;
        let public = app.send(Method::GET, &format!("/pub/crl/{}-delta.crl", id(&ca)), None, &[], None).await;
        assert_eq!((mine.status, mine.body), (StatusCode::OK, public.body));
    }

    /// A suspension that a held list tells of ends by the delta; another reason comes by it too.
    async fn a_release_and_a_changed_reason_are_in_the_delta(app: TestApp) {
        let ca = with_deltas(&app, 1).await;
        begun(&app, &ca).await;
        let judge = Judge::new();
        let (held, changed) = (app.issue("web", "held.example.internal").await, app.issue("web", "changed.example.internal").await);
        judge.write("ca.pem", text(&held["issuing_ca"]));
        judge.write("held.pem", text(&held["certificate"]));
        revoke(&app, &held, "certificateHold").await;
        revoke(&app, &changed, "superseded").await;
        delta(&app, &judge, (id(&ca), "delta.pem"), 2).await;
        let base = hold(&app, &judge, (id(&ca), "base.pem")).await;
        assert!(judge.run("crl -in base.pem -noout -text").contains("Certificate Hold"));
        revoke(&app, &held, "removeFromCRL").await;
        app.eventually(&ca, |ca| ca["crl"]["entries"] == 1).await;
        revoke(&app, &changed, "keyCompromise").await;
        let both = async {
            loop {
                let told = delta(&app, &judge, (id(&ca), "delta.pem"), 2).await;
                if told.contains("Key Compromise") && told.contains("Remove From CRL") {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(30), both).await.expect("the delta never has both");
        assert!(!told.contains("Certificate Hold") && !told.contains("Superseded"), "{told}");
        assert!(number(&judge.run("crl -in delta.pem -noout -crlnumber")) > base);
        judge.write("lists.pem", judge.read("base.pem") + &judge.read("delta.pem"));
        let (accepted, said) = judge.try_run("verify -crl_check -CAfile ca.pem -CRLfile base.pem held.pem");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
        let (accepted, said) = judge.try_run("verify -crl_check -extended_crl -use_deltas -CAfile ca.pem -CRLfile lists.pem held.pem");
        assert!(accepted, "{said}");
        // On the full list it is gone.
        hold(&app, &judge, (id(&ca), "now.pem")).await;
        assert!(!judge.run("crl -in now.pem -noout -text").contains("Certificate Hold"));
    }

    async fn each_shard_has_its_own(app: TestApp) {
        let ca = with_deltas(&app, 2).await;
        begun(&app, &ca).await;
        let judge = Judge::new();
        for shard in [1, 2] {
            delta(&app, &judge, (&format!("{}-{shard}", id(&ca)), "delta.pem"), 0).await;
        }
        let issued = app.issue("web", "a.example.internal").await;
        let sql = Sql::open(app.database_url()).await;
        let shard = sql.number("SELECT crl_shard FROM certificates").await;
        let own = format!("{}-{shard}", id(&ca));
        hold(&app, &judge, (&own, "base.pem")).await;
        revoke(&app, &issued, "superseded").await;
        let told = delta(&app, &judge, (&own, "delta.pem"), 1).await;
        assert!(told.contains("X509v3 Issuing Distribution Point: critical"), "the scope of the list: {told}");
        delta(&app, &judge, (id(&ca), "full.pem"), 1).await;
        delta(&app, &judge, (&format!("{}-{}", id(&ca), 3 - shard), "other.pem"), 0).await;
        judge.write("ca.pem", text(&issued["issuing_ca"]));
        judge.write("leaf.pem", text(&issued["certificate"]));
        judge.write("lists.pem", judge.read("base.pem") + &judge.read("delta.pem"));
        let (accepted, said) = judge.try_run("verify -crl_check -extended_crl -use_deltas -CAfile ca.pem -CRLfile lists.pem leaf.pem");
        assert!(!accepted && said.contains("certificate revoked"), "{said}");
    }

    async fn they_have_their_own_times_and_go_on_from_what_is_held(app: TestApp) {
        let ca = with_deltas(&app, 1).await;
        begun(&app, &ca).await;
        let sql = Sql::open(app.database_url()).await;
        let field = async |field: &str| sql.number(&format!("SELECT {field} FROM delta_crls")).await;
        assert_eq!(field("next_update - this_update").await, 3_600_000_000);
        let (builds, base, lists) = (field("builds").await, field("base_number").await, sql.number("SELECT builds FROM crls").await);
        app.advance(Duration::from_mins(41)).await;
        crate::jobs::workers::until(&sql, &format!("SELECT count(*) FROM delta_crls WHERE builds > {builds}"), 1)
        .await;
        assert_eq!(sql.number("SELECT builds FROM crls").await, lists, "the full list is not due");
        assert_eq!(field("base_number").await, base);
        // Lists that are newer leave the base where it is, while an older one may be held.
        app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        assert_eq!(field("base_number").await, base);
        assert_eq!(field("number % 2").await, 1);
        assert_eq!(sql.number("SELECT number % 2 FROM crls").await, 0, "a list and a delta have no number in common");
    }

    /// A list from before says for how long it is good, whatever those say that are made after the setting was changed.
    async fn a_list_from_before_a_shorter_validity_can_be_gone_on_from(app: TestApp) {
        let ca = with_deltas(&app, 1).await;
        begun(&app, &ca).await;
        let sql = Sql::open(app.database_url()).await;
        // Held from now on: it is good for two days.
        let held = sql.number("SELECT number FROM crls").await;
        let (base, ends) = (sql.number("SELECT base_number FROM delta_crls").await, sql.number("SELECT next_update FROM crls").await);
        assert!(base <= held);
        app.patch(&ca, json!({ "crl_validity": "2h" })).await.json_with(StatusCode::OK);
        let delta_after = async |hours: u64| {
            app.advance(Duration::from_hours(hours)).await;
            let builds = sql.number("SELECT builds FROM delta_crls").await;
            app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
            crate::jobs::workers::until(&sql, &format!("SELECT count(*) FROM delta_crls WHERE builds > {builds}"), 1).await;
            sql.number("SELECT base_number FROM delta_crls").await
        };
        for _ in 0..4 {
            let now = delta_after(9).await;
            assert!(now <= held, "{now} is after {held}, which is held");
        }
        assert_eq!(sql.number("SELECT earlier_until FROM crls").await, ends);
        // When it has ended, deltas leave it, as soon as they did before the change.
        let mut left = false;
        for _ in 0..4 {
            left |= delta_after(9).await > held;
        }
        assert!(left, "deltas go on from a list that nobody holds");
    }

    async fn they_come_and_go_with_the_setting(app: TestApp) {
        let root = app.root_ca("root").await;
        let ca = format!("/v1/pki/ca/{}", text(&root["id"]));
        let public = async || app.send(Method::GET, &format!("/pub/crl/{}-delta.crl", text(&root["id"])), None, &[], None).await;
        public().await.error(404, "ca_not_found");
        let error = app.get(&format!("{ca}/crl?delta=true")).await.error(409, "invalid_state");
        assert!(text(&error["message"]).contains("delta_crl_validity"), "{error}");
        for wrong in ["5m", "72h", "80h"] {
            let error = app.patch(&ca, json!({ "delta_crl_validity": wrong })).await.error(422, "validation_error");
            assert!(error["details"]["fields"]["delta_crl_validity"].is_string(), "{error}");
        }
        let set = app.patch(&ca, json!({ "delta_crl_validity": "2h" })).await.json_with(StatusCode::OK);
        assert_eq!(set["delta_crl_validity"], "7200s");
        begun(&app, &ca).await;
        // What is shorter than the deltas is refused too.
        app.patch(&ca, json!({ "crl_validity": "1h" })).await.error(422, "validation_error");
        let sql = Sql::open(app.database_url()).await;
        let kept = async |field: &str| sql.number(&format!("SELECT {field} FROM delta_crls")).await;
        let (base, last_end) = (kept("base_number").await, sql.number("SELECT next_update FROM crls").await);
        let gone = app.patch(&ca, json!({ "delta_crl_validity": null })).await.json_with(StatusCode::OK);
        assert_eq!(gone["delta_crl_validity"], Value::Null);
        app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        let judge = Judge::new();
        hold(&app, &judge, (text(&root["id"]), "list.pem")).await;
        assert!(!judge.run("crl -in list.pem -noout -text").contains("Freshest"));
        // Whoever holds a list that names it goes on from it until that list ends, and learns of what is revoked meanwhile.
        assert!(kept("kept_until").await >= last_end);
        app.role("web", text(&root["id"])).await;
        let bad = app.issue("web", "bad.example.internal").await;
        revoke(&app, &bad, "superseded").await;
        delta(&app, &judge, (text(&root["id"]), "delta.pem"), 1).await;
        assert_eq!(kept("next_update - this_update").await, 7_200_000_000, "as long as before");
        // Given back, it goes on from the list that holders have.
        app.patch(&ca, json!({ "delta_crl_validity": "3h" })).await.json_with(StatusCode::OK);
        let again = "SELECT count(*) FROM delta_crls WHERE kept_until IS NULL AND next_update - this_update = 10800000000";
        crate::jobs::workers::until(&sql, again, 1).await;
        assert_eq!(kept("base_number").await, base);
        app.patch(&ca, json!({ "delta_crl_validity": null })).await.json_with(StatusCode::OK);
        // When nobody holds such a list any more it goes.
        app.advance(Duration::from_hours(24 * 8)).await;
        crate::jobs::workers::until(&sql, "SELECT count(*) FROM delta_crls", 0).await;
        public().await.error(404, "ca_not_found");
    }

    async fn a_dry_run_names_the_deltas_that_change(app: TestApp) {
        let ca = with_deltas(&app, 2).await;
        let judge = Judge::new();
        for shard in ["", "-1", "-2"] {
            delta(&app, &judge, (&format!("{}{shard}", id(&ca)), "delta.pem"), 0).await;
        }
        let issued = app.issue("web", "a.example.internal").await;
        let sql = Sql::open(app.database_url()).await;
        let shard = sql.number("SELECT crl_shard FROM certificates").await;
        let url = |end: &str| format!("http://pki.test/pub/crl/{}{end}.crl", id(&ca));
        let urls = json!([url(""), url(&format!("-{shard}")), url("-delta"), url(&format!("-{shard}-delta"))]);
        let ask = async |more: Value| {
            let body = json!({ "serial_number": issued["serial_number"], "reason": "superseded", "dry_run": true });
            app.post("/v1/pki/revoke", crate::ca::changed(body, &more)).await.json_with(StatusCode::OK)["preview"].clone()
        };
        let told = ask(json!({})).await;
        assert_eq!(told["crl_urls"], urls, "{told}");
        let ends = async |name: &str| sql.number(&format!("SELECT next_update FROM {name} WHERE shard = {shard}")).await;
        let shown = |micros: i64| certmill_domain::Timestamp::from_unix_micros(micros).to_string();
        assert_eq!(told["crl_known_by"], shown(ends("crl_shards").await));
        assert_eq!(told["delta_crl_known_by"], shown(ends("delta_crls").await));
        let later = app.app.now().plus(Duration::from_hours(2)).whole_seconds();
        let told = ask(json!({ "revoke_at": later.to_string() })).await;
        assert_eq!(told["crl_urls"], urls, "{told}");
        assert_eq!(told["delta_crl_known_by"], later.plus(Duration::from_hours(1)).to_string());
        revoke(&app, &issued, "superseded").await;
        let told = ask(json!({})).await;
        assert_eq!((&told["crl_urls"], &told["delta_crl_known_by"]), (&json!([]), &Value::Null), "nothing would change");
    }

    /// Two that are issued at one time would have to have one number (RFC 5280 §5.2.4).
    async fn a_list_and_the_delta_to_it_say_different_times(app: TestApp) {
        let ca = with_deltas(&app, 2).await;
        let judge = Judge::new();
        for shard in ["", "-1", "-2"] {
            delta(&app, &judge, (&format!("{}{shard}", id(&ca)), "delta.pem"), 0).await;
        }
        let sql = Sql::open(app.database_url()).await;
        let later = "SELECT count(*) FROM delta_crls d JOIN (SELECT ca_id, 0 AS shard, this_update FROM crls \
            UNION ALL SELECT ca_id, shard, this_update FROM crl_shards) l ON l.ca_id = d.ca_id AND l.shard = d.shard \
            WHERE d.this_update > l.this_update";
        assert_eq!(sql.number(later).await, 3);
        app.post(&format!("{ca}/crl"), json!({})).await.json_with(StatusCode::OK);
        crate::jobs::workers::until(&sql, "SELECT count(*) FROM delta_crls WHERE builds > 1", 3).await;
        assert_eq!(sql.number(later).await, 3);
    }
}

//! Figures of what ends and what waits, as alarms read them.

use std::time::Duration;

use certmill_domain::Timestamp;
use certmill_storage::figures;
use serde_json::json;
use tests::both_modes;

both_modes! {
    async fn certificates_count_in_the_last_third_of_their_time_until_they_are_renewed(app: TestApp) {
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let body = json!({ "common_name": "www.example.internal", "ttl": "9d" });
        let issued = app.post("/v1/pki/issue/web", body).await.json_with(poem::http::StatusCode::CREATED);
        let end = Timestamp::parse_rfc3339(issued["not_after"].as_str().unwrap()).unwrap();
        let day = Duration::from_hours(24);
        let counts = async |left: Duration| {
            let mut session = app.app.database().read_system().await.unwrap();
            let found = figures::expiring(&mut session, app.tenant.id, end.minus(left)).await.unwrap();
            found.iter().find(|found| found.source == "issued").map(|found| {
                assert_eq!((found.soonest, found.within_30d), (end, 1));
                (found.within_1d, found.within_7d)
            })
        };
        assert_eq!(counts(4 * day).await, None, "more than a third of its time is left");
        assert_eq!(counts(2 * day).await, Some((0, 1)));
        assert_eq!(counts(day / 2).await, Some((1, 1)));

        let (foreign, _) = app.another_tenant("other").await;
        let mut session = app.app.database().read_system().await.unwrap();
        assert_eq!(figures::expiring(&mut session, foreign.id, end.minus(day)).await.unwrap(), []);
        drop(session);

        let path = format!("/v1/pki/certificates/{}/renew", issued["certificate_id"].as_str().unwrap());
        app.post(&path, json!({})).await.json_with(poem::http::StatusCode::CREATED);
        assert_eq!(counts(day / 2).await, None, "it was renewed, and its successor is counted as renewed");
    }

    async fn a_ca_has_its_end_and_that_of_its_crl_until_it_is_revoked(app: TestApp) {
        let ca = app.root_ca("root").await;
        let find = async || {
            let mut session = app.app.database().read_system().await.unwrap();
            figures::cas(&mut session, app.app.now(), 10).await.unwrap()
        };
        let found = find().await;
        let [figures] = found.as_slice() else { panic!("one CA: {found:?}") };
        assert_eq!((figures.id.as_str(), figures.tenant_id.clone()), (ca["id"].as_str().unwrap(), app.tenant.id.to_string()));
        assert_eq!(figures.not_after.to_string(), ca["valid_until"]);
        assert_eq!(figures.next_update.map(|time| time.to_string()).as_deref(), ca["crl"]["next_update"].as_str());
        assert_eq!(figures.this_update.map(|time| time.to_string()).as_deref(), ca["crl"]["this_update"].as_str());
        app.post(&format!("/v1/pki/ca/{}/revoke", figures.id), json!({})).await.json_with(poem::http::StatusCode::ACCEPTED);
        assert_eq!(find().await.len(), 0);
    }

    async fn a_ca_has_the_ends_of_its_deltas_while_lists_are_good_that_name_them(app: TestApp) {
        let body = json!({
            "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "crl_shards": 2,
            "delta_crl_validity": "3600s",
        });
        let ca = app.post("/v1/pki/ca", body).await.json_with(poem::http::StatusCode::CREATED);
        let id = ca["id"].as_str().unwrap();
        let find = async || {
            let mut session = app.app.database().read_system().await.unwrap();
            figures::cas(&mut session, app.app.now(), 10).await.unwrap()[0].deltas
        };
        for name in [format!("{id}-delta"), format!("{id}-1-delta"), format!("{id}-2-delta")] {
            let path = format!("/pub/crl/{name}.crl");
            let made = async {
                while app.send(poem::http::Method::GET, &path, None, &[], None).await.status != poem::http::StatusCode::OK {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_mins(1), made).await.unwrap();
        }
        let sql = crate::jobs::sql::Sql::open(app.database_url()).await;
        let deltas = find().await.unwrap();
        assert_eq!(deltas.this_update.unix_micros(), sql.number("SELECT MIN(this_update) FROM delta_crls").await);
        assert_eq!(deltas.next_update.unix_micros(), sql.number("SELECT MIN(next_update) FROM delta_crls").await);
        // They end before the full lists do, which has the CA's own figures left as they are.
        let full = sql.number("SELECT next_update FROM crls").await;
        assert!(deltas.next_update.unix_micros() < full);
        sql.run("UPDATE delta_crls SET kept_until = 1").await;
        assert_eq!(find().await, None, "no list is good that names them");
    }

    async fn tokens_that_end_within_a_week_are_counted(app: TestApp) {
        let count = async || {
            let mut session = app.app.database().read_system().await.unwrap();
            figures::expiring_tokens(&mut session, app.app.now()).await.unwrap()
        };
        assert_eq!(count().await, 0);
        for ttl in ["2d", "90d"] {
            let body = json!({ "name": ttl, "scopes": ["pki:read"], "ttl": ttl });
            app.post("/v1/tokens", body).await.json_with(poem::http::StatusCode::CREATED);
        }
        assert_eq!(count().await, 1);
    }
}

/// The words of a text that begin like this.
fn words<'a>(text: &'a str, prefix: &str) -> std::collections::BTreeSet<&'a str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter| !is_word(letter)).filter(|word| word.starts_with(prefix)).collect()
}

#[test]
fn alarms_look_at_figures_that_exist_and_say_what_to_do() {
    let rules = include_str!("../../../ops/prometheus/alerts.yml");
    let figures = words(include_str!("../../../shared/telemetry/src/metrics.rs"), "certmill_");
    for name in words(rules, "certmill_") {
        assert!(figures.contains(name), "no figure has the name {name}");
    }
    let runbook = words(include_str!("../../../ops/prometheus/README.md"), "Certmill");
    let alarms = words(rules, "Certmill");
    assert!(alarms.len() > 10, "{alarms:?}");
    assert_eq!(alarms, runbook, "each alarm has a paragraph, and each paragraph an alarm");
}

#[test]
fn every_metric_is_described_in_the_code_and_in_the_book() {
    let source =
        include_str!("../../../shared/telemetry/src/metrics.rs").split("#[cfg(test)]").next().unwrap();
    let figures = words(source, "certmill_");
    let page = words(include_str!("../../../docs/src/reference/metrics.md"), "certmill_");
    assert_eq!(figures, page, "the code on the left, docs/src/reference/metrics.md on the right");
    for (path, text) in crate::layering::sources() {
        for name in
            words(&text, "certmill_").into_iter().filter(|name| text.contains(&format!("(\"{name}\"")))
        {
            assert!(figures.contains(name), "{path} records {name}, which has no description");
        }
    }
}

/// The rules for alarms, judged by Prometheus' own tool: that they can be read, and that each rings when it should.
#[test]
fn the_alarms_ring_when_they_should() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/prometheus");
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let said = std::process::Command::new("promtool").args(arguments).current_dir(folder).output();
        let said = said.expect("promtool is there: tests/run --prepare installs it");
        let text = String::from_utf8_lossy(&said.stdout) + String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "promtool {arguments:?}: {text}");
    }
}

//! `certmill doctor` on installations that are well, and on those that are not.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::rows::Rows;
use crate::site::{PATIENCE, Site, said, stop, until};

/// The report, and whether the command ended well.
fn report(output: &Output) -> (Value, bool) {
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {}", said(output)));
    (report, output.status.success())
}

pub(crate) fn doctor(site: &Site) -> (Value, bool) {
    report(&site.output(&["doctor", "--json"]))
}

/// The same at another time of this machine's clock, such as `+5m`.
fn doctor_at(site: &Site, offset: &str) -> (Value, bool) {
    let command = site.command(&["doctor", "--json"]);
    let mut then = Command::new("faketime");
    then.args(["-f", offset]).arg(command.get_program()).args(command.get_args()).current_dir(site.path());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => then.env(name, value),
            None => then.env_remove(name),
        };
    }
    report(&then.output().expect("faketime is installed"))
}

/// Status, what was seen, and what is to be done.
fn of<'a>(report: &'a Value, check: &str) -> (&'a str, &'a str, &'a str) {
    let checks = report["checks"].as_array().unwrap();
    let mut found = checks.iter().filter(|finding| finding["check"] == check);
    let finding = found.next().unwrap_or_else(|| panic!("no `{check}` in {report:#}"));
    let text = |name: &str| finding[name].as_str().unwrap_or_default();
    assert_eq!(text("status") == "ok", finding["advice"].is_null(), "what is not well has advice: {finding}");
    (text("status"), text("found"), text("advice"))
}

#[track_caller]
pub(crate) fn assert_found(report: &Value, check: &str, status: &str, part: &str) {
    let (is, found, advice) = of(report, check);
    assert_eq!(is, status, "{check}: {found}");
    assert!(found.contains(part) || advice.contains(part), "{check}: no `{part}` in: {found} / {advice}");
}

/// Everything but the disk of the machine that the tests run on.
#[track_caller]
fn assert_all_well(report: &Value) {
    for finding in report["checks"].as_array().unwrap() {
        assert!(finding["status"] == "ok" || finding["check"] == "disk", "{report:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_on_one_machine_is_looked_at() {
    let site = Site::embedded();
    let (nothing, well) = doctor(&site);
    assert!(!well && nothing["status"] == "failure", "{nothing}");
    assert_found(&nothing, "database", "failure", "certmill migrate");
    assert_found(&nothing, "api", "failure", "certmill serve");
    assert_found(&nothing, "public_url", "warning", "before you issue for others");

    let mut api = site.dev().await;
    api.root_ca("root").await;
    let site = site.with("CERTMILL_PUBLIC_URL", api.url.clone());
    until("a worker has had its turn", PATIENCE, async || {
        (of(&doctor(&site).0, "workers").0 == "ok").then_some(())
    })
    .await;
    let (report, well) = doctor(&site);
    assert!(well, "{report:#}");
    assert_all_well(&report);
    for check in [
        "configuration",
        "tls",
        "disk",
        "schema",
        "clock",
        "root_key",
        "cas",
        "crl_ends",
        "crls",
        "dead_jobs",
        "api",
    ] {
        of(&report, check);
    }
    assert!(of(&report, "crls").1.contains("1 were fetched"), "{report:#}");
    let text = site.run(&["doctor"]);
    assert!(text.lines().any(|line| line.starts_with("ok       root_key")), "{text}");

    let (wrong, well) = doctor(&site.clone().with_root_key("wrong.key", &"0e".repeat(32)));
    assert!(!well);
    assert_found(&wrong, "root_key", "failure", "previous_root_key_files");
    assert!(!wrong.to_string().contains(&"0e".repeat(32)), "no secret is shown");
    let nowhere =
        site.clone().with("CERTMILL_PUBLIC_URL", format!("http://127.0.0.1:{}", launch::free_port()));
    let (nowhere, well) = doctor(&nowhere);
    assert!(!well);
    assert_found(&nowhere, "crls", "failure", "/pub/crl/ca_");
    assert_found(&nowhere, "api", "failure", "no API process answers");
    let elsewhere = site.clone().with("CERTMILL_PUBLIC_URL", format!("{}/docs", api.url));
    assert_found(&doctor(&elsewhere).0, "crls", "failure", "the answer is 404");

    stop(&mut api.process);
    // The present ones are good for three days, and a root for ten years.
    let (later, well) = doctor_at(&site, "+5m");
    assert!(!well);
    assert_found(&later, "workers", "failure", "minutes ago");
    assert_found(&later, "crl_ends", "ok", "");
    assert_found(&doctor_at(&site, "+4d").0, "crl_ends", "failure", "rebuild_crl");
    assert_found(&doctor_at(&site, "+3580d").0, "cas", "warning", "within 90 days");
    assert_found(&doctor_at(&site, "+3645d").0, "cas", "failure", "successor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_looked_at() {
    let mut redis = tokio::task::spawn_blocking(launch::Redis::start).await.unwrap();
    let url = launch::shared_postgres().create_database();
    let site = Site::fleet(url.clone(), redis.url());
    let empty = site.clone().with("DATABASE_URL", launch::shared_postgres().create_database());
    let (report, well) = doctor(&empty);
    assert!(!well);
    assert_found(&report, "schema", "failure", "certmill migrate");

    let mut api = site.serve(&site.admin_token(), &[]).await;
    let site = site.with("CERTMILL_PUBLIC_URL", api.url.clone());
    let ca = api.root_ca("root").await;
    assert_found(&doctor(&site).0, "workers", "failure", "no worker has ever run");
    let mut worker = site.worker();
    api.post(&format!("/v1/pki/ca/{ca}/crl"), Value::Null, 200).await;
    until("a worker has had its turn", PATIENCE, async || {
        (of(&doctor(&site).0, "workers").0 == "ok").then_some(())
    })
    .await;
    let (report, well) = doctor(&site);
    assert!(well, "{report:#}");
    assert_all_well(&report);
    assert_found(&report, "redis", "ok", "noeviction");

    // A clock that is wrong, by less and by more than what is borne.
    assert_found(&doctor_at(&site, "+3s").0, "clock", "warning", "NTP");
    let (wrong, well) = doctor_at(&site, "-20s");
    assert!(!well);
    assert_found(&wrong, "clock", "failure", "NTP");

    // Redis drops what it has, and then it is away: nothing that a service cannot do without.
    for setting in [["maxmemory", "100mb"], ["maxmemory-policy", "allkeys-lru"]] {
        let set =
            Command::new("redis-cli").args(["-u", &redis.url(), "config", "set"]).args(setting).output();
        assert!(set.unwrap().status.success());
    }
    assert_found(&doctor(&site).0, "redis", "warning", "maxmemory-policy");
    redis.stop();
    let (without, well) = doctor(&site);
    assert!(well, "{without:#}");
    assert_found(&without, "redis", "warning", "works without it");
    assert_found(&without, "api", "warning", "degraded");
    assert!(!site.output(&["doctor", "--strict"]).status.success());

    let rows = Rows::open(&url).await;
    rows.run("UPDATE jobs SET state = 'dead', finished_at = run_at WHERE kind = 'rebuild_crl'").await;
    assert_found(&doctor(&site).0, "dead_jobs", "warning", "rebuild_crl (1)");
    stop(&mut worker);
    stop(&mut api.process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deltas_that_are_missing_or_over_are_seen() {
    let database = launch::shared_postgres().create_database();
    let site = Site::fleet(database.clone(), launch::shared_redis().url());
    let api = site.serve(&site.admin_token(), &[]).await;
    let site = site.with("CERTMILL_PUBLIC_URL", api.url.clone());
    let ca = api.root_ca("root").await;
    let mut worker = site.worker();
    api.patch(&format!("/v1/pki/ca/{ca}"), json!({ "delta_crl_validity": "1h" })).await;
    let delta = format!("/pub/crl/{ca}-delta.crl");
    until("the delta CRL", PATIENCE, async || (api.read(&delta).await.status == 200).then_some(())).await;
    let (report, _) = doctor(&site);
    assert_found(&report, "crls", "ok", "2 of 2 were fetched");
    assert_found(&report, "crl_ends", "ok", "no CRL");

    stop(&mut worker);
    let (later, _) = doctor_at(&site, "+2h");
    assert_found(&later, "crl_ends", "warning", "rebuild_delta_crl");
    assert!(of(&later, "crl_ends").1.contains(&ca), "{later:#}");
    assert_found(&later, "crls", "failure", "-delta.crl: what is there is past its end");
    assert_found(&doctor_at(&site, "+4d").0, "crl_ends", "failure", "refuse every certificate");
    // The list names a delta that is not there.
    let rows = Rows::open(&database).await;
    rows.run("DELETE FROM delta_crls").await;
    assert_found(&doctor(&site).0, "crls", "failure", "-delta.crl: the answer is 404");
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_finding_too() {
    let (report, well) = doctor(&Site::embedded().with("CERTMILL_LISTEN", "nowhere"));
    assert!(!well);
    assert_found(&report, "configuration", "failure", "CERTMILL_LISTEN");
    let (report, well) = doctor(&Site::embedded().with("CERTMILL_EGRESS__CA_FILE", "/missing/ca.pem"));
    assert!(!well);
    assert_found(&report, "configuration", "failure", "/missing/ca.pem");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_is_looked_at() {
    let login = Some(("certmill", "hunter2"));
    let start = move || launch::SmtpServer::start(launch::SmtpOptions { security: "starttls", login });
    let mut server = tokio::task::spawn_blocking(start).await.unwrap();
    let site = Site::embedded();
    assert_found(&doctor(&site).0, "mail", "ok", "owners are told nothing");
    let ca = site.write("mail-ca.pem", server.ca_pem());
    let site = site
        .with("CERTMILL_MAIL__HOST", "127.0.0.1")
        .with("CERTMILL_MAIL__PORT", server.port().to_string())
        .with("CERTMILL_MAIL__FROM", "pki@example.com")
        .with("CERTMILL_MAIL__CA_FILE", ca.display().to_string())
        .with("CERTMILL_MAIL__USERNAME", "certmill")
        .with("CERTMILL_MAIL__PASSWORD", "hunter2");
    assert_found(&doctor(&site).0, "mail", "ok", "answers");
    assert!(server.mails().is_empty(), "nothing is sent");
    let (wrong, well) = doctor(&site.clone().with("CERTMILL_MAIL__PASSWORD", "password1"));
    assert!(!well && !wrong.to_string().contains("password1"), "{wrong:#}");
    assert_found(&wrong, "mail", "failure", "it refuses user and password");
    assert_found(&doctor(&site.clone().without("CERTMILL_MAIL__CA_FILE")).0, "mail", "failure", "TLS fails");
    server.stop();
    assert_found(&doctor(&site).0, "mail", "failure", "it cannot be connected to");
}

//! Every list that has a command as a table and as JSON, and the small objects that are made and deleted by command.

use serde_json::{Value, json};

use super::{json_of, site_with_role};
use crate::site::{Site, said};

/// Makes something, and finds it by its name or path in the list, then without it.
fn comes_and_goes(site: &Site, [list, make, show, delete]: [&[&str]; 4], name: &str) {
    let listed = || site.run(list);
    assert!(!listed().contains(name), "{list:?}");
    site.run(make);
    assert!(listed().contains(name), "{list:?}: {}", listed());
    assert!(site.run(show).contains(name), "{show:?}");
    let asked = site.output(delete);
    assert_eq!(asked.status.code(), Some(2), "nobody is there to ask: {}", said(&asked));
    site.run(&[delete, &["--yes"]].concat());
    assert!(!listed().contains(name), "{list:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_is_read_as_a_table_and_as_json() {
    let (site, _api) = site_with_role().await;
    site.run(&["issue", "web", "www.example.internal"]);
    for list in [
        &["ca", "ls"][..],
        &["role", "ls"],
        &["cert", "ls", "--all"],
        &["csr", "ls", "--all"],
        &["acme", "account", "ls"],
        &["acme", "order", "ls"],
        &["dns", "ls"],
        &["anchor", "ls"],
        &["secret", "ls"],
        &["access", "ls"],
        &["job", "ls"],
        &["event", "ls"],
        &["webhook", "ls"],
    ] {
        site.run(list);
        let rows = json_of(&site, &[list, &["--json"]].concat());
        assert!(rows.is_array(), "{list:?}: {rows}");
        let lines = site.run(&[list, &["--template", "x{id}{event_id}"]].concat()).matches('x').count();
        // Workers and the commands themselves add to jobs and events meanwhile.
        let is_steady = !["job", "event"].contains(&list[0]);
        let rows = rows.as_array().map_or(0, Vec::len);
        assert!(if is_steady { lines == rows } else { lines >= rows }, "{list:?}: {lines} and {rows}");
    }
    let overview = site.run(&["overview"]);
    assert!(overview.starts_with("Nothing needs you today.\n\nCERTIFICATES  ACTIVE"), "{overview}");
    assert_eq!(json_of(&site, &["overview", "--json"])["certificates"]["by_status"]["active"], 1);
    assert_eq!(
        site.run(&["overview", "--template", "{certificates.total} of {cas.active}"]).trim(),
        "1 of 1"
    );
    let tail = [
        "event",
        "tail",
        "--from",
        "2001-01-01T00:00:00Z",
        "--type",
        "certificate.*,ca.*",
        "--count",
        "2",
        "--json",
    ];
    let told = site.run(&tail);
    let types: Vec<Value> =
        told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event_type"].clone()).collect();
    assert_eq!(types, ["ca.created", "certificate.issued"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_objects_are_made_shown_and_deleted() {
    let (site, _api) = site_with_role().await;
    site.run(&["ca", "cert", "root", "--root", "--out", "root.pem"]);
    comes_and_goes(
        &site,
        [
            &["anchor", "ls"],
            &["anchor", "add", "partner", "root.pem"],
            &["anchor", "show", "partner"],
            &["anchor", "delete", "partner"],
        ],
        "partner",
    );
    site.write("secret.json", &json!({ "hmac_key": "a secret value" }).to_string());
    comes_and_goes(
        &site,
        [
            &["secret", "ls"],
            &["secret", "put", "acme/eab", "secret.json"],
            &["secret", "get", "acme/eab"],
            &["secret", "delete", "acme/eab"],
        ],
        "acme/eab",
    );
    site.write("config.json", "{}");
    let add = [
        "dns",
        "add",
        "by-hand",
        "--type",
        "manual",
        "--zone",
        "example.org",
        "--config",
        "config.json",
        "--no-verify",
    ];
    comes_and_goes(
        &site,
        [&["dns", "ls"], &add, &["dns", "show", "by-hand"], &["dns", "delete", "by-hand"]],
        "by-hand",
    );
    comes_and_goes(
        &site,
        [
            &["role", "ls"],
            &["role", "create", "mail", "--ca", "root", "--any-name"],
            &["role", "show", "mail"],
            &["role", "delete", "mail"],
        ],
        "mail",
    );

    site.run(&["issue", "web", "old.example.internal"]);
    site.run(&["cert", "revoke", "old.example.internal", "--yes"]);
    let job: Value = json_of(&site, &["job", "ls", "--json"]);
    let id = job[0]["id"].as_str().unwrap();
    assert!(site.run(&["job", "show", id]).contains(id));
    let label = ["cert", "label", "www.example.internal", "--tag", "team=web", "--tag", "stage=test"];
    site.run(&["issue", "web", "www.example.internal"]);
    site.run(&label);
    site.run(&["cert", "label", "www.example.internal", "--tag", "stage=", "--description", "front door"]);
    assert_eq!(
        site.run(&["cert", "show", "www.example.internal", "--template", "{tags} {description}"]),
        "{\"team\":\"web\"} front door\n"
    );
    let valid =
        site.output(&["cert", "validate", "www.example.internal.crt", "--hostname", "www.example.internal"]);
    assert!(valid.status.success(), "{}", said(&valid));
    let other =
        site.output(&["cert", "validate", "www.example.internal.crt", "--hostname", "www.example.com"]);
    assert_eq!(other.status.code(), Some(6), "{}", said(&other));
}

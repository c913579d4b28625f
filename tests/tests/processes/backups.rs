//! `certmill backup` while the service runs, and `certmill restore` onto a machine that has nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use certmill_domain::{Clock, SystemClock};
use serde_json::Value;

use crate::api::{Api, id};
use crate::load::Load;
use crate::site::{PATIENCE, Site, said, stop, until};

/// What a test has seen of the service before and after its backup.
struct Seen {
    ca: String,
    /// Acknowledged before the backup began.
    before: Vec<String>,
    /// Revoked after it, and on a CRL that was published.
    revoked_later: String,
    published: i64,
}

/// Backs up under load; then something happens that the backup knows nothing of.
async fn back_up_under_load(site: &Site, api: &Api, more: &[&str]) -> Seen {
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let load = Load::start(&[api], 4);
    load.acknowledges(100, PATIENCE).await;
    let before = load.tally().acknowledged;
    let told = site.run(&[&["backup", "copy"], more].concat());
    assert!(told.contains("restore --check copy"), "{told}");
    load.acknowledges(20, PATIENCE).await;
    let tally = load.stop().await;
    assert_eq!((tally.refused, tally.broken), (Vec::new(), Vec::new()), "nobody is kept waiting by a backup");

    let later = api.issue("web", "later").await;
    api.revoke(&later).await;
    let shown = api.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    let published = shown["crl"]["number"].as_i64().unwrap();
    let revoked_later = later["certificate_id"].as_str().unwrap().to_owned();
    Seen { ca, before, revoked_later, published }
}

fn manifest(site: &Site) -> Value {
    serde_json::from_str(&std::fs::read_to_string(site.path().join("copy/manifest.json")).unwrap()).unwrap()
}

/// The service goes on from the backup, and its CRLs go on from those that were published after it.
async fn assert_goes_on(api: &Api, seen: &Seen) {
    let present = api.certificate_ids().await;
    assert!(
        seen.before.iter().all(|id| present.contains(id)),
        "what was acknowledged before is in the backup"
    );
    assert!(!present.contains(&seen.revoked_later), "what came later is not");
    let path = format!("/v1/pki/ca/{}", seen.ca);
    let made_anew = |ca: &Value| ca["crl"]["number"].as_i64() > Some(seen.published);
    let ca = api.eventually(&path, PATIENCE, made_anew).await;
    assert_eq!(ca["crl"]["entries"], 0, "{ca}");
    let issued = api.issue("web", "after").await;
    api.revoke(&issued).await;
    let number = ca["crl"]["number"].as_i64();
    api.eventually(&path, PATIENCE, |ca| ca["crl"]["entries"] == 1 && ca["crl"]["number"].as_i64() > number)
        .await;
    let logs = api.get("/v1/audit/logs?action=database.restore").await;
    assert_eq!(logs["logs"].as_array().map(Vec::len), Some(1), "{logs}");
}

/// A restore takes longer than a second outside of tests.
async fn a_later_second(seen: &Seen) {
    until("a later second", PATIENCE, async || {
        (SystemClock.now().unix_seconds() > seen.published).then_some(())
    })
    .await;
}

fn assert_says_what_to_do(told: &str) {
    for part in [
        "revoke it again",
        "CRLs are made anew",
        "certmill cert import",
        "certmill token list",
        "certmill doctor",
    ] {
        assert!(told.contains(part), "no `{part}`: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_database_is_copied_while_it_is_written_and_restored_elsewhere() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let seen = back_up_under_load(&site, &api, &[]).await;

    let folder = site.path().join("copy");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["certmill.db", "manifest.json"], "without the root key");
    assert!(files.iter().all(|name| mode(&folder.join(name)) == 0o600), "{files:?}");
    let manifest = manifest(&site);
    assert_eq!((&manifest["database"], &manifest["format"]), (&"sqlite".into(), &1.into()), "{manifest}");
    assert!(site.refused(&["backup", "copy"]).contains("exists already"));
    assert!(!site.path().join("copy.partial").exists());

    // Beside the running service, and where there is one, nothing is overwritten.
    assert!(site.refused(&["restore", "copy"]).contains("a restore overwrites nothing"));
    let copy = std::fs::read(folder.join("certmill.db")).unwrap();
    let proven = site.run(&["restore", "--check", "copy"]);
    assert!(proven.contains("a private key of each that has CAs (1)"), "{proven}");
    assert!(std::fs::read(folder.join("certmill.db")).unwrap() == copy, "proving changes nothing");
    assert_eq!(folder.read_dir().unwrap().count(), 2, "and leaves nothing behind");
    let token = api.token.clone();
    stop(&mut api.process);

    let elsewhere =
        site.clone().with("CERTMILL_DATA_DIR", site.path().join("elsewhere").display().to_string());
    a_later_second(&seen).await;
    assert_says_what_to_do(&elsewhere.run(&["restore", "copy"]));
    let mut files: Vec<_> =
        site.path().join("elsewhere").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["certmill.db", "certmill.lock"], "nothing else is left");
    assert!(elsewhere.refused(&["restore", "copy"]).contains("a restore overwrites nothing"));
    let mut api = elsewhere.serve(&token, &["--with-worker"]).await;
    assert_goes_on(&api, &seen).await;
    stop(&mut api.process);
    assert!(elsewhere.run(&["audit", "verify"]).contains("intact"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_postgres_is_copied_while_it_is_written_and_restored_elsewhere() {
    let site = Site::shared_fleet();
    let token = site.admin_token();
    let mut api = site.serve(&token, &["--with-worker"]).await;
    let seen = back_up_under_load(&site, &api, &[]).await;
    assert_eq!(manifest(&site)["database"], "postgres");
    let proven = site.run(&["restore", "--check", "copy"]);
    assert!(proven.contains("a private key of each that has CAs (1)"), "{proven}");
    assert!(site.refused(&["restore", "copy"]).contains("a restore overwrites nothing"));
    stop(&mut api.process);

    let elsewhere = site.clone().with("DATABASE_URL", launch::shared_postgres().create_database());
    a_later_second(&seen).await;
    assert_says_what_to_do(&elsewhere.run(&["restore", "copy"]));
    let mut api = elsewhere.serve(&token, &["--with-worker"]).await;
    assert_goes_on(&api, &seen).await;
    stop(&mut api.process);
    assert!(elsewhere.run(&["audit", "verify"]).contains("intact"));

    // A dump is proven to its end, and a wrong key and another kind of database are told.
    let wrong = elsewhere.clone().with_root_key("wrong.key", &"0e".repeat(32));
    let told = wrong.refused(&["restore", "--check", "copy"]);
    assert!(told.contains("does not fit this backup"), "{told}");
    let told = Site::embedded().refused(&["restore", &site.path().join("copy").display().to_string()]);
    assert!(told.contains("rows cannot be moved"), "{told}");
    let none = site.output(&["backup", "other", "--pg-bin", "/nowhere"]);
    assert!(!none.status.success() && said(&none).contains("--pg-bin"), "{}", said(&none));
    assert!(!site.path().join("other").exists() && !site.path().join("other.partial").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_was_changed_or_does_not_fit_the_root_key_is_refused() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    stop(&mut api.process);
    site.run(&["backup", "copy"]);
    let fingerprint = manifest(&site)["root_keys"][0].as_str().unwrap().to_owned();
    let elsewhere =
        site.clone().with("CERTMILL_DATA_DIR", site.path().join("elsewhere").display().to_string());
    let wrong = elsewhere.clone().with_root_key("wrong.key", &"0e".repeat(32));
    for arguments in [&["restore", "--check", "copy"][..], &["restore", "copy"]] {
        let told = wrong.refused(arguments);
        assert!(told.contains("does not fit this backup") && told.contains(&fingerprint), "{told}");
        let told = elsewhere.clone().without("CERTMILL_ROOT_KEY_FILE").refused(arguments);
        assert!(told.contains("no root key is set") && told.contains(&fingerprint), "{told}");
    }

    let path = site.path().join("copy/certmill.db");
    let whole = std::fs::read(&path).unwrap();
    let refused = |what: &str, wanted: &str| {
        for arguments in [&["restore", "--check", "copy"][..], &["restore", "copy"]] {
            let told = elsewhere.refused(arguments);
            assert!(told.contains(wanted), "{what}: {told}");
        }
        assert!(!site.path().join("elsewhere/certmill.db").exists(), "{what}");
    };
    // An octet in the middle, and the end missing.
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&path, &changed).unwrap();
    refused("an octet", "is not the file that was backed up");
    std::fs::write(&path, &whole[..whole.len() - 4096]).unwrap();
    refused("the end", "is not the file that was backed up");
    std::fs::write(&path, &whole).unwrap();

    // A manifest that fits a file which does not open: the sealed key of the CA is not whole.
    let text = std::fs::read_to_string(site.path().join("copy/manifest.json")).unwrap();
    let rows = format!("sqlite://{}", path.display());
    {
        let pool = sqlx::SqlitePool::connect(&rows).await.unwrap();
        let statement = "UPDATE certificate_authorities SET sealed_key = substr(sealed_key, 1, 20)";
        sqlx::raw_sql(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }
    let octets = std::fs::read(&path).unwrap();
    let mut changed: Value = serde_json::from_str(&text).unwrap();
    changed["files"][0]["octets"] = octets.len().into();
    changed["files"][0]["sha256"] = certmill_x509::hex(&certmill_x509::sha256(&octets)).into();
    site.write("copy/manifest.json", &changed.to_string());
    refused("a sealed key", &ca);
    let mut other: Value = changed.clone();
    other["schema"] = 1.into();
    site.write("copy/manifest.json", &other.to_string());
    refused("another schema", "does not fit the copy");
    for (what, content) in [
        ("a later layout", text.replace("\"format\": 1", "\"format\": 2")),
        ("another file", text.replace("\"certmill.db\"", "\"../data/certmill.db\"")),
        ("no manifest", "{}".to_owned()),
    ] {
        site.write("copy/manifest.json", &content);
        refused(what, "manifest.json");
    }
    std::fs::remove_file(site.path().join("copy/manifest.json")).unwrap();
    refused("no manifest at all", "is no backup of certmill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_newer_version_is_not_proven_by_this_one() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    api.root_ca("root").await;
    stop(&mut api.process);
    let rows = format!("sqlite://{}", site.path().join("data/certmill.db").display());
    let pool = sqlx::SqlitePool::connect(&rows).await.unwrap();
    let statement = "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                     SELECT 9999, 'of a later day', installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1";
    sqlx::raw_sql(statement).execute(&pool).await.unwrap();
    pool.close().await;
    site.run(&["backup", "copy"]);
    let elsewhere =
        site.clone().with("CERTMILL_DATA_DIR", site.path().join("elsewhere").display().to_string());
    let told = elsewhere.refused(&["restore", "--check", "copy"]);
    assert!(told.contains("newer version of certmill") && told.contains("schema is 9999"), "{told}");
    // It adds only, so this version works on it all the same.
    let told = said(&elsewhere.output(&["restore", "copy"]));
    assert!(
        told.contains("newer version of certmill") && site.path().join("elsewhere/certmill.db").exists(),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_with_the_root_key_is_all_that_a_new_machine_needs() {
    // The root key is the one that `dev` has made in its data folder.
    let site = Site::embedded().without("CERTMILL_ROOT_KEY_FILE");
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let told = site.run(&["backup", "copy", "--with-root-key"]);
    assert!(told.contains("has every private key"), "{told}");
    stop(&mut api.process);
    let elsewhere = site.clone().with("CERTMILL_DATA_DIR", site.path().join("other").display().to_string());
    elsewhere.run(&["restore", "--check", "copy"]);
    elsewhere.run(&["restore", "copy"]);
    let key = elsewhere.path().join("other/root.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let token = elsewhere.admin_token();
    let elsewhere = elsewhere.with("CERTMILL_ROOT_KEY_FILE", key.display().to_string());
    let mut api = elsewhere.serve(&token, &["--with-worker"]).await;
    assert_eq!(id(&api.get("/v1/pki/ca").await["certificate_authorities"][0]), ca);
    let issued = api.issue("web", "after").await;
    api.revoke(&issued).await;
    api.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    stop(&mut api.process);
}

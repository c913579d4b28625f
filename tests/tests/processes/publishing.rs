//! A folder and an object store beside `/pub`, by real processes: a crash in between, and what `certmill doctor` says of them.

use launch::Process;

use crate::doctor::{assert_found, doctor};
use crate::rows::Rows;
use crate::site::{PATIENCE, Site, stop, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_brought_to_a_folder_survives_a_crash_and_is_looked_at() {
    let (database, folder) = (launch::shared_postgres().create_database(), tempfile::tempdir().unwrap());
    let site = Site::fleet(database.clone(), launch::shared_redis().url())
        .with("CERTMILL_PUBLISH__FOLDER", folder.path().display().to_string())
        .with("CERTMILL_JOBS__LEASE", "3s");
    let api = site.serve(&site.admin_token(), &[]).await;
    let site = site.with("CERTMILL_PUBLIC_URL", api.url.clone());
    let ca = api.root_ca("root").await;
    let rows = Rows::open(&database).await;
    let recorded = "SELECT COUNT(*) FROM publications WHERE number IS NOT NULL";

    // The worker dies when the files are there and that is not recorded.
    let dying = site.clone().with("FAILPOINTS", "publication.brought=1");
    let mut first = Process::start(dying.command(&["worker"]));
    let status = first.wait_timeout(PATIENCE);
    assert!(status.is_some_and(|status| !status.success()), "{status:?}: {}", first.log());
    let list = folder.path().join(format!("pub/crl/{ca}.crl"));
    assert_eq!(std::fs::read(&list).unwrap(), api.read(&format!("/pub/crl/{ca}.crl")).await.body);
    assert!(folder.path().join(format!("pub/ca/{ca}.crt")).exists());
    assert_eq!(rows.number(recorded).await, 0);
    assert_found(&doctor(&site).0, "publish_folder", "ok", "1 are on their way");

    let mut second = site.worker();
    until("the list is recorded", PATIENCE, async || (rows.number(recorded).await == 1).then_some(())).await;
    assert_found(&doctor(&site).0, "publish_folder", "ok", "1 were looked at");
    stop(&mut second);

    std::fs::remove_file(&list).unwrap();
    assert_found(&doctor(&site).0, "publish_folder", "failure", &format!("pub/crl/{ca}.crl is not there"));
    rows.run("UPDATE publications SET number = NULL, behind_since = 1, failure = 'the disk burns'").await;
    assert_found(&doctor(&site).0, "publish_folder", "failure", "the disk burns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_not_there_is_seen() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    api.root_ca("root").await;
    stop(&mut api.process);
    let site = site
        .with("CERTMILL_PUBLISH__S3__BUCKET", "pki")
        .with("CERTMILL_PUBLISH__S3__ENDPOINT", format!("http://127.0.0.1:{}", launch::free_port()))
        .with("CERTMILL_PUBLISH__S3__ACCESS_KEY_ID", "AKIAEXAMPLE")
        .with("CERTMILL_PUBLISH__S3__SECRET_ACCESS_KEY", "not-to-be-shown");
    let shown = site.run(&["check-config"]);
    assert!(shown.contains("[publish.s3]") && shown.contains("bucket = \"pki\""), "{shown}");
    assert!(!shown.contains("not-to-be-shown"), "{shown}");
    // Nobody has begun with it.
    assert_found(&doctor(&site).0, "publish_store", "ok", "1 are on their way");
    let mut api = site.dev().await;
    let log = until("a try in vain", PATIENCE, async || {
        let log = api.process.log();
        log.contains("could not be published").then_some(log)
    })
    .await;
    assert!(log.contains("the object store does not answer"), "{log}");
    assert!(!log.contains("not-to-be-shown"), "{log}");
    stop(&mut api.process);
}

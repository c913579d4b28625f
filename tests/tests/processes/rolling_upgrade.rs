//! The version before this one and this one on the same rows: one after the other, side by side, and back again.

use std::path::Path;
use std::sync::Arc;

use fake_acme::{FakeAcme, FakeAcmeOptions, RetryAfter};
use launch::Process;
use serde_json::{Value, json};
use sqlx::sqlite::SqlitePoolOptions;

use crate::api::{Api, id};
use crate::chaos::ledger::Ledger;
use crate::chaos::load::{Client, Load};
use crate::chaos::{account, judge};
use crate::rows::Rows;
use crate::site::{PATIENCE, Site, previous, program, stop, until};

/// What a version after this one may have left: work of a kind that neither program knows, due for long.
const JOB_OF_TOMORROW: &str = "INSERT INTO jobs \
     (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, created_at) \
     SELECT 'job_00000000000000000000000000', id, 'kind_of_tomorrow', '', 'pending', 0, 0, 20, 0 FROM tenants LIMIT 1";
const IS_UNTOUCHED: &str =
    "SELECT count(*) FROM jobs WHERE kind = 'kind_of_tomorrow' AND state = 'pending' AND attempts = 0";

/// The settings that let a site reach this ACME server.
fn reaching(site: Site, ca: &FakeAcme) -> Site {
    let trusted = site.write("authority.pem", ca.ca_pem());
    site.with("CERTMILL_EGRESS__ALLOW", "127.0.0.1")
        .with("CERTMILL_EGRESS__CA_FILE", trusted.display().to_string())
}

/// Clients and what they look at.
struct Scene {
    client: Arc<Client>,
    load: Load,
    ledger: Arc<Ledger>,
    rows: Rows,
}

impl Scene {
    /// Waits until every sort of work was done anew by whoever is there.
    async fn goes_on(&self, when: &str) {
        let state = async || {
            let (issued, signed, crl) = {
                let entries = self.ledger.entries();
                (entries.certificates.len() - entries.signed, entries.signed, entries.crl.0)
            };
            let ordered = self.rows.number("SELECT count(*) FROM acme_orders WHERE state = 'issued'").await;
            let cascades = self
                .rows
                .number("SELECT count(*) FROM jobs WHERE kind = 'revoke_ca_cascade' AND state = 'done'");
            (issued, signed, crl, ordered, cascades.await)
        };
        let before = state().await;
        self.load.revoke_a_ca().await;
        let mut now = before;
        let ended = until(when, PATIENCE, async || {
            now = state().await;
            let done = now.0 >= before.0 + 20
                && now.1 >= before.1 + 3
                && now.2 > before.2
                && now.3 >= before.3 + 3
                && now.4 > before.4;
            done.then_some(())
        });
        ended.await;
        assert_eq!(self.ledger.wrong(), Vec::<String>::new(), "{when}: answers that nothing excuses");
        assert_eq!(self.ledger.entries().repeated, 0, "{when}: calls were not answered at once");
        println!("{when}: {now:?}");
    }
}

/// A fleet of one version: one process that answers, two that work.
struct Fleet {
    api: Api,
    workers: [Process; 2],
}

impl Fleet {
    async fn start(site: &Site, token: &str) -> Self {
        Self { api: site.serve(token, &[]).await, workers: [site.worker(), site.worker()] }
    }

    fn stop(mut self) {
        self.workers.iter_mut().for_each(stop);
        stop(&mut self.api.process);
        let logs = self.workers.iter().chain([&self.api.process]).map(Process::log);
        for log in logs {
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_work_side_by_side_and_the_old_one_goes_on_alone() {
    let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
    let database = launch::shared_postgres().create_database();
    let redis = launch::shared_redis().url();
    let before = reaching(Site::fleet_of(previous(), database.clone(), redis), &ca);
    let after = before.by(program());
    let token = before.admin_token();
    before.run(&["domain", "grant", "good.example"]);
    let old = Fleet::start(&before, &token).await;
    let root = old.api.root_ca("root").await;
    old.api.role("web", &root).await;
    let acme_account = account(&old.api, &token, &ca).await;
    let ledger = Arc::<Ledger>::default();
    let client = Arc::new(Client::new(&[&old.api], &token, &ledger));
    let load = Load::start(&client, &root, &acme_account);
    let scene = Scene { client, load, ledger, rows: Rows::open(&database).await };
    scene.goes_on("the old version on its own schema").await;

    after.run(&["migrate"]);
    scene.goes_on("the old version on the new schema").await;
    let new = Fleet::start(&after, &token).await;
    scene.client.turn_to(&[&old.api, &new.api]).await;
    scene.goes_on("both side by side").await;
    scene.client.turn_to(&[&new.api]).await;
    old.stop();
    scene.goes_on("the new version alone").await;

    scene.rows.run(JOB_OF_TOMORROW).await;
    let old = Fleet::start(&before, &token).await;
    scene.client.turn_to(&[&old.api, &new.api]).await;
    scene.goes_on("both again").await;
    scene.client.turn_to(&[&old.api]).await;
    new.stop();
    scene.goes_on("the old version again, alone").await;

    let Scene { client, load, ledger, rows } = scene;
    load.stop().await;
    println!("{}", ledger.summary());
    judge::orders(&client, &rows, &ledger, &acme_account, &ca).await;
    judge::certificates(&rows, &ledger).await;
    judge::revocations(&client, &ledger).await;
    judge::quiet(&rows).await;
    assert_eq!(rows.number(IS_UNTOUCHED).await, 1, "whose kind is not known is left alone");
    assert_eq!(ledger.wrong(), Vec::<String>::new(), "answers that nothing excuses");
    for version in [&before, &after] {
        version.run(&["audit", "verify"]);
    }
    old.stop();
}

/// One process with everything on a data folder.
async fn alone(site: &Site, token: &str) -> Api {
    site.serve(token, &["--with-worker"]).await
}

/// Issues and revokes; answers the id when the revocation is on the list.
async fn issue_and_revoke(api: &Api, root: &str, name: &str) -> String {
    let entries = api.ca(root).await["crl"]["entries"].as_i64().unwrap();
    let issued = api.issue("web", name).await;
    api.revoke(&issued).await;
    api.eventually(&format!("/v1/pki/ca/{root}"), PATIENCE, |ca| ca["crl"]["entries"] == entries + 1).await;
    issued["certificate_id"].as_str().unwrap().to_owned()
}

async fn ordered(api: &Api, account: &str, name: &str) -> String {
    let body = json!({ "account_id": account, "domains": [name] });
    id(&api.post("/v1/pki/acme/issue", body, 202).await)
}

async fn has_certificate(api: &Api, order: &str) {
    api.eventually(&format!("/v1/pki/acme/orders/{order}"), PATIENCE, |order| {
        assert_ne!(order["status"], "invalid", "{order}");
        order["status"] == "valid"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_version_goes_on_with_a_data_folder_that_the_new_one_has_used() {
    let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
    let before = reaching(Site::embedded().by(previous()), &ca);
    let after = before.by(program());
    before.run(&["migrate"]);
    before.run(&["domain", "grant", "good.example"]);
    let token = before.admin_token();

    let mut old = alone(&before, &token).await;
    let root = old.root_ca("root").await;
    old.role("web", &root).await;
    let acme_account = account(&old, &token, &ca).await;
    let mut certificates = vec![issue_and_revoke(&old, &root, "first").await];
    // The CA takes some seconds for each order, so that the other version has to finish what one has begun.
    ca.knobs().set(|behaviour| {
        behaviour.processing_polls = 10;
        behaviour.processing_retry_after = Some(RetryAfter::Seconds(1));
    });
    let begun_by_old = ordered(&old, &acme_account, "old.good.example").await;
    is_at_the_ca(&old, &begun_by_old).await;
    stop(&mut old.process);

    after.run(&["migrate"]);
    let mut new = alone(&after, &token).await;
    certificates.push(issue_and_revoke(&new, &root, "second").await);
    let begun_by_new = ordered(&new, &acme_account, "new.good.example").await;
    is_at_the_ca(&new, &begun_by_new).await;
    stop(&mut new.process);
    run_on_file(&before.path().join("data"), JOB_OF_TOMORROW).await;

    let mut old = alone(&before, &token).await;
    certificates.push(issue_and_revoke(&old, &root, "third").await);
    for order in [&begun_by_old, &begun_by_new] {
        has_certificate(&old, order).await;
    }
    before.run(&["audit", "verify"]);
    stop(&mut old.process);

    let mut new = alone(&after, &token).await;
    certificates.push(issue_and_revoke(&new, &root, "fourth").await);
    let present = new.certificate_ids().await;
    assert!(certificates.iter().all(|id| present.contains(id)), "{certificates:?} of {present:?}");
    assert_eq!(present.len(), certificates.len() + 2, "with those of the two orders");
    let dead: Value = new.get("/v1/jobs?state=dead").await;
    assert_eq!(dead["jobs"], json!([]));
    after.run(&["audit", "verify"]);
    stop(&mut new.process);
}

/// Waits until the CA has the CSR of an order.
async fn is_at_the_ca(api: &Api, order: &str) {
    let path = format!("/v1/pki/acme/orders/{order}");
    api.eventually(&path, PATIENCE, |order| order["state"] == "issuing").await;
}

/// Runs a statement on the database of a data folder that no process uses.
async fn run_on_file(folder: &Path, statement: &str) {
    let url = format!("sqlite://{}", folder.join("certmill.db").display());
    let pool = SqlitePoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
    pool.close().await;
}

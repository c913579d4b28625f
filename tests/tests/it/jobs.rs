//! Background work: what the table promises (uniqueness, leases, fences, retries) and what the handlers do with it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod cascade;
mod crl_shards;
mod expiry;
mod handlers;
mod leases;
mod notices;
mod ocsp_signers;
mod operations;
mod publications;
mod retention;
mod retries;
mod schedules;
mod shares;
pub(crate) mod sql;
pub(crate) mod workers;

use std::time::Duration;

use certmill_domain::{CaId, JobId, Timestamp};
use certmill_service::jobs::{Job, JobKind, Lease};
use certmill_service::{ServiceError, events};
use certmill_storage::jobs::{self as table, Claim, Claimed, Enqueued, JobRow, NewJob};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp};

use self::sql::Sql;

/// Longer than any lease or delay: whatever was under a lease is free this long after now.
const LATER: Duration = Duration::from_hours(1);

/// The service without a worker: the test is the worker.
struct Hand {
    test: TestApp,
    sql: Sql,
}

impl Hand {
    async fn start(mode: Mode) -> Self {
        let test = TestApp::without_worker(mode).await;
        let sql = Sql::open(test.database_url()).await;
        Self { test, sql }
    }

    fn now(&self) -> Timestamp {
        self.test.app.now()
    }

    /// A job as [`Self::enqueue`] enqueues it.
    fn new_job(&self, job: Job, run_at: Timestamp) -> NewJob {
        let now = self.now();
        NewJob {
            id: JobId::generate(now, self.test.app.entropy()),
            kind: job.kind().as_str(),
            subject: job.subject(),
            max_attempts: job.kind().max_attempts(),
            run_at,
            request_id: None,
            now,
        }
    }

    /// Enqueues a job of the first tenant.
    async fn enqueue(&self, job: Job, run_at: Timestamp) -> Enqueued {
        let mut tx = self.test.app.database().begin(self.test.tenant.id).await.unwrap();
        let enqueued = table::enqueue(&mut tx, &self.new_job(job, run_at)).await.unwrap();
        tx.commit().await.unwrap();
        enqueued
    }

    /// Ends leases and claims up to ten jobs of a kind as if it were `now`, under a lease of a minute.
    async fn claim(&self, kind: JobKind, now: Timestamp) -> Vec<Claimed> {
        let mut tx = self.test.app.database().begin_system().await.unwrap();
        let ended = table::end_leases(&mut tx, now, LATER * 48).await.unwrap();
        let dead = ended.dead;
        let mut claimed = Vec::new();
        for tenant in table::waiting_tenants(&mut tx, kind.as_str(), None, now, 10).await.unwrap() {
            let lease_until = now.plus(Duration::from_mins(1));
            let claim = Claim { kind: kind.as_str(), tenant: &tenant, limit: 10, now, lease_until };
            claimed.extend(table::claim(&mut tx, &claim).await.unwrap());
        }
        events::tell_dead(&self.test.app, &mut tx, dead).await.unwrap();
        tx.commit().await.unwrap();
        claimed
    }

    /// Claims the one job of a kind that can be claimed, sooner or later.
    async fn take(&self, kind: JobKind) -> Claimed {
        let mut claimed = self.claim(kind, self.now().plus(LATER)).await;
        assert_eq!(claimed.len(), 1, "{kind} jobs: {:?}", self.rows().await);
        claimed.remove(0)
    }

    async fn perform(&self, claimed: &Claimed) -> Result<(), ServiceError> {
        let job = Job::from_row(&claimed.kind, &claimed.subject).expect("a job of this version");
        job.perform(&self.test.app, &Lease::new(&self.test.app, claimed)).await
    }

    /// Every job, oldest first.
    async fn rows(&self) -> Vec<JobRow> {
        let mut session = self.test.app.database().read_system().await.unwrap();
        table::list_all(&mut session).await.unwrap()
    }

    /// The only job of a kind.
    async fn only(&self, kind: JobKind) -> JobRow {
        let rows = self.rows().await;
        let mut found: Vec<_> = rows.into_iter().filter(|row| row.kind == kind.as_str()).collect();
        assert_eq!(found.len(), 1, "{kind} jobs: {found:?}");
        found.remove(0)
    }

    /// The states of a kind's jobs, oldest first.
    async fn states(&self, kind: JobKind) -> Vec<String> {
        self.rows().await.into_iter().filter(|row| row.kind == kind.as_str()).map(|row| row.state).collect()
    }

    /// A CA with the role `web`, answered with its id.
    async fn ca(&self) -> CaId {
        let ca = self.test.root_ca("root").await["id"].as_str().unwrap().to_owned();
        self.test.role("web", &ca).await;
        ca.parse().unwrap()
    }

    /// Issues a certificate under `web` and revokes it; answers the response of the revocation.
    async fn issue_and_revoke(&self, name: &str) -> Value {
        let issued = self.test.issue("web", &format!("{name}.example.internal")).await;
        let body = json!({ "serial_number": issued["serial_number"] });
        self.test.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK)
    }

    /// How often a CA's CRL was built, and its entries.
    async fn crl(&self, ca: CaId) -> (i64, i64) {
        let builds = format!("SELECT builds FROM crls WHERE ca_id = '{ca}'");
        let builds = sql::Sql::open(self.test.database_url()).await.number(&builds).await;
        let ca = self.test.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
        (builds, ca["crl"]["entries"].as_i64().unwrap())
    }
}

//! Background work: what the table promises (uniqueness, leases, fences, retries) and what the handlers do with it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod cascade;
mod handlers;
mod leases;
mod retries;
mod schedules;
pub(crate) mod sql;
mod workers;

use std::time::Duration;

use certmill_domain::{CaId, Job, JobId, JobKind, Timestamp};
use certmill_service::ServiceError;
use certmill_service::jobs::{self as service, Attempt, Taken};
use certmill_storage::jobs::{self as table, Enqueued, JobRow, NewJob};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp};

use self::sql::Sql;

/// Longer than any lease or delay: whatever was under a lease is free this long after now.
const LATER: Duration = Duration::from_hours(1);

/// Defines tests that do the jobs by hand, step by step, in both modes.
macro_rules! by_hand {
    ($($(#[$meta:meta])* async fn $name:ident($hand:ident: Hand) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$meta])*
            async fn story($hand: $crate::jobs::Hand) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                story($crate::jobs::Hand::start(tests::Mode::Embedded).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn fleet() {
                story($crate::jobs::Hand::start(tests::Mode::Fleet).await).await;
            }
        }
    )*};
}
use by_hand;

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

    /// Enqueues a job of the first tenant.
    async fn enqueue(&self, job: Job, run_at: Timestamp) -> Enqueued {
        let now = self.now();
        let id = JobId::generate(now, self.test.app.entropy());
        let mut tx = self.test.app.database().begin(self.test.tenant.id).await.unwrap();
        let enqueued =
            table::enqueue(&mut tx, &NewJob { id, job, run_at, request_id: None, now }).await.unwrap();
        tx.commit().await.unwrap();
        enqueued
    }

    /// Claims up to ten jobs of a kind as if it were `now`, under a lease of a minute.
    async fn claim(&self, kind: JobKind, now: Timestamp) -> Vec<Attempt> {
        let mut tx = self.test.app.database().begin_system().await.unwrap();
        let until = now.plus(Duration::from_mins(1));
        let claimed = table::claim(&mut tx, kind, 10, now, until).await.unwrap();
        tx.commit().await.unwrap();
        claimed
    }

    /// Claims the one job of a kind that can be claimed, sooner or later, and takes it up.
    async fn take(&self, kind: JobKind) -> Taken {
        let claimed = self.claim(kind, self.now().plus(LATER)).await;
        assert_eq!(claimed.len(), 1, "{kind} jobs: {:?}", self.rows().await);
        service::start(&self.test.app, &claimed[0]).await.unwrap().expect("a fresh claim can be taken up")
    }

    async fn perform(&self, taken: &Taken) -> Result<(), ServiceError> {
        service::perform(&self.test.app, taken).await
    }

    /// Every job, oldest first.
    async fn rows(&self) -> Vec<JobRow> {
        let mut session = self.test.app.database().read_system().await.unwrap();
        table::list(&mut session).await.unwrap()
    }

    /// The only job of a kind.
    async fn only(&self, kind: JobKind) -> JobRow {
        let rows = self.rows().await;
        let mut found: Vec<_> = rows.into_iter().filter(|row| row.job.kind() == kind).collect();
        assert_eq!(found.len(), 1, "{kind} jobs: {found:?}");
        found.remove(0)
    }

    /// The states of a kind's jobs, oldest first.
    async fn states(&self, kind: JobKind) -> Vec<String> {
        self.rows().await.into_iter().filter(|row| row.job.kind() == kind).map(|row| row.state).collect()
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

    /// Number and entries of a CA's present CRL.
    async fn crl(&self, ca: CaId) -> (i64, i64) {
        let ca = self.test.get(&format!("/v1/pki/ca/{ca}")).await.json_with(StatusCode::OK);
        (ca["crl"]["number"].as_i64().unwrap(), ca["crl"]["entries"].as_i64().unwrap())
    }
}

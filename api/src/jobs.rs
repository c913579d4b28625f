//! `/v1/jobs`: background work, as an operator sees and handles it.

use certmill_service::domain::{JobId, Vocabulary};
use certmill_service::jobs::{self, Filter, JobKind, JobRow};
use certmill_service::{App, Noun, PageRequest, ServiceError};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::acts::{JobCancel, JobRetry};
use crate::auth::{Admin, Authorized};
use crate::body::Reply;
use crate::error::ApiError;
use crate::openapi::Group;
use crate::words::{JobState, Word};

pub(crate) struct JobsApi;

/// A background job.
#[derive(Object, Serialize)]
#[oai(rename = "Job")]
struct JobView {
    /// `job_…`
    id: String,
    /// What is done, such as `rebuild_crl` or `advance_order`. A newer version may have kinds that this one does not know.
    kind: String,
    /// What it is about: the id of a CA, an order, a challenge, an account, a certificate, a webhook or a tenant.
    subject: String,
    /// `pending` (waits for its time or a worker), `running`, `done` or `dead` (given up; a person should look).
    state: Word<JobState>,
    /// Attempts so far.
    attempts: i64,
    /// After how many failed attempts in a row it is given up.
    max_attempts: i64,
    /// Why the last attempt failed; null after one that did not.
    last_error: Option<String>,
    /// The request that asked for it, as in the header `X-Request-ID` of its answer.
    request_id: Option<String>,
    /// When it is or was due.
    run_at: String,
    /// While it runs: when another worker takes over unless this one gives a sign of life.
    lease_until: Option<String>,
    created_at: String,
    /// When it was done or given up.
    finished_at: Option<String>,
}

/// A page of jobs.
#[derive(Object, Serialize)]
struct JobList {
    jobs: Vec<JobView>,
    /// Send it as `cursor` for the next page; null on the last one.
    cursor: Option<String>,
    has_more: bool,
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
}

#[OpenApi(prefix_path = "/v1/jobs", tag = "Group::Jobs")]
impl JobsApi {
    /// List background jobs
    ///
    /// The tenant's own, newest first. Jobs that are done are kept for a day, dead ones for thirty
    /// (settings `jobs.keep_done` and `jobs.keep_dead`).
    #[oai(path = "/", method = "get", operation_id = "listJobs")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        /// Of this kind, such as `advance_order`.
        kind: Query<Option<Word<JobKind>>>,
        /// In this state: `pending`, `running`, `done` or `dead`.
        state: Query<Option<Word<JobState>>>,
        /// About the object of this id.
        subject: Query<Option<String>>,
        count: Query<Option<bool>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
    ) -> Result<Reply<JobList>, ApiError> {
        let kind = kind.0.map(|word| word.value("kind")).transpose()?;
        let state = state.0.map(|word| word.value("state")).transpose()?;
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: count.0.unwrap_or_default() };
        if subject
            .0
            .as_deref()
            .is_some_and(|id| !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
        {
            // Nothing is about an object whose id cannot be one.
            return Ok(Reply(JobList {
                jobs: Vec::new(),
                cursor: None,
                has_more: false,
                total: page.count.then_some(0),
            }));
        }
        let filter = Filter {
            kind: kind.map(|kind| kind.as_str().to_owned()),
            state: state.map(|state| state.word().to_owned()),
            subject: subject.0,
        };
        let page = jobs::list(&app, caller.tenant, &filter, &page).await?;
        let has_more = page.has_more();
        let jobs = page.items.into_iter().map(view).collect();
        Ok(Reply(JobList { jobs, cursor: page.cursor, has_more, total: page.total }))
    }

    /// Get a background job
    #[oai(path = "/:id", method = "get", operation_id = "getJob")]
    async fn find(
        &self,
        caller: Authorized<Admin>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<JobView>, ApiError> {
        Ok(Reply(view(jobs::find(&app, caller.tenant, parse_id(&id)?).await?)))
    }

    /// Have a background job done now
    ///
    /// For one that waits or was given up: it is due at once and has all its attempts before it. A job
    /// that runs or is done, and a dead one whose work waits as another job already, is `409 invalid_state`.
    #[oai(path = "/:id/retry", method = "post", operation_id = "retryJob")]
    async fn retry(
        &self,
        caller: Authorized<Admin, JobRetry>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<JobView>, ApiError> {
        Ok(Reply(view(jobs::retry(&app, &caller, parse_id(&id)?).await?)))
    }

    /// Give a background job up
    ///
    /// Possible for `check_renewal_window` while it waits, and for `advance_order` until the CA has the
    /// order's CSR: that cancels the order, and what was published for it is taken back. Everything else is
    /// `409 invalid_state`, because without it revocations, registrations or published records would be left half done.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelJob")]
    async fn cancel(
        &self,
        caller: Authorized<Admin, JobCancel>,
        app: Data<&App>,
        id: Path<String>,
    ) -> Result<Reply<JobView>, ApiError> {
        Ok(Reply(view(jobs::cancel(&app, &caller, parse_id(&id)?).await?)))
    }
}

/// An id that cannot be one is as good as absent.
fn parse_id(text: &str) -> Result<JobId, ServiceError> {
    text.parse().map_err(|_| ServiceError::not_found(Noun::Job, text))
}

fn view(job: JobRow) -> JobView {
    JobView {
        id: job.id.to_string(),
        kind: job.kind,
        subject: job.subject,
        // What an older version has claimed and not begun yet is on its way all the same.
        state: Word::shown(if job.state == "queued" { "running" } else { &job.state }),
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        last_error: job.last_error,
        request_id: job.request_id,
        run_at: job.run_at.to_string(),
        lease_until: job.lease_until.map(|at| at.to_string()),
        created_at: job.created_at.to_string(),
        finished_at: job.finished_at.map(|at| at.to_string()),
    }
}

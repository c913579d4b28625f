//! Health, readiness and version.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_service::App;
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::openapi::Group;
use crate::words::{CheckStatus, Liveness, ReadyStatus, Word};

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct HealthApi;

/// That the process answers.
#[derive(Object)]
struct Health {
    /// `ok`.
    status: Word<Liveness>,
}

/// Whether the service can work.
#[derive(Object)]
struct Readiness {
    /// `ready`; `degraded` when the service does all its work, some of it later than usual; `not_ready`.
    status: Word<ReadyStatus>,
    /// `database`, `queue`, `encryption` and `clock`: each `ok`, `degraded` or `failed`. Without its queue (Redis) the
    /// service is degraded: background work begins up to a second later. The database fails when it does not answer, and
    /// when it cannot be written. The clock fails when it differs from the
    /// database's by more than 5 s.
    checks: BTreeMap<String, Word<CheckStatus>>,
    /// What is wrong, by check.
    #[oai(skip_serializing_if_is_none)]
    errors: Option<BTreeMap<String, String>>,
}

/// Name and version of the service.
#[derive(Object)]
struct Version {
    /// `certmill`.
    name: String,
    /// The version.
    version: String,
}

#[derive(ApiResponse)]
enum ReadyAnswer {
    /// The service can work.
    #[oai(status = 200)]
    Ready(Json<Readiness>),
    /// A check failed.
    #[oai(status = 503)]
    NotReady(Json<Readiness>),
}

#[expect(clippy::unused_async, reason = "poem-openapi wants every operation to be async")]
#[OpenApi(tag = "Group::Service")]
impl HealthApi {
    /// Whether the process answers
    ///
    /// Asks nothing else: for liveness probes.
    #[oai(path = "/healthz", method = "get", operation_id = "getLiveness")]
    async fn healthz(&self) -> Json<Health> {
        health()
    }

    /// Whether the process answers (the same as `/healthz`)
    ///
    /// Asks nothing else: for liveness probes.
    #[oai(path = "/v1/health", method = "get", operation_id = "getHealth")]
    async fn health(&self) -> Json<Health> {
        health()
    }

    /// Whether the service can work: database, sealing of keys, clock; and how well: queue
    ///
    /// For readiness probes. `degraded` is 200: the service works, more slowly.
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness")]
    async fn readyz(&self, app: Data<&App>) -> ReadyAnswer {
        readiness(&app).await
    }

    /// Whether the service can work (the same as `/readyz`)
    ///
    /// For readiness probes. `degraded` is 200: the service works, more slowly.
    #[oai(path = "/v1/health/ready", method = "get", operation_id = "getHealthReady")]
    async fn ready(&self, app: Data<&App>) -> ReadyAnswer {
        readiness(&app).await
    }

    /// Name and version
    ///
    /// The version is that of the binary, as `certmill --version` prints it.
    #[oai(path = "/v1/version", method = "get", operation_id = "getVersion")]
    async fn version(&self) -> Json<Version> {
        Json(Version { name: "certmill".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
    }
}

fn health() -> Json<Health> {
    Json(Health { status: Word::shown("ok") })
}

async fn readiness(app: &App) -> ReadyAnswer {
    let database = async { app.database().ping().await.map_err(|error| error.to_string()) };
    let queue = async { app.queue().check().await.map_err(|error| error.to_string()) };
    let encryption = async { app.check_sealing().await.map_err(|error| error.to_string()) };
    let (database, queue, encryption) =
        tokio::join!(patiently(database), patiently(queue), patiently(encryption));
    let clock = if app.clock_is_wrong() {
        let difference = app.clock_difference();
        Err(format!("this machine's clock is {difference:+.0} s off the database's: set it"))
    } else {
        Ok(())
    };
    let results = [
        ("database", database, "failed"),
        ("queue", queue, "degraded"),
        ("encryption", encryption, "failed"),
        ("clock", clock, "failed"),
    ];
    let worst = ["failed", "degraded"]
        .into_iter()
        .find(|severity| results.iter().any(|(_, result, without)| result.is_err() && without == severity));
    let checks = results
        .iter()
        .map(|(name, result, without)| {
            ((*name).to_owned(), Word::shown(if result.is_ok() { "ok" } else { without }))
        })
        .collect();
    let errors: BTreeMap<String, String> = results
        .into_iter()
        .filter_map(|(name, result, _)| result.err().map(|error| (name.to_owned(), error)))
        .collect();
    let status = match worst {
        Some("failed") => "not_ready",
        Some(_) => "degraded",
        None => "ready",
    };
    let errors = (!errors.is_empty()).then_some(errors);
    if worst == Some("failed") {
        tracing::warn!(status = %StatusCode::SERVICE_UNAVAILABLE, ?errors, "not ready");
        return ReadyAnswer::NotReady(Json(Readiness { status: Word::shown(status), checks, errors }));
    }
    ReadyAnswer::Ready(Json(Readiness { status: Word::shown(status), checks, errors }))
}

async fn patiently(check: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(PATIENCE, check)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

//! Health, readiness and version.

use std::collections::BTreeMap;
use std::time::Duration;

use certmill_service::App;
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use crate::openapi::Group;

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) struct HealthApi;

#[derive(Object)]
struct Health {
    /// `ok`.
    status: String,
}

#[derive(Object)]
struct Readiness {
    /// `ready` or `not_ready`.
    status: String,
    /// `database`, `queue` and `encryption`: each `ok` or `failed`.
    checks: BTreeMap<String, String>,
    /// What failed, by check.
    #[oai(skip_serializing_if_is_none)]
    errors: Option<BTreeMap<String, String>>,
}

#[derive(Object)]
struct Version {
    /// `certmill`.
    name: String,
    /// The version.
    version: String,
}

#[derive(ApiResponse)]
enum ReadyAnswer {
    /// Every check passed.
    #[oai(status = 200)]
    Ready(Json<Readiness>),
    /// Some check failed.
    #[oai(status = 503)]
    NotReady(Json<Readiness>),
}

#[expect(clippy::unused_async, reason = "poem-openapi wants every operation to be async")]
#[OpenApi(tag = "Group::Service")]
impl HealthApi {
    /// Whether the process answers
    #[oai(path = "/healthz", method = "get")]
    async fn healthz(&self) -> Json<Health> {
        health()
    }

    /// Whether the process answers (the same as `/healthz`)
    #[oai(path = "/v1/health", method = "get")]
    async fn health(&self) -> Json<Health> {
        health()
    }

    /// Whether the service can work: database, queue and sealing of keys
    #[oai(path = "/readyz", method = "get")]
    async fn readyz(&self, app: Data<&App>) -> ReadyAnswer {
        readiness(&app).await
    }

    /// Whether the service can work (the same as `/readyz`)
    #[oai(path = "/v1/health/ready", method = "get")]
    async fn ready(&self, app: Data<&App>) -> ReadyAnswer {
        readiness(&app).await
    }

    /// Name and version
    #[oai(path = "/v1/version", method = "get")]
    async fn version(&self) -> Json<Version> {
        Json(Version { name: "certmill".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
    }
}

fn health() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

async fn readiness(app: &App) -> ReadyAnswer {
    let database = async { app.database().ping().await.map_err(|error| error.to_string()) };
    let queue = async { app.queue().ping().await.map_err(|error| error.to_string()) };
    let encryption = async { app.check_sealing().await.map_err(|error| error.to_string()) };
    let (database, queue, encryption) =
        tokio::join!(patiently(database), patiently(queue), patiently(encryption));
    let results = [("database", database), ("queue", queue), ("encryption", encryption)];
    let checks = results
        .iter()
        .map(|(name, result)| ((*name).to_owned(), if result.is_ok() { "ok" } else { "failed" }.to_owned()))
        .collect();
    let errors: BTreeMap<String, String> = results
        .into_iter()
        .filter_map(|(name, result)| result.err().map(|error| (name.to_owned(), error)))
        .collect();
    if errors.is_empty() {
        ReadyAnswer::Ready(Json(Readiness { status: "ready".to_owned(), checks, errors: None }))
    } else {
        tracing::warn!(status = %StatusCode::SERVICE_UNAVAILABLE, ?errors, "not ready");
        ReadyAnswer::NotReady(Json(Readiness {
            status: "not_ready".to_owned(),
            checks,
            errors: Some(errors),
        }))
    }
}

async fn patiently(check: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(PATIENCE, check)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

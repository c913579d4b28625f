//! Processes that stay: the API, the worker, or both.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_keys::PoolSizes;
use certmill_service::App;
use certmill_telemetry::MetricsHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lock::DataFolder;
use crate::ports::{Listening, Ports};
use crate::tls::Served;
use crate::{compose, message, tls, tls_self};

/// `certmill serve`.
pub(crate) async fn api(config: Config, with_worker: bool) -> anyhow::Result<()> {
    if config.tls_cert.is_none() && config.tls_self.is_none() && !config.plain_http {
        bail!(
            "serve wants HTTPS: give --tls-cert and --tls-key, or --plain-http when a proxy in front terminates TLS, or \
             set [tls_self] for a certificate from a CA of its own"
        );
    }
    let tls = tls::of(&config)?;
    if config.database_url.is_none() && !with_worker {
        bail!(
            "no database is set: give `serve` the one that its workers use with DATABASE_URL (--database-url), such as \
             postgres://user:password@host/name; or add --with-worker to run on {} in one process; or start with \
             `certmill dev`, which sets everything up",
            config.database_shown()
        );
    }
    if config.redis_url.is_none() && !with_worker {
        tracing::warn!(
            "no REDIS_URL is set and no worker runs in this process: a worker elsewhere finds jobs at its next tick only"
        );
    }
    if config.public_url.is_none() && config.listen.ip().is_unspecified() {
        bail!(
            "set public_url (--public-url, CERTMILL_PUBLIC_URL) when listening on {}: certificates carry it as the \
             address of their CRL, and relying parties cannot reach this one",
            config.listen
        );
    }
    let app = open(&config, compose::pool_sizes(&config)).await?;
    // After the database was found, so that a refused start leaves no file.
    let _held = match config.database_url {
        None => Some(DataFolder::hold(&config.data_dir)?),
        Some(_) => None,
    };
    let tls = match tls {
        Some(tls) => Some(tls),
        None => tls_self::of(&config, &app).await?.map(|own| Served::Own(Box::new(own))),
    };
    let listening = Listening::bind(&config, tls).await?;
    tracing::info!(address = %listening.base_url(), database = %config.database_shown(), "listening");
    run(&config, app, Some(listening), with_worker).await
}

/// `certmill worker`.
pub(crate) async fn worker(config: Config) -> anyhow::Result<()> {
    if config.database_url.is_none() {
        bail!(
            "no database is set: give `worker` the one of the API processes with DATABASE_URL (--database-url), such as \
             postgres://user:password@host/name. On {}, API and worker are one process: `certmill serve --with-worker` \
             or `certmill dev`",
            config.database_shown()
        );
    }
    let app = open(&config, compose::NO_POOL).await?;
    tracing::info!(worker.name = config.worker.name, database = %config.database_shown(), "working");
    run(&config, app, None, true).await
}

/// The service on a database that is ready for it.
async fn open(config: &Config, pool: PoolSizes) -> anyhow::Result<App> {
    let database = compose::database(config).await?;
    compose::require_schema(config, &database).await?;
    let queue = compose::queue(config)?;
    let app = compose::app(config, database, queue, compose::root_keys(config)?, pool)?;
    app.check_sealing().await.context("the root key does not fit the database")?;
    app.look_at_database_clock().await.context("the database cannot be asked for its time")?;
    Ok(app)
}

/// Runs the parts that were asked for until SIGTERM or SIGINT, then lets them finish.
pub(crate) async fn run(
    config: &Config,
    app: App,
    listening: Option<Listening>,
    with_worker: bool,
) -> anyhow::Result<()> {
    let metrics = certmill_telemetry::install_metrics()?;
    let shutdown = CancellationToken::new();
    // Before anything answers, because a client that got an answer may rely on an orderly end.
    let signals = stop_signals().context("signals cannot be received")?;
    let on_own_listener = config.metrics_listen.is_some() || listening.is_none();
    let mut parts = Parts::new();
    let ports = match listening {
        Some(Listening { listener, tls, ports }) => {
            responders(config, &app, (&ports, &shutdown), &mut parts).await?;
            let render = (!on_own_listener).then(|| renderer(&metrics));
            let service = certmill_api::service(app.clone(), render);
            let acceptor = tls.as_ref().map(Served::tls);
            parts.spawn(answered(certmill_listen::serve(listener, acceptor, service, shutdown.clone())));
            if let Some(tls) = tls {
                parts.spawn(tls.follow(shutdown.clone()));
            }
            ports
        }
        None => Ports::of(config),
    };
    if let Some(address) = config.metrics_listen {
        let listener = ports.beside("metrics", address, "metrics").await?;
        let service = certmill_api::operations_service(app.clone(), renderer(&metrics));
        parts.spawn(answered(certmill_listen::serve(listener, None, service, shutdown.clone())));
    }
    if with_worker {
        let options = certmill_worker::Options {
            concurrency: config.worker.concurrency,
            grace: config.shutdown_timeout,
            // No other process works on the embedded database.
            alone: config.redis_url.is_none() && config.database_url.is_none(),
        };
        let (app, shutdown) = (app.clone(), shutdown.clone());
        parts.spawn(async move { Ok(certmill_worker::run(app, options, shutdown).await?) });
    } else {
        let app = app.clone();
        tokio::spawn(async move { certmill_worker::api_upkeep(&app).await });
    }
    tokio::spawn(metrics_upkeep(metrics));
    tokio::spawn(refusals_upkeep(app.clone()));
    tokio::spawn(let_go_of_listeners(app.clone(), shutdown.clone()));
    let signalled = tokio::spawn(until_signal(signals, shutdown.clone()));
    let result = until_all_ended(parts, &shutdown).await;
    signalled.abort();
    write_refusals(&app, true).await;
    app.database().close().await;
    tracing::info!("stopped");
    result
}

type Parts = JoinSet<anyhow::Result<()>>;

/// Waits for the parts in the order in which they end. One that ends by itself takes the others along, and if it failed,
/// the log says so at once, since the others may take a while.
async fn until_all_ended(mut parts: Parts, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let mut result = Ok(());
    while let Some(ended) = parts.join_next().await {
        let ended = ended.unwrap_or_else(|error| Err(error.into()));
        if let Err(error) = &ended {
            tracing::error!(error = message::of(error), "a part of the process failed, and the others stop");
        }
        shutdown.cancel();
        result = result.and(ended);
    }
    result
}

/// Opens the listeners that only answer ACME servers.
async fn responders(
    config: &Config,
    app: &App,
    (ports, shutdown): (&Ports, &CancellationToken),
    parts: &mut Parts,
) -> anyhow::Result<()> {
    if let Some(address) = config.acme.http_listen {
        let listener = ports.beside("http-01", address, "http-01 challenges").await?;
        let responder = certmill_api::acme_responder(app.clone());
        parts.spawn(answered(certmill_listen::serve(listener, None, responder, shutdown.clone())));
    }
    if let Some(address) = config.acme.tls_alpn_listen {
        let listener = ports.beside("tls-alpn-01", address, "tls-alpn-01 challenges").await?;
        parts.spawn(answered(certmill_api::tls_alpn::serve(app.clone(), listener, shutdown.clone())));
    }
    Ok(())
}

/// A listener as a part: it ends only when it is told to.
async fn answered(listener: impl Future<Output = ()>) -> anyhow::Result<()> {
    listener.await;
    Ok(())
}

fn renderer(metrics: &MetricsHandle) -> certmill_api::RenderMetrics {
    let metrics = metrics.clone();
    Arc::new(move || metrics.render())
}

async fn metrics_upkeep(metrics: MetricsHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.upkeep();
    }
}

/// Writes how many refused calls have no audit row of their own, when their minute is over.
async fn refusals_upkeep(app: App) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        write_refusals(&app, false).await;
    }
}

async fn write_refusals(app: &App, all: bool) {
    if let Err(error) = certmill_service::audit::write_refusals(app, all).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the number of refused calls could not be written to the audit log"
        );
    }
}

/// Ends the calls that wait for events when the process stops: they would delay the end by a minute, and clients repeat them.
async fn let_go_of_listeners(app: App, shutdown: CancellationToken) {
    shutdown.cancelled().await;
    app.stop_waiting();
}

/// SIGTERM and SIGINT, which do not end the process from here on.
fn stop_signals() -> std::io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

async fn until_signal((mut terminate, mut interrupt): (Signal, Signal), shutdown: CancellationToken) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing requests and jobs in hand");
    shutdown.cancel();
}

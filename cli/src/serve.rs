//! Processes that stay: the API, the worker, or both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_keys::PoolSizes;
use certmill_service::App;
use certmill_telemetry::MetricsHandle;
use poem::listener::{
    Acceptor, AcceptorExt, BoxAcceptor, IntoTlsConfigStream, Listener, OpensslTlsConfig, TcpListener,
};
use poem::{Endpoint, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::listener::NoDelay;
use crate::lock::DataFolder;
use crate::{compose, tls};

/// `certmill serve`.
pub(crate) async fn api(config: Config, with_worker: bool) -> anyhow::Result<()> {
    if config.tls_cert.is_none() && !config.plain_http {
        bail!(
            "serve wants HTTPS: give --tls-cert and --tls-key, or --plain-http when a proxy in front terminates TLS"
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

/// An open port.
pub(crate) struct Listening {
    acceptor: BoxAcceptor,
    address: SocketAddr,
    secure: bool,
}

impl Listening {
    /// Opens the configured port.
    pub(crate) async fn bind(config: &Config, tls: Option<OpensslTlsConfig>) -> anyhow::Result<Self> {
        let address = config.listen;
        let problem = || format!("{address} cannot be listened on");
        let tcp = NoDelay(TcpListener::bind(address).into_acceptor().await.with_context(problem)?);
        let secure = tls.is_some();
        let acceptor = match tls {
            Some(tls) => tcp.openssl_tls(tls.into_stream().context("the TLS files cannot be used")?).boxed(),
            None => tcp.boxed(),
        };
        let bound = acceptor.local_addr().first().and_then(|local| local.as_socket_addr().copied());
        Ok(Self { acceptor, address: bound.unwrap_or(address), secure })
    }

    /// Where it listens.
    pub(crate) fn base_url(&self) -> String {
        self.url(self.address.ip())
    }

    /// Where clients on this machine find it: an address that stands for all of them is none to go to.
    pub(crate) fn local_url(&self) -> String {
        self.url(match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        })
    }

    fn url(&self, ip: IpAddr) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", SocketAddr::new(ip, self.address.port()))
    }
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
    // Before anything answers: whoever has seen an answer may ask for an orderly end.
    let signals = stop_signals().context("signals cannot be received")?;
    let grace = config.shutdown_timeout;
    let on_own_listener = config.metrics_listen.is_some() || listening.is_none();
    let mut parts: Vec<Part> = Vec::new();
    if listening.is_some() {
        for responder in responders(config, &app, &shutdown).await? {
            parts.push(responder);
        }
    }
    if let Some(listening) = listening {
        let render = (!on_own_listener).then(|| renderer(&metrics));
        let service = certmill_api::service(app.clone(), render);
        parts.push(tokio::spawn(answer(listening, service, shutdown.clone(), grace)));
    }
    if let Some(address) = config.metrics_listen {
        let service = certmill_api::operations_service(app.clone(), renderer(&metrics));
        parts.push(tokio::spawn(answer_operations(address, service, shutdown.clone())));
    }
    if with_worker {
        let options = certmill_worker::Options {
            concurrency: config.worker.concurrency,
            grace,
            // Nobody else works on the embedded database.
            alone: config.redis_url.is_none() && config.database_url.is_none(),
        };
        let (app, shutdown) = (app.clone(), shutdown.clone());
        parts.push(tokio::spawn(async move { Ok(certmill_worker::run(app, options, shutdown).await?) }));
    } else {
        let app = app.clone();
        tokio::spawn(async move { certmill_worker::api_upkeep(&app).await });
    }
    tokio::spawn(metrics_upkeep(metrics));
    tokio::spawn(refusals_upkeep(app.clone()));
    let signalled = tokio::spawn(until_signal(signals, shutdown.clone()));
    let mut result = Ok(());
    for part in parts {
        // A part that ends by itself takes the others along.
        let ended = part.await.unwrap_or_else(|error| Err(error.into()));
        shutdown.cancel();
        result = result.and(ended);
    }
    signalled.abort();
    write_refusals(&app, true).await;
    app.database().close().await;
    tracing::info!("stopped");
    result
}

type Part = tokio::task::JoinHandle<anyhow::Result<()>>;

/// The listeners that answer ACME servers and nobody else.
async fn responders(config: &Config, app: &App, shutdown: &CancellationToken) -> anyhow::Result<Vec<Part>> {
    let mut parts = Vec::new();
    if let Some(address) = config.acme.http_listen {
        let problem = || format!("{address} cannot be listened on for http-01 challenges");
        let acceptor = TcpListener::bind(address).into_acceptor().await.with_context(problem)?;
        let (endpoint, stop) = (certmill_api::acme_responder(app.clone()), shutdown.clone());
        parts.push(tokio::spawn(async move {
            Server::new_with_acceptor(acceptor)
                .run_with_graceful_shutdown(endpoint, async move { stop.cancelled().await }, None)
                .await
                .context("the listener for http-01 challenges failed")
        }));
    }
    if let Some(address) = config.acme.tls_alpn_listen {
        let problem = || format!("{address} cannot be listened on for tls-alpn-01 challenges");
        let listener = tokio::net::TcpListener::bind(address).await.with_context(problem)?;
        let (app, stop) = (app.clone(), shutdown.clone());
        parts.push(tokio::spawn(async move {
            certmill_api::tls_alpn::serve(app, listener, stop).await;
            Ok(())
        }));
    }
    Ok(parts)
}

async fn answer<E: Endpoint + 'static>(
    listening: Listening,
    endpoint: E,
    shutdown: CancellationToken,
    grace: Duration,
) -> anyhow::Result<()> {
    Server::new_with_acceptor(listening.acceptor)
        .run_with_graceful_shutdown(endpoint, async move { shutdown.cancelled().await }, Some(grace))
        .await
        .context("the listener failed")
}

async fn answer_operations<E: Endpoint + 'static>(
    address: SocketAddr,
    service: E,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    Server::new(TcpListener::bind(address))
        .run_with_graceful_shutdown(service, async move { shutdown.cancelled().await }, None)
        .await
        .with_context(|| format!("{address} cannot be listened on for metrics"))
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

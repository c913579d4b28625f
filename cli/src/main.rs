//! `certmill`: one binary, whose sub-command decides which parts run in this process.

mod admin;
mod ambient;
mod audit;
mod backup;
mod client;
mod compose;
mod dev;
mod doctor;
mod harden;
mod help;
mod lock;
mod man;
mod message;
mod ports;
mod private;
mod restore;
mod serve;
mod tls;
mod tls_self;
mod vacuum;

use std::path::PathBuf;
use std::process::ExitCode;

use certmill_config::{Config, Flags, LogFormat};
use clap::{Args, FromArgMatches, Parser, Subcommand};
use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// How long threads are waited for that are still at work when everything else has ended.
const LAST_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// Issuing allocates many small, short-lived values on several threads. What is freed is overwritten first: keys and tokens
/// also pass through buffers of libraries (HTTP, JSON, database drivers) that know nothing of secrets.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

/// A certificate service: internal CA, roles, issuance, revocation.
#[derive(Parser)]
#[command(name = "certmill", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

/// Settings that win over the environment and the configuration file.
#[derive(Args)]
#[command(next_help_heading = "Settings of the service")]
struct Settings {
    /// Configuration file (TOML)
    #[arg(long, env = "CERTMILL_CONFIG", global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the embedded database, the root key and the admin token [default: ./certmill-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// `postgres://…`, also read from DATABASE_URL; without it `dev` and `serve --with-worker` use the embedded database
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// `redis://…`, also read from REDIS_URL; without it the queue is in this process
    #[arg(long, global = true, value_name = "URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Base of the URLs written into certificates
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// How the log is written [default: text]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,
}

#[derive(Args)]
struct Listening {
    /// IP address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Client(client::ClientCommand),
    /// Run everything in one process with nothing set up: for a first try, one machine, small sites
    Dev(Listening),
    /// Answer requests
    Serve {
        #[command(flatten)]
        listening: Listening,
        /// Certificate chain (PEM) for HTTPS
        #[arg(long, value_name = "FILE")]
        tls_cert: Option<PathBuf>,
        /// Private key (PEM) for HTTPS
        #[arg(long, value_name = "FILE")]
        tls_key: Option<PathBuf>,
        /// Serve plain HTTP, behind a proxy that terminates TLS
        #[arg(long)]
        plain_http: bool,
        /// Do the workers' jobs in this process too
        #[arg(long)]
        with_worker: bool,
    },
    /// Do background jobs
    Worker,
    /// Bring the database's schema up to date
    Migrate,
    /// API tokens
    #[command(subcommand)]
    Token(admin::TokenCommand),
    /// Tenants
    #[command(subcommand)]
    Tenant(admin::TenantCommand),
    /// Which tenant may have which domains validated through what tenants share
    #[command(subcommand)]
    Domain(admin::DomainCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Give back the disk that an embedded database does not need any more, while no service runs on it
    Vacuum,
    /// Copy the database into a new folder while the service runs, with a manifest
    Backup(backup::BackupArgs),
    /// Prove a backup, and put it where there is no database yet
    Restore(restore::RestoreArgs),
    /// Say what is wrong with an installation, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Wrap every tenant's key with the current root key
    RotateRootKey,
    /// Print the OpenAPI document
    Openapi,
    /// Write manual pages of all commands into a folder
    Man {
        /// Folder for section 1, such as /usr/local/share/man/man1
        folder: PathBuf,
    },
    /// Check the configuration and print what it amounts to, as TOML with the origin of each value and without secrets
    CheckConfig,
}

fn main() -> ExitCode {
    harden::harden();
    // A shell asks for completions by a variable; then nothing else is done.
    clap_complete::CompleteEnv::with_factory(help::command).complete();
    let matches = help::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("certmill: {}", message::of(&error));
            if let Some(advice) = client::advice(&error) {
                eprintln!("  {advice}");
            }
            client::exit_code(&error)
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if matches!(cli.command, Command::Openapi) {
        return print_openapi();
    }
    if let Command::Man { folder } = &cli.command {
        return man::write(folder);
    }
    if let Command::Client(command) = cli.command {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(client::run(command));
    }
    let loaded = Config::load_with_sources(cli.settings.config.as_deref(), &flags(&cli));
    let (config, sources) = match (loaded, &cli.command) {
        (Err(error), Command::Doctor(arguments)) => {
            return doctor::without_configuration(&error.into(), arguments);
        }
        (loaded, _) => loaded?,
    };
    let format = match config.log.format {
        LogFormat::Text => certmill_telemetry::Format::Text,
        LogFormat::Json => certmill_telemetry::Format::Json,
    };
    certmill_telemetry::init_logging(format, &config.log.filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async move {
        match cli.command {
            Command::Dev(_) => dev::run(config).await,
            Command::Serve { with_worker, .. } => serve::api(config, with_worker).await,
            Command::Worker => serve::worker(config).await,
            Command::Migrate => admin::migrate(&config).await,
            Command::Token(command) => admin::token(&config, command).await,
            Command::Tenant(command) => admin::tenant(&config, command).await,
            Command::Domain(command) => admin::domain(&config, command).await,
            Command::Audit(command) => audit::audit(&config, command).await,
            Command::Vacuum => vacuum::vacuum(&config).await,
            Command::Doctor(arguments) => doctor::doctor(&config, &arguments).await,
            Command::Backup(arguments) => backup::backup(&config, arguments).await,
            Command::Restore(arguments) => restore::restore(&config, arguments).await,
            Command::RotateRootKey => admin::rotate_root_key(&config).await,
            Command::CheckConfig => admin::check_config(&config, &sources),
            Command::Openapi | Command::Man { .. } | Command::Client(_) => Ok(()),
        }
    });
    // A thread that waits for a disk or a network drive which does not answer must not hold the process.
    runtime.shutdown_timeout(LAST_WAIT);
    ended
}

fn print_openapi() -> anyhow::Result<()> {
    use std::io::Write;
    match std::io::stdout().write_all(certmill_api::openapi_document().as_bytes()) {
        // A closed pipe is no error: the reader needs no more.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn flags(cli: &Cli) -> Flags {
    let mut flags = Flags {
        data_dir: cli.settings.data.clone(),
        database_url: cli.settings.database_url.clone(),
        redis_url: cli.settings.redis_url.clone(),
        public_url: cli.settings.public_url.clone(),
        log_format: cli.settings.log_format.clone(),
        ..Flags::default()
    };
    match &cli.command {
        Command::Dev(listening) => flags.listen.clone_from(&listening.listen),
        Command::Serve { listening, tls_cert, tls_key, plain_http, .. } => {
            flags.listen.clone_from(&listening.listen);
            flags.tls_cert.clone_from(tls_cert);
            flags.tls_key.clone_from(tls_key);
            flags.plain_http = plain_http.then_some(true);
        }
        Command::Worker
        | Command::Migrate
        | Command::Token(_)
        | Command::Tenant(_)
        | Command::Domain(_)
        | Command::Audit(_)
        | Command::Vacuum
        | Command::Backup(_)
        | Command::Doctor(_)
        | Command::Restore(_)
        | Command::RotateRootKey
        | Command::Openapi
        | Command::Man { .. }
        | Command::Client(_)
        | Command::CheckConfig => {}
    }
    flags
}

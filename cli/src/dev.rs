//! `certmill dev`: everything in one process, set up on the first start, gone on with on the next.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::{Scope, SystemEntropy, Tenant, TokenLimits};
use certmill_keys::{RootKey, RootKeys};
use certmill_service::tokens::NewToken;
use certmill_service::{App, Caller, tokens};
use zeroize::Zeroizing;

use crate::lock::DataFolder;
use crate::ports::Listening;
use crate::{admin, client, compose, message, private, serve, tls};

/// Sets up what is missing and runs API and worker.
pub(crate) async fn run(config: Config) -> anyhow::Result<()> {
    if config.tls_self.is_some() {
        bail!(
            "[tls_self] is for `certmill serve --with-worker`: dev is plain HTTP, or HTTPS with tls_cert and tls_key"
        );
    }
    let tls = tls::of(&config)?;
    // Before the port: of two processes on one folder, the second should hear about the folder.
    if config.data_dir.is_dir() {
        private::existing_folder(&config.data_dir)?;
    }
    let held = DataFolder::hold_existing(&config.data_dir)?;
    let listening = Listening::bind(&config, tls).await?;
    private::folder(&config.data_dir)?;
    let _held = match held {
        Some(held) => held,
        None => DataFolder::hold(&config.data_dir)?,
    };
    let root_keys = root_keys(&config)?;
    let database = compose::database_or_new(&config).await?;
    let shown = config.database_shown();
    database.migrate().await.with_context(|| format!("{shown} cannot be migrated"))?;
    let queue = compose::queue(&config)?;
    if config.public_url.is_none() && config.listen.ip().is_unspecified() {
        tracing::warn!(
            url = %listening.local_url(),
            "certificates carry this address for their CRLs, and other machines cannot reach it: set public_url \
             (CERTMILL_PUBLIC_URL) before you issue for others"
        );
    }
    let config =
        Config { public_url: config.public_url.clone().or_else(|| Some(listening.local_url())), ..config };
    let app = compose::app(&config, database, queue, root_keys, compose::pool_sizes(&config))?;
    app.check_sealing().await.context(
        "the root key does not fit the database: restore the root.key that belongs to this data folder",
    )?;
    let tenant = admin::default_tenant(&app).await?;
    let token_file = config.data_dir.join("admin.token");
    // A token is not to stay in memory for as long as the process lives.
    {
        let new_token = admin_token(&app, &tenant, &token_file).await?;
        let new_token = new_token.as_ref().map(|token| token.as_str());
        if let Err(error) = client::note_dev(&listening.local_url(), &token_file) {
            tracing::info!(error = %message::of(&error), "client commands need --url and --token-file: no profile");
        }
        print_unbuffered(&greeting(&listening.local_url(), &token_file, new_token))?;
    }
    serve::run(&config, app, Some(listening), true).await
}

/// The configured root key, or the one in the data folder, which is made if there is none.
fn root_keys(config: &Config) -> anyhow::Result<RootKeys> {
    if config.root_key_text()?.is_some() {
        return compose::root_keys(config);
    }
    let path = config.data_dir.join("root.key");
    if !path.exists() {
        let key = RootKey::generate(&SystemEntropy);
        write_private(&path, &key.to_text())?;
    }
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let key = RootKey::from_text(&text).with_context(|| format!("{} holds no root key", path.display()))?;
    Ok(RootKeys::new(key, Vec::new()))
}

/// Makes an admin token if the file is not there; answers the secret when it was made just now.
async fn admin_token(app: &App, tenant: &Tenant, path: &Path) -> anyhow::Result<Option<Zeroizing<String>>> {
    if path.exists() {
        return Ok(None);
    }
    let new = NewToken {
        name: "dev admin".to_owned(),
        scopes: vec![Scope::Admin],
        expires_at: None,
        limits: TokenLimits::default(),
    };
    let issued = tokens::create(app, &Caller::operator(app, tenant.id), new).await?;
    let secret = issued.secret.into_text();
    write_private(path, &secret)?;
    Ok(Some(secret))
}

/// Writes a file that only its owner can read; all of it or nothing.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let problem = || format!("{} cannot be written", path.display());
    let partial = path.with_extension("partial");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .with_context(problem)?;
    writeln!(file, "{text}").with_context(problem)?;
    file.sync_all().with_context(problem)?;
    std::fs::rename(&partial, path).with_context(problem)
}

/// Prints what may hold a token: the buffer of the standard output would keep it for as long as the process lives.
fn print_unbuffered(text: &str) -> anyhow::Result<()> {
    let output = std::io::stdout().as_fd().try_clone_to_owned()?;
    match writeln!(std::fs::File::from(output), "{text}") {
        // The output is closed. The token is in its file all the same.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn greeting(base: &str, token_file: &Path, new_token: Option<&str>) -> Zeroizing<String> {
    let program = std::env::args_os().next().unwrap_or_else(|| "certmill".into());
    let program = program.display();
    let token_file = std::path::absolute(token_file).unwrap_or_else(|_| token_file.to_owned());
    let token_file = token_file.display();
    let token = match new_token {
        Some(token) => format!("{token}\n             (kept in {token_file})"),
        None => format!("in {token_file}"),
    };
    Zeroizing::new(format!(
        r#"
certmill is running.
  Base URL   {base}
  Token      {token}
  Page       {base}/ui/
  Docs       {base}/docs

A CA, a role and a certificate:

  {program} ca create root
  {program} role create web --ca root --domain example.internal --subdomains --key-type ec
  {program} issue web www.example.internal

Or over the API, to paste:

  CA=$(curl -s {base}/v1/pki/ca -H "Authorization: Bearer $(cat '{token_file}')" -H 'Content-Type: application/json' -d '{{"name":"root","common_name":"Example Root CA","ca_type":"root","key_type":"ec"}}' | sed 's/.*"id":"\([^"]*\)".*/\1/'); echo "$CA"

  curl -s {base}/v1/pki/roles -H "Authorization: Bearer $(cat '{token_file}')" -H 'Content-Type: application/json' -d '{{"name":"web","ca_id":"'"$CA"'","allowed_domains":["example.internal"],"allow_subdomains":true,"key_type":"ec","max_ttl":"90d"}}'

  curl -s {base}/v1/pki/issue/web -H "Authorization: Bearer $(cat '{token_file}')" -H 'Content-Type: application/json' -d '{{"common_name":"www.example.internal","ttl":"30d"}}'
"#
    ))
}

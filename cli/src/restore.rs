//! `certmill restore`: proves a backup, and puts it where there is nothing yet.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::{Clock, SystemClock, Timestamp};
use certmill_queue::Queue;
use certmill_service::recovery;
use certmill_storage::{Database, SchemaState};
use clap::Args;

use crate::backup::manifest::{self, Kind, Manifest, ROOT_KEY_FILE};
use crate::backup::postgres::Programs;
use crate::backup::proof::{self, Proven};
use crate::backup::sync;
use crate::lock::DataFolder;
use crate::{compose, private};

#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// The folder that `certmill backup` has made
    source: PathBuf,
    /// Prove the backup (checksums, schema, root key, a private key of each tenant) and change nothing
    #[arg(long)]
    check: bool,
    /// Folder of pg_restore [default: the search path]
    #[arg(long, value_name = "DIR")]
    pg_bin: Option<PathBuf>,
}

/// `certmill restore`.
pub(crate) async fn restore(config: &Config, arguments: RestoreArgs) -> anyhow::Result<()> {
    let programs = Programs::in_folder(arguments.pg_bin.clone());
    let source = &arguments.source;
    if !arguments.check {
        // Before the backup is proven, which takes a while when it is large: whether it can be written is known without that.
        let manifest = Manifest::read(source)?;
        refuse_other_kind(config, manifest.database)?;
        if manifest.database == Kind::Sqlite {
            refuse_to_overwrite(&database_file(config))?;
        } else {
            refuse_filled(config).await?;
        }
    }
    let proven = proof::prove(config, source, &programs).await?;
    report(source, &proven);
    if arguments.check {
        return refuse_newer(&proven.manifest);
    }
    let taken_at = Timestamp::parse_rfc3339(&proven.manifest.taken_at)
        .context("the manifest does not say from when the backup is")?;
    let crls = match proven.manifest.database {
        Kind::Sqlite => restore_sqlite(config, source, &proven, taken_at).await?,
        Kind::Postgres => restore_postgres(config, source, &proven, (taken_at, &programs)).await?,
    };
    if proven.keys.are_inside && !installs_root_key(config) {
        let key = source.join(ROOT_KEY_FILE);
        println!(
            "the root key is in the backup and was put nowhere: set CERTMILL_ROOT_KEY_FILE to a copy of {}, which nobody else can \
             read, before anything is started",
            key.display()
        );
    }
    print!("{}", next_steps(config, taken_at, crls));
    Ok(())
}

fn report(source: &Path, proven: &Proven) {
    let Proven { manifest, opened, keys } = proven;
    println!("{}: {} of {}", source.display(), manifest.database.name(), manifest.taken_at);
    println!("made by certmill {}, schema {}", manifest.certmill, manifest.schema);
    println!("the files have the checksums of the manifest, and every row can be read");
    println!(
        "the root key of {} opens the keys of all tenants ({}) and a private key of each that has CAs ({})",
        keys.place, opened.tenant_keys, opened.ca_keys
    );
}

/// What a newer version keeps this one cannot look at, so it has not proven that all of it is there.
fn refuse_newer(manifest: &Manifest) -> anyhow::Result<()> {
    let newest = certmill_storage::newest_migration();
    if manifest.schema <= newest {
        return Ok(());
    }
    bail!(
        "the backup was made by a newer version of certmill ({}): its schema is {}, and this version knows up to {newest}. Prove and \
         restore it with that version; `certmill restore` of this one works on it without what is new",
        manifest.certmill,
        manifest.schema
    );
}

fn refuse_other_kind(config: &Config, kind: Kind) -> anyhow::Result<()> {
    let url = config.database_url.as_deref();
    let is_sqlite = url.is_none_or(|url| url.starts_with("sqlite://"));
    if is_sqlite != (kind == Kind::Sqlite) {
        bail!(
            "the backup is of {}, and the configuration names {}: rows cannot be moved from one to the other",
            kind.name(),
            config.database_shown()
        );
    }
    Ok(())
}

/// The file of the embedded database, or that of an SQLite URL.
fn database_file(config: &Config) -> PathBuf {
    match config.database_url.as_deref().and_then(|url| url.strip_prefix("sqlite://")) {
        Some(path) => PathBuf::from(path),
        None => config.embedded_database(),
    }
}

fn refuse_to_overwrite(file: &Path) -> anyhow::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let path = beside(file, end);
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} exists, and a restore overwrites nothing: stop the service, move it away with what stands beside it, and \
                 keep it until the restored service is well",
                path.display()
            );
        }
    }
    Ok(())
}

/// Whether the restored service looks for its root key in its data folder.
const fn installs_root_key(config: &Config) -> bool {
    config.database_url.is_none()
}

/// A database while it is being restored; removed when that does not come to its end.
struct Partial(PathBuf);

impl Partial {
    const ENDS: [&str; 3] = ["", "-wal", "-shm"];

    fn beside(target: &Path) -> Self {
        let partial = Self(beside(target, ".restoring"));
        // What a restore that was killed has left.
        partial.remove();
        partial
    }

    fn remove(&self) {
        for end in Self::ENDS {
            let _ = std::fs::remove_file(beside(&self.0, end));
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        self.remove();
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

async fn refuse_filled(config: &Config) -> anyhow::Result<()> {
    if compose::database(config).await?.is_empty().await? {
        return Ok(());
    }
    bail!(
        "{} holds tables of certmill, and a restore overwrites nothing: make an empty database and name that one",
        config.database_shown()
    );
}

/// Puts the copy in its place: it is copied beside it, brought up to date there, and gets its name last.
async fn restore_sqlite(
    config: &Config,
    source: &Path,
    proven: &Proven,
    taken_at: Timestamp,
) -> anyhow::Result<usize> {
    let target = database_file(config);
    let _held = if config.database_url.is_none() {
        private::folder(&config.data_dir)?;
        Some(DataFolder::hold(&config.data_dir)?)
    } else {
        None
    };
    let partial = Partial::beside(&target);
    copy_file(source, &partial.0, &proven.manifest)?;
    let database = Database::open_existing(&format!("sqlite://{}", partial.0.display()), 1).await?;
    let crls = finish(config, database, proven, taken_at).await?;
    let rest = beside(&partial.0, "-wal");
    if std::fs::metadata(&rest).is_ok_and(|file| file.len() > 0) {
        bail!("{} was not written to its database", rest.display());
    }
    sync(&partial.0)?;
    refuse_to_overwrite(&target)?;
    if proven.keys.are_inside && installs_root_key(config) {
        put_root_key(config, source)?;
    }
    std::fs::rename(&partial.0, &target)
        .with_context(|| format!("the database cannot be given its name {}", target.display()))?;
    sync(target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    Ok(crls)
}

fn copy_file(source: &Path, to: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let from = source.join(manifest.database.file());
    let problem = || format!("{} cannot be copied to {}", from.display(), to.display());
    let file = manifest::private(to).with_context(problem)?;
    let (_, sha256) =
        manifest::copy_hashed(File::open(&from).with_context(problem)?, &file).with_context(problem)?;
    if manifest.files.iter().all(|entry| entry.sha256 != sha256) {
        bail!("{} was changed while it was being restored", from.display());
    }
    Ok(())
}

fn put_root_key(config: &Config, source: &Path) -> anyhow::Result<()> {
    let path = config.data_dir.join(ROOT_KEY_FILE);
    let problem = || format!("the root key of the backup cannot be written to {}", path.display());
    let key = File::open(source.join(ROOT_KEY_FILE)).with_context(problem)?;
    let file = manifest::private(&path).with_context(problem)?;
    manifest::copy_hashed(key, &file).and_then(|_| file.sync_all()).with_context(problem)
}

async fn restore_postgres(
    config: &Config,
    source: &Path,
    proven: &Proven,
    (taken_at, programs): (Timestamp, &Programs),
) -> anyhow::Result<usize> {
    let url = config.database_url.as_deref().unwrap_or_default();
    let file = source.join(proven.manifest.database.file());
    programs
        .restore(url, &file)
        .await
        .with_context(|| format!("{} is as it was", config.database_shown()))?;
    let database = compose::database(config).await?;
    finish(config, database, proven, taken_at).await.with_context(|| {
        format!(
            "the rows are in {}, and what follows could not be done: restore into another empty database",
            config.database_shown()
        )
    })
}

/// Brings the schema up to date, notes the restore, and has the CRLs made anew; answers how many.
async fn finish(
    config: &Config,
    database: Database,
    proven: &Proven,
    taken_at: Timestamp,
) -> anyhow::Result<usize> {
    database.migrate().await.context("the schema of the restored database cannot be brought up to date")?;
    if let SchemaState::Newer { version } = database.schema_state().await? {
        eprintln!(
            "the backup was made by a newer version of certmill (migration {version}); this one works on it"
        );
    }
    let root_keys = compose::root_keys(&proven.keys.config)?;
    let app = compose::app(config, database, Queue::in_process(), root_keys, compose::NO_POOL)?;
    app.check_sealing().await?;
    let crls = recovery::note_restore(&app, taken_at).await?;
    app.database().close().await;
    Ok(crls)
}

/// What a person has to do now. Nothing of it can be known here.
fn next_steps(config: &Config, taken_at: Timestamp, crls: usize) -> String {
    let ago = SystemClock.now().since(taken_at).as_secs();
    let ago = match ago {
        ..7_200 => format!("{} minutes", ago / 60),
        7_200..172_800 => format!("{} hours", ago / 3_600),
        _ => format!("{} days", ago / 86_400),
    };
    let start =
        if config.database_url.is_none() { "certmill serve --with-worker" } else { "certmill worker" };
    format!(
        "restored {}; it knows nothing of what has happened since {taken_at}, {ago} ago\n\n\
         What to do next:\n\
         1. Start `{start}` (or `certmill dev`) soon: {crls} CRLs are made anew then, with numbers above all that were published.\n\
         2. What was revoked since then is not revoked any more: revoke it again. The last CRL that was published lists it; a\n   \
            relying party or a proxy may still have it.\n\
         3. Certificates that were issued since then are valid, and this database does not know them: import what you can find\n   \
            (`certmill cert import`), so that they can be revoked.\n\
         4. Tokens that were revoked since then are accepted again: `certmill token list`, `certmill token revoke`.\n\
         5. `certmill doctor` says what else needs somebody.\n",
        config.database_shown()
    )
}

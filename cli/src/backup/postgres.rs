//! PostgreSQL's own programs, which write and read dumps.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use certmill_storage::backup::{Contents, DumpReader, postgres_environment};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

/// Variables by which others than the settings would decide which server it is.
const NOT_OURS: [&str; 4] = ["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGTARGETSESSIONATTRS"];

/// What a program says of its failure, at the most.
const MOST_SAID: u64 = 64 * 1024;

/// Where `pg_dump` and `pg_restore` are.
#[derive(Clone, Default)]
pub(crate) struct Programs(Option<PathBuf>);

impl Programs {
    /// Those in a folder, or those on the search path.
    pub(crate) fn in_folder(folder: Option<PathBuf>) -> Self {
        Self(folder)
    }

    /// Writes a dump of the database, in the state of a snapshot, into a new file.
    pub(crate) async fn dump(&self, url: &str, snapshot: &str, file: &Path) -> anyhow::Result<()> {
        let mut command = self.command("pg_dump");
        command.envs(postgres_environment(url)?);
        command.args(["--format=custom", "--no-password", "--no-owner", "--no-privileges"]);
        command.arg(format!("--snapshot={snapshot}")).arg("--file").arg(file).stdout(Stdio::null());
        ended("pg_dump", Self::start("pg_dump", command)?).await
    }

    /// Reads a dump to its end without any database; answers what it holds.
    pub(crate) async fn read(&self, file: &Path) -> anyhow::Result<Contents> {
        let mut command = self.command("pg_restore");
        command.arg("--file=-").arg(file).stdout(Stdio::piped());
        let mut child = Self::start("pg_restore", command)?;
        let stdout = child.stdout.take().context("pg_restore has no output")?;
        let mut reader = DumpReader::default();
        let reading = async {
            let mut lines = BufReader::with_capacity(1024 * 1024, stdout);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).await? > 0 {
                reader.line(line.strip_suffix(b"\n").unwrap_or(&line))?;
                line.clear();
            }
            anyhow::Ok(())
        };
        // Both at once: a program whose messages nobody reads would wait.
        let (read, ended) = tokio::join!(reading, ended("pg_restore", child));
        ended?;
        read?;
        Ok(reader.finish())
    }

    /// Fills an empty database from a dump, all of it or nothing.
    pub(crate) async fn restore(&self, url: &str, file: &Path) -> anyhow::Result<()> {
        let mut command = self.command("pg_restore");
        let environment = postgres_environment(url)?;
        // Without a name of a database it would write to its output. A name with `=` in it would be read as several settings.
        let database = environment.iter().find(|(name, _)| *name == "PGDATABASE");
        let database = database.map(|(_, value)| value.replace('\\', "\\\\").replace('\'', "\\'"));
        command.arg(format!("--dbname=dbname='{}'", database.unwrap_or_default()));
        command.envs(environment).args(["--exit-on-error", "--single-transaction", "--no-password"]);
        // A comment on an extension can be written by its owner only, and says nothing.
        command.args(["--no-owner", "--no-privileges", "--no-comments"]).arg(file).stdout(Stdio::null());
        ended("pg_restore", Self::start("pg_restore", command)?).await
    }

    fn command(&self, name: &str) -> Command {
        let mut command = match &self.0 {
            Some(folder) => Command::new(folder.join(name)),
            None => Command::new(name),
        };
        for name in NOT_OURS {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn start(name: &str, mut command: Command) -> anyhow::Result<Child> {
        command.spawn().with_context(|| {
            format!(
                "{name} cannot be run: install the client programs of PostgreSQL, of the server's version or newer, or name \
                 their folder with --pg-bin"
            )
        })
    }
}

/// Waits for the end of a program, which must be a good one.
async fn ended(name: &str, mut child: Child) -> anyhow::Result<()> {
    let mut said = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        (&mut stderr).take(MOST_SAID).read_to_end(&mut said).await?;
        tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
    }
    let status = child.wait().await?;
    if !status.success() {
        bail!("{name} failed ({status}): {}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

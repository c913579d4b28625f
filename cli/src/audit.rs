//! `certmill audit …`.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::{Tenant, TenantId, Timestamp, genesis};
use certmill_service::audit::{self, Head, Verdict, archive};
use certmill_service::x509::hex;
use certmill_service::{App, tenants};
use clap::Subcommand;

use crate::admin;

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Prove that no row of the audit log was changed, removed or put in between
    Verify {
        /// One tenant; all when absent
        #[arg(long)]
        tenant: Option<String>,
        /// An end that an earlier run printed, `<number of rows>:<hash>`: the chain must still lead through it, so that
        /// one that was made anew from its first row is noticed too. Needs --tenant
        #[arg(long, value_name = "END", requires = "tenant")]
        expect: Option<String>,
        /// A file of `audit archive`, the oldest first; may be repeated: the chain is verified from its first row on. Needs
        /// --tenant
        #[arg(long = "archive", value_name = "FILE", requires = "tenant")]
        archives: Vec<PathBuf>,
    },
    /// Take old rows to files, one for each tenant, and delete them from the database
    Archive {
        /// Rows from before this time, such as `2026-01-01T00:00:00Z`; at least 30 days ago
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        before: Timestamp,
        /// The folder for the files
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// One tenant; all when absent
        #[arg(long)]
        tenant: Option<String>,
    },
}

/// `certmill audit …`.
pub(crate) async fn audit(config: &Config, command: AuditCommand) -> anyhow::Result<()> {
    let app = admin::app(config).await?;
    match command {
        AuditCommand::Verify { tenant, expect, archives } => verify(&app, tenant, expect, &archives).await,
        AuditCommand::Archive { before, to, tenant } => archive(&app, before, &to, tenant).await,
    }
}

/// What happened lately is what people look for, and what webhooks may still be told of.
const YOUNGEST: Duration = Duration::from_hours(30 * 24);

async fn archive(app: &App, before: Timestamp, to: &Path, tenant: Option<String>) -> anyhow::Result<()> {
    if before > app.now().minus(YOUNGEST) {
        bail!("{before} is less than 30 days ago: rows stay so long at least");
    }
    for tenant in wanted(app, tenant).await? {
        // Left by an earlier run.
        archive::clear(app, tenant.id).await?;
        let name = tenant.name.as_str();
        let part = to.join(format!("{name}.part"));
        let problem = || format!("{} cannot be written", part.display());
        let mut file = BufWriter::new(private_file(&part).with_context(problem)?);
        let Some(written) = archive::write(app, tenant.id, before, &mut file).await? else {
            std::fs::remove_file(&part).with_context(problem)?;
            println!("{name}: no row is that old");
            continue;
        };
        let (first, last) = (written.from.sequence + 1, written.to.sequence);
        let kept = format!("{name}-{first:012}-{last:012}.ndjson");
        // On the disk and with its name before anything is deleted.
        file.into_inner().context("the rest cannot be written")?.sync_all().with_context(problem)?;
        std::fs::rename(&part, to.join(&kept)).with_context(problem)?;
        File::open(to).and_then(|folder| folder.sync_all()).with_context(problem)?;
        archive::forget(app, &written, &kept).await?;
        println!("{name}: rows {first} to {last} in {kept}, end {last}:{}", hex(&written.to.hash));
    }
    Ok(())
}

/// Makes a file of mode 0600. One that an earlier run left unfinished is replaced.
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

async fn wanted(app: &App, tenant: Option<String>) -> anyhow::Result<Vec<Tenant>> {
    Ok(match tenant {
        Some(name) => vec![
            tenants::find_by_name(app, &name)
                .await?
                .with_context(|| format!("there is no tenant `{name}`"))?,
        ],
        None => tenants::list(app).await?,
    })
}

async fn verify(
    app: &App,
    tenant: Option<String>,
    expect: Option<String>,
    archives: &[PathBuf],
) -> anyhow::Result<()> {
    let expected = expect.as_deref().map(parse_end).transpose()?;
    let mut broken = 0;
    for tenant in wanted(app, tenant).await? {
        let name = tenant.name.as_str();
        let verdict = match in_files(app, tenant.id, expected, archives).await? {
            // Heads that the files lead through are proven by the files.
            InFiles::Proven(expected) => audit::verify(app, tenant.id, expected).await?,
            InFiles::Broken(verdict) => verdict,
        };
        match verdict {
            Verdict::Intact(end) => {
                let before = audit::archived(app, tenant.id).await?.sequence;
                let elsewhere = match (before, archives) {
                    (0, _) => String::new(),
                    (before, []) => format!(", those up to {before} in files that were not looked at"),
                    (before, _) => format!(", those up to {before} in files"),
                };
                println!(
                    "{name}: intact, {} rows{elsewhere}, end {}:{}",
                    end.sequence,
                    end.sequence,
                    hex(&end.hash)
                );
            }
            Verdict::Broken { sequence, reason } => {
                broken += 1;
                println!("{name}: BROKEN at row {sequence}: {reason}");
            }
        }
    }
    if broken > 0 {
        bail!("the audit log of {broken} tenant(s) was tampered with");
    }
    Ok(())
}

/// What files say of a chain.
enum InFiles {
    /// They are as they were written, and lead to where the database goes on; what is still to be looked for there.
    Proven(Option<Head>),
    Broken(Verdict),
}

/// Verifies files from the first row on.
async fn in_files(
    app: &App,
    tenant: TenantId,
    expected: Option<Head>,
    archives: &[PathBuf],
) -> anyhow::Result<InFiles> {
    if archives.is_empty() {
        return Ok(InFiles::Proven(expected));
    }
    let end = audit::archived(app, tenant).await?;
    let mut reached = Head { sequence: 0, hash: genesis(tenant) };
    let mut is_met = false;
    for path in archives {
        let problem = || format!("{} cannot be read", path.display());
        let file = BufReader::new(File::open(path).with_context(problem)?);
        let wanted = expected.filter(|_| !is_met);
        match archive::verify_file(reached, wanted, file).with_context(problem)? {
            (Verdict::Intact(to), met) => (reached, is_met) = (to, is_met || met),
            (broken, _) => return Ok(InFiles::Broken(broken)),
        }
    }
    if reached != end {
        let reason = "the files do not lead to where the database goes on";
        return Ok(InFiles::Broken(Verdict::Broken { sequence: reached.sequence, reason }));
    }
    Ok(InFiles::Proven(expected.filter(|_| !is_met)))
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .ok_or_else(|| format!("`{text}` is not a time such as 2026-01-31T12:00:00Z"))
}

fn parse_end(text: &str) -> anyhow::Result<Head> {
    let right = || format!("`{text}` is not an end such as `42:<64 hexadecimal digits>`");
    let (sequence, hash) = text.split_once(':').with_context(right)?;
    let hash = archive::digest(hash).with_context(right)?;
    Ok(Head { sequence: sequence.parse().with_context(right)?, hash })
}

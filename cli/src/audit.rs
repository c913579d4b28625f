//! `certmill audit …`.

use anyhow::{Context, bail};
use certmill_config::Config;
use certmill_domain::Digest;
use certmill_service::audit::{self, Head, Verdict};
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
    },
}

/// `certmill audit …`.
pub(crate) async fn audit(config: &Config, command: AuditCommand) -> anyhow::Result<()> {
    let app = admin::app(config).await?;
    match command {
        AuditCommand::Verify { tenant, expect } => verify(&app, tenant, expect).await,
    }
}

async fn verify(app: &App, tenant: Option<String>, expect: Option<String>) -> anyhow::Result<()> {
    let expected = expect.as_deref().map(parse_end).transpose()?;
    let tenants = match tenant {
        Some(name) => vec![
            tenants::find_by_name(app, &name)
                .await?
                .with_context(|| format!("there is no tenant `{name}`"))?,
        ],
        None => tenants::list(app).await?,
    };
    let mut broken = 0;
    for tenant in tenants {
        let name = tenant.name.as_str();
        match audit::verify(app, tenant.id, expected).await? {
            Verdict::Intact(end) => {
                println!("{name}: intact, {} rows, end {}:{}", end.sequence, end.sequence, hex(&end.hash));
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

fn parse_end(text: &str) -> anyhow::Result<Head> {
    let right = || format!("`{text}` is not an end such as `42:<64 hexadecimal digits>`");
    let (sequence, hash) = text.split_once(':').with_context(right)?;
    let mut digest = Digest::default();
    if hash.len() != 2 * digest.len() || !hash.is_ascii() {
        bail!(right());
    }
    for (at, octet) in digest.iter_mut().enumerate() {
        *octet = u8::from_str_radix(&hash[2 * at..2 * at + 2], 16).with_context(right)?;
    }
    Ok(Head { sequence: sequence.parse().with_context(right)?, hash: digest })
}

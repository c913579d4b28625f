//! `certmill keep`: certificates on a host that are renewed in time, without anybody thinking of it.

mod pair;
mod plan;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::failure::Refusal;
use super::issue::chain;
use super::output::text;
use super::{Options, Session};
use pair::Pair;
use plan::{Kept, Plan, Source};

pub(super) const EXAMPLE: &str = "\
Example of a file:
  profile = \"ca.internal\"             # or url and token_file
  [[certificate]]
  role = \"web\"
  names = [\"www.example.internal\"]
  certificate_file = \"/etc/nginx/tls/www.crt\"
  key_file = \"/etc/nginx/tls/www.key\"
  owner = \"root:www-data\"
  mode = \"0640\"
  run = \"systemctl reload nginx\"";

#[derive(Args)]
pub(crate) struct Keep {
    /// What to keep (TOML)
    file: PathBuf,
    /// Look once and end, for a timer; failures are in the exit code
    #[arg(long)]
    once: bool,
}

/// Looks are not further apart: a revoked certificate is replaced within this time.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// After a failure, doubled for each further one.
const FIRST_BACK_OFF: Duration = Duration::from_mins(1);
/// A command that runs longer is ended.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);

/// Keeps what the file lists until SIGTERM or SIGINT.
pub(super) async fn run(options: &Options, keep: Keep) -> anyhow::Result<()> {
    let plan = Plan::read(&keep.file)?;
    let session = plan.session(options)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut failures = vec![0_u32; plan.certificate.len()];
    loop {
        let mut soonest = LOOK_EVERY;
        let mut failed = 0;
        for (kept, failures) in plan.certificate.iter().zip(&mut failures) {
            let wait = match look(&session, kept).await {
                Ok(next) => {
                    *failures = 0;
                    next
                }
                Err(error) => {
                    failed += 1;
                    let wait = FIRST_BACK_OFF.saturating_mul(1 << (*failures).min(6)).min(LOOK_EVERY);
                    *failures = failures.saturating_add(1);
                    eprintln!("{}: {}", kept.certificate_file.display(), crate::message::of(&error));
                    wait
                }
            };
            soonest = soonest.min(wait);
        }
        if keep.once {
            match failed {
                0 => return Ok(()),
                failed => bail!("{failed} of {} certificates could not be kept", plan.certificate.len()),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(soonest.max(Duration::from_secs(5))) => {}
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Renews if it is time; answers when to look again.
async fn look(session: &Session, kept: &Kept) -> anyhow::Result<Duration> {
    let present = Pair::read(&kept.certificate_file, &kept.key_file)?;
    let wanted = match &kept.source()? {
        Source::Role(role) => renewed(session, kept, role, present.as_ref()).await?,
        Source::Follow(name) => followed(session, name, present.as_ref()).await?,
    };
    if let Some(new) = wanted {
        kept.write(&new)?;
        let until = Pair::read(&kept.certificate_file, &kept.key_file)?
            .context("what was written does not fit together")?
            .not_after();
        session.out.note(&format!("{}: new, valid until {until}", kept.certificate_file.display()));
    }
    if kept.is_run_due() {
        kept.run_command(COMMAND_LIMIT).await?;
    }
    let pair = Pair::read(&kept.certificate_file, &kept.key_file)?.context("the files are gone again")?;
    Ok(Duration::from_secs(pair.seconds_to_renewal(kept.renew_before()?)?))
}

/// What is to be written to the files.
pub(super) struct New {
    pub(super) key: Zeroizing<String>,
    pub(super) chain: String,
    pub(super) root: String,
}

/// A new certificate under a role, with a key made here that leaves this host never; none while the present one is good.
async fn renewed(
    session: &Session,
    kept: &Kept,
    role: &str,
    present: Option<&Pair>,
) -> anyhow::Result<Option<New>> {
    let known = match present {
        Some(pair) if pair.is_for(&kept.names) => known(session, pair).await?,
        _ => None,
    };
    if let (Some(pair), Some(known)) = (present, &known)
        && text(known, "status") == "active"
        && pair.seconds_to_renewal(kept.renew_before()?)? > 0
    {
        return Ok(None);
    }
    let (key, csr_pem) = pair::request(&kept.names, kept.key_type()?)?;
    let mut body = json!({"csr_pem": csr_pem});
    if let Some(ttl) = &kept.ttl {
        body["ttl"] = ttl.as_str().into();
    }
    let issued = match known.as_ref().filter(|known| text(known, "status") == "active") {
        Some(known) => {
            let path = ["v1", "pki", "certificates", &text(known, "id"), "renew"];
            match session.api.post(&path, &body).await {
                // It may have been renewed otherwise, or its role may have changed; the role decides anew.
                Err(error) if is_refused(&error) => {
                    session.api.post(&["v1", "pki", "sign", role], &body).await?
                }
                other => other?,
            }
        }
        None => session.api.post(&["v1", "pki", "sign", role], &body).await?,
    };
    let (chain, root) = chain(&issued)?;
    Ok(Some(New { key, chain, root }))
}

fn is_refused(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| matches!(refusal.status(), 403 | 404 | 409 | 422))
}

/// What the server knows of a certificate.
async fn known(session: &Session, pair: &Pair) -> anyhow::Result<Option<Value>> {
    let query = [("fingerprint_sha256", pair.fingerprint()?), ("include_revoked", "true".to_owned())];
    let listed = session.api.list(&["v1", "pki", "certificates"], &query, "certificates", 1).await?;
    Ok(listed.rows.into_iter().next())
}

/// The newest certificate for a name that the server renews on its own, with its key; none while the files have it.
async fn followed(session: &Session, name: &str, present: Option<&Pair>) -> anyhow::Result<Option<New>> {
    let query = [("san", name.to_owned()), ("status", "active".to_owned())];
    let listed = session.api.list(&["v1", "pki", "certificates"], &query, "certificates", 20).await?;
    let Some(newest) = listed.rows.iter().find(|found| {
        found["has_private_key"] == true && found["renewed_by"].is_null() && !found["acme_order_id"].is_null()
    }) else {
        bail!("the server has no certificate from an ACME server for {name} whose key it keeps");
    };
    if let Some(pair) = present
        && pair.fingerprint()? == text(newest, "fingerprint_sha256")
    {
        return Ok(None);
    }
    let id = text(newest, "id");
    let found = session.api.get(&["v1", "pki", "certificates", &id], &[]).await?;
    let key = session.api.post(&["v1", "pki", "certificates", &id, "private-key"], &json!({})).await?;
    let key = key["private_key"].as_str().context("the server answered without a key")?;
    let above = super::pem::certificates(&text(&found, "chain_pem"));
    let chain = super::pem::certificates(&text(&found, "certificate_pem")).concat() + &above.concat();
    let root = above.last().cloned().unwrap_or_default();
    Ok(Some(New { key: Zeroizing::new(key.to_owned()), chain, root }))
}

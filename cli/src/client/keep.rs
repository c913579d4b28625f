//! `certmill keep`: certificates on a host that are renewed in time, without anybody thinking of it.

mod access;
mod by_itself;
mod names;
mod pair;
mod plan;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use super::issue::chain;
use super::output::text;
use super::{Failure, Options};
use access::Access;
use certmill_client::{Api, CallError, Refusal};
use certmill_domain::Timestamp;
use pair::Pair;
use plan::{Kept, Plan, Source};

pub(super) const EXAMPLE: &str = "\
Example of a file:
  profile = \"ca.internal\"             # or url and token_file
  auth = \"certificate\"                 # optional: only the first certificate needs a token
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
/// Short-lived certificates are not looked at more often.
const SHORTEST_WAIT: Duration = Duration::from_secs(5);
/// A command that runs longer is ended.
const COMMAND_LIMIT: Duration = Duration::from_mins(2);

/// Keeps what the file lists until SIGTERM or SIGINT, which may come at any moment: files are replaced as wholes.
pub(super) async fn run(options: &Options, keep: Keep) -> anyhow::Result<()> {
    let plan = Plan::read(&keep.file)?;
    // A mistake in how the server is reached shows at the start.
    let access = plan.access(options)?;
    if keep.once {
        return match round(&access, &plan, &mut vec![0; plan.certificate.len()]).await {
            Round { failed: 0, .. } => Ok(()),
            Round { failed, .. } => {
                bail!("{failed} of {} certificates could not be kept", plan.certificate.len())
            }
        };
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = for_ever(options, &keep.file, plan) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn for_ever(options: &Options, file: &Path, mut plan: Plan) {
    let mut failures = vec![0; plan.certificate.len()];
    loop {
        // The plan and the token are read again each time, since both may have been replaced. A file with a mistake
        // does not end what the one before it asked for.
        match Plan::read(file) {
            Ok(now) => plan = now,
            Err(error) => eprintln!("{}", crate::message::of(&error)),
        }
        failures.resize(plan.certificate.len(), 0);
        let wait = match plan.access(options) {
            Ok(access) => round(&access, &plan, &mut failures).await.wait,
            Err(error) => {
                eprintln!("{}", crate::message::of(&error));
                FIRST_BACK_OFF
            }
        };
        tokio::time::sleep(wait.max(SHORTEST_WAIT)).await;
    }
}

/// What came of one look at everything.
struct Round {
    failed: usize,
    /// Until the next one.
    wait: Duration,
}

/// Looks at each certificate. `failures` counts how often each has failed in a row.
async fn round(access: &Access, plan: &Plan, failures: &mut [u32]) -> Round {
    let mut round = Round { failed: 0, wait: LOOK_EVERY };
    for (kept, failures) in plan.certificate.iter().zip(failures) {
        let wait = match look(access, kept).await {
            Ok(next) => {
                *failures = 0;
                next
            }
            Err(error) => {
                round.failed += 1;
                let wait = FIRST_BACK_OFF.saturating_mul(1 << (*failures).min(6));
                *failures = failures.saturating_add(1);
                eprintln!("{}: {}", kept.certificate_file.display(), crate::message::of(&error));
                wait
            }
        };
        round.wait = round.wait.min(wait);
    }
    round
}

/// Renews if it is time; answers when to look again.
async fn look(access: &Access, kept: &Kept) -> anyhow::Result<Duration> {
    let source = kept.source()?;
    let present = Pair::read(&kept.certificate_file, &kept.key_file)?;
    let (new, made) = match &source {
        Source::Role(role) => renewed(access, kept, role, present.as_ref()).await?,
        Source::Follow(name) => {
            let api = access.by_token("what is followed is read with a token")?;
            (followed(api, kept, name, present.as_ref()).await?, None)
        }
    };
    let is_new = new.is_some();
    let pair = match new {
        Some(new) => {
            kept.write(&new)?;
            let pair = Pair::read(&kept.certificate_file, &kept.key_file)?;
            let pair = pair.context("what was written does not fit together")?;
            access.out.note(&format!(
                "{}: new, valid until {}",
                kept.certificate_file.display(),
                pair.not_after()
            ));
            pair
        }
        None => present.context("there is no certificate")?,
    };
    if kept.is_run_due() {
        kept.run_command(COMMAND_LIMIT).await?;
    }
    let Source::Role(_) = source else {
        // The service renews it when it sees fit.
        return Ok(LOOK_EVERY);
    };
    let wait = pair.seconds_to_renewal(kept.renew_before()?, made)?;
    if is_new && wait == 0 {
        // Another one would be as this one is.
        bail!(
            "the new certificate is valid until {}, which is over by the clock of this host: set the clock",
            pair.not_after()
        );
    }
    Ok(Duration::from_secs(wait))
}

/// What is to be written to the files.
pub(super) struct New {
    pub(super) key: Zeroizing<String>,
    pub(super) chain: String,
    pub(super) root: String,
}

/// A new certificate under a role, with a key made here that leaves this host never; none while the present one is good. And since
/// when there is the one that is good then, in Unix seconds, as far as anybody knows.
async fn renewed(
    access: &Access,
    kept: &Kept,
    role: &str,
    present: Option<&Pair>,
) -> anyhow::Result<(Option<New>, Option<i64>)> {
    let mut why = String::new();
    if access.by_certificate {
        match by_itself::renewed(access, kept, present).await {
            Ok(found) => return Ok(found),
            Err(error) => match error.downcast::<Failure>()? {
                Failure::NotSignedIn(reason) => why = reason,
                other => return Err(other.into()),
            },
        }
        if access.has_token() {
            access.out.note(&format!("{}: {why}; the token is used", kept.certificate_file.display()));
        }
    }
    let api = access.by_token(&why)?;
    let names = kept.names()?;
    let good = match present.filter(|pair| pair.is_for(&names)) {
        Some(pair) => good(api, role, pair).await?.map(|good| (pair, good)),
        None => None,
    };
    if let Some((pair, good)) = &good {
        if good.id.is_some() && pair.has_ended()? {
            bail!(
                "the server has it as active, and by the clock of this host it ended at {}: set the clock",
                pair.not_after()
            );
        }
        if pair.seconds_to_renewal(kept.renew_before()?, good.made)? > 0 {
            return Ok((None, good.made));
        }
    }
    kept.check_places()?;
    let (key, csr_pem) = pair::request(&names, kept.key_type()?)?;
    let mut body = json!({"csr_pem": csr_pem});
    if let Some(ttl) = &kept.ttl {
        body["ttl"] = ttl.as_str().into();
    }
    let issued = match good.and_then(|(_, good)| good.id) {
        Some(id) => {
            let path = ["v1", "pki", "certificates", &id, "renew"];
            match api.post(&path, &body).await {
                // It may have been renewed elsewhere, or its role may have changed: the role decides anew.
                Err(CallError::Refused(refusal)) if is_refused(&refusal) => {
                    api.post(&["v1", "pki", "sign", role], &body).await?
                }
                other => other?,
            }
        }
        None => api.post(&["v1", "pki", "sign", role], &body).await?,
    };
    let (chain, root) = chain(&issued)?;
    Ok((Some(New { key, chain, root }), Some(pair::unix_now()?)))
}

/// A certificate that counts.
struct Good {
    /// Its id; none of one that the server does not keep.
    id: Option<String>,
    /// When it was made, in Unix seconds.
    made: Option<i64>,
}

/// Whether the certificate counts for the server; none when another one is needed.
async fn good(api: &Api, role: &str, pair: &Pair) -> anyhow::Result<Option<Good>> {
    if let Some(known) = known(api, pair).await? {
        let made = Timestamp::parse_rfc3339(&text(&known, "created_at")).map(Timestamp::unix_seconds);
        let good = Good { id: Some(text(&known, "id")), made };
        return Ok((text(&known, "status") == "active").then_some(good));
    }
    // Under some roles nothing is stored: then what the CA of the role has signed is taken as it is.
    let role = api.get(&["v1", "pki", "roles", role], &[]).await?;
    if role["no_store"] != true {
        return Ok(None);
    }
    let ca = api.get(&["v1", "pki", "ca", &text(&role, "ca_id"), "certificate"], &[]).await?;
    Ok(pair.is_from(&text(&ca, "certificate_pem"))?.then_some(Good { id: None, made: None }))
}

fn is_refused(refusal: &Refusal) -> bool {
    matches!(refusal.status(), 403 | 404 | 409 | 422)
}

/// What the server knows of a certificate.
async fn known(api: &Api, pair: &Pair) -> anyhow::Result<Option<Value>> {
    let query = [("fingerprint_sha256", pair.fingerprint()?), ("include_revoked", "true".to_owned())];
    let listed = api.list(&["v1", "pki", "certificates"], &query, "certificates", 1).await?;
    Ok(listed.rows.into_iter().next())
}

/// The newest certificate for a name that the server renews on its own, with its key; none while the files have it.
async fn followed(api: &Api, kept: &Kept, name: &str, present: Option<&Pair>) -> anyhow::Result<Option<New>> {
    let query = [("san", name.to_owned()), ("status", "active".to_owned())];
    let listed = api.list(&["v1", "pki", "certificates"], &query, "certificates", 20).await?;
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
    kept.check_places()?;
    let id = text(newest, "id");
    let found = api.get(&["v1", "pki", "certificates", &id], &[]).await?;
    let key = api.post(&["v1", "pki", "certificates", &id, "private-key"], &json!({})).await?;
    let key = key["private_key"].as_str().context("the server answered without a key")?;
    let above = super::pem::certificates(&text(&found, "chain_pem"));
    let chain = super::pem::certificates(&text(&found, "certificate_pem")).concat() + &above.concat();
    let root = above.last().cloned().unwrap_or_default();
    Ok(Some(New { key: Zeroizing::new(key.to_owned()), chain, root }))
}

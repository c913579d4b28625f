//! What the database says.

use std::time::{Duration, Instant};

use certmill_config::Config;
use certmill_domain::{Clock, SystemClock, Timestamp};
use certmill_service::jobs::JobKind;
use certmill_service::recovery;
use certmill_storage::figures::CaFigures;
use certmill_storage::{Database, SchemaState, StorageError, figures, jobs, schedules};

use super::findings::Findings;
use crate::backup::root_key_text;
use crate::{compose, message};

/// A round trip that takes longer than this makes every call slow.
const SLOW: Duration = Duration::from_millis(100);
/// How far this machine's clock may be from the database's until the service takes no work.
const CLOCK_OFF: f64 = 5.0;
/// A difference that a clock which is set by NTP does not have.
const CLOCK_DOUBTFUL: f64 = 1.0;
const DAY: Duration = Duration::from_hours(24);
/// CAs that are looked at: those that end first.
const MOST_CAS: i64 = 10_000;
/// A CA is replaced long before its end, since it issues nothing that lives longer.
const CA_SOON: Duration = Duration::from_hours(90 * 24);
const CA_NOW: Duration = Duration::from_hours(14 * 24);
/// The most frequent periodic work is done every 30 s.
const WORKERS_AWAY: Duration = Duration::from_mins(2);
/// Work that should have been done by now.
const WORK_LATE: Duration = Duration::from_mins(5);

/// Whether it answers quickly and can be written.
pub(super) async fn database(config: &Config, database: &Database, findings: &mut Findings) {
    let shown = config.database_shown();
    let start = Instant::now();
    match database.ping().await {
        Err(error) => findings.failure(
            "database",
            format!("{shown}: {error}"),
            "the service answers 503 until this is mended; nothing needs a restart",
        ),
        Ok(()) if start.elapsed() > SLOW => findings.warning(
            "database",
            format!("{shown} answers after {} ms", start.elapsed().as_millis()),
            "bring processes and database closer together, or see what else the server does",
        ),
        Ok(()) => findings.ok("database", format!("{shown} answers")),
    }
}

/// Whether the schema is that of this program; `false` when its rows cannot be read.
pub(super) async fn schema(database: &Database, findings: &mut Findings) -> bool {
    match database.schema_state().await {
        Ok(SchemaState::Current) => {
            findings.ok("schema", "it is that of this version");
            true
        }
        Ok(SchemaState::Newer { version }) => {
            findings.warning(
                "schema",
                format!("a newer version of certmill has brought it to migration {version}"),
                "finish the upgrade of this machine's certmill",
            );
            true
        }
        Ok(SchemaState::Behind { missing }) => {
            findings.failure(
                "schema",
                format!("{missing} migrations are missing"),
                "back up, then run `certmill migrate` with the same settings",
            );
            false
        }
        Err(error) => {
            findings.failure("schema", error.to_string(), "see that this is a database of certmill");
            false
        }
    }
}

/// Whether this machine's clock agrees with the database server's.
#[expect(clippy::cast_precision_loss, reason = "a difference of clocks in microseconds is far below 2^52")]
pub(super) async fn clock(database: &Database, findings: &mut Findings) {
    let before = SystemClock.now();
    let server = match database.server_time().await {
        Ok(Some(time)) => time,
        Ok(None) => {
            return findings.ok("clock", "the embedded database has no other clock than this machine's");
        }
        Err(error) => return unreadable("clock", &error, findings),
    };
    let after = SystemClock.now();
    // It was asked somewhere between the two.
    let own = before.unix_micros().midpoint(after.unix_micros());
    let off = own.saturating_sub(server.unix_micros()) as f64 / 1_000_000.0;
    let told = format!("this machine's clock is {off:+.1} s off the database's");
    if off.abs() > CLOCK_OFF {
        findings.failure("clock", told, "have both set by NTP: a process with such a clock does no work");
    } else if off.abs() > CLOCK_DOUBTFUL {
        findings.warning("clock", told, "have both set by NTP: from 5 s on a process does no work");
    } else {
        findings.ok("clock", told);
    }
}

/// Whether the root key opens what it must.
pub(super) async fn root_key(config: &Config, database: &Database, findings: &mut Findings) {
    let keys = root_key_text(config).and_then(|_| {
        let configured = config.root_key_text()?.is_some();
        let file = (!configured).then(|| config.data_dir.join("root.key"));
        compose::root_keys(&Config {
            root_key_file: file.or_else(|| config.root_key_file.clone()),
            ..config.clone()
        })
    });
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            return findings.failure(
                "root_key",
                message::of(&error),
                "without it no private key can be opened",
            );
        }
    };
    let contents = match database.contents().await {
        Ok(contents) => contents,
        Err(error) => return unreadable("root_key", &error, findings),
    };
    match recovery::open_keys(&keys, &contents) {
        Ok(opened) => findings.ok(
            "root_key",
            format!(
                "{} opens the keys of all tenants ({}) and a private key of each that has CAs ({})",
                keys.current_id(),
                opened.tenant_keys,
                opened.ca_keys
            ),
        ),
        Err(error) => findings.failure(
            "root_key",
            message::of(&error.into()),
            "set the root key that belongs to this database; former ones are named by previous_root_key_files",
        ),
    }
}

/// Which CAs come to their end, and whose CRLs are late.
pub(super) async fn authorities(database: &Database, findings: &mut Findings) {
    let now = SystemClock.now();
    let found = async {
        let mut session = database.read_system().await?;
        figures::cas(&mut session, now, MOST_CAS).await
    };
    let cas = match found.await {
        Ok(cas) => cas,
        Err(error) => return unreadable("cas", &error, findings),
    };
    let ending: Vec<String> = cas
        .iter()
        .filter(|ca| ca.not_after < now.plus(CA_SOON))
        .map(|ca| format!("{} on {}", ca.id, ca.not_after))
        .collect();
    let advice = "make its successor and let roles issue under that one: nothing lives longer than its CA";
    match cas.first() {
        None => findings.ok("cas", "none is in use"),
        Some(first) if first.not_after < now.plus(CA_NOW) => {
            findings.failure("cas", format!("these end soon: {}", some(&ending)), advice);
        }
        Some(_) if !ending.is_empty() => {
            findings.warning("cas", format!("these end within 90 days: {}", some(&ending)), advice);
        }
        Some(_) => findings.ok("cas", format!("{} in use, none ends within 90 days", cas.len())),
    }
    let over = |end: fn(&CaFigures) -> Option<Timestamp>| -> Vec<String> {
        cas.iter().filter(|ca| end(ca).is_some_and(|end| end < now)).map(|ca| ca.id.clone()).collect()
    };
    let (lists, deltas) = (over(|ca| ca.next_update), over(|ca| ca.deltas.map(|deltas| deltas.next_update)));
    if !lists.is_empty() {
        return findings.failure(
            "crl_ends",
            format!("the CRLs of these CAs are past their end: {}", some(&lists)),
            "relying parties may refuse every certificate: start a worker, and see the dead jobs of the kind rebuild_crl",
        );
    }
    if !deltas.is_empty() {
        return findings.warning(
            "crl_ends",
            format!("the delta CRLs of these CAs are past their end: {}", some(&deltas)),
            "relying parties learn of revocations by the full lists only: start a worker, and see the dead jobs of the kind \
             rebuild_delta_crl",
        );
    }
    findings.ok("crl_ends", "no CRL is past its end");
}

/// Whether anybody does the work, and what was given up.
pub(super) async fn workers(database: &Database, findings: &mut Findings) {
    let now = match database.server_time().await {
        Ok(time) => time.unwrap_or_else(|| SystemClock.now()),
        Err(error) => return unreadable("workers", &error, findings),
    };
    let (turns, late, counts) = match work(database, now).await {
        Ok(found) => found,
        Err(error) => return unreadable("workers", &error, findings),
    };
    let sweep = turns.iter().find(|(name, _)| name == JobKind::Sweep.as_str()).map(|(_, next)| *next);
    let start = "start `certmill worker`, or `certmill serve --with-worker`: nothing is revoked in CRLs or renewed without";
    match sweep {
        None => findings.failure("workers", "no worker has ever run on this database", start),
        Some(next) if next < now.minus(WORKERS_AWAY) => findings.failure(
            "workers",
            format!("no worker has done anything since {next}, {} minutes ago", now.since(next).as_secs() / 60),
            start,
        ),
        Some(_) if !late.is_empty() => findings.warning(
            "workers",
            format!("work waits for longer than 5 minutes: {}", some(&late)),
            "see `certmill job list` and the logs of the workers; start more of them, or raise worker.concurrency",
        ),
        Some(_) => findings.ok("workers", "they are at work, and nothing waits for longer than 5 minutes"),
    }
    let dead: Vec<String> = counts
        .into_iter()
        .filter(|(_, state, _)| state == "dead")
        .map(|(kind, _, count)| format!("{kind} ({count})"))
        .collect();
    if dead.is_empty() {
        return findings.ok("dead_jobs", "none");
    }
    findings.warning(
        "dead_jobs",
        format!("work was given up: {}", some(&dead)),
        "`certmill job list --state dead` says why; mend that, then `certmill job retry`",
    );
}

type Work = (Vec<(String, Timestamp)>, Vec<String>, Vec<(String, String, i64)>);

async fn work(database: &Database, now: Timestamp) -> Result<Work, StorageError> {
    let mut session = database.read_system().await?;
    let turns = schedules::list(&mut session).await?;
    let mut late = Vec::new();
    for kind in JobKind::ALL {
        let oldest = jobs::oldest_due(&mut session, kind.as_str(), now).await?;
        if oldest.is_some_and(|due| due < now.minus(WORK_LATE)) {
            late.push(kind.to_string());
        }
    }
    Ok((turns, late, jobs::counts(&mut session).await?))
}

/// Whether certificates are renewed, and tokens come to their end.
pub(super) async fn renewals(database: &Database, findings: &mut Findings) {
    let now = SystemClock.now();
    let found = async {
        let mut session = database.read_system().await?;
        let renewals = figures::renewals(&mut session, now).await?;
        Ok((renewals, figures::expiring_tokens(&mut session, now).await?))
    };
    let (renewals, tokens) = match found.await {
        Ok(found) => found,
        Err(error) => return unreadable("renewals", &error, findings),
    };
    if renewals.overdue > 0 {
        findings.failure(
            "renewals",
            format!(
                "{} should have been renewed more than {} h ago",
                renewals.overdue,
                DAY.as_secs() / 3_600
            ),
            "`certmill overview` and `certmill acme order list` say which and why",
        );
    } else if renewals.failing > 0 {
        findings.warning(
            "renewals",
            format!("the last try failed for {}", renewals.failing),
            "`certmill acme order list` says why; they are tried again",
        );
    } else {
        findings.ok("renewals", "none fails and none is late");
    }
    if tokens > 0 {
        findings.warning(
            "tokens",
            format!("{tokens} end within 7 days"),
            "`certmill token list` says which; make others for who needs them",
        );
    }
}

fn unreadable(check: &'static str, error: &StorageError, findings: &mut Findings) {
    findings.failure(check, error.to_string(), "mend the database first");
}

/// The first ones of a list.
fn some(list: &[String]) -> String {
    let shown = list.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match list.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

//! The rules for host names: `allowed_domains`, its switches, `allow_localhost` and `allow_any_name`.

use super::Violation;
use super::findings::{Asked, Findings};
use super::names::list;
use super::pattern::{Candidate, Switches, is_under};
use crate::Role;

/// Hosts that `allow_localhost` stands for.
const LOCAL_HOSTS: [&str; 2] = ["localhost", "localdomain"];
/// How many entries that did not match are explained for each name.
const MOST_MISSES: usize = 5;

/// Judges a host name, or the host of an e-mail address.
pub(super) fn judge<F: Findings>(
    role: &Role,
    asked: Asked<'_>,
    name: Candidate<'_>,
    findings: &mut F,
) -> Result<(), Violation> {
    let settings = role.settings();
    let switches = switches(role);
    if settings.allow_any_name {
        findings.permit("allow_any_name", asked, || "it permits every legal host name".to_owned());
        return Ok(());
    }
    if settings.allow_localhost
        && let Some(local) = local_host(name, settings.allow_subdomains)
    {
        let itself = name.host == local;
        if !itself {
            findings.opened("allow_subdomains");
        }
        let reason = || {
            if itself {
                format!("it permits `{local}`")
            } else {
                format!("`{}` is below `{local}` (allow_subdomains)", name.host)
            }
        };
        findings.permit("allow_localhost", asked, reason);
        return Ok(());
    }
    let Some((entry, opening)) = role.domains.first_opening(name, switches) else {
        let violation = asked.refused_by("allowed_domains", allowed_domains(role, switches));
        return findings.refuse(violation, || misses(role, name, switches));
    };
    if let Some(switch) = opening.switch() {
        findings.opened(switch);
    }
    findings.permit("allowed_domains", asked, || entry.permission(name, opening));
    Ok(())
}

fn local_host(name: Candidate<'_>, subdomains: bool) -> Option<&'static str> {
    LOCAL_HOSTS.into_iter().find(|local| name.host == *local || (subdomains && is_under(name, local)))
}

fn switches(role: &Role) -> Switches {
    let settings = role.settings();
    Switches {
        bare: settings.allow_bare_domains,
        subdomains: settings.allow_subdomains,
        globs: settings.allow_glob_domains,
        wildcards: settings.allow_wildcard_certificates,
    }
}

fn allowed_domains(role: &Role, switches: Switches) -> String {
    let open = role.domains.iter().filter(|entry| entry.is_open(switches));
    let described = open.map(|entry| entry.describe(switches));
    let closed = "none of the entries of allowed_domains, since allow_bare_domains, allow_subdomains and \
                  allow_glob_domains do not open them";
    let all_closed = !role.domains.is_empty() && !role.domains.iter().any(|entry| entry.is_open(switches));
    let local = role.settings().allow_localhost.then_some("`localhost`");
    let others = all_closed.then_some(closed).into_iter().chain(local).map(ToOwned::to_owned);
    match list("", described.chain(others)) {
        none if none == "none" => "no host names: allowed_domains is empty".to_owned(),
        some => some,
    }
}

/// Why neither an entry nor `allow_localhost` permits the name, what is nearest first.
fn misses(role: &Role, name: Candidate<'_>, switches: Switches) -> Vec<String> {
    let mut entries: Vec<_> =
        role.domains.iter().map(|entry| (entry.nearness(name, switches), entry)).collect();
    entries.sort_by_key(|(nearness, _)| *nearness);
    let more = entries.len().saturating_sub(MOST_MISSES);
    let mut words: Vec<String> = local_miss(role, name).into_iter().collect();
    words.extend(entries.into_iter().take(MOST_MISSES).map(|(_, entry)| entry.miss(name, switches)));
    match more {
        0 => {}
        1 => words.push("1 more entry does not match".to_owned()),
        more => words.push(format!("{more} more entries do not match")),
    }
    words
}

fn local_miss(role: &Role, name: Candidate<'_>) -> Option<String> {
    let local = local_host(name, true)?;
    let settings = role.settings();
    let below = name.host != local;
    let missing: Vec<&str> = [
        ("allow_localhost", !settings.allow_localhost),
        ("allow_subdomains", below && !settings.allow_subdomains),
    ]
    .into_iter()
    .filter_map(|(switch, missing)| missing.then_some(switch))
    .collect();
    let what = if below { format!("a name below `{local}`") } else { format!("`{local}`") };
    Some(format!("{what} needs {}", missing.join(" and ")))
}

//! The validity rules: `ttl`, `max_ttl`, `not_after`, `not_before_duration` and the issuer's own end.

use super::findings::{Asked, Findings};
use super::{IssuerWindow, Violation};
use crate::{Role, Timestamp, Ttl};

/// Start and end in whole seconds: now less `not_before_duration`, but not before the issuer's start, and
/// now plus the ttl. An end beyond the issuer's is refused, never cut; the role's own `not_after` is the end of what names no
/// ttl.
pub(super) fn judge<F: Findings>(
    role: &Role,
    requested: Option<&Ttl>,
    issuer: &IssuerWindow,
    findings: &mut F,
) -> Result<(Timestamp, Timestamp), Violation> {
    let ttl = requested.unwrap_or(&role.ttl);
    let asked = Asked::new("ttl", ttl.as_str());
    if requested.is_none() {
        findings.permit("ttl", asked, || "the request names no ttl, so the role's is taken".to_owned());
    }
    if ttl.seconds() == 0 {
        return Err(asked.illegal("a certificate has to live for at least one second"));
    }
    let longest = judge_length(role, ttl, asked, findings);
    let times = judge_end(role, (ttl, requested.is_some()), issuer.now.whole_seconds(), findings)
        .and_then(|end| judge_window(role, (ttl, end), issuer, findings));
    findings.both(longest, times).map(|((), times)| times)
}

fn judge_length<F: Findings>(
    role: &Role,
    ttl: &Ttl,
    asked: Asked<'_>,
    findings: &mut F,
) -> Result<(), Violation> {
    if ttl.seconds() > role.max_ttl.seconds() {
        return Err(asked.refused_by("max_ttl", format!("at most {}", role.max_ttl)));
    }
    findings.permit("max_ttl", asked, || format!("{ttl} is within the longest validity of {}", role.max_ttl));
    Ok(())
}

/// The end by ttl and `not_after`.
fn judge_end<F: Findings>(
    role: &Role,
    (ttl, is_requested): (&Ttl, bool),
    now: Timestamp,
    findings: &mut F,
) -> Result<Timestamp, Violation> {
    let asked = Asked::new("ttl", ttl.as_str());
    let by_ttl = now.plus(ttl.duration());
    let Some(last) = role.settings().not_after.map(Timestamp::whole_seconds) else {
        return Ok(by_ttl);
    };
    if last <= now {
        let allowed = format!("nothing more, since certificates of the role end at {last}");
        return Err(asked.refused_by("not_after", allowed));
    }
    if is_requested && by_ttl > last {
        let longest = last.since(now).as_secs();
        let allowed =
            format!("a ttl of at most {longest}s now, since certificates of the role end at {last}");
        return Err(asked.refused_by("not_after", allowed));
    }
    findings.permit("not_after", asked, || format!("certificates of the role end at {last} at the latest"));
    Ok(by_ttl.min(last))
}

fn judge_window<F: Findings>(
    role: &Role,
    (ttl, not_after): (&Ttl, Timestamp),
    issuer: &IssuerWindow,
    findings: &mut F,
) -> Result<(Timestamp, Timestamp), Violation> {
    let asked = Asked::new("ttl", ttl.as_str());
    let now = issuer.now.whole_seconds();
    let end = issuer.not_after.whole_seconds();
    if now < issuer.not_before.whole_seconds() {
        let allowed = format!("nothing before the CA's validity begins at {}", issuer.not_before);
        return Err(asked.refused_by("ca_validity", allowed));
    }
    if now >= end {
        let allowed = format!("nothing more, since {} ends at {end}", issuer.whose());
        return Err(asked.refused_by("ca_validity", allowed));
    }
    if not_after > end {
        let longest = end.since(now).as_secs();
        let last = role.settings().not_after.filter(|last| last.whole_seconds() == not_after);
        let before = last.map(|last| format!(", before the role's not_after of {last}")).unwrap_or_default();
        let allowed =
            format!("a ttl of at most {longest}s now, since {} ends at {end}{before}", issuer.whose());
        return Err(asked.refused_by("ca_validity", allowed));
    }
    findings.permit("ca_validity", asked, || {
        format!("the certificate would end at {not_after}, and {} ends at {end}", issuer.whose())
    });
    let backdated = &role.settings().not_before_duration;
    let wanted = issuer.now.minus(backdated.duration());
    let start = wanted.max(issuer.not_before).whole_seconds();
    findings.permit("not_before_duration", Asked::new("", backdated.as_str()), || {
        let cut = if wanted < issuer.not_before { ", where the CA's own validity begins" } else { "" };
        format!("the certificate would be valid from {start}{cut}")
    });
    Ok((start, not_after))
}

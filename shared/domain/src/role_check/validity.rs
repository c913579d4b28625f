//! The validity rules: `ttl`, `max_ttl`, `not_before_duration` and the issuer's own end.

use super::{IssuerWindow, Violation};
use crate::{Role, Timestamp, Ttl};

/// Start and end in whole seconds: now less `not_before_duration`, but not before the issuer's start, and
/// now plus the ttl. An end beyond the issuer's is refused, never cut.
pub(super) fn approve(
    role: &Role,
    requested: Option<&Ttl>,
    issuer: &IssuerWindow,
) -> Result<(Timestamp, Timestamp), Violation> {
    let ttl = requested.unwrap_or(&role.ttl);
    if ttl.seconds() == 0 {
        return Err(Violation::syntax(
            "ttl",
            ttl.as_str(),
            "a certificate has to live for at least one second",
        ));
    }
    if ttl.seconds() > role.max_ttl.seconds() {
        let allowed = format!("at most {}", role.max_ttl);
        return Err(Violation::new("max_ttl", "ttl", ttl.as_str(), allowed));
    }
    let now = issuer.now.whole_seconds();
    let end = issuer.not_after.whole_seconds();
    if now < issuer.not_before.whole_seconds() {
        let allowed = format!("nothing before the CA's validity begins at {}", issuer.not_before);
        return Err(Violation::new("ca_validity", "ttl", ttl.as_str(), allowed));
    }
    if now >= end {
        let allowed = format!("nothing more, since the CA's validity ends at {end}");
        return Err(Violation::new("ca_validity", "ttl", ttl.as_str(), allowed));
    }
    let not_after = now.plus(ttl.duration());
    if not_after > end {
        let longest = end.since(now).as_secs();
        let allowed = format!("a ttl of at most {longest}s now, since the CA's validity ends at {end}");
        return Err(Violation::new("ca_validity", "ttl", ttl.as_str(), allowed));
    }
    let start = issuer.now.minus(role.settings().not_before_duration.duration());
    Ok((start.max(issuer.not_before).whole_seconds(), not_after))
}

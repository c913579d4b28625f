//! The zones of a provider: which names they may have, and whether the provider serves them.

use std::time::Duration;

use certmill_dns::{DnsError, DnsProvider as Client};
use certmill_domain::{DnsProvider, TenantId};
use certmill_x509::DnsName;
use futures_util::{StreamExt, stream};

use super::credentials::Configuration;
use super::unusable;
use crate::{App, ServiceError};

const MOST_ZONES: usize = 1_000;
/// Octets of a name in text, and of a label.
const LONGEST_ZONE: usize = 253;
const LONGEST_LABEL: usize = 63;
/// How many zones are asked for at once, how long that may take for all of them, and how many that fail are named.
const AT_ONCE: usize = 8;
const LIMIT: Duration = Duration::from_secs(40);
const NAMED: usize = 10;

/// Proves the credentials by a read and every zone of the tenant's, and notes which zones the provider tells of.
pub(super) async fn verify(
    app: &App,
    tenant: TenantId,
    provider: &mut DnsProvider,
    parsed: &Configuration,
) -> Result<(), ServiceError> {
    let client = parsed.open().map_err(unusable)?;
    let _place = app.place_to_call_out(tenant).await?;
    let proven = tokio::time::timeout(LIMIT, prove(&*client, &provider.zones)).await;
    let slow = || {
        let message = format!("its zones could not be proven within {} s", LIMIT.as_secs());
        unusable(DnsError::Unavailable(message))
    };
    provider.discovered_zones = proven.map_err(|_| slow())??;
    provider.verified_at = Some(app.now());
    provider.last_error = None;
    Ok(())
}

/// Answers the zones that the provider tells of.
async fn prove(client: &dyn Client, zones: &[String]) -> Result<Vec<String>, ServiceError> {
    let told = client.verify().await.map_err(unusable)?;
    let mut unserved = Vec::new();
    if told.is_empty() {
        let mut asked = Vec::new();
        for zone in zones {
            asked.push(async move { (zone, client.prove_zone(zone).await) });
        }
        let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
        for (zone, answer) in answers {
            match answer {
                Ok(()) => {}
                Err(DnsError::ZoneNotFound(_)) => unserved.push(zone),
                Err(error) => return Err(unusable(error)),
            }
        }
    } else {
        unserved.extend(zones.iter().filter(|zone| !told.iter().any(|served| is_below(zone, served))));
    }
    if unserved.is_empty() {
        return Ok(told);
    }
    let named: Vec<String> = unserved.iter().take(NAMED).map(|zone| format!("`{zone}`")).collect();
    let rest = match unserved.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let has = match told.len() {
        0 => "the server has no such zone".to_owned(),
        _ => format!("the provider has {}", told.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ")),
    };
    Err(ServiceError::field("zones", format!("not served: {}{rest}; {has}", named.join(", "))))
}

fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Zones in A-labels and lower case, without doubles.
pub(super) fn checked_zones(zones: Vec<String>) -> Result<Vec<String>, ServiceError> {
    if zones.len() > MOST_ZONES {
        return Err(ServiceError::field(
            "zones",
            format!("has {} entries; at most {MOST_ZONES}", zones.len()),
        ));
    }
    let mut checked = Vec::with_capacity(zones.len());
    for zone in zones {
        checked.push(zone_name(&zone).map_err(|problem| ServiceError::field("zones", problem))?);
    }
    checked.sort_unstable();
    checked.dedup();
    Ok(checked)
}

/// The name of a zone. It is no host name: zones such as `_acme-challenge.kube.example.com` and names with underscores are
/// delegated like any other (RFC 2181 section 11), so only labels in Unicode are read by the rules of host names.
fn zone_name(text: &str) -> Result<String, String> {
    let shown: String = text.chars().filter(|character| !character.is_control()).take(64).collect();
    if text.contains('*') {
        return Err(format!("`{shown}` is a wildcard: name the zone itself"));
    }
    let mut labels = Vec::new();
    for label in text.strip_suffix('.').unwrap_or(text).split('.') {
        labels.push(if label.is_ascii() {
            label.to_ascii_lowercase()
        } else {
            label.parse::<DnsName>().map_err(|error| error.to_string())?.as_str().to_owned()
        });
    }
    let name = labels.join(".");
    let is_label = |label: &str| {
        let legal = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet));
        legal && (1..=LONGEST_LABEL).contains(&label.len())
    };
    if name.len() > LONGEST_ZONE || !name.split('.').all(is_label) {
        return Err(format!(
            "`{shown}` is no zone: it must have labels of 1 to {LONGEST_LABEL} letters, digits, hyphens and underscores, \
             joined by dots, and at most {LONGEST_ZONE} characters"
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_may_be_any_name() {
        for (text, name) in [
            ("_acme-challenge.kube.example.com", "_acme-challenge.kube.example.com"),
            ("Example.COM.", "example.com"),
            ("a_b.example.com", "a_b.example.com"),
            ("internal", "internal"),
            ("2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"),
            ("xn--i-7iq.ws", "xn--i-7iq.ws"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("_acme-challenge.bücher.example", "_acme-challenge.xn--bcher-kva.example"),
            ("Bücher._B.example.", "xn--bcher-kva._b.example"),
        ] {
            assert_eq!(zone_name(text).as_deref(), Ok(name), "{text}");
        }
        let long = "a".repeat(64);
        for text in [
            "",
            ".",
            "a..b",
            "*.example.com",
            "a b.example",
            "ex/ample",
            &long,
            "_a.ü_b.example",
            "_ü.example.com",
            "ü..example",
            "ü.a b.example",
        ] {
            assert!(zone_name(text).is_err(), "{text}");
        }
        assert!(zone_name("*.example.com").unwrap_err().contains("wildcard"));
    }
}

//! The name rules: what is a legal name, IP, URI and e-mail names, wildcards, `require_cn`.

use std::net::IpAddr;
use std::str::FromStr;

use certmill_x509::{DnsName, EmailAddress, SubjectAltNames, UriName, X509Error};
use ipnet::IpNet;

use super::findings::{Asked, Findings};
use super::other_names::OtherPattern;
use super::pattern::{Candidate, UriPattern, fold_uri};
use super::{NameRequest, Violation, domains, other_names, printable};
use crate::Role;

/// X.520 ub-common-name (RFC 5280 Appendix A.1), in characters.
const LONGEST_COMMON_NAME: usize = 64;
/// More names than any client needs; a certificate of this size still passes TLS stacks.
const MOST_NAMES: usize = 1_000;
/// The most octets of all names of a certificate together: it stays well below the 64 KiB that an import takes, and that TLS
/// stacks take for a whole chain.
const MOST_OCTETS: usize = 32 << 10;
/// The most steps of trying patterns with `*`: some tenths of a second.
const MOST_GLOB_STEPS: usize = 1 << 28;
/// So many steps are taken on the spot: less than a millisecond.
const SHORT_CHECK: usize = 100_000;
/// How many entries of a role's list a violation shows.
const MOST_SHOWN: usize = 10;

/// The common name for the subject and all names for the extension. Names that were refused are among them
/// when the findings did not end the check.
pub(super) fn judge<F: Findings>(
    role: &Role,
    request: &NameRequest<'_>,
    findings: &mut F,
) -> Result<(Option<String>, SubjectAltNames), Violation> {
    let count = count(request);
    // Beyond the limit a list is not looked at: an explanation must not grow with whatever is sent.
    let judge_lists = findings.settle(refuse_too_much(role, request))?.is_some();
    let mut judging = Judging { role, sans: SubjectAltNames::default(), findings };
    let requested = request.common_name.as_deref().unwrap_or_default();
    let common_name = judging.common_name(requested)?;
    if judge_lists {
        request.alt_names.iter().try_for_each(|name| judging.any_name(Asked::new("alt_names", name)))?;
        request.ip_sans.iter().try_for_each(|name| judging.ip_text(Asked::new("ip_sans", name)))?;
        request.uri_sans.iter().try_for_each(|name| judging.uri(Asked::new("uri_sans", name)))?;
        let mut emails = request.email_sans.iter();
        emails.try_for_each(|name| judging.email(Asked::new("email_sans", name)).map(drop))?;
        request.other_sans.iter().try_for_each(|name| judging.other(Asked::new("other_sans", name)))?;
    }
    let mut sans = judging.sans;
    sans.dedup();
    findings.settle(refuse_too_many(longest_list(request), sans.len()))?;
    if requested.is_empty() && count == 0 {
        let right = "a certificate needs at least one name: give a common_name or a name in alt_names";
        return Err(Violation::syntax("alt_names", "", right));
    }
    Ok((common_name, sans))
}

/// Whether the request lists more names than are looked at.
pub(super) fn are_too_many(role: &Role, request: &NameRequest<'_>) -> bool {
    refuse_too_much(role, request).is_err()
}

fn refuse_too_much(role: &Role, request: &NameRequest<'_>) -> Result<(), Violation> {
    let field = longest_list(request);
    refuse_too_many(field, count(request))?;
    let steps = glob_steps(role, request);
    if steps <= MOST_GLOB_STEPS {
        let octets = |names: &[String]| names.iter().map(String::len).sum();
        return refuse_too_long([
            ("other_sans", octets(&request.other_sans)),
            ("email_sans", octets(&request.email_sans)),
            ("uri_sans", octets(&request.uri_sans)),
            ("ip_sans", octets(&request.ip_sans)),
            ("alt_names", octets(&request.alt_names)),
        ]);
    }
    let (octets, patterns) =
        (octets(request), role.domains.glob_octets() + uri_octets(role) + other_octets(role));
    let right = format!(
        "the octets of the names times those of the role's patterns with `*` may be {MOST_GLOB_STEPS} at most, \
         and the patterns have {patterns}: ask for fewer or shorter names"
    );
    Err(Violation::syntax(field, &format!("{octets} octets of names"), right))
}

/// The field that has the most names.
fn longest_list(request: &NameRequest<'_>) -> &'static str {
    let lists = [
        ("other_sans", request.other_sans.len()),
        ("email_sans", request.email_sans.len()),
        ("uri_sans", request.uri_sans.len()),
        ("ip_sans", request.ip_sans.len()),
        ("alt_names", request.alt_names.len()),
    ];
    lists.into_iter().max_by_key(|(_, names)| *names).map_or("alt_names", |(field, _)| field)
}

/// At most so many steps does it take to try all patterns on all names: a pattern with many stars takes as many as the product
/// of both lengths.
fn glob_steps(role: &Role, request: &NameRequest<'_>) -> usize {
    let uris: usize = request.uri_sans.iter().map(String::len).sum();
    let others: usize = request.other_sans.iter().map(String::len).sum();
    let names = octets(request) - uris - others;
    names
        .saturating_mul(role.domains.glob_octets())
        .saturating_add(uris.saturating_mul(uri_octets(role)))
        .saturating_add(others.saturating_mul(other_octets(role)))
}

fn other_octets(role: &Role) -> usize {
    role.others.iter().map(OtherPattern::octets).sum()
}

fn uri_octets(role: &Role) -> usize {
    role.uris.iter().map(|pattern| pattern.as_str().len()).sum()
}

fn octets(request: &NameRequest<'_>) -> usize {
    let NameRequest { alt_names, ip_sans, uri_sans, email_sans, other_sans, common_name, ttl: _, key: _ } =
        request;
    let listed = alt_names.iter().chain(ip_sans).chain(uri_sans).chain(email_sans).chain(other_sans);
    listed.chain(common_name).map(String::len).sum()
}

/// Whether the check of a request takes so long that it should not be done on a thread that serves requests.
pub fn is_long(role: &Role, request: &NameRequest<'_>) -> bool {
    // A name costs some steps of its own, and an explanation looks at every entry.
    let each = 64 + role.domains.iter().len() + role.networks.len() + role.uris.len() + role.others.len();
    count(request).saturating_mul(each).saturating_add(glob_steps(role, request)) > SHORT_CHECK
}

fn count(request: &NameRequest<'_>) -> usize {
    let NameRequest { alt_names, ip_sans, uri_sans, email_sans, other_sans, common_name: _, ttl: _, key: _ } =
        request;
    alt_names.len() + ip_sans.len() + uri_sans.len() + email_sans.len() + other_sans.len()
}

/// Refuses names that have more octets together than a certificate may hold; each list with its field and its octets.
pub(super) fn refuse_too_long(lists: [(&'static str, usize); 5]) -> Result<(), Violation> {
    let octets: usize = lists.iter().map(|(_, octets)| octets).sum();
    if octets <= MOST_OCTETS {
        return Ok(());
    }
    let longest = lists.into_iter().max_by_key(|(_, octets)| *octets).map_or("alt_names", |(field, _)| field);
    let right = format!("the names of a certificate have at most {MOST_OCTETS} octets together");
    Err(Violation::syntax(longest, &format!("{octets} octets of names"), right))
}

/// Refuses more names than a certificate may hold.
pub(super) fn refuse_too_many(field: &'static str, count: usize) -> Result<(), Violation> {
    if count <= MOST_NAMES {
        return Ok(());
    }
    let right = format!("a certificate holds at most {MOST_NAMES} names");
    Err(Violation::syntax(field, &format!("{count} names"), right))
}

/// The legal names so far. Each method takes one text, and fails when a refusal ends the check.
struct Judging<'a, F> {
    role: &'a Role,
    sans: SubjectAltNames,
    findings: &'a mut F,
}

impl<F: Findings> Judging<'_, F> {
    fn common_name(&mut self, text: &str) -> Result<Option<String>, Violation> {
        let asked = Asked::new("common_name", text);
        let required = self.role.settings().require_cn;
        if text.is_empty() {
            if required {
                let violation = asked.refused_by("require_cn", "requests with a common name");
                self.findings.refuse(violation, Vec::new)?;
            }
            return Ok(None);
        }
        if required {
            self.findings.permit("require_cn", asked, || "the request has a common name".to_owned());
        }
        let short = self.findings.settle(refuse_long_common_name(text, text))?.is_some();
        if text.parse::<IpAddr>().is_ok() {
            let right = "it is an IP address and not a name: put it into ip_sans";
            self.findings.refuse(asked.illegal(right), Vec::new)?;
            return Ok(None);
        }
        let canonical = if text.contains('@') {
            self.email(asked)?.map(|name| name.as_str().to_owned())
        } else {
            self.dns(asked)?.map(|name| name.as_str().to_owned())
        };
        if short {
            // A name beyond ASCII grows when it becomes A-labels.
            let grown = refuse_long_common_name(text, canonical.as_deref().unwrap_or_default());
            self.findings.settle(grown)?;
        }
        Ok(canonical)
    }

    fn any_name(&mut self, asked: Asked<'_>) -> Result<(), Violation> {
        if asked.text.contains('@') {
            self.email(asked).map(drop)
        } else if let Ok(address) = asked.text.parse() {
            self.ip(asked, address)
        } else {
            self.dns(asked).map(drop)
        }
    }

    fn dns(&mut self, asked: Asked<'_>) -> Result<Option<&DnsName>, Violation> {
        let Some(name) = self.findings.settle(parse::<DnsName>(asked))? else {
            return Ok(None);
        };
        let host = name.as_str();
        let candidate = Candidate { host, wildcard_base: name.wildcard_base(), email: None };
        if name.is_wildcard() {
            let rule = "allow_wildcard_certificates";
            if self.role.settings().allow_wildcard_certificates {
                self.findings.permit(rule, asked, || "wildcard names may be asked for".to_owned());
            } else {
                self.findings.refuse(asked.refused_by(rule, "names without `*`"), Vec::new)?;
            }
            self.partial_wildcard(asked, host)?;
        }
        domains::judge(self.role, asked, candidate, self.findings)?;
        self.sans.dns.push(name);
        Ok(self.sans.dns.last())
    }

    /// RFC 9525 §6.3: clients match a `*` only where it is the whole leftmost label.
    fn partial_wildcard(&mut self, asked: Asked<'_>, host: &str) -> Result<(), Violation> {
        let rule = "allow_partial_wildcards";
        if host.starts_with("*.") {
            return Ok(());
        }
        if self.role.settings().allow_partial_wildcards {
            self.findings.permit(rule, asked, || "a `*` may be a part of a label".to_owned());
            return Ok(());
        }
        let allowed = "a `*` as the whole leftmost label, the only one that clients match (RFC 9525)";
        self.findings.refuse(asked.refused_by(rule, allowed), Vec::new)
    }

    fn email(&mut self, asked: Asked<'_>) -> Result<Option<&EmailAddress>, Violation> {
        let Some(address) = self.findings.settle(parse::<EmailAddress>(asked))? else {
            return Ok(None);
        };
        let rule = "allow_email_sans";
        if self.role.settings().allow_email_sans {
            let reason = || "e-mail addresses may be asked for where their host is permitted".to_owned();
            self.findings.permit(rule, asked, reason);
        } else {
            self.findings.refuse(asked.refused_by(rule, "names without `@`"), Vec::new)?;
        }
        let (host, email) = (address.host(), Some(address.as_str()));
        let candidate = Candidate { host, wildcard_base: None, email };
        domains::judge(self.role, asked, candidate, self.findings)?;
        self.sans.email.push(address);
        Ok(self.sans.email.last())
    }

    fn ip_text(&mut self, asked: Asked<'_>) -> Result<(), Violation> {
        let address = asked.text.parse().map_err(|_| {
            asked.illegal("it is not an IP address: write one such as `192.0.2.1` or `2001:db8::1`")
        });
        match self.findings.settle(address)? {
            Some(address) => self.ip(asked, address),
            None => Ok(()),
        }
    }

    fn ip(&mut self, asked: Asked<'_>, address: IpAddr) -> Result<(), Violation> {
        // An IPv4-mapped address names an IPv4 host: it must not get round that network's entry.
        let address = address.to_canonical();
        if self.role.settings().allow_ip_sans {
            self.findings.permit("allow_ip_sans", asked, || "IP addresses may be asked for".to_owned());
        } else {
            self.findings.refuse(asked.refused_by("allow_ip_sans", "no IP addresses"), Vec::new)?;
        }
        let networks = &self.role.networks;
        if let Some(network) = networks.iter().find(|network| network.contains(&address)) {
            let reason = || format!("`{address}` lies in {network}");
            self.findings.permit("allowed_ip_sans_cidr", asked, reason);
        } else if !networks.is_empty() {
            let allowed = list("addresses in ", networks.iter().map(ToString::to_string));
            let violation = asked.refused_by("allowed_ip_sans_cidr", allowed);
            self.findings.refuse(violation, || ip_misses(networks, asked.text, address))?;
        }
        self.sans.ip.push(address);
        Ok(())
    }

    fn other(&mut self, asked: Asked<'_>) -> Result<(), Violation> {
        self.sans.other.extend(other_names::judge(self.role, asked, self.findings)?);
        Ok(())
    }

    fn uri(&mut self, asked: Asked<'_>) -> Result<(), Violation> {
        let legal = parse::<UriName>(asked).and_then(|uri| plain(asked, &uri).map(|()| uri));
        let Some(uri) = self.findings.settle(legal)? else {
            return Ok(());
        };
        let folded = fold_uri(uri.as_str());
        let uris = &self.role.uris;
        if let Some(pattern) = uris.iter().find(|pattern| pattern.permits(&folded)) {
            let reason = || format!("`{}` matches `{}`", printable(&folded), pattern.as_str());
            self.findings.permit("allowed_uri_sans", asked, reason);
        } else {
            let patterns = uris.iter().map(|pattern| format!("`{}`", pattern.as_str()));
            let violation = asked.refused_by("allowed_uri_sans", list("URIs that match ", patterns));
            self.findings.refuse(violation, || uri_misses(uris, &folded))?;
        }
        self.sans.uri.push(uri);
        Ok(())
    }
}

fn refuse_long_common_name(text: &str, name: &str) -> Result<(), Violation> {
    if name.len() <= LONGEST_COMMON_NAME || name.chars().count() <= LONGEST_COMMON_NAME {
        return Ok(());
    }
    let right = format!(
        "a common name has at most {LONGEST_COMMON_NAME} characters (X.520): put the name into alt_names \
         and take a shorter one as common_name"
    );
    Err(Violation::syntax("common_name", text, right))
}

fn parse<T: FromStr<Err = X509Error>>(asked: Asked<'_>) -> Result<T, Violation> {
    asked.text.parse().map_err(|error| illegal(asked, error))
}

fn plain(asked: Asked<'_>, uri: &UriName) -> Result<(), Violation> {
    uri.check_plain().map_err(|error| illegal(asked, error))
}

pub(super) fn illegal(asked: Asked<'_>, error: X509Error) -> Violation {
    match error {
        X509Error::InvalidName { reason, .. } => asked.illegal(reason),
        other => asked.illegal(other.to_string()),
    }
}

fn ip_misses(networks: &[IpNet], text: &str, address: IpAddr) -> Vec<String> {
    let mapped = address.is_ipv4() && text.contains(':');
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let stranger = !networks.iter().any(|network| network.addr().is_ipv4() == address.is_ipv4());
    let mut words = Vec::new();
    if mapped {
        words.push(format!("an IPv4-mapped address is judged as `{address}`"));
    }
    if stranger {
        words.push(format!("no network of the list is an {family} network"));
    }
    words
}

fn uri_misses(patterns: &[UriPattern], folded: &str) -> Vec<String> {
    if patterns.is_empty() {
        return vec!["allowed_uri_sans is empty".to_owned()];
    }
    let alike = patterns.iter().find(|pattern| pattern.permits_but_for_case(folded));
    let word = |pattern: &UriPattern| {
        let pattern = pattern.as_str();
        format!("`{pattern}` would match if case did not count, as it does behind a URI's host")
    };
    alike.map(word).into_iter().collect()
}

/// The first entries, and how many more there are; "none" when there is none. Those that are not shown are not written.
pub(super) fn list(intro: &str, mut entries: impl Iterator<Item = String>) -> String {
    let shown: Vec<String> = entries.by_ref().take(MOST_SHOWN).collect();
    if shown.is_empty() {
        return "none".to_owned();
    }
    let more = entries.count();
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{intro}{}{tail}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_in_messages() {
        let entries = |count: usize| (0..count).map(|n| n.to_string());
        assert_eq!(list("in ", entries(2)), "in 0, 1");
        assert_eq!(list("", entries(12)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(list("in ", entries(0)), "none");
    }
}

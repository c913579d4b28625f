//! The name rules: `allowed_domains` and its switches, IP, URI and e-mail names, `require_cn`.

use std::net::IpAddr;
use std::str::FromStr;

use certmill_x509::{DnsName, EmailAddress, SubjectAltNames, UriName, X509Error};

use super::pattern::{Candidate, DomainPattern, Switches, fold_uri, is_under};
use super::{NameRequest, Violation};
use crate::Role;

/// X.520 ub-common-name (RFC 5280 Appendix A.1), in characters.
const LONGEST_COMMON_NAME: usize = 64;
/// More names than any client needs; a certificate of this size still passes TLS stacks.
const MOST_NAMES: usize = 1_000;
/// How many entries of a role's list a violation shows.
const MOST_SHOWN: usize = 10;
/// Hosts that `allow_localhost` stands for.
const LOCAL_HOSTS: [&str; 2] = ["localhost", "localdomain"];

/// The common name for the subject and all names for the extension.
pub(super) fn approve(
    role: &Role,
    request: &NameRequest<'_>,
) -> Result<(Option<String>, SubjectAltNames), Violation> {
    let names = &request.alt_names;
    let count = names.len() + request.ip_sans.len() + request.uri_sans.len() + request.email_sans.len();
    refuse_too_many(count)?;
    let mut approval = Approval { role, sans: SubjectAltNames::default() };
    let common_name = approval.common_name(request.common_name.as_deref().unwrap_or_default())?;
    names.iter().try_for_each(|name| approval.any_name("alt_names", name))?;
    request.ip_sans.iter().try_for_each(|name| approval.ip_text("ip_sans", name))?;
    request.uri_sans.iter().try_for_each(|name| approval.uri("uri_sans", name))?;
    request.email_sans.iter().try_for_each(|name| approval.email("email_sans", name))?;
    let mut sans = approval.sans;
    sans.dedup();
    refuse_too_many(sans.len())?;
    if sans.is_empty() {
        let right = "a certificate needs at least one name: give a common_name or a name in alt_names";
        return Err(Violation::syntax("alt_names", "", right));
    }
    Ok((common_name, sans))
}

fn refuse_too_many(count: usize) -> Result<(), Violation> {
    if count <= MOST_NAMES {
        return Ok(());
    }
    let right = format!("a certificate holds at most {MOST_NAMES} names");
    Err(Violation::syntax("alt_names", &format!("{count} names"), right))
}

/// The names approved so far. Each method takes the request's field, for the violation, and one text.
struct Approval<'a> {
    role: &'a Role,
    sans: SubjectAltNames,
}

impl Approval<'_> {
    fn common_name(&mut self, text: &str) -> Result<Option<String>, Violation> {
        let field = "common_name";
        if text.is_empty() {
            if self.role.settings().require_cn {
                return Err(Violation::new("require_cn", field, "", "requests with a common name"));
            }
            return Ok(None);
        }
        refuse_long_common_name(text, text)?;
        if text.parse::<IpAddr>().is_ok() {
            let right = "it is an IP address and not a name: put it into ip_sans";
            return Err(Violation::syntax(field, text, right));
        }
        let canonical = if text.contains('@') {
            self.email(field, text)?;
            self.sans.email.last().map(|name| name.as_str().to_owned())
        } else {
            self.dns(field, text)?;
            self.sans.dns.last().map(|name| name.as_str().to_owned())
        };
        // A name beyond ASCII grows when it becomes A-labels.
        refuse_long_common_name(text, canonical.as_deref().unwrap_or_default())?;
        Ok(canonical)
    }

    fn any_name(&mut self, field: &'static str, text: &str) -> Result<(), Violation> {
        if text.contains('@') {
            self.email(field, text)
        } else if let Ok(address) = text.parse() {
            self.ip(field, text, address)
        } else {
            self.dns(field, text)
        }
    }

    fn dns(&mut self, field: &'static str, text: &str) -> Result<(), Violation> {
        let name: DnsName = parse(field, text)?;
        let host = name.as_str();
        let candidate = Candidate { host, wildcard_base: name.wildcard_base(), email: None };
        if name.is_wildcard() && !self.role.settings().allow_wildcard_certificates {
            let rule = "allow_wildcard_certificates";
            return Err(Violation::new(rule, field, text, "names without `*`"));
        }
        self.require_domain(field, text, candidate)?;
        self.sans.dns.push(name);
        Ok(())
    }

    fn email(&mut self, field: &'static str, text: &str) -> Result<(), Violation> {
        let address: EmailAddress = parse(field, text)?;
        if !self.role.settings().allow_email_sans {
            return Err(Violation::new("allow_email_sans", field, text, "names without `@`"));
        }
        let (host, email) = (address.host(), Some(address.as_str()));
        self.require_domain(field, text, Candidate { host, wildcard_base: None, email })?;
        self.sans.email.push(address);
        Ok(())
    }

    fn require_domain(&self, field: &'static str, text: &str, name: Candidate<'_>) -> Result<(), Violation> {
        let settings = self.role.settings();
        let switches = switches(self.role);
        if settings.allow_any_name
            || (settings.allow_localhost && is_local(name, settings.allow_subdomains))
            || self.role.domains.iter().any(|pattern| pattern.permits(name, switches))
        {
            return Ok(());
        }
        Err(Violation::new("allowed_domains", field, text, allowed_domains(self.role, switches)))
    }

    fn ip_text(&mut self, field: &'static str, text: &str) -> Result<(), Violation> {
        let address = text.parse().map_err(|_| {
            let right = "it is not an IP address: write one such as `192.0.2.1` or `2001:db8::1`";
            Violation::syntax(field, text, right)
        })?;
        self.ip(field, text, address)
    }

    fn ip(&mut self, field: &'static str, text: &str, address: IpAddr) -> Result<(), Violation> {
        // An IPv4-mapped address names an IPv4 host: it must not get round that network's entry.
        let address = address.to_canonical();
        if !self.role.settings().allow_ip_sans {
            return Err(Violation::new("allow_ip_sans", field, text, "no IP addresses"));
        }
        let networks = &self.role.networks;
        if !networks.is_empty() && !networks.iter().any(|network| network.contains(&address)) {
            let allowed = list("addresses in ", networks.iter().map(ToString::to_string).collect());
            return Err(Violation::new("allowed_ip_sans_cidr", field, text, allowed));
        }
        self.sans.ip.push(address);
        Ok(())
    }

    fn uri(&mut self, field: &'static str, text: &str) -> Result<(), Violation> {
        let uri: UriName = parse(field, text)?;
        let folded = fold_uri(uri.as_str());
        let uris = &self.role.uris;
        if !uris.iter().any(|pattern| pattern.permits(&folded)) {
            let patterns = uris.iter().map(|pattern| format!("`{}`", pattern.as_str())).collect();
            return Err(Violation::new("allowed_uri_sans", field, text, list("URIs that match ", patterns)));
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

fn parse<T: FromStr<Err = X509Error>>(field: &'static str, text: &str) -> Result<T, Violation> {
    text.parse().map_err(|error| match error {
        X509Error::InvalidName { reason, .. } => Violation::syntax(field, text, reason),
        other => Violation::syntax(field, text, other.to_string()),
    })
}

fn is_local(name: Candidate<'_>, subdomains: bool) -> bool {
    LOCAL_HOSTS.into_iter().any(|local| name.host == local || (subdomains && is_under(name, local)))
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
    let described = role.domains.iter().map(|pattern: &DomainPattern| pattern.describe(switches));
    let mut parts: Vec<String> = described.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() && !role.domains.is_empty() {
        parts.push(
            "none of the entries of allowed_domains, since allow_bare_domains, allow_subdomains and \
             allow_glob_domains do not open them"
                .to_owned(),
        );
    }
    if role.settings().allow_localhost {
        parts.push("`localhost`".to_owned());
    }
    if parts.is_empty() { "no host names: allowed_domains is empty".to_owned() } else { list("", parts) }
}

/// The first entries, and how many more there are; "none" when there is none.
fn list(intro: &str, mut entries: Vec<String>) -> String {
    if entries.is_empty() {
        return "none".to_owned();
    }
    let more = entries.len().saturating_sub(MOST_SHOWN);
    entries.truncate(MOST_SHOWN);
    let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{intro}{}{tail}", entries.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_in_messages() {
        let entries = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(list("in ", entries(2)), "in 0, 1");
        assert_eq!(list("", entries(12)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
        assert_eq!(list("in ", entries(0)), "none");
    }
}

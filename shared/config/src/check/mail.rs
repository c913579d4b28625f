//! The settings of mails to owners.

use std::time::Duration;

use certmill_domain::{EmailAddress, Owners};

use super::Origins;
use crate::config::read_secret;
use crate::mail::{MailServer, MailSettings};
use crate::{ConfigError, MailConfig, MailTls, Secret};

/// When digests are sent unless the operator says otherwise: before a day's work in Europe.
pub(crate) const DIGEST_AT: Duration = Duration::from_hours(6);

pub(super) fn read(written: MailSettings, origins: &Origins<'_>) -> Result<MailConfig, ConfigError> {
    let digest_at = match &written.digest_at {
        Some(text) => time_of_day(text).ok_or_else(|| {
            origins.problem("mail.digest_at", "write hours and minutes (UTC), such as \"06:00\"".to_owned())
        })?,
        None => DIGEST_AT,
    };
    let named = written.default_owners.as_ref().map(|list| list.0.as_slice()).unwrap_or_default();
    let default_owners =
        Owners::parse(named).map_err(|error| origins.problem("mail.default_owners", error.to_string()))?;
    let allowed = written.allowed_domains.as_ref().map(|list| list.0.as_slice()).unwrap_or_default();
    let allowed_domains = allowed.iter().map(|text| domain(text, origins)).collect::<Result<_, _>>()?;
    Ok(MailConfig { digest_at, default_owners, allowed_domains, server: server(written, origins)? })
}

fn server(written: MailSettings, origins: &Origins<'_>) -> Result<Option<MailServer>, ConfigError> {
    let MailSettings { host, port, tls, from, username, password, password_file, ca_file, .. } = written;
    origins.refuse_both("mail.password", "mail.password_file")?;
    let Some(host) = host else {
        let others = ["port", "tls", "from", "username", "password", "password_file", "ca_file"];
        let lonely = others.map(|name| format!("mail.{name}")).into_iter().find(|key| origins.is_set(key));
        return match lonely {
            Some(key) => {
                Err(origins.problem(&key, "`mail.host` is missing: name the mail server".to_owned()))
            }
            None => Ok(None),
        };
    };
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(fits);
    if !is_name && host.parse::<std::net::Ipv6Addr>().is_err() {
        let problem =
            "write a host name or an IP address, such as \"mail.example.com\"; the port is `mail.port`";
        return Err(origins.problem("mail.host", problem.to_owned()));
    }
    let tls = tls.unwrap_or_default();
    let from = from.ok_or_else(|| {
        origins
            .problem("mail.host", "`mail.from` is missing: name the address that mails come from".to_owned())
    })?;
    let from =
        from.parse::<EmailAddress>().map_err(|error| origins.problem("mail.from", error.to_string()))?;
    if port == Some(0) {
        return Err(origins.problem("mail.port", "a port is a number from 1 to 65535".to_owned()));
    }
    let password = match (password, password_file) {
        (Some(password), _) => Some(password),
        (None, Some(path)) => {
            let key = "mail.password_file";
            Some(Secret::new(read_secret(key, &origins.origin(key), &path)?.as_str().to_owned()))
        }
        (None, None) => None,
    };
    let login = login((username, password), tls, origins)?;
    Ok(Some(MailServer { host, port: port.unwrap_or(tls.usual_port()), tls, from, login, ca_file }))
}

fn login(
    written: (Option<String>, Option<Secret>),
    tls: MailTls,
    origins: &Origins<'_>,
) -> Result<Option<(String, Secret)>, ConfigError> {
    let key = if origins.is_set("mail.password") { "mail.password" } else { "mail.password_file" };
    match written {
        (None, None) => Ok(None),
        (Some(_), None) => {
            let problem = "`mail.password` or `mail.password_file` is missing".to_owned();
            Err(origins.problem("mail.username", problem))
        }
        (None, Some(_)) => Err(origins.problem(key, "`mail.username` is missing".to_owned())),
        (Some(_), Some(_)) if tls == MailTls::None => {
            let problem =
                "the password would be sent in the clear: set `mail.tls` to \"starttls\" or \"tls\"";
            Err(origins.problem(key, problem.to_owned()))
        }
        (Some(user), Some(password)) => Ok(Some((user, password))),
    }
}

/// What can stand behind the `@` of an address.
fn domain(text: &str, origins: &Origins<'_>) -> Result<String, ConfigError> {
    match format!("x@{text}").parse::<EmailAddress>() {
        Ok(address) if !text.contains('@') => Ok(address.domain().to_owned()),
        _ => {
            let problem = format!("`{text}` is no domain: write one such as \"example.com\"");
            Err(origins.problem("mail.allowed_domains", problem))
        }
    }
}

fn time_of_day(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str, below: u64| {
        let is_number = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|number| is_number && *number < below)
    };
    Some(Duration::from_secs(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60))
}

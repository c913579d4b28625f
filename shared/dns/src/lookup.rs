//! Asking resolvers: aliases, the name servers of a zone, their addresses.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use certmill_egress::EgressPolicy;
use futures_util::future::join;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::DnsError;
use crate::exchange::{ask, question};

const LIMIT: Duration = Duration::from_secs(5);
/// The most aliases that are followed.
const ALIASES: usize = 10;
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Resolvers that answer recursively.
#[derive(Clone)]
pub(crate) struct Resolver {
    configured: Vec<SocketAddr>,
    /// What judges the addresses of those that a tenant names; the operator's own need no judge.
    judge: Option<EgressPolicy>,
}

impl Resolver {
    pub(crate) fn new(configured: Vec<SocketAddr>) -> Self {
        Self { configured, judge: None }
    }

    /// Resolvers that a tenant names.
    pub(crate) fn judged(named: Vec<SocketAddr>, policy: EgressPolicy) -> Self {
        Self { configured: named, judge: Some(policy) }
    }

    /// The end of the aliases of a name.
    pub(crate) async fn end_of_aliases(&self, name: &str) -> Result<String, DnsError> {
        let mut present = parse_name(name)?;
        let mut passed = vec![present.clone()];
        loop {
            let Some(next) = self.alias(&present).await? else {
                return Ok(text(&present));
            };
            if passed.contains(&next) {
                return Err(DnsError::Invalid(format!("the aliases of {name} go round in a circle")));
            }
            if passed.len() > ALIASES {
                return Err(DnsError::Invalid(format!("{name} has more than {ALIASES} aliases in a row")));
            }
            passed.push(next.clone());
            present = next;
        }
    }

    async fn alias(&self, name: &Name) -> Result<Option<Name>, DnsError> {
        let answer = self.ask(name, RecordType::CNAME).await?;
        Ok(answer.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *name => Some(target.0.to_lowercase()),
            _ => None,
        }))
    }

    /// The name of the zone that a name lies in, by its SOA.
    pub(crate) async fn zone_of(&self, name: &str) -> Result<String, DnsError> {
        let mut present = parse_name(name)?;
        while !present.is_root() {
            let answer = self.ask(&present, RecordType::SOA).await?;
            if answer
                .answers
                .iter()
                .any(|record| matches!(&record.data, RData::SOA(_)) && record.name == present)
            {
                return Ok(text(&present));
            }
            present = present.base_name();
        }
        Err(DnsError::ZoneNotFound(format!("no zone was found for {name}")))
    }

    /// The name servers of a zone.
    pub(crate) async fn name_servers(&self, zone: &str) -> Result<Vec<String>, DnsError> {
        let zone_name = parse_name(zone)?;
        let answer = self.ask(&zone_name, RecordType::NS).await?;
        let servers: Vec<String> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::NS(server) => Some(text(&server.0)),
                _ => None,
            })
            .collect();
        if servers.is_empty() {
            return Err(DnsError::Unavailable(format!("no name servers were found for the zone {zone}")));
        }
        Ok(servers)
    }

    /// The addresses of a host. When no server answers for one family, the other one is used.
    pub(crate) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let name = parse_name(host)?;
        let found = join(self.of_family(&name, RecordType::A), self.of_family(&name, RecordType::AAAA));
        match found.await {
            (Ok(mut addresses), Ok(others)) => {
                addresses.extend(others);
                Ok(addresses)
            }
            (Ok(addresses), Err(error)) | (Err(error), Ok(addresses)) => {
                tracing::info!(host, reason = %error, "one family of addresses cannot be looked up");
                if addresses.is_empty() { Err(error) } else { Ok(addresses) }
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    async fn of_family(&self, name: &Name, kind: RecordType) -> Result<Vec<IpAddr>, DnsError> {
        let answer = self.ask(name, kind).await?;
        let address = |record: &Record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        Ok(answer.answers.iter().filter_map(address).collect())
    }

    /// The answer of the first resolver that has one; that a name does not exist is one.
    pub(crate) async fn ask(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let mut last = DnsError::Unavailable("no resolver is configured".to_owned());
        for server in self.servers().await? {
            let denial =
                self.judge.as_ref().and_then(|policy| policy.check(server.ip(), server.port()).err());
            if let Some(denial) = denial {
                last = DnsError::Unavailable(format!("the resolver {server} is not asked: {denial}"));
                continue;
            }
            match ask(server, &question(name, kind, true), LIMIT).await {
                Ok(answer) => match answer.metadata.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain => return Ok(answer),
                    code => {
                        let message = format!("the resolver {server} answers {code} for {}", text(name));
                        last = DnsError::Unavailable(message);
                    }
                },
                Err(error) => last = DnsError::Unavailable(error.to_string()),
            }
        }
        Err(last)
    }

    /// The configured resolvers, else those of the system as it has them now.
    async fn servers(&self) -> Result<Vec<SocketAddr>, DnsError> {
        if !self.configured.is_empty() {
            return Ok(self.configured.clone());
        }
        let text = tokio::fs::read_to_string(RESOLV_CONF)
            .await
            .map_err(|error| DnsError::Unavailable(format!("{RESOLV_CONF} cannot be read: {error}")))?;
        Ok(system_resolvers(&text))
    }
}

fn system_resolvers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        // The zone of a link-local address is of no use without the interface's number.
        .filter_map(|rest| rest.trim().split(['%', ' ', '#']).next()?.parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, 53))
        .collect()
}

/// A name in lower case and from the root on.
pub(crate) fn parse_name(text: &str) -> Result<Name, DnsError> {
    let mut name = Name::from_ascii(text)
        .map_err(|error| DnsError::Invalid(format!("`{text}` is no DNS name: {error}")))?;
    name.set_fqdn(true);
    Ok(name.to_lowercase())
}

/// A name without the dot at its end.
pub(crate) fn text(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_resolvers_are_read() {
        let text = "# none here\nsearch example.com\nnameserver 192.0.2.1\nnameserver 2001:db8::1 # second\nnameserver x\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.1:53".parse().unwrap(), "[2001:db8::1]:53".parse().unwrap()];
        assert_eq!(system_resolvers(text), expected);
    }

    #[test]
    fn names_lose_their_case_and_their_dot() {
        assert_eq!(text(&parse_name("_ACME-challenge.Example.com.").unwrap()), "_acme-challenge.example.com");
        assert!(parse_name(&"a".repeat(64)).is_err());
    }
}

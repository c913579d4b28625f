//! One look: who is asked, and what each answers.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};

use super::view::{AddressView, Propagation, Seen, ServerView};
use super::{PropagationCheck, PropagationMode, SERVERS};
use crate::exchange::{ask, has_route, question};
use crate::lookup::{Resolver, parse_name};
use crate::{DnsError, Providers};

/// For the answer of one address.
const LIMIT: Duration = Duration::from_secs(5);
/// The most addresses of each family that a server is asked at.
const OF_A_FAMILY: usize = 2;

/// Looks once.
pub(crate) async fn look(providers: &Providers, check: &PropagationCheck) -> Result<Propagation, DnsError> {
    if check.settings.asks_nobody() {
        return Ok(Propagation { servers: Vec::new(), complete: true });
    }
    let servers = servers(providers, check).await?;
    let asked = servers.into_iter().map(|(name, addresses)| async move {
        let views = addresses.into_iter().map(|address| async move {
            AddressView { address, seen: seen_at(providers, address, check).await }
        });
        ServerView::of(name, futures_util::future::join_all(views).await)
    });
    let servers: Vec<ServerView> = stream::iter(asked).buffered(SERVERS).collect().await;
    if !servers.is_empty() && servers.iter().all(|server| server.seen == Seen::NoRoute) {
        let message = format!("there is no route from here to any name server of {}", check.name);
        return Err(DnsError::Unavailable(message));
    }
    let patient = check.waited <= check.settings.patience();
    Ok(Propagation::of(servers, check.settings.needs_all(), patient))
}

async fn seen_at(providers: &Providers, address: SocketAddr, check: &PropagationCheck) -> Seen {
    if let Err(denial) = providers.policy().check(address.ip(), address.port()) {
        return Seen::Failed(denial.to_string());
    }
    if !has_route(address).await {
        return Seen::NoRoute;
    }
    let recursive = check.settings.mode == PropagationMode::Recursive;
    let name = match parse_name(&check.name) {
        Ok(name) => name,
        Err(error) => return Seen::Failed(error.to_string()),
    };
    let answer = match ask(address, &question(&name, RecordType::TXT, recursive), LIMIT).await {
        Ok(answer) => answer,
        Err(error) => return Seen::Failed(error.to_string()),
    };
    match answer.metadata.response_code {
        ResponseCode::NXDomain => return Seen::Absent,
        ResponseCode::NoError if answer.metadata.authoritative || recursive => {}
        ResponseCode::NoError => return Seen::Failed("it does not answer for the zone".to_owned()),
        code => return Seen::Failed(format!("it answers {code}")),
    }
    let values: Vec<String> = answer.answers.iter().filter_map(|record| txt(&record.data)).collect();
    if values.contains(&check.value) {
        Seen::Value
    } else if values.is_empty() {
        Seen::Absent
    } else {
        Seen::OtherValues(values)
    }
}

/// The text of a TXT record: its parts without anything between them.
pub(crate) fn txt(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

/// The servers to ask, with their names and addresses. One whose addresses cannot be found is among them, without any.
async fn servers(
    providers: &Providers,
    check: &PropagationCheck,
) -> Result<Vec<(String, Vec<SocketAddr>)>, DnsError> {
    let named = check.settings.named_servers();
    if !named.is_empty() {
        return Ok(named.into_iter().map(|(name, address)| (name, vec![address])).collect());
    }
    let resolver = &providers.resolver_of(&check.settings.own_resolvers());
    let zone = match &check.zone {
        Some(zone) => zone.clone(),
        None => resolver.zone_of(&check.name).await?,
    };
    let mut names = resolver.name_servers(&zone).await?;
    names.truncate(SERVERS);
    let found = names.into_iter().map(|name| async move {
        let addresses = addresses(providers, resolver, &name).await;
        (name, addresses)
    });
    let servers: Vec<(String, Vec<SocketAddr>)> = stream::iter(found).buffered(SERVERS).collect().await;
    if servers.iter().all(|(_, addresses)| addresses.is_empty()) {
        return Err(DnsError::Unavailable(format!(
            "the name servers of {zone} cannot be looked up, or the egress policy does not allow their addresses"
        )));
    }
    Ok(servers)
}

/// Where a name server is asked. What a name leads to inside is nobody's business, and no CA asks there.
async fn addresses(providers: &Providers, resolver: &Resolver, name: &str) -> Vec<SocketAddr> {
    let found = match resolver.addresses(name).await {
        Ok(found) => found,
        Err(error) => {
            tracing::info!(host = name, reason = %error, "a name server has no address that could be found");
            return Vec::new();
        }
    };
    let port = providers.authoritative_port();
    let allowed = found.into_iter().filter(|ip| providers.policy().check(*ip, port).is_ok());
    let (v4, v6): (Vec<_>, Vec<_>) = allowed.partition(std::net::IpAddr::is_ipv4);
    let some = v4.into_iter().take(OF_A_FAMILY).chain(v6.into_iter().take(OF_A_FAMILY));
    some.map(|ip| SocketAddr::new(ip, port)).collect()
}

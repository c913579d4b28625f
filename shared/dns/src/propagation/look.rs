//! One look: who is asked, and what each answers.

use std::net::{IpAddr, SocketAddr};
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
        let addresses = match addresses {
            Ok(addresses) => addresses,
            Err(seen) => return ServerView { name, addresses: Vec::new(), seen },
        };
        let views = addresses.into_iter().map(|address| async move {
            AddressView { address, seen: seen_at(providers, address, check).await }
        });
        ServerView::of(name, futures_util::future::join_all(views).await)
    });
    let servers: Vec<ServerView> = stream::iter(asked).buffered(SERVERS).collect().await;
    if !servers.is_empty() && servers.iter().all(|server| server.seen == Seen::NoRoute) {
        let message = format!("no name server of {} can be asked from here", check.name);
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

/// Where a server is asked, or what is to be thought of one that cannot be.
type Addresses = Result<Vec<SocketAddr>, Seen>;

/// The servers to ask, with their names and addresses.
async fn servers(
    providers: &Providers,
    check: &PropagationCheck,
) -> Result<Vec<(String, Addresses)>, DnsError> {
    let named = check.settings.named_servers();
    if !named.is_empty() {
        return Ok(named.into_iter().map(|(name, address)| (name, Ok(vec![address]))).collect());
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
    let servers: Vec<(String, Addresses)> = stream::iter(found).buffered(SERVERS).collect().await;
    if servers.iter().all(|(_, addresses)| addresses.is_err()) {
        return Err(DnsError::Unavailable(format!(
            "the name servers of {zone} cannot be looked up, or the egress policy does not allow their addresses"
        )));
    }
    Ok(servers)
}

/// Where a name server is asked. No CA asks inside a private network, and tenants must not see it: a server whose addresses are
/// all denied is left out. So is one that has none, or the difference would tell what names there are inside.
async fn addresses(providers: &Providers, resolver: &Resolver, name: &str) -> Addresses {
    let found = resolver.addresses(name).await.map_err(|error| {
        tracing::info!(host = name, reason = %error, "the addresses of a name server cannot be looked up");
        Seen::Failed("it cannot be looked up".to_owned())
    })?;
    let port = providers.authoritative_port();
    let (v4, v6): (Vec<_>, Vec<_>) = found
        .iter()
        .filter(|ip| providers.policy().check(**ip, port).is_ok())
        .partition(|ip: &&IpAddr| ip.is_ipv4());
    if v4.is_empty() && v6.is_empty() {
        tracing::info!(host = name, addresses = ?found, "a name server has no address that may be asked");
        return Err(Seen::NoRoute);
    }
    let some = v4.into_iter().take(OF_A_FAMILY).chain(v6.into_iter().take(OF_A_FAMILY));
    Ok(some.map(|ip: &IpAddr| SocketAddr::new(*ip, port)).collect())
}

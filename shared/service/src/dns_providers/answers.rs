//! What name servers answered, in a form that is kept and shown: bounded, since strangers write it.

use certmill_dns::{Propagation, Seen};
use certmill_domain::{DnsAddressAnswer, DnsServerAnswer};

/// The most characters of a value or an error that are kept, and the most values of an address.
const LONGEST: usize = 200;
const VALUES: usize = 3;

/// What was seen, by server and address.
pub(crate) fn answers(seen: &Propagation) -> Vec<DnsServerAnswer> {
    let servers = seen.servers.iter().map(|server| DnsServerAnswer {
        name: shortened(&server.name),
        seen: server.seen.as_str().to_owned(),
        addresses: server.addresses.iter().map(|view| address(view.address, &view.seen)).collect(),
    });
    servers.collect()
}

fn address(address: std::net::SocketAddr, seen: &Seen) -> DnsAddressAnswer {
    let (values, error) = match seen {
        Seen::OtherValues(values) => {
            (values.iter().take(VALUES).map(|value| shortened(value)).collect(), None)
        }
        Seen::Failed(reason) => (Vec::new(), Some(shortened(reason))),
        Seen::Value | Seen::Absent | Seen::NoRoute => (Vec::new(), None),
    };
    DnsAddressAnswer { address: address.to_string(), seen: seen.as_str().to_owned(), values, error }
}

fn shortened(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(LONGEST).collect()
}

//! `namecheap`: domains of Namecheap, by its XML API. The API knows the host records of a domain only as a whole: `getHosts`
//! reads them, `setHosts` puts a list in their place and deletes whatever is not on it. So changes of one domain take turns, the
//! list is sent back with everything that was read, mail settings included, and it is read once more afterwards; what is missing
//! then is written again.

mod wire;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped};
use crate::provider::{Change, Zone};
use crate::record_set::Rounds;
use crate::vendor::{self, Vendor, longest, relative};

use self::wire::{Envelope, GetHosts, GetList, Host, SetHosts};

pub(crate) const KIND: Kind = Kind {
    name: "namecheap",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Namecheap>,
    open: vendor::open::<Namecheap>,
};

const FIELDS: &[Field] = &[
    Field::required("api_user", "The user whose API key it is."),
    Field::required("api_key", "The API key. API access must be switched on in the account.").secret(),
    Field::required(
        "client_ip",
        "The public IPv4 address that certmill calls from; it must be on the account's list of addresses.",
    ),
    Field::optional("username", "The user whose domains they are; `api_user` when absent."),
];

/// The most items of a page.
const PER_PAGE: usize = 100;
/// The most records of a domain that one call takes.
const MOST_HOSTS: usize = 150;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Namecheap {
    api_user: String,
    api_key: Zeroizing<String>,
    client_ip: String,
    #[serde(default)]
    username: Option<String>,
}

/// The host records of a domain, and how its mail is set up.
struct Hosts {
    records: Vec<Host>,
    email_type: Option<String>,
}

impl Namecheap {
    /// A command with its parameters. Everything is posted, so that the key stands in no URL.
    fn call(&self, api: &Api, command: &str, parameters: &[(String, String)]) -> Call {
        let own = [
            ("ApiUser", self.api_user.as_str()),
            ("ApiKey", self.api_key.as_str()),
            ("UserName", self.username.as_deref().unwrap_or(&self.api_user)),
            ("ClientIp", self.client_ip.as_str()),
            ("Command", command),
        ];
        let own = own.into_iter();
        let all = own.chain(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let pairs: Vec<String> = all.map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        Call::new("POST", api.url("/xml.response", &[]))
            .header("accept", "text/xml")
            .body("application/x-www-form-urlencoded", pairs.join("&").into_bytes())
    }

    async fn hosts(&self, api: &Api, zone: &Zone) -> Result<Hosts, DnsError> {
        let call = self.call(api, "namecheap.domains.dns.getHosts", &domain(zone)?).reading();
        let answer: GetHosts = command(&api.send(call).await?)?;
        let result = answer.result;
        if !result.is_using_our_dns {
            let message = format!("{} does not use Namecheap's name servers", zone.apex);
            return Err(DnsError::NotAllowed(message));
        }
        let email_type = result.email_type.filter(|kind| !kind.is_empty());
        Ok(Hosts { records: result.hosts, email_type })
    }

    /// Puts these records in the place of all that there are.
    async fn set_hosts(&self, api: &Api, zone: &Zone, hosts: &Hosts) -> Result<(), DnsError> {
        if hosts.records.len() > MOST_HOSTS {
            let message =
                format!("{} has more than {MOST_HOSTS} records, which one call cannot write", zone.apex);
            return Err(DnsError::Invalid(message));
        }
        let mut parameters = domain(zone)?;
        parameters.extend(hosts.email_type.clone().map(|kind| ("EmailType".to_owned(), kind)));
        for (index, host) in hosts.records.iter().enumerate() {
            let number = index + 1;
            parameters.push((format!("HostName{number}"), host.name.clone()));
            parameters.push((format!("RecordType{number}"), host.kind.clone()));
            parameters.push((format!("Address{number}"), host.address.clone()));
            parameters.push((format!("TTL{number}"), host.ttl.clone()));
            parameters.extend(host.mx_pref.clone().map(|pref| (format!("MXPref{number}"), pref)));
        }
        let reply = api.send(self.call(api, "namecheap.domains.dns.setHosts", &parameters)).await?;
        if !command::<SetHosts>(&reply)?.result.is_success {
            return Err(reply.unreadable("it does not say that the records were set"));
        }
        Ok(())
    }

    /// Makes the records what `wish` makes of them, and looks whether they are.
    async fn change(
        &self,
        api: &Api,
        zone: &Zone,
        wish: impl Fn(&[Host]) -> Option<Vec<Host>> + Send,
    ) -> Result<Change, DnsError> {
        let mut rounds = Rounds::begin();
        let mut present = self.hosts(api, zone).await?;
        let Some(mut wanted) = wish(&present.records) else { return Ok(Change::default()) };
        while rounds.another() {
            let sent = Hosts { records: wanted, email_type: present.email_type.clone() };
            self.set_hosts(api, zone, &sent).await?;
            present = self.hosts(api, zone).await?;
            let is_there = |host: &Host| present.records.iter().any(|other| other.is_same(host));
            let missing: Vec<Host> = sent.records.into_iter().filter(|host| !is_there(host)).collect();
            let together: Vec<Host> =
                present.records.iter().cloned().chain(missing.iter().cloned()).collect();
            match wish(&together) {
                None if missing.is_empty() => return Ok(Change::default()),
                changed => wanted = changed.unwrap_or(together),
            }
            tracing::warn!(
                zone = zone.apex,
                missing = missing.len(),
                "somebody else wrote the records of a domain at Namecheap: they are written once more"
            );
        }
        Err(DnsError::Conflict(format!("Namecheap: somebody else writes the records of {}", zone.apex)))
    }
}

/// The parameters that name a domain: its first label, and the rest.
fn domain(zone: &Zone) -> Result<Vec<(String, String)>, DnsError> {
    let (second, top) = zone
        .apex
        .split_once('.')
        .ok_or_else(|| DnsError::ZoneNotFound(format!("{} is no registered domain", zone.apex)))?;
    Ok(vec![("SLD".to_owned(), second.to_owned()), ("TLD".to_owned(), top.to_owned())])
}

/// The name of a host record; the apex is called `@`.
fn below<'a>(zone: &Zone, name: &'a str) -> Result<&'a str, DnsError> {
    Ok(match relative(name, zone)? {
        "" => "@",
        below => below,
    })
}

fn is_at(host: &Host, name: &str) -> bool {
    host.kind.eq_ignore_ascii_case("TXT") && host.name.eq_ignore_ascii_case(name)
}

/// The answer to a command. Refusals have status 200 and a number that says what they are about.
fn command<T: DeserializeOwned>(reply: &Reply) -> Result<T, DnsError> {
    if !(200..300).contains(&reply.status) {
        return Err(reply.error());
    }
    let unreadable = || reply.unreadable("its XML is not as expected");
    let text = reply.text();
    let envelope: Envelope = quick_xml::de::from_str(&text).map_err(|_| unreadable())?;
    if envelope.status.eq_ignore_ascii_case("OK") {
        return quick_xml::de::from_str::<wire::Answer<T>>(&text)
            .map(|answer| answer.command_response)
            .map_err(|_| unreadable());
    }
    let number = envelope.errors.items.first().map(|error| error.number.as_str()).unwrap_or_default();
    Err(reply.error_as(match number {
        // Keys, users and addresses that it does not know, that are switched off or not on its list.
        "1050900" | "1030408" => 401,
        number if number.starts_with("101") => 401,
        "2019166" | "2016166" => 404,
        "2030166" | "2030288" => 403,
        "500000" => 429,
        _ => 500,
    }))
}

impl Vendor for Namecheap {
    const NAME: &'static str = "Namecheap";
    const BASE_URL: &'static str = "https://api.namecheap.com";
    const TTL: (u32, u32) = (60, 60);
    const SETTLE: u32 = 20;
    const NEEDS_LOCK: bool = true;
    const LOCKS_ZONE: bool = true;

    fn check(&self) -> Result<(), ConfigError> {
        if self.client_ip.parse::<std::net::Ipv4Addr>().is_err() {
            return Err(ConfigError::field("client_ip", "must be an IPv4 address such as 192.0.2.1"));
        }
        Ok(())
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        for page in 1..=PAGES {
            let parameters = [("Page", page.to_string()), ("PageSize", PER_PAGE.to_string())];
            let parameters = parameters.map(|(name, value)| (name.to_owned(), value));
            let call = self.call(api, "namecheap.domains.getList", &parameters).reading();
            let answer: GetList = command(&api.send(call).await?)?;
            let is_full = answer.result.domains.len() >= PER_PAGE;
            let is_last = answer.paging.map_or(!is_full, |paging| paging.is_last());
            let served = answer.result.domains.into_iter().filter(|domain| domain.is_our_dns);
            zones.extend(served.map(|domain| {
                let apex = domain.name.to_ascii_lowercase();
                Zone { id: apex.clone(), apex }
            }));
            if is_last {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        longest(self.zones(api).await?, name)
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        let name = below(zone, name)?;
        let hosts = self.hosts(api, zone).await?.records.into_iter();
        Ok(hosts.filter(|host| is_at(host, name)).map(|host| host.address).collect())
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        let name = below(zone, name)?;
        let new = Host {
            name: name.to_owned(),
            kind: "TXT".to_owned(),
            address: value.to_owned(),
            mx_pref: None,
            ttl: api.ttl.to_string(),
        };
        self.change(api, zone, |hosts| {
            let is_there = hosts.iter().any(|host| is_at(host, name) && host.address == value);
            // All records of a set have one time to live (RFC 2181 section 5.2).
            let ttl = hosts.iter().find(|host| is_at(host, name)).map_or(&new.ttl, |host| &host.ttl);
            let new = Host { ttl: ttl.clone(), ..new.clone() };
            (!is_there).then(|| hosts.iter().cloned().chain([new]).collect())
        })
        .await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        let name = below(zone, name)?;
        self.change(api, zone, |hosts| {
            let rest: Vec<Host> =
                hosts.iter().filter(|host| !(is_at(host, name) && host.address == value)).cloned().collect();
            (rest.len() < hosts.len()).then_some(rest)
        })
        .await
    }
}

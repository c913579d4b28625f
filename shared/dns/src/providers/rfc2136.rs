//! `rfc2136`: dynamic updates (RFC 2136) to a name server, signed with TSIG (RFC 8945). An update adds or deletes one record
//! by its data, so nothing has to be read first and nothing else is touched.

mod server;

use std::net::{IpAddr, SocketAddr};

use futures_util::{StreamExt, stream};
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{Name, RData, Record, RecordSet, RecordType};
use serde_json::Value;

use self::server::Server;
use crate::config::{ConfigError, Kind};
use crate::exchange::{ask, has_route, question, send};
use crate::fields::{self, Field, FieldType};
use crate::http::text_parts;
use crate::lookup::{parse_name, text};
use crate::propagation::txt;
use crate::provider::{Answer, Change, ChangeState, DnsProvider, ProviderTraits, Zone};
use crate::{DnsError, PropagationSettings, Providers};

pub(crate) const KIND: Kind =
    Kind { name: "rfc2136", aliases: &[], fields: FIELDS, common: fields::COMMON, check, open };

const FIELDS: &[Field] = &[
    Field::required(
        "nameserver",
        "The server that takes updates: a host or an address, with a port where it is not 53.",
    ),
    Field::required("tsig_key", "The name of the TSIG key."),
    Field::required("tsig_secret", "The secret of the TSIG key in base64.").secret(),
    Field::optional("tsig_algorithm", "`hmac-sha256` (the default), `hmac-sha384` or `hmac-sha512`."),
    Field::optional("zone", "The one zone of the server that is used."),
    Field::optional("zones", "The zones of the server that are used; those that it serves when absent.")
        .of(FieldType::TextList),
    Field::optional("protocol", "`tcp` (the default) or `udp`.").of(FieldType::Choice(&["tcp", "udp"])),
    Field::optional("timeout_seconds", "How long an exchange may take, in seconds: 1 to 30; 5.")
        .of(FieldType::Integer),
    Field::optional("ttl", "The time to live of new records, in seconds; 60.").of(FieldType::Integer),
];

/// How many zones are asked for at once, and how many that are not served are named.
const AT_ONCE: usize = 8;
const NAMED: usize = 10;

fn check(config: &Value) -> Result<(), ConfigError> {
    Server::read(config).map(drop)
}

fn open(providers: &Providers, config: &Value, _: &[&str]) -> Result<Box<dyn DnsProvider>, DnsError> {
    let server = Server::read(config).map_err(|error| DnsError::Invalid(error.to_string()))?;
    Ok(Box::new(Rfc2136 { providers: providers.clone(), server }))
}

/// Whether a server has a zone.
enum Served {
    Yes,
    No(String),
}

struct Rfc2136 {
    providers: Providers,
    server: Server,
}

impl Rfc2136 {
    /// The first address of the server that the policy allows and that there is a route to, in the order of the resolver.
    async fn address(&self) -> Result<SocketAddr, DnsError> {
        let (host, port) = (&self.server.host, self.server.port);
        if let Ok(literal) = host.parse::<IpAddr>() {
            self.providers.policy().check(literal, port)?;
            return Ok(SocketAddr::new(literal, port));
        }
        // Why there is none would tell what names there are inside: the log has it.
        let none = |reason: &dyn std::fmt::Display| {
            tracing::warn!(host, reason = %reason, "a name server has no address that may be used");
            DnsError::NoAddress(host.clone())
        };
        let found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| none(&error))?;
        let mut reason: Box<dyn std::fmt::Display + Send> = Box::new("it has no address");
        let mut unreachable = None;
        for address in found {
            match self.providers.policy().check(address.ip(), port) {
                Ok(()) if has_route(address).await => return Ok(address),
                Ok(()) => unreachable = unreachable.or(Some(address)),
                Err(denial) => reason = Box::new(denial),
            }
        }
        unreachable.ok_or_else(|| none(&*reason))
    }

    /// Sends a signed message and checks the signature of the answer.
    async fn exchange(&self, mut message: Message) -> Result<Message, DnsError> {
        let address = self.address().await?;
        let now = u64::try_from(self.providers.clock().now().unix_seconds()).unwrap_or_default();
        let id = message.metadata.id;
        let broken = |error: hickory_proto::ProtoError| {
            DnsError::Invalid(format!("a message cannot be made: {error}"))
        };
        let verifier = message.finalize(&self.server.signer, now).map_err(broken)?;
        let octets = message.to_vec().map_err(broken)?;
        let answer = send(address, &octets, id, (self.server.transport, self.server.limit)).await?;
        let read = Message::from_vec(&answer).map_err(|error| {
            DnsError::Unavailable(format!("the answer of {address} cannot be read: {error}"))
        })?;
        self.refuse_tsig_error(&read)?;
        match verifier {
            Some(mut verifier) => match verifier.verify(&answer) {
                Ok(_) => Ok(read),
                // A server that does not know the key cannot sign that it does not.
                Err(_) if read.metadata.response_code != ResponseCode::NoError => self.refused(&read),
                Err(_) => {
                    Err(DnsError::Auth(format!("the answer of {address} is not signed with the TSIG key")))
                }
            },
            None => Ok(read),
        }
    }

    /// The TSIG errors of RFC 8945 section 5.2.
    fn refuse_tsig_error(&self, answer: &Message) -> Result<(), DnsError> {
        let key = text(self.server.signer.signer_name());
        let problem = match answer.signature().and_then(|record| record.data.error) {
            None => return Ok(()),
            Some(TsigError::BadKey) => format!("the server does not know the TSIG key {key}"),
            Some(TsigError::BadSig) => format!("the secret or the algorithm of the TSIG key {key} is wrong"),
            Some(TsigError::BadTime) => "its clock and ours are more than five minutes apart".to_owned(),
            Some(other) => format!("the TSIG key {key} is refused: {other:?}"),
        };
        Err(DnsError::Auth(problem))
    }

    fn refused(&self, answer: &Message) -> Result<Message, DnsError> {
        let key = text(self.server.signer.signer_name());
        Err(match answer.metadata.response_code {
            ResponseCode::NotAuth => {
                DnsError::Auth(format!("the server does not serve the zone, or refuses the TSIG key {key}"))
            }
            ResponseCode::NotZone => DnsError::ZoneNotFound("the name is not in the zone".to_owned()),
            ResponseCode::Refused => {
                DnsError::NotAllowed(format!("the server refuses updates with the key {key}"))
            }
            ResponseCode::ServFail => DnsError::Unavailable("the server failed (SERVFAIL)".to_owned()),
            code => DnsError::Invalid(format!("the server answers {code}")),
        })
    }

    async fn update(&self, message: Message) -> Result<Change, DnsError> {
        let answer = self.exchange(message).await?;
        match answer.metadata.response_code {
            ResponseCode::NoError => Ok(Change::default()),
            _ => self.refused(&answer).map(|_| Change::default()),
        }
    }

    fn record(&self, zone: &Zone, name: &str, value: &str) -> Result<(RecordSet, Name), DnsError> {
        let (zone, name) = (parse_name(&zone.apex)?, parse_name(name)?);
        if !zone.zone_of(&name) {
            return Err(DnsError::ZoneNotFound(format!(
                "{} is not in the zone {}",
                text(&name),
                text(&zone)
            )));
        }
        let parts = text_parts(value).into_iter().map(str::to_owned).collect();
        let record = Record::from_rdata(name, self.server.ttl, RData::TXT(TXT::new(parts)));
        Ok((RecordSet::from(record), zone))
    }

    /// Whether the server has this very zone, by a signed question.
    async fn serves(&self, zone: &Name) -> Result<Served, DnsError> {
        let answer = self.exchange(question(zone, RecordType::SOA, false)).await?;
        let code = answer.metadata.response_code;
        let is_soa = |record: &Record| matches!(&record.data, RData::SOA(_)) && record.name == *zone;
        if code != ResponseCode::NoError {
            return Ok(Served::No(format!("it answers {code}")));
        }
        if answer.metadata.authoritative && answer.answers.iter().any(is_soa) {
            return Ok(Served::Yes);
        }
        Ok(Served::No("it has no such zone".to_owned()))
    }

    /// The zone of a name by asking the server itself for the SOA, from the name upwards.
    async fn zone_by_soa(&self, name: &Name) -> Result<Zone, DnsError> {
        let address = self.address().await?;
        let mut present = name.clone();
        while !present.is_root() {
            let answer = ask(address, &question(&present, RecordType::SOA, false), self.server.limit).await?;
            let is_soa = |record: &&Record| matches!(&record.data, RData::SOA(_)) && record.name == present;
            if answer.metadata.authoritative && answer.answers.iter().any(|record| is_soa(&record)) {
                return Ok(zone(&present));
            }
            present = present.base_name();
        }
        Err(DnsError::ZoneNotFound(format!("the server {} has no zone for {}", self.server.host, text(name))))
    }
}

fn zone(name: &Name) -> Zone {
    Zone { id: text(name), apex: text(name) }
}

impl DnsProvider for Rfc2136 {
    fn traits(&self) -> ProviderTraits {
        ProviderTraits {
            by_hand: false,
            needs_lock: false,
            locks_zone: false,
            knows_zones: true,
            most_values: None,
        }
    }

    fn propagation(&self) -> &PropagationSettings {
        &self.server.propagation
    }

    fn verify(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            if self.server.zones.is_empty() {
                // A signed question proves the key; what it asks for does not matter.
                self.exchange(question(&Name::root(), RecordType::SOA, false)).await?;
                return Ok(Vec::new());
            }
            let mut asked = Vec::new();
            for zone in &self.server.zones {
                asked.push(async move { (zone, self.serves(zone).await) });
            }
            let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
            let mut unserved = Vec::new();
            for (zone, answer) in answers {
                match answer? {
                    Served::Yes => {}
                    Served::No(why) => unserved.push(format!("{} ({why})", text(zone))),
                }
            }
            if !unserved.is_empty() {
                let more = unserved.len().saturating_sub(NAMED);
                unserved.truncate(NAMED);
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                let message = format!("the server does not serve {}{rest}", unserved.join(", "));
                return Err(DnsError::ZoneNotFound(message));
            }
            Ok(self.server.zones.iter().map(text).collect())
        })
    }

    fn prove_zone<'a>(&'a self, zone: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let name = parse_name(zone)?;
            if self.server.zones.iter().any(|named| named.zone_of(&name)) {
                return Ok(());
            }
            let mut present = name;
            while !present.is_root() {
                if matches!(self.serves(&present).await?, Served::Yes) {
                    return Ok(());
                }
                present = present.base_name();
            }
            Err(DnsError::ZoneNotFound(format!("the server {} has no zone for {zone}", self.server.host)))
        })
    }

    fn find_zone<'a>(&'a self, name: &'a str) -> Answer<'a, Zone> {
        Box::pin(async move {
            let name = parse_name(name)?;
            let named = self.server.zones.iter().filter(|zone| zone.zone_of(&name));
            match named.max_by_key(|zone| zone.num_labels()) {
                Some(longest) => Ok(zone(longest)),
                None if self.server.zones.is_empty() => self.zone_by_soa(&name).await,
                None => {
                    Err(DnsError::ZoneNotFound(format!("{} is in none of the configured zones", text(&name))))
                }
            }
        })
    }

    fn list_txt<'a>(&'a self, _: &'a Zone, name: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let question = question(&parse_name(name)?, RecordType::TXT, false);
            let answer = self.exchange(question).await?;
            Ok(answer.answers.iter().filter_map(|record| txt(&record.data)).collect())
        })
    }

    fn add_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(async move {
            let (record, zone) = self.record(zone, name, value)?;
            self.update(update_message::append(record, zone, false, false)).await
        })
    }

    fn remove_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(async move {
            let (record, zone) = self.record(zone, name, value)?;
            self.update(update_message::delete_by_rdata(record, zone, false)).await
        })
    }

    fn poll<'a>(&'a self, _: &'a str) -> Answer<'a, ChangeState> {
        Box::pin(async { Ok(ChangeState::Done) })
    }
}

//! A name server with authority for zones in memory, over UDP and TCP (RFC 1035).

use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, NULL, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use crate::zones::{State, Zone, Zones};

/// What fits into a datagram.
const DATAGRAM: usize = 1_232;
const PART: usize = 255;
/// Aliases that are followed.
const ALIASES: usize = 8;

/// Serves zones until it is dropped. Host names within the zones that have no records lead to 127.0.0.1 when asked for an
/// address of `ns.<zone>`.
pub struct NameServer {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl NameServer {
    /// Serves these zones at an address, such as another one of this machine with the port of a first server.
    ///
    /// # Errors
    /// When somebody else has it.
    pub async fn start_at(address: SocketAddr, zones: Vec<Zones>) -> std::io::Result<Self> {
        let (tcp, udp) = (TcpListener::bind(address).await?, UdpSocket::bind(address).await?);
        let tasks = vec![tokio::spawn(by_udp(udp, zones.clone())), tokio::spawn(by_tcp(tcp, zones))];
        Ok(Self { address, tasks })
    }

    /// Serves these zones on a free port of 127.0.0.1.
    pub async fn start(zones: Vec<Zones>) -> Self {
        let (udp, tcp, address) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = tcp.local_addr().expect("a bound socket has an address");
            // Another process may have the same port for UDP.
            if let Ok(udp) = UdpSocket::bind(address).await {
                break (udp, tcp, address);
            }
        };
        let tasks = vec![tokio::spawn(by_udp(udp, zones.clone())), tokio::spawn(by_tcp(tcp, zones))];
        Self { address, tasks }
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn by_udp(socket: UdpSocket, zones: Vec<Zones>) {
    let mut buffer = vec![0; 65_535];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        if let Some(answer) =
            buffer.get(..length).and_then(|question| answer(question, &zones, Some(DATAGRAM)))
        {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

async fn by_tcp(listener: TcpListener, zones: Vec<Zones>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, zones.clone()));
    }
}

async fn connection(mut stream: TcpStream, zones: Vec<Zones>) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let Some(answer) = answer(&question, &zones, None) else { return Ok(()) };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
    }
}

/// The answer in octets; one that is longer than `limit` is cut and says so.
fn answer(question: &[u8], zones: &[Zones], limit: Option<usize>) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?.clone();
    let mut reply = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.add_query(query.clone());
    resolve(&mut reply, &query, zones);
    let octets = reply.to_vec().ok()?;
    if limit.is_none_or(|limit| octets.len() <= limit) {
        return Some(octets);
    }
    reply.answers.clear();
    reply.metadata.truncation = true;
    reply.to_vec().ok()
}

fn resolve(reply: &mut Message, query: &Query, zones: &[Zones]) {
    let asked = query.name().to_lowercase();
    let text = asked.to_ascii().trim_end_matches('.').to_owned();
    let states: Vec<_> = zones.iter().map(Zones::lock).collect();
    let (mut text, mut owner) = (text, asked);
    for _ in 0..ALIASES {
        let Some(zone) = zone_of(&states, &text) else {
            if reply.answers.is_empty() {
                reply.metadata.response_code = ResponseCode::Refused;
            }
            return;
        };
        reply.metadata.authoritative = true;
        // A set of this kind makes the server fail at the question.
        if zone.served().contains_key(&(text.clone(), format!("SERVFAIL {}", query.query_type()))) {
            reply.metadata.response_code = ResponseCode::ServFail;
            return;
        }
        let found = records(zone, &text, query.query_type(), &owner);
        // Those who ask for something else than the alias get what it leads to as well.
        let alias = found.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if query.query_type() != RecordType::CNAME => Some(target.0.to_lowercase()),
            _ => None,
        });
        if found.is_empty() {
            let exists = text == zone.apex
                || text == format!("ns.{}", zone.apex)
                || zone.served().keys().any(|(name, _)| is_below(name, &text));
            if !exists {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            reply.add_authority(soa(zone));
        }
        reply.add_answers(found);
        let Some(target) = alias else { return };
        target.to_ascii().trim_end_matches('.').clone_into(&mut text);
        owner = target;
    }
}

/// The longest zone that a name is in; of several with the same name the last one.
fn zone_of<'a>(states: &'a [MutexGuard<'_, State>], name: &str) -> Option<&'a Zone> {
    states
        .iter()
        .flat_map(|state| &state.zones)
        .filter(|zone| !zone.private && is_below(name, &zone.apex))
        .max_by_key(|zone| zone.apex.len())
}

fn records(zone: &Zone, name: &str, kind: RecordType, owner: &Name) -> Vec<Record> {
    if name == zone.apex && kind == RecordType::SOA {
        return vec![soa(zone)];
    }
    let name_server = format!("ns.{}", zone.apex);
    if let Some(set) = zone.served().get(&(name.to_owned(), kind.to_string())).filter(|_| is_plain(kind)) {
        let data = set.records.iter().map(|present| plain(kind, &present.value));
        return data.map(|data| Record::from_rdata(owner.clone(), set.ttl, data)).collect();
    }
    if name == zone.apex && kind == RecordType::NS {
        return vec![Record::from_rdata(owner.clone(), 60, RData::NS(NS(parse(&name_server))))];
    }
    if name == name_server && kind == RecordType::A {
        return vec![Record::from_rdata(owner.clone(), 60, RData::A(A::new(127, 0, 0, 1)))];
    }
    let of = |kind: &str| zone.served().get(&(name.to_owned(), kind.to_owned()));
    if let Some(alias) = of("CNAME").and_then(|set| set.records.first()) {
        return vec![Record::from_rdata(owner.clone(), 60, RData::CNAME(CNAME(parse(&alias.value))))];
    }
    let Some(set) = of("TXT").filter(|_| kind == RecordType::TXT) else { return Vec::new() };
    let record = |value: &str| {
        let parts: Vec<&[u8]> = value.as_bytes().chunks(PART).collect();
        Record::from_rdata(owner.clone(), set.ttl, RData::TXT(TXT::from_bytes(parts)))
    };
    set.records.iter().map(|present| record(&present.value)).collect()
}

/// The kinds of records whose values stand in the zones as in zone files.
fn is_plain(kind: RecordType) -> bool {
    matches!(kind, RecordType::NS | RecordType::A | RecordType::AAAA | RecordType::CAA)
}

fn plain(kind: RecordType, value: &str) -> RData {
    match kind {
        RecordType::NS => RData::NS(NS(parse(value))),
        RecordType::A => RData::A(A(value.parse().expect("an IPv4 address"))),
        RecordType::AAAA => RData::AAAA(AAAA(value.parse().expect("an IPv6 address"))),
        _ => caa(value),
    }
}

/// `0 issue "ca.example"` (RFC 8659 section 4.1.1).
fn caa(value: &str) -> RData {
    let mut parts = value.splitn(3, ' ');
    let flags: u8 = parts.next().and_then(|flags| flags.parse().ok()).expect("flags");
    let tag = parts.next().expect("a tag");
    let content = parts.next().expect("a value").trim_matches('"');
    let octets =
        [&[flags, u8::try_from(tag.len()).expect("a short tag")], tag.as_bytes(), content.as_bytes()]
            .concat();
    RData::Unknown { code: RecordType::CAA, rdata: NULL::with(octets) }
}

fn soa(zone: &Zone) -> Record {
    let apex = parse(&zone.apex);
    let data = SOA::new(parse(&format!("ns.{}", zone.apex)), parse("hostmaster.invalid"), 1, 60, 60, 60, 1);
    Record::from_rdata(apex, 60, RData::SOA(data))
}

fn parse(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("the zones hold names");
    name.set_fqdn(true);
    name
}

fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The TXT values of a name by asking a name server over TCP, sorted.
pub async fn txt_values(server: SocketAddr, name: &str) -> Vec<String> {
    let mut message = Message::query();
    message.add_query(Query::query(parse(name), RecordType::TXT));
    let octets = message.to_vec().expect("a question can be written");
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes()[..], &octets].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(Duration::from_secs(10), exchange).await;
    let answer = answer.expect("the name server answers in time").expect("the name server answers");
    let answer = Message::from_vec(&answer).expect("a DNS message");
    let mut values: Vec<String> = answer.answers.iter().filter_map(|record| text(&record.data)).collect();
    values.sort_unstable();
    values
}

fn text(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

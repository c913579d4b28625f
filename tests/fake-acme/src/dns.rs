//! TXT records, asked over TCP, because many values at one name do not fit into a datagram.

use std::{collections::HashSet, io, net::SocketAddr, time::Duration};

use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{Name, RData, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const WITHIN: Duration = Duration::from_secs(5);
const ALIASES: usize = 8;

/// The TXT values at the name or at what it is an alias of; the error is a sentence.
pub(crate) async fn txt(server: SocketAddr, name: &str) -> Result<HashSet<String>, String> {
    let mut name = Name::from_ascii(name).map_err(|error| format!("{name}: {error}"))?;
    for _ in 0..ALIASES {
        let answer = timeout(WITHIN, ask(server, name.clone()))
            .await
            .map_err(|_| format!("no answer from the DNS server about {name}"))?
            .map_err(|error| format!("asking the DNS server about {name}: {error}"))?;
        let code = answer.metadata.response_code;
        let values: HashSet<String> =
            answer.answers.iter().filter_map(|record| value_of(&record.data)).collect();
        let alias = answer.answers.iter().rev().find_map(|record| match &record.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        match alias {
            // The target may be in another zone, so that it was not answered in one go.
            Some(target) if values.is_empty() => name = target,
            _ if values.is_empty() => return Err(format!("no TXT records at {name} ({code})")),
            _ => return Ok(values),
        }
    }
    Err(format!("too many aliases before {name}"))
}

async fn ask(server: SocketAddr, name: Name) -> io::Result<Message> {
    let mut question = Message::new(1, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, RecordType::TXT));
    let question = question.to_vec().map_err(io::Error::other)?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&[&length.to_be_bytes()[..], &question].concat()).await?;
    let mut answer = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut answer).await?;
    Message::from_vec(&answer).map_err(io::Error::other)
}

/// The strings of one record put together (RFC 8555 §8.4).
fn value_of(data: &RData) -> Option<String> {
    let RData::TXT(strings) = data else { return None };
    Some(String::from_utf8_lossy(&strings.txt_data.concat()).into_owned())
}

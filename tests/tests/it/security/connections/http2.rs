//! HTTP/2, whose one connection is many requests: frames as they are on the wire (RFC 9113).

use std::time::Instant;

use certmill_listen::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{HERE, PATIENCE, SHORT, Site, closed_after, having_sent};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET path` (RFC 7541: three entries of the static table, and two literals).
fn get(stream: u32, path: &str) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let block = [&[0x82, 0x86, 0x04, length], path.as_bytes(), &[0x01, 1, b'x']].concat();
    // END_STREAM and END_HEADERS.
    frame(HEADERS, 5, stream, &block)
}

async fn next(client: &mut TcpStream) -> Option<Frame> {
    let mut head = [0; 9];
    let reading = async {
        client.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], stream, payload })
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("no frame came")
}

/// One connection with a thousand streams makes a thousand requests at a time, each with its buffers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_heads_are_limited() {
    let site = Site::open(Limits::default(), None).await;
    let mut client = having_sent(site.address, &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    let settings = next(&mut client).await.unwrap();
    assert_eq!(settings.kind, SETTINGS);
    let value = |wanted: u16| {
        let entries = settings.payload.chunks_exact(6);
        let mut found = entries.filter(|entry| entry[..2] == wanted.to_be_bytes());
        found.next().map(|entry| u32::from_be_bytes(entry[2..].try_into().unwrap()))
    };
    // SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE, SETTINGS_MAX_HEADER_LIST_SIZE.
    assert_eq!(value(3), Some(100));
    assert!(value(4).unwrap_or(65_535) <= 65_536);
    assert_eq!(value(6), Some(32_768));
}

/// A client that grants no octets for its answers keeps them, and their requests, as long as it likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_reads_is_reset_and_the_others_go_on() {
    let limits = Limits { write_timeout: SHORT, ..Limits::default() };
    let site = Site::open(limits, None).await;
    // SETTINGS_INITIAL_WINDOW_SIZE of 0.
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let since = Instant::now();
    let sent = [PREFACE, &settings, &get(1, "/openapi.json")].concat();
    let mut client = having_sent(site.address, &sent).await;
    let mut has_head = false;
    loop {
        let frame = next(&mut client).await.expect("the connection was closed with its stream");
        match frame.kind {
            HEADERS => has_head = frame.stream == 1,
            DATA => panic!("octets without leave"),
            RST_STREAM => break assert_eq!(frame.stream, 1),
            _ => {}
        }
    }
    assert!(has_head && since.elapsed() >= SHORT);
    // What has no body needs no leave.
    client.write_all(&get(3, "/nothing-that-there-is")).await.unwrap();
    while next(&mut client).await.is_some_and(|frame| (frame.kind, frame.stream) != (HEADERS, 3)) {}
    site.must_serve(HERE).await;
}

/// Frames that are no request must not keep a connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_requests_is_closed_whatever_else_comes() {
    let limits = Limits { idle_timeout: SHORT, ..Limits::default() };
    let site = Site::open(limits, None).await;
    let sent = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &get(1, "/healthz")].concat();
    let mut client = having_sent(site.address, &sent).await;
    while next(&mut client).await.unwrap().kind != HEADERS {}
    let (mut reader, mut writer) = client.into_split();
    let pinging = tokio::spawn(async move {
        while writer.write_all(&frame(6, 0, 0, &[0; 8])).await.is_ok() {
            tokio::time::sleep(SHORT / 8).await;
        }
    });
    let mut read = Vec::new();
    let reading = async {
        let _ = reader.read_to_end(&mut read).await;
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("pings keep the connection open");
    pinging.abort();
}

/// The beginning of HTTP/2 is a head like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_never_asks_is_closed() {
    let site = Site::open(Limits { header_timeout: SHORT, ..Limits::default() }, None).await;
    let since = Instant::now();
    let mut client = having_sent(site.address, &[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await;
    closed_after(&mut client, since, SHORT).await;
}

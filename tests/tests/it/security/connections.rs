//! Clients that hold connections: by sending nothing, little, slowly or too much, or by not reading.

mod http2;
mod stopping;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use certmill_listen::{Limits, Listener, Room, Tls};
use tests::{Mode, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long something may take that is due, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// The limit that a test waits for.
const SHORT: Duration = Duration::from_millis(400);

/// The service behind a port of its own.
struct Site {
    app: TestApp,
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Site {
    async fn open(limits: Limits, tls: Option<Tls>) -> Self {
        let app = TestApp::start(Mode::Embedded).await;
        let listener = bind(limits).await;
        let (address, stop) = (listener.address(), CancellationToken::new());
        let endpoint = certmill_api::service(app.app.clone(), None);
        let served = tokio::spawn(certmill_listen::serve(listener, tls, endpoint, stop.clone()));
        Self { app, address, stop, served }
    }

    /// A call as anyone makes it, on a connection of its own from this address of the machine; answers what comes back,
    /// and nothing when the connection is refused.
    async fn honest(&self, from: [u8; 4]) -> String {
        let Ok(mut client) = connect(self.address, from).await else { return String::new() };
        let request = b"GET /healthz HTTP/1.1\r\nHost: pki.test\r\nConnection: close\r\n\r\n";
        if client.write_all(request).await.is_err() {
            return String::new();
        }
        rest(&mut client).await
    }

    async fn must_serve(&self, from: [u8; 4]) {
        let answer = self.honest(from).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "`{answer}`");
    }

    /// Waits until somebody is served again.
    async fn serves_again(&self, from: [u8; 4]) {
        let served = async { while !self.honest(from).await.starts_with("HTTP/1.1 200 ") {} };
        tokio::time::timeout(PATIENCE, served).await.expect("nobody is served any more");
    }
}

const HERE: [u8; 4] = [127, 0, 0, 1];
const THERE: [u8; 4] = [127, 0, 0, 2];
const ELSEWHERE: [u8; 4] = [127, 0, 0, 3];

async fn bind(limits: Limits) -> Listener {
    let any = ([127, 0, 0, 1], 0).into();
    Listener::bind("test", any, limits, &Room::for_files(10_000)).await.unwrap()
}

async fn connect(address: SocketAddr, from: [u8; 4]) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((IpAddr::from(from), 0).into()).unwrap();
    socket.connect(address).await
}

/// A client that has sent this.
async fn having_sent(address: SocketAddr, octets: &[u8]) -> TcpStream {
    let mut client = connect(address, HERE).await.unwrap();
    client.write_all(octets).await.unwrap();
    client
}

/// What still comes until the other side closes, which it must.
async fn rest(client: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let reading = async {
        // A reset is an end as well.
        let _ = client.read_to_end(&mut read).await;
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the connection stayed open");
    String::from_utf8_lossy(&read).into_owned()
}

/// Waits for the end of a connection, which must not come before `limit`; answers what it was told.
async fn closed_after(client: &mut TcpStream, since: Instant, limit: Duration) -> String {
    let told = rest(client).await;
    assert!(since.elapsed() >= limit, "closed after {:?}: `{told}`", since.elapsed());
    told
}

/// Many connections that send nothing or half a head occupy descriptors for as long as the client likes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_and_half_heads_are_closed_while_others_are_served() {
    let site = Site::open(Limits { header_timeout: SHORT, ..Limits::default() }, None).await;
    let since = Instant::now();
    let mut held = Vec::new();
    for number in 0..120 {
        let sent: &[u8] =
            [&b""[..], b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", b"PRI * HTTP/2.0\r\n"][number % 3];
        held.push(having_sent(site.address, sent).await);
        if number % 20 == 0 {
            site.must_serve(HERE).await;
        }
    }
    for client in &mut held {
        assert_eq!(closed_after(client, since, SHORT).await, "");
    }
    site.must_serve(HERE).await;
}

/// A head that comes octet by octet is never complete and never still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trickling_head_is_closed_all_the_same() {
    let site = Site::open(Limits { header_timeout: SHORT, ..Limits::default() }, None).await;
    // The second head of a connection has the same time as the first.
    for before in [&b""[..], b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let client = having_sent(site.address, before).await;
        let (mut reader, mut writer) = client.into_split();
        let trickling = tokio::spawn(async move {
            writer.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ").await.unwrap();
            while writer.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let mut read = Vec::new();
        let reading = async {
            let _ = reader.read_to_end(&mut read).await;
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("a head that never ends is read for ever");
        trickling.await.unwrap();
    }
}

/// A connection that is kept open after its request costs a place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed() {
    let site = Site::open(Limits { idle_timeout: SHORT, ..Limits::default() }, None).await;
    let mut client = having_sent(site.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let since = Instant::now();
    let told = closed_after(&mut client, since, SHORT / 2).await;
    assert!(
        told.starts_with("HTTP/1.1 200 ") && !told.to_lowercase().contains("connection: close"),
        "{told}"
    );
}

/// A body that stops, or comes octet by octet, holds its request and what was read of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_must_keep_coming() {
    let limits = Limits { body_timeout: SHORT, body_min_rate: 20_000, ..Limits::default() };
    let site = Site::open(limits, None).await;
    let head = |length| {
        format!(
            "POST /v1/pki/ca HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n",
            site.app.admin
        )
    };
    for pause in [PATIENCE, SHORT / 20] {
        let since = Instant::now();
        let (mut reader, mut writer) = having_sent(site.address, head(1000).as_bytes()).await.into_split();
        let slow = tokio::spawn(async move {
            while writer.write_all(b"{").await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        let mut told = Vec::new();
        let reading = reader.read_to_end(&mut told);
        let _ = tokio::time::timeout(PATIENCE, reading).await.expect("a slow body is read for ever");
        slow.abort();
        let told = String::from_utf8_lossy(&told);
        assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("\"code\":\"request_timeout\""), "{told}");
        assert!(told.to_lowercase().contains("connection: close"), "{told}");
        assert!(since.elapsed() >= SHORT, "{told}");
    }
    // One that keeps its rate may take longer than a pause.
    let mut client = having_sent(site.address, head(40_000).as_bytes()).await;
    let since = Instant::now();
    for _ in 0..40 {
        client.write_all(&[b' '; 1000]).await.unwrap();
        tokio::time::sleep(SHORT / 16).await;
    }
    assert!(since.elapsed() > SHORT * 2);
    client.shutdown().await.unwrap();
    let told = rest(&mut client).await;
    assert!(told.starts_with("HTTP/1.1 4") && !told.starts_with("HTTP/1.1 408 "), "{told}");
}

/// A client that asks for much and reads nothing keeps the answers in our memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_closed() {
    let limits = Limits { write_timeout: SHORT, connections: 1, ..Limits::default() };
    let site = Site::open(limits, None).await;
    let mut greedy = having_sent(site.address, b"").await;
    // More than the buffers of both sides hold.
    let request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n";
    let asking = async {
        for _ in 0..400 {
            if greedy.write_all(request).await.is_err() {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(SHORT, asking).await;
    // There is one place, so somebody is served when it is free again.
    site.serves_again(HERE).await;
    drop(greedy);
}

/// One client may not take every connection, and all clients together not every file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_limited_in_all_and_by_address() {
    let limits = Limits { connections: 4, connections_per_address: 3, ..Limits::default() };
    let site = Site::open(limits, None).await;
    // A place is free a moment after its connection has ended.
    let held = async |from| {
        let mut first = [0; 1];
        let taken = async {
            loop {
                let mut client = connect(site.address, from).await.unwrap();
                // Refused, both may fail.
                let _ = client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
                if client.read_exact(&mut first).await.is_ok() {
                    return client;
                }
            }
        };
        tokio::time::timeout(PATIENCE, taken).await.expect("no place becomes free")
    };
    let mut here = vec![held(HERE).await, held(HERE).await, held(HERE).await];
    assert_eq!(site.honest(HERE).await, "", "a fourth of one address");
    site.must_serve(THERE).await;
    let there = held(THERE).await;
    assert_eq!(site.honest(ELSEWHERE).await, "", "a fifth in all");
    drop(there);
    site.serves_again(ELSEWHERE).await;
    drop(here.pop());
    site.serves_again(HERE).await;
}

/// Without a host, or with two, proxies and servers may disagree about whom a request is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_says_which_host_it_is_for() {
    let site = Site::open(Limits::default(), None).await;
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\nHost: x\r\n", 200),
        ("GET /healthz HTTP/1.1\r\n", 400),
        ("GET http://x/healthz HTTP/1.1\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n", 400),
        ("GET /healthz HTTP/1.0\r\n", 200),
    ] {
        let request = format!("{head}Connection: close\r\n\r\n");
        let told = rest(&mut having_sent(site.address, request.as_bytes()).await).await;
        assert!(told.split(' ').nth(1) == Some(&status.to_string()), "{head}: {told}");
        if status == 400 {
            assert!(
                told.contains("\"code\":\"invalid_request\"") && told.contains("\"request_id\":\"req_"),
                "{told}"
            );
        }
    }
}

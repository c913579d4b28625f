//! The client against a listener in this process.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use certmill_egress::{
    Addresses, Allowance, Egress, EgressError, EgressOptions, EgressPolicy, Limits, Lookup, Purpose,
};
use openssl::{
    asn1::Asn1Time,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    ssl::{SslAcceptor, SslMethod},
    x509::{X509, X509NameBuilder, extension::SubjectAlternativeName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LIMITS: Limits = Limits { timeout: Duration::from_secs(20), max_bytes: 10_000 };

/// What a listener does with the request that it read.
type Answer = fn(String, TcpStream) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, log) = (Arc::clone(&connections), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    log.lock().unwrap().push(request.clone());
                    answer(request, stream).await
                });
            }
        });
        Self { address, connections, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn last_request(&self) -> String {
        self.requests.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

/// Head and body of one request.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&octets).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        if stream.read_buf(&mut octets).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

/// Answers by the path that is asked for.
fn answer(
    request: String,
    mut stream: TcpStream,
) -> std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
    Box::pin(async move {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (path, argument) = path.split_once('?').unwrap_or((&path, ""));
        let redirect = |status: u16, to: &str| {
            format!("HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
        };
        match path {
            "/hello" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX-One: 1\r\nContent-Length: 5\r\n\r\nhello").await
            }
            "/missing" => stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno").await,
            "/echo" => {
                let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(head.as_bytes()).await
            }
            "/redirect" => stream.write_all(redirect(302, argument).as_bytes()).await,
            "/keep" => stream.write_all(redirect(308, argument).as_bytes()).await,
            "/loop" => stream.write_all(redirect(301, "/loop").as_bytes()).await,
            "/count" => {
                let left: usize = argument.parse().unwrap_or(0);
                let next = if left == 0 { "/hello".into() } else { format!("/count?{}", left - 1) };
                stream.write_all(redirect(302, &next).as_bytes()).await
            }
            "/announced" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\n").await,
            "/endless" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b'x'; 4096]).await?;
                }
            }
            "/slow" => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            "/silent" => std::future::pending().await,
            "/cut" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc").await,
            "/garbage" => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await,
            _ => Ok(()),
        }
    })
}

fn loopback_allowed() -> EgressPolicy {
    EgressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()])
}

async fn start() -> (Server, Egress) {
    (Server::start(answer).await, Egress::new(loopback_allowed()).unwrap())
}

/// Every name has these addresses.
struct Fixed(Vec<IpAddr>);

impl Lookup for Fixed {
    fn lookup(&self, _: &str) -> Addresses {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

fn resolving_to(policy: EgressPolicy, addresses: &[&str]) -> Egress {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Egress::with_lookup(policy, Arc::new(Fixed(addresses))).unwrap()
}

#[tokio::test]
async fn answers_come_with_status_headers_and_body() {
    let (server, egress) = start().await;
    let response = egress.get(&server.url("/hello#fragment"), LIMITS).await.unwrap();
    assert_eq!((response.status(), response.header("x-one")), (200, Some("1")));
    assert_eq!(response.success().unwrap().into_body(), b"hello");
    let request = server.last_request().to_ascii_lowercase();
    assert!(request.starts_with("get /hello http/1.1\r\n"), "{request}");
    for header in ["accept-encoding", "cookie", "authorization", "referer", "proxy"] {
        assert!(!request.contains(header), "{request}");
    }

    let response = egress.get(&server.url("/missing"), LIMITS).await.unwrap();
    assert_eq!((response.status(), response.body()), (404, &b"no"[..]));
    let error = response.success().unwrap_err();
    assert!(matches!(&error, EgressError::BadStatus { status: 404, .. }), "{error}");

    let echo = server.url("/echo");
    let posted = egress.post(&echo, "application/ocsp-request", b"abc".to_vec(), LIMITS).await;
    assert_eq!(posted.unwrap().into_body(), b"abc");
    assert!(server.last_request().contains("application/ocsp-request"));
    let posted = egress.post(&echo, "a\r\nb", b"abc".to_vec(), LIMITS).await;
    assert!(matches!(posted, Err(EgressError::InvalidUrl(_))));
}

#[tokio::test]
async fn denied_addresses_are_never_connected_to() {
    let server = Server::start(answer).await;
    let port = server.address.port();
    let egress = Egress::new(EgressPolicy::public_only()).unwrap();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00:ec2::254]",
    ] {
        let error = egress.get(&format!("http://{host}:{port}/hello"), LIMITS).await.unwrap_err();
        let denied = matches!(error, EgressError::Denied { .. } | EgressError::NoAddress { .. });
        assert!(denied, "{host}: {error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn names_are_judged_by_the_addresses_they_have() {
    let server = Server::start(answer).await;
    let url = format!("http://crl.example:{}/hello", server.address.port());

    let inside = resolving_to(EgressPolicy::public_only(), &["127.0.0.1", "10.0.0.8"]);
    let error = inside.get(&url, LIMITS).await.unwrap_err();
    let EgressError::NoAddress { host } = &error else { panic!("{error}") };
    assert_eq!(host, "crl.example");
    let told = error.to_string();
    assert_eq!(server.connections(), 0);

    // Of several addresses only the allowed one is tried, wherever it stands.
    let mixed = resolving_to(loopback_allowed(), &["10.255.255.1", "127.0.0.1", "169.254.169.254"]);
    let started = Instant::now();
    assert_eq!(mixed.get(&url, LIMITS).await.unwrap().body(), b"hello");
    assert!(started.elapsed() < Duration::from_secs(5), "the denied address was tried");

    let nowhere = resolving_to(EgressPolicy::public_only(), &[]);
    let error = nowhere.get(&url, LIMITS).await.unwrap_err();
    // A tenant does not learn whether there is such a name inside.
    assert_eq!(error.to_string(), told);
}

#[tokio::test]
async fn what_one_tenant_may_reach_is_not_reached_by_another() {
    let server = Server::start(answer).await;
    let url = format!("http://inside.example:{}/hello", server.address.port());
    let literal = server.url("/hello");
    let policy = EgressPolicy::limited(vec![Allowance {
        purposes: vec![Purpose::Dns],
        ports: vec![server.address.port()],
        tenants: vec!["team-a".to_owned()],
        ..Allowance::from("127.0.0.1/32".parse::<ipnet::IpNet>().unwrap())
    }]);
    let options = EgressOptions { keep_alive: true, ..EgressOptions::default() };
    let lookup = Arc::new(Fixed(vec!["127.0.0.1".parse().unwrap()]));
    let egress = Egress::with_lookup_and_options(policy, lookup, &options).unwrap();
    let own = egress.for_purpose(Purpose::Dns).for_tenant("team-a");
    let others = [
        egress.for_purpose(Purpose::Dns).for_tenant("team-b"),
        egress.for_purpose(Purpose::Validation).for_tenant("team-a"),
        egress.for_purpose(Purpose::Dns),
    ];
    for url in [&url, &literal] {
        assert_eq!(own.get(url, LIMITS).await.unwrap().status(), 200);
        // Neither does it help that there is a connection.
        for other in &others {
            assert!(other.get(url, LIMITS).await.is_err(), "{url}");
        }
    }
    assert!(server.connections() <= 2);
}

#[tokio::test]
async fn credentials_need_tls_where_nothing_is_listed() {
    let server = Server::start(answer).await;
    let policy = || EgressPolicy::limited(Vec::new());
    let lookup = || Arc::new(Fixed(vec!["192.0.32.8".parse().unwrap()]));
    let egress = Egress::with_lookup(policy(), lookup()).unwrap().with_credentials();
    for url in ["http://api.example/", "http://192.0.32.8/"] {
        let error = egress.get(url, LIMITS).await.unwrap_err();
        assert!(error.to_string().contains("https"), "{error}");
    }
    // Where the operator has listed the address, they go.
    let listed = Egress::new(loopback_allowed()).unwrap().with_credentials();
    assert_eq!(listed.get(&server.url("/hello"), LIMITS).await.unwrap().status(), 200);
}

/// Public when first asked, inside ever after.
struct Rebinding(AtomicUsize);

impl Lookup for Rebinding {
    fn lookup(&self, _: &str) -> Addresses {
        let inside = self.0.fetch_add(1, Ordering::SeqCst) > 0;
        let address: IpAddr = if inside { "127.0.0.2" } else { "127.0.0.1" }.parse().unwrap();
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let server = Server::start(answer).await;
    let url = format!("http://crl.example:{}/hello", server.address.port());
    let policy = EgressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
    let egress = Egress::with_lookup(policy, Arc::new(Rebinding(AtomicUsize::new(0)))).unwrap();
    // One look-up serves check and connection.
    assert_eq!(egress.get(&url, LIMITS).await.unwrap().status(), 200);
    let error = egress.get(&url, LIMITS).await.unwrap_err();
    assert!(matches!(error, EgressError::NoAddress { .. }), "{error}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn every_hop_of_a_redirect_is_judged() {
    let (server, egress) = start().await;
    let response = egress.get(&server.url("/redirect?/hello"), LIMITS).await.unwrap();
    assert_eq!(response.body(), b"hello");
    for target in [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "//192.168.1.1/",
        "http://2852039166/",
    ] {
        let error = egress.get(&server.url(&format!("/redirect?{target}")), LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::Denied { .. }), "{target}: {error}");
    }
    for target in ["ftp://127.0.0.1/", "file:///etc/passwd", "http://user:secret@127.0.0.1/", "http://"] {
        let error = egress.get(&server.url(&format!("/redirect?{target}")), LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::RefusedRedirect { .. }), "{target}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn redirects_are_counted() {
    let (server, egress) = start().await;
    assert_eq!(egress.get(&server.url("/count?4"), LIMITS).await.unwrap().body(), b"hello");
    for path in ["/count?5", "/loop"] {
        let before = server.connections();
        let error = egress.get(&server.url(path), LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::RefusedRedirect { .. }), "{error}");
        assert_eq!(server.connections() - before, 6);
    }
}

#[tokio::test]
async fn a_post_is_redirected_as_a_post_or_not_at_all() {
    let (server, egress) = start().await;
    let url = server.url("/keep?/echo");
    assert_eq!(egress.post(&url, "text/plain", b"abc".to_vec(), LIMITS).await.unwrap().body(), b"abc");
    let url = server.url("/redirect?/hello");
    assert_eq!(egress.post(&url, "text/plain", b"abc".to_vec(), LIMITS).await.unwrap().status(), 302);
}

#[tokio::test]
async fn large_answers_are_cut_off() {
    let (server, egress) = start().await;
    for path in ["/announced", "/endless"] {
        let error = egress.get(&server.url(path), LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::TooLarge { max_bytes: 10_000, .. }), "{path}: {error}");
    }
    let exact = Limits { max_bytes: 5, ..LIMITS };
    assert_eq!(egress.get(&server.url("/hello"), exact).await.unwrap().body(), b"hello");
    let less = Limits { max_bytes: 4, ..LIMITS };
    assert!(matches!(egress.get(&server.url("/hello"), less).await, Err(EgressError::TooLarge { .. })));
}

#[tokio::test]
async fn slow_answers_are_given_up() {
    let (server, egress) = start().await;
    let limits = Limits { timeout: Duration::from_millis(400), ..LIMITS };
    for path in ["/slow", "/silent"] {
        let error = egress.get(&server.url(path), limits).await.unwrap_err();
        assert!(matches!(error, EgressError::Timeout { .. }), "{path}: {error}");
    }
}

#[tokio::test]
async fn broken_answers_are_unreachable() {
    let (server, egress) = start().await;
    for path in ["/cut", "/garbage", "/nothing"] {
        let error = egress.get(&server.url(path), LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::Unreachable { .. }), "{path}: {error}");
        assert!(!error.to_string().contains(path), "{error}");
    }
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = egress.get(&format!("http://{closed}/secret"), LIMITS).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, EgressError::Unreachable { .. }), "{text}");
    assert!(text.contains("refused") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn servers_that_nobody_vouches_for_are_not_trusted() {
    let address = tls_server("localhost");
    let egress = Egress::new(loopback_allowed()).unwrap();
    let url = format!("https://localhost:{}/secret", address.port());
    let text = egress.get(&url, LIMITS).await.unwrap_err().to_string();
    assert!(text.contains("localhost cannot be reached") && text.contains("certificate"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

/// A TLS server with a certificate of its own making, for one connection.
fn tls_server(name: &str) -> SocketAddr {
    let key = PKey::from_ec_key(
        EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap(),
    )
    .unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&subject).unwrap();
    certificate.set_issuer_name(&subject).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns(name).build(&certificate.x509v3_context(None, None));
    certificate.append_extension(names.unwrap()).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();

    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate.build()).unwrap();
    let acceptor = acceptor.build();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        // The client is expected to end the handshake.
        let _ = acceptor.accept(listener.accept().unwrap().0);
    });
    address
}

#[tokio::test]
async fn urls_that_cannot_be_used_are_refused() {
    let egress = Egress::new(loopback_allowed()).unwrap();
    let long = format!("http://127.0.0.1/{}", "a".repeat(5000));
    for url in [
        "",
        "/path",
        "127.0.0.1",
        "ldap://127.0.0.1/cn=x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "http://user@127.0.0.1/",
        "http://user:secret@127.0.0.1/",
        "http://:secret@127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://256.1.1.1/",
        long.as_str(),
    ] {
        let error = egress.get(url, LIMITS).await.unwrap_err();
        assert!(matches!(error, EgressError::InvalidUrl(_)), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

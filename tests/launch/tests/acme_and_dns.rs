//! Pebble, its challenge test server and BIND start, answer, and are gone with the test process.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use launch::{
    Bind, BindOptions, ChallTestSrv, ChallTestSrvOptions, Pebble, PebbleOptions, Process, TsigKey,
    Validation, ZoneSpec, free_port,
};
use openssl::x509::X509;

const LONG: Duration = Duration::from_secs(30);
const KEY: &str = "c2VjcmV0IG9mIHRoZSB0ZXN0cw==";

#[test]
fn pebble_answers_over_tls_and_has_as_many_roots_as_asked_for() {
    let eab_keys = BTreeMap::from([("kid-1".to_owned(), "c2VjcmV0IG9mIHRoZSB0ZXN0cw".to_owned())]);
    let pebble = Pebble::start(PebbleOptions {
        alternate_roots: 1,
        eab_keys,
        validation: Validation::AlwaysValid,
        ..PebbleOptions::default()
    });
    let directory = curl(&pebble, &pebble.directory_url()).unwrap();
    assert!(directory.contains("newAccount") && directory.contains("\"externalAccountRequired\": true"));
    assert_ne!(pebble.root_pem(0), pebble.root_pem(1));
    let (root, intermediate) = (certificate(&pebble.root_pem(0)), certificate(&pebble.intermediate_pem(0)));
    assert!(intermediate.verify(&root.public_key().unwrap()).unwrap());
    assert_ne!(pebble.http_port(), pebble.tls_port());
    curl(&Pebble::start(PebbleOptions::default()), &pebble.directory_url()).unwrap_err();
}

#[test]
fn a_newer_pebble_has_profiles_and_renewal_information() {
    let profiles = BTreeMap::from([("short".to_owned(), 600_000)]);
    let options = PebbleOptions { newer: true, profiles, retry_after: Some((1, 1)), ..Default::default() };
    let pebble = Pebble::start(options);
    let directory = curl(&pebble, &pebble.directory_url()).unwrap();
    assert!(directory.contains("renewalInfo") && directory.contains("short"), "{directory}");
}

#[test]
fn the_challenge_test_server_resolves_everything_to_this_machine() {
    let server = ChallTestSrv::start();
    let ask = |kind: &str, name: &str| dig(server.dns(), &["+short", kind, name]);
    assert_eq!(ask("A", "anything.example"), "127.0.0.1");
    assert_eq!(ask("AAAA", "anything.example"), "");

    server.add_txt("_acme-challenge.a.example", "one");
    server.add_txt("_acme-challenge.a.example.", "two");
    assert_eq!(ask("TXT", "_acme-challenge.a.example"), "\"one\"\n\"two\"");
    server.clear_txt("_acme-challenge.a.example");
    assert_eq!(ask("TXT", "_acme-challenge.a.example"), "");

    server.add_a("a.example", &[Ipv4Addr::new(127, 0, 0, 9)]);
    assert_eq!(ask("A", "a.example"), "127.0.0.9");
    server.clear_a("a.example");
    server.set_default_ipv4(None);
    assert_eq!(ask("A", "a.example"), "");
    server.set_default_ipv4(Some(Ipv4Addr::LOCALHOST));
    assert_eq!(ask("A", "a.example"), "127.0.0.1");

    server.set_cname("_acme-challenge.b.example", "b.elsewhere.example");
    assert!(ask("TXT", "_acme-challenge.b.example").contains("b.elsewhere.example."));
    server.clear_cname("_acme-challenge.b.example");
    assert_eq!(ask("TXT", "_acme-challenge.b.example"), "");

    server.add_caa("c.example", "ca.example");
    assert_eq!(ask("CAA", "c.example"), "0 issue \"ca.example\"");
    server.clear_caa("c.example");
    assert_eq!(ask("CAA", "c.example"), "");

    server.set_servfail("d.example");
    assert!(dig(server.dns(), &["A", "d.example"]).contains("SERVFAIL"));
    server.clear_servfail("d.example");
    assert!(dig(server.dns(), &["A", "d.example"]).contains("NOERROR"));
}

#[test]
fn the_challenge_test_server_answers_challenges_when_asked_to() {
    let (http, tls) = (free_port(), free_port());
    let server = ChallTestSrv::start_with(ChallTestSrvOptions { http01: Some(http), tls_alpn01: Some(tls) });
    server.add_http01("token", "token.thumbprint");
    server.add_tls_alpn01("a.example", "token.thumbprint");
    assert!(get(http, "/.well-known/acme-challenge/token").ends_with("token.thumbprint"));
    assert!(accepts(tls));
    server.remove_http01("token");
    assert!(!get(http, "/.well-known/acme-challenge/token").contains("thumbprint"));
}

#[test]
fn bind_takes_signed_updates_only_and_keeps_them_over_a_crash() {
    let mut bind = bind();
    let before = bind.zone_lines("example.test");
    assert!(before.contains(&"kept.example.test. 60 IN TXT \"a foreign value\"".to_owned()), "{before:?}");
    assert_eq!(dig(bind.address(), &["+short", "A", "any.example.test"]), "127.0.0.1");
    let serial = bind.serial("example.test");

    let name = "_acme-challenge.example.test";
    assert!(!update(&bind, None, &format!("add {name} 60 TXT unsigned")));
    assert!(!update(&bind, Some("unknown"), &format!("add {name} 60 TXT unknown")));
    assert!(update(&bind, Some("all"), &format!("add {name} 60 TXT one")));
    assert!(update(&bind, Some("challenges"), &format!("add {name} 60 TXT two")));
    assert!(!update(&bind, Some("challenges"), "add other.example.test 60 TXT no"));
    assert_eq!(bind.txt(name), ["one", "two"]);
    assert!(bind.serial("example.test") > serial);
    assert_ne!(bind.zone_lines("example.test"), before);

    bind.stop();
    assert!(!accepts(bind.address().port()));
    bind.start_again();
    assert_eq!(bind.txt(name), ["one", "two"]);

    assert!(update(&bind, Some("all"), &format!("delete {name} TXT")));
    assert_eq!(bind.txt(name), Vec::<String>::new());
    assert_eq!(bind.zone_lines("example.test"), before);
}

#[test]
fn a_stale_secondary_stays_stale_until_it_is_told() {
    let bind = bind();
    let mut secondary = bind.stale_secondary(Ipv4Addr::new(127, 0, 0, 2));
    let name = "_acme-challenge.example.test";
    assert_eq!(secondary.zone_lines("example.test"), bind.zone_lines("example.test"));
    assert!(update(&bind, Some("all"), &format!("add {name} 60 TXT new")));
    assert_eq!((bind.txt(name), secondary.txt(name)), (vec!["new".to_owned()], Vec::new()));
    secondary.transfer_again();
    assert_eq!(secondary.txt(name), ["new"]);
    assert_eq!(secondary.address(), SocketAddr::from(([127, 0, 0, 2], bind.address().port())));
    assert_eq!(dig(secondary.address(), &["+short", "TXT", name]), "\"new\"");
    assert_eq!(dig(secondary.address(), &["+short", "+tcp", "TXT", name]), "\"new\"");
    let address = secondary.address();
    drop(secondary);
    // Another test may just be starting a process, which has our sockets until it is another program.
    let deadline = Instant::now() + LONG;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "the address of a dropped server answers");
        std::thread::yield_now();
    }
}

#[test]
#[should_panic(expected = "no transfer of absent.test")]
fn a_zone_that_is_not_there_has_no_lines() {
    bind().zone_lines("absent.test");
}

#[test]
#[should_panic(expected = "named did not start")]
fn a_bind_that_refuses_its_zone_says_why() {
    let zone = ZoneSpec { records: vec!["broken".to_owned()], ..zone() };
    Bind::start(BindOptions { zones: vec![zone], keys: keys() });
}

/// Runs this test binary a second time as the victim, because a destructor must not be what cleans up.
#[test]
fn the_servers_die_with_a_killed_test_process() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "holds_servers_until_killed"]);
    let mut victim = Process::start(command);
    assert!(victim.wait_for_log("holding", LONG), "{}", victim.log());
    let log = victim.log();
    let line = log.lines().find_map(|line| line.split_once("ports=")).unwrap().1;
    let ports: Vec<u16> = line.split(' ').map(|port| port.parse().unwrap()).collect();
    assert_eq!(ports.len(), 3);
    assert!(ports.iter().all(|port| accepts(*port)));

    victim.kill9();
    let deadline = Instant::now() + LONG;
    while ports.iter().any(|port| accepts(*port)) {
        assert!(Instant::now() < deadline, "a server outlived its test process");
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "started by the_servers_die_with_a_killed_test_process only"]
fn holds_servers_until_killed() {
    let (pebble, challenges, bind) = (Pebble::start(PebbleOptions::default()), ChallTestSrv::start(), bind());
    let pebble: SocketAddr =
        pebble.directory_url()["https://".len()..].split('/').next().unwrap().parse().unwrap();
    println!("\nports={} {} {}", pebble.port(), challenges.dns().port(), bind.address().port());
    println!("holding");
    loop {
        std::thread::park();
    }
}

fn bind() -> Bind {
    Bind::start(BindOptions { zones: vec![zone()], keys: keys() })
}

fn zone() -> ZoneSpec {
    ZoneSpec {
        name: "example.test".to_owned(),
        records: vec![
            "kept TXT \"a foreign value\"".to_owned(),
            "@ NS ns2".to_owned(),
            "ns2 A 127.0.0.2".to_owned(),
        ],
        update_keys: vec!["all".to_owned()],
        challenge_keys: vec!["challenges".to_owned()],
    }
}

fn keys() -> Vec<TsigKey> {
    let key = |name: &str| TsigKey {
        name: name.to_owned(),
        algorithm: "hmac-sha256".to_owned(),
        secret_base64: KEY.to_owned(),
    };
    vec![key("all"), key("challenges")]
}

/// Whether the server took the update.
fn update(bind: &Bind, key: Option<&str>, line: &str) -> bool {
    let mut nsupdate = Command::new("nsupdate");
    if let Some(key) = key {
        nsupdate.args(["-y", &format!("hmac-sha256:{key}:{KEY}")]);
    }
    let mut child =
        nsupdate.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("works");
    let address = bind.address();
    let orders = format!("server {} {}\nzone example.test\n{line}\nsend\n", address.ip(), address.port());
    child.stdin.take().expect("works").write_all(orders.as_bytes()).expect("works");
    child.wait().expect("works").success()
}

fn dig(server: SocketAddr, question: &[&str]) -> String {
    let mut dig = Command::new("dig");
    dig.args(["-r", &format!("@{}", server.ip()), "-p", &server.port().to_string()]);
    let output = dig.args(question).output().expect("works");
    String::from_utf8(output.stdout).expect("works").trim().to_owned()
}

fn curl(pebble: &Pebble, url: &str) -> Result<String, String> {
    let ca = tempfile::NamedTempFile::new().expect("works");
    std::fs::write(ca.path(), pebble.ca_pem()).expect("works");
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
        .arg(ca.path())
        .arg(url)
        .output()
        .expect("works");
    let text = |bytes| String::from_utf8(bytes).expect("works");
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("works");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: a.example\r\n\r\n").expect("works");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("works");
    answer
}

fn certificate(pem: &str) -> X509 {
    X509::from_pem(pem.as_bytes()).expect("works")
}

fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

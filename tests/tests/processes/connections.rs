//! Listeners of real processes: their files, their end, their certificate.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use launch::{Process, free_port};
use tests::openssl::Judge;

use crate::site::{PATIENCE, Site, after, ended_well, stop, until};

/// The command under limits of open files, as `ulimit` takes them.
fn limited(command: &Command, limits: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("ulimit {limits} && exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn files(process: &Process) -> Vec<String> {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().skip(3).take(2).map(ToOwned::to_owned).collect()
}

/// systemd starts services with a soft limit of 1,024 files, which a thousand idle clients take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_open_files_is_raised() {
    let site = Site::embedded();
    let command = limited(&site.command(&["dev", "--listen", "127.0.0.1:0"]), "-S -n 128");
    let mut api = site.dev_by(command).await;
    let limits = files(&api.process);
    assert!(limits[0] == limits[1] && limits[0] != "128", "{limits:?}");
    stop(&mut api.process);
}

/// Without a bound on connections, clients take every file, and then nobody can be accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_cannot_take_every_file() {
    let site = Site::embedded();
    let command = limited(&site.command(&["dev", "--listen", "127.0.0.1:0"]), "-n 360");
    let mut api = site.dev_by(command).await;
    let address = api.url.strip_prefix("http://").unwrap().to_owned();
    let held: Vec<_> = (0..400).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // What one address may take leaves room for others.
    let elsewhere = reqwest::Client::builder().local_address(Some([127, 0, 0, 2].into())).timeout(PATIENCE);
    let elsewhere = elsewhere.build().unwrap();
    let answer = elsewhere.get(format!("{}/healthz", api.url)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let log = api.process.log();
    assert_eq!(log.matches("connections are refused").count(), 1, "{log}");
    assert!(!log.contains("cannot be accepted"), "{log}");
    drop(held);
    stop(&mut api.process);
}

/// Half a head on a public port must not keep a process from being replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_do_not_put_off_the_end_of_any_listener() {
    let ports = [free_port(), free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let [metrics, http, tls] = &ports;
    let site = Site::embedded()
        .with("CERTMILL_SHUTDOWN_TIMEOUT", "3s")
        .with("CERTMILL_METRICS_LISTEN", metrics.clone())
        .with("CERTMILL_ACME__HTTP_LISTEN", http.clone())
        .with("CERTMILL_ACME__TLS_ALPN_LISTEN", tls.clone());
    let mut api = site.dev().await;
    let main = api.url.strip_prefix("http://").unwrap().to_owned();
    let mut held = Vec::new();
    for address in ports.iter().chain([&main]) {
        for sent in [&b""[..], b"GET / HTTP/1.1\r\nHos", b"\x16\x03\x01\x02\x00"] {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(sent).unwrap();
            held.push(client);
        }
    }
    let since = Instant::now();
    api.process.terminate();
    ended_well(&mut api.process);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}: {}", since.elapsed(), api.process.log());
    drop(held);
}

/// A process whose part cannot run must say so when it starts, not when it stops.
#[test]
fn a_port_that_is_taken_is_told_at_once() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (setting, purpose) in [
        ("CERTMILL_METRICS_LISTEN", "metrics"),
        ("CERTMILL_ACME__HTTP_LISTEN", "http-01 challenges"),
        ("CERTMILL_ACME__TLS_ALPN_LISTEN", "tls-alpn-01 challenges"),
    ] {
        let site = Site::embedded().with(setting, address.clone());
        let said = site.refused(&["dev", "--listen", "127.0.0.1:0"]);
        assert!(said.contains(&format!("{address} cannot be listened on for {purpose}")), "{said}");
    }
}

/// A first set-up in HTTPS wants no other program, and the root is checked by its fingerprint instead of being believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_its_own_is_served_and_renewed() {
    let address = format!("127.0.0.1:{}", free_port());
    let site = Site::embedded()
        .with("CERTMILL_TLS_SELF__CA", "https")
        .with("CERTMILL_TLS_SELF__NAMES", "pki.example.test, 127.0.0.1")
        .with("CERTMILL_TLS_SELF__VALIDITY", "6s");
    site.run(&["migrate"]);
    let judge = Judge::new();
    let mut roots = Vec::new();
    for start in 0..2 {
        let mut process = Process::start(site.command(&["serve", "--with-worker", "--listen", &address]));
        assert!(process.wait_for_log("listening", PATIENCE), "{}", process.log());
        let said = process.log();
        let (path, told) = (after(&said, "Root certificate"), after(&said, "SHA-256 "));
        let insecure = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
        let root = until("the root is there", PATIENCE, async || {
            insecure.get(format!("https://{address}{path}")).send().await.ok()
        })
        .await;
        judge.write("root.der", root.bytes().await.unwrap());
        let seen = judge.run("x509 -inform DER -in root.der -noout -fingerprint -sha256");
        assert!(seen.trim().ends_with(&format!("={told}")), "{seen}: {said}");
        judge.run("x509 -inform DER -in root.der -out root.pem");
        let trusting = || {
            let root = reqwest::Certificate::from_pem(judge.read("root.pem").as_bytes()).unwrap();
            reqwest::Client::builder().tls_certs_only([root]).build().unwrap()
        };
        let answer = trusting().get(format!("https://{address}/healthz")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        roots.push(told);
        if start == 0 {
            assert!(
                process.wait_for_log("the certificate for HTTPS was renewed", PATIENCE),
                "{}",
                process.log()
            );
            let answer = trusting().get(format!("https://{address}/healthz")).send().await.unwrap();
            assert_eq!(answer.status(), 200);
        }
        stop(&mut process);
    }
    assert_eq!(roots[0], roots[1], "the CA of the first start is that of the second");
    let refused = site.with("CERTMILL_PLAIN_HTTP", "true").refused(&["serve", "--with-worker"]);
    assert!(refused.contains("choose one way to serve"), "{refused}");
}

/// A certificate that is renewed while the service runs is the one that clients see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewed_files_are_served_without_a_restart() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let judge = Judge::new();
    for name in ["first", "second", "third"] {
        judge.run(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.crt -days 2 \
             -subj /CN={name}.test"
        ));
    }
    let put = |certificate: &str, key: &str| {
        site.write("tls.key", &judge.read(&format!("{key}.key")));
        site.write("tls.crt", &judge.read(&format!("{certificate}.crt")));
    };
    put("first", "first");
    let address = format!("127.0.0.1:{}", free_port());
    let mut process = Process::start(site.command(&[
        "serve",
        "--with-worker",
        "--tls-cert",
        "tls.crt",
        "--tls-key",
        "tls.key",
        "--listen",
        &address,
    ]));
    let served = || {
        let client = Command::new("openssl")
            .args(["s_client", "-connect", &address])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&client.stdout).into_owned()
    };
    let sees = |name: &'static str| {
        let served = &served;
        until(name, PATIENCE, async move || served().contains(&format!("{name}.test")).then_some(()))
    };
    let hang_up = |process: &Process| {
        let sent = Command::new("/bin/sh").args(["-c", &format!("kill -s HUP {}", process.id())]).status();
        assert!(sent.unwrap().success());
    };
    sees("first").await;
    // Noticed without being told.
    put("second", "second");
    sees("second").await;
    // A key that does not belong to the certificate is told, and nothing is lost.
    put("third", "first");
    hang_up(&process);
    assert!(process.wait_for_log("the one before stays in use", PATIENCE), "{}", process.log());
    assert!(process.log().contains("is not the key of the first certificate"), "{}", process.log());
    assert!(served().contains("second.test"));
    put("third", "third");
    hang_up(&process);
    sees("third").await;
    stop(&mut process);
}

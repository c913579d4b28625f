//! The launchers start real servers, survive a crash of them and leave nothing behind.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use launch::{Postgres, Process, Redis, free_port};

const LONG: Duration = Duration::from_secs(30);

#[test]
fn postgres_keeps_committed_rows_over_a_crash() {
    let mut postgres = Postgres::start();
    let url = postgres.create_database();
    assert_ne!(url, postgres.create_database());
    query(&url, "CREATE TABLE t (n int)").unwrap();
    query(&url, "INSERT INTO t VALUES (42)").unwrap();

    postgres.stop();
    query(&url, "SELECT n FROM t").unwrap_err();

    postgres.start_again();
    assert_eq!(query(&url, "SELECT n FROM t").unwrap(), "42");
    assert_eq!(query(&url, "SHOW fsync").unwrap(), "on");
}

#[test]
fn a_dropped_postgres_is_gone_with_its_data() {
    let postgres = Postgres::start();
    let url = postgres.create_database();
    let data = query(&url, "SHOW data_directory").unwrap();
    assert!(Path::new(&data).is_dir());
    drop(postgres);
    assert!(!Path::new(&data).exists());
    query(&url, "SELECT 1").unwrap_err();
}

#[test]
fn redis_flushes_stops_and_starts_again_empty() {
    let mut redis = Redis::start();
    assert_eq!(redis_command(&redis, "SET key value"), Some("+OK\r\n".to_owned()));
    assert_eq!(redis_command(&redis, "EXISTS key"), Some(":1\r\n".to_owned()));
    redis.flush_all();
    assert_eq!(redis_command(&redis, "EXISTS key"), Some(":0\r\n".to_owned()));

    redis_command(&redis, "SET key value");
    redis.stop();
    assert_eq!(redis_command(&redis, "EXISTS key"), None);
    redis.start_again();
    assert_eq!(redis_command(&redis, "EXISTS key"), Some(":0\r\n".to_owned()));
}

#[test]
fn a_process_logs_ends_and_is_killed() {
    let mut process = Process::start(shell("echo out; echo err >&2; exit 3"));
    let status = process.wait_timeout(LONG).unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(process.log(), "out\nerr\n");
    process.terminate();

    let mut process =
        Process::start(shell("trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"));
    assert!(process.wait_for_log("ready", LONG));
    assert_eq!(process.wait_timeout(Duration::ZERO), None);
    process.terminate();
    assert_eq!(process.wait_timeout(LONG).unwrap().code(), Some(0));
    assert!(process.log().contains("asked"));

    let mut process = Process::start(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    assert!(process.wait_for_log("ready", LONG));
    process.kill9();
    assert_eq!(process.wait_timeout(LONG).unwrap().code(), None);
}

/// Runs this test binary a second time as the victim, because a destructor must not be what cleans up.
#[test]
fn servers_die_with_a_killed_test_process() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "holds_servers_until_killed"]);
    let mut victim = Process::start(command);
    assert!(victim.wait_for_log("holding", LONG), "{}", victim.log());
    let log = victim.log();
    let port = |name: &str| -> u16 {
        let word = log.split_whitespace().find_map(|word| word.strip_prefix(name));
        word.unwrap().parse().unwrap()
    };
    let (postgres, redis) = (port("postgres="), port("redis="));
    assert!(accepts(postgres) && accepts(redis));

    victim.kill9();
    let deadline = Instant::now() + LONG;
    while accepts(postgres) || accepts(redis) {
        assert!(Instant::now() < deadline, "a server outlived its test process");
        std::thread::yield_now();
    }
}

#[test]
#[ignore = "started by servers_die_with_a_killed_test_process only"]
fn holds_servers_until_killed() {
    let (postgres, redis) = (launch::shared_postgres(), launch::shared_redis());
    println!("postgres={}", port_of(&postgres.url("postgres")));
    println!("redis={}", port_of(&redis.url()));
    println!("holding");
    loop {
        std::thread::park();
    }
}

#[test]
fn free_ports_can_be_bound() {
    let port = free_port();
    assert!(!accepts(port));
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn query(url: &str, sql: &str) -> Result<String, String> {
    let output =
        Command::new("psql").args(["-X", "-q", "-A", "-t", "-c", sql, url]).output().expect("psql runs");
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn redis_command(redis: &Redis, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port_of(&redis.url()))).ok()?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.strip_suffix("+OK\r\n")?.to_owned())
}

fn port_of(url: &str) -> u16 {
    let (_, rest) = url.split_once("127.0.0.1:").expect("a loopback address");
    let port = rest.split('/').next().and_then(|port| port.parse().ok());
    port.expect("a port")
}

fn accepts(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

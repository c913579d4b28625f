//! PowerDNS Authoritative Server with its API.

use std::net::SocketAddr;

use serde_json::json;

use crate::{
    dig, found, free_dns_port, free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    http,
};

const INSTALL: &str = "install PowerDNS, for example with `apt-get install pdns-server pdns-backend-lmdb`";
/// The key of the API.
const KEY: &str = "key-of-the-powerdns-of-tests";

/// A running server that answers over UDP and TCP, and whose API takes changes. Dropping it stops it.
#[derive(Debug)]
pub struct PowerDns {
    /// Kills the server when it is dropped.
    _guard: Guard,
    listen: SocketAddr,
    api: u16,
}

impl PowerDns {
    /// Starts a server on free ports of 127.0.0.1 and returns when it serves these zones.
    ///
    /// # Panics
    /// When `pdns_server` or `dig` is missing or it does not start; the message says what to install or what it logged.
    pub fn start(zones: &[&str]) -> Self {
        let (listen, api) = (SocketAddr::from(([127, 0, 0, 1], free_dns_port())), free_port());
        let folder = tempfile::Builder::new()
            .prefix("certmill-powerdns-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let place = folder.path().display().to_string();
        let mut line = vec![found("pdns_server", INSTALL).display().to_string()];
        line.extend([
            "--no-config".to_owned(),
            "--daemon=no".to_owned(),
            "--guardian=no".to_owned(),
            "--launch=lmdb".to_owned(),
            format!("--lmdb-filename={place}/zones.lmdb"),
            format!("--socket-dir={place}"),
            format!("--local-address={}", listen.ip()),
            format!("--local-port={}", listen.port()),
            "--webserver=yes".to_owned(),
            "--webserver-address=127.0.0.1".to_owned(),
            format!("--webserver-port={api}"),
            "--api=yes".to_owned(),
            format!("--api-key={KEY}"),
            // What was changed is served at once.
            "--cache-ttl=0".to_owned(),
            "--query-cache-ttl=0".to_owned(),
            "--negquery-cache-ttl=0".to_owned(),
            "--zone-cache-refresh-interval=0".to_owned(),
            "--security-poll-suffix=".to_owned(),
        ]);
        let mut guard = Guard::new(folder.path(), "KILL", None, &line);
        let _ = folder.keep();
        guard.start();
        let path = "/api/v1/servers/localhost/zones";
        let key = [("X-API-Key", KEY)];
        let ready = becomes_ready(READY_WITHIN, || {
            http::request(api, "GET", path, (&key, "")).is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "pdns_server did not start:\n{}", guard.log());
        for zone in zones {
            let body = json!({ "name": format!("{zone}."), "kind": "Native", "nameservers": [format!("ns.{zone}.")] });
            let answer = http::request(api, "POST", path, (&key, &body.to_string()));
            assert!(answer.as_ref().is_ok_and(|answer| answer.status == 201), "no zone {zone}: {answer:?}");
        }
        let ready =
            becomes_ready(READY_WITHIN, || zones.iter().all(|zone| dig::serial(listen, zone).is_ok()));
        assert!(ready, "pdns_server does not serve its zones:\n{}", guard.log());
        Self { _guard: guard, listen, api }
    }

    /// Where it listens, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }

    /// What the URLs of its API begin with.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    /// The key of its API.
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// Puts TXT values at a name, instead of those that are there.
    ///
    /// # Panics
    /// When the API does not take them.
    pub fn set_txt(&self, zone: &str, name: &str, values: &[&str]) {
        let records: Vec<_> =
            values.iter().map(|value| json!({ "content": format!("\"{}\"", value.replace('"', "\\\"")), "disabled": false })).collect();
        let set = json!({ "name": format!("{name}."), "type": "TXT", "ttl": 60, "changetype": "REPLACE", "records": records });
        let path = format!("/api/v1/servers/localhost/zones/{zone}.");
        let body = json!({ "rrsets": [set] }).to_string();
        let answer = http::request(self.api, "PATCH", &path, (&[("X-API-Key", KEY)], &body));
        assert!(answer.as_ref().is_ok_and(|answer| answer.status == 204), "{answer:?}");
    }
}

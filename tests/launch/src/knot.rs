//! Knot DNS: another authoritative server that takes dynamic updates.

use std::{fmt::Write as _, fs, net::SocketAddr};

use crate::{
    bind::{TsigKey, ZoneSpec, zone_file},
    dig, found, free_dns_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
};

const INSTALL: &str = "install Knot DNS, for example with `apt-get install knot`";

/// A running server that answers over UDP and TCP. Dropping it stops it.
#[derive(Debug)]
pub struct Knot {
    guard: Guard,
    listen: SocketAddr,
}

impl Knot {
    /// Starts a server on a free port of 127.0.0.1 and returns when it serves all zones. The update keys of each may change
    /// everything in it.
    ///
    /// # Panics
    /// When `knotd` or `dig` is missing or it does not start; the message says what to install or what it logged.
    pub fn start(zones: &[ZoneSpec], keys: &[TsigKey]) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], free_dns_port()));
        let folder = tempfile::Builder::new()
            .prefix("certmill-knot-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let path = folder.path().to_owned();
        let write = |name: &str, text: String| {
            fs::write(path.join(name), text)
                .unwrap_or_else(|error| panic!("cannot write to {}: {error}", path.display()));
        };
        for zone in zones {
            write(&format!("{}.zone", zone.name), zone_file(zone));
        }
        let place = path.display().to_string();
        write("knot.conf", configuration(&place, listen, zones, keys));
        let line =
            [found("knotd", INSTALL).display().to_string(), "-c".to_owned(), format!("{place}/knot.conf")];
        let guard = Guard::new(&path, "KILL", None, &line);
        let _ = folder.keep();
        let mut knot = Self { guard, listen };
        knot.guard.start();
        let ready =
            becomes_ready(READY_WITHIN, || zones.iter().all(|zone| dig::serial(listen, &zone.name).is_ok()));
        assert!(ready, "knotd did not start:\n{}", knot.guard.log());
        knot
    }

    /// Where it listens, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.listen
    }
}

fn configuration(folder: &str, listen: SocketAddr, zones: &[ZoneSpec], keys: &[TsigKey]) -> String {
    let mut text = format!(
        "server:
  rundir: {folder}
  pidfile: {folder}/knot.pid
  listen: {}@{}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: {folder}
",
        listen.ip(),
        listen.port()
    );
    let mut append = |line: String| {
        // Invariant: writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    if !keys.is_empty() {
        append("key:".to_owned());
    }
    for TsigKey { name, algorithm, secret_base64 } in keys {
        append(format!("  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret_base64}"));
    }
    append("acl:".to_owned());
    for key in keys {
        let name = &key.name;
        append(format!("  - id: update-{name}\n    key: {name}\n    action: [update, query]"));
    }
    append("zone:".to_owned());
    for zone in zones {
        let name = &zone.name;
        let acls: Vec<String> = zone.update_keys.iter().map(|key| format!("update-{key}")).collect();
        append(format!(
            "  - domain: {name}\n    storage: {folder}\n    file: {name}.zone\n    acl: [{}]",
            acls.join(", ")
        ));
    }
    text
}

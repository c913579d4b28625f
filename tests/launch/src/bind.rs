//! BIND: an authoritative DNS server that takes dynamic updates.

use std::{
    fmt::Write as _,
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    dig, found, free_dns_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    relay::Relay,
};

const INSTALL: &str = "install BIND, for example with `apt-get install bind9 bind9-dnsutils`";

/// What it logs before it gives up on its configuration or on a zone; then there is nothing to wait for.
const REFUSALS: [&str; 2] = ["exiting (due to", "not loaded due to errors"];

/// A key that signs updates (TSIG, RFC 8945).
#[derive(Clone, Debug)]
pub struct TsigKey {
    /// The key's name, as `acme-key`.
    pub name: String,
    /// As BIND writes it: `hmac-sha256`, `hmac-sha512`.
    pub algorithm: String,
    /// The secret in base64.
    pub secret_base64: String,
}

/// A zone to serve. It gets an SOA, `ns1` as its name server, and addresses 127.0.0.1 for itself and every name below.
#[derive(Clone, Debug, Default)]
pub struct ZoneSpec {
    /// The zone, as `example.test`.
    pub name: String,
    /// More lines of the zone file; relative names are within the zone, and a TTL may stand or not.
    pub records: Vec<String>,
    /// Names of the keys that may update any record of the zone; nobody may when there are none.
    pub update_keys: Vec<String>,
    /// Names of the keys that may update nothing but the TXT records at `_acme-challenge.<zone>` and below it.
    pub challenge_keys: Vec<String>,
}

/// What a [`Bind`] serves.
#[derive(Clone, Debug, Default)]
pub struct BindOptions {
    /// The zones; one server can have a zone and its child.
    pub zones: Vec<ZoneSpec>,
    /// The keys that the zones name.
    pub keys: Vec<TsigKey>,
}

/// A running server. It answers over UDP and TCP and lets everybody on this machine transfer its zones, unsigned. Dropping it stops it.
#[derive(Debug)]
pub struct Bind {
    guard: Guard,
    folder: PathBuf,
    listen: SocketAddr,
    zones: Vec<String>,
    /// Of a secondary: how it is reached at an address of its own.
    relay: Option<(SocketAddr, Relay)>,
}

impl Bind {
    /// Starts a server on a free port of 127.0.0.1 and returns when it serves all its zones.
    ///
    /// # Panics
    /// When `named` or `dig` is missing or it does not start; the message says what to install or what it logged.
    pub fn start(options: BindOptions) -> Self {
        Self::with(&options, None)
    }

    /// Starts a secondary of all zones, on the same port of another loopback address (as 127.0.0.2), so that it can stand in
    /// the zone as a name server. It has what the primary has now, and is told nothing of later changes: only
    /// [`Self::transfer_again`] brings it up to date.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn stale_secondary(&self, address: Ipv4Addr) -> Self {
        let zones = self.zones.iter().map(|name| ZoneSpec { name: name.clone(), ..ZoneSpec::default() });
        let options = BindOptions { zones: zones.collect(), keys: Vec::new() };
        let mut secondary = Self::with(&options, Some(self.listen));
        let own = SocketAddr::from((address, self.listen.port()));
        let relay = Relay::start(own, secondary.listen);
        secondary.relay =
            Some((own, relay.unwrap_or_else(|error| panic!("cannot listen on {own}: {error}"))));
        secondary
    }

    fn with(options: &BindOptions, primary: Option<SocketAddr>) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], free_dns_port()));
        let folder = tempfile::Builder::new()
            .prefix("certmill-bind-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let path = folder.path().to_owned();
        let write = |name: &str, text: String| {
            fs::write(path.join(name), text)
                .unwrap_or_else(|error| panic!("cannot write to {}: {error}", path.display()));
        };
        write("named.conf", configuration(&path, listen, options, primary));
        if primary.is_none() {
            for zone in &options.zones {
                write(&format!("{}.zone", zone.name), zone_file(zone));
            }
        }
        let line = [own_binary(&path).display().to_string(), "-g".to_owned(), "-c".to_owned()]
            .into_iter()
            .chain([path.join("named.conf").display().to_string(), "-n".to_owned(), "1".to_owned()]);
        let guard = Guard::new(&path, "KILL", None, &line.collect::<Vec<_>>());
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let _ = folder.keep();
        let zones = options.zones.iter().map(|zone| zone.name.clone()).collect();
        let mut bind = Self { guard, folder: path, listen, zones, relay: None };
        bind.start_again();
        bind
    }

    /// Where it listens, over UDP and TCP.
    pub fn address(&self) -> SocketAddr {
        self.relay.as_ref().map_or(self.listen, |(own, _)| *own)
    }

    /// All records of a zone, one per line with single blanks, sorted, and without the SOA, whose serial number every update
    /// moves: two calls give the same when and only when the zone holds the same.
    ///
    /// # Panics
    /// When the server does not answer or does not have the zone.
    pub fn zone_lines(&self, zone: &str) -> Vec<String> {
        let mut lines = dig::zone(self.listen, zone)
            .unwrap_or_else(|error| panic!("no transfer of {zone}: {error}\n{}", self.guard.log()));
        lines.retain(|line| line.split(' ').nth(3) != Some("SOA"));
        lines
    }

    /// The TXT values at the name, each put together from its strings, sorted.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn txt(&self, name: &str) -> Vec<String> {
        dig::txt(self.listen, name)
            .unwrap_or_else(|error| panic!("no answer about {name}: {error}\n{}", self.guard.log()))
    }

    /// The serial number of the zone; every update makes it bigger (RFC 2136 §3.6).
    ///
    /// # Panics
    /// When the server does not answer or does not have the zone.
    pub fn serial(&self, zone: &str) -> u32 {
        dig::serial(self.listen, zone)
            .unwrap_or_else(|error| panic!("no SOA of {zone}: {error}\n{}", self.guard.log()))
    }

    /// Brings a stale secondary up to date; it is away for a moment.
    ///
    /// # Panics
    /// When it does not come up, as without its primary.
    pub fn transfer_again(&mut self) {
        self.stop();
        for zone in &self.zones {
            // Without its copy of the zone it has to fetch one. There is none when the first transfer has failed.
            let _ = fs::remove_file(self.folder.join(format!("{zone}.zone")));
        }
        self.start_again();
    }

    /// Kills the server, as a crash would. The zones stay, with all updates.
    ///
    /// # Panics
    /// When the server cannot be stopped.
    pub fn stop(&mut self) {
        self.guard.stop();
    }

    /// Starts the server on the same port and zones and returns when it serves them.
    ///
    /// # Panics
    /// When it does not come up; the message holds the server's log.
    pub fn start_again(&mut self) {
        let pid = self.guard.start().to_string();
        let pid_file = self.folder.join("named.pid");
        // The file with the process id tells our server from another one on the port.
        let ready = becomes_ready(READY_WITHIN, || {
            let log = self.guard.log();
            assert!(!REFUSALS.iter().any(|text| log.contains(text)), "named did not start:\n{log}");
            fs::read_to_string(&pid_file).is_ok_and(|text| text.trim() == pid)
                && self.zones.iter().all(|zone| dig::serial(self.listen, zone).is_ok())
        });
        assert!(ready, "named did not start:\n{}", self.guard.log());
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.guard.log()
    }
}

/// A copy of the binary in the server's own folder.
///
/// Where `AppArmor` is on (as in Ubuntu), the packaged path is confined to the packaged folders, and neither the
/// configuration nor the zones of a test lie there. A profile holds for a path, so that the copy is free of it.
fn own_binary(folder: &Path) -> PathBuf {
    let named = found("named", INSTALL);
    let copy = folder.join("named");
    // By another process: a child that another thread starts at this moment would inherit a file that is written here, and what
    // somebody has open for writing cannot be run.
    let copied = Command::new("cp").arg(&named).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy {}", named.display());
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o700))
        .unwrap_or_else(|error| panic!("{} cannot be made to run: {error}", copy.display()));
    copy
}

fn configuration(
    folder: &Path,
    address: SocketAddr,
    options: &BindOptions,
    primary: Option<SocketAddr>,
) -> String {
    let (folder, port, ip) = (folder.display(), address.port(), address.ip());
    let mut text = format!(
        "options {{
  directory \"{folder}\";
  pid-file \"{folder}/named.pid\";
  session-keyfile \"{folder}/session.key\";
  listen-on port {port} {{ {ip}; }};
  listen-on-v6 {{ none; }};
  recursion no;
  empty-zones-enable no;
  dnssec-validation no;
  allow-transfer {{ 127.0.0.0/8; }};
  notify no;
}};
controls {{ }};
"
    );
    for TsigKey { name, algorithm, secret_base64 } in &options.keys {
        append(
            &mut text,
            format_args!("key \"{name}\" {{ algorithm {algorithm}; secret \"{secret_base64}\"; }};\n"),
        );
    }
    for zone in &options.zones {
        let name = &zone.name;
        let rest = match primary {
            Some(primary) => {
                format!("type secondary; primaries {{ {} port {}; }};", primary.ip(), primary.port())
            }
            None => format!("type primary; {}", update_policy(zone)),
        };
        // As text, because a transfer writes a binary form otherwise.
        append(
            &mut text,
            format_args!(
                "zone \"{name}\" {{ file \"{folder}/{name}.zone\"; masterfile-format text; {rest} }};\n"
            ),
        );
    }
    text
}

fn update_policy(zone: &ZoneSpec) -> String {
    let any = zone.update_keys.iter().map(|key| format!("grant {key} zonesub ANY; "));
    let challenges = zone.challenge_keys.iter().map(|key| {
        let name = &zone.name;
        format!("grant {key} subdomain _acme-challenge.{name}. TXT; ")
    });
    let grants: String = any.chain(challenges).collect();
    if grants.is_empty() { String::new() } else { format!("update-policy {{ {grants}}};") }
}

/// A secondary must not ask by itself, so that refresh and retry are a day.
pub(crate) fn zone_file(zone: &ZoneSpec) -> String {
    let name = &zone.name;
    let mut text = format!(
        "$ORIGIN {name}.
$TTL 60
@ SOA ns1 hostmaster 1 86400 86400 604800 5
@ NS ns1
@ A 127.0.0.1
* A 127.0.0.1
ns1 A 127.0.0.1
"
    );
    for record in &zone.records {
        append(&mut text, format_args!("{record}\n"));
    }
    text
}

fn append(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Invariant: writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

//! Pebble, Let's Encrypt's small ACME server for tests.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    http::{self, Answer},
    identity::ServerIdentity,
};

/// Where `tests/run` puts a Pebble that knows what the release's own does not.
const NEWER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/pebble-2.10/usr/bin/pebble");

/// How challenges are validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Really, and at once.
    #[default]
    NoSleep,
    /// Really, each after a random time of up to so many seconds.
    Sleep(u32),
    /// Not at all: whatever is submitted is valid.
    AlwaysValid,
}

/// What a [`Pebble`] does; the default validates for real, at once, with none of Pebble's random hurdles.
#[derive(Clone, Debug)]
pub struct PebbleOptions {
    /// The DNS server that validation asks, as [`crate::ChallTestSrv::dns`] or [`crate::Bind::address`]; the system's without.
    pub dns_server: Option<SocketAddr>,
    /// The port where http-01 validation connects; a free one without.
    pub http_port: Option<u16>,
    /// The port where tls-alpn-01 validation connects; a free one without.
    pub tls_port: Option<u16>,
    /// Percentage of good nonces that are refused.
    pub nonce_reject: u8,
    /// Percentage of valid authorizations that a new order reuses.
    pub authz_reuse: u8,
    /// Number of chains beside the default one.
    pub alternate_roots: u8,
    /// How challenges are validated.
    pub validation: Validation,
    /// Key identifiers and base64url MAC keys of external accounts; when there are any, an account needs one.
    pub eab_keys: BTreeMap<String, String>,
    /// Domains that are refused, with those below them.
    pub blocklist: Vec<String>,
    /// The stricter checks that Pebble's `-strict` turns on.
    pub strict: bool,
    /// Pebble 2.10 or newer: ARI with windows that can be set, profiles, `alreadyReplaced`.
    pub newer: bool,
    /// Profiles (name, validity in seconds); only a newer Pebble has them.
    pub profiles: BTreeMap<String, u64>,
    /// The `Retry-After` of authorizations and orders in seconds; Pebble's own 3 and 5 without. Only a newer Pebble heeds it.
    pub retry_after: Option<(u32, u32)>,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self {
            dns_server: None,
            http_port: None,
            tls_port: None,
            nonce_reject: 0,
            authz_reuse: 0,
            alternate_roots: 0,
            validation: Validation::default(),
            eab_keys: BTreeMap::new(),
            blocklist: Vec::new(),
            strict: true,
            newer: false,
            profiles: BTreeMap::new(),
            retry_after: None,
        }
    }
}

/// A running Pebble with a certificate authority of its own. Dropping it stops the server.
#[derive(Debug)]
pub struct Pebble {
    guard: Guard,
    ca_pem: String,
    port: u16,
    management_port: u16,
    http_port: u16,
    tls_port: u16,
}

impl Pebble {
    /// Starts a server on a free port and returns when it answers.
    ///
    /// # Panics
    /// When the binary is missing or does not start; the message says what to install or what it logged.
    pub fn start(options: PebbleOptions) -> Self {
        let binary = binary(options.newer);
        let folder = tempfile::Builder::new()
            .prefix("certmill-pebble-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let identity = ServerIdentity::new();
        let ports = Ports {
            acme: free_port(),
            management: free_port(),
            http: options.http_port.unwrap_or_else(free_port),
            tls: options.tls_port.unwrap_or_else(free_port),
        };
        write_files(folder.path(), &identity, &configuration(folder.path(), &ports, &options))
            .unwrap_or_else(|error| panic!("cannot write to {}: {error}", folder.path().display()));
        let mut guard =
            Guard::new(folder.path(), "KILL", None, &command_line(&binary, folder.path(), &options));
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let _ = folder.keep();
        guard.start();
        let pebble = Self {
            guard,
            ca_pem: identity.ca_pem,
            port: ports.acme,
            management_port: ports.management,
            http_port: ports.http,
            tls_port: ports.tls,
        };
        // Only our server has a certificate of this authority, so that no other one on the port can answer.
        let ready = becomes_ready(READY_WITHIN, || {
            let directory = http::request_tls(&pebble.ca_pem, pebble.port, "GET", "/dir", "");
            directory.is_ok_and(|answer| answer.status == 200)
                && pebble.management("GET", "/roots/0", "").is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "Pebble did not start:\n{}", pebble.guard.log());
        pebble
    }

    /// The directory's URL (RFC 8555 §7.1.1); a client has to trust [`Self::ca_pem`].
    pub fn directory_url(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The base URL of the management interface, without a slash at its end.
    pub fn management_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.management_port)
    }

    /// The authority of the server's TLS certificate, PEM. It has nothing to do with the certificates that Pebble issues.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The port where http-01 validation connects.
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// The port where tls-alpn-01 validation connects.
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The root of chain `n`, PEM; 0 is the default one.
    ///
    /// # Panics
    /// When there are fewer chains.
    pub fn root_pem(&self, n: u8) -> String {
        self.managed("GET", &format!("/roots/{n}"), "")
    }

    /// The issuing certificate of chain `n`, PEM; 0 is the default one.
    ///
    /// # Panics
    /// When there are fewer chains.
    pub fn intermediate_pem(&self, n: u8) -> String {
        self.managed("GET", &format!("/intermediates/{n}"), "")
    }

    /// Makes a newer Pebble answer questions about the renewal of this certificate (RFC 9773 §4.2) with this body, whatever it is.
    ///
    /// # Panics
    /// When the server does not know the certificate or is not a newer one.
    pub fn set_renewal_info(&self, certificate_pem: &str, body: &str) {
        let order = json!({ "Certificate": certificate_pem, "ARIResponse": body });
        self.managed("POST", "/set-renewal-info/", &order.to_string());
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.guard.log()
    }

    fn managed(&self, method: &str, path: &str, body: &str) -> String {
        match self.management(method, path, body) {
            Ok(Answer { status: 200, body }) => body,
            other => panic!("Pebble answered {method} {path} with {other:?}:\n{}", self.guard.log()),
        }
    }

    fn management(&self, method: &str, path: &str, body: &str) -> io::Result<Answer> {
        http::request_tls(&self.ca_pem, self.management_port, method, path, body)
    }
}

/// The Pebble with ARI and profiles that `tests/run` provides; `None` when nobody has run it.
pub fn newer_pebble() -> Option<PathBuf> {
    let path = PathBuf::from(NEWER);
    path.is_file().then_some(path)
}

struct Ports {
    acme: u16,
    management: u16,
    http: u16,
    tls: u16,
}

fn binary(newer: bool) -> PathBuf {
    if newer {
        return newer_pebble().unwrap_or_else(|| {
            panic!("Pebble 2.10 or newer was not found: `tests/run --prepare` fetches it")
        });
    }
    let name = PathBuf::from("pebble");
    let found = Command::new(&name).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found, "pebble was not found: install it, for example with `apt-get install pebble`");
    name
}

fn configuration(folder: &Path, ports: &Ports, options: &PebbleOptions) -> Value {
    let mut pebble = json!({
        "listenAddress": format!("127.0.0.1:{}", ports.acme),
        "managementListenAddress": format!("127.0.0.1:{}", ports.management),
        "certificate": folder.join("certificate.pem"),
        "privateKey": folder.join("key.pem"),
        "httpPort": ports.http,
        "tlsPort": ports.tls,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": !options.eab_keys.is_empty(),
        "externalAccountMACKeys": options.eab_keys,
        "domainBlocklist": options.blocklist,
    });
    if let Some((authz, order)) = options.retry_after {
        pebble["retryAfter"] = json!({ "authz": authz, "order": order });
    }
    if !options.profiles.is_empty() {
        let profiles: BTreeMap<_, _> = options
            .profiles
            .iter()
            .map(|(name, seconds)| (name, json!({ "description": name, "validityPeriod": seconds })))
            .collect();
        pebble["profiles"] = json!(profiles);
    }
    json!({ "pebble": pebble })
}

fn write_files(folder: &Path, identity: &ServerIdentity, configuration: &Value) -> io::Result<()> {
    fs::write(folder.join("certificate.pem"), &identity.certificate_pem)?;
    fs::write(folder.join("key.pem"), &identity.key_pem)?;
    fs::write(folder.join("configuration.json"), configuration.to_string())
}

fn command_line(binary: &Path, folder: &Path, options: &PebbleOptions) -> Vec<String> {
    // `env` becomes the server, so that the guard's process id stays right.
    let mut line = vec!["/usr/bin/env".to_owned()];
    let mut set = |name: &str, value: u32| line.push(format!("PEBBLE_{name}={value}"));
    match options.validation {
        Validation::NoSleep => set("VA_NOSLEEP", 1),
        Validation::Sleep(seconds) => set("VA_SLEEPTIME", seconds),
        Validation::AlwaysValid => {
            set("VA_NOSLEEP", 1);
            set("VA_ALWAYS_VALID", 1);
        }
    }
    set("WFE_NONCEREJECT", options.nonce_reject.into());
    set("AUTHZREUSE", options.authz_reuse.into());
    set("ALTERNATE_ROOTS", options.alternate_roots.into());
    line.push(binary.display().to_string());
    line.extend(["-config".to_owned(), folder.join("configuration.json").display().to_string()]);
    line.push(format!("-strict={}", options.strict));
    if let Some(server) = options.dns_server {
        line.extend(["-dnsserver".to_owned(), server.to_string()]);
    }
    line
}

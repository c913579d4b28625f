//! pebble-challtestsrv: a DNS server whose answers tests set, and responders for the other challenges.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    dig, free_dns_port, free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    http,
};

const BINARY: &str = "pebble-challtestsrv";

/// Which responders beside the DNS server run; none by default, so that our own ones can answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChallTestSrvOptions {
    /// Answers http-01 on this port, with what [`ChallTestSrv::add_http01`] has set.
    pub http01: Option<u16>,
    /// Answers tls-alpn-01 on this port, with what [`ChallTestSrv::add_tls_alpn01`] has set.
    pub tls_alpn01: Option<u16>,
}

/// A running challenge test server. Every name without an answer of its own resolves to 127.0.0.1. Dropping it stops the server.
#[derive(Debug)]
pub struct ChallTestSrv {
    guard: Guard,
    management: u16,
    dns: u16,
}

impl ChallTestSrv {
    /// Starts only the DNS server, on a free port, and returns when it answers.
    ///
    /// # Panics
    /// When the binary or `dig` is missing or it does not start; the message says what to install or what it logged.
    pub fn start() -> Self {
        Self::start_with(ChallTestSrvOptions::default())
    }

    /// Starts the DNS server and the responders that are asked for.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(options: ChallTestSrvOptions) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("certmill-challtestsrv-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let (management, dns) = (free_port(), free_dns_port());
        let mut guard = Guard::new(folder.path(), "KILL", None, &command_line(management, dns, options));
        // The guarding shell removes the folder, also when no destructor of this process runs.
        let _ = folder.keep();
        let pid = guard.start();
        let server = Self { guard, management, dns };
        // A value that nobody else sets tells our server from another one on the port.
        let (name, value) = ("ready.test.", format!("{pid}-{management}-{dns}"));
        let ready = becomes_ready(READY_WITHIN, || {
            let set = json!({ "host": name, "value": value });
            http::post(management, "/set-txt", &set.to_string()).is_ok_and(|answer| answer.status == 200)
                && dig::txt(server.dns(), name).is_ok_and(|values| values == [value.as_str()])
        });
        assert!(ready, "{BINARY} did not start:\n{}", server.guard.log());
        server.clear_txt(name);
        server
    }

    /// Where the DNS server listens, over UDP and TCP.
    pub fn dns(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.dns))
    }

    /// The base URL of the management interface, without a slash at its end.
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.management)
    }

    /// Serves this key authorization for the token (RFC 8555 §8.3); the responder has to be asked for at the start.
    ///
    /// # Panics
    /// This and all below: when the server does not answer or refuses.
    pub fn add_http01(&self, token: &str, key_authorization: &str) {
        self.set("/add-http01", json!({ "token": token, "content": key_authorization }));
    }

    /// Takes the token back.
    pub fn remove_http01(&self, token: &str) {
        self.set("/del-http01", json!({ "token": token }));
    }

    /// Serves the certificate for this key authorization (RFC 8737 §3); the responder has to be asked for at the start.
    pub fn add_tls_alpn01(&self, host: &str, key_authorization: &str) {
        self.set("/add-tlsalpn01", json!({ "host": host, "content": key_authorization }));
    }

    /// Adds one TXT value; several at one name stand side by side.
    pub fn add_txt(&self, name: &str, value: &str) {
        self.set("/set-txt", json!({ "host": absolute(name), "value": value }));
    }

    /// Removes all TXT values of the name.
    pub fn clear_txt(&self, name: &str) {
        self.set("/clear-txt", json!({ "host": absolute(name) }));
    }

    /// Lets the name resolve to these addresses.
    pub fn add_a(&self, name: &str, addresses: &[Ipv4Addr]) {
        self.set("/add-a", json!({ "host": absolute(name), "addresses": addresses }));
    }

    /// Lets the name resolve as by default again.
    pub fn clear_a(&self, name: &str) {
        self.set("/clear-a", json!({ "host": absolute(name) }));
    }

    /// Where names without addresses of their own resolve to; `None` gives them no address.
    pub fn set_default_ipv4(&self, address: Option<Ipv4Addr>) {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        self.set("/set-default-ipv4", json!({ "ip": address }));
    }

    /// Makes the name an alias of the target.
    pub fn set_cname(&self, name: &str, target: &str) {
        self.set("/set-cname", json!({ "host": absolute(name), "target": absolute(target) }));
    }

    /// Removes the alias.
    pub fn clear_cname(&self, name: &str) {
        self.set("/clear-cname", json!({ "host": absolute(name) }));
    }

    /// Lets only this authority issue for the name (RFC 8659 §4.2).
    pub fn add_caa(&self, name: &str, authority: &str) {
        let policies = json!([{ "tag": "issue", "value": authority }]);
        self.set("/add-caa", json!({ "host": absolute(name), "policies": policies }));
    }

    /// Removes the CAA records of the name.
    pub fn clear_caa(&self, name: &str) {
        self.set("/clear-caa", json!({ "host": absolute(name) }));
    }

    /// Answers every question about the name with SERVFAIL.
    pub fn set_servfail(&self, name: &str) {
        self.set("/set-servfail", json!({ "host": absolute(name) }));
    }

    /// Answers questions about the name again.
    pub fn clear_servfail(&self, name: &str) {
        self.set("/clear-servfail", json!({ "host": absolute(name) }));
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.guard.log()
    }

    fn set(&self, path: &str, order: Value) {
        let answer = http::post(self.management, path, &order.to_string());
        assert!(
            answer.as_ref().is_ok_and(|answer| answer.status == 200),
            "{BINARY} answered {path} {order} with {answer:?}:\n{}",
            self.guard.log()
        );
    }
}

fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn command_line(management: u16, dns: u16, options: ChallTestSrvOptions) -> Vec<String> {
    let listen = |port: Option<u16>| port.map(|port| format!("127.0.0.1:{port}")).unwrap_or_default();
    let mut line = vec![BINARY.to_owned()];
    let mut set = |name: &str, value: String| line.extend([name.to_owned(), value]);
    set("-management", listen(Some(management)));
    set("-dns01", listen(Some(dns)));
    set("-http01", listen(options.http01));
    set("-https01", String::new());
    set("-tlsalpn01", listen(options.tls_alpn01));
    set("-defaultIPv4", "127.0.0.1".to_owned());
    // Else Pebble tries ::1 first, where nothing listens.
    set("-defaultIPv6", String::new());
    if has_doh() {
        set("-doh", String::new());
    }
    line
}

/// Newer versions serve DNS over HTTPS on a fixed port unless told not to; older ones do not know the option.
fn has_doh() -> bool {
    let help = Command::new(BINARY).arg("-h").stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!("cannot run {BINARY} ({error}): install it, for example with `apt-get install pebble`")
    });
    [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).contains("-doh"))
}

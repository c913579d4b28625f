//! acme2certifier: an implementation of ACME servers that has nothing to do with Boulder or Pebble, with a CA of its own.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{
    free_port,
    guard::{Guard, READY_WITHIN, becomes_ready},
    http,
    identity::{ServerIdentity, authority},
};

/// The Python that has it, where `tests/run` puts it.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/acme2certifier/bin/python");
const SERVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/serve_acme2certifier.py");

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct Acme2certifier {
    guard: Guard,
    ca_pem: String,
    port: u16,
    http_port: u16,
    tls_port: u16,
}

impl Acme2certifier {
    /// Starts a server that asks this DNS server for the names that it validates, and returns when it answers.
    ///
    /// # Panics
    /// When it is missing or does not start; the message says what to do or what it logged.
    pub fn start(dns_server: SocketAddr) -> Self {
        assert!(
            Path::new(PYTHON).is_file(),
            "acme2certifier was not found: `tests/run --prepare` provides it"
        );
        let folder = tempfile::Builder::new()
            .prefix("certmill-acme2certifier-")
            .tempdir()
            .unwrap_or_else(|error| panic!("cannot make a temporary folder: {error}"));
        let identity = ServerIdentity::new();
        write_files(folder.path(), &identity, dns_server)
            .unwrap_or_else(|error| panic!("cannot write to {}: {error}", folder.path().display()));
        let (port, http_port, tls_port) = (free_port(), free_port(), free_port());
        let mut line = vec![PYTHON.to_owned(), SERVE.to_owned(), folder.path().display().to_string()];
        line.extend([port, http_port, tls_port, dns_server.port()].map(|port| port.to_string()));
        let mut guard = Guard::new(folder.path(), "KILL", None, &line);
        let _ = folder.keep();
        guard.start();
        let server = Self { guard, ca_pem: identity.ca_pem, port, http_port, tls_port };
        let ready = becomes_ready(READY_WITHIN, || {
            http::request_tls(&server.ca_pem, port, "GET", "/directory", "")
                .is_ok_and(|answer| answer.status == 200)
        });
        assert!(ready, "acme2certifier did not start:\n{}", server.log());
        server
    }

    /// The directory's URL (RFC 8555 §7.1.1); a client has to trust [`Self::ca_pem`].
    pub fn directory_url(&self) -> String {
        format!("https://127.0.0.1:{}/directory", self.port)
    }

    /// The authority of the server's TLS certificate, PEM. It has nothing to do with the certificates that the server issues.
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

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.guard.log()
    }
}

fn write_files(folder: &Path, identity: &ServerIdentity, dns_server: SocketAddr) -> io::Result<()> {
    let (ca, ca_key) = authority();
    let path = |name: &str| -> PathBuf { folder.join(name) };
    fs::create_dir(path("certificates"))?;
    fs::write(path("certificate.pem"), &identity.certificate_pem)?;
    fs::write(path("key.pem"), &identity.key_pem)?;
    fs::write(path("ca.pem"), ca)?;
    fs::write(path("ca-key.pem"), ca_key)?;
    let (folder, resolver) = (folder.display(), dns_server.ip());
    let settings = format!(
        "[DEFAULT]\ndebug: True\ndns_server_list: [\"{resolver}\"]\n\
         [Nonce]\n[Certificate]\n[Challenge]\n[Order]\n\
         [DBhandler]\nhandler: wsgi\ndbfile: {folder}/acme.db\n\
         [CAhandler]\nhandler_module: acme2certifier.cahandlers.openssl_ca_handler\n\
         issuing_ca_key: {folder}/ca-key.pem\nissuing_ca_cert: {folder}/ca.pem\nissuing_ca_crl: {folder}/crl.pem\n\
         cert_save_path: {folder}/certificates\nca_cert_chain_list: []\n"
    );
    fs::write(path("acme_srv.cfg"), settings)
}

//! Starts private servers for tests, as real processes: PostgreSQL, Redis, Pebble with its challenge test server, BIND,
//! Knot DNS and PowerDNS from the system's binaries, acme2certifier, Moto and aiosmtpd from Python packages, and our own programs.
//!
//! Every server listens on a free loopback port, keeps its data in a temporary folder and is gone, folder included, when the
//! test process ends, however it ends. A server that already runs on the machine is never touched.
//!
//! This crate is for tests, so it panics with a sentence about what to do instead of returning errors.

mod acme2certifier;
mod bind;
mod challtestsrv;
mod dig;
mod guard;
mod http;
mod identity;
mod knot;
mod moto;
mod pebble;
mod postgres;
mod powerdns;
mod process;
mod redis;
mod relay;
mod smtp;

use std::{
    hash::{BuildHasher, RandomState},
    net::{TcpListener, UdpSocket},
    ops::Range,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
};

pub use crate::{
    acme2certifier::Acme2certifier,
    bind::{Bind, BindOptions, TsigKey, ZoneSpec},
    challtestsrv::{ChallTestSrv, ChallTestSrvOptions},
    identity::ServerIdentity,
    knot::Knot,
    moto::Moto,
    pebble::{Pebble, PebbleOptions, Validation, newer_pebble},
    postgres::{Postgres, shared_postgres},
    powerdns::PowerDns,
    process::Process,
    redis::{Redis, shared_redis},
    smtp::{SmtpOptions, SmtpServer},
};

/// The ports that servers of tests get. They lie below those from which systems serve outgoing connections (from 32768 on
/// Linux, from 49152 by RFC 6335 §6): while a server is stopped, no client's own end can take its port, not even that of a
/// client which keeps trying to reach the server.
const PORTS: Range<u16> = 20_000..32_000;

/// A TCP port of 127.0.0.1 that nothing listened on a moment ago. This process gives each port only once.
///
/// Another process may take it before the caller does, so whoever starts a server on it checks that it talks to its own.
///
/// # Panics
/// When every port is taken.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| {
        // Test processes that run side by side begin at different places.
        let [high, low, ..] = RandomState::new().hash_one(std::process::id()).to_be_bytes();
        AtomicU16::new(u16::from_be_bytes([high, low]))
    });
    PORTS
        .map(|_| PORTS.start + next.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start))
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap_or_else(|| panic!("the loopback interface gives no free port"))
}

/// A port of 127.0.0.1 that is free over UDP as well as TCP, as a DNS server needs it.
fn free_dns_port() -> u16 {
    std::iter::repeat_with(free_port)
        .take(PORTS.len())
        .find(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok())
        .unwrap_or_else(|| panic!("the loopback interface gives no port that is free over UDP and TCP"))
}

/// Where a server's binary is.
fn found(binary: &str, install: &str) -> PathBuf {
    search_path(binary).unwrap_or_else(|| panic!("{binary} was not found: {install}"))
}

/// The first of this name on the search path, and in sbin, which users other than root do not have there.
fn search_path(binary: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&search)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join(binary))
        .find(|path| path.is_file())
}

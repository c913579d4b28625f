//! Starts private servers for tests: PostgreSQL and Redis from the system's binaries, and our own programs, as real processes.
//!
//! Every server listens on a free loopback port, keeps its data in a temporary folder and is gone, folder included, when the
//! test process ends, however it ends. A server that already runs on the machine is never touched.
//!
//! This crate is for tests, so it panics with a sentence about what to do instead of returning errors.

mod guard;
mod postgres;
mod process;
mod redis;

use std::{
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    ops::Range,
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
};

pub use crate::{
    postgres::{Postgres, shared_postgres},
    process::Process,
    redis::{Redis, shared_redis},
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

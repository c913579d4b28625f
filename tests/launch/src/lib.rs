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

use std::net::TcpListener;

pub use crate::{
    postgres::{Postgres, shared_postgres},
    process::Process,
    redis::{Redis, shared_redis},
};

/// A TCP port of 127.0.0.1 that nothing listened on a moment ago.
///
/// Another process may take it before the caller does, so whoever starts a server on it checks that it talks to its own.
///
/// # Panics
/// When the loopback interface gives no port at all.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .unwrap_or_else(|error| panic!("the loopback interface gives no free port: {error}"))
        .port()
}

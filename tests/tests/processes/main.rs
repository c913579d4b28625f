//! The program as its operators run it: real `certmill` processes on a data folder, or on private Postgres and Redis
//! servers, killed, stopped and cut off in the middle of their work.
//!
//! Build the program first: `cargo build -p certmill`.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod acme_crash;
mod api;
mod backups;
mod chaos;
mod client;
mod commands;
mod connections;
mod crash;
mod database_faults;
mod doctor;
mod documents;
mod embedded;
mod figures;
mod files;
mod fleet;
mod limits;
mod load;
mod logs;
mod memory;
mod messages;
mod publishing;
mod redis_faults;
mod rolling_upgrade;
mod rows;
mod secrets;
mod shutdown;
mod site;
mod webhook_crash;

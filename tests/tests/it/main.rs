//! The service as its users meet it: one file per resource, each test in both modes.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod access;
mod bad_input;
mod ca;
mod certificates;
mod issue;
mod jobs;
mod layering;
mod openapi;
mod protocol;
mod revoke;
mod roles;
mod schema;
mod sign;
mod story;
mod tokens;

//! The service as its users meet it: one file per resource, each test in both modes.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod access;
mod acme;
mod acme_certificates;
mod acme_faults;
mod acme_judgement;
mod acme_orders;
mod acme_pebble;
mod acme_propagation;
mod audit;
mod bad_input;
mod ca;
mod certificates;
mod csr;
mod csr_states;
mod dns_look;
mod dns_providers;
mod figures;
mod harness;
mod idempotency;
mod import;
mod issue;
mod jobs;
mod landed_migrations;
mod layering;
mod mixed_versions;
mod openapi;
mod private_key;
mod protocol;
mod rate_limits;
mod readiness;
mod renew;
mod revoke;
mod role_check;
mod roles;
mod schema;
mod secrets;
mod security;
mod sign;
mod story;
mod tokens;
mod trust_anchors;
mod ui;
mod validate;

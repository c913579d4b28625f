//! What a stranger, a tenant or a neighbour can do, and what keeps them from it: one module per topic.

mod acme_server;
mod bounds;
mod client_certificates;
mod connections;
mod egress;
mod headers;
mod memory;
mod pages;
mod renewal;
mod retries;
mod sealing;
mod shares;
mod tenants;
mod tokens;
mod write_only;

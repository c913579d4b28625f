//! What the engine makes is judged by the `openssl` command line and by `x509-cert`; what it reads
//! is made by the `openssl` command line.

mod certificates;
mod crls;
mod judge;
mod public_keys;
mod requests;

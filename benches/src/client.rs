//! A hand-written HTTP/1.1 client that costs little beside the service it loads: no TLS, no pipelining, no allocation
//! per response once its buffers have grown.

mod connection;
mod response;
mod target;

pub use connection::{Connection, TransportError};
pub use response::Response;
pub use target::{PostHead, Target};

#[cfg(test)]
pub mod test_server;

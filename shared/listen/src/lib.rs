//! What stands between the network and the service: listeners whose connections are limited in number and in time.
//!
//! One HTTP server for every listener, so that none can be forgotten: poem's endpoints on hyper's connections, because
//! poem's own server cannot be told these limits. A client that sends nothing, a little, or does not read is closed after a
//! time that is known beforehand, whatever it does in between.

mod body;
mod connection;
mod door;
mod files;
mod limits;
mod listener;
mod pulse;
mod streams;
mod tls;
mod wire;

pub use connection::serve;
pub use door::Room;
pub use files::raise_file_limit;
pub use limits::Limits;
pub use listener::{Arrival, Listener};
pub use tls::{ClientCertificates, PeerCertificate, Tls};

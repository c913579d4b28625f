//! What the fuzz targets share: reading and writing DER without any strictness, changing it so that
//! it stays DER, and signing anew what was changed, since most code lies behind a good signature.
//!
//! A target may panic: that is how it reports what it found.

pub mod der;
pub mod mutation;
pub mod openssl_path;
pub mod signing;
pub mod vectors;

//! What speaks to Amazon Web Services, and to whatever has the same APIs: signatures, and objects of S3. No state, no clock; credentials
//! are given with each call.

pub mod s3;
mod sigv4;

pub use sigv4::{Credentials, Scope, Signed, Unsigned, escaped, signed};

//! Private keys: made, pooled, signed with, and sealed for storage.
//!
//! * [`PrivateKey`] generates, signs, writes PKCS#8 and reads every usual form; its P-256 path is the
//!   hot path of issuing.
//! * [`pkcs12`] writes and reads bundles of a key, its certificate and its chain.
//! * [`KeyPool`] keeps RSA keys ready, because a prime search costs a hundred milliseconds and more.
//! * [`RootKeys`] wrap one [`TenantKey`] per tenant, and tenant keys seal everything that is secret
//!   in the database: AES-256-GCM, bound to the place where the value is stored.
//!
//! Nothing here does I/O. Secrets are wiped when dropped, and no type that holds one can be
//! printed, cloned or serialised.

mod aead;
mod asn1;
mod der;
mod ec;
mod error;
mod hmac;
mod kdf;
mod pbe;
pub mod pkcs12;
mod pool;
mod private_key;
mod root_key;
mod rsa;
mod tenant_key;

pub use error::KeyError;
pub use hmac::hmac_sha256;
pub use pool::{KeyPool, PoolSizes};
pub use private_key::PrivateKey;
pub use root_key::{RootKey, RootKeyId, RootKeys};
pub use tenant_key::{SealPlace, TenantKey, sealed_with};

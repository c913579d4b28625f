//! Use cases: the only place where rules, rows and effects meet. Each takes the [`App`], the [`Caller`] where
//! there is one, and its input, and answers a domain value or a [`ServiceError`].

mod access;
mod app;
pub mod ca;
pub mod certificates;
pub mod crl;
mod error;
mod issuer;
pub mod jobs;
mod keyring;
mod page;
pub mod roles;
pub mod tenants;
pub mod tokens;

pub use access::Caller;
pub use app::{App, Parts, Settings};
pub use certmill_domain as domain;
pub use certmill_x509 as x509;
pub use error::{Noun, ServiceError};
pub use issuer::Issuer;
pub use page::{Page, PageRequest};

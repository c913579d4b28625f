//! A client of certmill's API.
//!
//! [`Client`] has a method for each operation of `openapi/certmill.json`, with types for what is sent and answered. It is
//! generated from that document by `generate/run`, with progenitor. [`Api`] is the same connection in JSON values, with all
//! pages of a list at once and repeated calls after a broken connection: for programs that show what the service answers, fields
//! that this version does not know included.
//!
//! ```no_run
//! use certmill_client::{Api, types::IssueCertificateRequest};
//!
//! # async fn issue() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Api::new("https://pki.example", &std::env::var("CERTMILL_TOKEN")?.into(), None)?.client();
//! let request = IssueCertificateRequest { common_name: Some("db.internal".into()), ..Default::default() };
//! let issued = client.issue_certificate("servers", None, &request).await?;
//! println!("{} until {}", issued.serial_number, issued.not_after);
//! # Ok(())
//! # }
//! ```
//!
//! Closed sets of words, such as [`types::CertificateStatus`], are texts with constants, because a later service may answer with a
//! word that this version does not know.

mod answer;
mod api;
mod bounds;
#[expect(clippy::allow_attributes, clippy::pedantic, missing_docs, reason = "generated")]
mod generated;
mod refusal;
mod secret;
mod timestamp;

pub use answer::{ByteStream, Error, ResponseValue};
pub use api::{Api, Listed, base};
pub use generated::{Client, queries, types};
pub use refusal::{CallError, Refusal, SetupError};
pub use secret::{Secret, SecretJson};
pub use timestamp::Timestamp;

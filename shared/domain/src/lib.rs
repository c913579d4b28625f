//! The nouns of certmill and the rules between them: ids, times, roles, certificate authorities,
//! certificates, tokens and jobs. No I/O happens here; time and randomness are arguments.

mod ca;
mod certificate;
mod clock;
mod duration;
mod entropy;
mod id;
mod job;
mod role;
mod role_check;
mod tenant;
mod token;

pub use ca::{Ca, CaKind, CaRevocation, CaStatus, Crl, CrlInfo};
pub use certificate::{Certificate, CertificateSource, CertificateStatus, Sans};
pub use clock::{Clock, SystemClock, Timestamp};
pub use duration::{InvalidDuration, Ttl};
pub use entropy::{Entropy, SystemEntropy};
pub use id::{CaId, CertificateId, EventId, InvalidId, JobId, RequestId, RoleId, TenantId, TokenId};
pub use job::{Job, JobKind, JobState};
pub use role::{FieldErrors, Role, RoleKeyType, RoleName, RoleSettings};
pub use role_check::{Approved, ApprovedKey, IssuerWindow, NameRequest, RequestedKey, Violation, check};
pub use tenant::{Tenant, TenantName};
pub use token::{Scope, Token, TokenSecret};

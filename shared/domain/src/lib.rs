//! The nouns of certmill and the rules between them: ids, times, roles, certificate authorities,
//! certificates, tokens and jobs. No I/O happens here; time and randomness are arguments.

mod audit;
mod ca;
mod certificate;
mod clock;
mod csr;
mod duration;
mod entropy;
mod id;
mod job;
mod role;
mod role_check;
mod tenant;
mod token;
mod trust_anchor;

pub use audit::{Action, AuditEntry, AuditRecord, Digest, Identity, genesis};
pub use ca::{Ca, CaKind, CaRevocation, CaStatus, Crl, CrlInfo};
pub use certificate::{Certificate, CertificateSource, CertificateStatus, Sans};
pub use clock::{Clock, SystemClock, Timestamp};
pub use csr::{Csr, CsrSource, CsrStatus};
pub use duration::{InvalidDuration, Ttl};
pub use entropy::{Entropy, SystemEntropy};
pub use id::{
    CaId, CertificateId, CsrId, EventId, InvalidId, JobId, LogId, RequestId, RoleId, TenantId, TokenId,
    TrustAnchorId,
};
pub use job::{Job, JobKind, JobState};
pub use role::{FieldErrors, Role, RoleKeyType, RoleName, RoleSettings};
pub use role_check::{Approved, ApprovedKey, IssuerWindow, NameRequest, RequestedKey, Violation, check};
pub use role_check::{DESK_BACKDATED, DeskKey, DeskProfile, DeskRequest, approve_on_desk, legal_names};
pub use role_check::{Explanation, Finding, Verdict, explain};
pub use tenant::{Tenant, TenantName};
pub use token::{Scope, Token, TokenSecret};
pub use trust_anchor::TrustAnchor;

//! Why a use case failed, by what the caller can do about it.

use certmill_domain::{
    AcmeAccountId, AcmeChallengeId, AcmeOrderId, CaId, CertificateId, CsrId, DeliveryId, DiscoveryId,
    DnsProviderId, JobId, TokenId, TrustAnchorId, WebhookId,
};
use certmill_domain::{Failure, FieldErrors, InvalidDuration, Scope, UnknownWord, Violation};
use certmill_keys::KeyError;
use certmill_storage::StorageError;
use certmill_x509::X509Error;

use crate::Caller;

/// The kinds of objects that can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noun {
    /// A certificate authority.
    Ca,
    /// A role.
    Role,
    /// A certificate.
    Certificate,
    /// A token.
    Token,
    /// A CSR on the desk.
    Csr,
    /// A trust anchor.
    TrustAnchor,
    /// An account at an ACME server.
    AcmeAccount,
    /// An order at an ACME server.
    AcmeOrder,
    /// A challenge of an order.
    AcmeChallenge,
    /// A DNS provider.
    DnsProvider,
    /// A grant of a domain.
    DomainGrant,
    /// A secret.
    Secret,
    /// A background job.
    Job,
    /// A blocked key.
    BlockedKey,
    /// A webhook.
    Webhook,
    /// A discovery.
    Discovery,
    /// A delivery to a webhook.
    Delivery,
}

impl Noun {
    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ca => "certificate authority",
            Self::Role => "role",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::Csr => "CSR",
            Self::TrustAnchor => "trust anchor",
            Self::AcmeAccount => "ACME account",
            Self::AcmeOrder => "ACME order",
            Self::AcmeChallenge => "ACME challenge",
            Self::DnsProvider => "DNS provider",
            Self::DomainGrant => "grant of the domain",
            Self::Secret => "secret",
            Self::Job => "job",
            Self::BlockedKey => "blocked key",
            Self::Webhook => "webhook",
            Self::Discovery => "discovery",
            Self::Delivery => "delivery",
        }
    }
}

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No token was sent, or something that is not one.
    #[error("send `Authorization: Bearer <token>`")]
    AuthenticationRequired,
    /// The token is not known.
    #[error("this token is not known")]
    TokenInvalid,
    /// The token has ended.
    #[error("this token expired at {0}")]
    TokenExpired(certmill_domain::Timestamp),
    /// The token was revoked.
    #[error("this token was revoked")]
    TokenRevoked,
    /// The client certificate is none that a role of this service has issued, or it is not kept.
    #[error(
        "send `Authorization: Bearer <token>`: the client certificate of this connection is not one that this service has \
         issued under a role, or it does not keep it"
    )]
    CertificateUnknown,
    /// The client certificate is ours, and is not taken any more.
    #[error("{0}: get a new one with a token")]
    CertificateRefused(String),
    /// The role of the client certificate does not let it renew itself.
    #[error(
        "the role `{0}` does not let its certificates renew themselves: send a token, or switch `allow_self_renewal` of the role on"
    )]
    SelfRenewalNotAllowed(String),
    /// The token lacks a scope.
    #[error("this call needs a token with the scope `{0}`")]
    InsufficientScope(Scope),
    /// The token may not be used from the address that the call comes from: who called. Where it may be used is not told
    /// to the tenant that has it.
    #[error("this token may not be used from here")]
    TokenNotAllowedHere(Box<Caller>),
    /// The token is limited to roles, and this is none of them; or the call is under no role.
    #[error("{}", outside_of_roles(.0.as_deref()))]
    RoleNotAllowed(Option<String>),
    /// What the call asks for needs a stronger scope than the call itself.
    #[error("{message}")]
    NeedsScope {
        /// The scope.
        needed: Scope,
        /// A sentence that says why, and what is possible without it.
        message: String,
    },
    /// There is no such object in the tenant.
    #[error("there is no {} `{id}`{}", .noun.as_str(), of_another_kind(*.noun, .id))]
    NotFound {
        /// What kind of object.
        noun: Noun,
        /// The id or name that was asked for.
        id: String,
    },
    /// The name is taken.
    #[error("a {what} named `{name}` exists already: choose another name")]
    AlreadyExists {
        /// The kind of object.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The same object is there already.
    #[error("{message}")]
    Duplicate {
        /// A sentence that names it.
        message: String,
        /// The id of that object.
        id: String,
    },
    /// The object's state does not permit the call.
    #[error("{message}")]
    InvalidState {
        /// A sentence with the present state and the states from which the call is possible.
        message: String,
        /// The present state.
        state: &'static str,
        /// The states from which the call is possible.
        possible_from: &'static [&'static str],
    },
    /// The call depends on what a newer version has written.
    #[error(transparent)]
    NewerVersion(#[from] UnknownWord),
    /// Something else needs the object.
    #[error("{message}")]
    InUse {
        /// A sentence that says what.
        message: String,
        /// The id of what needs it, or its names.
        by: String,
    },
    /// The settings of an outside service do not work, in the words of the service that refused them.
    #[error("{message}")]
    InvalidConfig {
        /// A sentence.
        message: String,
        /// What the other end said.
        upstream: Option<serde_json::Value>,
    },
    /// A server that the call is about refused it, or did not answer.
    #[error("{}", .0.message)]
    Upstream(Failure),
    /// Fields of the request are wrong.
    #[error("the request is not valid: {0}")]
    Validation(FieldErrors),
    /// The role does not permit the request.
    #[error("{0}")]
    RoleViolation(Violation),
    /// The CSR cannot be used.
    #[error("{0}")]
    CsrInvalid(String),
    /// A certificate, or what comes with it, cannot be used.
    #[error("{0}")]
    CertificateInvalid(String),
    /// A duration cannot be read.
    #[error("{0}")]
    InvalidDuration(#[from] InvalidDuration),
    /// Durations in fields of the request cannot be read, by field.
    #[error("the request is not valid: {0}")]
    WrongDurations(FieldErrors),
    /// The object is in another state than the one that the caller named.
    #[error("somebody has changed this since: read it and look whether the change is still right")]
    PreconditionFailed {
        /// The entity tag of its present state.
        tag: String,
    },
    /// A cursor was not made by this service for this list.
    #[error(
        "this cursor does not belong to this list: send the `cursor` of the previous page, or none to start over"
    )]
    InvalidCursor,
    /// Another call is at it: the first one with the same idempotency key, or one about the same object.
    #[error(
        "another call is at it, perhaps the first one with your Idempotency-Key: repeat yours in {seconds} s"
    )]
    CallInProgress {
        /// When it makes sense to ask again.
        seconds: u64,
    },
    /// The tenant's own calls take up all that it may have of something; fewer at once succeed.
    #[error(
        "{what}: {most} calls of this tenant wait for it already, and no more may: try again in some seconds"
    )]
    Busy {
        /// What is waited for.
        what: &'static str,
        /// How many calls of a tenant may wait.
        most: usize,
    },
    /// The request would exceed the limit of an outside service, for longer than it can wait.
    #[error("{message}")]
    LimitReached {
        /// A sentence that says which limit.
        message: String,
        /// When there is room, in seconds.
        seconds: u64,
    },
    /// Something below is not reachable; the same call may succeed later.
    #[error("a service that certmill depends on is not available: try again")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database takes no writes until a person has mended it.
    #[error(
        "nothing can be stored at the moment, since the database cannot be written: its operator finds in /readyz what to mend"
    )]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A job's attempt lost its lease: another attempt goes on with the work.
    #[error("another attempt has taken over this job")]
    LeaseLost,
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Says of which kind an id is that was sent where one of another kind belongs.
fn of_another_kind(wanted: Noun, id: &str) -> String {
    if wanted == Noun::Certificate && id == crate::certificates::ITSELF {
        return ": it is the client certificate of a call without a token, and this call has a token"
            .to_owned();
    }
    let kinds = [
        (CaId::PREFIX, Noun::Ca),
        (CertificateId::PREFIX, Noun::Certificate),
        (TokenId::PREFIX, Noun::Token),
        (CsrId::PREFIX, Noun::Csr),
        (TrustAnchorId::PREFIX, Noun::TrustAnchor),
        (AcmeAccountId::PREFIX, Noun::AcmeAccount),
        (AcmeOrderId::PREFIX, Noun::AcmeOrder),
        (AcmeChallengeId::PREFIX, Noun::AcmeChallenge),
        (DnsProviderId::PREFIX, Noun::DnsProvider),
        (JobId::PREFIX, Noun::Job),
        (WebhookId::PREFIX, Noun::Webhook),
        (DiscoveryId::PREFIX, Noun::Discovery),
        (DeliveryId::PREFIX, Noun::Delivery),
    ];
    let kind = id.split_once('_').and_then(|(prefix, _)| kinds.iter().find(|(of, _)| *of == prefix));
    match kind {
        // A role's name may look like anything.
        Some((_, noun)) if *noun != wanted && wanted != Noun::Role => {
            format!(": an id of this form is that of another kind of object ({})", noun.as_str())
        }
        _ => String::new(),
    }
}

fn outside_of_roles(role: Option<&str>) -> String {
    match role {
        Some(role) => {
            format!("this token may not issue under the role `{role}`, nor act on its certificates")
        }
        None => "this token may only issue under certain roles and act on their certificates".to_owned(),
    }
}

impl ServiceError {
    /// One wrong field.
    pub fn field(name: &str, problem: impl Into<String>) -> Self {
        Self::Validation(FieldErrors(std::iter::once((name.to_owned(), problem.into())).collect()))
    }

    /// A missing object.
    pub fn not_found(noun: Noun, id: impl ToString) -> Self {
        Self::NotFound { noun, id: id.to_string().chars().take(128).collect() }
    }

    /// A fault of ours, described.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }
}

impl From<StorageError> for ServiceError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => Self::Unavailable(Box::new(error)),
            StorageError::Unwritable(_) => Self::Unwritable(Box::new(error)),
            StorageError::LeaseLost => Self::LeaseLost,
            StorageError::NewerVersion(unknown) => Self::NewerVersion(unknown),
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<KeyError> for ServiceError {
    fn from(error: KeyError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<X509Error> for ServiceError {
    fn from(error: X509Error) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<Violation> for ServiceError {
    fn from(violation: Violation) -> Self {
        // A value that is no legal name or duration at all is a wrong field; the role has no say in it.
        if violation.rule == "syntax" {
            let problem = format!("`{}`: {}", violation.value, violation.allowed);
            return Self::field(violation.field, problem);
        }
        Self::RoleViolation(violation)
    }
}

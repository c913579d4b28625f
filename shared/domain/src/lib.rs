//! The nouns of certmill and the rules between them: ids, times, roles, certificate authorities,
//! certificates, tokens and jobs. No I/O happens here; time and randomness are arguments.

mod acme;
mod audit;
mod blocked_key;
mod ca;
mod certificate;
mod clock;
mod crl;
mod csr;
mod discovery;
mod dns_provider;
mod duration;
mod endpoint;
mod entropy;
mod event;
mod id;
mod network;
mod notice;
mod owner;
mod rate_limit;
mod retention;
mod role;
mod role_check;
mod secret;
mod tenant;
mod token;
mod trust_anchor;
mod webhook;
mod word;

pub use acme::{
    AccountStatus, AcmeAccount, AcmeChallenge, AcmeEnvironment, AcmeIdentifier, AcmeIdentifiers, AcmeLimit,
    AcmeOrder, AcmeProvider, Added, Allowance, ChallengeAnswer, ChallengeProgress, ChallengeState,
    ChallengeType, DnsAddressAnswer, DnsServerAnswer, Exposure, FALLBACK_AFTER, Failure, OrderAtCa,
    OrderCause, OrderKey, OrderProgress, OrderState, ProviderLimit, Renewal, RenewalWindow, RenewalWish,
    Renewed, Told, TxtAnswer, TxtRecord,
};
pub use audit::{Action, AuditEntry, AuditRecord, Digest, Identity, genesis};
pub use blocked_key::BlockedKey;
pub use ca::{Ca, CaKind, CaRevocation, CaStatus, DeskRenewal, ForeignCa, OcspSigner};
pub use certificate::{Certificate, CertificateSource, CertificateStatus, Sans};
pub use clock::{Clock, SystemClock, Timestamp};
pub use crl::{Crl, CrlId, CrlInfo, InvalidCrlId, shard_numbers};
pub use csr::{Csr, CsrSource, CsrStatus};
pub use discovery::{Discovery, Target, TargetState};
pub use dns_provider::DnsProvider;
pub use duration::{InvalidDuration, Ttl};
pub use endpoint::{
    CertificateEndpoint, Endpoint, EndpointFinding, EndpointScheme, EndpointState, InvalidEndpoint, Served,
};
pub use entropy::{Entropy, SystemEntropy};
pub use event::{Event, EventKind};
pub use id::{
    AcmeAccountId, AcmeChallengeId, AcmeOrderId, BlockedKeyId, CaId, CertificateId, CsrId, DeliveryId,
    DiscoveryId, DnsProviderId, EventId, InvalidId, JobId, LogId, NoticeId, RequestId, RoleId,
    SecretVersionId, TenantId, TokenId, TrustAnchorId, WebhookId,
};
pub use network::Network;
pub use notice::{Notice, NoticeLine};
pub use owner::{EmailAddress, InvalidOwners, MOST_OWNERS, OWNERS_TAG, Owners, is_within};
pub use rate_limit::{CallCategory, InvalidRateLimit, RateLimit, RateLimits, Standing, Taken};
pub use retention::Retention;
pub use role::{FieldErrors, Role, RoleKeyType, RoleName, RoleSettings};
pub use role_check::{Approved, ApprovedKey, IssuerWindow, NameRequest, RequestedKey, Violation, check};
pub use role_check::{DESK_BACKDATED, DeskKey, DeskProfile, DeskRequest, approve_on_desk, legal_names};
pub use role_check::{Explanation, Finding, Verdict, explain, is_long_check};
pub use secret::{Secret, SecretPath, SecretType};
pub use tenant::{Tenant, TenantName};
pub use token::{Limited, Scope, Token, TokenLimits, TokenSecret};
pub use trust_anchor::TrustAnchor;
pub use webhook::{Delivery, DeliveryState, Webhook, WebhookFilters, WebhookFormat};
pub use word::{Stored, UnknownWord, Vocabulary};

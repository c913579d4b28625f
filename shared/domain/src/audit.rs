//! The audit log: who did what to which object, and with what outcome. Rows of a tenant form a chain: each carries
//! the hash of the one before, so that none can be changed, removed or put in between without being noticed.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{CertificateId, LogId, TenantId, Timestamp, TokenId};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// Names the form in which rows are hashed.
const FORM: &[u8] = b"certmill audit 1";

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What was done, or was to be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word of the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }

        impl crate::Vocabulary for Action {
            const WHAT: &'static str = "action";
            const VALUES: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.as_str()
            }
        }
    };
}

actions! {
    /// A CA was made.
    CaCreate = "ca.create";
    /// A CA was revoked.
    CaRevoke = "ca.revoke";
    /// A CRL was asked for.
    CrlRebuild = "crl.rebuild";
    /// A role was made.
    RoleCreate = "role.create";
    /// A role was changed.
    RoleUpdate = "role.update";
    /// A role was deleted.
    RoleDelete = "role.delete";
    /// A certificate was issued with a key of the service's making.
    CertificateIssue = "certificate.issue";
    /// A CSR was signed under a role.
    CertificateSign = "certificate.sign";
    /// A certificate was renewed.
    CertificateRenew = "certificate.renew";
    /// A certificate was imported.
    CertificateImport = "certificate.import";
    /// Tags or description of a certificate were changed.
    CertificateUpdate = "certificate.update";
    /// A certificate was revoked.
    CertificateRevoke = "certificate.revoke";
    /// A stored private key was handed out.
    PrivateKeyRetrieve = "certificate.private_key";
    /// A CSR was generated.
    CsrCreate = "csr.create";
    /// A CSR was imported.
    CsrImport = "csr.import";
    /// A CSR was approved.
    CsrApprove = "csr.approve";
    /// A CSR was rejected.
    CsrReject = "csr.reject";
    /// A CSR was signed by a CA.
    CsrSign = "csr.sign";
    /// A CSR was deleted.
    CsrDelete = "csr.delete";
    /// A trust anchor was added.
    TrustAnchorCreate = "trust_anchor.create";
    /// A trust anchor was removed.
    TrustAnchorDelete = "trust_anchor.delete";
    /// A token was made.
    TokenCreate = "token.create";
    /// A token was revoked.
    TokenRevoke = "token.revoke";
    /// An ACME account was registered.
    AcmeAccountCreate = "acme_account.create";
    /// An ACME account was deactivated.
    AcmeAccountDelete = "acme_account.delete";
    /// A certificate was ordered from an ACME server.
    AcmeOrderCreate = "acme_order.create";
    /// An ACME server was asked about an order.
    AcmeOrderRefresh = "acme_order.refresh";
    /// An order was cancelled.
    AcmeOrderCancel = "acme_order.cancel";
    /// A person said that a challenge is ready.
    AcmeChallengeComplete = "acme_challenge.complete";
    /// A background job was to be done at once.
    JobRetry = "job.retry";
    /// A background job was given up.
    JobCancel = "job.cancel";
    /// A DNS provider was added.
    DnsProviderCreate = "dns_provider.create";
    /// A DNS provider was changed.
    DnsProviderUpdate = "dns_provider.update";
    /// A DNS provider was removed.
    DnsProviderDelete = "dns_provider.delete";
    /// A DNS provider was tried with a value that means nothing.
    DnsProviderTest = "dns_provider.test";
    /// A secret was written.
    SecretWrite = "secret.write";
    /// A secret was handed out.
    SecretRead = "secret.read";
    /// A secret was deleted.
    SecretDelete = "secret.delete";
    /// A key was blocked.
    BlockedKeyCreate = "blocked_key.create";
    /// A key was unblocked.
    BlockedKeyDelete = "blocked_key.delete";
    /// A tenant may have a domain validated through shared responders.
    DomainGrant = "domain.grant";
    /// It may not any more.
    DomainRevoke = "domain.revoke";
    /// The tenant was made.
    TenantCreate = "tenant.create";
    /// The tenant's key was wrapped with another root key.
    RootKeyRotate = "root_key.rotate";
    /// More calls of a token were refused than have rows of their own: the object says how many.
    CallsRefused = "calls.refused";
    /// A token was shown from where it may not be used; the object is the path.
    TokenUse = "token.use";
    /// A CA's settings were changed.
    CaUpdate = "ca.update";
    /// How the certificate of an open order is renewed was changed.
    AcmeOrderUpdate = "acme_order.update";
    /// Name or address of an ACME account was changed.
    AcmeAccountUpdate = "acme_account.update";
    /// An ACME account got a new key, or was to get one.
    AcmeAccountRollover = "acme_account.rollover";
    /// Something happened that no call has caused, such as a renewal: the event tells what.
    EventRaise = "event.raise";
    /// A suspended certificate was taken from the CRL.
    CertificateRelease = "certificate.release";
    /// A certificate is to be revoked later.
    CertificateRevokeLater = "certificate.revoke_later";
    /// It is not to be revoked later any more.
    CertificateRevokeCancel = "certificate.revoke_cancel";
    /// A CA got the certificate that was signed elsewhere.
    CaCertificate = "ca.certificate";
    /// A CA got another certificate for the same key.
    CaReissue = "ca.reissue";
    /// A CA was imported with its key.
    CaImport = "ca.import";
    /// A webhook was made.
    WebhookCreate = "webhook.create";
    /// A webhook was changed.
    WebhookUpdate = "webhook.update";
    /// A webhook was removed.
    WebhookDelete = "webhook.delete";
    /// A webhook was tried.
    WebhookTest = "webhook.test";
    /// An event was to be delivered once more.
    WebhookRedeliver = "webhook.redeliver";
    /// Certificates that had ended were forgotten: the object says how many.
    CertificateForget = "certificate.forget";
    /// Private keys of certificates that had ended were forgotten.
    PrivateKeyForget = "certificate.forget_key";
    /// CSRs that were rejected or signed were forgotten.
    CsrForget = "csr.forget";
    /// ACME orders that had failed were forgotten.
    AcmeOrderForget = "acme_order.forget";
    /// What was told of events was forgotten.
    EventForget = "event.forget";
    /// What was kept of ended certificates that were not stored was forgotten.
    UnstoredForget = "certificate.forget_unstored";
    /// The endpoints of a certificate were to be looked at.
    CertificateCheck = "certificate.check";
    /// Servers were to be looked at for certificates.
    CertificateDiscover = "certificate.discover";
    /// Rows of the audit log were taken to a file: the object says which.
    AuditArchive = "audit.archive";
    /// The database was restored from a backup: the object says from when it is.
    DatabaseRestore = "database.restore";
    /// A CA's OCSP responder got a certificate: the object is the CA.
    OcspSignerIssue = "ca.ocsp_signer";
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|action| action.as_str()).collect();
            format!("`{text}` is not an action: use one of {}", known.join(", "))
        })
    }
}

/// The actor of an audit row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The holder of this token.
    Token(TokenId),
    /// The holder of this certificate's key, in the place of a token.
    Certificate(CertificateId),
    /// Someone at the machine's command line.
    Operator,
    /// The service itself, such as its renewal schedule.
    Service,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(id) => id.fmt(f),
            Self::Certificate(id) => id.fmt(f),
            Self::Operator => f.write_str("operator"),
            Self::Service => f.write_str("service"),
        }
    }
}

/// What is to be recorded; its place in the chain is given when it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: LogId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub identity: Identity,
    /// What.
    pub action: Action,
    /// The object's id, or its name where the call named it so.
    pub object: Option<String>,
    /// None when it was done; else the error code with which it was refused.
    pub refusal: Option<String>,
    /// The address of the caller's end of the connection.
    pub source_address: Option<IpAddr>,
    /// The request, as answers and logs name it.
    pub request_id: Option<String>,
    /// SHA-256 of the object before.
    pub before_sha256: Option<Digest>,
    /// SHA-256 of the object after.
    pub after_sha256: Option<Digest>,
}

/// A row of the log: the texts that are stored, not what this version makes of them. The hash of a row does therefore not
/// depend on the words that a version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the tenant's chain, from 1 on without gaps.
    pub sequence: i64,
    /// The hash of the row before; [`genesis`] for the first.
    pub previous_hash: Digest,
    /// The id of the row.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub identity: String,
    /// What.
    pub action: Cow<'static, str>,
    /// The object's id, or its name where the call named it so.
    pub object: Option<String>,
    /// None when it was done; else the error code with which it was refused.
    pub refusal: Option<String>,
    /// The address of the caller's end of the connection.
    pub source_address: Option<String>,
    /// The request, as answers and logs name it.
    pub request_id: Option<String>,
    /// SHA-256 of the object before.
    pub before_sha256: Option<Digest>,
    /// SHA-256 of the object after.
    pub after_sha256: Option<Digest>,
}

impl AuditRecord {
    /// The row of an entry at this place of the chain.
    pub fn new(sequence: i64, previous_hash: Digest, entry: AuditEntry) -> Self {
        Self {
            sequence,
            previous_hash,
            id: entry.id.to_string(),
            at: entry.at,
            identity: entry.identity.to_string(),
            action: Cow::Borrowed(entry.action.as_str()),
            object: entry.object,
            refusal: entry.refusal,
            source_address: entry.source_address.map(|address| address.to_string()),
            request_id: entry.request_id,
            before_sha256: entry.before_sha256,
            after_sha256: entry.after_sha256,
        }
    }

    /// The hash of this row, which the next one carries: SHA-256 over the fields, each with its length, the hash of
    /// the row before among them.
    pub fn hash(&self) -> Digest {
        let mut text = Vec::with_capacity(512);
        let mut field = |octets: Option<&[u8]>| push_field(&mut text, octets);
        field(Some(FORM));
        field(Some(&self.previous_hash));
        field(Some(&self.sequence.to_be_bytes()));
        field(Some(self.id.as_bytes()));
        field(Some(&self.at.unix_micros().to_be_bytes()));
        field(Some(self.identity.as_bytes()));
        field(Some(self.action.as_bytes()));
        field(self.object.as_deref().map(str::as_bytes));
        field(self.refusal.as_deref().map(str::as_bytes));
        field(self.source_address.as_deref().map(str::as_bytes));
        field(self.request_id.as_deref().map(str::as_bytes));
        field(self.before_sha256.as_ref().map(Digest::as_slice));
        field(self.after_sha256.as_ref().map(Digest::as_slice));
        certmill_x509::sha256(&text)
    }
}

/// What the first row of a tenant's chain carries in place of a hash.
pub fn genesis(tenant: TenantId) -> Digest {
    let mut text = Vec::new();
    push_field(&mut text, Some(FORM));
    push_field(&mut text, Some(tenant.to_string().as_bytes()));
    certmill_x509::sha256(&text)
}

/// An absent field differs from an empty one, and no two lists of fields read the same.
fn push_field(text: &mut Vec<u8>, octets: Option<&[u8]>) {
    let length = octets.map_or(u64::MAX, |octets| octets.len() as u64);
    text.extend_from_slice(&length.to_be_bytes());
    text.extend_from_slice(octets.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    fn record() -> AuditRecord {
        let at = Timestamp::from_unix_seconds(1_000);
        let entry = AuditEntry {
            id: LogId::generate(at, &SystemEntropy),
            at,
            identity: Identity::Operator,
            action: Action::TokenCreate,
            object: Some("tok_x".to_owned()),
            refusal: None,
            source_address: None,
            request_id: None,
            before_sha256: None,
            after_sha256: Some([7; 32]),
        };
        AuditRecord::new(1, [0; 32], entry)
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let original = record();
        let change = |change: &dyn Fn(&mut AuditRecord)| {
            let mut changed = original.clone();
            change(&mut changed);
            changed.hash()
        };
        let hashes = [
            original.hash(),
            change(&|r| r.sequence = 2),
            change(&|r| r.previous_hash = [1; 32]),
            change(&|r| r.id = LogId::generate(r.at, &SystemEntropy).to_string()),
            change(&|r| r.at = Timestamp::from_unix_seconds(1_001)),
            change(&|r| r.identity = Identity::Token(TokenId::generate(r.at, &SystemEntropy)).to_string()),
            change(&|r| r.action = Action::TokenRevoke.as_str().into()),
            change(&|r| r.object = None),
            change(&|r| r.object = Some(String::new())),
            change(&|r| r.refusal = Some("in_use".to_owned())),
            change(&|r| r.source_address = Some("127.0.0.1".to_owned())),
            change(&|r| r.request_id = Some("req_1".to_owned())),
            change(&|r| r.before_sha256 = Some([7; 32])),
            change(&|r| r.after_sha256 = None),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }

    #[test]
    fn the_hash_is_over_the_stored_texts_whatever_their_words() {
        let newer = AuditRecord {
            sequence: 1,
            previous_hash: [0; 32],
            id: "log_01JZ0000000000000000000000".to_owned(),
            at: Timestamp::from_unix_seconds(1_000),
            identity: "operator".to_owned(),
            action: "vault.seal".into(),
            object: Some("tok_x".to_owned()),
            refusal: None,
            source_address: Some("192.0.2.7".to_owned()),
            request_id: Some("req_1".to_owned()),
            before_sha256: None,
            after_sha256: Some([7; 32]),
        };
        // Computed by another program, field by field.
        let expected = "aa626490e09ff65074f310a5493d67e89c5aa6e9331188190d0c7f7564455a2f";
        assert_eq!(certmill_x509::hex(&newer.hash()), expected);
    }

    #[test]
    fn words_are_read_back() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
    }
}

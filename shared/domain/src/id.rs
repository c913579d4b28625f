//! Typed identifiers: a prefix that names the kind, and a ULID, so that ids sort by creation.

use std::fmt;
use std::str::FromStr;

use ulid::Ulid;

use crate::{Entropy, Timestamp};

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of this kind: it would look like `{prefix}_01J9Z3NDEKTSV4RRFFQ69G5FAV`")]
pub struct InvalidId {
    text: String,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Ulid);

        impl $name {
            /// The prefix of this kind of id, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The least id that can be generated at this time: those of later are greater, and those of earlier less.
            pub fn first_at(time: Timestamp) -> Self {
                Self(Ulid::from_parts(time.unix_millis(), 0))
            }

            /// A new id: 48 bits of the time in milliseconds, 80 random bits.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                let mut random = [0u8; 16];
                entropy.fill(&mut random[6..]);
                let random = u128::from_be_bytes(random);
                Self(Ulid::from_parts(now.unix_millis(), random))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0u8; ulid::ULID_LEN];
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(self.0.array_to_str(&mut text))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|rest| Ulid::from_string(rest).ok())
                    .map(Self)
                    .ok_or_else(|| InvalidId { text: text.chars().take(64).collect(), prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A certificate authority.
    CaId = "ca";
    /// A role.
    RoleId = "role";
    /// A certificate.
    CertificateId = "cert";
    /// An API token (not its secret).
    TokenId = "tok";
    /// A tenant.
    TenantId = "tnt";
    /// A job.
    JobId = "job";
    /// An event.
    EventId = "evt";
    /// A request, as in `X-Request-ID`.
    RequestId = "req";
    /// A certificate signing request on the desk.
    CsrId = "csr";
    /// A trust anchor.
    TrustAnchorId = "ta";
    /// A row of the audit log.
    LogId = "log";
    /// An account at an ACME server.
    AcmeAccountId = "acct";
    /// An order at an ACME server.
    AcmeOrderId = "ord";
    /// A challenge of such an order.
    AcmeChallengeId = "chal";
    /// A DNS provider.
    DnsProviderId = "dnsp";
    /// A version of a secret.
    SecretVersionId = "secv";
    /// A blocked key.
    BlockedKeyId = "bkey";
    /// A webhook.
    WebhookId = "whk";
    /// A delivery to a webhook.
    DeliveryId = "del";
    /// A discovery.
    DiscoveryId = "disc";
    /// A notice by mail.
    NoticeId = "ntc";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn an_id_survives_text_and_sorts_by_time() {
        let early = CaId::generate(Timestamp::from_unix_seconds(1_000), &SystemEntropy);
        let late = CaId::generate(Timestamp::from_unix_seconds(1_001), &SystemEntropy);
        assert_eq!(early.to_string().parse::<CaId>(), Ok(early));
        assert!(early.to_string() < late.to_string());
        assert!(early.to_string().parse::<RoleId>().is_err());
        assert!("ca_".parse::<CaId>().is_err());
    }
}

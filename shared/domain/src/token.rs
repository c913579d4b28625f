//! API tokens: opaque secrets with a tenant, scopes and an optional end.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{Entropy, Network, RoleName, Stored, TenantId, Timestamp, TokenId, Vocabulary};

/// What a token permits. Each scope implies the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `pki:read`: every read without private material.
    Read,
    /// `pki:issue`: issue, sign and renew; implies read.
    Issue,
    /// `pki:admin`: everything.
    Admin,
}

impl Scope {
    /// All scopes, least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Issue, Self::Admin];

    /// The scope as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "pki:read",
            Self::Issue => "pki:issue",
            Self::Admin => "pki:admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a scope: use pki:read, pki:issue or pki:admin"))
    }
}

impl Vocabulary for Scope {
    const WHAT: &'static str = "scope";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// A token as it is stored: everything but its secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token's id.
    pub id: TokenId,
    /// The tenant in whose name it acts.
    pub tenant_id: TenantId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// The scopes it carries. One that this version does not know permits nothing.
    pub scopes: Vec<Stored<Scope>>,
    /// Where it may be used from and under which roles it may issue.
    pub limits: TokenLimits,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
    /// The address that it was used from then.
    pub last_used_from: Option<IpAddr>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Token {
    /// Whether its scopes permit what needs `needed`.
    pub fn permits(&self, needed: Scope) -> bool {
        self.strongest_scope().is_some_and(|scope| scope >= needed)
    }

    /// The strongest of its scopes that are known.
    pub fn strongest_scope(&self) -> Option<Scope> {
        self.scopes.iter().filter_map(|scope| scope.known().ok()).max()
    }
}

/// What a token is limited to beside its scopes. Without a list there is no limit of that kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenLimits {
    /// The networks that it may be used from.
    pub networks: Option<Vec<Network>>,
    /// The roles under which `pki:issue` lets it issue. It permits nothing else that needs `pki:issue`.
    pub roles: Option<Vec<RoleName>>,
}

/// Which of the limits is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// [`TokenLimits::networks`].
    Networks,
    /// [`TokenLimits::roles`].
    Roles,
}

impl TokenLimits {
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.networks.is_none() && self.roles.is_none()
    }

    /// Whether it may be used from this address. One that is not known lies in no network.
    pub fn permit_address(&self, address: Option<IpAddr>) -> bool {
        let Some(networks) = &self.networks else { return true };
        address.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
    }

    /// Whether it may do something for which `pki:issue` is needed under this role, or under none.
    pub fn permit_role(&self, role: Option<&str>) -> bool {
        let Some(roles) = &self.roles else { return true };
        role.is_some_and(|role| roles.iter().any(|permitted| permitted.as_str() == role))
    }

    /// The limit of these that `other` goes beyond, if there is one.
    pub fn exceeded_by(&self, other: &Self) -> Option<Limited> {
        let networks = self.networks.as_ref().is_none_or(|own| {
            let covered = |network: &Network| own.iter().any(|wide| wide.covers(network));
            other.networks.as_ref().is_some_and(|others| others.iter().all(covered))
        });
        let roles = self.roles.as_ref().is_none_or(|own| {
            other.roles.as_ref().is_some_and(|others| others.iter().all(|role| own.contains(role)))
        });
        match (networks, roles) {
            (false, _) => Some(Limited::Networks),
            (true, false) => Some(Limited::Roles),
            (true, true) => None,
        }
    }
}

/// The secret of a token: `cmt_`, then 256 random bits in hex. It is shown once and stored as a hash.
pub struct TokenSecret(Zeroizing<String>);

impl TokenSecret {
    /// A new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        use std::fmt::Write;
        let mut random = Zeroizing::new([0u8; 32]);
        entropy.fill(&mut *random);
        let mut text = Zeroizing::new(String::with_capacity(68));
        text.push_str("cmt_");
        for byte in random.iter() {
            // Invariant: writing to a String cannot fail.
            let _ = write!(*text, "{byte:02x}");
        }
        Self(text)
    }

    /// Reads a secret that a client sent; `None` when it does not have a token's form.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("cmt_")?;
        (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself, for the one answer that shows it and for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret itself, given up to that answer.
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(networks: Option<&[&str]>, roles: Option<&[&str]>) -> TokenLimits {
        TokenLimits {
            networks: networks.map(|list| list.iter().map(|text| text.parse().unwrap()).collect()),
            roles: roles.map(|list| list.iter().map(|text| text.parse().unwrap()).collect()),
        }
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let own = limits(Some(&["10.0.0.0/8", "2001:db8::/32"]), Some(&["web", "db"]));
        for (other, exceeded) in [
            (limits(None, Some(&["web"])), Some(Limited::Networks)),
            (limits(Some(&["10.1.0.0/16"]), None), Some(Limited::Roles)),
            (limits(Some(&["10.1.0.0/16", "11.0.0.0/8"]), Some(&["web"])), Some(Limited::Networks)),
            (limits(Some(&["0.0.0.0/0"]), Some(&["web"])), Some(Limited::Networks)),
            (limits(Some(&["10.1.0.0/16"]), Some(&["web", "mail"])), Some(Limited::Roles)),
            (limits(Some(&["10.1.0.0/16", "2001:db8:1::/48"]), Some(&["web"])), None),
            (own.clone(), None),
        ] {
            assert_eq!(own.exceeded_by(&other), exceeded, "{other:?}");
            assert_eq!(TokenLimits::default().exceeded_by(&other), None, "{other:?}");
        }
        assert_eq!(own.exceeded_by(&TokenLimits::default()), Some(Limited::Networks));
    }

    #[test]
    fn an_address_or_role_that_is_not_known_is_not_permitted() {
        let own = limits(Some(&["0.0.0.0/0", "::/0"]), Some(&["web"]));
        assert!(own.permit_address(Some("192.0.2.7".parse().unwrap())) && !own.permit_address(None));
        assert!(own.permit_role(Some("web")) && !own.permit_role(Some("WEB")) && !own.permit_role(None));
        let none = TokenLimits::default();
        assert!(none.permit_address(None) && none.permit_role(None));
    }
}

//! API tokens: opaque secrets with a tenant, scopes and an optional end.

use std::fmt;
use std::str::FromStr;

use crate::{Entropy, Stored, TenantId, Timestamp, TokenId, Vocabulary};

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
    /// Its id.
    pub id: TokenId,
    /// The tenant in whose name it acts.
    pub tenant_id: TenantId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// The scopes it carries. One that this version does not know permits nothing.
    pub scopes: Vec<Stored<Scope>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<Timestamp>,
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

/// The secret of a token: `cmt_`, then 256 random bits in hex. It is shown once and stored as a hash.
pub struct TokenSecret(String);

impl TokenSecret {
    /// A new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        use std::fmt::Write;
        let mut random = [0u8; 32];
        entropy.fill(&mut random);
        let mut text = String::with_capacity(68);
        text.push_str("cmt_");
        for byte in random {
            // Invariant: writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// Reads a secret that a client sent; `None` when it does not have a token's form.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("cmt_")?;
        (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the one answer that shows it and for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

//! What an owner sets for a role.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Stored, Timestamp, Ttl, UnknownWord, Vocabulary};

/// The longest validity of a role that names none.
const DEFAULT_MAX_TTL: &str = "768h";
/// The same where `not_after` is what bounds validities.
const CENTURY: &str = "100y";

/// Which keys a role lets into certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoleKeyType {
    /// RSA.
    Rsa,
    /// A NIST curve.
    Ec,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Every strong key; a request for a generated key has to name its type.
    Any,
}

impl RoleKeyType {
    pub(crate) const ALL: [Self; 4] = [Self::Rsa, Self::Ec, Self::Ed25519, Self::Any];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ec => "ec",
            Self::Ed25519 => "ed25519",
            Self::Any => "any",
        }
    }

    /// The bits that stand for `key_bits` 0; 0 for `any`, which has no default.
    pub(crate) const fn default_bits(self) -> u32 {
        match self {
            Self::Rsa => 2048,
            Self::Ec | Self::Ed25519 => 256,
            Self::Any => 0,
        }
    }

    /// The bits that a key of this type may have, as a phrase.
    pub(crate) const fn legal_bits(self) -> &'static str {
        match self {
            Self::Rsa => "2048, 3072 or 4096",
            Self::Ec => "256, 384 or 521",
            Self::Ed25519 => "256",
            Self::Any => "0",
        }
    }
}

impl fmt::Display for RoleKeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleKeyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|key_type| key_type.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a key type: use rsa, ec, ed25519 or any"))
    }
}

impl Vocabulary for RoleKeyType {
    const WHAT: &'static str = "key type";
    const VALUES: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// What an owner sets, exactly as the API shows it. A field that is absent has its default.
///
/// A version before this one issues nothing under a role with a setting that it does not know, since that may forbid
/// something. A field that is added is therefore stored only where it is not at its default (`skip_serializing_if`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleSettings {
    /// Domains whose names are permitted, as the `allow_*` switches say. `*.example.com` permits every
    /// name below `example.com` without any switch.
    pub allowed_domains: Vec<String>,
    /// Permits names below an entry of `allowed_domains`.
    pub allow_subdomains: bool,
    /// Permits the entries of `allowed_domains` themselves.
    pub allow_bare_domains: bool,
    /// Lets `*` inside an entry of `allowed_domains` stand for any text, dots included.
    pub allow_glob_domains: bool,
    /// Permits wildcard names; without it they are refused even under `allow_any_name`.
    pub allow_wildcard_certificates: bool,
    /// Permits `localhost` and `localdomain`, and names below them with `allow_subdomains`.
    pub allow_localhost: bool,
    /// Permits every legal host name.
    pub allow_any_name: bool,
    /// Permits IP addresses.
    pub allow_ip_sans: bool,
    /// The networks that IP addresses must lie in; empty permits all.
    pub allowed_ip_sans_cidr: Vec<String>,
    /// The URIs that are permitted, `*` standing for any text; empty permits none.
    pub allowed_uri_sans: Vec<String>,
    /// Permits e-mail addresses whose host is permitted as a host name.
    pub allow_email_sans: bool,
    /// The validity of a request that names none.
    pub ttl: Option<Ttl>,
    /// The longest validity; 768h when unset.
    pub max_ttl: Option<Ttl>,
    /// How far a certificate's start lies before its issuance, for clocks that are behind.
    pub not_before_duration: Ttl,
    /// Which keys are permitted.
    pub key_type: Stored<RoleKeyType>,
    /// Bits of generated keys and least bits of CSR keys; 0 is the type's default.
    pub key_bits: u32,
    /// Key usages (RFC 5280 §4.2.1.3); what a key cannot do is left out of its certificate.
    pub key_usage: Vec<String>,
    /// Extended key usages (RFC 5280 §4.2.1.12) besides those of the two flags: names or OIDs.
    pub ext_key_usage: Vec<String>,
    /// Adds `serverAuth`.
    pub server_flag: bool,
    /// Adds `clientAuth`.
    pub client_flag: bool,
    /// Refuses requests without a common name.
    pub require_cn: bool,
    /// O of every subject.
    pub organization: Vec<String>,
    /// OU of every subject.
    pub organizational_unit: Vec<String>,
    /// C of every subject: two letters.
    pub country: Vec<String>,
    /// L of every subject.
    pub locality: Vec<String>,
    /// ST of every subject.
    pub province: Vec<String>,
    /// Keeps generated private keys, sealed.
    pub store_private_keys: bool,
    /// Permits wildcards whose `*` is a part of the leftmost label only, as in `w*.example.com`. Clients do not match them
    /// (RFC 9525 §6.3).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_partial_wildcards: bool,
    /// Keeps of a certificate only what is needed to revoke it, until its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_store: bool,
    /// The other names that are permitted, as `oid;UTF8:value` with `*` for any text in the value; empty permits none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_other_sans: Vec<String>,
    /// OIDs of the certificate policies that certificates name (RFC 5280 §4.2.1.4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy_identifiers: Vec<String>,
    /// Has certificates demand a stapled OCSP answer of servers (RFC 7633).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_staple: bool,
    /// Lets a certificate renew itself: whoever has its key needs no token for that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_self_renewal: bool,
    /// When certificates end, at the latest: those of requests that name no validity, unless `ttl` or `max_ttl` end them before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Settings of a newer version.
    #[serde(flatten)]
    pub newer: BTreeMap<String, Value>,
}

impl Default for RoleSettings {
    fn default() -> Self {
        Self {
            allowed_domains: Vec::new(),
            allow_subdomains: false,
            allow_bare_domains: false,
            allow_glob_domains: false,
            allow_wildcard_certificates: true,
            allow_localhost: true,
            allow_any_name: false,
            allow_ip_sans: true,
            allowed_ip_sans_cidr: Vec::new(),
            allowed_uri_sans: Vec::new(),
            allow_email_sans: false,
            ttl: None,
            max_ttl: None,
            not_before_duration: constant_ttl("30s"),
            key_type: RoleKeyType::Rsa.into(),
            key_bits: 0,
            key_usage: ["DigitalSignature", "KeyAgreement", "KeyEncipherment"].map(str::to_owned).into(),
            ext_key_usage: Vec::new(),
            server_flag: true,
            client_flag: true,
            require_cn: true,
            organization: Vec::new(),
            organizational_unit: Vec::new(),
            country: Vec::new(),
            locality: Vec::new(),
            province: Vec::new(),
            store_private_keys: false,
            allow_partial_wildcards: false,
            no_store: false,
            allowed_other_sans: Vec::new(),
            policy_identifiers: Vec::new(),
            must_staple: false,
            allow_self_renewal: false,
            not_after: None,
            newer: BTreeMap::new(),
        }
    }
}

impl RoleSettings {
    /// The longest validity that the role permits: 768h when it names none, and a century where `not_after` is the bound.
    pub fn effective_max_ttl(&self) -> Ttl {
        self.max_ttl.clone().unwrap_or_else(|| self.default_max_ttl())
    }

    fn default_max_ttl(&self) -> Ttl {
        constant_ttl(if self.not_after.is_some() { CENTURY } else { DEFAULT_MAX_TTL })
    }

    /// The validity of a request that names none: `ttl`, else the lesser of the default and `max_ttl`.
    pub fn effective_ttl(&self) -> Ttl {
        if let Some(ttl) = &self.ttl {
            return ttl.clone();
        }
        let default = self.default_max_ttl();
        match &self.max_ttl {
            Some(max) if max.seconds() < default.seconds() => max.clone(),
            _ => default,
        }
    }

    /// The bits of a key: `key_bits`, else the type's default; 0 for `any`, which has none.
    pub fn effective_key_bits(&self) -> u32 {
        match (self.key_bits, self.key_type.known()) {
            (0, Ok(key_type)) => key_type.default_bits(),
            (bits, _) => bits,
        }
    }

    /// Whether this version knows every setting, and may judge by them.
    ///
    /// # Errors
    /// The first one that it does not know.
    pub fn understood(&self) -> Result<(), UnknownWord> {
        self.key_type.known()?;
        match self.newer.keys().next() {
            Some(setting) => Err(UnknownWord::new("setting of a role", setting)),
            None => Ok(()),
        }
    }
}

fn constant_ttl(text: &'static str) -> Ttl {
    // Invariant: only called with the literals of this file, which are durations.
    text.parse().expect("a literal duration")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl(text: &str) -> Ttl {
        text.parse().expect("legal in this test")
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let shown = serde_json::to_value(RoleSettings::default()).expect("legal in this test");
        let expected = serde_json::json!({
            "allowed_domains": [], "allow_subdomains": false, "allow_bare_domains": false,
            "allow_glob_domains": false, "allow_wildcard_certificates": true, "allow_localhost": true,
            "allow_any_name": false, "allow_ip_sans": true, "allowed_ip_sans_cidr": [],
            "allowed_uri_sans": [], "allow_email_sans": false, "ttl": null, "max_ttl": null,
            "not_before_duration": "30s", "key_type": "rsa", "key_bits": 0,
            "key_usage": ["DigitalSignature", "KeyAgreement", "KeyEncipherment"], "ext_key_usage": [],
            "server_flag": true, "client_flag": true, "require_cn": true, "organization": [],
            "organizational_unit": [], "country": [], "locality": [], "province": [],
            "store_private_keys": false,
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_stored_role_of_an_older_release_has_the_defaults_of_what_it_lacks() {
        let old: RoleSettings =
            serde_json::from_str(r#"{"max_ttl": "90d", "key_type": "ec"}"#).expect("legal in this test");
        let expected = RoleSettings {
            max_ttl: Some(ttl("90d")),
            key_type: RoleKeyType::Ec.into(),
            ..RoleSettings::default()
        };
        assert_eq!(old, expected);
    }

    #[test]
    fn a_stored_role_of_a_newer_release_keeps_what_it_has_and_is_not_judged_by() {
        for (text, unknown) in [
            (r#"{"key_type": "ml-dsa"}"#, "ml-dsa"),
            (r#"{"key_type": "ec", "most_names": 3}"#, "most_names"),
        ] {
            let newer: RoleSettings = serde_json::from_str(text).expect("legal in this test");
            assert_eq!(newer.understood().map_err(|unknown| unknown.word), Err(unknown.to_owned()));
            let (kept, read) = (serde_json::to_value(&newer), serde_json::from_str::<Value>(text));
            let (kept, read) = (kept.expect("legal in this test"), read.expect("legal in this test"));
            for (setting, value) in read.as_object().expect("legal in this test") {
                assert_eq!(kept.get(setting), Some(value), "{text}");
            }
        }
        assert_eq!(RoleSettings::default().understood(), Ok(()));
    }

    #[test]
    fn the_default_ttl_is_never_above_the_longest() {
        for (own, max, expected) in [
            (None, None, "768h"),
            (None, Some("90d"), "768h"),
            (None, Some("1d12h"), "1d12h"),
            (Some("2h"), Some("1d"), "2h"),
        ] {
            let settings =
                RoleSettings { ttl: own.map(ttl), max_ttl: max.map(ttl), ..RoleSettings::default() };
            assert_eq!(settings.effective_ttl().as_str(), expected, "{own:?} {max:?}");
        }
    }
}

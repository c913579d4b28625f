//! Roles: what an owner allows to be issued. [`RoleSettings`] is what the owner wrote; a [`Role`] is
//! the same after every field was found legal, with patterns, networks and usages parsed.
//!
//! The fields and their defaults are those of HashiCorp Vault's PKI roles.

mod bounds;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use certmill_x509::{
    DistinguishedName, ExtendedKeyUsage, KeyAlgorithm, KeyUsage, ObjectIdentifier, X509Error, check_policies,
};
use ipnet::IpNet;

use crate::Ttl;
use crate::role_check::domain_set::DomainSet;
use crate::role_check::other_names::OtherPattern;
use crate::role_check::pattern::{DomainPattern, UriPattern};
use crate::role_check::usage::UsageByKey;

pub use settings::{RoleKeyType, RoleSettings};

/// A role's name: 1 to 128 of `A-Z a-z 0-9 . _ -`, but not `.` or `..`, which no URL path can carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

impl RoleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let length = (1..=128).contains(&text.len());
        if length && text.bytes().all(legal) && text != "." && text != ".." {
            Ok(Self(text.to_owned()))
        } else {
            Err("a role's name is 1 to 128 characters of A-Z, a-z, 0-9, ., _ and -".into())
        }
    }
}

/// Fields that are not legal: for each what is wrong and what would be right. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldErrors(pub BTreeMap<String, String>);

impl std::error::Error for FieldErrors {}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (field, problem)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{field}: {problem}")?;
        }
        Ok(())
    }
}

/// A role whose settings are legal, with patterns, networks and usages parsed.
#[derive(Debug, Clone)]
pub struct Role {
    settings: RoleSettings,
    pub(crate) domains: DomainSet,
    pub(crate) networks: Vec<IpNet>,
    pub(crate) uris: Vec<UriPattern>,
    pub(crate) others: Vec<OtherPattern>,
    pub(crate) key_type: RoleKeyType,
    pub(crate) usage: UsageByKey,
    pub(crate) purposes: Arc<[ExtendedKeyUsage]>,
    pub(crate) policies: Arc<[ObjectIdentifier]>,
    pub(crate) ttl: Ttl,
    pub(crate) max_ttl: Ttl,
}

impl Role {
    /// Reads settings.
    ///
    /// # Errors
    /// Every field that is wrong, each with what would be right.
    pub fn new(settings: RoleSettings) -> Result<Self, FieldErrors> {
        let mut errors = BTreeMap::new();
        let domains =
            parse_each("allowed_domains", &settings.allowed_domains, DomainPattern::parse, &mut errors);
        let networks =
            parse_each("allowed_ip_sans_cidr", &settings.allowed_ip_sans_cidr, parse_network, &mut errors);
        let uris = parse_each("allowed_uri_sans", &settings.allowed_uri_sans, UriPattern::parse, &mut errors);
        let others = &settings.allowed_other_sans;
        let others = parse_each("allowed_other_sans", others, OtherPattern::parse, &mut errors);
        let policies = &settings.policy_identifiers;
        let policies = parse_each("policy_identifiers", policies, parse_policy, &mut errors).into();
        let usages = parse_each("key_usage", &settings.key_usage, parse_key_usage, &mut errors);
        let named = parse_each("ext_key_usage", &settings.ext_key_usage, parse_purpose, &mut errors);
        let usage = UsageByKey::new(usages.into_iter().reduce(|all, one| all | one));
        let key_type = check_key(&settings, usage, &mut errors);
        let purposes = purposes(&settings, named);
        check_times(&settings, &mut errors);
        check_subject(&settings, &mut errors);
        if settings.no_store && settings.store_private_keys {
            let problem =
                "is true as well as store_private_keys: a key is kept with its certificate, or not at all";
            add(&mut errors, "no_store", problem);
        }
        if settings.no_store && settings.allow_self_renewal {
            let problem = "is true as well as no_store: a certificate that is not kept cannot be renewed";
            add(&mut errors, "allow_self_renewal", problem);
        }
        if !errors.is_empty() {
            return Err(FieldErrors(errors));
        }
        let domains = DomainSet::new(domains);
        let (ttl, max_ttl) = (settings.effective_ttl(), settings.effective_max_ttl());
        Ok(Self {
            settings,
            domains,
            networks,
            uris,
            others,
            key_type,
            usage,
            purposes,
            policies,
            ttl,
            max_ttl,
        })
    }

    /// Reads settings that are to be stored. They keep rules that roles from before them may break: the bounds of lists, and
    /// that nothing is asked for that no certificate can have. Such a role is read and used as it is.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn to_store(settings: RoleSettings) -> Result<Self, FieldErrors> {
        settings.within_bounds()?;
        let role = Self::new(settings)?;
        let mut errors = BTreeMap::new();
        role.check_possible(&mut errors);
        if errors.is_empty() { Ok(role) } else { Err(FieldErrors(errors)) }
    }

    /// Finds what every certificate under the role would break, by the rules of the templates themselves.
    fn check_possible(&self, errors: &mut Errors) {
        let mut kinds =
            RoleKeyType::ALL.into_iter().filter(|kind| [RoleKeyType::Any, *kind].contains(&self.key_type));
        if let Some(error) = kinds.find_map(|kind| self.usage.of(kind.as_str()).check_combination().err()) {
            add(errors, "key_usage", &broken_rule(error));
        }
        if let Err(error) = ExtendedKeyUsage::check_combination(&self.purposes) {
            add(errors, "ext_key_usage", &broken_rule(error));
        }
        if let Err(error) = check_policies(&self.policies) {
            add(errors, "policy_identifiers", &broken_rule(error));
        }
        let uris = &self.settings.allowed_uri_sans;
        parse_each("allowed_uri_sans", uris, UriPattern::check, errors);
        let others = &self.settings.allowed_other_sans;
        parse_each("allowed_other_sans", others, OtherPattern::check, errors);
    }

    /// The settings that it was made from.
    pub fn settings(&self) -> &RoleSettings {
        &self.settings
    }
}

/// How many wrong entries of a list are told one by one.
const MOST_SHOWN: usize = 10;

type Errors = BTreeMap<String, String>;

fn parse_each<T>(
    field: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
    errors: &mut Errors,
) -> Vec<T> {
    let mut parsed = Vec::with_capacity(texts.len());
    let mut wrong = 0;
    for text in texts {
        match parse(text) {
            Ok(value) => parsed.push(value),
            Err(problem) => {
                wrong += 1;
                if wrong <= MOST_SHOWN {
                    add(errors, field, &problem);
                }
            }
        }
    }
    if wrong > MOST_SHOWN {
        add(errors, field, &format!("and {} more entries are wrong", wrong - MOST_SHOWN));
    }
    parsed
}

fn add(errors: &mut Errors, field: &str, problem: &str) {
    let text = errors.entry(field.to_owned()).or_default();
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(problem);
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("`{text}` is not a network: write it like `10.0.0.0/8` or `2001:db8::/32`"))?;
    // Addresses are compared in their IPv4 form, so an IPv4-mapped network has to be in it as well.
    let mapped = match network {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => {
            v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96))
        }
        _ => None,
    };
    Ok(mapped.and_then(|(v4, length)| IpNet::new(v4.into(), length).ok()).unwrap_or(network))
}

fn parse_key_usage(text: &str) -> Result<KeyUsage, String> {
    let usage = KeyUsage::from_name(text).map_err(|_| {
        format!(
            "`{text}` is not a key usage: use DigitalSignature, ContentCommitment, KeyEncipherment, \
             DataEncipherment, KeyAgreement, EncipherOnly or DecipherOnly"
        )
    })?;
    if usage == KeyUsage::KEY_CERT_SIGN || usage == KeyUsage::CRL_SIGN {
        return Err(format!(
            "`{text}` belongs to certificate authorities and cannot be given to what a role issues"
        ));
    }
    Ok(usage)
}

fn parse_purpose(text: &str) -> Result<ExtendedKeyUsage, String> {
    ExtendedKeyUsage::from_name(text).map_err(|_| {
        format!(
            "`{text}` is not an extended key usage: use ServerAuth, ClientAuth, CodeSigning, EmailProtection, \
             TimeStamping, OCSPSigning, Any or an OID such as `1.3.6.1.5.5.7.3.1`"
        )
    })
}

fn parse_policy(text: &str) -> Result<ObjectIdentifier, String> {
    text.parse().map_err(|error: X509Error| error.to_string())
}

/// Answers the type; `any` where that is not known, which is among the errors then.
fn check_key(settings: &RoleSettings, usage: UsageByKey, errors: &mut Errors) -> RoleKeyType {
    let key_type = match settings.key_type.known() {
        Ok(key_type) => key_type,
        Err(unknown) => {
            add(errors, "key_type", &unknown.to_string());
            return RoleKeyType::Any;
        }
    };
    let bits = settings.key_bits;
    let fits = bits == 0 || KeyAlgorithm::from_type_and_size(key_type.as_str(), bits).is_some();
    if !fits {
        let legal = key_type.legal_bits();
        add(
            errors,
            "key_bits",
            &format!("{bits} does not fit key_type `{key_type}`: use {legal}, or 0 for the default"),
        );
    }
    if !usage.serves(key_type.as_str()) {
        add(
            errors,
            "key_usage",
            &format!("a key of type `{key_type}` can do none of these: add DigitalSignature"),
        );
    }
    key_type
}

/// A rule of certificates that a role would break each time.
pub(crate) fn broken_rule(error: X509Error) -> String {
    error.into_rule()
}

fn check_times(settings: &RoleSettings, errors: &mut Errors) {
    let max = settings.effective_max_ttl();
    if max.seconds() == 0 {
        add(errors, "max_ttl", "must be at least 1s");
    }
    let Some(ttl) = &settings.ttl else { return };
    if ttl.seconds() == 0 {
        add(errors, "ttl", "must be at least 1s");
    } else if ttl.seconds() > max.seconds() {
        let problem =
            format!("{ttl} is longer than max_ttl, which is {max}: shorten ttl or lengthen max_ttl");
        add(errors, "ttl", &problem);
    }
}

fn check_subject(settings: &RoleSettings, errors: &mut Errors) {
    let none = DistinguishedName::default;
    let parts = [
        ("organization", DistinguishedName { organization: settings.organization.clone(), ..none() }),
        (
            "organizational_unit",
            DistinguishedName { organizational_unit: settings.organizational_unit.clone(), ..none() },
        ),
        ("country", DistinguishedName { country: settings.country.clone(), ..none() }),
        ("locality", DistinguishedName { locality: settings.locality.clone(), ..none() }),
        ("province", DistinguishedName { province: settings.province.clone(), ..none() }),
    ];
    for (field, name) in parts {
        if let Err(error) = name.validate() {
            add(errors, field, &error.to_string());
        }
    }
}

fn purposes(settings: &RoleSettings, named: Vec<ExtendedKeyUsage>) -> Arc<[ExtendedKeyUsage]> {
    let server = settings.server_flag.then_some(ExtendedKeyUsage::ServerAuth);
    let client = settings.client_flag.then_some(ExtendedKeyUsage::ClientAuth);
    let mut all: Vec<ExtendedKeyUsage> = Vec::new();
    for purpose in server.into_iter().chain(client).chain(named) {
        if !all.contains(&purpose) {
            all.push(purpose);
        }
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ttl(text: &str) -> Ttl {
        text.parse().expect("legal in this test")
    }

    fn wrong_fields(settings: RoleSettings) -> Vec<String> {
        Role::to_store(settings).map_or_else(|errors| errors.0.into_keys().collect(), |_| Vec::new())
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_name_is_read_only_when_a_url_can_carry_it() {
        for good in ["a", "web-1.prod_x", "...", &"x".repeat(128)] {
            assert_eq!(good.parse::<RoleName>().expect("legal in this test").as_str(), good);
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\0", &"x".repeat(129)] {
            assert!(bad.parse::<RoleName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn bits_default_by_type_and_have_to_fit_it() {
        use RoleKeyType::{Any, Ec, Ed25519, Rsa};
        for (key_type, bits, effective) in
            [(Rsa, 0, 2048), (Rsa, 4096, 4096), (Ec, 0, 256), (Ec, 521, 521), (Ed25519, 0, 256), (Any, 0, 0)]
        {
            let settings =
                RoleSettings { key_type: key_type.into(), key_bits: bits, ..RoleSettings::default() };
            assert_eq!(settings.effective_key_bits(), effective);
            assert_eq!(wrong_fields(settings), Vec::<String>::new(), "{key_type} {bits}");
        }
        for (key_type, bits) in [
            (Rsa, 1024),
            (Rsa, 256),
            (Rsa, 8192),
            (Ec, 224),
            (Ec, 512),
            (Ec, 2048),
            (Ed25519, 2048),
            (Any, 2048),
        ] {
            let settings =
                RoleSettings { key_type: key_type.into(), key_bits: bits, ..RoleSettings::default() };
            assert_eq!(wrong_fields(settings), ["key_bits"], "{key_type} {bits}");
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let settings = RoleSettings {
            allowed_domains: strings(&["exa mple.com"]),
            allowed_ip_sans_cidr: strings(&["10.0.0.0/33"]),
            allowed_uri_sans: strings(&[""]),
            allowed_other_sans: strings(&["1.2.3"]),
            policy_identifiers: strings(&["1.2.3", "policy"]),
            ttl: Some(ttl("2d")),
            max_ttl: Some(ttl("1d")),
            key_bits: 1024,
            key_usage: strings(&["Juggling"]),
            ext_key_usage: strings(&["juggling"]),
            organization: vec!["o".repeat(65)],
            organizational_unit: strings(&[""]),
            country: strings(&["DEU"]),
            locality: vec!["l".repeat(129)],
            province: strings(&["a\0b"]),
            ..RoleSettings::default()
        };
        let expected = [
            "allowed_domains",
            "allowed_ip_sans_cidr",
            "allowed_other_sans",
            "allowed_uri_sans",
            "country",
            "ext_key_usage",
            "key_bits",
            "key_usage",
            "locality",
            "organization",
            "organizational_unit",
            "policy_identifiers",
            "province",
            "ttl",
        ];
        assert_eq!(wrong_fields(settings), expected);
    }

    #[test]
    fn a_policy_that_stands_twice_is_refused() {
        let twice =
            RoleSettings { policy_identifiers: strings(&["1.2.3", "1.2.3"]), ..RoleSettings::default() };
        assert_eq!(wrong_fields(twice), ["policy_identifiers"]);
    }

    #[test]
    fn a_key_is_not_kept_without_its_certificate() {
        let both = RoleSettings { no_store: true, store_private_keys: true, ..RoleSettings::default() };
        assert_eq!(wrong_fields(both), ["no_store"]);
        let both = RoleSettings { no_store: true, allow_self_renewal: true, ..RoleSettings::default() };
        assert_eq!(wrong_fields(both), ["allow_self_renewal"]);
        let one = RoleSettings { no_store: true, ..RoleSettings::default() };
        assert_eq!(wrong_fields(one), Vec::<String>::new());
    }

    #[test]
    fn the_defaults_are_legal() {
        assert_eq!(wrong_fields(RoleSettings::default()), Vec::<String>::new());
    }

    #[test]
    fn zero_times_are_refused() {
        let settings = RoleSettings { max_ttl: Some(ttl("0")), ..RoleSettings::default() };
        assert_eq!(wrong_fields(settings), ["max_ttl"]);
        let settings = RoleSettings { ttl: Some(ttl("0s")), ..RoleSettings::default() };
        assert_eq!(wrong_fields(settings), ["ttl"]);
        let settings = RoleSettings { ttl: Some(ttl("769h")), ..RoleSettings::default() };
        assert_eq!(wrong_fields(settings), ["ttl"]);
    }

    #[test]
    fn a_leaf_never_gets_the_usages_of_an_authority() {
        for usage in ["CertSign", "keyCertSign", "CRLSign", "crl_sign"] {
            let settings =
                RoleSettings { key_usage: strings(&["DigitalSignature", usage]), ..RoleSettings::default() };
            assert_eq!(wrong_fields(settings), ["key_usage"], "{usage}");
        }
    }

    #[test]
    fn a_usage_list_that_the_key_cannot_serve_is_refused() {
        for (key_type, usage) in [
            (RoleKeyType::Rsa, "KeyAgreement"),
            (RoleKeyType::Ec, "KeyEncipherment"),
            (RoleKeyType::Ed25519, "KeyAgreement"),
        ] {
            let settings = RoleSettings {
                key_type: key_type.into(),
                key_usage: strings(&[usage]),
                ..RoleSettings::default()
            };
            assert_eq!(wrong_fields(settings), ["key_usage"], "{key_type} {usage}");
        }
        assert_eq!(
            wrong_fields(RoleSettings { key_usage: Vec::new(), ..RoleSettings::default() }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_no_certificate_can_have_is_refused_with_the_role() {
        for (key_type, usages, is_legal) in [
            (RoleKeyType::Ec, &["DigitalSignature", "EncipherOnly"][..], false),
            (RoleKeyType::Ec, &["KeyAgreement", "EncipherOnly"], true),
            (RoleKeyType::Ec, &["KeyAgreement", "DecipherOnly", "EncipherOnly"], false),
            (RoleKeyType::Any, &["DigitalSignature", "DecipherOnly"], false),
            // Key usages that an RSA key cannot have are left out of its certificates.
            (RoleKeyType::Rsa, &["DigitalSignature", "DecipherOnly"], true),
        ] {
            let key_usage = strings(usages);
            let settings = RoleSettings { key_type: key_type.into(), key_usage, ..RoleSettings::default() };
            let expected: &[&str] = if is_legal { &[] } else { &["key_usage"] };
            assert_eq!(wrong_fields(settings), expected, "{key_type} {usages:?}");
        }
        for (flags, purposes, is_legal) in [
            (true, &["TimeStamping"][..], false),
            (false, &["TimeStamping"], true),
            (false, &["TimeStamping", "1.3.6.1.5.5.7.3.8"], true),
            (false, &["TimeStamping", "CodeSigning"], false),
        ] {
            let (server_flag, client_flag, ext_key_usage) = (flags, flags, strings(purposes));
            let settings =
                RoleSettings { ext_key_usage, server_flag, client_flag, ..RoleSettings::default() };
            let expected: &[&str] = if is_legal { &[] } else { &["ext_key_usage"] };
            assert_eq!(wrong_fields(settings), expected, "{flags} {purposes:?}");
        }
    }

    #[test]
    fn networks_are_read_in_every_usual_form() {
        for (text, holds) in [
            ("10.0.0.0/8", "10.1.2.3"),
            ("10.1.2.3/8", "10.9.9.9"),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::/32", "2001:db8::1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ] {
            assert!(
                parse_network(text)
                    .expect("legal in this test")
                    .contains(&holds.parse::<IpAddr>().expect("legal in this test")),
                "{text}"
            );
        }
        for bad in ["", "10.0.0.0/", "10.0.0/8", "10.0.0.0/33", "::/129", "example.com", "10.0.0.0/-1"] {
            assert!(parse_network(bad).is_err(), "{bad}");
        }
    }
}

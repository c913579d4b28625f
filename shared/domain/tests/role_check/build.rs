//! Short ways to write roles, requests and what is expected of them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use certmill_domain::{
    Approved, Explanation, IssuerWindow, NameRequest, RequestedKey, Role, RoleKeyType, RoleSettings,
    Timestamp, Ttl, Violation, check, explain,
};
use certmill_x509::PublicKey;

/// 2026-01-01T00:00:00.5Z: half a second shows what is rounded.
pub const NOW: Timestamp = Timestamp::from_unix_micros(1_767_225_600_500_000);

pub struct Case {
    pub name: &'static str,
    pub role: RoleBuilder,
    pub request: RequestBuilder,
    pub expected: Expected,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    /// The names of the certificate, in order: `dns:a ip:b email:c uri:d`.
    Allowed(String),
    Refused {
        rule: String,
        value: String,
    },
}

pub fn allow(name: &'static str, role: RoleBuilder, request: RequestBuilder, sans: &str) -> Case {
    Case { name, role, request, expected: Expected::Allowed(sans.to_owned()) }
}

pub fn refuse(
    name: &'static str,
    role: RoleBuilder,
    request: RequestBuilder,
    rule: &str,
    value: &str,
) -> Case {
    let expected = Expected::Refused { rule: rule.to_owned(), value: value.to_owned() };
    Case { name, role, request, expected }
}

impl Case {
    pub fn outcome(&self) -> Result<Approved, Violation> {
        self.request.check_against(&self.role)
    }
}

pub fn observed(outcome: &Result<Approved, Violation>) -> Expected {
    match outcome {
        Ok(approved) => Expected::Allowed(sans(approved)),
        Err(violation) => {
            Expected::Refused { rule: violation.rule.to_owned(), value: violation.value.clone() }
        }
    }
}

pub fn sans(approved: &Approved) -> String {
    let names = approved.sans();
    let dns = names.dns.iter().map(|name| format!("dns:{}", name.as_str()));
    let ip = names.ip.iter().map(|address| format!("ip:{address}"));
    let email = names.email.iter().map(|name| format!("email:{}", name.as_str()));
    let uri = names.uri.iter().map(|name| format!("uri:{}", name.as_str()));
    let other = names.other.iter().map(|name| format!("other:{}", name.as_str()));
    dns.chain(ip).chain(email).chain(uri).chain(other).collect::<Vec<_>>().join(" ")
}

pub fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

pub fn ttl(text: &str) -> Ttl {
    text.parse().expect("legal in this test")
}

#[derive(Debug, Clone)]
pub struct RoleBuilder(pub RoleSettings);

/// The default role.
pub fn role() -> RoleBuilder {
    RoleBuilder(RoleSettings::default())
}

pub fn domains(entries: &[&str]) -> RoleBuilder {
    role().set(|settings| settings.allowed_domains = strings(entries))
}

/// A role for `example.com`, no switch set.
pub fn example() -> RoleBuilder {
    domains(&["example.com"])
}

/// A role for every name.
pub fn any() -> RoleBuilder {
    role().set(|settings| settings.allow_any_name = true)
}

impl RoleBuilder {
    pub fn set(mut self, change: impl FnOnce(&mut RoleSettings)) -> Self {
        change(&mut self.0);
        self
    }

    pub fn bare(self) -> Self {
        self.set(|settings| settings.allow_bare_domains = true)
    }

    pub fn sub(self) -> Self {
        self.set(|settings| settings.allow_subdomains = true)
    }

    pub fn glob(self) -> Self {
        self.set(|settings| settings.allow_glob_domains = true)
    }

    pub fn no_wildcards(self) -> Self {
        self.set(|settings| settings.allow_wildcard_certificates = false)
    }

    pub fn partial(self) -> Self {
        self.set(|settings| settings.allow_partial_wildcards = true)
    }

    pub fn no_localhost(self) -> Self {
        self.set(|settings| settings.allow_localhost = false)
    }

    pub fn no_ip(self) -> Self {
        self.set(|settings| settings.allow_ip_sans = false)
    }

    pub fn cidr(self, networks: &[&str]) -> Self {
        self.set(|settings| settings.allowed_ip_sans_cidr = strings(networks))
    }

    pub fn uris(self, patterns: &[&str]) -> Self {
        self.set(|settings| settings.allowed_uri_sans = strings(patterns))
    }

    pub fn others(self, patterns: &[&str]) -> Self {
        self.set(|settings| settings.allowed_other_sans = strings(patterns))
    }

    /// No certificate ends later than so many seconds from now.
    pub fn until(self, seconds: i64) -> Self {
        let last = Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds);
        self.set(|settings| settings.not_after = Some(last))
    }

    pub fn emails(self) -> Self {
        self.set(|settings| settings.allow_email_sans = true)
    }

    pub fn cn_optional(self) -> Self {
        self.set(|settings| settings.require_cn = false)
    }

    pub fn ttls(self, own: Option<&str>, max: Option<&str>) -> Self {
        self.set(|settings| (settings.ttl, settings.max_ttl) = (own.map(ttl), max.map(ttl)))
    }

    pub fn key(self, key_type: &str, bits: u32) -> Self {
        let key_type = key_type.parse::<RoleKeyType>().expect("legal in this test").into();
        self.set(|settings| (settings.key_type, settings.key_bits) = (key_type, bits))
    }

    pub fn usage(self, names: &[&str]) -> Self {
        self.set(|settings| settings.key_usage = strings(names))
    }

    pub fn build(&self) -> Role {
        Role::new(self.0.clone()).expect("legal in this test")
    }
}

/// A request, and how the issuer's validity lies around it.
#[derive(Debug, Clone)]
pub struct RequestBuilder {
    common_name: Option<String>,
    alt_names: Vec<String>,
    ip_sans: Vec<String>,
    uri_sans: Vec<String>,
    email_sans: Vec<String>,
    other_sans: Vec<String>,
    ttl: Option<Ttl>,
    key: Key,
    issuer: IssuerWindow,
}

#[derive(Debug, Clone)]
enum Key {
    Generate(Option<RoleKeyType>, Option<u32>),
    Csr(&'static LazyLock<PublicKey>),
}

/// A request without a common name, to a CA that began yesterday and ends in ten years.
pub fn no_cn() -> RequestBuilder {
    RequestBuilder {
        common_name: None,
        alt_names: Vec::new(),
        ip_sans: Vec::new(),
        uri_sans: Vec::new(),
        email_sans: Vec::new(),
        other_sans: Vec::new(),
        ttl: None,
        key: Key::Generate(None, None),
        issuer: window(-86_400, 315_360_000),
    }
}

pub fn cn(name: &str) -> RequestBuilder {
    RequestBuilder { common_name: Some(name.to_owned()), ..no_cn() }
}

fn window(starts_in: i64, ends_in: i64) -> IssuerWindow {
    let at = |offset: i64| Timestamp::from_unix_seconds(NOW.unix_seconds() + offset);
    IssuerWindow { now: NOW, not_before: at(starts_in), not_after: at(ends_in), ends_above: false }
}

impl RequestBuilder {
    pub fn alt(self, names: &[&str]) -> Self {
        Self { alt_names: strings(names), ..self }
    }

    pub fn alts(self, names: Vec<String>) -> Self {
        Self { alt_names: names, ..self }
    }

    pub fn ip(self, names: &[&str]) -> Self {
        Self { ip_sans: strings(names), ..self }
    }

    pub fn uri(self, names: &[&str]) -> Self {
        Self { uri_sans: strings(names), ..self }
    }

    pub fn email(self, names: &[&str]) -> Self {
        Self { email_sans: strings(names), ..self }
    }

    pub fn other(self, names: &[&str]) -> Self {
        Self { other_sans: strings(names), ..self }
    }

    pub fn ttl(self, text: &str) -> Self {
        Self { ttl: Some(ttl(text)), ..self }
    }

    pub fn key(self, key_type: &str, bits: u32) -> Self {
        Self { key: Key::Generate(Some(key_type.parse().expect("legal in this test")), Some(bits)), ..self }
    }

    pub fn key_type(self, key_type: &str) -> Self {
        Self { key: Key::Generate(Some(key_type.parse().expect("legal in this test")), None), ..self }
    }

    pub fn bits(self, bits: u32) -> Self {
        Self { key: Key::Generate(None, Some(bits)), ..self }
    }

    pub fn csr(self, key: &'static LazyLock<PublicKey>) -> Self {
        Self { key: Key::Csr(key), ..self }
    }

    /// The issuer's validity, in seconds from now.
    pub fn ca(self, starts_in: i64, ends_in: i64) -> Self {
        Self { issuer: window(starts_in, ends_in), ..self }
    }

    pub fn check_against(&self, role: &RoleBuilder) -> Result<Approved, Violation> {
        check(&role.build(), &self.build(), &self.issuer)
    }

    pub fn explain_against(&self, role: &RoleBuilder) -> Explanation {
        explain(&role.build(), &self.build(), &self.issuer)
    }

    /// Every name that is asked for, each in a request of its own to a CA that ends late.
    pub fn single_names(&self) -> Vec<(&'static str, String, Self)> {
        let one = |field, names: &[String], put: fn(Self, &[&str]) -> Self| {
            let single = |name: &String| (field, name.clone(), put(no_cn(), &[name.as_str()]));
            names.iter().map(single).collect::<Vec<_>>()
        };
        let lists = [
            one("alt_names", &self.alt_names, Self::alt),
            one("ip_sans", &self.ip_sans, Self::ip),
            one("uri_sans", &self.uri_sans, Self::uri),
            one("email_sans", &self.email_sans, Self::email),
            one("other_sans", &self.other_sans, Self::other),
        ];
        let common_name = self.common_name.iter().filter(|name| !name.is_empty());
        let common_name = common_name.map(|name| ("common_name", name.clone(), cn(name)));
        common_name.chain(lists.into_iter().flatten()).collect()
    }

    fn build(&self) -> NameRequest<'static> {
        let key = match self.key {
            Key::Generate(key_type, key_bits) => RequestedKey::Generate { key_type, key_bits },
            Key::Csr(key) => RequestedKey::Csr(key),
        };
        NameRequest {
            common_name: self.common_name.clone(),
            alt_names: self.alt_names.clone(),
            ip_sans: self.ip_sans.clone(),
            uri_sans: self.uri_sans.clone(),
            email_sans: self.email_sans.clone(),
            other_sans: self.other_sans.clone(),
            ttl: self.ttl.clone(),
            key,
        }
    }
}

pub static RSA_2048: LazyLock<PublicKey> = LazyLock::new(|| public_key("RSA", "rsa_keygen_bits:2048"));
pub static RSA_3072: LazyLock<PublicKey> = LazyLock::new(|| public_key("RSA", "rsa_keygen_bits:3072"));
pub static P256: LazyLock<PublicKey> = LazyLock::new(|| public_key("EC", "ec_paramgen_curve:P-256"));
pub static P384: LazyLock<PublicKey> = LazyLock::new(|| public_key("EC", "ec_paramgen_curve:P-384"));
pub static ED25519: LazyLock<PublicKey> = LazyLock::new(|| public_key("ED25519", ""));

fn public_key(algorithm: &str, option: &str) -> PublicKey {
    let mut arguments = vec!["genpkey", "-algorithm", algorithm];
    if !option.is_empty() {
        arguments.extend(["-pkeyopt", option]);
    }
    let private = openssl(&arguments, &[]);
    PublicKey::from_spki_der(&openssl(&["pkey", "-pubout", "-outform", "DER"], &private))
        .expect("legal in this test")
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("legal in this test");
    child.stdin.take().expect("legal in this test").write_all(input).expect("legal in this test");
    let output = child.wait_with_output().expect("legal in this test");
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}

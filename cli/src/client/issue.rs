//! `certmill issue` and `certmill sign`: certificates into files.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::X509;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::failure::Failure;
use super::output::text;
use super::{Session, completion, files, output};

pub(super) const EXAMPLE: &str = "\
Examples:
  certmill issue web www.example.internal                       # www.example.internal.crt and .key in this folder
  certmill issue web www.example.internal 10.0.0.7 --ttl 30d --out /etc/nginx/tls
  certmill issue web www.example.internal --k8s-secret www | kubectl apply -f -";

#[derive(Args)]
pub(crate) struct Issue {
    /// Role to issue under
    #[arg(add = completion::roles())]
    role: String,
    /// Names: DNS names, IP addresses, URIs, e-mail addresses, other names (oid;UTF8:value). The first DNS name becomes the common name
    #[arg(required = true)]
    names: Vec<String>,
    /// How long it is to be valid: 30d, 12h … [default: the role's]
    #[arg(long)]
    ttl: Option<String>,
    /// Kind of key, where the role leaves it open: ec, rsa or ed25519
    #[arg(long)]
    key_type: Option<String>,
    /// Folder for NAME.crt (the certificate and those between it and the root), NAME.key and NAME.ca.crt (the root)
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Write a PKCS#12 file instead; its password is asked for
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "k8s_secret"])]
    p12: Option<PathBuf>,
    /// File with the password of the PKCS#12 file
    #[arg(long, value_name = "FILE", requires = "p12")]
    password_file: Option<PathBuf>,
    /// Print a Kubernetes secret of type kubernetes.io/tls instead
    #[arg(long, value_name = "[NAMESPACE/]NAME", conflicts_with = "out")]
    k8s_secret: Option<String>,
    /// Replace files that are there
    #[arg(long, short)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// Role to sign under
    #[arg(add = completion::roles())]
    role: String,
    /// The certificate signing request (PEM); `-` is standard input
    csr: PathBuf,
    /// How long it is to be valid: 30d, 12h … [default: the role's]
    #[arg(long)]
    ttl: Option<String>,
    /// File for the certificate and those between it and the root [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Names by their kind, as the API takes them.
#[derive(Default)]
pub(super) struct Names {
    common_name: Option<String>,
    dns_and_email: Vec<String>,
    ip: Vec<String>,
    uri: Vec<String>,
    other: Vec<String>,
}

/// Longer common names are not possible (RFC 5280, ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

impl Names {
    pub(super) fn sorted(names: &[String]) -> Self {
        let mut sorted = Self::default();
        for name in names {
            if name.contains(";UTF8:") {
                sorted.other.push(name.clone());
            } else if name.parse::<std::net::IpAddr>().is_ok() {
                sorted.ip.push(name.clone());
            } else if name.contains("://") || name.starts_with("urn:") {
                sorted.uri.push(name.clone());
            } else if name.contains('@') {
                sorted.dns_and_email.push(name.clone());
            } else if sorted.common_name.is_none() && name.len() <= LONGEST_COMMON_NAME {
                sorted.common_name = Some(name.clone());
            } else {
                sorted.dns_and_email.push(name.clone());
            }
        }
        sorted
    }

    pub(super) fn body(self) -> Value {
        let mut body = json!({});
        if let Some(name) = self.common_name {
            body["common_name"] = name.into();
        }
        for (field, names) in [
            ("alt_names", self.dns_and_email),
            ("ip_sans", self.ip),
            ("uri_sans", self.uri),
            ("other_sans", self.other),
        ] {
            if !names.is_empty() {
                body[field] = json!(names);
            }
        }
        body
    }
}

pub(super) async fn issue(session: &Session, issue: Issue) -> anyhow::Result<()> {
    let first = issue.names.first().map(String::as_str).unwrap_or_default();
    let place = Place::of(&issue, first)?;
    let mut body = Names::sorted(&issue.names).body();
    for (field, value) in [("ttl", &issue.ttl), ("key_type", &issue.key_type)] {
        if let Some(value) = value {
            body[field] = value.as_str().into();
        }
    }
    let issued = session.api.post(&["v1", "pki", "issue", &issue.role], &body).await?;
    let bundle = Bundle::of(&issued)?;
    let said = match place {
        Place::Files { certificate, key, root } => {
            // The key first: a certificate without its key is of no use, a key without a certificate does no harm.
            files::replace(&key, bundle.key.as_bytes(), 0o600, None)?;
            files::replace(&certificate, bundle.chain.as_bytes(), 0o644, None)?;
            files::replace(&root, bundle.root.as_bytes(), 0o644, None)?;
            format!("{}, {} and {}", certificate.display(), key.display(), root.display())
        }
        Place::Pkcs12 { file, password } => {
            files::replace(&file, &bundle.pkcs12(first, &password)?, 0o600, None)?;
            file.display().to_string()
        }
        Place::Kubernetes { namespace, name } => {
            return output::print(&bundle.kubernetes(namespace.as_deref(), &name));
        }
    };
    let mut shown = issued;
    if let Some(fields) = shown.as_object_mut() {
        // The key is in its file. It must not be printed, since terminals and logs keep what they show.
        fields.remove("private_key");
    }
    let sentence = format!("{said}: valid until {}", text(&shown, "not_after"));
    session.out.done(&shown, &sentence)
}

pub(super) async fn sign(session: &Session, sign: Sign) -> anyhow::Result<()> {
    if let Some(file) = sign.out.as_deref().filter(|file| *file != Path::new("-")) {
        files::must_be_writable(file, 0o644, None)?;
    }
    let mut body = json!({"csr_pem": read_text(&sign.csr)?});
    if let Some(ttl) = &sign.ttl {
        body["ttl"] = ttl.as_str().into();
    }
    let signed = session.api.post(&["v1", "pki", "sign", &sign.role], &body).await?;
    if session.out.is_for_programs() {
        return session.out.raw(&signed);
    }
    files::write_public(sign.out.as_deref(), chain(&signed)?.0.as_bytes())?;
    session.out.note(&format!(
        "serial number {}, valid until {}",
        text(&signed, "serial_number"),
        text(&signed, "not_after")
    ));
    Ok(())
}

/// A text file, or the standard input for `-`.
pub(super) fn read_text(file: &Path) -> anyhow::Result<String> {
    if file == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("standard input cannot be read");
    }
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Where a new certificate goes. Found out before it is issued, so that none is issued for nothing.
enum Place {
    Files { certificate: PathBuf, key: PathBuf, root: PathBuf },
    Pkcs12 { file: PathBuf, password: Zeroizing<String> },
    Kubernetes { namespace: Option<String>, name: String },
}

impl Place {
    fn of(issue: &Issue, name: &str) -> anyhow::Result<Self> {
        if let Some(file) = &issue.p12 {
            files::must_be_new(&[file], issue.force)?;
            files::must_be_writable(file, 0o600, None)?;
            let password = match &issue.password_file {
                Some(file) => {
                    Zeroizing::new(Zeroizing::new(read_text(file)?).trim_end_matches(['\r', '\n']).to_owned())
                }
                None => {
                    Zeroizing::new(rpassword::prompt_password("Password of the PKCS#12 file: ").context(
                        "the password cannot be asked for without a terminal: give --password-file",
                    )?)
                }
            };
            if password.is_empty() {
                bail!("the password is empty");
            }
            return Ok(Self::Pkcs12 { file: file.clone(), password });
        }
        if let Some(secret) = &issue.k8s_secret {
            let (namespace, name) = match secret.split_once('/') {
                Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
                None => (None, secret.clone()),
            };
            // They are written into YAML as they are (names of objects, RFC 1123).
            let is_name = |text: &String| {
                !text.is_empty()
                    && text.bytes().all(|octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
            };
            if !is_name(&name) || namespace.as_ref().is_some_and(|namespace| !is_name(namespace)) {
                return Err(Failure::usage(format!(
                    "`{secret}` is no name of a secret: small letters, digits, `-` and `.`"
                )));
            }
            return Ok(Self::Kubernetes { namespace, name });
        }
        let stem = file_stem(name);
        let file = |ending: &str| issue.out.join(format!("{stem}.{ending}"));
        let (certificate, key, root) = (file("crt"), file("key"), file("ca.crt"));
        if !issue.out.is_dir() {
            bail!("{} is not a folder", issue.out.display());
        }
        files::must_be_new(&[&certificate, &key], issue.force)?;
        [(&certificate, 0o644), (&key, 0o600), (&root, 0o644)]
            .into_iter()
            .try_for_each(|(file, mode)| files::must_be_writable(file, mode, None))?;
        Ok(Self::Files { certificate, key, root })
    }
}

/// A name without what file systems and shells take for something else.
fn file_stem(name: &str) -> String {
    let stem: String = name
        .replace('*', "wildcard")
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@') { c } else { '_' })
        .collect();
    stem.trim_start_matches('.').to_owned()
}

/// What was issued, as texts for files.
pub(super) struct Bundle {
    /// The certificate and those between it and the root.
    pub(super) chain: String,
    /// The root, or what is highest.
    pub(super) root: String,
    key: Zeroizing<String>,
}

impl Bundle {
    fn of(issued: &Value) -> anyhow::Result<Self> {
        let (chain, root) = chain(issued)?;
        let key = issued["private_key"].as_str().context("the server answered without a private key")?;
        Ok(Self { chain, root, key: Zeroizing::new(key.to_owned()) })
    }

    fn pkcs12(&self, name: &str, password: &str) -> anyhow::Result<Vec<u8>> {
        let mut certificates = X509::stack_from_pem(self.chain.as_bytes())?.into_iter();
        let own = certificates.next().context("there is no certificate")?;
        let mut above = Stack::new()?;
        for certificate in certificates.chain(X509::stack_from_pem(self.root.as_bytes())?) {
            above.push(certificate)?;
        }
        let key = PKey::private_key_from_pem(self.key.as_bytes())?;
        Ok(Pkcs12::builder().name(name).pkey(&key).cert(&own).ca(above).build2(password)?.to_der()?)
    }

    fn kubernetes(&self, namespace: Option<&str>, name: &str) -> String {
        let namespace = namespace.map(|namespace| format!("\n  namespace: {namespace}")).unwrap_or_default();
        let data = [
            ("tls.crt", self.chain.as_bytes()),
            ("tls.key", self.key.as_bytes()),
            ("ca.crt", self.root.as_bytes()),
        ]
        .map(|(field, content)| format!("\n  {field}: {}", STANDARD.encode(content)))
        .concat();
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n  name: {name}{namespace}\ndata:{data}"
        )
    }
}

/// The address that stands in a certificate, as text.
pub(super) fn address_text(octets: &[u8]) -> Option<String> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        16 => <[u8; 16]>::try_from(octets).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        _ => None,
    }
}

/// The certificate with those between it and the root, and the root (or what is highest).
pub(super) fn chain(issued: &Value) -> anyhow::Result<(String, String)> {
    let own = issued["certificate"].as_str().context("the server answered without a certificate")?;
    let mut chain = super::pem::certificates(own).concat();
    let above: Vec<&str> = issued["ca_chain"]
        .as_array()
        .map(|all| all.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut root = String::new();
    for certificate in above {
        let text = super::pem::certificates(certificate).concat();
        let parsed = X509::from_pem(text.as_bytes()).context("the server answered with a broken chain")?;
        let is_self_issued = parsed.subject_name().try_cmp(parsed.issuer_name())?.is_eq();
        root.clone_from(&text);
        if !is_self_issued {
            chain.push_str(&text);
        }
    }
    Ok((chain, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_to_their_fields() {
        let names =
            ["10.0.0.7", "www.example.com", "spiffe://x/y", "a@example.com", "alt.example.com", "::1"];
        let body = Names::sorted(&names.map(str::to_owned)).body();
        assert_eq!(
            body,
            json!({"common_name": "www.example.com", "alt_names": ["a@example.com", "alt.example.com"],
                   "ip_sans": ["10.0.0.7", "::1"], "uri_sans": ["spiffe://x/y"]})
        );
    }

    #[test]
    fn file_names_stay_in_their_folder() {
        for (name, stem) in [
            ("*.example.com", "wildcard.example.com"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("spiffe://a/b", "spiffe___a_b"),
        ] {
            assert_eq!(file_stem(name), stem);
        }
    }
}

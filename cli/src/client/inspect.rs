//! `certmill inspect`: what is in a file, or what a server presents. Needs no certmill server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use openssl::asn1::Asn1TimeRef;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::ocsp::OcspResponse;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{HasPublic, Id, PKeyRef};
use openssl::x509::{X509, X509Crl, X509NameRef, X509Req};

use super::failure::Failure;
use super::issue::address_text;
use super::{output, pinned};

pub(super) const EXAMPLE: &str = "\
Examples:
  certmill inspect server.pem
  certmill inspect www.example.com:443 --text
  certmill inspect bundle.p12 --password-file ./password";

#[derive(Args)]
pub(crate) struct Inspect {
    /// File with certificates, requests, CRLs (PEM or DER), an OCSP answer or PKCS#12; `-` for standard input; or HOST:PORT
    what: String,
    /// Everything that is in it
    #[arg(long)]
    text: bool,
    /// File with the password of a PKCS#12 file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Larger files are not what this is for.
const MOST_OCTETS: u64 = 64 * 1024 * 1024;

pub(super) fn inspect(inspect: Inspect) -> anyhow::Result<()> {
    let objects = match server(&inspect.what) {
        Some((host, port)) => {
            pinned::presented(&host, port)?.into_iter().map(Object::Certificate).collect::<Vec<_>>()
        }
        None => objects(&octets(&inspect.what)?, inspect.password_file.as_deref())?,
    };
    if objects.is_empty() {
        bail!("{} holds no certificate, request, CRL, OCSP answer or PKCS#12 bundle", inspect.what);
    }
    let texts: Result<Vec<String>, _> = objects.iter().map(|object| object.told(inspect.text)).collect();
    output::print(texts?.join("\n").trim_end())
}

/// The certificates (DER) of a file or a server, and the host's name if it was one.
pub(super) fn certificates(what: &str) -> anyhow::Result<(Vec<Vec<u8>>, Option<String>)> {
    let (objects, host) = match server(what) {
        Some((host, port)) => {
            (pinned::presented(&host, port)?.into_iter().map(Object::Certificate).collect(), Some(host))
        }
        None => (objects(&octets(what)?, None)?, None),
    };
    let mut found = Vec::new();
    for object in objects {
        if let Object::Certificate(certificate) = object {
            found.push(certificate.to_der()?);
        }
    }
    Ok((found, host))
}

/// A server, when no file has this name.
fn server(what: &str) -> Option<(String, u16)> {
    if what == "-" || Path::new(what).exists() {
        return None;
    }
    let what = what.strip_prefix("https://").map_or(what, |rest| rest.split('/').next().unwrap_or(rest));
    let (host, port) = what.rsplit_once(':').or_else(|| what.contains('.').then_some((what, "443")))?;
    Some((host.to_owned(), port.parse().ok()?))
}

fn octets(what: &str) -> anyhow::Result<Vec<u8>> {
    use std::io::Read;
    let mut octets = Vec::new();
    if what == "-" {
        std::io::stdin()
            .take(MOST_OCTETS)
            .read_to_end(&mut octets)
            .context("standard input cannot be read")?;
        return Ok(octets);
    }
    let file = std::fs::File::open(what).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::not_found(format!("there is no file {what}")),
        _ => anyhow::Error::from(error).context(format!("{what} cannot be read")),
    })?;
    file.take(MOST_OCTETS).read_to_end(&mut octets).with_context(|| format!("{what} cannot be read"))?;
    Ok(octets)
}

enum Object {
    Certificate(X509),
    Request(X509Req),
    Crl(X509Crl),
    Ocsp(OcspResponse),
    /// A private key: only its kind is told.
    Key(String),
}

/// Everything that is recognised, in the order in which it stands.
fn objects(octets: &[u8], password_file: Option<&Path>) -> anyhow::Result<Vec<Object>> {
    if let Ok(text) = std::str::from_utf8(octets)
        && text.contains("-----BEGIN ")
    {
        return Ok(blocks(text));
    }
    if let Ok(certificate) = X509::from_der(octets) {
        return Ok(vec![Object::Certificate(certificate)]);
    }
    if let Ok(request) = X509Req::from_der(octets) {
        return Ok(vec![Object::Request(request)]);
    }
    if let Ok(crl) = X509Crl::from_der(octets) {
        return Ok(vec![Object::Crl(crl)]);
    }
    if let Ok(bundle) = Pkcs12::from_der(octets) {
        return from_pkcs12(&bundle, password_file);
    }
    if let Ok(answer) = OcspResponse::from_der(octets) {
        return Ok(vec![Object::Ocsp(answer)]);
    }
    Ok(Vec::new())
}

fn blocks(text: &str) -> Vec<Object> {
    let mut objects = Vec::new();
    for block in text.split("-----BEGIN ").skip(1) {
        let Some((label, _)) = block.split_once("-----") else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let Some(at) = block.find(&end) else {
            continue;
        };
        let pem = format!("-----BEGIN {}\n", &block[..at + end.len()]);
        objects.extend(match label {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                X509::from_pem(pem.as_bytes()).ok().map(Object::Certificate)
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                X509Req::from_pem(pem.as_bytes()).ok().map(Object::Request)
            }
            "X509 CRL" => X509Crl::from_pem(pem.as_bytes()).ok().map(Object::Crl),
            label if label.ends_with("PRIVATE KEY") => Some(Object::Key(label.to_ascii_lowercase())),
            _ => None,
        });
    }
    objects
}

fn from_pkcs12(bundle: &Pkcs12, password_file: Option<&Path>) -> anyhow::Result<Vec<Object>> {
    let password = match password_file {
        Some(file) => std::fs::read_to_string(file)?.trim_end_matches(['\r', '\n']).to_owned(),
        None => rpassword::prompt_password("Password of the PKCS#12 file: ")
            .context("the password cannot be asked for without a terminal: give --password-file")?,
    };
    let password = zeroize::Zeroizing::new(password);
    let opened = bundle.parse2(&password).context("the PKCS#12 file does not open with this password")?;
    let mut objects = Vec::new();
    objects.extend(opened.cert.map(Object::Certificate));
    objects.extend(opened.ca.into_iter().flatten().map(Object::Certificate));
    objects.extend(opened.pkey.map(|key| Object::Key(format!("private key ({})", kind_of(&key)))));
    Ok(objects)
}

impl Object {
    fn told(&self, in_full: bool) -> anyhow::Result<String> {
        let mut out = String::new();
        match self {
            Self::Certificate(certificate) if in_full => out = String::from_utf8(certificate.to_text()?)?,
            Self::Request(request) if in_full => out = String::from_utf8(request.to_text()?)?,
            Self::Certificate(certificate) => tell_certificate(&mut out, certificate)?,
            Self::Request(request) => {
                writeln!(out, "Certificate signing request")?;
                writeln!(out, "  subject      {}", name(request.subject_name()))?;
                let key = request.public_key()?;
                writeln!(out, "  key          {}", kind_of(&key))?;
                let fits = if request.verify(&key)? { "by this key" } else { "NOT by this key" };
                writeln!(out, "  signed       {fits}")?;
            }
            Self::Crl(crl) => {
                writeln!(out, "Certificate revocation list")?;
                writeln!(out, "  issuer       {}", name(crl.issuer_name()))?;
                writeln!(out, "  this update  {}", crl.last_update())?;
                if let Some(next) = crl.next_update() {
                    writeln!(out, "  next update  {}", ending(next))?;
                }
                writeln!(
                    out,
                    "  entries      {}",
                    crl.get_revoked().map_or(0, openssl::stack::StackRef::len)
                )?;
            }
            Self::Ocsp(answer) => {
                writeln!(out, "OCSP answer")?;
                let kind = match answer.status().as_raw() {
                    0 => "successful",
                    1 => "malformedRequest",
                    2 => "internalError",
                    3 => "tryLater",
                    5 => "sigRequired",
                    6 => "unauthorized",
                    _ => "unknown",
                };
                writeln!(out, "  status       {kind}")?;
            }
            Self::Key(kind) => writeln!(out, "{kind} (not shown)")?,
        }
        Ok(out)
    }
}

fn tell_certificate(out: &mut String, certificate: &X509) -> anyhow::Result<()> {
    let subject = name(certificate.subject_name());
    writeln!(out, "Certificate{}", if is_self_issued(certificate) { " (root)" } else { "" })?;
    writeln!(out, "  subject      {subject}")?;
    writeln!(out, "  issuer       {}", name(certificate.issuer_name()))?;
    let serial = certificate.serial_number().to_bn()?.to_vec();
    writeln!(out, "  serial       {}", pairs(&serial))?;
    writeln!(out, "  valid from   {}", certificate.not_before())?;
    writeln!(out, "  valid until  {}", ending(certificate.not_after()))?;
    let names = alternative_names(certificate);
    if !names.is_empty() {
        writeln!(out, "  names        {}", names.join(", "))?;
    }
    let key = certificate.public_key()?;
    writeln!(out, "  key          {}", kind_of(&key))?;
    let algorithm = certificate.signature_algorithm().object().nid().long_name().unwrap_or("unknown");
    writeln!(out, "  signed with  {algorithm}")?;
    writeln!(out, "  SHA-256      {}", certmill_x509::hex(&certificate.digest(MessageDigest::sha256())?))?;
    let addresses = |stack: Option<openssl::stack::Stack<openssl::x509::AccessDescription>>| {
        stack
            .into_iter()
            .flatten()
            .filter_map(|access| access.location().uri().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    for address in addresses(certificate.authority_info()) {
        writeln!(out, "  authority    {address}")?;
    }
    Ok(())
}

fn is_self_issued(certificate: &X509) -> bool {
    certificate.subject_name().try_cmp(certificate.issuer_name()).is_ok_and(std::cmp::Ordering::is_eq)
}

fn alternative_names(certificate: &X509) -> Vec<String> {
    let names = certificate.subject_alt_names().into_iter().flatten();
    names
        .filter_map(|name| {
            let text = name.dnsname().or_else(|| name.email()).or_else(|| name.uri()).map(str::to_owned);
            text.or_else(|| name.ipaddress().and_then(address_text))
        })
        .collect()
}

/// The attributes as they stand, most general first: `C=DE, O=Example, CN=www`. Control characters do not reach the terminal.
fn name(name: &X509NameRef) -> String {
    let attributes = name.entries().map(|entry| {
        let kind = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_default();
        format!("{kind}={value}")
    });
    let text = attributes.collect::<Vec<_>>().join(", ");
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn kind_of<T: HasPublic>(key: &PKeyRef<T>) -> String {
    match key.id() {
        Id::EC => {
            let curve = key.ec_key().ok().and_then(|key| key.group().curve_name());
            format!("EC {}", curve.and_then(|curve| curve.short_name().ok()).unwrap_or("of an unnamed curve"))
        }
        Id::RSA => format!("RSA {}", key.bits()),
        Id::ED25519 => "Ed25519".to_owned(),
        other => Nid::from_raw(other.as_raw()).long_name().unwrap_or("unknown").to_owned(),
    }
}

fn ending(end: &Asn1TimeRef) -> String {
    let left = openssl::asn1::Asn1Time::days_from_now(0).ok().and_then(|now| now.diff(end).ok());
    match left {
        Some(left) if left.days < 0 || left.secs < 0 => format!("{end} (EXPIRED {} days ago)", -left.days),
        Some(left) => format!("{end} ({} days)", left.days),
        None => end.to_string(),
    }
}

fn pairs(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
}

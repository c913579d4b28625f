//! A certificate and its key in files, and requests for new ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use certmill_x509::hex;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name, X509Req};
use zeroize::Zeroizing;

use super::super::issue::address_text;

/// Kinds of keys that are made here.
#[derive(Clone, Copy)]
pub(super) enum KeyType {
    P256,
    Rsa2048,
}

/// A certificate with the key that it is for.
pub(super) struct Pair {
    certificate: X509,
}

impl Pair {
    /// Reads both files. None when one is missing, cannot be understood, or they do not belong together: then a new pair is
    /// needed, whatever went wrong.
    ///
    /// # Errors
    /// Files that are there and may not be read: replacing them would hide that.
    pub(super) fn read(certificate: &Path, key: &Path) -> anyhow::Result<Option<Self>> {
        let (Some(certificate), Some(key)) = (present(certificate)?, present(key)?) else {
            return Ok(None);
        };
        let (Ok(certificate), Ok(key)) = (X509::from_pem(&certificate), PKey::private_key_from_pem(&key))
        else {
            return Ok(None);
        };
        let fits = certificate.public_key().is_ok_and(|public| public.public_eq(&key));
        Ok(fits.then_some(Self { certificate }))
    }

    /// Whether it has these names and no others.
    pub(super) fn is_for(&self, names: &[String]) -> bool {
        let mut wanted: Vec<String> = names.iter().map(|name| normal(name)).collect();
        let mut there: Vec<String> = self
            .certificate
            .subject_alt_names()
            .into_iter()
            .flatten()
            .filter_map(|name| {
                let text = name.dnsname().or_else(|| name.email()).or_else(|| name.uri()).map(normal);
                text.or_else(|| name.ipaddress().and_then(address_text))
            })
            .collect();
        wanted.sort();
        there.sort();
        wanted == there
    }

    pub(super) fn fingerprint(&self) -> anyhow::Result<String> {
        Ok(hex(&self.certificate.digest(MessageDigest::sha256())?))
    }

    pub(super) fn not_after(&self) -> String {
        self.certificate.not_after().to_string()
    }

    /// Seconds until it should be renewed: `before` its end, or when two thirds of its time are over. Up to a twentieth of its
    /// time earlier, by its fingerprint, so that hosts that were set up together do not renew together.
    pub(super) fn seconds_to_renewal(&self, before: Option<u64>) -> anyhow::Result<u64> {
        let now = Asn1Time::days_from_now(0)?;
        let seconds =
            |from: &openssl::asn1::Asn1TimeRef, to: &openssl::asn1::Asn1TimeRef| -> anyhow::Result<i64> {
                let difference = from.diff(to)?;
                Ok(i64::from(difference.days) * 86_400 + i64::from(difference.secs))
            };
        let lifetime = seconds(self.certificate.not_before(), self.certificate.not_after())?;
        let left = seconds(&now, self.certificate.not_after())?;
        let digest = self.certificate.digest(MessageDigest::sha256())?;
        let share = i64::from(*digest.first().unwrap_or(&0));
        let spread = lifetime / 20 * share / 255;
        let before = match before {
            // A certificate that lives shorter than that is renewed half-way, not at each look.
            Some(before) => i64::try_from(before).unwrap_or(i64::MAX).min(lifetime / 2),
            None => lifetime / 3,
        };
        Ok(u64::try_from(left - before - spread).unwrap_or(0))
    }
}

fn present(file: &Path) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    match fs::read(file) {
        Ok(octets) => Ok(Some(Zeroizing::new(octets))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

fn normal(name: &str) -> String {
    name.parse::<std::net::IpAddr>().map_or_else(|_| name.to_ascii_lowercase(), |address| address.to_string())
}

/// A new key, as PKCS#8 PEM, and a request for it with these names.
pub(super) fn request(names: &[String], key_type: KeyType) -> anyhow::Result<(Zeroizing<String>, String)> {
    let key = made(key_type)?;
    let mut request = X509Req::builder()?;
    request.set_version(0)?;
    request.set_pubkey(&key)?;
    let mut alternatives = SubjectAlternativeName::new();
    let mut subject = X509Name::builder()?;
    let mut has_subject = false;
    for name in names {
        if name.contains([',', '\n', '\0']) {
            bail!("`{name}` is not a name");
        }
        if name.parse::<std::net::IpAddr>().is_ok() {
            alternatives.ip(name);
        } else if name.contains("://") || name.starts_with("urn:") {
            alternatives.uri(name);
        } else if name.contains('@') {
            alternatives.email(name);
        } else {
            if !has_subject && name.len() <= 64 {
                subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
                has_subject = true;
            }
            alternatives.dns(name);
        }
    }
    request.set_subject_name(&subject.build())?;
    let mut extensions = Stack::new()?;
    extensions.push(alternatives.build(&request.x509v3_context(None))?)?;
    request.add_extensions(&extensions)?;
    request.sign(&key, MessageDigest::sha256())?;
    let key = Zeroizing::new(key.private_key_to_pem_pkcs8()?);
    let key = Zeroizing::new(std::str::from_utf8(&key)?.to_owned());
    Ok((key, String::from_utf8(request.build().to_pem()?)?))
}

fn made(key_type: KeyType) -> anyhow::Result<PKey<Private>> {
    Ok(match key_type {
        KeyType::P256 => {
            PKey::from_ec_key(EcKey::generate(&*EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)?)?
        }
        KeyType::Rsa2048 => PKey::from_rsa(Rsa::generate(2_048)?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(days: u32) -> Pair {
        let names = ["www.example.com".to_owned(), "10.0.0.7".to_owned(), "2001:DB8::1".to_owned()];
        let (key, csr) = request(&names, KeyType::P256).unwrap();
        let key = PKey::private_key_from_pem(key.as_bytes()).unwrap();
        let csr = X509Req::from_pem(csr.as_bytes()).unwrap();
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        certificate.set_pubkey(&csr.public_key().unwrap()).unwrap();
        certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        certificate.set_not_after(&Asn1Time::days_from_now(days).unwrap()).unwrap();
        for extension in &csr.extensions().unwrap() {
            certificate.append_extension2(extension).unwrap();
        }
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        Pair { certificate: certificate.build() }
    }

    #[test]
    fn a_request_has_the_names_and_nothing_else() {
        let pair = pair(30);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(pair.is_for(&names(&["10.0.0.7", "2001:db8::1", "WWW.example.com"])));
        assert!(!pair.is_for(&names(&["10.0.0.7", "www.example.com"])));
        assert!(request(&names(&["a,DNS:b"]), KeyType::P256).is_err());
    }

    #[test]
    fn renewal_comes_in_the_last_third_and_is_spread() {
        const DAY: u64 = 86_400;
        let pair = pair(30);
        let seconds = pair.seconds_to_renewal(None).unwrap();
        assert!((18 * DAY..=20 * DAY).contains(&seconds), "{seconds}");
        let seconds = pair.seconds_to_renewal(Some(5 * DAY)).unwrap();
        assert!((23 * DAY..=25 * DAY).contains(&seconds), "{seconds}");
        let seconds = pair.seconds_to_renewal(Some(90 * DAY)).unwrap();
        assert!((13 * DAY..=15 * DAY).contains(&seconds), "renewed at each look: {seconds}");
    }
}

//! A certificate and its key in files, and requests for new ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use certmill_x509::hex;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509Name, X509Req};
use zeroize::Zeroizing;

use super::names::{self, Name};

/// Kinds of keys that are made here.
#[derive(Clone, Copy)]
pub(super) enum KeyType {
    P256,
    Rsa2048,
}

/// A certificate with the key that it is for.
pub(super) struct Pair {
    certificate: X509,
    key: PKey<Private>,
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
        Ok(fits.then_some(Self { certificate, key }))
    }

    /// Whether it has these names and no others.
    pub(super) fn is_for(&self, wanted: &[Name]) -> bool {
        let mut wanted = wanted.to_vec();
        let mut there: Vec<Name> = self
            .certificate
            .subject_alt_names()
            .into_iter()
            .flatten()
            .filter_map(|name| {
                let dns = name.dnsname().map(names::dns);
                let text = dns.or_else(|| name.email().map(names::email));
                text.or_else(|| name.uri().map(|uri| Name::Uri(uri.to_owned())))
                    .or_else(|| name.ipaddress().and_then(names::ip))
            })
            .collect();
        wanted.sort();
        there.sort();
        there.dedup();
        wanted == there
    }

    /// Whether this CA has signed it.
    pub(super) fn is_from(&self, ca_pem: &str) -> anyhow::Result<bool> {
        let ca = X509::from_pem(ca_pem.as_bytes())?;
        // A signature of another kind than the key's is an error of OpenSSL's, and no signature of this CA.
        Ok(self.certificate.verify(&*ca.public_key()?).unwrap_or(false))
    }

    pub(super) fn fingerprint(&self) -> anyhow::Result<String> {
        Ok(hex(&self.certificate.digest(MessageDigest::sha256())?))
    }

    /// The certificate, and its key as PKCS#8, in PEM.
    pub(super) fn to_pem(&self) -> anyhow::Result<(String, Zeroizing<String>)> {
        let key = Zeroizing::new(self.key.private_key_to_pem_pkcs8()?);
        let key = Zeroizing::new(std::str::from_utf8(&key)?.to_owned());
        Ok((String::from_utf8(self.certificate.to_pem()?)?, key))
    }

    pub(super) fn not_after(&self) -> String {
        self.certificate.not_after().to_string()
    }

    /// Whether it has ended by the clock of this host.
    pub(super) fn has_ended(&self) -> anyhow::Result<bool> {
        Ok(unix_seconds(self.certificate.not_after())? < unix_now()?)
    }

    /// Seconds until it should be renewed: `before` its end, or when two thirds of its time are over. Up to a twentieth of its
    /// time earlier, by its fingerprint, so that hosts that were set up together do not renew together.
    ///
    /// Its time begins when it was `made` (Unix seconds), as far as that is known: a role can date certificates back by more than
    /// they live, and these would be due from the first moment on.
    pub(super) fn seconds_to_renewal(&self, before: Option<u64>, made: Option<i64>) -> anyhow::Result<u64> {
        let (from, to) =
            (unix_seconds(self.certificate.not_before())?, unix_seconds(self.certificate.not_after())?);
        let from = made.filter(|made| (from..to).contains(made)).unwrap_or(from);
        let (lifetime, left) = (to - from, to - unix_now()?);
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

/// The clock of this host, in Unix seconds.
pub(super) fn unix_now() -> anyhow::Result<i64> {
    let now = Asn1Time::days_from_now(0)?;
    unix_seconds(&now)
}

fn unix_seconds(at: &Asn1TimeRef) -> anyhow::Result<i64> {
    let difference = Asn1Time::from_unix(0)?.diff(at)?;
    Ok(i64::from(difference.days) * 86_400 + i64::from(difference.secs))
}

fn present(file: &Path) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    match fs::read(file) {
        Ok(octets) => Ok(Some(Zeroizing::new(octets))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
}

/// A new key, as PKCS#8 PEM, and a request for it with these names.
pub(super) fn request(names: &[Name], key_type: KeyType) -> anyhow::Result<(Zeroizing<String>, String)> {
    let key = made(key_type)?;
    let mut request = X509Req::builder()?;
    request.set_version(0)?;
    request.set_pubkey(&key)?;
    let mut alternatives = SubjectAlternativeName::new();
    let mut subject = X509Name::builder()?;
    let mut has_subject = false;
    for name in names {
        match name {
            Name::Ip(address) => alternatives.ip(&address.to_string()),
            // OpenSSL reads these out of one text, in which a comma begins another name.
            Name::Uri(text) if text.contains(',') => bail!("`{text}` has a comma, which cannot be asked for"),
            Name::Uri(text) => alternatives.uri(text),
            Name::Email(text) => alternatives.email(text),
            Name::Dns(text) => {
                if !has_subject && text.len() <= 64 {
                    subject.append_entry_by_nid(Nid::COMMONNAME, text)?;
                    has_subject = true;
                }
                alternatives.dns(text)
            }
        };
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

    fn names(names: &[&str]) -> Vec<Name> {
        names::canonical(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// From so many days ago, until in so many.
    fn pair(since: i64, days: i64) -> Pair {
        let (key, csr) =
            request(&names(&["www.example.com", "10.0.0.7", "2001:DB8::1"]), KeyType::P256).unwrap();
        let key = PKey::private_key_from_pem(key.as_bytes()).unwrap();
        let csr = X509Req::from_pem(csr.as_bytes()).unwrap();
        let mut certificate = X509::builder().unwrap();
        let at = |days: i64| Asn1Time::from_unix(unix_now().unwrap() + days * 86_400).unwrap();
        certificate.set_version(2).unwrap();
        certificate.set_pubkey(&csr.public_key().unwrap()).unwrap();
        certificate.set_not_before(&at(-since)).unwrap();
        certificate.set_not_after(&at(days)).unwrap();
        for extension in &csr.extensions().unwrap() {
            certificate.append_extension2(extension).unwrap();
        }
        certificate.sign(&key, MessageDigest::sha256()).unwrap();
        Pair { certificate: certificate.build(), key }
    }

    #[test]
    fn a_request_has_the_names_and_nothing_else() {
        let pair = pair(0, 30);
        assert!(pair.is_for(&names(&["10.0.0.7", "2001:db8::1", "WWW.example.com.", "www.example.com"])));
        assert!(pair.is_for(&names(&["::ffff:10.0.0.7", "[2001:db8:0::1]", "www.example.com"])));
        assert!(!pair.is_for(&names(&["10.0.0.7", "www.example.com"])));
        assert!(request(&names(&["https://a.example/b,DNS:c"]), KeyType::P256).is_err());
    }

    #[test]
    fn renewal_comes_in_the_last_third_and_is_spread() {
        const DAY: u64 = 86_400;
        let made = pair(0, 30);
        let seconds = made.seconds_to_renewal(None, None).unwrap();
        assert!((18 * DAY..=20 * DAY).contains(&seconds), "{seconds}");
        let seconds = made.seconds_to_renewal(Some(5 * DAY), None).unwrap();
        assert!((23 * DAY..=25 * DAY).contains(&seconds), "{seconds}");
        let seconds = made.seconds_to_renewal(Some(90 * DAY), None).unwrap();
        assert!((13 * DAY..=15 * DAY).contains(&seconds), "renewed at each look: {seconds}");
    }

    #[test]
    fn what_is_dated_back_by_more_than_it_lives_is_not_due_at_once() {
        const DAY: u64 = 86_400;
        let dated_back = pair(90, 9);
        assert_eq!(dated_back.seconds_to_renewal(None, None).unwrap(), 0, "nobody knows when it was made");
        let seconds = dated_back.seconds_to_renewal(None, Some(unix_now().unwrap())).unwrap();
        assert!((5 * DAY..=6 * DAY).contains(&seconds), "{seconds}");
        assert!(!dated_back.has_ended().unwrap() && pair(9, -1).has_ended().unwrap());
    }
}

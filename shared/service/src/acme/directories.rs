//! The ACME servers that are known by name, and their rules.

use std::collections::BTreeMap;

use certmill_domain::{AcmeEnvironment, AcmeProvider};

/// The longest directory URL, in characters.
const LONGEST_URL: usize = 1_024;

/// The directory of a provider. What is wrong goes to `errors`, and then there is none.
pub(super) fn directory_url(
    provider: AcmeProvider,
    environment: AcmeEnvironment,
    (given, elsewhere): (Option<&str>, &[(AcmeProvider, AcmeEnvironment, String)]),
    errors: &mut BTreeMap<String, String>,
) -> Option<String> {
    use {AcmeEnvironment as E, AcmeProvider as P};
    let elsewhere = elsewhere.iter().find(|(of, at, _)| (*of, *at) == (provider, environment));
    let known = match (provider, environment) {
        (P::LetsEncrypt, E::Production) => "https://acme-v02.api.letsencrypt.org/directory",
        (P::LetsEncrypt, E::Staging) => "https://acme-staging-v02.api.letsencrypt.org/directory",
        (P::ZeroSsl, E::Production) => "https://acme.zerossl.com/v2/DV90",
        (P::Google, E::Production) => "https://dv.acme-v02.api.pki.goog/directory",
        (P::Google, E::Staging) => "https://dv.acme-v02.test-api.pki.goog/directory",
        (P::Buypass, E::Production) => "https://api.buypass.com/acme/directory",
        (P::Buypass, E::Staging) => "https://api.test4.buypass.no/acme/directory",
        (P::ZeroSsl, E::Staging) if elsewhere.is_some() => "",
        (P::ZeroSsl, E::Staging) => {
            let problem = "ZeroSSL has no staging server: use production, or letsencrypt with staging";
            errors.insert("environment".to_owned(), problem.to_owned());
            return None;
        }
        (P::Custom, _) => return custom(given, errors),
    };
    let known = elsewhere.map_or(known, |(_, _, url)| url.as_str());
    if given.is_some_and(|url| url != known) {
        let problem = format!("is only for the provider custom; that of {provider} is {known}");
        errors.insert("directory_url".to_owned(), problem);
        return None;
    }
    Some(known.to_owned())
}

fn custom(given: Option<&str>, errors: &mut BTreeMap<String, String>) -> Option<String> {
    let problem = match given {
        None => "is needed for the provider custom, such as https://acme.example.com/directory".to_owned(),
        Some(url) if url.len() > LONGEST_URL => format!("has more than {LONGEST_URL} characters"),
        Some(url) if !url.starts_with("https://") || url.chars().any(|c| c.is_control() || c == ' ') => {
            "must be an https:// URL, such as https://acme.example.com/directory".to_owned()
        }
        Some(url) => return Some(url.to_owned()),
    };
    errors.insert("directory_url".to_owned(), problem);
    None
}

/// Whether a provider has no use for an external account.
pub(super) const fn has_no_external_account(provider: AcmeProvider) -> bool {
    match provider {
        AcmeProvider::LetsEncrypt | AcmeProvider::Buypass => true,
        AcmeProvider::ZeroSsl | AcmeProvider::Google | AcmeProvider::Custom => false,
    }
}

/// What people who use a provider should know about it.
pub(super) const fn warning(provider: AcmeProvider) -> Option<&'static str> {
    match provider {
        AcmeProvider::Buypass => Some(
            "Buypass has announced the end of its ACME service: it takes no orders after 15 October 2025 and has issued its \
             last certificates by the end of that month. Move what is renewed with PATCH /v1/pki/certificates/{id} and \
             `renewal.account_id`",
        ),
        AcmeProvider::LetsEncrypt | AcmeProvider::ZeroSsl | AcmeProvider::Google | AcmeProvider::Custom => {
            None
        }
    }
}

/// Whether a provider never registers an account without an external one.
pub(super) const fn needs_external_account(provider: AcmeProvider) -> bool {
    match provider {
        AcmeProvider::ZeroSsl | AcmeProvider::Google => true,
        AcmeProvider::LetsEncrypt | AcmeProvider::Buypass | AcmeProvider::Custom => false,
    }
}

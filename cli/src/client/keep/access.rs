//! How the service is reached, and by what it knows this host: a token, or the certificate that is kept.

use anyhow::Context;
use certmill_client::Api;
use serde::Deserialize;

use super::super::output::Output;
use super::super::{Failure, Server};
use super::pair::Pair;

/// By what this host is known.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Auth {
    /// By a token alone.
    Token,
    /// By the certificate that is kept, and by a token where that is not enough.
    Certificate,
}

/// The service, and what this host has for it.
pub(super) struct Access {
    url: String,
    ca_pem: Option<String>,
    token: Option<Api>,
    /// Whether a certificate renews itself.
    pub(super) by_certificate: bool,
    pub(super) out: Output,
}

/// What is missing where only a token helps.
pub(super) const TOKEN: &str =
    "give a token once: token_file in the file, --token-file, CERTMILL_TOKEN or `certmill login`";

impl Access {
    /// Without a word about it, certificates renew themselves where there is no token.
    ///
    /// # Errors
    /// Neither a token nor a connection on which a certificate can be shown; what [`Api::new`] refuses.
    pub(super) fn of(server: Server, auth: Option<Auth>, out: Output) -> anyhow::Result<Self> {
        let by_certificate = match auth {
            Some(auth) => auth == Auth::Certificate,
            None => server.token.is_none(),
        };
        let is_encrypted = certmill_client::base(&server.url)?.scheme() == "https";
        let Server { url, token, ca_pem } = server;
        if by_certificate && !is_encrypted {
            return Err(Failure::NotSignedIn(format!(
                "no token for {url}, and a certificate can be shown over https only: give an https URL, or a token"
            ))
            .into());
        }
        let token = match token {
            Some(token) => Some(Api::new(&url, &token.into(), ca_pem.as_deref())?),
            None if by_certificate => None,
            None => return Err(Server::no_token(&url)),
        };
        Ok(Self { url, ca_pem, token, by_certificate, out })
    }

    /// The service, for whoever has the token.
    ///
    /// # Errors
    /// There is none, and `why` it is needed.
    pub(super) fn by_token(&self, why: &str) -> anyhow::Result<&Api> {
        let missing = || Failure::NotSignedIn(format!("{why}: {TOKEN}"));
        Ok(self.token.as_ref().ok_or_else(missing)?)
    }

    /// Whether there is a token.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The service, for whoever has the key of this certificate.
    pub(super) fn by_certificate_of(&self, pair: &Pair) -> anyhow::Result<Api> {
        let (certificate, key) = pair.to_pem()?;
        Api::with_certificate(&self.url, (&certificate, &key.into()), self.ca_pem.as_deref())
            .context("the present certificate cannot be shown to the service")
    }
}

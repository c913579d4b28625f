//! Registering accounts (RFC 8555 section 7.3).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use zeroize::Zeroizing;

use crate::jws::{self, Signatory};
use crate::server::{Reply, Server};
use crate::{AccountKey, Acme, AcmeError, wire};

/// What an account is registered with.
pub struct Registration {
    /// `mailto:` URLs.
    pub contact: Vec<String>,
    /// Whether the server's terms are agreed to.
    pub terms_of_service_agreed: bool,
    /// The external account that it is bound to.
    pub external_account: Option<ExternalAccount>,
}

/// An account that the CA knows in another way (RFC 8555 section 7.3.4).
pub struct ExternalAccount {
    /// Its key id.
    pub kid: String,
    /// Its HMAC key, as octets.
    pub hmac_key: Zeroizing<Vec<u8>>,
}

impl ExternalAccount {
    /// Reads what a CA gives out: a key id, and a key in base64url, with or without padding; the standard alphabet is
    /// read too. A key that was encoded twice, as one CA's API does it, is decoded once more.
    ///
    /// # Errors
    /// [`AcmeError::Material`] with what would be right.
    pub fn parse(kid: &str, hmac_key: &str) -> Result<Self, AcmeError> {
        if kid.is_empty() || kid.len() > 512 || kid.chars().any(char::is_control) {
            return Err(AcmeError::Material("the key id must have 1 to 512 printable characters".to_owned()));
        }
        let octets = decoded(hmac_key).filter(|octets| (16..=1024).contains(&octets.len()));
        let octets = octets.ok_or_else(|| {
            AcmeError::Material(
                "the HMAC key must be base64url of at least 16 octets, as the CA shows it".to_owned(),
            )
        })?;
        let twice = std::str::from_utf8(&octets).ok().and_then(decoded).filter(|inner| inner.len() >= 16);
        Ok(Self { kid: kid.to_owned(), hmac_key: twice.unwrap_or(octets) })
    }
}

fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim().trim_end_matches('=');
    let octets = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
    octets.ok().map(Zeroizing::new)
}

/// An account as the server has it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// What the server knows it by.
    pub account_url: String,
    /// Whether it was made just now.
    pub created: bool,
}

impl Acme {
    /// The URL of the account of a key (RFC 8555 section 7.3.1); none when the server says that it has none.
    ///
    /// # Errors
    /// Why it did not tell.
    pub async fn find_account(
        &self,
        directory_url: &str,
        key: &AccountKey,
    ) -> Result<Option<String>, AcmeError> {
        let server = self.server(directory_url);
        let directory = server.directory().await?;
        match look(&server, key, &directory.new_account).await {
            Ok(reply) => registered(reply, false).map(|account| Some(account.account_url)),
            Err(error) if error.is_problem("accountDoesNotExist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the account of a key, or registers it. It can be repeated after anything: there is one account for one key.
    ///
    /// # Errors
    /// Why there is no account, as far as we know.
    pub async fn register(
        &self,
        directory_url: &str,
        key: &AccountKey,
        new: &Registration,
    ) -> Result<Registered, AcmeError> {
        let server = self.server(directory_url);
        let directory = server.directory().await?;
        match look(&server, key, &directory.new_account).await {
            Ok(reply) => registered(reply, false),
            Err(error) if is_unknown(&error) => self.register_new(directory_url, key, new).await,
            Err(error) => Err(error),
        }
    }

    /// Registers the account of a key that the server has none for, as [`Acme::find_account`] has told. Of a key that it has one
    /// for it answers that one (RFC 8555 section 7.3).
    ///
    /// # Errors
    /// Why there is no account, as far as we know.
    pub async fn register_new(
        &self,
        directory_url: &str,
        key: &AccountKey,
        new: &Registration,
    ) -> Result<Registered, AcmeError> {
        let server = self.server(directory_url);
        let directory = server.directory().await?;
        let url = &directory.new_account;
        let mut payload = json!({ "termsOfServiceAgreed": new.terms_of_service_agreed });
        if !new.contact.is_empty() {
            payload["contact"] = json!(new.contact);
        }
        if let Some(external) = &new.external_account {
            let binding = jws::external_binding(key.key(), &external.kid, &external.hmac_key, url)?;
            payload["externalAccountBinding"] = binding;
        }
        registered(post(&server, key, url, &payload.to_string()).await?, true)
    }
}

/// Whether the server says that it has no account for the key. Some say it in other words while they demand a binding.
fn is_unknown(error: &AcmeError) -> bool {
    ["accountDoesNotExist", "externalAccountRequired", "malformed", "unauthorized"]
        .iter()
        .any(|kind| error.is_problem(kind))
}

/// Asks for the account of a key, without having one made (RFC 8555 section 7.3.1).
async fn look(server: &Server, key: &AccountKey, url: &str) -> Result<Reply, AcmeError> {
    post(server, key, url, &json!({ "onlyReturnExisting": true }).to_string()).await
}

async fn post(server: &Server, key: &AccountKey, url: &str, payload: &str) -> Result<Reply, AcmeError> {
    server.post(key.key(), Signatory::Key, url, payload).await
}

fn registered(reply: Reply, asked_for: bool) -> Result<Registered, AcmeError> {
    let created = asked_for && reply.status == 201;
    let account_url = reply.location.ok_or_else(|| AcmeError::protocol("a registered account has no URL"))?;
    wire::https(&account_url)?;
    // The URL is what counts: an account without a status, or an answer without content, is as good (RFC 8555 section 7.3).
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let status = body.get("status").and_then(serde_json::Value::as_str).unwrap_or("valid");
    if !status.eq_ignore_ascii_case("valid") {
        let status: String = status.chars().take(50).collect();
        return Err(AcmeError::protocol(format!("the account of this key is `{status}`")));
    }
    Ok(Registered { account_url, created })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_keys_are_read_in_every_spelling() {
        let octets = [0xfb_u8; 32];
        let url = URL_SAFE_NO_PAD.encode(octets);
        let padded = format!("{url}=");
        let standard = base64::engine::general_purpose::STANDARD.encode(octets);
        let twice = base64::engine::general_purpose::STANDARD.encode(&url);
        for text in [url, padded, standard, twice] {
            assert_eq!(*ExternalAccount::parse("kid", &text).unwrap().hmac_key, octets, "{text}");
        }
        for text in ["", "short", "not base64 at all!"] {
            assert!(ExternalAccount::parse("kid", text).is_err(), "{text}");
        }
        assert!(ExternalAccount::parse("", &URL_SAFE_NO_PAD.encode(octets)).is_err());
    }
}

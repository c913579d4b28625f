//! Revoking certificates (RFC 8555 section 7.6).

use openssl::pkey::PKey;
use serde_json::json;

use crate::jws::{Signatory, base64url};
use crate::{Account, Acme, AcmeError};

/// What a server says to a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked now.
    Done,
    /// It was revoked before.
    AlreadyRevoked,
}

impl Account {
    /// Revokes a certificate in the name of the account. `reason` is a code of RFC 5280 section 5.3.1.
    ///
    /// # Errors
    /// Why it is not revoked, as far as we know.
    pub async fn revoke(&self, certificate_der: &[u8], reason: Option<u8>) -> Result<Revocation, AcmeError> {
        let directory = self.server().directory().await?;
        let url = directory.revoke_cert.as_deref().ok_or(AcmeError::Unsupported("revocation"))?;
        judged(self.post(url, &payload(certificate_der, reason)).await)
    }
}

impl Acme {
    /// Revokes a certificate with its own private key, for which no account is needed.
    ///
    /// # Errors
    /// Why it is not revoked, as far as we know; [`AcmeError::Material`] for a key of another kind than RSA or EC.
    pub async fn revoke_by_certificate_key(
        &self,
        directory_url: &str,
        key_pkcs8_der: &[u8],
        certificate_der: &[u8],
        reason: Option<u8>,
    ) -> Result<Revocation, AcmeError> {
        let server = self.server(directory_url);
        let directory = server.directory().await?;
        let url = directory.revoke_cert.as_deref().ok_or(AcmeError::Unsupported("revocation"))?;
        let key = PKey::private_key_from_pkcs8(key_pkcs8_der).map_err(AcmeError::crypto)?;
        judged(server.post(&key, Signatory::Key, url, &payload(certificate_der, reason)).await)
    }
}

fn payload(certificate_der: &[u8], reason: Option<u8>) -> String {
    let mut payload = json!({ "certificate": base64url(certificate_der) });
    if let Some(reason) = reason {
        payload["reason"] = json!(reason);
    }
    payload.to_string()
}

fn judged<T>(result: Result<T, AcmeError>) -> Result<Revocation, AcmeError> {
    match result {
        Ok(_) => Ok(Revocation::Done),
        Err(error) if error.is_problem("alreadyRevoked") => Ok(Revocation::AlreadyRevoked),
        Err(error) => Err(error),
    }
}

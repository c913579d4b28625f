//! Account keys: P-256, as ES256 wants it (RFC 7518 section 3.4).

use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sha::sha256;
use zeroize::Zeroizing;

use crate::AcmeError;
use crate::jws::{self, base64url};

/// The private key of an account.
pub struct AccountKey {
    key: PKey<Private>,
    thumbprint: String,
}

impl AccountKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`AcmeError::Material`] when OpenSSL fails.
    pub fn generate() -> Result<Self, AcmeError> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).map_err(AcmeError::crypto)?;
        let key = EcKey::generate(&group).and_then(PKey::from_ec_key).map_err(AcmeError::crypto)?;
        Self::of(key)
    }

    /// Reads a key from PKCS#8 DER.
    ///
    /// # Errors
    /// [`AcmeError::Material`] when it is no P-256 key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, AcmeError> {
        let key = PKey::private_key_from_pkcs8(der).map_err(AcmeError::crypto)?;
        Self::of(key)
    }

    fn of(key: PKey<Private>) -> Result<Self, AcmeError> {
        let is_p256 = key.ec_key().is_ok_and(|ec| ec.group().curve_name() == Some(Nid::X9_62_PRIME256V1));
        if !is_p256 {
            return Err(AcmeError::Material("an account key must be a P-256 key".to_owned()));
        }
        let thumbprint = base64url(&sha256(jws::jwk(&key)?.as_bytes()));
        Ok(Self { key, thumbprint })
    }

    /// The key as PKCS#8 DER, to be sealed and stored before it is used.
    ///
    /// # Errors
    /// [`AcmeError::Material`] when OpenSSL fails.
    pub fn to_pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, AcmeError> {
        self.key.private_key_to_pkcs8().map(Zeroizing::new).map_err(AcmeError::crypto)
    }

    /// The thumbprint of the public key (RFC 7638), base64url.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// What proves control together with a token (RFC 8555 section 8.1).
    pub fn key_authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint)
    }

    pub(crate) fn key(&self) -> &PKey<Private> {
        &self.key
    }
}

/// The TXT value for a key authorization (RFC 8555 section 8.4).
pub fn dns_challenge_value(key_authorization: &str) -> String {
    base64url(&sha256(key_authorization.as_bytes()))
}

/// What the certificate of a tls-alpn-01 answer holds (RFC 8737 section 3).
pub fn tls_alpn_digest(key_authorization: &str) -> [u8; 32] {
    sha256(key_authorization.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pkcs8_and_keeps_its_thumbprint() {
        let key = AccountKey::generate().unwrap();
        let again = AccountKey::from_pkcs8_der(&key.to_pkcs8_der().unwrap()).unwrap();
        assert_eq!(again.thumbprint(), key.thumbprint());
        assert_eq!(key.thumbprint().len(), 43);
        assert_eq!(key.key_authorization("t"), format!("t.{}", key.thumbprint()));
    }

    #[test]
    fn other_keys_are_refused() {
        let group = EcGroup::from_curve_name(Nid::SECP384R1).unwrap();
        let other = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        assert!(AccountKey::from_pkcs8_der(&other.private_key_to_pkcs8().unwrap()).is_err());
        assert!(AccountKey::from_pkcs8_der(b"no key").is_err());
    }

    /// The example of RFC 8555 section 8.4 hashes a key authorization; this is the digest in its own spelling.
    #[test]
    fn the_txt_value_is_the_digest() {
        assert_eq!(dns_challenge_value(""), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }
}

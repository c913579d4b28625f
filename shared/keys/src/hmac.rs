//! HMAC-SHA256 (RFC 2104).

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use crate::KeyError;

/// The HMAC-SHA256 of a text under a shared secret.
///
/// # Errors
/// [`KeyError`] when the library fails.
pub fn hmac_sha256(secret: &[u8], text: &[u8]) -> Result<Vec<u8>, KeyError> {
    let key = PKey::hmac(secret)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    signer.update(text)?;
    Ok(signer.sign_to_vec()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_rfc_4231_is_met() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?").unwrap();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let hex: Vec<String> = mac.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hex.concat(), expected);
    }
}

//! AES-256-GCM (SP 800-38D) with a random 96-bit nonce in front of the ciphertext.

use std::sync::OnceLock;

use certmill_domain::Entropy;
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

/// The length of a key in bytes.
pub const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// An AES-256 key. It stays where it was made: moving the box copies no key bytes.
pub struct AeadKey(Box<Zeroizing<[u8; KEY_LEN]>>);

/// Why [`AeadKey::open`] has no plaintext to give.
pub enum OpenError {
    /// Shorter than a nonce and a tag.
    TooShort,
    /// The tag does not fit the key, the nonce, the associated data and the ciphertext.
    NotAuthentic,
    /// OpenSSL failed before it came to the tag.
    Crypto(ErrorStack),
}

impl AeadKey {
    /// A fresh random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::filled_by(|bytes| entropy.fill(bytes))
    }

    /// A key whose bytes are written in place.
    pub fn filled_by(fill: impl FnOnce(&mut [u8; KEY_LEN])) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; KEY_LEN]));
        fill(&mut bytes);
        Self(bytes)
    }

    /// The key itself, for wrapping it and for writing it down.
    pub fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// `header`, nonce, ciphertext and tag. The header is not authenticated here: the associated
    /// data must say the same. One key may seal 2³² values (SP 800-38D §8.3).
    pub fn seal(
        &self,
        header: &[u8],
        associated_data: &[u8],
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, ErrorStack> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let mut context = CipherCtx::new()?;
        context.encrypt_init(Some(aes_256_gcm()?), Some(self.bytes()), Some(&nonce))?;
        context.cipher_update(associated_data, None)?;
        let mut tag = [0; TAG_LEN];
        let mut sealed = Vec::with_capacity(header.len() + NONCE_LEN + plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(header);
        sealed.extend_from_slice(&nonce);
        context.cipher_update_vec(plaintext, &mut sealed)?;
        context.cipher_final(&mut [])?;
        context.tag(&mut tag)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// The plaintext of what [`Self::seal`] made, without its header.
    pub fn open(&self, associated_data: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let Some((nonce, body)) = sealed.split_at_checked(NONCE_LEN) else {
            return Err(OpenError::TooShort);
        };
        let Some((ciphertext, tag)) =
            body.len().checked_sub(TAG_LEN).and_then(|length| body.split_at_checked(length))
        else {
            return Err(OpenError::TooShort);
        };
        let mut context = CipherCtx::new()?;
        context.decrypt_init(Some(aes_256_gcm()?), Some(self.bytes()), Some(nonce))?;
        context.cipher_update(associated_data, None)?;
        let mut plaintext = Zeroizing::new(vec![0; ciphertext.len()]);
        context.cipher_update(ciphertext, Some(&mut plaintext))?;
        context.set_tag(tag)?;
        // Only this step looks at the tag.
        context.cipher_final(&mut []).map_err(|_| OpenError::NotAuthentic)?;
        Ok(plaintext)
    }
}

impl From<ErrorStack> for OpenError {
    fn from(error: ErrorStack) -> Self {
        Self::Crypto(error)
    }
}

/// Associated data in which no two lists of fields look the same: each field follows its length.
pub fn associated_data(fields: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.iter().map(|field| 8 + field.len()).sum());
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

/// Fetched once: OpenSSL else looks the cipher up in its providers for every message.
fn aes_256_gcm() -> Result<&'static Cipher, ErrorStack> {
    static CIPHER: OnceLock<Cipher> = OnceLock::new();
    if let Some(cipher) = CIPHER.get() {
        return Ok(cipher);
    }
    let cipher = Cipher::fetch(None, "AES-256-GCM", None)?;
    Ok(CIPHER.get_or_init(|| cipher))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the bytes it was made with.
    struct Fixed(&'static [u8]);

    impl Entropy for Fixed {
        fn fill(&self, target: &mut [u8]) {
            target.copy_from_slice(self.0);
        }
    }

    /// Test case 16 of "The Galois/Counter Mode of Operation" by McGrew and Viega, appendix B.
    #[test]
    fn the_published_vector_comes_out() {
        let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let key = AeadKey::filled_by(|bytes| bytes.copy_from_slice(&key));
        let associated_data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plaintext = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        let nonce = Fixed(b"\xca\xfe\xba\xbe\xfa\xce\xdb\xad\xde\xca\xf8\x88");
        let sealed = key.seal(b"head", &associated_data, &plaintext, &nonce).unwrap();
        assert_eq!(
            sealed,
            [
                b"head".to_vec(),
                hex("cafebabefacedbaddecaf888"),
                hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                     8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"),
                hex("76fc6ece0f4e1768cddf8853bb2d551b"),
            ]
            .concat()
        );
        let opened = key.open(&associated_data, &sealed[4..]).ok().unwrap();
        assert_eq!(*opened, plaintext);
    }

    #[test]
    fn fields_cannot_flow_into_each_other() {
        assert_ne!(associated_data(&[b"ab", b"c"]), associated_data(&[b"a", b"bc"]));
        assert_ne!(associated_data(&[b"a", b""]), associated_data(&[b"a"]));
    }

    fn hex(text: &str) -> Vec<u8> {
        let digit = |octet: u8| u8::try_from(char::from(octet).to_digit(16).unwrap()).unwrap();
        text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
    }
}

//! Root keys, which come from the configuration and wrap the tenant keys.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use certmill_domain::{Entropy, TenantId};
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use crate::aead::{AeadKey, KEY_LEN, OpenError, associated_data};
use crate::{KeyError, TenantKey};

const PURPOSE: &[u8] = b"certmill tenant key";
const ID_PURPOSE: &[u8] = b"certmill root key id";
/// The first byte of a wrapped tenant key: the layout that [`RootKeys::wrap`] describes.
const FORMAT: u8 = 1;
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Padding or not: tools that print base64 do both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key at the top of the hierarchy. Together with the database it opens every secret in there.
pub struct RootKey {
    id: RootKeyId,
    key: AeadKey,
}

/// The name of a root key: 16 hexadecimal digits that are derived from it and do not give it away.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootKeyId(String);

/// The root key that wraps now, and former ones that still unwrap.
pub struct RootKeys {
    current: RootKey,
    previous: Vec<RootKey>,
}

impl RootKey {
    /// A fresh random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::new(AeadKey::generate(entropy))
    }

    /// Reads 64 hexadecimal digits or the base64 text of 32 bytes; surrounding white space does not
    /// matter.
    ///
    /// # Errors
    /// [`KeyError::InvalidRootKey`], which tells the form and how to make a key.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        if decode_hex(text, &mut bytes) || decode_base64(text, &mut bytes) {
            Ok(Self::new(AeadKey::filled_by(|key| {
                key.copy_from_slice(&*bytes);
            })))
        } else {
            Err(KeyError::InvalidRootKey { length: text.chars().count() })
        }
    }

    /// The key as 64 lower-case hexadecimal digits.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY_LEN));
        push_hex(&mut text, self.key.bytes());
        text
    }

    /// The name of this key, which is not secret: the first 8 bytes of SHA-256 over a fixed prefix
    /// and the key.
    pub fn id(&self) -> RootKeyId {
        self.id.clone()
    }

    fn new(key: AeadKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(ID_PURPOSE);
        hash.update(key.bytes());
        let mut id = String::with_capacity(16);
        push_hex(&mut id, hash.finish().first_chunk::<8>().map_or(&[], |head| &head[..]));
        Self { id: RootKeyId(id), key }
    }
}

impl RootKeyId {
    /// 16 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RootKeys {
    /// The root key that wraps from now on, and those that wrapped before.
    pub fn new(current: RootKey, previous: Vec<RootKey>) -> Self {
        Self { current, previous }
    }

    /// The name of the root key that [`Self::wrap`] uses, to be stored beside what it returns.
    pub fn current_id(&self) -> &RootKeyId {
        &self.current.id
    }

    /// Wraps a tenant key with the current root key: format version (1 byte), nonce (12 bytes),
    /// ciphertext (32 bytes), tag (16 bytes), bound to the tenant, the version and the root key.
    ///
    /// # Errors
    /// [`KeyError::OtherTenantKey`] when the key has another version, [`KeyError::Crypto`].
    pub fn wrap(
        &self,
        tenant: TenantId,
        version: u32,
        key: &TenantKey,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, KeyError> {
        if version != key.version() {
            return Err(KeyError::OtherTenantKey { wanted: version, given: key.version() });
        }
        let place = wrapping_place(&self.current.id, tenant, version);
        Ok(self.current.key.seal(&[FORMAT], &place, key.key().bytes(), entropy)?)
    }

    /// Unwraps a tenant key with the root key that is named.
    ///
    /// # Errors
    /// [`KeyError::UnknownRootKey`] when that root key was not given, [`KeyError::NotSealed`] for
    /// bytes of another form, [`KeyError::NotAuthentic`] when they were changed or belong to another
    /// tenant or version.
    pub fn unwrap(
        &self,
        tenant: TenantId,
        version: u32,
        root_key_id: &str,
        wrapped: &[u8],
    ) -> Result<TenantKey, KeyError> {
        let root_key = self.find(root_key_id)?;
        let Some((&FORMAT, body)) = wrapped.split_first() else {
            return Err(KeyError::NotSealed("its format version is unknown"));
        };
        let place = wrapping_place(&root_key.id, tenant, version);
        let bytes = root_key.key.open(&place, body).map_err(|error| match error {
            OpenError::TooShort => KeyError::NotSealed("it is too short"),
            OpenError::NotAuthentic => {
                KeyError::NotAuthentic { place: format!("tenant key {version} of {tenant}") }
            }
            OpenError::Crypto(error) => KeyError::Crypto(error),
        })?;
        if bytes.len() != KEY_LEN {
            return Err(KeyError::NotSealed("a tenant key has 32 bytes"));
        }
        Ok(TenantKey::from_key(version, AeadKey::filled_by(|key| key.copy_from_slice(&bytes))))
    }

    fn find(&self, id: &str) -> Result<&RootKey, KeyError> {
        self.all().find(|key| key.id.as_str() == id).ok_or_else(|| KeyError::UnknownRootKey {
            wanted: id.chars().take(64).collect(),
            known: self.all().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    fn all(&self) -> impl Iterator<Item = &RootKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn wrapping_place(root_key: &RootKeyId, tenant: TenantId, version: u32) -> Vec<u8> {
    associated_data(&[
        PURPOSE,
        &[FORMAT],
        root_key.as_str().as_bytes(),
        tenant.to_string().as_bytes(),
        &version.to_be_bytes(),
    ])
}

fn decode_hex(text: &str, target: &mut [u8; KEY_LEN]) -> bool {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != KEY_LEN || !rest.is_empty() {
        return false;
    }
    for (octet, &[high, low]) in target.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (hex_value(high), hex_value(low)) else {
            return false;
        };
        *octet = high << 4 | low;
    }
    true
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn decode_base64(text: &str, target: &mut [u8; KEY_LEN]) -> bool {
    // Room for one group more, so that a text that is too long is seen as such.
    let mut bytes = Zeroizing::new([0; KEY_LEN + 3]);
    if BASE64.decode_slice(text, &mut *bytes) != Ok(KEY_LEN) {
        return false;
    }
    match bytes.first_chunk() {
        Some(head) => *target = *head,
        None => return false,
    }
    true
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for octet in bytes {
        // Invariant: a half octet is less than 16.
        text.push(char::from(HEX_DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(HEX_DIGITS[usize::from(octet & 0x0f)]));
    }
}

#[cfg(test)]
mod tests {
    use certmill_domain::{SystemEntropy, Timestamp};

    use super::*;
    use crate::SealPlace;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
    const BASE64_TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHv8=";

    fn tenant() -> TenantId {
        TenantId::generate(Timestamp::from_unix_seconds(1_700_000_000), &SystemEntropy)
    }

    #[test]
    fn every_spelling_is_the_same_key() {
        for text in [
            HEX,
            &HEX.to_uppercase(),
            &format!("\n  {HEX}\r\n"),
            BASE64_TEXT,
            BASE64_TEXT.trim_end_matches('='),
        ] {
            let key = RootKey::from_text(text).ok().unwrap();
            assert_eq!(*key.to_text(), HEX);
        }
    }

    #[test]
    fn the_id_is_what_the_documentation_says() {
        // printf 'certmill root key id' and the 32 bytes, through sha256sum.
        let id = RootKey::from_text(HEX).ok().unwrap().id();
        assert_eq!(id.as_str(), "58bf6c74f4fe262d");
        assert_eq!(id.to_string(), id.as_str());
    }

    #[test]
    fn other_texts_are_refused_with_the_way_to_make_one() {
        let too_long = format!("{HEX}00");
        let long_base64 = format!("AAAA{BASE64_TEXT}");
        for text in ["", "secret", &HEX[1..], &too_long, &HEX.replace('f', "g"), &long_base64] {
            let message = RootKey::from_text(text).err().unwrap().to_string();
            assert!(message.contains("openssl rand -hex 32"), "{message}");
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
    }

    #[test]
    fn a_wrapped_tenant_key_opens_what_the_original_sealed() {
        let tenant = tenant();
        let roots = RootKeys::new(RootKey::generate(&SystemEntropy), Vec::new());
        let key = TenantKey::generate(7, &SystemEntropy);
        let wrapped = roots.wrap(tenant, 7, &key, &SystemEntropy).unwrap();
        assert_eq!(wrapped.len(), 61);
        let again = roots.unwrap(tenant, 7, roots.current_id().as_str(), &wrapped).ok().unwrap();
        let place = SealPlace { tenant, table: "t", row: "r", column: "c" };
        let sealed = key.seal(&place, b"secret", &SystemEntropy).unwrap();
        assert_eq!(*again.open(&place, &sealed).unwrap(), b"secret");
    }

    #[test]
    fn a_previous_root_key_still_unwraps() {
        let (old, new) = (RootKey::generate(&SystemEntropy), RootKey::generate(&SystemEntropy));
        let (old_text, old_id) = (old.to_text(), old.id());
        let tenant = tenant();
        let key = TenantKey::generate(1, &SystemEntropy);
        let wrapped = RootKeys::new(old, Vec::new()).wrap(tenant, 1, &key, &SystemEntropy).unwrap();
        let old = RootKey::from_text(&old_text).ok().unwrap();
        let roots = RootKeys::new(new, vec![old]);
        assert_ne!(roots.current_id(), &old_id);
        assert!(roots.unwrap(tenant, 1, old_id.as_str(), &wrapped).is_ok());
    }

    #[test]
    fn a_missing_root_key_is_named_beside_the_given_ones() {
        let (old, new) = (RootKey::generate(&SystemEntropy), RootKey::generate(&SystemEntropy));
        let old_id = old.id();
        let tenant = tenant();
        let key = TenantKey::generate(1, &SystemEntropy);
        let wrapped = RootKeys::new(old, Vec::new()).wrap(tenant, 1, &key, &SystemEntropy).unwrap();
        let roots = RootKeys::new(new, Vec::new());
        let error = roots.unwrap(tenant, 1, old_id.as_str(), &wrapped).err().unwrap();
        assert!(matches!(error, KeyError::UnknownRootKey { .. }));
        let message = error.to_string();
        assert!(message.contains(old_id.as_str()), "{message}");
        assert!(message.contains(roots.current_id().as_str()), "{message}");
    }

    #[test]
    fn a_wrapped_key_of_another_tenant_version_or_root_does_not_open() {
        let (first, second) = (RootKey::generate(&SystemEntropy), RootKey::generate(&SystemEntropy));
        let second_id = second.id();
        let roots = RootKeys::new(first, vec![second]);
        let owner = tenant();
        let key = TenantKey::generate(1, &SystemEntropy);
        let wrapped = roots.wrap(owner, 1, &key, &SystemEntropy).unwrap();
        let id = roots.current_id().as_str();
        let mut changed = wrapped.clone();
        changed[30] ^= 1;
        for result in [
            roots.unwrap(tenant(), 1, id, &wrapped),
            roots.unwrap(owner, 2, id, &wrapped),
            roots.unwrap(owner, 1, second_id.as_str(), &wrapped),
            roots.unwrap(owner, 1, id, &changed),
        ] {
            assert!(matches!(result.err(), Some(KeyError::NotAuthentic { .. })));
        }
        for bytes in [&[][..], &wrapped[..20], &wrapped[1..]] {
            assert!(roots.unwrap(owner, 1, id, bytes).is_err());
        }
        assert!(matches!(
            roots.wrap(owner, 2, &key, &SystemEntropy),
            Err(KeyError::OtherTenantKey { wanted: 2, given: 1 })
        ));
    }
}

//! Tenant keys, which seal the secrets of one tenant, each bound to the place where it is stored.

use std::fmt;

use certmill_domain::{Entropy, TenantId};
use zeroize::Zeroizing;

use crate::KeyError;
use crate::aead::{AeadKey, OpenError, associated_data};

const PURPOSE: &[u8] = b"certmill sealed value";
/// The first byte of a sealed value: the layout that this file describes.
const FORMAT: u8 = 1;
const HEADER_LEN: usize = 5;

/// One version of the key that seals the secrets of one tenant.
///
/// A sealed value is: format version (1 byte), key version (4 bytes, big-endian), nonce (12 bytes),
/// ciphertext as long as the plaintext, tag (16 bytes).
pub struct TenantKey {
    version: u32,
    key: AeadKey,
}

/// Where a sealed value is stored. A value that is copied to another place does not open there.
#[derive(Clone, Copy, Debug)]
pub struct SealPlace<'a> {
    /// The tenant that owns the row.
    pub tenant: TenantId,
    /// The table.
    pub table: &'static str,
    /// The primary key of the row, as text.
    pub row: &'a str,
    /// The column.
    pub column: &'static str,
}

impl TenantKey {
    /// A fresh random key with the given version.
    pub fn generate(version: u32, entropy: &dyn Entropy) -> Self {
        Self { version, key: AeadKey::generate(entropy) }
    }

    /// The version of this key, which stands in every value it seals.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Seals a secret for the place where it will be stored; 33 bytes longer than the secret. One
    /// key may seal 2³² values (SP 800-38D §8.3).
    ///
    /// # Errors
    /// [`KeyError::Crypto`].
    pub fn seal(
        &self,
        place: &SealPlace<'_>,
        plaintext: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, KeyError> {
        let header = header(self.version);
        Ok(self.key.seal(&header, &place.associated_data(&header), plaintext, entropy)?)
    }

    /// Opens what [`Self::seal`] made for the same place.
    ///
    /// # Errors
    /// [`KeyError::NotSealed`] for bytes of another form, [`KeyError::OtherTenantKey`] when another
    /// version sealed it, [`KeyError::NotAuthentic`] when it was changed or moved.
    pub fn open(&self, place: &SealPlace<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let (wanted, body) = split_header(sealed)?;
        if wanted != self.version {
            return Err(KeyError::OtherTenantKey { wanted, given: self.version });
        }
        let associated_data = place.associated_data(&header(wanted));
        self.key.open(&associated_data, body).map_err(|error| match error {
            OpenError::TooShort => KeyError::NotSealed("it is too short"),
            OpenError::NotAuthentic => KeyError::NotAuthentic { place: place.to_string() },
            OpenError::Crypto(error) => KeyError::Crypto(error),
        })
    }

    pub(crate) fn from_key(version: u32, key: AeadKey) -> Self {
        Self { version, key }
    }

    pub(crate) fn key(&self) -> &AeadKey {
        &self.key
    }
}

/// The version of the tenant key that sealed a value.
///
/// # Errors
/// [`KeyError::NotSealed`] for bytes of another form.
pub fn sealed_with(sealed: &[u8]) -> Result<u32, KeyError> {
    split_header(sealed).map(|(version, _)| version)
}

impl SealPlace<'_> {
    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        associated_data(&[
            PURPOSE,
            header,
            self.tenant.to_string().as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
        ])
    }
}

/// Table, row, column and tenant, for errors and logs.
impl fmt::Display for SealPlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{} of {}", self.table, self.row, self.column, self.tenant)
    }
}

fn header(version: u32) -> [u8; HEADER_LEN] {
    let [a, b, c, d] = version.to_be_bytes();
    [FORMAT, a, b, c, d]
}

fn split_header(sealed: &[u8]) -> Result<(u32, &[u8]), KeyError> {
    let Some((&[format, a, b, c, d], body)) = sealed.split_first_chunk::<HEADER_LEN>() else {
        return Err(KeyError::NotSealed("it is too short"));
    };
    if format != FORMAT {
        return Err(KeyError::NotSealed("its format version is unknown"));
    }
    Ok((u32::from_be_bytes([a, b, c, d]), body))
}

#[cfg(test)]
mod tests {
    use certmill_domain::{SystemEntropy, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn tenant() -> TenantId {
        TenantId::generate(Timestamp::from_unix_seconds(1_700_000_000), &SystemEntropy)
    }

    fn place(tenant: TenantId) -> SealPlace<'static> {
        SealPlace { tenant, table: "certificates", row: "cert_1", column: "private_key" }
    }

    #[test]
    fn a_sealed_value_opens_where_it_belongs() {
        let key = TenantKey::generate(0x0102_0304, &SystemEntropy);
        let place = place(tenant());
        for secret in [&b""[..], b"x", &[7; 5000]] {
            let sealed = key.seal(&place, secret, &SystemEntropy).unwrap();
            assert_eq!(sealed.len(), secret.len() + 33);
            assert_eq!(sealed[..5], [1, 1, 2, 3, 4]);
            assert_eq!(sealed_with(&sealed).unwrap(), 0x0102_0304);
            assert_eq!(*key.open(&place, &sealed).unwrap(), secret);
        }
    }

    #[test]
    fn a_sealed_value_opens_nowhere_else() {
        let key = TenantKey::generate(1, &SystemEntropy);
        let home = place(tenant());
        let sealed = key.seal(&home, b"secret", &SystemEntropy).unwrap();
        for elsewhere in [
            SealPlace { tenant: tenant(), ..home },
            SealPlace { table: "csrs", ..home },
            SealPlace { row: "cert_2", ..home },
            SealPlace { column: "other", ..home },
            // The same letters, cut at another place.
            SealPlace { table: "certificatesc", row: "ert_1", ..home },
        ] {
            let error = key.open(&elsewhere, &sealed).unwrap_err();
            assert!(matches!(error, KeyError::NotAuthentic { .. }), "{error}");
        }
        let other_key = TenantKey::generate(1, &SystemEntropy);
        let error = other_key.open(&home, &sealed).unwrap_err();
        assert!(matches!(error, KeyError::NotAuthentic { .. }), "{error}");
    }

    #[test]
    fn another_version_is_named() {
        let place = place(tenant());
        let sealed = TenantKey::generate(3, &SystemEntropy).seal(&place, b"secret", &SystemEntropy).unwrap();
        let error = TenantKey::generate(4, &SystemEntropy).open(&place, &sealed).unwrap_err();
        assert!(matches!(error, KeyError::OtherTenantKey { wanted: 3, given: 4 }), "{error}");
    }

    #[test]
    fn what_is_not_sealed_is_refused() {
        let key = TenantKey::generate(1, &SystemEntropy);
        for bytes in [&[][..], &[1, 0, 0, 0], &[1, 0, 0, 0, 1], &[1, 0, 0, 0, 1, 9, 9], &[2; 64]] {
            let error = key.open(&place(tenant()), bytes).unwrap_err();
            assert!(matches!(error, KeyError::NotSealed(_)), "{error}");
        }
    }

    #[test]
    fn equal_secrets_are_sealed_differently() {
        let key = TenantKey::generate(1, &SystemEntropy);
        let place = place(tenant());
        let seal = || key.seal(&place, b"secret", &SystemEntropy).unwrap();
        assert_ne!(seal(), seal());
    }

    proptest! {
        #[test]
        fn one_flipped_bit_is_noticed(
            secret in proptest::collection::vec(any::<u8>(), 0..80),
            position in any::<prop::sample::Index>(),
        ) {
            let key = TenantKey::generate(1, &SystemEntropy);
            let place = place(tenant());
            let mut sealed = key.seal(&place, &secret, &SystemEntropy).unwrap();
            let bit = position.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(key.open(&place, &sealed).is_err());
        }

        #[test]
        fn a_shortened_value_does_not_open(
            secret in proptest::collection::vec(any::<u8>(), 0..80),
            length in any::<prop::sample::Index>(),
        ) {
            let key = TenantKey::generate(1, &SystemEntropy);
            let place = place(tenant());
            let sealed = key.seal(&place, &secret, &SystemEntropy).unwrap();
            prop_assert!(key.open(&place, &sealed[..length.index(sealed.len())]).is_err());
        }
    }
}

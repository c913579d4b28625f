//! The lists of a CA: the full one, and those of its shards.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::{CaId, Timestamp};

/// Which of a CA's lists: the full one, or that of a shard; or the delta CRL to one of these. As text the id of the CA, for a
/// shard with its number behind a hyphen, for a delta CRL with `-delta`. Certificates of shard 0 are on the full list only, which
/// lists those of the shards too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CrlId {
    ca: CaId,
    shard: u32,
    is_delta: bool,
}

/// The end of the text of a delta CRL.
const DELTA: &str = "-delta";

/// A text that names no list of a CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is neither the id of a CA nor one with the number of a shard, as in `ca_01J9Z3NDEKTSV4RRFFQ69G5FAV-3`"
)]
pub struct InvalidCrlId;

impl CrlId {
    /// The most shards of a CA.
    pub const MOST_SHARDS: u32 = 128;

    /// The list of everything that a CA has revoked.
    pub const fn full(ca: CaId) -> Self {
        Self { ca, shard: 0, is_delta: false }
    }

    /// The list that certificates of this shard name.
    pub const fn of_shard(ca: CaId, shard: u32) -> Self {
        Self { ca, shard, is_delta: false }
    }

    /// The delta CRL to this list.
    pub const fn delta(self) -> Self {
        Self { is_delta: true, ..self }
    }

    /// The list that this is, or is the delta CRL to.
    pub const fn base(self) -> Self {
        Self { is_delta: false, ..self }
    }

    /// Whether it is a delta CRL.
    pub const fn is_delta(self) -> bool {
        self.is_delta
    }

    /// The CA.
    pub const fn ca(self) -> CaId {
        self.ca
    }

    /// The number of the shard; 0 of the full list.
    pub const fn shard(self) -> u32 {
        self.shard
    }

    /// Whether it is about everything that the CA has revoked, or the delta CRL to such a list.
    pub const fn is_full(self) -> bool {
        self.shard == 0
    }
}

/// The numbers of the shards that have a list of their own, where a CA has so many shards: none when it is not divided.
pub fn shard_numbers(shards: u32) -> RangeInclusive<u32> {
    1..=if shards > 1 { shards } else { 0 }
}

impl fmt::Display for CrlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ca.fmt(f)?;
        if self.shard > 0 {
            write!(f, "-{}", self.shard)?;
        }
        f.write_str(if self.is_delta { DELTA } else { "" })
    }
}

impl FromStr for CrlId {
    type Err = InvalidCrlId;

    fn from_str(text: &str) -> Result<Self, InvalidCrlId> {
        let (text, is_delta) = match text.strip_suffix(DELTA) {
            Some(base) => (base, true),
            None => (text, false),
        };
        let (ca, shard) = match text.split_once('-') {
            Some((ca, number)) => {
                // One spelling each: it is a part of addresses and of the subjects of jobs.
                let is_plain = number.bytes().all(|digit| digit.is_ascii_digit()) && !number.starts_with('0');
                (ca, number.parse().ok().filter(|_| is_plain).ok_or(InvalidCrlId)?)
            }
            None => (text, 0),
        };
        Ok(Self { ca: ca.parse().map_err(|_| InvalidCrlId)?, shard, is_delta })
    }
}

/// What a CRL says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrlInfo {
    /// CRL number (RFC 5280 §5.2.3).
    pub number: i64,
    /// When it was made.
    pub this_update: Timestamp,
    /// Until when the next one is promised.
    pub next_update: Timestamp,
    /// How many certificates it lists.
    pub entries: i64,
    /// How often it was built.
    pub builds: i64,
}

/// A CRL.
#[derive(Debug, Clone)]
pub struct Crl {
    /// Its figures.
    pub info: CrlInfo,
    /// The signed list in DER.
    pub der: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn a_list_has_one_spelling() {
        let ca = CaId::generate(Timestamp::from_unix_seconds(1_000), &SystemEntropy);
        for list in [CrlId::full(ca), CrlId::of_shard(ca, 1), CrlId::of_shard(ca, 128)] {
            assert_eq!(list.to_string().parse(), Ok(list));
            let delta = list.delta();
            assert_eq!(delta.to_string().parse(), Ok(delta));
            assert_eq!((delta.base(), delta.shard()), (list, list.shard()));
        }
        assert_eq!(CrlId::full(ca).to_string(), ca.to_string());
        for wrong in [
            "-delta-1",
            "-delta-delta",
            "-0-delta",
            "-0",
            "-01",
            "-",
            "-+1",
            "-1-1",
            "-x",
            "-4294967296",
            ".1",
        ] {
            assert_eq!(format!("{ca}{wrong}").parse::<CrlId>(), Err(InvalidCrlId), "{wrong}");
        }
        assert!("role_01J9Z3NDEKTSV4RRFFQ69G5FAV-1".parse::<CrlId>().is_err());
    }

    #[test]
    fn a_ca_that_is_not_divided_has_the_full_list_only() {
        assert_eq!(shard_numbers(1).count(), 0);
        assert_eq!(shard_numbers(3).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

//! Sets of reasons for revocation (RFC 5280 §4.2.1.13, `ReasonFlags`).

use std::fmt;

use crate::X509Error;

use super::extension::malformed;

/// The reasons that a CRL or a distribution point covers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReasonSet(u16);

impl ReasonSet {
    /// No reason.
    pub const NONE: Self = Self(0);
    /// Every reason: bits 1 to 8. Bit 0 is unused.
    pub const ALL: Self = Self(0b1_1111_1110);

    const NAMES: [(u16, &'static str); 8] = [
        (1 << 1, "keyCompromise"),
        (1 << 2, "cACompromise"),
        (1 << 3, "affiliationChanged"),
        (1 << 4, "superseded"),
        (1 << 5, "cessationOfOperation"),
        (1 << 6, "certificateHold"),
        (1 << 7, "privilegeWithdrawn"),
        (1 << 8, "aACompromise"),
    ];

    /// Reads the contents of the BIT STRING. Bits that are not defined are ignored.
    pub(super) fn parse(contents: &[u8]) -> Result<Self, X509Error> {
        let [unused @ 0..=7, bits @ ..] = contents else {
            return Err(malformed("a set of reasons is no BIT STRING"));
        };
        if bits.is_empty() && *unused > 0 {
            return Err(malformed("a set of reasons is no BIT STRING"));
        }
        let octet = |index: usize| bits.get(index).copied().unwrap_or_default().reverse_bits();
        Ok(Self(u16::from_le_bytes([octet(0), octet(1)])).intersection(Self::ALL))
    }

    /// The reasons of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The reasons that are in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The reasons that are not in this set.
    pub const fn complement(self) -> Self {
        Self(Self::ALL.0 & !self.0)
    }

    /// Whether it has no reason.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names in RFC 5280, in the order of the bits.
    pub fn names(self) -> Vec<&'static str> {
        let named = Self::NAMES.into_iter();
        named.filter_map(|(bit, name)| (self.0 & bit != 0).then_some(name)).collect()
    }
}

impl fmt::Display for ReasonSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names().join(", "))
    }
}

impl fmt::Debug for ReasonSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ReasonSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_order_of_the_rfc() {
        for (contents, names) in [
            (&[6, 0b0100_0000][..], "keyCompromise"),
            (&[5, 0b0110_0000], "keyCompromise, cACompromise"),
            (&[7, 0b1000_0000], ""),
            (&[0, 0b0000_0001], "privilegeWithdrawn"),
            (&[7, 0, 0b1000_0000], "aACompromise"),
            (&[0], ""),
        ] {
            assert_eq!(ReasonSet::parse(contents).unwrap().to_string(), names, "{contents:?}");
        }
        let all = ReasonSet::parse(&[7, 0xFF, 0x80]).unwrap();
        assert_eq!(all, ReasonSet::ALL);
        assert_eq!(all.complement(), ReasonSet::NONE);
        assert_eq!(ReasonSet::ALL.names().len(), 8);
        for contents in [&[][..], &[1], &[8, 1]] {
            assert!(ReasonSet::parse(contents).is_err(), "{contents:?}");
        }
    }
}

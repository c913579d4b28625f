//! Serial numbers of certificates (RFC 5280 §4.1.2.2).

use std::{fmt, str::FromStr};

use crate::X509Error;

const MAX_OCTETS: usize = 20;

/// A positive serial number of at most 20 octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialNumber {
    /// The magnitude, right-aligned.
    padded: [u8; MAX_OCTETS],
    /// How many octets at the end are the number; never 0.
    length: u8,
}

impl SerialNumber {
    /// A serial number from 160 random bits, of which 159 are used: the top one is the sign. (RFC 5280 §4.1.2.2 asks
    /// for at most 20 octets, the CA/Browser Forum's Baseline Requirements for at least 64 random bits.)
    pub fn from_random(mut octets: [u8; 20]) -> Self {
        octets[0] &= 0x7F;
        // Zero is not positive. It comes once in 2^159 draws, or from a broken source.
        if octets.iter().all(|octet| *octet == 0) {
            octets[19] = 1;
        }
        Self::from_padded(octets)
    }

    /// A serial number from its big-endian magnitude; zeros in front are dropped.
    ///
    /// # Errors
    /// [`X509Error::InvalidSerialNumber`] when it is zero, or does not fit 20 octets as a positive INTEGER.
    pub fn from_bytes(magnitude: &[u8]) -> Result<Self, X509Error> {
        let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        // The sign bit counts: 20 octets with the top bit set would need 21 octets of INTEGER contents.
        let sign_octet = usize::from(digits.first().is_some_and(|first| first & 0x80 != 0));
        if digits.is_empty() || digits.len() + sign_octet > MAX_OCTETS {
            return Err(X509Error::InvalidSerialNumber(
                "it must be positive and at most 20 octets long (RFC 5280 section 4.1.2.2)".into(),
            ));
        }
        let mut padded = [0; MAX_OCTETS];
        for (place, digit) in padded.iter_mut().rev().zip(digits.iter().rev()) {
            *place = *digit;
        }
        Ok(Self::from_padded(padded))
    }

    /// The big-endian magnitude, 1 to 20 octets without zeros in front.
    pub fn as_bytes(&self) -> &[u8] {
        // Invariant: `length` is at most `MAX_OCTETS`, so the slice is never the empty default.
        self.padded
            .get(MAX_OCTETS - usize::from(self.length)..)
            .unwrap_or_default()
    }

    fn from_padded(padded: [u8; MAX_OCTETS]) -> Self {
        let length = padded
            .iter()
            .skip_while(|octet| **octet == 0)
            .fold(0, |count, _| count + 1);
        Self { padded, length }
    }
}

/// By numeric value.
impl Ord for SerialNumber {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.padded.cmp(&other.padded)
    }
}

impl PartialOrd for SerialNumber {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Lower-case hex pairs, joined by `:`.
impl fmt::Display for SerialNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.as_bytes().iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(formatter, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SerialNumber({self})")
    }
}

/// Reads hexadecimal in any case: pairs separated by `:` or `-`, or digits without separators.
impl FromStr for SerialNumber {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let octets = match text
            .chars()
            .find(|character| matches!(character, ':' | '-'))
        {
            Some(separator) => text
                .split(separator)
                .map(octet)
                .collect::<Option<Vec<u8>>>(),
            None => unseparated(text),
        };
        let octets = octets.ok_or_else(|| {
            X509Error::InvalidSerialNumber(
                "it must be hexadecimal: pairs such as 0a:1b, or 0a1b".into(),
            )
        })?;
        Self::from_bytes(&octets)
    }
}

fn unseparated(text: &str) -> Option<Vec<u8>> {
    // An odd count of digits has lost the zero in front.
    let (first, rest) = text.as_bytes().split_at_checked(text.len() % 2)?;
    let pairs = rest
        .chunks(2)
        .map(|pair| octet(std::str::from_utf8(pair).ok()?));
    let single = (!first.is_empty()).then(|| octet(std::str::from_utf8(first).ok()?));
    single.into_iter().chain(pairs).collect()
}

fn octet(pair: &str) -> Option<u8> {
    // `from_str_radix` would take a sign.
    let hexadecimal =
        matches!(pair.len(), 1 | 2) && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal
        .then(|| u8::from_str_radix(pair, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn random_serial_numbers_are_positive_and_have_159_bits() {
        assert_eq!(
            SerialNumber::from_random([0xFF; 20]).as_bytes(),
            [&[0x7F][..], &[0xFF; 19]].concat()
        );
        assert_eq!(SerialNumber::from_random([0; 20]).as_bytes(), [1]);
        let mut only_sign = [0; 20];
        only_sign[0] = 0x80;
        assert_eq!(SerialNumber::from_random(only_sign).as_bytes(), [1]);
    }

    #[test]
    fn zero_and_long_numbers_are_refused() {
        for magnitude in [&[][..], &[0], &[0, 0, 0], &[1; 21], &[0xFF; 20]] {
            assert!(matches!(
                SerialNumber::from_bytes(magnitude),
                Err(X509Error::InvalidSerialNumber(_))
            ));
        }
        assert_eq!(
            SerialNumber::from_bytes(&[0x7F; 20])
                .unwrap()
                .as_bytes()
                .len(),
            20
        );
        assert_eq!(
            SerialNumber::from_bytes(&[0, 0, 0xFF]).unwrap().as_bytes(),
            [0xFF]
        );
    }

    #[test]
    fn texts_are_read_in_every_usual_form() {
        for text in [
            "0a:1b:FF",
            "0A-1B-FF",
            "0a1bff",
            "A1BFF",
            "00:00:0a:1b:ff",
            "a:1b:ff",
        ] {
            assert_eq!(
                text.parse::<SerialNumber>().unwrap().to_string(),
                "0a:1b:ff",
                "{text}"
            );
        }
        for text in [
            "", ":", "0a:", "0a:1b-ff", "0a::1b", "0x0a", "+a", "-1", "0a 1b", "gg", "é", "100:1",
            "aé",
        ] {
            assert!(text.parse::<SerialNumber>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_octets_round_trip(octets: [u8; 20]) {
            let serial = SerialNumber::from_random(octets);
            prop_assert_eq!(serial.to_string().parse::<SerialNumber>().unwrap(), serial);
            prop_assert_eq!(serial.to_string().replace(':', "").parse::<SerialNumber>().unwrap(), serial);
            prop_assert_eq!(SerialNumber::from_bytes(serial.as_bytes()).unwrap(), serial);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<SerialNumber>();
        }
    }
}

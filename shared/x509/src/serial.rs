//! Serial numbers of certificates (RFC 5280 §4.1.2.2).

use std::{fmt, str::FromStr};

use crate::X509Error;

const MAX_OCTETS: usize = 20;

/// A serial number of at most 20 octets.
///
/// RFC 5280 asks issuers for positive numbers whose INTEGER has at most 20 octets. Well-known roots
/// have the number 0, or 20 octets with the sign bit in a 21st, so both can be read;
/// [`crate::CertificateTemplate::sign`] refuses them, and [`SerialNumber::from_random`] makes
/// neither.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SerialNumber {
    /// The magnitude, right-aligned.
    padded: [u8; MAX_OCTETS],
    /// How many octets at the end are the number: 1 to 20.
    length: u8,
}

impl SerialNumber {
    /// A serial number from 160 random bits, of which 159 are used: the top one is the sign. (RFC
    /// 5280 §4.1.2.2 asks for at most 20 octets, the CA/Browser Forum's Baseline Requirements for
    /// at least 64 random bits.)
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
    /// [`X509Error::InvalidSerialNumber`] when it is empty, or longer than 20 octets.
    pub fn from_bytes(magnitude: &[u8]) -> Result<Self, X509Error> {
        let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        if magnitude.is_empty() || digits.len() > MAX_OCTETS {
            return Err(X509Error::InvalidSerialNumber(
                "it must have 1 to 20 octets (RFC 5280 section 4.1.2.2)".into(),
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
        self.padded.get(MAX_OCTETS - usize::from(self.length)..).unwrap_or_default()
    }

    /// Whether it may stand in a certificate of ours: positive, and at most 20 octets of INTEGER.
    pub(crate) fn can_be_issued(&self) -> bool {
        let sign_bit = self.padded[0] & 0x80 != 0;
        !sign_bit && self.padded != [0; MAX_OCTETS]
    }

    fn from_padded(padded: [u8; MAX_OCTETS]) -> Self {
        let zeros = padded.iter().take_while(|octet| **octet == 0).count();
        // Invariant: it is at most `MAX_OCTETS`. The number 0 has one octet.
        let length = u8::try_from(MAX_OCTETS - zeros).unwrap_or_default().max(1);
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
        let octets = match text.chars().find(|character| matches!(character, ':' | '-')) {
            Some(separator) => text.split(separator).map(octet).collect::<Option<Vec<u8>>>(),
            None => unseparated(text),
        };
        let octets = octets.ok_or_else(|| {
            X509Error::InvalidSerialNumber("it must be hexadecimal: pairs such as 0a:1b, or 0a1b".into())
        })?;
        Self::from_bytes(&octets)
    }
}

fn unseparated(text: &str) -> Option<Vec<u8>> {
    // An odd count of digits has lost the zero in front.
    let (first, rest) = text.as_bytes().split_at_checked(text.len() % 2)?;
    let pairs = rest.chunks(2).map(|pair| octet(std::str::from_utf8(pair).ok()?));
    let single = (!first.is_empty()).then(|| octet(std::str::from_utf8(first).ok()?));
    single.into_iter().chain(pairs).collect()
}

fn octet(pair: &str) -> Option<u8> {
    // `from_str_radix` would take a sign.
    let hexadecimal = matches!(pair.len(), 1 | 2) && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn random_serial_numbers_are_positive_and_have_159_bits() {
        assert_eq!(SerialNumber::from_random([0xFF; 20]).as_bytes(), [&[0x7F][..], &[0xFF; 19]].concat());
        assert_eq!(SerialNumber::from_random([0; 20]).as_bytes(), [1]);
        let mut only_sign = [0; 20];
        only_sign[0] = 0x80;
        assert_eq!(SerialNumber::from_random(only_sign).as_bytes(), [1]);
    }

    #[test]
    fn numbers_that_others_issue_are_read_but_not_issued() {
        for (magnitude, issued) in [
            (&[0][..], false),
            (&[0; 30], false),
            (&[0xFF; 20], false),
            (&[0x80; 20], false),
            (&[0x7F; 20], true),
            (&[0xFF; 19], true),
            (&[1], true),
        ] {
            let serial = SerialNumber::from_bytes(magnitude).unwrap();
            assert_eq!(serial.can_be_issued(), issued, "{serial}");
            assert_eq!(serial.to_string().parse::<SerialNumber>().unwrap(), serial);
        }
        for magnitude in [&[][..], &[1; 21]] {
            let answer = SerialNumber::from_bytes(magnitude);
            assert!(matches!(answer, Err(X509Error::InvalidSerialNumber(_))));
        }
        assert_eq!(SerialNumber::from_bytes(&[0, 0, 0xFF]).unwrap().as_bytes(), [0xFF]);
        assert_eq!(SerialNumber::from_bytes(&[0, 0]).unwrap().as_bytes(), [0]);
    }

    #[test]
    fn texts_are_read_in_every_usual_form() {
        for text in ["0a:1b:FF", "0A-1B-FF", "0a1bff", "A1BFF", "00:00:0a:1b:ff", "a:1b:ff"] {
            assert_eq!(text.parse::<SerialNumber>().unwrap().to_string(), "0a:1b:ff", "{text}");
        }
        for text in
            ["", ":", "0a:", "0a:1b-ff", "0a::1b", "0x0a", "+a", "-1", "0a 1b", "gg", "é", "100:1", "aé"]
        {
            assert!(text.parse::<SerialNumber>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_octets_round_trip(octets: [u8; 20]) {
            let serial = SerialNumber::from_random(octets);
            prop_assert_eq!(serial.to_string().parse::<SerialNumber>().unwrap(), serial);
            let unseparated = serial.to_string().replace(':', "");
            prop_assert_eq!(unseparated.parse::<SerialNumber>().unwrap(), serial);
            prop_assert_eq!(SerialNumber::from_bytes(serial.as_bytes()).unwrap(), serial);
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = text.parse::<SerialNumber>();
        }
    }
}

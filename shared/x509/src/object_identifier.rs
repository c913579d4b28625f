//! Object identifiers (X.660) with arcs of any size, such as UUIDs below `2.25` (X.667), and their DER (X.690 §8.19).

use std::{fmt, str::FromStr};

use crate::X509Error;

/// The most octets of an encoded identifier. One of a UUID has 20, one of a certificate template of Active Directory about 40.
const MOST_OCTETS: usize = 63;
/// No text of as many octets encodes to [`MOST_OCTETS`]: what takes most room is `127.127.…`, of which four letters give one octet.
const MOST_LETTERS: usize = 4 * MOST_OCTETS + 2;

/// An object identifier that can be encoded, in at most 63 octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectIdentifier {
    length: u8,
    /// Zero from `length` on.
    octets: [u8; MOST_OCTETS],
}

impl ObjectIdentifier {
    /// From the contents of its DER.
    pub(crate) fn from_contents(contents: &[u8]) -> Result<Self, X509Error> {
        let malformed = || X509Error::from(der::Error::from(der::ErrorKind::OidMalformed));
        let ends = contents.last().is_some_and(|last| last & 0x80 == 0);
        // A number begins after the end of the one before, and not with seven zero bits (X.690 §8.19.2).
        let begins = |at: usize| {
            at.checked_sub(1).and_then(|at| contents.get(at)).is_none_or(|octet| octet & 0x80 == 0)
        };
        let padded = contents.iter().enumerate().any(|(at, octet)| *octet == 0x80 && begins(at));
        if !ends || padded {
            return Err(malformed());
        }
        Self::of_octets(contents).ok_or_else(malformed)
    }

    /// The contents of its DER.
    pub(crate) fn contents(&self) -> &[u8] {
        // Invariant: `length` is at most the length of `octets`.
        &self.octets[..usize::from(self.length)]
    }

    fn of_octets(contents: &[u8]) -> Option<Self> {
        let mut octets = [0; MOST_OCTETS];
        octets.get_mut(..contents.len())?.copy_from_slice(contents);
        Some(Self { length: u8::try_from(contents.len()).ok()?, octets })
    }
}

/// Reads the dotted form, as in `1.3.6.1.5.5.7.3.1` or `2.999`.
impl FromStr for ObjectIdentifier {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let too_long = || {
            X509Error::unknown_word(
                text,
                "object identifier: it takes more than 63 octets, which are the most",
            )
        };
        if text.len() > MOST_LETTERS {
            return Err(too_long());
        }
        let contents = encode(text).ok_or_else(|| {
            X509Error::unknown_word(
                text,
                "object identifier (numbers joined by dots, as in 1.2.840.113549: first 0, 1 or 2, then below 40 unless the first is 2)",
            )
        })?;
        Self::of_octets(&contents).ok_or_else(too_long)
    }
}

/// The contents of the DER of a dotted text.
fn encode(text: &str) -> Option<Vec<u8>> {
    let mut arcs = text.split('.');
    let first = match arcs.next()? {
        "0" => 0,
        "1" => 1,
        "2" => 2,
        _ => return None,
    };
    let mut number = decimal(arcs.next()?)?;
    // The first two arcs are one number, and only below 2 is the second one not bounded (X.660 §A.5).
    if first < 2 && !matches!(number.as_slice(), [] | [0..40]) {
        return None;
    }
    scale(&mut number, 128, 1, 40 * first);
    let mut contents = Vec::with_capacity(MOST_OCTETS);
    put(&mut contents, &number);
    for arc in arcs {
        put(&mut contents, &decimal(arc)?);
    }
    Some(contents)
}

/// Reads a decimal number into digits of base 128, the least first; zero has none.
fn decimal(text: &str) -> Option<Vec<u8>> {
    // `01` would be shown as it was sent, where certificates have `1`.
    if text.is_empty() || text.len() > 1 && text.starts_with('0') {
        return None;
    }
    let mut number = Vec::new();
    for letter in text.bytes() {
        let digit = letter.is_ascii_digit().then(|| letter - b'0')?;
        scale(&mut number, 128, 10, digit.into());
    }
    Some(number)
}

/// Appends a number in digits of base 128, the greatest first and each but the last marked as having a next one.
fn put(contents: &mut Vec<u8>, number: &[u8]) {
    let (last, others) = number.split_first().unwrap_or((&0, &[]));
    contents.extend(others.iter().rev().map(|digit| digit | 0x80));
    contents.push(*last);
}

/// Makes `number * factor + addend` of a number in digits of `base`, the least first. Base and factor are 128 at most.
fn scale(number: &mut Vec<u8>, base: u16, factor: u16, addend: u16) {
    let mut carry = addend;
    for digit in number.iter_mut() {
        let value = u16::from(*digit) * factor + carry;
        *digit = remainder(value, base);
        carry = value / base;
    }
    while carry > 0 {
        number.push(remainder(carry, base));
        carry /= base;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder by 128 at most is below 128")]
const fn remainder(value: u16, base: u16) -> u8 {
    (value % base) as u8
}

/// The dotted form.
impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.contents().split_inclusive(|octet| octet & 0x80 == 0);
        for (at, number) in numbers.enumerate() {
            let mut digits = Vec::new();
            for octet in number {
                scale(&mut digits, 10, 128, (octet & 0x7f).into());
            }
            if at == 0 {
                let first = match digits.as_slice() {
                    [] | [_] | [_, 0..=3] => 0,
                    [_, 4..=7] => 1,
                    _ => 2,
                };
                take_tens(&mut digits, 4 * first);
                write!(formatter, "{first}")?;
            }
            formatter.write_str(".")?;
            if digits.is_empty() {
                formatter.write_str("0")?;
            }
            for digit in digits.iter().rev() {
                write!(formatter, "{digit}")?;
            }
        }
        Ok(())
    }
}

/// Takes as many tens, eight at most, from a number in decimal digits, the least first, that is not less.
fn take_tens(digits: &mut Vec<u8>, tens: u8) {
    let mut taken = tens;
    for digit in digits.iter_mut().skip(1) {
        let borrows = *digit < taken;
        *digit = if borrows { *digit + 10 - taken } else { *digit - taken };
        taken = u8::from(borrows);
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ObjectIdentifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2.25 and the greatest UUID: 128 bits in 19 octets.
    const UUID: &str = "2.25.340282366920938463463374607431768211455";

    #[test]
    fn arcs_have_any_size() {
        for (text, contents) in [
            ("0.0", &b"\x00"[..]),
            ("0.39", b"\x27"),
            ("1.0", b"\x28"),
            ("1.39.0", b"\x4f\x00"),
            ("2.0", b"\x50"),
            ("2.5.29.32.0", b"\x55\x1d\x20\x00"),
            ("2.20", b"\x64"),
            ("2.47", b"\x7f"),
            ("2.48", b"\x81\x00"),
            ("2.119", b"\x81\x47"),
            ("2.999", b"\x88\x37"),
            ("2.999.1", b"\x88\x37\x01"),
            ("2.16384.128", b"\x81\x80\x50\x81\x00"),
            ("1.2.840.113549", b"\x2a\x86\x48\x86\xf7\x0d"),
            ("1.3.4294967296", b"\x2b\x90\x80\x80\x80\x00"),
            (UUID, b"\x69\x83\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ] {
            let oid: ObjectIdentifier = text.parse().unwrap();
            assert_eq!(oid.contents(), contents, "{text}");
            assert_eq!(ObjectIdentifier::from_contents(contents).unwrap(), oid);
            assert_eq!(oid.to_string(), text);
        }
    }

    #[test]
    fn another_encoder_agrees_where_it_can() {
        for text in [
            "1.2.840.10045.3.1.7",
            "2.16.840.1.113730.4.1",
            "1.3.6.1.4.1.4294967295",
            "0.9.2342.19200300.100.1.25",
        ] {
            let oid: ObjectIdentifier = text.parse().unwrap();
            let other = der::oid::ObjectIdentifier::new(text).unwrap();
            assert_eq!(oid.contents(), other.as_bytes());
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        for text in [
            "", ".", "1", "2.", "1.", ".1", "3.1", "9.9.9", "0.40", "1.40.1", "1.2.03", "01.2.3", "1.2.00",
            "1.2.x", "1.2.-3", "1.2.+3", "1.2. 3", "1..2", "1.2.3.", "1.٢.3",
        ] {
            let refused = text.parse::<ObjectIdentifier>().unwrap_err().to_string();
            assert!(refused.contains("numbers joined by dots"), "{text}: {refused}");
        }
        let long = |arcs: usize| format!("1.2{}", ".127".repeat(arcs));
        assert_eq!(long(62).parse::<ObjectIdentifier>().unwrap().to_string(), long(62));
        // An arc of as many bits as there is room for, and one of seven more.
        let most = format!("2.{}", (1_u128 << 127) - 1);
        assert_eq!(most.parse::<ObjectIdentifier>().unwrap().to_string(), most);
        for text in [long(63), format!("2.{}", "9".repeat(134)), "9".repeat(1_000_000)] {
            let refused = text.parse::<ObjectIdentifier>().unwrap_err().to_string();
            assert!(refused.contains("more than 63 octets"), "{refused}");
        }
        for contents in [&b""[..], b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x86", b"\x2a\x86\x80", &[1; 64]] {
            assert!(ObjectIdentifier::from_contents(contents).is_err(), "{contents:x?}");
        }
        // Seven zero bits within a number are no padding.
        assert_eq!(ObjectIdentifier::from_contents(b"\x2a\x81\x80\x00").unwrap().to_string(), "1.2.16384");
    }
}

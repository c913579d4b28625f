//! Reading the ASN.1 of keys and bundles that come from elsewhere. Everything malformed is none.

use zeroize::Zeroizing;

pub const INTEGER: u8 = 0x02;
pub const OCTET_STRING: u8 = 0x04;
pub const OBJECT_IDENTIFIER: u8 = 0x06;
pub const SEQUENCE: u8 = 0x30;
/// `[0]` of a primitive type, IMPLICIT.
pub const CONTEXT_0: u8 = 0x80;
/// `[0]` EXPLICIT, or IMPLICIT of a constructed type.
pub const CONSTRUCTED_0: u8 = 0xa0;
/// `[1]` IMPLICIT of a primitive type.
pub const CONTEXT_1: u8 = 0x81;

const CONSTRUCTED: u8 = 0x20;
const CONSTRUCTED_OCTET_STRING: u8 = CONSTRUCTED | OCTET_STRING;
/// Bundles nest some ten levels.
const DEEPEST: usize = 32;

/// One value: identifier octet, contents, and the whole of it.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    pub tag: u8,
    pub contents: &'a [u8],
    pub raw: &'a [u8],
}

/// Reads values of definite length, one after the other.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(der: &'a [u8]) -> Self {
        Self { rest: der }
    }

    /// The inside of the one SEQUENCE that `der` is.
    pub fn of_sequence(der: &'a [u8]) -> Option<Self> {
        let mut outer = Self::new(der);
        let inner = outer.sequence()?;
        outer.is_at_end().then_some(inner)
    }

    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value, whatever it is.
    pub fn any(&mut self) -> Option<Value<'a>> {
        let head = Head::of(self.rest)?;
        let (raw, rest) = self.rest.split_at_checked(head.octets.checked_add(head.length?)?)?;
        self.rest = rest;
        Some(Value { tag: head.tag, contents: raw.get(head.octets..)?, raw })
    }

    /// The contents of the next value, which must have this identifier octet.
    pub fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.any().filter(|value| value.tag == tag).map(|value| value.contents)
    }

    /// The next value if it has this identifier octet.
    pub fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.rest.first() == Some(&tag) { self.value(tag) } else { None }
    }

    pub fn sequence(&mut self) -> Option<Self> {
        self.value(SEQUENCE).map(Self::new)
    }

    /// The next value, which must be an INTEGER from 0 to 2⁶³ − 1.
    pub fn number(&mut self) -> Option<u64> {
        let octets = self.value(INTEGER)?;
        let negative = octets.first().is_none_or(|first| first & 0x80 != 0);
        if negative || octets.len() > 8 {
            return None;
        }
        Some(octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }
}

/// Identifier and length octets.
struct Head {
    tag: u8,
    /// How many octets they are.
    octets: usize,
    /// Octets of contents; none for the indefinite form.
    length: Option<usize>,
}

impl Head {
    fn of(input: &[u8]) -> Option<Self> {
        let (&tag, rest) = input.split_first()?;
        // Tag numbers above 30 do not occur in what is read here.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let count = usize::from(first & 0x7f);
        match first {
            0..0x80 => Some(Self { tag, octets: 2, length: Some(count) }),
            0x80 => Some(Self { tag, octets: 2, length: None }),
            _ if count > 4 => None,
            _ => {
                let length =
                    rest.get(..count)?.iter().fold(0, |value, octet| value << 8 | usize::from(*octet));
                Some(Self { tag, octets: 2 + count, length: Some(length) })
            }
        }
    }
}

/// BER as Windows, NSS and others write bundles, with definite lengths and OCTET STRINGs in one piece.
/// What is DER already comes out as it was. The work is linear in the length of the input.
pub fn to_definite(ber: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // A definite length takes more room than an indefinite one only for long contents.
    let mut out = Zeroizing::new(Vec::with_capacity(ber.len() + ber.len() / 1024 + 128));
    let rest = copy_value(ber, &mut out, DEEPEST)?;
    rest.is_empty().then_some(out)
}

/// Appends the first value of the input and answers what follows it.
fn copy_value<'a>(input: &'a [u8], out: &mut Vec<u8>, deepest: usize) -> Option<&'a [u8]> {
    let head = Head::of(input)?;
    let body = input.get(head.octets..)?;
    if head.tag & CONSTRUCTED == 0 {
        let (contents, rest) = body.split_at_checked(head.length?)?;
        append(out, head.tag, contents);
        return Some(rest);
    }
    let deeper = deepest.checked_sub(1)?;
    let start = out.len();
    let rest = if let Some(length) = head.length {
        let (mut inside, rest) = body.split_at_checked(length)?;
        while !inside.is_empty() {
            inside = copy_value(inside, out, deeper)?;
        }
        rest
    } else {
        let mut inside = body;
        loop {
            if let Some(rest) = inside.strip_prefix(&[0, 0]) {
                break rest;
            }
            inside = copy_value(inside, out, deeper)?;
        }
    };
    if head.tag == CONSTRUCTED_OCTET_STRING {
        let octets = joined(out.get(start..)?)?;
        out.truncate(start);
        append(out, OCTET_STRING, &octets);
    } else {
        let mut header = Vec::with_capacity(6);
        crate::der::write_header(&mut header, head.tag, out.len() - start);
        out.splice(start..start, header);
    }
    Some(rest)
}

/// The octets of OCTET STRINGs that stand one after the other.
pub fn joined(pieces: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut reader = Reader::new(pieces);
    let mut octets = Zeroizing::new(Vec::with_capacity(pieces.len()));
    while !reader.is_at_end() {
        octets.extend_from_slice(reader.value(OCTET_STRING)?);
    }
    Some(octets)
}

fn append(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    crate::der::write_header(out, tag, contents.len());
    out.extend_from_slice(contents);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_comes_out_as_it_was() {
        let der = [&[0x30, 0x82, 0x01, 0x05, 0x02, 0x01, 0x03, 0x04, 0x81, 0xfe][..], &[7; 0xfe], &[0x05, 0]]
            .concat();
        let der = [&[0x30, 0x82, 0x01, 0x06][..], &der[4..]].concat();
        assert_eq!(to_definite(&der).unwrap().len(), der.len());
        assert_eq!(**to_definite(&der).unwrap(), der);
    }

    #[test]
    fn indefinite_lengths_and_pieces_are_resolved() {
        let ber = b"\x30\x80\x02\x01\x03\xa0\x80\x24\x80\x04\x02ab\x04\x01c\x00\x00\x00\x00\x00\x00";
        assert_eq!(**to_definite(ber).unwrap(), b"\x30\x0a\x02\x01\x03\xa0\x05\x04\x03abc"[..]);
    }

    #[test]
    fn malformed_input_is_none() {
        for ber in [
            &b""[..],
            b"\x30",
            b"\x30\x80",
            b"\x30\x80\x00",
            b"\x04\x80\x00\x00",
            b"\x30\x01",
            b"\x30\x00\x00",
            b"\x3f\x01\x00",
            b"\x30\x85\x00\x00\x00\x00\x00",
            b"\x24\x03\x02\x01\x00",
        ] {
            assert!(to_definite(ber).is_none(), "{ber:?}");
        }
        assert!(to_definite(&[0x30, 0x80].repeat(100_000)).is_none());
        // Neither many values side by side nor deep ones take long.
        let wide = [&[0x30, 0x80][..], &[0x30, 0x80, 0, 0].repeat(500_000), &[0, 0]].concat();
        assert_eq!(to_definite(&wide).unwrap().len(), 1_000_000 + 5);
        let nested = |levels: usize| [[0x30, 0x80].repeat(levels), [0, 0].repeat(levels)].concat();
        assert!(to_definite(&nested(32)).is_some() && to_definite(&nested(33)).is_none());
    }

    #[test]
    fn numbers_are_bounded() {
        let number = |der: &[u8]| Reader::new(der).number();
        assert_eq!(number(b"\x02\x02\x08\x00"), Some(2048));
        assert_eq!(number(b"\x02\x08\x7f\xff\xff\xff\xff\xff\xff\xff"), Some(i64::MAX.unsigned_abs()));
        for der in [&b"\x02\x00"[..], b"\x02\x01\xff", b"\x02\x09\x01\0\0\0\0\0\0\0\0", b"\x04\x01\x01"] {
            assert_eq!(number(der), None);
        }
    }
}

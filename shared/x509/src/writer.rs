//! A forward DER writer (X.690 §8 and §10): values are appended to one buffer, and a container's
//! length is filled in when the container is closed.

/// Universal and context-specific tags that certificates and CRLs need (X.680 §8.4).
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0A;
    pub(crate) const UTF8_STRING: u8 = 0x0C;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const BMP_STRING: u8 = 0x1E;

    /// `[number] IMPLICIT` of a primitive type.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number] EXPLICIT`, or `IMPLICIT` of a constructed type.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xA0 | number
    }
}

/// Appends DER values to a buffer.
pub(crate) struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { buffer: Vec::with_capacity(octets) }
    }

    /// Goes on after what `buffer` holds.
    pub(crate) fn append_to(buffer: Vec<u8>) -> Self {
        Self { buffer }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.buffer
    }

    /// Octets that are DER already.
    pub(crate) fn raw(&mut self, der: &[u8]) {
        self.buffer.extend_from_slice(der);
    }

    /// A primitive value with these contents.
    pub(crate) fn primitive(&mut self, tag: u8, contents: &[u8]) {
        self.buffer.push(tag);
        let (octets, used) = length_octets(contents.len());
        self.buffer.extend(octets.into_iter().take(used));
        self.buffer.extend_from_slice(contents);
    }

    /// A constructed value with whatever `fill` writes.
    pub(crate) fn nested(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) {
        self.buffer.extend_from_slice(&[tag, 0]);
        let start = self.buffer.len();
        fill(self);
        self.close(start);
    }

    pub(crate) fn sequence(&mut self, fill: impl FnOnce(&mut Self)) {
        self.nested(tag::SEQUENCE, fill);
    }

    pub(crate) fn boolean_true(&mut self) {
        self.primitive(tag::BOOLEAN, &[0xFF]);
    }

    /// A non-negative INTEGER from its big-endian magnitude.
    pub(crate) fn unsigned_integer(&mut self, magnitude: &[u8]) {
        let zeros = magnitude.iter().take_while(|octet| **octet == 0).count();
        let digits = magnitude.get(zeros..).unwrap_or_default();
        // The first bit is the sign, so a set one needs an octet of zeros before it; so does the
        // number 0.
        let pad = digits.first().is_none_or(|first| first & 0x80 != 0);
        self.buffer.push(tag::INTEGER);
        let (octets, used) = length_octets(digits.len() + usize::from(pad));
        self.buffer.extend(octets.into_iter().take(used));
        self.buffer.extend(pad.then_some(0));
        self.buffer.extend_from_slice(digits);
    }

    /// A BIT STRING of whole octets.
    pub(crate) fn bit_string(&mut self, octets: &[u8]) {
        self.nested(tag::BIT_STRING, |bits| {
            bits.buffer.push(0);
            bits.raw(octets);
        });
    }

    /// An OBJECT IDENTIFIER from its encoded contents.
    pub(crate) fn object_identifier(&mut self, contents: &[u8]) {
        self.primitive(tag::OBJECT_IDENTIFIER, contents);
    }

    /// An `Extension` (RFC 5280 §4.1.2.9); `value` writes what the OCTET STRING wraps.
    pub(crate) fn extension(&mut self, oid: &[u8], critical: bool, value: impl FnOnce(&mut Self)) {
        self.sequence(|extension| {
            extension.object_identifier(oid);
            if critical {
                extension.boolean_true();
            }
            extension.nested(tag::OCTET_STRING, value);
        });
    }

    /// Fills in the length of the container whose contents begin at `start`; its place is the octet
    /// before.
    fn close(&mut self, start: usize) {
        let (octets, used) = length_octets(self.buffer.len() - start);
        if used == 1 {
            if let Some(place) = self.buffer.get_mut(start - 1) {
                *place = octets[0];
            }
        } else {
            self.buffer.splice(start - 1..start, octets.into_iter().take(used));
        }
    }
}

/// The header (tag and length) of a value with `length` octets of contents.
pub(crate) fn header(tag: u8, length: usize) -> Vec<u8> {
    let (octets, used) = length_octets(length);
    std::iter::once(tag).chain(octets.into_iter().take(used)).collect()
}

/// The length octets in the definite form (X.690 §8.1.3, §10.1) and how many of the array are used.
#[expect(clippy::cast_possible_truncation, reason = "each octet is cut out of the length on purpose")]
const fn length_octets(length: usize) -> ([u8; 5], usize) {
    let [high, middle, low, last] = (length as u32).to_be_bytes();
    match length {
        0..0x80 => ([last, 0, 0, 0, 0], 1),
        0x80..0x100 => ([0x81, last, 0, 0, 0], 2),
        0x100..0x1_0000 => ([0x82, low, last, 0, 0], 3),
        0x1_0000..0x100_0000 => ([0x83, middle, low, last, 0], 4),
        // Objects of 4 GiB and more are not made: the largest CRL is some tens of MiB.
        _ => ([0x84, high, middle, low, last], 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_the_shortest_form() {
        for (length, expected) in [
            (0, vec![0x04, 0x00]),
            (127, vec![0x04, 0x7F]),
            (128, vec![0x04, 0x81, 0x80]),
            (255, vec![0x04, 0x81, 0xFF]),
            (256, vec![0x04, 0x82, 0x01, 0x00]),
            (65_535, vec![0x04, 0x82, 0xFF, 0xFF]),
            (65_536, vec![0x04, 0x83, 0x01, 0x00, 0x00]),
            (16_777_216, vec![0x04, 0x84, 0x01, 0x00, 0x00, 0x00]),
        ] {
            assert_eq!(header(tag::OCTET_STRING, length), expected, "length {length}");
            let mut nested = Writer::with_capacity(0);
            nested.nested(tag::OCTET_STRING, |contents| contents.raw(&vec![7; length]));
            let mut flat = Writer::with_capacity(0);
            flat.primitive(tag::OCTET_STRING, &vec![7; length]);
            let flat = flat.finish();
            assert!(flat.starts_with(&expected));
            assert_eq!(nested.finish(), flat, "length {length}");
        }
    }

    #[test]
    fn integers_are_positive_and_minimal() {
        for (magnitude, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0], &[2, 1, 0]),
            (&[0, 0, 1], &[2, 1, 1]),
            (&[0x7F], &[2, 1, 0x7F]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0x80, 0], &[2, 3, 0, 0x80, 0]),
        ] {
            let mut writer = Writer::with_capacity(8);
            writer.unsigned_integer(magnitude);
            assert_eq!(writer.finish(), expected);
        }
    }
}

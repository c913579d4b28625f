//! Values of DER, taken apart and put together. Nothing is checked beyond the lengths.

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;

/// One value: its identifier octet, its contents, and both with the length between them.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    /// The identifier octet.
    pub tag: u8,
    /// What follows the length.
    pub contents: &'a [u8],
    /// The whole.
    pub raw: &'a [u8],
}

/// The values that fill `octets`, one after the other; none when they do not.
pub fn values(mut octets: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut values = Vec::new();
    while !octets.is_empty() {
        let (value, rest) = first(octets)?;
        values.push(value);
        octets = rest;
    }
    Some(values)
}

/// The first value and what follows it; none when it is cut off, or of a form that DER lacks.
pub fn first(octets: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        if digits.is_empty() || digits.len() > 3 {
            return None;
        }
        (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    let raw = &octets[..octets.len() - rest.len()];
    // Several octets of tag occur in no structure here.
    (tag & 0x1f != 0x1f).then_some((Value { tag, contents, raw }, rest))
}

/// Writes one value.
pub fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut out = vec![tag];
    let digits = contents.len().to_be_bytes();
    let significant = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
    if contents.len() >= 0x80 {
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        out.extend_from_slice(significant);
    } else {
        out.push(u8::try_from(contents.len()).unwrap_or_default());
    }
    out.extend_from_slice(&contents);
    out
}

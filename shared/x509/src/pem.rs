//! Textual encodings (RFC 7468).

mod bundle;
mod content;

pub use bundle::{Bundle, PrivateKeyBlock};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::X509Error;

/// Label of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";
/// Label of a certificate signing request.
pub const CERTIFICATE_REQUEST: &str = "CERTIFICATE REQUEST";
/// Label of a certificate revocation list.
pub const X509_CRL: &str = "X509 CRL";

/// 48 octets are one line of 64 characters.
const OCTETS_PER_LINE: usize = 48;

/// Writes `der` under `label`: lines of 64 characters, each ended by `\n`.
pub fn encode(label: &str, der: &[u8]) -> String {
    let lines = der.len().div_ceil(OCTETS_PER_LINE);
    let mut text = String::with_capacity(lines * 65 + 2 * label.len() + 40);
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for line in der.chunks(OCTETS_PER_LINE) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// The contents of the one block whose label is among `labels`. Text outside of blocks and blocks
/// with other labels are passed over, white space inside is tolerated (RFC 7468 §2, §3
/// "laxtextualmsg").
///
/// # Errors
/// [`X509Error::Pem`] when there is no such block, more than one, or one that cannot be read.
pub fn decode_one(labels: &[&str], text: &str) -> Result<Vec<u8>, X509Error> {
    if has_written_line_ends(text) {
        return Err(X509Error::Pem(WRITTEN_LINE_ENDS.into()));
    }
    let mut blocks = Blocks { rest: text }.filter(|block| wanted(block, labels));
    let expected = labels.first().copied().unwrap_or_default();
    let first = blocks.next().ok_or_else(|| missing_in(expected, text))??;
    match blocks.next() {
        None => first.decode(),
        Some(Ok(_)) => Err(X509Error::Pem(format!("there must be one {expected} block, not several"))),
        Some(Err(error)) => Err(error),
    }
}

/// The contents of every block with this label, in order, under the rules of [`decode_one`].
///
/// # Errors
/// [`X509Error::Pem`] when there is none, or one that cannot be read.
pub fn decode_all(label: &str, text: &str) -> Result<Vec<Vec<u8>>, X509Error> {
    let blocks = Blocks { rest: text }.filter(|block| wanted(block, &[label]));
    let decoded = blocks.map(|block| block?.decode()).collect::<Result<Vec<_>, _>>()?;
    if decoded.is_empty() { Err(missing(label)) } else { Ok(decoded) }
}

/// Says what there is in a text that has no block of the kind.
fn missing_in(label: &str, text: &str) -> X509Error {
    let other = Blocks { rest: text }
        .flatten()
        .map(|block| block.label.chars().take(64).flat_map(char::escape_debug).collect::<String>())
        .next();
    match other {
        Some(other) => X509Error::Pem(format!(
            "there is no \"-----BEGIN {label}-----\" block; what there is is a \"{other}\""
        )),
        None => missing(label),
    }
}

const WRITTEN_LINE_ENDS: &str = "its line ends are the two characters \\n and not line ends: whatever quoted the text has quoted it twice";

/// Whether the text is one line in which line ends are written as `\n`.
fn has_written_line_ends(text: &str) -> bool {
    text.contains("-----\\n") && !text.trim().contains('\n')
}

fn missing(label: &str) -> X509Error {
    X509Error::Pem(format!("there is no \"-----BEGIN {label}-----\" block"))
}

/// A block that cannot be delimited counts as wanted, so that it is reported instead of passed
/// over.
fn wanted(block: &Result<Block<'_>, X509Error>, labels: &[&str]) -> bool {
    block.as_ref().map_or(true, |block| labels.contains(&block.label))
}

struct Block<'a> {
    label: &'a str,
    base64: &'a str,
}

impl Block<'_> {
    fn decode(&self) -> Result<Vec<u8>, X509Error> {
        let digits: Vec<u8> = self.base64.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
        STANDARD
            .decode(digits)
            .map_err(|error| X509Error::Pem(format!("the {} block is not base64: {error}", self.label)))
    }
}

/// The blocks of a text, one after the other.
struct Blocks<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, X509Error>;

    fn next(&mut self) -> Option<Self::Item> {
        const BEGIN: &str = "-----BEGIN ";
        let (_, after) = self.rest.split_once(BEGIN)?;
        let block = after.split_once("-----").and_then(|(label, body)| {
            let (base64, rest) = body.split_once("-----END ")?;
            let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
            Some((Block { label, base64 }, rest))
        });
        let Some((block, rest)) = block else {
            self.rest = "";
            let reason = "a BEGIN line has no matching END line";
            return Some(Err(X509Error::Pem(reason.into())));
        };
        self.rest = rest;
        Some(Ok(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_64_columns_and_come_back() {
        for length in [0, 1, 47, 48, 49, 96, 1000] {
            let der: Vec<u8> = (0..=255).cycle().take(length).collect();
            let text = encode("X509 CRL", &der);
            assert!(text.ends_with("-----END X509 CRL-----\n"));
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(decode_one(&["X509 CRL"], &text).unwrap(), der);
            assert_eq!(decode_one(&["X509 CRL"], &text.replace('\n', "\r\n")).unwrap(), der);
        }
    }

    #[test]
    fn text_around_and_other_blocks_are_passed_over() {
        let text =
            format!("subject=CN a\n{}{}tail", encode("EC PARAMETERS", b"x"), encode(CERTIFICATE, b"abc"));
        assert_eq!(decode_one(&["X", CERTIFICATE], &text).unwrap(), b"abc");
        let twice = format!("{text}\n{text}");
        assert_eq!(decode_all(CERTIFICATE, &twice).unwrap(), [b"abc", b"abc"]);
        assert!(
            decode_one(&[CERTIFICATE], &twice).unwrap_err().to_string().contains("one CERTIFICATE block")
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in [
            "",
            "MIIB",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----\nYWJj\n",
            "-----BEGIN CERTIFICATE-----\nYWJj\n-----END X-----\n",
            "-----BEGIN CERTIFICATE-----\nYW*j\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nYWJ\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nA: b\n\nYWJj\n-----END CERTIFICATE-----\n",
        ] {
            assert!(matches!(decode_one(&[CERTIFICATE], text), Err(X509Error::Pem(_))), "{text}");
            assert!(matches!(decode_all(CERTIFICATE, text), Err(X509Error::Pem(_))), "{text}");
        }
    }
}

//! When two distinguished names are the same name (RFC 5280 §7.1).
//!
//! Names are brought into a normal form once ([`NameKey`]) and compared by that: the string
//! preparation of RFC 4518 (case folding, NFKC, white space), whatever string type holds the text,
//! since CAs have changed theirs from PrintableString to UTF8String. Attributes within an RDN have
//! no order; RDNs have one.

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::{
    X509Error,
    name::{Pair, rdns},
};

/// Whether two DER `Name`s are the same by RFC 5280 §7.1. What is no `Name` is the same as nothing.
pub fn same_name(a_der: &[u8], b_der: &[u8]) -> bool {
    match (NameKey::of_der(a_der), NameKey::of_der(b_der)) {
        (Ok(a), Ok(b)) => a == b,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// A `Name` in its normal form: equal, and equally hashed, for names that are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// One text of octets per RDN, made of its attributes in a fixed order.
    rdns: Vec<Vec<u8>>,
}

impl NameKey {
    /// The normal form of a DER `Name`.
    ///
    /// # Errors
    /// [`X509Error::Der`] when it is not a `Name`.
    pub fn of_der(name_der: &[u8]) -> Result<Self, X509Error> {
        let rdns = rdns(name_der)?;
        Ok(Self { rdns: rdns.iter().map(|pairs| rdn_key(pairs)).collect() })
    }

    /// Whether it has no RDN at all.
    pub fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// Whether it is `base` itself or lies below it: its first RDNs are those of `base`
    /// (RFC 5280 §4.2.1.10). Every name is within the empty one.
    pub fn is_within(&self, base: &Self) -> bool {
        self.rdns.starts_with(&base.rdns)
    }
}

fn rdn_key(pairs: &[Pair<'_>]) -> Vec<u8> {
    let mut attributes: Vec<Vec<u8>> = pairs.iter().map(attribute_key).collect();
    attributes.sort_unstable();
    attributes.concat()
}

/// Type and value, each with its length before it, so that no two lists run into the same octets.
fn attribute_key(pair: &Pair<'_>) -> Vec<u8> {
    // A value that is no text, or breaks the rules of its string type, equals its own encoding only.
    let (kind, value) = match pair.text() {
        Some(text) => (1, prepared(&text).into_bytes()),
        None => (0, pair.value_der.to_vec()),
    };
    let mut key = Vec::with_capacity(pair.oid.len() + value.len() + 17);
    key.extend((pair.oid.len() as u64).to_be_bytes());
    key.extend(pair.oid);
    key.push(kind);
    key.extend((value.len() as u64).to_be_bytes());
    key.extend(value);
    key
}

/// The string preparation of RFC 4518 §2, as far as it decides whether texts are equal. Characters
/// that it prohibits are kept: they make names different, not illegal.
fn prepared(text: &str) -> String {
    if text.is_ascii() {
        return collapsed(&text.chars().filter_map(mapped).flat_map(char::to_lowercase).collect::<String>());
    }
    let folded: String = text.chars().filter_map(mapped).flat_map(folded).collect();
    let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(&folded).into_owned();
    // Normalising makes capitals and spaces out of some compatibility characters.
    let again: String = normal.chars().filter_map(mapped).flat_map(self::folded).collect();
    collapsed(&ComposingNormalizerBorrowed::new_nfkc().normalize(&again))
}

/// RFC 4518 §2.2: what is invisible is dropped, and every kind of space becomes a space.
fn mapped(character: char) -> Option<char> {
    match character {
        '\u{00AD}'
        | '\u{034F}'
        | '\u{1806}'
        | '\u{180B}'..='\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2063}'
        | '\u{206A}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFC}' => None,
        space if space.is_whitespace() => Some(' '),
        control if control.is_control() => None,
        other => Some(other),
    }
}

/// Case folding: through the capital, which joins letters with several small forms (ß and ss, σ and
/// ς).
fn folded(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase)
}

/// RFC 4518 §2.6.1: no spaces at the ends, one between words.
fn collapsed(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::{Writer, tag};

    const CN: &[u8] = b"\x55\x04\x03";
    const O: &[u8] = b"\x55\x04\x0a";

    /// Type, string tag and octets.
    type Attribute<'a> = (&'a [u8], u8, &'a [u8]);

    fn name(rdns: &[&[Attribute<'_>]]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(64);
        writer.sequence(|name| {
            for rdn in rdns {
                name.nested(tag::SET, |set| {
                    for (oid, string, value) in *rdn {
                        set.sequence(|pair| {
                            pair.object_identifier(oid);
                            pair.primitive(*string, value);
                        });
                    }
                });
            }
        });
        writer.finish()
    }

    fn cn(string: u8, value: &[u8]) -> Vec<u8> {
        name(&[&[(CN, string, value)]])
    }

    #[test]
    fn case_space_and_string_type_make_no_difference() {
        let base = cn(tag::PRINTABLE_STRING, b"Test CA 1");
        for (string, value) in [
            (tag::PRINTABLE_STRING, &b"test ca 1"[..]),
            (tag::PRINTABLE_STRING, b"  TEST   CA 1 "),
            (tag::UTF8_STRING, b"Test CA 1"),
            (tag::UTF8_STRING, "Test\u{00A0}CA\u{2003}1".as_bytes()),
            (tag::UTF8_STRING, "Te\u{00AD}st CA 1\u{200B}".as_bytes()),
            (tag::UTF8_STRING, "Test CA \u{FF11}".as_bytes()),
            (tag::BMP_STRING, b"\0T\0e\0s\0t\0 \0C\0A\0 \x001"),
        ] {
            assert!(same_name(&base, &cn(string, value)), "{string} {value:?}");
        }
        for value in ["Test CA 2", "TestCA 1", "Test CA 1.", "Test CA", ""] {
            assert!(!same_name(&base, &cn(tag::UTF8_STRING, value.as_bytes())), "{value}");
        }
    }

    #[test]
    fn letters_beyond_ascii_are_folded_and_composed() {
        for (a, b) in [
            ("Zürich", "ZU\u{308}RICH"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("ﬁrma", "FIRMA"),
            ("\u{212B}", "å"),
        ] {
            let (a_der, b_der) = (cn(tag::UTF8_STRING, a.as_bytes()), cn(tag::UTF8_STRING, b.as_bytes()));
            assert!(same_name(&a_der, &b_der), "{a} {b}");
        }
        let same = |a: &str, b: &str| {
            same_name(&cn(tag::UTF8_STRING, a.as_bytes()), &cn(tag::UTF8_STRING, b.as_bytes()))
        };
        assert!(!same("Zürich", "Zurich") && !same("ı", "l"));
    }

    #[test]
    fn rdns_have_an_order_and_attributes_within_one_do_not() {
        let (a, b): (Attribute<'_>, Attribute<'_>) =
            ((CN, tag::UTF8_STRING, b"a"), (O, tag::UTF8_STRING, b"b"));
        assert!(same_name(&name(&[&[a, b]]), &name(&[&[b, a]])));
        assert!(!same_name(&name(&[&[a], &[b]]), &name(&[&[b], &[a]])));
        assert!(!same_name(&name(&[&[a, b]]), &name(&[&[a], &[b]])));
        assert!(!same_name(&name(&[&[a]]), &name(&[&[a, a]])));
        assert!(!same_name(&name(&[&[a]]), &name(&[&[(O, tag::UTF8_STRING, b"a")]])));
        assert!(same_name(&name(&[]), &name(&[])));
        for broken in [&b""[..], b"\x30\x01", b"\x30\x00\x00", b"\x04\x00"] {
            assert!(!same_name(broken, broken));
        }
    }

    #[test]
    fn a_name_is_within_its_first_rdns() {
        let key = |rdns: &[&[Attribute<'_>]]| NameKey::of_der(&name(rdns)).unwrap();
        let o: Attribute<'_> = (O, tag::PRINTABLE_STRING, b"Org");
        let other_o: Attribute<'_> = (O, tag::UTF8_STRING, b" ORG");
        let c: Attribute<'_> = (CN, tag::UTF8_STRING, b"c");
        assert!(key(&[&[o], &[c]]).is_within(&key(&[&[other_o]])));
        assert!(key(&[&[o]]).is_within(&key(&[&[o]])) && key(&[&[o]]).is_within(&key(&[])));
        assert!(!key(&[&[o]]).is_within(&key(&[&[o], &[c]])));
        assert!(!key(&[&[c], &[o]]).is_within(&key(&[&[o]])));
        assert!(!key(&[&[o, c]]).is_within(&key(&[&[o]])));
        assert!(key(&[]).is_empty() && !key(&[&[o]]).is_empty());
    }
}

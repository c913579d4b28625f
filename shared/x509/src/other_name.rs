//! `otherName`s whose value is a UTF8String (RFC 5280 §4.2.1.6), such as the user principal names of Active Directory.

use std::{fmt, str::FromStr};

use crate::{
    DnsName, ObjectIdentifier, X509Error,
    reader::Reader,
    san::is_atom_octet,
    unseen::is_format,
    writer::{Writer, tag},
};

/// The most octets of a value.
const LONGEST_VALUE: usize = 1024;
/// `id-on-SmtpUTF8Mailbox` (RFC 9598 §3).
const SMTP_UTF8_MAILBOX: &str = "1.3.6.1.5.5.7.8.9";
/// What its value is.
const MAILBOX: &str = "a mailbox of this type has at most 64 octets before the @, with letters beyond ASCII and without quotes, and a \
                       host in lower case and A-labels (RFC 9598 section 3)";
/// Stars of a pattern of mailboxes that are looked at; one with more is taken as it is.
const MOST_STARS: usize = 16;
/// Types whose value is something else than a UTF8String, and what it is.
const NOT_TEXT: [(&str, &str); 5] = [
    ("1.3.6.1.5.5.7.8.3", "a permanentIdentifier (RFC 4043), a SEQUENCE"),
    ("1.3.6.1.5.5.7.8.4", "a hardwareModuleName (RFC 4108), a SEQUENCE"),
    ("1.3.6.1.5.5.7.8.7", "an SRVName (RFC 4985), an IA5String"),
    ("1.3.6.1.5.2.2", "a KRB5PrincipalName (RFC 4556), a SEQUENCE"),
    ("1.3.6.1.4.1.311.25.1", "an NTDS object id, an OCTET STRING"),
];

/// An `otherName` with a UTF8String: a type and a value, written as `1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OtherName {
    kind: ObjectIdentifier,
    value: String,
    text: String,
}

impl OtherName {
    /// Type and value as one text, `oid;UTF8:value`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What kind of name it is (`type-id`).
    pub fn kind(&self) -> ObjectIdentifier {
        self.kind
    }

    /// The name itself.
    pub fn value(&self) -> &str {
        &self.value
    }

    fn new(kind: ObjectIdentifier, value: &str) -> Result<Self, String> {
        check_kind(kind)?;
        check_value(value)?;
        if kind.to_string() == SMTP_UTF8_MAILBOX {
            check_mailbox(value)?;
        }
        Ok(Self { kind, value: value.to_owned(), text: format!("{kind};UTF8:{value}") })
    }

    /// Writes the `GeneralName`.
    pub(crate) fn write(&self, names: &mut Writer) {
        names.nested(tag::context_constructed(0), |name| {
            name.object_identifier(self.kind.contents());
            name.nested(tag::context_constructed(0), |value| {
                value.primitive(tag::UTF8_STRING, self.value.as_bytes());
            });
        });
    }

    /// Reads the contents of an `otherName`.
    pub(crate) fn parse(contents: &[u8]) -> Result<Self, X509Error> {
        let mut name = Reader::new(contents)?;
        let kind = ObjectIdentifier::from_contents(name.value(tag::OBJECT_IDENTIFIER)?)?;
        let mut value = Reader::new(name.value(tag::context_constructed(0))?)?;
        name.finish()?;
        let refuse = |reason: &str| X509Error::InvalidName {
            value: format!("an otherName of type {kind}"),
            reason: reason.to_owned(),
        };
        let text = value.value(tag::UTF8_STRING).map_err(|_| refuse("its value is not a UTF8String"))?;
        value.finish()?;
        let text = std::str::from_utf8(text).map_err(|_| refuse("its value is not UTF-8"))?;
        Self::new(kind, text).map_err(|reason| refuse(&reason))
    }
}

impl FromStr for OtherName {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let refuse = |reason: String| X509Error::invalid_name(text, &reason);
        let (kind, value) = halves(text).map_err(refuse)?;
        Self::new(kind, value).map_err(refuse)
    }
}

impl fmt::Display for OtherName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Type and value of a pattern such as `1.3.6.1.4.1.311.20.2.3;UTF8:*@corp.example`, in whose value `*` stands for any text.
///
/// # Errors
/// Why it is none. That a name can match it is for [`check_other_name_pattern`] to say.
pub fn other_name_pattern(text: &str) -> Result<(ObjectIdentifier, &str), String> {
    let (kind, value) = halves(text)?;
    check_kind(kind)?;
    check_value(value)?;
    Ok((kind, value))
}

/// Refuses a pattern that no name matches, because its type has a form of its own (RFC 9598 §3).
///
/// # Errors
/// Why no name that is issued matches it.
pub fn check_other_name_pattern(text: &str) -> Result<(), String> {
    let (kind, value) = other_name_pattern(text)?;
    if !value.contains('*') {
        return OtherName::new(kind, value).map(drop);
    }
    if kind.to_string() != SMTP_UTF8_MAILBOX || mailbox_can_match(value) {
        return Ok(());
    }
    Err(format!("no mailbox matches it: {MAILBOX}"))
}

/// Whether some mailbox matches the pattern: the stars are replaced by the least that makes one. One `@` stands between what may
/// be in the part before it and what may be in a host, so it is the pattern's own, or comes from one of the stars.
fn mailbox_can_match(pattern: &str) -> bool {
    let stars = pattern.matches('*').count();
    let own = pattern.rfind('@').and_then(|at| pattern.get(..at)).map(|local| local.matches('*').count());
    if own.is_none() && stars > MOST_STARS {
        return true;
    }
    let places: Vec<(usize, &str)> = match own {
        Some(before) => vec![(before, "")],
        None => (0..stars)
            .flat_map(|star| ["@", "@a", "\u{e4}@", "\u{e4}@a"].map(|middle| (star, middle)))
            .collect(),
    };
    places.into_iter().any(|place| {
        ["", "\u{e4}"].into_iter().any(|local| {
            ["", "a"].into_iter().any(|host| check_mailbox(&filled(pattern, place, local, host)).is_ok())
        })
    })
}

/// The pattern with its stars replaced: the first `before` by `local`, then one by `middle` unless that is empty, the others by
/// `host`.
fn filled(pattern: &str, (before, middle): (usize, &str), local: &str, host: &str) -> String {
    let mut text = String::with_capacity(2 * pattern.len());
    for (at, part) in pattern.split('*').enumerate() {
        match at.checked_sub(1) {
            None => {}
            Some(star) if star < before => text.push_str(local),
            Some(star) if star == before && !middle.is_empty() => text.push_str(middle),
            Some(_) => text.push_str(host),
        }
        text.push_str(part);
    }
    text
}

fn halves(text: &str) -> Result<(ObjectIdentifier, &str), String> {
    let form = || {
        "it has the form `oid;UTF8:value`, as in `1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example`".to_owned()
    };
    let (kind, rest) = text.split_once(';').ok_or_else(form)?;
    let (encoding, value) = rest.split_once(':').ok_or_else(form)?;
    if !["utf8", "utf-8"].contains(&encoding.to_ascii_lowercase().as_str()) {
        return Err(form());
    }
    let kind = kind.trim().parse::<ObjectIdentifier>().map_err(|error| error.to_string())?;
    Ok((kind, value))
}

fn check_kind(kind: ObjectIdentifier) -> Result<(), String> {
    let kind = kind.to_string();
    match NOT_TEXT.into_iter().find(|(oid, _)| *oid == kind) {
        None => Ok(()),
        Some((oid, what)) => {
            Err(format!("a name of type {oid} is {what}, and only UTF8Strings can be written"))
        }
    }
}

fn check_value(value: &str) -> Result<(), String> {
    if value.is_empty() || value.len() > LONGEST_VALUE || value.chars().any(char::is_control) {
        return Err(format!("its value has 1 to {LONGEST_VALUE} octets and no control characters"));
    }
    // It is compared with the names of accounts, so what is not seen has no place in it.
    match value.chars().find(|letter| is_format(*letter)) {
        Some(hidden) => {
            Err(format!("its value has the character U+{:04X}, which is not seen", u32::from(hidden)))
        }
        None => Ok(()),
    }
}

/// RFC 9598 §3: the part before the `@` goes beyond ASCII (others are an `rfc822Name`), the host is in A-labels. Quoted forms are
/// not taken, as in e-mail addresses.
fn check_mailbox(value: &str) -> Result<(), String> {
    let legal = value.rsplit_once('@').is_some_and(|(local, host)| {
        // RFC 5321 §4.5.3.1.1 and RFC 6531 §3.3.
        let atom = |atom: &str| {
            !atom.is_empty()
                && atom.chars().all(|letter| u8::try_from(letter).map_or(true, is_beyond_ascii_or_atom))
        };
        local.len() <= 64
            && !local.is_ascii()
            && local.split('.').all(atom)
            && host.parse::<DnsName>().is_ok_and(|name| !name.is_wildcard() && name.as_str() == host)
    });
    if legal { Ok(()) } else { Err(format!("{MAILBOX}; one in ASCII is an e-mail address")) }
}

const fn is_beyond_ascii_or_atom(octet: u8) -> bool {
    !octet.is_ascii() || is_atom_octet(octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPN: &str = "1.3.6.1.4.1.311.20.2.3";

    #[test]
    fn a_name_is_a_type_and_a_text() {
        for (text, canonical) in [
            ("1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example", "1.3.6.1.4.1.311.20.2.3;UTF8:ann@corp.example"),
            ("1.3.6.1.4.1.311.20.2.3;utf-8:Änn:x", "1.3.6.1.4.1.311.20.2.3;UTF8:Änn:x"),
            (
                "1.3.6.1.5.5.7.8.9;UTF8:änn@xn--bcher-kva.example",
                "1.3.6.1.5.5.7.8.9;UTF8:änn@xn--bcher-kva.example",
            ),
        ] {
            let name: OtherName = text.parse().unwrap();
            assert_eq!(name.as_str(), canonical);
            let mut writer = Writer::with_capacity(64);
            name.write(&mut writer);
            let der = writer.finish();
            let mut reader = Reader::new(&der).unwrap();
            let (kind, contents) = reader.next_value().unwrap().unwrap();
            assert_eq!((kind, OtherName::parse(contents).unwrap()), (0xA0, name));
        }
        for text in [
            String::new(),
            "ann@corp.example".to_owned(),
            format!("{UPN};ann"),
            format!("{UPN};IA5:ann"),
            format!("{UPN};UTF8:"),
            format!("{UPN};UTF8:a\0b"),
            format!("{UPN};UTF8:\u{202e}nna@corp.example"),
            format!("{UPN};UTF8:an\u{200b}n@corp.example"),
            format!("{UPN};UTF8:ann\u{e0061}@corp.example"),
            format!("{UPN};UTF8:{}", "a".repeat(1025)),
            "x.y;UTF8:a".to_owned(),
            "1.3.6.1.5.5.7.8.7;UTF8:_ldap.example.com".to_owned(),
            "1.3.6.1.5.5.7.8.9;UTF8:ann@example.com".to_owned(),
            "1.3.6.1.5.5.7.8.9;UTF8:änn@Bücher.example".to_owned(),
            "1.3.6.1.5.5.7.8.9;UTF8:ann@ä@example.com".to_owned(),
            "1.3.6.1.5.5.7.8.9;UTF8:ä b@example.com".to_owned(),
            format!("1.3.6.1.5.5.7.8.9;UTF8:{}@example.com", "ä".repeat(33)),
        ] {
            assert!(text.parse::<OtherName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_can_match_something() {
        const MAILBOX: &str = "1.3.6.1.5.5.7.8.9";
        let long = "b".repeat(62);
        for good in [
            format!("{UPN};UTF8:*"),
            format!("{UPN};UTF8:*@corp.example"),
            format!("{UPN};UTF8:ann"),
            "2.25.340282366920938463463374607431768211455;UTF8:*".to_owned(),
            format!("{MAILBOX};UTF8:*"),
            format!("{MAILBOX};UTF8:\u{e4}nn@example.com"),
            format!("{MAILBOX};UTF8:*@example.com"),
            format!("{MAILBOX};UTF8:ann.*@*.example"),
            format!("{MAILBOX};UTF8:\u{e4}*"),
            format!("{MAILBOX};UTF8:*.example.com"),
            format!("{MAILBOX};UTF8:*-b.example"),
            format!("{MAILBOX};UTF8:*n*n*.*"),
            // What is too long for the part before the @ is in the host, and the other way round.
            format!("{MAILBOX};UTF8:*{long}.{long}*"),
            format!("{MAILBOX};UTF8:*x_y*.com"),
            format!("{MAILBOX};UTF8:{}", "*".repeat(40)),
        ] {
            assert_eq!(check_other_name_pattern(&good), Ok(()), "{good}");
        }
        for bad in ["*", "1.2.3", "1.3.6.1.5.5.7.8.7;UTF8:*", "1.2.3;UTF8:a\n*", "1.2.3;UTF8:a\u{2066}*"] {
            assert!(other_name_pattern(bad).is_err(), "{bad}");
            assert!(check_other_name_pattern(bad).is_err(), "{bad}");
        }
        for never in [
            "ann@x",
            "ann@*",
            "ann.b@*.example",
            "*@B\u{fc}cher.example",
            "*@b\u{fc}*",
            "*@Example.com",
            "*.example.com.",
            "*_",
            "*@a..*",
            "*@-*",
            "*@*-",
            "*@x@*",
            "*\"*@example.com",
            "*..*@example.com",
            ".*",
            "* *",
        ] {
            let text = format!("{MAILBOX};UTF8:{never}");
            // A role that was stored with it is read all the same.
            assert!(other_name_pattern(&text).is_ok(), "{text}");
            assert!(check_other_name_pattern(&text).unwrap_err().contains("RFC 9598"), "{text}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for der in [
            // A type alone; an IA5String; text that is not UTF-8.
            &b"\x06\x02\x2a\x03"[..],
            b"\x06\x02\x2a\x03\xa0\x03\x16\x01a",
            b"\x06\x02\x2a\x03\xa0\x03\x0c\x01\xff",
            b"\x06\x02\x2a\x03\xa0\x03\x0c\x01a\x05\x00",
        ] {
            assert!(OtherName::parse(der).is_err(), "{der:x?}");
        }
    }
}

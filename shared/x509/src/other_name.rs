//! `otherName`s whose value is a UTF8String (RFC 5280 §4.2.1.6), such as the user principal names of Active Directory.

use std::{fmt, str::FromStr};

use crate::{
    DnsName, ObjectIdentifier, X509Error,
    reader::Reader,
    unseen::is_format,
    writer::{Writer, tag},
};

/// The most octets of a value.
const LONGEST_VALUE: usize = 1024;
/// `id-on-SmtpUTF8Mailbox` (RFC 9598 §3).
const SMTP_UTF8_MAILBOX: &str = "1.3.6.1.5.5.7.8.9";
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
/// Why no name that is issued matches it.
pub fn other_name_pattern(text: &str) -> Result<(ObjectIdentifier, &str), String> {
    let (kind, value) = halves(text)?;
    if !value.contains('*') {
        OtherName::new(kind, value)?;
    }
    check_kind(kind)?;
    check_value(value)?;
    Ok((kind, value))
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

/// RFC 9598 §3: the part before the `@` goes beyond ASCII (others are an `rfc822Name`), the host is in A-labels.
fn check_mailbox(value: &str) -> Result<(), String> {
    let legal = value.rsplit_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && !local.is_ascii()
            && host.parse::<DnsName>().is_ok_and(|name| !name.is_wildcard() && name.as_str() == host)
    });
    if legal {
        return Ok(());
    }
    Err("a mailbox of this type has letters beyond ASCII before the @ and a host in lower case and A-labels \
         (RFC 9598 section 3); one in ASCII is an e-mail address"
        .to_owned())
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
        ] {
            assert!(text.parse::<OtherName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_can_match_something() {
        for good in [format!("{UPN};UTF8:*"), format!("{UPN};UTF8:*@corp.example"), format!("{UPN};UTF8:ann")]
        {
            assert!(other_name_pattern(&good).is_ok(), "{good}");
        }
        for bad in [
            "*",
            "1.3.6.1.5.5.7.8.7;UTF8:*",
            "1.3.6.1.5.5.7.8.9;UTF8:ann@x",
            "1.2.3;UTF8:a\n*",
            "1.2.3;UTF8:a\u{2066}*",
        ] {
            assert!(other_name_pattern(bad).is_err(), "{bad}");
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

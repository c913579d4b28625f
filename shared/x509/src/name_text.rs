//! The text form of distinguished names (RFC 4514).

use std::{fmt, fmt::Write as _, str::FromStr};

use crate::{
    DistinguishedName, ObjectIdentifier, X509Error,
    name::{Attribute, rdns},
};

/// RFC 4514: most specific attribute first, as in `CN=a,OU=b,O=c,C=NL`.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (attribute, value)) in self.attributes().rev().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(formatter, "{separator}{}={}", attribute.short_name(), Escaped(value))?;
        }
        Ok(())
    }
}

/// Reads RFC 4514 text with the attributes CN, O, OU, C, L, ST and emailAddress, by short name, by
/// X.520 name or as dotted OID, in any case; most specific first. Spaces around separators are
/// tolerated. The parts of a multi-valued RDN (`CN=a+O=b`) become RDNs of their own, since that is
/// how names are written here. Quoted values (of RFC 2253) and `#`-hexadecimal ones are refused.
impl FromStr for DistinguishedName {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        let refuse = |reason: &str| X509Error::invalid_name(text, reason);
        let mut name = Self::default();
        if text.trim().is_empty() {
            return Ok(name);
        }
        let parts = split_unescaped(text, &[',', '+']);
        if split_unescaped(text, &['"']).len() > 1 {
            return Err(refuse(
                "a value in quotes is not supported: escape special characters with a backslash \
                 (RFC 4514 section 2.4)",
            ));
        }
        // The text is in the reverse order of the encoding.
        for part in parts.into_iter().rev() {
            let (attribute, value) = part
                .split_once('=')
                .ok_or_else(|| refuse("a distinguished name has the form CN=example,O=Example (RFC 4514)"))?;
            let attribute = attribute_named(attribute.trim()).ok_or_else(|| {
                refuse("only the attributes CN, O, OU, C, L, ST and emailAddress are supported")
            })?;
            let repeated = match attribute {
                Attribute::CommonName => name.common_name.is_some(),
                Attribute::Email => name.email.is_some(),
                _ => false,
            };
            if repeated {
                return Err(refuse(&format!("it has more than one {}", attribute.short_name())));
            }
            name.push(attribute, value_of(trim_unescaped(value)).map_err(refuse)?);
        }
        name.validate()?;
        Ok(name)
    }
}

/// The RFC 4514 text of any `Name`. Attributes without a registered short name are written as
/// dotted OID and `#`-hexadecimal value (§2.4).
///
/// # Errors
/// [`X509Error::Der`] when `name_der` is not a `Name`.
pub fn rfc4514_of_der(name_der: &[u8]) -> Result<String, X509Error> {
    let mut text = String::with_capacity(name_der.len());
    for (index, rdn) in rdns(name_der)?.iter().rev().enumerate() {
        if index > 0 {
            text.push(',');
        }
        for (index, pair) in rdn.iter().enumerate() {
            if index > 0 {
                text.push('+');
            }
            match (short_name(pair.oid), pair.text()) {
                (Some(name), Some(value)) => {
                    push(&mut text, format_args!("{name}={}", Escaped(&value)));
                }
                (name, _) => {
                    match name {
                        Some(name) => text.push_str(name),
                        None => {
                            push(&mut text, format_args!("{}", ObjectIdentifier::from_contents(pair.oid)?));
                        }
                    }
                    text.push_str("=#");
                    for octet in pair.value_der {
                        push(&mut text, format_args!("{octet:02x}"));
                    }
                }
            }
        }
    }
    Ok(text)
}

/// The short name of an attribute, or its dotted OID.
pub(crate) fn attribute_text(oid: &[u8]) -> Result<String, X509Error> {
    match short_name(oid) {
        Some(name) => Ok(name.to_owned()),
        None => Ok(ObjectIdentifier::from_contents(oid)?.to_string()),
    }
}

fn push(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Invariant: writing to a String does not fail.
    let _ = text.write_fmt(arguments);
}

/// Short names of RFC 4514 §3 and of the IANA registry of LDAP descriptors (RFC 4520).
fn short_name(oid: &[u8]) -> Option<&'static str> {
    if let Some(attribute) = Attribute::from_oid(oid) {
        return Some(attribute.short_name());
    }
    match oid {
        [0x55, 0x04, arc] => match arc {
            4 => Some("SN"),
            5 => Some("serialNumber"),
            9 => Some("STREET"),
            12 => Some("title"),
            17 => Some("postalCode"),
            42 => Some("givenName"),
            _ => None,
        },
        b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19" => Some("DC"),
        b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01" => Some("UID"),
        _ => None,
    }
}

/// A value with the escapes of RFC 4514 §2.4; control characters become hexadecimal pairs.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, character) in self.0.char_indices() {
            let first = index == 0;
            let last = index + character.len_utf8() == self.0.len();
            match character {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(formatter, "\\{character}")?,
                '#' if first => formatter.write_str("\\#")?,
                ' ' if first || last => formatter.write_str("\\ ")?,
                control if control.is_control() => {
                    for octet in control.encode_utf8(&mut [0; 4]).bytes() {
                        write!(formatter, "\\{octet:02x}")?;
                    }
                }
                plain => formatter.write_char(plain)?,
            }
        }
        Ok(())
    }
}

/// The attribute with this short name, X.520 name or OID.
fn attribute_named(name: &str) -> Option<Attribute> {
    const OTHER_NAMES: [(&str, Attribute); 9] = [
        ("commonName", Attribute::CommonName),
        ("countryName", Attribute::Country),
        ("localityName", Attribute::Locality),
        ("stateOrProvinceName", Attribute::Province),
        ("S", Attribute::Province),
        ("organizationName", Attribute::Organization),
        ("organizationalUnitName", Attribute::OrganizationalUnit),
        ("email", Attribute::Email),
        ("E", Attribute::Email),
    ];
    let short_names = Attribute::ALL.into_iter().map(|attribute| (attribute.short_name(), attribute));
    let by_name = short_names.chain(OTHER_NAMES).find(|(known, _)| known.eq_ignore_ascii_case(name));
    if let Some((_, attribute)) = by_name {
        return Some(attribute);
    }
    // RFC 2253 wrote "OID." in front.
    let dotted = match name.split_at_checked(4) {
        Some((head, rest)) if head.eq_ignore_ascii_case("OID.") => rest,
        _ => name,
    };
    let oid: ObjectIdentifier = dotted.parse().ok()?;
    Attribute::from_oid(oid.contents())
}

/// A value without its escapes.
fn value_of(text: &str) -> Result<String, &'static str> {
    if text.starts_with('#') {
        return Err("a value in hexadecimal is not supported: write it as text, and a # in front as \\#");
    }
    unescape(text).ok_or("a special character is not escaped with a backslash (RFC 4514 section 2.4)")
}

/// The parts between separators that no backslash escapes.
fn split_unescaped<'a>(text: &'a str, separators: &[char]) -> Vec<&'a str> {
    let mut escaped = false;
    text.split(|character| {
        let separates = separators.contains(&character) && !escaped;
        escaped = character == '\\' && !escaped;
        separates
    })
    .collect()
}

/// Without the spaces around, except for an escaped last one.
fn trim_unescaped(value: &str) -> &str {
    let value = value.trim_start_matches(' ');
    let trimmed = value.trim_end_matches(' ');
    let backslashes = trimmed.len() - trimmed.trim_end_matches('\\').len();
    if backslashes % 2 == 1 {
        // The last backslash escapes the space after it.
        value.get(..=trimmed.len()).unwrap_or(trimmed)
    } else {
        trimmed
    }
}

/// A value without its escapes; none when a special character stands unescaped or an escape is not
/// legal.
fn unescape(value: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes().enumerate();
    while let Some((index, octet)) = rest.next() {
        match octet {
            b'\\' => {
                let (_, escaped) = rest.next()?;
                match escaped {
                    b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b' ' | b'#' | b'=' => {
                        octets.push(escaped);
                    }
                    high => {
                        let (_, low) = rest.next()?;
                        let digit = |digit: u8| char::from(digit).to_digit(16);
                        octets.push(u8::try_from(digit(high)? << 4 | digit(low)?).ok()?);
                    }
                }
            }
            b'"' | b'+' | b';' | b'<' | b'>' => return None,
            b'#' if index == 0 => return None,
            plain => octets.push(plain),
        }
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        name::tests::full_name,
        writer::{Writer, tag},
    };

    #[test]
    fn most_specific_attributes_come_first_and_specials_are_escaped() {
        let text = "emailAddress=ann@example.com,CN=Ann Ü\\, \\\"x\\\",OU=unit 2,OU=unit 1,O=Org \\+ Co,L=Delft,ST=Zuid-Holland,C=NL";
        assert_eq!(full_name().to_string(), text);
        assert_eq!(rfc4514_of_der(&full_name().to_der()).unwrap(), text);
        assert_eq!(text.parse::<DistinguishedName>().unwrap(), full_name());
        let edges = DistinguishedName::with_common_name(" a ");
        assert_eq!(edges.to_string(), "CN=\\ a\\ ");
        assert_eq!(DistinguishedName::with_common_name("#a").to_string(), "CN=\\#a");
        assert_eq!(DistinguishedName::with_common_name("a\n").to_string(), "CN=a\\0a");
    }

    #[test]
    fn texts_are_read_or_refused() {
        for (text, common_name) in [
            ("cn=a", "a"),
            ("CN = a , O = b", "a"),
            ("O=b,CN=a", "a"),
            ("CN=\\ a\\ ", " a "),
            ("CN=\\c3\\bc", "ü"),
            ("CN=a=b", "a=b"),
            ("CN=\\#a", "#a"),
            ("CN=a#", "a#"),
            ("CN=a\\\\,O=x", "a\\"),
            ("CN=a\\\\ ", "a\\"),
        ] {
            let name: DistinguishedName = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name.common_name.as_deref(), Some(common_name), "{text}");
        }
        for text in [
            "CN",
            "a",
            "CN=",
            "CN=a,",
            ",CN=a",
            "X=a",
            "CN=a+",
            "CN=a+X=b",
            "E=a@example.com,email=b@example.com",
            "E=nobody",
            "2.5.4=a",
            "2.5.4.5=a",
            "OID.=a",
            "ÜÜ=a",
            "CN=#0401",
            "CN=a;O=b",
            "CN=\"a\"",
            "CN=a,CN=b",
            "CN=a\\",
            "CN=\\zz",
            "CN=\\ff",
            "CN=\\00",
            "C=NLD",
            "CN=a<b",
        ] {
            assert!(
                matches!(text.parse::<DistinguishedName>(), Err(X509Error::InvalidName { .. })),
                "{text}"
            );
        }
        assert!("".parse::<DistinguishedName>().unwrap().is_empty());
        let unknown = "DC=a".parse::<DistinguishedName>().unwrap_err().to_string();
        assert!(unknown.contains("CN, O, OU, C, L, ST and emailAddress"), "{unknown}");
        for (text, named) in [("CN=#0401", "hexadecimal"), ("CN=\"a, b\"", "quotes"), ("CN=a;b", "backslash")]
        {
            let message = text.parse::<DistinguishedName>().unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
    }

    #[test]
    fn attributes_have_several_names() {
        let canonical =
            "emailAddress=a@example.com,CN=web.example.com,OU=unit,O=Example\\, Inc.,L=Delft,ST=ZH,C=NL";
        for text in [
            canonical,
            "E=a@example.com,CN=web.example.com,OU=unit,O=Example\\, Inc.,L=Delft,S=ZH,C=NL",
            "CN=web.example.com+email=a@example.com,OU=unit+O=Example\\2c Inc.,L=Delft,st=ZH,c=NL",
            "1.2.840.113549.1.9.1=a@example.com,2.5.4.3=web.example.com,OID.2.5.4.11=unit,2.5.4.10=Example\\, Inc.,\
             oid.2.5.4.7=Delft,2.5.4.8=ZH,2.5.4.6=NL",
            "countryName=NL, stateOrProvinceName=ZH, localityName=Delft, organizationName=Example\\, Inc., \
             organizationalUnitName=unit, commonName=web.example.com, EMAILADDRESS=a@example.com",
        ] {
            let name: DistinguishedName = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(name.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn other_attributes_and_multi_valued_rdns_are_written() {
        let mut writer = Writer::with_capacity(64);
        writer.sequence(|name| {
            name.nested(tag::SET, |rdn| {
                for (oid, value) in [
                    (&b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"[..], &b"\x16\x01d"[..]),
                    (b"\x2a\x03\x04", b"\x0c\x01x"),
                    (b"\x55\x04\x03", b"\x02\x01\x05"),
                ] {
                    rdn.sequence(|pair| {
                        pair.object_identifier(oid);
                        pair.raw(value);
                    });
                }
            });
        });
        assert_eq!(rfc4514_of_der(&writer.finish()).unwrap(), "DC=d+1.2.3.4=#0c0178+CN=#020105");
        assert!(rfc4514_of_der(b"\x30\x01").is_err());
        assert!(rfc4514_of_der(b"\x30\x00\x00").is_err());
    }
}

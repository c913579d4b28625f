//! DNS names as they stand in certificates (RFC 5280 §4.2.1.6, RFC 1123 §2.1, RFC 6125 §6.4.3).

use std::{borrow::Cow, fmt, net::IpAddr, str::FromStr};

use idna::{
    AsciiDenyList,
    uts46::{DnsLength, Hyphens, Uts46},
};

use crate::X509Error;

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A host name or a wildcard in its canonical form: lower case, A-labels (RFC 5890), no trailing
/// dot.
///
/// The left-most label may hold one `*`: alone (`*.example.com`) or as a part (`f*.example.com`).
/// Whether wildcards of either form are wanted is for the caller to decide.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DnsName(String);

impl DnsName {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the left-most label holds a `*`.
    pub fn is_wildcard(&self) -> bool {
        self.wildcard_base().is_some()
    }

    /// What follows the wildcard label: `example.com` of `*.example.com`; none without a wildcard.
    pub fn wildcard_base(&self) -> Option<&str> {
        let (label, base) = self.0.split_once('.')?;
        label.contains('*').then_some(base)
    }

    /// Reads a name that another CA is to judge: as [`FromStr`], and with the symbols that IDNA 2008 leaves out, since there are
    /// registries that sell emoji and CAs that certify their A-labels.
    ///
    /// # Errors
    /// [`X509Error`] that says what would be right.
    pub fn for_another_ca(text: &str) -> Result<Self, X509Error> {
        canonical(text, true).map(Self).map_err(|reason| X509Error::invalid_name(text, reason))
    }

    /// A host name that somebody connects to, which a certificate is compared with: underscores and A-labels that cannot be
    /// decoded are not certified here, but such hosts are there, and others certify them or names with a `*` for them.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`].
    pub fn connected_to(text: &str) -> Result<Self, X509Error> {
        let read = || {
            check_characters(text)?;
            if text.contains('*') {
                return Err("it must be one host name, not a wildcard".into());
            }
            if !text.is_ascii() {
                return canonical(text, true);
            }
            let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
            name.split('.').try_for_each(|label| check_label(&label.replace('_', "x")))?;
            check_last_label(&name)?;
            check_length(&name)?;
            Ok(name)
        };
        read().map(Self).map_err(|reason: Reason| X509Error::invalid_name(text, reason))
    }
}

/// Reads a name as people write it: any case, Unicode (mapped by UTS 46 with STD3 rules), with or
/// without a trailing dot. The error says what would be right.
impl FromStr for DnsName {
    type Err = X509Error;

    fn from_str(text: &str) -> Result<Self, X509Error> {
        canonical(text, false).map(Self).map_err(|reason| X509Error::invalid_name(text, reason))
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DnsName({})", self.0)
    }
}

impl AsRef<str> for DnsName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

type Reason = Cow<'static, str>;

/// `symbols` when another CA decides about emoji and the like.
fn canonical(text: &str, symbols: bool) -> Result<String, Reason> {
    check_characters(text)?;
    let canonical = match text.split_once('.') {
        Some((label, base)) if label.contains('*') => {
            format!("{}.{}", wildcard_label(label)?, host_name(base, symbols)?)
        }
        None if text.contains('*') => {
            return Err("a wildcard needs a domain after it, as in *.example.com".into());
        }
        _ => host_name(text, symbols)?,
    };
    check_length(&canonical)?;
    Ok(canonical)
}

fn check_length(name: &str) -> Result<(), Reason> {
    if name.len() > MAX_NAME {
        return Err(format!("a name has at most {MAX_NAME} characters (after IDNA)").into());
    }
    Ok(())
}

fn check_last_label(name: &str) -> Result<(), Reason> {
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err("the last label of a host name is not a number (RFC 3696 section 2)".into());
    }
    Ok(())
}

/// Refuses the mistakes that deserve a better answer than "not a host name".
fn check_characters(text: &str) -> Result<(), Reason> {
    if text.is_empty() {
        return Err("a DNS name cannot be empty".into());
    }
    if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Err("a DNS name has no spaces or control characters".into());
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(IP_ADDRESS.into());
    }
    if text.contains("://") || text.contains('/') {
        return Err("it must be a host name alone, without scheme or path".into());
    }
    if text.contains('@') {
        return Err("it is an e-mail address, not a host name".into());
    }
    if text.contains(':') {
        return Err("it must be a host name alone, without a port".into());
    }
    Ok(())
}

const IP_ADDRESS: &str = "it is an IP address; put it into ip_sans";

/// A left-most label with a `*`, in lower case. Within an A-label or a Unicode label a `*` would
/// match something else than it shows (RFC 6125 §6.4.3), so these are refused.
fn wildcard_label(label: &str) -> Result<String, Reason> {
    let label = label.to_ascii_lowercase();
    if label.matches('*').count() > 1 {
        return Err("a wildcard has one '*', in the left-most label".into());
    }
    if !label.is_ascii() || label.starts_with("xn--") {
        return Err("a '*' cannot be part of an internationalised label".into());
    }
    check_label(&label.replace('*', "x"))?;
    Ok(label)
}

/// A host name without wildcard in its canonical form.
fn host_name(text: &str, symbols: bool) -> Result<String, Reason> {
    if text.contains('*') {
        return Err("a '*' may stand in the left-most label only, as in *.example.com".into());
    }
    // STD3 would refuse it too, without saying why.
    if text.contains('_') {
        return Err("a host name has no underscores, only letters, digits and hyphens".into());
    }
    let ascii = Uts46::new()
        .to_ascii(text.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Ignore)
        .map_err(|_| GRAMMAR)?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    for label in name.split('.') {
        check_label(label)?;
    }
    if !symbols {
        check_code_points(name)?;
    }
    // IDNA maps digits and dots of other scripts, so an address can appear here that was none
    // before.
    if name.parse::<IpAddr>().is_ok() {
        return Err(IP_ADDRESS.into());
    }
    check_last_label(name)?;
    Ok(name.to_owned())
}

/// UTS 46 lets symbols pass that IDNA 2008 does not (RFC 5892 §2: letters, digits and marks are what labels are made
/// of): emoji and dingbats among them, which look alike and which no registry sells.
fn check_code_points(ascii: &str) -> Result<(), Reason> {
    if !ascii.contains("xn--") {
        return Ok(());
    }
    let (unicode, _) =
        Uts46::new().to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    let symbol = |character: char| matches!(u32::from(character), 0x2010..=0x2BFF | 0xFE00..=0xFE0F | 0x1F000..=0x1FBFF | 0xE0000..=0xE01EF);
    if unicode.chars().any(symbol) {
        return Err(
            "a host name has letters and digits of any script, but no emoji or other symbols (RFC 5892)"
                .into(),
        );
    }
    Ok(())
}

const GRAMMAR: &str = "it must be a host name: labels of letters, digits and inner hyphens, joined by dots";

fn check_label(label: &str) -> Result<(), Reason> {
    if label.is_empty() {
        return Err("it has an empty label: two dots in a row, or one at the start".into());
    }
    if label.len() > MAX_LABEL {
        return Err(format!("a label has at most {MAX_LABEL} characters (after IDNA)").into());
    }
    let hyphen_at_end = label.starts_with('-') || label.ends_with('-');
    let legal = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    if hyphen_at_end || !legal {
        return Err(GRAMMAR.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        text.parse::<DnsName>().map(|name| name.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_become_canonical() {
        for (text, canonical) in [
            ("example.com", "example.com"),
            ("EXAMPLE.Com.", "example.com"),
            ("localhost", "localhost"),
            ("a-b.c--d.example", "a-b.c--d.example"),
            ("r3---sn-abc.example.com", "r3---sn-abc.example.com"),
            ("1.2.3.4.example", "1.2.3.4.example"),
            ("4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("faß.de", "xn--fa-hia.de"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("例え。テスト。", "xn--r8jz45g.xn--zckzah"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("ｅｘａｍｐｌｅ.com", "example.com"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
        ] {
            assert_eq!(parsed(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn wildcards_stand_in_the_left_label() {
        for (text, canonical, base) in [
            ("*.example.com", "*.example.com", Some("example.com")),
            ("F*.Example.com.", "f*.example.com", Some("example.com")),
            ("*f.example.com", "*f.example.com", Some("example.com")),
            ("a*b.example.com", "a*b.example.com", Some("example.com")),
            ("*.com", "*.com", Some("com")),
            ("example.com", "example.com", None),
            ("localhost", "localhost", None),
        ] {
            let name: DnsName = text.parse().unwrap();
            assert_eq!(name.as_str(), canonical);
            assert_eq!(name.wildcard_base(), base);
            assert_eq!(name.is_wildcard(), base.is_some());
        }
        for text in [
            "*",
            "*.",
            "f*",
            "**.example.com",
            "*a*.example.com",
            "a.*.example.com",
            "*.*.com",
            "example.*",
            "*-.example.com",
            "-*.example.com",
            "xn--*.example.com",
            "XN--bcher-*.example",
            "ü*.example.com",
            "*。example.com",
            "*..com",
            "a_*.example.com",
            "*.1.2.3.4",
            "*.10.0.0.1",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn refusals_say_what_would_be_right() {
        for (text, hint) in [
            ("", "empty"),
            ("10.0.0.1", "ip_sans"),
            ("１０.0.0.1", "ip_sans"),
            ("::1", "ip_sans"),
            ("[::1]", "ip_sans"),
            ("1.2.3", "not a number"),
            ("12345", "not a number"),
            ("1.2.3.256", "not a number"),
            ("a_b.example.com", "underscores"),
            ("a b.example.com", "spaces"),
            ("a\0.example.com", "control characters"),
            ("https://example.com", "without scheme"),
            ("example.com/x", "path"),
            ("a@example.com", "e-mail"),
            ("example.com:443", "port"),
            ("a..example.com", "empty label"),
            (".example.com", "empty label"),
            (".", "empty label"),
            ("example.com..", "empty label"),
            ("-a.example.com", "inner hyphens"),
            ("a-.example.com", "inner hyphens"),
            ("a,b.example.com", "inner hyphens"),
            ("xn--a.example.com", "inner hyphens"),
            ("xn--.example.com", "inner hyphens"),
            ("a.*.example.com", "left-most"),
            ("*", "domain after it"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!(!parsed("a\0b").unwrap_err().contains('\0'));
    }

    #[test]
    fn another_ca_may_certify_symbols() {
        for (text, canonical) in [
            ("xn--i-7iq.ws", "xn--i-7iq.ws"),
            ("I❤.ws", "xn--i-7iq.ws"),
            ("*.xn--i-7iq.ws", "*.xn--i-7iq.ws"),
        ] {
            assert_eq!(DnsName::for_another_ca(text).unwrap().as_str(), canonical);
            assert!(parsed(text).unwrap_err().contains("emoji"), "{text}");
        }
        for text in ["xn--a.example", "a_b.example", "10.0.0.1", "a b.example", "xn--*.ws", ""] {
            assert!(DnsName::for_another_ca(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_that_are_not_certified_here_can_be_connected_to() {
        for (text, host) in [
            ("_dmarc.Example.com.", "_dmarc.example.com"),
            ("foo_bar.example.com", "foo_bar.example.com"),
            ("xn--i-7iq.ws", "xn--i-7iq.ws"),
            ("xn--zzzzzzzz", "xn--zzzzzzzz"),
            ("I❤.ws", "xn--i-7iq.ws"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("www.example.com", "www.example.com"),
        ] {
            assert_eq!(DnsName::connected_to(text).unwrap().as_str(), host, "{text}");
        }
        let long = vec!["a".repeat(63); 4].join(".");
        for text in [
            "",
            ".",
            "a..b",
            "*.example.com",
            "a b",
            "a@b.c",
            "10.0.0.1",
            "1.2.3",
            "-a.b",
            "https://a.b",
            "a:1",
            &long,
        ] {
            assert!(DnsName::connected_to(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_are_bounded() {
        let label = "a".repeat(63);
        assert!(parsed(&format!("{label}.example")).is_ok());
        assert!(parsed(&format!("{label}a.example")).unwrap_err().contains("63"));
        let name = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        assert_eq!(name.len(), 253);
        assert!(parsed(&name).is_ok());
        assert!(parsed(&format!("{name}.")).is_ok());
        assert!(parsed(&format!("{name}b")).unwrap_err().contains("253"));
        assert!(parsed(&format!("*.{name}")).unwrap_err().contains("253"));
    }

    proptest! {
        #[test]
        fn canonical_names_stay_as_they_are(
            text in "(\\*\\.)?([a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\\.){0,4}[a-z]{1,10}"
        ) {
            // Labels that happen to look like A-labels need not be legal ones.
            prop_assume!(!text.contains("xn--"));
            prop_assert_eq!(parsed(&text), Ok(text.clone()));
            prop_assert_eq!(parsed(&text.to_uppercase()), Ok(text));
        }

        #[test]
        fn whatever_is_accepted_is_canonical(text in "\\PC{0,20}(\\.\\PC{0,10})?") {
            if let Ok(name) = parsed(&text) {
                let legal = |octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'*');
                prop_assert!(name.bytes().all(legal));
                prop_assert_eq!(parsed(&name), Ok(name.clone()));
            }
        }
    }
}

//! Owners: the people who are told by mail what happens to certificates, roles and CAs.

use std::fmt;
use std::str::FromStr;

/// Owners of one object, at most.
pub const MOST_OWNERS: usize = 16;
/// The tag of a certificate that names its owners.
pub const OWNERS_TAG: &str = "owners";

/// The longest address that SMTP can carry (RFC 5321 section 4.5.3.1.3, without its angle brackets).
const LONGEST: usize = 254;
/// The longest part before the `@` (RFC 5321 section 4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;

/// A mail address: a `Dot-string` and a domain (RFC 5321 section 4.1.2), in ASCII. Quoted local parts and address literals, which
/// hardly anybody has, are left out; so no address holds a space, a quote or the end of a line.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// The address as text, its domain in small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is before the `@`.
    pub fn local_part(&self) -> &str {
        self.parts().0
    }

    /// What is behind the `@`.
    pub fn domain(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        // Invariant: there is one; it was looked for when the address was read.
        self.0.rsplit_once('@').unwrap_or_default()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidOwners;

    fn from_str(text: &str) -> Result<Self, InvalidOwners> {
        let wrong = || {
            let shown: String = text.chars().take(64).map(|c| if c.is_control() { ' ' } else { c }).collect();
            InvalidOwners(format!(
                "`{shown}` is no mail address: write one such as `pki@example.com`, in ASCII, with up to {LONGEST} characters"
            ))
        };
        let (local_part, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
        let is_label = |label: &str| {
            let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(fits)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fits = text.len() <= LONGEST
            && local_part.len() <= LONGEST_LOCAL_PART
            && local_part.split('.').all(is_atom)
            && domain.split('.').all(is_label);
        if fits { Ok(Self(format!("{local_part}@{}", domain.to_ascii_lowercase()))) } else { Err(wrong()) }
    }
}

/// RFC 5322 section 3.2.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// Whether a domain is one of these or below one of them.
pub fn is_within(domain: &str, domains: &[String]) -> bool {
    domains.iter().any(|allowed| {
        domain.strip_suffix(allowed.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// The owners of an object: each once, in the order in which they were named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners(Vec<EmailAddress>);

/// What is wrong with owners, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOwners(String);

impl Owners {
    /// Reads addresses.
    ///
    /// # Errors
    /// For the first text that is no address, and for more than [`MOST_OWNERS`].
    pub fn parse(texts: &[String]) -> Result<Self, InvalidOwners> {
        if texts.len() > MOST_OWNERS {
            return Err(InvalidOwners(format!("has {} entries; at most {MOST_OWNERS}", texts.len())));
        }
        let mut owners = Self::default();
        for text in texts {
            owners.add(text.trim().parse()?);
        }
        Ok(owners)
    }

    /// Reads the addresses of a tag, which are divided by commas or spaces.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of_tag(text: &str) -> Result<Self, InvalidOwners> {
        let texts: Vec<String> = divided(text).map(ToOwned::to_owned).collect();
        Self::parse(&texts)
    }

    /// What is legal of what was stored, perhaps by a version that did not look at it.
    pub fn stored<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut owners = Self::default();
        for address in texts.into_iter().filter_map(|text| text.parse().ok()).take(MOST_OWNERS) {
            owners.add(address);
        }
        owners
    }

    /// The same of a tag.
    pub fn of_stored_tag(text: &str) -> Self {
        Self::stored(divided(text))
    }

    fn add(&mut self, address: EmailAddress) {
        if !self.0.contains(&address) {
            self.0.push(address);
        }
    }

    /// The addresses.
    pub fn addresses(&self) -> &[EmailAddress] {
        &self.0
    }

    /// The addresses as texts.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn divided(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_others_refused_in_one_line() {
        for (text, read) in [
            ("ann@example.com", "ann@example.com"),
            ("Ann.B+pki@EXAMPLE.com", "Ann.B+pki@example.com"),
            ("root@localhost", "root@localhost"),
            ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<EmailAddress>().expect("legal in this test").as_str(), read);
        }
        let long_local_part = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", vec!["b".repeat(60); 5].join("."));
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "a b@example.com",
            "\"a\"@example.com",
            "ann@[127.0.0.1]",
            ".ann@example.com",
            "an..n@example.com",
            "ann@example..com",
            "ann@-example.com",
            "änn@example.com",
            "ann@exämple.com",
            "ann@example.com\r\nBcc: all@example.com",
            "ann@example.com\r\nX@example.com",
            "<ann@example.com>",
            "a@b@example.com",
            &long_local_part,
            &long,
        ] {
            let error = text.parse::<EmailAddress>().expect_err(text).to_string();
            assert!(error.contains("pki@example.com") && !error.contains(['\r', '\n']), "{error}");
        }
    }

    #[test]
    fn owners_are_bounded_and_each_is_named_once() {
        let owners =
            Owners::of_tag("ann@example.com, bob@example.org,ann@EXAMPLE.com").expect("legal in this test");
        assert_eq!(owners.texts(), ["ann@example.com", "bob@example.org"]);
        let many: Vec<String> = (0..17).map(|number| format!("a{number}@example.com")).collect();
        assert_eq!(Owners::parse(&many).expect_err("too many").to_string(), "has 17 entries; at most 16");
        assert_eq!(Owners::stored(many.iter().map(String::as_str)).addresses().len(), 16);
        assert_eq!(Owners::of_stored_tag("team web, ann@example.com").texts(), ["ann@example.com"]);
        assert!(Owners::of_tag("team web").is_err());
    }

    #[test]
    fn a_domain_is_within_itself_and_what_is_above_it() {
        let domains = ["example.com".to_owned()];
        assert!(is_within("example.com", &domains) && is_within("a.example.com", &domains));
        assert!(!is_within("badexample.com", &domains) && !is_within("com", &domains));
    }
}

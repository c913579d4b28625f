//! Patterns of a role: `allowed_domains` and `allowed_uri_sans`.

mod words;

use std::borrow::Cow;

use certmill_x509::{DnsName, check_uri_pattern};

/// An entry of `allowed_domains`: lower case, A-labels, no trailing dot.
#[derive(Debug, Clone)]
pub(crate) struct DomainPattern {
    text: String,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `example.com`.
    Plain,
    /// `*.example.com`: permits what is below without a switch.
    Below,
    /// A `*` anywhere else.
    Glob,
    /// With an `@`: one e-mail address, or a glob over whole addresses.
    Email,
}

/// Which of a role's switches apply to its entries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switches {
    pub(crate) bare: bool,
    pub(crate) subdomains: bool,
    pub(crate) globs: bool,
    pub(crate) wildcards: bool,
}

/// What makes an entry permit a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// `allow_bare_domains`: the name is the entry itself.
    Bare,
    /// `allow_subdomains`: the name is below the entry.
    Subdomains,
    /// The entry's own leading `*.`, which needs no switch.
    StarEntry,
    /// `allow_glob_domains`: the entry matches the name.
    Glob,
}

impl Opening {
    /// The switch that it took; none for an entry that needs none.
    pub(crate) const fn switch(self) -> Option<&'static str> {
        match self {
            Self::Bare => Some("allow_bare_domains"),
            Self::Subdomains => Some("allow_subdomains"),
            Self::StarEntry => None,
            Self::Glob => Some("allow_glob_domains"),
        }
    }
}

/// A requested name in the forms that patterns are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    /// The host name in canonical form, with its wildcard label if it has one.
    pub(crate) host: &'a str,
    /// What follows the wildcard label, if there is one.
    pub(crate) wildcard_base: Option<&'a str>,
    /// The whole address when the host is that of an e-mail address.
    pub(crate) email: Option<&'a str>,
}

impl DomainPattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some((local, host)) = text.rsplit_once('@') {
            let legal = |byte: u8| byte.is_ascii_graphic() && byte != b'@';
            if local.is_empty() || !local.bytes().all(legal) {
                return Err(format!("`{text}` is not an e-mail address or a glob over such"));
            }
            let host = Self::parse(host)?.text;
            return Ok(Self { text: format!("{local}@{host}"), form: Form::Email });
        }
        let below = text.strip_prefix("*.").is_some_and(|base| !base.contains('*'));
        if below || !text.contains('*') {
            let name: DnsName = text.parse().map_err(|error: certmill_x509::X509Error| error.to_string())?;
            let form = if below { Form::Below } else { Form::Plain };
            return Ok(Self { text: name.as_str().to_owned(), form });
        }
        Ok(Self { text: glob_text(text)?, form: Form::Glob })
    }

    /// What makes the entry permit the name, if it does. The switches are independent: none is tried within
    /// another.
    pub(crate) fn opening(&self, name: Candidate<'_>, switches: Switches) -> Option<Opening> {
        if self.form == Form::Email {
            return self.opening_for_email(name.email?, switches);
        }
        if switches.bare && name.host == self.text {
            return Some(Opening::Bare);
        }
        let apex = match self.form {
            Form::Below => self.text.get(2..).map(|apex| (apex, Opening::StarEntry)),
            Form::Plain if switches.subdomains => Some((self.text.as_str(), Opening::Subdomains)),
            Form::Plain | Form::Glob | Form::Email => None,
        };
        if let Some((apex, opening)) = apex
            && is_under(name, apex)
        {
            return Some(opening);
        }
        (switches.globs && self.text.contains('*') && glob(&self.text, name.host, same_letter))
            .then_some(Opening::Glob)
    }

    /// The entry in canonical form.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What `*.` stands before, for an entry that permits what is below without a switch. As a glob such an entry permits
    /// nothing more.
    pub(crate) fn star_apex(&self) -> Option<&str> {
        self.text.strip_prefix("*.").filter(|_| self.form == Form::Below)
    }

    /// Whether `*` stands for any text in it.
    pub(crate) fn is_glob(&self) -> bool {
        self.text.contains('*')
    }

    /// Whether it permits anything under these switches.
    pub(crate) fn is_open(&self, switches: Switches) -> bool {
        let by_glob = switches.globs && self.is_glob();
        match self.form {
            Form::Below => true,
            Form::Plain => switches.bare || switches.subdomains,
            Form::Email => switches.bare || by_glob,
            Form::Glob => (switches.bare && switches.wildcards) || by_glob,
        }
    }

    /// What the entry permits in words; empty when it permits nothing.
    pub(crate) fn describe(&self, switches: Switches) -> String {
        let text = &self.text;
        let mut parts = Vec::new();
        let literal = match self.form {
            Form::Plain | Form::Email => switches.bare,
            Form::Glob => switches.bare && switches.wildcards,
            Form::Below => switches.wildcards,
        };
        if literal {
            parts.push(format!("`{text}`"));
        }
        match self.form {
            Form::Below => parts.push(format!("names below `{}`", text.trim_start_matches("*."))),
            Form::Plain if switches.subdomains => parts.push(format!("names below `{text}`")),
            Form::Glob | Form::Email if switches.globs && text.contains('*') => {
                parts.push(format!("names that match `{text}`"));
            }
            _ => {}
        }
        parts.join(", ")
    }

    fn opening_for_email(&self, email: &str, switches: Switches) -> Option<Opening> {
        if switches.bare && email.eq_ignore_ascii_case(&self.text) {
            return Some(Opening::Bare);
        }
        (switches.globs && self.text.contains('*') && glob(&self.text, email, same_letter))
            .then_some(Opening::Glob)
    }
}

/// Whether the name is below `apex`, or a wildcard that covers names directly below it.
pub(crate) fn is_under(name: Candidate<'_>, apex: &str) -> bool {
    let base = name.wildcard_base.unwrap_or(name.host);
    if name.wildcard_base.is_some() && base == apex {
        return true;
    }
    base.strip_suffix(apex).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// An entry of `allowed_uri_sans`. Scheme and host are compared without regard to case, everything
/// else exactly: the rest of a URI is case-sensitive (RFC 3986 §6.2.2.1), and so is a SPIFFE id's path.
///
/// A `*` stands for any text within its part of the URI: one in the host names hosts, and never reaches into the path, where
/// whoever asks writes what he likes.
#[derive(Debug, Clone)]
pub(crate) struct UriPattern(String);

impl UriPattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let shown = text.escape_debug();
            return Err(format!(
                "`{shown}` is not a URI pattern: write a URI in ASCII without spaces, such as `spiffe://example.com/*`"
            ));
        }
        Ok(Self(fold_uri(text).into_owned()))
    }

    /// Refuses a pattern that permits URIs which no certificate gets: with dot segments, or octets that need not be encoded.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(text: &str) -> Result<(), String> {
        check_uri_pattern(text).map_err(|problem| format!("`{text}` is not a URI pattern: {problem}"))
    }

    /// The entry as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the entry permits the URI, which must have gone through [`fold_uri`].
    pub(crate) fn permits(&self, folded: &str) -> bool {
        self.matches(folded, |a, b| a == b)
    }

    /// Whether the entry would permit the URI if no letter's case counted.
    pub(crate) fn permits_but_for_case(&self, folded: &str) -> bool {
        self.matches(folded, same_letter)
    }

    fn matches(&self, uri: &str, same: impl Fn(u8, u8) -> bool + Copy) -> bool {
        let Some(pattern) = UriParts::of(&self.0) else {
            return glob(&self.0, uri, same);
        };
        UriParts::of(uri).is_some_and(|uri| {
            // An entry that ends with a `*` in its host leaves everything behind that open.
            let is_open = pattern.rest.is_empty() && pattern.host.ends_with('*');
            glob(pattern.scheme, uri.scheme, same)
                && match (pattern.user, uri.user) {
                    (None, None) => true,
                    (Some(pattern), Some(user)) => glob(pattern, user, same),
                    _ => false,
                }
                && glob(pattern.host, uri.host, same)
                && (is_open || glob(pattern.rest, uri.rest, same))
        })
    }
}

/// A URI with an authority, or a pattern of such, in its parts (RFC 3986 §3).
struct UriParts<'a> {
    scheme: &'a str,
    /// What stands before an `@`.
    user: Option<&'a str>,
    /// With the port.
    host: &'a str,
    /// Path, query and fragment, with what sets them off.
    rest: &'a str,
}

impl<'a> UriParts<'a> {
    /// None without an authority.
    fn of(text: &'a str) -> Option<Self> {
        let (scheme, behind) = text.split_once("://")?;
        if scheme.contains([':', '/', '?', '#']) {
            return None;
        }
        let (authority, rest) = behind.find(['/', '?', '#']).map_or((behind, ""), |end| behind.split_at(end));
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        Some(Self { scheme, user, host, rest })
    }
}

/// A URI with its scheme and host in lower case; user information keeps its case.
pub(crate) fn fold_uri(uri: &str) -> Cow<'_, str> {
    let scheme_end = uri.find(':').unwrap_or(0);
    let authority = match uri.get(scheme_end..) {
        Some(rest) if rest.starts_with("://") => {
            let start = scheme_end + 3;
            let length = uri.get(start..).and_then(|rest| rest.find(['/', '?', '#']));
            let end = length.map_or(uri.len(), |length| start + length);
            let host =
                uri.get(start..end).and_then(|text| text.rfind('@')).map_or(start, |at| start + at + 1);
            host..end
        }
        _ => scheme_end..scheme_end,
    };
    let folds = |position: usize| position < scheme_end || authority.contains(&position);
    if !uri.bytes().enumerate().any(|(position, byte)| byte.is_ascii_uppercase() && folds(position)) {
        return Cow::Borrowed(uri);
    }
    let folded = uri.char_indices().map(
        |(position, letter)| {
            if folds(position) { letter.to_ascii_lowercase() } else { letter }
        },
    );
    Cow::Owned(folded.collect())
}

fn glob_text(text: &str) -> Result<String, String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let labels: Result<Vec<_>, _> = text.split('.').map(glob_label).collect();
    labels
        .map(|labels| labels.join("."))
        .map_err(|problem| format!("`{}` is not a domain pattern: {problem}", text.escape_debug()))
}

fn glob_label(label: &str) -> Result<String, String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*');
    match label {
        "" => Err("it has an empty label between its dots".to_owned()),
        _ if label.bytes().all(legal) => Ok(label.to_ascii_lowercase()),
        _ if label.is_ascii() => Err("use letters, digits, hyphens, dots and `*` only".to_owned()),
        _ if label.contains('*') => {
            Err("write a label with both `*` and letters beyond ASCII in its `xn--` form".to_owned())
        }
        _ => match label.parse::<DnsName>() {
            Ok(name) => Ok(name.as_str().to_owned()),
            Err(error) => Err(error.to_string()),
        },
    }
}

fn same_letter(a: u8, b: u8) -> bool {
    a.eq_ignore_ascii_case(&b)
}

/// Whether `pattern` matches the whole of `text`; `*` stands for any run of bytes, an empty one included.
/// Whether a text matches a pattern in which `*` stands for any text, letter by letter.
pub(crate) fn same_text(pattern: &str, text: &str) -> bool {
    glob(pattern, text, |a, b| a == b)
}

fn glob(pattern: &str, text: &str, same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // The point to go back to when a later part fails: after the last star, which then matches one more byte.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                retry = Some((at, seen));
            }
            Some(&wanted) if same(wanted, byte) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((after_star, covered)) = retry else {
                    return false;
                };
                at = after_star;
                seen = covered + 1;
                retry = Some((after_star, seen));
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let exact = |a: u8, b: u8| a == b;
        for (pattern, text) in [
            ("*", ""),
            ("*", "a.b"),
            ("**", "x"),
            ("a*", "a"),
            ("*a", "ba"),
            ("a*c", "abbc"),
            ("*ab", "aab"),
            ("a*b*c", "a1b2b3c"),
            ("foo.*.com", "foo.a.b.com"),
            ("", ""),
        ] {
            assert!(glob(pattern, text, exact), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a*", "ba"), ("*a", "ab"), ("a*c", "acb"), ("a", "A"), ("a*b*c", "a1c2b")]
        {
            assert!(!glob(pattern, text, exact), "{pattern} {text}");
        }
        assert!(glob("A*c", "aBC", same_letter));
    }

    #[test]
    fn entries_are_brought_into_canonical_form() {
        for (text, canonical) in [
            ("Example.COM", "example.com"),
            ("*.Example.com", "*.example.com"),
            ("F*.example.com", "f*.example.com"),
            ("foo.*.Bar.*", "foo.*.bar.*"),
            ("*", "*"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.*.bücher.example", "*.*.xn--bcher-kva.example"),
            ("localhost", "localhost"),
            ("ops@Example.com", "ops@example.com"),
            ("*@Example.com", "*@example.com"),
        ] {
            assert_eq!(DomainPattern::parse(text).expect("legal in this test").text, canonical, "{text}");
        }
    }

    #[test]
    fn entries_that_could_never_match_are_refused() {
        for text in [
            "",
            " ",
            "exa mple.com",
            "a\0.com",
            "a*\0.com",
            ".example.com",
            "a..b",
            "*..b",
            "a/*.com",
            "a_b.com",
            "bü*.example",
            "192.0.2.1",
            "@example.com",
            "a@",
            "a b@example.com",
            "a@b@example.com",
        ] {
            assert!(DomainPattern::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_scheme_and_host_of_a_uri_lose_their_case() {
        for (text, folded) in [
            ("SPIFFE://Example.COM/Ns/A", "spiffe://example.com/Ns/A"),
            ("https://User@Example.com?Q=A", "https://User@example.com?Q=A"),
            ("URN:Example:A", "urn:Example:A"),
            ("https://example.com/A", "https://example.com/A"),
            ("*/A", "*/A"),
        ] {
            assert_eq!(fold_uri(text), folded);
        }
        assert!(UriPattern::parse("a b").is_err());
        assert!(UriPattern::parse("https://bücher.example/").is_err());
    }

    #[test]
    fn a_star_in_the_host_of_a_uri_names_hosts() {
        let permits = |pattern: &str, uri: &str| UriPattern::parse(pattern).unwrap().permits(&fold_uri(uri));
        for (pattern, uri) in [
            ("spiffe://*.example.org/*", "spiffe://a.b.example.org/ns/x"),
            ("spiffe://*.example.org/*", "SPIFFE://A.Example.org/ns/x"),
            ("https://app.*/", "https://app.example.com:8443/"),
            ("https://*/a/*", "https://a.org/a/b/c?d"),
            ("https://*", "https://a.org/b"),
            ("https://*", "https://a.org"),
            ("https://*@a.org/", "https://me@a.org/"),
            ("http*://a.org/*", "https://a.org/b"),
            ("*", "https://me@a.org/b"),
            ("urn:*", "urn:a:b"),
            ("https://a.org/*/z", "https://a.org/b/c/z"),
        ] {
            assert!(permits(pattern, uri), "{pattern} {uri}");
        }
        for (pattern, uri) in [
            ("spiffe://*.example.org/*", "spiffe://evil/.example.org/x"),
            ("spiffe://*.example.org/*", "spiffe://evil/a.example.org/x"),
            ("https://*.example.org/*", "https://evil.com?.example.org/x"),
            ("https://*.example.org/*", "https://evil.com#.example.org/x"),
            ("https://*.example.org*", "https://evil.com/.example.org"),
            ("https://app.*/", "https://app.@evil.com/"),
            ("https://*/", "https://app@evil.com/"),
            ("*://a.org/*", "https://evil.com/://a.org/b"),
            ("https://a.org/", "https:a.org/"),
            ("https://*@a.org/", "https://a.org/"),
        ] {
            assert!(!permits(pattern, uri), "{pattern} {uri}");
        }
    }
}

//! URIs that are certified: nothing in one may mean another path than it seems to (RFC 3986 §6.2.2), and SPIFFE ids
//! follow their own rules.

use crate::{UriName, X509Error};

/// SPIFFE ID §2.1: octets of a trust domain.
const LONGEST_TRUST_DOMAIN: usize = 255;

impl UriName {
    /// Whether all readers understand the same by the URI: no `.` and `..` in its path, nothing
    /// that is written as `%XX` without need or hides a delimiter, and for `spiffe://` what the SPIFFE ID
    /// specification (§2) permits. What is read from others may break these rules; what is issued may not.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`].
    pub fn check_plain(&self) -> Result<(), X509Error> {
        check(self.as_str()).map_err(|reason| X509Error::invalid_name(self.as_str(), reason))
    }
}

/// The same for the text of a pattern, in which `*` stands for any text.
///
/// # Errors
/// Why nothing that matches it would be issued.
pub fn check_uri_pattern(text: &str) -> Result<(), &'static str> {
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
    check_escapes(rest)?;
    check_segments(path(rest))
}

fn check(text: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok(());
    };
    if scheme.eq_ignore_ascii_case("spiffe") {
        return check_spiffe(rest);
    }
    check_escapes(rest)?;
    check_segments(path(rest))
}

/// The path, of what follows the scheme.
fn path(rest: &str) -> &str {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let before_query = rest.get(..end).unwrap_or(rest);
    match before_query.strip_prefix("//") {
        Some(after) => after.find('/').and_then(|slash| after.get(slash..)).unwrap_or(""),
        None => before_query,
    }
}

fn check_segments(path: &str) -> Result<(), &'static str> {
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(
            "a path has no segments `.` and `..`: write where they lead to (RFC 3986 section 6.2.2.3)",
        );
    }
    Ok(())
}

fn check_escapes(text: &str) -> Result<(), &'static str> {
    for escape in text.split('%').skip(1) {
        let octet = escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet {
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~') => {
                return Err("letters, digits and - . _ ~ are not written as %XX (RFC 3986 section 6.2.2.2)");
            }
            Some(b'/' | b'\\' | 0..=0x1F | 0x7F) => {
                return Err("%XX may not hide a slash, a backslash or a control character");
            }
            Some(_) => {}
            None => return Err("each % is followed by two hexadecimal digits (RFC 3986 section 2.1)"),
        }
    }
    Ok(())
}

/// SPIFFE ID §2.1 to §2.3.
fn check_spiffe(rest: &str) -> Result<(), &'static str> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err("a SPIFFE id is spiffe://<trust domain>/<path>");
    };
    let (domain, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let domain_octet = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    if domain.is_empty() || !domain.bytes().all(domain_octet) {
        return Err("a SPIFFE trust domain has letters, digits, `-`, `.` and `_`, and neither user nor port");
    }
    if domain.len() > LONGEST_TRUST_DOMAIN {
        return Err("a SPIFFE trust domain has at most 255 octets");
    }
    for segment in path.split('/').skip(1) {
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
        if segment.is_empty() {
            return Err("the path of a SPIFFE id has no empty segments and no slash at its end");
        }
        if matches!(segment, "." | "..") {
            return Err("the path of a SPIFFE id has no segments `.` and `..`");
        }
        if !segment.bytes().all(legal) {
            return Err(
                "the path of a SPIFFE id has letters, digits, `-`, `.` and `_` only, without %XX, query or fragment",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plain(text: &str) -> bool {
        text.parse::<UriName>().unwrap().check_plain().is_ok()
    }

    #[test]
    fn what_means_what_it_says_is_plain() {
        for text in [
            "https://a.org",
            "https://a.org/a/b%20c?d=../e#/../f",
            "https://a.org/.hidden/..three...",
            "https://user@a.org:8443/a",
            "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
            "spiffe://example.com",
            "spiffe://Example.com/ns/a_b/sa/c.d-e",
        ] {
            assert!(is_plain(text), "{text}");
        }
    }

    #[test]
    fn what_means_another_path_is_not() {
        for text in [
            "https://a.org/a/../b",
            "https://a.org/a/./b",
            "https://a.org/..",
            "https://a.org/a/%2e%2E/b",
            "https://a.org/a%2Fb",
            "https://a.org/a%5cb",
            "https://a.org/%00",
            "https://%61.org/",
            "https://a.org/?%7E",
            "urn:a/../b",
            "spiffe:example.com/a",
            "spiffe://example.com/",
            "spiffe://example.com/a/",
            "spiffe://example.com//a",
            "spiffe://example.com/ns/../../admin",
            "SPIFFE://example.com/ns/../../admin",
            "spiffe://example.com/ns/%20",
            "spiffe://example.com/a?b",
            "spiffe://example.com/a#b",
            "spiffe://example.com:80/a",
            "spiffe://user@example.com/a",
            "spiffe://exa~mple.com/a",
        ] {
            assert!(!is_plain(text), "{text}");
        }
        let long = format!("spiffe://{}/a", "a".repeat(256));
        assert!(!is_plain(&long));
    }

    #[test]
    fn patterns_that_match_nothing_that_is_issued_are_told() {
        for text in ["spiffe://example.com/ns/*", "https://*.a.org/*/b?*", "*", "urn:*", "https://a.org/a..*"]
        {
            assert_eq!(check_uri_pattern(text), Ok(()), "{text}");
        }
        for text in ["spiffe://example.com/../*", "https://a.org/%2e%2e/*", "https://a.org/*/./b", "urn:%4"] {
            assert!(check_uri_pattern(text).is_err(), "{text}");
        }
    }
}

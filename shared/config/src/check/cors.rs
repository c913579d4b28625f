//! Origins of web pages (RFC 6454), as browsers write them into `Origin`.

use super::Origins;
use crate::ConfigError;

/// The origins in the form in which browsers name them, to be compared octet by octet.
pub(super) fn origins(written: Vec<String>, places: &Origins<'_>) -> Result<Vec<String>, ConfigError> {
    written
        .into_iter()
        .map(|text| {
            origin(&text).ok_or_else(|| {
                let problem = format!(
                    "`{text}` is no origin: write `https://` or `http://`, a host and perhaps a port, such as \
                     `https://pki.example.com`; no path, and no `*`, since every page would be that"
                );
                places.problem("cors_origins", problem)
            })
        })
        .collect()
}

fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let host = rest.strip_suffix(usual).unwrap_or(rest);
    let (name, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']')? {
            (address, "") => (address, None),
            (address, rest) => (address, Some(rest.strip_prefix(':')?)),
        },
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let legal = |octet: u8| {
        octet.is_ascii_alphanumeric() || b"-._".contains(&octet) || (host.starts_with('[') && octet == b':')
    };
    let named = !name.is_empty() && name.bytes().all(legal);
    let numbered = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    (named && numbered).then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, read) in [
            ("https://pki.example.com", Some("https://pki.example.com")),
            ("HTTPS://PKI.Example.com:443", Some("https://pki.example.com")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("https://pki.example.com/", None),
            ("https://pki.example.com/page", None),
            ("https://*.example.com", None),
            ("*", None),
            ("null", None),
            ("pki.example.com", None),
            ("ftp://pki.example.com", None),
            ("https://", None),
            ("https://a@b", None),
            ("https://a:", None),
            ("https://a:70000", None),
            ("https://[::1]3000", None),
        ] {
            assert_eq!(origin(text).as_deref(), read, "{text}");
        }
    }
}

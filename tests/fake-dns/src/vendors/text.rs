//! TXT data in the form of zone files: strings in quotes (RFC 1035 section 5.1).

/// A value in quotes, in strings of 255 octets.
pub(crate) fn quoted(value: &str) -> String {
    let escaped = |part: &[u8]| {
        let part = String::from_utf8_lossy(part);
        format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\""))
    };
    match value.as_bytes().chunks(255).map(escaped).collect::<Vec<_>>() {
        none if none.is_empty() => "\"\"".to_owned(),
        parts => parts.join(" "),
    }
}

/// The plain value, if every string is in quotes and none is too long.
pub(crate) fn unquoted(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut characters = rest.strip_prefix('"')?.char_indices();
        let mut part = String::new();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => part.push(characters.next()?.1),
                (_, other) => part.push(other),
            }
        };
        if part.len() > 255 {
            return None;
        }
        value.push_str(&part);
        rest = rest.get(end + 1..)?.trim_start();
    }
    Some(value)
}

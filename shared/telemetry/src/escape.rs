//! Fields of the text log. Many hold texts of others: what an ACME server or a DNS provider said, names out of requests. Such a
//! text must not end the line and begin one that looks like ours, nor steer the reader's terminal.

use std::fmt;

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// The usual form of fields, message included, with everything escaped that is more than a visible character.
pub(crate) struct Escaped;

impl<'writer> FormatFields<'writer> for Escaped {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut text = String::new();
        // Without colours: an escape sequence in it then is a foreign one.
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        write_escaped(&mut writer, &text)
    }
}

fn write_escaped(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some((at, harmful)) = rest.char_indices().find(|(_, character)| is_harmful(*character)) {
        let (before, after) = rest.split_at(at);
        writer.write_str(before)?;
        write!(writer, "{}", harmful.escape_default())?;
        rest = after.get(harmful.len_utf8()..).unwrap_or_default();
    }
    writer.write_str(rest)
}

/// Control characters (C0, DEL, C1), and the separators and directions of Unicode that move other text about.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

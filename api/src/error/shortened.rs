//! Texts in errors, which quote what was sent.

use serde_json::Value;

/// Takes the middle out of long texts: what was sent may be a megabyte.
pub(super) fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => shorten_text(text),
        Value::Object(object) => {
            let fields = std::mem::take(object).into_iter().map(|(mut name, mut inner)| {
                shorten_text(&mut name);
                shorten(&mut inner);
                (name, inner)
            });
            *object = fields.collect();
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shorten_text(text: &mut String) {
    const MOST: usize = 1_000;
    const KEPT: usize = 300;
    if text.len() > MOST {
        let start = text.floor_char_boundary(KEPT);
        let end = text.ceil_char_boundary(text.len() - KEPT);
        text.replace_range(start..end, " … ");
    }
}

//! Where settings stand in the configuration file, and what is wrong with a file that is not TOML.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::ConfigError;

/// A line and a column in characters, both counted from 1.
type Place = (usize, usize);

/// Where each setting of a file stands.
#[derive(Default)]
pub(crate) struct Places(BTreeMap<String, Place>);

impl Places {
    /// Finds the settings of a file that is TOML.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] for a date, which no setting has: it is a text without its quotes.
    pub(crate) fn of(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let mut places = Self::default();
        let (table, _) = DeTable::parse_recoverable(text);
        match places.note(text, "", table.get_ref()) {
            None => Ok(places),
            Some((key, (line, column))) => {
                Err(ConfigError::Syntax { path: path.to_owned(), line, column, message: unquoted(&key) })
            }
        }
    }

    /// Answers the first date.
    fn note(&mut self, text: &str, above: &str, table: &DeTable) -> Option<(String, Place)> {
        for (name, value) in table {
            let key = format!("{above}{}", name.get_ref());
            self.0.insert(key.clone(), place(text, name.span().start));
            let date = match value.get_ref() {
                DeValue::Table(inner) => self.note(text, &format!("{key}."), inner),
                DeValue::Datetime(_) => Some((key, place(text, value.span().start))),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Array(_) => None,
            };
            if date.is_some() {
                return date;
            }
        }
        None
    }

    /// Where a setting stands, or else what it is a part of.
    pub(crate) fn find(&self, key: &str) -> Option<Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.0.get(key) {
                return Some(*place);
            }
            key = key.rsplit_once('.')?.0;
        }
    }
}

fn place(text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or_default().chars().count() + 1)
}

/// The place and what would be right, and not the line, which may hold a secret.
pub(crate) fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let (line, column) = place(text, span.start);
    let content = text.lines().nth(line - 1).unwrap_or_default();
    let message = match error.message() {
        "duplicate key" => format!(
            "`{}` stands here for the second time: write each setting and each section once",
            text.get(span).unwrap_or_default()
        ),
        message => in_plain_words(message, content, column),
    };
    ConfigError::Syntax { path: path.to_owned(), line, column, message }
}

/// What the parser calls by the name of the rule that it was following, for the mistakes that people make.
fn in_plain_words(message: &str, line: &str, column: usize) -> String {
    let Some((key, value)) = line.split_once('=').filter(|(key, _)| key.chars().count() < column) else {
        return match line.trim_start() {
            line if line.starts_with('[') => {
                "a section is written in square brackets, such as [crl]".to_owned()
            }
            _ if message.starts_with("key with no value") => "a setting is written `name = value`".to_owned(),
            _ => message.to_owned(),
        };
    };
    let (key, value) = (key.trim(), value.split('#').next().unwrap_or_default().trim());
    if message.contains("unicode") || message.contains("escape") {
        return "a backslash in \"double quotes\" begins an escape: write \\\\, or the text in 'single quotes'".to_owned();
    }
    match value.chars().next() {
        None => format!("`{key}` has no value: write one, or put # before the line"),
        Some('[') if message.starts_with("string values must be quoted") => {
            format!("texts in a list stand in quotes, such as {key} = [\"…\", \"…\"]")
        }
        Some('"' | '\'') if message.starts_with("invalid") => {
            format!("the text of `{key}` has no quotation mark at its end")
        }
        Some('"' | '\'' | '[' | '{') => message.to_owned(),
        Some(_) => match value.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => format!("write {key} = true, in small letters"),
            "false" | "no" | "off" => format!("write {key} = false, in small letters"),
            number if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') => {
                "a number begins with no zero and has no `_` at its ends".to_owned()
            }
            _ => unquoted(key),
        },
    }
}

fn unquoted(key: &str) -> String {
    let name = key.rsplit('.').next().unwrap_or_default();
    format!(
        "the value of `{key}` stands without quotes, as only numbers, true and false do: write {name} = \"…\""
    )
}

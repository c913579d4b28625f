//! The column of owners: a list of texts in JSON.

use certmill_domain::Owners;

use crate::StorageError;
use crate::error::{corrupt, from_json, to_json};

const COLUMN: &str = "owners";

pub(crate) fn written(table: &'static str, owners: &Owners) -> Result<String, StorageError> {
    to_json(table, COLUMN, Some(&owners.texts()))?.ok_or_else(|| corrupt(table, COLUMN, "is absent"))
}

pub(crate) fn read(table: &'static str, text: &str) -> Result<Owners, StorageError> {
    let texts: Vec<String> = from_json(table, COLUMN, Some(text))?.unwrap_or_default();
    Ok(Owners::stored(texts.iter().map(String::as_str)))
}

//! Where each setting was written.

use std::fmt;
use std::path::PathBuf;

use figment::Figment;

use crate::places::Places;

/// A place that settings come from.
#[derive(Clone)]
pub(crate) enum Origin {
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flags,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => write!(f, "the environment ({name})"),
            Self::Flags => f.write_str("the command line"),
        }
    }
}

/// All settings that are written somewhere, and where.
pub struct Sources {
    pub(crate) merged: Figment,
    pub(crate) origins: Vec<Origin>,
    pub(crate) places: Places,
}

impl Sources {
    pub(crate) fn is_set(&self, key: &str) -> bool {
        self.merged.contains(key)
    }

    /// The text of a setting.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.merged.find_value(key).ok()?.into_string()
    }

    /// Where a setting stands, for a sentence.
    pub(crate) fn place(&self, key: &str) -> String {
        match self.origin(key) {
            Some(origin) => in_words(origin, &self.places, key),
            None => "the defaults".to_owned(),
        }
    }

    /// The layer that a setting comes from, for a comment behind it.
    pub(crate) fn layer(&self, key: &str) -> String {
        match self.origin(key) {
            Some(Origin::File(path)) => match self.places.find(key) {
                Some((line, _)) => format!("file {}, line {line}", path.display()),
                None => format!("file {}", path.display()),
            },
            Some(Origin::Variable(name)) => format!("environment {name}"),
            Some(Origin::Flags) => match key {
                "data_dir" => "flag --data".to_owned(),
                key => format!("flag --{}", key.replace(['_', '.'], "-")),
            },
            None => "default".to_owned(),
        }
    }

    fn origin(&self, key: &str) -> Option<&Origin> {
        let name = &self.merged.find_metadata(key)?.name;
        self.origins.iter().find(|origin| origin.to_string() == **name)
    }
}

/// A place for a sentence: in a file with line and column.
pub(crate) fn in_words(origin: &Origin, places: &Places, key: &str) -> String {
    match (origin, places.find(key)) {
        (Origin::File(path), Some((line, column))) => {
            format!("{}, line {line}, column {column}", path.display())
        }
        (origin, _) => origin.to_string(),
    }
}

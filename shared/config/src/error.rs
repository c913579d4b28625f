//! What can be wrong with a configuration. The operator mends all of it.

use std::io;
use std::path::PathBuf;

/// Why there is no configuration. No variant ever holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was named cannot be read: mend its path or its permissions.
    #[error("`{key}` in {origin} names {}, which cannot be read", path.display())]
    Unreadable {
        /// The setting that names the file, `config` for the configuration file itself.
        key: String,
        /// Where that setting stands.
        origin: String,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },

    /// The configuration file is not TOML: mend it at this place.
    #[error("{}, line {line}, column {column}: {message}", path.display())]
    Syntax {
        /// The configuration file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },

    /// A setting is unknown, has a wrong value or does not go with another one: change it.
    #[error("`{key}` in {origin}: {problem}")]
    Invalid {
        /// The setting, with a dot before each nested name.
        key: String,
        /// Where it stands: a file, an environment variable, the command line or the defaults.
        origin: String,
        /// What is wrong and what would be right.
        problem: String,
    },
}

//! Storage errors, by what the caller can do about them.

use certmill_domain::UnknownWord;

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database cannot be reached or is overloaded; the same call may succeed later.
    #[error("the database is not available: {}", said(.0))]
    Unavailable(sqlx::Error),
    /// The database answers and cannot be written. It can again when a person has made room, or made it writable.
    #[error(
        "the database cannot be written ({0}): make room, or make its file and folder, or the server, writable again; \
         nothing needs a restart"
    )]
    Unwritable(String),
    /// A row with the same unique value exists.
    #[error("a row with this value exists already")]
    AlreadyExists,
    /// Another row refers to this one, or the row referred to is not there.
    #[error("another row refers to this one, or the row referred to is not there")]
    Reference,
    /// A stored value cannot be read: the row needs a person's attention.
    #[error("column `{column}` of a row in `{table}` holds a value that cannot be read: {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// What is to be written depends on a word that a newer version has stored.
    #[error(transparent)]
    NewerVersion(#[from] UnknownWord),
    /// The job's lease has passed to another attempt; whatever this one did is void.
    #[error("the lease of this job attempt has ended")]
    LeaseLost,
    /// The URL of the database cannot be used: it is to be mended.
    #[error("the database's URL cannot be used: {0}")]
    Configuration(String),
    /// There is no such SQLite file, and none was to be made.
    #[error("there is no database in {0}")]
    Missing(String),
    /// The database cannot be opened with this URL: the server, the URL or the file needs a person.
    #[error("{0}")]
    Connection(String),
    /// The migrations failed.
    #[error("a migration failed: {}", said_by_migration(.0))]
    Migration(sqlx::migrate::MigrateError),
    /// Any other failure.
    #[error("a database query failed: {}", said(.0))]
    Query(sqlx::Error),
}

/// What the driver says, once and without the lines of Postgres' source that it adds.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        sqlx::Error::Io(io) => io.to_string(),
        sqlx::Error::Tls(tls) => tls.to_string(),
        sqlx::Error::Configuration(inner) => match inner.downcast_ref::<sqlx::Error>() {
            Some(nested) => said(nested),
            None => inner.to_string(),
        },
        sqlx::Error::PoolTimedOut => "no connection became free in time".to_owned(),
        other => other.to_string(),
    }
}

fn said_by_migration(error: &sqlx::migrate::MigrateError) -> String {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::Execute(error) => said(error),
        MigrateError::ExecuteMigration(error, number) => format!("number {number}: {}", said(error)),
        other => other.to_string(),
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(database) => match database.kind() {
                ErrorKind::UniqueViolation => Self::AlreadyExists,
                ErrorKind::ForeignKeyViolation => Self::Reference,
                _ if database.code().is_some_and(|code| is_of_writing(&code)) => {
                    Self::Unwritable(said(&error))
                }
                _ if database.code().is_some_and(|code| is_transient(&code)) => Self::Unavailable(error),
                _ => Self::Query(error),
            },
            _ => Self::Query(error),
        }
    }
}

/// Postgres: read-only transactions, such as those of a standby (25006), and a full disk (53100). SQLite: READONLY (8) and
/// FULL (13) with their extended codes, and of IOERR (10) the failures to write, sync, truncate, delete, and to make the
/// shared memory.
fn is_of_writing(code: &str) -> bool {
    match code.len() {
        5 => ["25006", "53100"].contains(&code),
        _ => code.parse::<i64>().is_ok_and(|number| {
            matches!(number & 0xff, 8 | 13)
                || matches!(number, 778 | 1034 | 1290 | 1546 | 2570 | 4618 | 4874 | 5386)
        }),
    }
}

/// Postgres: connection failures (class 08), resources (53), operator intervention such as a shutdown (57P),
/// serialization failures and deadlocks (40), a lock that took too long (55P), an idle transaction that was ended (25P03).
/// SQLite: BUSY (5), LOCKED (6), IOERR (10), and CANTOPEN (14) of a connection that is made anew, with their extended codes.
fn is_transient(code: &str) -> bool {
    match code.len() {
        5 => ["08", "53", "57P", "40", "55P", "25P03"].iter().any(|class| code.starts_with(class)),
        _ => code.parse::<i64>().is_ok_and(|number| matches!(number & 0xff, 5 | 6 | 10 | 14)),
    }
}

/// A type whose texts have a form that does not change with the version: ids, names, paths.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a form",
    note = "an enum is read by its column in `words.rs`, so that a word of a newer version can be read"
)]
pub(crate) trait Form: std::str::FromStr {}

macro_rules! forms {
    ($($type:ty),* $(,)?) => {$(impl Form for $type {})*};
}

forms! {
    certmill_domain::AcmeAccountId, certmill_domain::AcmeChallengeId, certmill_domain::AcmeOrderId, certmill_domain::CaId,
    certmill_domain::CertificateId, certmill_domain::CsrId, certmill_domain::DnsProviderId, certmill_domain::EventId,
    certmill_domain::JobId, certmill_domain::RoleId, certmill_domain::RoleName, certmill_domain::SecretPath,
    certmill_domain::SecretVersionId, certmill_domain::TenantId, certmill_domain::TenantName, certmill_domain::TokenId,
    certmill_domain::TrustAnchorId, certmill_domain::Network, u32, certmill_domain::BlockedKeyId,
    certmill_domain::DeliveryId, certmill_domain::WebhookId, certmill_domain::DiscoveryId,
    certmill_domain::NoticeId,
}

// A process takes no jobs of a kind that it does not know.

/// Reads a stored text as a value of the domain.
pub(crate) fn parsed<T>(table: &'static str, column: &'static str, text: &str) -> Result<T, StorageError>
where
    T: Form,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| corrupt(table, column, error))
}

/// A stored value that cannot be read.
pub(crate) fn corrupt(
    table: &'static str,
    column: &'static str,
    reason: impl std::fmt::Display,
) -> StorageError {
    StorageError::Corrupt { table, column, reason: reason.to_string() }
}

/// Reads stored JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StorageError> {
    text.map(|text| serde_json::from_str(text).map_err(|error| corrupt(table, column, error))).transpose()
}

/// Writes JSON to store.
pub(crate) fn to_json<T: serde::Serialize>(
    table: &'static str,
    column: &'static str,
    value: Option<&T>,
) -> Result<Option<String>, StorageError> {
    value.map(|value| serde_json::to_string(value).map_err(|error| corrupt(table, column, error))).transpose()
}

//! Giving disk back that an embedded database does not need any more.

use crate::StorageError;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::backend::{Database, Pools};
use crate::backup::unhurried;

/// How large the database was and is, in octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vacuumed {
    /// Before.
    pub before: i64,
    /// After.
    pub after: i64,
}

const SIZE: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";

impl Database {
    /// Writes an embedded database anew, as small as it can be; nothing is done to Postgres, which looks after itself, and
    /// nothing is answered then. Other writers wait until it is over. It takes free disk of up to twice the size.
    ///
    /// # Errors
    /// [`StorageError::Unwritable`] when the disk is too full, [`StorageError::Connection`] and others when somebody else has
    /// the database in use; it is as it was then.
    pub async fn vacuum(&self) -> Result<Option<Vacuumed>, StorageError> {
        let Pools::Sqlite { writer, .. } = &self.pools else { return Ok(None) };
        let _held = writer.acquire().await?;
        let mut connection = unhurried((*writer.connect_options()).clone()).connect().await?;
        let before: i64 = sqlx::query_scalar(SIZE).fetch_one(&mut connection).await?;
        for statement in [
            // The index of common names keeps what was deleted until its parts are merged.
            "INSERT INTO certificate_text (certificate_text) VALUES ('optimize')",
            "VACUUM",
            // All of the database is in the log now.
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ] {
            sqlx::raw_sql(statement).execute(&mut connection).await?;
        }
        let after: i64 = sqlx::query_scalar(SIZE).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(Some(Vacuumed { before, after }))
    }
}

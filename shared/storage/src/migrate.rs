//! The schema: embedded migrations and the question whether a database has all of them.

use std::sync::LazyLock;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, SqlSafeStr, SqlitePool};

use crate::StorageError;
use crate::backend::{Database, Pools};
use crate::query::Query;
use crate::sessions::WithLink;

// `SQLITE_FILES` and `POSTGRES_FILES`: the name without its ending, and the text, of each file in `migrations/`.
include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

static SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(SQLITE_FILES));
static POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(POSTGRES_FILES));

/// The migrations as sqlx's own macro would read them, so that databases it has migrated keep their history.
fn migrator(files: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().filter_map(|(name, text)| {
        let (number, description) = name.split_once('_')?;
        let version = number.parse().ok()?;
        let description = description.replace('_', " ").into();
        Some(Migration::new(version, description, MigrationType::Simple, text.into_sql_str(), false))
    });
    // `ignore_missing`: a database that a newer version has migrated is as good.
    Migrator { migrations: migrations.collect::<Vec<_>>().into(), ignore_missing: true, ..Migrator::DEFAULT }
}

/// How the database's schema relates to this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// They are the same.
    Current,
    /// Migrations are missing, an empty database included.
    Behind {
        /// How many.
        missing: usize,
    },
    /// The database has all of this program's migrations, and those of a newer one. They only add, so this program works
    /// on it: beside newer processes during an upgrade, and after a rollback.
    Newer {
        /// The number of the newest.
        version: i64,
    },
}

/// The number of the newest migration that this program has; both databases have the same numbers.
pub fn newest_migration() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// How often a migration is begun anew that was in the way of the processes at work.
const DEADLOCKS: usize = 20;

/// A migration that takes several tables may wait for one that a process of the version before holds, while that process waits
/// for another: Postgres ends one of the two. Each migration is a transaction, so it only has to begin anew. The connection
/// goes with each attempt, since it holds the lock of migrations.
async fn migrate_postgres(pool: &PgPool) -> Result<(), StorageError> {
    let mut left = DEADLOCKS;
    loop {
        let options = (*pool.connect_options()).clone();
        let single = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
        let result = POSTGRES.run(&single).await;
        single.close().await;
        match result {
            Err(error) if left > 0 && is_deadlock(&error) => left -= 1,
            other => return other.map_err(StorageError::Migration),
        }
    }
}

/// Whether a migration failed for a deadlock, or because a lock took too long.
fn is_deadlock(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else {
        return false;
    };
    cause
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| ["40P01", "55P03"].contains(&&*code))
}

impl Database {
    /// Brings the schema up to date. Safe to call from several processes at once.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        match &self.pools {
            Pools::Sqlite { writer, .. } => self.migrate_sqlite(writer).await,
            Pools::Postgres(pool) => migrate_postgres(pool).await,
        }
    }

    /// Unlike Postgres, SQLite has no lock for migrations: two processes may begin the same one, and the later one
    /// fails because it finds the tables there. Each migration is a transaction, so it only has to look again.
    async fn migrate_sqlite(&self, writer: &SqlitePool) -> Result<(), StorageError> {
        let mut before = self.schema_state().await?;
        loop {
            let result = SQLITE.run(writer).await.map_err(StorageError::Migration);
            if result.is_ok() {
                return Ok(());
            }
            let after = self.schema_state().await?;
            if after == before {
                // No other process has got any further, so the failure is a real one.
                return result;
            }
            before = after;
        }
    }

    /// Compares the schema with this program's without changing it.
    pub async fn schema_state(&self) -> Result<SchemaState, StorageError> {
        let known: Vec<i64> = match &self.pools {
            Pools::Sqlite { .. } => SQLITE.iter().map(|migration| migration.version).collect(),
            Pools::Postgres(_) => POSTGRES.iter().map(|migration| migration.version).collect(),
        };
        if !self.has_migrations_table().await? {
            return Ok(SchemaState::Behind { missing: known.len() });
        }
        let mut session = self.read_system().await?;
        let applied: Vec<(i64,)> = session
            .link()
            .fetch_all(Query::new("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version"))
            .await?;
        let applied: Vec<i64> = applied.into_iter().map(|(version,)| version).collect();
        let missing = known.iter().filter(|version| !applied.contains(version)).count();
        let newer = applied.iter().copied().filter(|version| !known.contains(version)).max();
        Ok(match (missing, newer) {
            (0, None) => SchemaState::Current,
            (0, Some(version)) => SchemaState::Newer { version },
            (missing, _) => SchemaState::Behind { missing },
        })
    }

    pub(crate) async fn has_migrations_table(&self) -> Result<bool, StorageError> {
        let query = match &self.pools {
            Pools::Sqlite { .. } => {
                "SELECT CAST(count(*) AS BIGINT) FROM sqlite_master WHERE name = '_sqlx_migrations'"
            }
            Pools::Postgres(_) => {
                "SELECT CAST(count(*) AS BIGINT) FROM information_schema.tables \
                 WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'"
            }
        };
        let mut session = self.read_system().await?;
        let found: Option<(i64,)> = session.link().fetch_optional(Query::new(query)).await?;
        Ok(found.is_some_and(|(count,)| count > 0))
    }
}

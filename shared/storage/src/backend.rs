//! The two databases behind one set of calls. Nothing outside this module knows which one is in use.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{TenantId, Timestamp};
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Connection as _, FromRow, PgConnection, Postgres, Sqlite, SqliteConnection, Transaction,
};

use crate::query::{Query, Rows, Value};
use crate::sessions::{Session, SystemSession, SystemTx, Tx, WithLink};
use crate::writes::Writes;
use crate::{StorageError, connect};

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(crate) pools: Pools,
    pub(crate) writes: Arc<Writes>,
}

#[derive(Clone)]
pub(crate) enum Pools {
    /// One connection writes, since SQLite has one writer anyway; the others read beside it (WAL).
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// Connections of the pool, for metrics.
#[derive(Debug, Clone, Copy)]
pub struct PoolFigures {
    /// Open connections.
    pub size: u32,
    /// Open connections that nobody uses.
    pub idle: u32,
}

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

impl Database {
    /// Opens `postgres://…` or `sqlite:///path/to/file`, after a first connection of its own: that one fails at once
    /// and with the cause, while a pool goes on trying and says nothing but that it took too long. A missing SQLite
    /// file is made.
    ///
    /// # Errors
    /// [`StorageError::Configuration`] when the URL cannot be used, [`StorageError::Connection`] when the server or
    /// the file cannot.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self, StorageError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::open_sqlite(connect::sqlite_path(path)?, max_connections).await;
        }
        let options = connect::postgres_options(url)?
            .application_name("certmill")
            // Rows that many calls wait for must not stay locked by a process that has stopped in a transaction.
            .options([("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "30s")])
            .statement_cache_capacity(256);
        connect::first_contact(url, &options, ACQUIRE_TIMEOUT).await?;
        let pool = PoolOptions::<Postgres>::new()
            .max_connections(max_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A dead connection shows at its first use; the check would cost a round trip each time.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self { pools: Pools::Postgres(pool), writes: Arc::default() })
    }

    /// As [`Self::open`], but a missing SQLite file is not made.
    ///
    /// # Errors
    /// As [`Self::open`], and [`StorageError::Missing`].
    pub async fn open_existing(url: &str, max_connections: u32) -> Result<Self, StorageError> {
        if let Some(path) = url.strip_prefix("sqlite://")
            && !connect::sqlite_path(path)?.exists()
        {
            return Err(StorageError::Missing(path.to_owned()));
        }
        Self::open(url, max_connections).await
    }

    async fn open_sqlite(path: &Path, max_connections: u32) -> Result<Self, StorageError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a certificate that was answered must survive a power failure.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // Small on purpose: SQLite walks its own cache at every commit, and the system caches the file anyway.
            .pragma("cache_size", "-4000")
            .pragma("wal_autocheckpoint", "4000")
            .statement_cache_capacity(256);
        let writes = Arc::<Writes>::default();
        let pool = |connections: u32, options: SqliteConnectOptions, writes: Option<Arc<Writes>>| {
            PoolOptions::<Sqlite>::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                // When the disk is full SQLite ends the transaction by itself, and the driver, whose rollback then
                // fails, takes it for open ever after. Such a connection is replaced; and one that was made while the file
                // was read-only stays so, which is why none is used again before one has written.
                .before_acquire(move |connection, _| {
                    let failing = writes.as_ref().is_some_and(|writes| writes.problem().is_some());
                    let usable = !connection.is_in_transaction() && !failing;
                    Box::pin(async move { Ok(usable) })
                })
                .connect_with(options)
        };
        let refused = |error| connect::sqlite_problem(path, &error);
        let writer = pool(1, options.clone(), Some(Arc::clone(&writes))).await.map_err(refused)?;
        let readers = pool(max_connections.clamp(1, 8), options, None).await.map_err(refused)?;
        Ok(Self { pools: Pools::Sqlite { writer, readers }, writes })
    }

    /// A session that reads rows of `tenant`.
    pub async fn read(&self, tenant: TenantId) -> Result<Session, StorageError> {
        Ok(Session::new(self.reading().await?, tenant))
    }

    /// A transaction that reads and writes rows of `tenant`. Dropped without [`Tx::commit`], it leaves nothing.
    pub async fn begin(&self, tenant: TenantId) -> Result<Tx, StorageError> {
        Ok(Tx::new(self.writing().await?, tenant))
    }

    /// A session that reads across tenants.
    pub async fn read_system(&self) -> Result<SystemSession, StorageError> {
        Ok(SystemSession::new(self.reading().await?))
    }

    /// A transaction across tenants.
    pub async fn begin_system(&self) -> Result<SystemTx, StorageError> {
        Ok(SystemTx::new(self.writing().await?))
    }

    /// Answers when the database does, and whether it can be written as far as that is known: by the last write, by what
    /// Postgres says of its transactions, and after a failure by writing something.
    ///
    /// # Errors
    /// [`StorageError::Unwritable`] when it answers and cannot be written.
    pub async fn ping(&self) -> Result<(), StorageError> {
        let read_only = match self.pools {
            Pools::Sqlite { .. } => "SELECT CAST(0 AS BIGINT)",
            Pools::Postgres(_) => {
                "SELECT CAST(CASE current_setting('transaction_read_only') WHEN 'on' THEN 1 ELSE 0 END AS BIGINT)"
            }
        };
        let mut session = self.read_system().await?;
        let answer = session.link().fetch_optional::<(i64,)>(Query::new(read_only)).await?;
        drop(session);
        if answer.is_some_and(|(read_only,)| read_only != 0) {
            return Err(StorageError::Unwritable("the server takes no writes: is it a standby?".to_owned()));
        }
        if self.writes.to_be_tried() {
            self.write_something().await?;
        }
        self.writes.problem().map_or(Ok(()), |problem| Err(StorageError::Unwritable(problem)))
    }

    /// Changes a row and changes it back: SQLite writes nothing where nothing changes.
    async fn write_something(&self) -> Result<(), StorageError> {
        let mut tx = self.begin_system().await?;
        for change in ["+ 1", "- 1"] {
            let mut query = Query::new("UPDATE tenants SET created_at = created_at ");
            query.push(change).push(" WHERE id = (SELECT min(id) FROM tenants)");
            tx.link().execute(query).await?;
        }
        tx.commit().await
    }

    /// The database server's own time, which is the same for every process of a fleet; `None` for an embedded database,
    /// whose time is that of this process.
    pub async fn server_time(&self) -> Result<Option<Timestamp>, StorageError> {
        if matches!(self.pools, Pools::Sqlite { .. }) {
            return Ok(None);
        }
        let mut session = self.read_system().await?;
        let query = Query::new("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)");
        let row: Option<(i64,)> = session.link().fetch_optional(query).await?;
        Ok(row.map(|(micros,)| Timestamp::from_unix_micros(micros)))
    }

    /// How many connections are open and idle.
    pub fn pool_figures(&self) -> PoolFigures {
        // The driver's count of idle connections may wrap below zero for a moment.
        let idle = |size: u32, count: usize| u32::try_from(count).unwrap_or(0).min(size);
        match &self.pools {
            Pools::Sqlite { writer, readers } => PoolFigures {
                size: writer.size() + readers.size(),
                idle: idle(writer.size(), writer.num_idle()) + idle(readers.size(), readers.num_idle()),
            },
            Pools::Postgres(pool) => {
                let size = pool.size();
                PoolFigures { size, idle: idle(size, pool.num_idle()) }
            }
        }
    }

    /// Closes every connection, after the statements in hand.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Whether common names are in an index of their own, which follows neither what is stored nor what is deleted.
    pub(crate) const fn has_text_table(&self) -> bool {
        matches!(self.pools, Pools::Sqlite { .. })
    }

    async fn reading(&self) -> Result<Link, StorageError> {
        Ok(self.link(match &self.pools {
            Pools::Sqlite { readers, .. } => Connection::SqliteRead(readers.acquire().await?),
            Pools::Postgres(pool) => Connection::PostgresRead(pool.acquire().await?),
        }))
    }

    async fn writing(&self) -> Result<Link, StorageError> {
        let connection = match &self.pools {
            // IMMEDIATE: a transaction that turns from reading to writing fails under SQLite instead of waiting.
            Pools::Sqlite { writer, .. } => {
                writer.begin_with("BEGIN IMMEDIATE").await.map(Connection::SqliteWrite)
            }
            Pools::Postgres(pool) => pool.begin().await.map(Connection::PostgresWrite),
        };
        let connection =
            connection.map_err(StorageError::from).inspect_err(|error| self.writes.note(error))?;
        Ok(self.link(connection))
    }

    fn link(&self, connection: Connection) -> Link {
        Link { connection, writes: Arc::clone(&self.writes), wrote: false }
    }
}

/// A connection on which queries run.
pub struct Link {
    connection: Connection,
    writes: Arc<Writes>,
    /// Whether a statement has changed rows.
    wrote: bool,
}

enum Connection {
    SqliteRead(PoolConnection<Sqlite>),
    SqliteWrite(Transaction<'static, Sqlite>),
    PostgresRead(PoolConnection<Postgres>),
    PostgresWrite(Transaction<'static, Postgres>),
}

enum Driver<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// A row type that either database can fill.
pub(crate) trait Record:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> Record for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// Binds every value of `$query` to the statement that `$make` builds from its text.
macro_rules! bound {
    ($query:ident, $make:expr) => {{
        let mut statement = $make(AssertSqlSafe($query.text));
        for value in $query.values {
            statement = match value {
                Value::Text(value) => statement.bind(value),
                Value::Int(value) => statement.bind(value),
                Value::Bytes(value) => statement.bind(value),
                Value::Bool(value) => statement.bind(value),
            };
        }
        statement
    }};
}

impl Link {
    fn driver(&mut self) -> Driver<'_> {
        match &mut self.connection {
            Connection::SqliteRead(connection) => Driver::Sqlite(connection),
            Connection::SqliteWrite(transaction) => Driver::Sqlite(transaction),
            Connection::PostgresRead(connection) => Driver::Postgres(connection),
            Connection::PostgresWrite(transaction) => Driver::Postgres(transaction),
        }
    }

    /// What a claim appends so that two Postgres sessions do not wait for each other's rows.
    pub(crate) fn skip_locked(&self) -> &'static str {
        match &self.connection {
            Connection::SqliteRead(_) | Connection::SqliteWrite(_) => "",
            Connection::PostgresRead(_) | Connection::PostgresWrite(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// What a read appends so that the row stays as it is until the commit.
    pub(crate) fn share_lock(&self) -> &'static str {
        match &self.connection {
            Connection::SqliteRead(_) | Connection::SqliteWrite(_) => "",
            Connection::PostgresRead(_) | Connection::PostgresWrite(_) => " FOR SHARE",
        }
    }

    pub(crate) async fn fetch_all<R: Record>(&mut self, query: Query) -> Result<Vec<R>, StorageError> {
        let result = match self.driver() {
            Driver::Sqlite(connection) => {
                bound!(query, sqlx::query_as::<Sqlite, R>).fetch_all(connection).await
            }
            Driver::Postgres(connection) => {
                bound!(query, sqlx::query_as::<Postgres, R>).fetch_all(connection).await
            }
        };
        self.noted(result)
    }

    /// The number that a statement with one row of one column answers.
    pub(crate) async fn fetch_count(&mut self, query: Query) -> Result<i64, StorageError> {
        Ok(self.fetch_optional::<(i64,)>(query).await?.map_or(0, |(count,)| count))
    }

    pub(crate) async fn fetch_optional<R: Record>(
        &mut self,
        query: Query,
    ) -> Result<Option<R>, StorageError> {
        let result = match self.driver() {
            Driver::Sqlite(connection) => {
                bound!(query, sqlx::query_as::<Sqlite, R>).fetch_optional(connection).await
            }
            Driver::Postgres(connection) => {
                bound!(query, sqlx::query_as::<Postgres, R>).fetch_optional(connection).await
            }
        };
        self.noted(result)
    }

    /// Runs a statement and answers how many rows it touched.
    pub(crate) async fn execute(&mut self, query: Query) -> Result<u64, StorageError> {
        let result = match self.driver() {
            Driver::Sqlite(connection) => bound!(query, sqlx::query::<Sqlite>)
                .execute(connection)
                .await
                .map(|done| done.rows_affected()),
            Driver::Postgres(connection) => bound!(query, sqlx::query::<Postgres>)
                .execute(connection)
                .await
                .map(|done| done.rows_affected()),
        };
        let rows = self.noted(result)?;
        self.wrote |= rows > 0;
        Ok(rows)
    }

    fn noted<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, StorageError> {
        result.map_err(StorageError::from).inspect_err(|error| self.writes.note(error))
    }

    /// Inserts rows in as few round trips as the database likes.
    ///
    /// Postgres takes one statement with many rows. In SQLite that form would keep a journal of the statement, to
    /// undo half of it, and look up each of its parameters among all others; statements of one row each, sent
    /// together, need neither.
    pub(crate) async fn insert(&mut self, rows: Rows) -> Result<(), StorageError> {
        let (limit, separate) = match &self.connection {
            Connection::SqliteRead(_) | Connection::SqliteWrite(_) => (16, true),
            Connection::PostgresRead(_) | Connection::PostgresWrite(_) => (64, false),
        };
        for query in rows.into_queries(limit, separate) {
            self.execute(query).await?;
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), StorageError> {
        let result = match self.connection {
            Connection::SqliteWrite(transaction) => transaction.commit().await,
            Connection::PostgresWrite(transaction) => transaction.commit().await,
            Connection::SqliteRead(_) | Connection::PostgresRead(_) => return Ok(()),
        };
        match result.map_err(StorageError::from) {
            Ok(()) if self.wrote => self.writes.succeeded(),
            Ok(()) => {}
            Err(error) => {
                self.writes.note(&error);
                return Err(error);
            }
        }
        Ok(())
    }
}

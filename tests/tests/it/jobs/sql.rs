//! Statements that a test runs on the service's database behind its back, whichever database that is.

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// A connection to a test's database beside the service's own.
pub(crate) enum Sql {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs one expression on whichever pool it is.
macro_rules! on {
    ($sql:expr, $pool:ident => $run:expr) => {
        match $sql {
            Sql::Sqlite($pool) => $run,
            Sql::Postgres($pool) => $run,
        }
    };
}

impl Sql {
    /// Connects to the database of this URL.
    pub(crate) async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(SqlitePoolOptions::new().max_connections(1).connect(url).await.unwrap())
        } else {
            Self::Postgres(PgPoolOptions::new().max_connections(1).connect(url).await.unwrap())
        }
    }

    /// Runs one or several statements.
    pub(crate) async fn run(&self, statements: &str) {
        let safe = AssertSqlSafe(statements.to_owned());
        on!(self, pool => sqlx::raw_sql(safe).execute(pool).await.map(drop))
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// Runs the one of two statements that the database understands.
    pub(crate) async fn run_either(&self, sqlite: &str, postgres: &str) {
        match self {
            Self::Sqlite(_) => self.run(sqlite).await,
            Self::Postgres(_) => self.run(postgres).await,
        }
    }

    /// The single number that a query answers.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let safe = AssertSqlSafe(query.to_owned());
        on!(self, pool => sqlx::query_scalar::<_, i64>(safe).fetch_one(pool).await)
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Copies the rows of a table for which a condition holds so many times, with numbers behind a prefix, which come before
    /// every id that was generated, in these columns.
    pub(crate) async fn copy(
        &self,
        (table, condition): (&str, &str),
        (prefix, numbered): (&str, &[&str]),
        times: usize,
    ) {
        let columns = self.columns(table).await;
        let number = Self::numbered(prefix);
        let values: Vec<&str> = columns
            .iter()
            .map(|column| if numbered.contains(&column.as_str()) { number.as_str() } else { column.as_str() })
            .collect();
        self.run(&format!(
            "{} INSERT INTO {table} ({}) SELECT {} FROM {table}, numbers WHERE {condition}",
            Self::numbers(times),
            columns.join(", "),
            values.join(", ")
        ))
        .await;
    }

    /// A table `numbers` of the numbers `i` from 1, in front of a statement.
    pub(crate) fn numbers(times: usize) -> String {
        format!(
            "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {times})"
        )
    }

    /// The id with the number `i`.
    pub(crate) fn numbered(prefix: &str) -> String {
        let zeros = "substr('00000000000000000000000000', 1, 26 - length(CAST(i AS TEXT)))";
        format!("'{prefix}_' || {zeros} || CAST(i AS TEXT)")
    }

    /// The columns of a table.
    async fn columns(&self, table: &str) -> Vec<String> {
        let query = match self {
            Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
            Self::Postgres(_) => format!(
                "SELECT column_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{table}'"
            ),
        };
        self.texts(&query).await
    }

    /// The octets that a query answers, in one row and column.
    pub(crate) async fn bytes(&self, query: &str) -> Vec<u8> {
        let safe = AssertSqlSafe(query.to_owned());
        on!(self, pool => sqlx::query_scalar::<_, Vec<u8>>(safe).fetch_one(pool).await)
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The texts of a query's one column, row by row.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        let safe = AssertSqlSafe(query.to_owned());
        on!(self, pool => sqlx::query_scalar::<_, String>(safe).fetch_all(pool).await)
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

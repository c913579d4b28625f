//! The database behind the service's back.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection};
use tests::TestApp;

/// A connection of the test's own.
pub(crate) enum Rows {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Rows {
    /// Connects to a service's database.
    pub(crate) async fn of(app: &TestApp) -> Self {
        let url = app.database_url();
        if url.starts_with("sqlite:") {
            Self::Sqlite(sqlx::SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::Postgres(sqlx::PgConnection::connect(url).await.unwrap())
        }
    }

    /// Runs one statement.
    pub(crate) async fn execute(&mut self, sql: &str) {
        let query = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(link) => drop(sqlx::raw_sql(query).execute(link).await.unwrap()),
            Self::Postgres(link) => drop(sqlx::raw_sql(query).execute(link).await.unwrap()),
        }
    }

    /// Every row as text, by table, but for what the service notes on its own: uses of tokens, the course of jobs,
    /// periodic work, and in the audit log that calls were refused.
    pub(crate) async fn all(&mut self) -> BTreeMap<String, Vec<String>> {
        let tables = match self {
            Self::Sqlite(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
            Self::Postgres(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        };
        let mut all = BTreeMap::new();
        for table in self.texts(tables.to_owned()).await {
            let columns = match self {
                Self::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
                Self::Postgres(_) => format!(
                    "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'"
                ),
            };
            let embedded = matches!(self, Self::Sqlite(_));
            let as_text = |column: &String| {
                if embedded { format!("quote({column})") } else { format!("coalesce({column}::text, '')") }
            };
            let (wanted, which): (fn(&str) -> bool, _) = match table.as_str() {
                "schedules" | "_sqlx_migrations" | "audit_heads" | "expiry_places" => continue,
                // A worker takes the names of certificates over from one of these to the others.
                name if name.starts_with("certificate_text") => continue,
                "audit_logs" => (|_| true, "refusal IS NULL"),
                "jobs" => (|column| ["id", "kind", "subject"].contains(&column), "tenant_id IS NOT NULL"),
                _ => (|column| !column.starts_with("last_used_"), "TRUE"),
            };
            let columns = self.texts(columns).await;
            let columns: Vec<_> = columns.iter().filter(|column| wanted(column)).map(as_text).collect();
            let row = columns.join(" || ' ' || ");
            all.insert(
                table.clone(),
                self.texts(format!("SELECT {row} FROM {table} WHERE {which} ORDER BY 1")).await,
            );
        }
        all
    }

    /// The one column that a query answers.
    pub(crate) async fn texts(&mut self, sql: String) -> Vec<String> {
        let query = AssertSqlSafe(sql);
        match self {
            Self::Sqlite(link) => sqlx::query_scalar(query).fetch_all(link).await.unwrap(),
            Self::Postgres(link) => sqlx::query_scalar(query).fetch_all(link).await.unwrap(),
        }
    }
}

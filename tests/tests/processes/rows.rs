//! A test's own connection to a fleet's Postgres: for looking at rows, for standing in the way of the processes, and for
//! making many certificates at once.

use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::site::{PATIENCE, until};

/// The one advisory lock that tests stop processes at.
const GATE: i64 = 4_711;

/// A connection to a fleet's database.
pub(crate) struct Rows(PgPool);

impl Rows {
    pub(crate) async fn open(url: &str) -> Self {
        Self(PgPoolOptions::new().max_connections(1).connect(url).await.unwrap())
    }

    /// Runs one or several statements.
    pub(crate) async fn run(&self, statements: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.0).await;
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The single number that a query answers.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        let answer = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.0).await;
        answer.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The texts of a query's one column.
    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        let answer = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.0).await;
        answer.unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// From now on, whoever updates a row of `table` for which `condition` holds waits inside its transaction until
    /// [`Self::open_gate`].
    pub(crate) async fn close_gate(&self, table: &str, condition: &str) {
        self.run(&format!("SELECT pg_advisory_lock({GATE})")).await;
        self.run(&format!(
            "CREATE FUNCTION gate_{table}() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF {condition} THEN PERFORM pg_advisory_xact_lock({GATE}); END IF; RETURN NEW; END $$; \
             CREATE TRIGGER gate_{table} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION gate_{table}()"
        ))
        .await;
    }

    pub(crate) async fn open_gate(&self) {
        self.run("SELECT pg_advisory_unlock_all()").await;
    }

    /// Waits until at least this many sessions of this database wait for a lock.
    pub(crate) async fn waiting(&self, sessions: i64) {
        until(&format!("{sessions} sessions that wait for a lock"), PATIENCE, async || {
            (self.waiters().await >= sessions).then_some(())
        })
        .await;
    }

    /// Waits until no session waits for a lock any more.
    pub(crate) async fn nobody_waits(&self) {
        until("nobody waits for a lock", PATIENCE, async || (self.waiters().await == 0).then_some(())).await;
    }

    async fn waiters(&self) -> i64 {
        let query = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.number(query).await
    }

    /// Copies the only certificate of a CA under fresh ids and serial numbers.
    pub(crate) async fn copy_certificate(&self, ca: &str, copies: i64) {
        self.run(&format!(
            "INSERT INTO certificates (tenant_id, id, ca_id, serial_number, common_name, subject, sans, role, source, \
             key_type, key_size, fingerprint_sha256, spki_sha256, not_before, not_after, status, created_at, der) \
             SELECT tenant_id, 'cert_' || lpad(i::text, 26, '0'), ca_id, decode('01' || lpad(i::text, 30, '0'), 'hex'), \
             common_name, subject, sans, role, source, key_type, key_size, fingerprint_sha256, spki_sha256, \
             not_before, not_after, status, created_at, der \
             FROM certificates, generate_series(1, {copies}) i WHERE ca_id = '{ca}'"
        ))
        .await;
    }
}

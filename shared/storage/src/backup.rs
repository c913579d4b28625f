//! Copies of the whole database: taking one that is consistent while others write, and looking into one before it is trusted.

mod dump;

use std::path::Path;
use std::sync::Arc;

use certmill_domain::TenantId;
use sqlx::postgres::PgSslMode;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection as _};

pub use self::dump::DumpReader;
use crate::backend::{Database, Pools};
use crate::error::parsed;
use crate::query::Query;
use crate::tenants::{self, WrappedTenantKey};
use crate::{StorageError, SystemSession, SystemTx, WithLink, connect};

/// What a copy of the database says about itself.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The number of the newest migration; none where nothing was ever migrated.
    pub schema: Option<i64>,
    /// The keys of all tenants.
    pub keys: Vec<WrappedTenantKey>,
    /// A sealed private key of each tenant that has CAs: that of its first one.
    pub sealed: Vec<SealedCaKey>,
}

/// The private key of a CA as it is stored, and what it must fit.
#[derive(Debug, Clone)]
pub struct SealedCaKey {
    /// Whose CA it is.
    pub tenant: TenantId,
    /// The id of the CA, as it is stored.
    pub ca: String,
    /// The key, sealed by the tenant's.
    pub sealed: Vec<u8>,
    /// The CA's certificate in DER.
    pub certificate_der: Vec<u8>,
}

/// Problems that a check of a file tells at the most.
const MOST_PROBLEMS: usize = 10;

impl Database {
    /// Writes an embedded database, as it is at this moment, into a file that does not exist or is empty, while others go on
    /// writing. Nothing that was deleted is in the copy. `false` for Postgres, of which nothing is copied.
    ///
    /// # Errors
    /// [`StorageError::Unwritable`] when the disk is full, and others; the file is worth nothing then.
    pub async fn copy_into(&self, file: &Path) -> Result<bool, StorageError> {
        let Pools::Sqlite { readers, .. } = &self.pools else { return Ok(false) };
        let mut connection = unhurried((*readers.connect_options()).clone()).connect().await?;
        sqlx::query("VACUUM INTO $1").bind(file.display().to_string()).execute(&mut connection).await?;
        connection.close().await?;
        Ok(true)
    }

    /// Opens a copy of an embedded database for reading. Neither the file nor anything beside it is changed.
    ///
    /// # Errors
    /// [`StorageError::Connection`] when it is no SQLite database or cannot be read.
    pub async fn open_copy(file: &Path) -> Result<Self, StorageError> {
        let options = unhurried(SqliteConnectOptions::new().filename(file).read_only(true).immutable(true));
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(|error| connect::sqlite_problem(file, &error))?;
        Ok(Self { pools: Pools::Sqlite { writer: pool.clone(), readers: pool }, writes: Arc::default() })
    }

    /// What is wrong with the file of an embedded database, by SQLite's own check of all of it; nothing is asked of Postgres.
    pub async fn file_problems(&self) -> Result<Vec<String>, StorageError> {
        let Pools::Sqlite { readers, .. } = &self.pools else { return Ok(Vec::new()) };
        let mut connection = readers.acquire().await?;
        let mut problems: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check(10)").fetch_all(&mut *connection).await?;
        problems.retain(|line| line != "ok");
        let orphans: Vec<(String,)> =
            sqlx::query_as("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check LIMIT 10")
                .fetch_all(&mut *connection)
                .await?;
        problems.extend(
            orphans.into_iter().map(|(table,)| format!("a row of `{table}` refers to one that is missing")),
        );
        problems.truncate(MOST_PROBLEMS);
        Ok(problems)
    }

    /// A transaction on Postgres that sees one state for as long as it lasts, with the name under which other connections can
    /// read the same state (PostgreSQL, "Snapshot Synchronization Functions"). `None` for an embedded database.
    pub async fn begin_snapshot(&self) -> Result<Option<(SystemTx, String)>, StorageError> {
        if matches!(self.pools, Pools::Sqlite { .. }) {
            return Ok(None);
        }
        let mut tx = self.begin_system().await?;
        for statement in [
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            // It waits for another program for as long as that takes.
            "SET LOCAL idle_in_transaction_session_timeout = 0",
        ] {
            tx.link().execute(Query::new(statement)).await?;
        }
        let row: Option<(String,)> =
            tx.link().fetch_optional(Query::new("SELECT pg_export_snapshot()")).await?;
        Ok(row.map(|(name,)| (tx, name)))
    }

    /// Whether nothing was ever stored: no migration has made a table.
    pub async fn is_empty(&self) -> Result<bool, StorageError> {
        Ok(!self.has_migrations_table().await?)
    }

    /// What the database says about itself.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when its rows cannot be read.
    pub async fn contents(&self) -> Result<Contents, StorageError> {
        if self.is_empty().await? {
            return Ok(Contents::default());
        }
        contents(&mut self.read_system().await?).await
    }
}

/// For statements that read all of a database, which take as long as it is large: the driver would log them as slow.
pub(crate) fn unhurried(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options.disable_statement_logging()
}

/// What a migrated database says about itself, by the session's state of it.
pub async fn contents(session: &mut SystemSession) -> Result<Contents, StorageError> {
    let schema = Query::new("SELECT MAX(version) FROM _sqlx_migrations WHERE success");
    let schema: Option<(Option<i64>,)> = session.link().fetch_optional(schema).await?;
    let keys = tenants::keys(session).await?;
    let sealed = Query::new(
        "SELECT tenant_id, id, sealed_key, certificate_der FROM certificate_authorities ca WHERE id = \
         (SELECT MIN(id) FROM certificate_authorities first WHERE first.tenant_id = ca.tenant_id) ORDER BY tenant_id",
    );
    let rows: Vec<(String, String, Vec<u8>, Vec<u8>)> = session.link().fetch_all(sealed).await?;
    let sealed = rows.into_iter().map(|(tenant, ca, sealed, certificate_der)| {
        let tenant = parsed("certificate_authorities", "tenant_id", &tenant)?;
        Ok(SealedCaKey { tenant, ca, sealed, certificate_der })
    });
    Ok(Contents {
        schema: schema.and_then(|(version,)| version),
        keys,
        sealed: sealed.collect::<Result<_, StorageError>>()?,
    })
}

/// The environment by which PostgreSQL's own programs find the database of a URL: no password has to be on a command line,
/// which others on the machine can read.
///
/// # Errors
/// [`StorageError::Configuration`] when the URL cannot be used.
pub fn postgres_environment(url: &str) -> Result<Vec<(&'static str, String)>, StorageError> {
    let options = connect::postgres_options(url)?;
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let user = options.get_username().to_owned();
    let database = options.get_database().unwrap_or(&user).to_owned();
    let mut environment = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", user),
        ("PGDATABASE", database),
        ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).to_owned()),
        ("PGAPPNAME", "certmill backup".to_owned()),
    ];
    if let Some(more) = options.get_options() {
        environment.push(("PGOPTIONS", more.to_owned()));
    }
    // What the driver does not tell by itself stands in the URL that it writes. That does not encode names.
    let mut written = options.username("certmill").host("localhost").to_url_lossy();
    for (name, value) in written.query_pairs() {
        let variable = match &*name {
            "sslrootcert" => "PGSSLROOTCERT",
            "sslcert" => "PGSSLCERT",
            "sslkey" => "PGSSLKEY",
            _ => continue,
        };
        // The driver takes PEM in the place of a path too, and says before each which of the two it is.
        let Some(path) = value.strip_prefix("file: ") else {
            return Err(StorageError::Configuration(format!(
                "`{name}` holds a text, and PostgreSQL's programs take files only: write the path of a file"
            )));
        };
        environment.push((variable, path.to_owned()));
    }
    let has_root = environment.iter().any(|(name, _)| *name == "PGSSLROOTCERT");
    if !has_root && environment.iter().any(|(name, value)| *name == "PGSSLMODE" && value == "verify-full") {
        // The driver trusts the system's CAs then, and these programs want to be told so.
        environment.push(("PGSSLROOTCERT", "system".to_owned()));
    }
    if let Some(encoded) = written.password().map(ToOwned::to_owned) {
        written.set_query(Some(&format!("password={encoded}")));
        environment.extend(written.query_pairs().map(|(_, value)| ("PGPASSWORD", value.into_owned())));
    }
    Ok(environment)
}

fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(url: &str) -> Vec<(&'static str, String)> {
        postgres_environment(url).unwrap()
    }

    #[test]
    fn what_reads_all_of_a_database_is_not_logged_as_slow() {
        let level = |options: &SqliteConnectOptions, level: &str| {
            format!("{options:?}").contains(&format!("slow_statements_level: {level}"))
        };
        let options = SqliteConnectOptions::new();
        assert!(level(&options, "Warn"));
        assert!(level(&unhurried(options), "Off"));
    }

    #[test]
    fn other_programs_get_what_the_url_says() {
        let all = environment(
            "postgres://some%40one:p%2Fa%25s%2Bs%20w%C3%B6@db.internal:6432/cert%2Fmill?sslmode=verify-full&sslrootcert=/ca.pem\
             &options=-c%20search_path%3Dpki",
        );
        for (name, value) in [
            ("PGHOST", "db.internal"),
            ("PGPORT", "6432"),
            ("PGUSER", "some@one"),
            ("PGPASSWORD", "p/a%s+s wö"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGDATABASE", "cert/mill"),
        ] {
            let found: Vec<&str> =
                all.iter().filter(|(given, _)| *given == name).map(|(_, value)| value.as_str()).collect();
            assert_eq!(found, [value], "{name}");
        }
        assert!(
            all.iter().any(|(name, value)| *name == "PGOPTIONS" && value.contains("search_path=pki")),
            "{all:?}"
        );
        let socket = environment("postgres:///x?host=/run/postgresql&user=a/b:99999/c");
        let value =
            |name: &str| socket.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str());
        assert_eq!((value("PGHOST"), value("PGUSER")), (Some("/run/postgresql"), Some("a/b:99999/c")));
        let system = environment("postgres://u@db/x?sslmode=verify-full");
        assert!(system.contains(&("PGSSLROOTCERT", "system".to_owned())), "{system:?}");
        assert!(postgres_environment("mysql://x").is_err());
    }
}

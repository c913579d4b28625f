//! The first contact with a database: what is wrong with its URL, or why it cannot be reached, in words that say
//! what to mend. Passwords are in none of them.

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::StorageError;
use crate::error::said;

/// Parameters of a Postgres URL. The driver passes over others with a warning, so that `sslmod=verify-full` would
/// connect without TLS.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The path in a URL of SQLite. An empty one would be a database in memory, which ends with the process.
pub(crate) fn sqlite_path(path: &str) -> Result<&Path, StorageError> {
    if path.is_empty() {
        let problem =
            "write the path of a file behind `sqlite://`, such as sqlite:///var/lib/certmill/certmill.db";
        return Err(StorageError::Configuration(problem.to_owned()));
    }
    Ok(Path::new(path))
}

/// Why an SQLite file could not be opened.
pub(crate) fn sqlite_problem(path: &Path, error: &sqlx::Error) -> StorageError {
    let place = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let problem = match folder {
        _ if path.is_dir() => "it is a folder".to_owned(),
        Some(folder) if !folder.is_dir() => format!("there is no folder {}", folder.display()),
        _ => match error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() {
            Some("26") => "it is not an SQLite database".to_owned(),
            _ => said(error),
        },
    };
    StorageError::Connection(format!("the database file {place} cannot be opened: {problem}"))
}

/// Reads a URL of Postgres.
pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, StorageError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StorageError::Configuration("it must start with postgres:// or sqlite://".to_owned()));
    }
    if !parameters(url).all(|(name, _)| PARAMETERS.contains(&name) || name.starts_with("options[")) {
        // The parameter is not named, because it may be a part of a password that was not encoded.
        let problem = "a parameter behind its `?` is not known; sslmode, sslrootcert, sslcert, sslkey, host, port, \
                       dbname, user, password, application_name and options are. A `?` in a password is written %3F";
        return Err(StorageError::Configuration(problem.to_owned()));
    }
    PgConnectOptions::from_str(url).map_err(|error| {
        let hint =
            "; in user and password, `/` is written %2F, `@` %40, `#` %23, `?` %3F, `:` %3A and `%` %25";
        StorageError::Configuration(said(&error) + hint)
    })
}

/// The pairs behind the `?` of a URL, as they are written.
fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map(|(_, query)| query.split('#').next().unwrap_or_default());
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Connects and disconnects.
pub(crate) async fn first_contact(
    url: &str,
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<(), StorageError> {
    let place = place(options);
    match tokio::time::timeout(patience, options.connect()).await {
        Ok(Ok(connection)) => {
            // The connection has served its purpose; that its end was not answered changes nothing.
            let _ = connection.close().await;
            Ok(())
        }
        Ok(Err(error)) => Err(StorageError::Connection(contact_problem(url, options, &place, &error))),
        Err(tokio::time::error::Elapsed { .. }) => Err(StorageError::Connection(format!(
            "the database at {place} did not answer within {} s: is the address right, and does a firewall let this \
             machine through?",
            patience.as_secs()
        ))),
    }
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => match options.get_host() {
            host if host.contains(':') && !host.starts_with('[') => {
                format!("[{host}]:{}", options.get_port())
            }
            host => format!("{host}:{}", options.get_port()),
        },
    }
}

fn contact_problem(url: &str, options: &PgConnectOptions, place: &str, error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => io_problem(url, options, place, error),
        sqlx::Error::Tls(error) => tls_problem(place, &error.to_string()),
        sqlx::Error::Database(refusal) => {
            let said = refusal.message();
            match refusal.code().as_deref() {
                Some("28P01") => format!(
                    "the database at {place} refuses the user `{}`: {said}; mend user and password in the database's URL",
                    options.get_username()
                ),
                Some("3D000") => {
                    format!(
                        "the server at {place} says: {said}; create it there, or mend its name in the database's URL"
                    )
                }
                _ => format!("the database at {place} refuses the connection: {said}"),
            }
        }
        sqlx::Error::Protocol(_) => {
            format!("what answers at {place} is no Postgres server: mend host and port in the database's URL")
        }
        other => format!("the database at {place} cannot be used: {}", said(other)),
    }
}

fn io_problem(url: &str, options: &PgConnectOptions, place: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!(
            "the database at {place} cannot be reached: the connection was refused, so no server listens there"
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            format!("what listens at {place} ended the connection without a word: is it a Postgres server?")
        }
        // A connection over TCP knows no files, so it is one of those for TLS.
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied if options.get_socket().is_none() => {
            let files = parameters(url)
                .filter(|(name, value)| {
                    name.starts_with("ssl") && value.contains(['/', '.']) && !value.contains("BEGIN")
                })
                .map(|(name, value)| format!("{name}={value}"));
            let files = files.collect::<Vec<_>>().join(", ");
            format!("a file for TLS that the database's URL names ({files}) cannot be read: {error}")
        }
        // The standard library has no kind of its own for it.
        _ if error.to_string().starts_with("failed to lookup") => format!(
            "the database's host `{}` cannot be looked up: mend the name in the database's URL ({error})",
            options.get_host()
        ),
        _ => format!("the database at {place} cannot be reached: {error}"),
    }
}

fn tls_problem(place: &str, said: &str) -> String {
    if said == "server does not support TLS" {
        return format!(
            "the database at {place} offers no TLS, which `sslmode` in the database's URL asks for: turn it on at the \
             server, or write sslmode=disable if nobody can listen on the way"
        );
    }
    format!("TLS with the database at {place} failed: {}", without_source(said))
}

/// The reasons out of what OpenSSL says, `error:<code>:<library>:<function>:<reason>:<file>:<line>:<data>`.
fn without_source(said: &str) -> String {
    let reasons = said.split("error:").skip(1).filter_map(|error| error.split(':').nth(3));
    let reasons = reasons.filter(|reason| !reason.is_empty()).collect::<Vec<_>>().join(", ");
    if reasons.is_empty() {
        return said.to_owned();
    }
    // The verdict on the certificate stands in brackets at the end.
    match said.rsplit_once('(').filter(|(_, end)| end.ends_with(')')) {
        Some((_, verdict)) => format!("{reasons} ({verdict}"),
        None => reasons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_speaks_without_its_source() {
        for (said, reasons) in [
            (
                "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
                 failed:ssl/statem/statem_clnt.c:2123: (self-signed certificate)",
                "certificate verify failed (self-signed certificate)",
            ),
            ("error:0A000102:SSL routines::unsupported protocol:ssl/x.c:1:", "unsupported protocol"),
            ("something else", "something else"),
        ] {
            assert_eq!(without_source(said), reasons);
        }
    }

    #[test]
    fn urls_that_cannot_be_used_are_told_from_those_that_can() {
        for url in [
            "postgres://u:p@db/x",
            "postgresql://u@db:1/x?sslmode=require&sslrootcert=/ca.pem",
            "postgres:///x?host=/run/postgresql&user=u",
            "postgres://db/x?options[statement_timeout]=5s&application_name=y",
        ] {
            assert!(postgres_options(url).is_ok(), "{url}");
        }
        for (url, says) in [
            ("mysql://u:hunter2@db/x", "postgres:// or sqlite://"),
            ("postgres://u:hunter2@db:99999/x", "invalid port number"),
            ("postgres://u:hunter2@db/x?sslmode=sometimes", "sometimes"),
            ("postgres://u:hunter2@db/x?sslmod=require", "sslmode"),
            ("postgres://u:what?hunter2@db/x", "%3F"),
        ] {
            let message = postgres_options(url).err().unwrap().to_string();
            assert!(message.contains(says) && !message.contains("hunter2"), "{url}: {message}");
        }
        assert!(sqlite_path("").is_err());
    }
}

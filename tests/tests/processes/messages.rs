//! What people read when the first start goes wrong: the cause once, what it is about by name, and what would be right.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use launch::{Postgres, free_port};
use tests::openssl::Judge;

use crate::rows::Rows;
use crate::site::Site;

/// What no operator has to read: lines of others' source, classes of errors, words of parsers.
const NOISE: [&str; 7] = [
    "at line ",
    "internal error",
    "error:0",
    ".c:",
    "os error 111): ",
    "error returned from",
    "pool timed out",
];

#[track_caller]
fn assert_plain(what: &str, said: &str, wanted: &[&str]) {
    for part in wanted {
        assert!(said.contains(part), "{what}: no `{part}` in: {said}");
        assert_eq!(said.matches(part).count(), 1, "{what}: `{part}` more than once: {said}");
    }
    for noise in NOISE {
        assert!(!said.contains(noise), "{what}: `{noise}` in: {said}");
    }
}

/// A server that answers a connection with these bytes and ends it, or keeps quiet.
fn impostor(answer: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            match answer {
                Some(bytes) => {
                    let _ = connection.read(&mut [0; 64]);
                    let _ = connection.write_all(bytes);
                }
                None => kept.push(connection),
            }
        }
    });
    port
}

/// Has the server ask `guarded` for a password, and offer TLS with a certificate that nobody vouches for.
async fn guarded(postgres: &mut Postgres) -> String {
    let url = postgres.create_database();
    let rows = Rows::open(&url).await;
    rows.run("CREATE ROLE guarded LOGIN PASSWORD 'right'").await;
    rows.run("ALTER SYSTEM SET ssl = on").await;
    let data = PathBuf::from(rows.texts("SHOW data_directory").await.remove(0));
    drop(rows);
    let judge = Judge::new();
    judge.run(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.crt -days 2 \
         -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1",
    );
    let owner = std::fs::metadata(&data).unwrap();
    let hba = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all certmill 127.0.0.1/32 trust\n";
    std::fs::write(data.join("pg_hba.conf"), hba).unwrap();
    for file in ["server.key", "server.crt"] {
        let path = data.join(file);
        std::fs::copy(judge.path().join(file), &path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    postgres.stop();
    postgres.start_again();
    url.strip_prefix("postgres://certmill@").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_used_is_named_with_the_cause() {
    let plain = launch::shared_postgres().url("postgres");
    let mut postgres = Postgres::start();
    let place = guarded(&mut postgres).await;
    let (host, _) = place.split_once('/').unwrap();
    let closed = format!("127.0.0.1:{}", free_port());
    let web = format!("127.0.0.1:{}", impostor(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let folder = Site::embedded();
    let text = folder.write("text", &"no database ".repeat(100));
    let mute = format!("127.0.0.1:{}", impostor(Some(b"")));
    let silent = format!("127.0.0.1:{}", impostor(None));
    for (what, url, wanted) in [
        ("nobody listens", format!("postgres://u:hunter2@{closed}/x"), vec![closed.as_str(), "refused"]),
        (
            "no such host",
            "postgres://u:hunter2@db.invalid/x".to_owned(),
            vec!["`db.invalid` cannot be looked up"],
        ),
        (
            "a wrong password",
            format!("postgres://guarded:hunter2@{place}"),
            vec![host, "password authentication failed for user \"guarded\""],
        ),
        ("no password", format!("postgres://guarded@{place}"), vec![host, "refuses the user `guarded`"]),
        (
            "nobody of this name may come in",
            format!("postgres://other:hunter2@{place}"),
            vec![host, "no pg_hba.conf entry"],
        ),
        (
            "no such database",
            format!("postgres://guarded:right@{host}/nowhere"),
            vec![host, "database \"nowhere\" does not exist"],
        ),
        ("no TLS", format!("{plain}?sslmode=require"), vec!["offers no TLS"]),
        (
            "a certificate that nobody vouches for",
            format!("postgres://guarded:right@{place}?sslmode=verify-full"),
            vec![host, "certificate verify failed (self-signed certificate)"],
        ),
        (
            "a missing file of CAs",
            format!("postgres://guarded:right@{place}?sslmode=verify-full&sslrootcert=/missing/ca.pem"),
            vec!["sslrootcert=/missing/ca.pem", "No such file"],
        ),
        (
            "a web server",
            format!("postgres://u:hunter2@{web}/x"),
            vec![web.as_str(), "is no Postgres server"],
        ),
        (
            "a server that hangs up",
            format!("postgres://u:hunter2@{mute}/x?sslmode=disable"),
            vec![mute.as_str(), "ended the connection"],
        ),
        (
            "a server that keeps quiet",
            format!("postgres://u:hunter2@{silent}/x"),
            vec![silent.as_str(), "did not answer within 5 s"],
        ),
        ("no socket", "postgres:///x?host=/nowhere&user=u".to_owned(), vec!["/nowhere", "No such file"]),
        ("a wrong port", "postgres://u:hunter2@db:99999/x".to_owned(), vec!["invalid port number"]),
        ("a wrong mode", "postgres://u:hunter2@db/x?sslmode=sometimes".to_owned(), vec!["sometimes"]),
        ("a misspelt parameter", "postgres://u:hunter2@db/x?sslmod=require".to_owned(), vec!["sslmode"]),
        ("another product", "mysql://u:hunter2@db/x".to_owned(), vec!["postgres://"]),
        ("no folder", "sqlite:///nowhere/x.db".to_owned(), vec!["/nowhere/x.db", "there is no folder"]),
        ("no path", "sqlite://".to_owned(), vec!["sqlite:///var/lib"]),
        ("a folder", "sqlite:///tmp".to_owned(), vec!["it is a folder"]),
        ("not a database", format!("sqlite://{}", text.display()), vec!["it is not an SQLite database"]),
    ] {
        let began = Instant::now();
        let said = Site::embedded().with("DATABASE_URL", url).refused(&["migrate"]);
        assert_plain(what, &said, &wanted);
        assert!(!said.contains("hunter2"), "{what}: {said}");
        let at_once = what == "a server that keeps quiet" || began.elapsed() < Duration::from_secs(4);
        assert!(at_once, "{what}: after {:?}", began.elapsed());
    }
    let site = Site::embedded().with("DATABASE_URL", format!("postgres://u:hunter2@{closed}/x"));
    for arguments in [
        &["serve", "--plain-http"][..],
        &["worker"],
        &["token", "list"],
        &["audit", "verify"],
        &["dev", "--listen", "127.0.0.1:0"],
    ] {
        assert_plain("for a command", &site.refused(arguments), &["the connection was refused"]);
    }
    let right =
        Site::embedded().with("DATABASE_URL", format!("postgres://guarded:right@{place}?sslmode=require"));
    let said = right.refused(&["token", "list"]);
    assert_plain("a migration is missing", &said, &["certmill migrate", "guarded:***@"]);
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn without_a_database_url_nobody_gets_sqlite_unasked() {
    let site = Site::embedded().without("CERTMILL_DATA_DIR");
    for (arguments, wanted) in [
        (&["serve", "--plain-http"][..], &["no database is set", "--with-worker", "certmill dev"][..]),
        (&["worker"], &["no database is set", "API processes", "--with-worker"]),
        (
            &["serve", "--plain-http", "--with-worker"],
            &["certmill-data/certmill.db does not exist", "certmill migrate"],
        ),
        (
            &["token", "create", "--name", "x", "--scope", "pki:read"],
            &["certmill.db does not exist", "--data"],
        ),
        (&["tenant", "list"], &["does not exist"]),
        (&["domain", "list"], &["does not exist"]),
        (&["audit", "verify"], &["does not exist"]),
        (&["rotate-root-key"], &["does not exist"]),
    ] {
        let said = site.refused(arguments);
        for part in wanted {
            assert!(said.contains(part), "{arguments:?}: no `{part}` in: {said}");
        }
        assert_eq!(files(site.path()), ["root.key"], "{arguments:?} leaves nothing behind");
    }
    let missing = site.path().join("rows.db");
    let explicit = Site::embedded().with("DATABASE_URL", format!("sqlite://{}", missing.display()));
    for arguments in [&["serve", "--plain-http"][..], &["worker"], &["token", "list"]] {
        let said = explicit.refused(arguments);
        assert!(said.contains("rows.db does not exist") && said.contains("certmill migrate"), "{said}");
    }
    assert!(!missing.exists());
    // Whoever gives the URL may have a worker on SQLite.
    let made = explicit.run(&["migrate"]);
    assert!(made.contains(&missing.display().to_string()), "it says which database it is: {made}");
    drop(explicit.worker());
    assert!(site.run(&["migrate"]).contains("certmill-data/certmill.db"));
}

#[test]
fn files_for_tls_are_named_with_what_is_wrong() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let judge = Judge::new();
    for name in ["a", "b"] {
        judge.run(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.crt -days 2 \
             -subj /CN={name}"
        ));
    }
    judge.run("pkey -in a.key -aes256 -passout pass:hunter2 -out locked.key");
    judge.run("x509 -in a.crt -outform DER -out a.der");
    let path = |name: &str| judge.path().join(name).display().to_string();
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    judge.write("chain.crt", &(read("b.crt") + &read("a.crt")));
    judge.write("text.pem", "hello");
    for (cert, key, wanted) in [
        ("missing.crt", "a.key", ["tls_cert", "missing.crt, cannot be read"]),
        ("a.crt", "missing.key", ["tls_key", "missing.key, cannot be read"]),
        ("text.pem", "a.key", ["tls_cert", "text.pem, does not hold certificates in PEM"]),
        ("a.der", "a.key", ["tls_cert", "a.der, does not hold certificates in PEM"]),
        ("a.key", "a.key", ["tls_cert", "a.key, does not hold certificates in PEM"]),
        ("a.crt", "text.pem", ["tls_key", "text.pem, does not hold a private key in PEM"]),
        ("a.crt", "a.crt", ["tls_key", "a.crt, does not hold a private key in PEM"]),
        ("a.crt", "locked.key", ["tls_key", "locked.key, is encrypted"]),
        ("a.crt", "b.key", ["tls_cert", "b.key, is not the key of the first certificate"]),
        ("chain.crt", "a.key", ["tls_cert", "before those of its CAs"]),
    ] {
        let said =
            site.refused(&["serve", "--with-worker", "--tls-cert", &path(cert), "--tls-key", &path(key)]);
        assert_plain(&format!("{cert} and {key}"), &said, &wanted);
        let site = Site::embedded().with("CERTMILL_TLS_CERT", path(cert)).with("CERTMILL_TLS_KEY", path(key));
        assert_plain("checked without a start", &site.refused(&["check-config"]), &wanted);
    }
    for (file, wanted) in
        [("missing.pem", "cannot be read"), ("text.pem", "does not hold certificates in PEM")]
    {
        let site = Site::embedded().with("CERTMILL_EGRESS__CA_FILE", path(file));
        assert_plain(file, &site.refused(&["check-config"]), &["egress.ca_file", wanted]);
        assert_plain(file, &site.refused(&["dev", "--listen", "127.0.0.1:0"]), &["egress.ca_file", wanted]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_the_start_are_told_as_facts() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    site.admin_token();
    site.run(&["tenant", "create", "other"]);
    let other = site.with_root_key("other.key", &"0d".repeat(32));
    for arguments in [
        &["serve", "--plain-http", "--with-worker"][..],
        &["rotate-root-key"],
        &["dev", "--listen", "127.0.0.1:0"],
    ] {
        let said = other.refused(arguments);
        assert_plain("another root key", &said, &["a tenant key is wrapped with root key"]);
    }
    let database = launch::shared_postgres().create_database();
    let fleet = Site::embedded().with("DATABASE_URL", &database);
    fleet.run(&["migrate"]);
    Rows::open(&database)
        .await
        .run("DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .await;
    assert_plain("one migration", &fleet.refused(&["worker"]), &["lacks 1 migration:"]);
    let said = fleet.refused(&["token", "revoke", "tok_nope"]);
    assert!(said.contains("lacks 1 migration:"), "{said}");
    let said = Site::embedded().refused(&["check-config", "--config", "/nowhere.toml"]);
    assert_plain("no file", &said, &["/nowhere.toml"]);
    let said = Site::embedded().refused(&["dev", "--listen", "localhost:8080"]);
    assert_plain("a host name", &said, &["`localhost:8080` is no address with a port", "`0.0.0.0:8080`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_stays_on_a_data_folder() {
    let site = Site::embedded();
    let mut first = site.dev().await;
    let holder = format!("process id {}", first.process.id());
    for arguments in
        [&["dev"][..], &["dev", "--listen", "127.0.0.1:0"], &["serve", "--plain-http", "--with-worker"]]
    {
        let said = site.refused(arguments);
        assert_plain("beside another", &said, &["is in use by another certmill process", &holder, "--data"]);
    }
    // Commands that end do their work beside it.
    let token = site.admin_token();
    site.run(&["tenant", "create", "other"]);
    site.run(&["migrate"]);
    assert!(site.run(&["token", "list"]).contains("test"));
    first.get("/v1/pki/ca").await;

    // A dead process holds nothing.
    first.process.kill9();
    let mut second = site.serve(&token, &["--with-worker"]).await;
    let said = site.refused(&["dev"]);
    assert_plain("beside serve", &said, &[&format!("process id {}", second.process.id())]);
    second.process.kill9();
    site.dev().await;
}

#[test]
fn help_keeps_the_options_of_a_command_apart() {
    let site = Site::embedded();
    let help = site.run(&["serve", "--help"]);
    let (own, shared) = help.split_once("Settings of the service:").unwrap();
    for option in ["--tls-cert", "--listen", "--plain-http", "[default: 127.0.0.1:8080]"] {
        assert!(own.contains(option) && !shared.contains(option), "{option}: {help}");
    }
    for option in ["--database-url", "--log-format", "[possible values: text, json]"] {
        assert!(shared.contains(option) && !own.contains(option), "{option}: {help}");
    }
    let said = site.refused(&["migrate", "--log-format", "xml"]);
    assert!(said.contains("text, json"), "{said}");
}

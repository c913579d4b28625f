//! The schema is one schema in two dialects, and the program knows whether a database has it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::collections::BTreeSet;
use std::path::Path;

use certmill_storage::{Database, SchemaState};
use tests::Mode;

use crate::jobs::sql::Sql;

/// Every column as `table.column type null?`; the types in one spelling.
const COLUMNS: [&str; 2] = [
    "SELECT t.name || '.' || c.name || ' ' || lower(c.type) \
     || CASE WHEN c.\"notnull\" = 0 THEN ' null' ELSE '' END \
     || CASE WHEN c.dflt_value IS NULL THEN '' ELSE ' default' END \
     FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'",
    "SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bytea' THEN 'blob' ELSE data_type END \
     || CASE is_nullable WHEN 'YES' THEN ' null' ELSE '' END \
     || CASE WHEN column_default IS NULL THEN '' ELSE ' default' END \
     FROM information_schema.columns WHERE table_schema = current_schema()",
];

/// Every index as `table(columns) unique? partial?`. Those that a constraint made are among them.
const INDEXES: [&str; 2] = [
    "SELECT t.name || '(' || (SELECT group_concat(coalesce(name, 'expression'), ', ') FROM \
       (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')' \
     || CASE i.origin WHEN 'pk' THEN ' primary' ELSE '' END \
     || CASE i.\"unique\" WHEN 1 THEN ' unique' ELSE '' END || CASE i.partial WHEN 1 THEN ' partial' ELSE '' END \
     FROM sqlite_master t JOIN pragma_index_list(t.name) i WHERE t.type = 'table'",
    "SELECT t.relname || '(' || (SELECT string_agg(coalesce(a.attname, 'expression'), ', ' ORDER BY k.at) \
       FROM unnest(i.indkey::int[]) WITH ORDINALITY k (number, at) \
       LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')' \
     || CASE WHEN i.indisprimary THEN ' primary' ELSE '' END \
     || CASE WHEN i.indisunique THEN ' unique' ELSE '' END || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END \
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = current_schema()::regnamespace",
];

/// The names of the indexes that a migration made by name.
const INDEX_NAMES: [&str; 2] = [
    "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid \
     WHERE c.relnamespace = current_schema()::regnamespace \
     AND NOT EXISTS (SELECT 1 FROM pg_constraint n WHERE n.conindid = i.indexrelid AND n.contype IN ('p', 'u'))",
];

/// Every foreign key as `table(columns) -> table(columns)`.
const FOREIGN_KEYS: [&str; 2] = [
    "SELECT t.name || '(' || (SELECT group_concat(\"from\", ', ') FROM \
       (SELECT \"from\" FROM pragma_foreign_key_list(t.name) WHERE id = f.id ORDER BY seq)) \
     || ') -> ' || f.\"table\" || '(' || (SELECT group_concat(\"to\", ', ') FROM \
       (SELECT \"to\" FROM pragma_foreign_key_list(t.name) WHERE id = f.id ORDER BY seq)) || ')' \
     FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table' AND f.seq = 0",
    "SELECT c.conrelid::regclass || '(' || (SELECT string_agg(a.attname, ', ' ORDER BY k.at) \
       FROM unnest(c.conkey) WITH ORDINALITY k (number, at) \
       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number) \
     || ') -> ' || c.confrelid::regclass || '(' || (SELECT string_agg(a.attname, ', ' ORDER BY k.at) \
       FROM unnest(c.confkey) WITH ORDINALITY k (number, at) \
       JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number) || ')' \
     FROM pg_constraint c WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace",
];

#[tokio::test]
async fn both_dialects_end_with_the_same_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (sqlite, postgres) =
        (migrated(Mode::Embedded, folder.path()).await, migrated(Mode::Fleet, folder.path()).await);
    for (what, queries, at_least) in [
        ("columns", COLUMNS, 60),
        ("indexes", INDEXES, 15),
        ("names of indexes", INDEX_NAMES, 8),
        ("foreign keys", FOREIGN_KEYS, 8),
    ] {
        let (left, right) = (found(&sqlite, queries[0]).await, found(&postgres, queries[1]).await);
        let only = |of: &BTreeSet<String>, other| of.difference(other).cloned().collect::<Vec<_>>();
        let difference = (only(&left, &right), only(&right, &left));
        assert_eq!(difference, (Vec::new(), Vec::new()), "{what} only in SQLite, only in Postgres");
        assert!(left.len() >= at_least, "the query for {what} finds too little: {left:?}");
    }
}

#[test]
fn the_migration_folders_hold_the_same_names_numbered_without_a_gap() {
    let names = |dialect: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(dialect);
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<BTreeSet<_>>()
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"));
    for (index, name) in sqlite.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)), "`{name}` is not the next number");
        let verb_noun = name[5..].strip_suffix(".sql").unwrap_or_else(|| panic!("`{name}` is no .sql file"));
        assert!(verb_noun.contains('_'), "`{name}` is not named verb_noun");
    }
}

#[tokio::test]
async fn sqlite_tells_a_schema_behind_current_and_newer() {
    schema_states(Mode::Embedded).await;
}

#[tokio::test]
async fn postgres_tells_a_schema_behind_current_and_newer() {
    schema_states(Mode::Fleet).await;
}

async fn schema_states(mode: Mode) {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh_url(mode, folder.path()).await;
    let database = Database::open(&url, 4).await.unwrap();
    let all = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/sqlite"))
        .unwrap()
        .count();
    assert_eq!(
        database.schema_state().await.unwrap(),
        SchemaState::Behind { missing: all },
        "an empty database"
    );

    database.migrate().await.unwrap();
    assert_eq!(database.schema_state().await.unwrap(), SchemaState::Current);
    database.migrate().await.unwrap();
    assert_eq!(database.schema_state().await.unwrap(), SchemaState::Current, "migrated again");

    let sql = Sql::open(&url).await;
    sql.run(
        "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time \
         FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    assert_eq!(database.schema_state().await.unwrap(), SchemaState::Newer { version: 9999 });
    database.migrate().await.unwrap();
    sql.run("DELETE FROM _sqlx_migrations WHERE version = 1").await;
    assert_eq!(database.schema_state().await.unwrap(), SchemaState::Behind { missing: 1 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Whether they meet depends on their timing, so they get several chances.
    for (mode, rounds) in [(Mode::Embedded, 6), (Mode::Fleet, 2)] {
        for round in 0..rounds {
            let folder = folder.path().join(format!("{mode:?}{round}"));
            std::fs::create_dir(&folder).unwrap();
            let url = fresh_url(mode, &folder).await;
            let mut processes = Vec::new();
            for _ in 0..3 {
                let database = Database::open(&url, 2).await.unwrap();
                processes.push(tokio::spawn(async move {
                    database.migrate().await.unwrap_or_else(|error| panic!("{error:?}"));
                    database.schema_state().await.unwrap()
                }));
            }
            for process in processes {
                assert_eq!(process.await.unwrap(), SchemaState::Current, "{mode:?}, round {round}");
            }
        }
    }
}

async fn fresh_url(mode: Mode, folder: &Path) -> String {
    match mode {
        Mode::Embedded => format!("sqlite://{}/schema.db", folder.display()),
        Mode::Fleet => {
            tokio::task::spawn_blocking(|| launch::shared_postgres().create_database()).await.unwrap()
        }
    }
}

async fn migrated(mode: Mode, folder: &Path) -> Sql {
    let url = fresh_url(mode, folder).await;
    Database::open(&url, 2).await.unwrap().migrate().await.unwrap();
    Sql::open(&url).await
}

/// What a query finds, without the table in which the migrations are recorded and without the index of texts, which is a
/// table with others behind it in SQLite, and an index with a view before it in Postgres.
async fn found(sql: &Sql, query: &str) -> BTreeSet<String> {
    let rows = sql.texts(query).await;
    let apart = ["_sqlx_migrations", "certificate_text", "certificates_text"];
    rows.into_iter().filter(|row| !apart.iter().any(|start| row.starts_with(start))).collect()
}

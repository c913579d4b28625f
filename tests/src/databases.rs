//! Databases of tests. The migrations run once per process; each test gets a copy of what they made.

use std::path::Path;

use certmill_storage::Database;
use tokio::sync::OnceCell;

use crate::Mode;

/// A database of its own with today's tables, and nothing in them; `folder` is where a file may be.
pub(crate) async fn fresh(mode: Mode, folder: &Path) -> String {
    match mode {
        Mode::Embedded => {
            static MIGRATED: OnceCell<Vec<u8>> = OnceCell::const_new();
            let file = folder.join("certmill.db");
            tokio::fs::write(&file, MIGRATED.get_or_init(migrated_file).await).await.unwrap();
            format!("sqlite://{}", file.display())
        }
        Mode::Fleet => {
            static MIGRATED: OnceCell<String> = OnceCell::const_new();
            let template = MIGRATED.get_or_init(migrated_database).await;
            blocking(move || launch::shared_postgres().copy_database(template)).await
        }
    }
}

async fn migrated_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("migrated.db");
    migrate(&format!("sqlite://{}", file.display())).await;
    tokio::fs::read(&file).await.unwrap()
}

/// Its URL.
async fn migrated_database() -> String {
    let url = blocking(|| launch::shared_postgres().create_database()).await;
    migrate(&url).await;
    url
}

/// Nobody is connected afterwards: SQLite's journal is then part of the file, and Postgres copies such a database only.
async fn migrate(url: &str) {
    let database = Database::open(url, 2).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await;
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

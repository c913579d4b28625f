//! Lists the migrations for `src/migrate.rs`, which embeds them.
//!
//! `sqlx::migrate!` does the same, but sqlx's macros are built for the host, with a TLS stack and an SQLite of their own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let folders =
        manifest.join("../../migrations").canonicalize().expect("migrations/ lies in the workspace");
    let mut code = String::new();
    for database in ["sqlite", "postgres"] {
        let name = database.to_uppercase();
        let _ = writeln!(code, "static {name}_FILES: &[(&str, &str)] = &[");
        for path in files(&folders.join(database)) {
            let stem = path.file_stem().expect("a migration has a name").to_string_lossy();
            let _ = writeln!(code, "    ({stem:?}, include_str!({:?})),", path.to_string_lossy());
        }
        code.push_str("];\n");
    }
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo names the folder for generated files"));
    fs::write(out.join("migrations.rs"), code).expect("the list can be written");
}

/// The folder's SQL files in the order of their numbers.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("each database has a folder of migrations");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort();
    files
}

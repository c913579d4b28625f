//! `.ci/landed-migrations` on histories of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The script under test.
fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/landed-migrations")
}

/// A repository with one landed migration.
struct Repository(tempfile::TempDir);

const LANDED: &str = "migrations/sqlite/0001_create_tenants.sql";

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.commit(LANDED, Some("CREATE TABLE tenants (id TEXT);\n"));
        repository
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .current_dir(self.0.path())
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Writes a file, or removes it.
    fn write(&self, path: &str, text: Option<&str>) {
        let path = self.0.path().join(path);
        match text {
            Some(text) => {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            None => std::fs::remove_file(path).unwrap(),
        }
    }

    fn commit(&self, path: &str, text: Option<&str>) {
        self.write(path, text);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", path]);
    }

    fn judged_in(folder: &Path) -> (bool, String) {
        let Output { status, stdout, stderr } = Command::new(script()).current_dir(folder).output().unwrap();
        (status.success(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
    }

    fn judged(&self) -> (bool, String) {
        Self::judged_in(self.0.path())
    }
}

#[test]
fn migrations_may_be_added_and_all_else_may_change() {
    let repository = Repository::new();
    repository.commit("migrations/sqlite/0002_create_jobs.sql", Some("CREATE TABLE jobs (id TEXT);\n"));
    repository.commit("README.md", Some("one\n"));
    repository.commit("README.md", Some("two\n"));
    let (accepted, said) = repository.judged();
    assert!(accepted && said.contains("unchanged in 4 commits"), "{said}");
}

#[test]
fn a_branch_whose_last_commit_is_innocent_is_refused() {
    let repository = Repository::new();
    repository.commit(LANDED, Some("CREATE TABLE tenants (id BIGINT);\n"));
    repository.commit("README.md", Some("innocent\n"));
    // As a fresh clone sees it, where the branch is its own base.
    let clone = tempfile::tempdir().unwrap();
    let from = repository.0.path().to_str().unwrap();
    repository.git(&["clone", "--quiet", from, clone.path().to_str().unwrap()]);
    let (accepted, said) = Repository::judged_in(clone.path());
    assert!(!accepted && said.contains(LANDED), "{said}");
}

#[test]
fn a_migration_is_neither_removed_nor_renamed() {
    for renamed in [false, true] {
        let repository = Repository::new();
        if renamed {
            repository.git(&["mv", LANDED, "migrations/sqlite/0001_create_owners.sql"]);
            repository.commit("README.md", Some("and more\n"));
        } else {
            repository.commit(LANDED, None);
        }
        let (accepted, said) = repository.judged();
        assert!(!accepted && said.contains(LANDED), "{said}");
    }
}

#[test]
fn a_change_that_a_merge_brings_in_is_refused() {
    let repository = Repository::new();
    repository.git(&["checkout", "--quiet", "-b", "side"]);
    repository.commit("NOTES.md", Some("side\n"));
    repository.git(&["checkout", "--quiet", "main"]);
    repository.commit("README.md", Some("main\n"));
    repository.git(&["merge", "--quiet", "--no-commit", "--no-ff", "side"]);
    assert!(repository.judged().0, "nothing has changed yet");
    repository.commit(LANDED, Some("CREATE TABLE tenants (id BIGINT);\n"));
    let (accepted, said) = repository.judged();
    assert!(!accepted && said.contains(LANDED), "{said}");
}

#[test]
fn a_change_that_is_not_committed_is_refused() {
    let repository = Repository::new();
    repository.write(LANDED, Some("CREATE TABLE tenants (id BIGINT);\n"));
    let (accepted, said) = repository.judged();
    assert!(!accepted && said.contains(&format!("uncommitted: {LANDED}")), "{said}");
}

#[test]
fn a_shallow_clone_says_what_it_cannot_see() {
    let repository = Repository::new();
    repository.commit(LANDED, Some("CREATE TABLE tenants (id BIGINT);\n"));
    repository.commit("README.md", Some("innocent\n"));
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repository.0.path().display());
    repository.git(&["clone", "--quiet", "--depth", "1", &from, clone.path().to_str().unwrap()]);
    let (accepted, said) = Repository::judged_in(clone.path());
    assert!(accepted && said.contains("a shallow clone: only its 1 commits are looked at"), "{said}");
}

//! The `openssl` command as an independent judge.

use std::path::Path;
use std::process::Command;

/// A folder for the files that openssl reads, with the calls that tests need.
pub struct Judge {
    folder: tempfile::TempDir,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Runs `openssl …` in the folder, arguments separated by spaces; answers whether it succeeded, and what it said.
    pub fn try_run(&self, arguments: &str) -> (bool, String) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("the openssl command must be installed");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    /// Runs `openssl …`, which must succeed; answers what it said.
    pub fn run(&self, arguments: &str) -> String {
        let (ok, said) = self.try_run(arguments);
        assert!(ok, "openssl {arguments}: {said}");
        said
    }
}

//! The commands in README and in the parts Start and How to of the book: each is run against a fresh service, or marked as
//! not run with the reason.
//!
//! A block of commands is fenced as `sh`, or indented. `<!-- not run: REASON -->` in the line before it leaves it out. A line that
//! begins with `! ` has to fail. The blocks of a document are one script, in a folder of its own that has a `certmill-data`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use launch::{Process, free_port};

use crate::site::{Site, program};

/// How long the commands of one document may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(4);

/// A block of a document that holds commands.
struct Block {
    /// The line of its first command, from 1.
    line: usize,
    text: String,
    /// Why it is not run.
    reason: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// README, and the pages whose commands are promised to work.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    for part in ["start", "howto"] {
        let folder = std::fs::read_dir(root().join("docs/src").join(part)).unwrap();
        found.extend(folder.map(|entry| entry.unwrap().path()));
    }
    found.sort();
    found
}

/// The blocks of commands in a document.
///
/// # Panics
/// For a fence without a language: it would be neither run nor marked.
fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let before = at.checked_sub(1).map_or("", |before| lines[before]);
        let start = at;
        if let Some(language) = lines[at].strip_prefix("```") {
            assert!(!language.is_empty(), "line {}: a block without a language", at + 1);
            let end = (at + 1..lines.len()).find(|line| lines[*line] == "```").unwrap();
            at = end + 1;
            if language == "sh" {
                let text = lines[start + 1..end].join("\n");
                found.push(Block { line: start + 2, text, reason: reason(before) });
            }
        } else if lines[at].starts_with("    ") && (before.is_empty() || reason(before).is_some()) {
            while at < lines.len() && lines[at].starts_with("    ") {
                at += 1;
            }
            let text = lines[start..at].join("\n");
            found.push(Block { line: start + 1, text, reason: reason(before) });
        } else {
            at += 1;
        }
    }
    found
}

fn reason(line: &str) -> Option<String> {
    let reason = line.strip_prefix("<!-- not run: ")?.strip_suffix(" -->")?;
    Some(reason.to_owned())
}

/// The script of the blocks that are run; `None` when there is none.
fn script(blocks: &[Block], address: &str) -> Option<String> {
    let run: Vec<&Block> = blocks.iter().filter(|block| block.reason.is_none()).collect();
    if run.is_empty() {
        return None;
    }
    let mut lines =
        vec!["set -euo pipefail".to_owned(), "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT".to_owned()];
    for block in run {
        lines.push(format!("echo '== line {}'", block.line));
        lines.extend(block.text.lines().enumerate().map(|(offset, line)| command(block.line + offset, line)));
    }
    let script = lines.join("\n");
    let port = format!("PORT={}", free_port());
    Some(script.replace("127.0.0.1:8080", address).replace("PORT=8443", &port))
}

/// A line of a block as a line of the script.
fn command(number: usize, line: &str) -> String {
    let Some(command) = line.strip_prefix("! ") else { return line.to_owned() };
    assert!(!command.ends_with('\\'), "line {number}: a command that has to fail is one line");
    // `set -e` does not look at commands behind `!`.
    format!("if {command}\nthen echo 'line {number} was done and should have failed'; exit 1; fi")
}

/// Runs the commands of a document; answers what was printed when they fail.
async fn run(document: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(document).unwrap();
    let blocks = blocks(&text);
    if script(&blocks, "").is_none() {
        return Ok(());
    }
    // As a reader has it: `dev` makes the root key in the data folder.
    let site = Site::embedded().without("CERTMILL_ROOT_KEY_FILE");
    let api = site.dev().await;
    let script = script(&blocks, api.url.strip_prefix("http://").unwrap()).unwrap();
    let folder = site.path().join("work");
    let link = |to: &Path, name: &str| {
        let name = folder.join(name);
        std::fs::create_dir_all(name.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, name).unwrap();
    };
    link(&site.path().join("data"), "certmill-data");
    link(&program(), "bin/certmill");
    link(&program(), "target/release/certmill");
    let mut command = Command::new("bash");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CERTMILL_")) {
            command.env_remove(name);
        }
    }
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.env("XDG_CONFIG_HOME", site.path().join("config"));
    command.args(["-c", &script]).current_dir(&folder);
    let mut process = Process::start(command);
    match process.wait_timeout(PATIENCE) {
        Some(status) if status.success() => Ok(()),
        status => Err(format!("{}: {status:?}\n{}", document.display(), process.log())),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_readme_and_book_work() {
    let mut failures = Vec::new();
    for document in documents() {
        if let Err(failure) = run(&document).await {
            failures.push(failure);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_command_of_readme_and_book_is_run_or_says_why_not() {
    let mut run = 0;
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let marks = text.lines().filter(|line| line.starts_with("<!-- not run")).count();
        let blocks = blocks(&text);
        let marked = blocks.iter().filter(|block| block.reason.is_some()).count();
        assert_eq!(marked, marks, "{}: a mark does not stand before a block", document.display());
        for block in blocks {
            match block.reason {
                Some(reason) => {
                    assert!(reason.split_whitespace().count() > 2, "{}:{}", document.display(), block.line);
                }
                None => run += 1,
            }
        }
    }
    assert!(run > 20, "only {run} blocks are run");
}

#[test]
fn a_document_is_read_as_it_is_meant() {
    let text = "Text\n\n```sh\na\n! b\n```\n\n<!-- not run: needs a moon -->\n```sh\nc\n```\n\n    d\n\n```toml\ne\n```\n";
    let blocks = blocks(text);
    let seen: Vec<_> =
        blocks.iter().map(|block| (block.line, block.text.as_str(), block.reason.is_some())).collect();
    assert_eq!(seen, [(4, "a\n! b", false), (10, "c", true), (13, "    d", false)]);
    let script = script(&blocks, "").unwrap();
    assert!(script.contains("\na\nif b\nthen echo 'line 5 ") && !script.contains("\nc\n"), "{script}");
}

//! Completion of commands and of names that the server knows.

use std::ffi::OsStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use super::output::text;
use super::{Options, output};

pub(super) const EXAMPLE: &str = "\
Examples:
  source <(certmill completion bash)        # in ~/.bashrc
  source <(certmill completion zsh)         # in ~/.zshrc
  certmill completion fish | source         # in ~/.config/fish/config.fish";

#[derive(Args)]
pub(crate) struct Completion {
    /// Shell that it is for
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// A shell that waits longer feels broken.
const TIME_LIMIT: Duration = Duration::from_secs(2);
/// At most so many names are offered: a longer list does not help.
const MOST: usize = 200;

/// Prints the lines with which a shell asks this program for completions.
pub(super) fn print(completion: &Completion) -> anyhow::Result<()> {
    let shells = clap_complete::env::Shells::builtins();
    let name = match completion.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let mut script = Vec::new();
    if let Some(shell) = shells.completer(name) {
        shell.write_registration("COMPLETE", "certmill", "certmill", "certmill", &mut script)?;
    }
    output::print(String::from_utf8(script)?.trim_end())
}

/// Names of roles.
pub(super) fn roles() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| names(begun, "roles", "roles"))
}

/// Names of CAs.
pub(super) fn cas() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| names(begun, "ca", "certificate_authorities"))
}

/// Names of a list that begin like what was typed; none without a profile or when the server does not answer.
fn names(begun: &OsStr, list: &str, key: &str) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy();
    let asked = || {
        let session = Options::of_profile().session().ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let path = ["v1", "pki", list];
        let listed = runtime.block_on(async {
            tokio::time::timeout(TIME_LIMIT, session.api.list(&path, &[], key, MOST)).await.ok()?.ok()
        })?;
        Some(listed.rows)
    };
    asked()
        .unwrap_or_default()
        .iter()
        .map(|row| text(row, "name"))
        .filter(|name| name.starts_with(begun.as_ref()))
        .map(CompletionCandidate::new)
        .collect()
}

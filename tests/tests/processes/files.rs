//! What other users of the machine find of a process: its files, its key, its memory.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::site::{PATIENCE, Site, stop, until};

fn with_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

/// A command that a shell with the most permissive umask starts.
fn openly(site: &Site, arguments: &[&str]) -> Command {
    let inner = site.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(site.path());
    command
}

/// Every local user reads names, audit log, sealed values and the admin token of a service whose files are open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_can_read_the_files_of_a_process() {
    let site = Site::embedded().without("CERTMILL_ROOT_KEY_FILE");
    let mut api = site.dev_by(openly(&site, &["dev", "--listen", "127.0.0.1:0"])).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    api.issue("web", "a").await;
    let data = site.path().join("data");
    let mut seen = 0;
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 6, "database, -wal, -shm, lock, root key and token");
    assert_eq!(mode(&data), 0o700);
    stop(&mut api.process);

    // Files of an older version are closed, by whichever command comes first.
    with_mode(&data.join("certmill.db"), 0o644);
    with_mode(&data.join("root.key"), 0o640);
    site.run(&["token", "list"]);
    assert_eq!((mode(&data.join("certmill.db")), mode(&data.join("root.key"))), (0o600, 0o600));
}

/// A folder that others can enter is refused by every command, before anything in it is read, with what mends it.
#[test]
fn an_open_data_folder_is_refused_with_the_command_that_mends_it() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let data = site.path().join("data");
    for open in [0o755, 0o750, 0o711] {
        with_mode(&data, open);
        for arguments in [
            &["dev", "--listen", "127.0.0.1:0"][..],
            &["serve", "--plain-http", "--with-worker"],
            &["migrate"],
            &["token", "list"],
            &["audit", "verify"],
        ] {
            let refusal = site.refused(arguments);
            assert!(refusal.contains(&format!("`chmod 700 {}`", data.display())), "{arguments:?}: {refusal}");
        }
    }
    with_mode(&data, 0o700);
    site.run(&["token", "list"]);
}

/// The key that opens everything lies in a file with the mode that an editor gave it.
#[test]
fn a_root_key_that_others_can_read_is_refused() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let (key, old) = (site.path().join("root.key"), site.path().join("old.key"));
    let site = site
        .with_root_key("old.key", &"0d".repeat(32))
        .with_root_key("root.key", &"0b".repeat(32))
        .with("CERTMILL_PREVIOUS_ROOT_KEY_FILES", old.display().to_string());
    for (open, closed) in [(&key, &old), (&old, &key)] {
        for open_mode in [0o644, 0o604] {
            with_mode(open, open_mode);
            with_mode(closed, 0o600);
            let commands =
                [&["check-config"][..], &["serve", "--plain-http", "--with-worker"], &["token", "list"]];
            for arguments in commands {
                let refusal = site.refused(arguments);
                assert!(
                    refusal.contains(&format!("`chmod 600 {}`", open.display())),
                    "{arguments:?}: {refusal}"
                );
            }
        }
    }
    with_mode(&old, 0o600);
    with_mode(&key, 0o400);
    site.run(&["token", "list"]);
}

/// Another process of the same user traces this one, or a crash writes its memory to a disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_cannot_be_dumped_or_traced() {
    let site = Site::embedded();
    if is_root() {
        for path in [site.path().to_owned(), site.path().join("root.key")] {
            std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
        }
    }
    let mut command = for_everyone(&site, &site.command(&["dev", "--listen", "127.0.0.1:0"]));
    as_the_user(&mut command);
    let mut api = site.dev_by(command).await;
    let proc = format!("/proc/{}", api.process.id());
    let limits = std::fs::read_to_string(format!("{proc}/limits")).unwrap();
    let core: Vec<&str> = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(core.get(4..6), Some(&["0", "0"][..]), "{limits}");
    let environment =
        |pid: u32| as_the_user(Command::new("cat").arg(format!("/proc/{pid}/environ"))).output().unwrap();
    let refused = environment(api.process.id());
    assert!(!refused.status.success(), "a process of the same user reads it: {}", refused.stdout.len());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Permission denied"), "{refused:?}");
    let mut open = as_the_user(Command::new("sleep").arg("60")).spawn().unwrap();
    until("an ordinary process of this user can be read", PATIENCE, async || {
        environment(open.id()).status.success().then_some(())
    })
    .await;
    open.kill().unwrap();
    open.wait().unwrap();
    stop(&mut api.process);
}

/// The same command by a copy of its program, which may stand in a home folder that only its owner enters.
fn for_everyone(site: &Site, command: &Command) -> Command {
    let program = site.path().join("certmill");
    std::fs::copy(command.get_program(), &program).unwrap();
    with_mode(&program, 0o755);
    let mut copied = Command::new(program);
    copied.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copied.env(name, value),
            None => copied.env_remove(name),
        };
    }
    copied
}

/// Run by somebody without privileges: the tests' user, or `nobody` where that is root.
fn as_the_user(command: &mut Command) -> &mut Command {
    const NOBODY: u32 = 65_534;
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

//! The command line as it is shown: commands in groups, and to each command the options that concern it.

use std::fmt::Write;

use clap::{Arg, Command, CommandFactory, Subcommand};

use crate::Cli;
use crate::client::ClientCommand;

/// What runs a service.
const RUNNING: &[&str] = &["dev", "serve", "worker", "migrate", "check-config", "openapi", "man"];

/// What people do with a service, in the order of its list. These commands know nothing of its database and settings.
fn daily() -> Vec<String> {
    let all = ClientCommand::augment_subcommands(Command::new("certmill"));
    all.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The command line with its help.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    let settings: Vec<Arg> =
        command.get_arguments().filter(|argument| argument.is_global_set()).cloned().collect();
    for name in daily() {
        command = command.mut_subcommand(&name, |client| {
            // Settings of the service are taken everywhere, and shown where they do something.
            client.args(settings.iter().map(|setting| setting.clone().hide(true)))
        });
    }
    let groups = groups(&command);
    command.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}{{options}}\n\n\
         `certmill COMMAND --help` says more about a command."
    ))
}

/// The lists of commands, each under its head.
fn groups(command: &Command) -> String {
    let about =
        |name: &str| command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
    let daily = daily();
    let daily: Vec<&str> = daily.iter().map(String::as_str).collect();
    let rest: Vec<&str> = command
        .get_subcommands()
        .map(Command::get_name)
        .filter(|name| !daily.contains(name) && !RUNNING.contains(name))
        .collect();
    let mut text = String::new();
    for (head, names) in [
        ("Daily work, over the API", daily.as_slice()),
        ("Running a service", RUNNING),
        ("Administration, on its database", &rest),
    ] {
        let _ = writeln!(text, "{head}:");
        for name in names {
            let _ = writeln!(text, "  {name:<16} {}", about(name).unwrap_or_default());
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_listed_exists_and_settings_are_hidden_where_they_do_nothing() {
        let mut command = command();
        command.build();
        for name in RUNNING {
            assert!(command.find_subcommand(name).is_some(), "{name}");
        }
        let hidden = |name: &str| {
            let sub = command.find_subcommand(name).unwrap();
            sub.get_arguments().find(|argument| argument.get_id() == "database_url").unwrap().is_hide_set()
        };
        assert!(daily().iter().all(|name| hidden(name)));
        assert!(!hidden("serve") && !hidden("token"));
    }

    #[test]
    fn what_speaks_to_a_server_stands_in_the_first_list() {
        let groups = groups(&command());
        let (first, _) = groups.split_once("Running a service:").unwrap();
        for name in ["event", "webhook", "access", "lint", "completion"] {
            assert!(first.contains(&format!("\n  {name} ")), "{name}");
        }
    }
}

//! `certmill role`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::failure::Failure;
use super::issue::Names;
use super::output::{Cell, Column, Mark, text};
use super::{Session, ca, completion};

const PATH: [&str; 3] = ["v1", "pki", "roles"];

#[derive(Subcommand)]
pub(crate) enum RoleCommand {
    /// List roles
    Ls,
    /// Show a role
    Show {
        /// Name of the role
        #[arg(add = completion::roles())]
        name: String,
    },
    /// Make a role
    Create {
        /// Name of the role
        name: String,
        /// CA that issues under it, by name or id
        #[arg(long, add = completion::cas())]
        ca: String,
        #[command(flatten)]
        rules: Rules,
    },
    /// Change a role: what is given is replaced, the rest stays
    Edit {
        /// Name of the role
        #[arg(add = completion::roles())]
        name: String,
        /// CA that issues under it, by name or id
        #[arg(long, add = completion::cas())]
        ca: Option<String>,
        #[command(flatten)]
        rules: Rules,
    },
    /// Say what a role makes of a request, rule by rule; nothing is issued
    Check {
        /// Name of the role
        #[arg(add = completion::roles())]
        name: String,
        /// Names: DNS names, IP addresses, URIs, e-mail addresses
        #[arg(required_unless_present = "csr")]
        names: Vec<String>,
        /// How long the certificate is to be valid
        #[arg(long)]
        ttl: Option<String>,
        /// A certificate signing request to check
        #[arg(long, value_name = "FILE", conflicts_with = "names")]
        csr: Option<PathBuf>,
    },
    /// Delete a role; certificates issued under it stay
    Delete {
        /// Name of the role
        #[arg(add = completion::roles())]
        name: String,
    },
}

/// The rules of a role that are set most. `--set` takes every other field of the API.
#[derive(Args)]
pub(crate) struct Rules {
    /// Domain that may be issued for; may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Whether names below the domains may be issued for [server's default: no]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    subdomains: Option<bool>,
    /// Whether any name may be issued for [server's default: no]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    any_name: Option<bool>,
    /// Validity when none is asked for: 30d, 12h …
    #[arg(long)]
    ttl: Option<String>,
    /// Longest validity
    #[arg(long)]
    max_ttl: Option<String>,
    /// ec, rsa, ed25519 or any
    #[arg(long)]
    key_type: Option<String>,
    /// Any field of the API as FIELD=JSON, such as `allow_ip_sans=true`; may be repeated
    #[arg(long, value_name = "FIELD=JSON", value_parser = field)]
    set: Vec<(String, Value)>,
}

/// Reads `FIELD=JSON`; what is no JSON is a text.
fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write FIELD=JSON, such as require_cn=false")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), value))
}

impl Rules {
    fn fill(self, body: &mut Value) {
        if !self.domains.is_empty() {
            body["allowed_domains"] = json!(self.domains);
        }
        let texts = [("ttl", self.ttl), ("max_ttl", self.max_ttl), ("key_type", self.key_type)];
        for (field, value) in texts {
            if let Some(value) = value {
                body[field] = value.into();
            }
        }
        for (field, value) in [("allow_subdomains", self.subdomains), ("allow_any_name", self.any_name)] {
            if let Some(value) = value {
                body[field] = value.into();
            }
        }
        for (field, value) in self.set {
            body[field] = value;
        }
    }
}

const COLUMNS: &[Column] = &[
    Column("name", |role| text(role, "name").into()),
    Column("domains", |role| domains(role).into()),
    Column("ttl", |role| text(role, "ttl").into()),
    Column("max ttl", |role| text(role, "max_ttl").into()),
    Column("key", |role| text(role, "key_type").into()),
    Column("ca", |role| text(role, "ca_id").into()),
];

fn domains(role: &Value) -> String {
    if role["allow_any_name"] == true { "any name".to_owned() } else { text(role, "allowed_domains") }
}

pub(super) async fn run(session: &Session, command: RoleCommand) -> anyhow::Result<()> {
    let Session { api, out } = session;
    match command {
        RoleCommand::Ls => {
            let listed = api.list(&PATH, &[], "roles", usize::MAX).await?;
            out.rows(COLUMNS, &listed.rows, listed.has_more)
        }
        RoleCommand::Show { name } => out.object(&api.get(&["v1", "pki", "roles", &name], &[]).await?),
        RoleCommand::Create { name, ca, rules } => {
            let mut body = json!({"name": name, "ca_id": ca::id(session, &ca).await?});
            rules.fill(&mut body);
            let made = api.post(&PATH, &body).await?;
            out.done(&made, &format!("role {name} is made: `certmill issue {name} NAME` issues under it"))
        }
        RoleCommand::Edit { name, ca, rules } => {
            let mut body = json!({});
            if let Some(ca) = ca {
                body["ca_id"] = ca::id(session, &ca).await?.into();
            }
            rules.fill(&mut body);
            if body.as_object().is_none_or(serde_json::Map::is_empty) {
                return Err(Failure::usage("nothing to change was given: see `certmill role edit --help`"));
            }
            let changed = api.patch(&["v1", "pki", "roles", &name], &body).await?;
            out.done(&changed, &format!("role {name} is changed"))
        }
        RoleCommand::Check { name, names, ttl, csr } => check(session, &name, &names, ttl, csr).await,
        RoleCommand::Delete { name } => {
            out.confirm(&format!("Delete role {name}?"))?;
            let gone = api.delete(&["v1", "pki", "roles", &name]).await?;
            out.done(&gone, &format!("role {name} is deleted"))
        }
    }
}

const VERDICTS: &[Column] = &[
    Column("rule", |rule| text(rule, "rule").into()),
    Column("verdict", |rule| {
        let mark = if rule["verdict"] == "refused" { Mark::Bad } else { Mark::Good };
        Cell::marked(text(rule, "verdict"), mark)
    }),
    Column("value", |rule| text(rule, "value").into()),
    Column("reason", |rule| text(rule, "reason").into()),
];

async fn check(
    session: &Session,
    role: &str,
    names: &[String],
    ttl: Option<String>,
    csr: Option<PathBuf>,
) -> anyhow::Result<()> {
    let mut body = match csr {
        Some(file) => {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            json!({"csr_pem": text})
        }
        None => Names::sorted(names).body(),
    };
    if let Some(ttl) = ttl {
        body["ttl"] = ttl.into();
    }
    let answer = session.api.post(&["v1", "pki", "roles", role, "check"], &body).await?;
    if session.out.is_for_programs() {
        session.out.raw(&answer)?;
    } else {
        let rules = answer["rules"].as_array().cloned().unwrap_or_default();
        session.out.rows(VERDICTS, &rules, false)?;
        if answer["allowed"] == true {
            let would = &answer["would_issue"];
            session.out.note(&format!("allowed, until {}", text(would, "not_after")));
        }
    }
    if answer["allowed"] == true {
        return Ok(());
    }
    Err(Failure::Refused(format!("role {role} refuses this")).into())
}

//! `certmill doctor`: what a support engineer would ask, each with what is to be done about it.

mod findings;
mod machine;
mod outside;
mod publishing;
mod rows;

use anyhow::bail;
use certmill_config::Config;
use clap::Args;

use crate::{compose, message};
use findings::{Findings, Status};

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// End with an error for warnings too
    #[arg(long)]
    strict: bool,
}

/// Looks at everything. What cannot be looked at because something before it failed is left out.
pub(crate) async fn doctor(config: &Config, arguments: &DoctorArgs) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    machine::configuration(config, &mut findings);
    machine::tls(config, &mut findings);
    machine::disk(config, &mut findings);
    match compose::database(config).await {
        Err(error) => findings.failure(
            "database",
            message::of(&error),
            "the service cannot work without it: mend what is said, or name another database",
        ),
        Ok(database) => {
            rows::database(config, &database, &mut findings).await;
            if rows::schema(&database, &mut findings).await {
                rows::clock(&database, &mut findings).await;
                rows::root_key(config, &database, &mut findings).await;
                rows::authorities(&database, &mut findings).await;
                rows::workers(&database, &mut findings).await;
                rows::renewals(&database, &mut findings).await;
                outside::crls(config, &database, &mut findings).await;
                publishing::places(config, &database, &mut findings).await;
            }
            database.close().await;
        }
    }
    outside::api(config, &mut findings).await;
    outside::redis(config, &mut findings).await;
    outside::mail(config, &mut findings).await;
    end(&findings, arguments)
}

/// Without a configuration there is nothing else to look at.
pub(crate) fn without_configuration(error: &anyhow::Error, arguments: &DoctorArgs) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    findings.failure(
        "configuration",
        message::of(error),
        "mend this setting: the service does not start with it",
    );
    end(&findings, arguments)
}

fn end(findings: &Findings, arguments: &DoctorArgs) -> anyhow::Result<()> {
    if arguments.json {
        println!("{}", findings.json()?);
    } else {
        print!("{}", findings.text());
    }
    let (failures, warnings) = (findings.count(Status::Failure), findings.count(Status::Warning));
    if failures > 0 || (arguments.strict && warnings > 0) {
        bail!("{failures} failed and {warnings} warned");
    }
    Ok(())
}

//! `certmill vacuum`.

use anyhow::Context;
use certmill_config::Config;

use crate::compose;
use crate::lock::DataFolder;

/// Makes an embedded database as small as it can be. It is all written anew meanwhile, so that a service would answer nothing
/// that it has to store: one that runs keeps this from being done.
pub(crate) async fn vacuum(config: &Config) -> anyhow::Result<()> {
    let _folder = match config.database_url {
        Some(_) => None,
        None => DataFolder::hold_existing(&config.data_dir)?,
    };
    let database = compose::database(config).await?;
    compose::require_schema(config, &database).await?;
    let shown = config.database_shown();
    let vacuumed = database.vacuum().await.with_context(|| {
        format!("{shown} was not made smaller, and is as it was: stop every process that uses it, and see that as much disk is free as it has twice")
    })?;
    match vacuumed {
        Some(size) => println!("{shown}: {} before, {} now", megabytes(size.before), megabytes(size.after)),
        None => println!("{shown} looks after itself by autovacuum: nothing was done"),
    }
    Ok(())
}

/// As people read it.
fn megabytes(octets: i64) -> String {
    let tenths = octets.saturating_mul(10) / 1_000_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

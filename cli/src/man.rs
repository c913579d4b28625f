//! Manual pages, made from the command line itself.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::help;

/// Writes a page per command into a folder, which is made if it is missing: `certmill.1`, `certmill-ca.1`,
/// `certmill-ca-create.1` and so on.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let context = || format!("the manual pages cannot be written to {}", folder.display());
    fs::create_dir_all(folder).with_context(context)?;
    clap_mangen::generate_to(help::command(), folder).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("man1")).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
        assert!(page("certmill.1").contains("certmill\\-ca"));
        assert!(page("certmill-ca-create.1").contains("\\-\\-key\\-type"));
        let issue = page("certmill-issue.1");
        assert!(issue.contains("\\-\\-out") && !issue.contains("database\\-url"), "{issue}");
    }
}

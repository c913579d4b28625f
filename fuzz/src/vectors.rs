//! NIST's PKITS (`tests/vectors/pkits`): good certificates that nobody here can sign for.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use certmill_x509::chain::Certificate;

/// 2020-01-01T00:00:00Z in Unix seconds: what is meant to be valid in PKITS is valid then.
pub const AT: i64 = 1_577_836_800;

/// Every certificate of the suite.
pub static CERTIFICATES: LazyLock<Vec<Arc<Certificate>>> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/pkits/certs");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut ders: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    ders.sort();
    ders.iter().filter_map(|der| Certificate::from_der(der).ok()).map(Arc::new).collect()
});

/// The DER of every certificate of the suite.
pub static DERS: LazyLock<HashSet<Vec<u8>>> =
    LazyLock::new(|| CERTIFICATES.iter().map(|certificate| certificate.der().to_vec()).collect());

/// The suite's own trust anchor.
pub static ROOT: LazyLock<Vec<Arc<Certificate>>> = LazyLock::new(|| vec![named("CN=Trust Anchor,")]);

/// Every CA of the suite.
pub static AUTHORITIES: LazyLock<Vec<Arc<Certificate>>> =
    LazyLock::new(|| CERTIFICATES.iter().filter(|known| known.is_ca()).cloned().collect());

/// The certificate whose subject's text begins like this.
pub fn named(beginning: &str) -> Arc<Certificate> {
    let is_it = |known: &&Arc<Certificate>| known.subject_text().starts_with(beginning);
    let found = CERTIFICATES.iter().find(is_it);
    Arc::clone(found.unwrap_or_else(|| panic!("PKITS has no {beginning}")))
}

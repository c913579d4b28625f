//! Imports go down only, as the architecture says: asserted from what cargo knows of the packages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each layer with what it may depend on, lowest first. `None`: whatever it likes, because it puts the parts together.
const LAYERS: [(&str, Option<&[&str]>); 19] = [
    // Programs of others use it, so it knows nothing of the service but its document.
    ("certmill-client", Some(&[])),
    ("certmill-x509", Some(&[])),
    ("certmill-domain", Some(&["certmill-x509"])),
    ("certmill-keys", Some(&["certmill-domain", "certmill-x509"])),
    ("certmill-storage", Some(&["certmill-domain", "certmill-x509"])),
    ("certmill-queue", Some(&[])),
    ("certmill-egress", Some(&[])),
    ("certmill-probe", Some(&["certmill-egress", "certmill-domain"])),
    ("certmill-mail", Some(&["certmill-domain"])),
    ("certmill-acme", Some(&["certmill-egress", "certmill-domain", "certmill-x509"])),
    ("certmill-aws", Some(&["certmill-egress"])),
    ("certmill-dns", Some(&["certmill-aws", "certmill-egress", "certmill-domain"])),
    (
        "certmill-service",
        Some(&[
            "certmill-acme",
            "certmill-aws",
            "certmill-dns",
            "certmill-egress",
            "certmill-mail",
            "certmill-probe",
            "certmill-storage",
            "certmill-queue",
            "certmill-keys",
            "certmill-domain",
            "certmill-x509",
        ]),
    ),
    ("certmill-listen", Some(&["certmill-domain"])),
    ("certmill-api", Some(&["certmill-listen", "certmill-service", "certmill-domain"])),
    // It claims jobs and records how they ended.
    ("certmill-worker", Some(&["certmill-service", "certmill-storage", "certmill-domain"])),
    ("certmill-config", Some(&["certmill-domain"])),
    ("certmill-telemetry", Some(&[])),
    ("certmill", None),
];

/// Packages that test or measure: they may look into every layer, and no layer may need them to run.
const EXEMPT: [&str; 5] = ["tests", "launch", "fake-acme", "fake-dns", "benches"];

/// Who may name a library that only one part of the product is to know, by the beginning of the library's name.
const OWNED: [(&str, &str); 6] = [
    ("sqlx", "certmill-storage"),
    ("apalis", "certmill-queue"),
    ("redis", "certmill-queue"),
    ("instant-acme", "certmill-acme"),
    ("hickory", "certmill-dns"),
    ("lettre", "certmill-mail"),
];

#[test]
fn every_package_has_its_layer() {
    let known: BTreeSet<_> =
        LAYERS.iter().map(|(name, _)| *name).chain(EXEMPT).map(ToOwned::to_owned).collect();
    let found: BTreeSet<_> = packages().into_keys().collect();
    assert_eq!(
        found, known,
        "a package without a layer: add it to the table of ARCHITECTURE.md and to this one"
    );
}

#[test]
fn imports_go_down_only() {
    let packages = packages();
    let members: BTreeSet<_> = packages.keys().map(String::as_str).collect();
    for (name, allowed) in LAYERS {
        for dependency in &packages[name] {
            if !members.contains(dependency.name.as_str()) {
                continue;
            }
            if EXEMPT.contains(&dependency.name.as_str()) {
                assert!(dependency.for_tests, "{name} needs {} to run, which is for tests", dependency.name);
                continue;
            }
            let permitted = allowed.is_none_or(|allowed| allowed.contains(&dependency.name.as_str()));
            assert!(permitted, "{name} must not depend on {}", dependency.name);
        }
    }
}

/// What is signed is approved before, or the service's own: no other place can make a certificate.
#[test]
fn certificates_are_made_in_four_places() {
    let places = sources().into_iter().filter(|(_, text)| text.contains("= CertificateTemplate {"));
    let places: Vec<_> = places.map(|(path, _)| path).collect();
    let making = ["ca/create.rs", "ca/reissue.rs", "certificates/pipeline.rs", "ocsp/signer.rs"];
    assert_eq!(places, making.map(|file| format!("shared/service/src/{file}")));
}

/// The sources of the product without tests, by their path in the repository.
pub(crate) fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> = ["api", "cli", "shared", "worker"].iter().map(|part| root.join(part)).collect();
    let mut found = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().unwrap() != "tests" {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn each_infrastructure_library_has_one_home() {
    let packages = packages();
    for (library, home) in OWNED {
        let is_it = |name: &str| name == library || name.starts_with(&format!("{library}-"));
        let users: BTreeSet<_> = packages
            .iter()
            .filter(|(name, _)| !EXEMPT.contains(&name.as_str()))
            .filter(|(_, dependencies)| dependencies.iter().any(|dependency| is_it(&dependency.name)))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(users, BTreeSet::from([home]), "{library} belongs to {home} alone");
    }
}

struct Dependency {
    name: String,
    for_tests: bool,
}

/// The workspace's packages with what each depends on directly.
fn packages() -> BTreeMap<String, Vec<Dependency>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo must be installed to read the packages");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter().map(|dependency| {
                Dependency { name: text(&dependency["name"]), for_tests: dependency["kind"] == "dev" }
            });
            (text(&package["name"]), dependencies.collect())
        })
        .collect()
}

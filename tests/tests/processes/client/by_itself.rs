//! `certmill keep` without a token: a host that is known by the certificate that it keeps.

use std::process::{Command, Output};

use launch::{Process, free_port};
use tests::openssl::Judge;

use super::json_of;
use crate::site::{PATIENCE, Site, after, said, stop, until};

/// A service with HTTPS that asks for certificates, and somebody who administers it.
struct Served {
    site: Site,
    address: String,
    process: Process,
    admin: Site,
    root: String,
}

impl Served {
    async fn start(site: Site) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let site = site
            .with("CERTMILL_TLS_SELF__CA", "https")
            .with("CERTMILL_TLS_SELF__NAMES", "127.0.0.1")
            .with("CERTMILL_TLS_CLIENT_CERTIFICATES", "true");
        site.run(&["migrate"]);
        let token = site.admin_token();
        let process = serve(&site, &address);
        let insecure = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
        let path = after(&process.log(), "Root certificate");
        let root = until("the root is there", PATIENCE, async || {
            insecure.get(format!("https://{address}{path}")).send().await.ok()
        });
        let judge = Judge::new();
        judge.write("root.der", root.await.bytes().await.unwrap());
        let root = judge.run("x509 -inform DER -in root.der");
        let admin = client(&address, &root).with("CERTMILL_TOKEN", token);
        admin.run(&["ca", "create", "root"]);
        Self { site, address, process, admin, root }
    }

    fn role(&self, name: &str, more: &[&str]) {
        let role = [
            "role",
            "create",
            name,
            "--ca",
            "root",
            "--domain",
            "example.internal",
            "--subdomains",
            "--key-type",
            "ec",
        ];
        self.admin.run(&[&role[..], more].concat());
    }

    /// A host that trusts the service, without any token.
    fn host(&self) -> Site {
        client(&self.address, &self.root)
    }

    fn restart(&mut self) {
        stop(&mut self.process);
        self.process = serve(&self.site, &self.address);
    }
}

fn serve(site: &Site, address: &str) -> Process {
    let process = Process::start(site.command(&["serve", "--with-worker", "--listen", address]));
    assert!(process.wait_for_log("listening", PATIENCE), "{}", process.log());
    process
}

fn client(address: &str, root: &str) -> Site {
    let site = Site::embedded();
    let file = site.write("service.pem", root).display().to_string();
    site.with("CERTMILL_URL", format!("https://{address}")).with("CERTMILL_CA_FILE", file)
}

/// A table of a certificate in a file of `keep`, whose files are called like its host.
fn table(role: &str, host: &str, more: &str) -> String {
    format!(
        "[[certificate]]\nrole = \"{role}\"\nnames = [\"{host}.example.internal\"]\ncertificate_file = \"{host}.crt\"\n\
         key_file = \"{host}.key\"\nca_file = \"{host}.ca.crt\"\n{more}\n"
    )
}

fn once(host: &Site) -> Output {
    host.output(&["keep", "keep.toml", "--once"])
}

fn file(host: &Site, name: &str) -> String {
    std::fs::read_to_string(host.path().join(name)).unwrap_or_default()
}

fn serial(host: &Site, name: &str) -> String {
    let path = host.path().join(name).display().to_string();
    let output = Command::new("openssl").args(["x509", "-in", &path, "-noout", "-serial"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().trim_start_matches("serial=").to_lowercase()
}

/// What happens to a host that had a token once, for its first certificates.
async fn hosts_live_by_their_certificates(site: Site) {
    let mut served = Served::start(site).await;
    served.role("web", &["--set", "allow_self_renewal=true"]);
    let host = served.host();
    let plan = |more: &str| {
        host.write(
            "keep.toml",
            &[table("web", "a", more), table("web", "b", ""), table("web", "c", "")].concat(),
        );
    };
    // Nearly always due, with half a minute left.
    plan("ttl = \"30s\"\nrenew_before = \"1h\"");

    // Without a token there is no first certificate.
    let refused = once(&host);
    assert!(
        !refused.status.success() && said(&refused).contains("there is no certificate yet"),
        "{}",
        said(&refused)
    );
    let token = served.admin.run(&["access", "create", "a", "--scope", "pki:issue", "--role", "web"]);
    let with_token = host.clone().with("CERTMILL_TOKEN", token.trim());
    let first = once(&with_token);
    assert!(first.status.success(), "{}", said(&first));
    served.admin.run(&["access", "revoke", "a", "--yes"]);

    // Then it renews itself, however often, whoever restarts.
    let judge = Judge::new();
    let untouched = file(&host, "b.crt");
    let mut seen = vec![serial(&host, "a.crt")];
    for round in 0..4 {
        if round == 2 {
            served.restart();
        }
        let renewed = until("it is time", PATIENCE, async || {
            let kept = once(&host);
            assert!(kept.status.success(), "{round}: {}", said(&kept));
            Some(serial(&host, "a.crt")).filter(|now| !seen.contains(now))
        });
        let renewed = renewed.await;
        seen.push(renewed);
        let path = |name: &str| host.path().join(name).display().to_string();
        judge.run(&format!(
            "verify -CAfile {} -verify_hostname a.example.internal {}",
            path("a.ca.crt"),
            path("a.crt")
        ));
    }
    assert_eq!(file(&host, "b.crt"), untouched, "the other one is good");
    let line = json_of(&served.admin, &["cert", "ls", "--san", "a.example.internal", "--json"]);
    let line = line.as_array().unwrap();
    assert_eq!(line.len(), seen.len());
    for pair in line.windows(2) {
        assert_eq!(pair[0]["renewed_from"], pair[1]["id"], "newest first, each the renewal of the next");
    }

    // Other names, a revocation, a role without the switch: a sentence each, and nothing is written.
    let refused = |what: &str, sentence: &str| {
        let refused = once(&host);
        assert!(!refused.status.success() && said(&refused).contains(sentence), "{what}: {}", said(&refused));
    };
    let present = file(&host, "b.crt");
    host.write("keep.toml", &table("web", "b", "").replace("[\"b.", "[\"other.example.internal\", \"b."));
    refused("other names", "other names");
    host.write("keep.toml", &[table("web", "b", ""), table("web", "c", "")].concat());
    served.admin.run(&["cert", "revoke", "b.example.internal", "--yes"]);
    refused("revoked", "was revoked");
    refused("the other one is kept", "1 of 2");
    assert_eq!(file(&host, "b.crt"), present);
    served.admin.run(&["role", "edit", "web", "--set", "allow_self_renewal=false"]);
    refused("not of this role", "allow_self_renewal");
    // A token mends everything, also beside `auth = "certificate"`.
    let token = served.admin.run(&["access", "create", "b", "--scope", "pki:issue", "--role", "web"]);
    host.write("keep.toml", &format!("auth = \"certificate\"\n{}", table("web", "b", "")));
    let mended = once(&host.clone().with("CERTMILL_TOKEN", token.trim()));
    assert!(mended.status.success() && said(&mended).contains("the token is used"), "{}", said(&mended));
    assert_ne!(file(&host, "b.crt"), present);
    stop(&mut served.process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_live_by_their_certificates_embedded() {
    hosts_live_by_their_certificates(Site::embedded()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_live_by_their_certificates_as_a_fleet() {
    hosts_live_by_their_certificates(Site::shared_fleet()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_has_ended_says_so_and_a_token_mends_it() {
    let mut served = Served::start(Site::embedded()).await;
    served.role("web", &["--set", "allow_self_renewal=true"]);
    let host = served.host();
    let token = served.admin.run(&["access", "create", "a", "--scope", "pki:issue", "--role", "web"]);
    let with_token = host.clone().with("CERTMILL_TOKEN", token.trim());
    host.write("keep.toml", &format!("auth = \"certificate\"\n{}", table("web", "a", "ttl = \"3s\"")));
    assert!(once(&with_token).status.success());
    let judge = Judge::new();
    let path = host.path().join("a.crt").display().to_string();
    until("it ends", PATIENCE, async || {
        (!judge.try_run(&format!("x509 -in {path} -noout -checkend 0")).0).then_some(())
    })
    .await;
    let present = file(&host, "a.crt");
    let refused = once(&host);
    let sentence = said(&refused);
    assert!(
        !refused.status.success() && sentence.contains("ended at") && sentence.contains("token"),
        "{sentence}"
    );
    assert_eq!(file(&host, "a.crt"), present);
    host.write("keep.toml", &format!("auth = \"certificate\"\n{}", table("web", "a", "")));
    let mended = once(&with_token);
    assert!(mended.status.success() && said(&mended).contains("the token is used"), "{}", said(&mended));

    // A service that does not ask for certificates, and one without TLS.
    stop(&mut served.process);
    served.site = served.site.with("CERTMILL_TLS_CLIENT_CERTIFICATES", "false");
    served.process = serve(&served.site, &served.address);
    host.write("keep.toml", &table("web", "a", ""));
    let refused = once(&host);
    assert!(said(&refused).contains("tls_client_certificates"), "{}", said(&refused));
    let plain = host.clone().with("CERTMILL_URL", "http://127.0.0.1:1");
    let refused = once(&plain);
    assert!(!refused.status.success() && said(&refused).contains("https"), "{}", said(&refused));
    stop(&mut served.process);
    let refused = served.site.with("CERTMILL_PLAIN_HTTP", "true").without("CERTMILL_TLS_SELF__CA");
    let refused =
        refused.without("CERTMILL_TLS_SELF__NAMES").with("CERTMILL_TLS_CLIENT_CERTIFICATES", "true");
    let refused = refused.refused(&["serve", "--with-worker"]);
    assert!(refused.contains("tls_client_certificates"), "{refused}");
}

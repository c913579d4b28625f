//! `certmill keep`: certificates that are kept fresh on a host.

use std::process::Output;

use fake_acme::{FakeAcme, FakeAcmeOptions};
use launch::Process;
use serde_json::json;
use tests::openssl::Judge;

use super::{json_of, mode, site_with_role};
use crate::site::{PATIENCE, Site, said, stop, until};

/// What is kept, in a file, and the lines that the command of it wrote.
struct Kept<'a> {
    site: &'a Site,
    names: &'static str,
}

impl Kept<'_> {
    fn plan(&self, run: &str) {
        let text = format!(
            "[[certificate]]\nrole = \"web\"\nnames = [{}]\nttl = \"30d\"\ncertificate_file = \"kept.crt\"\n\
             key_file = \"kept.key\"\nca_file = \"kept.ca.crt\"\nmode = \"0640\"\nrun = '''{run}'''\n",
            self.names
        );
        self.site.write("keep.toml", &text);
    }

    fn once(&self) -> Output {
        self.site.output(&["keep", "keep.toml", "--once"])
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.site.path().join(name)).unwrap_or_default()
    }

    fn serial_numbers(&self) -> Vec<String> {
        let found = json_of(self.site, &["cert", "ls", "--revoked", "--json"]);
        found
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["serial_number"].as_str().unwrap().to_owned())
            .collect()
    }
}

const NOTE: &str = "echo $CERTMILL_CERTIFICATE_FILE >> ran";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_certificate_is_made_once_and_anew_when_it_has_to_be() {
    let (site, _api) = site_with_role().await;
    let mut kept = Kept { site: &site, names: "\"www.example.internal\"" };
    kept.plan(NOTE);
    let first = kept.once();
    assert!(first.status.success(), "{}", said(&first));
    let judge = Judge::new();
    let path = |name: &str| site.path().join(name).display().to_string();
    judge.run(&format!("verify -CAfile {} {}", path("kept.ca.crt"), path("kept.crt")));
    assert_eq!(mode(&site.path().join("kept.key")), 0o640);
    assert_eq!(kept.file("ran"), "kept.crt\n");

    let before = kept.file("kept.crt");
    assert!(kept.once().status.success());
    assert_eq!(
        (kept.file("kept.crt"), kept.file("ran")),
        (before.clone(), "kept.crt\n".to_owned()),
        "it is good"
    );

    // Revoked, other names, a key that does not fit: each is seen at the next look.
    site.run(&["cert", "revoke", "www.example.internal", "--yes"]);
    assert!(kept.once().status.success());
    let second = kept.file("kept.crt");
    assert_ne!(second, before, "a revoked certificate is replaced");
    kept.names = "\"www.example.internal\", \"api.example.internal\"";
    kept.plan(NOTE);
    assert!(kept.once().status.success());
    judge.run(&format!(
        "verify -CAfile {} -verify_hostname api.example.internal {}",
        path("kept.ca.crt"),
        path("kept.crt")
    ));
    site.write("kept.key", &judge.run("genpkey -algorithm ed25519"));
    assert!(kept.once().status.success());
    let public = |arguments: String| judge.run(&arguments);
    assert_eq!(
        public(format!("x509 -in {} -noout -pubkey", path("kept.crt"))),
        public(format!("pkey -in {} -pubout", path("kept.key"))),
    );
    assert_eq!(kept.serial_numbers().len(), 4);
    assert_eq!(kept.file("ran").lines().count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_command_is_run_again_without_a_new_certificate() {
    let (site, mut api) = site_with_role().await;
    let kept = Kept { site: &site, names: "\"www.example.internal\"" };
    kept.plan("exit 3");
    let failed = kept.once();
    assert!(!failed.status.success() && said(&failed).contains("`exit 3` failed"), "{}", said(&failed));
    let before = kept.file("kept.crt");
    kept.plan(NOTE);
    assert!(kept.once().status.success());
    assert_eq!((kept.file("kept.crt"), kept.file("ran")), (before.clone(), "kept.crt\n".to_owned()));

    // Without a server nothing is touched, and it is said.
    stop(&mut api.process);
    let failed = kept.once();
    assert!(!failed.status.success() && said(&failed).contains("does not answer"), "{}", said(&failed));
    assert_eq!(kept.file("kept.crt"), before);
}

#[test]
fn mistakes_in_what_is_to_be_kept_are_said_before_anything_is_done() {
    let site = Site::embedded();
    for (text, sentence) in [
        ("", "no [[certificate]]"),
        ("[[certificate]]\nrole = \"web\"\ncertificate_file = \"c\"\nkey_file = \"k\"", "names is empty"),
        ("[[certificate]]\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"", "either role"),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"\nmode = \"0644\"",
            "0640",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"\nrenew_before = \"x\"",
            "renew_before",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"\nowner = \"nobody-has-this-name\"",
            "nobody-has-this-name",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"./c\"",
            "named twice",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"\n\
             [[certificate]]\nrole = \"web\"\nnames = [\"b\"]\ncertificate_file = \"d\"\nkey_file = \"k\"",
            "named twice",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"\nca_file = \"c\"",
            "named twice",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nnames = [\"a,b\"]\ncertificate_file = \"c\"\nkey_file = \"k\"",
            "is not a name",
        ),
        (
            "[[certificate]]\nrole = \"web\"\nname = [\"a\"]\ncertificate_file = \"c\"\nkey_file = \"k\"",
            "unknown field",
        ),
    ] {
        site.write("keep.toml", text);
        let output = site.output(&["keep", "keep.toml", "--once"]);
        let said = said(&output);
        assert!(!output.status.success() && said.contains(sentence), "{text}: {said}");
    }
}

/// One look after the other at the same file: what is good is left alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_in_another_spelling_are_the_same_names() {
    let (site, _api) = site_with_role().await;
    let mut kept = Kept { site: &site, names: "" };
    for names in [
        "\"www.example.internal\", \"WWW.Example.internal\"",
        "\"www.example.internal.\"",
        "\"bücher.example.internal\"",
        "\"www.example.internal\", \"::ffff:10.0.0.7\", \"[2001:DB8:0::1]\", \"10.0.0.7\"",
    ] {
        kept.names = names;
        kept.plan(NOTE);
        let first = kept.once();
        assert!(first.status.success(), "{names}: {}", said(&first));
        let (certificate, ran) = (kept.file("kept.crt"), kept.file("ran"));
        let second = kept.once();
        assert!(second.status.success(), "{names}: {}", said(&second));
        assert_eq!((kept.file("kept.crt"), kept.file("ran")), (certificate, ran), "{names}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_does_not_store_is_kept_until_it_is_time() {
    let (site, api) = site_with_role().await;
    let role = api.patch("/v1/pki/roles/web", json!({ "no_store": true })).await;
    assert_eq!(role["no_store"], true);
    let token = site.run(&["access", "create", "host", "--scope", "pki:issue", "--role", "web"]);
    let host = Site::embedded().with("CERTMILL_URL", api.url.as_str()).with("CERTMILL_TOKEN", token.trim());
    let kept = Kept { site: &host, names: "\"www.example.internal\"" };
    kept.plan(NOTE);
    assert!(kept.once().status.success());
    let first = kept.file("kept.crt");
    let again = kept.once();
    assert!(again.status.success(), "{}", said(&again));
    assert_eq!((kept.file("kept.crt"), kept.file("ran")), (first.clone(), "kept.crt\n".to_owned()));

    // One that another CA has signed is not kept.
    let judge = Judge::new();
    judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out c -days 30 -subj /CN=x -addext subjectAltName=DNS:www.example.internal");
    host.write("kept.crt", &std::fs::read_to_string(judge.path().join("c")).unwrap());
    host.write("kept.key", &std::fs::read_to_string(judge.path().join("k")).unwrap());
    assert!(kept.once().status.success());
    judge.run(&format!(
        "verify -CAfile {} {}",
        host.path().join("kept.ca.crt").display(),
        host.path().join("kept.crt").display()
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_issued_that_cannot_be_written() {
    let (site, _api) = site_with_role().await;
    site.write(
        "keep.toml",
        "[[certificate]]\nrole = \"web\"\nnames = [\"www.example.internal\"]\ncertificate_file = \"kept.crt\"\n\
         key_file = \"nowhere/kept.key\"\n",
    );
    let kept = Kept { site: &site, names: "" };
    let failed = kept.once();
    assert!(!failed.status.success() && said(&failed).contains("cannot be written"), "{}", said(&failed));
    assert_eq!(kept.serial_numbers(), Vec::<String>::new());
    assert!(!site.path().join("kept.crt").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_for_one_role_keeps_a_host_and_does_nothing_else() {
    let (site, api) = site_with_role().await;
    let token =
        site.run(&["access", "create", "host", "--scope", "pki:issue", "--role", "web", "--ttl", "1y"]);
    let host = Site::embedded().with("CERTMILL_URL", api.url.as_str()).with("CERTMILL_TOKEN", token.trim());
    let kept = Kept { site: &host, names: "\"www.example.internal\"" };
    kept.plan(NOTE);
    for _ in 0..2 {
        let once = kept.once();
        assert!(once.status.success(), "{}", said(&once));
    }
    assert_eq!(kept.file("ran"), "kept.crt\n");
    // Its renewal is linked: the same names under the same role, by the same token.
    let refused = host.output(&["cert", "revoke", "www.example.internal", "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(site.run(&["access", "ls"]).contains("host"));
    site.run(&["access", "revoke", "host", "--yes"]);
    let renewed = until_refused(&kept).await;
    assert!(said(&renewed).contains("revoked"), "{}", said(&renewed));
}

/// A token that was revoked counts for up to a second more.
async fn until_refused(kept: &Kept<'_>) -> Output {
    let refused = until("the token is refused", PATIENCE, async || {
        Some(kept.once()).filter(|output| !output.status.success())
    });
    refused.await
}

/// A service with an account at a CA that takes every proof.
async fn site_with_acme(ca: &FakeAcme) -> (Site, crate::api::Api) {
    let site = Site::embedded();
    site.write("ca.pem", ca.ca_pem());
    let settings = site.write("certmill.toml", "[egress]\nallow = [\"127.0.0.0/8\"]\nca_file = \"ca.pem\"\n");
    let site = site.with("CERTMILL_CONFIG", settings.display().to_string());
    let api = site.dev().await;
    site.run(&[
        "acme",
        "account",
        "create",
        "fake",
        "--provider",
        "custom",
        "--directory-url",
        &ca.directory_url(),
    ]);
    (site, api)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_service_renews_at_a_ca_is_followed() {
    let ca = FakeAcme::start(FakeAcmeOptions::default()).await;
    let (site, _api) = site_with_acme(&ca).await;
    let order = ["acme", "order", "create", "--account", "fake", "www.example.org", "--json"];
    let first = json_of(&site, &order)["certificate_id"].as_str().unwrap().to_owned();
    site.write(
        "keep.toml",
        "[[certificate]]\nfollow = \"www.example.org\"\ncertificate_file = \"kept.crt\"\nkey_file = \"kept.key\"\n\
         ca_file = \"kept.ca.crt\"\nrun = \"echo run >> ran\"\n",
    );
    let once = || site.output(&["keep", "keep.toml", "--once"]);
    let file = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap_or_default();
    let judge = Judge::new();
    let fits = || {
        let path = |name: &str| site.path().join(name).display().to_string();
        let of = |arguments: String| judge.run(&arguments);
        of(format!("x509 -in {} -noout -pubkey", path("kept.crt")))
            == of(format!("pkey -in {} -pubout", path("kept.key")))
    };
    for _ in 0..2 {
        let kept = once();
        assert!(kept.status.success(), "{}", said(&kept));
    }
    let before = file("kept.crt");
    assert_eq!(before, site.run(&["cert", "export", &first]));
    assert!(fits() && file("ran") == "run\n", "written once: {}", file("ran"));

    site.run(&["cert", "renew", &first]);
    let renewed = until("the renewal is there", PATIENCE, async || {
        once();
        Some(file("kept.crt")).filter(|now| *now != before)
    });
    let renewed = renewed.await;
    assert!(fits(), "certificate and key belong together: {renewed}");
    assert_eq!(file("ran"), "run\nrun\n");

    site.write(
        "keep.toml",
        "[[certificate]]\nfollow = \"none.example.org\"\ncertificate_file = \"c\"\nkey_file = \"k\"\n",
    );
    let none = once();
    assert!(!none.status.success() && said(&none).contains("none.example.org"), "{}", said(&none));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_by_itself_reads_its_file_anew_and_ends_when_it_is_told() {
    let (site, _api) = site_with_role().await;
    let plan = |names: &str| {
        let text = format!(
            "[[certificate]]\nrole = \"web\"\nnames = [{names}]\nttl = \"20s\"\ncertificate_file = \"kept.crt\"\n\
             key_file = \"kept.key\"\n"
        );
        site.write("keep.toml", &text);
    };
    plan("\"a.example.internal\"");
    let mut process = Process::start(site.command(&["keep", "keep.toml"]));
    let judge = Judge::new();
    let path = site.path().join("kept.crt").display().to_string();
    let is_for =
        |name: &str| judge.try_run(&format!("x509 -in {path} -noout -ext subjectAltName")).1.contains(name);
    until("the first certificate", PATIENCE, async || is_for("a.example.internal").then_some(())).await;
    let first = std::fs::read_to_string(&path).unwrap();
    let renewed = until("a short-lived certificate is renewed", PATIENCE, async || {
        Some(std::fs::read_to_string(&path).unwrap()).filter(|now| *now != first)
    });
    renewed.await;

    site.write("keep.toml", "[[certificate]]\nrole = 5\n");
    assert!(process.wait_for_log("keep.toml", PATIENCE), "a mistake is said: {}", process.log());
    plan("\"b.example.internal\"");
    until("other names", PATIENCE, async || is_for("b.example.internal").then_some(())).await;
    stop(&mut process);
}

//! Commands that speak to a running service: the daily work, the exit codes, signing in.

mod by_itself;
mod keep;
mod lists;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use tests::openssl::Judge;

use crate::api::Api;
use crate::site::{PATIENCE, Site, said, until};

/// A service with a profile for it, a root and a role `web` for names below `example.internal`, all by commands.
async fn site_with_role() -> (Site, Api) {
    let site = Site::embedded();
    let api = site.dev().await;
    site.run(&["ca", "create", "root"]);
    site.run(&[
        "role",
        "create",
        "web",
        "--ca",
        "root",
        "--domain",
        "example.internal",
        "--subdomains",
        "--key-type",
        "ec",
    ]);
    (site, api)
}

fn json_of(site: &Site, arguments: &[&str]) -> Value {
    serde_json::from_str(&site.run(arguments)).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_leaves_a_profile_and_three_commands_make_a_certificate() {
    let (site, _api) = site_with_role().await;
    assert_eq!(mode(&site.path().join("config/certmill/profiles.toml")), 0o600);
    let out = site.path().join("tls");
    std::fs::create_dir(&out).unwrap();
    let folder = out.display().to_string();
    let printed = site.output(&[
        "issue",
        "web",
        "www.example.internal",
        "db.example.internal",
        "--out",
        &folder,
        "--json",
    ]);
    assert!(printed.status.success() && !said(&printed).contains("PRIVATE KEY"), "{}", said(&printed));

    let file = |name: &str| out.join(name).display().to_string();
    assert_eq!(mode(&out.join("www.example.internal.key")), 0o600);
    let judge = Judge::new();
    let (leaf, root) = (file("www.example.internal.crt"), file("www.example.internal.ca.crt"));
    judge.run(&format!("verify -x509_strict -CAfile {root} -verify_hostname db.example.internal {leaf}"));
    let public = |arguments: String| judge.run(&arguments);
    assert_eq!(
        public(format!("x509 -in {leaf} -noout -pubkey")),
        public(format!("pkey -in {} -pubout", file("www.example.internal.key"))),
    );

    let again = site.output(&["issue", "web", "www.example.internal", "--out", &folder]);
    assert_eq!(again.status.code(), Some(2), "files that are there are not replaced: {}", said(&again));

    let found = json_of(&site, &["cert", "ls", "--san", "*.example.internal", "--expiring", "90d", "--json"]);
    assert_eq!(found.as_array().map(Vec::len), Some(1), "nothing was issued for the refused call: {found}");
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(
        site.run(&["cert", "show", "db.example.internal", "--template", "{id} {sans.dns.0}"]),
        format!("{id} www.example.internal\n")
    );
    assert!(site.run(&["cert", "ls"]).contains("www.example.internal, db.example.internal"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_by_command_is_on_the_crl() {
    let (site, _api) = site_with_role().await;
    site.run(&["ca", "create", "issuing", "--parent", "root"]);
    site.run(&["role", "edit", "web", "--ca", "issuing", "--set", "require_cn=false"]);
    site.run(&["issue", "web", "www.example.internal"]);
    assert!(site.run(&["ca", "tree"]).contains("\n  issuing  "));

    let refused = site.output(&["cert", "revoke", "www.example.internal"]);
    assert_eq!(refused.status.code(), Some(2), "nobody is there to ask: {}", said(&refused));
    let serial = site.run(&["cert", "show", "www.example.internal", "--template", "{serial_number}"]);
    site.run(&["cert", "revoke", "www.example.internal", "--reason", "superseded", "--yes"]);
    site.run(&["ca", "crl", "issuing", "--rebuild", "--out", "issuing.crl"]);
    site.run(&["ca", "cert", "issuing", "--out", "chain.pem"]);
    let judge = Judge::new();
    let crl = judge.run(&format!("crl -in {} -noout -text", site.path().join("issuing.crl").display()));
    assert!(crl.contains(&serial.trim().replace(':', "").to_uppercase()), "{serial} is not in {crl}");
    let blocks = std::fs::read_to_string(site.path().join("chain.pem")).unwrap();
    assert_eq!(blocks.matches("BEGIN CERTIFICATE").count(), 2, "the CA and its root: {blocks}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_is_reissued_and_divided_by_command() {
    let (site, _api) = site_with_role().await;
    site.run(&["ca", "cert", "root", "--out", "before.pem"]);
    let reissued = site.output(&["ca", "reissue", "root", "--days", "4000"]);
    let told = said(&reissued);
    assert!(
        reissued.status.success() && told.contains("root has another certificate, valid until"),
        "{told}"
    );
    assert!(told.contains("certmill ca cert root"), "{told}");
    site.run(&["ca", "cert", "root", "--out", "after.pem"]);
    let judge = Judge::new();
    let of = |file: &str, part: &str| {
        judge.run(&format!("x509 -in {} -noout {part}", site.path().join(file).display()))
    };
    assert_eq!(of("before.pem", "-pubkey -subject"), of("after.pem", "-pubkey -subject"));
    assert_ne!(of("before.pem", "-serial"), of("after.pem", "-serial"));
    let shorter = site.output(&["ca", "reissue", "root", "--days", "1"]);
    assert!(
        !shorter.status.success() && said(&shorter).contains("before the present one"),
        "{}",
        said(&shorter)
    );

    assert_eq!(json_of(&site, &["ca", "shards", "root", "--json"]), json!([]));
    let unasked = site.output(&["ca", "shards", "root", "--grow", "12"]);
    assert_eq!(unasked.status.code(), Some(2), "nobody is there to ask: {}", said(&unasked));
    let table = site.run(&["ca", "shards", "root", "--grow", "12", "--yes"]);
    assert!(table.starts_with("SHARD  NUMBER") && table.contains("-12.crl"), "{table}");
    let rows = json_of(&site, &["ca", "shards", "root", "--json"]);
    assert_eq!(rows.as_array().map(Vec::len), Some(12), "{rows}");
    let fewer = site.output(&["ca", "shards", "root", "--grow", "3", "--yes"]);
    assert!(!fewer.status.success(), "{}", said(&fewer));

    site.run(&["ca", "crl", "root", "--shard", "12", "--out", "12.pem"]);
    let list = judge.run(&format!("crl -in {} -noout -text", site.path().join("12.pem").display()));
    assert!(list.contains(rows[11]["crl_url"].as_str().unwrap()), "the scope of the list: {list}");
    let beyond = site.output(&["ca", "crl", "root", "--shard", "13"]);
    assert!(said(&beyond).contains("last shard of this CA is 12"), "{}", said(&beyond));
    let without = site.output(&["ca", "crl", "root", "--delta"]);
    assert!(said(&without).contains("has no delta CRLs"), "{}", said(&without));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_crl_is_written_by_command() {
    let (site, api) = site_with_role().await;
    let id = site.run(&["ca", "show", "root", "--template", "{id}"]);
    api.patch(&format!("/v1/pki/ca/{}", id.trim()), json!({ "delta_crl_validity": "1h" })).await;
    until("the delta CRL", PATIENCE, async || {
        site.output(&["ca", "crl", "root", "--delta", "--out", "delta.pem"]).status.success().then_some(())
    })
    .await;
    let list = Judge::new().run(&format!("crl -in {} -noout -text", site.path().join("delta.pem").display()));
    assert!(list.contains("X509v3 Delta CRL Indicator: critical"), "{list}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_over_the_desk() {
    let (site, _api) = site_with_role().await;
    let judge = Judge::new();
    judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -subj /CN=mail.example.internal -out r.pem");
    let csr = judge.path().join("r.pem").display().to_string();
    let id = site.run(&["csr", "import", &csr, "--template", "{id}"]);
    let id = id.trim();
    let shown = site.run(&["csr", "show", id, "--role", "web"]);
    assert!(shown.contains("WOULD BE ISSUED") && shown.contains("mail.example.internal"), "{shown}");
    assert!(site.run(&["csr", "ls"]).contains("mail.example.internal"));
    let early = site.output(&["csr", "sign", id, "--ca", "root"]);
    assert_eq!(early.status.code(), Some(6), "not approved yet: {}", said(&early));
    site.run(&["csr", "approve", id]);
    let chain = site.run(&["csr", "sign", id, "--ca", "root", "--days", "30"]);
    assert!(chain.starts_with("-----BEGIN CERTIFICATE-----"), "{chain}");
    assert!(site.run(&["csr", "ls"]).is_empty(), "nothing waits any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_tell_what_went_wrong() {
    let (site, api) = site_with_role().await;
    let reader = api.post("/v1/tokens", json!({"name": "reader", "scopes": ["pki:read"]}), 201).await;
    let reader = site.clone().with("CERTMILL_TOKEN", reader["token"].as_str().unwrap());
    let stranger = site.clone().with("CERTMILL_TOKEN", "cmt_nobody");
    let nowhere =
        site.clone().with("CERTMILL_URL", "http://127.0.0.1:1").with("CERTMILL_TOKEN", "cmt_nobody");
    let elsewhere = site.clone().with("CERTMILL_URL", "http://127.0.0.1:1");
    for (what, site, arguments, code, sentence) in [
        ("nothing to reach", &nowhere, &["ca", "ls"][..], 1, "does not answer"),
        ("an unknown command", &site, &["ca", "list"], 2, "unrecognized subcommand"),
        ("a wrong duration", &site, &["cert", "ls", "--expiring", "soon"], 2, "is not a duration"),
        ("a token that nobody has", &stranger, &["ca", "ls"], 3, "certmill login"),
        ("a profile's token is for its server only", &elsewhere, &["ca", "ls"], 3, "no token for"),
        ("a profile that is not there", &site, &["ca", "ls", "--profile", "x"], 3, "no profile `x`"),
        ("a scope that is missing", &reader, &["issue", "web", "a.example.internal"], 4, "pki:issue"),
        ("no such certificate", &site, &["cert", "show", "none.example.internal"], 5, "no certificate"),
        ("no such role", &site, &["issue", "none", "a.example.internal"], 5, "none"),
        ("a name that the role refuses", &site, &["issue", "web", "www.example.com"], 6, "www.example.com"),
        ("a check that says no", &site, &["role", "check", "web", "www.example.com"], 6, "refuses"),
        ("a CA of this name", &site, &["ca", "create", "root"], 6, "root"),
    ] {
        let output = site.output(arguments);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{what}: {said}");
        assert!(said.contains(sentence), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
    }
    let refused = site.output(&["issue", "web", "www.example.com"]);
    assert!(said(&refused).contains("(request req_"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_is_checked_and_kept_for_its_owner() {
    let (site, api) = site_with_role().await;
    let home = Site::embedded();
    home.write("token", &api.token);
    let sign_in = |site: &Site, token: &str| -> Output {
        site.output(&["login", &api.url, "--token-file", token, "--profile", "home"])
    };
    home.write("wrong", "cmt_nobody");
    let refused = sign_in(&home, "wrong");
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(!home.path().join("config/certmill/profiles.toml").exists(), "a wrong token is not remembered");

    let signed_in = sign_in(&home, "token");
    assert!(signed_in.status.success() && said(&signed_in).contains("pki:admin"), "{}", said(&signed_in));
    let profiles = home.path().join("config/certmill/profiles.toml");
    assert_eq!(mode(&profiles), 0o600);
    assert!(home.run(&["ca", "ls"]).contains("root"));
    home.run(&["logout"]);
    let gone = home.output(&["ca", "ls"]);
    assert_eq!(gone.status.code(), Some(3), "{}", said(&gone));
    drop(site);
}

/// A key that cannot be written is lost, and its certificate is of no use.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_issued_where_its_files_cannot_be_written() {
    let (site, _api) = site_with_role().await;
    site.write("password", "a good password\n");
    site.run(&["issue", "web", "first.example.internal"]);
    for arguments in [
        // No process can make files there, whoever it runs as.
        ["issue", "web", "lost.example.internal", "--out", "/proc"].as_slice(),
        &[
            "issue",
            "web",
            "lost.example.internal",
            "--p12",
            "nowhere/lost.p12",
            "--password-file",
            "password",
        ],
        &["sign", "web", "lost.csr", "--out", "nowhere/lost.crt"],
    ] {
        let failed = site.output(arguments);
        assert!(!failed.status.success() && said(&failed).contains("cannot be written"), "{}", said(&failed));
    }
    let names: Vec<String> =
        site.run(&["cert", "ls", "--template", "{common_name}"]).lines().map(str::to_owned).collect();
    assert_eq!(names, ["first.example.internal"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_bundles_are_shown_without_a_server_and_without_keys() {
    let (site, _api) = site_with_role().await;
    site.run(&["issue", "web", "www.example.internal"]);
    site.write("password", "a good password\n");
    site.run(&["issue", "web", "db.example.internal", "--p12", "db.p12", "--password-file", "password"]);
    let secret = site.run(&["issue", "web", "k8s.example.internal", "--k8s-secret", "tls/web"]);
    assert!(secret.contains("type: kubernetes.io/tls") && secret.contains("namespace: tls"), "{secret}");

    let alone = site.clone().with("CERTMILL_PROFILE", "none");
    let shown = alone.run(&["inspect", "www.example.internal.crt"]);
    assert!(
        shown.contains("names        www.example.internal") && shown.contains("EC prime256v1"),
        "{shown}"
    );
    let shown = alone.run(&["inspect", "db.p12", "--password-file", "password"]);
    assert!(shown.contains("db.example.internal") && shown.contains("(root)"), "{shown}");
    assert!(alone.run(&["inspect", "www.example.internal.key"]).contains("not shown"));

    // The chain in the file, with its root beside it.
    let lint = |more: &[&str]| {
        alone.output(
            &[&["lint", "www.example.internal.crt", "--root", "www.example.internal.ca.crt"][..], more]
                .concat(),
        )
    };
    assert!(lint(&["--hostname", "www.example.internal", "--purpose", "serverAuth"]).status.success());
    let other = lint(&["--hostname", "www.example.com", "--json"]);
    assert_eq!(other.status.code(), Some(6), "{}", said(&other));
    assert!(
        said(&other).contains("\"severity\": \"error\"") && said(&other).contains("www.example.com"),
        "{}",
        said(&other)
    );
    let rootless = alone.output(&["lint", "www.example.internal.crt"]);
    assert_eq!(rootless.status.code(), Some(2), "{}", said(&rootless));
    let missing = alone.output(&["inspect", "nothing.pem"]);
    assert!(!missing.status.success(), "{}", said(&missing));
    site.run(&["ca", "crl", "root", "--der", "--out", "root.crl"]);
    assert!(alone.run(&["inspect", "root.crl"]).contains("Certificate revocation list"));
}

/// A root and a certificate for 127.0.0.1 under it, and a service that presents both.
fn service_with_tls(site: &Site, judge: &Judge) -> (launch::Process, String) {
    judge.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=Root -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign");
    judge.run("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost");
    judge.write("leaf.ext", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
    judge.run("x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem");
    let chain = site.write("chain.pem", &(judge.read("leaf.pem") + &judge.read("root.pem")));
    let key = site.write("tls.key", &judge.read("leaf.key"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let address = format!("127.0.0.1:{}", launch::free_port());
    let (chain, key) = (chain.display().to_string(), key.display().to_string());
    let arguments = ["serve", "--with-worker", "--listen", &address, "--tls-cert", &chain, "--tls-key", &key];
    let process = launch::Process::start(site.command(&arguments));
    (process, format!("https://{address}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_trusted_by_the_fingerprint_of_its_root() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    site.run(&["tenant", "create", "default"]);
    let token = site.write("token", &site.admin_token()).display().to_string();
    let judge = Judge::new();
    let (process, url) = service_with_tls(&site, &judge);
    let fingerprint = |file: &str| {
        let said = judge.run(&format!("x509 -in {file} -noout -fingerprint -sha256"));
        said.trim().split_once('=').unwrap().1.to_owned()
    };
    let sign_in = |more: &[&str]| site.output(&[&["login", &url, "--token-file", &token][..], more].concat());
    let root = fingerprint("root.pem");
    let signed_in = crate::site::until("the service answers", crate::site::PATIENCE, async || {
        Some(sign_in(&["--fingerprint", &root])).filter(|output| output.status.success())
    });
    let signed_in = signed_in.await;
    assert!(said(&signed_in).contains("signed in"), "{}", said(&signed_in));
    site.run(&["ca", "create", "root"]);

    for (more, sentence) in [
        (&[][..], "does not answer"),
        (&["--fingerprint", &"ab".repeat(32)], "no certificate above"),
        (&["--fingerprint", &fingerprint("leaf.pem")], "not a root"),
        (&["--fingerprint", "abc"], "64 hexadecimal digits"),
    ] {
        let refused = sign_in(more);
        assert!(
            !refused.status.success() && said(&refused).contains(sentence),
            "{more:?}: {}",
            said(&refused)
        );
    }
    let shown = site.run(&["inspect", url.trim_start_matches("https://")]);
    assert!(shown.contains("names        127.0.0.1") && shown.contains("(root)"), "{shown}");
    drop(process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shells_complete_the_names_of_the_server() {
    let (site, _api) = site_with_role().await;
    assert!(site.run(&["completion", "bash"]).contains("certmill"));
    let mut command = site.command(&["--", "certmill", "issue", "w"]);
    command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2").env("_CLAP_COMPLETE_COMP_TYPE", "9");
    let output = command.output().unwrap();
    assert!(said(&output).lines().any(|line| line == "web"), "{}", said(&output));
}

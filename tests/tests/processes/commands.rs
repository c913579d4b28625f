//! Commands that end by themselves, and starts that are refused with a sentence about what to do.

use std::process::Command;

use serde_json::{Value, json};
use tests::openssl::Judge;

use launch::{Process, free_port};

use crate::api::client;
use crate::rows::Rows;
use crate::site::{PATIENCE, Site, said, stop, until};

#[test]
fn the_configuration_is_checked_and_shown_without_secrets() {
    let site = Site::embedded()
        .with("DATABASE_URL", "postgres://someone:s3cret-database@db.internal/certmill")
        .with("REDIS_URL", "redis://:s3cret-redis@redis.internal:6379")
        .with("CERTMILL_ROOT_KEY", "5e".repeat(32))
        .without("CERTMILL_ROOT_KEY_FILE");
    let shown = site.run(&["check-config"]);
    assert!(shown.contains("db.internal") && shown.contains("redis.internal"), "{shown}");
    for secret in ["s3cret", &"5e".repeat(32)] {
        assert!(!shown.contains(secret), "`{secret}` is shown: {shown}");
    }
    let listen = "listen = \"127.0.0.1:8080\"  # default";
    assert!(shown.contains(listen) && shown.contains("# environment DATABASE_URL"), "{shown}");

    // What it prints is a configuration file that says the same.
    let site = Site::embedded().without("CERTMILL_ROOT_KEY_FILE").with("CERTMILL_LISTEN", "127.0.0.1:18080");
    let first = site.run(&["check-config", "--log-format", "json"]);
    assert!(first.contains("No root key is set") && first.contains("# flag --log-format"), "{first}");
    site.write("shown.toml", &first);
    let bare = Site::embedded().without("CERTMILL_ROOT_KEY_FILE").without("CERTMILL_DATA_DIR");
    let path = site.path().join("shown.toml").display().to_string();
    let second = bare.run(&["check-config", "--config", &path]);
    let values = |text: &str| {
        let lines = text.lines().map(|line| line.split("  # ").next().unwrap_or_default().to_owned());
        lines.collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&second));
    assert!(second.contains(&format!("listen = \"127.0.0.1:18080\"  # file {path}, line ")), "{second}");
}

#[test]
fn a_configuration_with_a_mistake_is_refused_by_name() {
    let site = Site::embedded();
    for (what, site, arguments, said) in [
        (
            "an unknown variable",
            Site::embedded().with("CERTMILL_LISTNE", "x"),
            vec!["check-config"],
            "CERTMILL_LISTNE",
        ),
        (
            "two root keys",
            Site::embedded().with("CERTMILL_ROOT_KEY", "5e".repeat(32)),
            vec!["check-config"],
            "root_key",
        ),
        (
            "a short root key",
            Site::embedded().with_root_key("short.key", "abcd"),
            vec!["check-config"],
            "root key",
        ),
        ("no such file", Site::embedded(), vec!["check-config", "--config", "missing.toml"], "missing.toml"),
        (
            "a wrong duration",
            Site::embedded().with("CERTMILL_CRL__LIFETIME", "soon"),
            vec!["check-config"],
            "soon",
        ),
        ("half of TLS", Site::embedded(), vec!["serve", "--tls-cert", "x.pem"], "tls_key"),
    ] {
        let refusal = site.refused(&arguments);
        assert!(refusal.contains(said), "{what}: {refusal}");
    }
    for (what, content, said) in [
        ("an unknown key", "listne = \"127.0.0.1:1\"", "listne"),
        ("an unknown key in a section", "[crl]\nlifetim = \"1h\"", "lifetim"),
        ("no TOML", "listen: 127.0.0.1", "mistake.toml"),
    ] {
        site.write("mistake.toml", content);
        for command in ["check-config", "serve", "worker", "migrate"] {
            let refusal = site.refused(&[command, "--config", "mistake.toml"]);
            assert!(refusal.contains(said), "{what} for {command}: {refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serve_and_worker_refuse_to_start_without_what_they_need() {
    let site = Site::embedded();
    let refusal = site.refused(&["serve"]);
    assert!(refusal.contains("--tls-cert") && refusal.contains("--plain-http"), "{refusal}");
    let database = launch::shared_postgres().create_database();
    let file = format!("sqlite://{}", site.path().join("rows.db").display());
    for site in [site.with("DATABASE_URL", file), Site::embedded().with("DATABASE_URL", &database)] {
        for arguments in [&["serve", "--plain-http"][..], &["worker"], &["token", "list"]] {
            let refusal = site.refused(arguments);
            assert!(refusal.contains("certmill migrate"), "{arguments:?} before a migration: {refusal}");
        }
        site.run(&["migrate"]);
        site.run(&["migrate"]);
        let keyless = site.without("CERTMILL_ROOT_KEY_FILE");
        for arguments in [&["serve", "--plain-http"][..], &["worker"]] {
            let refusal = keyless.refused(arguments);
            assert!(
                refusal.contains("CERTMILL_ROOT_KEY_FILE"),
                "{arguments:?} without a root key: {refusal}"
            );
        }
    }
    Rows::open(&database)
        .await
        .run(
            "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time \
             FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
    let site = Site::embedded().with("DATABASE_URL", &database);
    let api = site.serve(&site.admin_token(), &["--with-worker"]).await;
    assert!(api.process.log().contains("newer version"), "{}", api.process.log());
    api.root_ca("root").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_made_listed_and_revoked() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let token = site.admin_token();
    site.run(&["tenant", "create", "other"]);
    let reader = site.run(&[
        "token", "create", "--name", "reader", "--scope", "pki:read", "--ttl", "1d", "--tenant", "other",
    ]);
    let api = site.serve(&token, &["--with-worker"]).await;
    api.get("/v1/pki/ca").await;
    assert!(site.run(&["tenant", "list"]).contains("other"));

    let listed = site.run(&["token", "list"]);
    assert!(
        listed.contains("test") && !listed.contains("reader"),
        "the other tenant's is not among them: {listed}"
    );
    assert!(!listed.contains(&token) && !reader.trim().is_empty());
    let id = listed.split_whitespace().next().unwrap().to_owned();
    assert!(id.starts_with("tok_"), "{listed}");
    assert!(site.run(&["token", "revoke", &id]).contains(&id));
    assert!(site.refused(&["token", "revoke", "nonsense"]).contains("nonsense"));
    assert!(site.refused(&["token", "list", "--tenant", "nobody"]).contains("nobody"));
    // Another process revoked it; this one may remember it for a moment.
    until("the revoked token is refused", PATIENCE, async || {
        let answer = api.read("/v1/pki/ca").await;
        (answer.status == 401 && answer.error_code() == "token_revoked").then_some(())
    })
    .await;
}

#[test]
fn limits_of_tokens_are_set_and_listed() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let create = ["token", "create", "--name", "limited", "--scope", "pki:issue"];
    let with = |more: &[&'static str]| [&create[..], more].concat();
    site.run(&with(&[
        "--network",
        "10.0.0.0/8",
        "--network",
        "::ffff:192.0.2.7",
        "--role",
        "web",
        "--role",
        "db",
    ]));
    let listed = site.run(&["token", "list"]);
    assert!(listed.contains("from 10.0.0.0/8,192.0.2.7  under db,web"), "{listed}");
    assert!(site.refused(&with(&["--network", "10.0.0.1/8"])).contains("10.0.0.0/8"));
    assert!(site.refused(&with(&["--role", "not a role"])).contains("a role's name"));
    assert!(site.refused(&with(&["--scope", "pki:admin", "--role", "web"])).contains("pki:admin"));
}

/// The real listener and the configuration say where a call comes from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_s_networks_are_those_of_the_client_behind_a_trusted_proxy() {
    let site = Site::embedded().with("CERTMILL_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8");
    site.run(&["migrate"]);
    let create = ["token", "create", "--name", "far", "--scope", "pki:read", "--network", "192.0.2.0/24"];
    let far = site.run(&create).trim().to_owned();
    let api = site.serve(&site.admin_token(), &["--with-worker"]).await;
    let whoami = async |token: &str, forwarded_for: Option<&str>| {
        let call = client().get(format!("{}/v1/auth/whoami", api.url)).bearer_auth(token);
        let call = match forwarded_for {
            Some(addresses) => call.header("X-Forwarded-For", addresses),
            None => call,
        };
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, told) = whoami(&far, Some("192.0.2.7, 10.0.0.1")).await;
    assert_eq!((status, &told["source_address"]), (200, &json!("192.0.2.7")), "{told}");
    let (status, told) = whoami(&api.token, None).await;
    assert_eq!((status, &told["source_address"]), (200, &json!("127.0.0.1")), "{told}");
    for forwarded_for in [None, Some("192.0.2.7, 198.51.100.1")] {
        let (status, told) = whoami(&far, forwarded_for).await;
        assert_eq!((status, &told["error"]["code"]), (403, &json!("token_not_allowed_here")), "{told}");
    }
}

#[test]
fn https_answers_with_the_given_certificate() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    let judge = Judge::new();
    judge.run(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 2 \
         -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1",
    );
    let (cert, key) = (judge.path().join("tls.crt"), judge.path().join("tls.key"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = ["serve", "--with-worker", "--tls-cert", cert, "--tls-key", key, "--listen", &address];
    let mut process = Process::start(site.command(&arguments));
    let curl = |options: &[&str]| {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--fail",
                "--retry",
                "60",
                "--retry-all-errors",
                "--retry-delay",
                "1",
            ])
            .args(options)
            .output()
            .expect("the curl command must be installed");
        (output.status.success(), said(&output))
    };
    let (healthz, plain) = (format!("https://{address}/healthz"), format!("http://{address}/healthz"));
    for options in [&["--insecure", &healthz][..], &["--cacert", cert, &healthz]] {
        let (answered, body) = curl(options);
        assert!(answered && body.contains("ok"), "{options:?}: {body}\n{}", process.log());
    }
    assert!(!curl(&["--retry", "0", &healthz]).0, "a certificate that nobody vouches for");
    assert!(!curl(&["--retry", "0", &plain]).0, "plain HTTP on the HTTPS port");
    stop(&mut process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_root_key_is_the_only_one_needed() {
    let site = Site::embedded();
    let (old, new) = ("0b".repeat(32), "0d".repeat(32));
    site.run(&["migrate"]);
    let token = site.admin_token();
    site.run(&["tenant", "create", "other"]);
    let mut api = site.serve(&token, &["--with-worker"]).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    api.issue("web", "before").await;
    stop(&mut api.process);

    let site = site.with_root_key("new.key", &new);
    let refusal = site.refused(&["serve", "--plain-http", "--with-worker"]);
    assert!(refusal.contains("root key"), "the new key does not open anything yet: {refusal}");
    let refusal = site.refused(&["rotate-root-key"]);
    assert!(refusal.contains("previous"), "the old key has to be named: {refusal}");

    let previous = site.path().join("old.key").display().to_string();
    let site = site.with_root_key("old.key", &old).with_root_key("new.key", &new);
    let site = site.with("CERTMILL_PREVIOUS_ROOT_KEY_FILES", previous);
    let done = site.run(&["rotate-root-key"]);
    assert!(done.contains('2'), "two tenants: {done}");
    assert!(site.run(&["rotate-root-key"]).contains('0'), "nothing is left to do");
    // Whoever replaces the key that opens everything is seen in every tenant's log, once.
    let told = site.run(&["audit", "verify", "--tenant", "other"]);
    assert!(told.contains("intact, 2 rows"), "the tenant was made, and its key was wrapped anew: {told}");

    let site = site.without("CERTMILL_PREVIOUS_ROOT_KEY_FILES");
    let mut api = site.serve(&token, &["--with-worker"]).await;
    let logs = api.get("/v1/audit/logs?action=root_key.rotate").await;
    assert_eq!(logs["logs"].as_array().map(Vec::len), Some(1), "{logs}");
    let issued = api.issue("web", "after").await;
    api.revoke(&issued).await;
    api.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    stop(&mut api.process);
    let refusal = site.with_root_key("old.key", &old).refused(&["serve", "--plain-http", "--with-worker"]);
    assert!(refusal.contains("root key"), "the old key opens nothing any more: {refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_made_smaller_while_nobody_uses_it() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let refused = site.refused(&["vacuum"]);
    assert!(refused.contains("is in use by another certmill process"), "{refused}");
    stop(&mut api.process);
    let said = site.run(&["vacuum"]);
    assert!(said.contains(" MB before, ") && said.contains(" MB now"), "{said}");
    let wal = std::fs::metadata(site.path().join("data/certmill.db-wal")).map_or(0, |file| file.len());
    assert_eq!(wal, 0, "nothing is left beside it");
    let mut api = site.dev().await;
    stop(&mut api.process);
}

#[test]
fn old_audit_rows_go_to_files_that_are_proven_with_the_rest() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    // Two months ago.
    for arguments in
        [&["tenant", "create", "default"][..], &["token", "create", "--name", "old", "--scope", "pki:read"]]
    {
        let command = site.command(arguments);
        let mut then = Command::new("faketime");
        then.args(["-f", "-60d"])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(site.path());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => then.env(name, value),
                None => then.env_remove(name),
            };
        }
        let output = then.output().expect("faketime is installed");
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
    site.run(&["token", "create", "--name", "young", "--scope", "pki:read"]);
    let verify = |more: &[&str]| {
        let output = site.output(&[&["audit", "verify", "--tenant", "default"], more].concat());
        (output.status.success(), said(&output))
    };
    let (_, whole) = verify(&[]);
    let end = whole.trim().rsplit(' ').next().unwrap_or_default().to_owned();
    let folder = site.path().display().to_string();
    let archive = |before: &str| site.run(&["audit", "archive", "--before", before, "--to", &folder]);
    assert_eq!(archive("2020-01-01T00:00:00Z"), "default: no row is that old\n");
    let refused = site.refused(&["audit", "archive", "--before", "2999-01-01T00:00:00Z", "--to", &folder]);
    assert!(refused.contains("less than 30 days ago"), "{refused}");
    let month_ago = site.output(&["audit", "archive", "--before", &days_ago(31), "--to", &folder]);
    assert!(month_ago.status.success(), "{}", said(&month_ago));

    let path = site.path().join("default-000000000001-000000000002.ndjson");
    let file = path.display().to_string();
    let content = std::fs::read_to_string(&path).expect("the rows are in a file");
    assert_eq!(content.lines().count(), 2, "{content}");
    let (good, told) = verify(&["--expect", &end]);
    assert!(good && told.contains("those up to 2 in files that were not looked at"), "{told}");
    let first = format!("1:{}", "0".repeat(64));
    assert!(!verify(&["--expect", &first]).0 && !verify(&["--expect", &first, "--archive", &file]).0);
    let (good, told) = verify(&["--archive", &file, "--expect", &end]);
    assert!(good && told.contains("4 rows, those up to 2 in files, end 4:"), "{told}");
    site.write("changed.ndjson", &content.replace("token.create", "token.revoke"));
    let changed = site.path().join("changed.ndjson").display().to_string();
    let (good, told) = verify(&["--archive", &changed]);
    assert!(!good && told.contains("BROKEN at row 2"), "{told}");
}

/// A time of the machine's clock, as the command line takes it.
fn days_ago(days: i64) -> String {
    use certmill_domain::Clock as _;
    let now = certmill_domain::SystemClock.now();
    now.minus(std::time::Duration::from_secs(days.unsigned_abs() * 86_400)).to_string()
}

#[test]
fn domains_are_granted_to_one_tenant_at_a_time() {
    let site = Site::embedded();
    site.run(&["migrate"]);
    for tenant in ["default", "shop"] {
        site.run(&["tenant", "create", tenant]);
    }
    assert_eq!(site.run(&["domain", "list"]), "");
    let granted = site.run(&["domain", "grant", "Example.COM", "--tenant", "shop"]);
    assert_eq!(granted.trim(), "granted example.com to shop");
    let refused = site.refused(&["domain", "grant", "example.com"]);
    assert!(refused.contains("example.com"), "another tenant has it: {refused}");
    for wrong in ["*.example.com", "not a name", ""] {
        site.refused(&["domain", "grant", wrong, "--tenant", "shop"]);
    }
    site.refused(&["domain", "grant", "example.org", "--tenant", "nobody"]);
    assert_eq!(site.run(&["domain", "list"]).split_whitespace().collect::<Vec<_>>(), ["example.com", "shop"]);
    site.refused(&["domain", "revoke", "example.com"]);
    site.run(&["domain", "revoke", "example.com", "--tenant", "shop"]);
    assert_eq!(site.run(&["domain", "list"]), "");
    site.refused(&["domain", "revoke", "example.com", "--tenant", "shop"]);
}

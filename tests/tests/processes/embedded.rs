//! `certmill dev`: one process, one folder.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use tests::openssl::Judge;

use crate::api::Api;
use crate::load::{Load, assert_nothing_lost};
use crate::site::{PATIENCE, Site, said, stop, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_nothing_that_was_answered_and_work_goes_on_when_there_is_room() {
    let site = Site::embedded();
    let mut api = site.dev_by(without_signal(&site.command(&["dev", "--listen", "127.0.0.1:0"]))).await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let mut acknowledged = vec![certificate(&api.issue("web", "before").await)];
    // No file may grow any more: to SQLite it is a write that fails, as on a full disk.
    limit_files(&api, "1");
    let mut refused = 0;
    for number in 0..20 {
        let body = json!({ "common_name": format!("n{number}.example.internal") });
        let answer = api.send(Method::POST, "/v1/pki/issue/web", Some(body)).await;
        if answer.status.as_u16() == 201 {
            acknowledged.push(answer.json(201)["certificate_id"].as_str().unwrap().to_owned());
        } else {
            assert_eq!(
                (answer.status.as_u16(), answer.error_code()),
                (503, "service_unavailable".to_owned())
            );
            refused += 1;
        }
    }
    assert!(refused > 0, "nothing was refused");
    assert_unwritable(&api).await;
    assert!(api.get("/v1/pki/certificates").await["certificates"].is_array(), "reading goes on");

    limit_files(&api, "unlimited");
    until("it is ready again", PATIENCE, async || (api.read("/readyz").await.status == 200).then_some(()))
        .await;
    let issued = api.issue("web", "after").await;
    acknowledged.push(certificate(&issued));
    api.revoke(&issued).await;
    api.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    let present = api.certificate_ids().await;
    assert!(acknowledged[..acknowledged.len() - 1].iter().all(|id| present.contains(id)), "{present:?}");
    stop(&mut api.process);
}

/// Every file of the database can be read only, as after an error of the disk, for connections that are open too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the capability CAP_LINUX_IMMUTABLE; tests/run runs it where there is that"]
async fn a_database_that_becomes_read_only_costs_nothing_that_was_answered_and_work_goes_on_afterwards() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let before = certificate(&api.issue("web", "before").await);
    let data = site.path().join("data");
    let read_only = Immutable::set(&data);
    for number in 0..5 {
        let body = json!({ "common_name": format!("n{number}.example.internal") });
        let answer = api.send(Method::POST, "/v1/pki/issue/web", Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "service_unavailable".to_owned()));
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(said.contains("cannot be written") && said.contains("/readyz"), "{said}");
        let role = json!({ "max_ttl": "30d" });
        let answer = api.send(Method::PATCH, "/v1/pki/roles/web", Some(role)).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "service_unavailable".to_owned()));
    }
    assert_unwritable(&api).await;
    assert_eq!(api.certificate_ids().await, [before.as_str()], "reading goes on");
    drop(read_only);

    until("it is ready again", PATIENCE, async || (api.read("/readyz").await.status == 200).then_some(()))
        .await;
    let issued = api.issue("web", "after").await;
    api.revoke(&issued).await;
    api.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    assert_eq!(api.certificate_ids().await, [certificate(&issued), before]);
    stop(&mut api.process);
    assert!(site.run(&["audit", "verify"]).contains(':'), "the audit log is whole");
}

/// `/readyz` says that the database cannot be written, and what to do; the process itself is well.
async fn assert_unwritable(api: &Api) {
    let ready = api.read("/readyz").await.json(503);
    assert_eq!(
        (&ready["status"], &ready["checks"]["database"]),
        (&json!("not_ready"), &json!("failed")),
        "{ready}"
    );
    let said = ready["errors"]["database"].as_str().unwrap_or_default();
    assert!(said.contains("cannot be written") && said.contains("writable again"), "{ready}");
    assert_eq!(api.read("/healthz").await.status, 200);
}

/// Files that nobody can write, not even who has them open, until this is dropped.
struct Immutable(Vec<PathBuf>);

impl Immutable {
    /// Those of a database and its folder.
    fn set(folder: &Path) -> Self {
        // Not the shared memory, which is written through a mapping: the system ends whoever writes into one that it may
        // not write.
        let files = ["certmill.db", "certmill.db-wal"].map(|name| folder.join(name));
        let immutable = Self(files.into_iter().chain([folder.to_owned()]).collect());
        assert!(immutable.change("+i"), "chattr +i is refused, or the file system cannot");
        immutable
    }

    fn change(&self, flag: &str) -> bool {
        let output = Command::new("chattr").arg(flag).args(&self.0).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        self.change("-i");
    }
}

/// The same program with a failing write in the place of the signal that a limit of file sizes sends.
fn without_signal(program: &Command) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program.get_program());
    command.args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn certificate(issued: &Value) -> String {
    issued["certificate_id"].as_str().unwrap().to_owned()
}

/// How large the files may be that a process writes, in octets.
fn limit_files(api: &Api, octets: &str) {
    let limit = format!("--fsize={octets}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &api.process.id().to_string(), &limit]).status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_sets_everything_up_and_a_second_goes_on() {
    // As on a fresh machine: nothing is configured but the folder.
    let site = Site::embedded().without("CERTMILL_ROOT_KEY_FILE");
    let mut first = site.dev().await;
    let greeting = first.process.log();
    assert!(greeting.contains(&first.token), "the token is printed: {greeting}");
    assert!(greeting.contains(&format!("{}/docs", first.url)), "{greeting}");
    for file in ["admin.token", "root.key"] {
        let mode = site.path().join("data").join(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let folder = site.path().join("data").metadata().unwrap().permissions().mode();
    assert_eq!(folder & 0o077, 0, "the folder is for its owner only: {folder:o}");
    let issued = paste(&greeting);
    assert_eq!(first.certificate_ids().await, [issued["certificate_id"].as_str().unwrap()]);
    verify(&issued);
    stop(&mut first.process);

    let mut second = site.dev().await;
    assert_eq!(second.token, first.token, "the same token");
    assert!(
        !second.process.log().contains(&first.token),
        "it is not printed again: {}",
        second.process.log()
    );
    let cas = second.get("/v1/pki/ca").await;
    assert_eq!(cas["certificate_authorities"].as_array().unwrap().len(), 1, "{cas}");
    let ca = cas["certificate_authorities"][0]["id"].as_str().unwrap().to_owned();
    let again = second.issue("web", "again").await;
    verify(&again);
    second.revoke(&again).await;
    second.eventually(&format!("/v1/pki/ca/{ca}"), PATIENCE, |ca| ca["crl"]["entries"] == 1).await;
    stop(&mut second.process);
}

/// As in a container, where every address is the only one that a published port reaches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_all_addresses_what_is_printed_and_issued_names_one_that_answers() {
    let site = Site::embedded();
    let mut api = site.dev_on("0.0.0.0:0").await;
    assert!(api.url.starts_with("http://127.0.0.1:"), "{}", api.url);
    let log = api.process.log();
    assert!(log.contains("set public_url"), "other machines cannot reach that one, which is said: {log}");
    let ca = api.root_ca("root").await;
    let shown = api.get(&format!("/v1/pki/ca/{ca}")).await;
    let crl = shown["crl_url"].as_str().unwrap_or_default();
    assert!(crl.starts_with(&api.url), "{shown}");
    stop(&mut api.process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_a_kill_under_load() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let load = Load::start(&[&api], 8);
    load.acknowledges(200, PATIENCE).await;
    api.process.kill9();
    load.fails(PATIENCE).await;
    let tally = load.stop().await;
    assert_eq!(tally.refused, [], "a dead process refuses nothing");

    let mut api = site.dev().await;
    assert_nothing_lost(&api, &ca, &tally).await;
    api.issue("web", "after").await;
    stop(&mut api.process);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_ends_well_and_loses_nothing() {
    let site = Site::embedded();
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let load = Load::start(&[&api], 8);
    load.acknowledges(100, PATIENCE).await;
    stop(&mut api.process);
    let tally = load.stop().await;
    assert_eq!(tally.refused, [], "requests in hand are finished, later ones find nobody");

    let api = site.dev().await;
    assert_nothing_lost(&api, &ca, &tally).await;
}

/// Pastes the commands of the greeting into a shell, as they are; answers what the last one printed.
fn paste(greeting: &str) -> Value {
    let commands: Vec<&str> = greeting
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("CA=") || line.starts_with("curl "))
        .collect();
    assert_eq!(commands.len(), 3, "{greeting}");
    let output =
        Command::new("bash").arg("-c").arg(commands.join("\n")).output().expect("bash must be installed");
    assert!(output.status.success(), "{}", said(&output));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("ca_"), "the first command prints the id of the CA: {printed}");
    let objects = printed.split_once('\n').unwrap().1;
    let objects: Vec<Value> =
        serde_json::Deserializer::from_str(objects).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(objects[0]["name"], "web", "{printed}");
    objects[1].clone()
}

/// OpenSSL accepts the certificate below its chain.
fn verify(issued: &Value) {
    let judge = Judge::new();
    judge.write("leaf.pem", issued["certificate"].as_str().unwrap());
    judge.write("root.pem", issued["ca_chain"][0].as_str().unwrap());
    judge.run("verify -x509_strict -CAfile root.pem leaf.pem");
}

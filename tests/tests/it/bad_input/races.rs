//! Calls that meet: one wins, and nothing slips through between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, Mode, TestApp, both_modes};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::access::expect;
use crate::access::rows::Rows;

both_modes! {
    async fn of_several_creates_of_one_name_one_wins(app: TestApp) {
        let app = Arc::new(app);
        let ca = app.root_ca("root").await["id"].clone();
        for round in 0..3 {
            let name = format!("twin{round}");
            let twin = json!({ "name": name, "common_name": "Twin", "ca_type": "root", "key_type": "ec" });
            one_wins(&app, "/v1/pki/ca", twin, "certificate_authorities", &name).await;
            let twin = json!({ "name": name, "ca_id": ca, "allow_any_name": true });
            one_wins(&app, "/v1/pki/roles", twin, "roles", &name).await;
        }
    }

    async fn revoking_one_certificate_at_once_gives_one_revocation(app: TestApp) {
        let app = Arc::new(app);
        let ca = app.root_ca("root").await;
        app.role("web", ca["id"].as_str().unwrap()).await;
        let serial = app.issue("web", "www.example.internal").await["serial_number"].clone();
        let revoke = |serial: &Value, reason| ("/v1/pki/revoke".to_owned(), json!({ "serial_number": serial, "reason": reason }));
        let answers = at_once(&app, ["superseded"; 4].map(|reason| revoke(&serial, reason)).into()).await;
        let first = answers[0].json_with(StatusCode::OK);
        for answer in &answers {
            assert_eq!(answer.json_with(StatusCode::OK), first, "two revocations of one certificate");
        }
        // Of different reasons the first one stands, and keyCompromise wins whenever it comes.
        let other = app.issue("web", "other.example.internal").await;
        let reasons = ["keyCompromise", "superseded", "cessationOfOperation", "affiliationChanged"];
        let answers = at_once(&app, reasons.map(|reason| revoke(&other["serial_number"], reason)).into()).await;
        for (reason, answer) in reasons.iter().zip(&answers) {
            match *reason {
                "keyCompromise" => drop(answer.json_with(StatusCode::OK)),
                _ if answer.status == StatusCode::OK => {}
                _ => drop(answer.error(409, "invalid_state")),
            }
        }
        assert!(answers.iter().filter(|answer| answer.status == StatusCode::OK).count() <= 2);
        let found = app.get(&format!("/v1/pki/certificates/{}", other["certificate_id"].as_str().unwrap())).await.json();
        assert_eq!(found["revocation_reason"], "keyCompromise");
    }

    async fn no_certificate_escapes_the_revocation_of_its_authority(app: TestApp) {
        let app = Arc::new(app);
        let root = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
        let below = app.intermediate_ca("below", &root).await["id"].as_str().unwrap().to_owned();
        app.role("direct", &root).await;
        app.role("under", &below).await;
        let (issued, mut first_ones) = mpsc::unbounded_channel();
        let revoked = Arc::new(AtomicBool::new(false));
        let mut issuers = JoinSet::new();
        for number in 0..30 {
            let (app, issued, revoked) = (Arc::clone(&app), issued.clone(), Arc::clone(&revoked));
            issuers.spawn(async move { issue_until_refused(&app, number, &issued, &revoked).await });
        }
        drop(issued);
        // In the midst of it: every issuer is at work, and none has been told to stop.
        for _ in 0..40 {
            first_ones.recv().await.expect("the issuers stopped before the CA was revoked");
        }
        let path = format!("/v1/pki/ca/{root}");
        app.post(&format!("{path}/revoke"), json!({ "reason": "cessationOfOperation" })).await.json_with(StatusCode::ACCEPTED);
        revoked.store(true, Ordering::SeqCst);
        let certificates: Vec<String> = issuers.join_all().await.into_iter().flatten().collect();
        assert!(certificates.len() >= 40, "{}", certificates.len());
        let done = app.eventually(&path, |ca| !ca["revocation"]["completed_at"].is_null()).await;
        for id in &certificates {
            let row = app.get(&format!("/v1/pki/certificates/{id}")).await.json_with(StatusCode::OK);
            assert_eq!(row["status"], "revoked", "{id} escaped: {row}");
        }
        // The certificates, and the CA below.
        let expected = certificates.len() + 1;
        assert_eq!(done["revocation"]["certificates_revoked"], expected, "{done}");
        let rest = app.get("/v1/pki/certificates").await.json_with(StatusCode::OK);
        assert_eq!(rest["certificates"], json!([]), "certificates that nobody was given are left");
    }

    async fn no_authority_escapes_the_revocation_of_its_parent(app: TestApp) {
        let app = Arc::new(app);
        for round in 0..3 {
            let root = app.root_ca(&format!("root{round}")).await["id"].as_str().unwrap().to_owned();
            let mut calls = Vec::new();
            for number in 0..12 {
                let name = format!("sub{round}-{number}");
                calls.push(("/v1/pki/ca".to_owned(), json!({
                    "name": name, "common_name": name, "ca_type": "intermediate", "parent_ca_id": root, "key_type": "ec"
                })));
            }
            calls.insert(6, (format!("/v1/pki/ca/{root}/revoke"), json!({})));
            for answer in at_once(&app, calls).await {
                match answer.status {
                    StatusCode::CREATED => {
                        let path = format!("/v1/pki/ca/{}", answer.json()["id"].as_str().unwrap());
                        let made = app.get(&path).await.json_with(StatusCode::OK);
                        assert_eq!(made["status"], "revoked", "it escaped: {made}");
                    }
                    StatusCode::ACCEPTED => {}
                    _ => drop(expect("a CA under a revoked one", &answer, 409, "invalid_state")),
                }
            }
        }
    }
}

/// The same, made to meet: a creation holds its parent's row when the revocation arrives, and commits while the
/// revocation waits for that row. On SQLite, which has one writer, the two cannot meet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_committed_while_the_revocation_waits_is_revoked() {
    let app = Arc::new(TestApp::without_worker(Mode::Fleet).await);
    let root = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    app.intermediate_ca("sub", &root).await;
    let (child, grandchild) = ("ca_01ARZ3NDEKTSV4RRFFQ69G5FAV", "ca_01ARZ3NDEKTSV4RRFFQ69G5FAW");
    let mut creation = Rows::of(&app).await;
    let lock =
        "BEGIN; UPDATE certificate_authorities SET certificates_issued = certificates_issued WHERE id = ";
    creation.execute(&format!("{lock}'{root}'")).await;
    let revocation = {
        let (app, path) = (Arc::clone(&app), format!("/v1/pki/ca/{root}/revoke"));
        tokio::spawn(async move { app.post(&path, json!({})).await })
    };
    let mut watch = Rows::of(&app).await;
    let waiting =
        "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let arrived = async {
        while watch.texts(waiting.to_owned()).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), arrived)
        .await
        .expect("the revocation never waited for the row");
    for (id, parent) in [(child, root.as_str()), (grandchild, child)] {
        let new = json!({ "id": id, "name": id, "parent_id": parent });
        let copy = "INSERT INTO certificate_authorities SELECT (jsonb_populate_record(ca, ";
        creation
            .execute(&format!("{copy}'{new}')).* FROM certificate_authorities ca WHERE name = 'sub'"))
            .await;
    }
    creation.execute("COMMIT").await;
    revocation.await.unwrap().json_with(StatusCode::ACCEPTED);
    for id in [child, grandchild] {
        let made = app.get(&format!("/v1/pki/ca/{id}")).await.json_with(StatusCode::OK);
        assert_eq!(made["status"], "revoked", "it escaped: {made}");
    }
    let root = app.get(&format!("/v1/pki/ca/{root}")).await.json_with(StatusCode::OK);
    assert_eq!(root["revocation"]["certificates_total"], 3, "not all that there is to revoke: {root}");
}

/// Sends the same creation four times at once.
async fn one_wins(app: &Arc<TestApp>, path: &str, body: Value, list: &str, name: &str) {
    let answers = at_once(app, vec![(path.to_owned(), body); 4]).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!(won.len(), 1, "{path}: {:?}", won.iter().map(Answer::text).collect::<Vec<_>>());
    for answer in lost {
        let error = expect(path, &answer, 409, "already_exists");
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    let listed = app.get(path).await.json_with(StatusCode::OK);
    let named: Vec<_> = listed[list].as_array().unwrap().iter().filter(|row| row["name"] == name).collect();
    assert_eq!(named, [&won[0].json()], "{path}");
}

/// Sends all calls at once; answers in their order.
async fn at_once(app: &Arc<TestApp>, calls: Vec<(String, Value)>) -> Vec<Answer> {
    let tasks: Vec<_> = calls
        .into_iter()
        .map(|(path, body)| {
            let app = Arc::clone(app);
            tokio::spawn(async move { app.post(&path, body).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Issues under one role or the other until the CA is revoked; answers the ids of what was acknowledged. What is asked
/// for after the revocation was answered may not be issued.
async fn issue_until_refused(
    app: &TestApp,
    number: usize,
    issued: &mpsc::UnboundedSender<()>,
    revoked: &AtomicBool,
) -> Vec<String> {
    let role = if number.is_multiple_of(2) { "direct" } else { "under" };
    let mut ids = Vec::new();
    loop {
        let late = revoked.load(Ordering::SeqCst);
        let body = json!({ "common_name": format!("n{number}.example.internal") });
        let answer = app.post(&format!("/v1/pki/issue/{role}"), body).await;
        if answer.status != StatusCode::CREATED {
            let error = expect(role, &answer, 409, "invalid_state");
            assert_eq!(error["details"]["state"], "revoked", "{error}");
            return ids;
        }
        assert!(!late, "issued under `{role}` after the CA was revoked");
        ids.push(answer.json()["certificate_id"].as_str().unwrap().to_owned());
        // Nobody listens any more once the CA is revoked.
        let _ = issued.send(());
    }
}

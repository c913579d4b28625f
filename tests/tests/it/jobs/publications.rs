//! CRLs and CA certificates at places beside `/pub`: what is there, what never is, and what becomes of a place that takes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certmill_aws::Credentials;
use certmill_aws::s3::{Bucket, BucketName, Call, Object, Present, S3Error};
use certmill_domain::{CaId, CrlId};
use certmill_egress::{Egress, EgressPolicy};
use certmill_service::jobs::{Job, JobKind};
use certmill_service::publish::{self, Publisher, StoreCredentials, StoreSettings, Target};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{Mode, TestApp, TestOptions, both_modes};

use super::Hand;
use super::handlers::periodic;
use super::sql::Sql;

const LATE_AFTER: Duration = Duration::from_mins(15);

async fn hand(mode: Mode, publisher: &Publisher) -> Hand {
    let options = TestOptions { publisher: Some(publisher.clone()), ..TestOptions::default() };
    let test = TestApp::without_worker_with(mode, options).await;
    let sql = Sql::open(test.database_url()).await;
    Hand { test, sql }
}

fn to_folder(path: &Path) -> Publisher {
    Publisher::new(Some(path.to_owned()), None, LATE_AFTER)
}

/// A root with two shards, each list with a delta.
async fn divided(hand: &Hand) -> CaId {
    let body = json!({
        "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec", "crl_shards": 2,
        "delta_crl_validity": "3600s",
    });
    let ca = hand.test.post("/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
    ca["id"].as_str().unwrap().parse().unwrap()
}

/// Does every job of a kind that can be done, and answers how many that were.
async fn all(hand: &Hand, kind: JobKind) -> usize {
    let claimed = hand.claim(kind, hand.now()).await;
    for job in &claimed {
        hand.perform(job).await.unwrap();
    }
    claimed.len()
}

/// Does the jobs that build lists, and then those that bring them to the folder.
async fn build_and_publish(hand: &Hand) {
    for kind in [JobKind::RebuildCrl, JobKind::RebuildCrlShard] {
        all(hand, kind).await;
    }
    // A delta is made in a later second than its list.
    hand.test.advance(Duration::from_secs(2)).await;
    all(hand, JobKind::RebuildDeltaCrl).await;
    all(hand, JobKind::PublishToFolder).await;
}

/// What relying parties get at a path.
async fn served(hand: &Hand, path: &str) -> Vec<u8> {
    let answer = hand.test.send(poem::http::Method::GET, &format!("/{path}"), None, &[], None).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    answer.body
}

/// All files below a folder, by their paths.
fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for below in ["pub/ca", "pub/crl"] {
        let Ok(entries) = fs::read_dir(folder.join(below)) else { continue };
        found
            .extend(entries.map(|entry| format!("{below}/{}", entry.unwrap().file_name().to_string_lossy())));
    }
    found.sort_unstable();
    found
}

async fn number(hand: &Hand) -> i64 {
    hand.sql.number("SELECT number FROM crls").await
}

async fn told(hand: &Hand) -> Vec<Value> {
    let told = hand.test.get("/v1/events?type=publication.late").await.json_with(StatusCode::OK);
    told["events"].as_array().unwrap().clone()
}

both_modes! {
    async fn what_is_served_is_in_the_folder_by_the_same_paths(mode: Mode) {
        let folder = tempfile::tempdir().unwrap();
        let hand = hand(mode, &to_folder(folder.path())).await;
        let ca = divided(&hand).await;
        build_and_publish(&hand).await;
        let wanted = [
            format!("pub/ca/{ca}.crt"), format!("pub/crl/{ca}-1-delta.crl"), format!("pub/crl/{ca}-1.crl"),
            format!("pub/crl/{ca}-2-delta.crl"), format!("pub/crl/{ca}-2.crl"), format!("pub/crl/{ca}-delta.crl"),
            format!("pub/crl/{ca}.crl"),
        ];
        assert_eq!(files(folder.path()), wanted, "and nothing that was not finished");
        for path in &wanted {
            let file = folder.path().join(path);
            assert_eq!(fs::read(&file).unwrap(), served(&hand, path).await, "{path}");
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644, "a web server reads {path}");
        }
        let open = "SELECT COUNT(*) FROM jobs WHERE kind = 'publish_to_folder' AND state = 'pending'";
        periodic(&hand, Job::Sweep).await;
        assert_eq!(hand.sql.number(open).await, 0, "all is there");
        // A certificate for the same key, and a new list.
        hand.test.post(&format!("/v1/pki/ca/{ca}/reissue"), json!({})).await.json_with(StatusCode::OK);
        hand.enqueue(Job::RebuildCrl(ca), hand.now()).await;
        let before = number(&hand).await;
        build_and_publish(&hand).await;
        assert!(number(&hand).await > before);
        for path in &wanted {
            assert_eq!(fs::read(folder.path().join(path)).unwrap(), served(&hand, path).await, "{path}");
        }
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 0, "no store is set");
    }

    async fn what_was_there_before_a_folder_was_set_is_found(mode: Mode) {
        let folder = tempfile::tempdir().unwrap();
        let publisher = to_folder(folder.path());
        let hand = hand(mode, &publisher).await;
        let ca = hand.ca().await;
        all(&hand, JobKind::PublishToFolder).await;
        // The rows are about another folder, the jobs are done.
        hand.sql.run("UPDATE publications SET place = '/elsewhere'").await;
        fs::remove_file(folder.path().join(format!("pub/crl/{ca}.crl"))).unwrap();
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert!(folder.path().join(format!("pub/crl/{ca}.crl")).exists());
        // What a process that knows of no folder has made: another list, and another certificate.
        for stale in ["number = 0", "certificate_serial = NULL"] {
            hand.sql.run(&format!("UPDATE publications SET {stale}")).await;
            periodic(&hand, Job::Sweep).await;
            assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1, "{stale}");
        }
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 0);
    }

    async fn an_older_list_never_takes_the_place_of_a_newer_one(mode: Mode) {
        let folder = tempfile::tempdir().unwrap();
        let hand = hand(mode, &to_folder(folder.path())).await;
        let ca = hand.ca().await;
        all(&hand, JobKind::PublishToFolder).await;
        let file = folder.path().join(format!("pub/crl/{ca}.crl"));
        let old = fs::read(&file).unwrap();
        hand.sql.run("CREATE TABLE backup AS SELECT * FROM crls").await;
        hand.issue_and_revoke("a").await;
        hand.test.advance(Duration::from_secs(1)).await;
        all(&hand, JobKind::RebuildCrl).await;
        all(&hand, JobKind::PublishToFolder).await;
        let (new, newer) = (fs::read(&file).unwrap(), number(&hand).await);
        assert_ne!(new, old);
        // The database goes back, and with it what it knows of the folder.
        let column = |name: &str| format!("{name} = (SELECT {name} FROM backup)");
        let columns: Vec<String> = ["number", "this_update", "next_update", "entries", "der"].map(column).to_vec();
        hand.sql.run(&format!("UPDATE crls SET builds = builds + 1, {}", columns.join(", "))).await;
        hand.sql.run("DELETE FROM publications").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert_eq!(fs::read(&file).unwrap(), new, "what was revoked stays so");
        assert_eq!(hand.sql.number("SELECT number FROM publications").await, newer);
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 0, "there is nothing to do about it");
        // What the CA has not signed is none of its lists, whatever number it has.
        let mut forged = new.clone();
        *forged.last_mut().unwrap() ^= 1;
        for other in [forged, b"no list".to_vec()] {
            fs::write(&file, other).unwrap();
            hand.enqueue(Job::PublishToFolder(CrlId::full(ca)), hand.now()).await;
            assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
            assert_eq!(fs::read(&file).unwrap(), old);
        }
    }

    async fn what_was_brought_and_not_recorded_is_found_there(mode: Mode) {
        let folder = tempfile::tempdir().unwrap();
        let hand = hand(mode, &to_folder(folder.path())).await;
        let ca = hand.ca().await;
        // The first worker brings the list, and another one takes the job over before that can be recorded.
        let first = hand.take(JobKind::PublishToFolder).await;
        hand.perform(&first).await.unwrap();
        let file = folder.path().join(format!("pub/crl/{ca}.crl"));
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        hand.sql.run("UPDATE publications SET number = NULL, certificate_serial = NULL, behind_since = 1").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written, "it is not written twice");
        let recorded = "SELECT COUNT(*) FROM publications WHERE number IS NOT NULL AND behind_since IS NULL";
        assert_eq!(hand.sql.number(recorded).await, 1);
        // Whoever has lost the lease writes nothing.
        hand.enqueue(Job::PublishToFolder(CrlId::full(ca)), hand.now()).await;
        let stale = hand.take(JobKind::PublishToFolder).await;
        let fresh = hand.claim(JobKind::PublishToFolder, hand.now().plus(crate::jobs::LATER * 2)).await.remove(0);
        fs::remove_file(&file).unwrap();
        assert!(hand.perform(&stale).await.is_err());
        assert!(!file.exists());
        hand.perform(&fresh).await.unwrap();
        assert!(file.exists());
    }

    async fn a_folder_that_takes_nothing_is_tried_again_and_told_of(mode: Mode) {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("mount");
        let hand = hand(mode, &to_folder(&path)).await;
        let ca = hand.ca().await;
        let failure = async || hand.sql.texts("SELECT failure FROM publications").await.remove(0);
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert!(failure().await.contains("make the folder, or mount it"), "{}", failure().await);
        assert!(!path.exists(), "nothing is written where something was to be mounted");
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 0, "not at once");
        periodic(&hand, Job::Sweep).await;
        assert_eq!(told(&hand).await.len(), 0, "it is not late yet");
        hand.test.advance(LATE_AFTER).await;
        for _ in 0..2 {
            periodic(&hand, Job::Sweep).await;
        }
        let events = told(&hand).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["object"], json!(ca.to_string()));
        let data = &events[0]["data"];
        assert_eq!((&data["target"], &data["delta"], &data["published_crl_number"]), (&json!("folder"), &json!(false), &Value::Null));
        // It is mounted, and something is in the way of the list.
        let in_the_way = path.join(format!("pub/crl/.{ca}.crl.part"));
        fs::create_dir_all(&in_the_way).unwrap();
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert!(failure().await.contains(&format!("pub/crl/{ca}.crl: Is a directory")), "{}", failure().await);
        fs::remove_dir(&in_the_way).unwrap();
        assert_eq!(files(&path), [format!("pub/ca/{ca}.crt")], "no part of a list is there");
        assert_eq!(hand.sql.number("SELECT failures FROM publications").await, 2);
        hand.test.advance(Duration::from_mins(5)).await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert_eq!(files(&path).len(), 2);
        assert_eq!(hand.sql.number("SELECT COUNT(*) FROM publications WHERE failures = 0 AND told_at IS NULL AND failure IS NULL").await, 1);
        hand.test.advance(LATE_AFTER).await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(told(&hand).await.len(), 1, "it is late no more");
    }

    async fn a_folder_that_cannot_be_written_is_named(mode: Mode) {
        // Nobody may make files there, the superuser neither.
        let hand = hand(mode, &to_folder(&PathBuf::from("/sys"))).await;
        hand.ca().await;
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        let failure = hand.sql.texts("SELECT failure FROM publications").await.remove(0);
        assert!(failure.starts_with("/sys cannot be written: "), "{failure}");
    }

    async fn a_store_has_what_is_served_with_headers(mode: Mode) {
        let store = Stored::start().await;
        let hand = hand(mode, &store.publisher("production/", None)).await;
        let ca = hand.ca().await;
        // Moto looks at the signature now, and at what the key may do.
        store.check(true).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        hand.issue_and_revoke("a").await;
        hand.test.advance(Duration::from_secs(1)).await;
        all(&hand, JobKind::RebuildCrl).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1, "over the one that is there");
        store.check(false).await;
        for (path, media_type, cache) in [
            (format!("pub/ca/{ca}.crt"), "application/pkix-cert", "public, max-age=300"),
            (format!("pub/crl/{ca}.crl"), "application/pkix-crl", "public, max-age=60"),
        ] {
            let object = store.object(&format!("production/{path}")).await;
            assert_eq!(object.headers()["content-type"], media_type);
            assert_eq!(object.headers()["cache-control"], cache);
            let told = hand.test.send(poem::http::Method::GET, &format!("/{path}"), None, &[], None).await;
            assert_eq!((told.headers["content-type"].to_str().unwrap(), told.headers["cache-control"].to_str().unwrap()), (media_type, cache), "as at /pub");
            assert_eq!(object.bytes().await.unwrap(), served(&hand, &path).await);
        }
        // Brought and not recorded: it is seen there, and not written again.
        let name = format!("production/pub/crl/{ca}.crl");
        let there = store.object(&name).await.bytes().await.unwrap();
        store.write(&name, &there, number(&hand).await).await;
        hand.sql.run("UPDATE publications SET number = NULL").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        assert_eq!(hand.sql.number("SELECT number FROM publications").await, number(&hand).await);
        assert_eq!(store.object(&name).await.headers()["cache-control"], "no-cache", "as it was written by the test");
    }

    async fn a_store_keeps_a_newer_list_that_the_ca_has_signed(mode: Mode) {
        let store = Stored::start().await;
        let hand = hand(mode, &store.publisher("", None)).await;
        let ca = hand.ca().await;
        all(&hand, JobKind::PublishToStore).await;
        let name = format!("pub/crl/{ca}.crl");
        let old = store.object(&name).await.bytes().await.unwrap();
        hand.sql.run("CREATE TABLE backup AS SELECT * FROM crls").await;
        hand.issue_and_revoke("a").await;
        hand.test.advance(Duration::from_secs(1)).await;
        all(&hand, JobKind::RebuildCrl).await;
        all(&hand, JobKind::PublishToStore).await;
        let new = store.object(&name).await.bytes().await.unwrap();
        let column = |name: &str| format!("{name} = (SELECT {name} FROM backup)");
        let columns: Vec<String> = ["number", "this_update", "next_update", "entries", "der"].map(column).to_vec();
        hand.sql.run(&format!("UPDATE crls SET builds = builds + 1, {}", columns.join(", "))).await;
        hand.sql.run("DELETE FROM publications").await;
        periodic(&hand, Job::Sweep).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        assert_eq!(store.object(&name).await.bytes().await.unwrap(), new);
        // Somebody writes a number, and no list of the CA's to it.
        store.write(&name, b"no list", i64::MAX).await;
        hand.enqueue(Job::PublishToStore(CrlId::full(ca)), hand.now()).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        assert_eq!(store.object(&name).await.bytes().await.unwrap(), old);
    }

    async fn a_store_that_refuses_is_tried_again_and_holds_up_no_folder(mode: Mode) {
        let (store, folder) = (Stored::start().await, tempfile::tempdir().unwrap());
        let hand = hand(mode, &store.publisher("", Some(folder.path()))).await;
        let ca = hand.ca().await;
        // The key may read and not write.
        store.only_reads().await;
        store.check(true).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        let failure = hand.sql.texts("SELECT failure FROM publications WHERE target = 'object_store'").await.remove(0);
        assert!(failure.contains("s3://pki/ at http://127.0.0.1") && failure.contains("refuses the credentials: it answers 403 AccessDenied"), "{failure}");
        assert!(!failure.contains(&store.secret), "{failure}");
        assert_eq!(hand.states(JobKind::PublishToStore).await, ["pending"]);
        assert_eq!(all(&hand, JobKind::PublishToFolder).await, 1);
        assert!(folder.path().join(format!("pub/crl/{ca}.crl")).exists());
        assert_ne!(JobKind::PublishToFolder.lane(), JobKind::PublishToStore.lane(), "neither waits for the other's places");
        let mut session = hand.test.app.database().read_system().await.unwrap();
        for (target, name) in hand.test.app.publisher().places() {
            let (count, since) =
                certmill_storage::publications::count_behind(&mut session, publish::row(target, name)).await.unwrap();
            assert_eq!((count, since.is_some()), if target == Target::Folder { (0, false) } else { (1, true) });
        }
        drop(session);
        store.check(false).await;
        hand.test.advance(Duration::from_mins(1)).await;
        assert_eq!(all(&hand, JobKind::PublishToStore).await, 1);
        assert_eq!(hand.states(JobKind::PublishToStore).await, ["done"]);
        assert_eq!(store.object(&format!("pub/crl/{ca}.crl")).await.bytes().await.unwrap(), served(&hand, &format!("pub/crl/{ca}.crl")).await);
    }
}

/// A bucket at moto, and a key to it.
struct Stored {
    moto: std::sync::Arc<launch::Moto>,
    key_id: String,
    secret: String,
}

const MAY: [&str; 3] = ["s3:PutObject", "s3:GetObject", "s3:ListBucket"];

impl Stored {
    async fn start() -> Self {
        tokio::task::spawn_blocking(|| {
            let moto = launch::Moto::start();
            moto.bucket("pki");
            let (key_id, secret) = moto.access_key("publisher", &MAY);
            Self { moto: std::sync::Arc::new(moto), key_id, secret }
        })
        .await
        .unwrap()
    }

    async fn with_moto(&self, act: impl FnOnce(&launch::Moto) + Send + 'static) {
        let moto = std::sync::Arc::clone(&self.moto);
        tokio::task::spawn_blocking(move || act(&moto)).await.unwrap();
    }

    async fn check(&self, check: bool) {
        self.with_moto(move |moto| moto.check_signatures(check)).await;
    }

    /// Takes the right to write away.
    async fn only_reads(&self) {
        self.with_moto(|moto| moto.allow("publisher", &["s3:GetObject", "s3:ListBucket"])).await;
    }

    fn name(&self, prefix: &str) -> BucketName {
        BucketName {
            endpoint: Some(self.moto.url()),
            region: "eu-central-1".to_owned(),
            bucket: "pki".to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.key_id.clone(),
            secret_access_key: self.secret.clone().into(),
            session_token: None,
        }
    }

    fn publisher(&self, prefix: &str, folder: Option<&Path>) -> Publisher {
        let settings = StoreSettings {
            bucket: self.name(prefix),
            credentials: StoreCredentials::Keys(self.credentials()),
            egress: egress(),
        };
        Publisher::new(folder.map(Path::to_owned), Some(settings), LATE_AFTER)
    }

    /// An object with its headers, as the store gives it.
    async fn object(&self, name: &str) -> reqwest::Response {
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none";
        let url = format!("{}/pki/{name}", self.moto.url());
        let answer =
            reqwest::Client::new().get(url).header("authorization", authorization).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{name}");
        answer
    }

    /// Writes an object over the one that is there.
    async fn write(&self, name: &str, body: &[u8], number: i64) {
        let (bucket, credentials) = (Bucket::new(&self.name(""), egress()), self.credentials());
        let call = Call { credentials: &credentials, unix_seconds: now() };
        let seen = bucket.look(name, call).await.unwrap();
        bucket.write(name, &object(body, number), &seen, call).await.unwrap();
    }
}

fn egress() -> Egress {
    Egress::new(EgressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()])).unwrap().with_credentials()
}

fn now() -> i64 {
    certmill_domain::Clock::now(&certmill_domain::SystemClock).unix_seconds()
}

fn object(body: &[u8], number: i64) -> Object<'_> {
    Object { body, content_type: "application/pkix-crl", cache_control: "no-cache", number: Some(number) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_has_changed_since_it_was_looked_at_is_left_alone() {
    let store = Stored::start().await;
    store.check(true).await;
    let (bucket, credentials) = (Bucket::new(&store.name("x/"), egress()), store.credentials());
    let call = Call { credentials: &credentials, unix_seconds: now() };
    assert_eq!(bucket.look("a", call).await.unwrap(), Present::Absent);
    assert_eq!(bucket.read("a", 10_000, call).await.unwrap(), None);
    let write = async |body: &'static [u8], number, seen: &Present| {
        bucket.write("a", &object(body, number), seen, call).await
    };
    write(b"one", 1, &Present::Absent).await.unwrap();
    let Present::There { tag, number: Some(1) } = bucket.look("a", call).await.unwrap() else {
        panic!("it has its number")
    };
    let one = Present::There { tag, number: Some(1) };
    write(b"two", 2, &one).await.unwrap();
    for stale in [&one, &Present::Absent, &Present::Unseen] {
        let refused = write(b"three", 3, stale).await;
        assert!(matches!(refused, Err(S3Error::Changed)), "{refused:?}");
    }
    assert_eq!(bucket.read("a", 10_000, call).await.unwrap().unwrap(), b"two");
    let wrong = Credentials { secret_access_key: "wrong".to_owned().into(), ..store.credentials() };
    let wrong = Call { credentials: &wrong, ..call };
    let refused = bucket.write("b", &object(b"x", 1), &Present::Absent, wrong).await.unwrap_err();
    assert!(refused.to_string().contains("403 SignatureDoesNotMatch"), "{refused}");
    let nowhere = Bucket::new(&BucketName { bucket: "none".to_owned(), ..store.name("") }, egress());
    let refused = nowhere.write("b", &object(b"x", 1), &Present::Absent, call).await.unwrap_err();
    assert!(matches!(refused, S3Error::NoBucket(_)), "{refused}");
}

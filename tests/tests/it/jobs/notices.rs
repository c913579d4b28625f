//! Mails to owners: who is told what and when, and what becomes of a mail that the server does not take. The server is aiosmtpd.

use std::time::Duration;

use certmill_domain::{CaId, Owners, Timestamp};
use certmill_mail::Security;
use certmill_service::jobs::{Job, JobKind};
use certmill_service::notices::{self, NoticeSettings};
use launch::{SmtpOptions, SmtpServer};
use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::{MailTo, Mode, TestApp, TestOptions, both_modes};

use super::Hand;
use super::handlers::periodic;
use super::sql::Sql;
use crate::ca::text;

const DAY: Duration = Duration::from_hours(24);
const MINUTE: i64 = 60_000_000;

async fn server(security: &'static str, login: Option<(&'static str, &'static str)>) -> SmtpServer {
    let start = move || SmtpServer::start(SmtpOptions { security, login });
    tokio::task::spawn_blocking(start).await.unwrap()
}

fn mail_to(server: &SmtpServer) -> MailTo {
    MailTo { port: server.port(), security: Security::None, login: None, ca_pem: None }
}

fn owners(addresses: &[&str]) -> Owners {
    Owners::parse(&addresses.iter().map(|&address| address.to_owned()).collect::<Vec<_>>()).unwrap()
}

/// The service without a worker, a mail server, and the operator as the owner of everything that has none.
async fn hand(mode: Mode, mail: MailTo) -> Hand {
    let notices =
        NoticeSettings { default_owners: owners(&["ops@example.com"]), ..NoticeSettings::default() };
    Box::pin(with(mode, TestOptions { mail: Some(mail), notices, ..TestOptions::default() })).await
}

async fn with(mode: Mode, options: TestOptions) -> Hand {
    let test = TestApp::without_worker_with(mode, options).await;
    // At noon, so that no digest is due until a test lets a day pass.
    let day = 86_400;
    let midnight = (test.app.now().unix_seconds() / day + 1) * day;
    test.clock.set(Timestamp::from_unix_seconds(midnight + day / 2));
    let sql = Sql::open(test.database_url()).await;
    let hand = Hand { test, sql };
    hand.ca().await;
    // Whatever is told later comes after this look.
    turn(&hand).await;
    hand
}

/// One turn of the workers: what has happened becomes lines, and what is due is sent. Answers for how many tenants.
async fn turn(hand: &Hand) -> usize {
    hand.test.clock.advance(Duration::from_secs(30));
    notices::wake(&hand.test.app).await.unwrap();
    let claimed = hand.claim(JobKind::SendNotices, hand.now()).await;
    for job in &claimed {
        hand.perform(job).await.unwrap();
    }
    claimed.len()
}

/// Lets time pass and tells of what ends.
async fn pass(hand: &Hand, by: Duration) {
    hand.test.clock.advance(by);
    for _ in 0..2 {
        periodic(hand, Job::TellExpiry).await;
    }
}

async fn issue(hand: &Hand, name: &str, ttl: &str) -> String {
    let body = json!({ "common_name": format!("{name}.example.internal"), "ttl": ttl });
    let issued = hand.test.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
    text(&issued["certificate_id"]).to_owned()
}

async fn patch(hand: &Hand, path: &str, body: Value) -> Value {
    hand.test.patch(path, body).await.json_with(StatusCode::OK)
}

/// Makes the CRL of a CA late.
async fn late_crl(hand: &Hand, ca: &str) {
    let now = hand.now().unix_micros();
    hand.sql
        .run(&format!(
            "UPDATE crls SET late_number = NULL, this_update = {}, next_update = {} WHERE ca_id = '{ca}'",
            now - 72 * 60 * MINUTE,
            now + 10 * MINUTE
        ))
        .await;
    periodic(hand, Job::Sweep).await;
}

async fn ca_of(hand: &Hand) -> String {
    let found = hand.sql.texts("SELECT id FROM certificate_authorities WHERE name = 'root'").await;
    found[0].parse::<CaId>().unwrap().to_string()
}

fn recipients(server: &SmtpServer) -> Vec<String> {
    let mut found: Vec<String> = server.mails().iter().map(|mail| text(&mail["to"][0]).to_owned()).collect();
    found.sort_unstable();
    found
}

/// A header of a mail.
fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let (head, _) = text(&mail["text"]).split_once("\r\n\r\n").unwrap();
    let mut found = head.split("\r\n").filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {head}"));
    assert!(found.next().is_none(), "{name} twice in {head}");
    value
}

/// A mail as its reader sees it: long lines are whole again.
fn said(mail: &Value) -> String {
    text(&mail["text"]).replace("=\r\n", "")
}

/// The mail to this address.
fn to(server: &SmtpServer, address: &str) -> Value {
    let mails = server.mails();
    let mut found = mails.iter().filter(|mail| mail["to"] == json!([address]));
    let mail = found.next().unwrap_or_else(|| panic!("no mail to {address}: {mails:?}")).clone();
    assert!(found.next().is_none(), "two mails to {address}: {mails:?}");
    mail
}

async fn failed(hand: &Hand) -> Vec<Value> {
    let told = hand.test.get("/v1/events?type=notice.failed").await.json_with(StatusCode::OK);
    told["events"].as_array().unwrap().clone()
}

both_modes! {
    async fn an_owner_gets_one_mail_a_day_about_what_is_theirs(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let (of_ca, of_role, of_tag) = (issue(&hand, "a", "90d").await, issue(&hand, "b", "89d").await, issue(&hand, "c", "88d").await);
        let renewed = issue(&hand, "d", "90d").await;
        let tags = json!({ "tags": { "owners": "tag@example.com, second@example.org" } });
        patch(&hand, &format!("/v1/pki/certificates/{of_tag}"), tags).await;
        let ca = ca_of(&hand).await;
        patch(&hand, &format!("/v1/pki/ca/{ca}"), json!({ "owners": ["ca@example.com"] })).await;
        pass(&hand, 61 * DAY).await;
        turn(&hand).await;
        let role = patch(&hand, "/v1/pki/roles/web", json!({ "owners": ["role@example.com"] })).await;
        assert_eq!(role["owners"], json!(["role@example.com"]));
        // What was told before the role had owners goes to those of the CA, and a smaller threshold to those of the role.
        pass(&hand, Duration::ZERO).await;
        turn(&hand).await;
        assert_eq!(server.mails(), Vec::<Value>::new(), "a digest waits for its time");
        let renew = format!("/v1/pki/certificates/{renewed}/renew");
        hand.test.post(&renew, json!({ "ttl": "90d" })).await.json_with(StatusCode::CREATED);
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ca@example.com", "second@example.org", "tag@example.com"]);
        let mail = to(&server, "ca@example.com");
        assert_eq!(header(&mail, "Subject"), "certmill: 2 certificates end soon");
        assert_eq!(header(&mail, "From"), "certmill <pki@certmill.test>");
        assert_eq!(header(&mail, "To"), "ca@example.com");
        assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
        assert!(header(&mail, "Content-Type").starts_with("text/plain"), "{mail}");
        let id = header(&mail, "Message-ID");
        assert!(id.starts_with("<ntc_") && id.ends_with("@certmill.test>"), "{id}");
        let said_to_ca = said(&mail);
        for part in [of_ca.as_str(), of_role.as_str(), "\"a.example.internal\"", "http://pki.test", "the tenant first"] {
            assert!(said_to_ca.contains(part), "{said_to_ca}");
        }
        assert!(!said_to_ca.contains(&renewed), "what was renewed meanwhile needs nobody: {said_to_ca}");
        assert!(said(&to(&server, "tag@example.com")).contains("c.example.internal"));
        // The next thresholds come later, and go to the owners of the role now.
        turn(&hand).await;
        pass(&hand, 16 * DAY).await;
        turn(&hand).await;
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        assert_eq!(server.mails().iter().filter(|mail| mail["to"] == json!(["role@example.com"])).count(), 1);
        assert_eq!(server.mails().iter().filter(|mail| mail["to"] == json!(["ca@example.com"])).count(), 1);
        assert_eq!(turn(&hand).await, 0, "nothing is left to do");
    }

    async fn what_cannot_wait_is_sent_at_once_but_not_one_mail_for_each(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let ca = ca_of(&hand).await;
        let short = issue(&hand, "short", "4d").await;
        pass(&hand, 3 * DAY).await;
        turn(&hand).await;
        let mail = to(&server, "ops@example.com");
        assert_eq!(header(&mail, "Subject"), "certmill: urgent: 1 certificate ends soon");
        assert!(said(&mail).contains(&short));
        // Within a quarter of an hour what is urgent goes together.
        late_crl(&hand, &ca).await;
        let second = hand.test.root_ca("second").await;
        turn(&hand).await;
        late_crl(&hand, text(&second["id"])).await;
        turn(&hand).await;
        assert_eq!(server.mails().len(), 1);
        hand.test.clock.advance(Duration::from_mins(15));
        turn(&hand).await;
        assert_eq!(server.mails().len(), 2);
        assert_eq!(header(&server.mails()[1], "Subject"), "certmill: urgent: 2 CRLs are late");
    }

    async fn a_csr_that_waits_is_told_until_somebody_has_decided(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let csr = async |name: &str| {
            let body = json!({ "subject": { "common_name": name }, "key_type": "ec" });
            text(&hand.test.post("/v1/pki/csr", body).await.json_with(StatusCode::CREATED)["id"]).to_owned()
        };
        let (waits, decided) = (csr("waits.example.com").await, csr("decided.example.com").await);
        turn(&hand).await;
        let reject = json!({ "reason": "no" });
        hand.test.post(&format!("/v1/pki/csr/{decided}/reject"), reject).await.json_with(StatusCode::OK);
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        let mail = to(&server, "ops@example.com");
        assert_eq!(header(&mail, "Subject"), "certmill: 1 CSR waits");
        let said = said(&mail);
        assert!(said.contains(&waits) && said.contains("waits.example.com") && !said.contains(&decided), "{said}");
        // Of one that is decided in time there is no mail at all.
        let last = csr("last.example.com").await;
        turn(&hand).await;
        hand.test.delete(&format!("/v1/pki/csr/{last}")).await;
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        assert_eq!(server.mails().len(), 1);
    }

    async fn a_server_with_tls_and_a_password_is_served(mode: Mode) {
        let login = ("certmill", "hunter2");
        let own = |login: (&str, &str)| Some((login.0.to_owned(), login.1.to_owned()));
        for (security, word) in [(Security::StartTls, "starttls"), (Security::Tls, "tls")] {
            let server = server(word, Some(login)).await;
            let mail = MailTo { port: server.port(), security, login: own(login), ca_pem: Some(server.ca_pem().to_owned()) };
            let good = hand(mode, mail.clone()).await;
            late_crl(&good, &ca_of(&good).await).await;
            turn(&good).await;
            let taken = to(&server, "ops@example.com");
            assert_eq!((&taken["tls"], &taken["user"]), (&json!(true), &json!("certmill")), "{word}");
            // Neither a server that nobody vouches for nor one that refuses the password gets anything, and the mail waits.
            let stranger = MailTo { ca_pem: None, ..mail.clone() };
            let refused = MailTo { login: own(("certmill", "wrong")), ..mail };
            for (mail, said) in [(stranger, "certificate verify failed"), (refused, "it refuses user and password")] {
                let bad = hand(mode, mail).await;
                late_crl(&bad, &ca_of(&bad).await).await;
                turn(&bad).await;
                assert_eq!(server.mails().len(), 1, "{said}");
                assert_eq!(bad.sql.number("SELECT failures FROM notice_places").await, 1, "{said}");
                assert_eq!(bad.sql.number("SELECT COUNT(*) FROM notices WHERE state = 'waiting' AND attempts = 0").await, 1);
            }
        }
        // One that offers no STARTTLS gets nothing in the clear.
        let plain = server("none", None).await;
        let hand = hand(mode, MailTo { security: Security::StartTls, ..mail_to(&plain) }).await;
        late_crl(&hand, &ca_of(&hand).await).await;
        turn(&hand).await;
        assert_eq!(plain.mails(), Vec::<Value>::new());
    }

    async fn one_refused_recipient_is_no_other_ones_matter(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let ca = ca_of(&hand).await;
        let all = json!({ "owners": ["ann@example.com", "bob@example.com", "cas@example.com"] });
        patch(&hand, &format!("/v1/pki/ca/{ca}"), all).await;
        server.behave(&json!({ "rcpt": {
            "ann@example.com": "550 5.1.1 no such user", "bob@example.com": "450 4.2.1 later, please",
        } }));
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["cas@example.com"]);
        let told = failed(&hand).await;
        assert_eq!(told.len(), 1);
        let data = &told[0]["data"];
        assert_eq!((&data["address"], &data["attempts"], &data["lines"]), (&json!("ann@example.com"), &json!(1), &json!(1)));
        assert!(text(&data["last_error"]).contains("550") && text(&told[0]["object"]).starts_with("ntc_"), "{data}");
        // The server itself is well: it is not left alone, and the one who was to come later comes later.
        assert_eq!(hand.sql.number("SELECT failures FROM notice_places").await, 0);
        assert!(hand.sql.texts("SELECT last_error FROM notices WHERE state = 'waiting'").await[0].contains("later, please"));
        server.behave(&json!({ "data": "451 4.3.0 try again" }));
        hand.test.clock.advance(Duration::from_mins(5));
        turn(&hand).await;
        server.behave(&json!({}));
        turn(&hand).await;
        assert_eq!(server.mails().len(), 1, "it is not tried before its time");
        hand.test.clock.advance(Duration::from_mins(15));
        turn(&hand).await;
        assert_eq!(recipients(&server), ["bob@example.com", "cas@example.com"]);
        // Nobody is told by mail that mail fails.
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        assert_eq!(server.mails().len(), 2);
        // A refusal of all mails is one of the server: it is given up after three days.
        server.behave(&json!({ "mail": "550 5.7.1 relaying denied" }));
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!((failed(&hand).await.len(), hand.sql.number("SELECT failures FROM notice_places").await), (1, 1));
        hand.test.clock.advance(3 * DAY);
        turn(&hand).await;
        let told = failed(&hand).await;
        assert_eq!(told.len(), 4);
        assert!(text(&told[3]["data"]["last_error"]).contains("relaying denied"), "{told:?}");
        assert_eq!(hand.sql.number("SELECT COUNT(*) FROM notices WHERE state IN ('waiting', 'gathering')").await, 0);
    }

    async fn a_dead_server_is_left_alone_and_gets_everything_when_it_is_back(mode: Mode) {
        let mut server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let ca = ca_of(&hand).await;
        server.stop();
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(hand.states(JobKind::SendNotices).await.last().unwrap(), "done", "no job waits for the server");
        let paused = |number: i64| format!("SELECT COUNT(*) FROM notice_places WHERE failures = {number} AND paused_until IS NOT NULL");
        assert_eq!(hand.sql.number(&paused(1)).await, 1);
        assert_eq!(turn(&hand).await, 0, "nobody knocks before the pause is over");
        hand.test.clock.advance(Duration::from_mins(1));
        turn(&hand).await;
        assert_eq!(hand.sql.number(&paused(2)).await, 1);
        server.start_again();
        turn(&hand).await;
        assert_eq!(server.mails(), Vec::<Value>::new());
        hand.test.clock.advance(Duration::from_mins(2));
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ops@example.com"]);
        assert_eq!(hand.sql.number("SELECT COUNT(*) FROM notice_places WHERE failures = 0 AND paused_until IS NULL").await, 1);
        assert_eq!(failed(&hand).await, Vec::<Value>::new());
    }

    async fn a_mail_whose_answer_was_lost_is_sent_again_as_the_same(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        server.behave(&json!({ "leave": true }));
        late_crl(&hand, &ca_of(&hand).await).await;
        turn(&hand).await;
        // What happens now comes into another mail: the first one stays as it was sent.
        let second = hand.test.root_ca("second").await;
        late_crl(&hand, text(&second["id"])).await;
        server.behave(&json!({}));
        hand.test.clock.advance(Duration::from_mins(20));
        turn(&hand).await;
        let mails = server.mails();
        let repeated: Vec<&Value> = mails.iter().filter(|mail| said(mail).contains("1 CRL is late")).collect();
        let first = header(repeated[0], "Message-ID");
        assert_eq!(mails.iter().filter(|mail| header(mail, "Message-ID") == first).count(), 2, "{mails:?}");
        assert_eq!(mails[0]["text"], mails[1]["text"]);
        assert_eq!(mails.len(), 3);
    }

    async fn tenants_are_told_apart_and_owners_are_permitted_by_the_operator(mode: Mode) {
        let server = server("none", None).await;
        let notices = NoticeSettings { allowed_domains: vec!["example.com".to_owned()], ..NoticeSettings::default() };
        let hand = with(mode, TestOptions { mail: Some(mail_to(&server)), notices, ..TestOptions::default() }).await;
        let ca = ca_of(&hand).await;
        let path = format!("/v1/pki/ca/{ca}");
        for (owners, said) in [
            (json!(["ann@example.org"]), "outside of the domains that the operator permits: example.com"),
            (json!(["ann"]), "is no mail address"),
            (json!(["ann@example.com\r\nBcc: all@example.com"]), "is no mail address"),
            (json!((0..17).map(|number| format!("a{number}@example.com")).collect::<Vec<_>>()), "at most 16"),
        ] {
            let role = json!({ "name": "other", "ca_id": ca, "owners": owners });
            let new_ca = json!({ "name": "new", "common_name": "New", "ca_type": "root", "key_type": "ec", "owners": owners });
            for refused in [
                hand.test.patch(&path, json!({ "owners": owners })).await,
                hand.test.patch("/v1/pki/roles/web", json!({ "owners": owners })).await,
                hand.test.post("/v1/pki/roles", role).await,
                hand.test.post("/v1/pki/ca", new_ca).await,
            ] {
                let error = refused.error(422, "validation_error");
                assert!(text(&error["details"]["fields"]["owners"]).contains(said), "{error}");
            }
        }
        let certificate = issue(&hand, "a", "90d").await;
        for (tag, said) in [("team web", "is no mail address"), ("ann@example.org", "outside of the domains")] {
            let tags = json!({ "tags": { "owners": tag } });
            let error = hand.test.patch(&format!("/v1/pki/certificates/{certificate}"), tags).await.error(422, "validation_error");
            assert!(text(&error["details"]["fields"]["tags"]).contains(said), "{error}");
        }
        let set = patch(&hand, &path, json!({ "owners": "ann@a.example.com,ann@a.Example.com" })).await;
        assert_eq!(set["owners"], json!(["ann@a.example.com"]));
        assert_eq!(hand.test.get(&path).await.json()["owners"], set["owners"]);
        // What was stored before the operator forbade it is not written to.
        hand.sql.run(&format!("UPDATE certificate_authorities SET owners = '[\"ann@example.org\",\"cas@example.com\",\"x\"]' WHERE id = '{ca}'")).await;
        late_crl(&hand, &ca).await;
        let (_, other) = hand.test.another_tenant("second").await;
        let body = json!({ "name": "theirs", "common_name": "Theirs", "ca_type": "root", "key_type": "ec", "owners": ["cas@example.com"] });
        let theirs = hand.test.post_as(&other, "/v1/pki/ca", body).await.json_with(StatusCode::CREATED);
        turn(&hand).await;
        late_crl(&hand, text(&theirs["id"])).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["cas@example.com"; 2]);
        let names_first: Vec<bool> = server.mails().iter().map(|mail| said(mail).contains(&ca)).collect();
        assert_eq!(names_first, [true, false]);
        let nobody = patch(&hand, &path, json!({ "owners": null })).await;
        assert_eq!(nobody["owners"], json!([]));
    }

    async fn a_tenant_causes_no_more_than_so_much_mail_and_a_mail_has_no_more_than_so_many_lines(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        issue(&hand, "a", "90d").await;
        hand.sql.copy(("certificates", "common_name = 'a.example.internal'"), ("cert", &["id"]), 250).await;
        pass(&hand, 61 * DAY).await;
        turn(&hand).await;
        hand.test.clock.advance(DAY);
        turn(&hand).await;
        let mail = to(&server, "ops@example.com");
        assert_eq!(header(&mail, "Subject"), "certmill: 200 certificates end soon, more");
        assert!(said(&mail).contains("And 51 more"), "{mail}");
        // With a thousand notices in a day nothing more is begun, and it goes on when the day is over.
        let (tenant, now) = (hand.test.tenant.id, hand.now().unix_micros());
        let row = |number: u32| format!("('{tenant}', 'ntc_{number}', 'a@example.com', TRUE, 'sent', 0, 1, 0, 0, {now}, {now})");
        let rows: Vec<String> = (0..1_000).map(row).collect();
        hand.sql.run(&format!(
            "INSERT INTO notices (tenant_id, id, address, is_urgent, state, due_at, attempts, next_at, more, created_at, finished_at) \
             VALUES {}", rows.join(", ")
        )).await;
        let ca = ca_of(&hand).await;
        let theirs = json!({ "owners": ["ann@example.com"] });
        patch(&hand, &format!("/v1/pki/ca/{ca}"), theirs).await;
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(server.mails().len(), 1);
        // The operator's own are told in any case.
        let second = hand.test.root_ca("second").await;
        late_crl(&hand, text(&second["id"])).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ops@example.com"; 2]);
        hand.test.clock.advance(DAY);
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ann@example.com", "ops@example.com", "ops@example.com"]);
    }

    async fn one_address_that_the_server_breaks_off_at_holds_nobody_up(mode: Mode) {
        let server = server("none", None).await;
        let hand = hand(mode, mail_to(&server)).await;
        let ca = ca_of(&hand).await;
        let both = json!({ "owners": ["poison@example.com", "ann@example.com"] });
        patch(&hand, &format!("/v1/pki/ca/{ca}"), both).await;
        server.behave(&json!({ "rcpt": { "poison@example.com": "421 4.7.0 too many for this address" } }));
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ann@example.com"]);
        let waits = "SELECT last_error FROM notices WHERE state = 'waiting' AND attempts = 1";
        assert!(hand.sql.texts(waits).await[0].contains("421"), "it is tried again later");
        assert_eq!(hand.sql.number("SELECT COUNT(*) FROM notice_places WHERE paused_until IS NULL").await, 1);
    }

    async fn owners_who_may_not_be_told_any_more_do_not_hide_those_who_may(mode: Mode) {
        let server = server("none", None).await;
        let notices = NoticeSettings {
            default_owners: owners(&["ops@example.com"]),
            allowed_domains: vec!["example.com".to_owned()],
            ..NoticeSettings::default()
        };
        let options = TestOptions { mail: Some(mail_to(&server)), notices, ..TestOptions::default() };
        let hand = Box::pin(with(mode, options)).await;
        let ca = ca_of(&hand).await;
        patch(&hand, &format!("/v1/pki/ca/{ca}"), json!({ "owners": ["ann@example.com"] })).await;
        // As they were before the operator permitted some only.
        hand.sql.run("UPDATE certificate_authorities SET owners = REPLACE(owners, 'ann@example.com', 'ann@former.example')").await;
        late_crl(&hand, &ca).await;
        turn(&hand).await;
        assert_eq!(recipients(&server), ["ops@example.com"]);
    }

    /// The way from the event to the mail with the service's own workers.
    async fn workers_send_what_is_due(mode: Mode) {
        let server = server("none", None).await;
        let notices = NoticeSettings { default_owners: owners(&["ops@example.com"]), ..NoticeSettings::default() };
        let app = TestApp::start_with(mode, TestOptions { mail: Some(mail_to(&server)), notices, ..TestOptions::default() }).await;
        let ca = app.root_ca("root").await;
        app.role("web", text(&ca["id"])).await;
        let body = json!({ "common_name": "a.example.internal", "ttl": "4d" });
        app.post("/v1/pki/issue/web", body).await.json_with(StatusCode::CREATED);
        app.eventually("/v1/events?type=certificate.issued", |told| told["events"].as_array().unwrap().len() == 1).await;
        app.advance(3 * DAY).await;
        app.eventually("/v1/events?type=certificate.expiring", |told| !told["events"].as_array().unwrap().is_empty()).await;
        let wait = async {
            while server.mails().is_empty() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), wait).await.expect("no mail came");
        // Its CRL may be late as well, after all that time.
        let subject = header(&server.mails()[0], "Subject").to_owned();
        assert!(subject.starts_with("certmill: urgent: ") && subject.contains("1 certificate ends soon"), "{subject}");
    }
}

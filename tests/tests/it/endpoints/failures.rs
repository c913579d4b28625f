//! Servers of which no certificate is seen, each with its reason, and whom they hold up.

use poem::http::StatusCode;
use serde_json::{Value, json};
use tests::both_modes;
use tests::tls_server::{Manner, TlsServer};

use super::{SCHEMES, checked, issued, list, named, path, serve};
use crate::ca::text;

/// A port that nobody listens on.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// More servers than are looked at at the same time.
fn servers(certificate: &Value) -> Vec<TlsServer> {
    (0..20).map(|_| serve(Manner::Serves("tls"), certificate)).collect()
}

both_modes! {
    async fn each_way_not_to_see_a_certificate_has_its_reason(app: TestApp) {
        let certificate = issued(&app).await;
        let http: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
        let servers: Vec<(&str, TlsServer, &str)> = [
            ("tls", Manner::Hangs, "within 10 s"),
            ("smtp", Manner::Hangs, "within 10 s"),
            ("tls", Manner::Says(http), "handshake failed"),
            ("tls", Manner::Says(b""), "closed the connection"),
            // A record of TLS that is never complete, and a list of extensions that never ends.
            ("tls", Manner::Endless(b"\x16\x03\x03\x40\x00"), "handshake failed"),
            ("tls", Manner::Endless(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"), "octets"),
            ("smtp", Manner::Endless(b"220-still here\r\n"), "does not end"),
            ("smtp", Manner::Endless(b"2"), "does not end"),
            ("smtp", Manner::Says(http), "does not speak SMTP"),
            ("imap", Manner::Endless(b"* OK\r\n"), "does not end"),
            ("imap", Manner::Says(b"* BYE go away\r\n"), "does not speak IMAP"),
            ("pop3", Manner::Says(b"-ERR go away\r\n"), "does not speak POP3"),
            ("ldap", Manner::Endless(b"\x30\x84\x7f"), "does not speak LDAP"),
            ("ldap", Manner::Says(http), "does not speak LDAP"),
            ("postgres", Manner::Says(http), "does not speak PostgreSQL"),
            ("smtp", Manner::Refuses("smtp"), "STARTTLS is not among"),
            ("imap", Manner::Refuses("imap"), "NO not here"),
            ("pop3", Manner::Refuses("pop3"), "-ERR not here"),
            ("ftp", Manner::Refuses("ftp"), "534 not here"),
            ("ldap", Manner::Refuses("ldap"), "result 52"),
            ("postgres", Manner::Refuses("postgres"), "answers N"),
        ]
        .into_iter()
        .map(|(scheme, manner, reason)| (scheme, TlsServer::start(manner), reason))
        .collect();
        let mut wanted: Vec<(String, &str)> = servers
            .iter()
            .map(|(scheme, server, reason)| (format!("{scheme}:127.0.0.1:{}", server.port), *reason))
            .collect();
        wanted.extend([
            (format!("127.0.0.1:{}", closed_port()), "refused"),
            ("10.0.0.1:443".to_owned(), "private address"),
            ("[fd00::1]:443".to_owned(), "private address"),
            ("no-such-host.invalid:443".to_owned(), "cannot be looked up, or the egress policy"),
        ]);
        let endpoints: Vec<_> = wanted.iter().map(|(endpoint, _)| endpoint.clone()).collect();
        let found = named(&app, &certificate, &endpoints).await;
        assert_eq!(found.len(), wanted.len());
        for (endpoint, reason) in wanted {
            let name = endpoint.strip_prefix("tls:").unwrap_or(&endpoint);
            let one = found.iter().find(|one| one["endpoint"] == name).unwrap();
            assert_eq!((&one["state"], &one["served"]), (&json!("unreachable"), &json!(null)), "{one}");
            assert!(text(&one["reason"]).contains(reason), "wanted `{reason}`: {one}");
        }
    }

    /// Whoever may name endpoints is not whoever may read what any server says.
    async fn what_a_server_of_another_protocol_says_is_not_told(app: TestApp) {
        let certificate = issued(&app).await;
        let servers: Vec<(&str, TlsServer, &str)> = [
            ("smtp", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "something else"),
            ("imap", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "something else"),
            ("pop3", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "something else"),
            ("ftp", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "something else"),
            ("ldap", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "something else"),
            ("postgres", Manner::Says(b"token=hunter2\r\n"), "something else"),
            ("tls", Manner::Says(b"SSH-2.0-x token=hunter2\r\n"), "handshake failed"),
            ("smtp", Manner::Says(b"554 token=hunter2\r\n"), "`554`"),
            ("ftp", Manner::Says(b"421-token=hunter2\r\n421 hunter2\r\n"), "`421`"),
            ("smtp", Manner::Says(b"220 a\r\n500 hunter2\r\n"), "`500`"),
            ("smtp", Manner::Says(b"220 a\r\ntoken=hunter2\r\n"), "something else"),
            ("imap", Manner::Says(b"* BYE token=hunter2\r\n"), "`* BYE`"),
            ("imap", Manner::Says(b"* hunter2\r\n"), "something else"),
            ("imap", Manner::Says(b"* OK\r\na token=hunter2\r\n"), "something else"),
            ("pop3", Manner::Says(b"-ERR token=hunter2\r\n"), "`-ERR`"),
            ("pop3", Manner::Says(b"+OK\r\nhunter2\r\n"), "something else"),
        ]
        .into_iter()
        .map(|(scheme, manner, reason)| (scheme, TlsServer::start(manner), reason))
        .collect();
        let endpoints: Vec<_> =
            servers.iter().map(|(scheme, server, _)| format!("{scheme}:127.0.0.1:{}", server.port)).collect();
        let found = named(&app, &certificate, &endpoints).await;
        assert!(!json!(found).to_string().contains("hunter2"), "{found:?}");
        for (endpoint, (_, _, reason)) in endpoints.iter().zip(&servers) {
            let name = endpoint.strip_prefix("tls:").unwrap_or(endpoint);
            let one = found.iter().find(|one| one["endpoint"] == name).unwrap();
            assert!(text(&one["reason"]).contains(reason), "wanted `{reason}`: {one}");
        }
    }

    async fn what_was_seen_before_stays_while_a_server_is_away(app: TestApp) {
        let certificate = issued(&app).await;
        let server = serve(Manner::Serves("tls"), &certificate);
        let before = named(&app, &certificate, &[format!("localhost:{}", server.port)]).await;
        drop(server);
        let after = checked(&app, &certificate).await;
        assert_eq!(after[0]["state"], "unreachable");
        for same in ["deployed_since", "served", "findings"] {
            assert_eq!(after[0][same], before[0][same], "{same}");
        }
    }

    async fn a_server_that_hangs_holds_up_no_other_one(app: TestApp) {
        let certificate = issued(&app).await;
        let (slow, live) = (TlsServer::start(Manner::Hangs), servers(&certificate));
        let is_seen = |one: &&Value| one["state"] != "unchecked";
        let mut endpoints = vec![format!("127.0.0.1:{}", slow.port)];
        endpoints.extend(live.iter().map(|server| format!("localhost:{}", server.port)));
        app.patch(&path(&certificate), json!({ "endpoints": endpoints })).await.json_with(StatusCode::OK);
        let row = app.eventually(&path(&certificate), |row| list(row).iter().filter(is_seen).count() >= live.len()).await;
        let hanging = list(&row).into_iter().find(|one| one["endpoint"] == endpoints[0]).unwrap();
        assert_eq!(hanging["state"], "unchecked", "the others did not wait for it: {row}");

        let begun = app.post("/v1/pki/discover", json!({ "targets": endpoints })).await.json_with(StatusCode::ACCEPTED);
        let path = format!("/v1/pki/discover/{}", text(&begun["id"]));
        let found = app.eventually(&path, |found| found["done_count"].as_u64() >= Some(live.len() as u64)).await;
        assert_eq!(found["targets"][0]["state"], "waiting", "the others did not wait for it: {found}");
        app.eventually(&path, |found| found["is_done"] == true).await;
    }

    /// Somebody waits for the answer.
    async fn what_is_named_while_a_server_hangs_is_looked_at_at_once(app: TestApp) {
        let certificate = issued(&app).await;
        let (slow, server) = (TlsServer::start(Manner::Hangs), serve(Manner::Serves("tls"), &certificate));
        let hanging = format!("127.0.0.1:{}", slow.port);
        app.patch(&path(&certificate), json!({ "endpoints": [hanging] })).await.json_with(StatusCode::OK);
        slow.is_called();
        let both = json!({ "endpoints": [hanging, format!("localhost:{}", server.port)] });
        app.patch(&path(&certificate), both).await.json_with(StatusCode::OK);
        let row = app.eventually(&path(&certificate), |row| row["endpoints"][1]["state"] == "deployed").await;
        assert_eq!(row["endpoints"][0]["state"], "unchecked", "{row}");
    }

    /// One tenant has many endpoints that take their full time, and another one has one.
    async fn nobody_waits_for_the_endpoints_of_others(app: TestApp) {
        let certificate = issued(&app).await;
        let slow = TlsServer::start(Manner::Hangs);
        let mut hanging: Vec<String> =
            SCHEMES.iter().map(|scheme| format!("{scheme}:localhost:{}", slow.port)).collect();
        hanging.extend(SCHEMES.iter().map(|scheme| format!("{scheme}:127.0.0.1:{}", slow.port)));
        app.patch(&path(&certificate), json!({ "endpoints": hanging })).await.json_with(StatusCode::OK);
        let (_, other) = app.another_tenant("second").await;
        let post = async |path: &str, body: Value| app.post_as(&other, path, body).await.json();
        let root = json!({ "name": "root", "common_name": "Root", "ca_type": "root", "key_type": "ec" });
        let root = post("/v1/pki/ca", root).await;
        let role = json!({ "name": "any", "ca_id": root["id"], "allow_any_name": true, "key_type": "ec" });
        post("/v1/pki/roles", role).await;
        let theirs = post("/v1/pki/issue/any", json!({ "common_name": "localhost" })).await;
        let server = serve(Manner::Serves("tls"), &theirs);
        let body = json!({ "endpoints": [format!("localhost:{}", server.port)] }).to_string().into_bytes();
        let body = Some(("application/json", body));
        app.send(poem::http::Method::PATCH, &path(&theirs), Some(&other), &[], body).await;
        let found = post(&format!("{}/check", path(&theirs)), json!({})).await;
        assert_eq!(list(&found)[0]["state"], "deployed", "{found}");
        let rows = list(&app.get(&path(&certificate)).await.json());
        assert!(rows.iter().any(|one| one["state"] == "unchecked"), "the others are not done yet: {rows:?}");
        app.patch(&path(&certificate), json!({ "endpoints": [] })).await.json_with(StatusCode::OK);
    }
}

//! The text log of a process that is sent texts which look like lines of a log.

use reqwest::Method;
use serde_json::json;

use crate::site::{Site, stop};

/// A client, or a server that we ask, writes its own lines into the log that a person reads, and steers the person's terminal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_makes_no_line_of_the_log() {
    let site = Site::embedded().with("CERTMILL_LOG__FILTER", "debug");
    let mut api = site.dev().await;
    let ca = api.root_ca("root").await;
    api.role("web", &ca).await;
    let forged = "2026-01-01T00:00:00.000000Z  INFO certmill::audit: admin token created by operator";
    let text = format!("x\n{forged}\r\u{1b}[2J\0\u{9b}");
    for (path, body) in [
        ("/v1/pki/issue/web", json!({ "common_name": text })),
        ("/v1/pki/issue/web", json!({ "common_name": "a.example.internal", text.clone(): 1 })),
        ("/v1/pki/dns-providers", json!({ "name": "x", "type": text, "config": {} })),
    ] {
        let refused = api.send(Method::POST, path, Some(body)).await;
        assert!(refused.status.is_client_error(), "{path}: {refused:?}");
    }
    stop(&mut api.process);
    let log = api.process.log();
    assert!(log.lines().any(|line| line.contains(forged)), "it is told what was sent: {log}");
    assert!(!log.lines().any(|line| line.starts_with(forged)), "a line of its own: {log}");
    assert!(!log.contains(|c: char| c.is_control() && c != '\n'), "{log:?}");
}

//! The end of a listener, which no client may put off.

use std::sync::Arc;
use std::time::Duration;

use certmill_listen::Limits;
use tests::{Mode, TestApp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{bind, having_sent};

/// A rolling update waits for every process, so whoever keeps one from ending keeps all from being replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_listener_ends_in_time_whatever_its_clients_do() {
    let grace = Duration::from_secs(2);
    let limits = Limits { grace, ..Limits::default() };
    let app = TestApp::start(Mode::Embedded).await;
    let stop = CancellationToken::new();
    let mut listeners = JoinSet::new();
    let mut addresses = Vec::new();
    let listener = bind(limits.clone()).await;
    addresses.push(listener.address());
    listeners.spawn(certmill_listen::serve(
        listener,
        None,
        certmill_api::service(app.app.clone(), None),
        stop.clone(),
    ));
    let listener = bind(limits.clone()).await;
    addresses.push(listener.address());
    let operations = certmill_api::operations_service(app.app.clone(), Arc::new(String::new));
    listeners.spawn(certmill_listen::serve(listener, None, operations, stop.clone()));
    let listener = bind(limits.clone()).await;
    addresses.push(listener.address());
    let responder = certmill_api::acme_responder(app.app.clone());
    listeners.spawn(certmill_listen::serve(listener, None, responder, stop.clone()));
    let listener = bind(limits.clone()).await;
    addresses.push(listener.address());
    listeners.spawn(certmill_api::tls_alpn::serve(app.app.clone(), listener, stop.clone()));

    let body = format!(
        "POST /v1/pki/ca HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        app.admin
    );
    let unread = "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let half_handshake = "\u{16}\u{3}\u{1}\u{2}\u{0}";
    let mut clients = Vec::new();
    for address in addresses {
        for sent in ["", "GET /healthz HTTP/1.1\r\nHost", &body, &unread, half_handshake] {
            clients.push(having_sent(address, sent.as_bytes()).await);
        }
    }
    stop.cancel();
    let all = async { while listeners.join_next().await.is_some() {} };
    tokio::time::timeout(grace + Duration::from_secs(10), all).await.expect("a client keeps a listener open");
    drop(clients);
}

/// Clients that have nothing in hand need no time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_heads_are_not_waited_for() {
    let limits = Limits { grace: Duration::from_mins(1), ..Limits::default() };
    let site = super::Site::open(limits, None).await;
    let mut clients = Vec::new();
    for sent in ["", "GET /healthz HTTP/1.1\r\nHost", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] {
        clients.push(having_sent(site.address, sent.as_bytes()).await);
        site.must_serve(super::HERE).await;
    }
    site.stop.cancel();
    tokio::time::timeout(Duration::from_secs(20), site.served)
        .await
        .expect("half a head is waited for")
        .unwrap();
}

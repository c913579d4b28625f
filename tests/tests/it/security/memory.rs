//! Memory before and after a caller is known: what is not read, what is shared, and what cannot grow.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use certmill_domain::Scope;
use futures_util::TryStreamExt;
use futures_util::future::join_all;
use poem::http::{Method, StatusCode, header};
use poem::listener::TcpAcceptor;
use poem::{Endpoint, EndpointExt, Request, Response};
use serde_json::json;
use tests::{Mode, TestApp, both_modes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::access::rows::Rows;
use crate::access::world::World;
use crate::ca::text;
use crate::openapi::{OPEN, operations};

/// The service as an endpoint, for bodies as they are handed to a connection.
fn endpoint(app: &TestApp) -> impl Endpoint<Output = Response> + use<> {
    certmill_api::service(app.app.clone(), None)
}

async fn call(service: &impl Endpoint<Output = Response>, request: Request) -> Response {
    service.call(request).await.unwrap()
}

async fn body_of(service: &impl Endpoint<Output = Response>, path: &str) -> Vec<Bytes> {
    let response = call(service, Request::builder().uri(path.parse().unwrap()).finish()).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let said: usize = response.headers()[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    let pieces = pieces(response).await;
    assert_eq!(said, length(&pieces), "{path}");
    pieces
}

/// A body in the pieces in which a connection gets it. None of them is large: a connection copies what it is about to send,
/// which would be the whole body for each reader.
async fn pieces(response: Response) -> Vec<Bytes> {
    let pieces: Vec<Bytes> = response.into_body().into_bytes_stream().try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= 64 << 10), "a connection copies the whole");
    pieces
}

fn length(pieces: &[Bytes]) -> usize {
    pieces.iter().map(Bytes::len).sum()
}

/// Where the pieces are in memory.
fn places(pieces: &[Bytes]) -> Vec<usize> {
    pieces.iter().map(|piece| piece.as_ptr() as usize).collect()
}

async fn serve(app: &TestApp) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = certmill_api::service(app.app.clone(), None).boxed();
    let server = poem::Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
    tokio::spawn(server.run(endpoint));
    address
}

/// The beginning of the answer to a head whose body does not come.
async fn answer_to_head(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    let reading = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer));
    let length = reading.await.unwrap_or_else(|_| panic!("no answer before the body: {head}")).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

both_modes! {
    /// Many connections announce a megabyte each, send it slowly or never, and show no token, or one that is not enough:
    /// each is answered by its head, and nothing of its body is waited for or held.
    async fn a_body_is_not_read_before_its_sender_may_send_it(app: TestApp) {
        let (world, address) = (World::new(&app).await, serve(&app).await);
        let (reader, issuer) = (app.token(Scope::Read).await, app.token(Scope::Issue).await);
        let mut tried = 0;
        for operation in operations() {
            if OPEN.contains(&operation.path.as_str()) || operation.method == Method::GET {
                continue;
            }
            let (path, _) = world.sample(&operation);
            let mut cases = vec![(String::new(), "401"), (format!("Authorization: Bearer cmt_{}\r\n", "0".repeat(64)), "401")];
            match operation.spec["x-required-scope"].as_str().unwrap() {
                "pki:admin" => cases.push((format!("Authorization: Bearer {issuer}\r\n"), "403")),
                "pki:issue" => cases.push((format!("Authorization: Bearer {reader}\r\n"), "403")),
                _ => {}
            }
            for (credentials, status) in cases {
                for length in ["Content-Length: 1048576", "Content-Length: 999999999999", "Transfer-Encoding: chunked"] {
                    let head = format!(
                        "{} {path} HTTP/1.1\r\nHost: pki.test\r\nContent-Type: application/json\r\n{credentials}{length}\r\n\r\n",
                        operation.method
                    );
                    assert_eq!(answer_to_head(address, &head).await, format!("HTTP/1.1 {status}"), "{head}");
                    tried += 1;
                }
            }
        }
        assert!(tried > 200, "only {tried}");
        // Paths without a token take no body either.
        for (path, status) in [("/nothing", "404"), ("/healthz", "405")] {
            let head = format!("POST {path} HTTP/1.1\r\nHost: pki.test\r\nContent-Length: 1048576\r\n\r\n");
            assert_eq!(answer_to_head(address, &head).await, format!("HTTP/1.1 {status}"));
        }
        let head = "GET /healthz HTTP/1.1\r\nHost: pki.test\r\nContent-Length: 1048576\r\n\r\n";
        assert_eq!(answer_to_head(address, head).await, "HTTP/1.1 200");
        app.expect_dead_jobs();
    }

    /// Whoever is refused by the head of a call that would have changed something is in the audit log all the same.
    async fn what_is_refused_by_its_head_has_its_audit_row(app: TestApp) {
        let address = serve(&app).await;
        let reader = app.token(Scope::Read).await;
        for (token, length, status) in [(reader.as_str(), 1_000, "403"), (app.admin.as_str(), 2_000_000, "413")] {
            let head = format!(
                "POST /v1/pki/roles HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
            );
            assert_eq!(answer_to_head(address, &head).await, format!("HTTP/1.1 {status}"));
        }
        let log = app.get("/v1/audit/logs?action=role.create").await.json_with(StatusCode::OK);
        let mut codes: Vec<&str> =
            log["logs"].as_array().unwrap().iter().map(|row| text(&row["error_code"])).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["body_too_large", "insufficient_scope"], "{log}");
    }

    /// Many read a large CRL slowly, and need no token for that: they share one copy, and the database is asked for it once.
    async fn readers_of_a_crl_share_one_copy(app: TestApp) {
        let root = app.root_ca("root").await;
        let (id, path) = (text(&root["id"]), format!("/pub/crl/{}.crl", text(&root["id"])));
        let service = endpoint(&app);
        let large = vec![7; 3 << 20];
        let mut rows = Rows::of(&app).await;
        let octets: Vec<_> = large.iter().map(|octet| format!("{octet:02x}")).collect();
        let octets = octets.concat();
        let literal =
            if app.database_url().starts_with("sqlite:") { format!("X'{octets}'") } else { format!("'\\x{octets}'") };
        rows.execute(&format!("UPDATE crls SET der = {literal}, number = 7 WHERE ca_id = '{id}'")).await;
        let bodies = join_all((0..40).map(|_| body_of(&service, &path))).await;
        for body in &bodies {
            assert_eq!(body.concat(), large);
            assert_eq!(places(body), places(&bodies[0]), "a reader has a copy of its own");
        }
        // Those who have a token read the same one.
        let request = Request::builder()
            .uri(format!("/v1/pki/ca/{id}/crl").parse().unwrap())
            .header("authorization", format!("Bearer {}", app.admin));
        let body = pieces(call(&service, request.finish()).await).await;
        assert_eq!(places(&body), places(&bodies[0]));
        // A part is a part of it.
        let request = Request::builder().uri(path.parse().unwrap()).header(header::RANGE, "bytes=100-199");
        let part = call(&service, request.finish()).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()[header::CONTENT_RANGE], format!("bytes 100-199/{}", large.len()));
        let part = pieces(part).await;
        assert_eq!((length(&part), places(&part)), (100, vec![places(&bodies[0])[0] + 100]));
    }

    /// A CRL that is kept in memory is never an outdated one: once a newer one is built, it is what everybody gets.
    async fn a_shared_crl_is_the_present_one(app: TestApp) {
        let root = app.root_ca("root").await;
        let (id, path) = (text(&root["id"]), format!("/pub/crl/{}.crl", text(&root["id"])));
        let service = endpoint(&app);
        app.role("web", id).await;
        let mut before = body_of(&service, &path).await.concat();
        for round in 0..5 {
            let issued = app.issue("web", "a.example.internal").await;
            let body = json!({ "serial_number": issued["serial_number"] });
            app.post("/v1/pki/revoke", body).await.json_with(StatusCode::OK);
            let built = app.post(&format!("/v1/pki/ca/{id}/crl"), json!({})).await.json_with(StatusCode::OK);
            let present = body_of(&service, &path).await.concat();
            assert!(present != before, "round {round}: the outdated list");
            let of_tenant = format!("/v1/pki/ca/{id}/crl");
            let headers = [("accept", "text/plain")];
            let pem = app.send(Method::GET, &of_tenant, Some(&app.admin), &headers, None).await;
            assert_eq!(pem.text(), text(&built["crl_pem"]), "round {round}");
            let der = certmill_x509::pem::decode_one(&["X509 CRL"], text(&built["crl_pem"])).unwrap();
            assert_eq!(present, der, "round {round}");
            before = present;
        }
    }
}

/// The pages that are the same for everybody are large, and need no token: each is there once, however many read it.
#[tokio::test]
async fn the_document_and_its_page_are_shared() {
    let app = TestApp::without_worker(Mode::Embedded).await;
    let service = endpoint(&app);
    for path in ["/openapi.json", "/docs"] {
        let (one, other) = (body_of(&service, path).await, body_of(&service, path).await);
        assert!(length(&one) > 100_000 && places(&one) == places(&other), "{path} is copied for each reader");
    }
}

/// Whoever needs no token makes up methods and paths: each would be a time series of its own, for as long as the process
/// lives.
#[tokio::test]
async fn made_up_methods_and_paths_make_no_time_series() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recorded = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::without_worker(Mode::Embedded).await;
    let service = endpoint(&app);
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method.parse().unwrap()).uri(path.parse().unwrap());
        call(&service, request.finish()).await.status()
    };
    let series =
        || handle.render().lines().filter(|line| line.starts_with("certmill_http_requests_total")).count();
    for method in ["GET", "MADEUP"] {
        for path in ["/healthz", "/nothing", "/v1/pki/ca/ca_1/crl"] {
            ask(method, path).await;
        }
    }
    let before = series();
    assert!(before >= 6, "{}", handle.render());
    let (long, mut statuses) = ("M".repeat(60_000), std::collections::BTreeSet::new());
    for number in 0..300 {
        statuses.insert(ask(&format!("M{number}"), "/healthz").await);
        statuses.insert(ask(&format!("{long}{number}"), "/v1/pki/ca/ca_1/crl").await);
        ask("GET", &format!("/v1/pki/ca/ca_{number}/crl")).await;
        ask("GET", &format!("/n{number}")).await;
    }
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), [StatusCode::METHOD_NOT_ALLOWED]);
    assert_eq!(series(), before, "{}", handle.render());
    let said = handle.render();
    for labels in [
        "method=\"OTHER\",route=\"/healthz\",status=\"405\"",
        "method=\"GET\",route=\"/v1/pki/ca/{id}/crl\",status=\"401\"",
        "method=\"GET\",route=\"other\",status=\"404\"",
    ] {
        assert!(said.contains(labels), "no {labels} in {said}");
    }
}

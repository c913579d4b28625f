//! The service behind a real socket, spoken to in plain bytes.

use std::net::SocketAddr;
use std::time::Duration;

use certmill_listen::{Limits, Listener, Room};
use poem::http::Method;
use tests::{Mode, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn bodies_over_the_limit_are_refused_however_they_are_sent() {
    let app = TestApp::start(Mode::Embedded).await;
    let address = serve(&app).await;
    let padded = |length: usize| format!("{{\"reason\":\"{}\"}}", "a".repeat(length - 13));
    let chunks = |body: &str| {
        let chunks = body
            .as_bytes()
            .chunks(65_536)
            .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)));
        chunks.chain(["0\r\n\r\n".to_owned()]).collect::<String>()
    };
    for (case, length, chunked, status, code) in [
        ("2 MiB with a length", 2 * LIMIT, false, 413, "body_too_large"),
        ("2 MiB in chunks", 2 * LIMIT, true, 413, "body_too_large"),
        ("one byte too many with a length", LIMIT + 1, false, 413, "body_too_large"),
        ("one byte too many in chunks", LIMIT + 1, true, 413, "body_too_large"),
        ("just the limit with a length", LIMIT, false, 422, "validation_error"),
        ("just the limit in chunks", LIMIT, true, 422, "validation_error"),
    ] {
        let body = padded(length);
        assert_eq!(body.len(), length);
        let (header, body) = if chunked {
            ("Transfer-Encoding: chunked".to_owned(), chunks(&body))
        } else {
            (format!("Content-Length: {length}"), body)
        };
        let head = format!(
            "POST /v1/pki/ca/ca_unknown/revoke HTTP/1.1\r\nHost: pki.test\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{header}\r\n\r\n",
            app.admin
        );
        let answer = exchange(address, &format!("{head}{body}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {}", shortened(&answer));
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{case}: {}", shortened(&answer));
        assert!(answer.to_lowercase().contains("\r\nx-request-id: req_"), "{case}: {}", shortened(&answer));
    }
}

#[tokio::test]
async fn head_answers_as_get_without_the_body() {
    let app = TestApp::start(Mode::Embedded).await;
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    let address = serve(&app).await;
    for path in [
        "/healthz".to_owned(),
        format!("/pub/crl/{ca}.crl"),
        format!("/pub/ca/{ca}.crt"),
        format!("/v1/pki/ca/{ca}"),
    ] {
        let ask = async |method: Method| {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: pki.test\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
                app.admin
            );
            let answer = exchange(address, &request).await;
            let (head, body) =
                answer.split_once("\r\n\r\n").map(|(head, body)| (head.to_owned(), body.to_owned())).unwrap();
            let wanted = |line: &&str| {
                ["content-type", "etag", "cache-control"]
                    .iter()
                    .any(|name| line.to_lowercase().starts_with(name))
            };
            let status = head.lines().next().unwrap().to_owned();
            let mut headers: Vec<_> = head.lines().filter(wanted).map(ToOwned::to_owned).collect();
            headers.sort();
            (status, headers, body)
        };
        let (get, head) = (ask(Method::GET).await, ask(Method::HEAD).await);
        assert_eq!((&get.0, &get.1), (&head.0, &head.1), "{path}");
        assert!(
            get.0.contains(" 200 ") && !get.2.is_empty() && head.2.is_empty(),
            "{path}: {get:?} {head:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_request_does_not_harm_the_next_one() {
    let app = TestApp::start(Mode::Embedded).await;
    let address = serve(&app).await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "a".repeat(100_000));
    for broken in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/pki/revoke HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        &long,
    ] {
        let answer = exchange(address, broken).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{}", shortened(&answer));
        let next = exchange(address, "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(next.starts_with("HTTP/1.1 200 "), "after {:?}: {}", shortened(broken), shortened(&next));
    }
}

#[tokio::test]
async fn accept_chooses_a_form_and_nothing_else() {
    let app = TestApp::start(Mode::Embedded).await;
    let ca = app.root_ca("root").await["id"].as_str().unwrap().to_owned();
    let (json, pem, der) = ("application/json", "application/x-pem-file", "application/pkix-cert");
    let path = format!("/v1/pki/ca/{ca}/certificate");
    for (accept, expected) in [
        ("", json),
        ("*/*", json),
        (json, json),
        (pem, pem),
        (der, der),
        ("text/plain", "text/plain; charset=utf-8"),
        ("Application/PKIX-Cert", der),
        ("application/pkix-cert, application/json;q=0.9", der),
        ("application/json;q=0.1, application/x-pem-file;q=0.2", pem),
        ("text/html, application/xhtml+xml, */*;q=0.8", json),
        ("application/pkix-cert;q=0, */*", json),
        (";;;,,,q=", json),
    ] {
        let headers: &[(&str, &str)] = if accept.is_empty() { &[] } else { &[("accept", accept)] };
        let answer = app.send(Method::GET, &path, Some(&app.admin), headers, None).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type").as_str()),
            (200, expected),
            "`{accept}`"
        );
        assert_eq!(answer.header("vary"), "Accept", "`{accept}`: caches would mix the forms");
        let starts: &[u8] = if expected == json {
            b"{"
        } else if expected == der {
            b"\x30\x82"
        } else {
            b"-----BEGIN CERTIFICATE"
        };
        assert!(answer.body.starts_with(starts), "`{accept}`: {}", answer.text());
    }
    // Errors are JSON whatever is asked for.
    let missing = "/v1/pki/ca/ca_unknown/certificate";
    let answer = app.send(Method::GET, missing, Some(&app.admin), &[("accept", der)], None).await;
    assert_eq!(answer.header("content-type"), json);
    answer.error(404, "ca_not_found");
}

/// Puts the service behind a port of its own.
async fn serve(app: &TestApp) -> SocketAddr {
    let room = Room::for_files(1024);
    let any = ([127, 0, 0, 1], 0).into();
    let listener = Listener::bind("api", any, Limits::default(), &room).await.unwrap();
    let address = listener.address();
    let endpoint = certmill_api::service(app.app.clone(), None);
    tokio::spawn(certmill_listen::serve(listener, None, endpoint, CancellationToken::new()));
    address
}

/// Sends bytes and reads what comes until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let talk = async {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let request = request.to_owned();
        // A server that refuses early need not read the rest: writing may fail while the answer is already there.
        let writing = tokio::spawn(async move {
            let _ = writer.write_all(request.as_bytes()).await;
            writer
        });
        let mut answer = Vec::new();
        let _ = reader.read_to_end(&mut answer).await;
        writing.abort();
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::time::timeout(Duration::from_secs(20), talk).await.expect("no answer within 20 s")
}

fn shortened(text: &str) -> String {
    text.chars().take(600).collect()
}

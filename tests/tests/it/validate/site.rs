//! A web site on 127.0.0.1 that serves CRLs and answers OCSP requests, well or badly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Makes an answer from a request's body.
type Answering = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// What a path answers.
#[derive(Clone)]
pub(crate) enum Page {
    /// 200 with these octets.
    Body(Vec<u8>),
    /// 200 with these octets, whose number is not told before.
    Unannounced(Vec<u8>),
    /// 200 and a length, but not one octet of it.
    Announced(u64),
    /// This status and nothing else.
    Status(u16),
    /// 302 to this URL.
    Redirect(String),
    /// Reads the request and says nothing.
    Silence,
    /// 200 with what is made of the request's body.
    Made(Answering),
}

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, Page>>,
    hits: Mutex<Vec<String>>,
}

/// The site; dropping it closes it.
pub(crate) struct Site {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            // Its end drops the connections that are still served.
            let mut served = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                served.spawn(serve(stream, Arc::clone(&of_task)));
            }
        });
        Self { port, shared, task }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Says what a path answers from now on; any other path is 404.
    pub(crate) fn set(&self, path: &str, page: Page) {
        self.shared.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// The requests since this was last asked, such as `GET /ca.crl`.
    pub(crate) fn hits(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.hits.lock().unwrap())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one request of a connection. Whoever hangs up is let go.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some((line, body)) = request(&mut stream).await else { return };
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    shared.hits.lock().unwrap().push(format!("{method} {path}"));
    let page = shared.pages.lock().unwrap().get(path).cloned().unwrap_or(Page::Status(404));
    let (head, body) = match page {
        Page::Body(body) => (format!("200 OK\r\nContent-Length: {}", body.len()), body),
        Page::Unannounced(body) => ("200 OK".to_owned(), body),
        Page::Announced(length) => (format!("200 OK\r\nContent-Length: {length}"), Vec::new()),
        Page::Status(status) => (format!("{status} No\r\nContent-Length: 0"), Vec::new()),
        Page::Redirect(to) => (format!("302 Found\r\nLocation: {to}\r\nContent-Length: 0"), Vec::new()),
        Page::Made(make) => {
            let body = tokio::task::spawn_blocking(move || make(&body)).await.unwrap();
            (format!("200 OK\r\nContent-Length: {}", body.len()), body)
        }
        Page::Silence => {
            // Ends when the other side has had enough.
            let _ = stream.read_u8().await;
            return;
        }
    };
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
    let _ = stream.shutdown().await;
}

/// The request line and the body.
async fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut octets = Vec::new();
    let end = loop {
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut octets).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while octets.len() < end + length {
        if stream.read_buf(&mut octets).await.ok()? == 0 {
            return None;
        }
    }
    let line = String::from_utf8_lossy(&octets[..end]).lines().next()?.to_owned();
    Some((line, octets.split_off(end)))
}

//! A server for tests that reads whole HTTP requests and answers them from a script.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What is sent for one request.
pub struct Answer {
    text: String,
    piece: usize,
}

/// An answer in one piece; an empty one sends nothing.
pub fn answer(text: &str) -> Answer {
    Answer { text: text.to_owned(), piece: text.len().max(1) }
}

impl Answer {
    /// Sends the answer in pieces of so many bytes, each as a packet of its own.
    pub fn in_pieces_of(mut self, bytes: usize) -> Self {
        self.piece = bytes;
        self
    }
}

/// Serves one connection after the other.
pub struct TestServer {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    /// `script`: for each connection the answers to its requests. After the last answer the connection is closed.
    pub async fn start(script: Vec<Vec<Answer>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            for answers in script {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                for answer in answers {
                    let Some(request) = read_request(&mut stream).await else {
                        break;
                    };
                    seen.lock().unwrap().push(request);
                    for piece in answer.text.as_bytes().chunks(answer.piece) {
                        stream.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
        Self { url, requests }
    }

    /// The server's base URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a head and as much of a body as it announces; nothing when the client is gone.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            if body.len() == length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return None;
        }
    }
}

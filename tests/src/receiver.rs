//! A receiver of events: it notes what it is sent, and answers what a test wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::endpoint::make;
use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Request, Response, Server};
use serde_json::Value;
use tokio::task::JoinHandle;

/// What came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub text: String,
}

/// What is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// An answer with this status.
    Status(u16),
    /// Nothing, for longer than anybody waits.
    Hang,
    /// 200 with more than anybody wants to read.
    Large,
}

type Behaviour = Box<dyn Fn(&Received) -> Reply + Send + Sync>;

struct State {
    received: Mutex<Vec<Received>>,
    behaviour: Mutex<Behaviour>,
}

/// A server on this machine, until it is dropped.
pub struct Receiver {
    state: Arc<State>,
    /// Where it is sent to.
    pub url: String,
    server: JoinHandle<()>,
}

impl Received {
    /// A header; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// What the event is about.
    pub fn object(&self) -> String {
        self.body()["object"].as_str().unwrap_or_default().to_owned()
    }
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let state = Arc::new(State {
            received: Mutex::default(),
            behaviour: Mutex::new(Box::new(|_| Reply::Status(204))),
        });
        let shared = Arc::clone(&state);
        let endpoint = make(move |request: Request| {
            let state = Arc::clone(&shared);
            async move { Ok::<_, poem::Error>(state.answer(request).await) }
        });
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
        let port = acceptor.local_addr()[0].as_socket_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let _ = Server::new_with_acceptor(acceptor).run(endpoint).await;
        });
        Self { state, url: format!("http://127.0.0.1:{port}/events?of=certmill"), server }
    }

    /// Answers so from now on.
    pub fn behave(&self, behaviour: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *self.state.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    /// Everything that came, oldest first.
    pub fn all(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// Everything that came, once this holds of it; fails the test after 30 s.
    pub async fn until(&self, wanted: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let arrived = async {
            loop {
                let all = self.all();
                if wanted(&all) {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), arrived)
            .await
            .unwrap_or_else(|_| panic!("it never came: {:#?}", self.all()))
    }

    /// The first `count` that came.
    pub async fn first(&self, count: usize) -> Vec<Received> {
        self.until(|all| all.len() >= count).await
    }
}

impl State {
    async fn answer(&self, mut request: Request) -> Response {
        let text = request.take_body().into_string().await.unwrap();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let received = Received { headers: headers.collect(), text };
        let reply = (self.behaviour.lock().unwrap())(&received);
        self.received.lock().unwrap().push(received);
        match reply {
            Reply::Status(status) => Response::builder()
                .status(StatusCode::from_u16(status).unwrap())
                .header("location", "/elsewhere")
                .finish(),
            Reply::Hang => std::future::pending().await,
            Reply::Large => Response::builder().body(" ".repeat(1 << 20)),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

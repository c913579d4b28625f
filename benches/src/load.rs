//! Drives requests over many connections and measures each.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::task::LocalSet;

use crate::{
    client::{Connection, Response, Target, TransportError},
    latency::Latencies,
};

/// How long a connection waits after an exchange without a response, so that a service that is down is not hammered.
const AFTER_FAILURE: Duration = Duration::from_millis(20);

/// What is sent, and which answers are successes.
pub trait Exercise {
    /// Appends the whole request with this number, from 0.
    fn append_request(&self, index: usize, request: &mut Vec<u8>);

    /// Whether the response is a success. May keep something of it. Called for each response, so it must be cheap.
    fn accept(&self, response: &Response<'_>) -> bool;
}

/// How much is sent, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Requests in all.
    pub count: usize,
    /// Connections, each with one request at a time.
    pub concurrency: usize,
    /// How long one response may take.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From the first request to the last response; connecting is not in it.
    pub elapsed: Duration,
    /// Of the successes only: a refusal is answered faster than the work is done.
    pub latencies: Latencies,
    /// How often each status with its error code, or each transport error, came.
    pub errors: BTreeMap<String, u64>,
    /// How often a server's close made a connection be made again.
    pub reconnects: u64,
}

/// Sends `plan.count` requests over `plan.concurrency` connections, which are open before the clock starts.
///
/// # Errors
/// When the connections cannot be opened. What fails later is counted in the outcome.
pub async fn run<E: Exercise + 'static>(
    target: &Rc<Target>,
    plan: &Plan,
    exercise: Rc<E>,
) -> anyhow::Result<Outcome> {
    let mut connections = Vec::new();
    for _ in 0..plan.concurrency.min(plan.count) {
        let mut connection = Connection::new(Rc::clone(target), plan.patience);
        connection.connect().await.with_context(|| format!("cannot connect to {}", target.authority()))?;
        connections.push(connection);
    }
    let shared = Rc::new(Shared {
        exercise,
        count: plan.count,
        next: Cell::new(0),
        outcome: RefCell::new(Outcome {
            latencies: Latencies::with_capacity(plan.count),
            ..Outcome::default()
        }),
    });
    let tasks = LocalSet::new();
    let started = Instant::now();
    for connection in connections {
        tasks.spawn_local(drive(connection, Rc::clone(&shared)));
    }
    tasks.await;
    let mut outcome = shared.outcome.take();
    outcome.elapsed = started.elapsed();
    Ok(outcome)
}

struct Shared<E> {
    exercise: Rc<E>,
    count: usize,
    next: Cell<usize>,
    outcome: RefCell<Outcome>,
}

/// Takes numbers until none is left.
async fn drive<E: Exercise>(mut connection: Connection, shared: Rc<Shared<E>>) {
    let mut request = Vec::new();
    while shared.next.get() < shared.count {
        let index = shared.next.replace(shared.next.get() + 1);
        request.clear();
        shared.exercise.append_request(index, &mut request);
        let started = Instant::now();
        let failure = match connection.exchange(&request).await {
            Ok(response) if shared.exercise.accept(&response) => {
                let mut outcome = shared.outcome.borrow_mut();
                outcome.latencies.record(started.elapsed());
                continue;
            }
            Ok(response) => Failure::Response(describe(&response)),
            Err(error) => Failure::Transport(error),
        };
        shared.count_error(failure.to_string());
        if matches!(failure, Failure::Transport(_)) {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
    shared.outcome.borrow_mut().reconnects += connection.reconnects();
}

impl<E> Shared<E> {
    fn count_error(&self, label: String) {
        *self.outcome.borrow_mut().errors.entry(label).or_default() += 1;
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Response(String),
    #[error("{0}")]
    Transport(TransportError),
}

/// `429 rate_limited`: the status and the code of the error body, which is what clients branch on.
fn describe(response: &Response<'_>) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(response.body).ok();
    let code = body.as_ref().and_then(|body| body.pointer("/error/code")).and_then(serde_json::Value::as_str);
    format!("{} {}", response.status, code.unwrap_or("unexpected body"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::test_server::{Answer, TestServer, answer};

    struct Numbers;

    impl Exercise for Numbers {
        fn append_request(&self, index: usize, request: &mut Vec<u8>) {
            request.extend_from_slice(format!("GET /{index} HTTP/1.1\r\n\r\n").as_bytes());
        }

        fn accept(&self, response: &Response<'_>) -> bool {
            response.status == 200
        }
    }

    fn ok() -> Answer {
        answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
    }

    async fn run_against(server: &TestServer, plan: Plan) -> Outcome {
        let target = Rc::new(Target::parse(&server.url(), "t").unwrap());
        run(&target, &plan, Rc::new(Numbers)).await.unwrap()
    }

    #[tokio::test]
    async fn counts_successes_errors_and_reconnects() {
        let busy = r#"{"error":{"code":"rate_limited","message":"slower"}}"#;
        let busy = format!("HTTP/1.1 429 Too Many Requests\r\ncontent-length: {}\r\n\r\n{busy}", busy.len());
        let odd = "HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
        let server = TestServer::start(vec![
            vec![ok(), answer(&busy), answer(&busy), answer(odd)],
            vec![ok(), answer("HTTP/1.1 200 OK\r\n")],
            vec![ok()],
        ])
        .await;
        let plan = Plan { count: 7, concurrency: 1, patience: Duration::from_secs(20) };
        let outcome = run_against(&server, plan).await;
        assert_eq!(outcome.latencies.len(), 3);
        assert_eq!(outcome.reconnects, 2);
        let errors: Vec<_> = outcome.errors.iter().map(|(label, n)| (label.as_str(), *n)).collect();
        assert_eq!(
            errors,
            [
                ("201 unexpected body", 1),
                ("429 rate_limited", 2),
                ("connection closed within the response", 1),
            ]
        );
    }

    #[tokio::test]
    async fn sends_each_number_once() {
        let server = TestServer::start(vec![vec![ok(), ok(), ok()]]).await;
        let plan = Plan { count: 3, concurrency: 1, patience: Duration::from_secs(20) };
        run_against(&server, plan).await;
        let requests = server.requests();
        let first_words: Vec<_> = requests.iter().filter_map(|request| request.split(' ').nth(1)).collect();
        assert_eq!(first_words, ["/0", "/1", "/2"]);
    }
}

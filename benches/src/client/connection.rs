//! One keep-alive connection.

use std::{io, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    response::{Response, ResponseReader},
    target::Target,
};

/// Why an exchange brought no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection could be made.
    #[error("connection failed: {0}")]
    Connect(io::Error),
    /// The connection ended before the first byte of the response.
    #[error("connection closed before the response")]
    Closed,
    /// The connection ended within the response.
    #[error("connection closed within the response")]
    Interrupted,
    /// The response was not there in time.
    #[error("no response in time")]
    TimedOut,
    /// The bytes were no HTTP/1.1 response.
    #[error("not an HTTP response: {0}")]
    Malformed(anyhow::Error),
}

/// A connection to the target. It connects when it is used and connects again when the server has closed it.
pub struct Connection {
    target: Rc<Target>,
    patience: Duration,
    stream: Option<TcpStream>,
    reader: ResponseReader,
    connects: u64,
}

impl Connection {
    /// `patience` is how long connecting, or a response, may take.
    pub fn new(target: Rc<Target>, patience: Duration) -> Self {
        Self { target, patience, stream: None, reader: ResponseReader::default(), connects: 0 }
    }

    /// Connects, unless it is connected.
    ///
    /// # Errors
    /// [`TransportError::Connect`] and [`TransportError::TimedOut`].
    pub async fn connect(&mut self) -> Result<(), TransportError> {
        if self.stream.is_none() {
            let connecting = TcpStream::connect(self.target.authority());
            let stream = timeout(self.patience, connecting)
                .await
                .map_err(|_| TransportError::TimedOut)?
                .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
                .map_err(TransportError::Connect)?;
            self.stream = Some(stream);
            self.connects += 1;
        }
        Ok(())
    }

    /// How often the connection had to be made again.
    pub fn reconnects(&self) -> u64 {
        self.connects.saturating_sub(1)
    }

    /// Sends a whole request and waits for the response, whatever its status is.
    ///
    /// When the server has closed a connection that was open from an earlier exchange, before any byte of a response,
    /// the request is sent once more on a new one: servers close idle connections (RFC 9112 section 9.3.1).
    ///
    /// # Errors
    /// Each [`TransportError`]; the next exchange begins with a new connection.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>, TransportError> {
        let reused = self.stream.is_some();
        let mut outcome = self.attempt(request).await;
        if reused && matches!(outcome, Err(TransportError::Closed)) {
            outcome = self.attempt(request).await;
        }
        outcome?;
        Ok(self.reader.response())
    }

    async fn attempt(&mut self, request: &[u8]) -> Result<(), TransportError> {
        self.connect().await?;
        // Taken, so that an error or a timeout leaves no half-read connection behind.
        let Some(mut stream) = self.stream.take() else {
            return Err(TransportError::Closed);
        };
        self.reader.clear();
        timeout(self.patience, transfer(&mut stream, request, &mut self.reader))
            .await
            .map_err(|_| TransportError::TimedOut)??;
        if !self.reader.closes() {
            self.stream = Some(stream);
        }
        Ok(())
    }
}

async fn transfer(
    stream: &mut TcpStream,
    request: &[u8],
    reader: &mut ResponseReader,
) -> Result<(), TransportError> {
    // A server that refuses early closes its reading side and answers all the same, so a failed write is no end yet.
    let written = stream.write_all(request).await;
    loop {
        let received = stream.read_buf(reader.buffer()).await;
        match received {
            Ok(1..) => {
                if reader.advance().map_err(TransportError::Malformed)? {
                    return Ok(());
                }
            }
            Ok(0) if written.is_ok() && reader.close() => return Ok(()),
            Ok(0) | Err(_) if reader.is_empty() => return Err(TransportError::Closed),
            Ok(0) | Err(_) => return Err(TransportError::Interrupted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::test_server::{TestServer, answer};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn connection(server: &TestServer) -> (Connection, Vec<u8>) {
        let target = Rc::new(Target::parse(&server.url(), "cmt_test").unwrap());
        let mut request = Vec::new();
        target.post("/v1/echo").append("{\"n\":1}", &mut request);
        (Connection::new(target, PATIENCE), request)
    }

    #[tokio::test]
    async fn keeps_one_connection_over_many_exchanges() {
        let server = TestServer::start(vec![vec![
            answer("HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\none"),
            answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"),
            answer("HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: 5\r\n\r\nthree"),
        ]])
        .await;
        let (mut connection, request) = connection(&server);
        for (status, body) in [(201, "one"), (200, "two"), (422, "three")] {
            let response = connection.exchange(&request).await.unwrap();
            assert_eq!((response.status, response.body), (status, body.as_bytes()));
        }
        assert_eq!(connection.reconnects(), 0);
        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests[0].starts_with("POST /v1/echo HTTP/1.1\r\n"));
        assert!(requests[0].contains("\r\nauthorization: Bearer cmt_test\r\n"));
        assert!(requests[0].ends_with("\r\n\r\n{\"n\":1}"));
    }

    #[tokio::test]
    async fn reads_a_response_that_comes_byte_by_byte() {
        let slow = answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbyte").in_pieces_of(1);
        let server = TestServer::start(vec![vec![slow]]).await;
        let (mut connection, request) = connection(&server);
        let response = connection.exchange(&request).await.unwrap();
        assert_eq!(response.body, b"byte");
    }

    #[tokio::test]
    async fn connects_again_when_the_server_has_closed() {
        // The first connection ends without notice after one answer, the second one says so.
        let server = TestServer::start(vec![
            vec![answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1")],
            vec![answer("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n2")],
            vec![answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n3")],
        ])
        .await;
        let (mut connection, request) = connection(&server);
        for body in ["1", "2", "3"] {
            let response = connection.exchange(&request).await.unwrap();
            assert_eq!(response.body, body.as_bytes());
        }
        assert_eq!(connection.reconnects(), 2);
        assert_eq!(server.requests().len(), 3);
    }

    #[tokio::test]
    async fn does_not_repeat_a_request_on_a_fresh_connection() {
        let server = TestServer::start(vec![
            vec![answer("")],
            vec![answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")],
        ])
        .await;
        let (mut connection, request) = connection(&server);
        let refusal = connection.exchange(&request).await.unwrap_err();
        assert!(matches!(refusal, TransportError::Closed), "{refusal}");
        assert_eq!(connection.exchange(&request).await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn a_cut_response_is_an_error_and_not_repeated() {
        let cut = answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
        let server =
            TestServer::start(vec![vec![answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), cut]]).await;
        let (mut connection, request) = connection(&server);
        connection.exchange(&request).await.unwrap();
        let refusal = connection.exchange(&request).await.unwrap_err();
        assert!(matches!(refusal, TransportError::Interrupted), "{refusal}");
        assert_eq!(server.requests().len(), 2);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = Rc::new(Target::parse(&url, "t").unwrap());
        let mut connection = Connection::new(target, Duration::from_millis(5));
        let refusal = connection.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(matches!(refusal.unwrap_err(), TransportError::TimedOut));
    }

    #[tokio::test]
    async fn nobody_listening_is_a_connection_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let target = Rc::new(Target::parse(&url, "t").unwrap());
        let mut connection = Connection::new(target, PATIENCE);
        let refusal = connection.exchange(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(matches!(refusal.unwrap_err(), TransportError::Connect(_)));
    }
}

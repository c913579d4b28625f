//! One connection of HTTP: handshake, requests and answers, each in its time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use certmill_domain::{Clock, RequestId, SystemClock, SystemEntropy};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use poem::Endpoint;
use poem::http::uri::Scheme;
use poem::http::{HeaderValue, StatusCode, Version, header};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::body::{Answer, Paced};
use crate::pulse::{Pulse, Reason, Until};
use crate::streams::{self, Streams};
use crate::wire::Wire;
use crate::{Arrival, Limits, Listener, PeerCertificate, Tls};

/// The most octets of a head, and of what is read or written ahead.
const BUFFER: usize = 64 << 10;
/// The most octets of a head on HTTP/2, uncompressed (RFC 9113 §6.5.2).
const HEADER_LIST: u32 = 32 << 10;
/// What a client may send ahead on HTTP/2, on a stream and in all (RFC 9113 §5.2).
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;

type AnswerBody = Answer<BoxBody<Bytes, std::io::Error>>;

/// Serves `endpoint` over HTTP/1.1 and HTTP/2, with or without TLS, until `stop`.
pub async fn serve<E: Endpoint + 'static>(
    listener: Listener,
    tls: Option<Tls>,
    endpoint: E,
    stop: CancellationToken,
) {
    let endpoint = Arc::new(endpoint);
    listener.run(stop, move |arrival| connection(arrival, tls.clone(), Arc::clone(&endpoint))).await;
}

/// What is the same for all requests of a connection.
struct Site<E> {
    endpoint: Arc<E>,
    limits: Arc<Limits>,
    pulse: Arc<Pulse>,
    peer: SocketAddr,
    local: SocketAddr,
    scheme: Scheme,
    certificate: Option<PeerCertificate>,
}

async fn connection<E: Endpoint + 'static>(arrival: Arrival, tls: Option<Tls>, endpoint: Arc<E>) {
    let Arrival { tcp, peer, local, limits, stop, end } = arrival;
    let pulse = Pulse::new();
    let wire = Wire::new(tcp, Arc::clone(&pulse));
    let scheme = if tls.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
    let handshake_timeout = limits.handshake_timeout;
    let mut builder = builder(&limits, end);
    let stopping = stop.clone();
    let site =
        |pulse, certificate| Arc::new(Site { endpoint, limits, pulse, peer, local, scheme, certificate });
    match tls {
        None => speak(wire, &builder, site(pulse, None), stopping).await,
        Some(tls) => {
            let accepted = tokio::select! {
                accepted = timeout(handshake_timeout, tls.accept(wire)) => accepted,
                () = stop.cancelled() => return,
            };
            let Ok(Some(stream)) = accepted else { return };
            builder = match stream.ssl().selected_alpn_protocol() {
                Some(b"h2") => builder.http2_only(),
                _ => builder.http1_only(),
            };
            // The time for a head begins after the handshake.
            pulse.renew();
            let certificate = PeerCertificate::of(stream.ssl());
            speak(stream, &builder, site(pulse, certificate), stopping).await;
        }
    }
}

fn builder(limits: &Limits, end: CancellationToken) -> Builder<Streams> {
    let mut builder = Builder::new(Streams { longest_stall: limits.write_timeout, end });
    // hyper's own time for heads ends neither connections that send nothing nor those that are kept.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEADER_LIST)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(BUFFER)
        .max_pending_accept_reset_streams(20_usize)
        .max_local_error_reset_streams(100_usize);
    builder
}

/// Speaks HTTP on a connection until it ends or has to.
async fn speak<E, S>(stream: S, builder: &Builder<Streams>, site: Arc<Site<E>>, stop: CancellationToken)
where
    E: Endpoint + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (pulse, limits) = (Arc::clone(&site.pulse), Arc::clone(&site.limits));
    let service = service_fn(move |request| answer(Arc::clone(&site), request));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut stopped = pin!(stop.cancelled());
    let mut stopping_since = None;
    let mut timer = pin!(sleep_until(Instant::now() + limits.header_timeout));
    let closed = poll_fn(|context| {
        loop {
            // Reading and writing happen in here, so what is known afterwards is up to date.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            if stopping_since.is_none() && stopped.as_mut().poll(context).is_ready() {
                stopping_since = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
                continue;
            }
            let until = pulse.until(&limits, stopping_since);
            let (Until::Closed(at, _) | Until::Asked(at)) = until;
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            match until {
                Until::Asked(_) => {}
                // A client of HTTP/2 is told, so that it knows that nothing was lost (RFC 9113 §6.8).
                Until::Closed(_, Reason::Idle) if stopping_since.is_none() => {
                    stopping_since = Some(Instant::now());
                    connection.as_mut().graceful_shutdown();
                }
                Until::Closed(_, reason) => return Poll::Ready(Some(reason)),
            }
        }
    });
    if let Some(reason) = closed.await {
        tracing::debug!(reason = reason.as_str(), "a connection was closed");
    }
}

async fn answer<E: Endpoint>(
    site: Arc<Site<E>>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let multiplexed = request.version() == Version::HTTP_2;
    let in_hand = site.pulse.request(multiplexed);
    let mut response =
        if lacks_host(&request) { no_host() } else { site.endpoint.get_response(site.read(request)).await };
    if response.status() == StatusCode::REQUEST_TIMEOUT && !multiplexed {
        // Further octets would be the rest of the body.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    streams::answered();
    let response: Response<BoxBody<Bytes, std::io::Error>> = response.into();
    Ok(response.map(|body| Answer { body, _in_hand: in_hand }))
}

impl<E> Site<E> {
    /// A request as poem knows it, with a body that must keep coming.
    fn read(&self, request: Request<Incoming>) -> poem::Request {
        let (parts, body) = request.into_parts();
        let body = BoxBody::new(Paced::new(body, &self.limits));
        let (local, remote) = (LocalAddr(self.local.into()), RemoteAddr(self.peer.into()));
        let mut request =
            poem::Request::from_parts((parts, local, remote, self.scheme.clone()).into(), body.into());
        if let Some(certificate) = self.certificate {
            request.extensions_mut().insert(certificate);
        }
        request
    }
}

/// Whether a request says nothing, or several things, about which host it is for (RFC 9112 §3.2). Before HTTP/1.1 it need
/// not, and HTTP/2 has `:authority`.
fn lacks_host(request: &Request<Incoming>) -> bool {
    request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1
}

fn no_host() -> poem::Response {
    let id = RequestId::generate(SystemClock.now(), &SystemEntropy).to_string();
    let body = serde_json::json!({ "error": {
        "code": "invalid_request",
        "message": "a request of HTTP/1.1 needs exactly one Host header",
        "request_id": id,
    }});
    poem::Response::builder()
        .status(StatusCode::BAD_REQUEST)
        .content_type("application/json")
        .header("x-request-id", id)
        .header(header::CONNECTION, "close")
        .body(body.to_string())
}

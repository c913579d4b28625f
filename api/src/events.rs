//! `/v1/events`: what happened, as a list, as a call that waits, or as a stream.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use certmill_service::domain::EventKind;
use certmill_service::events::{self, Entry, Feed, FeedRequest, Filter, LONGEST_WAIT, Order};
use certmill_service::{App, Caller, PageRequest, ServiceError};
use futures_util::stream;
use poem::http::header;
use poem::web::Data;
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::{Header, Query};
use poem_openapi::registry::{MetaMediaType, Registry};
use poem_openapi::types::{Any, Type};
use poem_openapi::{Object, OpenApi};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::audit::time;
use crate::auth::{Authorized, Read};
use crate::body::Reply;
use crate::error::ApiError;
use crate::media::{self, Files, Media};
use crate::negotiate::{Form, accepted};
use crate::openapi::Group;
use crate::pki::acme_orders::parse_wait;
use crate::words::{EventOrder, Word};

/// A stream says that it is alive so often: proxies close what is silent for a minute.
const PULSE: Duration = Duration::from_secs(15);
/// The media type of server-sent events.
const STREAM: &str = "text/event-stream";

pub(crate) struct EventsApi;

/// Something that happened.
#[derive(Object, Serialize)]
#[oai(rename = "Event")]
struct EventView {
    /// `evt_…`: the same whenever this event is told.
    event_id: String,
    /// What happened. A newer version may have others.
    event_type: Word<EventKind>,
    /// When, to the microsecond.
    timestamp: String,
    /// Whose.
    tenant_id: String,
    /// Who: the id of a token or of a certificate in the place of one, `operator` for the command line, or `service` for what no call has caused.
    identity_id: String,
    /// The id of what it happened to.
    object: Option<String>,
    /// More about it, as it is now. Of an event about a certificate: `serial_number`, `fingerprint_sha256`, `not_after`, `domains`, and where
    /// there is one `common_name`, `ca_id`, `role`, `renews` and the `reason` of a revocation.
    data: BTreeMap<String, Any<Value>>,
    /// As in the header `X-Request-ID` of the call that caused it.
    request_id: Option<String>,
    /// Send it as `cursor` for what came after this event.
    cursor: String,
}

/// Events.
#[derive(Object, Serialize)]
struct EventList {
    /// In the order that was asked for.
    events: Vec<EventView>,
    /// Send it as `cursor` for what comes next: oldest first, at the end too, for what has yet to happen.
    cursor: Option<String>,
    /// Whether there is more now. A page may be short or empty and yet have more behind it, when little fits the filter.
    has_more: bool,
}

/// Events in the form that was chosen.
struct Told;

impl Files for Told {
    const WHAT: &'static str = "In the form that `Accept` names.";

    fn content() -> Vec<MetaMediaType> {
        let json = MetaMediaType { content_type: Form::Json.essence(), schema: EventList::schema_ref() };
        vec![json, media::of(STREAM, true)]
    }

    fn register(registry: &mut Registry) {
        EventList::register(registry);
    }
}

#[OpenApi(prefix_path = "/v1/events", tag = "Group::Events")]
impl EventsApi {
    /// List events, or wait for them
    ///
    /// In the order in which they were committed, oldest first: whoever goes on from a cursor misses nothing
    /// and gets nothing twice. With `wait=30s` the answer comes with the first event, or after that time (at most `60s`) without
    /// one; without `cursor` and `from` it waits for what is yet to happen.
    ///
    /// With `Accept: text/event-stream` events are sent as they happen (server-sent events): `id` is the cursor, `event` the
    /// type, `data` the event as JSON. A stream ends after a minute, and with it what a revoked token is told; clients such as `EventSource` then go on with
    /// `Last-Event-ID`. Its events come within a second of their commit, while the service has places for all who listen.
    #[oai(path = "/", method = "get", operation_id = "listEvents")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented query parameter")]
    async fn list(
        &self,
        caller: Authorized<Read>,
        app: Data<&App>,
        request: &Request,
        /// Of these types, divided by commas; `certificate.*` for all about certificates.
        r#type: Query<Option<String>>,
        /// About this object, by its id.
        object: Query<Option<String>>,
        /// At this time or later (RFC 3339).
        from: Query<Option<String>>,
        /// Before this time (RFC 3339).
        to: Query<Option<String>>,
        /// `timestamp` (default) for the oldest first, `-timestamp` for the newest first.
        sort: Query<Option<Word<EventOrder>>>,
        /// How long to wait when there is none yet.
        wait: Query<Option<String>>,
        limit: Query<Option<i64>>,
        cursor: Query<Option<String>>,
        /// Where a stream goes on, as `cursor`.
        #[oai(name = "Last-Event-ID")]
        last_event_id: Header<Option<String>>,
    ) -> Result<Media<Told>, ApiError> {
        let filter = Filter {
            kinds: r#type.0.as_deref().map(events::kinds).transpose()?.unwrap_or_default(),
            object: object.0,
            from: time("from", from.0)?,
            to: time("to", to.0)?,
        };
        let is_newest = sort.0.map(|word| word.value("sort")).transpose()?.is_some_and(EventOrder::is_newest);
        let order = if is_newest { Order::Newest } else { Order::Oldest };
        let page = PageRequest { limit: limit.0, cursor: cursor.0, count: false };
        let mut wanted = FeedRequest { filter, order, page };
        let wait = parse_wait(wait.0.as_deref())?;
        if wants_stream(request) {
            wanted.page.cursor = last_event_id.0.filter(|id| !id.is_empty()).or(wanted.page.cursor);
            return Ok(Media::new(Stream::open(&app, &caller, wanted).await?.response()));
        }
        let feed = if wait.is_zero() {
            events::list(&app, &caller, &wanted).await?
        } else {
            events::wait(&app, &caller, &wanted, wait).await?
        };
        let Feed { entries, cursor, has_more } = feed;
        let list = EventList { events: entries.into_iter().map(view).collect(), cursor, has_more };
        Ok(Media::new(Reply(list).into_response()))
    }
}

/// Whether the client likes a stream better than JSON (RFC 9110 section 12.5.1).
fn wants_stream(request: &Request) -> bool {
    let liked = |ranges: &[&str]| {
        let found = accepted(request).filter(|(range, _)| ranges.contains(&range.as_str()));
        found.map(|(_, quality)| quality).fold(0.0, f32::max)
    };
    liked(&[STREAM]) > liked(&[Form::Json.essence(), "application/*", "*/*"])
}

/// A stream of events: asks, waits and asks again until its minute is over.
struct Stream {
    app: App,
    caller: Caller,
    wanted: FeedRequest,
    end: Instant,
    first: Option<Feed>,
}

impl Stream {
    /// What can be refused is refused before the first octet.
    async fn open(app: &App, caller: &Caller, wanted: FeedRequest) -> Result<Self, ServiceError> {
        let first = events::wait(app, caller, &wanted, Duration::ZERO).await?;
        let end = Instant::now() + LONGEST_WAIT;
        Ok(Self { app: app.clone(), caller: caller.clone(), wanted, end, first: Some(first) })
    }

    fn response(self) -> Response {
        let texts = stream::unfold(self, Self::next);
        Response::builder()
            .content_type(STREAM)
            .header(header::CACHE_CONTROL, "no-store")
            .header("X-Accel-Buffering", "no")
            .body(poem::Body::from_bytes_stream(texts))
    }

    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        let is_first = self.first.is_some();
        let feed = if let Some(first) = self.first.take() {
            first
        } else {
            let left = self.end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.app.is_stopping() {
                return None;
            }
            // The reader connects again when the stream ends, and gets the error then.
            events::wait(&self.app, &self.caller, &self.wanted, left.min(PULSE)).await.ok()?
        };
        self.wanted.page.cursor.clone_from(&feed.cursor);
        Some((Ok(text(feed, is_first).into()), self))
    }
}

/// As the HTML standard has it, section 9.2.5. Where nothing is told, the place is: a client that comes back goes on there.
fn text(feed: Feed, is_first: bool) -> String {
    let mut text = String::new();
    if is_first {
        text.push_str("retry: 1000\n\n");
    }
    let is_empty = feed.entries.is_empty();
    for entry in feed.entries {
        let event = view(entry);
        // Invariant: JSON has no line breaks of its own, and a view can always be written.
        let data = serde_json::to_string(&event).unwrap_or_default();
        let (id, kind) = (&event.cursor, String::from(event.event_type.clone()));
        // Invariant: writing to a String cannot fail.
        let _ = write!(text, "id: {id}\nevent: {kind}\ndata: {data}\n\n");
    }
    if is_empty && let Some(cursor) = feed.cursor {
        let _ = write!(text, "id: {cursor}\n: alive\n\n");
    }
    text
}

fn view(entry: Entry) -> EventView {
    let data = match entry.data {
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, Any(value))).collect(),
        _ => BTreeMap::new(),
    };
    EventView {
        event_id: entry.id,
        event_type: entry.kind.into(),
        timestamp: entry.at.to_rfc3339_micros(),
        tenant_id: entry.tenant.to_string(),
        identity_id: entry.identity,
        object: entry.object,
        data,
        request_id: entry.request_id,
        cursor: entry.cursor,
    }
}

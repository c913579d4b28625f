//! Token buckets that all processes of a fleet share, in Redis.
//!
//! Redis makes the limits exact over processes, and nothing depends on it: a call waits for a twentieth of a second
//! at most, a Redis that does not answer is left alone for a second, and meanwhile the caller counts on its own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::QueueError;

/// The longest that a call may wait for its bucket.
const ANSWER_WITHIN: Duration = Duration::from_millis(50);
/// How long a connection may take to be made. The call that asked for it does not wait so long; a later one has it.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// How long a Redis that did not answer is not asked; then one call tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes one call out of a bucket. The value is the time, in µs by the clock of Redis, at which the bucket is full again;
/// it expires then, because a bucket that is not there is a full one. What lies further ahead than an empty bucket (it was
/// written under another limit, or the clock was put back) is cut.
const TAKE: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local emptied = now + interval * tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), emptied)
if full_at + interval > emptied then
  return {0, full_at, now}
end
full_at = full_at + interval
local left = math.max(1, math.ceil((full_at - now) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', string.format('%.0f', left))
return {1, full_at, now}
";

/// Token buckets in Redis. Clones share the connection.
#[derive(Clone)]
pub struct SharedBuckets {
    inner: Arc<Inner>,
    answer_within: Duration,
}

struct Inner {
    client: Client,
    prefix: String,
    link: watch::Sender<Link>,
    /// Set while Redis is away: when to try it next.
    try_again: Mutex<Option<Instant>>,
}

enum Link {
    Down,
    Connecting,
    Up(MultiplexedConnection),
}

/// What became of a call at a shared bucket. Times are µs since the Unix epoch by the clock of Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenCall {
    /// Whether the bucket had a call left.
    pub allowed: bool,
    /// When the bucket is full again.
    pub full_at_micros: i64,
    /// The present time.
    pub now_micros: i64,
}

impl SharedBuckets {
    /// Buckets in the Redis of this URL; their keys begin with the namespace. Connects when the first call is taken.
    ///
    /// # Errors
    /// [`QueueError::InvalidSettings`] for a malformed URL.
    pub fn open(url: &str, namespace: &str) -> Result<Self, QueueError> {
        // The URL may hold a password, so it is not repeated.
        let client = Client::open(url)
            .map_err(|error| QueueError::InvalidSettings(format!("the Redis URL: {}", error.category())))?;
        let inner = Arc::new(Inner {
            client,
            prefix: format!("{namespace}:limits:"),
            link: watch::Sender::new(Link::Down),
            try_again: Mutex::new(None),
        });
        Ok(Self { inner, answer_within: ANSWER_WITHIN })
    }

    /// The same with another time that a call may wait, in place of a twentieth of a second: for tests that count exactly
    /// on a busy machine.
    #[must_use]
    pub fn answering_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    /// Takes one call out of the bucket of this name, which holds `burst` of them and gets another one each `interval`
    /// (whole µs). Nothing when Redis does not answer in time.
    pub async fn take(&self, bucket: &str, interval: Duration, burst: u32) -> Option<TakenCall> {
        if !self.may_ask() {
            return None;
        }
        let answer = timeout(self.answer_within, self.ask(bucket, interval, burst)).await;
        match answer.unwrap_or_else(|elapsed| Err(std::io::Error::from(elapsed).into())) {
            Ok((allowed, full_at_micros, now_micros)) => {
                self.is_back();
                Some(TakenCall { allowed, full_at_micros, now_micros })
            }
            Err(error) => {
                self.is_away(&error);
                None
            }
        }
    }

    async fn ask(&self, bucket: &str, interval: Duration, burst: u32) -> RedisResult<(bool, i64, i64)> {
        let mut connection = self.connection().await?;
        let interval = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
        let mut take = redis::cmd("EVAL");
        take.arg(TAKE).arg(1).arg(format!("{}{bucket}", self.inner.prefix)).arg(interval).arg(burst);
        take.query_async(&mut connection).await
    }

    /// The connection. It is made by a task of its own, because a call that waits here soon gives up.
    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let mut changes = self.inner.link.subscribe();
        let first = self.inner.link.send_if_modified(|link| {
            let down = matches!(link, Link::Down);
            if down {
                *link = Link::Connecting;
            }
            down
        });
        if first {
            tokio::spawn(connect(Arc::clone(&self.inner)));
        }
        let settled = changes.wait_for(|link| !matches!(link, Link::Connecting)).await;
        match settled.as_deref() {
            Ok(Link::Up(connection)) => Ok(connection.clone()),
            Ok(Link::Down | Link::Connecting) | Err(_) => {
                Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::NotConnected)))
            }
        }
    }

    /// Whether Redis is to be asked: while it is away one call in a while finds out whether it is back.
    fn may_ask(&self) -> bool {
        let mut try_again = self.inner.try_again.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match *try_again {
            None => true,
            Some(at) if at <= now => {
                *try_again = Some(now + PAUSE);
                true
            }
            Some(_) => false,
        }
    }

    fn is_back(&self) {
        let was_away = self.inner.try_again.lock().unwrap_or_else(PoisonError::into_inner).take().is_some();
        if was_away {
            tracing::info!("rate limits are counted in Redis again, over all processes");
        }
    }

    fn is_away(&self, error: &RedisError) {
        let next = Instant::now() + PAUSE;
        let before = self.inner.try_again.lock().unwrap_or_else(PoisonError::into_inner).replace(next);
        if before.is_none() {
            tracing::warn!(%error, "Redis does not answer: rate limits are counted in this process alone");
        }
        // After any error the next try begins with a new connection.
        self.inner.link.send_if_modified(|link| {
            let up = matches!(link, Link::Up(_));
            if up {
                *link = Link::Down;
            }
            up
        });
    }
}

async fn connect(inner: Arc<Inner>) {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(CONNECT_WITHIN));
    let connecting = inner.client.get_multiplexed_async_connection_with_config(&settings);
    inner.link.send_replace(match timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok(connection)) => Link::Up(connection),
        Ok(Err(_)) | Err(_) => Link::Down,
    });
}

impl fmt::Debug for SharedBuckets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the client, whose URL may hold a password.
        formatter.write_str("SharedBuckets")
    }
}

//! How a Redis server is set up and doing, for whoever looks for what is wrong.

use std::time::Duration;

use redis::Client;
use tokio::time::timeout;

use crate::QueueError;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a Redis server says of itself (`INFO`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedisState {
    /// Its version.
    pub version: String,
    /// Octets that are in use.
    pub used: u64,
    /// Octets that it may use; 0 where there is no limit.
    pub most: u64,
    /// What it does when there is no more room: `noeviction`, `allkeys-lru` and others.
    pub policy: String,
    /// Keys that it has dropped for room since it was started.
    pub evicted: u64,
}

impl RedisState {
    /// Asks the server at this URL.
    ///
    /// # Errors
    /// [`QueueError::InvalidSettings`] for a URL that is none, [`QueueError::Unavailable`] when it does not answer.
    pub async fn ask(url: &str) -> Result<Self, QueueError> {
        // The URL may hold a password, so it is not repeated.
        let client = Client::open(url).map_err(|error| {
            QueueError::InvalidSettings(format!("the Redis URL cannot be used: {}", error.category()))
        })?;
        let asking = async {
            let mut connection = client.get_multiplexed_async_connection().await?;
            redis::cmd("INFO").query_async::<String>(&mut connection).await
        };
        match timeout(ANSWER_WITHIN, asking).await {
            Ok(Ok(text)) => Ok(Self::read(&text)),
            Ok(Err(error)) => Err(QueueError::Unavailable(error.to_string())),
            Err(_) => Err(QueueError::Unavailable(format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
        }
    }

    /// Whether it is older than 7, the first version that is supported.
    pub fn is_too_old(&self) -> bool {
        let major = self.version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major < 7)
    }

    fn read(info: &str) -> Self {
        let value = |name: &str| {
            let line = info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
            line.unwrap_or_default()
        };
        let number = |name: &str| value(name).parse().unwrap_or(0);
        Self {
            version: value("redis_version").to_owned(),
            used: number("used_memory"),
            most: number("maxmemory"),
            policy: value("maxmemory_policy").to_owned(),
            evicted: number("evicted_keys"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_info_are_told_apart() {
        let info = "# Server\r\nredis_version:6.2.14\r\n# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n\
                    maxmemory:2097152\r\nmaxmemory_human:2.00M\r\nmaxmemory_policy:allkeys-lru\r\nevicted_keys:7\r\n";
        let state = RedisState::read(info);
        assert!(state.is_too_old());
        assert_eq!(
            (state.used, state.most, state.policy.as_str(), state.evicted),
            (1_048_576, 2_097_152, "allkeys-lru", 7)
        );
        assert!(!RedisState::read("redis_version:7.0.15\r\n").is_too_old());
    }
}

//! Keyset pages: a cursor is the key of the last row, so that pages stay stable while rows are added.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certmill_storage::{Extent, Listed};

use crate::ServiceError;

const DEFAULT_LIMIT: i64 = 100;
const MAX_LIMIT: i64 = 1_000;

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// How many rows at most; 100 when absent, at most 1,000. Large rows may end a page earlier.
    pub limit: Option<i64>,
    /// The cursor of the page before.
    pub cursor: Option<String>,
    /// Whether to count the rows of all pages.
    pub count: bool,
}

impl PageRequest {
    /// How much is wanted.
    pub(crate) fn rows(&self) -> Result<Extent, ServiceError> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(Extent { rows: limit, count: self.count })
        } else {
            Err(ServiceError::field("limit", format!("is {limit}; it must be from 1 to {MAX_LIMIT}")))
        }
    }

    /// The key in the cursor.
    pub(crate) fn key<T: std::str::FromStr>(&self) -> Result<Option<T>, ServiceError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ServiceError::InvalidCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| ServiceError::InvalidCursor)?;
        text.parse().map(Some).map_err(|_| ServiceError::InvalidCursor)
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What to send for the next page; absent on the last one.
    pub cursor: Option<String>,
    /// How many rows all pages have, if that was asked; 10,001 stands for more than 10,000.
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// A page on which nothing can be.
    pub(crate) fn empty(request: &PageRequest) -> Self {
        Self { items: Vec::new(), cursor: None, total: request.count.then_some(0) }
    }

    /// A page of these rows, of which `key` tells the last one's key.
    pub(crate) fn of(listed: Listed<T>, key: impl Fn(&T) -> String) -> Self {
        let Listed { rows: items, more, total } = listed;
        let next = items.last().filter(|_| more).map(key);
        Self::going_on(items, next, total)
    }

    /// A page of these rows, after which the list goes on at a key.
    pub(crate) fn going_on(items: Vec<T>, next: Option<String>, total: Option<i64>) -> Self {
        Self { items, cursor: next.map(|key| URL_SAFE_NO_PAD.encode(key)), total }
    }

    /// Whether another page follows.
    pub fn has_more(&self) -> bool {
        self.cursor.is_some()
    }
}

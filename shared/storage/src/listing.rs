//! Pages of lists: bounded in rows and in octets, the latter in the database, so that what is not answered is not loaded.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use crate::StorageError;
use crate::backend::{Link, Record};
use crate::query::Query;

/// Octets of the rows of a page, from which on it ends. One row more may come, so that a page is never empty.
pub const LISTED_OCTETS: usize = 4 << 20;

/// Rows of a list are counted up to here. Counting more would read more than a page is worth.
pub const MOST_COUNTED: i64 = 10_000;

/// How much of a list is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Rows of the page at most.
    pub rows: i64,
    /// Whether to count the rows of all pages too.
    pub count: bool,
}

impl From<i64> for Extent {
    fn from(rows: i64) -> Self {
        Self { rows, count: false }
    }
}

/// The rows of one page.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// At most as many as were wanted; fewer when they are large.
    pub rows: Vec<T>,
    /// Whether others follow.
    pub more: bool,
    /// How many there are in all pages, if they were counted; one more than [`MOST_COUNTED`] stands for any larger number.
    pub total: Option<i64>,
}

impl<T> Listed<T> {
    /// The same page of something that is made of its rows.
    pub fn map<U>(self, of: impl FnMut(T) -> U) -> Listed<U> {
        Listed { rows: self.rows.into_iter().map(of).collect(), more: self.more, total: self.total }
    }

    pub(crate) fn read<U>(
        self,
        of: impl FnMut(T) -> Result<U, StorageError>,
    ) -> Result<Listed<U>, StorageError> {
        let rows = self.rows.into_iter().map(of).collect::<Result<_, _>>()?;
        Ok(Listed { rows, more: self.more, total: self.total })
    }
}

/// A row, and how many rows the page could have had.
struct Counted<R> {
    row: R,
    possible: i64,
}

const POSSIBLE: &str = "possible_rows";

impl<'r, R: FromRow<'r, SqliteRow>> FromRow<'r, SqliteRow> for Counted<R> {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self { possible: row.try_get(POSSIBLE)?, row: R::from_row(row)? })
    }
}

impl<'r, R: FromRow<'r, PgRow>> FromRow<'r, PgRow> for Counted<R> {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self { possible: row.try_get(POSSIBLE)?, row: R::from_row(row)? })
    }
}

impl Link {
    /// The first rows of `query`, which is a `SELECT` with an order and without a limit: at most `limit`, and as many as it
    /// takes to reach [`LISTED_OCTETS`], but one in any case. `octets` is the size of a row as SQL: that of everything in it
    /// that has no fixed size, and of what the caller loads beside it.
    pub(crate) async fn fetch_page<R: Record>(
        &mut self,
        query: Query,
        octets: &'static str,
        wanted: impl Into<Extent> + Send,
    ) -> Result<Listed<R>, StorageError> {
        let Extent { rows, count } = wanted.into();
        let total = match counting(&query).filter(|_| count) {
            Some(counting) => self.fetch_optional::<(i64,)>(counting).await?.map(|(total,)| total),
            None => None,
        };
        let limit = rows.max(0);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let found: Vec<Counted<R>> = self.fetch_all(page_of(query, octets, limit.saturating_add(1))).await?;
        let possible = found.first().map_or(0, |first| usize::try_from(first.possible).unwrap_or(0));
        let rows: Vec<R> = found.into_iter().take(wanted).map(|counted| counted.row).collect();
        Ok(Listed { more: possible > rows.len(), rows, total })
    }
}

/// Counts the rows of all pages of a list, as far as they are counted.
fn counting(query: &Query) -> Option<Query> {
    let (text, values) = query.filter?;
    let (_, rest) = query.text.get(..text)?.split_once(" FROM ")?;
    let most = values + 1;
    let text = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {rest} LIMIT ${most}) AS counted");
    let values = query.values.get(..values)?.to_vec();
    Some(Query { text: text.into(), values, filter: None }.bind(MOST_COUNTED + 1))
}

/// The same query, cut where its rows have had [`LISTED_OCTETS`]. Both databases tell the length of a stored text without
/// reading it. The rows themselves are limited inside, so that the planner sees the limit.
fn page_of(mut query: Query, octets: &'static str, limit: i64) -> Query {
    let (columns, rest) = query.text.split_once(" FROM ").unwrap_or((&query.text, ""));
    let most = query.values.len() + 1;
    let text = format!(
        "WITH sizes AS (SELECT SUM(row_octets) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before \
           FROM (SELECT {octets} AS row_octets FROM {rest} LIMIT ${most}) AS measured) \
         SELECT page.*, (SELECT COUNT(*) FROM sizes) AS {POSSIBLE} \
         FROM ({columns} FROM {rest} LIMIT ${most}) AS page \
         LIMIT (SELECT COUNT(*) FROM sizes WHERE COALESCE(before, 0) < {LISTED_OCTETS})"
    );
    query.text = text.into();
    query.bind(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_limited_where_it_is_measured_and_where_it_is_read() {
        let mut query = Query::new("SELECT a, b FROM t WHERE c = ");
        query.push_bind(7_i64).push(" ORDER BY a");
        let page = page_of(query, "octet_length(b)", 11);
        assert!(
            page.text
                .contains("(SELECT octet_length(b) AS row_octets FROM t WHERE c = $1 ORDER BY a LIMIT $2)")
        );
        assert!(page.text.contains("FROM (SELECT a, b FROM t WHERE c = $1 ORDER BY a LIMIT $2) AS page"));
        assert_eq!(page.values.len(), 2);
    }

    #[test]
    fn all_pages_are_counted_wherever_one_begins() {
        let mut query = Query::new("SELECT a, b FROM t WHERE c = ");
        query.push_bind(7_i64);
        assert!(counting(&query).is_none());
        query.end_filter().push(" AND a < ").push_bind(3_i64).push(" ORDER BY a");
        let counting = counting(&query).unwrap();
        assert_eq!(counting.text, "SELECT COUNT(*) FROM (SELECT 1 FROM t WHERE c = $1 LIMIT $2) AS counted");
        assert_eq!(counting.values.len(), 2);
    }
}

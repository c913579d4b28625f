//! A query text with its bound values, independent of the database.

use std::borrow::Cow;

/// A value bound to a query. The kinds are the ones that both databases share.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<Cow<'static, str>>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
    Bool(bool),
}

macro_rules! value_from {
    ($($from:ty => |$v:ident| $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($v: $from) -> Self {
                $to
            }
        }
    )*};
}

value_from! {
    String => |v| Self::Text(Some(v.into()));
    &'static str => |v| Self::Text(Some(v.into()));
    Cow<'static, str> => |v| Self::Text(Some(v));
    Option<String> => |v| Self::Text(v.map(Cow::from));
    Option<&'static str> => |v| Self::Text(v.map(Cow::from));
    i64 => |v| Self::Int(Some(v));
    Option<i64> => |v| Self::Int(v);
    bool => |v| Self::Bool(v);
    Vec<u8> => |v| Self::Bytes(Some(v));
    Option<Vec<u8>> => |v| Self::Bytes(v);
    &[u8] => |v| Self::Bytes(Some(v.to_vec()));
}

/// Rows for one table, to be inserted together. The backend writes the statement, since the fastest form differs.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// `INSERT INTO table (columns)`
    pub(crate) insert: &'static str,
    /// What follows the values: an `ON CONFLICT` clause or nothing.
    pub(crate) suffix: &'static str,
    /// How many values a row has.
    pub(crate) width: usize,
    /// The values, row after row.
    pub(crate) values: Vec<Value>,
}

impl Rows {
    pub(crate) fn new(insert: &'static str, width: usize) -> Self {
        Self { insert, suffix: "", width, values: Vec::new() }
    }

    /// Adds the next value of the present row.
    pub(crate) fn value(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self
    }

    /// The rows as one query of at most `limit` rows each; `separate` makes each row a statement of its own.
    pub(crate) fn into_queries(self, limit: usize, separate: bool) -> Vec<Query> {
        let mut queries = Vec::new();
        let mut values = self.values.into_iter().peekable();
        while values.peek().is_some() {
            let chunk: Vec<Value> = values.by_ref().take(self.width * limit).collect();
            let mut text = String::with_capacity(chunk.len() * 5 + 512);
            for row in 0..chunk.len() / self.width {
                match (row, separate) {
                    (0, _) => text.push_str(self.insert),
                    (_, true) => {
                        text.push_str(self.suffix);
                        text.push_str("; ");
                        text.push_str(self.insert);
                    }
                    (_, false) => text.push(','),
                }
                if row == 0 || separate {
                    text.push_str(" VALUES ");
                }
                push_parameters(&mut text, row * self.width, self.width);
            }
            text.push_str(self.suffix);
            queries.push(Query { text: text.into(), values: chunk, filter: None });
        }
        queries
    }
}

/// `($6,$7,$8)` for three parameters after five.
fn push_parameters(text: &mut String, before: usize, count: usize) {
    use std::fmt::Write;
    for number in 1..=count {
        text.push(if number == 1 { '(' } else { ',' });
        // Invariant: writing to a String cannot fail.
        let _ = write!(text, "${}", before + number);
    }
    text.push(')');
}

/// One statement: text with `$1`-style parameters, and their values.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) text: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
    /// Of a list: the lengths of text and values up to where its filter ends, and place, order and limit begin.
    pub(crate) filter: Option<(usize, usize)>,
}

impl Query {
    /// A statement whose whole text is known at compile time.
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new(), filter: None }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends a piece of constant text.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Notes that all that decides about the rows of a list has been said; what follows is where a page begins, and the order.
    pub(crate) fn end_filter(&mut self) -> &mut Self {
        self.filter = Some((self.text.len(), self.values.len()));
        self
    }

    /// Appends a parameter and binds its value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        use std::fmt::Write;
        self.values.push(value.into());
        // Invariant: writing to a String cannot fail.
        let _ = write!(self.text.to_mut(), "${}", self.values.len());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_one_statement_or_one_each() {
        let mut rows = Rows::new("INSERT INTO t (a, b)", 2);
        for number in 0..6_i64 {
            rows.value(number);
        }
        let texts = |queries: Vec<Query>| -> Vec<(String, usize)> {
            queries.into_iter().map(|query| (query.text.into_owned(), query.values.len())).collect()
        };
        assert_eq!(
            texts(rows.clone().into_queries(2, false)),
            [
                ("INSERT INTO t (a, b) VALUES ($1,$2),($3,$4)".to_owned(), 4),
                ("INSERT INTO t (a, b) VALUES ($1,$2)".to_owned(), 2)
            ]
        );
        let each = "INSERT INTO t (a, b) VALUES ($1,$2); INSERT INTO t (a, b) VALUES ($3,$4)";
        assert_eq!(texts(rows.into_queries(2, true))[0], (each.to_owned(), 4));
    }
}

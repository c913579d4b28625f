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
    Option<String> => |v| Self::Text(v.map(Cow::from));
    Option<&'static str> => |v| Self::Text(v.map(Cow::from));
    i64 => |v| Self::Int(Some(v));
    Option<i64> => |v| Self::Int(v);
    bool => |v| Self::Bool(v);
    Vec<u8> => |v| Self::Bytes(Some(v));
    Option<Vec<u8>> => |v| Self::Bytes(v);
    &[u8] => |v| Self::Bytes(Some(v.to_vec()));
}

/// One statement: text with `$1`-style parameters, and their values.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) text: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
}

impl Query {
    /// A statement whose whole text is known at compile time.
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new() }
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

    /// Appends a parameter and binds its value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        use std::fmt::Write;
        self.values.push(value.into());
        // Invariant: writing to a String cannot fail.
        let _ = write!(self.text.to_mut(), "${}", self.values.len());
        self
    }
}

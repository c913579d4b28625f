//! Rows as structs.

/// Declares a struct whose fields are the columns of a row, by name, for both databases.
///
/// A macro of our own in place of `sqlx::FromRow`'s: sqlx's macros are built for the host, with a TLS stack and an SQLite of
/// their own.
macro_rules! row {
    ($vis:vis struct $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        $vis struct $name {
            $($(#[$attribute])* $field: $type,)*
        }
        row!(for sqlx::sqlite::SqliteRow: $name { $($field,)* });
        row!(for sqlx::postgres::PgRow: $name { $($field,)* });
    };
    (for $row:ty: $name:ident { $($field:ident,)* }) => {
        impl<'r> sqlx::FromRow<'r, $row> for $name {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}
pub(crate) use row;

//! Time and randomness, which this server takes from the machine: it stands for somebody else's, whom nobody can set.

use openssl::rand::rand_bytes;
use time::{OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description};

use crate::jws::base64url;

/// Now, in seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the server of somebody else, outside of the product")]
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[expect(clippy::disallowed_methods, reason = "the server of somebody else, outside of the product")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand_bytes(&mut bytes).unwrap_or_else(|error| panic!("no randomness: {error}"));
    bytes
}

/// 128 random bits as text, for nonces and tokens.
pub(crate) fn token() -> String {
    base64url(&random::<16>())
}

/// RFC 3339, as ACME writes times.
pub(crate) fn rfc3339(seconds: i64) -> String {
    // Invariant: a time of this century can be written.
    date(seconds).format(&Rfc3339).unwrap_or_else(|error| panic!("{seconds} s: {error}"))
}

/// The date form of HTTP headers (RFC 9110 §5.6.7).
pub(crate) fn http_date(seconds: i64) -> String {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    // Invariant: a time of this century can be written.
    date(seconds).format(&form).unwrap_or_else(|error| panic!("{seconds} s: {error}"))
}

fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or_else(|error| panic!("{seconds} s: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{http_date, rfc3339};

    #[test]
    fn dates_have_the_forms_of_their_standards() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(rfc3339(784_111_777), "1994-11-06T08:49:37Z");
    }
}

//! Instants as Unix seconds, and their DER forms (RFC 5280 §4.1.2.5: UTCTime through 2049,
//! GeneralizedTime from 2050).

use crate::{
    X509Error,
    writer::{Writer, tag},
};

const SECONDS_PER_DAY: i64 = 86_400;

/// 1950-01-01T00:00:00Z, the first instant of UTCTime.
pub const EARLIEST: i64 = -631_152_000;
/// 9999-12-31T23:59:59Z, the last instant of GeneralizedTime, which stands for "no end".
pub const LATEST: i64 = 253_402_300_799;
/// 2050-01-01T00:00:00Z.
pub(crate) const FIRST_GENERALIZED: i64 = 2_524_608_000;

/// Writes an instant as `Time`. Instants outside of [`EARLIEST`]..=[`LATEST`] cannot be written;
/// callers refuse them.
pub(crate) fn write(writer: &mut Writer, unix_seconds: i64) {
    let text = digits(unix_seconds);
    if unix_seconds < FIRST_GENERALIZED {
        writer.primitive(tag::UTC_TIME, text.get(2..).unwrap_or_default());
    } else {
        writer.primitive(tag::GENERALIZED_TIME, &text);
    }
}

/// Reads the contents of a `Time` in the only forms that RFC 5280 permits: whole seconds and `Z`.
pub(crate) fn parse(tag: u8, contents: &[u8]) -> Result<i64, X509Error> {
    let malformed =
        || X509Error::InvalidCertificate("a time is neither YYMMDDHHMMSSZ nor YYYYMMDDHHMMSSZ".into());
    let year_digits = match (tag, contents.len()) {
        (tag::UTC_TIME, 13) => 2,
        (tag::GENERALIZED_TIME, 15) => 4,
        _ => return Err(malformed()),
    };
    let (year, rest) = contents.split_at_checked(year_digits).ok_or_else(malformed)?;
    let [rest @ .., b'Z'] = rest else {
        return Err(malformed());
    };
    let mut fields = [0; 5];
    for (field, pair) in fields.iter_mut().zip(rest.chunks(2)) {
        *field = decimal(pair).ok_or_else(malformed)?;
    }
    let year = match decimal(year).ok_or_else(malformed)? {
        // RFC 5280 §4.1.2.5.1: two digits from 50 on are the twentieth century.
        short @ 0..50 if year_digits == 2 => 2000 + short,
        short if year_digits == 2 => 1900 + short,
        full => full,
    };
    let [month, day, hour, minute, second] = fields;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(malformed());
    }
    let days = days_from_civil(year, month, day);
    // A day that does not exist, such as 30 February, comes back as another one.
    if !(1..=12).contains(&month) || civil_from_days(days) != (year, month, day) {
        return Err(malformed());
    }
    Ok(days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
}

/// An instant for people, as in `2026-01-01T00:00:00Z`; instants outside of
/// [`EARLIEST`]..=[`LATEST`] are shown as the nearest of these.
pub(crate) fn text(unix_seconds: i64) -> String {
    let digits = digits(unix_seconds.clamp(EARLIEST, LATEST));
    let mut text = String::with_capacity(20);
    for (digit, before) in
        digits.iter().zip(["", "", "", "", "-", "", "-", "", "T", "", ":", "", ":", "", ""])
    {
        text.push_str(before);
        text.push(char::from(*digit));
    }
    text
}

/// `YYYYMMDDHHMMSSZ` of an instant in the years 0 to 9999.
pub(crate) fn digits(unix_seconds: i64) -> [u8; 15] {
    let (days, seconds) =
        (unix_seconds.div_euclid(SECONDS_PER_DAY), unix_seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = civil_from_days(days);
    let [y1, y2] = two_digits(year / 100);
    let [y3, y4] = two_digits(year % 100);
    let [mo1, mo2] = two_digits(month);
    let [d1, d2] = two_digits(day);
    let [h1, h2] = two_digits(seconds / 3600);
    let [mi1, mi2] = two_digits(seconds / 60 % 60);
    let [s1, s2] = two_digits(seconds % 60);
    [y1, y2, y3, y4, mo1, mo2, d1, d2, h1, h2, mi1, mi2, s1, s2, b'Z']
}

#[expect(clippy::cast_possible_truncation, reason = "the remainder by ten is 0 to 9")]
const fn two_digits(number: i64) -> [u8; 2] {
    [b'0' + number.div_euclid(10).rem_euclid(10) as u8, b'0' + number.rem_euclid(10) as u8]
}

fn decimal(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |number, octet| octet.is_ascii_digit().then(|| number * 10 + i64::from(octet - b'0')))
}

// The proleptic Gregorian calendar in years that begin in March, so that the leap day is a year's
// last; 400 years are 146,097 days, and the months from March on have 30.6 days on the average.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAY: i64 = 719_468;

const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH_DAY
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let day = days + EPOCH_DAY;
    let era = day.div_euclid(DAYS_PER_ERA);
    let day_of_era = day.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = (march_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(unix_seconds: i64) -> Vec<u8> {
        let mut writer = Writer::with_capacity(17);
        write(&mut writer, unix_seconds);
        writer.finish()
    }

    #[test]
    fn the_form_changes_at_the_start_of_2050() {
        assert_eq!(written(FIRST_GENERALIZED - 1), b"\x17\x0d491231235959Z");
        assert_eq!(written(FIRST_GENERALIZED), b"\x18\x0f20500101000000Z");
        assert_eq!(written(0), b"\x17\x0d700101000000Z");
        assert_eq!(written(EARLIEST), b"\x17\x0d500101000000Z");
        assert_eq!(written(951_782_400), b"\x17\x0d000229000000Z");
        assert_eq!(written(LATEST), b"\x18\x0f99991231235959Z");
    }

    #[test]
    fn every_day_comes_back() {
        let mut instant = EARLIEST;
        while instant < LATEST {
            let der = written(instant);
            assert_eq!(parse(der[0], &der[2..]).unwrap(), instant);
            instant += SECONDS_PER_DAY * 13 + 3_661;
        }
    }

    #[test]
    fn times_that_do_not_exist_are_refused() {
        for text in [
            "20260230000000Z",
            "20261301000000Z",
            "20260001000000Z",
            "20260100000000Z",
            "20260101240000Z",
            "20260101006000Z",
            "20260101000060Z",
            "20260101000000+",
            "2026010100000aZ",
            "202601010000Z",
        ] {
            assert!(parse(tag::GENERALIZED_TIME, text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(tag::UTC_TIME, b"20260101000000Z").is_err());
        assert!(parse(tag::UTC_TIME, b"2601010000Z").is_err());
    }
}

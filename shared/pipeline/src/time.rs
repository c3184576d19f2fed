//! ISO 8601 dates and times, complete or shortened, without a format string.
//!
//! In: `2026-11-22T10:00:00.123+09:00`, `2026-11-22 10:00`, `2026-11`. Out: the milliseconds since 1970 at which the
//! named period begins and ends. As in the engine, no zone means UTC, and a missing month or day is the first.
//! Deliberately absent: week dates, ordinal dates, names of months.

/// The smallest unit that a date names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

/// The period that a date names: 2026-11-22 is a whole day. 2026-11 is also one day, the first of the month: the engine replaces
/// missing months and days by 01, and only missing units below a day by their last value (measured on `OpenSearch` 2.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsoDate {
    /// Its first millisecond since 1970.
    pub start_ms: i64,
    /// Its last millisecond.
    pub(crate) end_ms: i64,
    /// The smallest unit in the text.
    pub(crate) precision: Precision,
    /// Whether it contains an offset from UTC.
    pub has_offset: bool,
}

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;
/// Milliseconds of an hour.
pub const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const SECOND_MS: i64 = 1_000;

/// The milliseconds since 1970 of `YYYY-MM-DDTHH:MM:SS(.f…)?Z`, by far the most frequent form.
#[inline]
pub fn parse_utc_instant(text: &[u8]) -> Option<i64> {
    let (head, tail) = text.split_at_checked(19)?;
    if head[4] != b'-' || head[7] != b'-' || head[10] != b'T' || head[13] != b':' || head[16] != b':' {
        return None;
    }
    let year = two(head, 0)? * 100 + two(head, 2)?;
    let (month, day) = (two(head, 5)?, two(head, 8)?);
    let (hour, minute, second) = (two(head, 11)?, two(head, 14)?, two(head, 17)?);
    let fraction = match tail {
        b"Z" => 0,
        [b'.', a, b, c, b'Z'] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
            i64::from(a - b'0') * 100 + i64::from(b - b'0') * 10 + i64::from(c - b'0')
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if day > 28 && day > days_in_month(year, month) {
        return None;
    }
    Some(
        days_from_civil(year, month, day) * DAY_MS
            + hour * HOUR_MS
            + minute * MINUTE_MS
            + second * SECOND_MS
            + fraction,
    )
}

#[inline]
fn two(text: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens) * 10 + i64::from(ones))
}

/// Parses a date of any [`Precision`].
pub fn parse(text: &str) -> Option<IsoDate> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    let (mut month, mut day, mut time, mut precision) = (1, 1, 0, Precision::Year);
    let mut has_offset = false;
    if skip(&mut rest, b'-') {
        (month, precision) = (number(&mut rest, 2)?, Precision::Month);
        if skip(&mut rest, b'-') {
            (day, precision) = (number(&mut rest, 2)?, Precision::Day);
            if skip(&mut rest, b'T') || skip(&mut rest, b' ') || skip(&mut rest, b't') {
                (time, precision) = time_of_day(&mut rest)?;
                has_offset = !rest.is_empty();
                time -= offset(&mut rest)?;
            }
        }
    }
    if !rest.is_empty() || !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let start_ms = days_from_civil(year, month, day) * DAY_MS + time;
    let length = match precision {
        Precision::Year | Precision::Month | Precision::Day => DAY_MS,
        Precision::Hour => HOUR_MS,
        Precision::Minute => MINUTE_MS,
        Precision::Second => SECOND_MS,
        Precision::Fraction => 1,
    };
    Some(IsoDate { start_ms, end_ms: start_ms + length - 1, precision, has_offset })
}

/// `HH[:MM[:SS[.f…]]]` in milliseconds.
fn time_of_day(rest: &mut &[u8]) -> Option<(i64, Precision)> {
    let hour = number(rest, 2)?;
    let (mut minute, mut second, mut fraction, mut precision) = (0, 0, 0, Precision::Hour);
    if skip(rest, b':') {
        (minute, precision) = (number(rest, 2)?, Precision::Minute);
        if skip(rest, b':') {
            (second, precision) = (number(rest, 2)?, Precision::Second);
            if skip(rest, b'.') || skip(rest, b',') {
                (fraction, precision) = (milliseconds(rest)?, Precision::Fraction);
            }
        }
    }
    // The engine's clock has no leap second, so it becomes the end of the minute.
    if second == 60 {
        (second, fraction) = (59, 999);
    }
    (hour <= 23 && minute <= 59 && second <= 59)
        .then(|| (hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fraction, precision))
}

/// One to nine digits of a second. Digits below a millisecond are cut off, as in the engine.
fn milliseconds(rest: &mut &[u8]) -> Option<i64> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&digits) {
        return None;
    }
    let (text, after) = rest.split_at(digits);
    *rest = after;
    Some((0..3).fold(0, |sum, place| sum * 10 + text.get(place).map_or(0, |byte| i64::from(byte - b'0'))))
}

/// `Z`, `+HH`, `+HHMM`, `+HH:MM` or nothing, in milliseconds.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    if rest.is_empty() || skip(rest, b'Z') || skip(rest, b'z') {
        return Some(0);
    }
    let sign = match rest.split_first()? {
        (b'+', after) => {
            *rest = after;
            1
        }
        (b'-', after) => {
            *rest = after;
            -1
        }
        _ => return None,
    };
    let hours = number(rest, 2)?;
    let minutes = if skip(rest, b':') || !rest.is_empty() { number(rest, 2)? } else { 0 };
    (hours <= 18 && minutes <= 59).then(|| sign * (hours * HOUR_MS + minutes * MINUTE_MS))
}

/// The instant as RFC 3339 with milliseconds, in UTC. `None` outside the years 0 to 9999, which RFC 3339 cannot represent.
pub fn rfc3339(time_ms: i64) -> Option<String> {
    let (year, month, day) = civil_from_days(time_ms.div_euclid(DAY_MS));
    let time = time_ms.rem_euclid(DAY_MS);
    let (hour, minute) = (time / HOUR_MS, time / MINUTE_MS % 60);
    let (second, fraction) = (time / SECOND_MS % 60, time % SECOND_MS);
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:03}Z"))
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (text, after) = rest.split_at_checked(digits)?;
    let value =
        text.iter().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))?;
    *rest = after;
    Some(value)
}

fn skip(rest: &mut &[u8], byte: u8) -> bool {
    match rest.split_first() {
        Some((first, after)) if *first == byte => {
            *rest = after;
            true
        }
        _ => false,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar (Howard Hinnant's algorithm: years begin in March).
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The year, month and day of a number of days since 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_jiff_over_four_centuries() {
        let mut date = jiff::civil::date(1799, 12, 27);
        let epoch = jiff::civil::date(1970, 1, 1);
        while date.year() < 2203 {
            let days = i64::from(epoch.until(date).unwrap().get_days());
            let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!(days_from_civil(year, month, day), days);
            assert_eq!(civil_from_days(days), (year, month, day));
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn forms_that_are_met_in_logs() {
        let instant: jiff::Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let at = instant.as_millisecond();
        for (text, start) in [
            ("2026-11-22T10:00:00Z", at),
            ("2026-11-22T10:00:00z", at),
            ("2026-11-22t10:00:00.000000000", at),
            ("2026-11-22 10:00:00", at),
            ("2026-11-22 10:00", at),
            ("2026-11-22T10", at),
            ("2026-11-22T19:00:00+09:00", at),
            ("2026-11-22T19:00:00+0900", at),
            ("2026-11-22T19+09", at),
            ("2026-11-22T06:30:00.5-03:30", at + 500),
            ("2026-11-22T10:00:00,123456", at + 123),
            ("2026-11-22", at - 10 * HOUR_MS),
            ("2026-11", at - 10 * HOUR_MS - 21 * DAY_MS),
        ] {
            assert_eq!(parse(text).map(|date| date.start_ms), Some(start), "{text}");
        }
        for text in
            ["2026-11-22T10:00:00Z", "2026-11-22T10:00:00.123Z", "2024-02-29T23:59:59.999Z", "0001-01-01T00:00:00Z"]
        {
            assert_eq!(parse_utc_instant(text.as_bytes()), parse(text).map(|date| date.start_ms), "{text}");
            let jiff: jiff::Timestamp = text.parse().unwrap();
            assert_eq!(parse_utc_instant(text.as_bytes()), Some(jiff.as_millisecond()), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_over_all_years() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..10_000 {
            let time_ms = random.i64(-62_167_219_200_000..253_402_300_800_000);
            let text = rfc3339(time_ms).unwrap();
            assert_eq!(parse_utc_instant(text.as_bytes()), Some(time_ms), "{text}");
        }
        assert_eq!(rfc3339(1_795_343_400_500).as_deref(), Some("2026-11-22T10:30:00.500Z"));
        assert_eq!((rfc3339(-62_167_219_200_001), rfc3339(253_402_300_800_000)), (None, None));
    }

    #[test]
    fn a_date_cut_short_names_its_whole_stretch() {
        let length = |text: &str| parse(text).map(|date| date.end_ms - date.start_ms + 1).unwrap();
        assert_eq!(length("2024"), DAY_MS);
        assert_eq!(length("2023-02"), DAY_MS);
        assert_eq!(length("2023-02-28"), DAY_MS);
        assert_eq!(length("2023-02-28T01"), HOUR_MS);
        assert_eq!(length("2023-02-28T01:02"), MINUTE_MS);
        assert_eq!(length("2023-02-28T01:02:03"), SECOND_MS);
        assert_eq!(length("2023-02-28T01:02:03.5Z"), 1);
    }

    #[test]
    fn what_is_no_date_is_refused_and_never_panics() {
        for text in [
            "",
            "2",
            "20261",
            "2026-",
            "2026-1",
            "2026-13",
            "2026-00-01",
            "2023-02-29",
            "2026-11-31",
            "2026-11-22T",
            "2026-11-22T24:00:00Z",
            "2026-11-22T10:60",
            "2026-11-22T10:00:61Z",
            "2026-11-22T10:00:00.Z",
            "2026-11-22T10:00:00.1234567890Z",
            "2026-11-22T10:00:00+",
            "2026-11-22T10:00:00+9",
            "2026-11-22T10:00:00+19:00",
            "2026-11-22T10:00:00Zx",
            "2026-11-22x",
            "2026-11-22T10:00:00 +09:00",
            "é026-11-22",
            "2026-11-22T1é:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
            assert_eq!(parse_utc_instant(text.as_bytes()), None, "{text}");
        }
    }
}

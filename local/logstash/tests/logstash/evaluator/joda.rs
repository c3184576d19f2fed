//! The times that a pattern of Joda-Time reads, by its documented rules.
//!
//! A letter of a number takes at most its digits, with or without zeros in front. `S` takes at most as many digits as
//! letters. Names are long or short, in any case. An offset is `Z`, `+09`, `+0900` or `+09:00`, whatever the number of
//! letters. The pattern has to take the whole text. A local time that the clocks of its zone skip is none.

use jiff::{Timestamp, civil, tz::TimeZone};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

#[derive(Default)]
struct Read {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    milliseconds: i32,
    offset_seconds: Option<i64>,
}

pub(crate) fn read(pattern: &str, text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let mut read = Read { year: 2000, month: 1, day: 1, ..Read::default() };
    let (mut pattern, mut rest) = (pattern, text);
    while let Some(letter) = pattern.chars().next() {
        let after = pattern.trim_start_matches(letter);
        let run = pattern.len() - after.len();
        pattern = after;
        rest = match letter {
            '\'' => {
                let (literal, after) = pattern.split_once('\'')?;
                pattern = after;
                rest.strip_prefix(literal)?
            }
            'S' => fraction(rest, run, &mut read),
            'Z' => offset(rest, &mut read)?,
            'M' if run > 2 => month(rest, &mut read)?,
            // A year takes further digits, unless another number follows at once.
            'y' | 'Y' if !pattern.starts_with(['M', 'd', 'H', 'm', 's']) => number(rest, letter, 9, &mut read)?,
            'y' | 'Y' => number(rest, letter, run, &mut read)?,
            'M' | 'd' | 'H' | 'm' | 's' => number(rest, letter, 2, &mut read)?,
            _ => rest.strip_prefix(letter.to_string().repeat(run).as_str())?,
        };
    }
    let time = civil::Time::new(read.hour, read.minute, read.second, read.milliseconds * 1_000_000).ok()?;
    let local = civil::Date::new(read.year, read.month, read.day).ok()?.to_datetime(time);
    if !rest.is_empty() {
        return None;
    }
    if let Some(seconds) = read.offset_seconds {
        let utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
        return utc.checked_sub(jiff::SignedDuration::from_secs(seconds)).ok();
    }
    let zoned = local.to_zoned(zone.clone()).ok()?;
    (zoned.datetime() == local).then(|| zoned.timestamp())
}

/// The number of digits at the beginning, at most `most`.
fn digits(text: &str, most: usize) -> usize {
    text.bytes().take(most).take_while(u8::is_ascii_digit).count()
}

fn number<'t>(text: &'t str, letter: char, most: usize, read: &mut Read) -> Option<&'t str> {
    let (digits, rest) = text.split_at(digits(text, most));
    let place = match letter {
        'M' => &mut read.month,
        'd' => &mut read.day,
        'H' => &mut read.hour,
        'm' => &mut read.minute,
        's' => &mut read.second,
        _ => {
            read.year = digits.parse().ok()?;
            return Some(rest);
        }
    };
    *place = digits.parse().ok()?;
    Some(rest)
}

fn month<'t>(text: &'t str, read: &mut Read) -> Option<&'t str> {
    let lower = text.to_lowercase();
    for (number, name) in (1..).zip(MONTHS) {
        for name in [name, &name[..3]] {
            if lower.starts_with(name) {
                read.month = number;
                return text.get(name.len()..);
            }
        }
    }
    None
}

fn fraction<'t>(text: &'t str, run: usize, read: &mut Read) -> &'t str {
    let (digits, rest) = text.split_at(digits(text, run));
    read.milliseconds = format!("{digits:0<3}")[..3].parse().unwrap_or_default();
    rest
}

fn offset<'t>(text: &'t str, read: &mut Read) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        read.offset_seconds = Some(0);
        return Some(rest);
    }
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let two = |text: &str| (digits(text, 2) == 2).then(|| text[..2].parse::<i64>().ok()).flatten();
    let mut rest = text.get(1..)?;
    let mut seconds = two(rest)? * 3600;
    rest = &rest[2..];
    let has_colon = rest.starts_with(':');
    for unit in [60, 1] {
        let inner = rest.strip_prefix(':').filter(|_| has_colon);
        if inner.is_none() && (has_colon || digits(rest, 1) == 0) {
            break;
        }
        let inner = inner.unwrap_or(rest);
        seconds += two(inner)? * unit;
        rest = &inner[2..];
    }
    read.offset_seconds = Some(sign * seconds);
    Some(rest)
}

//! The other way: from an index's name to the time that its events are of.
//!
//! In: a name, as the domain lists it. Out: the period whose events lie in it, or nothing where no event of the dataset
//! could have made that name. What deletes indices rests on this, so doubt is resolved in favour of keeping.

use super::{DatePart, IndexPattern, Part, iso};

/// The stretch of time that one index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// `%{+YYYY}`
    Year,
    /// `%{+YYYY.MM}`
    Month,
    /// `%{+YYYY.MM.dd}`
    Day,
    /// `%{+YYYY.MM.dd.HH}`
    Hour,
}

impl Period {
    /// The start of the period that holds a time, both in milliseconds since 1970.
    pub fn start_of(self, time_ms: i64) -> i64 {
        let days = time_ms.div_euclid(iso::DAY_MS);
        let (year, month, _) = iso::civil_from_days(days);
        match self {
            Self::Hour => time_ms - time_ms.rem_euclid(iso::HOUR_MS),
            Self::Day => days * iso::DAY_MS,
            Self::Month => iso::days_from_civil(year, month, 1) * iso::DAY_MS,
            Self::Year => iso::days_from_civil(year, 1, 1) * iso::DAY_MS,
        }
    }

    /// Where the period that begins at `start_ms` ends.
    pub fn end_of(self, start_ms: i64) -> i64 {
        let (year, month, _) = iso::civil_from_days(start_ms.div_euclid(iso::DAY_MS));
        match self {
            Self::Hour => start_ms + iso::HOUR_MS,
            Self::Day => start_ms + iso::DAY_MS,
            Self::Month if month == 12 => iso::days_from_civil(year + 1, 1, 1) * iso::DAY_MS,
            Self::Month => iso::days_from_civil(year, month + 1, 1) * iso::DAY_MS,
            Self::Year => iso::days_from_civil(year + 1, 1, 1) * iso::DAY_MS,
        }
    }
}

/// What a reading of a name has found so far.
#[derive(Debug, Clone, Copy, Default)]
struct Date {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
}

impl Date {
    /// The same with one part more; `None` where the pattern names that part twice and the two differ.
    fn with(mut self, part: DatePart, value: i64) -> Option<Self> {
        let known = match part {
            DatePart::Year => &mut self.year,
            DatePart::Month => &mut self.month,
            DatePart::Day => &mut self.day,
            DatePart::Hour => &mut self.hour,
        };
        (*known.get_or_insert(value) == value).then_some(self)
    }

    fn start_ms(self) -> Option<i64> {
        let (month, day, hour) = (self.month.unwrap_or(1), self.day.unwrap_or(1), self.hour.unwrap_or(0));
        let days = iso::days_from_civil(self.year?, month, day);
        // The 31st of February is no day.
        let is_real = iso::civil_from_days(days) == (self.year?, month, day) && (0..24).contains(&hour);
        is_real.then_some(days * iso::DAY_MS + hour * iso::HOUR_MS)
    }
}

impl IndexPattern {
    /// The period of one index; `None` where the name tells no time, or leaves a gap such as a month without its year.
    pub fn period(&self) -> Option<Period> {
        let has = |part| self.parts.contains(&Part::Date(part));
        match [DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Hour].map(has) {
            [true, false, false, false] => Some(Period::Year),
            [true, true, false, false] => Some(Period::Month),
            [true, true, true, false] => Some(Period::Day),
            [true, true, true, true] => Some(Period::Hour),
            _ => None,
        }
    }

    /// The names of all its indices as the engine's own pattern, such as `logs-*.*.*`.
    pub fn wildcard(&self) -> String {
        let mut wildcard = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => wildcard.push_str(text),
                Part::Date(_) | Part::Field(_) if wildcard.ends_with('*') => {}
                Part::Date(_) | Part::Field(_) => wildcard.push('*'),
            }
        }
        wildcard
    }

    /// Whether an event could have made this index name.
    pub fn could_be(&self, name: &str) -> bool {
        let mut could = false;
        read(&self.parts, name.as_bytes(), Date::default(), &mut |_| could = true);
        could
    }

    /// The start of the period whose events lie in the index of this name, in milliseconds since 1970; where a name can
    /// be read in several ways, the latest. `None` where no event could have made it, or it tells no time.
    pub fn period_start_ms(&self, name: &str) -> Option<i64> {
        self.period()?;
        let mut latest = None;
        read(&self.parts, name.as_bytes(), Date::default(), &mut |date| latest = latest.max(date.start_ms()));
        latest
    }
}

/// Calls `found` for every way to read `name` as the parts.
fn read(parts: &[Part], name: &[u8], date: Date, found: &mut impl FnMut(Date)) {
    let Some((part, rest)) = parts.split_first() else {
        if name.is_empty() {
            found(date);
        }
        return;
    };
    match part {
        Part::Literal(text) => {
            if let Some(name) = name.strip_prefix(text.as_bytes()) {
                read(rest, name, date, found);
            }
        }
        Part::Date(part) => {
            let Some((digits, name)) = name.split_at_checked(if *part == DatePart::Year { 4 } else { 2 }) else {
                return;
            };
            if digits.iter().all(u8::is_ascii_digit) {
                let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
                if let Some(date) = date.with(*part, value) {
                    read(rest, name, date, found);
                }
            }
        }
        // A name has 255 bytes at most, and a pattern few fields: every way is tried.
        Part::Field(_) => {
            let allowed = name.iter().take_while(|byte| super::is_allowed_in_name(**byte)).count();
            (1..=allowed).for_each(|len| read(rest, &name[len..], date, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_name_tells_its_period_or_is_none_of_ours() {
        for (pattern, name, start) in [
            ("logs-%{+YYYY.MM.dd}", "logs-2026.11.22", Some("2026-11-22T00:00:00Z")),
            ("logs-%{+YYYY.MM.dd.HH}", "logs-2026.11.22.07", Some("2026-11-22T07:00:00Z")),
            ("logs-%{+YYYY.MM}", "logs-2026.02", Some("2026-02-01T00:00:00Z")),
            ("logs-%{+YYYY}", "logs-2026", Some("2026-01-01T00:00:00Z")),
            ("logs-%{app}-%{+YYYY.MM.dd}", "logs-a-b.c-2026.11.22", Some("2026-11-22T00:00:00Z")),
            ("a-%{+YYYY.MM.dd}-%{+YYYY.MM.dd}", "a-2026.11.22-2026.11.22", Some("2026-11-22T00:00:00Z")),
            ("a-%{+YYYY.MM.dd}-%{+YYYY.MM.dd}", "a-2026.11.22-2026.11.23", None),
            // Two readings: the later counts.
            ("a%{x}%{+YYYY}%{y}", "a2024b2026c", Some("2026-01-01T00:00:00Z")),
            ("logs-%{+YYYY.MM.dd}", "logs-2026.02.30", None),
            ("logs-%{+YYYY.MM.dd}", "logs-2026.13.01", None),
            ("logs-%{+YYYY.MM.dd}", "logs-2026.11.22-reindexed", None),
            ("logs-%{+YYYY.MM.dd}", "old-logs-2026.11.22", None),
            ("logs-%{+YYYY.MM.dd}", "logs-", None),
            ("logs", "logs", None),
            ("logs-%{+MM.dd}", "logs-11.22", None),
        ] {
            let pattern = IndexPattern::parse(pattern).unwrap();
            assert_eq!(pattern.period_start_ms(name), start.map(ms), "{pattern} {name}");
        }
    }

    #[test]
    fn the_wildcard_takes_every_name_and_has_no_two_stars_together() {
        for (pattern, wildcard) in [
            ("logs-%{+YYYY.MM.dd}", "logs-*.*.*"),
            ("logs-%{a}%{+YYYYMM}", "logs-*"),
            ("logs", "logs"),
            ("l-%{a}-%{+YYYY}", "l-*-*"),
        ] {
            assert_eq!(IndexPattern::parse(pattern).unwrap().wildcard(), wildcard);
        }
    }

    proptest! {
        #[test]
        fn a_period_holds_the_times_from_its_start_to_its_end(time_ms in 946_684_800_000_i64..4_102_444_800_000) {
            for period in [Period::Year, Period::Month, Period::Day, Period::Hour] {
                let start = period.start_of(time_ms);
                prop_assert!((start..period.end_of(start)).contains(&time_ms));
                prop_assert_eq!(period.start_of(period.end_of(start)), period.end_of(start));
                prop_assert_eq!(period.start_of(start - 1), period.start_of(period.start_of(start - 1)));
                prop_assert_eq!(period.end_of(period.start_of(start - 1)), start);
            }
        }
    }
}

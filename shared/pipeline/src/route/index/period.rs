//! The reverse direction: from the name of an index to the time of its events.
//!
//! In: a name, as the domain lists it. Out: the period of the events in it, or nothing if no event of the dataset
//! can have produced that name. The deletion of indices depends on this, so in doubt an index is kept.

use super::pattern::{DatePart, IndexPattern, Part, is_allowed_in_name};
use crate::time;

/// The length of time that one index holds.
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
    /// The start of the period that contains a time, both on the clock of the index.
    pub fn start_of(self, time_ms: i64) -> i64 {
        let days = time_ms.div_euclid(time::DAY_MS);
        let (year, month, _) = time::civil_from_days(days);
        match self {
            Self::Hour => time_ms - time_ms.rem_euclid(time::HOUR_MS),
            Self::Day => days * time::DAY_MS,
            Self::Month => time::days_from_civil(year, month, 1) * time::DAY_MS,
            Self::Year => time::days_from_civil(year, 1, 1) * time::DAY_MS,
        }
    }

    /// The end of the period that begins at `start_ms`.
    pub fn end_of(self, start_ms: i64) -> i64 {
        let (year, month, _) = time::civil_from_days(start_ms.div_euclid(time::DAY_MS));
        match self {
            Self::Hour => start_ms + time::HOUR_MS,
            Self::Day => start_ms + time::DAY_MS,
            Self::Month if month == 12 => time::days_from_civil(year + 1, 1, 1) * time::DAY_MS,
            Self::Month => time::days_from_civil(year, month + 1, 1) * time::DAY_MS,
            Self::Year => time::days_from_civil(year + 1, 1, 1) * time::DAY_MS,
        }
    }
}

/// The parts of the date found so far in a name.
#[derive(Debug, Clone, Copy, Default)]
struct Date {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: Option<i64>,
}

impl Date {
    /// Adds one part. `None` if the pattern contains that part twice and the two values differ.
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
        let days = time::days_from_civil(self.year?, month, day);
        // The 31st of February is not a real day.
        let is_real = time::civil_from_days(days) == (self.year?, month, day) && (0..24).contains(&hour);
        is_real.then_some(days * time::DAY_MS + hour * time::HOUR_MS)
    }
}

impl IndexPattern {
    /// The period of one index. `None` if the name has no time, or lacks a part, such as a month without its year.
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

    /// A pattern for the names of all its indices in the engine's syntax, such as `logs-*.*.*`.
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

    /// The names that events can get: `#` stands for a digit of a date, `*` for the value of a field. No index name
    /// contains either.
    pub fn shape(&self) -> String {
        let shape = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Date(_) => "#".repeat(part.fixed_len()),
            Part::Field(_) => "*".to_owned(),
        };
        self.parts.iter().map(shape).collect()
    }

    /// Whether an event could have produced this index name.
    pub fn could_be(&self, name: &str) -> bool {
        let mut could = false;
        read(&self.parts, name.as_bytes(), Date::default(), &mut |_| could = true);
        could
    }

    /// The start of the period of the events in the index with this name, on the clock of the index. If a name can
    /// be read in several ways, the latest. `None` if no event could have produced it, or it has no time.
    pub fn period_start_ms(&self, name: &str) -> Option<i64> {
        self.period()?;
        let mut latest = None;
        read(&self.parts, name.as_bytes(), Date::default(), &mut |date| latest = latest.max(date.start_ms()));
        latest
    }

    /// The start of the first period for an event at `time_ms` or later, on the clock of the index. `None` if its name has no time.
    pub fn first_period_from(&self, time_ms: i64) -> Option<i64> {
        let period = self.period()?;
        // If a clock is set back over midnight, it shows the day before a second time.
        let changes = self.zone.iter().flat_map(|zone| zone.changes_after_ms(time_ms));
        let starts = std::iter::once(time_ms).chain(changes).map(|at| period.start_of(self.clock_ms(at)));
        starts.min()
    }

    /// The end of the last period for an event at `time_ms` or earlier, on the clock of the index. `None` if its name has no time.
    pub fn last_period_until(&self, time_ms: i64) -> Option<i64> {
        let period = self.period()?;
        let changes = self.zone.iter().flat_map(|zone| zone.changes_before_ms(time_ms));
        let last_before = changes.map(|change_ms| change_ms - 1);
        let ends = std::iter::once(time_ms).chain(last_before).map(|at| period.start_of(self.clock_ms(at)));
        ends.max().map(|start_ms| period.end_of(start_ms))
    }

    /// An instant before which no event belongs to the period that begins at `start_ms` on the clock of the index.
    pub fn begins_ms(&self, start_ms: i64) -> i64 {
        self.zone.as_ref().map_or(start_ms, |zone| zone.not_before_ms(start_ms))
    }
}

/// Calls `found` for every way to match `name` with the parts.
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
        // A name has at most 255 bytes, and a pattern few fields, so every way is tried.
        Part::Field(_) => {
            let allowed = name.iter().take_while(|byte| is_allowed_in_name(**byte)).count();
            (1..=allowed).for_each(|len| read(rest, &name[len..], date, found));
        }
    }
}

#[cfg(test)]
mod tests;

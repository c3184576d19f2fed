//! The units of time by which a histogram rounds, and how many of them a bar may have.

use pipeline::time::{DAY_MS, HOUR_MS, civil_from_days, days_from_civil};

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rounding {
    unit: Unit,
    /// The engine's letter.
    pub(super) letter: char,
    /// The engine's estimate of its length.
    pub(super) estimate_ms: i64,
    /// The numbers of units that a bar may have.
    pub(super) multiples: &'static [usize],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Milliseconds.
    Fixed(i64),
    Month,
    Year,
}

/// From fine to coarse, with the engine's numbers.
pub(super) const ROUNDINGS: [Rounding; 6] = [
    Rounding::fixed(1_000, 's', &[1, 5, 10, 30]),
    Rounding::fixed(60_000, 'm', &[1, 5, 10, 30]),
    Rounding::fixed(HOUR_MS, 'h', &[1, 3, 12]),
    Rounding::fixed(DAY_MS, 'd', &[1, 7]),
    Rounding { unit: Unit::Month, letter: 'M', estimate_ms: 30 * DAY_MS, multiples: &[1, 3] },
    Rounding { unit: Unit::Year, letter: 'y', estimate_ms: 365 * DAY_MS, multiples: &[1, 5, 10, 20, 50, 100] },
];

impl Rounding {
    const fn fixed(length: i64, letter: char, multiples: &'static [usize]) -> Self {
        Self { unit: Unit::Fixed(length), letter, estimate_ms: length, multiples }
    }

    /// The largest number of units that a bar may have.
    pub(super) fn most(&self) -> usize {
        self.multiples.last().copied().unwrap_or(1)
    }

    /// The start of the unit in which an instant lies.
    pub(super) fn round(&self, time_ms: i64) -> i64 {
        let civil = || civil_from_days(time_ms.div_euclid(DAY_MS));
        match self.unit {
            Unit::Fixed(length) => time_ms.saturating_sub(time_ms.rem_euclid(length)),
            Unit::Month => {
                let (year, month, _) = civil();
                days_from_civil(year, month, 1).saturating_mul(DAY_MS)
            }
            Unit::Year => days_from_civil(civil().0, 1, 1).saturating_mul(DAY_MS),
        }
    }

    /// The start of the next unit.
    pub(super) fn next(&self, key: i64) -> i64 {
        match self.unit {
            Unit::Fixed(length) => self.round(key).saturating_add(length),
            Unit::Month => self.round(self.round(key).saturating_add(31 * DAY_MS)),
            Unit::Year => self.round(self.round(key).saturating_add(366 * DAY_MS)),
        }
    }
}

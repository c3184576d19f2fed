//! Round numbers, times and degrees for the axes.

use jiff::{Timestamp, tz::TimeZone};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Steps of an axis of time. Each is a multiple of the smaller steps that readers expect, such as whole hours or days.
const STEPS_MS: [i64; 20] = [
    1_000,
    5_000,
    15_000,
    60_000,
    5 * 60_000,
    15 * 60_000,
    HOUR_MS / 2,
    HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    DAY_MS,
    2 * DAY_MS,
    7 * DAY_MS,
    14 * DAY_MS,
    30 * DAY_MS,
    90 * DAY_MS,
    365 * DAY_MS,
    5 * 365 * DAY_MS,
    20 * 365 * DAY_MS,
];

/// A step of 1, 2 or 5 times a power of ten, so that `range` has at most `count` of them.
pub(super) fn step(range: f64, count: f64) -> f64 {
    let rough = (range / count).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power)
}

/// The counts at the lines of an axis from 0 to `most`. The last one is at or above `most`.
pub(super) fn counts(most: u64) -> Vec<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a step between 1 and the greatest count"
    )]
    let step = step(most.max(1) as f64, 4.0).ceil() as u64;
    (0..=most.max(1).div_ceil(step)).map(|number| number * step).collect()
}

/// The times within `from..=to` at the marks of an axis, in milliseconds since 1970, each with its label.
pub(super) fn times(from: i64, to: i64) -> Vec<(i64, String)> {
    let range = (to - from).max(1);
    let step = STEPS_MS.into_iter().find(|step| range / step <= 8).unwrap_or(STEPS_MS[STEPS_MS.len() - 1]);
    let first = from.div_euclid(step) * step + if from.rem_euclid(step) == 0 { 0 } else { step };
    let label = |at: i64| match step {
        _ if step >= 365 * DAY_MS => format_time(at, "%Y"),
        _ if step >= 30 * DAY_MS => format_time(at, "%b %Y"),
        _ if step >= DAY_MS || at.rem_euclid(DAY_MS) == 0 => format_time(at, "%-d %b"),
        _ if step >= 60_000 => format_time(at, "%H:%M"),
        _ => format_time(at, "%H:%M:%S"),
    };
    let marks = std::iter::successors(Some(first), |at| at.checked_add(step)).take_while(|at| *at <= to);
    marks.map(|at| (at, label(at))).collect()
}

/// A time in UTC.
pub(super) fn format_time(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |at| at.to_zoned(TimeZone::UTC).strftime(format).to_string())
}

/// The degrees within `from..=to` at the lines of a grid.
pub(super) fn degrees(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil();
    (0..).map(move |number| (first + f64::from(number)) * step).take_while(move |at| *at <= to)
}

/// The label of a line at this degree, such as `35.5°N`.
pub(super) fn degree(at: f64, step: f64, [above, below]: [&str; 2]) -> String {
    let side = if at.abs() < step / 2.0 {
        ""
    } else if at > 0.0 {
        above
    } else {
        below
    };
    // The fewest decimals that show the step exactly.
    let decimals = (0..6).find(|decimals| (step * 10_f64.powi(*decimals)).fract().abs() < 1e-6).unwrap_or(6);
    format!("{:.*}°{side}", usize::try_from(decimals).unwrap_or_default(), at.abs())
}

/// A count with commas.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

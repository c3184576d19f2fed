//! Events over time, from the engine's `auto_date_histogram`.

use serde::Serialize;
use serde_json::Value;

/// The largest number of bars over time.
pub(super) const MAX_BARS: usize = 72;

/// Events over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// The field.
    pub field: String,
    /// The length of a bucket in the engine's notation, such as `30m`.
    pub interval: String,
    /// The start of each bucket in milliseconds since 1970, and the number of its events; without gaps.
    pub buckets: Vec<(i64, u64)>,
}

impl Times {
    /// The bars of an answer. The longest bars of the engine have 100 years, so one time far from the others, such as the year 9999 in
    /// milliseconds that were meant as seconds, leads to more bars than were asked for. Then neighbours become one bar.
    pub(super) fn of(field: String, said: &Value) -> Self {
        let buckets = said["buckets"].as_array().into_iter().flatten();
        let buckets: Vec<(i64, u64)> =
            buckets.filter_map(|bucket| Some((bucket["key"].as_i64()?, bucket["doc_count"].as_u64()?))).collect();
        let interval = said["interval"].as_str().unwrap_or_default();
        let together = buckets.len().div_ceil(MAX_BARS).max(1);
        let bar = |bars: &[(i64, u64)]| (bars[0].0, bars.iter().map(|(_, count)| count).sum());
        Self { field, interval: longer(interval, together), buckets: buckets.chunks(together).map(bar).collect() }
    }
}

/// An interval such as `30m`, so many times.
fn longer(interval: &str, times: usize) -> String {
    let digits = interval.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(interval.len());
    let (count, unit) = interval.split_at(digits);
    count
        .parse::<usize>()
        .map_or_else(|_| interval.to_owned(), |count| format!("{}{unit}", count.saturating_mul(times)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn more_bars_than_were_asked_for_become_fewer_with_the_same_events() {
        for (bars, interval, expected, left) in [
            (0, "1s", "1s", 0),
            (72, "30m", "30m", 72),
            (73, "100y", "200y", 37),
            (7_974, "1y", "111y", 72),
            (73, "", "", 37),
        ] {
            let buckets: Vec<Value> = (0..bars).map(|number| json!({ "key": number, "doc_count": number })).collect();
            let times = Times::of("at".into(), &json!({ "interval": interval, "buckets": buckets }));
            assert_eq!((times.interval.as_str(), times.buckets.len()), (expected, left), "{bars}");
            assert_eq!(times.buckets.iter().map(|(_, count)| count).sum::<u64>(), (0..bars).sum::<u64>(), "{bars}");
        }
    }
}

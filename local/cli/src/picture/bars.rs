//! Bar charts: vertical bars over time, horizontal bars for values.

use std::fmt::Write as _;

use super::{
    axis,
    data::Values,
    text::{escaped, events},
    times::Times,
};

const WIDTH: f64 = 1040.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 66.0;
const BOTTOM: f64 = 44.0;
const TOP: f64 = 14.0;
const RIGHT: f64 = 14.0;

/// The bar chart of events over time.
pub(super) fn over_time(times: &Times) -> String {
    let buckets = &times.buckets;
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else { return String::new() };
    // The last bucket is as long as the one before.
    let width_ms = buckets.windows(2).next_back().map_or(60_000, |pair| pair[1].0 - pair[0].0);
    let (from, to) = (first.0, last.0 + width_ms);
    let most = buckets.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let lines = axis::counts(most);
    let highest = lines.last().copied().unwrap_or(1) as f64;
    let x = |at: i64| LEFT + (at - from) as f64 / (to - from) as f64 * (WIDTH - LEFT - RIGHT);
    let y = |count: f64| TOP + (1.0 - count / highest) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"times-title times-text\">\
         <title id=\"times-title\">Events over time</title><desc id=\"times-text\">{} bars of {} each, by {}; the highest has {}.</desc>",
        buckets.len(),
        escaped(&times.interval),
        escaped(&times.field),
        events(most),
    );
    for count in lines {
        let at = y(count as f64);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 9.0,
            at + 4.0,
            axis::grouped(count),
        );
    }
    for (number, (at, count)) in buckets.iter().enumerate() {
        let end = buckets.get(number + 1).map_or(to, |next| next.0);
        let (left, right, top) = (x(*at), x(end), y(*count as f64));
        let gap = ((right - left) * 0.16).min(2.0);
        let _ = write!(
            svg,
            "<path class=\"bar\" d=\"{}\"><title>{} UTC: {}</title></path>",
            upright(left + gap / 2.0, right - gap / 2.0, top, y(0.0)),
            axis::format_time(*at, "%Y-%m-%d %H:%M"),
            events(*count),
        );
    }
    svg + &time_axis(times, from, to, y(0.0), x)
}

/// The line below the bars, with times, and the names of both axes.
fn time_axis(times: &Times, from: i64, to: i64, base: f64, x: impl Fn(i64) -> f64) -> String {
    let mut svg =
        format!("<line class=\"base\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{base:.1}\" y2=\"{base:.1}\"/>", WIDTH - RIGHT);
    for (at, label) in axis::times(from, to) {
        let place = x(at);
        let anchor = if place > WIDTH - 40.0 { "end" } else { "middle" };
        let _ = write!(
            svg,
            "<line class=\"base\" x1=\"{place:.1}\" x2=\"{place:.1}\" y1=\"{base:.1}\" y2=\"{:.1}\"/>\
             <text class=\"tick\" x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
            base + 5.0,
            base + 19.0,
        );
    }
    let _ = write!(
        svg,
        "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} (UTC), in steps of {}</text>\
         <text class=\"name\" transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\">events</text></svg>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 5.0,
        escaped(&times.field),
        escaped(&times.interval),
        f64::midpoint(TOP, base),
    );
    svg
}

/// A vertical bar with a rounded top.
fn upright(left: f64, right: f64, top: f64, base: f64) -> String {
    let radius = 3.0_f64.min((right - left) / 2.0).min(base - top).max(0.0);
    format!(
        "M{left:.1} {base:.1}V{:.1}Q{left:.1} {top:.1} {:.1} {top:.1}H{:.1}Q{right:.1} {top:.1} {right:.1} {:.1}V{base:.1}Z",
        top + radius,
        left + radius,
        right - radius,
        top + radius,
    )
}

/// The bar chart of the top values.
pub(super) fn of_values(values: &Values, total: u64) -> String {
    const WIDTH: f64 = 420.0;
    const ROW: f64 = 44.0;
    const SIDE: f64 = 2.0;
    let most = values.top.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1) as f64;
    let rows = values.top.len() as f64;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-labelledby=\"values-title values-text\">\
         <title id=\"values-title\">Top values</title><desc id=\"values-text\">The {} most frequent values of {}.</desc>",
        rows * ROW + 6.0,
        values.top.len(),
        escaped(&values.field),
    );
    for (number, (value, count)) in values.top.iter().enumerate() {
        let y = number as f64 * ROW;
        let width = (*count as f64 / most * (WIDTH - 2.0 * SIDE)).max(2.0);
        let share = *count as f64 * 100.0 / total.max(1) as f64;
        let _ = write!(
            svg,
            "<g><title>{name}: {events} ({share:.1} %)</title><text class=\"value\" x=\"{SIDE}\" y=\"{:.1}\">{}</text>\
             <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{} · {share:.1} %</text>\
             <rect class=\"track\" x=\"{SIDE}\" y=\"{:.1}\" width=\"{:.1}\" height=\"9\" rx=\"4.5\"/>\
             <rect class=\"bar\" x=\"{SIDE}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"9\" rx=\"4.5\"/></g>",
            y + 19.0,
            escaped(&shortened(value)),
            WIDTH - SIDE,
            y + 19.0,
            axis::grouped(*count),
            y + 27.0,
            WIDTH - 2.0 * SIDE,
            y + 27.0,
            name = escaped(value),
            events = events(*count),
        );
    }
    svg + "</svg>"
}

/// The value, shortened to fit before the count.
fn shortened(value: &str) -> String {
    const MOST: usize = 34;
    if value.chars().count() <= MOST { value.to_owned() } else { value.chars().take(MOST - 1).chain(['…']).collect() }
}

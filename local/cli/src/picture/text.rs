//! Texts of the page and its charts.

use super::axis;

/// A number of events with its noun.
pub(super) fn events(count: u64) -> String {
    format!("{} event{}", axis::grouped(count), if count == 1 { "" } else { "s" })
}

/// A text escaped for HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

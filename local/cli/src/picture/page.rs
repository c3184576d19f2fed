//! The HTML page with the charts.

use std::fmt::Write as _;

use super::{
    axis, bars,
    data::{Data, Values},
    heat,
    text::escaped,
    times::Times,
};

/// The colours and shapes of the charts.
pub(crate) const STYLE: &str = include_str!("picture.css");

/// The whole page.
pub fn page(data: &Data) -> String {
    let title = format!("Millrace: {}", data.index);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\n<body><main><header><h1>{index}</h1><dl>{figures}</dl></header>\n",
        title = escaped(&title),
        index = escaped(&data.index),
        figures = figures(data),
    );
    if data.total == 0 {
        html.push_str("<section><h2>No events</h2><p>No index of this pattern has any.</p></section>\n");
    }
    let times = data.times.as_ref().filter(|times| !times.buckets.is_empty());
    if let Some(times) = times {
        section(&mut html, "wide", "Events over time", &times.field, &bars::over_time(times));
    }
    if let Some(points) = data.points.as_ref().filter(|points| !points.cells.is_empty()) {
        section(&mut html, "map", "Heat map", &points.field, &heat::map(points));
    }
    let values = data.values.first().filter(|values| !values.top.is_empty());
    if let Some(values) = values {
        section(&mut html, "top", "Top values", &values.field, &bars::of_values(values, data.total));
    }
    html.push_str(&numbers(times, values));
    html.push_str("<footer>Drawn by <code>millrace picture</code> from the domain's own aggregations. All times are UTC.</footer></main></body></html>\n");
    html
}

fn section(html: &mut String, class: &str, title: &str, field: &str, content: &str) {
    let field = escaped(field);
    let _ = writeln!(html, "<section class=\"{class}\"><h2>{title} <small>by {field}</small></h2>{content}</section>");
}

/// The main numbers, at the top of the page.
fn figures(data: &Data) -> String {
    let mut figures = vec![("events", axis::grouped(data.total))];
    if let Some(times) = &data.times
        && let (Some(first), Some(last)) = (times.buckets.first(), times.buckets.last())
    {
        let day = |ms: i64| axis::format_time(ms, "%-d %b %Y");
        let (from, to) = (day(first.0), day(last.0));
        figures.push(("when", if from == to { from } else { format!("{from} – {to}") }));
        let busiest = times.buckets.iter().max_by_key(|(_, count)| *count).unwrap_or(first);
        figures.push(("busiest", axis::format_time(busiest.0, "%-d %b, %H:%M")));
    }
    if let Some(points) = &data.points {
        let placed: u64 = points.cells.iter().map(|cell| cell.count).sum();
        figures.push(("with a place", format!("{:.1} %", placed as f64 * 100.0 / data.total.max(1) as f64)));
    }
    figures.iter().fold(String::new(), |mut html, (name, value)| {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
        html
    })
}

/// The numbers of the charts as tables, for readers who cannot see the charts.
fn numbers(times: Option<&Times>, values: Option<&Values>) -> String {
    let mut rows = String::new();
    let mut table = |caption: &str, heads: [&str; 2], body: Vec<(String, u64)>| {
        let _ = write!(
            rows,
            "<table><caption>{caption}</caption><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>",
            escaped(heads[0]),
            heads[1],
        );
        for (name, count) in body {
            let _ = write!(rows, "<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escaped(&name), axis::grouped(count));
        }
        rows.push_str("</tbody></table>");
    };
    if let Some(Times { field, buckets, .. }) = times {
        let body = buckets.iter().map(|(at, count)| (axis::format_time(*at, "%Y-%m-%d %H:%M"), *count)).collect();
        table("Events over time", [field, "events"], body);
    }
    if let Some(Values { field, top, other }) = values {
        let mut body = top.clone();
        body.extend(Some(("(all others)".to_owned(), *other)).filter(|(_, other)| *other > 0));
        table("Top values", [field, "events"], body);
    }
    if rows.is_empty() {
        rows
    } else {
        format!("<details><summary>The numbers</summary><div class=\"tables\">{rows}</div></details>\n")
    }
}

//! The parts of the page, and the headers of every answer.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode, header};

use crate::picture::STYLE;

/// The page runs its own scripts only, sends requests to its own server only, and turns no text into markup: `trusted-types 'none'`
/// makes each attempt an error.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every answer.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";
const SHEET: &str = "text/css; charset=utf-8";

/// Path, content type and content.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("static/page.html")),
    ("/picture.css", SHEET, STYLE),
    ("/page.css", SHEET, include_str!("static/page.css")),
    ("/main.js", SCRIPT, include_str!("static/main.js")),
    ("/ask.js", SCRIPT, include_str!("static/ask.js")),
    ("/element.js", SCRIPT, include_str!("static/element.js")),
    ("/text.js", SCRIPT, include_str!("static/text.js")),
    ("/time.js", SCRIPT, include_str!("static/time.js")),
    ("/chart.js", SCRIPT, include_str!("static/chart.js")),
    ("/map.js", SCRIPT, include_str!("static/map.js")),
    ("/values.js", SCRIPT, include_str!("static/values.js")),
    ("/rows.js", SCRIPT, include_str!("static/rows.js")),
    ("/receipts.js", SCRIPT, include_str!("static/receipts.js")),
    ("/letters.js", SCRIPT, include_str!("static/letters.js")),
    ("/uplot.js", SCRIPT, include_str!("vendor/uPlot.iife.min.js")),
    ("/uplot.css", SHEET, include_str!("vendor/uPlot.min.css")),
];

/// The part of the page at a path.
pub(super) fn file(path: &str) -> Option<Response<Full<Bytes>>> {
    let (_, content_type, content) = FILES.iter().find(|(at, _, _)| *at == path)?;
    Some(answer(StatusCode::OK, content_type, *content))
}

/// An answer with the headers of every answer.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    for (name, value) in HEADERS {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

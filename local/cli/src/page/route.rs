//! Answers the requests of the page.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use pipeline::outcome::BatchError;
use serde_json::{Value, json};

use super::{
    domain::{NoData, ROWS},
    files,
    guard::Refusal,
    letters::letters,
    shared::Shared,
    view::{BadView, MAX_AFTER, View},
};
use crate::picture::Filter;

/// The largest body of a request. The longest query fits.
const MAX_BODY: usize = 32 << 10;

type Answer = Response<Full<Bytes>>;
/// An answer that ends the reading of a request.
type Refused = Box<Answer>;

/// Answers one request.
pub(super) async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(answered(&shared, request).await.unwrap_or_else(|refused| *refused))
}

async fn answered(shared: &Shared, request: Request<Incoming>) -> Result<Answer, Refused> {
    let refused = |refusal: Refusal| failure(refusal.status, refusal.reason);
    shared.guard.origin(request.headers()).map_err(refused)?;
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if method == Method::GET
        && let Some(file) = files::file(&path)
    {
        return Ok(file);
    }
    shared.guard.known(request.headers()).map_err(refused)?;
    let expected = match path.as_str() {
        "/state" | "/letters" => Method::GET,
        "/data" | "/rows" => Method::POST,
        _ => return Err(failure(StatusCode::NOT_FOUND, "the page has no such path")),
    };
    if method != expected {
        let mut refused = failure(StatusCode::METHOD_NOT_ALLOWED, "the path takes another method");
        let allowed = if expected == Method::GET { "GET" } else { "POST" };
        refused.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
        return Err(refused);
    }
    match path.as_str() {
        "/state" => Ok(state(shared)),
        "/letters" => found_letters(shared).await,
        "/data" => searched(shared.domain.data(&view(request).await?.1, shared.live.ended()).await),
        _ => {
            let (view, filter) = view(request).await?;
            searched(shared.domain.rows(&filter, view.after, shared.live.ended()).await)
        }
    }
}

fn state(shared: &Shared) -> Answer {
    let mut state = shared.live.json();
    state["index"] = shared.domain.pattern().into();
    state["has_subfields"] = shared.domain.has_subfields().into();
    state["rows_per_page"] = ROWS.into();
    state["max_after"] = MAX_AFTER.into();
    json(StatusCode::OK, &state)
}

async fn found_letters(shared: &Shared) -> Result<Answer, Refused> {
    let folder = shared.dead_letters.clone();
    let found = tokio::task::spawn_blocking(move || letters(&folder)).await;
    let failed = |error: String| failure(StatusCode::INTERNAL_SERVER_ERROR, &format!("the dead letters: {error}"));
    let (count, found) =
        found.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))?;
    Ok(json(StatusCode::OK, &json!({ "count": count, "letters": found })))
}

/// Reads the body, which is a view.
async fn view(request: Request<Incoming>) -> Result<(View, Filter), Refused> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|_| failure(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"))?.to_bytes();
    let view = View::parse(&body).map_err(bad)?;
    let filter = view.filter().map_err(bad)?;
    Ok((view, filter))
}

fn searched(found: Result<Value, NoData>) -> Result<Answer, Refused> {
    match found {
        Ok(found) => Ok(json(StatusCode::OK, &found)),
        Err(NoData::Refused(view)) => Err(bad(view)),
        Err(NoData::Failed(error)) => {
            // The same query would be refused again.
            let is_permanent = matches!(error, BatchError::Permanent { .. } | BatchError::BadRequest { .. });
            let status = if is_permanent { StatusCode::BAD_REQUEST } else { StatusCode::BAD_GATEWAY };
            Err(failure(status, &error.to_string()))
        }
    }
}

fn bad(BadView { column, message }: BadView) -> Refused {
    Box::new(json(StatusCode::BAD_REQUEST, &json!({ "error": message, "column": column })))
}

fn failure(status: StatusCode, reason: &str) -> Refused {
    Box::new(json(status, &json!({ "error": reason })))
}

fn json(status: StatusCode, body: &Value) -> Answer {
    files::answer(status, "application/json; charset=utf-8", body.to_string())
}

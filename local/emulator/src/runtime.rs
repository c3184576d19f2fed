//! The Lambda runtime API on 127.0.0.1, for one process. An event goes in, its [`Answer`] comes out.
//!
//! Each process has its own API, like an execution environment. A killed process may leave an open `next` request,
//! which must not take the invocation of the next process. Deliberately absent: extensions, response streaming (a
//! streamed response is collected), and more than one invocation at a time.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Method, Request, body::Incoming, header::HeaderValue, service::service_fn};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::server::{self, Closed, Server};

/// The result of one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The handler returned this.
    Response(Bytes),
    /// The handler failed.
    Error {
        /// The `errorType` of the answer.
        error_type: String,
        /// The `errorMessage` of the answer.
        message: String,
    },
    /// The process reported that it can't start, or it exited before it took the event.
    InitError {
        /// The `errorType` of the report, or `Runtime.ExitError`.
        error_type: String,
        /// The `errorMessage` of the report, or the exit status.
        message: String,
    },
    /// The process did not answer in time and was killed.
    TimedOut,
    /// The process ended during the invocation.
    Exited,
}

impl Answer {
    /// The response of the handler.
    ///
    /// # Errors
    /// The reason why there is no response. The caller has to repeat the invocation.
    pub fn response(&self) -> Result<&[u8], NoResponse> {
        match self {
            Self::Response(body) => Ok(body),
            Self::Error { error_type, message } | Self::InitError { error_type, message } => {
                Err(NoResponse::Error { error_type: error_type.clone(), message: message.clone() })
            }
            Self::TimedOut => Err(NoResponse::TimedOut),
            Self::Exited => Err(NoResponse::Exited),
        }
    }
}

/// The reason why an invocation has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// The handler or the start of the process failed.
    #[error("{error_type}: {message}")]
    Error {
        /// The `errorType` of the report.
        error_type: String,
        /// The `errorMessage` of the report.
        message: String,
    },
    /// There was no answer in time.
    #[error("the function did not answer in its time")]
    TimedOut,
    /// The process ended.
    #[error("the function ended")]
    Exited,
}

/// The runtime API of one process. Dropping it closes every connection.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    state: Arc<State>,
    invocations: mpsc::UnboundedSender<Invocation>,
}

#[derive(Debug)]
struct State {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    running: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    init_error: Mutex<Option<Answer>>,
}

#[derive(Debug)]
struct Invocation {
    id: String,
    event: Bytes,
    timeout: Duration,
    taken: oneshot::Sender<()>,
    answered: oneshot::Sender<Answer>,
}

/// An invocation in progress.
#[derive(Debug)]
pub(crate) struct Invoked {
    /// Resolves when the process takes the event. Its time runs from then on.
    pub(crate) taken: oneshot::Receiver<()>,
    /// Resolves with its answer.
    pub(crate) answered: oneshot::Receiver<Answer>,
}

impl RuntimeApi {
    /// Serves on a free port.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start() -> io::Result<Self> {
        let (invocations, waiting) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            waiting: tokio::sync::Mutex::new(waiting),
            running: Mutex::new(None),
            init_error: Mutex::new(None),
        });
        let shared = Arc::clone(&state);
        let server = Server::start(service_fn(move |request| handle(Arc::clone(&shared), request))).await?;
        Ok(Self { server, state, invocations })
    }

    /// The value for `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Queues an event for the next `next` request. The deadline is `timeout` after that request takes it.
    pub(crate) fn invoke(&self, id: &str, event: Bytes, timeout: Duration) -> Invoked {
        let (taken_sender, taken) = oneshot::channel();
        let (answer_sender, answered) = oneshot::channel();
        let invocation = Invocation { id: id.into(), event, timeout, taken: taken_sender, answered: answer_sender };
        // The receiver is part of the state, which lives as long as `self`. So this cannot fail.
        let _ = self.invocations.send(invocation);
        Invoked { taken, answered }
    }

    /// The report of a failed start. Each report is returned once.
    pub(crate) fn take_init_error(&self) -> Option<Answer> {
        self.state.init_error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The members of an error report that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    error_type: String,
    error_message: String,
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<server::Answer, Closed> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else { return Ok(unknown()) };
    if method == Method::GET && path == "invocation/next" {
        return next(&state).await;
    }
    if method != Method::POST {
        return Ok(unknown());
    }
    let body = request.into_body().collect().await.map_err(|_| Closed)?.to_bytes();
    if path == "init/error" {
        let Report { error_type, error_message: message } = serde_json::from_slice(&body).unwrap_or_default();
        *state.init_error.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Answer::InitError { error_type, message });
        return Ok(accepted());
    }
    let Some((id, what)) = path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/')) else {
        return Ok(unknown());
    };
    let answer = match what {
        "response" => Answer::Response(body),
        "error" => {
            let Report { error_type, error_message: message } = serde_json::from_slice(&body).unwrap_or_default();
            Answer::Error { error_type, message }
        }
        _ => return Ok(unknown()),
    };
    let running = state.running.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(running, _)| running == id);
    match running {
        Some((_, answered)) => {
            let _ = answered.send(answer);
            Ok(accepted())
        }
        None => Ok(server::json(400, &json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}))),
    }
}

/// Waits for an invocation, and sets its deadline when it is taken.
async fn next(state: &State) -> Result<server::Answer, Closed> {
    let Some(invocation) = state.waiting.lock().await.recv().await else { return Err(Closed) };
    #[expect(clippy::disallowed_methods, reason = "Lambda states the deadline by the clock")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + invocation.timeout).as_millis().to_string();
    let mut answer = server::answer(200, "application/json", invocation.event);
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:local";
    let trace = "Root=1-00000000-000000000000000000000000;Sampled=0";
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.id.as_str()),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", arn),
        ("lambda-runtime-trace-id", trace),
    ] {
        answer.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| Closed)?);
    }
    *state.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((invocation.id, invocation.answered));
    let _ = invocation.taken.send(());
    Ok(answer)
}

fn accepted() -> server::Answer {
    server::json(202, &json!({"status": "OK"}))
}

fn unknown() -> server::Answer {
    server::json(404, &json!({"errorType": "NotFound", "errorMessage": "no such path in the runtime API"}))
}

/// A request id in the form of a UUID, random as on Lambda.
pub fn request_id() -> String {
    uuid(fastrand::u64(..), fastrand::u64(..))
}

/// A UUID of version 4 from random bits.
pub fn uuid(a: u64, b: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

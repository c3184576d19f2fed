//! The function `replay`: from the beginning, please. Objects, or dead letters, are notified once more to the queue.
//!
//! In: what to replay, or a question about a replay ([`Request`]). Out: how it stands. It lists what there is, sends the same notifications that S3 does
//! to the same queue, keeps how far it is in one document of S3, and goes on by invoking itself. Ids follow from positions, so what
//! is there already is a duplicate. With `recreate` the indices are made anew before, by a plan that a dry run made. Deliberately absent: reading the objects, which is
//! `s3-ingest`'s as ever.

mod notify;
mod objects;
mod places;
mod plan;
mod range;
mod recreate;
mod request;
mod run;
mod snapshot;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use places::Place;
pub use plan::{Plan, PlannedIndex};
pub use request::{DeadLetters, Objects, Request, What};
pub use run::Step;

use super::{
    begin,
    setup::template,
    sources::{Released, Sources},
};
use crate::{admin::Admin, settings::ReplaySettings};
use delivery::{
    aws::{
        Aws,
        state::{NotWritten, State, States},
    },
    lambda::{self, Deadline},
    settings::variable,
};
use pipeline::{
    outcome::{BatchError, ConfigError},
    rules::Datasets,
};

/// An invocation that has not written its progress for so long is taken for dead; the longest write is a fraction of it.
const LEASE_MS: i64 = 15_000;
/// Lambda retries a failed asynchronous invocation after one and two minutes. A replay that has written nothing for longer than that will
/// not come back by itself: the brake releases the sources that it holds. If it is continued later, it pauses them again.
const ABANDONED_MS: i64 = 10 * 60_000;
/// What the holder of the sources begins with, before the id.
const HOLDER: &str = "replay ";

/// The function `replay`.
#[derive(Debug)]
pub struct Replay {
    settings: ReplaySettings,
    aws: Aws,
    admin: Admin,
    datasets: Datasets,
    templates: Vec<template::Template>,
    sources: Sources,
    states: States,
}

/// How a replay stands: what is kept, and what is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Its name, to ask by.
    pub id: String,
    /// What is replayed.
    pub what: What,
    /// What it is doing.
    pub phase: Phase,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When this was written.
    pub updated_ms: i64,
    /// Objects that were looked at.
    pub listed: u64,
    /// Objects among them that were notified. After a kill some were notified twice; each counts once.
    pub sent: u64,
    /// The key up to which this is so.
    pub after: Option<String>,
    /// Where the objects lie.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// How many of these places are done.
    #[serde(default)]
    pub places_done: usize,
    /// What `recreate` carries out. A release before this one had no plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The snapshot that was taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Indices that `recreate` deleted, or is about to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// Why it ended without deleting anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Which invocation is at work, until when.
    #[serde(default)]
    lease: Option<Lease>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    owner: String,
    until_ms: i64,
}

/// What a replay is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The sources are turned off, for `recreate`.
    Pausing,
    /// A snapshot of the indices is taken.
    Snapshotting,
    /// Templates are applied and indices deleted.
    Recreating,
    /// The sources are turned on.
    Releasing,
    /// Objects are listed and notified.
    Sending,
    /// Nothing more.
    Done,
    /// Nothing more, by request.
    Stopped,
}

impl Phase {
    fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped)
    }

    /// Whether the sources are off for it.
    fn holds_sources(self) -> bool {
        matches!(self, Self::Pausing | Self::Snapshotting | Self::Recreating | Self::Releasing)
    }
}

/// Whether the replay behind a holder of the sources still needs them off: its run is live, or Lambda will retry it.
///
/// # Errors
/// As for any call. A state that cannot be read is no error: no run can go on by it.
pub(super) async fn holds_sources(states: &States, holder: &str) -> Result<bool, BatchError> {
    let Some(id) = holder.strip_prefix(HOLDER).filter(|id| request::is_id(id)) else { return Ok(false) };
    match states.read::<Progress>(&name(id)).await {
        Ok(state) => Ok(state.is_some_and(|state| {
            let is_fresh = lambda::now_ms() - state.value.updated_ms < ABANDONED_MS;
            state.value.phase.holds_sources() && is_fresh
        })),
        Err(error @ BatchError::Permanent { .. }) => {
            tracing::error!(holder, %error, "the state of a replay cannot be read");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

impl Replay {
    /// From the process's environment and the pipeline.yaml it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with it.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = ReplaySettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        let templates = template::beside(&datasets, &(&settings.domain).into(), &settings.domain.pipeline)?;
        let states = States::new(aws.objects.clone(), settings.state.clone());
        let names = settings.source_functions.clone();
        let sources =
            Sources::new(aws.functions.clone(), states.clone(), names, settings.domain.stack.mark().to_owned());
        Ok(Self { settings, aws, admin, datasets, templates, sources, states })
    }

    /// One invocation, which goes on by another one where the time was too short. `request_id` is Lambda's: a retry of a failed invocation has the same,
    /// and so goes on with the replay that the first attempt began.
    ///
    /// # Errors
    /// A request that cannot be read or fulfilled, with what is accepted; and what failed on the way: Lambda repeats an invocation that
    /// nobody waits for, and that goes on where this one stopped.
    pub async fn handle(&self, event: &Value, request_id: &str, deadline: Deadline) -> Result<Value, String> {
        let mut state = match Request::read(event)? {
            Request::Progress(id) => return self.known(&id).await.map(|state| answer(&state.value)),
            Request::Stop(id) => return Box::pin(self.stop(&id)).await,
            Request::Continue(id) => self.known(&id).await?,
            Request::Plan(objects, id) => {
                let id = id.or_else(|| Some(request_id.to_owned()));
                return Box::pin(self.plan(&objects, id, deadline)).await.map(|plan| json!({ "plan": plan }));
            }
            Request::Begin(what, id) => self.begin(what, id.or_else(|| Some(request_id.to_owned())), deadline).await?,
        };
        match self.work(&mut state, deadline, |_| ()).await? {
            Step::Finished | Step::Superseded => {}
            Step::TimedOut => {
                let Some(me) = &self.settings.function else {
                    return Err("not finished, and there is no AWS_LAMBDA_FUNCTION_NAME to go on by".into());
                };
                let event = json!({ "continue": state.value.id });
                self.aws.functions.invoke_later(me, &event).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(answer(&state.value))
    }

    /// Checks what is to be replayed, and writes down that it begins. Where a replay of this id was begun before, that one is gone on with. Without an
    /// id, one is drawn.
    ///
    /// # Errors
    /// What cannot be fulfilled, with what is accepted; an id under which something else was begun.
    pub async fn begin(&self, what: What, id: Option<String>, deadline: Deadline) -> Result<State<Progress>, String> {
        let started_ms = lambda::now_ms();
        let id = id_or_new(id, started_ms);
        if let Some(state) = self.begun(&id, &what).await? {
            return Ok(state);
        }
        self.check(&what)?;
        let plan = match &what {
            What::Objects(objects) if objects.recreate => Some(Box::pin(self.checked_plan(objects, deadline)).await?),
            _ => None,
        };
        let phase = if plan.is_some() { Phase::Pausing } else { Phase::Sending };
        let places = self.places(&what)?;
        let progress = Progress {
            id: id.clone(),
            what,
            phase,
            started_ms,
            updated_ms: started_ms,
            listed: 0,
            sent: 0,
            after: None,
            places,
            places_done: 0,
            plan,
            snapshot: None,
            deleted: Vec::new(),
            refused: None,
            lease: None,
        };
        let mut state = self.states.fresh(&name(&id), progress);
        match self.states.write(&mut state).await {
            Ok(()) => Ok(state),
            // The same request, delivered twice at the same time.
            Err(NotWritten::Conflict(error)) => {
                self.begun(&id, &state.value.what).await?.ok_or_else(|| format!("{error}, and is gone"))
            }
            Err(NotWritten::Failed(error)) => Err(error.to_string()),
        }
    }

    /// The replay that was begun under this id, where it is of the same.
    async fn begun(&self, id: &str, what: &What) -> Result<Option<State<Progress>>, String> {
        let state = self.states.read::<Progress>(&name(id)).await.map_err(|error| error.to_string())?;
        match state {
            Some(state) if state.value.what != *what => {
                Err(format!("under the id `{id}` something else was begun: give another id"))
            }
            state => Ok(state),
        }
    }

    /// Works until it is over or the deadline has come; `watch` is told the progress whenever it is written.
    ///
    /// # Errors
    /// What failed. What is written down stays true: whoever continues goes on from there.
    pub async fn work(
        &self,
        state: &mut State<Progress>,
        deadline: Deadline,
        watch: impl Fn(&Progress),
    ) -> Result<Step, String> {
        // A large future: what awaits it is copied with it.
        Box::pin(run::Run::new(self, state, deadline, &watch).go()).await
    }

    /// How many objects there are to be looked at; `tell` is told after every page of the listing.
    ///
    /// # Errors
    /// As for any call.
    pub async fn count(&self, progress: &Progress, tell: impl Fn(u64)) -> Result<(), String> {
        let mut counted = 0;
        for Place { bucket, prefix } in objects::places_of(progress)? {
            let mut after = None;
            loop {
                let page = self.aws.objects.list(&bucket, &prefix, after.as_deref()).await;
                let page = page.map_err(|error| error.to_string())?;
                counted += page.objects.len() as u64;
                tell(counted);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A replay that was begun before.
    ///
    /// # Errors
    /// There is none of this id.
    pub async fn known(&self, id: &str) -> Result<State<Progress>, String> {
        let state = self.states.read(&name(id)).await.map_err(|error| error.to_string())?;
        state.ok_or_else(|| format!("there is no replay `{id}`: the answer to the request that began it names it"))
    }

    /// Stops a replay, also one whose invocation is at work: it is overtaken, and sees that at its next step.
    async fn stop(&self, id: &str) -> Result<Value, String> {
        // An invocation at work writes too, and may be the faster one.
        for _ in 0..20 {
            let mut state = self.known(id).await?;
            if !state.value.phase.is_over() {
                state.value.phase = Phase::Stopped;
                state.value.updated_ms = lambda::now_ms();
                match self.states.write(&mut state).await {
                    Ok(()) => {}
                    Err(NotWritten::Conflict(_)) => continue,
                    Err(NotWritten::Failed(error)) => return Err(error.to_string()),
                }
            }
            // Whatever it had turned off. Where a mapping cannot be turned on yet, the brake's next run does.
            self.release(id).await?;
            return Ok(answer(&state.value));
        }
        Err(format!("the replay `{id}` writes faster than it can be stopped: ask again"))
    }

    async fn release(&self, id: &str) -> Result<Released, String> {
        let me = BTreeSet::from([holder(id)]);
        self.sources.release(&me).await.map_err(|error| error.to_string())
    }
}

impl Replay {
    /// Whether an index was made under this stack's template, or adopted since.
    fn owns(&self, index: &crate::admin::indices::Index) -> bool {
        self.settings.domain.stack.owns(index)
    }
}

fn holder(id: &str) -> String {
    format!("{HOLDER}{id}")
}

fn name(id: &str) -> String {
    format!("replays/{id}")
}

/// The id that was given, or a new one.
fn id_or_new(id: Option<String>, now_ms: i64) -> String {
    id.filter(|id| request::is_id(id)).unwrap_or_else(|| format!("{now_ms}-{:08x}", fastrand::u32(..)))
}

/// What is answered: all that is kept, but who is at work and the whole of the plan.
fn answer(progress: &Progress) -> Value {
    let mut answer = json!(progress);
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("lease");
        answer.remove("plan");
    }
    answer
}

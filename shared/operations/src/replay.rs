//! The function `replay`: sends the S3 notifications of existing objects, or of dead letters, to the queue again.
//!
//! In: a request to replay, or a question about a replay ([`Request`]). Out: its progress. It lists the objects and
//! sends the same notifications that S3 sends, to the same queue. It stores its progress in one document in S3, and
//! continues by invoking itself. Document ids follow from positions, so an event that is already indexed is a
//! duplicate. With `recreate` it first deletes the indices, by a plan that a dry run made; the events then create them
//! again. Deliberately absent: reading the objects. `s3-ingest` does that, as always.

mod found;
mod function;
mod notify;
mod objects;
mod places;
mod plan;
mod progress;
mod range;
mod recreate;
mod request;
mod run;
mod snapshot;

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub use function::Replay;
pub use places::Place;
pub use plan::{Plan, PlannedIndex};
pub(super) use progress::holds_sources;
pub use progress::{Phase, Progress};
use progress::{answer, holder, id_or_new, name};
pub use request::{DeadLetters, Objects, Request, What};
pub use run::Step;

use super::{
    error::{Error, Refused},
    sources::Released,
};
use delivery::{
    aws::state::{NotWritten, State},
    lambda::{self, Deadline},
};

impl Replay {
    /// Runs one invocation. If the time is too short, it invokes the function again to continue. `request_id` is
    /// Lambda's. A retry of a failed invocation has the same one, so it continues the replay that the first attempt
    /// began.
    ///
    /// # Errors
    /// A request that cannot be read or fulfilled, with the accepted forms; or a failure during the work. Lambda
    /// retries a failed asynchronous invocation, and the retry continues where this one stopped.
    pub async fn handle(&self, event: &Value, request_id: &str, deadline: Deadline) -> Result<Value, Error> {
        let mut state = match Request::read(event)? {
            Request::Progress(id) => return self.known(&id).await.map(|state| answer(&state.value)),
            Request::Stop(id) => return Box::pin(self.stop(&id)).await,
            Request::Continue(id) => self.to_continue(&id).await?,
            Request::Next(id) => self.known(&id).await?,
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
                    let reason = "not finished, and without AWS_LAMBDA_FUNCTION_NAME the function cannot invoke \
                                  itself to continue";
                    return Err(Error::Unfinished(reason.into()));
                };
                let event = request::next_invocation(&state.value.id);
                self.functions.invoke_later(me, &event).await?;
            }
        }
        Ok(answer(&state.value))
    }

    /// Checks the request, and stores a new replay. If a replay with this id was begun before, that one continues.
    /// Without an id, a new one is generated.
    ///
    /// # Errors
    /// A request that cannot be fulfilled, with what is accepted; or an id that belongs to a different request.
    pub async fn begin(&self, what: What, id: Option<String>, deadline: Deadline) -> Result<State<Progress>, Error> {
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
            archived: 0,
            archived_objects: Vec::new(),
            after: None,
            off_since_ms: None,
            places,
            places_done: 0,
            plan,
            snapshot: None,
            deleted: Vec::new(),
            kept: Vec::new(),
            refused: None,
            lease: None,
        };
        let mut state = self.states.fresh(&name(&id), progress);
        match self.states.write(&mut state).await {
            Ok(()) => Ok(state),
            // The same request was delivered twice at the same time.
            Err(NotWritten::Conflict(error)) => {
                let state = self.begun(&id, &state.value.what).await?;
                state.ok_or_else(|| Error::Unfinished(format!("{error}, and was deleted")))
            }
            Err(NotWritten::Failed(error)) => Err(error.into()),
        }
    }

    /// The replay with this id, if it was begun for the same request.
    async fn begun(&self, id: &str, what: &What) -> Result<Option<State<Progress>>, Error> {
        let state = self.states.read::<Progress>(&name(id)).await?;
        match state {
            Some(state) if state.value.what != *what => {
                Err(Refused(format!("the id `{id}` belongs to another request: give another id")).into())
            }
            state => Ok(state),
        }
    }

    /// Works until the replay is finished or the deadline has come. `watch` receives the progress after every write.
    ///
    /// # Errors
    /// The failure. The stored progress stays correct, and the next run continues from it.
    pub async fn work(
        &self,
        state: &mut State<Progress>,
        deadline: Deadline,
        watch: impl Fn(&Progress),
    ) -> Result<Step, Error> {
        // The future is large. Without the box, every future that awaits it would contain it.
        Box::pin(run::Run::new(self, state, deadline, &watch).go()).await
    }

    /// Counts the objects to list. `tell` receives the count after every page of the listing.
    ///
    /// # Errors
    /// Those of the listing.
    pub async fn count(&self, progress: &Progress, tell: impl Fn(u64)) -> Result<(), Error> {
        let mut counted = 0;
        for Place { bucket, prefix } in objects::places_of(progress)? {
            let mut after = None;
            let wanted = self.wanted(&progress.what, &bucket, progress.started_ms)?;
            let objects = self.aws.objects.owned_by(wanted.owner());
            loop {
                let page = objects.list(&bucket, &prefix, after.as_deref()).await?;
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

    /// Stops a replay, even if an invocation is working on it. That invocation finds a conflict at its next write, and
    /// ends.
    async fn stop(&self, id: &str) -> Result<Value, Error> {
        // A working invocation writes too, and may win the race.
        for _ in 0..20 {
            let mut state = self.known(id).await?;
            if !state.value.phase.is_over() {
                state.value.phase = Phase::Stopped;
                state.value.updated_ms = lambda::now_ms();
                match self.states.write(&mut state).await {
                    Ok(()) => {}
                    Err(NotWritten::Conflict(_)) => continue,
                    Err(NotWritten::Failed(error)) => return Err(error.into()),
                }
            }
            // Turn on the sources that it had turned off. If a mapping cannot be turned on yet, the brake's next run
            // does it.
            self.release(id).await?;
            return Ok(answer(&state.value));
        }
        Err(Error::Unfinished(format!("the replay `{id}` writes faster than it can be stopped: ask again")))
    }

    async fn release(&self, id: &str) -> Result<Released, Error> {
        let me = BTreeSet::from([holder(id)]);
        Ok(self.sources.release(&me).await?)
    }
}

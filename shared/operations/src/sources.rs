//! Pauses and releases the event source mappings. The events wait at their sources while the domain cannot take them.
//!
//! In: the holder that pauses. Out: mappings that are off; and on again when the last holder has let go. A document in
//! S3 and a tag on each mapping record which mappings Millrace turned off. Both are written before the mapping is
//! turned off, and either is enough to turn it on again. Only `Enabled` is changed, so a deployment's changes meanwhile
//! stay. Deliberately absent: the reason (`brake`, `replay`).

mod paused;

use std::collections::BTreeSet;

pub use paused::{Found, Paused};

use crate::functions::{Functions, Mapping};
use delivery::aws::state::{NotWritten, State, States};
use pipeline::outcome::BatchError;

/// The name of the document.
const NAME: &str = "brake";
/// The alias through which others may call `s3-ingest`. Earlier releases mapped every source to the alias of its
/// function.
const ALIAS: &str = "live";

/// The event source mappings of the functions that take events.
#[derive(Debug, Clone)]
pub struct Sources {
    functions: Functions,
    states: States,
    names: Vec<String>,
    stack: String,
}

/// The result of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// Everything that Millrace had turned off is on.
    Done,
    /// Some mappings are still changing. Another call continues.
    Pending,
    /// Another holder wants them off.
    Held,
}

impl Sources {
    /// The mappings of these functions. `stack` names the deployment in their tags.
    pub fn new(functions: Functions, states: States, names: Vec<String>, stack: String) -> Self {
        Self { functions, states, names, stack }
    }

    /// The holders that want the sources off: from the document, or from the tags if the document is lost.
    ///
    /// # Errors
    /// Those of an AWS call.
    pub async fn holders(&self) -> Result<BTreeSet<String>, BatchError> {
        Ok(self.read(&self.found().await?).await?.value.by)
    }

    /// Whether all mappings are off, and have been for a holder since it paused them.
    ///
    /// # Errors
    /// Those of an AWS call.
    pub async fn are_held_off(&self, by: &str) -> Result<bool, BatchError> {
        let found = self.found().await?;
        let are_off = found.iter().all(|found| !found.mapping.enabled && !found.mapping.in_transition);
        // A release removes the holders first.
        Ok(are_off && self.read(&found).await?.value.by.contains(by))
    }

    /// Turns all mappings off for a holder. A repeated call is harmless.
    ///
    /// # Errors
    /// Those of an AWS call; or another invocation pauses or releases at the same time. The next run continues.
    pub async fn pause(&self, by: &str) -> Result<(), NotWritten> {
        let found = self.found().await?;
        let mut state = self.read(&found).await?;
        state.value.note(&found);
        state.value.by.insert(by.to_owned());
        state.value.claim = fastrand::u64(..);
        // Write the document before the first change, so that the previous state of the mappings is never lost.
        self.states.write(&mut state).await?;
        let tag = state.value.tag(&self.stack);
        let mut result = Ok(());
        for Found { mapping, tag: tag_now } in &found {
            let is_ours = state.value.to_enable().any(|known| known.uuid == mapping.uuid);
            if is_ours && tag_now.as_ref() != Some(&tag) {
                self.set_tag(mapping, Some(&tag)).await?;
            }
            if mapping.enabled {
                // A mapping that cannot be turned off yet does not stop the others from being turned off.
                result = result.and(self.set(mapping, self.functions.set_enabled(mapping, false)).await);
            }
        }
        Ok(result?)
    }

    /// Removes these holders. If no holder is left, turns on what Millrace had turned off.
    ///
    /// # Errors
    /// Those of an AWS call. The next run continues.
    pub async fn release(&self, let_go: &BTreeSet<String>) -> Result<Released, NotWritten> {
        let found = self.found().await?;
        let mut state = self.read(&found).await?;
        if state.value.is_empty() {
            return Ok(Released::Done);
        }
        state.value.note(&found);
        if !state.value.by.is_disjoint(let_go) {
            state.value.by.retain(|holder| !let_go.contains(holder));
            self.states.write(&mut state).await?;
        }
        if !state.value.by.is_empty() {
            return Ok(Released::Held);
        }
        let listed = found.into_iter().map(|found| found.mapping).collect();
        self.turn_on(&state.value, &self.turned_off(&state.value, listed).await?).await?;
        let now = self.turned_off(&state.value, self.mappings().await?).await?;
        if !state.value.are_on(&now) {
            return Ok(Released::Pending);
        }
        for mapping in &now {
            self.set_tag(mapping, None).await?;
        }
        // A remaining tag would turn the mapping on after an operator has turned it off.
        if self.are_tagged(&now).await? {
            return Ok(Released::Pending);
        }
        // Clear the record only when every mapping is restored, and not if another holder claims them meanwhile.
        state.value = Paused { only_enabled: true, ..Paused::default() };
        self.states.write(&mut state).await?;
        Ok(Released::Done)
    }

    /// Whether all mappings are off, and none is changing.
    ///
    /// # Errors
    /// Those of an AWS call.
    pub async fn are_off(&self) -> Result<bool, BatchError> {
        Ok(self.mappings().await?.iter().all(|mapping| !mapping.enabled && !mapping.in_transition))
    }

    async fn turn_on(&self, paused: &Paused, turned_off: &[Mapping]) -> Result<(), BatchError> {
        let mut result = Ok(());
        for mapping in turned_off {
            result = result.and(match paused.lowered(mapping) {
                // Lambda refuses a change while another one is in progress. The next call finds it finished.
                _ if mapping.in_transition => Ok(()),
                Some(known) => self.set(mapping, self.functions.enable_with_concurrency(&known)).await,
                None if mapping.enabled => Ok(()),
                None => self.set(mapping, self.functions.set_enabled(mapping, true)).await,
            });
        }
        result
    }

    /// The mappings that Millrace turned off, in their current state. A mapping that is not listed under the functions'
    /// names is not necessarily deleted: it may still call the alias of an earlier release, or its function may no
    /// longer be among the sources. Only a mapping missing from the account's whole list is deleted.
    async fn turned_off(&self, paused: &Paused, mut listed: Vec<Mapping>) -> Result<Vec<Mapping>, BatchError> {
        if !paused.missing(&listed).is_empty() {
            let all = self.functions.all_mappings().await?;
            let missing = paused.missing(&listed);
            listed.extend(all.into_iter().filter(|mapping| missing.contains(&mapping.uuid)));
        }
        listed.retain(|now| paused.to_enable().any(|known| known.uuid == now.uuid));
        Ok(listed)
    }

    /// The stored record: the document, or the tags if the document is lost, unreadable or empty.
    async fn read(&self, found: &[Found]) -> Result<State<Paused>, BatchError> {
        let mut state = self.states.read_or(NAME, Paused::default()).await?;
        if state.value.is_empty() {
            state.value = Paused::of_tags(found);
        }
        Ok(state)
    }

    async fn found(&self) -> Result<Vec<Found>, BatchError> {
        let mut found = Vec::new();
        for mapping in self.mappings().await? {
            let tag = if mapping.enabled { None } else { self.tag_of(&mapping).await? };
            found.push(Found { mapping, tag });
        }
        Ok(found)
    }

    /// The mappings of the functions and of their alias. Both call the same code, but Lambda lists them separately.
    async fn mappings(&self) -> Result<Vec<Mapping>, BatchError> {
        let mut mappings: Vec<Mapping> = Vec::new();
        for name in &self.names {
            let mut listed = self.functions.mappings(name).await?;
            listed.extend(self.functions.mappings_of_alias(name, ALIAS).await?);
            for mapping in listed {
                if !mappings.iter().any(|known| known.uuid == mapping.uuid) {
                    mappings.push(mapping);
                }
            }
        }
        Ok(mappings)
    }

    async fn tag_of(&self, mapping: &Mapping) -> Result<Option<String>, BatchError> {
        match self.functions.paused_tag(mapping).await {
            Err(error @ BatchError::Permanent { .. }) => {
                tracing::warn!(mapping = mapping.uuid, %error, "tags cannot be read: only the state says what is paused");
                Ok(None)
            }
            result => result,
        }
    }

    /// Whether any of them still has the tag because its removal was refused. If tags may not be read either, there
    /// never was one.
    async fn are_tagged(&self, mappings: &[Mapping]) -> Result<bool, BatchError> {
        for mapping in mappings {
            if self.tag_of(mapping).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sets or removes the tag. The tag is the second record: if it is refused permanently, the document alone must do.
    async fn set_tag(&self, mapping: &Mapping, value: Option<&str>) -> Result<(), BatchError> {
        match self.functions.set_paused_tag(mapping, value).await {
            Err(error @ BatchError::Permanent { .. }) => {
                tracing::warn!(mapping = mapping.uuid, %error, "the tag cannot be set: only the state says what is paused");
                Ok(())
            }
            result => result,
        }
    }

    async fn set(
        &self,
        mapping: &Mapping,
        update: impl Future<Output = Result<(), BatchError>>,
    ) -> Result<(), BatchError> {
        tracing::info!(mapping = mapping.uuid, was_enabled = mapping.enabled, "set a source");
        match update.await {
            // The mapping was deleted, so it delivers no events.
            Err(error) if error.code() == "ResourceNotFoundException" => Ok(()),
            result => result,
        }
    }
}

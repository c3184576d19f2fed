//! The event source mappings, paused and released: what brings events waits while the domain can take none.
//!
//! In: who pauses. Out: mappings that are off, their settings kept in one document of S3 before the first is touched; and on as
//! they were, at the lowest concurrency first. Several may have paused them; they are released when the last of these lets go.
//! Deliberately absent: why (`brake`, `replay`).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    aws::{
        Functions,
        functions::Mapping,
        state::{NotWritten, State, States},
    },
    outcome::BatchError,
};

/// The name of the document.
const NAME: &str = "brake";

/// The mappings of the functions that take events.
#[derive(Debug, Clone)]
pub struct Sources {
    functions: Functions,
    states: States,
    names: Vec<String>,
}

/// What is kept while mappings are not as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Who wants them off: `brake`, `replay ID`. None: they are being released.
    pub by: BTreeSet<String>,
    /// The mappings as they were.
    pub mappings: Vec<Mapping>,
}

impl Sources {
    /// The mappings of these functions.
    pub fn new(functions: Functions, states: States, names: Vec<String>) -> Self {
        Self { functions, states, names }
    }

    /// What is kept now; `None` where nothing is paused.
    ///
    /// # Errors
    /// As for any call.
    pub async fn paused(&self) -> Result<Option<State<Paused>>, BatchError> {
        self.states.read(NAME).await
    }

    /// Turns all mappings off, for one who wants it; harmless where that one had done so before.
    ///
    /// # Errors
    /// As for any call, or where another invocation does the same: the next run goes on.
    pub async fn pause(&self, by: &str) -> Result<(), NotWritten> {
        let mut paused = match self.paused().await? {
            Some(paused) => paused,
            None => self.states.fresh(NAME, Paused { by: BTreeSet::new(), mappings: self.mappings().await? }),
        };
        if paused.value.by.insert(by.to_owned()) {
            // Before the first is touched: what they were is never lost.
            self.states.write(&mut paused).await?;
        }
        for mapping in &paused.value.mappings {
            self.set(&Mapping { enabled: false, ..mapping.clone() }).await?;
        }
        Ok(())
    }

    /// One step back to what was, for one who wanted them off: at the lowest concurrency first, and as they were at the next
    /// call. `true` when they are as they were.
    ///
    /// # Errors
    /// As for any call: the next run goes on.
    pub async fn release(&self, by: &str) -> Result<bool, NotWritten> {
        let Some(mut paused) = self.paused().await? else { return Ok(true) };
        if paused.value.by.remove(by) {
            self.states.write(&mut paused).await?;
            if paused.value.by.is_empty() {
                for mapping in &paused.value.mappings {
                    self.set(&mapping.at_its_lowest()).await?;
                }
            }
            return Ok(false);
        }
        if !paused.value.by.is_empty() {
            return Ok(false);
        }
        for mapping in &paused.value.mappings {
            self.set(mapping).await?;
        }
        // What was changed is forgotten only when all of it is as it was.
        let are_set = self.mappings().await?;
        let is_as_it_was = |mapping: &Mapping| {
            // A mapping that was deleted meanwhile is nobody's to restore.
            are_set.iter().find(|now| now.uuid == mapping.uuid).is_none_or(|now| now.is_set_as(mapping))
        };
        if !paused.value.mappings.iter().all(is_as_it_was) {
            return Ok(false);
        }
        self.states.forget(paused).await?;
        Ok(true)
    }

    /// Whether all mappings are off, and none is on its way.
    ///
    /// # Errors
    /// As for any call.
    pub async fn are_off(&self) -> Result<bool, BatchError> {
        Ok(self.mappings().await?.iter().all(|mapping| !mapping.enabled && !mapping.in_transition))
    }

    async fn mappings(&self) -> Result<Vec<Mapping>, BatchError> {
        let mut mappings = Vec::new();
        for name in &self.names {
            mappings.extend(self.functions.mappings(name).await?);
        }
        Ok(mappings)
    }

    async fn set(&self, mapping: &Mapping) -> Result<(), BatchError> {
        tracing::info!(
            mapping = mapping.uuid,
            enabled = mapping.enabled,
            concurrency = mapping.maximum_concurrency,
            "set a source"
        );
        match self.functions.set(mapping).await {
            // It is gone: nothing comes by it.
            Err(BatchError::Permanent { reason, .. }) if reason.starts_with("ResourceNotFoundException") => Ok(()),
            result => result,
        }
    }
}

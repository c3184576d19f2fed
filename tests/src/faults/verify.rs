//! The state that must be true after a cell of the data path: every good event is indexed once, every bad event is in
//! the dead letters.

use std::collections::BTreeMap;

use emulator::function::Function;
use serde_json::Value;

use super::stage::Stage;
use crate::events::Expected;
use crate::scene::DeadLetter;

/// The input of a source.
#[derive(Debug, Default)]
pub struct Given {
    /// Lines that must become documents.
    pub good: Vec<String>,
    /// Payloads that must become dead letters.
    pub bad: Vec<Vec<u8>>,
}

/// The difference that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Everything,
    /// More dead letters than those of the bad events. A replay must deliver their events.
    MoreLetters,
}

impl Given {
    /// The dead letters, one for each position. Letters are written at least once.
    async fn letters(stage: &Stage) -> Vec<Vec<u8>> {
        let letters = stage.scene.dead_letters_of::<Value>().await;
        let by_place = letters.into_iter().map(|letter: DeadLetter<Value>| {
            let name = format!("{} {} {}", letter.position, letter.stage, letter.payload.clone().unwrap_or_default());
            (name, letter.payload())
        });
        by_place.collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Compares the dead letters with the bad events. The letter of a whole object may stand for some of the events.
    ///
    /// # Panics
    /// If one is missing, and no other letter can stand for it.
    pub async fn letters_are_right(&self, stage: &Stage) -> Found {
        let mut letters = Self::letters(stage).await;
        let mut missing = Vec::new();
        for bad in &self.bad {
            match letters.iter().position(|letter| letter == bad) {
                Some(at) => drop(letters.remove(at)),
                None => missing.push(String::from_utf8_lossy(bad)),
            }
        }
        assert!(missing.is_empty() || !letters.is_empty(), "lost: no letter of {missing:?}");
        if letters.is_empty() { Found::Everything } else { Found::MoreLetters }
    }

    /// Checks that every good event exists once, in an index of this cell, and that nothing else exists.
    ///
    /// # Panics
    /// If not.
    pub async fn documents_are_right(&self, stage: &Stage) {
        let mut expected = Expected::of(self.good.iter().map(String::as_str));
        stage.services.engine.each_document(&stage.scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
    }

    /// Checks documents, dead letters and receipts, without letters beyond the bad events.
    ///
    /// # Panics
    /// If not.
    pub async fn assert_met(&self, stage: &Stage, functions: &[&Function]) {
        self.documents_are_right(stage).await;
        let found = self.letters_are_right(stage).await;
        assert_eq!(
            found,
            Found::Everything,
            "letters of good events: {:?}",
            stage.scene.dead_letters_of::<Value>().await
        );
        for function in functions {
            stage.assert_balanced(function);
        }
    }
}

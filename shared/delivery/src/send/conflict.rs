//! Sends refused documents again in another form, for a dataset with `on_conflict: keep`.
//!
//! In: an item that the domain refuses for its document. Out: bodies with the new forms, each with the action line of its
//! item. With an id, an answer that was lost costs nothing: the next form meets a duplicate. Deliberately absent: the
//! form (`bulk::repair`).

use std::{borrow::Cow, sync::Arc, time::Instant};

use super::{
    BodyDelivery,
    kept::{KeptItem, Refused},
};
use pipeline::{
    bulk::{Body, ItemError, Refusals, Repair},
    rules::OnConflict,
};

/// At most so many bodies with other forms wait for fates. The domain's state can hold one of them up.
const MOST_BODIES: usize = 2;
/// The least limit of a body with other forms. Small bodies come in hundreds, so their forms are not as large as others'.
const LEAST_BYTES: usize = 64 << 10;
/// A longer reason is cut. It can quote the whole document, and is kept until the last form has a fate.
const MOST_REASON_BYTES: usize = 4 << 10;
/// So many items are remembered for the next invocation, which has little time to make their forms.
const MOST_REMEMBERED: usize = 1_000;

impl BodyDelivery<'_> {
    /// Plans another form for an item whose document the domain refuses. Returns why it is refused if it has none.
    pub(super) fn keep(&mut self, index: u32, error: Option<&ItemError>, mut refused: Refused) -> Result<(), Refused> {
        if self.dataset.on_conflict != OnConflict::Keep {
            return Err(refused);
        }
        let none = (index, Repair::default());
        let (first, before) = self.kept.sent.get(&index).map_or(none, |item| (item.index, item.repair.clone()));
        let error = error.filter(|_| refused.is_own);
        let document = std::str::from_utf8(self.bodies.first().document(first as usize)).ok();
        let next = document.and_then(|document| before.after(document, error, &self.dataset.stored_times()));
        let Some(repair) = next else { return Err(refused) };
        let refused = self.kept.take(index).map_or_else(
            || {
                refused.reason.truncate(refused.reason.floor_char_boundary(MOST_REASON_BYTES));
                refused.reason.shrink_to_fit();
                Arc::new(refused)
            },
            |(_, refused)| refused,
        );
        self.kept.waiting.push_back(KeptItem { index: first, repair, refused });
        Ok(())
    }

    /// Makes work of the items that wait, in bodies of the usual limit.
    pub(super) fn send_kept(&mut self) {
        while !self.kept.waiting.is_empty() && self.bodies.keep_those_of(&self.work) < MOST_BODIES {
            let first = Arc::clone(self.bodies.first());
            let mut body = Body::new(first.used().max(LEAST_BYTES).min(first.max_bytes()));
            let times = self.dataset.stored_times();
            let mut items = Vec::new();
            while let Some(item) = self.kept.waiting.pop_front() {
                let index = item.index as usize;
                let document = std::str::from_utf8(first.document(index)).unwrap_or_default();
                // `keep` has made this form once.
                let form = item.repair.apply(document, item.refused.words(), &times).unwrap_or_default();
                if body.push(first.action(index), &form, None, first.at(index)).is_err() {
                    self.kept.waiting.push_front(item);
                    break;
                }
                items.push(item);
            }
            let numbers = self.bodies.push(body);
            self.work.push(numbers.clone().collect(), Instant::now());
            self.kept.sent.extend(numbers.zip(items));
        }
    }

    /// The bytes by which an item is remembered. A form's are those without the domain's words, which can differ each time.
    pub(super) fn suspect(&self, item: u32) -> Cow<'_, [u8]> {
        let form = self.kept.sent.get(&item).and_then(|item| self.without_words(item.index, &item.repair));
        form.map_or(Cow::Borrowed(self.bodies.item(item)), Cow::Owned)
    }

    /// The action line of an item of the body that came, and a form of its document.
    fn without_words(&self, index: u32, repair: &Repair) -> Option<Vec<u8>> {
        let first = self.bodies.first();
        let document = std::str::from_utf8(first.document(index as usize)).ok()?;
        let form = repair.apply(document, "", &self.dataset.stored_times())?;
        Some([first.action(index as usize), &form].concat())
    }

    /// Remembers that the documents of unsettled items, and their earlier forms, were refused twice: the next invocation
    /// decides by the first answer.
    pub(super) fn remember_kept(&self) {
        let unsettled = self.work.items().filter_map(|item| self.kept.sent.get(&item)).chain(&self.kept.waiting);
        let mut refusals = Refusals::default();
        let _ = refusals.bad_request(Instant::now());
        for KeptItem { index, repair, .. } in unsettled.take(MOST_REMEMBERED) {
            self.sender.suspects.remember(self.bodies.first().item(*index as usize), refusals.clone());
            for form in repair.earlier().filter_map(|repair| self.without_words(*index, &repair)) {
                self.sender.suspects.remember(&form, refusals.clone());
            }
        }
    }
}

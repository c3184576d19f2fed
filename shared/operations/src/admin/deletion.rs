//! The deletion of an index that was chosen earlier, if it is still the one that was chosen.
//!
//! In: the name and the id of an index, as it was listed. Out: whether it is gone. Minutes can pass between the choice
//! and the deletion, such as for a snapshot: meanwhile the index may be created again by others, get another mark, or be
//! written into by an alias. The engine deletes by name alone, so the index is looked at just before.

use super::{client::Admin, index::Index};
use crate::stack::Stack;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The outcome for an index that was to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// There is no such index any more.
    Gone,
    /// It stays, for this reason.
    Stays(Stays),
}

/// Why an index that was chosen stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// Another index has its name by now.
    IsAnother,
    /// It does not have this stack's mark any more.
    IsUnowned,
    /// An alias or a data stream writes into it by now.
    IsInUse,
}

impl std::fmt::Display for Stays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IsAnother => "is not the index that was listed: it was deleted and recreated",
            Self::IsUnowned => "lost the mark of this stack after it was listed",
            Self::IsInUse => "became the write index of an alias or a data stream after it was listed",
        })
    }
}

impl Stays {
    /// The error of an operation on this index.
    pub fn error(self, index: &str) -> BatchError {
        BatchError::permanent(index, self.to_string())
    }
}

/// Why the index that has the name now must not be deleted; `None` if it may.
fn stays(stack: &Stack, uuid: Option<&str>, now: &Index) -> Option<Stays> {
    if uuid.is_none() || now.uuid.as_deref() != uuid {
        Some(Stays::IsAnother)
    } else if !stack.owns(now) {
        Some(Stays::IsUnowned)
    } else {
        now.is_in_use.then_some(Stays::IsInUse)
    }
}

impl Admin {
    /// Deletes the index that was listed with this name and id. An index that does not exist any more counts as
    /// deleted.
    ///
    /// # Errors
    /// As [`Self::indices`] and [`Self::delete_index`].
    pub async fn delete_chosen(
        &self,
        stack: &Stack,
        name: &str,
        uuid: Option<&str>,
        deadline: Deadline,
    ) -> Result<Deleted, BatchError> {
        let Some(now) = self.index_now(name, deadline).await? else { return Ok(Deleted::Gone) };
        if let Some(why) = stays(stack, uuid, &now) {
            return Ok(Deleted::Stays(why));
        }
        self.delete_index(name, deadline).await?;
        Ok(Deleted::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_index_that_was_chosen_is_deleted_and_only_as_it_was_chosen() {
        let web = Stack::named("web");
        let chosen = Index { uuid: Some("u".into()), stack: Some("web".into()), ..Index::new("logs-1") };
        for (now, uuid, expected) in [
            (chosen.clone(), Some("u"), None),
            (chosen.clone(), Some("v"), Some(Stays::IsAnother)),
            (chosen.clone(), None, Some(Stays::IsAnother)),
            (Index { uuid: None, ..chosen.clone() }, None, Some(Stays::IsAnother)),
            (Index { stack: None, ..chosen.clone() }, Some("u"), Some(Stays::IsUnowned)),
            (Index { stack: Some("pay".into()), ..chosen.clone() }, Some("u"), Some(Stays::IsUnowned)),
            (Index { is_in_use: true, ..chosen }, Some("u"), Some(Stays::IsInUse)),
        ] {
            assert_eq!(stays(&web, uuid, &now), expected, "{now:?}");
        }
    }
}

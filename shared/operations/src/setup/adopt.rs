//! Marks indices that were created before their template marked them, so that `retention` and `recreate` know their
//! owner.
//!
//! In: the indices to mark. Out: the indices that were marked, and those that were not. Only an index that a dataset's
//! events could have created is marked. An index with another stack's mark stays with that stack unless the caller
//! names the stack. A copy of an index is marked only if the caller names the copy: an operator made it on purpose, to
//! keep or to compare.

use super::request::Adopt;
use crate::{
    admin::{Admin, index::Index, ownership::adoption},
    stack::Stack,
};
use delivery::lambda::Deadline;
use pipeline::{outcome::BatchError, rules::Datasets};
use serde::Serialize;

/// The outcome for the indices.
#[derive(Debug, Default, Serialize)]
pub(super) struct Done {
    dry_run: bool,
    /// Indices that now have this stack's mark, or would get it.
    adopted: Vec<Adoption>,
    /// Indices with another stack's mark.
    of_other_stacks: Vec<Adoption>,
    /// Copies of other indices, made by `_clone`, `_restore` and similar.
    copies: Vec<Adoption>,
    /// Indices that the caller named but that no dataset could have created, or that do not exist.
    refused: Vec<String>,
    /// Indices that could not be marked, and why.
    pub(super) failed: Vec<String>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
struct Adoption {
    index: String,
    /// The first dataset that could have created it.
    dataset: String,
    /// The stack of its previous mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    stack: Option<String>,
}

/// Marks indices, or lists those that it would mark.
///
/// # Errors
/// As [`Admin::ask`], if the domain does not list its indices.
pub(super) async fn adopt(
    admin: &Admin,
    datasets: &Datasets,
    stack: &Stack,
    request: &Adopt,
    deadline: Deadline,
) -> Result<Done, BatchError> {
    let indices = admin.indices(deadline).await?;
    let mut done = chosen(&indices, datasets, stack, request);
    if request.dry_run {
        return Ok(done);
    }
    for one in std::mem::take(&mut done.adopted) {
        let uuid = indices.iter().find(|index| index.name == one.index).and_then(|index| index.uuid.as_deref());
        let marked = match uuid {
            Some(uuid) => {
                let members = adoption(stack, uuid);
                admin.write_mark(&one.index, uuid, &members, deadline).await.map_err(|error| error.to_string())
            }
            None => Err("the domain does not report its settings".to_owned()),
        };
        match marked {
            Ok(()) => done.adopted.push(one),
            Err(reason) => done.failed.push(format!("{}: {reason}", one.index)),
        }
    }
    Ok(done)
}

fn chosen(indices: &[Index], datasets: &Datasets, stack: &Stack, request: &Adopt) -> Done {
    let mut chosen = Done { dry_run: request.dry_run, ..Done::default() };
    let is_named = |name: &String| request.indices.as_ref().is_none_or(|named| named.contains(name));
    let maker = |name: &str| datasets.iter().find(|dataset| dataset.could_be_in(name));
    for index in indices.iter().filter(|index| is_named(&index.name) && !stack.owns(index)) {
        let Some(dataset) = maker(&index.name) else { continue };
        let adoption =
            Adoption { index: index.name.clone(), dataset: dataset.name.clone(), stack: index.stack.clone() };
        if index.is_copy && request.indices.is_none() {
            chosen.copies.push(adoption);
        } else if index.stack.is_none() || index.stack == request.from {
            chosen.adopted.push(adoption);
        } else {
            chosen.of_other_stacks.push(adoption);
        }
    }
    for name in request.indices.iter().flatten() {
        let is_there = indices.iter().any(|index| index.name == *name);
        if !is_there {
            chosen.refused.push(format!("{name}: there is no such index"));
        } else if maker(name).is_none() {
            chosen.refused.push(format!("{name}: no dataset of pipeline.yaml makes an index of this name"));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unmarked_index_that_a_dataset_could_have_made_is_adopted() {
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\" }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let of = |name: &str, stack: Option<&str>| Index { stack: stack.map(str::to_owned), ..Index::new(name) };
        let indices = [
            of("logs-2026.11.20", None),
            of("logs-2026.11.21", Some("web")),
            of("logs-2026.11.22", Some("pay")),
            of("logs-2026.11.22-reindexed", None),
            Index { is_copy: true, ..of("logs-2026.11.23", None) },
        ];
        let found = |list: &[Adoption]| list.iter().map(|one| one.index.clone()).collect::<Vec<_>>();
        let stack = Stack::named("web");
        let all = chosen(&indices, &datasets, &stack, &Adopt::default());
        assert_eq!(
            (found(&all.adopted), found(&all.of_other_stacks)),
            (vec!["logs-2026.11.20".into()], vec!["logs-2026.11.22".into()])
        );
        assert_eq!(found(&all.copies), ["logs-2026.11.23"], "a copy is adopted by its name alone");
        let copy = Adopt { indices: Some(["logs-2026.11.23".to_owned()].into()), ..Adopt::default() };
        assert_eq!(found(&chosen(&indices, &datasets, &stack, &copy).adopted), ["logs-2026.11.23"]);
        let from = Adopt { from: Some("pay".into()), ..Adopt::default() };
        let all = chosen(&indices, &datasets, &stack, &from);
        assert_eq!(found(&all.adopted), ["logs-2026.11.20", "logs-2026.11.22"]);
        let named = ["logs-2026.11.21", "logs-2026.11.22-reindexed", "gone"].map(str::to_owned).into();
        let some = chosen(&indices, &datasets, &stack, &Adopt { indices: Some(named), ..Adopt::default() });
        assert!(some.adopted.is_empty() && some.refused.len() == 2, "{some:?}");
    }
}

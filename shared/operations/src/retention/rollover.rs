//! The rollovers of a run: the data streams and aliases whose write index is replaced, and when each earlier index was.
//!
//! In: the rules and the listed indices. Out: what each name stands for, and the fate of each name with a `rollover`. The engine alone
//! decides whether a condition is met. A write index without the mark of this stack stays, as it would with a deletion. So does an
//! empty one: an idle dataset would get one empty index after another.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;

use crate::{
    admin::{Admin, index::Index, rolled::Named},
    stack::Stack,
};
use delivery::lambda::Deadline;
use pipeline::{
    outcome::BatchError,
    rules::{Datasets, Rollover},
};

/// The pauses before each look whether another run rolled over.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// One rollover.
#[derive(Debug, Serialize)]
pub(super) struct RolledOver {
    /// The data stream or the alias.
    name: String,
    /// The index that took the events before.
    from: String,
    /// The index that takes them now.
    to: String,
}

/// A name that could not be rolled over.
#[derive(Debug, Serialize)]
pub(super) struct FailedRollover {
    pub(super) name: String,
    pub(super) reason: String,
}

/// The names that a run rolled over or left.
#[derive(Debug, Default)]
pub(super) struct Rollovers {
    pub(super) rolled_over: Vec<RolledOver>,
    pub(super) failed: Vec<FailedRollover>,
    /// Write indices without a mark.
    pub(super) unowned: Vec<String>,
    /// Write indices with another stack's mark.
    pub(super) of_other_stacks: Vec<String>,
}

/// What the names of the datasets stand for, by name.
pub(super) type Names<'d> = BTreeMap<&'d str, Result<Named, BatchError>>;

/// Looks the names of the datasets up. A name that cannot be read holds up no other: none of its indices is deleted.
pub(super) async fn names<'d>(admin: &Admin, datasets: &'d Datasets, deadline: Deadline) -> Names<'d> {
    let mut names = BTreeMap::new();
    for name in datasets.iter().filter_map(|dataset| dataset.rolled_name()).collect::<BTreeSet<_>>() {
        names.insert(name, admin.named(name, deadline).await);
    }
    names
}

/// Notes for each index whether it belongs to one of the names, and when the next one was created.
pub(super) fn note_members(indices: &mut [Index], names: &Names<'_>) {
    let known = || names.values().filter_map(|named| named.as_ref().ok());
    let members: BTreeSet<&str> = known().flat_map(Named::members).map(|member| member.name.as_str()).collect();
    let ended: BTreeMap<&str, i64> = known().flat_map(Named::ended_ms).collect();
    for index in indices {
        index.is_rolled = members.contains(index.name.as_str());
        index.ended_ms = ended.get(index.name.as_str()).copied();
    }
}

/// Rolls over each name whose rules ask for it. A failure does not stop the others.
pub(super) async fn roll_over(
    admin: &Admin,
    datasets: &Datasets,
    stack: &Stack,
    names: &Names<'_>,
    indices: &[Index],
    deadline: Deadline,
) -> Rollovers {
    let wanted: BTreeMap<&str, Rollover> =
        datasets.iter().filter_map(|dataset| Some((dataset.rolled_name()?, dataset.layout.rollover()?))).collect();
    let mut done = Rollovers::default();
    for (name, rollover) in wanted {
        let write = match names.get(name).map(write_index) {
            Some(Ok(Some(write))) => write,
            Some(Ok(None)) | None => continue,
            Some(Err(reason)) => {
                done.failed.push(FailedRollover { name: name.to_owned(), reason });
                continue;
            }
        };
        // An index that was created after the list was made is looked at by the next run.
        let Some(index) = indices.iter().find(|index| index.name == write) else { continue };
        if index.is_empty || deadline.reading_is_over() {
            continue;
        }
        if !stack.owns(index) {
            let list = if index.stack.is_none() { &mut done.unowned } else { &mut done.of_other_stacks };
            list.push(index.name.clone());
            continue;
        }
        match admin.roll_over(name, rollover, deadline).await {
            Ok(None) => {}
            Ok(Some(rolled)) => {
                let rolled = RolledOver { name: name.to_owned(), from: rolled.from, to: rolled.to };
                tracing::info!(name, from = rolled.from, to = rolled.to, "rolled over to a new index");
                done.rolled_over.push(rolled);
            }
            // Another run was first, or the answer to an earlier attempt was lost.
            Err(_) if is_replaced(admin, name, write, deadline).await => {}
            Err(error) => {
                tracing::error!(name, %error, "not rolled over");
                done.failed.push(FailedRollover { name: name.to_owned(), reason: error.to_string() });
            }
        }
    }
    done
}

/// Whether another index than this one takes the events now. Elasticsearch 6.8 and 7.1 create the next index and mark it later, so
/// the rollover of another run may not have ended yet.
async fn is_replaced(admin: &Admin, name: &str, write: &str, deadline: Deadline) -> bool {
    for pause in PAUSES {
        if deadline.reading_is_over() {
            break;
        }
        tokio::time::sleep(pause).await;
        let now = admin.named(name, deadline).await;
        if now.is_ok_and(|now| now.write_index().is_some_and(|index| index != write)) {
            return true;
        }
    }
    false
}

/// The index to replace; none before the first event.
fn write_index(named: &Result<Named, BatchError>) -> Result<Option<&str>, String> {
    match named {
        Err(error) => Err(error.to_string()),
        Ok(Named::Nothing) => Ok(None),
        Ok(Named::Index) => {
            Err("it is an index, and neither a data stream nor an alias: see what `setup` reports".into())
        }
        Ok(Named::Alias { write: None, .. }) => Err("no index of the alias has `is_write_index`: mark one".into()),
        Ok(named) => Ok(named.write_index()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_domain::FakeDomain;

    const YAML: &str = "datasets:
  - { name: a, from: { key: a }, index: { data_stream: a, rollover: { max_age: 1d } } }
  - { name: b, from: { key: b }, index: { alias: b, rollover: { max_size: 1gb } } }
  - { name: c, from: { key: c }, index: { data_stream: c } }
";

    fn index(name: &str, stack: Option<&str>) -> Index {
        Index { stack: stack.map(str::to_owned), ..Index::new(name) }
    }

    fn state(request: &str) -> Value {
        let about = |aliases: Value| json!({ "aliases": aliases, "settings": { "index": { "creation_date": "1" } } });
        match request.split(['/', '?']).nth(1).unwrap_or_default() {
            "b" => json!({ "b-000001": about(json!({ "b": { "is_write_index": true } })) }),
            name => json!({ format!(".ds-{name}-000001"): about(json!({})) }),
        }
    }

    async fn run(indices: Vec<Index>, answer: (u16, Value)) -> (Rollovers, Vec<String>) {
        let domain = FakeDomain::start(move |request| match request.strip_prefix("GET ") {
            Some(path) => (200, state(path)),
            None => answer.clone(),
        });
        let (domain, deadline) = (domain.await, Deadline::after(Duration::from_secs(30)));
        let datasets = Datasets::parse("pipeline.yaml", YAML, None).unwrap();
        let names = names(&domain.admin, &datasets, deadline).await;
        let done = roll_over(&domain.admin, &datasets, &Stack::named("web"), &names, &indices, deadline).await;
        (done, domain.requests.changes())
    }

    #[tokio::test]
    async fn only_own_names_with_a_rollover_and_events_are_rolled_over() {
        let rolled = json!({ "rolled_over": true, "old_index": "x", "new_index": "y" });
        let own = |name| index(name, Some("web"));
        let (stream, alias) = ("POST /a/_rollover", "POST /b/_rollover");
        for (indices, asked, unowned, of_others) in [
            (vec![own(".ds-a-000001"), own("b-000001"), own(".ds-c-000001")], vec![stream, alias], 0, 0),
            (vec![Index { is_empty: true, ..own(".ds-a-000001") }, own("b-000001")], vec![alias], 0, 0),
            (vec![index(".ds-a-000001", None), index("b-000001", Some("pay"))], vec![], 1, 1),
            (vec![], vec![], 0, 0),
        ] {
            let shown = format!("{indices:?}");
            let (done, requests) = run(indices, (200, rolled.clone())).await;
            assert_eq!(requests, asked, "{shown}");
            assert_eq!((done.unowned.len(), done.of_other_stacks.len()), (unowned, of_others), "{shown}");
            assert_eq!((done.rolled_over.len(), done.failed.len()), (asked.len(), 0), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_a_failure_unless_another_run_was_first() {
        let exists = json!({ "error": { "type": "resource_already_exists_exception", "reason": "b-000002" } });
        let own = |name| index(name, Some("web"));
        let (done, _) = run(vec![own(".ds-a-000001"), own("b-000001")], (400, exists)).await;
        assert_eq!((done.failed.len(), done.rolled_over.len()), (2, 0), "{done:?}");
        let (done, _) = run(vec![own(".ds-a-000001")], (200, json!({ "rolled_over": false }))).await;
        assert_eq!((done.failed.len(), done.rolled_over.len()), (0, 0), "{done:?}");
        let (done, _) = run(vec![own(".ds-a-000001")], (200, json!({}))).await;
        assert_eq!(done.failed.len(), 1, "an answer that cannot be read is no success: {done:?}");
    }
}

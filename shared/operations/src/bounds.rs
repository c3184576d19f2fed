//! The limits of "a repetition is harmless": rules under which a dataset may store an event twice.
//!
//! In: the rules. Out: a warning for each case, for `millrace check` and `millrace doctor`. docs/DELIVERY.md documents the
//! limits. Deliberately absent: facts that only the domain knows, such as whether an index is an alias
//! (`doctor::rollover`).

use pipeline::{
    route::{IdRule, Timestamp},
    rules::{Dataset, Datasets},
    shape::{FieldRule, Shape},
};

/// A guarantee that a dataset's rules do not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// `duplicates` or `rollover`.
    pub check: &'static str,
    /// What can happen.
    pub found: String,
    /// How to prevent it.
    pub fix: &'static str,
}

/// The limits of every dataset, in the order of the file.
pub fn bounds(datasets: &Datasets) -> Vec<Bound> {
    datasets.iter().flat_map(|dataset| of_dataset(dataset)).collect()
}

fn of_dataset(dataset: &Dataset) -> Vec<Bound> {
    let (name, router) = (&dataset.name, &dataset.router);
    let has_date = router.index().as_str().contains("%{+");
    let mut bounds = Vec::new();
    if *router.id() == IdRule::None {
        bounds.push(Bound {
            check: "duplicates",
            found: format!(
                "the dataset `{name}` has `id: none`: an event or dead letter that is delivered or \
                            replayed twice is indexed twice"
            ),
            fix: "leave `id` out, unless the domain takes no ids (OpenSearch Serverless time series)",
        });
    }
    if dataset.from.s3().is_some() && router.timestamp().is_none() && has_date {
        bounds.push(Bound {
            check: "duplicates",
            found: format!(
                "the dataset `{name}` has no `timestamp`: an object that is copied onto itself has a new LastModified, and its events are indexed again in the index of that day"
            ),
            fix: "name the field with the event's own time in `timestamp`, or take the date out of `index`",
        });
    }
    bounds
}

/// The datasets whose index name has no date. It may be the name of an alias or a data stream that is not declared as one.
pub fn may_roll_over(datasets: &Datasets) -> Vec<Bound> {
    let has_no_date =
        |dataset: &&std::sync::Arc<Dataset>| !dataset.rolls_over() && !dataset.router.index().as_str().contains("%{+");
    let bound = |dataset: &std::sync::Arc<Dataset>| Bound {
        check: "rollover",
        found: format!(
            "the index `{}` of the dataset `{}` has no date: where it is an alias or a data stream that rolls over, an event that is delivered again after the rollover is indexed twice",
            dataset.router.index(),
            dataset.name
        ),
        fix: ROLLOVER_FIX,
    };
    datasets.iter().filter(has_no_date).map(bound).collect()
}

/// The datasets whose index name depends on a timezone. Changing the timezone changes the index name, as changing its
/// text does.
pub fn may_move(datasets: &Datasets) -> Vec<Bound> {
    datasets.iter().filter_map(|dataset| moves(dataset)).collect()
}

fn moves(dataset: &Dataset) -> Option<Bound> {
    let index = dataset.router.index();
    let of_index = index.zone().map(|zone| format!("`index` with the days of {}", zone.name()));
    let of_time = dataset.router.timestamp().and_then(Timestamp::zone).filter(|_| index.has_date());
    let of_time = of_time.map(|zone| format!("times read as local times of {}", zone.name()));
    let cut = [of_index, of_time].into_iter().flatten().collect::<Vec<_>>();
    (!cut.is_empty()).then(|| Bound {
        check: "timezone",
        found: format!(
            "the dataset `{}` has {}: adding, changing or removing a `timezone` changes the index of an event, and an \
             event that was indexed before and is redelivered is indexed twice, in another index",
            dataset.name,
            cut.join(" and ")
        ),
        fix: "change it only when no earlier event can be redelivered, or recreate the indices: `replay` with \
              `recreate` (docs/DELIVERY.md)",
    })
}

/// Rules that hide nothing in the document: with `lift`, field names refer to the original event, and these rules name
/// a field outside the lifted object.
pub fn may_show(datasets: &Datasets) -> Vec<Bound> {
    let of_dataset = |name: &str, shape: &Shape| {
        let bound = |rule: &FieldRule| Bound {
            check: "lift",
            found: format!(
                "`{rule}` of the dataset `{name}` names a field outside the lifted object, and hides nothing in the \
                 document"
            ),
            fix: "name fields of the object by their whole path, such as `payload.after.email`",
        };
        shape.hides_beside_lift().map(bound).collect::<Vec<_>>()
    };
    let to_domain = datasets.iter().flat_map(|dataset| of_dataset(&dataset.name, &dataset.shape));
    to_domain.chain(datasets.transforms().flat_map(|transform| of_dataset(&transform.name, &transform.shape))).collect()
}

/// The fix that finds a document in whichever index it is.
pub(crate) const ROLLOVER_FIX: &str = "declare it, as `index: { data_stream: NAME }` or `index: { alias: NAME }`, so that ids are \
                                       looked up in its earlier indices; or take the index from the event's time, such as \
                                       `logs-%{+YYYY.MM.dd}` (docs/DELIVERY.md)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timezone_is_reported_if_the_index_depends_on_it() {
        let yaml = "datasets:
  - { name: utc, from: { key: \"a/**\" }, timestamp: t, index: \"a-%{+YYYY.MM.dd}\" }
  - { name: cut, from: { key: \"b/**\" }, timestamp: t, index: { name: \"b-%{+YYYY}\", timezone: Asia/Seoul } }
  - { name: read, from: { key: \"c/**\" }, timestamp: { field: t, timezone: Asia/Tokyo }, index: \"c-%{+YYYY}\" }
  - { name: dateless, from: { key: \"d/**\" }, timestamp: { field: t, timezone: Asia/Tokyo }, index: d }
";
        let told = may_move(&Datasets::parse("f", yaml, None).unwrap());
        let told: Vec<&str> = told.iter().map(|bound| bound.found.as_str()).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("`cut`") && told[0].contains("the days of Asia/Seoul"), "{told:?}");
        assert!(told[1].contains("`read`") && told[1].contains("local times of Asia/Tokyo"), "{told:?}");
    }

    #[test]
    fn a_rule_that_hides_nothing_beside_a_lift_is_reported() {
        let yaml = "datasets:
  - name: a
    from: { stream: a }
    fields:
      lift: p.after
      rename: { p.op: op, p.user: user }
      hash: [email, p.after.phone, user]
      drop: [phone, p.after.card, \"*.x\", p.before]
    index: a
";
        let key = pipeline::shape::HashKey::new(b"0123456789abcdef").ok();
        let told = may_show(&Datasets::parse("f", yaml, key.as_ref()).unwrap());
        let told: Vec<&str> = told.iter().filter_map(|bound| bound.found.split('`').nth(1)).collect();
        assert_eq!(told, ["hash: email", "drop: phone", "drop: p.before"]);
    }

    #[test]
    fn each_case_is_reported_and_ordinary_rules_are_not() {
        let yaml = "datasets:
  - { name: ordinary, from: { key: \"a/**\" }, timestamp: t, index: \"a-%{+YYYY.MM.dd}\" }
  - { name: untimed, from: { key: \"b/**\" }, index: \"b-%{+YYYY.MM.dd}\" }
  - { name: stream, from: { stream: s }, index: \"c-%{+YYYY.MM.dd}\" }
  - { name: single, from: { key: \"d/**\" }, index: d }
  - { name: declared, from: { key: \"f/**\" }, index: { alias: f } }
  - { name: declared-stream, from: { key: \"g/**\" }, index: { data_stream: g } }
  - { name: none, from: { stream: n }, index: \"e-%{+YYYY}\", id: none }
";
        let datasets = Datasets::parse("f", yaml, None).unwrap();
        let told: Vec<(&str, bool)> =
            bounds(&datasets).iter().map(|bound| (bound.check, bound.found.contains("`untimed`"))).collect();
        assert_eq!(told, [("duplicates", true), ("duplicates", false)]);
        let rolling = may_roll_over(&datasets);
        assert_eq!(rolling.len(), 1);
        assert!(rolling[0].found.contains("the index `d` of the dataset `single`"), "{rolling:?}");
    }
}

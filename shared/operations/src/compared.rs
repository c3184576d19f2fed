//! Differences between the comparison in a query and in the domain: fields that the mapping of a dataset makes `text`.
//!
//! In: rules and the index templates that follow from them. Out: a warning for each field, for `millrace check`.
//! Deliberately absent: the types that the domain chooses for fields that no mapping names.

use super::{bounds::Bound, setup::template::Template};
use pipeline::{
    rules::{Dataset, Datasets},
    select::Select,
};

/// The note about all queries, printed once.
pub const AS_ON_KEYWORD: &str = "a query in `select` compares as on fields of the types keyword, number, date, \
                                 boolean and ip: a string as a whole and with its case, whatever the mapping of the \
                                 domain";

/// Whether a dataset selects by a query.
pub fn has_query(datasets: &Datasets) -> bool {
    selects(datasets).any(|(_, select)| select.is_query())
}

/// The fields that a query compares as a whole and the domain by words; and queries that may not mean what they say.
pub fn differently_compared(datasets: &Datasets, templates: &[Template]) -> Vec<Bound> {
    let of_text = datasets.iter().flat_map(|dataset| {
        let pattern = dataset.wildcard();
        templates
            .iter()
            .filter(move |template| template.pattern == pattern)
            .flat_map(|template| on_text(dataset, template))
    });
    of_text.chain(doubts(datasets)).collect()
}

fn on_text(dataset: &Dataset, template: &Template) -> Vec<Bound> {
    let compared = dataset.select.iter().flat_map(Select::compared_fields);
    let bound = |field: &str| {
        let stored = match pipeline::decode::Path::parse(field) {
            Ok(path) => dataset.shape.stored_as(&path)?,
            Err(_) => field.to_owned(),
        };
        let analysis = template.analysis_of(&stored)?;
        let found = format!(
            "the dataset `{}` selects by `{field}`, and its mapping makes `{stored}` {analysis}: in Discover the \
             query finds single words in any case, here only the whole value",
            dataset.name
        );
        Some(Bound {
            check: "text",
            found,
            fix: "map it as `keyword`, or add a `keyword` subfield and query that subfield in Discover",
        })
    };
    compared.filter_map(bound).collect()
}

fn doubts(datasets: &Datasets) -> impl Iterator<Item = Bound> {
    let doubts = |(name, select): (&str, &Select)| {
        let found = |doubt: &String| format!("`select: {}` of the dataset `{name}`: {doubt}", select.as_str());
        select.doubts().iter().map(found).collect::<Vec<_>>()
    };
    let bound =
        |found| Bound { check: "select", found, fix: "put the value in quotes, or put spaces around the expression" };
    selects(datasets).flat_map(doubts).map(bound)
}

/// Every `select`, with the name of its dataset.
fn selects(datasets: &Datasets) -> impl Iterator<Item = (&str, &Select)> {
    let of_datasets = datasets.iter().map(|dataset| (dataset.name.as_str(), dataset.select.as_ref()));
    let of_transforms = datasets.transforms().map(|transform| (transform.name.as_str(), transform.select.as_ref()));
    of_datasets.chain(of_transforms).filter_map(|(name, select)| Some((name, select?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::template::{TemplateOwner, templates};

    #[test]
    fn a_text_field_is_reported_if_a_query_compares_it() {
        let yaml = r"datasets:
  - name: a
    from: { stream: a }
    select: title:x AND os:y AND title.keyword:z AND _exists_:body AND label:1 AND moved:2
    fields: { rename: { moved: text_of } }
    index: a
    mapping: mappings/a.json
  - name: b
    from: { stream: b }
    select: { title: [x] }
    index: b
    mapping: mappings/a.json
  - name: c
    from: { delivery_stream: c }
    select: agent:(Mozilla/5.0 OR x/y)
";
        let datasets = Datasets::parse("f", yaml, None).unwrap();
        let mapping = r#"{"properties": {"title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
            "body": {"type": "text"}, "label": {"type": "keyword"}, "text_of": {"type": "text"}, "moved": {"type": "keyword"}}}"#;
        let templates = templates(&datasets, &TemplateOwner::default(), |_| Ok(mapping.to_owned())).unwrap();
        let found = differently_compared(&datasets, &templates);
        let told: Vec<&str> = found.iter().map(|bound| bound.check).collect();
        assert_eq!(told, ["text", "text", "select"], "{found:#?}");
        assert!(found[0].found.contains("selects by `moved`, and its mapping makes `text_of` `text`"), "{found:#?}");
        assert!(found[1].found.contains("selects by `title`"), "{found:#?}");
        assert!(found[2].found.contains("`/5.0 OR x/` was read as a regular expression"), "{found:#?}");
        assert!(has_query(&datasets));
        assert!(!has_query(
            &Datasets::parse("f", "datasets: [{ name: a, from: { stream: a }, index: a }]", None).unwrap()
        ));
    }
}

//! Whether a given priority makes one template of a deployment hide another one.
//!
//! Without given priorities the narrower pattern has the higher priority, so nothing is hidden and nothing is checked.

use super::{
    super::patterns::overlap,
    definition::{Template, fault},
};
use pipeline::{outcome::Fault, rules::Datasets};

/// The faults of all pairs of templates.
pub(super) fn faults(templates: &[Template], datasets: &Datasets) -> Vec<Fault> {
    let pairs =
        templates.iter().enumerate().flat_map(|(at, one)| templates[..at].iter().map(move |other| (other, one)));
    pairs.filter_map(|(one, other)| of_pair(one, other, datasets)).collect()
}

fn of_pair(one: &Template, other: &Template, datasets: &Datasets) -> Option<Fault> {
    let (_, place) = one.places.get("priority").or_else(|| other.places.get("priority"))?;
    let is_in = |narrow: &Template, wide: &Template| {
        narrow.is_covered_by(&wide.pattern) && !wide.is_covered_by(&narrow.pattern)
    };
    let (wide, narrow) = if is_in(one, other) { (other, one) } else { (one, other) };
    let (high, low) = (wide.priority(), narrow.priority());
    let shown = |template: &Template| format!("{} ({})", names(template, datasets), template.pattern);
    let (wide_one, narrow_one) = (shown(wide), shown(narrow));
    let message = if high == low && overlap(&wide.pattern, &narrow.pattern) {
        format!(
            "the templates of {wide_one} and of {narrow_one} have the same priority {high} and match the same names, which the engine \
             refuses: give one of them another `template: {{ priority }}`, the higher one to the narrower pattern"
        )
    } else if high > low && is_in(narrow, wide) && !narrow.is_for_the_mark() {
        // A template that exists only for the mark loses nothing: the wide one has the mark, too.
        format!(
            "the template of {wide_one} has the priority {high} and hides that of {narrow_one}, which has {low}: give the higher \
             `template: {{ priority }}` to the narrower pattern"
        )
    } else {
        return None;
    };
    Some(fault(place, message))
}

/// The datasets that share a template.
fn names(template: &Template, datasets: &Datasets) -> String {
    let of = datasets.iter().filter(|dataset| dataset.wildcard() == template.pattern);
    let names: Vec<String> = of.map(|dataset| format!("`{}`", dataset.name)).collect();
    let word = if names.len() == 1 { "the dataset" } else { "the datasets" };
    format!("{word} {}", names.join(", "))
}

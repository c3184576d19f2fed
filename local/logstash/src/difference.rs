//! Differences between a condition in Logstash and the query made from it.
//!
//! In: the condition. Out: each kind of event for which the two differ, and the direction of the difference. The query
//! language looks into lists, compares numbers by value and knows no tags of failed filters. Logstash's conditions
//! differ in these three points.

use super::{
    ast::{Condition, Operand, Operator},
    fields::{Fields, Seen},
};

/// A kind of event for which a condition differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The kind of event, and the results here and in Logstash.
    pub(super) text: String,
    /// `Some(true)`: the whole condition holds here and not in Logstash. `Some(false)`: the other way round. `None`:
    /// the translation assumes that there are no such events.
    pub(super) holds: Option<bool>,
}

/// The differences of a condition, or of its negation.
pub(super) fn of(condition: &Condition, is_negated: bool, fields: &Fields) -> Vec<Difference> {
    let mut found = Vec::new();
    collect(condition, is_negated, fields, &mut found);
    found
}

fn collect(condition: &Condition, is_negated: bool, fields: &Fields, found: &mut Vec<Difference>) {
    match condition {
        Condition::All(inner) | Condition::Any(inner) => {
            for one in inner {
                collect(one, is_negated, fields, found);
            }
        }
        // `xor` uses each side both plain and negated.
        Condition::Either(both) => {
            for one in both.iter() {
                collect(one, false, fields, found);
                collect(one, true, fields, found);
            }
        }
        Condition::Not(inner) => collect(inner, !is_negated, fields, found),
        Condition::Holds(path) if is_own(path, fields) => found.push(assumed(format!(
            "`[{path}]`: a list or object in `{path}` is taken to have something in it, and neither \"\" nor false"
        ))),
        Condition::Compare { left, operator, right } => {
            let (Operand::Field(path), value) =
                (if let Operand::Field(_) = left { (left, right) } else { (right, left) })
            else {
                return;
            };
            if is_own(path, fields) {
                found.push(assumed(compared(path, *operator, value)));
            }
        }
        Condition::Matches { field, regexp } if is_own(field, fields) => found.push(assumed(matched(field, regexp))),
        Condition::In { item, list } => contained(item, list, is_negated, fields, found),
        Condition::Holds(_) | Condition::Matches { .. } => {}
    }
}

fn assumed(text: String) -> Difference {
    Difference { text, holds: None }
}

fn is_own(path: &str, fields: &Fields) -> bool {
    matches!(fields.look(path), Ok(Seen::Field(_) | Seen::Default(_)))
}

fn compared(path: &str, operator: Operator, value: &Operand) -> String {
    let is_equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    match value {
        Operand::Number(_) if is_equality => {
            format!(
                "`{path}` is taken to be no list, of which one element would do here, and no number such as 5.0, which equals 5 here alone"
            )
        }
        _ if is_equality => {
            format!("`{path}` is taken to be no list: one element of it would do here, and none in Logstash")
        }
        Operand::Number(_) => format!(
            "`{path}` is taken to be a number in every event: Logstash fails where it is missing or anything else"
        ),
        _ => format!(
            "`{path}` is taken to be a text in every event: Logstash fails where it is missing or anything else"
        ),
    }
}

fn matched(path: &str, regexp: &str) -> String {
    let mut text = format!("`{path}` is taken to be no list");
    if regexp.contains(['^', '$', '.']) {
        text.push_str(" and no text of several lines, of which `^` and `$` are the ends of each in Logstash and `.` no line break");
    }
    text
}

fn contained(item: &Operand, list: &Operand, is_negated: bool, fields: &Fields, found: &mut Vec<Difference>) {
    match (item, list) {
        (Operand::Field(path), Operand::List(_)) if is_own(path, fields) => {
            found.push(assumed(format!(
                "`{path}` is taken to be no list, of which one element would do here, and no number such as 5.0"
            )));
        }
        (Operand::Text(text), Operand::Field(path)) if is_tags(path, fields) => {
            if is_failure(text) {
                let text = format!(
                    "`{text}`: no filter sets this tag here, so that the condition goes by the tags with which events come"
                );
                found.push(Difference { text, holds: Some(is_negated) });
            }
            found.push(assumed("`tags` is taken to be a list".into()));
        }
        (Operand::Text(text), Operand::Field(path)) if matches!(fields.look(path), Ok(Seen::Field(_))) => {
            let text = format!(
                "`{path}`: of a list an element that has `{text}` in it would do here, and in Logstash only one that equals it"
            );
            found.push(Difference { text, holds: Some(!is_negated) });
        }
        _ => {}
    }
}

fn is_tags(path: &str, fields: &Fields) -> bool {
    matches!(fields.look(path), Ok(Seen::Field(field)) if field == "tags")
        || (path == "tags" && matches!(fields.look(path), Ok(Seen::List(_))))
}

/// Whether filters set this tag when they fail.
fn is_failure(tag: &str) -> bool {
    tag.starts_with('_')
}

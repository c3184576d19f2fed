//! Translates a condition into a query about the original event.
//!
//! In: the condition, and the effect of the filters on the fields. Out: a query, in which the parts with a known result
//! are constant; or the reason why there is none. Deliberately absent: comparisons of one field with another, which
//! Lucene does not have.

mod compare;
mod term;

use super::{
    ast::{Condition, Operand},
    fields::{Fields, Seen},
    query::{MAX_TERMS, Query, split},
    regexp, variable,
};
use compare::{compare, exactly, literal, loosely};
use term::{clashing, constant, defaulted, either, term};

/// The query for a condition.
pub(super) fn query(condition: &Condition, fields: &Fields) -> Result<Query, String> {
    let query = match condition {
        Condition::All(all) | Condition::Any(all) if all.len() > MAX_TERMS => return Err(too_many()),
        Condition::All(all) => {
            Query::all(all.iter().map(|one| self::query(one, fields)).collect::<Result<Vec<_>, _>>()?)
        }
        Condition::Any(any) => {
            Query::any(any.iter().map(|one| self::query(one, fields)).collect::<Result<Vec<_>, _>>()?)
        }
        Condition::Not(inner) => self::query(inner, fields)?.not(),
        Condition::Either(both) => {
            let [one, other] = both.each_ref().map(|one| self::query(one, fields));
            let (one, other) = (one?, other?);
            let first = Query::all([one.clone(), other.clone().not()]);
            Query::any([first, Query::all([one.not(), other])])
        }
        Condition::Holds(path) => holds(path, fields)?,
        Condition::Compare { left, operator, right, .. } => compare(left, *operator, right, fields)?,
        Condition::Matches { field, regexp, .. } => matches(field, regexp, fields)?,
        Condition::In { item, list, .. } => contained(item, list, fields)?,
    };
    if query.terms() > MAX_TERMS { Err(too_many()) } else { Ok(query) }
}

fn too_many() -> String {
    format!("more than {MAX_TERMS} conditions")
}

/// The query for `[field]`: it exists, and is neither `null`, "", false nor "false".
fn holds(path: &str, fields: &Fields) -> Result<Query, String> {
    let is_true = |known: &str| !matches!(known, "" | "false");
    let own = |field: &str| -> Result<Query, String> {
        let is_there = term(field, fields, |name| format!("_exists_:{name}"))?;
        let is_false = term(field, fields, |name| format!("{name}:(\"\" OR false)"))?;
        Ok(Query::all([is_there, is_false.not()]))
    };
    match fields.look(path)? {
        Seen::Field(field) => either(path, &field, fields, own),
        Seen::Nothing => Ok(Query::Never),
        Seen::Text(text) if text.contains("%{") => Err(format!("`{path}` is made of fields")),
        Seen::Text(text) => Ok(clashing(path, is_true(text), &constant(true), fields)),
        Seen::Default(text) => Ok(defaulted(path, is_true(text), own(path)?)),
        _ => Ok(Query::Always),
    }
}

fn matches(path: &str, ruby: &str, fields: &Fields) -> Result<Query, String> {
    if variable::is_in(ruby) {
        return Err(format!("`/{ruby}/` has a variable of the server's environment in it"));
    }
    match fields.look(path)? {
        Seen::Nothing => Ok(Query::Never),
        Seen::Field(field) => {
            let lucene = regexp::to_lucene(ruby).map_err(|error| format!("`/{ruby}/`: {error}"))?;
            let slashed = lucene.replace("\\/", "/").replace('/', "\\/");
            either(path, &field, fields, |field| term(field, fields, |name| format!("{name}:/{slashed}/")))
        }
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

fn contained(item: &Operand, list: &Operand, fields: &Fields) -> Result<Query, String> {
    match (item, list) {
        (Operand::Field(_), Operand::List(values)) if values.len() > MAX_TERMS => Err(too_many()),
        (Operand::Field(path), Operand::List(values)) => {
            let each = values.iter().map(|value| equals_element(path, value, fields));
            let any = Query::any(each.collect::<Result<Vec<_>, _>>()?);
            Ok(grouped(any))
        }
        (Operand::Text(text), Operand::Field(path)) => contains(path, text, fields),
        _ => Err("`in` asks here for what no query can say; `[field] in [\"a\", \"b\"]` can be said".into()),
    }
}

/// A field equals an element of a list if both are written the same way.
fn equals_element(path: &str, element: &Operand, fields: &Fields) -> Result<Query, String> {
    let text = match element {
        Operand::Text(text) | Operand::Number(text) => text.as_str(),
        Operand::Variable(text) => return Err(format!("`{text}` is a variable of the server's environment")),
        Operand::Field(_) | Operand::List(_) => return Err("an element of a list is a text or a number".into()),
    };
    let own = |field: &str| term(field, fields, |name| format!("{name}:{}", loosely(text)));
    match fields.look(path)? {
        Seen::Nothing => Ok(Query::Never),
        Seen::Text(known) if !known.contains("%{") => Ok(clashing(path, known == text, &Query::Never, fields)),
        Seen::Default(known) => Ok(defaulted(path, known == text, own(path)?)),
        Seen::Field(field) => either(path, &field, fields, own),
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

/// A list contains a text if the text is one of its elements. A text contains a text that is a part of it. `tags` is
/// known to be a list.
fn contains(path: &str, text: &str, fields: &Fields) -> Result<Query, String> {
    let part = |field: &str| {
        if field == "tags" {
            term(field, fields, |name| format!("{name}:{}", exactly(text)))
        } else {
            term(field, fields, |name| format!("{name}:/.*{}.*/", literal(text)))
        }
    };
    match fields.look(path)? {
        Seen::List(_) if fields.yielding_tags.iter().any(|one| one == text) => Ok(defaulted(path, true, part(path)?)),
        Seen::List(known) if known.iter().any(|one| one == text) => Ok(Query::Always),
        // The original tags stay beside the added ones.
        Seen::List(_) if path == "tags" && fields.is_own_kept("tags") => part("tags"),
        Seen::Nothing | Seen::List(_) => Ok(Query::Never),
        Seen::Text(known) if !known.contains("%{") => {
            Ok(clashing(path, known.contains(text), &constant(known == text), fields))
        }
        Seen::Default(known) => Ok(defaulted(path, known.contains(text), part(path)?)),
        Seen::Field(field) => either(path, &field, fields, part),
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

/// Writes several values of one field as `os:(iOS OR Android)`.
fn grouped(query: Query) -> Query {
    let Query::Or(terms) = &query else { return query };
    let mut name = None;
    let mut values = Vec::new();
    for term in terms {
        let Query::Term(text) = term else { return query };
        let Some((field, value)) = split(text) else { return query };
        if *name.get_or_insert(field) != field {
            return query;
        }
        values.push(value);
    }
    match name {
        Some(name) => Query::Term(format!("{name}:({})", values.join(" OR "))),
        None => query,
    }
}

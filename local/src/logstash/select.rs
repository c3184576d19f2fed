//! A condition becomes a query about the event as it came.
//!
//! In: the condition, and what filters have made of the fields. Out: a query, in which what is known beforehand is constant, or
//! why there is none. Deliberately absent: comparisons of one field with another, which Lucene has not.

use ingest::select::Select;

use super::{
    ast::{Condition, Operand, Operator},
    fields::{Fields, Seen},
    query::{self, MAX_TERMS, Query},
    regexp,
};

/// The query that a condition means.
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
        Condition::Holds(path) => match fields.see(path)? {
            Seen::Field(field) => term(&field, fields, |name| format!("_exists_:{name}"))?,
            Seen::Nothing | Seen::Text("false") => Query::Never,
            Seen::Text(text) if text.contains("%{") => return Err(format!("`{path}` is made of fields")),
            _ => Query::Always,
        },
        Condition::Compare { left, operator, right, .. } => compare(left, *operator, right, fields)?,
        Condition::Matches { field, regexp, .. } => matches(field, regexp, fields)?,
        Condition::In { item, list, .. } => contained(item, list, fields)?,
    };
    if query.terms() > MAX_TERMS { Err(too_many()) } else { Ok(query) }
}

fn too_many() -> String {
    format!("more than {MAX_TERMS} conditions")
}

/// A condition on a field as it came, as the library itself reads it.
fn term(field: &str, fields: &Fields, write: impl Fn(&str) -> String) -> Result<Query, String> {
    if let Some(at) = fields.hash_of(field) {
        return Err(format!("`{field}` is hashed in line {}", at.line));
    }
    let text = write(&query::field(field));
    match Select::query(&text) {
        Ok(_) => Ok(Query::Term(text)),
        Err(error) => Err(error.message),
    }
}

fn constant(holds: bool) -> Query {
    if holds { Query::Always } else { Query::Never }
}

fn compare(left: &Operand, operator: Operator, right: &Operand, fields: &Fields) -> Result<Query, String> {
    let (path, operator, value) = match (left, right) {
        (Operand::Field(_), Operand::Field(_)) => return Err("Lucene compares no field with another".into()),
        (Operand::Field(path), value) => (path, operator, value),
        (value, Operand::Field(path)) => (path, turned(operator), value),
        _ => return Err("it is about no field".into()),
    };
    if operator == Operator::NotEqual {
        return Ok(compare(left, Operator::Equal, right, fields)?.not());
    }
    let (text, is_number) = match value {
        Operand::Text(text) => (text.as_str(), false),
        Operand::Number(text) => (text.as_str(), true),
        _ => return Err("a list is compared with nothing; write `in`".into()),
    };
    match fields.see(path)? {
        Seen::Nothing => Ok(Query::Never),
        Seen::Text(known) if !known.contains("%{") && operator == Operator::Equal => {
            Ok(constant(!is_number && known == text))
        }
        Seen::Field(field) => term(&field, fields, |name| comparison(name, operator, text, is_number)),
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

fn comparison(name: &str, operator: Operator, text: &str, is_number: bool) -> String {
    let sign = match operator {
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::Equal | Operator::NotEqual => return format!("{name}:{}", exactly(text)),
    };
    if is_number { format!("{name}:{sign}{text}") } else { format!("{name}:{sign}{}", quoted(text)) }
}

/// A value, where Lucene would make of `2026-11-22` all of that day: as a regular expression.
fn exactly(text: &str) -> String {
    let is_dated =
        text.get(..5).is_some_and(|year| year.ends_with('-') && year.starts_with(|c: char| c.is_ascii_digit()));
    if is_dated { format!("/{}/", literal(text)) } else { query::value(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text within a regular expression of Lucene.
fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_alphanumeric() && !matches!(c, ' ' | '_' | '-' | ':' | ',') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn turned(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        Operator::Equal | Operator::NotEqual => operator,
    }
}

fn matches(path: &str, ruby: &str, fields: &Fields) -> Result<Query, String> {
    match fields.see(path)? {
        Seen::Nothing => Ok(Query::Never),
        Seen::Field(field) => {
            let lucene = regexp::to_lucene(ruby).map_err(|error| format!("`/{ruby}/`: {error}"))?;
            let slashed = lucene.replace("\\/", "/").replace('/', "\\/");
            term(&field, fields, |name| format!("{name}:/{slashed}/"))
        }
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

fn contained(item: &Operand, list: &Operand, fields: &Fields) -> Result<Query, String> {
    match (item, list) {
        (Operand::Field(_), Operand::List(values)) if values.len() > MAX_TERMS => Err(too_many()),
        (Operand::Field(_), Operand::List(values)) => {
            let each = values.iter().map(|value| compare(item, Operator::Equal, value, fields));
            let any = Query::any(each.collect::<Result<Vec<_>, _>>()?);
            Ok(grouped(any))
        }
        (Operand::Text(text) | Operand::Number(text), Operand::Field(path)) => match fields.see(path)? {
            Seen::Nothing => Ok(Query::Never),
            Seen::List(known) => Ok(constant(known.contains(text))),
            Seen::Text(known) if !known.contains("%{") => Ok(constant(known.contains(text.as_str()))),
            // A list holds what equals it, a text what it has in it: of `tags` it is known that they are a list.
            Seen::Field(field) if field == "tags" => {
                term(&field, fields, |name| format!("{name}:{}", query::value(text)))
            }
            Seen::Field(field) => term(&field, fields, |name| format!("{name}:/.*{}.*/", literal(text))),
            _ => Err(format!("`{path}` is made, and the event came without it")),
        },
        _ => Err("`in` asks here for what no query can say; `[field] in [\"a\", \"b\"]` can be said".into()),
    }
}

/// `os:(iOS OR Android)` for several values of one field.
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

/// The field and the value of a term; the first `:` without its `\`.
fn split(term: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = term.find(|c: char| {
        let found = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        found
    })?;
    Some((&term[..at], &term[at + 1..]))
}

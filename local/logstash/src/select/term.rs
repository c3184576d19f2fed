//! Conditions on one field, original or made, that all operators use.

use pipeline::select::Select;

use crate::{
    fields::Fields,
    query::{self, Query},
};

/// A condition on an original field. The library has to accept its syntax.
pub(super) fn term(field: &str, fields: &Fields, write: impl Fn(&str) -> String) -> Result<Query, String> {
    if let Some(at) = fields.hash_of(field) {
        return Err(format!("`{field}` is hashed in line {}", at.line));
    }
    let text = write(&query::field(field));
    match Select::query(&text) {
        Ok(_) => Ok(Query::Term(text)),
        Err(error) => Err(error.message),
    }
}

pub(super) fn constant(holds: bool) -> Query {
    if holds { Query::Always } else { Query::Never }
}

/// A condition on the field under a name: a field that was moved there, else the original one. No condition holds for a
/// missing field.
pub(super) fn either(
    path: &str,
    field: &str,
    fields: &Fields,
    holds: impl Fn(&str) -> Result<Query, String>,
) -> Result<Query, String> {
    let moved = holds(field)?;
    match fields.covered(path) {
        Some((from, own)) => Ok(Query::any([moved, Query::all([is_there(&from).not(), holds(&own)?])])),
        None => Ok(moved),
    }
}

fn is_there(path: &str) -> Query {
    Query::Term(format!("_exists_:{}", query::field(path)))
}

/// The query for a constant that the input sets. It holds only without an original value, for which the query is `own`.
pub(super) fn defaulted(path: &str, holds: bool, own: Query) -> Query {
    let without = if holds { is_there(path).not() } else { Query::Never };
    let has_own = Query::all([is_there(path), own]);
    Query::Assumed { holds, exact: Box::new(Query::any([has_own, without])) }
}

/// The query for a constant that was added. With an original value the field is a list of both, for which the result is
/// `of_both`.
pub(super) fn clashing(path: &str, holds: bool, of_both: &Query, fields: &Fields) -> Query {
    if !fields.clashes.contains(path) || constant(holds) == *of_both {
        return constant(holds);
    }
    let exact = if holds { is_there(path).not() } else { is_there(path) };
    Query::Assumed { holds, exact: Box::new(exact) }
}

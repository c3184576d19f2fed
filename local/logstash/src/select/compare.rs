//! Comparisons of a field with a value, as Logstash makes them: a text equals only texts, a whole number only whole
//! numbers.

use super::term::{clashing, constant, defaulted, either, term};
use crate::{
    ast::{Operand, Operator},
    fields::{Fields, Seen},
    query::{self, Query},
};

pub(super) fn compare(left: &Operand, operator: Operator, right: &Operand, fields: &Fields) -> Result<Query, String> {
    let (path, operator, value) = match (left, right) {
        (Operand::Field(_), Operand::Field(_)) => return Err("Lucene compares no field with another".into()),
        (Operand::Field(path), value) => (path, operator, value),
        (value, Operand::Field(path)) => (path, turned(operator), value),
        _ => return Err("it names no field".into()),
    };
    if operator == Operator::NotEqual {
        return Ok(compare(left, Operator::Equal, right, fields)?.not());
    }
    let (text, is_number) = match value {
        Operand::Text(text) => (text.as_str(), false),
        Operand::Number(text) => (text.as_str(), true),
        Operand::Variable(text) => return Err(format!("`{text}` is a variable of the server's environment")),
        _ => return Err("a list cannot be compared; write `in`".into()),
    };
    let own = |field: &str| comparison(field, operator, text, is_number, fields);
    let is_equal = |known: &str| !is_number && known == text;
    match fields.look(path)? {
        Seen::Nothing => Ok(Query::Never),
        Seen::Text(known) if !known.contains("%{") && operator == Operator::Equal => {
            // With an original value the field is a list of both, which equals nothing.
            Ok(clashing(path, is_equal(known), &constant(false), fields))
        }
        Seen::Default(known) if operator == Operator::Equal => Ok(defaulted(path, is_equal(known), own(path)?)),
        Seen::Field(field) => either(path, &field, fields, own),
        _ => Err(format!("`{path}` is made, and the event came without it")),
    }
}

/// A comparison as Logstash makes it: a text equals only texts, a whole number only whole numbers.
fn comparison(field: &str, operator: Operator, text: &str, is_number: bool, fields: &Fields) -> Result<Query, String> {
    let sign = match operator {
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::Equal | Operator::NotEqual if is_number => return equals_number(field, text, fields),
        Operator::Equal | Operator::NotEqual => return term(field, fields, |name| format!("{name}:{}", exactly(text))),
    };
    if is_number {
        return term(field, fields, |name| format!("{name}:{sign}{text}"));
    }
    if !is_word(text) {
        return Err(format!("`{text}` may be a number, a date or an address, which Lucene does not compare as a text"));
    }
    term(field, fields, |name| format!("{name}:{sign}{}", quoted(text)))
}

/// A number does not equal a text with the same digits.
fn equals_number(field: &str, text: &str, fields: &Fields) -> Result<Query, String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let digits = digits.trim_start_matches('0');
    let number = if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") };
    let is_number = term(field, fields, |name| format!("{name}:{}", query::value(&number)))?;
    let is_text = term(field, fields, |name| format!("{name}:/{}/", literal(&number)))?;
    Ok(Query::all([is_number, is_text.not()]))
}

/// Whether Lucene reads a text only as a text, not as a number, truth value, date or address.
fn is_word(text: &str) -> bool {
    let is_address =
        text.contains([':', '.']) && text.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '/'));
    let is_dated =
        text.get(..5).is_some_and(|year| year.ends_with('-') && year.starts_with(|c: char| c.is_ascii_digit()));
    let is_number = text.parse::<f64>().is_ok() || text.starts_with(['-', '+', '.']);
    !text.is_empty() && !is_number && !matches!(text, "true" | "false") && !is_address && !is_dated
}

/// A value that only texts equal. It becomes a regular expression if Lucene would read it as another type.
pub(super) fn exactly(text: &str) -> String {
    if text.is_empty() || is_word(text) { query::value(text) } else { format!("/{}/", literal(text)) }
}

/// A value that equals everything written the same way. Logstash compares elements of a list like this.
pub(super) fn loosely(text: &str) -> String {
    let whole = text.strip_prefix('-').unwrap_or(text);
    let is_whole = !whole.is_empty()
        && whole.len() <= 15
        && whole.chars().all(|c| c.is_ascii_digit())
        && (!whole.starts_with('0') || text == "0");
    if is_whole || matches!(text, "true" | "false") { query::value(text) } else { exactly(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text, escaped for a regular expression of Lucene.
pub(super) fn literal(text: &str) -> String {
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

//! Configurations and events at random, of few names and values, so that rules and conditions meet.

use fastrand::Rng;
use serde_json::{Value, json};

use super::evaluator::{Condition, Field, Filter, Literal, Statement};

const FIELDS: [Field; 6] = [&["a"], &["b"], &["c"], &["d"], &["o", "x"], &["o", "y"]];
const TEXTS: [&str; 6] = ["x", "y z", "5", "false", "true", "2026-11-22"];
const FILLED: [&str; 5] = ["k", "7", "%{a}", "%{b}-%{c}", "%{[o][x]}"];

fn one<T: Clone>(random: &mut Rng, all: &[T]) -> T {
    all[random.usize(..all.len())].clone()
}

/// An event. A plain one has no list but `tags`, no number with a fraction, no `null` and no empty text.
pub(super) fn event(random: &mut Rng, is_plain: bool) -> Value {
    let mut event = json!({});
    for name in ["a", "b", "c", "d"] {
        if random.u8(..4) > 0 {
            event[name] = scalar(random, is_plain);
        }
    }
    if random.bool() {
        event["o"] = json!({"x": scalar(random, is_plain)});
        if random.bool() {
            event["o"]["y"] = scalar(random, is_plain);
        }
    }
    match random.u8(..4) {
        0 => {}
        1 => event["t"] = "2026-11-20T23:30:00Z".into(),
        2 => event["t"] = 1_795_341_600_123_i64.into(),
        _ => event["t"] = "soon".into(),
    }
    match random.u8(..4) {
        0 => event["m"] = "{\"a\":5,\"n\":\"x\"}".into(),
        1 => event["m"] = "plain".into(),
        _ => {}
    }
    if random.bool() {
        event["tags"] = json!([one(random, &["in", "p", "xx"])]);
    }
    if random.u8(..4) == 0 {
        event["type"] = one(random, &["k", "own"]).into();
    }
    if random.u8(..8) > 0 {
        event["id"] = one(random, &["e1", "e2"]).into();
    }
    event
}

fn scalar(random: &mut Rng, is_plain: bool) -> Value {
    match random.u8(..if is_plain { 6 } else { 12 }) {
        0 | 1 => one(random, &["x", "y z", "5", "axb", "true", "2026-11-22", "X"]).into(),
        2 => one(random, &["y", "false", "7"]).into(),
        3 => 5.into(),
        4 => 7.into(),
        5 => true.into(),
        6 => false.into(),
        7 => Value::Null,
        8 => "".into(),
        9 => json!(["x", "axb"]),
        10 => json!(5.0),
        _ => "x\ny".into(),
    }
}

pub(super) fn statements(random: &mut Rng, depth: usize) -> Vec<Statement> {
    (0..random.usize(1..4)).map(|_| statement(random, depth)).collect()
}

fn statement(random: &mut Rng, depth: usize) -> Statement {
    if depth > 0 && random.u8(..5) < 2 {
        let mut branches = vec![(Some(condition(random, 2)), body(random, depth - 1))];
        if random.u8(..3) == 0 {
            branches.push((Some(condition(random, 1)), body(random, depth - 1)));
        }
        if random.u8(..3) == 0 {
            branches.push((None, body(random, depth - 1)));
        }
        return Statement::If(branches);
    }
    Statement::Filter(filter(random))
}

fn body(random: &mut Rng, depth: usize) -> Vec<Statement> {
    if random.u8(..3) < 2 { vec![Statement::Filter(Filter::Drop)] } else { statements(random, depth) }
}

fn filter(random: &mut Rng) -> Filter {
    let (field, other) = (one(random, &FIELDS), one(random, &FIELDS));
    match random.u8(..14) {
        0 | 1 => Filter::Rename(field, one(random, &[&["e"] as Field, &["b"], &["p", "q"], &["o", "y"]])),
        2..=4 => Filter::Remove(field),
        5 => Filter::Add(one(random, &[&["f"] as Field, &["a"], &["p", "r"]]), one(random, &FILLED)),
        6 => Filter::Replace(one(random, &[&["g"] as Field, &["b"]]), one(random, &FILLED)),
        7 => Filter::Copy(field, one(random, &[&["h"] as Field, &["c"]])),
        8 => Filter::Tag(one(random, &["in", "p"])),
        9 => Filter::Lowercase(other),
        10 => Filter::Date {
            source: &["t"],
            formats: one(random, &[&["ISO8601"] as &[&str], &["ISO8601", "UNIX_MS"], &["UNIX_MS"]]),
            target: one(random, &["@timestamp", "when"]),
            removes: random.bool(),
        },
        11 => Filter::Json { source: "m", removes: random.bool() },
        12 if random.u8(..4) == 0 => Filter::Prune(&["a", "o", "t", "tags", "@timestamp", "id"]),
        _ => Filter::Remove(&["d"]),
    }
}

pub(super) fn condition(random: &mut Rng, depth: usize) -> Condition {
    if depth > 0 && random.u8(..3) == 0 {
        let inner: Vec<Condition> = (0..2).map(|_| condition(random, depth - 1)).collect();
        return match random.u8(..3) {
            0 => Condition::All(inner),
            1 => Condition::Any(inner),
            _ => Condition::Not(Box::new(condition(random, depth - 1))),
        };
    }
    let field = match random.u8(..8) {
        0 => one(random, &[&["type"] as Field, &["e"], &["f"], &["g"], &["h"], &["n"], &["p", "q"]]),
        _ => one(random, &FIELDS),
    };
    let literal = |random: &mut Rng| match random.u8(..3) {
        0 => Literal::Number(one(random, &[5, 7])),
        _ => Literal::Text(one(random, &[TEXTS[0], TEXTS[1], TEXTS[2], TEXTS[3], TEXTS[4], TEXTS[5], "k", "own"])),
    };
    match random.u8(..8) {
        0 | 1 => Condition::Holds(field),
        2 => Condition::Equals(field, literal(random)),
        3 => Condition::Differs(field, literal(random)),
        4 => Condition::Above(field, 5),
        5 => Condition::OneOf(field, vec![literal(random), literal(random)]),
        6 => Condition::Contains(one(random, &["x", "in", "p"]), one(random, &[&["tags"] as Field, field])),
        _ => Condition::Matches(field, one(random, &["x", "y z"]), random.bool(), random.bool()),
    }
}

/// A statement as it is written, one to a line; the fields that the statements of each line are about.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: String,
    pub(super) lines: Vec<Vec<String>>,
}

impl Writer {
    pub(super) fn line(&mut self, text: &str, fields: Vec<String>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(fields);
    }

    pub(super) fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::Filter(filter) => {
                    let (text, fields) = written(filter);
                    self.line(&text, fields);
                }
                Statement::If(branches) => self.branches(branches),
            }
        }
    }

    fn branches(&mut self, branches: &[(Option<Condition>, Vec<Statement>)]) {
        for (ordinal, (condition, body)) in branches.iter().enumerate() {
            let head = match (condition, ordinal) {
                (Some(condition), 0) => format!("if {} {{", asked(condition)),
                (Some(condition), _) => format!("else if {} {{", asked(condition)),
                (None, _) => "else {".into(),
            };
            // The condition is about whatever stands under it.
            let mut inner = Self::default();
            inner.statements(body);
            self.line(&head, inner.lines.concat());
            self.statements(body);
            self.line("}", Vec::new());
        }
    }
}

fn reference(field: Field) -> String {
    field.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().concat()
}

fn tops(fields: &[Field]) -> Vec<String> {
    fields.iter().map(|field| field[0].to_owned()).collect()
}

fn written(filter: &Filter) -> (String, Vec<String>) {
    let mutate = |setting: String, fields: &[Field]| (format!("mutate {{ {setting} }}"), tops(fields));
    match filter {
        Filter::Drop => ("drop { }".into(), vec!["drop".into()]),
        Filter::Rename(from, to) => {
            mutate(format!("rename => {{ \"{}\" => \"{}\" }}", reference(from), reference(to)), &[from, to])
        }
        Filter::Remove(field) => mutate(format!("remove_field => [\"{}\"]", reference(field)), &[field]),
        Filter::Add(field, text) => {
            mutate(format!("add_field => {{ \"{}\" => \"{text}\" }}", reference(field)), &[field])
        }
        Filter::Replace(field, text) => {
            mutate(format!("replace => {{ \"{}\" => \"{text}\" }}", reference(field)), &[field])
        }
        Filter::Copy(from, to) => {
            mutate(format!("copy => {{ \"{}\" => \"{}\" }}", reference(from), reference(to)), &[from, to])
        }
        Filter::Tag(tag) => mutate(format!("add_tag => [\"{tag}\"]"), &[&["tags"]]),
        Filter::Lowercase(field) => mutate(format!("lowercase => [\"{}\"]", reference(field)), &[field]),
        Filter::Date { source, formats, target, removes } => {
            let formats = formats.iter().map(|format| format!(", \"{format}\"")).collect::<Vec<_>>().concat();
            let removed =
                if *removes { format!(" remove_field => [\"{}\"]", reference(source)) } else { String::new() };
            let text = format!(
                "date {{ match => [\"{}\"{formats}] timezone => \"UTC\" target => \"{target}\"{removed} }}",
                reference(source)
            );
            (text, vec!["t".into(), (*target).into(), "tags".into()])
        }
        Filter::Json { source, removes } => {
            let removed = if *removes { format!(" remove_field => [\"{source}\"]") } else { String::new() };
            let fields = ["m", "a", "n", "tags"].map(str::to_owned).to_vec();
            (format!("json {{ source => \"{source}\"{removed} }}"), fields)
        }
        Filter::Prune(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("\"^{name}$\"")).collect();
            (format!("prune {{ whitelist_names => [{}] }}", names.join(", ")), vec!["*".into()])
        }
    }
}

pub(super) fn asked(condition: &Condition) -> String {
    let literal = |literal: &Literal| match literal {
        Literal::Text(text) => format!("\"{text}\""),
        Literal::Number(number) => number.to_string(),
    };
    let joined = |inner: &[Condition], word: &str| {
        let inner: Vec<String> = inner.iter().map(|one| format!("({})", asked(one))).collect();
        inner.join(word)
    };
    match condition {
        Condition::Holds(field) => reference(field),
        Condition::Equals(field, value) => format!("{} == {}", reference(field), literal(value)),
        Condition::Differs(field, value) => format!("{} != {}", reference(field), literal(value)),
        Condition::Above(field, number) => format!("{} > {number}", reference(field)),
        Condition::OneOf(field, list) => {
            format!("{} in [{}]", reference(field), list.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Condition::Contains(text, field) => format!("\"{text}\" in {}", reference(field)),
        Condition::Matches(field, text, starts, ends) => {
            let (start, end) = (if *starts { "^" } else { "" }, if *ends { "$" } else { "" });
            format!("{} =~ /{start}{text}{end}/", reference(field))
        }
        Condition::Not(inner) => format!("!({})", asked(inner)),
        Condition::All(inner) => joined(inner, " and "),
        Condition::Any(inner) => joined(inner, " or "),
    }
}

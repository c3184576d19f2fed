//! Writes a configuration as text, one statement per line, with the fields that each line affects.

use std::fmt::Write as _;

use super::super::evaluator::{After, Change, Condition, Field, Filter, Literal, Order, Statement};

pub(in super::super) struct Writer {
    pub(in super::super) text: String,
    pub(in super::super) lines: Vec<Vec<String>>,
    /// Fields that the input or a filter has added so far.
    added: Vec<String>,
}

impl Default for Writer {
    fn default() -> Self {
        Self { text: String::new(), lines: Vec::new(), added: ["type", "tags", "f"].map(str::to_owned).to_vec() }
    }
}

impl Writer {
    pub(in super::super) fn line(&mut self, text: &str, fields: Vec<String>) {
        self.text.push_str(text);
        self.text.push('\n');
        self.lines.push(fields);
    }

    pub(in super::super) fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match statement {
                Statement::Filter(filter, after) => {
                    let (text, fields) = written(filter, after);
                    self.added.extend(after.added.iter().map(|(field, _)| field[0].to_owned()));
                    self.line(&text, fields);
                }
                Statement::If(branches) => self.branches(branches),
            }
        }
    }

    fn branches(&mut self, branches: &[(Option<Condition>, Vec<Statement>)]) {
        let mut asked_of: Vec<String> = Vec::new();
        for (ordinal, (condition, body)) in branches.iter().enumerate() {
            let head = match (condition, ordinal) {
                (Some(condition), 0) => format!("if {} {{", asked(condition)),
                (Some(condition), _) => format!("else if {} {{", asked(condition)),
                (None, _) => "else {".into(),
            };
            // The condition affects all fields of the statements under it.
            let mut inner = Self::default();
            inner.statements(body);
            let mut about = inner.lines.concat();
            // The translation decides conditions on added fields in advance. Those of earlier branches also affect this
            // one.
            let known = self.added.iter().filter(|name| head.contains(&format!("[{name}]")));
            asked_of.extend(known.cloned());
            about.extend(asked_of.iter().cloned());
            self.line(&head, about);
            self.statements(body);
            self.line("}", Vec::new());
        }
    }
}

fn reference(field: Field) -> String {
    field.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().concat()
}

/// The top-level fields that a line affects, and those in its texts.
#[derive(Default)]
struct Tops(Vec<String>);

impl Tops {
    fn field(&mut self, field: Field) -> String {
        self.0.push(field[0].to_owned());
        reference(field)
    }

    fn text<'t>(&mut self, text: &'t str) -> &'t str {
        for inner in text.split("%{").skip(1) {
            let name = inner.trim_start_matches('[').split([']', '}']).next().unwrap_or_default();
            self.0.push(name.to_owned());
        }
        text
    }
}

fn written(filter: &Filter, after: &After) -> (String, Vec<String>) {
    let mut tops = Tops::default();
    let text = match filter {
        Filter::Drop => {
            tops.0.push("drop".into());
            "drop {".to_owned()
        }
        Filter::Mutate(changes) => {
            let changes: Vec<String> = changes.iter().map(|change| setting(change, &mut tops)).collect();
            format!("mutate {{ {}", changes.join(" "))
        }
        Filter::Date { source, formats, zone, target } => {
            tops.0.extend(["tags".into(), "@timestamp".into()]);
            let zone = zone.map(|zone| format!(" timezone => \"{zone}\"")).unwrap_or_default();
            let formats = formats.iter().map(|format| format!(", \"{format}\"")).collect::<Vec<_>>().concat();
            let (source, target) = (tops.field(source), tops.field(target));
            format!("date {{ match => [\"{source}\"{formats}]{zone} target => \"{target}\"")
        }
        Filter::Json { source, target } => {
            let members = ["a", "n", "f", "o", "tags", "type"].map(str::to_owned);
            tops.0.extend(if target.is_none() { members.to_vec() } else { vec!["tags".into()] });
            let target = target.map(|target| format!(" target => \"{}\"", tops.field(target))).unwrap_or_default();
            format!("json {{ source => \"{}\"{target}", tops.field(source))
        }
        Filter::Prune { kept, gone } => {
            tops.0.push("*".into());
            let names =
                |names: &[&str]| names.iter().map(|name| format!("\"^{name}$\"")).collect::<Vec<_>>().join(", ");
            if gone.is_empty() {
                format!("prune {{ whitelist_names => [{}]", names(kept))
            } else {
                format!("prune {{ blacklist_names => [{}]", names(gone))
            }
        }
        Filter::Split(field) => {
            tops.0.push("*".into());
            format!("split {{ field => \"{}\"", reference(field))
        }
        Filter::Translate { source, target } => {
            let dictionary = "dictionary => { \"x\" => \"translated\" }";
            format!(
                "translate {{ source => \"{}\" target => \"{}\" {dictionary}",
                tops.field(source),
                tops.field(target)
            )
        }
        Filter::Dissect(source, [first, second]) => {
            tops.0.push("tags".into());
            let mapping = format!("%{{{}}} %{{{}}}", tops.field(first), tops.field(second));
            format!("dissect {{ mapping => {{ \"{}\" => \"{mapping}\" }}", tops.field(source))
        }
        Filter::Kv(source) => {
            tops.0.push("a".into());
            format!("kv {{ source => \"{}\"", tops.field(source))
        }
        Filter::Fingerprint { source, method, target } => fingerprint(*source, method, target, &mut tops),
        Filter::Ruby(field, value) => format!("ruby {{ code => \"event.set('{}', '{value}')\"", tops.field(field)),
    };
    let after = common(after, &mut tops);
    (format!("{text}{after} }}"), tops.0)
}

fn fingerprint(source: Option<Field>, method: &str, target: Field, tops: &mut Tops) -> String {
    let source = match source {
        Some(source) => format!("source => [\"{}\"]", tops.field(source)),
        None => "concatenate_all_fields => true".into(),
    };
    format!("fingerprint {{ {source} method => \"{method}\" target => \"{}\"", tops.field(target))
}

fn common(after: &After, tops: &mut Tops) -> String {
    let mut out = String::new();
    if !after.added.is_empty() {
        let added = after.added.iter();
        let added: Vec<String> =
            added.map(|(field, text)| format!("\"{}\" => \"{}\"", tops.field(field), tops.text(text))).collect();
        let _ = write!(out, " add_field => {{ {} }}", added.join(" "));
    }
    if !after.removed.is_empty() {
        let removed: Vec<String> = after.removed.iter().map(|field| format!("\"{}\"", tops.field(field))).collect();
        let _ = write!(out, " remove_field => [{}]", removed.join(", "));
    }
    for (name, tag) in [("add_tag", after.tag), ("remove_tag", after.lost_tag)] {
        if let Some(tag) = tag {
            tops.0.push("tags".into());
            let _ = write!(out, " {name} => [\"{}\"]", tops.text(tag));
        }
    }
    out
}

fn setting(change: &Change, tops: &mut Tops) -> String {
    let mut pair = |name: &str, field: Field, value: &str| {
        let field = tops.field(field);
        format!("{name} => {{ \"{field}\" => \"{}\" }}", tops.text(value))
    };
    match change {
        Change::Coerce(field, value) => pair("coerce", field, value),
        Change::Update(field, value) => pair("update", field, value),
        Change::Replace(field, value) => pair("replace", field, value),
        Change::Convert(field, kind) => pair("convert", field, kind),
        Change::Split(field, separator) => pair("split", field, separator),
        Change::Join(field, separator) => pair("join", field, separator),
        Change::Rename(from, to) => fields("rename", from, to, tops),
        Change::Merge(to, from) => fields("merge", to, from, tops),
        Change::Copy(from, to) => fields("copy", from, to, tops),
        Change::Gsub(field, from, to) => format!("gsub => [\"{}\", \"{from}\", \"{to}\"]", tops.field(field)),
        Change::Uppercase(field) => format!("uppercase => [\"{}\"]", tops.field(field)),
        Change::Capitalize(field) => format!("capitalize => [\"{}\"]", tops.field(field)),
        Change::Lowercase(field) => format!("lowercase => [\"{}\"]", tops.field(field)),
        Change::Strip(field) => format!("strip => [\"{}\"]", tops.field(field)),
    }
}

fn fields(name: &str, field: Field, other: Field, tops: &mut Tops) -> String {
    format!("{name} => {{ \"{}\" => \"{}\" }}", tops.field(field), tops.field(other))
}

pub(in super::super) fn asked(condition: &Condition) -> String {
    let joined = |inner: &[Condition], word: &str| {
        let inner: Vec<String> = inner.iter().map(|one| format!("({})", asked(one))).collect();
        inner.join(word)
    };
    match condition {
        Condition::Holds(field) => reference(field),
        Condition::Equals(field, value) => format!("{} == {}", reference(field), literal(value)),
        Condition::Differs(field, value) => format!("{} != {}", reference(field), literal(value)),
        Condition::Alike(field, other) => format!("{} == {}", reference(field), reference(other)),
        Condition::Compare(field, order, value) => {
            let sign = match order {
                Order::Less => "<",
                Order::AtMost => "<=",
                Order::More => ">",
                Order::AtLeast => ">=",
            };
            format!("{} {sign} {}", reference(field), literal(value))
        }
        Condition::OneOf(field, list) => format!("{} in {}", reference(field), listed(list)),
        Condition::Contains(text, field) => format!("\"{text}\" in {}", reference(field)),
        Condition::Matches(field, pattern) => format!("{} =~ /{}/", reference(field), pattern.text),
        Condition::Not(inner) => match inner.as_ref() {
            Condition::OneOf(field, list) => format!("{} not in {}", reference(field), listed(list)),
            Condition::Contains(text, field) => format!("\"{text}\" not in {}", reference(field)),
            Condition::Matches(field, pattern) => format!("{} !~ /{}/", reference(field), pattern.text),
            _ => format!("!({})", asked(inner)),
        },
        Condition::Xor(both) => joined(both.as_slice(), " xor "),
        Condition::All(inner) => joined(inner, " and "),
        Condition::Any(inner) => joined(inner, " or "),
    }
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("\"{text}\""),
        Literal::Number(number) => number.to_string(),
    }
}

fn listed(list: &[Literal]) -> String {
    format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", "))
}

//! Compiles the syntax of an event pattern to conditions, and reports all faults at once.

use super::{
    branch::{Branch, Key},
    error::PatternError,
};
use crate::{
    decode::Path,
    select::{
        condition::{Addresses, Alternative, Comparable, Condition, Folded, NumericBound},
        fields::{Bit, Fields, MAX_CONDITIONS},
        wildcard::{Piece, Wildcard},
    },
    yaml::{Data, Json, Key as Name, Location, Node},
};

/// Maximum number of branches after `$or` is multiplied out. `EventBridge` has the same limit
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>).
const MAX_BRANCHES: usize = 1000;

const PATTERN_FORM: &str = "an event pattern is a map of fields to lists of values, such as \
                            `{ event_name: [login], lat: [{ numeric: [\">\", 33] }] }`";
const VALUES_FORM: &str =
    "a field has a list of values, such as `[login, { prefix: log }]`, or a map of the fields within it";
const MATCH_FORM: &str = "a match is one of `prefix`, `suffix`, `equals-ignore-case`, `wildcard`, `anything-but`, \
                          `numeric`, `exists`, `cidr` and `exactly`";
const NUMERIC_FORM: &str = "write `numeric: [\">=\", 5]` or `numeric: [\">\", 0, \"<=\", 5]`, the lower end first; \
                            the operators are `=`, `<`, `<=`, `>` and `>=`";
const ANYTHING_BUT_FORM: &str = "`anything-but` takes a string, a number, a list of either, or one of `prefix`, `suffix`, \
                                 `equals-ignore-case` and `wildcard` with a string or a list of strings";
const OR_FORM: &str = "`$or` is a list of at least two maps";

/// A compiled event pattern.
pub(in crate::select) struct Compiled {
    pub(in crate::select) text: String,
    pub(in crate::select) fields: Fields,
    pub(in crate::select) branches: Vec<Branch>,
    pub(in crate::select) labels: Vec<(Bit, String)>,
}

/// Compiles a pattern.
pub(in crate::select) fn compile(node: &Node) -> Result<Compiled, Vec<PatternError>> {
    let mut compiler = Compiler::default();
    let mut branches = vec![Vec::new()];
    match &node.data {
        Data::Map(entries) => {
            compiler.object(entries, node.place, "", &mut branches);
        }
        _ => compiler.complain(node.place, format!("an event pattern is {}; {PATTERN_FORM}", node.kind())),
    }
    let Compiler { fields, labels, mut errors } = compiler;
    if !errors.is_empty() {
        errors.sort_by_key(|error| (error.line, error.column));
        return Err(errors);
    }
    let branches = branches.into_iter().map(in_order).collect();
    Ok(Compiled { text: node.to_json(), fields, branches, labels })
}

/// The fields of a branch with their names.
type Named = Vec<(String, Key)>;

/// Sorts like Java strings, by UTF-16 units.
fn in_order(mut branch: Named) -> Branch {
    branch.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    branch.into_iter().map(|(_, key)| key).collect()
}

#[derive(Default)]
struct Compiler {
    fields: Fields,
    labels: Vec<(Bit, String)>,
    errors: Vec<PatternError>,
}

/// Every method that returns `None` has added a complaint.
impl Compiler {
    fn complain(&mut self, place: Location, message: impl Into<String>) {
        self.errors.push((place, message.into()).into());
    }

    fn refuse<T>(&mut self, place: Location, message: impl Into<String>) -> Option<T> {
        self.complain(place, message);
        None
    }

    /// Adds the fields of a map to every branch.
    fn object(
        &mut self,
        entries: &[(Name, Node)],
        place: Location,
        path: &str,
        branches: &mut Vec<Named>,
    ) -> Option<()> {
        if entries.is_empty() {
            return self.refuse(place, format!("an empty map; {PATTERN_FORM}"));
        }
        for (name, node) in entries {
            if name.text == "$or" {
                self.or(node, path, branches);
                continue;
            }
            let path = if path.is_empty() { name.text.clone() } else { format!("{path}.{}", name.text) };
            match &node.data {
                Data::Map(entries) => self.object(entries, node.place, &path, branches),
                Data::List(nodes) => self.field(&path, name.place, node, nodes, branches),
                Data::Scalar(_) => {
                    self.refuse(node.place, format!("`{}` is {}; {VALUES_FORM}", name.text, node.kind()))
                }
            };
        }
        Some(())
    }

    fn or(&mut self, node: &Node, path: &str, branches: &mut Vec<Named>) -> Option<()> {
        let Data::List(nodes) = &node.data else {
            return self.refuse(node.place, format!("`$or` is {}; {OR_FORM}", node.kind()));
        };
        if nodes.len() < 2 {
            return self.refuse(node.place, format!("`$or` with {} of them; {OR_FORM}", nodes.len()));
        }
        let before = std::mem::take(branches);
        for node in nodes {
            let Data::Map(entries) = &node.data else {
                self.complain(node.place, format!("{} in `$or`; {OR_FORM}", node.kind()));
                continue;
            };
            let mut either = before.clone();
            self.object(entries, node.place, path, &mut either);
            branches.append(&mut either);
            if branches.len() > MAX_BRANCHES {
                branches.truncate(1);
                return self
                    .refuse(node.place, format!("`$or` multiplies out to more than {MAX_BRANCHES} combinations"));
            }
        }
        Some(())
    }

    fn field(
        &mut self,
        path: &str,
        place: Location,
        node: &Node,
        nodes: &[Node],
        branches: &mut [Named],
    ) -> Option<()> {
        let field = match Path::parse(path) {
            Ok(field) => field,
            Err(error) => return self.refuse(place, format!("`{path}`: {error}")),
        };
        if nodes.is_empty() {
            return self.refuse(node.place, format!("`{path}` is an empty list, which nothing matches; {VALUES_FORM}"));
        }
        let (mut one_of, mut is_absent, mut is_whole) = (Vec::new(), false, true);
        for node in nodes {
            match self.value(node) {
                Some(Match::Alternative(alternative)) => one_of.push(alternative),
                Some(Match::Absent) => is_absent = true,
                None => is_whole = false,
            }
        }
        if !is_whole {
            return None;
        }
        let any = if one_of.is_empty() { None } else { Some(Condition::OneOf(one_of)) };
        let absent = if is_absent { Some(Condition::IsLeaf) } else { None };
        let mut bit = |condition| self.fields.add(&field, condition);
        let key = any.map(&mut bit).transpose().and_then(|one_of| Ok((one_of, absent.map(bit).transpose()?)));
        let Ok((one_of, absent)) = key else {
            return self.refuse(place, format!("more than {MAX_CONDITIONS} conditions"));
        };
        if let Some(bit) = one_of
            && self.labels.iter().all(|(known, _)| *known != bit)
        {
            self.labels.push((bit, format!("{path}: {}", node.to_json())));
        }
        if branches.iter().any(|branch| branch.iter().any(|(known, _)| known == path)) {
            return self.refuse(place, format!("`{path}` is there twice; list all of its values in one place"));
        }
        for branch in branches {
            branch.push((path.to_owned(), Key { one_of, absent }));
        }
        Some(())
    }

    /// One entry of a field's list.
    fn value(&mut self, node: &Node) -> Option<Match> {
        let text = match &node.data {
            Data::Map(entries) => return self.operator(node, entries),
            Data::List(_) => return self.refuse(node.place, format!("a list within a list; {VALUES_FORM}")),
            Data::Scalar(text) => text,
        };
        Some(Match::Alternative(match text.json() {
            Json::Null => Alternative::Null,
            Json::Bool(bool) => Alternative::Bool(bool),
            Json::Number(number) => Alternative::Number(number.into()),
            Json::String(text) => match Addresses::one(text) {
                Some(address) => Alternative::Addresses(address),
                None => Alternative::Text(text.into()),
            },
            Json::Ambiguous(number) => return self.refuse(node.place, ambiguous(number)),
        }))
    }

    fn operator(&mut self, node: &Node, entries: &[(Name, Node)]) -> Option<Match> {
        let [(name, value)] = entries else {
            return self.refuse(node.place, format!("a match with {} keys, not one; {MATCH_FORM}", entries.len()));
        };
        if name.text == "exists" {
            return match self.json(value, "`exists` is `true` or `false`")? {
                Json::Bool(true) => Some(Match::Alternative(Alternative::Any)),
                Json::Bool(false) => Some(Match::Absent),
                _ => self.refuse(value.place, "`exists` is `true` or `false`"),
            };
        }
        let alternative = match name.text.as_str() {
            "prefix" | "suffix" => self.affix(&name.text, value),
            "equals-ignore-case" => self.string(value, &name.text).map(|text| Alternative::Folded(Folded::new(text))),
            "exactly" => self.string(value, &name.text).map(|text| Alternative::Text(text.into())),
            "wildcard" => self.wildcard(value),
            "cidr" => {
                let text = self.string(value, &name.text)?;
                match Addresses::cidr(text) {
                    Ok(addresses) => Some(Alternative::Addresses(addresses)),
                    Err(message) => self.refuse(value.place, format!("`cidr: {text}`: {message}")),
                }
            }
            "numeric" => self.numeric(value),
            "anything-but" => self.anything_but(value),
            other => self.refuse(name.place, format!("unknown match `{other}`; {MATCH_FORM}")),
        };
        alternative.map(Match::Alternative)
    }

    /// `prefix` and `suffix`, with a string or with `equals-ignore-case`.
    fn affix(&mut self, name: &str, node: &Node) -> Option<Alternative> {
        let is_prefix = name == "prefix";
        if let Data::Map(entries) = &node.data {
            let [(inner, value)] = entries.as_slice() else {
                return self.refuse(node.place, format!("`{name}` takes a string or `{{ equals-ignore-case: … }}`"));
            };
            if inner.text != "equals-ignore-case" {
                let message = format!("`{name}` takes a string or `{{ equals-ignore-case: … }}`, not `{}`", inner.text);
                return self.refuse(inner.place, message);
            }
            let folded = Folded::new(self.string(value, &inner.text)?);
            return Some(if is_prefix { Alternative::FoldedPrefix(folded) } else { Alternative::FoldedSuffix(folded) });
        }
        let text = self.string(node, name)?.to_owned();
        Some(if is_prefix { Alternative::Prefix(text) } else { Alternative::Suffix(text) })
    }

    fn wildcard(&mut self, node: &Node) -> Option<Alternative> {
        let text = self.string(node, "wildcard")?;
        let mut pieces = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            pieces.push(match c {
                '*' if pieces.last() == Some(&Piece::Many) => {
                    return self
                        .refuse(node.place, format!("`wildcard: {text}`: two `*` in a row mean the same as one"));
                }
                '*' => Piece::Many,
                '\\' => {
                    if let Some(escaped @ ('*' | '\\')) = rest.next() {
                        Piece::Exactly(escaped)
                    } else {
                        let message = format!("`wildcard: {text}`: a `\\` is allowed only before `*` or `\\`");
                        return self.refuse(node.place, message);
                    }
                }
                _ => Piece::Exactly(c),
            });
        }
        Some(Alternative::Wildcard(Wildcard::new(pieces)))
    }

    fn anything_but(&mut self, node: &Node) -> Option<Alternative> {
        if let Data::Map(entries) = &node.data {
            let [(name, value)] = entries.as_slice() else {
                return self.refuse(node.place, ANYTHING_BUT_FORM);
            };
            let nodes = listed(value);
            let mut these = Vec::new();
            for node in nodes {
                let text = self.string(node, &name.text);
                these.push(match name.text.as_str() {
                    "prefix" | "suffix" if text == Some("") => {
                        let message = format!("`anything-but` an empty {} is nothing at all", name.text);
                        return self.refuse(node.place, message);
                    }
                    "prefix" => Alternative::Prefix(text?.into()),
                    "suffix" => Alternative::Suffix(text?.into()),
                    "equals-ignore-case" => Alternative::Folded(Folded::new(text?)),
                    "wildcard" => self.wildcard(node)?,
                    _ => return self.refuse(name.place, ANYTHING_BUT_FORM),
                });
            }
            return self.but(node, these);
        }
        let mut these = Vec::new();
        for node in listed(node) {
            these.push(match self.json(node, ANYTHING_BUT_FORM)? {
                Json::String(text) => Alternative::Text(text.into()),
                Json::Number(number) => {
                    self.double(node, number)?;
                    Alternative::Number(number.into())
                }
                _ => return self.refuse(node.place, ANYTHING_BUT_FORM),
            });
        }
        let numbers = these.iter().filter(|this| matches!(this, Alternative::Number(_))).count();
        if numbers != 0 && numbers != these.len() {
            return self.refuse(node.place, format!("strings beside numbers; {ANYTHING_BUT_FORM}"));
        }
        self.but(node, these)
    }

    fn but(&mut self, node: &Node, these: Vec<Alternative>) -> Option<Alternative> {
        if these.is_empty() {
            return self.refuse(node.place, format!("an empty list; {ANYTHING_BUT_FORM}"));
        }
        Some(Alternative::AnythingBut(these))
    }

    fn numeric(&mut self, node: &Node) -> Option<Alternative> {
        let Data::List(nodes) = &node.data else {
            return self.refuse(node.place, format!("`numeric` is {}; {NUMERIC_FORM}", node.kind()));
        };
        let mut parts = Vec::new();
        for pair in nodes.chunks(2) {
            let [operator, value] = pair else { return self.refuse(node.place, NUMERIC_FORM) };
            let Json::Number(number) = self.json(value, NUMERIC_FORM)? else {
                return self.refuse(value.place, NUMERIC_FORM);
            };
            parts.push((self.string(operator, "numeric")?, self.double(value, number)?));
        }
        let bound = |value, inclusive| Some(NumericBound { value, inclusive });
        let (lower, upper) = match parts.as_slice() {
            [("=", value)] => (bound(*value, true), bound(*value, true)),
            [(">", value)] => (bound(*value, false), None),
            [(">=", value)] => (bound(*value, true), None),
            [("<", value)] => (None, bound(*value, false)),
            [("<=", value)] => (None, bound(*value, true)),
            [(lower @ (">" | ">="), bottom), (upper @ ("<" | "<="), top)] => {
                if bottom >= top {
                    return self.refuse(node.place, format!("no number is between {bottom} and {top}; {NUMERIC_FORM}"));
                }
                (bound(*bottom, *lower == ">="), bound(*top, *upper == "<="))
            }
            _ => return self.refuse(node.place, NUMERIC_FORM),
        };
        Some(Alternative::Numeric { lower, upper })
    }

    fn double(&mut self, node: &Node, number: &str) -> Option<f64> {
        match Comparable::parse(number) {
            Comparable::Double(double) => Some(double),
            Comparable::Text(_) => self.refuse(
                node.place,
                format!("`{number}` has more digits than a double, and numbers are compared as doubles"),
            ),
        }
    }

    fn string<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        let form = format!("`{name}` takes a string");
        match self.json(node, &form)? {
            Json::String(text) => Some(text),
            _ => self.refuse(node.place, format!("{form}; put it in quotes")),
        }
    }

    fn json<'n>(&mut self, node: &'n Node, form: &str) -> Option<Json<'n>> {
        let Data::Scalar(text) = &node.data else {
            return self.refuse(node.place, format!("{}; {form}", node.kind()));
        };
        match text.json() {
            Json::Ambiguous(number) => self.refuse(node.place, ambiguous(number)),
            json => Some(json),
        }
    }
}

/// One entry of a field's list.
enum Match {
    Alternative(Alternative),
    /// `exists: false`
    Absent,
}

fn ambiguous(number: &str) -> String {
    format!("`{number}` is a number to YAML, but not as JSON writes it; write a decimal number, or quote it")
}

fn listed(node: &Node) -> &[Node] {
    match &node.data {
        Data::List(nodes) => nodes,
        _ => std::slice::from_ref(node),
    }
}

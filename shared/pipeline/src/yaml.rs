//! YAML with the location of every node, so that a fault can be shown in the file.
//!
//! In: text. Out: nodes, which represent only syntax. Deliberately absent: anchors, aliases, tags and several documents.
//! pipeline.yaml does not need them, and each is a fault. Scalars stay text: the reader of a key knows the expected type,
//! so `no` never becomes a boolean by accident. Where any JSON value is accepted, [`Text::json`] finds its type. JSON
//! is read too, with its surrogate escapes ([`surrogates`]).

mod location;
mod surrogates;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use crate::json;
pub(crate) use location::{Complaint, Location};
use surrogates::Unpaired;

/// A node and its location.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Location,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Scalar(Text),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A scalar.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) value: String,
    /// Whether the file contains its characters unchanged, on one line, from its location on.
    pub(crate) is_verbatim: bool,
    /// Whether it has no quotes. Only then it can be anything but a string.
    pub(crate) is_plain: bool,
    /// Whether it is empty, or YAML's null.
    pub(crate) is_null: bool,
}

/// The meaning of a scalar where any JSON value is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Json<'t> {
    Null,
    Bool(bool),
    /// A number in JSON notation, with its original digits.
    Number(&'t str),
    String(&'t str),
    /// A number in YAML, but not in JSON notation (`0x1f`, `007`, `+1`, `.5`). Every interpretation would surprise some users.
    Ambiguous(&'t str),
}

impl Text {
    /// The scalar as JSON, by the rules of YAML's core schema.
    pub(crate) fn json(&self) -> Json<'_> {
        let text = self.value.as_str();
        match text {
            _ if self.is_null => Json::Null,
            _ if !self.is_plain => Json::String(text),
            "true" | "True" | "TRUE" => Json::Bool(true),
            "false" | "False" | "FALSE" => Json::Bool(false),
            _ if json::is_number(text) => Json::Number(text),
            _ if is_yaml_number(text) => Json::Ambiguous(text),
            _ => Json::String(text),
        }
    }
}

/// Decimal, octal, hexadecimal, infinite and not-a-number values of the core schema. It accepts more than the schema where that does
/// no harm.
fn is_yaml_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_radix = |prefix: &str, radix: u32| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let is_decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.parse::<f64>().is_ok();
    is_decimal
        || is_radix("0o", 8)
        || is_radix("0x", 16)
        || matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

/// A key and its location.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) place: Location,
    pub(crate) text: String,
}

impl Node {
    /// The node for an empty file.
    pub(crate) fn nothing() -> Self {
        let text = Text { value: String::new(), is_verbatim: true, is_plain: true, is_null: true };
        Self { place: Location { line: 1, column: 1 }, data: Data::Scalar(text) }
    }

    /// The kind of node, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.data {
            Data::Scalar(text) if text.is_null => "nothing",
            Data::Scalar(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }
}

impl Node {
    /// The equivalent JSON.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match &self.data {
            Data::Scalar(text) => match text.json() {
                Json::Null => out.push_str("null"),
                Json::Bool(bool) => out.push_str(if bool { "true" } else { "false" }),
                Json::Number(number) => out.push_str(number),
                Json::String(text) | Json::Ambiguous(text) => write_json_string(text, out),
            },
            Data::List(nodes) => {
                out.push('[');
                for (ordinal, node) in nodes.iter().enumerate() {
                    out.push_str(if ordinal > 0 { "," } else { "" });
                    node.write_json(out);
                }
                out.push(']');
            }
            Data::Map(members) => {
                out.push('{');
                for (ordinal, (key, node)) in members.iter().enumerate() {
                    out.push_str(if ordinal > 0 { "," } else { "" });
                    write_json_string(&key.text, out);
                    out.push(':');
                    node.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_json_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// Maximum depth of nested nodes. The file needs only a few, and the reader is recursive.
const MAX_DEPTH: usize = 32;

/// Parses the one document of a file. `None` if it contains nothing but comments.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Complaint> {
    let mut unpaired = Unpaired::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    loop {
        let mut reader = Reader { parser: Parser::new_from_str(&unpaired.text), unpaired: &unpaired, refused: None };
        let document = reader.document();
        let Some(error) = reader.refused.take() else { return document };
        // One scalar at a time, because only the parser knows where a scalar begins.
        if !unpaired.rewrite(&error)? {
            return document;
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    unpaired: &'t Unpaired,
    /// The error of the parser.
    refused: Option<ScanError>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Option<Node>, Complaint> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err((self.place(span), "a second document; the file holds one".into()));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                other => root = Some(self.node(other, span, 0)?),
            }
        }
    }

    /// The location of a span in the original text.
    fn place(&self, span: Span) -> Location {
        self.unpaired.original(Location::of(span))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Complaint> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let place = Location { line: error.marker().line().max(1), column: error.marker().col() + 1 };
                let complaint = self.syntax(self.unpaired.original(place), error.info());
                self.refused = Some(error);
                Err(complaint)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// A syntax fault. The most frequent one is a tab in the indentation, but the parser seldom reports it as such.
    fn syntax(&self, place: Location, info: &str) -> Complaint {
        for (number, line) in self.unpaired.text.lines().enumerate().take(place.line + 1) {
            let indentation = &line[..line.len() - line.trim_start().len()];
            if let Some(at) = indentation.find('\t') {
                let place = Location { line: number + 1, column: at + 1 };
                return (place, "a tab in the indentation; YAML is indented by spaces".into());
            }
        }
        let is_alias = ["anchor", "alias"].iter().any(|word| info.contains(word));
        let hint = if is_alias { "; a value that begins with `*` or `&` is put in quotes" } else { "" };
        (place, format!("not YAML: {info}{hint}"))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Complaint> {
        let place = self.place(span);
        if depth > MAX_DEPTH {
            return Err((place, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let data = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_extras(place, anchor, tag.is_some())?;
                let is_plain = style == ScalarStyle::Plain;
                Data::Scalar(Text {
                    is_null: is_plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL"),
                    is_verbatim: is_plain && span.start.line() == span.end.line(),
                    is_plain,
                    value: text.into_owned(),
                })
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_extras(place, anchor, tag.is_some())?;
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Data::List(elements),
                        (event, span) => elements.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, tag) => {
                refuse_extras(place, anchor, tag.is_some())?;
                let mut members = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if event == Event::MappingEnd {
                        break Data::Map(members);
                    }
                    let key = self.node(event, span, depth + 1)?;
                    let Data::Scalar(text) = key.data else {
                        return Err((key.place, format!("{} as a key; a key is a word", key.kind())));
                    };
                    let (event, span) = self.next()?;
                    members.push((Key { place: key.place, text: text.value }, self.node(event, span, depth + 1)?));
                }
            }
            Event::Alias(_) => return Err((place, "an alias (`*name`); write the value out, or quote it".into())),
            other => return Err(self.syntax(place, &format!("unexpected {other:?}"))),
        };
        Ok(Node { place, data })
    }
}

fn refuse_extras(place: Location, anchor: usize, has_tag: bool) -> Result<(), Complaint> {
    if anchor > 0 {
        return Err((place, "an anchor (`&name`) is not supported; write the value out, or quote it".into()));
    }
    if has_tag {
        return Err((place, "a tag (`!name`) is not supported; leave it out, or quote the value".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_escapes_is_one_character_and_moves_no_place() {
        let yaml = "{\"a\\ud83d\\ude00\": [\"\\uD83D\\uDE00\", \"\\u00e9\\\\ud83d\\n\", '\\ud83d\\ude00', \\ud83d], b: \"\\\"\\uD834\\uDD1E\", c: 1}";
        let Some(Node { data: Data::Map(members), .. }) = parse(yaml).unwrap() else { panic!("{yaml}") };
        let texts = |node: &Node| match &node.data {
            Data::List(nodes) => nodes.iter().map(Node::to_json).collect(),
            _ => vec![node.to_json()],
        };
        assert_eq!(members[0].0.text, "a😀");
        let expected = ["\"😀\"", "\"é\\\\ud83d\\n\"", "\"\\\\ud83d\\\\ude00\"", "\"\\\\ud83d\""];
        assert_eq!(texts(&members[0].1), expected, "only in double quotes");
        assert_eq!(texts(&members[1].1), ["\"\\\"𝄞\""]);
        for (key, node) in &members {
            let at = |place: Location| yaml.chars().nth(place.column - 1).unwrap();
            assert!(
                "\"bc".contains(at(key.place)) && "[\"1".contains(at(node.place)),
                "{:?} {:?}",
                key.place,
                node.place
            );
        }
    }

    #[test]
    fn half_of_a_pair_is_reported_with_its_place() {
        for (yaml, place) in [
            ("a: \"x\\ud83d\"", (1, 6)),
            ("a: \"x\\ud83dy\\ude00\"", (1, 6)),
            ("a: \"\\ude00\\ud83d\"", (1, 5)),
            ("- \"\\uD83D\\uDE00\"\n- [\"\\uD83D\\uDE00\", \"é\\uD83D\\uDE00 \\uD83D\"]", (2, 35)),
            ("a: \"x\n  \\ud83d\"", (2, 3)),
        ] {
            let (at, message) = parse(yaml).map(|_| ()).unwrap_err();
            assert_eq!((at.line, at.column), place, "{yaml}: {message}");
            assert!(message.contains("half of a character"), "{message}");
        }
    }

    #[test]
    fn a_scalar_is_what_it_looks_like_and_a_quoted_one_is_a_string() {
        for (yaml, expected) in [
            ("abc", Json::String("abc")),
            ("\"1\"", Json::String("1")),
            ("'true'", Json::String("true")),
            ("no", Json::String("no")),
            ("2b_screen_view", Json::String("2b_screen_view")),
            ("2026-11-22", Json::String("2026-11-22")),
            ("1.2.3.4", Json::String("1.2.3.4")),
            ("1e", Json::String("1e")),
            ("true", Json::Bool(true)),
            ("False", Json::Bool(false)),
            ("~", Json::Null),
            ("null", Json::Null),
            ("0", Json::Number("0")),
            ("-1.50", Json::Number("-1.50")),
            ("12345678901234567890123", Json::Number("12345678901234567890123")),
            ("1e+9", Json::Number("1e+9")),
            ("007", Json::Ambiguous("007")),
            ("0x1F", Json::Ambiguous("0x1F")),
            ("+1", Json::Ambiguous("+1")),
            (".5", Json::Ambiguous(".5")),
            ("1.", Json::Ambiguous("1.")),
            (".inf", Json::Ambiguous(".inf")),
        ] {
            let Some(Node { data: Data::Scalar(text), .. }) = parse(yaml).unwrap() else { panic!("{yaml}") };
            assert_eq!(text.json(), expected, "{yaml}");
        }
    }
}

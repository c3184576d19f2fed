//! YAML with the place of everything, so that a fault can be pointed at.
//!
//! Deliberately absent: anchors, aliases, tags and several documents, which such a file does not need; each is a fault
//! and not a surprise. Scalars stay text: the reader knows what it expects, so `no` is never a boolean by accident.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// A line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    fn of(span: Span) -> Self {
        Self { line: span.start.line().max(1), column: span.start.col() + 1 }
    }
}

/// A node and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) data: Data,
}

#[derive(Debug, Clone)]
pub(super) enum Data {
    Scalar(Text),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A scalar.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) value: String,
    /// Whether its characters stand in the file as they are, on one line from its place on.
    pub(super) is_verbatim: bool,
    /// Whether it is nothing at all, or YAML's null.
    pub(super) is_null: bool,
}

/// A key and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Node {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match &self.data {
            Data::Scalar(text) if text.is_null => "nothing",
            Data::Scalar(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        }
    }
}

/// Something that is not as it should be, at a place.
pub(super) type Complaint = (Place, String);

/// Nodes within nodes: the file has a handful, the reader is recursive.
const MAX_DEPTH: usize = 32;

/// Parses the one document of a file; `None` where there is nothing in it but comments.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Complaint> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), text };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(root),
            Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
            Event::DocumentStart(_) if root.is_some() => {
                return Err((Place::of(span), "a second document; the file holds one".into()));
            }
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                root = Some(reader.node(event, span, 0)?);
            }
            other => root = Some(reader.node(other, span, 0)?),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Complaint> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let place = Place { line: error.marker().line().max(1), column: error.marker().col() + 1 };
                Err(self.syntax(place, error.info()))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// A fault of the syntax; a tab in the indentation is the most frequent one and seldom what the parser says.
    fn syntax(&self, place: Place, info: &str) -> Complaint {
        for (number, line) in self.text.lines().enumerate().take(place.line + 1) {
            let indentation = &line[..line.len() - line.trim_start().len()];
            if let Some(at) = indentation.find('\t') {
                let place = Place { line: number + 1, column: at + 1 };
                return (place, "a tab in the indentation; YAML is indented by spaces".into());
            }
        }
        let is_alias = ["anchor", "alias"].iter().any(|word| info.contains(word));
        let hint = if is_alias { "; a value that begins with `*` or `&` is put in quotes" } else { "" };
        (place, format!("not YAML: {info}{hint}"))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Complaint> {
        let place = Place::of(span);
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

fn refuse_extras(place: Place, anchor: usize, has_tag: bool) -> Result<(), Complaint> {
    if anchor > 0 {
        return Err((place, "an anchor (`&name`) is not supported; write the value out, or quote it".into()));
    }
    if has_tag {
        return Err((place, "a tag (`!name`) is not supported; leave it out, or quote the value".into()));
    }
    Ok(())
}

//! Pieces of objects, intact and broken, with the events that are expected from them.

/// One piece. It begins in column 0 and ends at the end of a line.
pub(super) struct Piece {
    pub(super) text: Vec<u8>,
    /// The events of an intact piece: the index and text of each, and the value that is copied into it.
    pub(super) events: Vec<Event>,
    pub(super) kind: Kind,
}

pub(super) struct Event {
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) owner: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// All of its events are returned, unless the previous piece may contain it.
    Whole,
    /// A line of text is one rejection.
    Text,
    /// At least one rejection.
    Broken,
    /// Broken by something that may count as noise, or so that the next piece may be part of it.
    Doubtful,
    Noise,
}

/// The format of the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Lines,
    Values,
    Records,
    CloudWatch,
}

pub(super) struct Source {
    pub(super) random: fastrand::Rng,
    pub(super) family: Family,
    next: u32,
}

impl Source {
    pub(super) fn new(random: fastrand::Rng, family: Family) -> Self {
        Self { random, family, next: 100 }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// A unique object in one line.
    fn object(&mut self) -> String {
        let n = self.number();
        match self.random.u8(0..7) {
            0 => format!("{{\"n\":{n},\"a\":[1,[2],{{\"b\":\"]}}\"}}]}}"),
            1 => format!("{{ \"n\" : {n} , \"s\" : \"\\\"{{[\\\\\" }}"),
            2 => format!("{{\"n\":{n},\"long\":\"{}\"}}", "x".repeat(self.random.usize(0..120))),
            3 => format!("{{\"n\":{n},\"u\":\"é\u{2028}😀\"}}"),
            4 => format!("{{\"a\":{{\"b\":{{\"c\":[]}}}},\"n\":{n}}}"),
            _ => format!("{{\"n\":{n}}}"),
        }
    }

    pub(super) fn piece(&mut self) -> Piece {
        match self.random.u8(0..20) {
            0..10 => self.whole(),
            10..15 => self.broken(),
            15..17 => self.text(),
            _ => self.noise(),
        }
    }

    fn whole(&mut self) -> Piece {
        match (self.family, self.random.u8(0..6)) {
            (Family::Records, 0..4) => self.records(),
            (Family::CloudWatch, 0..4) => self.envelope(),
            (Family::Values | Family::Lines, 0) => self.array(false),
            (Family::Values, 1) => self.array(true),
            (Family::Values, 2) => self.printed(),
            _ => self.line(),
        }
    }

    fn line(&mut self) -> Piece {
        let text = self.object();
        let event = Event { at: 0, text: text.clone(), owner: None };
        Piece { text: text.into_bytes(), events: vec![event], kind: Kind::Whole }
    }

    /// Elements between `open` and `close`.
    fn elements(&mut self, open: &str, close: &str, between: &str, owner: Option<&str>) -> Piece {
        let mut text = open.to_owned();
        let mut events = Vec::new();
        for n in 0..self.random.usize(1..5) {
            if n > 0 {
                text += between;
            }
            let element = if self.family == Family::CloudWatch { self.log_event() } else { self.object() };
            events.push(Event { at: text.len(), text: element.clone(), owner: owner.map(str::to_owned) });
            text += &element;
        }
        text += close;
        Piece { text: text.into_bytes(), events, kind: Kind::Whole }
    }

    fn array(&mut self, over_lines: bool) -> Piece {
        if over_lines { self.elements("[\n", "\n]", ",\n", None) } else { self.elements("[", "]", ", ", None) }
    }

    /// One object in several lines, some of which begin with a brace.
    fn printed(&mut self) -> Piece {
        let (a, b, n) = (self.object(), self.object(), self.number());
        let text = format!("{{\"n\":{n},\n\"list\":[\n{a},\n{b}\n],\n\"z\":\n{{}}\n}}");
        let event = Event { at: 0, text: text.clone(), owner: None };
        Piece { text: text.into_bytes(), events: vec![event], kind: Kind::Whole }
    }

    fn records(&mut self) -> Piece {
        let owner = format!("\"o{}\"", self.number());
        let more = "y".repeat(if self.random.u8(0..4) == 0 { self.random.usize(0..300) } else { 0 });
        let open = match self.random.u8(0..3) {
            0 => format!("{{\"owner\":{owner},\"Records\":["),
            1 => format!("{{\"v\":{{\"Records\":[\"{more}\"]}}, \"owner\":{owner}, \"Records\": ["),
            _ => format!("{{\"owner\":{owner},\"x\":[\n{{\"y\":\"{more}\"}}],\"Records\":["),
        };
        let close = match self.random.u8(0..3) {
            0 => "]}".to_owned(),
            1 => format!("],\"more\":\"{more}\"}}"),
            _ => "] ,\"m\":[1,\n{\"]\":{}}]}".to_owned(),
        };
        let between = *self.random.choice(&[",", ", ", ",\n", "\n,"]).unwrap_or(&",");
        self.elements(&open, &close, between, Some(&owner))
    }

    fn log_event(&mut self) -> String {
        let n = self.number();
        format!(
            "{{\"id\":\"{n}\",\"timestamp\":1577836800000,\"message\":\"m{n}\",\"extractedFields\":{{\"n\":\"{n}\"}}}}"
        )
    }

    fn envelope(&mut self) -> Piece {
        let owner = format!("\"o{}\"", self.number());
        let open = format!(
            "{{\"messageType\":\"DATA_MESSAGE\",\"owner\":{owner},\"logGroup\":\"g\",\"logStream\":\"s\",\"subscriptionFilters\":[\"all\"],\"logEvents\":["
        );
        let between = *self.random.choice(&[",", ",\n"]).unwrap_or(&",");
        let close = *self.random.choice(&["]}", "]}", "],\"x\":{}}"]).unwrap_or(&"]}");
        self.elements(&open, close, between, Some(&owner))
    }

    fn text(&mut self) -> Piece {
        let n = self.number();
        let more = "y".repeat(if self.random.u8(0..4) == 0 { self.random.usize(0..300) } else { 0 });
        let line = match self.random.u8(0..13) {
            0 => format!("[[INFO]] text {n}"),
            1 => format!("[INFO] {{\"n\":{n}}}"),
            2 => format!("[[{n}]] [x] text"),
            3 => format!("{n} 1 2 3"),
            4 => format!("[[[WARN]] {{\"a\":{n}}} {{}}"),
            5 => format!("\"quoted\" text, {n}: {{}}"),
            6 => format!("[{n}] [[x]] {{\"n\":{n}}}"),
            7 => format!("{{}} {n} {more} started"),
            8 => format!("{{\"level\":\"{more}\"}} started {n} {{}}"),
            9 => format!("{{\"n\":{{\"n\":{n}}}}},\"n\":{n}}}"),
            10 => format!("{{\"n\":{n}}} [INFO] {more} text"),
            11 => format!("{{\"n\":{n}}} [INFO {more} text"),
            _ => format!("plain {more} text {n}"),
        };
        // A number is an element if something broken has left an array open.
        let kind = if line.starts_with(['[', '{', 'p']) { Kind::Text } else { Kind::Doubtful };
        Piece { text: line.into_bytes(), events: Vec::new(), kind }
    }

    fn noise(&mut self) -> Piece {
        let text: &[u8] = match self.random.u8(0..5) {
            0 => b"\0\0",
            1 => b"\xef\xbb\xbf",
            2 if !matches!(self.family, Family::Records | Family::CloudWatch) => b",",
            3 => b" \r",
            _ => b"",
        };
        Piece { text: text.to_vec(), events: Vec::new(), kind: Kind::Noise }
    }

    fn broken(&mut self) -> Piece {
        let Piece { mut text, .. } = self.whole();
        let length = text.len();
        let at = self.random.usize(1..length);
        let mut kind = Kind::Broken;
        match self.random.u8(0..10) {
            0..5 => text.truncate(at),
            5 => drop(text.pop()),
            6 => {
                let bracket = *self.random.choice(b"{}[]\"").unwrap_or(&b'[');
                text.insert(at, bracket);
            }
            7 => {
                // The comma between two elements is optional.
                if text.remove(at) == b',' {
                    kind = Kind::Doubtful;
                }
            }
            8 => {
                text.insert(at, 0);
                kind = Kind::Doubtful;
            }
            _ => {
                text.splice(at..at, *b"\xef\xbb\xbf");
                kind = Kind::Doubtful;
            }
        }
        Piece { text, events: Vec::new(), kind }
    }
}

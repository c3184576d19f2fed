//! `tests` of a dataset. Only their form is read here. Functions that ingest never run them.

use std::collections::BTreeMap;

use super::{
    from::Kind,
    reader::{Keys, Members, Reader},
};
use crate::{
    rules::rule_test::{Expected, ExpectedDocument, Input, RuleTest},
    time,
    yaml::{Data, Json, Node, Text},
};

const TESTS_FORM: &str = "`tests` is a list of events, each with what becomes of it, such as \
                          `- { event: { os: iOS }, document: { os: iOS }, index: logs }` or `- { line: 'no', rejected: invalid_json }`";
const RESULT_FORM: &str = "what becomes of an event is `dropped: true`, `expired: true`, `rejected: REASON`, or one or more of \
                           `document`, `index`, `id` and `partition_keys`";
const REASON_FORM: &str = "a reason is the `error_type` of a dead letter, such as `rejected: invalid_timestamp`";
const AT_FORM: &str = "write a date or time, such as `at: \"2026-11-22T10:00:00Z\"`";
pub(super) const TEST_KEYS: Keys<'_> = Keys {
    of: "a test",
    known: &[
        "event",
        "line",
        "key",
        "bucket",
        "at",
        "results",
        "document",
        "index",
        "id",
        "partition_keys",
        "dropped",
        "expired",
        "rejected",
    ],
    later: &[],
};
pub(super) const RESULT_KEYS: Keys<'_> = Keys {
    of: "a result",
    known: &["document", "index", "id", "partition_keys", "dropped", "expired", "rejected"],
    later: &[],
};

/// What a dataset's other keys allow its tests to expect.
#[derive(Clone, Copy)]
struct Allowed {
    kind: Option<Kind>,
    /// Whether ids do not depend on the position, which no test has.
    has_ids: bool,
}

impl Reader<'_> {
    /// Reads the tests of a dataset.
    pub(super) fn rule_tests(&mut self, dataset: &Node) {
        let Data::Map(members) = &dataset.data else { return };
        let member = |name: &str| members.iter().find(|(key, _)| key.text == name).map(|(_, node)| node);
        let Some(tests) = member("tests") else { return };
        let name = match member("name").map(|node| &node.data) {
            Some(Data::Scalar(text)) => text.value.as_str(),
            _ => "",
        };
        let has_ids = match member("id").map(|node| &node.data) {
            Some(Data::Scalar(text)) => text.value == "content",
            Some(_) => true,
            None => false,
        };
        let allowed = Allowed { kind: member("from").and_then(Kind::of), has_ids };
        for node in self.list(tests, "tests", TESTS_FORM) {
            let test = self.rule_test(node, name, allowed);
            self.tests.extend(test);
        }
    }

    fn rule_test(&mut self, node: &Node, dataset: &str, allowed: Allowed) -> Option<RuleTest> {
        let before = self.complaints.len();
        let members = self.map(node, &TEST_KEYS, TESTS_FORM)?;
        if self.complaints.len() > before {
            // A mistyped key would seem to be a missing one.
            return None;
        }
        let input = self.input(node, &members);
        let object = ["key", "bucket"].map(|name| self.object_name(&members, name, allowed));
        if let (Some((bucket, _)), None) = (members.get("bucket"), members.get("key")) {
            self.complain(bucket.place, "`bucket` in a test without `key`: both name the object with the event");
        }
        let at_ms = self.optional(&members, "at", None, |reader, node| reader.at(node).map(Some));
        let results = match members.get("results") {
            Some((_, list)) => self.results(list, &members, allowed),
            None => self.result(node, &members, allowed).map(|expected| vec![expected]),
        };
        if self.complaints.len() > before {
            return None;
        }
        let place = format!("{}:{}:{}", self.file_name, node.place.line, node.place.column);
        let [key, bucket] = object;
        Some(RuleTest {
            dataset: dataset.to_owned(),
            place,
            input: input?,
            key,
            bucket,
            at_ms: at_ms?,
            results: results?,
        })
    }

    fn input(&mut self, test: &Node, members: &Members<'_>) -> Option<Input> {
        match (members.get("event"), members.get("line")) {
            (Some((_, node)), None) => self.json_object(node, "event").map(Input::Event),
            (None, Some((_, node))) => {
                let form = "write the raw text, such as `line: 'not json'`";
                self.text(node, "line", form).map(|text| Input::Line(text.value.clone()))
            }
            (Some(_), Some((key, _))) => {
                self.refuse(key.place, "`line` beside `event`: a test has one of them. `line` is the raw text")
            }
            (None, None) => self.refuse(test.place, format!("a test without `event` or `line`; {TESTS_FORM}")),
        }
    }

    /// `key` or `bucket`.
    fn object_name(&mut self, members: &Members<'_>, name: &str, allowed: Allowed) -> Option<String> {
        let (key, value) = members.get(name)?;
        if allowed.kind.is_some_and(|kind| kind != Kind::S3) {
            return self.refuse(key.place, format!("`{name}` in a test of a dataset that takes no objects of S3"));
        }
        self.text(value, name, "write the name, such as `key: source/app/a.json`").map(|text| text.value.clone())
    }

    fn at(&mut self, node: &Node) -> Option<i64> {
        let text = self.text(node, "at", AT_FORM)?.value.clone();
        match time::parse(&text) {
            Some(date) => Some(date.start_ms),
            None => self.refuse(node.place, format!("`at: {text}`: {AT_FORM}")),
        }
    }

    /// The results for a `line` with several events, or with none.
    fn results(&mut self, list: &Node, test: &Members<'_>, allowed: Allowed) -> Option<Vec<Expected>> {
        if let Some((key, _)) = test.entries.iter().find(|(key, _)| RESULT_KEYS.known.contains(&key.text.as_str())) {
            let message = format!("`{}` beside `results`: `results` has what becomes of each event", key.text);
            return self.refuse(key.place, message);
        }
        let Data::List(nodes) = &list.data else {
            let message =
                format!("`results` is {}; write a list, with one element for each event of `line`", list.kind());
            return self.refuse(list.place, message);
        };
        let read = |node: &Node| {
            let before = self.complaints.len();
            let members = self.map(node, &RESULT_KEYS, RESULT_FORM)?;
            if self.complaints.len() > before { None } else { self.result(node, &members, allowed) }
        };
        let results: Vec<_> = nodes.iter().map(read).collect();
        results.into_iter().collect()
    }

    fn result(&mut self, node: &Node, members: &Members<'_>, allowed: Allowed) -> Option<Expected> {
        const OF_A_DOCUMENT: [&str; 4] = ["document", "index", "id", "partition_keys"];
        let given = |name: &&str| members.get(name).is_some();
        let mut fates = ["dropped", "expired", "rejected"].into_iter().filter(given);
        let (fate, other) = (fates.next(), fates.next());
        let part = OF_A_DOCUMENT.into_iter().find(given);
        match (fate, other.or(part)) {
            (Some(fate), Some(second)) => {
                let place = members.get(second).map_or(node.place, |(key, _)| key.place);
                self.refuse(place, format!("`{second}` beside `{fate}`: an event has one result; {RESULT_FORM}"))
            }
            (Some("rejected"), None) => members.get("rejected").and_then(|(_, node)| self.reason(node)),
            (Some(fate), None) => {
                let (key, value) = members.get(fate)?;
                let form = format!("write `{fate}: true`, or leave it out");
                if self.text(value, fate, &form)?.value != "true" {
                    return self.refuse(value.place, format!("`{fate}` is not `true`; {form}"));
                }
                if fate == "expired" && allowed.kind == Some(Kind::DeliveryStream) {
                    return self
                        .refuse(key.place, "`expired` in a test of a `delivery_stream`, which has no `retention`");
                }
                Some(if fate == "expired" { Expected::Expired } else { Expected::Dropped })
            }
            (None, Some(_)) => self.document(members, allowed).map(Expected::Document),
            (None, None) => self.refuse(node.place, format!("what becomes of the event is missing; {RESULT_FORM}")),
        }
    }

    fn document(&mut self, members: &Members<'_>, allowed: Allowed) -> Option<ExpectedDocument> {
        let is_delivered = allowed.kind == Some(Kind::DeliveryStream);
        let misplaced = [
            ("index", is_delivered, "Firehose decides where the data go"),
            ("id", is_delivered, "Firehose makes no documents"),
            (
                "id",
                !is_delivered && !allowed.has_ids,
                "the id comes from the position of the event, and a test has none; test ids of `id: content` and `id: { field: FIELD }`",
            ),
            ("partition_keys", !is_delivered, "they are the keys of a `delivery_stream`"),
        ];
        for (name, is_misplaced, reason) in misplaced {
            if let Some((key, _)) = members.get(name).filter(|_| is_misplaced && allowed.kind.is_some()) {
                self.complain(key.place, format!("`{name}` in a test of this dataset: {reason}"));
            }
        }
        let document =
            self.optional(members, "document", None, |reader, node| reader.json_object(node, "document").map(Some));
        let [index, id] = ["index", "id"].map(|name| {
            let form = format!("write the whole name, such as `{name}: logs-2026.11.22`");
            self.optional(members, name, None, |reader, node| {
                reader.text(node, name, &form).map(|text| Some(text.value.clone()))
            })
        });
        let partition_keys =
            self.optional(members, "partition_keys", None, |reader, node| reader.partition_values(node).map(Some));
        Some(ExpectedDocument { document: document?, index: index?, id: id?, partition_keys: partition_keys? })
    }

    fn partition_values(&mut self, node: &Node) -> Option<BTreeMap<String, String>> {
        const FORM: &str = "write `partition_keys: { customer: \"7\" }`, names and values";
        let mut values = BTreeMap::new();
        for (name, value) in self.entries(node, "partition_keys", FORM) {
            values.insert(name.text.clone(), self.text(value, &name.text, FORM)?.value.clone());
        }
        Some(values)
    }

    fn reason(&mut self, node: &Node) -> Option<Expected> {
        let text = self.text(node, "rejected", REASON_FORM)?.value.clone();
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if text.is_empty() || text == "true" || !text.chars().all(is_word) {
            return self.refuse(node.place, format!("`rejected: {text}`: {REASON_FORM}"));
        }
        Some(Expected::Rejected(text))
    }

    /// The JSON of a map. Numbers keep their digits.
    fn json_object(&mut self, node: &Node, name: &str) -> Option<String> {
        let Data::Map(_) = &node.data else {
            let message = format!("`{name}` is {}, not a map; any other text is written as `line`", node.kind());
            return self.refuse(node.place, message);
        };
        let before = self.complaints.len();
        self.refuse_inexact(node, name);
        (self.complaints.len() == before).then(|| node.to_json())
    }

    /// Complains about what has no counterpart in JSON, or more than one.
    fn refuse_inexact(&mut self, node: &Node, name: &str) {
        match &node.data {
            Data::Scalar(text) => self.refuse_ambiguous_number(node, text, name),
            Data::List(nodes) => nodes.iter().for_each(|node| self.refuse_inexact(node, name)),
            Data::Map(members) => {
                for (ordinal, (key, value)) in members.iter().enumerate() {
                    if members[..ordinal].iter().any(|(earlier, _)| earlier.text == key.text) {
                        let message = format!(
                            "`{}` is in this map already; an event with it twice is written as `line`",
                            key.text
                        );
                        self.complain(key.place, message);
                    }
                    self.refuse_inexact(value, name);
                }
            }
        }
    }

    fn refuse_ambiguous_number(&mut self, node: &Node, text: &Text, name: &str) {
        if let Json::Ambiguous(number) = text.json() {
            let message = format!("`{number}` in `{name}` is a number in YAML but not in JSON");
            self.complain(node.place, format!("{message}; write it in decimal, or in quotes for a text"));
        }
    }
}

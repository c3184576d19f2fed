//! Random event patterns, and events that are likely to match them.
//!
//! Deliberately absent: the differences from the library that docs/PIPELINE.md lists.

use fastrand::Rng;

use crate::ruler::Question;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "ab"];
const STRINGS: [&str; 24] = [
    "",
    "x",
    "X",
    "xy",
    "yx",
    "xyz",
    "XyZ",
    "abc",
    "ABC",
    "aBcabc",
    "é",
    "É",
    "ß",
    "ss",
    "1",
    "100",
    "10.0.0.1",
    "10.0.0.200",
    "10.0.1.1",
    "2001:db8::1",
    "16.0.0.1",
    "18.52.86.120",
    "a*b",
    "a\\b",
];
const NUMBERS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "1.0",
    "-1",
    "1.5",
    "1.50",
    "100",
    "1e2",
    "1E+2",
    "0.1",
    "33.000001",
    "300000",
    "5e-1",
    "123456789012",
    "9007199254740993",
    "9007199254740992",
    "12345678901234567890",
    "-2.5",
    "4999999999.99999",
    "12345678",
    "10000001",
];
const WILDCARDS: [&str; 10] = ["*", "x*", "*x", "x*z", "*y*", "a\\*b", "10.*", "a*c*c", "xyz", "*bc"];
const NETWORKS: [&str; 7] =
    ["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.0/31", "2001:db8::/32", "2001:db8::1/127", "16.0.0.0/8"];

/// A pattern and events.
#[derive(Debug)]
pub struct Case {
    pattern: Pattern,
    /// The same pattern and events as JSON.
    pub question: Question,
}

/// The most patterns that one case may expand to.
const MOST_SINGLE: usize = 100_000;

impl Case {
    /// A pattern and some events.
    pub fn random(random: &mut Rng, events: usize) -> Self {
        let pattern = object(random, 0);
        let events = (0..events).map(|_| pattern.event(random).json()).collect();
        let question = Question { pattern: pattern.json(), events };
        Self { pattern, question }
    }

    /// The pattern expanded to patterns with one value for each field. An event matches one of them if it matches the
    /// original.
    ///
    /// # Panics
    /// If they are too many.
    pub fn multiplied_out(&self) -> Vec<String> {
        let all: Vec<String> =
            self.pattern.singles().into_iter().map(|members| format!("{{{}}}", members.join(","))).collect();
        assert!(all.len() <= MOST_SINGLE, "{} patterns", all.len());
        all
    }
}

/// A pattern.
#[derive(Debug)]
enum Pattern {
    Object { fields: Vec<(String, Self)>, or: Vec<Self> },
    Values(Vec<Alternative>),
}

/// One of the listed values, and an example that it matches.
#[derive(Debug, Clone)]
struct Alternative {
    json: String,
    example: Option<String>,
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())]
}

fn object(random: &mut Rng, depth: usize) -> Pattern {
    let mut names = NAMES.to_vec();
    random.shuffle(&mut names);
    let mut fields = Vec::new();
    let count = random.usize(1..=3);
    for _ in 0..count {
        let name = names.pop().expect("there are more");
        fields.push((name.to_owned(), field(random, depth)));
    }
    let mut or = Vec::new();
    if random.u8(..) < 40 {
        // The alternatives use other fields, or one field would have two conditions.
        for _ in 0..random.usize(2..=3) {
            let mut left = names.clone();
            let mut fields = Vec::new();
            for _ in 0..random.usize(1..=2) {
                let Some(name) = left.pop() else { break };
                fields.push((name.to_owned(), field(random, depth + 1)));
            }
            or.push(Pattern::Object { fields, or: Vec::new() });
            random.shuffle(&mut names);
        }
    }
    Pattern::Object { fields, or }
}

fn field(random: &mut Rng, depth: usize) -> Pattern {
    if depth < 2 && random.u8(..) < 80 {
        return object(random, depth + 1);
    }
    Pattern::Values((0..random.usize(1..=3)).map(|_| alternative(random)).collect())
}

fn alternative(random: &mut Rng) -> Alternative {
    let text = one(random, &STRINGS);
    let number = one(random, &NUMBERS);
    let of = |json: String, example: String| Alternative { json, example: Some(example) };
    // A continuation of the text.
    let more = one(random, &["", "x", "Z", "é"]);
    let folded = if random.bool() { text.to_uppercase() } else { text.to_lowercase() };
    match random.u8(0..20) {
        0 | 1 => of(quoted(text), quoted(text)),
        2 | 3 => of(number.into(), one(random, &[number, "100", "1"]).into()),
        4 => of("null".into(), "null".into()),
        5 => of("true".into(), one(random, &["true", "false"]).into()),
        6 => of(format!("{{\"prefix\":{}}}", quoted(text)), quoted(&format!("{text}{more}"))),
        7 => of(format!("{{\"suffix\":{}}}", quoted(text)), quoted(&format!("{more}{text}"))),
        8 => of(format!("{{\"equals-ignore-case\":{}}}", quoted(text)), quoted(&folded)),
        9 => of(
            format!("{{\"prefix\":{{\"equals-ignore-case\":{}}}}}", quoted(text)),
            quoted(&format!("{folded}{more}")),
        ),
        10 => of(
            format!("{{\"suffix\":{{\"equals-ignore-case\":{}}}}}", quoted(text)),
            quoted(&format!("{more}{folded}")),
        ),
        11 => {
            let wildcard = one(random, &WILDCARDS);
            of(
                format!("{{\"wildcard\":{}}}", quoted(wildcard)),
                quoted(&wildcard.replace("\\*", "*").replace('*', more)),
            )
        }
        12 => numeric(random),
        13 => Alternative {
            json: "{\"exists\":true}".into(),
            example: Some(one(random, &["null", "1", "\"\"", "[]"]).into()),
        },
        14 => Alternative { json: "{\"exists\":false}".into(), example: None },
        15 => of(format!("{{\"cidr\":{}}}", quoted(one(random, &NETWORKS))), quoted(one(random, &STRINGS[16..22]))),
        _ => anything_but(random),
    }
}

fn numeric(random: &mut Rng) -> Alternative {
    let number = one(random, &["-2", "0", "1", "1.5", "100", "300000", "0.1"]);
    let json = match random.u8(0..3) {
        0 => format!("{{\"numeric\":[\"=\",{number}]}}"),
        1 => format!("{{\"numeric\":[{},{number}]}}", quoted(one(random, &["<", "<=", ">", ">="]))),
        _ => {
            let (lower, upper) = (one(random, &[">", ">="]), one(random, &["<", "<="]));
            format!(
                "{{\"numeric\":[\"{lower}\",{number},\"{upper}\",{}]}}",
                one(random, &["300001", "1e9", "400000.5"])
            )
        }
    };
    Alternative { json, example: Some(one(random, &NUMBERS).into()) }
}

fn anything_but(random: &mut Rng) -> Alternative {
    let texts = |random: &mut Rng, of: &[&str]| {
        let count = random.usize(0..=2);
        if count == 0 {
            return quoted(one(random, of));
        }
        format!("[{}]", (0..count).map(|_| quoted(one(random, of))).collect::<Vec<_>>().join(","))
    };
    let not_empty = &STRINGS[1..];
    let what = match random.u8(0..7) {
        0 => one(random, &NUMBERS).to_owned(),
        1 => format!("[{},{}]", one(random, &NUMBERS), one(random, &NUMBERS)),
        2 => format!("{{\"prefix\":{}}}", texts(random, not_empty)),
        3 => format!("{{\"suffix\":{}}}", texts(random, not_empty)),
        4 => format!("{{\"equals-ignore-case\":{}}}", texts(random, not_empty)),
        5 => format!("{{\"wildcard\":{}}}", texts(random, &WILDCARDS)),
        _ => texts(random, &STRINGS),
    };
    let example = if random.bool() { quoted(one(random, &STRINGS)) } else { one(random, &NUMBERS).to_owned() };
    Alternative { json: format!("{{\"anything-but\":{what}}}"), example: Some(example) }
}

impl Pattern {
    fn json(&self) -> String {
        match self {
            Self::Values(values) => {
                format!("[{}]", values.iter().map(|value| value.json.as_str()).collect::<Vec<_>>().join(","))
            }
            Self::Object { fields, or } => {
                let mut members: Vec<String> =
                    fields.iter().map(|(name, pattern)| format!("{}:{}", quoted(name), pattern.json())).collect();
                if !or.is_empty() {
                    members.push(format!("\"$or\":[{}]", or.iter().map(Self::json).collect::<Vec<_>>().join(",")));
                }
                format!("{{{}}}", members.join(","))
            }
        }
    }

    /// The members of each object after the expansion to one value for each field. A list counts as one such member.
    fn singles(&self) -> Vec<Vec<String>> {
        let (fields, or) = match self {
            Self::Values(values) => return values.iter().map(|value| vec![format!("[{}]", value.json)]).collect(),
            Self::Object { fields, or } => (fields, or),
        };
        let mut all = vec![Vec::new()];
        for (name, pattern) in fields {
            let ways: Vec<String> = pattern
                .singles()
                .into_iter()
                .map(|members| match pattern {
                    Self::Values(_) => format!("{}:{}", quoted(name), members.concat()),
                    Self::Object { .. } => format!("{}:{{{}}}", quoted(name), members.join(",")),
                })
                .collect();
            let with = |members: &Vec<String>| -> Vec<Vec<String>> {
                ways.iter().map(|way| [members.as_slice(), std::slice::from_ref(way)].concat()).collect()
            };
            all = all.iter().flat_map(with).collect();
        }
        let ways: Vec<Vec<String>> = or.iter().flat_map(Self::singles).collect();
        if ways.is_empty() {
            return all;
        }
        all.iter()
            .flat_map(|members| ways.iter().map(|way| [members.as_slice(), way].concat()).collect::<Vec<_>>())
            .collect()
    }

    /// An event with the same fields; nothing if a field must be missing.
    fn event(&self, random: &mut Rng) -> Event {
        match self {
            Self::Values(values) => {
                let count = if random.u8(..) < 60 { random.usize(0..=3) } else { 1 };
                let mut elements: Vec<Event> = (0..count).map(|_| value(random, values)).collect();
                if count == 1 { elements.remove(0) } else { Event::Array(elements) }
            }
            Self::Object { fields, or } => {
                let all = || {
                    fields.iter().chain(or.iter().flat_map(|pattern| match pattern {
                        Self::Object { fields, .. } => fields.iter(),
                        Self::Values(_) => [].iter(),
                    }))
                };
                let mut objects = Vec::new();
                // Several elements of an array, each with some of the fields.
                let count = if random.u8(..) < 70 { random.usize(1..=3) } else { 1 };
                for _ in 0..count {
                    let mut members: Vec<(String, Event)> = Vec::new();
                    for (name, pattern) in all() {
                        if random.u8(..) < 225 && members.iter().all(|(known, _)| known != name) {
                            members.push((name.clone(), pattern.event(random)));
                        }
                    }
                    if random.u8(..) < 60 {
                        let name = one(random, &NAMES);
                        if members.iter().all(|(known, _)| known != name) {
                            members.push((name.into(), Event::Value(quoted(one(random, &STRINGS)))));
                        }
                    }
                    random.shuffle(&mut members);
                    objects.push(Event::Object(members));
                }
                if count == 1 { objects.remove(0) } else { Event::Array(objects) }
            }
        }
    }
}

fn value(random: &mut Rng, values: &[Alternative]) -> Event {
    if random.u8(..) < 190 {
        match &values[random.usize(..values.len())].example {
            Some(example) => return Event::Value(example.clone()),
            None => return Event::Missing,
        }
    }
    Event::Value(match random.u8(0..4) {
        0 => one(random, &["null", "true", "false", "{}", "[]", "{\"z\":1}"]).to_owned(),
        1 => one(random, &NUMBERS).to_owned(),
        _ => quoted(one(random, &STRINGS)),
    })
}

#[derive(Debug)]
enum Event {
    Object(Vec<(String, Self)>),
    Array(Vec<Self>),
    Value(String),
    Missing,
}

impl Event {
    fn json(&self) -> String {
        match self {
            // The whole event must be an object.
            Self::Array(elements) => elements.first().map_or_else(|| "{}".into(), Self::json),
            Self::Value(_) | Self::Missing => "{}".into(),
            Self::Object(_) => self.write(),
        }
    }

    fn write(&self) -> String {
        let joined = |parts: Vec<String>| parts.join(",");
        match self {
            Self::Object(members) => {
                let members = members.iter().filter(|(_, member)| !matches!(member, Self::Missing));
                format!(
                    "{{{}}}",
                    joined(members.map(|(name, member)| format!("{}:{}", quoted(name), member.write())).collect())
                )
            }
            Self::Array(elements) => {
                let elements = elements.iter().filter(|element| !matches!(element, Self::Missing));
                format!("[{}]", joined(elements.map(Self::write).collect()))
            }
            Self::Value(json) => json.clone(),
            Self::Missing => "null".into(),
        }
    }
}

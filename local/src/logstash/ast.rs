//! What a Logstash configuration says, as it is written: sections, plugins, values, conditions.
//!
//! Chains (`a and b and c`, `else if`) are lists, so that only what is nested is deep, and the parser bounds that.
//! Deliberately absent: what any of it means.

use std::fmt;

use super::variable::Variables;

/// Where something stands: line and column, from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which file of several, from 0.
    pub file: usize,
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A whole configuration. Sections of one kind are one, as in Logstash.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) inputs: Vec<Statement>,
    pub(super) filters: Vec<Statement>,
    pub(super) outputs: Vec<Statement>,
    /// Names with a dot in them that conditions ask about: `[log.level]`.
    pub(super) dotted: Vec<(Place, String)>,
}

#[derive(Debug)]
pub(super) enum Statement {
    Plugin(Plugin),
    /// `if`, any number of `else if`, and maybe an `else`, which has no condition.
    Branches(Vec<Branch>),
}

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) at: Place,
    pub(super) condition: Option<Condition>,
    pub(super) body: Vec<Statement>,
}

#[derive(Debug)]
pub(super) struct Plugin {
    pub(super) at: Place,
    pub(super) name: String,
    pub(super) settings: Vec<Setting>,
}

/// `name => value` in a plugin.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) at: Place,
    pub(super) name: String,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) struct Value {
    pub(super) at: Place,
    pub(super) data: Data,
    /// Variables of the server's environment in a text.
    pub(super) variables: Option<Variables>,
}

#[derive(Debug)]
pub(super) enum Data {
    /// In quotes, or a bareword.
    Text(String),
    /// Its digits.
    Number(String),
    List(Vec<Value>),
    Hash(Vec<(Value, Value)>),
    /// A plugin as a value, such as a codec.
    Plugin(Plugin),
}

#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// `xor`
    Either(Box<[Condition; 2]>),
    Not(Box<Condition>),
    /// `[field]`: it is there, and neither `null`, `""`, `false` nor `"false"`.
    Holds(String),
    Compare {
        left: Operand,
        operator: Operator,
        right: Operand,
    },
    /// `[field] =~ /regexp/`
    Matches {
        field: String,
        regexp: String,
    },
    /// `item in list`
    In {
        item: Operand,
        list: Operand,
    },
}

#[derive(Debug)]
pub(super) enum Operand {
    /// A path with dots.
    Field(String),
    Text(String),
    /// A text with a variable of the server's environment in it.
    Variable(String),
    Number(String),
    List(Vec<Operand>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

//! The syntax tree of a Logstash configuration: sections, plugins, values, conditions.
//!
//! Chains (`a and b and c`, `else if`) are lists, so only nested syntax makes the tree deep. The parser limits the
//! depth. Deliberately absent: the meaning of the syntax.

use std::fmt;

use super::variable::Variables;

/// A place in a file: line and column, counted from 1. A column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the file, from 0.
    pub file: usize,
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A whole configuration. Several sections of one kind are merged, as in Logstash.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) inputs: Vec<Statement>,
    pub(super) filters: Vec<Statement>,
    pub(super) outputs: Vec<Statement>,
    /// Names with a dot in conditions: `[log.level]`.
    pub(super) dotted: Vec<(Place, String)>,
}

#[derive(Debug)]
pub(super) enum Statement {
    Plugin(Plugin),
    /// `if`, any number of `else if`, and optionally an `else`, which has no condition.
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

/// `name => value` of a plugin.
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
    /// The environment variables in a text.
    pub(super) variables: Option<Variables>,
}

#[derive(Debug)]
pub(super) enum Data {
    /// A quoted text or a bareword.
    Text(String),
    /// The digits as written.
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
    /// `[field]`: the field exists, and is neither `null`, `""`, `false` nor `"false"`.
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
    /// A text with an environment variable.
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

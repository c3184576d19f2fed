//! A view of one value on the tape. It does not own or copy any part.

use std::cmp::Ordering;

use simd_json::{Node, StaticNode};

use super::names::Names;

/// One value of an event: a range of its tape.
#[derive(Debug, Clone, Copy)]
pub struct Value<'e> {
    nodes: &'e [Node<'e>],
}

/// A value that contains no other values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'e> {
    /// A string, unescaped.
    String(&'e str),
    /// A number.
    Number(Number),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// A number. It is exact if it is a 64-bit integer.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// An integer.
    Integer(i128),
    /// Any other number, including integers beyond 64 bits.
    Float(f64),
}

impl Number {
    /// Parses a number in JSON notation. `None` for anything else, such as `NaN`, `0x1` or `1_000`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.bytes().next()?.is_ascii_digit() || text.len() > 320 {
            return None;
        }
        if digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Self::Integer);
        }
        if let Ok(integer) = text.parse::<i64>() {
            return Some(Self::Integer(integer.into()));
        }
        if let Ok(integer) = text.parse::<u64>() {
            return Some(Self::Integer(integer.into()));
        }
        text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Self::Float)
    }

    /// The nearest `f64`.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(right)),
            (Self::Integer(left), Self::Float(right)) => compare(*left, *right),
            (Self::Float(left), Self::Integer(right)) => compare(*right, *left).map(Ordering::reverse),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
        }
    }
}

/// Compares an integer with a double exactly: 2^53 + 1 is not 2^53, although its nearest double is.
fn compare(integer: i128, double: f64) -> Option<Ordering> {
    const BEYOND: f64 = 1e38;
    if double.is_nan() || double.abs() >= BEYOND {
        return 0.0_f64.partial_cmp(&double);
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be within an i128")]
    let whole = double.trunc() as i128;
    Some(integer.cmp(&whole)).map(|order| order.then_with(|| 0.0_f64.total_cmp(&(double.fract() + 0.0))))
}

/// The number of tape nodes of the value that begins with `node`.
#[inline]
pub(crate) fn span(node: &Node<'_>) -> usize {
    match node {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}

impl<'e> Value<'e> {
    /// The value that `nodes` begins with.
    pub(crate) fn new(nodes: &'e [Node<'e>]) -> Self {
        Self { nodes }
    }

    /// The first node.
    pub(super) fn first(self) -> Option<&'e Node<'e>> {
        self.nodes.first()
    }

    /// All nodes of the value.
    pub(crate) fn own_nodes(self) -> &'e [Node<'e>] {
        self.nodes.first().and_then(|node| self.nodes.get(..span(node))).unwrap_or_default()
    }

    /// The value, unless it is an array or object.
    pub fn scalar(self) -> Option<Scalar<'e>> {
        match self.nodes.first()? {
            Node::String(text) => Some(Scalar::String(text)),
            Node::Static(StaticNode::Null) => Some(Scalar::Null),
            Node::Static(StaticNode::Bool(value)) => Some(Scalar::Bool(*value)),
            Node::Static(StaticNode::I64(value)) => Some(Scalar::Number(Number::Integer((*value).into()))),
            Node::Static(StaticNode::U64(value)) => Some(Scalar::Number(Number::Integer((*value).into()))),
            Node::Static(StaticNode::F64(value)) => Some(Scalar::Number(Number::Float(*value))),
            Node::Object { .. } | Node::Array { .. } => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Static(StaticNode::Null)))
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Array { .. }))
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        matches!(self.nodes.first(), Some(Node::Object { .. }))
    }

    /// The members, in the order of the bytes. None if it is not an object.
    pub fn members(self) -> Members<'e> {
        match self.nodes.split_first() {
            Some((Node::Object { len, .. }, rest)) => Members { rest, left: *len },
            _ => Members { rest: &[], left: 0 },
        }
    }

    /// Calls `visit` with each member whose name is among `names`. Every event runs through this loop for its rules, so it skips other
    /// members as cheaply as possible.
    #[inline]
    pub(crate) fn each_member_in<T>(self, names: &Names<T>, mut visit: impl FnMut(&T, Value<'e>)) {
        let Some((Node::Object { len, .. }, mut rest)) = self.nodes.split_first() else { return };
        for _ in 0..*len {
            let [Node::String(key), value, ..] = rest else { return };
            let end = span(value) + 1;
            if let Some(found) = names.get(key) {
                visit(found, Value::new(rest.get(1..end).unwrap_or_default()));
            }
            rest = rest.get(end..).unwrap_or_default();
        }
    }

    /// The elements. None if it is not an array.
    pub fn elements(self) -> Elements<'e> {
        match self.nodes.split_first() {
            Some((Node::Array { len, .. }, rest)) => Elements { rest, left: *len },
            _ => Elements { rest: &[], left: 0 },
        }
    }

    /// Whether `wanted` returns true for the value or, if it is an array, for an element at any depth. The engine treats `1`, `[1]` and
    /// `[[1]]` as equal.
    pub fn any_element(self, wanted: &mut impl FnMut(Value<'e>) -> bool) -> bool {
        if self.is_array() { self.elements().any(|element| element.any_element(wanted)) } else { wanted(self) }
    }
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Members<'e> {
    rest: &'e [Node<'e>],
    left: usize,
}

impl<'e> Iterator for Members<'e> {
    type Item = (&'e str, Value<'e>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let (key, rest) = self.rest.split_first()?;
        let Node::String(key) = key else { return None };
        let (value, rest) = rest.split_at_checked(span(rest.first()?))?;
        self.rest = rest;
        Some((key, Value::new(value)))
    }
}

/// The elements of an array.
#[derive(Debug, Clone)]
pub struct Elements<'e> {
    rest: &'e [Node<'e>],
    left: usize,
}

impl<'e> Iterator for Elements<'e> {
    type Item = Value<'e>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let (value, rest) = self.rest.split_at_checked(span(self.rest.first()?))?;
        self.rest = rest;
        Some(Value::new(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_doubles_compare_by_their_very_values() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, expected) in [
            ("33", "33.0", Equal),
            ("-33", "-33.5", Greater),
            ("33", "33.5", Less),
            ("9007199254740993", "9007199254740992.0", Greater),
            ("9007199254740992", "9007199254740992.0", Equal),
            ("18446744073709551615", "18446744073709551616", Less),
            ("-9223372036854775808", "-9223372036854775808.0", Equal),
            ("7", "1e300", Less),
            ("7", "-1e300", Greater),
            ("0", "-0.0", Equal),
            // Beyond 64-bit integers, numbers compare as the engine's `double` field compares them.
            ("18446744073709551616", "18446744073709551617", Equal),
        ] {
            let (left, right) = (Number::parse(left).unwrap(), Number::parse(right).unwrap());
            assert_eq!(left.partial_cmp(&right), Some(expected), "{left:?} {right:?}");
            assert_eq!(right.partial_cmp(&left), Some(expected.reverse()), "{right:?} {left:?}");
        }
    }
}

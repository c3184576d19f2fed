//! Parses the text into a [`Config`], by the rules of Logstash's grammar
//! (<https://github.com/elastic/logstash/blob/main/logstash-core/lib/logstash/compiler/lscl/lscl_grammar.treetop>).
//!
//! In: the text. Out: the syntax tree, or the first syntax error with the expected syntax. The time grows with the
//! length of the text. Syntax nested deeper than [`parser::MAX_DEPTH`] is refused, since the parser is recursive.

mod condition;
mod parser;

use std::collections::HashSet;

use super::{
    ast::{Branch, Config, Data, Place, Plugin, Setting, Statement, Value},
    scan::SyntaxError,
    variable,
};
use parser::Parser;

/// Parses files one after another, and merges the sections of one kind. If there are several files, each may be empty.
pub(super) fn parse(texts: &[&str]) -> Result<Config, SyntaxError> {
    let mut config = Config::default();
    for (file, text) in texts.iter().enumerate() {
        parse_file(text, file, texts.len() > 1, &mut config)?;
    }
    Ok(config)
}

fn parse_file(text: &str, file: usize, may_be_empty: bool, config: &mut Config) -> Result<(), SyntaxError> {
    const SECTION: &str = "a section, `input { … }`, `filter { … }` or `output { … }`,";
    let mut parser = Parser::new(text, file);
    let mut any = may_be_empty;
    while !any || parser.scan.peek().is_some() {
        let section = if parser.scan.take_word("input") {
            &mut config.inputs
        } else if parser.scan.take_word("filter") {
            &mut config.filters
        } else if parser.scan.take_word("output") {
            &mut config.outputs
        } else {
            return Err(parser.scan.expected(SECTION));
        };
        section.extend(parser.block("after the name of a section")?);
        any = true;
    }
    config.dotted.extend(parser.dotted);
    Ok(())
}

impl<'t> Parser<'t> {
    /// Parses the `{ … }` of plugins and branches.
    fn block(&mut self, after: &str) -> Result<Vec<Statement>, SyntaxError> {
        self.scan.expect("{", after)?;
        self.deeper(|parser| {
            let mut statements = Vec::new();
            while !parser.scan.take("}") {
                let at = parser.scan.place();
                if parser.scan.take_word("if") {
                    statements.push(Statement::Branches(parser.branches(at)?));
                    continue;
                }
                let Some(name) = parser.name()? else {
                    return Err(parser.scan.expected("the name of a plugin, `if`, or `}`"));
                };
                statements.push(Statement::Plugin(parser.plugin(at, name)?));
            }
            Ok(statements)
        })
    }

    /// Parses the branches after an `if`.
    fn branches(&mut self, at: Place) -> Result<Vec<Branch>, SyntaxError> {
        let condition = self.condition()?;
        let body = self.block("after a condition")?;
        let mut branches = vec![Branch { at, condition: Some(condition), body }];
        loop {
            let at = self.scan.place();
            if !self.scan.take_word("else") {
                return Ok(branches);
            }
            let condition = if self.scan.take_word("if") { Some(self.condition()?) } else { None };
            let is_last = condition.is_none();
            let body = self.block(if is_last { "after `else`" } else { "after a condition" })?;
            branches.push(Branch { at, condition, body });
            if is_last {
                return Ok(branches);
            }
        }
    }

    /// Parses a plugin after its name.
    fn plugin(&mut self, at: Place, name: &str) -> Result<Plugin, SyntaxError> {
        self.scan.expect("{", "after the name of a plugin")?;
        self.deeper(|parser| {
            let mut settings = Vec::new();
            while !parser.scan.take("}") {
                let at = parser.scan.place();
                let Some(name) = parser.name()? else {
                    return Err(parser.scan.expected("the name of a setting, or `}`"));
                };
                parser.scan.expect("=>", "after the name of a setting")?;
                let value = parser.value()?;
                settings.push(Setting { at, name: name.into(), value });
            }
            Ok(Plugin { at, name: name.into(), settings })
        })
    }

    /// Parses a name, which may be in quotes.
    fn name(&mut self) -> Result<Option<&'t str>, SyntaxError> {
        Ok(match self.scan.string()? {
            Some(name) => Some(name),
            None => self.scan.name(),
        })
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        const WHAT: &str = "a value: a string, a number, `[ … ]`, `{ … }` or a codec";
        let at = self.scan.place();
        let mut variables = None;
        let data = if let Some(text) = self.scan.string()? {
            let (text, found) = variable::resolve(text);
            variables = found;
            Data::Text(text)
        } else if let Some(number) = self.scan.number() {
            Data::Number(number.into())
        } else if self.scan.take("[") {
            Data::List(self.deeper(Self::list)?)
        } else if self.scan.take("{") {
            Data::Hash(self.deeper(Self::hash)?)
        } else if let Some(name) = self.scan.name() {
            match self.scan.peek() {
                Some('{') => Data::Plugin(self.plugin(at, name)?),
                _ => Data::Text(name.into()),
            }
        } else {
            return Err(self.scan.expected(WHAT));
        };
        Ok(Value { at, data, variables })
    }

    /// Parses a list after its `[`.
    fn list(&mut self) -> Result<Vec<Value>, SyntaxError> {
        let mut values = Vec::new();
        if self.scan.take("]") {
            return Ok(values);
        }
        loop {
            values.push(self.value()?);
            if self.scan.take("]") {
                return Ok(values);
            }
            self.scan.expect(",", "or `]` after an element")?;
        }
    }

    /// Parses a hash after its `{`.
    fn hash(&mut self) -> Result<Vec<(Value, Value)>, SyntaxError> {
        let mut entries = Vec::new();
        let mut known = HashSet::new();
        while !self.scan.take("}") {
            let at = self.scan.place();
            let key = match self.scan.string()? {
                Some(key) => Some(key),
                None => self.scan.number().or_else(|| self.scan.name()),
            };
            let Some(key) = key else {
                return Err(self.scan.expected("a key, or `}`; entries have no comma between them;"));
            };
            if !known.insert(key) {
                return Err(SyntaxError { at, message: format!("the key `{key}` is in this hash already") });
            }
            self.scan.expect("=>", "after a key")?;
            let value = self.value()?;
            entries.push((Value { at, data: Data::Text(key.into()), variables: None }, value));
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests;

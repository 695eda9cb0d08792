//! TOML values that remember where they stood.
//!
//! `toml` reads; this keeps what it read with the byte span of every key and value, in the order of the text, so that
//! any later complaint can point at its cause.

use std::borrow::Cow;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A value and the bytes it was written in.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Range<usize>,
}

/// A TOML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
    /// A value no option takes, by the name it has in a sentence: `a date`, `an integer beyond 64 bits`.
    Foreign(&'static str),
}

/// A TOML table in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    pub entries: Vec<Entry>,
}

/// A key, where it stood, and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub node: Node,
}

/// A mistake in TOML's grammar.
pub struct SyntaxError {
    pub message: String,
    pub span: Range<usize>,
}

impl Table {
    /// Reads a document; what could be read is returned beside the first error.
    ///
    /// One error is all that can be trusted: after it the parser guesses, and an unclosed bracket alone brings ten more.
    pub fn parse(text: &str) -> (Self, Option<SyntaxError>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let span = |error: &toml::de::Error| error.span().unwrap_or(text.len()..text.len());
        let first = errors.iter().min_by_key(|error| span(error).start).map(|error| SyntaxError {
            message: error.message().trim().replace('\n', ", "),
            span: span(error),
        });
        (Self::convert(table.into_inner(), 0), first)
    }

    /// The entry called `key`.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The entry at the end of a path of keys.
    pub fn find(&self, path: &[&str]) -> Option<&Entry> {
        let (first, rest) = path.split_first()?;
        let entry = self.get(first)?;
        if rest.is_empty() {
            return Some(entry);
        }
        entry.node.table()?.find(rest)
    }

    /// Takes the entry called `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.remove(index))
    }

    fn convert(table: DeTable<'_>, offset: usize) -> Self {
        let mut entries: Vec<Entry> = table
            .into_iter()
            .map(|(key, value)| Entry {
                key_span: shifted(key.span(), offset),
                key: key.into_inner().into_owned(),
                node: Node::convert(value.span(), value.into_inner(), offset),
            })
            .collect();
        entries.sort_by_key(|entry| entry.key_span.start);
        Self { entries }
    }
}

impl Node {
    /// Reads one value, the text of which begins at byte `offset` of its source.
    pub fn parse(text: &str, offset: usize) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        Some(Self::convert(value.span(), value.into_inner(), offset))
    }

    /// The table, if it is one.
    pub fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The table, if it is one, to change.
    pub fn table_mut(&mut self) -> Option<&mut Table> {
        match &mut self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn string(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn convert(span: Range<usize>, value: DeValue<'_>, offset: usize) -> Self {
        let value = match value {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
                .map_or(Value::Foreign("an integer beyond 64 bits"), Value::Integer),
            DeValue::Float(digits) => {
                digits.as_str().parse().map_or(Value::Foreign("an unreadable number"), Value::Float)
            }
            DeValue::Boolean(on) => Value::Boolean(on),
            DeValue::Datetime(_) => Value::Foreign("a date"),
            DeValue::Array(items) => Value::Array(
                items.into_iter().map(|item| Self::convert(item.span(), item.into_inner(), offset)).collect(),
            ),
            DeValue::Table(table) => Value::Table(Table::convert(table, offset)),
        };
        Self { value, span: shifted(span, offset) }
    }
}

impl Value {
    /// As it would be written in TOML; empty for a table.
    pub fn to_toml(&self) -> String {
        match self {
            Self::String(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) if number.abs() >= 1e5 || (number.abs() < 1e-3 && *number != 0.0) => {
                format!("{number:e}")
            }
            Self::Float(number) => format!("{number:?}"),
            Self::Boolean(on) => on.to_string(),
            Self::Array(items) => {
                format!("[{}]", items.iter().map(|item| item.value.to_toml()).collect::<Vec<_>>().join(", "))
            }
            Self::Table(table) => {
                let pair = |entry: &Entry| format!("{} = {}", entry.key, entry.node.value.to_toml());
                format!("{{ {} }}", table.entries.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
            // What no option takes has been refused.
            Self::Foreign(_) => String::new(),
        }
    }

    /// What it is, as the object of a sentence: ``the string `"x"` ``, `a table`.
    pub fn describe(&self) -> Cow<'static, str> {
        match self {
            Self::String(text) => format!("the string `{text:?}`").into(),
            Self::Integer(number) => format!("the integer `{number}`").into(),
            Self::Float(number) => format!("the number `{number:?}`").into(),
            Self::Boolean(on) => format!("`{on}`").into(),
            Self::Array(_) => "a list".into(),
            Self::Table(_) => "a table".into(),
            Self::Foreign(what) => (*what).into(),
        }
    }
}

fn shifted(span: Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}

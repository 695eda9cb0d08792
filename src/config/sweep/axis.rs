//! The axes of a sweep, and what is left out of their product.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::declared::EXPERIMENT;
use crate::config::files::tidy;
use crate::config::source::Source;
use crate::config::tree::{Entry, Node, Table, Value};

/// An option and the values it takes in a sweep.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Dotted path of the option, or `experiment`.
    pub path: String,
    /// Where it was written.
    pub(super) source: Arc<Source>,
    pub(super) key_span: Range<usize>,
    pub(super) values: Vec<Node>,
}

impl Axis {
    /// Every axis in a table of lists, in the order in which they were written.
    pub(super) fn all(source: &Arc<Source>, table: &Table) -> Vec<Self> {
        let mut found = Vec::new();
        each_leaf(table, "", &mut |path, entry| {
            found.push(Self {
                path,
                source: source.clone(),
                key_span: entry.key_span.clone(),
                values: entry.node.array().unwrap_or_default().to_vec(),
            });
        });
        found.sort_by_key(|axis| axis.key_span.start);
        found
    }

    /// `run.seed` with these seeds, or with so many.
    pub(super) fn seeds(source: &Arc<Source>, entry: &Entry) -> Self {
        let values = match &entry.node.value {
            Value::Array(items) => items.clone(),
            Value::Integer(count) => (0..*count)
                .map(|seed| Node { value: Value::Integer(seed), span: entry.node.span.clone() })
                .collect(),
            _ => Vec::new(),
        };
        Self { path: "run.seed".into(), source: source.clone(), key_span: entry.key_span.clone(), values }
    }

    pub(super) fn setting(&self, index: usize) -> Setting {
        Setting { path: self.path.clone(), node: self.values[index].clone(), source: self.source.clone() }
    }
}

/// One option at a point: what it is set to, and where that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Dotted path of the option, or `experiment`.
    pub path: String,
    pub(super) node: Node,
    pub(in crate::config) source: Arc<Source>,
}

impl Setting {
    /// The value as TOML.
    pub fn value(&self) -> String {
        self.node.value.to_toml()
    }

    /// The experiment file, if it is one that is set.
    pub fn experiment(&self) -> Option<PathBuf> {
        let written = self.node.string().filter(|_| self.path == EXPERIMENT)?;
        Some(tidy(&Path::new(self.source.name()).parent().unwrap_or(Path::new("")).join(written)))
    }

    /// The layer that sets this option and nothing else.
    pub(in crate::config) fn table(&self) -> Table {
        let span = &self.node.span;
        let entry = |key: &str, node: Node| Entry { key: key.to_owned(), key_span: span.clone(), node };
        let mut keys = self.path.rsplit('.');
        let leaf = keys.next().map(|key| entry(key, self.node.clone()));
        let whole = keys.fold(leaf, |inner, key| {
            let node = Node { value: Value::Table(Table { entries: vec![inner?] }), span: span.clone() };
            Some(entry(key, node))
        });
        Table { entries: whole.into_iter().collect() }
    }
}

/// A combination that is left out.
#[derive(Debug, Clone)]
pub(super) struct Excluded {
    pub source: Arc<Source>,
    pub span: Range<usize>,
    /// The axes' paths, where each stands, and its value.
    pub values: Vec<(String, Entry)>,
}

impl Excluded {
    /// What the table at `node` of `source` leaves out.
    pub fn new(source: &Arc<Source>, node: &Node) -> Self {
        let mut values = Vec::new();
        if let Some(table) = node.table() {
            each_leaf(table, "", &mut |path, entry| values.push((path, entry.clone())));
        }
        Self { source: source.clone(), span: node.span.clone(), values }
    }

    /// Whether a point has all these values.
    pub fn takes_out(&self, settings: &[Setting]) -> bool {
        self.values.iter().all(|(path, entry)| {
            settings
                .iter()
                .any(|setting| setting.path == *path && same(&setting.node.value, &entry.node.value))
        })
    }
}

/// Whether two values are the same, wherever they were written.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(&a.value, &b.value))
        }
        _ => match (number(one), number(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
    }
}

fn each_leaf(table: &Table, prefix: &str, visit: &mut dyn FnMut(String, &Entry)) {
    for entry in &table.entries {
        let path = format!("{prefix}{}", entry.key);
        match entry.node.table() {
            Some(table) => each_leaf(table, &format!("{path}."), visit),
            None => visit(path, entry),
        }
    }
}

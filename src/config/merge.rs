//! Merging layers into one experiment, and remembering which layer each value came from.
//!
//! figment does both: each layer is one provider, and every value keeps the tag of the provider that set it. Arrays
//! are replaced, never joined.

use std::ops::Range;
use std::sync::Arc;

use figment::value::{Dict, Map, Value as Merged};
use figment::{Figment, Metadata, Profile, Provider};

use super::Experiment;
use super::problem::{Code, NOT_TYPED, Problem, Problems};
use super::source::Source;
use super::tree::{Entry, Table, Value};

/// One layer: options and where they were written.
#[derive(Debug, Clone)]
pub struct Layer {
    pub source: Arc<Source>,
    pub table: Table,
    /// Whether it was written for this run alone: the experiment's own lines, `-s`, a variable. Bases, profiles and pasted `--hparams` serve
    /// several runs.
    pub own: bool,
}

/// Where every value of an experiment came from.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// Lowest first; never empty.
    layers: Vec<Layer>,
    figment: Figment,
    /// The experiment's own file.
    file: Arc<Source>,
}

impl Provenance {
    /// Merges `layers`, lowest first; `file` is the experiment's own.
    pub fn merge(layers: Vec<Layer>, file: Arc<Source>) -> Self {
        let figment = layers.iter().enumerate().fold(Figment::new(), |figment, (index, layer)| {
            figment.merge(Numbered { index, table: &layer.table })
        });
        Self { layers, figment, file }
    }

    /// The merged values as an experiment.
    ///
    /// # Errors
    /// What the walk over the schema let through and the types do not take.
    pub fn experiment(&self) -> Result<Experiment, Problems> {
        let untyped = |error: figment::Error| self.problem(NOT_TYPED, "", error.to_string());
        let merged: toml::Table = self.figment.extract().map_err(untyped)?;
        serde_path_to_error::deserialize(merged).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            self.problem(NOT_TYPED, &path, message.trim().to_owned()).into()
        })
    }

    /// Where the option `path` was set: `file:line`, an argument or a variable; `None` where the default holds.
    pub fn origin(&self, path: &str) -> Option<String> {
        self.find(path).map(|(source, entry)| source.place(entry.key_span.start))
    }

    /// A problem with the option `path`, pointing at the key that set it, or at the file where the default holds.
    pub fn problem(&self, code: Code, path: &str, message: String) -> Problem {
        match self.find(path) {
            Some((source, entry)) => source.problem(code, extent(entry), path, message),
            None => self.file.problem_throughout(code, path, message),
        }
    }

    /// Dotted paths of the options that were written for this run alone, each once.
    pub fn own_options(&self) -> Vec<String> {
        let mut paths = Vec::new();
        for layer in self.layers.iter().filter(|layer| layer.own) {
            collect(&layer.table, "", &mut paths);
        }
        paths.sort();
        paths.dedup();
        paths
    }

    /// Names of the files, arguments and variables that were merged, lowest first, each once.
    pub fn sources(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for layer in &self.layers {
            if !names.contains(&layer.source.name()) {
                names.push(layer.source.name());
            }
        }
        names
    }

    fn find(&self, path: &str) -> Option<(&Source, &Entry)> {
        let index: usize = self.figment.find_metadata(path)?.name.parse().ok()?;
        let layer = self.layers.get(index)?;
        let keys: Vec<&str> = path.split('.').collect();
        Some((&layer.source, layer.table.find(&keys)?))
    }
}

fn collect(table: &Table, prefix: &str, paths: &mut Vec<String>) {
    for entry in &table.entries {
        let path = format!("{prefix}{}", entry.key);
        match entry.node.table() {
            Some(table) => collect(table, &format!("{path}."), paths),
            None => paths.push(path),
        }
    }
}

/// The key and, if it is on the same text, its value.
fn extent(entry: &Entry) -> Range<usize> {
    entry.key_span.start..entry.node.span.end.max(entry.key_span.end)
}

/// A layer as figment wants it: its name is its number, by which the layer is found again.
struct Numbered<'a> {
    index: usize,
    table: &'a Table,
}

impl Provider for Numbered<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.index.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(dict(self.table)))
    }
}

fn dict(table: &Table) -> Dict {
    table.entries.iter().map(|entry| (entry.key.clone(), merged(&entry.node.value))).collect()
}

fn merged(value: &Value) -> Merged {
    match value {
        Value::String(text) => Merged::from(text.as_str()),
        Value::Integer(number) => Merged::from(*number),
        Value::Float(number) => Merged::from(*number),
        Value::Boolean(on) => Merged::from(*on),
        Value::Array(items) => Merged::from(items.iter().map(|item| merged(&item.value)).collect::<Vec<_>>()),
        Value::Table(table) => Merged::from(dict(table)),
        // The walk refuses these, and nothing is merged after a refusal.
        Value::Foreign(what) => Merged::from(*what),
    }
}

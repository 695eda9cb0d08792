//! Options set outside any file: `-s a.b=c`, `--hparams "a=1,b=[1,2]"` and variables `RUNNER__A__B`.
//!
//! Each becomes a layer like a file's, with spans into the argument's own text, so that the same walk finds its
//! mistakes. What a value is follows from the option it is for: text needs no quotes where text is due, and Python's
//! `True` is as good as `true`.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::nearest::{listed, nearest};
use super::problem::{AMBIGUOUS_NAME, MALFORMED_OVERRIDE, Problem, Problems, UNKNOWN_KEY};
use super::retired;
use super::schema::{Leaf, Schema};
use super::source::Source;
use super::tree::{Entry, Node, Table, Value};

/// One option set by an argument or a variable.
pub struct Override {
    /// The argument's text.
    pub source: Arc<Source>,
    /// The option's path and, in the source, where each key stands.
    pub keys: Vec<(String, Range<usize>)>,
    /// The element of a list, when only that is set.
    pub index: Option<usize>,
    /// Its new value.
    pub node: Node,
}

impl Override {
    /// The option's path, for looking it up.
    pub fn path(&self) -> Vec<&str> {
        self.keys.iter().map(|(key, _)| key.as_str()).collect()
    }

    /// The layer that sets this option and nothing else.
    pub fn table(&self) -> Table {
        let nested = self.keys.iter().rev().fold(None, |inner: Option<Table>, (key, span)| {
            let node = match inner {
                None => self.node.clone(),
                Some(table) => Node { value: Value::Table(table), span: span.clone() },
            };
            Some(Table { entries: vec![Entry { key: key.clone(), key_span: span.clone(), node }] })
        });
        nested.unwrap_or_default()
    }

    /// A problem with this override's value.
    pub fn problem(&self, message: String) -> Problem {
        self.source.problem(MALFORMED_OVERRIDE, self.node.span.clone(), &self.path().join("."), message)
    }
}

/// The option set by `-s KEY=VALUE`.
pub fn from_set(argument: &str, schema: &Schema) -> Result<Override, Problems> {
    let key = argument.split('=').next().unwrap_or_default().trim();
    let source = Arc::new(Source::argument(format!("-s {key}"), format!("-s {argument}")));
    let span = 3..source.text().len();
    let item =
        split(&source, span.clone()).ok_or_else(|| malformed(&source, span, "-s train.max_lr=3e-4"))?;
    Ok(item.with_keys(item.dotted(), schema))
}

/// The options set by `--hparams a=1,b=2`; names need no table, and of the models' options mean those of `model`. Problems come one per item.
pub fn from_hparams(argument: &str, schema: &Schema, model: &str) -> (Vec<Override>, Vec<Problem>) {
    let prefix = "--hparams ";
    let source = Arc::new(Source::argument("--hparams", format!("{prefix}{argument}")));
    let (mut overrides, mut problems) = (Vec::<Override>::new(), Vec::new());
    for span in items(argument, prefix.len()) {
        let item =
            split(&source, span.clone()).ok_or_else(|| malformed(&source, span, "--hparams batch_size=24"));
        let found =
            item.and_then(|item| item.keys_by_name(schema, model).map(|keys| item.with_keys(keys, schema)));
        match found {
            Ok(found) if overrides.iter().any(|o| o.path() == found.path() && o.index == found.index) => {
                let name = found.path().join(".");
                problems.push(source.problem(
                    MALFORMED_OVERRIDE,
                    found.keys[0].1.clone(),
                    &name,
                    format!("`{name}` is set twice"),
                ));
            }
            Ok(found) => overrides.push(found),
            Err(wrong) => problems.extend(wrong),
        }
    }
    (overrides, problems)
}

/// The option set by a variable such as `RUNNER__TRAIN__MAX_LR`; `None` for every other variable.
pub fn from_variable(name: &str, value: &str, schema: &Schema) -> Option<Override> {
    let rest = name.strip_prefix("RUNNER__")?;
    let source = Arc::new(Source::argument(name, format!("{name}={value}")));
    let mut at = name.len() - rest.len();
    let mut keys = Vec::new();
    for part in rest.split("__") {
        keys.push((part.to_ascii_lowercase(), at..at + part.len()));
        at += part.len() + 2;
    }
    let value = name.len() + 1..source.text().len();
    let item = Item { source, key: 0..0, index: None, value };
    Some(item.with_keys(keys, schema))
}

/// `key=value` or `key[2]=value` somewhere in a source.
struct Item {
    source: Arc<Source>,
    key: Range<usize>,
    index: Option<usize>,
    value: Range<usize>,
}

impl Item {
    /// The keys of a dotted path.
    fn dotted(&self) -> Vec<(String, Range<usize>)> {
        let mut at = self.key.start;
        let mut keys = Vec::new();
        for part in self.source.text()[self.key.clone()].split('.') {
            keys.push((part.to_owned(), at..at + part.len()));
            at += part.len() + 1;
        }
        keys
    }

    /// The keys of a bare name, found in whatever table has it; of the models' tables only that of `model` is looked into, if it has it.
    fn keys_by_name(&self, schema: &Schema, model: &str) -> Result<Vec<(String, Range<usize>)>, Problems> {
        let name = &self.source.text()[self.key.clone()];
        if name.contains('.') {
            return Ok(self.dotted());
        }
        let mut found: Vec<_> = schema.leaves().iter().filter(|leaf| leaf.name() == name).collect();
        let of_another = |leaf: &Leaf| leaf.path[0] == "model" && leaf.path[1] != model;
        if found.iter().any(|leaf| !of_another(leaf)) {
            found.retain(|leaf| !of_another(leaf));
        }
        match found.as_slice() {
            [leaf] => Ok(leaf.path.iter().map(|key| (key.clone(), self.key.clone())).collect()),
            [] => {
                let problem = self.source.problem(
                    UNKNOWN_KEY,
                    self.key.clone(),
                    name,
                    format!("no option is called `{name}`"),
                );
                let names = schema.leaves().iter().map(|leaf| leaf.name());
                let guess = || nearest(name, names).map(|name| format!("did you mean `{name}`?"));
                let help = retired::advice(name).map(str::to_owned).or_else(guess);
                Err(Problem { help, ..problem }.into())
            }
            several => {
                let paths: Vec<String> = several.iter().map(|leaf| leaf.dotted()).collect();
                let message = format!("`{name}` may be {}", listed(paths.iter().map(String::as_str)));
                let problem = self.source.problem(AMBIGUOUS_NAME, self.key.clone(), name, message);
                Err(problem.with_help("write the one you mean in full").into())
            }
        }
    }

    fn with_keys(&self, keys: Vec<(String, Range<usize>)>, schema: &Schema) -> Override {
        let path: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let option = schema.at(&path);
        let option = if self.index.is_some() { option.map(|list| &list["items"]) } else { option };
        let node = value(&self.source, self.value.clone(), option.unwrap_or(&Json::Null));
        Override { source: self.source.clone(), keys, index: self.index, node }
    }
}

/// Splits `key=value` or `key[2]=value`; `None` where it is neither.
fn split(source: &Arc<Source>, span: Range<usize>) -> Option<Item> {
    let text = &source.text()[span.clone()];
    let equals = text.find('=')?;
    let mut key = trimmed(source.text(), span.start..span.start + equals);
    let mut index = None;
    if let Some(name) = source.text()[key.clone()].strip_suffix(']') {
        let bracket = name.find('[')?;
        index = Some(name[bracket + 1..].parse().ok()?);
        key.end = key.start + bracket;
    }
    let is_key =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    let well_formed = source.text()[key.clone()].split('.').all(is_key);
    let value = trimmed(source.text(), span.start + equals + 1..span.end);
    well_formed.then(|| Item { source: source.clone(), key, index, value })
}

/// The spans of the comma-separated items of `argument`, which begins at byte `offset` of its source.
fn items(argument: &str, offset: usize) -> Vec<Range<usize>> {
    let (mut spans, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, letter) in argument.char_indices() {
        match (letter, quote) {
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            ('[', None) => depth += 1,
            (']', None) => depth = depth.saturating_sub(1),
            (',', None) if depth == 0 => {
                spans.push(start + offset..at + offset);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < argument.len() || !spans.is_empty() {
        spans.push(start + offset..argument.len() + offset);
    }
    spans
}

/// Reads a value as the `option` would have it; what does not fit stays as it is, for the walk to complain about.
fn value(source: &Source, span: Range<usize>, option: &Json) -> Node {
    let text = &source.text()[span.clone()];
    let parsed = Node::parse(text, span.start);
    let as_text = || Node { value: Value::String(text.to_owned()), span: span.clone() };
    match option["type"].as_str() {
        Some("string") => parsed.filter(|node| node.string().is_some()).unwrap_or_else(as_text),
        Some("boolean") => {
            let on = match text {
                "true" | "True" => Some(true),
                "false" | "False" => Some(false),
                number => number.parse::<i64>().ok().map(|number| number != 0),
            };
            on.map(|on| Node { value: Value::Boolean(on), span: span.clone() })
                .or(parsed)
                .unwrap_or_else(as_text)
        }
        _ => parsed.unwrap_or_else(as_text),
    }
}

fn malformed(source: &Source, span: Range<usize>, example: &str) -> Problems {
    let written = source.text()[span.clone()].trim();
    let message = format!("`{written}` is not of the form `key=value`");
    source.problem(MALFORMED_OVERRIDE, span, "", message).with_help(format!("for example `{example}`")).into()
}

fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let part = &text[span.clone()];
    let start = span.start + part.len() - part.trim_start().len();
    start..start + part.trim().len()
}

//! `categories.json`: the class names of every classifier head.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use super::CorpusError;

/// A label that counts as no class at all: the head learns nothing from it.
pub(super) const UNLABELLED: &str = "-100";

/// More classes than all heads of a model have; a larger number in the file is a mistake, not a size to allocate.
const MOST_CLASSES: u64 = 1_000_000;

/// The classes of every classifier head, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Categories {
    heads: Vec<Head>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    classes: HashMap<String, usize>,
    names: Vec<String>,
}

impl Categories {
    /// Reads a `categories.json`.
    pub fn read(path: &Path) -> Result<Self, CorpusError> {
        let json = std::fs::read_to_string(path).map_err(|source| CorpusError::read(path, source))?;
        Self::from_json(path, &json)
    }

    /// Takes the text of a `categories.json`: a list with one entry per head, each an object from name to
    /// class, a list of names, or a number of classes (named "0", "1", …). `path` appears in errors only.
    pub fn from_json(path: &Path, json: &str) -> Result<Self, CorpusError> {
        parse(json).map_err(|detail| CorpusError::Categories { path: path.to_owned(), detail })
    }

    /// The number of classes of every head.
    pub fn sizes(&self) -> Vec<usize> {
        self.heads.iter().map(|head| head.names.len()).collect()
    }

    /// The name of a class of a head.
    pub fn name(&self, head: usize, class: usize) -> Option<&str> {
        self.heads.get(head)?.names.get(class).map(String::as_str)
    }

    /// The class of every head for an utterance's `labels`; `None` in it for the literal `-100`.
    ///
    /// `None` for the whole where a label is unknown, or where there is not one label per head: such
    /// utterances cannot be used.
    pub fn classes(&self, labels: &[String]) -> Option<Vec<Option<usize>>> {
        if labels.len() != self.heads.len() {
            return None;
        }
        self.heads
            .iter()
            .zip(labels)
            .map(|(head, label)| match head.classes.get(label) {
                Some(&class) => Some(Some(class)),
                None => (label == UNLABELLED).then_some(None),
            })
            .collect()
    }
}

impl Categories {
    /// The classes of the first head that `labels` name, in their order; none for an empty label. `None` where one is unknown.
    pub fn all(&self, labels: &[String]) -> Option<Vec<usize>> {
        let head = self.heads.first()?;
        let named = labels.iter().filter(|label| !label.trim().is_empty());
        named.map(|label| head.classes.get(label).copied()).collect()
    }
}

fn parse(json: &str) -> Result<Categories, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| format!("it is not JSON: {error}"))?;
    let Value::Array(heads) = value else {
        return Err("it must be a list with one entry per classifier head".to_owned());
    };
    if heads.is_empty() {
        return Err("it lists no classifier head".to_owned());
    }
    let counted: u64 = heads.iter().filter_map(Value::as_u64).fold(0, u64::saturating_add);
    if heads.len() > 1 && counted > MOST_CLASSES {
        return Err(format!("its heads have {counted} classes, more than the {MOST_CLASSES} that are read"));
    }
    let heads = (0..)
        .zip(&heads)
        .map(|(at, head)| parse_head(head).map_err(|detail| format!("head {at}: {detail}")))
        .collect::<Result<_, String>>()?;
    Ok(Categories { heads })
}

fn parse_head(head: &Value) -> Result<Head, String> {
    let names = match head {
        Value::Object(classes) => names_by_class(classes)?,
        Value::Array(names) => names.iter().map(name_of).collect::<Result<_, _>>()?,
        Value::Number(count) => match count.as_u64() {
            Some(count) if count <= MOST_CLASSES => (0..count).map(|class| class.to_string()).collect(),
            _ => return Err(format!("{count} is not a number of classes")),
        },
        other => return Err(format!("{other} is neither an object, nor a list of names, nor a number")),
    };
    if names.is_empty() {
        return Err("it has no class".to_owned());
    }
    let classes: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
    match classes.len() == names.len() {
        true => Ok(Head { classes, names }),
        false => Err("a name occurs twice".to_owned()),
    }
}

fn names_by_class(classes: &serde_json::Map<String, Value>) -> Result<Vec<String>, String> {
    let mut names = BTreeMap::new();
    for (name, class) in classes {
        let index =
            class.as_u64().ok_or_else(|| format!("`{name}` has {class}, which is no class number"))?;
        if let Some(other) = names.insert(index, name.clone()) {
            return Err(format!("`{other}` and `{name}` both have class {index}"));
        }
    }
    match names.last_key_value() {
        Some((&last, _)) if last.checked_add(1) != Some(names.len() as u64) => {
            Err(format!("{} names must have the classes 0 to {}, each once", names.len(), names.len() - 1))
        }
        _ => Ok(names.into_values().collect()),
    }
}

fn name_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(name) => Ok(name.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!("{other} is not a class name")),
    }
}

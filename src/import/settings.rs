//! The options that a command comes to, each with what it came from.

use serde_json::{Map, Value as Json, json};

use super::argparse::Given;
use super::problem::BAD_VALUE;
use super::value::Value;
use crate::config::{Experiment, Problem, Schema, listed};

/// One option.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Dotted path.
    pub path: &'static str,
    pub value: Value,
    /// What in the command it came from, for the comment beside it.
    pub origin: String,
}

/// Options, and what the options here do not take.
#[derive(Debug, Default)]
pub struct Settings {
    pub list: Vec<Setting>,
    pub problems: Vec<Problem>,
}

impl Settings {
    /// Sets an option; the last setting of a path holds.
    pub fn set(&mut self, path: &'static str, value: Value, origin: impl Into<String>) {
        self.list.retain(|setting| setting.path != path);
        self.list.push(Setting { path, value, origin: origin.into() });
    }

    /// Sets an option to text.
    pub fn say(&mut self, path: &'static str, text: &str, origin: impl Into<String>) {
        self.set(path, Value::Text(text.to_owned()), origin);
    }

    /// The value of an option that is set.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.list.iter().find(|setting| setting.path == path).map(|setting| &setting.value)
    }

    /// Sets an option to what a flag gives; the flag's mistake if the option does not take it.
    pub fn take(&mut self, path: &'static str, given: &Given, value: Value, origin: impl Into<String>) {
        match complaint(path, &value) {
            Some(message) => self.problems.push(given.value.problem(BAD_VALUE, message)),
            None => self.set(path, value, origin),
        }
    }

    /// In the order of the schema: the options at the top, then table by table.
    pub fn sorted(mut self) -> Vec<Setting> {
        let rank = |path: &str| Schema::get().leaves().iter().position(|leaf| leaf.dotted() == path);
        self.list.sort_by_key(|setting| rank(setting.path));
        self.list
    }
}

/// What keeps the option at `path` from taking `value`.
fn complaint(path: &str, value: &Value) -> Option<String> {
    let keys: Vec<&str> = path.split('.').collect();
    let option = Schema::get().at(&keys)?;
    if let (Some(choices), Value::Text(text)) = (option["enum"].as_array(), value) {
        let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
        return (!choices.contains(&text.as_str()))
            .then(|| format!("`{path}` takes {}, not `{text}`", listed(choices.clone())));
    }
    let bound = |node: &Json, key: &str| node[key].as_f64();
    let numbers = match value {
        Value::Integers(numbers) => numbers.iter().map(|number| *number as f64).collect(),
        value => value.number().into_iter().collect::<Vec<_>>(),
    };
    let node = if matches!(value, Value::Integers(_)) { &option["items"] } else { option };
    numbers.into_iter().find_map(|number| {
        let rule = match (bound(node, "minimum"), bound(node, "maximum"), bound(node, "exclusiveMinimum")) {
            (Some(least), ..) if number < least => format!("at least {least}"),
            (_, Some(most), _) if number > most => format!("at most {most}"),
            (.., Some(floor)) if number <= floor => format!("more than {floor}"),
            _ => return None,
        };
        Some(format!("`{path}` must be {rule}, but is {number}"))
    })
}

/// The options as an experiment; `None` where they form none.
pub fn experiment(settings: &[Setting]) -> Option<Experiment> {
    let mut root = json!({});
    for setting in settings {
        let mut node = &mut root;
        for key in setting.path.split('.') {
            node = node.as_object_mut()?.entry(key).or_insert_with(|| Json::Object(Map::new()));
        }
        *node = setting.value.json();
    }
    serde_json::from_value(root).ok()
}

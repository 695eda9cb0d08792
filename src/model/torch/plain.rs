//! The plain values of a pickle as JSON: settings, counters and names that stand beside a model.
//!
//! OmegaConf's containers, in which Hydra's and Lightning's programs keep their settings, are plain values in objects of its own; they are
//! known here by name and read like the dictionaries and lists they stand for. Interpolations stay as they are written.

use serde_json::{Map, Number, Value as Json};

use super::pickle::{Id, Node, Pickle};

/// A pickle's values can contain each other: how deep is looked, and how many values are taken.
const DEEPEST: usize = 32;
const MOST_VALUES: usize = 1 << 18;
/// Bytes of text that count as a value: one text may stand in any number of places.
const TEXT_PER_VALUE: usize = 32;

/// Takes plain values out of a pickle.
pub struct Plain<'a> {
    pickle: &'a Pickle,
    taken: usize,
}

impl<'a> Plain<'a> {
    /// Of this pickle.
    pub fn new(pickle: &'a Pickle) -> Self {
        Self { pickle, taken: 0 }
    }

    /// The plain values at the top, except under `model`.
    pub fn beside(mut self, model: Option<Id>) -> Map<String, Json> {
        let entries = self.pickle.entries(self.pickle.root()).unwrap_or_default();
        let others: Vec<(Id, Id)> =
            entries.iter().copied().filter(|(_, value)| Some(*value) != model).collect();
        self.dictionary(&others, 1)
    }

    fn value(&mut self, id: Id, depth: usize) -> Option<Json> {
        self.taken += 1;
        if depth > DEEPEST || self.taken > MOST_VALUES {
            return None;
        }
        match self.pickle.node(id) {
            Node::None => Some(Json::Null),
            Node::Bool(truth) => Some((*truth).into()),
            Node::Int(number) => Some((*number).into()),
            Node::Float(number) => Number::from_f64(*number).map(Json::Number),
            Node::Text(text) => self.text(text).map(Json::String),
            Node::Bytes(bytes) => self.text(&String::from_utf8_lossy(bytes)).map(Json::String),
            Node::Tuple(items) | Node::List(items) => {
                let mut values = Vec::new();
                for item in items.iter().take_while(|_| depth < DEEPEST) {
                    let value = self.value(*item, depth + 1);
                    if self.taken > MOST_VALUES {
                        break;
                    }
                    values.push(value.unwrap_or(Json::Null));
                }
                Some(Json::Array(values))
            }
            Node::Dict(entries) => Some(Json::Object(self.dictionary(entries, depth + 1))),
            Node::Global(_) | Node::Persistent(_) => None,
            Node::Call { .. } => self.value(self.inside(id)?, depth + 1),
        }
    }

    /// A copy of a text, as long as there is room for it.
    fn text(&mut self, text: &str) -> Option<String> {
        self.taken += text.len() / TEXT_PER_VALUE;
        (self.taken <= MOST_VALUES).then(|| text.to_owned())
    }

    fn dictionary(&mut self, entries: &[(Id, Id)], depth: usize) -> Map<String, Json> {
        let mut map = Map::new();
        for (key, value) in entries {
            self.taken += 1;
            if self.taken > MOST_VALUES {
                break;
            }
            let key = match self.pickle.node(*key) {
                Node::Text(text) => self.text(text),
                Node::Int(number) => Some(number.to_string()),
                _ => None,
            };
            let Some(key) = key else { continue };
            if let Some(value) = self.value(*value, depth) {
                map.insert(key, value);
            }
        }
        map
    }

    /// What an object of OmegaConf's stands for.
    fn inside(&self, id: Id) -> Option<Id> {
        let (module, name) = self.pickle.class(id)?.split_once(' ')?;
        let state = self.pickle.state(id)?;
        match (module, name) {
            ("omegaconf.dictconfig", "DictConfig") | ("omegaconf.listconfig", "ListConfig") => {
                self.pickle.get(state, "_content")
            }
            ("omegaconf.nodes", _) => self.pickle.get(state, "_val"),
            _ => None,
        }
    }
}

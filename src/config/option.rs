//! One option, as it is explained: its words, type, range, default and choices, all from the schema.

use serde::Serialize;
use serde_json::Value as Json;

use super::nearest::{listed, nearest};
use super::schema::{Leaf, Schema};

/// What there is to know about an option without asking what it is for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptionDoc {
    /// Dotted path, for example `train.max_lr`.
    pub path: String,
    /// Type and range, for example `number, at least 0`.
    pub takes: String,
    /// The default as TOML; `None` where there is none.
    pub default: Option<String>,
    /// One sentence.
    pub summary: String,
    /// What more there is to say; may be empty.
    pub details: String,
    /// Each choice and what it does; empty where any value of the type will do.
    pub choices: Vec<(String, String)>,
}

impl OptionDoc {
    /// The option at a dotted path.
    pub fn at(path: &str) -> Option<Self> {
        let node = match path.strip_prefix("sweep.") {
            Some(key) => Schema::get().sweep()["properties"].get(key)?,
            None => {
                let keys: Vec<&str> = path.split('.').collect();
                Schema::get().at(&keys).filter(|node| node.get("properties").is_none())?
            }
        };
        let (text, choices) = words(node["description"].as_str().unwrap_or_default());
        let (summary, details) = text.split_once("\n\n").unwrap_or((&text, ""));
        let joined = |text: &str| {
            text.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n")
        };
        Some(Self {
            path: path.to_owned(),
            takes: takes(node),
            default: node.get("default").filter(|default| *default != "").map(written),
            summary: joined(summary),
            details: joined(details).trim().to_owned(),
            choices,
        })
    }

    /// The parts of `[sweep]`, which are no options of a run.
    pub fn of_sweep() -> impl Iterator<Item = Self> {
        sweep_paths().filter_map(|path| Self::at(&path))
    }

    /// An example of a value: the default, else something of the right form.
    pub fn example(&self) -> String {
        self.default.clone().unwrap_or_else(|| match self.path.as_str() {
            "continue_from" => "\"tedlium_target@40000\"".to_owned(),
            "distill.teacher" => "\"tedlium_direct\"".to_owned(),
            "data.dir" => "\"corpora/smoke\"".to_owned(),
            "data.feature_cache" => "\"data/features\"".to_owned(),
            "sweep.axes" => "{ train.max_lr = [1e-3, 3e-4] }".to_owned(),
            "sweep.zip" => "[{ data.batch_size = [8, 4], train.accumulation_steps = [1, 2] }]".to_owned(),
            "sweep.exclude" => "[{ train.max_lr = 1e-3, run.seed = 0 }]".to_owned(),
            "sweep.seeds" => "3".to_owned(),
            _ => "\"…\"".to_owned(),
        })
    }
}

/// What a name on the command line may mean.
#[derive(Debug, Clone, PartialEq)]
pub enum Named {
    /// Options with exactly this path or this last name.
    Options(Vec<String>),
    /// Options inside the table of this path.
    Table(Vec<String>),
    /// Nothing; the options and tables that come nearest.
    Nothing { nearest: Option<String>, containing: Vec<String> },
}

/// Finds what `name` means: a dotted path, a bare name, or a table.
pub fn named(name: &str) -> Named {
    let leaves = Schema::get().leaves();
    let of_sweep = || sweep_paths().collect::<Vec<_>>();
    if name == "sweep" {
        return Named::Table(of_sweep());
    }
    if let Some(path) = of_sweep().into_iter().find(|path| path == name) {
        return Named::Options(vec![path]);
    }
    let matching = |test: &dyn Fn(&Leaf) -> bool| -> Vec<String> {
        leaves.iter().filter(|leaf| test(leaf)).map(Leaf::dotted).collect()
    };
    let exact = matching(&|leaf| leaf.dotted() == name);
    if !exact.is_empty() {
        return Named::Options(exact);
    }
    let below = matching(&|leaf| leaf.dotted().starts_with(&format!("{name}.")));
    if !below.is_empty() {
        return Named::Table(below);
    }
    let bare = matching(&|leaf| leaf.name() == name);
    if !bare.is_empty() {
        return Named::Options(bare);
    }
    let bare_name = name.rsplit('.').next().unwrap_or(name);
    let spelt = nearest(bare_name, leaves.iter().map(Leaf::name)).map(str::to_owned);
    Named::Nothing { nearest: spelt, containing: matching(&|leaf| leaf.name().contains(bare_name)) }
}

fn sweep_paths() -> impl Iterator<Item = String> {
    let parts = Schema::get().sweep()["properties"].as_object();
    parts.into_iter().flatten().map(|(name, _)| format!("sweep.{name}"))
}

/// The description without its list of choices, and the list.
fn words(description: &str) -> (String, Vec<(String, String)>) {
    let Some((text, list)) = description.split_once("\n\n- `") else {
        return (description.to_owned(), Vec::new());
    };
    let choice = |line: &str| {
        let (name, meaning) = line.split_once("`: ")?;
        Some((name.trim_start_matches("- `").to_owned(), meaning.replace('\n', " ")))
    };
    (text.to_owned(), list.split("\n- `").filter_map(choice).collect())
}

fn takes(node: &Json) -> String {
    if let Some(choices) = Schema::words(node) {
        return listed(choices.iter().filter_map(Json::as_str)).replacen(" and ", " or ", 1);
    }
    if node.get("$ref").is_some() {
        return "table".to_owned();
    }
    if node["type"].is_array() {
        return "integer, or a list of integers".to_owned();
    }
    let mut parts = vec![match node["type"].as_str().unwrap_or_default() {
        "array" => return format!("list; each element: {}", takes(Schema::get().resolve(&node["items"]))),
        "boolean" => "`true` or `false`".to_owned(),
        "object" => "table".to_owned(),
        kind => kind.to_owned(),
    }];
    for (keyword, word) in
        [("minimum", "at least"), ("exclusiveMinimum", "more than"), ("maximum", "at most")]
    {
        if let Some(bound) = node.get(keyword) {
            parts.push(format!("{word} {bound}"));
        }
    }
    if let Some(form) = node["x-form"].as_str() {
        parts.push(form.to_owned());
    }
    parts.join(", ")
}

/// A JSON value as TOML: the same but for tables, of which options have none.
fn written(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

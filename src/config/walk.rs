//! The one walk over what was written beside what may be written: finds every problem at once.
//!
//! It reads a tree with spans and the plain schema of `schema.rs`, and reports each key and value that does not fit,
//! with its place and the nearest thing that would. It changes nothing and types nothing. Start at [`check`].

use std::ops::Range;

use serde_json::Value as Json;

use super::nearest::{listed, nearest, ranked};
use super::problem::{
    Code, MISSING_KEY, NOT_ALLOWED, ONE_VARIANT, Problem, UNKNOWN_CHOICE, UNKNOWN_KEY, WRONG_TYPE,
};
use super::retired;
use super::schema::{Schema, is_choice};
use super::source::Source;
use super::tree::{Entry, Node, Table, Value};

/// Problems of one file that are listed: who has more has one mistake, or means harm.
const MOST_PROBLEMS: usize = 1000;

/// Every problem of `table`, which was read from `source` and should fit the schema node `root`.
pub fn check(table: &Table, root: &Json, schema: &Schema, source: &Source) -> Vec<Problem> {
    let mut walk = Walk { schema, source, problems: Vec::new() };
    walk.table(table, root, &Place::top());
    walk.problems.sort_by_key(|problem| (problem.line, problem.col));
    walk.problems
}

struct Walk<'a> {
    schema: &'a Schema,
    source: &'a Source,
    problems: Vec<Problem>,
}

/// Where the walk stands: the keys from the top, and the option's own words.
#[derive(Clone)]
struct Place {
    keys: Vec<String>,
}

impl Place {
    fn top() -> Self {
        Self { keys: Vec::new() }
    }

    fn below(&self, key: &str) -> Self {
        let mut keys = self.keys.clone();
        keys.push(key.to_owned());
        Self { keys }
    }

    fn item(&self, index: usize) -> Self {
        let mut place = self.clone();
        if let Some(last) = place.keys.last_mut() {
            *last += &format!("[{index}]");
        }
        place
    }

    fn path(&self) -> String {
        self.keys.join(".")
    }

    /// Whether it is an element of a list.
    fn is_element(&self) -> bool {
        self.keys.last().is_some_and(|key| key.ends_with(']'))
    }

    /// `` `max_lr` in `[train]` ``, or `` `name` `` at the top.
    fn name(&self) -> String {
        match self.keys.split_last() {
            Some((key, [])) => format!("`{key}`"),
            Some((key, tables)) => format!("`{key}` in `[{}]`", tables.join(".")),
            None => "the file".to_owned(),
        }
    }

    /// What the option is, in a line, from its own documentation.
    fn meaning(&self, node: &Json) -> Option<String> {
        let line = node["description"].as_str()?.lines().next()?.trim_end_matches('.');
        self.keys.last().filter(|_| !line.is_empty()).map(|key| format!("`{key}`: {line}"))
    }

    /// The keys below `sweep`, where the place is in one.
    fn in_sweep(&self) -> Option<&[String]> {
        match self.keys.as_slice() {
            [first, inner @ ..] if first == "sweep" => Some(inner),
            [profile, _, third, inner @ ..] if profile == "profile" && third == "sweep" => Some(inner),
            _ => None,
        }
    }

    /// The keys before the layer's own, such as `profile.smoke.`, that a suggested path must keep.
    fn layer_prefix(&self) -> String {
        match self.keys.as_slice() {
            _ if self.in_sweep().is_some() => String::new(),
            [first, name, ..] if first == "profile" => format!("profile.{name}."),
            _ => String::new(),
        }
    }
}

impl Walk<'_> {
    fn report(
        &mut self,
        code: Code,
        span: &Range<usize>,
        place: &Place,
        message: String,
        help: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let mut problem = self.source.problem(code, span.clone(), &place.path(), message);
        problem.help = help;
        self.problems.push(problem);
        if self.is_full() {
            let message = format!("there is more amiss than the {MOST_PROBLEMS} problems that are listed");
            self.problems.push(self.source.problem(code, span.clone(), &place.path(), message));
        }
    }

    fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    fn table(&mut self, table: &Table, node: &Json, place: &Place) {
        let node = self.schema.resolve(node);
        for entry in &table.entries {
            if self.is_full() {
                return;
            }
            let place = place.below(&entry.key);
            match (node["properties"].get(&entry.key), &node["additionalProperties"]) {
                (Some(child), _) | (None, child @ Json::Object(_)) => self.value(entry, child, &place),
                _ => self.unknown_key(entry, node, &place),
            }
        }
        if is_choice(node) {
            self.variants(table, node, place);
        }
    }

    /// An element that is a table has no layer below it that could set what it leaves out.
    fn element(&mut self, table: &Table, span: &Range<usize>, node: &Json, place: &Place) {
        let required = node["x-required"].as_array().into_iter().flatten().filter_map(Json::as_str);
        for key in required.filter(|key| table.get(key).is_none()) {
            let message = format!("`{key}` in `{}` is not set", place.path());
            let meaning = self.schema.below(node, &[key]).and_then(|option| place.below(key).meaning(option));
            self.report(MISSING_KEY, span, &place.below(key), message, meaning);
        }
    }

    fn value(&mut self, entry: &Entry, node: &Json, place: &Place) {
        self.node(&entry.node, &entry.key_span, node, place);
    }

    /// Checks one value; `key_span` is where to point when the value is a table.
    fn node(&mut self, found: &Node, key_span: &Range<usize>, node: &Json, place: &Place) {
        let node = self.schema.resolve(node);
        match (type_for(&found.value, node), &found.value) {
            ("object", Value::Table(table)) if table.entries.is_empty() && is_choice(node) => {
                let choices =
                    node["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
                let message =
                    format!("`[{}]` chooses nothing; it takes one of {}", place.path(), listed(choices));
                self.report(ONE_VARIANT, key_span, place, message, place.meaning(node));
            }
            ("object", Value::Table(table)) => {
                if place.is_element() {
                    self.element(table, key_span, node, place);
                }
                self.table(table, node, place);
            }
            ("array", Value::Array(items)) => self.array(items, found, node, place),
            ("string", Value::String(text)) => self.string(text, found, node, place),
            ("boolean", Value::Boolean(_)) => {}
            ("integer", Value::Integer(number)) => self.number(*number as f64, found, node, place),
            ("number", Value::Integer(number)) => self.number(*number as f64, found, node, place),
            ("number", Value::Float(number)) => self.number(*number, found, node, place),
            _ => self.wrong_type(found, key_span, node, place),
        }
    }

    fn array(&mut self, items: &[Node], found: &Node, node: &Json, place: &Place) {
        if let Some(least) = node["minItems"].as_u64()
            && (items.len() as u64) < least
        {
            let message = format!("{} must not be empty", place.name());
            self.report(NOT_ALLOWED, &found.span, place, message, place.meaning(node));
        }
        if let Some(most) = node["maxItems"].as_u64()
            && items.len() as u64 > most
        {
            let message = format!("{} has {} elements, but takes at most {most}", place.name(), items.len());
            self.report(NOT_ALLOWED, &found.span, place, message, place.meaning(node));
        }
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.node(item, &item.span, &node["items"], &place.item(index));
        }
    }

    fn string(&mut self, text: &str, found: &Node, node: &Json, place: &Place) {
        if let Some(choices) = Schema::words(node) {
            let choices: Vec<&str> = choices.iter().filter_map(Json::as_str).collect();
            let fits = match node["pattern"].as_str() {
                Some(pattern) => matches(pattern, text),
                None => choices.contains(&text),
            };
            if !fits {
                let message =
                    format!("{} is `{text:?}`, which is none of {}", place.name(), listed(choices.clone()));
                let help = nearest(text, choices).map(|choice| format!("did you mean `{choice:?}`?"));
                self.report(UNKNOWN_CHOICE, &found.span, place, message, help);
            }
        } else if node["minLength"].as_u64().is_some_and(|least| (text.chars().count() as u64) < least) {
            let message = format!("{} must not be empty", place.name());
            self.report(NOT_ALLOWED, &found.span, place, message, place.meaning(node));
        } else if let Some(pattern) = node["pattern"].as_str()
            && !matches(pattern, text)
        {
            let form = node["x-form"].as_str().unwrap_or(pattern);
            let message = format!("{} is `{text:?}`, but takes {form}", place.name());
            self.report(NOT_ALLOWED, &found.span, place, message, place.meaning(node));
        }
    }

    fn number(&mut self, number: f64, found: &Node, node: &Json, place: &Place) {
        let bound = |keyword: &str| node[keyword].as_f64();
        let broken = if !number.is_finite() {
            Some("must be a finite number".to_owned())
        } else if let Some(least) = bound("minimum").filter(|least| number < *least) {
            Some(format!("must be at least {least}"))
        } else if let Some(most) = bound("maximum").filter(|most| number > *most) {
            Some(format!("must be at most {most}"))
        } else {
            bound("exclusiveMinimum")
                .filter(|floor| number <= *floor)
                .map(|floor| format!("must be more than {floor}"))
        };
        if let Some(rule) = broken {
            let written = self.source.text().get(found.span.clone()).unwrap_or_default();
            let message = format!("{} {rule}, but is {written}", place.name());
            self.report(NOT_ALLOWED, &found.span, place, message, place.meaning(node));
        }
    }

    fn wrong_type(&mut self, found: &Node, key_span: &Range<usize>, node: &Json, place: &Place) {
        let span = if found.table().is_some() { key_span } else { &found.span };
        let message = format!("{} takes {}, not {}", place.name(), kind(node), found.value.describe());
        let written = self.source.text().get(found.span.clone()).unwrap_or_default();
        self.report(
            WRONG_TYPE,
            span,
            place,
            message,
            remedy(&found.value, node, written).or_else(|| place.meaning(node)),
        );
    }

    fn variants(&mut self, table: &Table, node: &Json, place: &Place) {
        let known = |key: &str| node["properties"].get(key).is_some();
        let named: Vec<&Entry> = table.entries.iter().filter(|entry| known(&entry.key)).collect();
        if let [first, second, ..] = named.as_slice() {
            let message = format!(
                "`[{}]` takes one of its tables, not both `{}` and `{}`",
                place.path(),
                first.key,
                second.key
            );
            let place = place.below(&second.key);
            self.report(ONE_VARIANT, &second.key_span, &place, message, Some("keep one".to_owned()));
        }
    }

    fn unknown_key(&mut self, entry: &Entry, node: &Json, place: &Place) {
        let what = if entry.node.table().is_some() { "table" } else { "key" };
        let message = match (place.keys.split_last(), what) {
            (Some((key, [])), "table") => format!("unknown table `[{key}]`"),
            (Some((key, tables)), _) if !tables.is_empty() => {
                format!("unknown {what} `{key}` in `[{}]`", tables.join("."))
            }
            _ => format!("unknown key `{}`", entry.key),
        };
        let help = self.help(&entry.key, node, place);
        self.report(UNKNOWN_KEY, &entry.key_span, place, message, help);
    }

    /// Where a key of `[sweep]` belongs, which has its own parts at the top and options below them.
    fn help_in_sweep(&self, key: &str, node: &Json, place: &Place, inner: &[String]) -> Option<String> {
        let leaves = self.schema.leaves();
        if inner.len() == 1 {
            let parts = node["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let sweep = place.keys[..place.keys.len() - 1].join(".");
            return Some(match nearest(key, parts) {
                Some(part) => format!("did you mean `{part}`?"),
                None => format!("axes stand in `[{sweep}.axes]`"),
            });
        }
        if leaves.iter().any(|leaf| leaf.dotted() == key) {
            return Some(format!("write `{key}` without quotes"));
        }
        leaves.iter().find(|leaf| leaf.name() == key).map(|leaf| format!("write `{}`", leaf.dotted()))
    }

    /// The key's right place, the paper's renamed option, or the nearest spelling, in this table before others.
    fn help(&self, key: &str, node: &Json, place: &Place) -> Option<String> {
        let leaves = self.schema.leaves();
        if let Some(help) = place.in_sweep().and_then(|inner| self.help_in_sweep(key, node, place, inner)) {
            return Some(help);
        }
        let prefix = place.layer_prefix();
        if let Some(leaf) = leaves.iter().find(|leaf| leaf.name() == key) {
            return Some(match leaf.table().as_str() {
                _ if !self.source.is_file() => format!("write `{}`", leaf.dotted()),
                "" => format!("`{key}` belongs at the top of the file, before the first table"),
                table => format!("`{key}` belongs in `[{prefix}{table}]`"),
            });
        }
        if let Some(advice) = retired::advice(key) {
            return Some(advice.to_owned());
        }
        let siblings = node["properties"].as_object();
        let here = ranked(key, siblings.into_iter().flatten().map(|(name, _)| name.as_str()));
        let elsewhere = ranked(key, leaves.iter().map(|leaf| leaf.name()));
        match (here, elsewhere) {
            (Some((near, name)), Some((far, _))) if near <= far => Some(format!("did you mean `{name}`?")),
            (Some((_, name)), None) => Some(format!("did you mean `{name}`?")),
            (_, Some((_, name))) => {
                let leaf = leaves.iter().find(|leaf| leaf.name() == name)?;
                Some(format!("did you mean `{prefix}{}`?", leaf.dotted()))
            }
            (None, None) => {
                let names: Vec<&str> = siblings?.keys().map(String::as_str).collect();
                (names.len() <= 14).then(|| format!("known here: {}", listed(names)))
            }
        }
    }
}

/// The node's type; of several, the one that the value is, else the first.
fn type_for<'a>(value: &Value, node: &'a Json) -> &'a str {
    match node["type"].as_array() {
        Some(kinds) => {
            let wanted = if matches!(value, Value::Array(_)) { "array" } else { "" };
            let kinds = || kinds.iter().filter_map(Json::as_str);
            kinds().find(|kind| *kind == wanted).or_else(|| kinds().next()).unwrap_or_default()
        }
        None => node["type"].as_str().unwrap_or_default(),
    }
}

/// What the schema node takes, as the object of a sentence.
fn kind(node: &Json) -> String {
    if node["type"].is_array() {
        return "an integer or a list of integers".to_owned();
    }
    match node["type"].as_str().unwrap_or_default() {
        "object" => "a table".to_owned(),
        "array" if node["items"].get("$ref").is_some() => "a list of tables".to_owned(),
        "array" => format!("a list of {}s", kind(&node["items"]).split(' ').next_back().unwrap_or_default()),
        "string" if Schema::words(node).is_some() => {
            format!("one of {}", listed(Schema::words(node).into_iter().flatten().filter_map(Json::as_str)))
        }
        "string" => "a string".to_owned(),
        "boolean" => "`true` or `false`".to_owned(),
        "integer" => "an integer".to_owned(),
        _ => "a number".to_owned(),
    }
}

/// What to write instead of a value of the wrong type, where that is plain.
fn remedy(value: &Value, node: &Json, written: &str) -> Option<String> {
    match (node["type"].as_str()?, value) {
        ("integer", Value::Float(number)) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(format!("write `{number:.0}`"))
        }
        ("integer", Value::String(text)) if text.parse::<i64>().is_ok() => {
            Some(format!("write `{text}`, without quotes"))
        }
        ("number", Value::String(text)) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Some(format!("write `{text}`, without quotes"))
        }
        ("boolean", Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write `{text}`, without quotes"))
        }
        ("string", Value::Integer(_) | Value::Float(_) | Value::Boolean(_))
            if Schema::words(node).is_none() =>
        {
            Some(format!("write `\"{written}\"`"))
        }
        ("array", Value::Integer(_) | Value::Float(_)) => Some(format!("write `[{written}]`")),
        ("array", Value::String(_)) if node["items"]["type"] == "string" => {
            Some(format!("write `[{written}]`"))
        }
        _ => None,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    // The patterns are ours and compile; a test says so.
    regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

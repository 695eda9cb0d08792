//! What may be asked: the JSON Schema of an experiment file, made from the types beside this file.
//!
//! The schema is both the editor's guide (`schemas/experiment.schema.json`) and the table the walker reads, so the two
//! cannot disagree. schemars gives the raw schema; here it is brought into the plain form that editors explain best
//! and that the walker needs to know: objects, arrays, scalars, `enum`, `$ref`, bounds. Nothing is required, since
//! any file may be one layer of several; what all layers together must set is listed under `x-required`.

use std::sync::OnceLock;

use serde_json::{Map, Value as Json, json};

use super::Experiment;
use super::sweep;

/// The JSON Schema (draft 2020-12) of an experiment file.
pub fn schema() -> &'static Json {
    &Schema::get().json
}

/// The schema and the list of every option in it.
pub struct Schema {
    json: Json,
    leaves: Vec<Leaf>,
}

/// An option that holds a value, as opposed to a table of options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its tables and its own name, for example `["train", "max_lr"]`.
    pub path: Vec<String>,
}

impl Leaf {
    /// Its own name.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Its tables, dotted; empty at the top.
    pub fn table(&self) -> String {
        self.path[..self.path.len().saturating_sub(1)].join(".")
    }

    /// Tables and name, dotted.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

impl Schema {
    /// The one schema of this program.
    pub fn get() -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Self::new(build()))
    }

    /// A schema in the plain form described above.
    pub fn new(json: Json) -> Self {
        let mut schema = Self { json, leaves: Vec::new() };
        let mut leaves = Vec::new();
        schema.collect(schema.layer(), &mut Vec::new(), &mut leaves);
        schema.leaves = leaves;
        schema
    }

    /// The schema of a whole file.
    pub fn file(&self) -> &Json {
        &self.json
    }

    /// The schema of a layer without layers of its own: a profile, an argument.
    pub fn layer(&self) -> &Json {
        &self.json["$defs"]["Layer"]
    }

    /// The schema of `[sweep]`.
    pub fn sweep(&self) -> &Json {
        &self.json["$defs"]["Sweep"]
    }

    /// Every option, in the order of declaration.
    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The node itself, or what it refers to.
    pub fn resolve<'a>(&'a self, node: &'a Json) -> &'a Json {
        match node["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
            Some(pointer) => self.json.pointer(pointer).unwrap_or(node),
            None => node,
        }
    }

    /// The schema of the option or table at a path of keys, from the top of a layer.
    pub fn at<'a>(&'a self, path: &[&str]) -> Option<&'a Json> {
        self.below(self.layer(), path)
    }

    /// The schema of the option or table at a path of keys below `node`.
    pub fn below<'a>(&'a self, mut node: &'a Json, path: &[&str]) -> Option<&'a Json> {
        for key in path {
            node = self.resolve(node).get("properties")?.get(*key)?;
        }
        Some(self.resolve(node))
    }

    /// The words that an option takes one of; `None` where any value of its type will do. Where one of them stands for many, a pattern beside them
    /// tells which.
    pub fn words(node: &Json) -> Option<&Vec<Json>> {
        node["enum"].as_array().or_else(|| node["x-words"].as_array())
    }

    fn collect(&self, node: &Json, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
        match self.resolve(node)["properties"].as_object() {
            Some(properties) => {
                for (key, child) in properties {
                    path.push(key.clone());
                    self.collect(child, path, leaves);
                    path.pop();
                }
            }
            None => leaves.push(Leaf { path: path.clone() }),
        }
    }
}

/// Whether exactly one of the table's keys must be chosen.
pub fn is_choice(node: &Json) -> bool {
    node["maxProperties"] == json!(1)
}

/// Whether an experiment may do without the table altogether.
pub fn is_optional(property: &Json) -> bool {
    property["x-optional"] == json!(true)
}

fn build() -> Json {
    let mut root = schemars::schema_for!(Experiment).to_value();
    simplify(&mut root);
    let definitions = root["$defs"].clone();
    inline_choices(&mut root, &definitions);
    if let Some(definitions) = root["$defs"].as_object_mut() {
        definitions.retain(|_, node| node.get("enum").is_none());
    }
    add_layering(&mut root);
    root
}

/// Bends schemars' general forms into the plain ones, bottom up.
fn simplify(node: &mut Json) {
    each_schema_below(node, &mut simplify);
    if let Some(map) = node.as_object_mut() {
        simplify_object(map);
    }
}

/// Calls `visit` for every schema directly inside `node`, and for nothing that merely looks like one.
fn each_schema_below(node: &mut Json, visit: &mut dyn FnMut(&mut Json)) {
    for (keyword, child) in node.as_object_mut().into_iter().flatten() {
        match (keyword.as_str(), child) {
            ("properties" | "$defs", Json::Object(named)) => named.values_mut().for_each(&mut *visit),
            ("anyOf" | "oneOf", Json::Array(options)) => options.iter_mut().for_each(&mut *visit),
            ("items" | "additionalProperties", child @ Json::Object(_)) => visit(child),
            _ => {}
        }
    }
}

fn simplify_object(map: &mut Map<String, Json>) {
    // Rust's integer widths mean nothing to who writes a file; the bounds beside them do.
    if map.get("format").is_some_and(Json::is_string) {
        map.shift_remove("format");
    }
    // A table's default is that of its options.
    if map.get("default").is_some_and(Json::is_object) {
        map.shift_remove("default");
    }
    // What must be set has no default to speak of.
    let required = map.get("x-required").and_then(Json::as_array).cloned().unwrap_or_default();
    for key in required.iter().filter_map(Json::as_str) {
        if let Some(option) = map.get_mut("properties").and_then(|all| all[key].as_object_mut()) {
            option.shift_remove("default");
        }
    }
    // TOML has no null: an optional option is simply not written.
    if let Some(kind) = map.get("type").and_then(Json::as_array).and_then(|kinds| kinds.first()).cloned() {
        map.insert("type".into(), kind);
    }
    if map.get("default").is_some_and(Json::is_null) {
        map.shift_remove("default");
    }
    if let Some(Json::Array(options)) = map.shift_remove("anyOf")
        && let Some(Json::Object(chosen)) = options.into_iter().find(|option| option["type"] != json!("null"))
    {
        chosen.into_iter().for_each(|(key, value)| _ = map.entry(key).or_insert(value));
        map.insert("x-optional".into(), true.into());
    }
    if let Some(Json::Array(variants)) = map.shift_remove("oneOf") {
        if variants.iter().all(|variant| variant.get("const").is_some()) {
            merge_words(map, &variants);
        } else {
            merge_tables(map, variants);
        }
    }
}

/// `oneOf` words, each with its own description, becomes an `enum` that describes them all.
fn merge_words(map: &mut Map<String, Json>, variants: &[Json]) {
    let mut description = map.get("description").and_then(Json::as_str).unwrap_or_default().to_owned() + "\n";
    for variant in variants {
        let word = variant["const"].as_str().unwrap_or_default();
        description += &format!("\n- `{word}`: {}", variant["description"].as_str().unwrap_or_default());
    }
    map.insert("description".into(), description.into());
    map.insert("type".into(), "string".into());
    map.insert("enum".into(), variants.iter().map(|variant| variant["const"].clone()).collect());
}

/// `oneOf` single-key tables becomes one table of which exactly one key is written.
fn merge_tables(map: &mut Map<String, Json>, variants: Vec<Json>) {
    let mut properties = Map::new();
    for mut variant in variants {
        let description = variant["description"].take();
        for (key, child) in variant["properties"].as_object().into_iter().flatten() {
            let mut child = child.clone();
            child["description"] = description.clone();
            properties.insert(key.clone(), child);
        }
    }
    map.insert("type".into(), "object".into());
    map.insert("properties".into(), properties.into());
    map.insert("minProperties".into(), 1.into());
    map.insert("maxProperties".into(), 1.into());
    map.insert("additionalProperties".into(), false.into());
}

/// Writes a reference to an `enum` out in its place: some editors read nothing beside a `$ref`.
fn inline_choices(node: &mut Json, definitions: &Json) {
    each_schema_below(node, &mut |child| inline_choices(child, definitions));
    if let Some(map) = node.as_object_mut() {
        let target = map.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        if let Some(choice) = target.map(|name| &definitions[name]).filter(|def| def.get("enum").is_some()) {
            inline_choice(map, choice);
        }
    }
}

fn inline_choice(map: &mut Map<String, Json>, choice: &Json) {
    map.shift_remove("$ref");
    let list = choice["description"].as_str().and_then(|text| text.find("\n\n- ").map(|at| &text[at..]));
    let own = map.get("description").and_then(Json::as_str).unwrap_or_default();
    let description = format!("{own}{}", list.unwrap_or_default());
    map.insert("description".into(), description.into());
    map.insert("type".into(), "string".into());
    map.insert("enum".into(), choice["enum"].clone());
}

/// Adds the keys by which files are laid over each other; they are gone before anything is typed.
fn add_layering(root: &mut Json) {
    let own = root["properties"].as_object().cloned().unwrap_or_default();
    let table = |description: &str, properties: Map<String, Json>| {
        json!({
            "description": description,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    };
    let with = |first: (&str, Json)| {
        let mut properties = Map::from_iter([(first.0.to_owned(), first.1)]);
        properties.extend(own.clone());
        properties
    };
    let extends = json!({
        "description": "Files this one is laid over, relative to it; later ones lie over earlier ones.",
        "type": "array",
        "items": { "type": "string", "minLength": 1 },
        "default": [],
    });
    let inherits = json!({ "description": "Another profile that this one lies over.", "type": "string" });
    let profile = json!({
        "description": "Named layers, laid over the merged file when asked for with `--profile NAME`.",
        "type": "object",
        "additionalProperties": { "$ref": "#/$defs/Profile" },
    });
    root["$defs"]["Layer"] = table("Any part of an experiment.", own.clone());
    sweep::add_definitions(root);
    root["$defs"]["Profile"] =
        table("Any part of an experiment, under a name.", with(("inherits", inherits)));
    root["$defs"]["Profile"]["properties"]["sweep"] = sweep::property();
    root["title"] = json!("runner experiment");
    root["properties"] = with(("extends", extends)).into();
    root["properties"]["profile"] = profile;
    root["properties"]["sweep"] = sweep::property();
}

//! The published schema is the program's own.

use std::{env, fs};

use serde_json::Value as Json;

use super::{LEAST, load_files};
use crate::config::schema::Schema;
use crate::config::{Experiment, Request, schema};

#[test]
fn the_committed_schema_is_fresh() {
    let path = crate::checkout().join("schemas/experiment.schema.json");
    let fresh = serde_json::to_string_pretty(schema()).expect("JSON") + "\n";
    if env::var_os("RUNNER_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, &fresh).expect("the schema can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "schemas/experiment.schema.json is stale; rewrite it with `RUNNER_UPDATE=1 cargo test the_committed_schema_is_fresh`"
    );
}

/// Calls `visit` with every option and table of the schema, and its name.
fn each_property(node: &Json, visit: &mut dyn FnMut(&str, &Json)) {
    for (name, child) in node["properties"].as_object().into_iter().flatten() {
        visit(name, child);
        each_property(child, visit);
    }
    for child in node["$defs"].as_object().into_iter().flatten().map(|(_, child)| child) {
        each_property(child, visit);
    }
}

#[test]
fn every_option_is_described_and_every_table_closed() {
    each_property(schema(), &mut |name, option| {
        let description = option["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "`{name}` has no description");
        for general in ["oneOf", "anyOf", "allOf"] {
            assert!(option.get(general).is_none(), "`{name}` is left in the general form `{general}`");
        }
    });
    for (name, table) in schema()["$defs"].as_object().expect("definitions") {
        assert_eq!(table["additionalProperties"], Json::Bool(false), "`{name}` lets unknown keys through");
    }
}

#[test]
fn every_pattern_compiles() {
    each_property(schema(), &mut |name, option| {
        if let Some(pattern) = option["pattern"].as_str() {
            assert!(regex_lite::Regex::new(pattern).is_ok(), "the pattern of `{name}` does not compile");
        }
    });
}

#[test]
fn the_schema_s_defaults_are_the_types_defaults() {
    let defaults = serde_json::to_value(Experiment::default()).expect("JSON");
    let defs = &schema()["$defs"];
    for (table, definition) in [("train", "Train"), ("data", "Data"), ("eval", "Eval"), ("run", "Run")] {
        for (name, option) in defs[definition]["properties"].as_object().expect("options") {
            if (table, name.as_str()) != ("data", "dir") {
                assert_eq!(option["default"], defaults[table][name], "`{table}.{name}`");
            }
        }
    }
}

/// Values at the edges of what the schema allows for an option, as TOML.
fn edges(option: &Json) -> Vec<String> {
    let bound = |keyword: &str, fallback: &str| match option[keyword].as_f64() {
        Some(number) => format!("{number}"),
        None => fallback.to_owned(),
    };
    match option["type"].as_str().unwrap_or_default() {
        "integer" if option.get("maximum").is_some() => {
            vec![
                bound("minimum", "0"),
                option["maximum"].as_u64().map_or("0".to_owned(), |most| most.to_string()),
            ]
        }
        "integer" => vec![bound("minimum", "0"), i64::MAX.to_string()],
        "number" if option.get("exclusiveMinimum").is_some() => {
            vec!["1e-300".to_owned(), bound("maximum", "3")]
        }
        "number" => vec![bound("minimum", "-1e300"), bound("maximum", "1e300")],
        "boolean" => vec!["true".to_owned()],
        "object" => {
            let required = option["x-required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let set: Vec<String> = required.map(|key| format!("{key} = \"a\"")).collect();
            vec![format!("{{ {} }}", set.join(", "))]
        }
        "array" => edges(Schema::get().resolve(&option["items"]))
            .iter()
            .map(|item| format!("[{item}, {item}]"))
            .collect(),
        _ if option["x-form"] == "`EXPERIMENT@STEP`" => vec!["\"a@1\"".to_owned()],
        _ if option["examples"].is_array() => {
            option["examples"].as_array().into_iter().flatten().map(Json::to_string).collect()
        }
        _ => match option["enum"].as_array() {
            Some(words) => words.iter().map(Json::to_string).collect(),
            None => vec!["\"a\"".to_owned()],
        },
    }
}

#[test]
fn what_the_schema_allows_the_types_take() {
    let schema = Schema::get();
    for leaf in schema.leaves() {
        let path: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        for value in edges(schema.at(&path).expect("an option")) {
            let sets = vec!["distill.teacher=t".to_owned(), format!("{}={value}", leaf.dotted())];
            let request = Request { sets, ..Request::default() };
            if let Err(complaint) = load_files(&[("x.toml", LEAST)], &request) {
                panic!("{} = {value}\n{complaint}", leaf.dotted());
            }
        }
    }
}

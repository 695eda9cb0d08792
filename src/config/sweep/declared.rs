//! What `[sweep]` may say, as a schema made from that of the options: every option is an axis as a list of its values.

use serde_json::{Map, Value as Json, json};

/// The reserved axis of whole experiment files.
pub const EXPERIMENT: &str = "experiment";

/// `[sweep]` as a file or a profile refers to it.
pub fn property() -> Json {
    json!({ "$ref": "#/$defs/Sweep", "description": "Many runs: every combination of the values of some options." })
}

/// Adds the definitions of `[sweep]` and its parts to a schema that has those of the options.
pub fn add_definitions(root: &mut Json) {
    let options = root["properties"].as_object().cloned().unwrap_or_default();
    let mut axes = Map::from_iter([(
        EXPERIMENT.to_owned(),
        json!({
            "description": "Experiment files, relative to this one, which is laid over each of them.",
            "type": "array",
            "minItems": 1,
            "items": { "type": "string", "minLength": 1 },
        }),
    )]);
    axes.extend(options.iter().map(|(name, node)| (name.clone(), listed(node, &root["$defs"]))));
    let mut point = Map::from_iter([(
        EXPERIMENT.to_owned(),
        json!({ "description": "One of the axis' files, as it is written there.", "type": "string" }),
    )]);
    point.extend(options);
    let table = |description: &str, properties: Json| {
        json!({
            "description": description,
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        })
    };
    root["$defs"]["Axes"] = table("Lists of values, by option.", axes.into());
    root["$defs"]["Point"] = table("Values of some axes.", point.into());
    root["$defs"]["Sweep"] = table(
        "Many runs: every combination of the values of some options. `runner sweep FILE` runs them.",
        json!({
            "axes": {
                "$ref": "#/$defs/Axes",
                "description": "The options that vary, each with the list of its values; every value meets every value of the other axes.\n\n\
                    Options are written with their tables, without quotes: `train.max_lr = [1e-3, 3e-4]`. The axis `experiment` is a \
                    list of experiment files, over each of which this file is laid.",
            },
            "zip": {
                "description": "Groups of options that vary together: the first values of a group's lists meet, then the second ones.\n\n\
                    The lists of a group have one length; the group as a whole is one more axis. In a profile, an empty list takes away those below it.",
                "type": "array",
                "items": { "$ref": "#/$defs/Axes" },
            },
            "exclude": {
                "description": "Combinations that are left out, each by the values of some axes.",
                "type": "array",
                "items": { "$ref": "#/$defs/Point" },
            },
            "seeds": {
                "description": "The axis `run.seed`: a list of seeds, or how many from 0 on.",
                "type": ["integer", "array"],
                "minimum": 1,
                "maximum": 10_000,
                "minItems": 1,
                "items": { "type": "integer", "minimum": 0 },
            },
        }),
    );
}

/// An option as a list of its values; a table as a table of such lists.
fn listed(node: &Json, definitions: &Json) -> Json {
    let description = node.get("description").cloned();
    let target = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    let node = target.map_or(node, |name| &definitions[name]);
    let description = description.or_else(|| node.get("description").cloned()).unwrap_or_default();
    match node["properties"].as_object() {
        Some(properties) => {
            let properties: Map<String, Json> =
                properties.iter().map(|(name, child)| (name.clone(), listed(child, definitions))).collect();
            json!({
                "description": description,
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
            })
        }
        None => {
            let mut item = node.clone();
            for word in ["description", "default", "x-optional"] {
                item.as_object_mut().into_iter().for_each(|item| _ = item.shift_remove(word));
            }
            // The option itself has the whole of it.
            let summary = description.as_str().unwrap_or_default().split("\n\n").next();
            json!({ "description": summary, "type": "array", "minItems": 1, "items": item })
        }
    }
}

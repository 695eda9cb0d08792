//! The class names of a data set's columns.

use arrow_schema::Schema;
use serde_json::Value;

/// Where `datasets` keeps its features in the schema of a shard.
const METADATA_KEY: &str = "huggingface";

/// The names of the classes of `column`, in the order of their numbers, if it is a column of class labels.
///
/// Asked are the shard's own schema, then `info`, the content of `dataset_info.json`.
pub(super) fn class_names(schema: &Schema, info: Option<&Value>, column: &str) -> Option<Vec<String>> {
    let of_shard: Option<Value> =
        schema.metadata().get(METADATA_KEY).and_then(|json| serde_json::from_str(json).ok());
    let known = [of_shard.as_ref().map(|metadata| &metadata["info"]), info];
    known.into_iter().flatten().find_map(|info| names(&info["features"][column]))
}

fn names(feature: &Value) -> Option<Vec<String>> {
    if feature["_type"] != "ClassLabel" {
        return None;
    }
    match feature["names"].as_array() {
        Some(names) => names.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        None => Some((0..feature["num_classes"].as_u64()?).map(|class| class.to_string()).collect()),
    }
}

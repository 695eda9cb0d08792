//! Replacing a choice instead of mixing it.
//!
//! A table like `[model.wav2vec2]` chooses one of several by its name. When a higher layer names another, merging the
//! two would leave both tables there, and the deserializer would take whichever comes first in the alphabet. So, before
//! any merging, what lies below a changed choice is removed.

use serde_json::Value as Json;

use super::schema::{Schema, is_choice};
use super::tree::Table;

/// Removes from `layers` (lowest first) every variant that a higher layer replaced by another.
///
/// A layer that comes back to the first variant starts it afresh: nothing from under the other one shows through.
pub fn drop_replaced(layers: &mut [Table], schema: &Schema) {
    for path in choices(schema) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let mut chosen: Option<String> = None;
        let mut replaced = false;
        for layer in layers.iter_mut().rev() {
            let Some(table) = table_at(layer, &path) else { continue };
            let Some(variant) = table.entries.first().map(|entry| entry.key.clone()) else { continue };
            replaced |= chosen.get_or_insert_with(|| variant.clone()) != &variant;
            if replaced {
                table.entries.clear();
            }
        }
    }
}

/// Paths of the tables of which exactly one key is written.
fn choices(schema: &Schema) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(schema, schema.layer(), &mut Vec::new(), &mut found);
    found
}

fn collect(schema: &Schema, node: &Json, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let node = schema.resolve(node);
    if is_choice(node) {
        found.push(path.clone());
    }
    for (key, child) in node["properties"].as_object().into_iter().flatten() {
        path.push(key.clone());
        collect(schema, child, path, found);
        path.pop();
    }
}

fn table_at<'a>(layer: &'a mut Table, path: &[&str]) -> Option<&'a mut Table> {
    path.iter().try_fold(layer, |table, key| {
        table.entries.iter_mut().find(|entry| entry.key == *key)?.node.table_mut()
    })
}

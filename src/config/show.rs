//! An experiment as text: resolved, so that it can be run again, and with the origin of every value.

use serde::Serialize;

use super::schema::Schema;
use super::{Experiment, Loaded};

/// The experiment as one TOML file that needs no other: loading it gives the same experiment. Options at the paths `but` are left out.
///
/// # Errors
/// None for an experiment that was loaded; the type admits values TOML cannot write, such as integers beyond 63 bits.
pub fn resolved_toml(experiment: &Experiment, but: &[String]) -> Result<String, toml::ser::Error> {
    let mut table = toml::Table::try_from(experiment)?;
    for path in but {
        let (tables, leaf) = path.rsplit_once('.').unwrap_or(("", path));
        let mut inner = Some(&mut table);
        for key in tables.split('.').filter(|key| !key.is_empty()) {
            inner = inner.and_then(|table| table.get_mut(key)?.as_table_mut());
        }
        inner.into_iter().for_each(|table| _ = table.remove(leaf));
    }
    toml::to_string(&table)
}

/// One option, its value and where that came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Origin {
    /// Dotted path, for example `train.max_lr`.
    pub path: String,
    /// The value as TOML.
    pub value: String,
    /// `file:line`, an argument, a variable, or `default`.
    pub origin: String,
}

/// Every option in force, in the order of the schema.
///
/// # Errors
/// As [`resolved_toml`].
pub fn origins(loaded: &Loaded) -> Result<Vec<Origin>, toml::ser::Error> {
    let values = toml::Table::try_from(&loaded.experiment)?;
    let mut origins = Vec::new();
    for leaf in Schema::get().leaves() {
        let Some(value) = find(&values, &leaf.path) else { continue };
        let path = leaf.dotted();
        let origin = loaded.provenance.origin(&path).unwrap_or_else(|| "default".to_owned());
        origins.push(Origin { value: value.to_string(), origin, path });
    }
    Ok(origins)
}

fn find<'a>(table: &'a toml::Table, path: &[String]) -> Option<&'a toml::Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first)?;
    if rest.is_empty() { Some(value) } else { find(value.as_table()?, rest) }
}

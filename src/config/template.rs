//! A file to start from: a shipped experiment without its bases, every option with a line on what it is.

use std::fmt::Write as _;

use super::files::Files;
use super::merge::Layer;
use super::option::OptionDoc;
use super::profiles::Profiles;
use super::schema::Schema;
use super::tree::{Table, Value};
use super::{Problems, shipped, variants};

/// An experiment as one commented file.
pub struct Template {
    /// The text, without the line that names the schema.
    pub text: String,
    /// Other experiments that it names: its teacher, its parent.
    pub needs: Vec<String>,
}

/// The shipped experiment `name` as one commented file that needs no other but those it names. Options at the paths `but` are left out
/// where they stand outside a profile.
///
/// # Errors
/// None for a name out of [`shipped::names`]; else that there is no such experiment.
pub fn template(name: &str, but: &[String]) -> Result<Template, Problems> {
    let path = format!("{name}.toml");
    let Files { files, problems } = shipped::read(path.as_ref());
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    let mut profiles = Profiles::default();
    let mut bodies = Vec::new();
    for file in files {
        let mut layer = Layer { source: file.source, table: file.table, own: false };
        layer.table.remove("extends");
        profiles.take(&mut layer);
        bodies.push(layer.table);
    }
    let body = merged(bodies);
    let mut text = String::new();
    write_body(&body, but, &mut text);
    for (profile, layers) in profiles.merged() {
        write_profile(&profile, &merged(layers), &mut text);
    }
    Ok(Template { text, needs: named_runs(&body) })
}

fn merged(mut layers: Vec<Table>) -> Table {
    variants::drop_replaced(&mut layers, Schema::get());
    layers.into_iter().fold(Table::default(), |mut below, above| {
        lay_over(&mut below, above);
        below
    })
}

fn lay_over(below: &mut Table, above: Table) {
    for entry in above.entries {
        match below.entries.iter_mut().find(|old| old.key == entry.key) {
            Some(old) => match (&mut old.node.value, entry.node.value) {
                (Value::Table(old), Value::Table(new)) => lay_over(old, new),
                (old, new) => *old = new,
            },
            None => below.entries.push(entry),
        }
    }
}

/// The options in the order of the schema, each after a line that says what it is.
fn write_body(body: &Table, but: &[String], text: &mut String) {
    let mut table = String::new();
    for leaf in Schema::get().leaves() {
        let path: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        let Some(entry) = body.find(&path).filter(|_| !but.contains(&leaf.dotted())) else { continue };
        if leaf.table() != table {
            table = leaf.table();
            _ = writeln!(text, "\n[{table}]");
        }
        if let Some(doc) = OptionDoc::at(&leaf.dotted()) {
            _ = writeln!(text, "# {}", doc.summary);
        }
        _ = writeln!(text, "{} = {}", leaf.name(), entry.node.value.to_toml());
    }
}

fn write_profile(name: &str, profile: &Table, text: &mut String) {
    let mut tables: Vec<(String, Vec<String>)> = vec![(format!("profile.{name}"), Vec::new())];
    if let Some(entry) = profile.get("inherits") {
        tables[0].1.push(format!("inherits = {}", entry.node.value.to_toml()));
    }
    for leaf in Schema::get().leaves() {
        let path: Vec<&str> = leaf.path.iter().map(String::as_str).collect();
        let Some(entry) = profile.find(&path) else { continue };
        let table = [format!("profile.{name}"), leaf.table()].join(".").trim_end_matches('.').to_owned();
        let line = format!("{} = {}", leaf.name(), entry.node.value.to_toml());
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, lines)) => lines.push(line),
            None => tables.push((table, vec![line])),
        }
    }
    for (table, lines) in tables.iter().filter(|(_, lines)| !lines.is_empty()) {
        _ = writeln!(text, "\n[{table}]\n{}", lines.join("\n"));
    }
}

fn named_runs(body: &Table) -> Vec<String> {
    let teacher = body.find(&["distill", "teacher"]).and_then(|entry| entry.node.string());
    let parent = body.get("continue_from").and_then(|entry| entry.node.string()?.split('@').next());
    teacher.into_iter().chain(parent).map(str::to_owned).collect()
}

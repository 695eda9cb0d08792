//! What TensorBoard tells about a run before any number: its options, and as texts the run itself, its configuration and its plan.
//!
//! Made from run.json, config.toml and plan.json; what is not there is not shown. Text is Markdown, as TensorBoard renders it.

use std::fs;
use std::io;

use protobuf::{Message, RepeatedField};
use serde_json::Value;
use tensorboard_proto::event::Event as Record;
use tensorboard_proto::plugin_text::TextPluginData;
use tensorboard_proto::summary::{Summary, Summary_Value};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::{TensorShapeProto, TensorShapeProto_Dim};
use tensorboard_proto::types::DataType;

use super::folder::{Folder, read_json};
use super::hparams::{self, metadata};
use super::identity::Identity;
use super::tensorboard::record;

/// The records for the beginning of a run's event file.
///
/// # Errors
/// A message could not be encoded.
pub(super) fn records(folder: &Folder, unix_secs: f64) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    // A view shows what it can: damage is the concern of whoever needs the file.
    if let Ok(Some(identity)) = Identity::read(folder) {
        records.push(hparams::begin(&identity, unix_secs)?);
        records.push(text("run", &about(&identity), unix_secs)?);
    }
    if let Ok(config) = fs::read_to_string(folder.config_toml()) {
        records.push(text("config", &fenced("toml", &config), unix_secs)?);
    }
    if let Ok(Some(plan)) = read_json::<Value>(&folder.plan_json()) {
        records.push(text("plan", &planned(&plan), unix_secs)?);
    }
    Ok(records)
}

fn text(tag: &str, markdown: &str, unix_secs: f64) -> io::Result<Record> {
    let mut dim = TensorShapeProto_Dim::new();
    dim.set_size(1);
    let mut shape = TensorShapeProto::new();
    shape.set_dim(RepeatedField::from_vec(vec![dim]));
    let mut tensor = TensorProto::new();
    tensor.set_dtype(DataType::DT_STRING);
    tensor.set_tensor_shape(shape);
    tensor.set_string_val(RepeatedField::from_vec(vec![markdown.as_bytes().to_vec()]));
    let mut value = Summary_Value::new();
    value.set_tag(tag.into());
    let content = TextPluginData::new().write_to_bytes().map_err(io::Error::other)?;
    value.set_metadata(metadata("text", content));
    value.set_tensor(tensor);
    let mut summary = Summary::new();
    summary.mut_value().push(value);
    Ok(record(0, unix_secs, summary))
}

fn about(run: &Identity) -> String {
    let host = &run.host;
    let cores = host.cores.map(|cores| format!("{cores} cores"));
    let machine = [Some(host.name.clone()), Some(host.system.clone()), host.cpu.clone(), cores];
    let machine: Vec<String> = machine.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let profile = run.profile.as_ref().map(|profile| format!(", profile `{profile}`")).unwrap_or_default();
    let rows = [
        ("run", format!("{}-{}", run.name, run.id)),
        ("role", run.role.clone()),
        ("experiment", format!("`{}`{profile}", run.experiment)),
        ("parameters", super::units::count(run.params)),
        ("precision", run.precision.clone()),
        ("needs", run.needs.iter().map(|(name, id)| format!("{name}-{id}")).collect::<Vec<_>>().join(", ")),
        ("goes on from", run.parent.clone().unwrap_or_default()),
        ("command", format!("`{}`", run.argv.join(" "))),
        ("version", run.version.clone()),
        ("commit", run.git_sha.clone().unwrap_or_default()),
        ("machine", machine.join(", ")),
        ("started", run.started.clone()),
    ];
    let rows = rows.iter().filter(|(_, value)| !value.is_empty());
    rows.fold("| | |\n|-|-|\n".to_owned(), |text, (name, value)| {
        text + &format!("| {name} | {} |\n", cell(value))
    })
}

/// The model as a table, and everything as it was resolved.
fn planned(plan: &Value) -> String {
    let said = |part: &Value, key: &str| match &part[key] {
        Value::String(text) => cell(text),
        other => other.to_string(),
    };
    let parts = plan["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut text = "| part | what | frames × channels | parameters |\n|-|-|-|-:|\n".to_owned();
    for part in parts {
        let columns = ["name", "kind", "output", "params"].map(|key| said(part, key));
        text.push_str(&format!("| {} |\n", columns.join(" | ")));
    }
    let json = serde_json::to_string_pretty(&plan["plan"]).unwrap_or_default();
    text + "\n" + &fenced("json", &json)
}

fn fenced(language: &str, text: &str) -> String {
    // Longer than any fence inside.
    let ticks = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(ticks.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

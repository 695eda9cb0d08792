//! What TensorBoard's page of hyperparameters is made of: a row for each run, out of the run's own event file.
//!
//! A run's file says at its beginning which options the run has, and at its end how it ended; the numbers are its ordinary scalars. Which
//! options and metrics are columns stands in one more event file, in the folder of the runs ([`write_columns`]); its name is always the
//! same, so there is never a second. All is a view of run.json and status.json. The layout is that of TensorBoard's plugin_hparams.proto.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use protobuf::well_known_types::{ListValue, Value};
use protobuf::{Message, RepeatedField};
use tensorboard_proto::api::{
    DataType, Experiment, HParamInfo, Interval, MetricInfo, MetricName, Status as End,
};
use tensorboard_proto::event::Event as Record;
use tensorboard_proto::plugin_hparams::{HParamsPluginData, SessionEndInfo, SessionStartInfo};
use tensorboard_proto::summary::{Summary, Summary_Value, SummaryMetadata, SummaryMetadata_PluginData};
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::{TensorShapeProto, TensorShapeProto_Dim};
use tensorboard_proto::types::DataType as TensorType;
use tensorboard_rs::record_writer::RecordWriter;

use super::asked::{Leaf, differing};
use super::error::RecordError;
use super::event::RunState;
use super::folder::{Folder, read_json, write_whole};
use super::identity::Identity;
use super::status::Status;
use super::tensorboard::{record, version, write};

/// Sorts before the event files of any time, and is no run's.
const FILE: &str = "events.out.tfevents.0000000001.runner.0.0";
/// A column for these even where all runs agree: there has to be something to look at.
const ALWAYS: [&str; 3] = ["data.batch_size", "train.max_lr", "train.max_steps"];
/// The experiment's name among the options.
const NAME: &str = "name";

/// Which options the run has, for the beginning of its event file.
pub(super) fn begin(identity: &Identity, unix_secs: f64) -> io::Result<Record> {
    let mut options: HashMap<String, Value> = HashMap::from([(NAME.to_owned(), text(&identity.name))]);
    options.extend(identity.asked().map(|(name, leaf)| (name.to_owned(), value(&leaf))));
    let mut begin = SessionStartInfo::new();
    begin.set_hparams(options);
    // A group is a row, and each run is one: repetitions are brought together by `runner results`.
    begin.set_group_name(format!("{}-{}", identity.name, identity.id));
    begin.set_start_time_secs(unix_secs);
    let mut data = HParamsPluginData::new();
    data.set_session_start_info(begin);
    summary("_hparams_/session_start_info", &data, unix_secs)
}

/// How the run ended, for the end of its event file; `None` while it may go on.
pub(super) fn end(state: RunState, unix_secs: f64) -> io::Result<Option<Record>> {
    let status = match state {
        RunState::Finished => End::STATUS_SUCCESS,
        RunState::Failed => End::STATUS_FAILURE,
        RunState::Running | RunState::Interrupted => return Ok(None),
    };
    let mut end = SessionEndInfo::new();
    end.set_status(status);
    end.set_end_time_secs(unix_secs);
    let mut data = HParamsPluginData::new();
    data.set_session_end_info(end);
    summary("_hparams_/session_end_info", &data, unix_secs).map(Some)
}

/// Says in the folder of the runs which options and metrics its runs have: the options that differ, and what the runs were judged by.
/// Folders that cannot be read are passed over.
///
/// # Errors
/// The folder cannot be listed, or takes no file.
pub fn write_columns(runs_dir: &Path) -> Result<(), RecordError> {
    let runs = runs(runs_dir)?;
    let path = runs_dir.join(FILE);
    let bytes = columns(&runs).map_err(RecordError::io("write", &path))?;
    // Readers take the first they see, so a file that says the same stays.
    if fs::read(&path).is_ok_and(|old| old == bytes) { Ok(()) } else { write_whole(&path, &bytes) }
}

type RunFiles = (Identity, Option<Status>);

fn runs(runs_dir: &Path) -> Result<Vec<RunFiles>, RecordError> {
    let cannot = RecordError::io("list", runs_dir);
    let entries: io::Result<Vec<_>> = fs::read_dir(runs_dir).and_then(Iterator::collect);
    let mut dirs: Vec<_> = entries.map_err(cannot)?.into_iter().map(|entry| entry.path()).collect();
    dirs.retain(|dir| !dir.to_string_lossy().contains(".aside-"));
    dirs.sort_unstable();
    let files = |dir| {
        let folder = Folder::at(dir);
        let identity = Identity::read(&folder).ok()??;
        Some((identity, read_json(&folder.status_json()).ok()?))
    };
    Ok(dirs.into_iter().filter_map(files).collect())
}

/// The event file: its clock values are those of the runs, so that the same runs make the same file.
fn columns(runs: &[RunFiles]) -> io::Result<Vec<u8>> {
    let mut options: BTreeSet<String> =
        differing(runs.iter().map(|(identity, _)| identity)).into_iter().collect();
    options.extend(ALWAYS.map(str::to_owned));
    let mut values: BTreeMap<&str, Vec<Leaf>> = BTreeMap::new();
    for (identity, _) in runs {
        values.entry(NAME).or_default().push(Leaf::Text(identity.name.clone()));
        for (name, leaf) in identity.asked().filter(|(name, _)| options.contains(*name)) {
            values.entry(name).or_default().push(leaf);
        }
    }
    let metrics: BTreeSet<&str> =
        runs.iter().flat_map(|(identity, status)| judged(identity, status.as_ref())).collect();
    let mut experiment = Experiment::new();
    experiment.set_hparam_infos(values.into_iter().map(|(name, values)| option(name, &values)).collect());
    experiment.set_metric_infos(metrics.into_iter().map(metric).collect());
    let mut data = HParamsPluginData::new();
    data.set_experiment(experiment);
    let mut bytes = Vec::new();
    let mut to = RecordWriter::new(&mut bytes);
    write(&mut to, &version(0.0))?;
    write(&mut to, &summary("_hparams_/experiment", &data, 0.0)?)?;
    Ok(bytes)
}

/// What a run was or will be judged by, by the tags of its scalars.
fn judged<'a>(identity: &'a Identity, status: Option<&'a Status>) -> impl Iterator<Item = &'a str> {
    const TRAINING: &str = "train/loss";
    let select = identity.config.get("eval.select").and_then(serde_json::Value::as_str);
    let select = select.map(|toml| toml.trim_matches('"')).filter(|name| name.contains('/'));
    let known = status.into_iter().flat_map(|status| status.metrics.keys()).map(String::as_str);
    known.filter(|name| !name.starts_with("teacher/")).chain(select).chain([TRAINING])
}

fn option(name: &str, values: &[Leaf]) -> HParamInfo {
    let mut info = HParamInfo::new();
    info.set_name(name.into());
    let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
    if let Some(numbers) = numbers {
        let mut interval = Interval::new();
        interval.set_min_value(numbers.iter().copied().fold(f64::INFINITY, f64::min));
        interval.set_max_value(numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        info.set_field_type(DataType::DATA_TYPE_FLOAT64);
        info.set_domain_interval(interval);
    } else {
        let texts: BTreeSet<String> = values.iter().map(said).collect();
        let mut list = ListValue::new();
        list.set_values(texts.iter().map(|said| text(said)).collect());
        info.set_field_type(DataType::DATA_TYPE_STRING);
        info.set_domain_discrete(list);
    }
    info
}

fn metric(tag: &str) -> MetricInfo {
    let mut name = MetricName::new();
    name.set_tag(tag.into());
    let mut info = MetricInfo::new();
    info.set_name(name);
    info
}

fn number(leaf: &Leaf) -> Option<f64> {
    match leaf {
        Leaf::Count(count) => Some(*count as f64),
        Leaf::Number(number) => Some(*number),
        Leaf::Text(_) => None,
    }
}

fn said(leaf: &Leaf) -> String {
    match leaf {
        Leaf::Count(count) => count.to_string(),
        Leaf::Number(number) => number.to_string(),
        Leaf::Text(text) => text.clone(),
    }
}

fn value(leaf: &Leaf) -> Value {
    match number(leaf) {
        Some(number) => {
            let mut value = Value::new();
            value.set_number_value(number);
            value
        }
        None => text(&said(leaf)),
    }
}

fn text(text: &str) -> Value {
    let mut value = Value::new();
    value.set_string_value(text.into());
    value
}

/// A record that says all in the description of its tag; its value is a tensor of nothing.
fn summary(tag: &str, data: &HParamsPluginData, unix_secs: f64) -> io::Result<Record> {
    let mut dim = TensorShapeProto_Dim::new();
    dim.set_size(0);
    let mut shape = TensorShapeProto::new();
    shape.set_dim(RepeatedField::from_vec(vec![dim]));
    let mut nothing = TensorProto::new();
    nothing.set_dtype(TensorType::DT_FLOAT);
    nothing.set_tensor_shape(shape);
    let mut of_plugin = Summary_Value::new();
    of_plugin.set_tag(tag.into());
    of_plugin.set_metadata(metadata("hparams", data.write_to_bytes().map_err(io::Error::other)?));
    of_plugin.set_tensor(nothing);
    let mut summary = Summary::new();
    summary.mut_value().push(of_plugin);
    Ok(record(0, unix_secs, summary))
}

/// Which part of TensorBoard a tag is for.
pub(super) fn metadata(plugin: &str, content: Vec<u8>) -> SummaryMetadata {
    let mut data = SummaryMetadata_PluginData::new();
    data.set_plugin_name(plugin.into());
    data.set_content(content);
    let mut metadata = SummaryMetadata::new();
    metadata.set_plugin_data(data);
    metadata
}

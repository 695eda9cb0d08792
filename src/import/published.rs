//! A run folder of CALD's programs as an experiment: its `hparams.json`, with hparams of the user's laid over them.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::cald;
use super::call::Call;
use super::hparams::hparams;
use super::recipe::Read;
use super::scripts::script;
use super::settings::experiment;
use super::value::Value;
use super::word::Word;
use crate::config::{Experiment, Problem, Problems, Source};

/// What `config.json` of a pretrained model says that is an option of the same name here.
const SIZES: [&str; 13] = [
    "model.wav2vec2.hidden_size",
    "model.wav2vec2.num_hidden_layers",
    "model.wav2vec2.num_attention_heads",
    "model.wav2vec2.intermediate_size",
    "model.wav2vec2.conv_dim",
    "model.wav2vec2.conv_kernel",
    "model.wav2vec2.conv_stride",
    "model.wav2vec2.conv_bias",
    "model.wav2vec2.feat_extract_norm",
    "model.wav2vec2.do_stable_layer_norm",
    "model.wav2vec2.num_conv_pos_embeddings",
    "model.wav2vec2.num_conv_pos_embedding_groups",
    "model.wav2vec2.layer_norm_eps",
];

/// The experiment that a checkpoint beside `hparams.json` belongs to; it has no corpus yet.
///
/// As in the published infer.py, hparams that do not exist are dropped from the file (they come back as notes), and `inline`
/// (`name=value,…`) is laid over it. Sizes are those of the pretrained model that the hparams name: a known one, or a folder with a
/// `config.json`.
///
/// # Errors
/// The file or `inline` is not of the form that the published program takes, or asks for what does not exist here.
pub fn published(
    path: &Path,
    inline: Option<&str>,
    read: Read,
) -> Result<(Experiment, Vec<String>), Problems> {
    let Some(script) = script("train.py") else { return Err(Problems::default()) };
    let name = path.display().to_string();
    let (text, notes) = known_alone(&read(path).unwrap_or_default());
    let filtered = |asked: &Path| if asked == path { Ok(text.clone()) } else { read(asked) };
    let of_file = word("hparams.json", &name);
    let mut said = hparams(script, &of_file, &filtered);
    if let Some(inline) = inline.filter(|inline| !inline.is_empty()) {
        let over = hparams(script, &word("--hparams", inline), read);
        said.given.retain(|given| over.get(given.flag.name).is_none());
        said.given.extend(over.given);
        said.problems.extend(over.problems);
    }
    let call = Call { script, at: of_file, arguments: Vec::new(), precision: None, axes: Vec::new() };
    let mut settings = cald::of_hparams(&call, said);
    let source = settings.list.iter().position(|setting| setting.path == "model.wav2vec2.pretrained");
    let folder = source.map(|at| settings.list[at].value.clone());
    if let Some(Value::Text(folder)) = folder {
        let config = read(&Path::new(&folder).join("config.json")).unwrap_or_default();
        for (path, value) in sizes(&config) {
            settings.set(path, value, "config.json");
        }
    }
    let problems = std::mem::take(&mut settings.problems);
    if !problems.is_empty() {
        return Err(Problems::sorted(problems));
    }
    match experiment(&settings.list) {
        Some(experiment) => Ok((experiment, notes)),
        None => Err(no_experiment(&call.at).into()),
    }
}

fn no_experiment(at: &Word) -> Problem {
    at.problem(super::problem::MALFORMED_HPARAMS, format!("`{}` does not make an experiment", at.text))
}

fn word(source: &str, text: &str) -> Word {
    let source = Arc::new(Source::argument(source, text));
    let mut word = Word::starting(0, &source);
    word.push_str(text, 0..text.len());
    word
}

/// The object without the names that are no hparams, and a note for each of these.
fn known_alone(text: &str) -> (String, Vec<String>) {
    let Ok(Json::Object(mut object)) = serde_json::from_str::<Json>(text) else {
        return (text.to_owned(), Vec::new());
    };
    let hparams = script("train.py").map_or(&[][..], |script| script.hparams);
    let unknown: Vec<String> =
        object.keys().filter(|name| hparams.iter().all(|flag| flag.name != *name)).cloned().collect();
    for name in &unknown {
        object.remove(name);
    }
    let notes = unknown.iter().map(|name| format!("hparams.json: `{name}` is no hparam; dropped")).collect();
    (Json::Object(object).to_string(), notes)
}

fn sizes(config: &str) -> Vec<(&'static str, Value)> {
    let Ok(config) = serde_json::from_str::<Json>(config) else { return Vec::new() };
    let of = |path: &'static str| Some((path, value(&config[path.rsplit('.').next()?])?));
    SIZES.into_iter().filter_map(of).collect()
}

fn value(json: &Json) -> Option<Value> {
    match json {
        Json::Bool(on) => Some(Value::Boolean(*on)),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Some(Value::Integer(whole)),
            None => number.as_f64().map(|float| Value::Number(float, number.to_string())),
        },
        Json::Array(items) => items.iter().map(Json::as_i64).collect::<Option<_>>().map(Value::Integers),
        _ => None,
    }
}

//! `runner export`: a checkpoint as a folder that other programs load.

use std::collections::BTreeMap;
use std::path::Path;

use kernels::Cpu;
use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::ExportArguments;
use super::checkpoint::Named;
use super::failure::{self, Failure};
use crate::corpora::Categories;
use crate::model::{Model, hub, weights};
use crate::plan::Plan;
use crate::record::folder::write_whole;
use crate::record::{Values, folder::read_json};
use crate::text::CtcTokenizer;

/// Writes weights, configuration, vocabulary, results and a model card.
pub fn export(arguments: &ExportArguments, talk: Talk) -> Result<u8, Failure> {
    let named = Named::find(&arguments.model, talk)?;
    let to = &arguments.output;
    if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::new(failure::RUNNING, format!("`{}` is not empty", to.display()))
            .help("name a folder that does not exist yet"));
    }
    let Some(config) = named.plan.model.wav2vec2().map(hub::config) else {
        let message = format!("there is no folder format for a `{}` model", named.plan.model.family());
        return Err(Failure::new(failure::REQUEST, message).help(format!(
            "its weights are `{}`, under the names of the published checkpoints",
            named.weights.display()
        )));
    };
    let data = &named.plan.data;
    let tokenizer = CtcTokenizer::read(&Path::new(&data.dir).join(&data.vocab_path))
        .map_err(crate::data::DataError::from)?;
    let model = named.model(&Cpu::default())?;
    std::fs::create_dir_all(to)
        .map_err(|error| Failure::new(failure::IO, format!("cannot make `{}`: {error}", to.display())))?;

    write_weights(&model, &named.id, to)?;
    write_settings(&named.plan, &config, &tokenizer, to)?;
    copy_classes(&named.plan, to)?;
    write_whole(&to.join("experiment.toml"), named.experiment.as_bytes())?;
    let metrics = copy_results(&named, to)?;
    write_whole(&to.join("README.md"), card(&named, &config, &metrics).as_bytes())?;
    if talk.json {
        talk.data(&json!({"dir": to, "id": named.id, "step": named.step, "metrics": metrics}));
    } else {
        talk.say(format_args!("wrote {}", to.display()));
    }
    Ok(0)
}

fn write_weights(model: &Model<Cpu>, id: &str, to: &Path) -> Result<(), Failure> {
    // transformers refuses a file that does not say for which framework it was made.
    let notes =
        BTreeMap::from([("format".to_owned(), "pt".to_owned()), ("runner".to_owned(), id.to_owned())]);
    let mut bytes = Vec::new();
    weights::write_with(&model.params, notes, &mut bytes)
        .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
    Ok(write_whole(&to.join("model.safetensors"), &bytes)?)
}

fn write_settings(plan: &Plan, config: &Json, tokenizer: &CtcTokenizer, to: &Path) -> Result<(), Failure> {
    let (pad, unknown) = (tokenizer.pad_token(), tokenizer.unknown_token());
    for (name, value) in [
        ("config.json", config.clone()),
        ("preprocessor_config.json", hub::feature_extractor(plan.data.sample_rate_hz)),
        ("tokenizer_config.json", hub::tokenizer(pad, unknown)),
        ("special_tokens_map.json", json!({"pad_token": pad, "unk_token": unknown})),
    ] {
        write_whole(&to.join(name), format!("{value:#}\n").as_bytes())?;
    }
    Ok(())
}

/// The vocabulary, and what the classifiers' outputs mean.
fn copy_classes(plan: &Plan, to: &Path) -> Result<(), Failure> {
    let corpus = Path::new(&plan.data.dir);
    copy(&corpus.join(&plan.data.vocab_path), &to.join("vocab.json"))?;
    if !plan.model.classes().is_empty() {
        Categories::read(&corpus.join(&plan.data.categories_path))?;
        copy(&corpus.join(&plan.data.categories_path), &to.join("categories.json"))?;
    }
    Ok(())
}

/// What the run came to, as far as it has been judged.
fn copy_results(named: &Named, to: &Path) -> Result<Values, Failure> {
    let Some(run) = &named.run else { return Ok(Values::default()) };
    for file in [run.metrics_json(), run.preds_jsonl()] {
        if let (true, Some(name)) = (file.is_file(), file.file_name()) {
            copy(&file, &to.join(name))?;
        }
    }
    Ok(read_json(&run.metrics_json())?.unwrap_or_default())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(from)
        .map_err(|error| Failure::new(failure::IO, format!("cannot read `{}`: {error}", from.display())))?;
    Ok(write_whole(to, &bytes)?)
}

/// The model card: YAML that the hub reads, then the same for people.
fn card(named: &Named, config: &Json, metrics: &Values) -> String {
    let plan = &named.plan;
    let corpus = &plan.data.dir;
    let results: Vec<Json> = [("test/wer", "wer"), ("test/cer", "cer")]
        .iter()
        .filter_map(|(name, kind)| {
            // The hub's tables are in percent.
            let value = (metrics.get(*name)? * 1e4).round() / 1e2;
            Some(json!({"type": kind, "value": value, "name": name}))
        })
        .collect();
    let index = json!([{
        "name": named.name,
        "results": [{
            "task": {"type": "automatic-speech-recognition"},
            "dataset": {"name": corpus, "type": corpus, "split": "test"},
            "metrics": results,
        }],
    }]);
    let rows: String = metrics.iter().map(|(name, value)| format!("| {name} | {value:.4} |\n")).collect();
    // JSON is YAML.
    format!(
        "---\nlibrary_name: {library}\ntags: [automatic-speech-recognition, ctc]\nmodel-index: {index}\n---\n\n# {name}\n\n{description}\n\n\
         Trained with `runner` on `{corpus}` for {step} updates, run `{id}`; `experiment.toml` is the whole experiment. Transcripts come from \
         {decoding}.\n\n| metric | value |\n|---|---:|\n{rows}",
        library = if config["model_type"] == "wav2vec2" { "transformers" } else { "runner" },
        name = named.name,
        description = plan.description,
        step = named.step,
        id = named.id,
        decoding = hub::decoding(plan.eval.decode_padding),
    )
}

//! `runner export`: a checkpoint as a folder that other programs load.

use std::collections::BTreeMap;
use std::path::Path;

use kernels::Cpu;
use serde_json::{Value as Json, json};

use super::Talk;
use super::arguments::ExportArguments;
use super::checkpoint::Named;
use super::failure::{self, Failure, make_folder};
use crate::corpora::Categories;
use crate::model::{Model, hub, weights};
use crate::plan::{Body, PatchesPlan, Plan, Wav2vec2Plan};
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
    let form = Form::of(&named, arguments.headless)?;
    let model = named.model(&Cpu::default())?;
    make_folder(to)?;

    write_weights(&model, &named.id, arguments.headless, to)?;
    for (name, value) in &form.settings {
        write_whole(&to.join(name), format!("{value:#}\n").as_bytes())?;
    }
    copy_classes(&named.plan, arguments.headless, to)?;
    write_whole(&to.join("experiment.toml"), named.experiment.as_bytes())?;
    let metrics = copy_results(&named, to)?;
    write_whole(&to.join("README.md"), card(&named, &form, &metrics).as_bytes())?;
    if talk.json {
        talk.data(&json!({"dir": to, "id": named.id, "step": named.step, "metrics": metrics}));
    } else {
        talk.say(format_args!("wrote {}", to.display()));
    }
    Ok(0)
}

/// What a folder is for: its settings by file, and what its card says.
struct Form {
    settings: Vec<(&'static str, Json)>,
    library: &'static str,
    /// As the hub calls it.
    task: &'static str,
    tags: &'static str,
    /// Metrics that the hub's tables list, by our name and theirs.
    results: &'static [(&'static str, &'static str)],
    /// How it is used, or how answers come about.
    usage: String,
}

impl Form {
    fn of(named: &Named, headless: bool) -> Result<Self, Failure> {
        let plan = &named.plan;
        match &plan.model.body {
            Body::Wav2vec2(_) if headless => {
                let message = "`--headless` is for models of patches, whose features are asked for";
                Err(Failure::new(failure::REQUEST, message).help(
                    "the heads of a wav2vec2 model are left aside by whoever loads it as `Wav2Vec2Model`",
                ))
            }
            Body::Wav2vec2(wav2vec2) => Self::transcribing(plan, wav2vec2),
            Body::Patches(patches) => Self::of_patches(named, patches, headless),
            Body::Keyword(_)
            | Body::Speaker(_)
            | Body::Sashimi(_)
            | Body::Diffwave(_)
            | Body::Tacomamba(_)
            | Body::CodecLm(_) => {
                let message = format!("there is no folder format for a `{}` model", plan.model.family());
                Err(Failure::new(failure::REQUEST, message).help(format!(
                    "its weights are `{}`, under the names of the published checkpoints",
                    named.weights[0].display()
                )))
            }
        }
    }

    fn transcribing(plan: &Plan, wav2vec2: &Wav2vec2Plan) -> Result<Self, Failure> {
        let data = &plan.data;
        let tokenizer = CtcTokenizer::read(&Path::new(&data.dir).join(&data.vocab_path))
            .map_err(crate::data::DataError::from)?;
        let (pad, unknown) = (tokenizer.pad_token(), tokenizer.unknown_token());
        let config = hub::config(wav2vec2);
        Ok(Form {
            library: if config["model_type"] == "wav2vec2" { "transformers" } else { "runner" },
            settings: vec![
                ("config.json", config),
                ("preprocessor_config.json", hub::feature_extractor(data.sample_rate_hz)),
                ("tokenizer_config.json", hub::tokenizer(pad, unknown)),
                ("special_tokens_map.json", json!({"pad_token": pad, "unk_token": unknown})),
            ],
            task: "automatic-speech-recognition",
            tags: "automatic-speech-recognition, ctc",
            results: &[("test/wer", "wer"), ("test/cer", "cer")],
            usage: format!("Transcripts come from {}.", hub::decoding(plan.eval.decode_padding)),
        })
    }

    fn of_patches(named: &Named, patches: &PatchesPlan, headless: bool) -> Result<Self, Failure> {
        let data = &named.plan.data;
        let labels = match (headless, patches.task.pretrains()) {
            (false, false) => {
                let categories = Categories::read(&Path::new(&data.dir).join(&data.categories_path))?;
                let names = (0..patches.heads.classes[0]).filter_map(|class| categories.name(0, class));
                names.map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let family = named.plan.model.family();
        let usage = format!(
            "As features, or to go on from: `[model.{family}]` with `pretrained` set to this folder; `runner forward` writes what every layer \
             makes of a sound."
        );
        Ok(Form {
            library: "runner",
            settings: vec![
                ("config.json", hub::patches::config(patches, &labels, headless)),
                ("preprocessor_config.json", hub::patches::feature_extractor(&patches.features)),
            ],
            task: if labels.is_empty() { "feature-extraction" } else { "audio-classification" },
            tags: if labels.is_empty() { "feature-extraction" } else { "audio-classification" },
            results: &[("test/clf_acc", "accuracy"), ("test/mAP", "mean_average_precision")],
            usage,
        })
    }
}

fn write_weights(model: &Model<Cpu>, id: &str, headless: bool, to: &Path) -> Result<(), Failure> {
    // transformers refuses a file that does not say for which framework it was made.
    let notes =
        BTreeMap::from([("format".to_owned(), "pt".to_owned()), ("runner".to_owned(), id.to_owned())]);
    let mut bytes = Vec::new();
    let wanted = |name: &str| !headless || model.plan.is_source(name);
    weights::write_some(&model.params, wanted, notes, &mut bytes)
        .map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
    Ok(write_whole(&to.join("model.safetensors"), &bytes)?)
}

/// The vocabulary, and what the classifiers' outputs mean, as far as there are such.
fn copy_classes(plan: &Plan, headless: bool, to: &Path) -> Result<(), Failure> {
    let corpus = Path::new(&plan.data.dir);
    if plan.model.ctc().is_some() {
        copy(&corpus.join(&plan.data.vocab_path), &to.join("vocab.json"))?;
    }
    if !headless && !plan.model.classes().is_empty() {
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
fn card(named: &Named, form: &Form, metrics: &Values) -> String {
    let plan = &named.plan;
    let corpus = &plan.data.dir;
    let results: Vec<Json> = form
        .results
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
            "task": {"type": form.task},
            "dataset": {"name": corpus, "type": corpus, "split": "test"},
            "metrics": results,
        }],
    }]);
    let rows: String = metrics.iter().map(|(name, value)| format!("| {name} | {value:.4} |\n")).collect();
    // JSON is YAML.
    format!(
        "---\nlibrary_name: {library}\ntags: [{tags}]\nmodel-index: {index}\n---\n\n# {name}\n\n{description}\n\n\
         Trained with `runner` on `{corpus}` for {step} updates, run `{id}`; `experiment.toml` is the whole experiment. {usage}\n\n\
         | metric | value |\n|---|---:|\n{rows}",
        library = form.library,
        tags = form.tags,
        name = named.name,
        description = plan.description,
        step = named.step,
        id = named.id,
        usage = form.usage,
    )
}

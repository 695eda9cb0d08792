//! `runner eval CLASSIFIER --voices LIST`: are two recordings of one voice?

use std::collections::BTreeSet;
use std::path::Path;

use kernels::Backend;
use serde_json::json;

use super::Talk;
use super::arguments::EvalArguments;
use super::checkpoint::Named;
use super::eval::list_at;
use super::failure::{self, Failure, make_folder};
use super::predict::heard;
use crate::corpora::{Categories, Corpus, MetaFormat};
use crate::data::DataError;
use crate::quality::voices::Trials;
use crate::record::folder::write_json;
use crate::record::{Values, preds, units};
use crate::train::on_device;

/// A recording: whose voice it is, and what the classifier makes of it.
struct Recording {
    name: String,
    voice: String,
    vector: Vec<f32>,
}

/// Compares all recordings of the list and leaves preds.jsonl (a vector for each) and metrics.json in the output folder.
pub(super) fn eval_voices(arguments: &EvalArguments, list: &str, talk: Talk) -> Result<u8, Failure> {
    let named = Named::find(&arguments.model, talk)?;
    kernels::threads::start(named.plan.run.threads);
    if named.plan.model.classes().is_empty() {
        let message = format!("`{}` does not classify", named.name);
        return Err(Failure::new(failure::REQUEST, message)
            .help("name a run of a classifier, such as `speakers_librispeech`"));
    }
    let recordings = on_device!(arguments.device.wanted(), |device| recordings(device, &named, list))?;
    let path = Path::new(&named.plan.data.dir).join(&named.plan.data.categories_path);
    let known = Categories::read(&path).map_err(DataError::from)?;
    let voices: BTreeSet<&str> = recordings.iter().map(|one| one.voice.as_str()).collect();
    let is_known = |voice: &str| known.classes(&[voice.to_owned()]).is_some();
    let unheard: Vec<&str> = voices.iter().copied().filter(|voice| !is_known(voice)).collect();
    let compared: Vec<(&str, &[f32])> =
        recordings.iter().map(|one| (one.voice.as_str(), &one.vector[..])).collect();
    let all = Trials::among(&compared, |_, _| true);
    let with_unheard =
        Trials::among(&compared, |one, other| unheard.contains(&one) || unheard.contains(&other));
    let Some(rate) = all.equal_error_rate() else {
        let message = format!("`{list}` has no two recordings of one voice and of two");
        return Err(Failure::new(failure::REQUEST, message)
            .help("its lines are `name|samples|text|speaker|language`, each speaker on several of them"));
    };
    let mut metrics = Values::from([("eer".to_owned(), rate)]);
    metrics.extend(with_unheard.equal_error_rate().map(|rate| ("eer/unheard".to_owned(), rate)));
    let stem = Path::new(list).file_stem().unwrap_or_default().to_string_lossy();
    let output =
        arguments.output.clone().unwrap_or_else(|| named.dir.join(format!("eval_{stem}_{}", named.which)));
    make_folder(&output)?;
    let lines =
        recordings.iter().map(|one| json!({"name": one.name, "voice": one.voice, "vector": one.vector}));
    preds::write(&output.join("preds.jsonl"), lines)?;
    write_json(&output.join("metrics.json"), &metrics)?;
    match talk.json {
        true => talk.data(&json!({
            "id": named.id, "name": named.name, "dir": output, "state": "finished", "step": named.step,
            "unheard": unheard, "metrics": metrics,
        })),
        false => {
            for (name, trials) in [("all pairs", &all), ("pairs with an unheard voice", &with_unheard)] {
                if let Some(rate) = trials.equal_error_rate() {
                    let [same, other] =
                        [&trials.same, &trials.other].map(|pairs| units::count(pairs.len() as u64));
                    println!(
                        "{name}: equal error rate {}, {same} of one voice and {other} of two",
                        units::percent(rate)
                    );
                }
            }
        }
    }
    let count = units::count(recordings.len() as u64);
    talk.say(format_args!(
        "{count} recordings of {} voices, {} of them unheard",
        voices.len(),
        unheard.len()
    ));
    Ok(0)
}

/// The recordings of a list, which is taken as it is given, or else inside the corpus' folder.
fn recordings<D: Backend>(device: &D, named: &Named, list: &str) -> Result<Vec<Recording>, Failure> {
    let (plan, model) = (&named.plan, named.model(device)?);
    let list = list_at(list);
    let corpus =
        Corpus::open(Path::new(&plan.data.dir), &list, MetaFormat::NltLa).map_err(DataError::from)?;
    let mut recordings = Vec::new();
    for utterance in corpus.utterances() {
        let [voice] = &utterance.labels[..] else {
            let message = format!("`{}` has {} labels in `{list}`", utterance.name, utterance.labels.len());
            return Err(Failure::new(failure::REQUEST, message).help("a line's only label is its speaker"));
        };
        if utterance.samples < plan.model.min_samples() {
            continue;
        }
        let waveform = corpus.load(utterance, plan.data.sample_rate_hz).map_err(DataError::from)?;
        let made = heard(plan, &model, waveform, device)?;
        let missing = || Failure::new(failure::INTERNAL, "nothing stands under the classifier");
        let vector = made.pooled.ok_or_else(missing)?.download()?;
        recordings.push(Recording { name: utterance.name.clone(), voice: voice.clone(), vector });
    }
    Ok(recordings)
}

//! `runner eval`: a checkpoint, judged on a split.

use std::path::Path;

use kernels::Backend;
use serde_json::json;

use super::Talk;
use super::arguments::{EvalArguments, ModelArguments};
use super::checkpoint::Named;
use super::eval_samples::eval_samples;
use super::eval_speech::eval_speech;
use super::eval_voices::eval_voices;
use super::failure::{self, Failure, make_folder};
use super::run::on_signals;
use crate::data::Batch;
use crate::record::{Folder, Values};
use crate::task::mistakes;
use crate::train::{Evaluation, Job, Split, evaluate, evaluate_together, on_device};

/// The most frequent mistakes of classifiers that are shown; confusion.csv has all.
const MISTAKES_SHOWN: usize = 5;

/// Judges the checkpoint and leaves preds.jsonl and metrics.json in the output folder.
pub fn eval(arguments: &EvalArguments, talk: Talk) -> Result<u8, Failure> {
    if let (Some(option), None) = (arguments.draws.given(), &arguments.recogniser) {
        let message = format!("`{option}` says how a model of codes speaks, and nobody listens");
        return Err(Failure::new(failure::REQUEST, message).help("name who does: `--recogniser MODEL`"));
    }
    if let Some(folder) = &arguments.samples {
        return eval_samples(arguments, folder, talk);
    }
    if let Some(recogniser) = &arguments.recogniser {
        return eval_speech(arguments, recogniser, talk);
    }
    if let Some(list) = &arguments.voices {
        return eval_voices(arguments, list, talk);
    }
    let stop = on_signals()?;
    let asked = || stop.requested();
    let mut named = Named::find(&arguments.model, talk)?;
    let plan = &mut named.plan;
    if let Some(meta) = &arguments.meta {
        plan.data.test_meta = list_at(meta);
    }
    kernels::threads::start(plan.run.threads);
    let Named { dir, id, name, plan, step, which, .. } = &named;
    let job = Job::open(plan)?;
    let split = Split::from(arguments.split);
    let batches = job.eval_batches(split, &asked)?;
    job.notes().into_iter().for_each(|note| talk.say(note));
    let several = arguments.ensemble || !arguments.with.is_empty();
    let judged = on_device!(arguments.device.wanted(), |device| match several {
        false => Ok(evaluate(device, &named.model(device)?, &job, &batches, &asked)?),
        true => together(device, &named, arguments, talk, &job, &batches, &asked),
    })?;
    let mut metrics = split.named(&judged.metrics);
    metrics.extend(split.named(&judged.details));
    let output = arguments.output.clone().unwrap_or_else(|| {
        let stem = arguments.meta.as_deref().and_then(|meta| Path::new(meta).file_stem());
        let what = stem.map_or_else(|| split.name().into(), |stem| stem.to_string_lossy().into_owned());
        let together = if several { "_together" } else { "" };
        dir.join(format!("eval_{what}_{which}{together}"))
    });
    write(&output, &judged, &metrics)?;
    if talk.json {
        talk.data(&json!({
            "id": id, "name": name, "dir": output, "state": "finished", "step": step,
            "metrics": metrics,
        }));
    } else {
        print(&judged, &metrics);
    }
    talk.say(format_args!("predictions are in {}", output.join("preds.jsonl").display()));
    Ok(0)
}

/// Where a list is: as it is given, or else inside the corpus' folder.
pub(super) fn list_at(list: &str) -> String {
    let given = std::path::absolute(list).ok().filter(|path| path.is_file());
    given.map_or_else(|| list.to_owned(), |path| path.display().to_string())
}

/// What the model and those beside it say together.
fn together<D: Backend>(
    device: &D,
    named: &Named,
    arguments: &EvalArguments,
    talk: Talk,
    job: &Job<'_>,
    batches: &[Batch],
    asked: &dyn Fn() -> bool,
) -> Result<Evaluation, Failure> {
    let mut members = named.members();
    for other in &arguments.with {
        let asked = ModelArguments { model: other.clone(), ..arguments.model.clone() };
        let other = Named::find(&asked, talk)?;
        if other.plan.model.classes() != named.plan.model.classes() {
            let message = format!("`{}` tells other classes apart than `{}`", other.name, named.name);
            return Err(Failure::new(failure::REQUEST, message)
                .help("models that answer together need the same heads"));
        }
        members.extend(other.members());
    }
    let models = members.iter().map(|member| member.model(device)).collect::<Result<Vec<_>, _>>()?;
    talk.say(format_args!("{} checkpoints answer together", models.len()));
    Ok(evaluate_together(device, &models.iter().collect::<Vec<_>>(), job, batches, asked)?)
}

fn write(output: &Path, judged: &Evaluation, metrics: &Values) -> Result<(), Failure> {
    make_folder(output)?;
    judged.write(&Folder::at(output), metrics)?;
    Ok(())
}

fn print(judged: &Evaluation, metrics: &Values) {
    for (name, value) in metrics {
        println!("{name} {value:.4}");
    }
    for pair in mistakes(&judged.confusions).into_iter().take(MISTAKES_SHOWN) {
        println!("head {}: {} taken for {}, {} times", pair.head, pair.truth, pair.prediction, pair.count);
    }
}

//! `runner eval`: a checkpoint, judged on a split.

use std::path::Path;

use kernels::Cpu;
use serde_json::json;

use super::Talk;
use super::arguments::{EvalArguments, SplitName};
use super::checkpoint::Named;
use super::eval_samples::eval_samples;
use super::failure::{self, Failure};
use crate::record::{Values, folder::write_json, preds};
use crate::task::mistakes;
use crate::train::{Evaluation, Job, Split, evaluate};

/// The most frequent mistakes of classifiers that are shown; confusion.csv has all.
const MISTAKES_SHOWN: usize = 5;

/// Judges the checkpoint and leaves preds.jsonl and metrics.json in the output folder.
pub fn eval(arguments: &EvalArguments, talk: Talk) -> Result<u8, Failure> {
    if let Some(folder) = &arguments.samples {
        return eval_samples(arguments, folder, talk);
    }
    let mut named = Named::find(&arguments.model, talk)?;
    let plan = &mut named.plan;
    if let Some(meta) = &arguments.meta {
        // As it is given, or else inside the corpus' folder.
        let given = std::path::absolute(meta).ok().filter(|path| path.is_file());
        plan.data.test_meta = given.map_or_else(|| meta.clone(), |path| path.display().to_string());
    }
    kernels::threads::start(plan.run.threads);
    let Named { dir, id, name, plan, step, .. } = &named;
    let job = Job::open(plan)?;
    let device = Cpu::default();
    let model = named.model(&device)?;
    let split = match arguments.split {
        SplitName::Dev => Split::Dev,
        SplitName::Test => Split::Test,
    };
    let batches = job.eval_batches(split)?;
    let judged = evaluate(&device, &model, &job, &batches)?;
    let mut metrics = split.named(&judged.metrics);
    metrics.extend(split.named(&judged.details));
    let output = arguments.output.clone().unwrap_or_else(|| {
        let stem = arguments.meta.as_deref().and_then(|meta| Path::new(meta).file_stem());
        let what = stem.map_or_else(|| split.name().into(), |stem| stem.to_string_lossy().into_owned());
        dir.join(format!("eval_{what}_{step}"))
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

fn write(output: &Path, judged: &Evaluation, metrics: &Values) -> Result<(), Failure> {
    std::fs::create_dir_all(output)
        .map_err(|error| Failure::new(failure::IO, format!("cannot make `{}`: {error}", output.display())))?;
    preds::write(&output.join("preds.jsonl"), &judged.predictions)?;
    write_json(&output.join("metrics.json"), metrics)?;
    preds::write_confusions(&output.join("confusion.csv"), &judged.confusions)?;
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

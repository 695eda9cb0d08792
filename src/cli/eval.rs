//! `runner eval`: a checkpoint of a run, judged on a split.

use std::path::Path;

use kernels::Cpu;
use serde_json::json;

use super::Talk;
use super::arguments::{EvalArguments, Request, SplitName};
use super::failure::{self, Failure};
use super::order::plan_alone;
use crate::model::{Model, weights};
use crate::record::checkpoint::{self, Pointer};
use crate::record::{Folder, Identity, Values, folder::write_json, preds};
use crate::train::{Job, Split, evaluate};

/// Judges the checkpoint and leaves preds.jsonl and metrics.json in the output folder.
pub fn eval(arguments: &EvalArguments, talk: Talk) -> Result<u8, Failure> {
    let (run, which) = split_name(&arguments.run);
    let folder = Folder::at(run);
    let identity = Identity::read(&folder)?.ok_or_else(|| {
        Failure::new(failure::MISSING, format!("{} is no run's folder", folder.dir().display()))
            .hint("give the folder that `runner results` lists, for example results/runs/NAME-HASH@best")
    })?;
    let step = step_of(&folder, which)?;
    let request =
        Request { experiment: folder.config_toml(), profile: None, hparams: None, sets: Vec::new() };
    let mut plan = plan_alone(&request)?;
    if let Some(meta) = &arguments.meta {
        // As it is given, or else inside the corpus' folder.
        let given = std::path::absolute(meta).ok().filter(|path| path.is_file());
        plan.data.test_meta = given.map_or_else(|| meta.clone(), |path| path.display().to_string());
    }
    kernels::threads::start(plan.run.threads);
    let job = Job::open(&plan)?;
    let device = Cpu::default();
    let mut model = Model::draw(&device, &plan.model, plan.run.seed)?;
    let file = checkpoint::dir(folder.dir(), step).join("model.safetensors");
    weights::load(&mut model.params, &file, weights::Match::Strict)?;
    let split = match arguments.split {
        SplitName::Dev => Split::Dev,
        SplitName::Test => Split::Test,
    };
    let batches = job.eval_batches(split)?;
    let judged = evaluate(&device, &model, job.tokenizer(), &batches, plan.eval.decode_padding)?;
    let metrics: Values =
        judged.metrics.iter().map(|(name, value)| (format!("{}/{name}", split.name()), *value)).collect();
    let output = arguments.output.clone().unwrap_or_else(|| {
        let stem = arguments.meta.as_deref().and_then(|meta| Path::new(meta).file_stem());
        let what = stem.map_or_else(|| split.name().into(), |stem| stem.to_string_lossy().into_owned());
        folder.dir().join(format!("eval_{what}_{step}"))
    });
    std::fs::create_dir_all(&output)
        .map_err(|error| Failure::new(failure::IO, format!("cannot make {}: {error}", output.display())))?;
    preds::write(&output.join("preds.jsonl"), &judged.predictions)?;
    write_json(&output.join("metrics.json"), &metrics)?;
    if talk.json {
        talk.data(&json!({
            "id": identity.id, "name": identity.name, "dir": output, "state": "finished", "step": step,
            "metrics": metrics,
        }));
    } else {
        for (name, value) in &metrics {
            println!("{name} {value:.4}");
        }
    }
    talk.say(format_args!("predictions are in {}", output.join("preds.jsonl").display()));
    Ok(0)
}

/// `RUN@best` into its two parts; without `@`, the best.
fn split_name(text: &str) -> (&str, &str) {
    text.rsplit_once('@').unwrap_or((text, "best"))
}

fn step_of(folder: &Folder, which: &str) -> Result<u64, Failure> {
    let steps = checkpoint::steps(folder.dir())?;
    let step = match which {
        "best" => checkpoint::pointed(folder.dir(), Pointer::Best),
        "latest" => checkpoint::pointed(folder.dir(), Pointer::Latest),
        step => step.parse().ok().filter(|step| steps.contains(step)),
    };
    step.ok_or_else(|| {
        let there: Vec<String> = steps.iter().map(u64::to_string).collect();
        let message = format!("the run has no checkpoint `{which}`");
        Failure::new(failure::MISSING, message).hint(format!("it has {}", there.join(", ")))
    })
}

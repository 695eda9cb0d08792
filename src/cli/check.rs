//! `runner check`: every mistake, without running anything.

use serde_json::json;

use super::Talk;
use super::arguments::{CheckArguments, Request};
use super::failure::{self, Failure};
use super::order::{Orders, orders};
use crate::train::{Job, Split};

/// Checks each experiment; with `--data` its corpus too.
pub fn check(arguments: &CheckArguments, talk: Talk) -> Result<u8, Failure> {
    let mut worst = 0;
    let mut problems = Vec::new();
    for experiment in &arguments.experiments {
        let request = Request {
            experiment: experiment.clone(),
            profile: arguments.profile.clone(),
            hparams: arguments.hparams.clone(),
            sets: arguments.sets.clone(),
        };
        let checked = orders(&request).and_then(|orders| look(arguments, &orders));
        match checked {
            Ok(found) => talk.say(format_args!("{}: {found}", experiment.display())),
            Err(failure) => {
                worst = worst.max(failure.code);
                problems.extend(failure.as_problems());
                if !talk.json {
                    failure.report(false);
                }
            }
        }
    }
    if talk.json {
        talk.data(&json!({"ok": worst == 0, "problems": problems}));
    }
    Ok(if worst == 0 { 0 } else { worst.min(failure::MISSING) })
}

fn look(arguments: &CheckArguments, orders: &Orders) -> Result<String, Failure> {
    let plan = &orders.asked.plan;
    if !arguments.data {
        return Ok(format!("ok, run {}", plan.folder_name()));
    }
    let job = Job::open(plan)?;
    let train = job.train_loader()?;
    let judged: usize = [Split::Dev, Split::Test]
        .into_iter()
        .map(|split| Ok(job.eval_batches(split)?.len()))
        .sum::<Result<usize, Failure>>()?;
    let left_out = match train.left_out {
        0 => String::new(),
        count => format!(", {count} left out for unknown labels"),
    };
    Ok(format!("ok, {} training utterances{left_out}, {judged} batches to judge on", train.len()))
}

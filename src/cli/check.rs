//! `runner check`: every mistake, without running anything.

use serde_json::json;

use super::Talk;
use super::arguments::{CheckArguments, Request};
use super::failure::{self, Failure};
use super::order::{Orders, orders};
use crate::record::units::number;
use crate::train::Job;

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
                let found = failure.as_problems();
                // A teacher's file may spoil several experiments; it is shown once.
                let known = !found.is_empty() && found.iter().all(|problem| problems.contains(problem));
                match known {
                    true => {
                        talk.say(format_args!("{}: not in order, for reasons above", experiment.display()))
                    }
                    false if talk.json => {}
                    false => _ = failure.report(false),
                }
                problems.extend(found.into_iter().filter(|_| !known));
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
    let found = Job::open(plan)?.probe()?;
    let left_out = match found.left_out {
        0 => String::new(),
        count => format!(", {count} left out for unknown labels"),
    };
    Ok(format!(
        "ok, {} training utterances{left_out}, {} files there, {} decoded, an update on {} and {} frames has loss {}",
        found.training,
        found.files,
        found.decoded,
        found.frames[0],
        found.frames[1],
        number(found.loss)
    ))
}

//! `runner check`: every mistake, without running anything.

use serde_json::json;

use super::Talk;
use super::arguments::{CheckArguments, Request};
use super::failure::{self, Failure};
use super::order::orders;
use super::sweep::{Study, study};
use crate::launch::Order;
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
        let checked = match study(&request) {
            Ok(Some(study)) => look_at_points(arguments, &study),
            Ok(None) => orders(&request).and_then(|orders| look(arguments, &orders.asked)),
            Err(failure) => Err(failure),
        };
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

/// A sweep: every point of it.
fn look_at_points(arguments: &CheckArguments, study: &Study) -> Result<String, Failure> {
    let points = study.points().count();
    if arguments.data {
        for point in study.points() {
            look(arguments, &point.order)?;
        }
    }
    let needed = match study.needed().count() {
        0 => String::new(),
        count => format!(", {count} needed first"),
    };
    Ok(format!("ok, a sweep of {points} runs{needed}"))
}

fn look(arguments: &CheckArguments, order: &Order) -> Result<String, Failure> {
    let plan = &order.plan;
    if !arguments.data {
        return Ok(format!("ok, run {}", plan.folder_name()));
    }
    let found = Job::open(plan)?.probe()?;
    let left_out = match found.left_out {
        0 => String::new(),
        count if plan.model.tacomamba().is_some() => {
            format!(", {count} left out for their labels or lengths")
        }
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

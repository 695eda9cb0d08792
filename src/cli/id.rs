//! `runner id` and `runner diff`: whether two experiments are the same run, and where they differ.

use serde_json::json;

use super::Talk;
use super::arguments::{DiffArguments, Request};
use super::failure::Failure;
use super::order::{Orders, idle_everywhere, orders};
use crate::config::origins;
use crate::plan::readers;

/// Prints the run's identity: the hash that its folder's name ends in.
pub fn id(request: &Request, talk: Talk) -> Result<u8, Failure> {
    let plan = orders(request)?.asked.plan;
    if talk.json {
        talk.data(&json!({"id": plan.id, "name": plan.name, "dir": plan.dir()}));
    } else {
        println!("{}", plan.id);
    }
    Ok(0)
}

/// Prints the options in which two experiments differ: as they are merged, without those that nothing reads or that change no result.
pub fn diff(arguments: &DiffArguments, talk: Talk) -> Result<u8, Failure> {
    let request = |experiment: &std::path::PathBuf| Request {
        experiment: experiment.clone(),
        profile: arguments.profile.clone(),
        hparams: None,
        sets: arguments.sets.clone(),
    };
    let (left, right) = (orders(&request(&arguments.left))?, orders(&request(&arguments.right))?);
    let rows = rows(&values(&left)?, &values(&right)?);
    let same = left.asked.plan.id == right.asked.plan.id;
    if talk.json {
        let list: Vec<_> = rows
            .iter()
            .map(|(path, left, right)| json!({"path": path, "left": left, "right": right}))
            .collect();
        talk.data(&json!({"same": same, "differences": list}));
        return Ok(0);
    }
    let width = rows.iter().map(|(path, ..)| path.len()).max().unwrap_or(0);
    let absent = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    for (path, left, right) in &rows {
        println!("{path:width$}  {} → {}", absent(left), absent(right));
    }
    match same {
        true => talk.say(format_args!("the same run, {}", left.asked.plan.id)),
        false => {
            talk.say(format_args!("{} and {}", left.asked.plan.folder_name(), right.asked.plan.folder_name()))
        }
    }
    Ok(0)
}

type Row = (String, Option<String>, Option<String>);

/// The options in force, without idle ones and those that change no result.
fn values(orders: &Orders) -> Result<Vec<(String, String)>, Failure> {
    let written = |error: toml::ser::Error| Failure::new(super::failure::INTERNAL, error.to_string());
    let idle = idle_everywhere(&orders.loaded.experiment, &orders.asked.plan.needs);
    let all = origins(&orders.loaded).map_err(written)?;
    Ok(all
        .into_iter()
        .map(|origin| (origin.path, origin.value))
        .filter(|(path, _)| !idle.contains(path))
        .collect())
}

fn rows(left: &[(String, String)], right: &[(String, String)]) -> Vec<Row> {
    let find = |values: &[(String, String)], path: &str| {
        values.iter().find(|(other, _)| other == path).map(|(_, value)| value.clone())
    };
    let mut paths: Vec<&String> = left.iter().map(|(path, _)| path).collect();
    paths.extend(right.iter().map(|(path, _)| path).filter(|path| find(left, path).is_none()));
    let row = |path: &String| (path.clone(), find(left, path), find(right, path));
    let counts = |path: &str| {
        path == "train.max_steps" || readers(path).is_some_and(|reading| reading.part_of_identity)
    };
    paths.into_iter().map(row).filter(|(path, left, right)| left != right && counts(path)).collect()
}

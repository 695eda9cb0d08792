//! How a sweep's points stand, for people and for machines.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::study::{Study, StudyRun};
use crate::cli::Talk;
use crate::cli::failure::Failure;
use crate::launch::sweep::Outcome;
use crate::record::Status;
use crate::report::{Query, load_dirs};

/// In a table, where a point has no value of an axis.
pub const NO_VALUE: &str = "–";

/// Lists the points and the runs they need, without touching any.
pub fn listing(study: &Study, talk: Talk) {
    if talk.json {
        let row = |run: &StudyRun| {
            let mut value = facts(run);
            value["state"] = run.standing.name().into();
            value
        };
        talk.data(&whole(study, row));
        return;
    }
    let mut rows = vec![["point", "run", "state"].map(str::to_owned).to_vec()];
    rows[0].extend(study.varying.iter().cloned());
    for run in study.points() {
        let mut row = vec![number(run), run.order.plan.folder_name(), run.standing.name().to_owned()];
        row.extend(study.varying.iter().map(|path| shown(run, path)));
        rows.push(row);
    }
    print!("{}", columns(&rows));
    if study.needed().next().is_some() {
        let mut rows = vec![["needed first", "state", "by points"].map(str::to_owned).to_vec()];
        for run in study.needed() {
            rows.push(vec![
                run.order.plan.folder_name(),
                run.standing.name().to_owned(),
                needed_by(study, run),
            ]);
        }
        print!("\n{}", columns(&rows));
    }
    talk.say(counted(study));
    for run in study.points().filter(|run| run.row.dir != run.order.plan.dir()) {
        talk.say(format_args!("point {} is done in {}", number(run), run.row.dir.display()));
    }
}

/// `sweep cald_alpha: 5 points in results/runs, 3 new, 2 done; 1 needed first`
pub fn counted(study: &Study) -> String {
    let points: Vec<&StudyRun> = study.points().collect();
    let mut states: Vec<(&str, usize)> = Vec::new();
    for name in points.iter().map(|run| run.standing.name()) {
        match states.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => states.push((name, 1)),
        }
    }
    let states: Vec<String> = states.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let runs_dir = points.first().map_or("", |run| run.order.plan.output.runs_dir.as_str());
    let mut said = format!("{} points in {runs_dir}: {}", points.len(), states.join(", "));
    let needed = study.needed().count();
    if needed > 0 {
        said += &format!("; {needed} needed first");
    }
    if study.asked > points.len() {
        said += &format!("; {} more combinations are the same runs", study.asked - points.len());
    }
    said
}

/// The table of what came of it, and what failed.
pub fn outcome(study: &Study, outcomes: &[Outcome], talk: Talk) -> Result<(), Failure> {
    if talk.json {
        let row = |run: &StudyRun| {
            let mut value = facts(run);
            let outcome = outcome_of(study, outcomes, run);
            value["state"] = outcome.name().into();
            value["reused"] = (*outcome == Outcome::Reused).into();
            let status = Status::read(&run.job.folder).ok().flatten();
            value["step"] = status.as_ref().map(|status| status.step).into();
            value["metrics"] = json!(status.map(|status| status.metrics));
            if let Outcome::Failed { cause, .. } = outcome {
                value["error"] = cause.as_str().into();
                value["log"] = json!(run.job.log);
            }
            value
        };
        talk.data(&whole(study, row));
    } else {
        let runs = load_dirs(study.points().map(|run| run.job.folder.dir()));
        if let Some(error) = runs.unreadable.into_iter().next() {
            return Err(error.into());
        }
        let runs = runs.runs;
        let query = Query { leading: leading(&study.varying), ..Query::default() };
        if !runs.is_empty() {
            print!("{}", query.table(&runs)?.to_text());
        }
    }
    failures(study, outcomes);
    talk.say(summary(study, outcomes));
    Ok(())
}

/// Columns that tell points apart: what differs between them, but for the experiment, which names the run.
pub fn leading(varying: &[String]) -> Vec<String> {
    varying.iter().filter(|path| *path != "experiment").cloned().collect()
}

fn outcome_of<'a>(study: &Study, outcomes: &'a [Outcome], run: &StudyRun) -> &'a Outcome {
    let at = study.runs.iter().position(|other| other.row.id == run.row.id);
    at.and_then(|at| outcomes.get(at)).unwrap_or(&Outcome::Untouched)
}

/// Each failure with its first words and where the rest is; also said where only errors are.
fn failures(study: &Study, outcomes: &[Outcome]) {
    for (run, outcome) in study.runs.iter().zip(outcomes) {
        let Outcome::Failed { cause, .. } = outcome else { continue };
        let name = run.order.plan.folder_name();
        let point = run.row.number.map_or("needed".to_owned(), |number| format!("point {number}"));
        eprintln!("failed: {point}, {name}: {cause}");
        if run.job.log.exists() {
            eprintln!("        {}", run.job.log.display());
        }
    }
}

fn summary(study: &Study, outcomes: &[Outcome]) -> String {
    let count = |test: &dyn Fn(&Outcome) -> bool| {
        study.points().filter(|run| test(outcome_of(study, outcomes, run))).count()
    };
    let parts = [
        (count(&|outcome| *outcome == Outcome::Done), "done"),
        (count(&|outcome| *outcome == Outcome::Reused), "done before"),
        (count(&|outcome| matches!(outcome, Outcome::Failed { .. })), "failed"),
        (count(&|outcome| matches!(outcome, Outcome::Blocked { .. })), "without what they need"),
        (count(&|outcome| *outcome == Outcome::Interrupted), "interrupted"),
        (count(&|outcome| *outcome == Outcome::Untouched), "not begun"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let dir = study.folder.dir().display();
    let on = match outcomes.iter().all(Outcome::is_done) {
        true => format!("`runner results {dir}` shows them again"),
        false => "the same command goes on from here".to_owned(),
    };
    format!("{} points: {}; {on}", study.points().count(), parts.join(", "))
}

/// All of a study as an object, a row of whose points `row` makes.
pub fn whole(study: &Study, row: impl Fn(&StudyRun) -> Value) -> Value {
    json!({
        "name": study.name,
        "dir": study.folder.dir(),
        "varying": study.varying,
        "points": study.points().map(&row).collect::<Vec<_>>(),
        "needed": study.needed().map(&row).collect::<Vec<_>>(),
    })
}

/// What a run is, under the names of `points.jsonl`.
pub fn facts(run: &StudyRun) -> Value {
    let row = &run.row;
    let mut facts = Map::new();
    if let Some(number) = row.number {
        facts.insert("number".into(), number.into());
    }
    facts.insert("id".into(), row.id.as_str().into());
    facts.insert("name".into(), row.name.as_str().into());
    facts.insert("dir".into(), json!(row.dir));
    facts.insert("settings".into(), row.settings.clone().into());
    if !row.also.is_empty() {
        facts.insert("also".into(), json!(row.also));
    }
    facts.insert("needs".into(), json!(row.needs));
    Value::Object(facts)
}

fn number(run: &StudyRun) -> String {
    run.row.number.map(|number| number.to_string()).unwrap_or_default()
}

/// A point's value of an axis; `–` where several of its combinations are one run, so that it has none.
pub fn shown(run: &StudyRun, path: &str) -> String {
    let of = |settings: &Map<String, Value>| settings.get(path).cloned().unwrap_or_default();
    let value = of(&run.row.settings);
    if run.row.also.iter().any(|settings| of(settings) != value) {
        return NO_VALUE.to_owned();
    }
    match value {
        Value::String(file) if path == "experiment" => {
            Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
        }
        Value::String(text) => text,
        Value::Null => NO_VALUE.to_owned(),
        Value::Number(large) if large.is_f64() && large.as_f64().is_some_and(|large| large.abs() >= 1e5) => {
            format!("{:e}", large.as_f64().unwrap_or_default())
        }
        other => other.to_string(),
    }
}

/// Numbers of the points that need a run, directly or not.
fn needed_by(study: &Study, needed: &StudyRun) -> String {
    let mut ids = vec![needed.row.id.as_str()];
    // What a run needs stands before it, so one pass follows whole chains.
    for run in &study.runs {
        if run.row.needs.iter().any(|need| ids.contains(&need.as_str())) {
            ids.push(&run.row.id);
        }
    }
    let numbers: Vec<String> =
        study.points().filter(|run| ids.contains(&run.row.id.as_str())).map(number).collect();
    numbers.join(", ")
}

/// Rows as columns two blanks apart.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

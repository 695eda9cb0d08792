//! `runner status`: how the points of a sweep stand, by their folders and the cluster's queue.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::Talk;
use super::arguments::StatusArguments;
use super::failure::{self, Failure};
use super::sweep::columns;
use crate::launch::slurm::journal::{Submitted, queued, submitted, submitted_beside};
use crate::launch::slurm::{self, Queue, Queued};
use crate::launch::sweep::Standing;
use crate::record::{Folder, Status, SweepFolder, SweepRow};

/// Prints how each point stands.
pub fn status(arguments: &StatusArguments, talk: Talk) -> Result<u8, Failure> {
    let sweep = found(arguments)?;
    let rows = sweep.rows()?;
    let (own, all) = (submitted(&sweep)?, submitted_beside(&sweep)?);
    let queue = queue(&sweep, &all, talk)?;
    let mut lines = Vec::new();
    for row in &rows {
        lines.push(Line::of(row, &sweep, &own, queued(&all, &queue, &row.id))?);
    }
    if talk.json {
        let of = |is_point: bool| {
            let lines = lines.iter().filter(|line| line.row.number.is_some() == is_point);
            lines.map(Line::json).collect::<Vec<_>>()
        };
        let age = (!queue.jobs.is_empty() || queue.at_secs > 0).then(|| queue.age_secs());
        talk.data(&json!({
            "dir": sweep.dir(), "queue_age_secs": age, "points": of(true), "needed": of(false),
        }));
        return Ok(0);
    }
    let mut table = vec![["point", "run", "state", "step", "job", "about"].map(str::to_owned).to_vec()];
    table.extend(lines.iter().map(Line::cells));
    print!("{}", columns(&table));
    talk.say(summary(&sweep, &lines, &queue));
    Ok(0)
}

/// The sweep that is asked for.
fn found(arguments: &StatusArguments) -> Result<SweepFolder, Failure> {
    let runs_dir = &arguments.runs_dir;
    let named = |name: &str| SweepFolder::newest(runs_dir, name).filter(SweepFolder::is_sweep);
    let (found, asked) = match &arguments.sweep {
        None => (SweepFolder::newest_of_all(runs_dir), "a sweep".to_owned()),
        Some(path) => {
            let stem = if path.extension().is_some_and(|end| end == "toml") {
                path.file_stem()
            } else {
                path.file_name()
            };
            let name = stem.unwrap_or_default().to_string_lossy().into_owned();
            let there = Some(SweepFolder::at(path)).filter(SweepFolder::is_sweep);
            (there.or_else(|| named(&name)), format!("the sweep `{name}`"))
        }
    };
    found.ok_or_else(|| {
        Failure::new(failure::MISSING, format!("there is no folder of {asked} beside `{}`", runs_dir.display()))
            .help("`runner sweep FILE` makes one, called as the file is; name the folder of its runs with `--runs-dir`, if it is not `results/runs`")
    })
}

/// The queue, if anything was ever submitted.
fn queue(sweep: &SweepFolder, submitted: &[Submitted], talk: Talk) -> Result<Queue, Failure> {
    if submitted.is_empty() {
        return Ok(Queue::default());
    }
    if !slurm::is_here("squeue") {
        talk.say("`squeue` is not on the path: what is told is what the folders say");
        return Ok(Queue::default());
    }
    Ok(Queue::lately(&sweep.queue_json())?)
}

/// How one run stands.
struct Line<'a> {
    row: &'a SweepRow,
    state: &'static str,
    step: u64,
    job: Option<String>,
    about: String,
    queued: Option<Queued>,
    log: Option<PathBuf>,
    status: Option<Status>,
}

impl<'a> Line<'a> {
    fn of(
        row: &'a SweepRow,
        sweep: &SweepFolder,
        submitted: &[Submitted],
        queued: Option<&Queued>,
    ) -> Result<Self, Failure> {
        let folder = Folder::at(&row.dir);
        let standing = Standing::of(&folder, row.max_steps)?;
        let status = Status::read(&folder)?;
        let last =
            submitted.iter().rev().find_map(|submitted| Some((submitted, submitted.task_of(&row.id)?)));
        let log = last.map(|(submitted, task)| sweep.slurm_dir().join(submitted.log_of(task)));
        let log = log.filter(|log| log.is_file());
        let error = log.as_deref().and_then(last_error);
        let state = match state(standing, queued, last.is_some()) {
            // What is wrong with its inputs is said before a run has a folder.
            "lost" if error.is_some() => "failed",
            state => state,
        };
        let cause = status.as_ref().and_then(|status| status.cause.clone());
        let about = match state {
            "failed" => cause.or(error).unwrap_or_default(),
            "pending" | "preempted" => queued.map(waits).unwrap_or_default(),
            "running" | "starting" => queued.map(works).unwrap_or_default(),
            "interrupted" => "waits for nothing: the sweep's command goes on with it".into(),
            "lost" => log.as_deref().map_or_else(
                || "its job ended without a word".into(),
                |log| format!("its job ended before it began: {}", log.display()),
            ),
            _ => String::new(),
        };
        Ok(Line {
            row,
            state,
            step: status.as_ref().map_or(0, |status| status.step),
            job: queued.map(Queued::number),
            about,
            queued: queued.cloned(),
            log,
            status,
        })
    }

    fn cells(&self) -> Vec<String> {
        let number = self.row.number.map_or_else(|| "needed".to_owned(), |number| number.to_string());
        let name = format!("{}-{}", self.row.name, self.row.id);
        let step = format!("{}/{}", self.step, self.row.max_steps);
        let job = self.job.clone().unwrap_or_else(|| "–".into());
        vec![number, name, self.state.to_owned(), step, job, self.about.clone()]
    }

    fn json(&self) -> Value {
        let row = self.row;
        let mut value = Map::new();
        let mut put = |name: &str, fact: Value| _ = value.insert(name.to_owned(), fact);
        if let Some(number) = row.number {
            put("number", number.into());
        }
        put("id", row.id.as_str().into());
        put("name", row.name.as_str().into());
        put("dir", json!(row.dir));
        put("settings", row.settings.clone().into());
        put("state", self.state.into());
        put("step", self.step.into());
        put("max_steps", row.max_steps.into());
        put("job", json!(self.job));
        put("queue", json!(self.queued));
        put("log", json!(self.log));
        put("about", self.about.as_str().into());
        put("metrics", json!(self.status.as_ref().map(|status| &status.metrics)));
        Value::Object(value)
    }
}

/// How a run stands, by its folder and its place in the queue.
fn state(standing: Standing, queued: Option<&Queued>, was_submitted: bool) -> &'static str {
    let waits = queued.is_some_and(|job| job.is_pending() || job.is_leaving());
    match (standing, queued) {
        (Standing::Done, _) => "done",
        (Standing::Running, _) => "running",
        (Standing::Resumable, Some(_)) if waits => "preempted",
        (_, Some(_)) if waits => "pending",
        (_, Some(_)) => "starting",
        (Standing::Resumable, None) => "interrupted",
        (Standing::Failed, None) => "failed",
        (Standing::New, None) if was_submitted => "lost",
        (Standing::New, None) => "new",
    }
}

/// What a job said last was the matter.
fn last_error(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| line.starts_with("error"))?;
    Some(line.split_once(": ").map_or(line, |(_, said)| said).to_owned())
}

fn waits(job: &Queued) -> String {
    match &job.start {
        Some(start) => format!("{}; expected to start at {}", job.why(), start.replace('T', " ")),
        None => job.why(),
    }
}

fn works(job: &Queued) -> String {
    format!("{} of {} on {}", job.used, job.limit.to_lowercase(), job.node)
}

fn summary(sweep: &SweepFolder, lines: &[Line<'_>], queue: &Queue) -> String {
    let mut states: Vec<(&str, usize)> = Vec::new();
    for line in lines.iter().filter(|line| line.row.number.is_some()) {
        match states.iter_mut().find(|(state, _)| *state == line.state) {
            Some((_, count)) => *count += 1,
            None => states.push((line.state, 1)),
        }
    }
    let points: usize = states.iter().map(|(_, count)| count).sum();
    let states: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let age = match queue.age_secs() {
        _ if queue.at_secs == 0 => String::new(),
        0 => "; queue as of now".into(),
        secs => format!("; queue as of {secs} s ago"),
    };
    format!("{}: {points} points: {}{age}", name_of(sweep.dir()), states.join(", "))
}

fn name_of(dir: &Path) -> String {
    dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Queued, Standing, state};

    #[test]
    fn a_state_is_told_by_the_folder_and_the_queue() {
        let job = |state: &str| Some(Queued { state: state.into(), ..Queued::default() });
        let cases = [
            (Standing::Done, job("COMPLETING"), true, "done"),
            (Standing::New, job("PENDING"), true, "pending"),
            (Standing::New, job("RUNNING"), true, "starting"),
            (Standing::Running, job("RUNNING"), true, "running"),
            (Standing::Resumable, job("PENDING"), true, "preempted"),
            (Standing::Resumable, job("COMPLETING"), true, "preempted"),
            (Standing::Resumable, None, true, "interrupted"),
            (Standing::Failed, None, true, "failed"),
            (Standing::Failed, job("PENDING"), true, "pending"),
            (Standing::New, None, true, "lost"),
            (Standing::New, None, false, "new"),
        ];
        for (standing, queued, submitted, expected) in cases {
            assert_eq!(state(standing, queued.as_ref(), submitted), expected, "{standing:?} {queued:?}");
        }
    }
}

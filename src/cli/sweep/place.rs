//! Where the runs of a sweep lie, what they wait for and how they stand.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::study::StudyRun;
use crate::cli::failure::Failure;
use crate::launch::Order;
use crate::launch::sweep::{Job, Needed, Standing};
use crate::plan::NeedKind;
use crate::record::{Folder, SweepFolder, SweepRow, runs_with};

/// A run, before it is known where it lies.
pub struct Run {
    pub order: Order,
    pub number: Option<usize>,
    pub settings: Vec<Map<String, Value>>,
}

/// The runs with their folders, and how they stand there.
pub fn placed(runs: Vec<Run>, folder: &SweepFolder) -> Result<Vec<StudyRun>, Failure> {
    let ids: Vec<String> = runs.iter().map(|run| run.order.plan.id.clone()).collect();
    let needs: Vec<Vec<Needed>> = runs.iter().map(|run| needs(&run.order, &ids)).collect();
    let elsewhere = elsewhere(&runs, &ids)?;
    let mut placed = Vec::new();
    for (index, Run { order, number, settings }) in runs.into_iter().enumerate() {
        let is_needed = needs.iter().flatten().any(|need| need.job == index);
        let plan = &order.plan;
        let (own, max_steps) = (Folder::at(plan.dir()), plan.train.max_steps);
        let (run, standing) = match Standing::of(&own, max_steps)? {
            // Students look for a teacher in its own folder, so only runs that nobody needs are taken from another.
            Standing::New if !is_needed => done_in(&elsewhere, &plan.id, max_steps)?
                .map_or((own, Standing::New), |other| (other, Standing::Done)),
            standing => (own, standing),
        };
        let mut settings = settings.into_iter();
        let row = SweepRow {
            number,
            id: plan.id.clone(),
            name: plan.name.clone(),
            dir: run.dir().to_owned(),
            settings: settings.next().unwrap_or_default(),
            also: settings.collect(),
            experiment: order.experiment.clone(),
            profile: order.profile.clone(),
            role: order.role.clone(),
            needs: plan.needs.iter().map(|need| need.id.clone()).collect(),
            max_steps,
        };
        let job = Job {
            id: plan.id.clone(),
            folder: run,
            max_steps,
            needs: needs[index].clone(),
            threads: plan.run.threads,
            log: folder.log(&plan.id),
        };
        placed.push(StudyRun { order, row, job, standing });
    }
    Ok(placed)
}

fn needs(order: &Order, ids: &[String]) -> Vec<Needed> {
    let needed = order.plan.needs.iter().filter_map(|need| {
        let job = ids.iter().position(|id| *id == need.id)?;
        let step = match need.kind {
            NeedKind::Parent { step } => Some(step),
            NeedKind::Teacher | NeedKind::Source => None,
        };
        Some(Needed { job, step })
    });
    needed.collect()
}

/// Folders of these runs under whatever name.
fn elsewhere(runs: &[Run], ids: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut places: Vec<&str> = runs.iter().map(|run| run.order.plan.output.runs_dir.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let mut found = Vec::new();
    for place in places {
        found.extend(runs_with(Path::new(place), &ids)?);
    }
    Ok(found)
}

/// The folder among `dirs` in which the run `id` is at its end.
fn done_in(dirs: &[PathBuf], id: &str, max_steps: u64) -> Result<Option<Folder>, Failure> {
    for dir in dirs.iter().filter(|dir| dir.to_string_lossy().ends_with(&format!("-{id}"))) {
        let folder = Folder::at(dir);
        if Standing::of(&folder, max_steps)? == Standing::Done {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

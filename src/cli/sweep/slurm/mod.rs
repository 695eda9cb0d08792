//! `runner sweep --on slurm`: the points that are neither done nor in the queue, as jobs.
//!
//! The command ends when they are submitted; `runner status` says how they stand. Start at [`submit`]; `compose.rs` decides which runs get a
//! job and what those wait for, `show.rs` says it.

mod compose;
mod show;

use std::fs;
use std::path::{Path, PathBuf};

use super::study::Study;
use super::{busy, freeze};
use crate::cli::Talk;
use crate::cli::arguments::{OnFailure, Place, SweepArguments};
use crate::cli::failure::{self, Failure};
use crate::launch::slurm::journal::{self, Submitted};
use crate::launch::slurm::{self, Chunk, Program, Queue, Run, Script, SlurmError, cluster};
use crate::record::folder::write_whole;
use crate::record::{RecordError, clock};
use compose::{Composed, Fate};

/// A chunk with its script.
struct Sheet<'a> {
    chunk: Chunk<'a>,
    file: PathBuf,
    text: String,
    name: String,
}

/// Submits what is left to do, or shows what would be submitted.
pub fn submit(study: &Study, arguments: &SweepArguments, talk: Talk) -> Result<u8, Failure> {
    debug_assert_eq!(arguments.on, Place::Slurm);
    if arguments.on_failure == OnFailure::Stop {
        let message = "`--on-failure stop` stops workers of this machine, and jobs of a cluster do not know of each other";
        return Err(Failure::new(failure::REQUEST, message)
            .help("leave it out; `scancel` ends the jobs that `runner status` lists"));
    }
    let is_here = slurm::is_here("sbatch");
    if !is_here && !arguments.dry_run {
        return Err(SlurmError::Absent { program: "sbatch" }.into());
    }
    let _lock = if arguments.dry_run {
        None
    } else {
        Some(study.folder.create().map_err(|error| busy(error, study))?)
    };
    let queue = if is_here { Queue::now()? } else { Queue::default() };
    let most = if is_here { cluster::most_tasks()? } else { usize::MAX };
    let composed = compose::compose(study, arguments.retry, &queue, most)?;
    let program = Program::this(&study.folder)?;
    let sheets = sheets(study, &composed, &program, arguments.jobs)?;
    if arguments.dry_run {
        return show::dry_run(study, &composed, &sheets, is_here, talk);
    }
    freeze::freeze(study, &arguments.request)?;
    let submitted = submit_all(study, &composed, &sheets, &program)?;
    // Who asks for the status now wants to see them.
    let cache = study.folder.queue_json();
    if cache.exists() {
        fs::remove_file(&cache).map_err(RecordError::io("remove", &cache))?;
    }
    show::submitted(study, &composed, &submitted, talk);
    Ok(0)
}

/// The script of each chunk, numbered behind those that are there.
fn sheets<'a>(
    study: &Study,
    composed: &Composed<'a>,
    program: &Program,
    at_a_time: Option<u16>,
) -> Result<Vec<Sheet<'a>>, Failure> {
    let working_dir =
        std::env::current_dir().map_err(RecordError::io("find", Path::new("the working directory")))?;
    // Jobs know nothing of where this command was given.
    let sweep = working_dir.join(study.folder.dir());
    let slurm_dir = working_dir.join(study.folder.slurm_dir());
    let frozen = working_dir.join(&program.frozen);
    let there = fs::read_dir(&slurm_dir).into_iter().flatten().flatten();
    let first = 1 + there.filter(|entry| entry.path().extension().is_some_and(|end| end == "sh")).count();
    let sheet = |(index, chunk): (usize, &Chunk<'a>)| {
        let is_array = !chunk.is_needed;
        let name = job_name(study, chunk);
        let runs: Vec<Run> = chunk.runs.iter().map(|run| show::in_script(study, *run)).collect();
        let script = Script {
            name: &name,
            plan: chunk.plan,
            runs: &runs,
            is_array,
            at_a_time: at_a_time.map_or(chunk.plan.max_parallel, usize::from),
            working_dir: &working_dir,
            program: &frozen,
            sweep: &sweep,
            logs: &slurm_dir,
        };
        let file = study.folder.slurm_dir().join(format!("{}.sh", first + index));
        Sheet { chunk: chunk.clone(), file, text: script.text(), name }
    };
    Ok(composed.chunks.iter().enumerate().map(sheet).collect())
}

/// What the queue calls it: a needed run by its own name, an array by the sweep's.
fn job_name(study: &Study, chunk: &Chunk<'_>) -> String {
    let name = match chunk.runs.first() {
        Some(run) if chunk.is_needed => study.runs[*run].order.plan.folder_name(),
        _ => study.folder.name(),
    };
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect()
}

/// Writes and submits one after the other. What was submitted is noted at once, so that a refusal later loses nothing.
fn submit_all(
    study: &Study,
    composed: &Composed<'_>,
    sheets: &[Sheet<'_>],
    program: &Program,
) -> Result<Vec<Submitted>, Failure> {
    if sheets.is_empty() {
        return Ok(Vec::new());
    }
    let dir = study.folder.slurm_dir();
    fs::create_dir_all(&dir).map_err(RecordError::io("make", &dir))?;
    program.freeze()?;
    let mut submitted: Vec<Submitted> = Vec::new();
    for sheet in sheets {
        write_whole(&sheet.file, sheet.text.as_bytes())?;
        let after: Vec<String> =
            sheet.chunk.after.iter().filter_map(|run| job_of(study, composed, &submitted, *run)).collect();
        let job = slurm::submit(&sheet.file, &after).map_err(|error| refused(error, sheet, &submitted))?;
        let entry = Submitted {
            job,
            name: sheet.name.clone(),
            is_array: !sheet.chunk.is_needed,
            runs: sheet.chunk.runs.iter().map(|run| study.runs[*run].row.id.clone()).collect(),
            after,
            script: sheet.file.display().to_string(),
            program: program.digest.clone(),
            at: clock::now_utc(),
        };
        journal::note(&study.folder, &entry)?;
        submitted.push(entry);
    }
    Ok(submitted)
}

/// The job whose end a run's students wait for.
fn job_of(study: &Study, composed: &Composed<'_>, submitted: &[Submitted], run: usize) -> Option<String> {
    match &composed.fates[run] {
        Fate::Queued(number) => Some(number.clone()),
        Fate::Submitted => {
            let id = &study.runs[run].row.id;
            submitted.iter().find_map(|submitted| Some(submitted.name_of(submitted.task_of(id)?)))
        }
        _ => None,
    }
}

/// A refusal in the cluster's words, with what it was about.
fn refused(error: SlurmError, sheet: &Sheet<'_>, submitted: &[Submitted]) -> Failure {
    let failure = Failure::from(error).help(format!("the script is {}", sheet.file.display()));
    match submitted.len() {
        0 => failure,
        before => failure.help(format!(
            "{before} before it were accepted and stay; the same command submits what is left"
        )),
    }
}

//! Which runs a page is about: folders of runs, of sweeps, and patterns of names.

use std::path::{Path, PathBuf};

use crate::cli::arguments::ReportArguments;
use crate::cli::failure::{self, Failure};
use crate::record::{Folder, RecordError, SweepFolder};
use crate::report::is_like;

/// What was found for the names given.
#[derive(Debug, Default)]
pub struct Named {
    /// What the page is called.
    pub title: String,
    /// Folders of runs, each once, in the order of the names.
    pub dirs: Vec<PathBuf>,
    /// What is to be said of it.
    pub notes: Vec<String>,
}

/// Finds the runs.
///
/// # Errors
/// A name stands for no run.
pub fn find(arguments: &ReportArguments) -> Result<Named, Failure> {
    let mut named = Named::default();
    let mut titles = Vec::new();
    let all = [arguments.runs_dir.display().to_string()];
    let names = if arguments.runs.is_empty() { &all[..] } else { &arguments.runs };
    for name in names {
        let before = named.dirs.len();
        let title = one(name, &arguments.runs_dir, &mut named)?;
        if named.dirs.len() == before && title.is_none() {
            return Err(nothing(name, arguments));
        }
        titles.extend(title);
    }
    if named.dirs.is_empty() {
        return Err(Failure::new(failure::MISSING, "none of the points has begun")
            .help("`runner sweep FILE` runs them; `--dry-run` says how they stand"));
    }
    let mut seen = std::collections::BTreeSet::new();
    named.dirs.retain(|dir| seen.insert(dir.canonicalize().unwrap_or_else(|_| dir.clone())));
    named.title = match (&titles[..], &named.dirs[..]) {
        (_, [dir]) => Folder::at(dir.as_path()).name(),
        ([title], _) => title.clone(),
        (_, dirs) => format!("{} runs", dirs.len()),
    };
    Ok(named)
}

/// Adds the runs that `name` stands for; gives a title for all of them, where there is one.
fn one(name: &str, runs_dir: &Path, named: &mut Named) -> Result<Option<String>, Failure> {
    let path = Path::new(name);
    let sweep = SweepFolder::at(path);
    if sweep.is_sweep() {
        return points(&sweep, runs_dir, named).map(Some);
    }
    if looks_like_run(path) {
        named.dirs.push(path.to_owned());
        return Ok(None);
    }
    if path.is_dir() {
        named.dirs.extend(runs_in(path)?);
        return Ok(Some(format!("runs in {name}")).filter(|_| !named.dirs.is_empty()));
    }
    if let Some(sweep) = SweepFolder::newest(runs_dir, name).filter(SweepFolder::is_sweep) {
        return points(&sweep, runs_dir, named).map(Some);
    }
    let matching =
        runs_in(runs_dir)?.into_iter().filter(|dir| is_like(&Folder::at(dir.as_path()).name(), name));
    let before = named.dirs.len();
    named.dirs.extend(matching);
    Ok(Some(name.to_owned()).filter(|_| named.dirs.len() > before))
}

/// The points of a sweep that have begun.
fn points(sweep: &SweepFolder, runs_dir: &Path, named: &mut Named) -> Result<String, Failure> {
    let points = sweep.rows()?.into_iter().filter(|row| row.number.is_some());
    // Where the sweep left them, as seen from where it was started; or in the folder of runs, as seen from here.
    let place = |dir: PathBuf| if looks_like_run(&dir) { dir } else { runs_dir.join(Folder::at(dir).name()) };
    let (begun, new): (Vec<PathBuf>, Vec<PathBuf>) =
        points.map(|row| place(row.dir)).partition(|dir| looks_like_run(dir));
    match new.len() {
        0 => {}
        1 => named.notes.push("one point of the sweep has not begun".into()),
        more => named.notes.push(format!("{more} points of the sweep have not begun")),
    }
    named.dirs.extend(begun);
    Ok(sweep.name())
}

/// Whether it has a file that only runs have: damaged runs are runs too.
fn looks_like_run(dir: &Path) -> bool {
    let folder = Folder::at(dir);
    [folder.run_json(), folder.status_json(), folder.metrics_jsonl(), folder.preds_jsonl()]
        .iter()
        .any(|file| file.is_file())
}

/// The runs in a folder of them, by name; those moved aside are left out.
fn runs_in(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => {
            entries.map_err(|source| RecordError::Io { action: "list", path: dir.to_owned(), source })?
        }
    };
    let is_run = |dir: &PathBuf| looks_like_run(dir) && !dir.to_string_lossy().contains(".aside-");
    let mut dirs: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_run).collect();
    dirs.sort_unstable();
    Ok(dirs)
}

fn nothing(name: &str, arguments: &ReportArguments) -> Failure {
    let dir = arguments.runs_dir.display();
    if arguments.runs.is_empty() {
        return Failure::new(failure::MISSING, format!("there are no runs in `{dir}`"))
            .help("`runner run EXPERIMENT` makes one; `--runs-dir DIR` names another folder");
    }
    let failure = Failure::new(
        failure::MISSING,
        format!("`{name}` is no run, no sweep, and no part of a run's name in `{dir}`"),
    );
    match runs_in(&arguments.runs_dir).unwrap_or_default().last() {
        Some(run) => failure
            .help(format!("`runner results` lists them, for example `{}`", Folder::at(run.as_path()).name())),
        None => failure.help("name the folder of a run, or that of all runs with `--runs-dir DIR`"),
    }
}

//! Which runs are meant: words that are folders, of runs, of a sweep or of one run, and words that runs' names are like.

use std::path::{Path, PathBuf};

use super::failure::{self, Failure};
use crate::record::{Folder, SweepFolder, SweepRow};
use crate::report::{Loaded, load, load_dirs, load_run};

/// Where runs lie if nothing else is said.
const RUNS_DIR: &str = "results/runs";

/// The runs that words mean.
pub struct Which {
    pub loaded: Loaded,
    /// Where they were looked for.
    pub dirs: Vec<PathBuf>,
    /// Words that are no folders: what names of runs are like.
    pub patterns: Vec<String>,
    /// The options in which the points of the sweeps differ, if sweeps they are.
    pub varying: Vec<String>,
}

impl Which {
    /// Finds and reads them. A word with a slash is a folder; `sweep` is the name of a sweep beside the first of the folders.
    ///
    /// # Errors
    /// A folder is not there or cannot be read; there is no such sweep.
    pub fn read(words: &[String], sweep: Option<&str>) -> Result<Self, Failure> {
        let mut dirs = Vec::new();
        let mut patterns = Vec::new();
        for word in words {
            match (Path::new(word).is_dir(), word.contains('/')) {
                (true, _) => dirs.push(PathBuf::from(word)),
                (false, false) => patterns.push(word.clone()),
                (false, true) => {
                    let failure = Failure::new(failure::MISSING, format!("there is no folder `{word}`"));
                    return Err(failure.help(
                        "name a folder of runs, of a sweep or of one run, or what names of runs are like",
                    ));
                }
            }
        }
        if dirs.is_empty() {
            dirs.push(RUNS_DIR.into());
        }
        if let Some(name) = sweep {
            dirs = vec![newest(&dirs[0], name)?.dir().to_owned()];
        }
        let mut which = Which { loaded: Loaded::default(), dirs: Vec::new(), patterns, varying: Vec::new() };
        for dir in &dirs {
            which.add(dir)?;
        }
        which.dirs = dirs;
        Ok(which)
    }

    fn add(&mut self, dir: &Path) -> Result<(), Failure> {
        let sweep = SweepFolder::at(dir);
        let loaded = if sweep.is_sweep() {
            let rows: Vec<SweepRow> = sweep.rows()?.into_iter().filter(|row| row.number.is_some()).collect();
            self.varying.extend(varying(&rows));
            load_dirs(rows.iter().map(|row| row.dir.as_path()))
        } else if Folder::at(dir).run_json().is_file() {
            Loaded { runs: load_run(dir)?.into_iter().collect(), ..Loaded::default() }
        } else {
            load(dir)?
        };
        self.loaded.runs.extend(loaded.runs);
        self.loaded.unreadable.extend(loaded.unreadable);
        Ok(())
    }
}

fn newest(runs_dir: &Path, name: &str) -> Result<SweepFolder, Failure> {
    SweepFolder::newest(runs_dir, name).filter(SweepFolder::is_sweep).ok_or_else(|| {
        let message = format!("there is no sweep `{name}` beside `{}`", runs_dir.display());
        Failure::new(failure::MISSING, message)
            .help("`runner sweep FILE` makes one, called as the file is; name the folder of its runs, too, if it is not `results/runs`")
    })
}

/// The options in which points differ, but for the experiment, which names the run.
fn varying(rows: &[SweepRow]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for path in rows.iter().flat_map(|row| row.settings.keys()) {
        let differs = rows.iter().any(|row| row.settings.get(path) != rows[0].settings.get(path));
        if differs && path != "experiment" && !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    paths
}

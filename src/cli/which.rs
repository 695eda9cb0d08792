//! Which runs are meant: words that are folders, of runs, of a sweep or of one run, and words that runs' names are like.

use std::path::{Path, PathBuf};

use super::failure::{self, Failure};
use crate::config::listed;
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

/// The folder of the run that a word means: a path as it is, or the one run in `results/runs` that is called so, by its name, its hash or both.
///
/// # Errors
/// Several runs have that name.
pub fn folder_of_run(word: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(word);
    if word.contains('/') || path.exists() {
        return Ok(path);
    }
    let mut found = called(Path::new(RUNS_DIR), word);
    match found.len() {
        0 => Ok(path),
        1 => Ok(found.remove(0)),
        several => {
            let names: Vec<String> = found.iter().map(|dir| Folder::at(dir).name()).collect();
            let failure = Failure::new(
                failure::REQUEST,
                format!(
                    "`{word}` could be {several} runs in `{RUNS_DIR}`: {}",
                    listed(names.iter().map(String::as_str))
                ),
            );
            Err(failure.help("write the name with its hash"))
        }
    }
}

/// The runs in `runs_dir` whose folder `NAME-HASH` has this name, this hash or both, in order.
fn called(runs_dir: &Path, word: &str) -> Vec<PathBuf> {
    let is_meant = |dir: &PathBuf| {
        let name = Folder::at(dir).name();
        let parts = name.rsplit_once('-');
        (name == word || parts.is_some_and(|(name, hash)| name == word || hash == word))
            && Folder::at(dir).run_json().is_file()
    };
    let entries = std::fs::read_dir(runs_dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_meant).collect();
    found.sort_unstable();
    found
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_run_is_meant_by_its_name_its_hash_or_both() {
        let runs = tempfile::tempdir().expect("a folder");
        let folders = ["tedlium-1a2b3c4d", "tedlium-5e6f7a8b", "sc09-9c0d1e2f", "sc09-00000000"];
        for folder in folders {
            fs::create_dir(runs.path().join(folder)).expect("a folder");
        }
        for run in &folders[..3] {
            fs::write(runs.path().join(run).join("run.json"), "{}").expect("a file");
        }
        let meant = |word| -> Vec<String> {
            called(runs.path(), word).iter().map(|dir| Folder::at(dir).name()).collect()
        };
        assert_eq!(meant("tedlium-5e6f7a8b"), ["tedlium-5e6f7a8b"]);
        assert_eq!(meant("5e6f7a8b"), ["tedlium-5e6f7a8b"]);
        assert_eq!(meant("tedlium"), ["tedlium-1a2b3c4d", "tedlium-5e6f7a8b"]);
        assert_eq!(meant("sc09"), ["sc09-9c0d1e2f"], "a folder without a run is none");
        assert!(meant("ted").is_empty());
    }
}

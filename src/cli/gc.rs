//! `runner gc`: what checkpoints can go, and, if asked, their going.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Talk;
use super::arguments::GcArguments;
use super::failure::{self, Failure};
use super::sweep::columns;
use crate::record::units::{bytes, count};
use crate::record::{Folder, SweepFolder, SweepRow, checkpoint};
use crate::report::{Loaded, Spare, Spared, load, load_run};

/// Lists what is spare, and removes it where that was asked for.
pub fn gc(arguments: &GcArguments, talk: Talk) -> Result<u8, Failure> {
    let asked = Asked::find(&arguments.dirs)?;
    let (spared, over) = asked.spared(arguments)?;
    let freed: u64 = spared.spare.iter().map(|spare| spare.bytes).sum();
    let removed = if arguments.yes { Asked::remove(&spared.spare, talk)? } else { Vec::new() };
    if talk.json {
        let spare = |spare: &Spare| {
            let gone = removed.contains(&&spare.dir);
            json!({"dir": spare.dir, "run": spare.run, "bytes": spare.bytes, "why": spare.why.word(), "removed": gone})
        };
        let left = |(dir, why): &(PathBuf, String)| json!({"run": dir, "why": why});
        talk.data(&json!({
            "checkpoints_bytes": spared.bytes,
            "spare_bytes": freed,
            "over_bytes": over,
            "spare": spared.spare.iter().map(spare).collect::<Vec<_>>(),
            "left": spared.left.iter().map(left).collect::<Vec<_>>(),
        }));
    } else if !spared.spare.is_empty() {
        let mut table = vec![["checkpoint", "size", "why"].map(str::to_owned).to_vec()];
        let row = |spare: &Spare| {
            vec![spare.dir.display().to_string(), bytes(spare.bytes), spare.why.word().to_owned()]
        };
        table.extend(spared.spare.iter().map(row));
        print!("{}", columns(&table));
    }
    for (dir, why) in &spared.left {
        talk.say(format_args!("{}: nothing of it goes, {why}", dir.display()));
    }
    let checkpoints = count(if arguments.yes { removed.len() } else { spared.spare.len() } as u64);
    match (spared.spare.is_empty(), arguments.yes) {
        (true, _) => talk.say(format_args!("nothing is spare of {} of checkpoints", bytes(spared.bytes))),
        (_, false) => talk.say(format_args!(
            "checkpoints that can go: {checkpoints}, {} of {}; nothing was removed, `--yes` removes them",
            bytes(freed),
            bytes(spared.bytes)
        )),
        (_, true) => talk.say(format_args!("checkpoints removed: {checkpoints}, {}", bytes(freed))),
    }
    if over > 0 {
        let message = format!("there would still be {} of checkpoints more than were asked for", bytes(over));
        let help = "what stays is the newest and the best of each run, and what others build on; `--waypoints` lets those of `output.keep_every` go";
        return Err(Failure::new(failure::FAILED, message).help(help));
    }
    Ok(0)
}

/// What the words mean: runs whose checkpoints may go, and all runs that lie beside them.
struct Asked {
    /// Folders of runs.
    homes: BTreeSet<PathBuf>,
    /// The runs that were named one by one; none means all.
    only: BTreeSet<PathBuf>,
}

impl Asked {
    /// # Errors
    /// A folder is not there, or a run that was named is at work.
    fn find(dirs: &[PathBuf]) -> Result<Self, Failure> {
        let mut asked = Asked { homes: BTreeSet::new(), only: BTreeSet::new() };
        for dir in dirs {
            if !dir.is_dir() {
                return Err(Failure::new(
                    failure::MISSING,
                    format!("there is no folder `{}`", dir.display()),
                )
                .help("name a folder of runs, or the folder of a run"));
            }
            match load_run(dir)? {
                None => _ = asked.homes.insert(dir.clone()),
                Some(_) => {
                    // Taken only to be told by whom it is held: looking leaves no trace.
                    let folder = Folder::at(dir);
                    if folder.is_locked() {
                        drop(folder.lock()?);
                    }
                    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
                    asked.homes.insert(parent.unwrap_or(Path::new(".")).to_owned());
                    asked.only.insert(dir.clone());
                }
            }
        }
        Ok(asked)
    }

    /// What is spare, and the bytes by which all of it is not enough.
    ///
    /// # Errors
    /// A run or a sweep cannot be read: what it needs is unknown.
    fn spared(&self, arguments: &GcArguments) -> Result<(Spared, u64), Failure> {
        let (mut loaded, mut sweeps) = (Loaded::default(), Vec::<SweepRow>::new());
        for home in &self.homes {
            let there = load(home)?;
            loaded.runs.extend(there.runs);
            loaded.unreadable.extend(there.unreadable);
            for sweep in SweepFolder::newest_of_all(home).iter().flat_map(SweepFolder::with_siblings) {
                if sweep.is_sweep() {
                    sweeps.extend(sweep.rows()?);
                }
            }
        }
        if let Some(error) = loaded.unreadable.first() {
            let message = format!("{error}: what that run builds on cannot be told, so nothing goes");
            return Err(
                Failure::new(failure::IO, message).help("restore the file, or move that run's folder away")
            );
        }
        let mut spared = Spared::of(&loaded, &sweeps)?;
        let is_asked = |run: &Path| {
            self.only.is_empty() || self.only.iter().any(|dir| dir.file_name() == run.file_name())
        };
        spared.spare.retain(|spare| is_asked(&spare.run));
        spared.left.retain(|(run, _)| is_asked(run));
        if !arguments.waypoints {
            spared.leave_waypoints();
        }
        let over = arguments.below.map_or(0, |below| spared.leave_all_but(below));
        Ok((spared, over))
    }

    /// Removes what is still spare, run by run under the run's lock.
    ///
    /// # Errors
    /// The disk refuses.
    fn remove(spare: &[Spare], talk: Talk) -> Result<Vec<&PathBuf>, Failure> {
        let runs: BTreeSet<&PathBuf> = spare.iter().map(|spare| &spare.run).collect();
        let mut removed = Vec::new();
        for run in runs {
            let _lock = match Folder::at(run).lock() {
                Ok(lock) => lock,
                Err(error) => {
                    talk.say(format_args!("{error}: nothing of it goes"));
                    continue;
                }
            };
            for spare in spare.iter().filter(|spare| spare.run == *run) {
                checkpoint::discard(&spare.dir)?;
                removed.push(&spare.dir);
            }
        }
        Ok(removed)
    }
}

//! Checkpoints that a folder of runs can do without.
//!
//! Looked at are whole folders of runs, since what one run may lose depends on what the others need of it. Never spare are the newest
//! checkpoint of a run, where `latest` and `best` lead, anything of a run that is not done or that a process works on, and anything of a run
//! that another run, or a run of a sweep beside them, builds on: students take waypoints that nothing names one by one. Damaged checkpoints,
//! which were set aside, are spare in any run that nobody works on. Not for: removing them (`record::checkpoint`). Start at [`Spared::of`].

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use super::load::{Loaded, Run};
use crate::record::checkpoint::{self, Pointer};
use crate::record::{Folder, RecordError, RunState, SweepRow};

/// Why a checkpoint is spare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was set aside because it is not what was saved.
    Damaged,
    /// The run is done and has newer ones.
    Earlier,
    /// The same, and `output.keep_every` kept it.
    Waypoint,
}

impl Why {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Why::Damaged => "damaged",
            Why::Earlier => "earlier",
            Why::Waypoint => "waypoint",
        }
    }
}

/// A checkpoint that can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spare {
    /// The run's folder.
    pub run: PathBuf,
    /// The checkpoint's.
    pub dir: PathBuf,
    pub bytes: u64,
    pub saved: SystemTime,
    pub why: Why,
}

/// What folders of runs can do without, and what stays for a reason worth telling.
#[derive(Debug, Default)]
pub struct Spared {
    /// Oldest first.
    pub spare: Vec<Spare>,
    /// By run's folder, why nothing of it goes.
    pub left: Vec<(PathBuf, String)>,
    /// Bytes of all checkpoints, spare or not.
    pub bytes: u64,
}

impl Spared {
    /// What the runs that were loaded can do without; `sweeps` are the runs of sweeps beside them.
    ///
    /// # Errors
    /// A folder cannot be listed.
    pub fn of(loaded: &Loaded, sweeps: &[SweepRow]) -> Result<Self, RecordError> {
        let asked: BTreeSet<&str> = sweeps.iter().flat_map(|row| &row.needs).map(String::as_str).collect();
        let mut spared = Spared::default();
        for run in &loaded.runs {
            spared.look(run, &loaded.runs, &asked)?;
        }
        spared.spare.sort_by(|a, b| (a.saved, &a.dir).cmp(&(b.saved, &b.dir)));
        Ok(spared)
    }

    fn look(&mut self, run: &Run, all: &[Run], asked: &BTreeSet<&str>) -> Result<(), RecordError> {
        let all_bytes = checkpoint::bytes(&run.dir.join("checkpoints"))?;
        self.bytes += all_bytes;
        if Folder::at(&run.dir).is_locked() {
            self.left.push((run.dir.clone(), "a process is at work on it".into()));
            return Ok(());
        }
        for dir in checkpoint::damaged(&run.dir)? {
            self.take(run, dir, Why::Damaged)?;
        }
        let steps = checkpoint::steps(&run.dir)?;
        let stays = |step: &u64| {
            let pointed = |pointer| checkpoint::pointed(&run.dir, pointer) == Some(*step);
            steps.last() == Some(step) || pointed(Pointer::Latest) || pointed(Pointer::Best)
        };
        let spare: Vec<u64> = steps.iter().copied().filter(|step| !stays(step)).collect();
        if spare.is_empty() {
            return Ok(());
        }
        if let Some(why) = kept_whole(run, all, asked) {
            self.left.push((run.dir.clone(), why));
            return Ok(());
        }
        let every = keep_every(run);
        for step in spare {
            let is_waypoint = every.is_none_or(|every| every > 0 && step > 0 && step.is_multiple_of(every));
            self.take(
                run,
                checkpoint::dir(&run.dir, step),
                if is_waypoint { Why::Waypoint } else { Why::Earlier },
            )?;
        }
        Ok(())
    }

    fn take(&mut self, run: &Run, dir: PathBuf, why: Why) -> Result<(), RecordError> {
        let bytes = checkpoint::bytes(&dir)?;
        let saved =
            std::fs::metadata(&dir).and_then(|facts| facts.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        self.spare.push(Spare { run: run.dir.clone(), dir, bytes, saved, why });
        Ok(())
    }

    /// Leaves waypoints out: they are kept for students who are still to come.
    pub fn leave_waypoints(&mut self) {
        self.spare.retain(|spare| spare.why != Why::Waypoint);
    }

    /// Leaves out what need not go for all checkpoints to come to at most `most` bytes: the newest first. Returns the bytes by which they
    /// would still be more.
    pub fn leave_all_but(&mut self, most: u64) -> u64 {
        let mut over = self.bytes.saturating_sub(most);
        let mut needed = 0;
        for spare in &self.spare {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(spare.bytes);
            needed += 1;
        }
        self.spare.truncate(needed);
        over
    }
}

/// Why all of a run's checkpoints stay; `None` where some may go.
fn kept_whole(run: &Run, all: &[Run], asked: &BTreeSet<&str>) -> Option<String> {
    if run.status.as_ref().is_none_or(|status| status.state != RunState::Finished) {
        return Some("it is not done".into());
    }
    let name = run.folder_name();
    let names = |text: &str| text == run.identity.id || text.contains(&name);
    let needs = |other: &&Run| {
        let identity = &other.identity;
        let mut named = identity.needs.iter().flat_map(|(name, id)| [name, id]).chain(&identity.parent);
        let mut settings = identity.config.values().filter_map(serde_json::Value::as_str);
        other.dir != run.dir && (named.any(|text| names(text)) || settings.any(|text| text.contains(&name)))
    };
    if let Some(other) = all.iter().find(needs) {
        return Some(format!("`{}` builds on it", other.folder_name()));
    }
    asked.contains(run.identity.id.as_str()).then(|| "a run of a sweep builds on it".into())
}

/// The run's own `output.keep_every`; `None` where it does not tell.
fn keep_every(run: &Run) -> Option<u64> {
    match run.identity.config.get("output.keep_every")? {
        serde_json::Value::String(text) => text.replace('_', "").parse().ok(),
        value => value.as_u64(),
    }
}

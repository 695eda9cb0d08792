//! The teacher: one checkpoint, or the next waypoint ahead.

use std::path::{Path, PathBuf};

use kernels::{Backend, Tape, trace};
use rand_pcg::Pcg64Mcg;

use super::TrainError;
use crate::model::{Activations, Input, Model, Published, weights};
use crate::nn::Pass;
use crate::plan::{Behaviour, DistillPlan, Plan, Teacher as Guidance};
use crate::record::checkpoint;

/// A teacher at work.
pub struct Teacher<D: Backend> {
    model: Model<D>,
    dir: PathBuf,
    guidance: Guidance,
    /// Snapshots of the teacher's own run with their steps, ascending; empty for a fixed teacher.
    snapshots: Vec<(u64, PathBuf)>,
    current: Option<u64>,
    /// Reference behaviour: the teacher's own dropout and masks act.
    in_train_mode: bool,
}

impl<D: Backend> Teacher<D> {
    /// The teacher of `plan`, with no weights yet: [`Teacher::at`] brings those.
    ///
    /// # Errors
    /// There is no usable checkpoint, or the device has no room.
    pub fn open(device: &D, plan: &Plan, distill: &DistillPlan) -> Result<Self, TrainError> {
        let mut teacher = Self::untrained(device, plan, distill)?;
        if let Guidance::Waypoints { cycle } = distill.teacher {
            teacher.snapshots = waypoints(&teacher.dir, cycle)?;
        }
        Ok(teacher)
    }

    /// The teacher of `plan` as it is drawn, whether or not its run is there: for measuring.
    ///
    /// # Errors
    /// The device has no room.
    pub fn untrained(device: &D, plan: &Plan, distill: &DistillPlan) -> Result<Self, TrainError> {
        Ok(Teacher {
            model: Model::draw(device, &plan.teacher_model(), plan.run.seed)?,
            dir: distill.teacher_dir.clone(),
            guidance: distill.teacher.clone(),
            snapshots: Vec::new(),
            current: None,
            in_train_mode: distill.teacher_mode == Behaviour::Reference,
        })
    }

    /// Loads the weights that teach after `step` updates, if they are not there yet. Returns the snapshot's step where this is a step at
    /// which another begins to teach: a resumed run says so only where an uninterrupted one would.
    ///
    /// # Errors
    /// The checkpoint cannot be read or does not fit.
    pub fn at(&mut self, step: u64) -> Result<Option<u64>, TrainError> {
        let due = self.due(step);
        if self.current != Some(due) {
            let snapshot = self.snapshots.iter().find(|(step, _)| *step == due);
            let file = match snapshot {
                Some((_, file)) => file.clone(),
                None => fixed(&self.dir)?,
            };
            weights::load(&mut self.model.params, &file, weights::Match::Strict)?;
            self.current = Some(due);
        }
        let begins = step == 0 || self.due(step - 1) != due;
        Ok(begins.then_some(due))
    }

    /// The snapshot that teaches after `step` updates; 0 for a fixed teacher.
    fn due(&self, step: u64) -> u64 {
        match self.guidance {
            Guidance::Fixed => 0,
            Guidance::Waypoints { .. } => next_waypoint(self.snapshots.iter().map(|(step, _)| *step), step),
        }
    }

    /// The network with its present weights.
    pub fn model(&self) -> &Model<D> {
        &self.model
    }

    /// What the teacher makes of a batch; nothing is recorded.
    ///
    /// # Errors
    /// Shapes do not fit, or the device failed.
    pub fn forward(&self, input: &Input<D>, rng: Pcg64Mcg) -> Result<Activations<D>, TrainError> {
        let mut tape = Tape::silent();
        let mut pass = match self.in_train_mode {
            true => Pass::training(&self.model.params, &mut tape, rng),
            false => Pass::at_rest(&self.model.params, &mut tape),
        };
        let network = self.model.network.recogniser().ok_or(TrainError::Family)?;
        Ok(trace::within("teacher", || network.forward(&mut pass, input))?)
    }
}

/// The file of a fixed teacher: a checkpoint or safetensors file itself, or a run's best checkpoint, or its newest, also where the
/// published programs made the run.
///
/// # Errors
/// Nothing of the kind is there.
pub fn fixed(dir: &Path) -> Result<PathBuf, TrainError> {
    let run = dir.join("checkpoints");
    let candidates = [
        dir.to_owned(),
        dir.join("model.safetensors"),
        run.join("best/model.safetensors"),
        run.join("latest/model.safetensors"),
    ];
    candidates
        .into_iter()
        .find(|file| file.is_file())
        .or_else(|| Published::in_folder(dir).pop().map(|newest| newest.path))
        .ok_or_else(|| TrainError::NoTeacher { dir: dir.to_owned() })
}

fn waypoints(dir: &Path, cycle: u64) -> Result<Vec<(u64, PathBuf)>, TrainError> {
    let ours = checkpoint::steps(dir)?.into_iter();
    let ours = ours.map(|step| (step, checkpoint::dir(dir, step).join("model.safetensors")));
    let published =
        Published::in_folder(dir).into_iter().map(|checkpoint| (checkpoint.step, checkpoint.path));
    let mut snapshots: Vec<(u64, PathBuf)> = ours.chain(published).collect();
    snapshots.retain(|(step, _)| step.is_multiple_of(cycle) && *step > 0);
    if snapshots.is_empty() {
        return Err(TrainError::NoWaypoints { dir: dir.to_owned(), cycle });
    }
    Ok(snapshots)
}

/// The smallest snapshot above `step`; past the last one, the last.
fn next_waypoint(snapshots: impl Iterator<Item = u64> + Clone, step: u64) -> u64 {
    let ahead = snapshots.clone().filter(|&snapshot| snapshot > step).min();
    ahead.or_else(|| snapshots.max()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::next_waypoint;

    #[test]
    fn the_next_waypoint_lies_strictly_ahead() {
        let snapshots = [10_000, 20_000, 40_000, 90_000];
        let cases = [
            (0, 10_000),
            (9_999, 10_000),
            (10_000, 20_000),
            (20_001, 40_000),
            (89_999, 90_000),
            (90_000, 90_000),
        ];
        for (step, want) in cases {
            assert_eq!(next_waypoint(snapshots.into_iter(), step), want, "at step {step}");
        }
    }

    /// Gaps, any order, duplicates: tests/parity/make_rules.py.
    #[test]
    fn the_snapshot_that_teaches_is_the_references() {
        let table = crate::checkout().join("tests/parity/waypoints.tsv");
        let table = std::fs::read_to_string(table).expect("the golden is committed");
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let cells: Vec<&str> = line.split('\t').collect();
            let snapshots: Vec<u64> = cells[0].split(' ').map(|step| step.parse().unwrap()).collect();
            let teaches = next_waypoint(snapshots.iter().copied(), cells[1].parse().unwrap());
            assert_eq!(teaches.to_string(), cells[2], "{line}");
        }
    }
}

//! Where a run starts from, and what it keeps.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kernels::Backend;

use super::TrainError;
use super::evaluate::Evaluation;
use super::state::{State, read_state};
use super::teacher;
use crate::model::{Model, weights};
use crate::plan::{Plan, Start};
use crate::record::checkpoint::{self, Pointer, Retention};
use crate::record::{CheckpointKind, CheckpointSaved, Event, Folder, Offsets, Resumed, Values};

/// What an earlier process left to go on from.
#[derive(Debug, Default)]
pub struct Resume {
    /// The newest whole checkpoint.
    newest: Option<(u64, PathBuf)>,
    /// How much of the metrics belongs to it.
    pub offsets: Offsets,
    /// Newer checkpoints that are not whole, in words.
    damaged: Vec<String>,
}

impl Resume {
    /// Looks for the newest whole checkpoint of a run whose lock this process holds.
    ///
    /// # Errors
    /// The file system refused, or the checkpoint's state.json is not what this program writes.
    pub fn find(folder: &Folder) -> Result<Self, TrainError> {
        let recovered = checkpoint::recover(folder.dir())?;
        let offsets = match &recovered.newest {
            Some((_, dir)) => read_state(dir)?.offsets,
            None => Offsets::default(),
        };
        let damaged = recovered.damaged.iter().map(|(_, error)| error.to_string()).collect();
        Ok(Resume { newest: recovered.newest, offsets, damaged })
    }

    /// The step that training goes on from; `None`: from the start.
    pub fn step(&self) -> Option<u64> {
        self.newest.as_ref().map(|(step, _)| *step)
    }
}

/// Saves and loads a run's states.
pub struct Keeper<'a> {
    folder: &'a Folder,
    plan: &'a Plan,
}

impl<'a> Keeper<'a> {
    /// The keeper of a run.
    pub fn new(folder: &'a Folder, plan: &'a Plan) -> Self {
        Keeper { folder, plan }
    }

    /// The state to start from, and what to say about it.
    ///
    /// A checkpoint of the run itself comes first; then the parent's, where the plan names one; else everything is fresh.
    ///
    /// # Errors
    /// Weights are missing, damaged or of another model.
    pub fn open_state<D: Backend>(
        &self,
        device: &D,
        resume: &Resume,
        why: &str,
    ) -> Result<(State<D>, Vec<Event>), TrainError> {
        let plan = self.plan;
        let mut events: Vec<Event> =
            resume.damaged.iter().map(|text| Event::Warning { text: text.clone() }).collect();
        if let Some((step, dir)) = &resume.newest {
            let mut state = State::fresh(Model::draw(device, &plan.model, plan.run.seed)?);
            state.load(device, dir)?;
            // A kill between the saving of the best and its pointer leaves the pointer behind.
            match state.best {
                Some(best) if checkpoint::dir(self.folder.dir(), best.step).is_dir() => {
                    checkpoint::point(self.folder.dir(), Pointer::Best, best.step)?;
                }
                // Behind a damaged checkpoint lies a state whose best has been let go: the next judgement is the best anew.
                _ => state.best = None,
            }
            events.push(Event::Resumed(Resumed {
                step: *step,
                max_steps: plan.train.max_steps,
                from: dir.display().to_string(),
                age_secs: checkpoint::age_secs(dir),
                why: why.to_owned(),
            }));
            return Ok((state, events));
        }
        if let Start::Parent { dir, step, .. } = &plan.start {
            let checkpoint = parent(dir, *step)?;
            let mut state = State::fresh(Model::draw(device, &plan.model, plan.run.seed)?);
            state.load(device, &checkpoint)?;
            state.best = None;
            (state.lost.in_a_row, state.unjudged) = (0, false);
            state.dev_metrics.clear();
            events.push(Event::Note { text: format!("continues {} at step {step}", dir.display()) });
            return Ok((state, events));
        }
        let model = self.fresh_model(device)?;
        events.extend(model.brought.iter().map(|brought| Event::Note { text: brought.to_string() }));
        Ok((State::fresh(model), events))
    }

    /// Pretrained or drawn weights, then the teacher's where the plan says so, then modules to be drawn afresh.
    fn fresh_model<D: Backend>(&self, device: &D) -> Result<Model<D>, TrainError> {
        let plan = self.plan;
        let mut model = Model::build(device, &plan.model, plan.run.seed)?;
        if let Some(distill) = &plan.distill
            && distill.start_from_teacher
        {
            let file = teacher::fixed(&distill.teacher_dir)?;
            weights::load(&mut model.params, &file, weights::Match::Shared)?;
        }
        if let Some(prefix) = &plan.train.reinit_prefix {
            model.params.redraw(&model.declarations, plan.run.seed, |name| name.starts_with(prefix))?;
        }
        Ok(model)
    }

    /// Writes a checkpoint, moves the pointers, and lets go of what need not stay.
    ///
    /// # Errors
    /// The file system refused; earlier checkpoints stay as they are.
    pub fn save<D: Backend>(&self, state: &State<D>, best: bool) -> Result<CheckpointSaved, TrainError> {
        let (started, run) = (Instant::now(), self.folder.dir());
        let file = state.file(Offsets::now(self.folder)?);
        let saved = checkpoint::save(
            run,
            state.step,
            &[
                ("model.safetensors", &|to| state.write_model(to)),
                ("optimizer.safetensors", &|to| state.write_optimizer(to)),
            ],
            &file,
        )?;
        checkpoint::point(run, Pointer::Latest, state.step)?;
        if best {
            checkpoint::point(run, Pointer::Best, state.step)?;
        }
        let output = &self.plan.output;
        checkpoint::retain(run, Retention { newest: output.keep_newest, every: output.keep_every })?;
        let path = saved.dir.strip_prefix(run).unwrap_or(&saved.dir);
        Ok(CheckpointSaved {
            step: state.step,
            kind: if best { CheckpointKind::Best } else { CheckpointKind::Latest },
            path: path.display().to_string(),
            bytes: saved.bytes,
            save_secs: started.elapsed().as_secs_f64(),
        })
    }

    /// Loads the weights of the run's checkpoint at `step`.
    ///
    /// # Errors
    /// The file is missing, damaged or of another model.
    pub fn load_weights<D: Backend>(&self, model: &mut Model<D>, step: u64) -> Result<(), TrainError> {
        let file = checkpoint::dir(self.folder.dir(), step).join("model.safetensors");
        weights::load(&mut model.params, &file, weights::Match::Strict)?;
        Ok(())
    }

    /// Writes preds.jsonl and metrics.json.
    ///
    /// # Errors
    /// The file system refused.
    pub fn write_judgement(&self, metrics: &Values, judged: &Evaluation) -> Result<(), TrainError> {
        judged.write(self.folder, metrics)?;
        Ok(())
    }
}

/// The checkpoint that a continuing run starts from.
fn parent(dir: &Path, step: u64) -> Result<PathBuf, TrainError> {
    let checkpoint = checkpoint::dir(dir, step);
    match checkpoint.is_dir() {
        true => Ok(checkpoint),
        false => Err(TrainError::NoParent { dir: dir.to_owned(), step }),
    }
}

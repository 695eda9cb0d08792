//! Everything a run is at a step: what a checkpoint holds.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use kernels::{Array, Backend, OpError, Shape};
use serde::{Deserialize, Serialize};

use super::TrainError;
use super::lost::Lost;
use super::optimizer::{Moments, Optimizer};
use super::plateau::Plateau;
use crate::data::Position;
use crate::model::{Model, weights};
use crate::plan::TrainPlan;
use crate::record::{Offsets, Values};

/// The best evaluation so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    pub step: u64,
    pub value: f64,
}

/// A run after `step` updates.
pub struct State<D: Backend> {
    pub model: Model<D>,
    pub optimizer: Optimizer<D>,
    pub step: u64,
    /// Where the data stream goes on.
    pub position: Position,
    pub best: Option<Best>,
    pub plateau: Plateau,
    pub lost: Lost,
    /// The judgement that is due at this step has not been made: a signal came before.
    pub unjudged: bool,
    /// The last judgement on the dev set, by name with the split.
    pub dev_metrics: Values,
    /// Seconds of training behind it, over all sessions.
    pub train_secs: f64,
}

/// The part of a state that is neither weights nor moments: state.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateFile {
    pub step: u64,
    pub position: Position,
    pub best: Option<Best>,
    /// Not there in checkpoints from before rates could fall on a plateau.
    #[serde(default)]
    pub plateau: Plateau,
    /// Not there in checkpoints from before lost updates were counted over a kill.
    #[serde(default)]
    pub lost: Lost,
    /// Not there where the judgement was made, or none was due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unjudged: bool,
    pub dev_metrics: Values,
    pub train_secs: f64,
    /// How much of metrics.jsonl and timings.jsonl belongs to this state.
    pub offsets: Offsets,
    /// Updates taken by each parameter.
    pub updates: BTreeMap<String, u64>,
}

impl<D: Backend> State<D> {
    /// A run that has not begun.
    pub fn fresh(model: Model<D>) -> Self {
        State {
            model,
            optimizer: Optimizer::new(),
            step: 0,
            position: Position::default(),
            best: None,
            plateau: Plateau::default(),
            lost: Lost::default(),
            unjudged: false,
            dev_metrics: Values::new(),
            train_secs: 0.0,
        }
    }

    /// Freezes `freeze_module` until its step, then thaws it.
    pub fn thaw(&mut self, plan: &TrainPlan) {
        if let Some(prefix) = &plan.freeze_prefix {
            let frozen = (self.step < plan.freeze_steps).then_some(prefix.as_str());
            self.model.freeze(frozen);
        }
    }

    /// What state.json says.
    pub fn file(&self, offsets: Offsets) -> StateFile {
        let moments = self.optimizer.moments.iter();
        StateFile {
            step: self.step,
            position: self.position,
            best: self.best,
            plateau: self.plateau,
            lost: self.lost,
            unjudged: self.unjudged,
            dev_metrics: self.dev_metrics.clone(),
            train_secs: self.train_secs,
            offsets,
            updates: moments.map(|(name, moments)| (name.clone(), moments.steps)).collect(),
        }
    }

    /// A tensor of weights or moments with a value that is not finite, in words; `None`: all are.
    ///
    /// # Errors
    /// The device failed.
    pub fn not_finite(&self) -> Result<Option<String>, OpError> {
        let weights = self.model.params.iter();
        let weights = weights.map(|param| ("the weights", param.name(), param.array()));
        let moments = self.optimizer.moments.iter().flat_map(|(name, moments)| {
            [
                ("the first moment", name.as_str(), &moments.first),
                ("the second moment", name, &moments.second),
            ]
        });
        for (what, name, array) in weights.chain(moments) {
            if let Some(value) = array.first_not_finite()? {
                return Ok(Some(format!("{what} of `{name}` hold {value}")));
            }
        }
        Ok(None)
    }

    /// Writes the weights.
    ///
    /// # Errors
    /// The writer refused.
    pub fn write_model(&self, to: &mut dyn Write) -> std::io::Result<()> {
        weights::write(&self.model.params, to)
    }

    /// Writes the moments, as `first.NAME` and `second.NAME`.
    ///
    /// # Errors
    /// The writer refused.
    pub fn write_optimizer(&self, to: &mut dyn Write) -> std::io::Result<()> {
        let mut tensors: Vec<(String, Shape, Vec<f32>)> = Vec::new();
        for (name, moments) in &self.optimizer.moments {
            let shape = moments.first.shape();
            for (which, moment) in [("first", &moments.first), ("second", &moments.second)] {
                let values = moment.download().map_err(std::io::Error::other)?;
                tensors.push((format!("{which}.{name}"), shape, values));
            }
        }
        weights::write_tensors(&tensors, BTreeMap::new(), to)
    }

    /// Takes weights, moments, step and data position from a checkpoint folder.
    ///
    /// # Errors
    /// A file is missing, damaged, or of another model.
    pub fn load(&mut self, device: &D, checkpoint: &Path) -> Result<StateFile, TrainError> {
        let file = read_state(checkpoint)?;
        let model_file = checkpoint.join("model.safetensors");
        weights::load(&mut self.model.params, &model_file, weights::Match::Strict)?;
        self.optimizer.moments = moments(device, checkpoint, &file)?;
        self.step = file.step;
        self.position = file.position;
        self.best = file.best;
        self.plateau = file.plateau;
        self.lost = file.lost;
        self.unjudged = file.unjudged;
        self.dev_metrics.clone_from(&file.dev_metrics);
        self.train_secs = file.train_secs;
        Ok(file)
    }
}

/// The state.json of a checkpoint folder.
///
/// # Errors
/// It is missing or not what this program writes.
pub fn read_state(checkpoint: &Path) -> Result<StateFile, TrainError> {
    let path = checkpoint.join("state.json");
    let state = |reason: String| TrainError::State { path: path.clone(), reason };
    let text = std::fs::read_to_string(&path).map_err(|error| state(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| state(error.to_string()))
}

fn moments<D: Backend>(
    device: &D,
    checkpoint: &Path,
    file: &StateFile,
) -> Result<BTreeMap<String, Moments<D>>, TrainError> {
    let path = checkpoint.join("optimizer.safetensors");
    let mut tensors = weights::read_tensors(&path)?;
    let mut moments = BTreeMap::new();
    for (name, &steps) in &file.updates {
        let mut take = |which: &str| {
            let key = format!("{which}.{name}");
            let (dims, values) = tensors.remove(&key).ok_or_else(|| TrainError::State {
                path: path.clone(),
                reason: format!("`{key}` is missing"),
            })?;
            let array = Array::from_vec(device, values, shape(&dims))?;
            Ok::<_, TrainError>(array)
        };
        moments.insert(name.clone(), Moments { first: take("first")?, second: take("second")?, steps });
    }
    Ok(moments)
}

/// A shape of up to four extents; more are folded into the last, which keeps the number of values.
fn shape(dims: &[usize]) -> Shape {
    match *dims {
        [] => [].into(),
        [a] => [a].into(),
        [a, b] => [a, b].into(),
        [a, b, c] => [a, b, c].into(),
        [a, b, c, ref rest @ ..] => [a, b, c, rest.iter().product()].into(),
    }
}

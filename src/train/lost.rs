//! Updates that change nothing: what was wrong with one, and how many there may be.
//!
//! An update whose loss or gradient is not finite leaves weights and moments as they are. [`find`] then computes its micro-batches once more,
//! looking at every value, to name the tensor and the utterances; what it finds is said, never kept. Not for: what the run does about it, which
//! is the loop's (`run.rs`), by the plan's `OnNonfinite`. Start at [`find`].

use std::fmt;

use kernels::Backend;
use kernels::device::Shared;
use kernels::trace::Recording;
use serde::{Deserialize, Serialize};

use super::micro_batch::{Lesson, Part};
use super::teacher::Teacher;
use super::{State, TrainError};
use crate::data::Batch;
use crate::nn::Params;
use crate::plan::{OnNonfinite, Plan};
use crate::task::Shares;

/// Utterances that are named; more are counted.
const NAMED: usize = 8;

/// Why an update changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Its loss is not finite.
    Loss,
    /// Its gradient is not finite, or so long that its square is not.
    Gradient,
    /// No utterance of it counts.
    NothingCounts,
}

/// The updates of a run that changed nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// One after the other, up to now.
    pub in_a_row: u32,
    /// Those that lowered the learning rate.
    pub falls: u32,
}

impl Lost {
    /// Takes note of an update, by the policy `on`. Where that is to stop, none is counted: it will be tried again.
    pub fn note(&mut self, fault: Option<Fault>, on: &OnNonfinite) {
        match (fault, on) {
            (_, OnNonfinite::Stop) => {}
            (None, _) => self.in_a_row = 0,
            (Some(fault), _) => {
                self.in_a_row += 1;
                let lowers = matches!(on, OnNonfinite::LowerLr { .. }) && fault != Fault::NothingCounts;
                self.falls += u32::from(lowers);
            }
        }
    }
}

/// Where in a micro-batch numbers went wrong first.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// In what was read.
    Sound,
    /// In what an op of a layer returned.
    Op { op: &'static str, layer: String },
    /// In what the last op of all returned, or in the loss itself.
    Loss,
    /// On the way back: the last parameter, as the model has them, whose gradient is not finite.
    Gradient { param: String, value: f32 },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Sound => write!(f, "the sound is not finite"),
            Place::Op { op, layer } => write!(f, "first in `{layer}` ({op})"),
            Place::Loss => write!(f, "first in the loss itself"),
            Place::Gradient { param, value } => write!(f, "the gradient of `{param}` has a value of {value}"),
        }
    }
}

/// A micro-batch that went wrong.
#[derive(Debug, Clone, PartialEq)]
struct Culprit {
    /// From 1.
    number: usize,
    place: Option<Place>,
    names: Vec<String>,
}

/// What was wrong with an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The update, counted from 1.
    pub step: u64,
    fault: Fault,
    batches: usize,
    culprits: Vec<Culprit>,
    /// Every transcript is empty.
    silent: bool,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Loss => "its loss is not finite",
            Fault::Gradient => "its gradient is not finite",
            Fault::NothingCounts if self.silent => "its transcripts are empty",
            Fault::NothingCounts => {
                "no transcript of it can be spelt in the frames of its utterance, so no CTC loss is finite"
            }
        };
        write!(f, "update {} changed nothing: {what}", self.step)?;
        for Culprit { number, place, names } in &self.culprits {
            write!(f, "; batch {number} of {}", self.batches)?;
            if let Some(place) = place {
                write!(f, ", {place}")?;
            }
            write!(f, ": {}", listed(names))?;
        }
        if self.culprits.is_empty() {
            write!(f, "; computed again, each batch is finite: their sum is too large, or the machine errs")?;
        }
        Ok(())
    }
}

/// `` `a`, `b` and 3 more ``.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Looks for what was wrong with the update on `batches` that changed nothing, in the state before it.
///
/// # Errors
/// The device failed.
pub fn find<D: Backend>(
    state: &State<D>,
    device: &D,
    plan: &Plan,
    teacher: Option<&Teacher<D>>,
    batches: &[Batch],
    fault: Fault,
) -> Result<Found, TrainError> {
    let shares = Shares::of(batches, &plan.model);
    let lesson = Lesson {
        device: Shared(device),
        plan,
        model: &state.model,
        teacher,
        shares: &shares,
        step: state.step,
    };
    let mut culprits = Vec::new();
    for (index, batch) in batches.iter().enumerate() {
        let number = index + 1;
        if fault == Fault::NothingCounts {
            culprits.push(Culprit { number, place: None, names: batch.names.clone() });
        } else if let Some(place) = place(&lesson, index, batch)? {
            let alone = alone(&lesson, index, batch)?;
            let names = if alone.is_empty() { batch.names.clone() } else { alone };
            culprits.push(Culprit { number, place: Some(place), names });
        }
    }
    Ok(Found {
        step: state.step + 1,
        fault,
        batches: batches.len(),
        culprits,
        silent: batches.iter().all(|batch| batch.labels.iter().all(|labels| labels.chars == 0)),
    })
}

/// Where a micro-batch goes wrong first; `None`: all of it is finite.
fn place<D: Backend>(
    lesson: &Lesson<'_, D>,
    index: usize,
    batch: &Batch,
) -> Result<Option<Place>, TrainError> {
    if !batch.is_finite() {
        return Ok(Some(Place::Sound));
    }
    let recording = Recording::watching();
    let mut part = lesson.part(index, batch)?;
    let trace = recording.finish();
    if !part.read_losses()?.total.is_finite() {
        let layer = trace.broken.map(|(op, layer)| (op, trace.path(layer)));
        return Ok(Some(match layer {
            Some((op, layer)) if !layer.is_empty() => Place::Op { op, layer },
            _ => Place::Loss,
        }));
    }
    gradient(&part, &lesson.model.params)
}

/// The last parameter with a gradient that is not finite: backward came to it first.
fn gradient<D: Backend>(part: &Part<D>, params: &Params<D>) -> Result<Option<Place>, TrainError> {
    let mut last = None;
    for param in params.iter() {
        let left = part.grads.left(param.array())?.gradient.unwrap_or_default();
        if let Some(&value) = left.iter().find(|value| !value.is_finite()) {
            last = Some(Place::Gradient { param: param.name().to_owned(), value });
        }
    }
    Ok(last)
}

/// The utterances that go wrong each by itself.
fn alone<D: Backend>(lesson: &Lesson<'_, D>, index: usize, batch: &Batch) -> Result<Vec<String>, TrainError> {
    let mut names = Vec::new();
    for row in 0..batch.len() {
        let one = batch.only(row);
        if place(lesson, index, &one)?.is_some() {
            names.extend(one.names);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::data::{Prefetch, Stream};
    use crate::model::Model;
    use crate::plan::under_ci;
    use crate::train::Job;
    use crate::train::ranks::Alone;
    use crate::train::update::{Updated, update};

    const SMALL: [&str; 3] =
        ["data.batch_size=2", "model.wav2vec2.num_hidden_layers=1", "train.accumulation_steps=2"];

    /// A run before its second update, whose batches are there.
    struct Scene {
        plan: Plan,
        state: State<Cpu>,
        batches: Vec<Batch>,
    }

    impl Scene {
        fn new(more: &[&str]) -> Self {
            let plan = under_ci("tedlium_direct", &[&SMALL, more].concat());
            let loader = Job::open(&plan).unwrap().train_loader().unwrap();
            let stream = Stream::new(loader, &plan.data, plan.run.seed, 2, Default::default());
            let prefetch = Prefetch::start(stream, 1);
            let mut state = State::fresh(Model::draw(&Cpu::default(), &plan.model, plan.run.seed).unwrap());
            state.step = 1;
            let batches = (0..2).map(|_| prefetch.next_batch().unwrap().0).collect();
            Scene { plan, state, batches }
        }

        fn update(&mut self) -> Updated {
            let Scene { plan, state, batches } = self;
            update(state, &Cpu::default(), plan, None, batches, None, &mut Alone).unwrap()
        }

        fn found(&self, fault: Fault) -> String {
            let found = find(&self.state, &Cpu::default(), &self.plan, None, &self.batches, fault).unwrap();
            found.to_string()
        }

        fn bytes(&self) -> Vec<u8> {
            let mut bytes = Vec::new();
            self.state.write_model(&mut bytes).unwrap();
            self.state.write_optimizer(&mut bytes).unwrap();
            bytes
        }

        fn plant(&mut self, param: &str, value: f32) {
            let mut params = self.state.model.params.iter_mut();
            let param = params.find(|known| known.name() == param).unwrap();
            let mut values = param.array().to_vec();
            values[0] = value;
            param.array_mut().copy_from(&values).unwrap();
        }
    }

    #[test]
    fn sound_that_is_no_number_is_named_by_its_utterance_and_changes_nothing() {
        let mut scene = Scene::new(&[]);
        let batch = &mut scene.batches[1];
        let at = batch.padded_samples + 7;
        batch.waveforms[at] = f32::NAN;
        let (name, before) = (batch.names[1].clone(), scene.bytes());
        assert_eq!(scene.update().fault, Some(Fault::Loss));
        assert!(scene.bytes() == before && scene.state.optimizer.moments.is_empty());
        let said = format!(
            "update 2 changed nothing: its loss is not finite; batch 2 of 2, the sound is not finite: `{name}`"
        );
        assert_eq!(scene.found(Fault::Loss), said);
    }

    #[test]
    fn weights_that_are_no_numbers_are_named_by_their_layer_and_their_tensor() {
        let mut scene = Scene::new(&[]);
        let param = "wav2vec2.encoder.layers.0.feed_forward.output_dense.weight";
        scene.plant(param, f32::INFINITY);
        assert_eq!(scene.update().fault, Some(Fault::Loss));
        assert_eq!(scene.state.not_finite().unwrap(), Some(format!("the weights of `{param}` hold inf")));
        let said = scene.found(Fault::Loss);
        let layer = "batch 1 of 2, first in `wav2vec2.encoder.layers.0.feed_forward";
        let names = scene.batches[0].names.iter().all(|name| said.contains(&format!("`{name}`")));
        assert!(said.contains(layer) && names, "{said}");
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_named_by_its_parameter() {
        let mut scene = Scene::new(&["train.ctc_weight=1e39"]);
        let before = scene.bytes();
        assert_eq!(scene.update().fault, Some(Fault::Gradient));
        assert!(scene.bytes() == before);
        let said = scene.found(Fault::Gradient);
        assert!(
            said.contains("its gradient is not finite; batch 1 of 2, the gradient of `lm_head."),
            "{said}"
        );
    }

    /// Its square would be infinite in the second moment, and hold the weight still from then on.
    #[test]
    fn a_gradient_whose_square_is_not_finite_is_not_taken_but_a_clipped_one_is() {
        let mut scene = Scene::new(&["train.ctc_weight=1e24", "train.max_grad_norm=0"]);
        assert_eq!(scene.update().fault, Some(Fault::Gradient));
        assert!(scene.found(Fault::Gradient).contains("computed again, each batch is finite"));
        assert_eq!(Scene::new(&["train.ctc_weight=1e24"]).update().fault, None);
    }

    #[test]
    fn batches_without_a_character_are_told_from_transcripts_that_are_too_long() {
        let mut scene = Scene::new(&[]);
        for labels in scene.batches.iter_mut().flat_map(|batch| &mut batch.labels) {
            labels.symbols = vec![1; 4000];
        }
        let updated = scene.update();
        assert_eq!((updated.fault, updated.infinite), (Some(Fault::NothingCounts), 4));
        let said = scene.found(Fault::NothingCounts);
        assert!(said.contains("no transcript of it can be spelt in the frames of its utterance"), "{said}");
        for labels in scene.batches.iter_mut().flat_map(|batch| &mut batch.labels) {
            (labels.symbols, labels.chars) = (Vec::new(), 0);
        }
        assert_eq!(scene.update().fault, Some(Fault::NothingCounts));
        assert!(scene.found(Fault::NothingCounts).contains("its transcripts are empty"));
    }

    /// The policy that lowers the rate: each fall counts, and stays when the numbers are well again.
    #[test]
    fn the_rate_falls_at_each_lost_update_and_stays_low() {
        let lower = ["train.nonfinite=\"lower_lr\"", "train.nonfinite_lr_factor=0.25"];
        let mut scene = Scene::new(&lower);
        let usual = scene.plan.train.schedule.lr(1, 0);
        let sound = std::mem::replace(&mut scene.batches[0].waveforms[0], f32::NAN);
        let rates = [scene.update().lr, scene.update().lr];
        assert_eq!((rates, scene.state.lost), ([usual, usual * 0.25], Lost { in_a_row: 2, falls: 2 }));
        scene.batches[0].waveforms[0] = sound;
        let updated = scene.update();
        assert_eq!((updated.fault, updated.lr), (None, usual * 0.0625));
        assert_eq!(scene.state.lost, Lost { in_a_row: 0, falls: 2 });
    }

    #[test]
    fn only_what_lowers_the_rate_makes_another_run() {
        let id = |more: &[&str]| under_ci("tedlium_direct", more).id;
        let usual = id(&[]);
        assert_eq!(usual, id(&["train.nonfinite=\"stop\""]));
        assert_eq!(usual, id(&["train.nonfinite_patience=3"]));
        assert_ne!(usual, id(&["train.nonfinite=\"lower_lr\""]));
    }
}

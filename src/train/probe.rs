//! Would it work? A look at the corpus and one update, before a run is started in earnest.

use kernels::{Backend, Tape};

use super::micro_batch::input;
use super::ranks::Alone;
use super::update::update;
use super::{Job, State, TrainError, Wanted, on_device};
use crate::corpora::Corpus;
use crate::data::{Batch, DataError, Loader, open_train};
use crate::model::Model;
use crate::nn::Pass;
use crate::plan::{Plan, Pretrained};

/// Utterances of each split whose sound is decoded.
const DECODED: usize = 8;

/// What was looked at, all of it in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Utterances to train on.
    pub training: usize,
    /// Training utterances left out because a label names an unknown class.
    pub left_out: usize,
    /// Utterances of all splits that have a sound.
    pub files: usize,
    /// Sounds decoded and found as long as listed.
    pub decoded: usize,
    /// Frames of the two utterances of the trial update.
    pub frames: [usize; 2],
    /// Its loss.
    pub loss: f64,
}

impl Job<'_> {
    /// Looks for every sound, decodes some, and takes one update of a freshly drawn model on two utterances.
    ///
    /// # Errors
    /// Sounds are missing or broken, a transcript does not fit, or the model makes of an utterance what the plan did not foresee.
    pub fn probe(&self) -> Result<Probe, TrainError> {
        let data = &self.plan.data;
        let mut train = self.train_loader()?;
        let mut probe = Probe {
            training: train.len(),
            left_out: train.left_out,
            files: 0,
            decoded: 0,
            frames: [0; 2],
            loss: 0.0,
        };
        let mut corpora: Vec<Corpus> =
            open_train(data).map_err(DataError::from)?.into_iter().map(|(corpus, _)| corpus).collect();
        corpora.extend([self.corpus(&data.dev_meta)?, self.corpus(&data.test_meta)?]);
        for corpus in corpora {
            let missing = corpus.without_sound().map_err(DataError::from)?;
            if !missing.is_empty() {
                return Err(DataError::NoSound { meta: corpus.meta_path().to_owned(), missing }.into());
            }
            let utterances = corpus.utterances();
            probe.files += utterances.len();
            for utterance in utterances.iter().step_by(utterances.len().div_ceil(DECODED)) {
                corpus.load(utterance, data.sample_rate_hz).map_err(DataError::from)?;
                probe.decoded += 1;
            }
        }
        let batch = two_of(&mut train)?;
        (probe.frames, probe.loss) =
            on_device!(Wanted::of(self.plan), |device| try_update(device, self.plan, &batch))?;
        Ok(probe)
    }
}

/// Two utterances of middling length.
fn two_of(loader: &mut Loader) -> Result<Batch, TrainError> {
    let mut order: Vec<usize> = (0..loader.len()).collect();
    order.sort_by_key(|&index| loader.samples(index));
    let middle = order.len() / 2;
    let chosen = [order[middle.saturating_sub(1)], order[middle]];
    let utterances = chosen.into_iter().map(|index| loader.load(index)).collect::<Result<Vec<_>, _>>()?;
    Ok(Batch::collate(utterances))
}

fn try_update<D: Backend>(device: &D, plan: &Plan, batch: &Batch) -> Result<([usize; 2], f64), TrainError> {
    let mut plan = plan.clone();
    // Neither a checkpoint nor a teacher need be there for shapes to be tried.
    plan.model.pretrained = Pretrained::Random { seed: 0 };
    plan.distill = None;
    plan.train.freeze_prefix = None;
    let mut state = State::fresh(Model::draw(device, &plan.model, plan.run.seed)?);
    let foreseen: Vec<usize> = batch.samples.iter().map(|&samples| plan.model.frames(samples)).collect();
    if let Some(network) = state.model.network.recogniser() {
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&state.model.params, &mut tape);
        let made = network.forward(&mut pass, &input(device, batch)?)?;
        if made.frames != foreseen {
            return Err(TrainError::Shapes { foreseen, made: made.frames });
        }
    }
    let updated = update(&mut state, device, &plan, None, std::slice::from_ref(batch), None, &mut Alone)?;
    let loss = updated.losses.get("loss").copied().unwrap_or(f64::NAN);
    match loss.is_finite() {
        true => Ok(([foreseen[0], foreseen[1]], loss)),
        false => Err(TrainError::TrialLoss { names: batch.names.clone() }),
    }
}

//! A classifier that hears clips.

use std::sync::Arc;

use kernels::{Array, Backend, Tape};

use super::{Heard, QualityError};
use crate::data::{Batch, Labels, Loader};
use crate::model::{Input, Model, Recogniser};
use crate::nn::Pass;

/// Clips that are heard at once.
const BATCH: usize = 16;

/// A model with a classifier head, at rest. Of several heads the first one is asked.
pub struct Listener<'a, D: Backend> {
    device: &'a D,
    model: &'a Model<D>,
    network: &'a Recogniser,
    classes: usize,
    asked: &'a dyn Fn() -> bool,
}

impl<'a, D: Backend> Listener<'a, D> {
    /// A listener with the ears of `model`.
    ///
    /// # Errors
    /// The model has no classifier head.
    pub fn new(device: &'a D, model: &'a Model<D>) -> Result<Self, QualityError> {
        let without = QualityError::NoClasses(model.plan.family());
        match (model.network.recogniser(), model.plan.classes()) {
            (Some(network), &[classes, ..]) => {
                Ok(Listener { device, model, network, classes, asked: &|| false })
            }
            _ => Err(without),
        }
    }

    /// A listener that stops with [`QualityError::Asked`] once somebody `asked` for it.
    pub fn until(self, asked: &'a dyn Fn() -> bool) -> Self {
        Listener { asked, ..self }
    }

    /// What it hears in clips of a corpus, in the loader's order; `done` is told after some of them how many there are.
    ///
    /// # Errors
    /// A clip cannot be read, the device failed, or an answer is no number.
    pub fn corpus(&self, loader: &mut Loader, done: &mut dyn FnMut(usize)) -> Result<Heard, QualityError> {
        let all = 0..loader.len();
        self.all(all.map(|index| Ok(loader.load(index).map(|(name, sound, _)| (name, sound))?)), done)
    }

    /// What it hears in clips, name and waveform each as the model wants it; `done` as in [`Listener::corpus`].
    ///
    /// # Errors
    /// A clip cannot be had, the device failed, or an answer is no number.
    pub fn all<E: From<QualityError>>(
        &self,
        mut clips: impl Iterator<Item = Result<(String, Arc<[f32]>), E>>,
        done: &mut dyn FnMut(usize),
    ) -> Result<Heard, E> {
        let mut heard: Option<Heard> = None;
        loop {
            if (self.asked)() {
                return Err(QualityError::Asked.into());
            }
            let some = clips.by_ref().take(BATCH).collect::<Result<Vec<_>, E>>()?;
            if some.is_empty() {
                return Ok(heard.unwrap_or_default());
            }
            let some = some.into_iter().map(|(name, sound)| (name, sound, Labels::default()));
            self.batch(&Batch::collate(some.collect()), &mut heard)?;
            done(heard.as_ref().map_or(0, Heard::len));
        }
    }

    fn batch(&self, batch: &Batch, heard: &mut Option<Heard>) -> Result<(), QualityError> {
        let shape = [batch.len(), batch.padded_samples, 1];
        let waveforms = Array::from_vec(self.device, batch.waveforms.clone(), shape)?;
        let mut tape = Tape::silent();
        let mut pass = Pass::at_rest(&self.model.params, &mut tape);
        let out = self.network.forward(&mut pass, &Input::of(waveforms, batch.samples.clone()))?;
        let (Some(pooled), Some(scores)) = (out.pooled, out.class_logits.first()) else {
            return Err(QualityError::NoClasses(self.model.plan.family()));
        };
        let width = pooled.shape().last();
        let heard = heard.get_or_insert_with(|| Heard::new(self.classes, width));
        let (pooled, scores) = (pooled.download()?, scores.download()?);
        let rows = scores.chunks_exact(self.classes).zip(pooled.chunks_exact(width));
        for (name, (scores, features)) in batch.names.iter().zip(rows) {
            heard.push_scores(name, scores, features)?;
        }
        Ok(())
    }
}

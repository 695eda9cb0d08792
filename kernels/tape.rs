//! The tape, as a run-time choice.
//!
//! dfdx decides at compile time whether a tensor records; here one type serves training and inference, so that every
//! layer has one signature. `Tape` holds dfdx's own tape when it records and nothing when it does not, and ops are handed
//! it beside their operands. Start at [`Tape::recording`] and [`Tape::backward`].

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use dfdx::prelude::OwnedTape;

use crate::device::{Device, Fill};
use crate::{Array, OpError};

/// The gradients that exist so far, by array: shared by the recorded ops while backward runs.
pub(crate) type Buffers<D> = Rc<RefCell<HashMap<u64, <D as dfdx::prelude::Storage<f32>>::Vec>>>;

/// Records the ops of one forward pass, or nothing.
pub struct Tape<D: Device> {
    mode: Mode<D>,
    buffers: Buffers<D>,
    /// Arrays that an op read and whose gradient is wanted.
    touched: HashSet<u64>,
    /// Why an op's backward failed, where that is not for dfdx to say.
    failure: Rc<OnceCell<OpError>>,
}

enum Mode<D: Device> {
    /// No gradient is wanted.
    Silent,
    /// Which gradients are wanted is noted, but nothing is kept for backward.
    Noting,
    Recording(OwnedTape<f32, D>),
}

impl<D: Device> Tape<D> {
    /// A tape that records: for training.
    pub fn recording() -> Self {
        Self::new(Mode::Recording(OwnedTape::default()), HashSet::new())
    }

    /// A tape that records and adds its gradients to `grads`: for the next micro-batch of one update.
    pub fn recording_onto(grads: Grads<D>) -> Self {
        let buffers = Rc::new(RefCell::new(grads.buffers));
        Tape { buffers, ..Self::new(Mode::Recording(OwnedTape::default()), grads.touched) }
    }

    /// A tape that records and adds its gradients to those of a backward that is under way.
    pub(crate) fn recording_into(buffers: &Buffers<D>) -> Self {
        let buffers = Rc::clone(buffers);
        Tape { buffers, ..Self::new(Mode::Recording(OwnedTape::default()), HashSet::new()) }
    }

    /// A tape that records nothing: for inference and teachers.
    pub fn silent() -> Self {
        Self::new(Mode::Silent, HashSet::new())
    }

    /// A tape that finds out what backward would reach and keeps nothing for it: for a block that will run again.
    pub(crate) fn noting() -> Self {
        Self::new(Mode::Noting, HashSet::new())
    }

    fn new(mode: Mode<D>, touched: HashSet<u64>) -> Self {
        Tape { mode, buffers: Buffers::<D>::default(), touched, failure: Rc::default() }
    }

    /// Whether ops are recorded.
    pub fn is_recording(&self) -> bool {
        matches!(self.mode, Mode::Recording(_))
    }

    /// Whether anything waits for backward.
    #[cfg(test)]
    pub(crate) fn has_recorded(&self) -> bool {
        !self.touched.is_empty() && self.is_recording()
    }

    /// Whether an op's outputs are tracked where an input is.
    pub(crate) fn tracks(&self) -> bool {
        !matches!(self.mode, Mode::Silent)
    }

    /// Where an op's backward leaves an error of its own; the tape's backward returns it.
    pub(crate) fn failure(&self) -> &Rc<OnceCell<OpError>> {
        &self.failure
    }

    /// The arrays whose gradients are wanted.
    pub(crate) fn into_touched(self) -> HashSet<u64> {
        self.touched
    }

    /// Notes that a gradient is wanted for `inputs`.
    pub(crate) fn touch(&mut self, inputs: impl Iterator<Item = u64>) {
        self.touched.extend(inputs);
    }

    /// Adds one op's backward; `inputs` are the arrays whose gradient it adds to.
    pub(crate) fn record<F>(&mut self, inputs: impl Iterator<Item = u64>, backward: F)
    where
        F: 'static + FnOnce(&Buffers<D>) -> Result<(), D::Err>,
    {
        if let Mode::Recording(owned) = &mut self.mode {
            self.touched.extend(inputs);
            let buffers = Rc::clone(&self.buffers);
            dfdx::prelude::Tape::add_backward_op(owned, move |_| backward(&buffers));
        }
    }

    /// Runs backward from `seeds`: each array with the gradient of the objective with respect to it.
    ///
    /// # Errors
    /// A seed has another length than its array, an op that ran again failed, or the device did.
    pub fn backward(mut self, device: &D, seeds: Vec<(Array<D>, Vec<f32>)>) -> Result<Grads<D>, OpError> {
        for (array, seed) in seeds {
            if array.len() != seed.len() {
                let want = format!("its gradient has {} values", seed.len());
                return Err(OpError::Shape { op: "backward", operand: "a seed", got: array.shape(), want });
            }
            let (id, on) = (array.id, device.clone());
            self.record([id].into_iter(), move |buffers| {
                buffers.borrow_mut().insert(id, on.buffer(seed)?);
                Ok(())
            });
        }
        let (buffers, touched) = (Rc::clone(&self.buffers), std::mem::take(&mut self.touched));
        self.run(device)?;
        Ok(Grads { buffers: buffers.take(), touched })
    }

    /// Runs what is recorded, last to first.
    ///
    /// # Errors
    /// The device failed.
    pub(crate) fn run(self, device: &D) -> Result<(), OpError> {
        if let Mode::Recording(owned) = self.mode {
            device.execute(owned).map_err(|error| OpError::device("backward", error))?;
        }
        self.failure.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}

/// The gradients of one update, by array.
pub struct Grads<D: Device> {
    buffers: HashMap<u64, D::Vec>,
    touched: HashSet<u64>,
}

impl<D: Device> Grads<D> {
    /// Whether backward reached `array`; a parameter that no op read has no gradient.
    pub fn reached(&self, array: &Array<D>) -> bool {
        self.touched.contains(&array.id)
    }

    /// The gradient buffer of `array`; zeros if backward did not reach it.
    ///
    /// # Errors
    /// The device has no room.
    pub fn buffer(&mut self, array: &Array<D>) -> Result<&mut D::Vec, OpError> {
        use std::collections::hash_map::Entry;
        match self.buffers.entry(array.id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let zeros = array.device().room(array.len(), Fill::Zeros);
                Ok(entry.insert(zeros.map_err(|error| OpError::device("gradients", error))?))
            }
        }
    }

    /// The gradient of `array` on the host.
    ///
    /// # Errors
    /// The device failed.
    pub fn to_vec(&mut self, array: &Array<D>) -> Result<Vec<f32>, OpError> {
        let device = array.device().clone();
        let buffer = self.buffer(array)?;
        device.download(buffer).map_err(|error| OpError::device("gradients", error))
    }
}

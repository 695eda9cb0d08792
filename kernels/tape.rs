//! The tape, as a run-time choice.
//!
//! dfdx decides at compile time whether a tensor records; here one type serves training and inference, so that every
//! layer has one signature. `Tape` holds dfdx's own tape when it records and nothing when it does not, and ops are handed
//! it beside their operands. Start at [`Tape::recording`] and [`Tape::backward`].

use std::collections::HashSet;

use dfdx::prelude::{Gradients, OwnedTape, SplitTape, Trace};

use crate::device::Device;
use crate::{Array, OpError};

/// Records the ops of one forward pass, or nothing.
pub struct Tape<D: Device> {
    owned: Option<OwnedTape<f32, D>>,
    /// Arrays that a recorded op read and whose gradient is wanted.
    touched: HashSet<u64>,
}

impl<D: Device> Tape<D> {
    /// A tape that records: for training.
    pub fn recording() -> Self {
        Tape { owned: Some(OwnedTape::default()), touched: HashSet::new() }
    }

    /// A tape that records and adds its gradients to `grads`: for the next micro-batch of one update.
    ///
    /// # Errors
    /// The device failed.
    pub fn recording_onto(device: &D, grads: Grads<D>) -> Result<Self, OpError> {
        let root = device.try_zeros_like(&()).map_err(|error| OpError::device("tape", error))?;
        let (_, owned) = root.traced(grads.inner).split_tape();
        Ok(Tape { owned: Some(owned), touched: grads.touched })
    }

    /// A tape that records nothing: for inference and teachers.
    pub fn silent() -> Self {
        Tape { owned: None, touched: HashSet::new() }
    }

    /// Whether ops are recorded.
    pub fn is_recording(&self) -> bool {
        self.owned.is_some()
    }

    /// Adds one op's backward; `inputs` are the arrays whose gradient it adds to.
    pub(crate) fn record<F>(&mut self, inputs: impl Iterator<Item = u64>, backward: F)
    where
        F: 'static + FnOnce(&mut Gradients<f32, D>) -> Result<(), D::Err>,
    {
        if let Some(owned) = &mut self.owned {
            self.touched.extend(inputs);
            dfdx::prelude::Tape::add_backward_op(owned, backward);
        }
    }

    /// Runs backward from `seeds`: each array with the gradient of the objective with respect to it.
    ///
    /// # Errors
    /// A seed has another length than its array, or the device failed.
    pub fn backward(mut self, device: &D, seeds: Vec<(Array<D>, Vec<f32>)>) -> Result<Grads<D>, OpError> {
        let failed = |error: D::Err| OpError::device("backward", error);
        for (array, seed) in seeds {
            if array.len() != seed.len() {
                let want = format!("its gradient has {} values", seed.len());
                return Err(OpError::Shape { op: "backward", operand: "a seed", got: array.shape(), want });
            }
            let (ghost, on) = (array.flat.ghost(), device.clone());
            self.record([array.id].into_iter(), move |grads| {
                on.upload(grads.get_or_alloc_mut(&ghost)?, &seed)
            });
        }
        let Some(owned) = self.owned else {
            return Ok(Grads { inner: Gradients::leaky(), touched: self.touched });
        };
        let inner = device.execute(owned).map_err(failed)?;
        Ok(Grads { inner, touched: self.touched })
    }
}

/// The gradients of one update, by array.
pub struct Grads<D: Device> {
    inner: Gradients<f32, D>,
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
        self.inner.get_or_alloc_mut(&array.flat).map_err(|error| OpError::device("gradients", error))
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

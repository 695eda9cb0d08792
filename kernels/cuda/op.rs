//! An op's device half, and how the tape runs it.

use super::{Failure, Launch, Part};
use crate::op::{Held, Op};

/// An input's gradient on the device: where it is, and whether it is to be added to or set.
#[derive(Clone, Copy, Debug)]
pub struct Gradient {
    /// Where it is.
    pub part: Part,
    /// Whether it holds nothing yet. Only where [`CudaOp::sets_gradient`] says that the op can.
    pub fresh: bool,
}

impl Gradient {
    /// What is kept of what it holds: 0 where it is fresh, else 1.
    pub fn beta(&self) -> f32 {
        if self.fresh { 0.0 } else { 1.0 }
    }
}

/// An op's device half: [`CpuOp`](crate::op::CpuOp) on device memory.
pub trait CudaOp: Op {
    /// What backward needs besides the inputs: [`Buffer`](super::Buffer)s, or nothing.
    type Saved: Held + 'static;

    /// As [`CpuOp::PASSES_ON`](crate::op::CpuOp::PASSES_ON).
    const PASSES_ON: bool = false;

    /// Whether backward reads input `index`. Inputs that are not kept are [`Part::NONE`] there.
    fn keeps_input(&self, _index: usize) -> bool {
        !Self::PASSES_ON
    }

    /// Whether backward reads output `index`. Outputs that are kept stand behind the inputs there.
    fn keeps_output(&self, _index: usize) -> bool {
        false
    }

    /// Whether forward writes every value of its outputs without reading any; else they are zero before.
    fn overwrites(&self) -> bool {
        Self::PASSES_ON
    }

    /// Whether backward heeds [`Gradient::fresh`] for input `index`; else no gradient of it is ever fresh.
    fn sets_gradient(&self, _index: usize) -> bool {
        Self::PASSES_ON
    }

    /// Fills `outputs`. With `save` false no backward follows.
    ///
    /// # Errors
    /// The device failed.
    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        save: bool,
    ) -> Result<Self::Saved, Failure>;

    /// Adds to each wanted input gradient, or sets it where it is fresh.
    ///
    /// # Errors
    /// The device failed.
    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Self::Saved,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure>;
}

//! Kernels that are a function of one element at a time, started over all of them.
//!
//! The kernels themselves are made by the macro `POINTWISE` of `common.cuh`: four values a thread.

use super::{Arg, CudaOp, Failure, Gradient, Grid, Launch, Part, Source};
use crate::op::Op;

/// Threads of a block.
const THREADS: usize = 256;
/// Values of a thread.
const EACH: usize = 4;

/// The kernels of a [`Pointwise`] op.
pub(crate) struct Entries {
    pub source: &'static Source,
    /// `(x, out, len)`: out = f(x).
    pub forward: &'static str,
    /// `(x, dout, dx, beta, len)`: dx = beta · dx + dout · f'(x).
    pub backward: &'static str,
}

/// An op that makes of each value one, whose backward reads its input.
pub(crate) trait Pointwise: Op {
    const ENTRIES: Entries;
}

impl<O: Pointwise> CudaOp for O {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        let Entries { source, forward, .. } = O::ENTRIES;
        let out = outputs[0];
        gpu.launch(source, forward, elements(out.len()), &[inputs[0].into(), out.into(), out.len().into()])
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(dx) = dinputs[0] else { return Ok(()) };
        let Entries { source, backward, .. } = O::ENTRIES;
        let [x, dout] = [inputs[0], doutputs[0]];
        let args = [x.into(), dout.into(), dx.part.into(), dx.beta().into(), dout.len().into()];
        gpu.launch(source, backward, elements(dout.len()), &args)
    }
}

/// Over `len` elements, four neighbours a thread.
pub(crate) fn elements(len: usize) -> Grid {
    Grid::over(len.div_ceil(EACH), THREADS)
}

/// Over rows of `cols` values: `each_of_row` of `common.cuh` says which a thread has.
pub(crate) fn rows(rows: usize, cols: usize) -> Grid {
    Grid { threads: [32, 8, 1], ..Grid::new(rows.div_ceil(8), 1).by(cols.div_ceil(32 * EACH)) }
}

/// Over `batch` sequences of `len` values each: `each_of_sequence` of `common.cuh` says which a thread has.
pub(crate) fn sequences(batch: usize, len: usize) -> Grid {
    elements(len).by(batch)
}

/// A gradient as two arguments: where it is, which is nowhere if nobody wants it, and what is kept of what it holds.
pub(crate) fn wanted(gradient: Option<Gradient>) -> [Arg; 2] {
    gradient
        .map_or([Part::NONE.into(), 0.0f32.into()], |gradient| [gradient.part.into(), gradient.beta().into()])
}

/// What backward leaves where there is nothing to do: zeros in the gradients that hold nothing yet.
pub(crate) fn zero_fresh(gpu: &dyn Launch, dinputs: &[Option<Gradient>]) -> Result<(), Failure> {
    dinputs.iter().flatten().filter(|dinput| dinput.fresh).try_for_each(|dinput| gpu.zero(dinput.part))
}

//! Kernels that are a function of one element at a time, started over all of them.
//!
//! The kernels themselves are made by the macro `POINTWISE` of `common.cuh`: four values a thread.

use super::{Arg, Failure, Gradient, Grid, Launch, Part, Source};

/// Threads of a block.
const THREADS: usize = 256;
/// Values of a thread.
const EACH: usize = 4;

/// `entry(x, out, len)`: out = f(x).
pub(crate) fn map(
    gpu: &dyn Launch,
    source: &'static Source,
    entry: &'static str,
    x: Part,
    out: Part,
) -> Result<(), Failure> {
    gpu.launch(source, entry, elements(out.len()), &[x.into(), out.into(), out.len().into()])
}

/// `entry(kept, dout, dx, beta, len)`: dx = beta · dx + f(kept, dout), where kept is the input or the output.
pub(crate) fn pull_back(
    gpu: &dyn Launch,
    source: &'static Source,
    entry: &'static str,
    [kept, dout]: [Part; 2],
    dx: Gradient,
) -> Result<(), Failure> {
    let args = [kept.into(), dout.into(), dx.part.into(), dx.beta().into(), dout.len().into()];
    gpu.launch(source, entry, elements(dout.len()), &args)
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

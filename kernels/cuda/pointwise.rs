//! Kernels that are a function of one element at a time, started over all of them.
//!
//! The kernels themselves are made by the macro `POINTWISE` of `common.cuh`: four values a thread.

use super::{Failure, Gradient, Grid, Launch, Part, Source};

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
    let grid = Grid::over(out.len().div_ceil(EACH), THREADS);
    gpu.launch(source, entry, grid, &[x.into(), out.into(), out.len().into()])
}

/// `entry(kept, dout, dx, beta, len)`: dx = beta · dx + f(kept, dout), where kept is the input or the output.
pub(crate) fn pull_back(
    gpu: &dyn Launch,
    source: &'static Source,
    entry: &'static str,
    [kept, dout]: [Part; 2],
    dx: Gradient,
) -> Result<(), Failure> {
    let grid = Grid::over(dout.len().div_ceil(EACH), THREADS);
    let args = [kept.into(), dout.into(), dx.part.into(), dx.beta().into(), dout.len().into()];
    gpu.launch(source, entry, grid, &args)
}

//! The device half: one pass over parameter, gradient and moments, and one over a gradient for its norm.

use super::AdamW;
use super::step::Step;
use crate::cuda::{Failure, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "adamw", text: include_str!("adamw.cu") };

/// Threads of a block.
const THREADS: usize = 256;

/// Σ x² over all of `xs` in f64: a sum for each block, added on the host in their order. Their number depends on the lengths alone. All sums come
/// to the host together, which waits once.
pub(super) fn sum_squares(gpu: &dyn Launch, xs: &[Part]) -> Result<f64, Failure> {
    let counts = xs.iter().map(|x| blocks(x.len()));
    let parts = gpu.buffer(2 * counts.clone().sum::<usize>())?;
    let mut first = 0;
    for (&x, blocks) in xs.iter().zip(counts) {
        let place = parts.part().slice(2 * first, 2 * blocks);
        let args = [x.into(), place.into(), x.len().into()];
        gpu.launch(&SOURCE, "adamw_sum_squares", Grid::new(blocks, THREADS), &args)?;
        first += blocks;
    }
    let words = gpu.download(parts.part())?;
    let (sums, _) = words.as_chunks::<2>();
    let sum = |&[low, high]: &[u32; 2]| f64::from_bits(u64::from(low) | u64::from(high) << 32);
    Ok(sums.iter().map(sum).fold(0.0, |sum, more| sum + more))
}

/// Into how many sums a gradient of this length goes.
fn blocks(len: usize) -> usize {
    const MOST: usize = 512;
    const EACH: usize = 16;
    len.div_ceil(THREADS * EACH).min(MOST)
}

/// One update of `param` and its moments in place.
pub(super) fn update(
    gpu: &dyn Launch,
    [param, grad, moment1, moment2]: [Part; 4],
    constants: &AdamW,
) -> Result<(), Failure> {
    let Step { grad_scale, keep, rise1, beta2, rise2, rate, correction, eps } = Step::new(constants);
    let factors = [grad_scale, keep, rise1, beta2, rise2, rate, correction, eps];
    let mut args: Vec<_> = [param, grad, moment1, moment2].map(Into::into).to_vec();
    args.extend(factors.map(crate::cuda::Arg::from));
    args.push(param.len().into());
    gpu.launch(&SOURCE, "adamw_update", Grid::over(param.len().div_ceil(4), THREADS), &args)
}

#[cfg(feature = "cuda")]
mod on_device {
    use dfdx::prelude::{Cuda, Storage};

    use super::*;
    use crate::adamw::{Update, require_one_shape};
    use crate::cuda::Driver;
    use crate::device::cuda::{array_part, buffer_part, own};
    use crate::{Array, OpError};

    const OP: &str = "adamw";

    impl Update for Cuda {
        fn sum_squares(grads: &[&<Self as Storage<f32>>::Vec]) -> Result<f64, OpError> {
            let parts: Vec<Part> = grads.iter().map(|grad| buffer_part(grad)).collect();
            let run = || sum_squares(Driver::current()?, &parts);
            run().map_err(|failure: Failure| failure.of(OP))
        }

        fn adamw_step(
            param: &mut Array<Self>,
            grad: &<Self as Storage<f32>>::Vec,
            moment1: &mut Array<Self>,
            moment2: &mut Array<Self>,
            constants: AdamW,
        ) -> Result<(), OpError> {
            let gradient = buffer_part(grad);
            require_one_shape(param, gradient.len(), [moment1, moment2])?;
            let mut run = || -> Result<(), Failure> {
                let gpu = Driver::current()?;
                for array in [&mut *param, &mut *moment1, &mut *moment2] {
                    own(gpu, array)?;
                }
                let parts = [array_part(param)?, gradient, array_part(moment1)?, array_part(moment2)?];
                update(gpu, parts, &constants)
            };
            run().map_err(|failure| failure.of(OP))
        }
    }
}

//! The device half: the same kernels both ways, with tiles in shared memory where single values change places.

use super::SwapAxes;
use crate::cuda::{CudaOp, Failure, Gradient, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "swap_axes", text: include_str!("swap_axes.cu") };

impl CudaOp for SwapAxes {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        swap(gpu, self.extents, inputs[0], outputs[0], 0.0)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let [a, b, c, d] = self.extents;
        dinputs[0].map_or(Ok(()), |dx| swap(gpu, [a, c, b, d], doutputs[0], dx.part, dx.beta()))
    }
}

/// `to` [A, C, B, D] = beta · `to` + `from` [A, B, C, D] with its middle axes swapped.
fn swap(gpu: &dyn Launch, [a, b, c, d]: [usize; 4], from: Part, to: Part, beta: f32) -> Result<(), Failure> {
    let args = [from.into(), to.into(), beta.into(), a.into(), b.into(), c.into(), d.into()];
    if d == 1 && !to.is_empty() {
        let grid = Grid { threads: [32, 8, 1], ..Grid::new(c.div_ceil(32) * b.div_ceil(32), 1).by(a) };
        return gpu.launch(&SOURCE, "swap_axes_values", grid, &args);
    }
    gpu.launch(&SOURCE, "swap_axes_runs", Grid::over(to.len(), 256), &args)
}

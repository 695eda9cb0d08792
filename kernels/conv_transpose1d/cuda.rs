//! The device half: the mirror's walks, the other way round, by the kernels of [`conv1d`](crate::conv1d).

use super::ConvTranspose1d;
use crate::conv1d::cuda::finish;
use crate::cuda::{CudaOp, Failure, Gradient, Launch, Part, pointwise, reduce};

impl CudaOp for ConvTranspose1d {
    type Saved = ();

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
    }

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
        let y = outputs[0];
        if y.is_empty() {
            return Ok(());
        }
        self.mirror.input_gradient(gpu, inputs[1], inputs[0], Gradient { part: y, fresh: true })?;
        if !self.bias {
            return Ok(());
        }
        finish(gpu, y, inputs[2], Part::NONE, self.mirror.channels, false)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let [x, weight, dy] = [inputs[0], inputs[1], doutputs[0]];
        if dy.is_empty() {
            return pointwise::zero_fresh(gpu, dinputs);
        }
        if self.bias
            && let Some(dbias) = dinputs[2]
        {
            let outputs = self.mirror.channels;
            reduce::column_sums(gpu, dy, [dy.len() / outputs, outputs], dbias.part, dbias.beta())?;
        }
        if let Some(dweight) = dinputs[1] {
            self.mirror.weight_gradient(gpu, dy, x, dweight)?;
        }
        let Some(dx) = dinputs[0] else { return Ok(()) };
        if dx.fresh {
            return self.mirror.forward(gpu, &[dy, weight], &[dx.part], false).map(|_| ());
        }
        // The mirror overwrites what it makes.
        let made = gpu.buffer(dx.part.len())?;
        self.mirror.forward(gpu, &[dy, weight], &[made.part()], false)?;
        reduce::add_to(gpu, dx.part, made.part())
    }
}

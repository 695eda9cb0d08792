//! The device half: a warp or a block for each frame, whose shares are added up in order.

use super::KlDivergence;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "kl_divergence", text: include_str!("kl_divergence.cu") };

impl CudaOp for KlDivergence {
    /// The weight of each frame.
    type Saved = Option<Buffer>;

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        save: bool,
    ) -> Result<Option<Buffer>, Failure> {
        if inputs[0].is_empty() {
            gpu.zero(outputs[0])?;
            return Ok(None);
        }
        let frames = self.weights.len();
        let weights =
            gpu.upload(&self.weights.iter().map(|weight| weight.to_bits()).collect::<Vec<u32>>())?;
        let shares = gpu.buffer(frames)?;
        let (width, (long, grid)) = self.grid(inputs[0]);
        let entry = if long { "kl_divergence_forward_blocks" } else { "kl_divergence_forward_warps" };
        let operands = [inputs[0], inputs[1], weights.part(), shares.part()].map(Arg::from);
        let args = [&operands[..], &[frames.into(), width.into(), self.temperature.recip().into()]].concat();
        gpu.launch(&SOURCE, entry, grid, &args)?;
        reduce::column_sums(gpu, shares.part(), [frames, 1], outputs[0], 0.0)?;
        Ok(save.then_some(weights))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dstudent), Some(weights)) = (dinputs[0], saved) else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (width, (long, grid)) = self.grid(inputs[0]);
        let entry = if long { "kl_divergence_backward_blocks" } else { "kl_divergence_backward_warps" };
        let operands = [inputs[0], inputs[1], weights.part(), doutputs[0], dstudent.part].map(Arg::from);
        let extents = [Arg::from(self.weights.len()), width.into(), self.temperature.recip().into()];
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[dstudent.beta().into()], &extents].concat())
    }
}

impl KlDivergence {
    /// Values of a frame, and how to start over frames.
    fn grid(&self, student: Part) -> (usize, (bool, Grid)) {
        let width = student.len() / self.weights.len();
        (width, reduce::over_rows(self.weights.len(), width))
    }
}

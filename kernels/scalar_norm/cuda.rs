//! The device half: a warp or a block for each row, which leaves its share of the gain's and the shift's gradients.

use super::ScalarNorm;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "scalar_norm", text: include_str!("scalar_norm.cu") };

impl CudaOp for ScalarNorm {
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
        let rows = outputs[0].len().checked_div(self.channels).unwrap_or(0);
        let (long, grid) = reduce::over_rows(rows, self.channels);
        let entry = if long { "scalar_norm_forward_blocks" } else { "scalar_norm_forward_warps" };
        let operands = [inputs[0], inputs[1], inputs[2], outputs[0]].map(Arg::from);
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[rows.into(), self.channels.into()]].concat())
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let rows = doutputs[0].len().checked_div(self.channels).unwrap_or(0);
        let (long, grid) = reduce::over_rows(rows, self.channels);
        let entry = if long { "scalar_norm_backward_blocks" } else { "scalar_norm_backward_warps" };
        let shares = gpu.buffer(2 * rows)?;
        let [dx, beta] = pointwise::wanted(dinputs[0]);
        let operands = [inputs[0], inputs[1], inputs[2], doutputs[0]].map(Arg::from);
        let extents = [Arg::from(&shares), rows.into(), self.channels.into()];
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[dx, beta], &extents].concat())?;
        for (gradient, half) in dinputs[1..].iter().zip([0, 1]) {
            let Some(gradient) = gradient else { continue };
            let shares = shares.part().slice(half * rows, rows);
            reduce::column_sums(gpu, shares, [rows, 1], gradient.part, gradient.beta())?;
        }
        Ok(())
    }
}
